/* mailbox_calls.c - what a descriptor of a mailbox can do, and being left alone with
 * one.
 *
 * Invariants: mailbox->opens lists the open files; a destroyed mailbox's queue is empty
 * and nobody waits in it; mailbox->exclusive can receive.
 * Sleeps: mbox_send, mbox_receive, read, write.
 * Wakes: whoever is the only one left of a nameless mailbox (EPIPE).
 * Tests: user/tests/native_mbox_*.c.
 * See: IPC.md 4.
 */
#include "ipc/mailbox.h"

#include "ipc/fast_path.h"
#include "mm/heap.h"
#include "syscall.h"

/* -- Being the only one left ------------------------------------------------------- */

enum side { RECEIVE = 1, SEND = 2, BOTH = 3 };

/* What can be done with it: sides. */
static unsigned access_of(const struct file *file) {
    return (file_is_readable(file) ? RECEIVE : 0) | (file_is_writable(file) ? SEND : 0);
}

/* By some descriptor of the process. */
static unsigned process_access(const struct process *p, const struct mailbox *mb) {
    const struct file_table *table = p->files;
    unsigned access = 0;

    for (unsigned fd = 0; table && fd < table->size; fd++) {
        const struct file *file = table->places[fd].file;
        if (file && file->inode == mb->inode) access |= access_of(file);
    }
    return access;
}

/* 4.10: nobody is left on the other side, for a process that would use this one. Who
 * never had company may talk to itself. One under way in a message can come out with
 * anybody; who is in a call may have closed the descriptor since. If two can do both,
 * whoever asks has another one: that is remembered until somebody closes it. */
static bool is_abandoned(struct mailbox *mb, enum side other_side,
                         const struct process *self) {
    const struct mailbox_file *open;
    const struct waiter *waiter;
    const struct process *p;
    unsigned others = 0, both = 0;

    if (likely(mb->holder.is_named || mb->has_company)) return false;
    list_for_each (p, &all_processes, all_node) {
        unsigned its = process_access(p, mb);
        if (p != self) others |= its;
        if (its == BOTH && ++both == 2) {
            mb->has_company = true;
            return false;
        }
    }
    list_for_each (open, &mb->opens, node)
        if (open->file->inflight > 0) others |= access_of(open->file);
    list_for_each (waiter, &mb->queue.receivers.waiters, node)
        if (waiter->thread->process != self) others |= RECEIVE;
    list_for_each (waiter, &mb->queue.senders.waiters, node)
        if (waiter->thread->process != self) others |= SEND;
    return !(others & other_side)
           && (others || mb->was_shared || !(process_access(self, mb) & other_side));
}

/* A descriptor or a name has gone: who waits for the other side may wait no longer. */
static void review(struct mailbox *mb) {
    struct waiter *w, *next;

    mb->has_company = false;
    if (mb->holder.is_named) return;
    list_for_each_safe (w, next, &mb->queue.senders.waiters, node)
        if (is_abandoned(mb, RECEIVE, w->thread->process))
            waiter_wake(w, -EPIPE);
    list_for_each_safe (w, next, &mb->queue.receivers.waiters, node)
        if (is_abandoned(mb, SEND, w->thread->process)) waiter_wake(w, -EPIPE);
    wait_wake_all(&mb->queue.can_receive, 0);
    wait_wake_all(&mb->queue.can_send, 0);
}

/* One of its threads waits for a message. */
static bool receives(const struct process *p, const struct mailbox *mb) {
    const struct waiter *waiter;

    list_for_each (waiter, &mb->queue.receivers.waiters, node)
        if (waiter->thread->process == p) return true;
    return false;
}

static void closed(struct file *file) {
    struct mailbox *mb = mailbox_of(file);
    const struct process *self = current_process();
    unsigned left = process_access(self, mb);

    if (!(left & RECEIVE) && mb->exclusive == self->pid && !receives(self, mb))
        mb->exclusive = 0;
    if (!left) mb->was_shared = true;   // for whoever still has it
    review(mb);
}

/* A call that has held the file ends: who has closed the descriptor meanwhile is gone
 * only now. */
static inline void end_call(struct file *file) {
    struct mailbox *mb = mailbox_of(file);

    if (unlikely(!mb->holder.is_named || mb->exclusive)
        && access_of(file) & ~process_access(current_process(), mb))
        closed(file);
}

static inline void end_hold(struct file *file) {
    end_call(file);
    file_put(file);
}

static void unlinked(struct inode *inode) {
    struct mailbox *mb = inode->data;

    mb->holder.is_named = inode->links > 0;
    mb->is_plain &= mb->holder.is_named;
    review(mb);
    passed_collect();
}

/* The fourth argument of a call: no register is left for it. */
static inline int timeout_of(struct thread *t) { return (int)thread_frame(t)->esi; }

/* -- When nothing is unusual: see fast_path.h -------------------------------------- */

/* Into the queue, as what was received last. */
static inline bool send_spare(struct thread *t, struct mailbox *mb,
                              const struct letter *letter) {
    struct native_message *m = mb->queue.spare;

    if (unlikely(!m || letter->length > NATIVE_SHORT || m->payer != t->cpu->account
                 || mb->channel.nr_pending || mb->channel.queued >= mb->channel.capacity
                 || !message_charge(m->payer, letter->length)))
        return false;

    /* --- commit: nothing below fails --- */
    mb->queue.spare = NULL;
    m->base.type = letter->type;
    m->base.priority = letter->priority;
    m->base.length = letter->length;
    m->sender = t->process->pid;
    body_copy((char *)(m + 1), exchange_of(t)->body_seen, letter->length);
    message_insert(&m->base, MESSAGE_ACCEPTED);
    return true;
}

static inline bool send_fast(struct thread *t, struct mailbox *mb, uptr_t message) {
    struct exchange *x = exchange_of(t);
    struct letter letter;

    if (unlikely(!mb->is_plain)) return false;
    if (unlikely(!x->sent_seen || x->sent != message.address
                 || x->sent_seen->body.address != x->body)
        && !exchange_sends(t, message.address))
        return false;
    letter.length = x->sent_seen->length;
    if (unlikely(!letter_read(&letter, x) || letter.length > mb->attributes.max_length))
        return false;
    if (wait_queue_is_empty(&mb->queue.receivers)) return send_spare(t, mb, &letter);
    struct native_receiver *r = list_entry(mb->queue.receivers.waiters.head.next,
                                           struct native_receiver, base.waiter.node);
    if (unlikely(!letter_fits(&letter, r, r->fast, &r->room))) return false;

    /* --- commit: nothing below fails --- */
    body_copy(r->body_seen, x->body_seen, letter.length);
    letter_write(&letter, r, &t->process->pid, false, mb->id);
    letter.to->sequence = count_up(&mb->channel.sequence);
    count_up(&mb->channel.received);
    waiter_wake(&r->base.waiter, t->process->pid);
    return true;
}

/* The first message, if it is short and nobody waits for its fate: its sender. */
static inline bool receive_short(struct mailbox *mb, struct native_receiver *r,
                                 long *result) {
    struct native_message *m =
        list_entry(mb->queue.messages.head.next, struct native_message, base.node);
    struct letter l = { m->base.type, m->base.priority, m->base.length, NULL };

    if (unlikely(m->base.sending || !m->is_short
                 || !letter_fits(&l, r, r->fast, &r->room)))
        return false;

    /* --- commit: nothing below fails --- */
    body_copy(r->body_seen, (char *)(m + 1), l.length);
    letter_write(&l, r, &m->sender, false, mb->id);
    l.to->sequence = m->base.sequence;
    *result = m->sender;
    mb->channel.received++;
    message_take_out(&m->base);
    message_discard(&m->base);
    if (unlikely(mb->channel.nr_pending || !wait_queue_is_empty(&mb->queue.can_send)))
        message_channel_refill(&mb->channel);
    return true;
}

/* SLEEPS. As mbox_receive without flags. False: nothing was done. */
static inline bool receive_fast(struct thread *t, struct file *file, uptr_t message,
                                long *result) {
    struct mailbox *mb = mailbox_of(file);
    struct native_receiver *r = &exchange_of(t)->in;

    if (unlikely(!mb->is_plain)) return false;
    if (unlikely(is_zero(&r->fast) || r->message.address != message.address
                 || r->message_seen->body.address != r->body.address)
        && !exchange_receives(t, message))
        return false;
    r->room = r->message_seen->room;
    if (likely(!list_is_empty(&mb->queue.messages)))
        return receive_short(mb, r, result);
    if (unlikely(!list_is_empty(&mb->queue.pending) || timeout_of(t) != FOREVER
                 || (file->flags & O_NONBLOCK)))
        return false;
    r->fds = r->message_seen->fds;
    r->is_read_late = false;
    r->channel = &mb->channel;
    r->base.waiter.queue = &mb->queue.receivers;
    file_get(file);
    *result = native_receive_wait(r, FOREVER);
    end_hold(file);
    return true;
}

/* -- Broadcast --------------------------------------------------------------------- */

/* The messages are a ring that every open reads at its own pace:
 *
 *      accepted:        [17] [18] [19]    sequence numbers; the oldest is dropped when
 *      open->unread:     no   yes  yes    a twentieth comes, and leaves its place to it
 *
 * They are numbered without a gap, and at least one open has not read each; what came
 * before an open, that has read. An open that waits has nothing to read that it
 * wants. */
static bool is_broadcast(const struct mailbox *mb) {
    return mb->attributes.receivers == MBOX_BROADCAST;
}

/* Has the open still to read that message? */
static bool *unread(struct mailbox_file *open, const struct native_message *m) {
    uint32_t place;

    divide_u64(m->base.sequence, m->base.channel->capacity, &place);
    return &open->unread[place];
}

static struct native_message *oldest(const struct mailbox *mb) {
    return list_first_entry(&mb->channel.accepted, struct native_message,
                            base.age_node);
}

/* Frees what everybody has read. */
static void broadcast_trim(struct mailbox *mb) {
    struct native_message *m;
    struct mailbox_file *open;

    while ((m = oldest(mb))) {
        list_for_each (open, &mb->opens, node)
            if (*unread(open, m)) return;
        message_cancel(&m->base, 0);
    }
}

/* The oldest message that the open has not read and r wants; r NULL: any. */
static struct native_message *broadcast_first(struct mailbox_file *open,
                                              const struct receiver *r) {
    const struct mailbox *mb = mailbox_of(open->file);
    struct native_message *m;

    list_for_each (m, &mb->channel.accepted, base.age_node)
        if (*unread(open, m) && (!r || !r->wants || r->wants(r, &m->base))) return m;
    return NULL;
}

static int broadcast_take(struct mailbox_file *open, struct native_receiver *r) {
    struct native_message *m = broadcast_first(open, &r->base);
    int error, result;

    if (r->moves || !m) return r->moves ? -EINVAL : -EAGAIN;
    result = native_deliver(m, r, &error);
    if (result) return result;
    *unread(open, m) = false;
    m->base.channel->received++;
    broadcast_trim(mailbox_of(open->file));
    return 0;
}

/* Never waits. */
static int broadcast_send(struct mailbox *mb, struct native_message *m) {
    struct message_channel *c = &mb->channel;
    struct waiter *waiter, *next;
    struct mailbox_file *open;
    int error;

    if (m->moves || m->base.until != UNTIL_ACCEPTED) return -EINVAL;
    m->base.channel = c;
    struct message *copy = message_keep(&m->base, &error);
    if (!copy) return error;
    if (c->queued == c->capacity) {
        message_cancel(&oldest(mb)->base, 0);
        c->dropped++;
    }
    message_insert(copy, MESSAGE_ACCEPTED);
    m = container_of(copy, struct native_message, base);
    list_for_each (open, &mb->opens, node)
        *unread(open, m) = file_is_readable(open->file);
    list_for_each_safe (waiter, next, &mb->queue.receivers.waiters, node) {
        struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        int result = broadcast_take(r->open, r);
        if (result != -EAGAIN) waiter_wake(waiter, result);
    }
    broadcast_trim(mb);
    return 0;
}

/* -- Sending and receiving --------------------------------------------------------- */

/* SLEEPS. Who received it, 0, or -errno; the caller holds the file. */
static long send(struct file *file, struct native_message *m, int timeout_ms) {
    struct mailbox *mb = mailbox_of(file);

    if (unlikely(mb->is_destroyed)) return -EIDRM;
    if (unlikely(m->base.length > mb->attributes.max_length)) return -EMSGSIZE;
    if (is_abandoned(mb, RECEIVE, current_process())) return -EPIPE;
    m->mailbox = mb->id;
    if (unlikely(is_broadcast(mb))) return broadcast_send(mb, m);
    return native_message_send(&mb->channel, m,
                               (file->flags & O_NONBLOCK) ? NOWAIT : timeout_ms);
}

long sys_mbox_send(int fd, uptr_t message, int flags) {
    struct thread *t = current();
    struct native_message m;

    if (unlikely(flags & ~(MSG_SYNC | MSG_MOVE) || timeout_of(t) < FOREVER))
        return -EINVAL;
    struct file *file = mailbox_get(fd);
    if (unlikely(!file || !file_is_writable(file))) return -EBADF;
    if (likely(!flags && send_fast(t, mailbox_of(file), message))) return 0;
    long result = native_message_read(&m, message, flags);
    if (result) return result;
    file_get(file);
    result = send(file, &m, timeout_of(t));
    end_hold(file);
    return flags & MSG_SYNC ? result : min(result, 0l);
}

/* SLEEPS. The sender, or -errno; the caller holds the file. */
static long receive(struct file *file, struct native_receiver *r, int timeout_ms) {
    struct mailbox *mb = mailbox_of(file);
    pid_t self = r->base.pid;

    if (unlikely(mb->is_destroyed)) return -EIDRM;
    if (unlikely(mb->attributes.receivers == MBOX_EXCLUSIVE)) {
        if (mb->exclusive && mb->exclusive != self) return -EBUSY;
        mb->exclusive = self;   // the first process to receive owns this side (4.7)
    }
    r->open = file->object;
    long result = unlikely(is_broadcast(mb)) ? broadcast_take(r->open, r)
                                             : message_take(&mb->queue, &r->base);
    if (result != -EAGAIN) return result ? result : r->sender;
    if (is_abandoned(mb, SEND, r->process)) return -EPIPE;
    if (timeout_ms == NOWAIT || (file->flags & O_NONBLOCK)) return -EAGAIN;
    return native_receive_wait(r, timeout_ms);
}

long sys_mbox_receive(int fd, uptr_t message, int flags) {
    struct thread *t = current();
    struct native_receiver r;
    long result;

    if (unlikely(flags & ~(MSG_TYPE | MSG_MOVE) || timeout_of(t) < FOREVER))
        return -EINVAL;
    struct file *file = mailbox_get(fd);
    if (unlikely(!file || !file_is_readable(file))) return -EBADF;
    if (likely(!flags && receive_fast(t, file, message, &result))) return result;
    result =
        native_receiver_init(&r, message, flags, &mailbox_of(file)->queue.receivers);
    if (result) return result;
    file_get(file);
    result = receive(file, &r, timeout_of(t));
    end_hold(file);
    return result;
}

/* -- read and write ---------------------------------------------------------------- */

/* Several pieces are gathered in one place. */
static ssize_t mailbox_write(struct file *file, struct io *io) {
    struct native_message m;
    void *buffer = NULL;
    size_t size = io->left;
    long result = 0;

    if (size > MSG_MAX) return -EMSGSIZE;
    native_message_init(&m, io->base, size);
    if (size > io->piece) {
        buffer = heap_alloc_raw(HEAP_MESSAGE_BODY, size);
        if (!buffer) return -ENOMEM;
        m.body = (vaddr_t)buffer;
        m.space = NULL;
        result = io_take(io, buffer, size);
    }
    if (!result) result = send(file, &m, FOREVER);
    heap_free(buffer);
    end_call(file);
    return result < 0 ? result : (ssize_t)size;
}

static ssize_t mailbox_read(struct file *file, struct io *io) {
    struct native_receiver r;

    native_body_receiver_init(&r, uptr(io->base), io->left,
                              &mailbox_of(file)->queue.receivers);
    if (io->left > io->piece) {
        r.room = min(r.room, MSG_MAX);
        // or a message would be lost in a bad piece
        if (io_make_writable(*io, r.room)) return -EFAULT;
        r.buffer = heap_alloc_raw(HEAP_MESSAGE_BODY, r.room);
        if (!r.buffer) return -ENOMEM;
    }
    long result = receive(file, &r, FOREVER);
    if (result >= 0)
        result = r.buffer && io_give(io, r.buffer, r.length) ? -EFAULT : (long)r.length;
    heap_free(r.buffer);
    end_call(file);
    return result == -EPIPE ? 0 : result;
}

static unsigned mailbox_poll(struct file *file, struct poll_table *table) {
    struct mailbox *mb = mailbox_of(file);
    unsigned events = mb->is_destroyed ? POLLERR : 0;

    if (file_is_readable(file)) {
        poll_wait(table, &mb->queue.can_receive);
        if (is_broadcast(mb) ? broadcast_first(file->object, NULL) != NULL
                             : message_find(&mb->queue, NULL) != NULL)
            events |= POLLIN | POLLRDNORM;
        else if (is_abandoned(mb, SEND, current_process()))
            events |= POLLHUP;
    }
    if (file_is_writable(file)) {
        poll_wait(table, &mb->queue.can_send);
        if (is_abandoned(mb, RECEIVE, current_process()))
            events |= POLLHUP;
        else if (message_has_room(&mb->channel))
            events |= POLLOUT | POLLWRNORM;
    }
    return events;
}

static struct file_holder *mailbox_holder(struct file *file) {
    return &mailbox_of(file)->holder;
}

static void mailbox_release(struct file *file) {
    struct mailbox_file *open = file->object;
    struct mailbox *mb = mailbox_of(file);

    list_remove(&open->node);
    if (is_broadcast(mb)) broadcast_trim(mb);
    heap_free(open);
}

const struct file_operations mailbox_file_operations = {
    .name = "mailbox", .read = mailbox_read, .write = mailbox_write,
    .poll = mailbox_poll, .holder = mailbox_holder, .closed = closed,
    .release = mailbox_release,
};

static int mailbox_open(struct file *file) {
    struct mailbox *mb = file->inode->data;
    size_t marks = is_broadcast(mb) ? mb->channel.capacity : 0;
    struct mailbox_file *open = heap_alloc(HEAP_MAILBOX, sizeof(*open) + marks);

    if (!open) return -ENOMEM;
    file->operations = &mailbox_file_operations;
    file->object = open;
    open->file = file;
    list_push_back(&mb->opens, &open->node);
    return 0;
}

const struct inode_operations mailbox_operations = {
    .open = mailbox_open, .unlinked = unlinked, .release = mailbox_end,
};
