/* mailbox_calls.c - what a descriptor of a mailbox can do.
 *
 * Sleeps: mbox_send, mbox_receive, read, write.
 * Tests: user/tests/native_mbox_*.c.
 * See: IPC.md 4.
 */
#include "ipc/mailbox.h"

#include "ipc/fast_path.h"
#include "mm/heap.h"
#include "syscall.h"

static bool is_broadcast(const struct mailbox *mb) {
    return mb->attributes.receivers == MBOX_BROADCAST;
}

/* A mailbox's file that may send (or receive): good until something sleeps. NULL:
 * -EBADF. */
static inline struct file *mailbox_get(int fd, uint32_t access) {
    struct file *file = fd_place(fd);

    return likely(file && file->operations == &mailbox_file_operations
                  && (access != O_RDONLY || !(file->flags & O_WRONLY))
                  && (access != O_WRONLY || file_is_writable(file)))
               ? file
               : NULL;
}

/* The fourth argument of a call: no register is left for it. */
static inline int timeout_of(struct thread *t) { return (int)thread_frame(t)->esi; }

static struct mailbox *mailbox_of(const struct file *file) {
    return ((const struct mailbox_file *)file->object)->mailbox;
}

/* -- When nothing is unusual: see fast_path.h -------------------------------------- */

static inline bool read_letter(struct thread *t, struct exchange *x, vaddr_t sent,
                               struct letter *letter) {
    if (unlikely(!x->sent_seen || x->sent != sent
                 || x->sent_seen->body.address != x->body)
        && !exchange_sends(t, sent))
        return false;
    letter->length = x->sent_seen->length;
    return letter_read(letter, x);
}

/* To the receiver that has waited longest. */
static inline bool send_to(struct thread *t, struct mailbox *mb, struct waiter *waiter,
                           struct letter *letter) {
    struct native_receiver *r =
        container_of(waiter, struct native_receiver, base.waiter);

    if (unlikely(!letter_fits(letter, r, r->fast, &r->room))) return false;

    /* --- commit: nothing below fails --- */
    body_copy(r->body_seen, exchange_of(t)->body_seen, letter->length);
    letter_write(letter, r, &t->process->pid, false, mb->id);
    letter->to->sequence = count_up(&mb->channel.sequence);
    count_up(&mb->channel.received);
    waiter_wake(waiter, t->process->pid);
    return true;
}

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
    message_number(&m->base);
    return true;
}

static inline bool send_fast(struct thread *t, struct mailbox *mb, uptr_t message) {
    struct letter letter;

    if (unlikely(!mb->is_plain
                 || !read_letter(t, exchange_of(t), message.address, &letter)
                 || letter.length > mb->attributes.max_length))
        return false;
    if (wait_queue_is_empty(&mb->queue.receivers)) return send_spare(t, mb, &letter);
    return send_to(
        t, mb, list_entry(mb->queue.receivers.waiters.head.next, struct waiter, node),
        &letter);
}

/* The end of a wait, which has held the file: perhaps the descriptor was closed. */
static inline void end_hold(int fd, struct file *file) {
    if (unlikely(fd >= 0 && fd_place(fd) != file)) mailbox_closed(file);
    file_put(file);
}

/* SLEEPS. Waits for what is handed over; the sender, or -errno. fd: what is held
 * meanwhile; -1: the caller holds it. */
static inline long wait_for_one(int fd, struct file *file, struct native_receiver *r,
                                int timeout_ms) {
    file_get(file);
    long result = message_receive_wait(&r->base, deadline_of(timeout_ms));
    end_hold(fd, file);
    return result ? restartable(result, timeout_ms) : r->sender;
}

/* The first message, if it is short and nobody waits for its fate. */
static inline bool receive_short(struct mailbox *mb, struct native_receiver *r) {
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
    r->sender = m->sender;
    mb->channel.received++;
    message_take_out(&m->base);
    native_message_discard(m);
    if (unlikely(mb->channel.nr_pending || !wait_queue_is_empty(&mb->queue.can_send)))
        message_channel_refill(&mb->channel);
    return true;
}

/* SLEEPS. As mbox_receive without flags. False: nothing was done. */
static inline bool receive_fast(struct thread *t, int fd, struct file *file,
                                uptr_t message, long *result) {
    struct mailbox *mb = mailbox_of(file);
    struct native_receiver *r = &exchange_of(t)->in;

    if (unlikely(!mb->is_plain)) return false;
    if (unlikely(is_zero(&r->fast) || r->message.address != message.address
                 || r->message_seen->body.address != r->body.address)
        && !exchange_receives(t, message))
        return false;
    r->room = r->message_seen->room;
    if (likely(!list_is_empty(&mb->queue.messages))) {
        if (!receive_short(mb, r)) return false;
        *result = r->sender;
        return true;
    }
    if (unlikely(!list_is_empty(&mb->queue.pending) || timeout_of(t) != FOREVER
                 || file_is_nonblocking(file)))
        return false;
    r->fds = r->message_seen->fds;
    r->is_read_late = false;
    r->channel = &mb->channel;
    r->base.waiter.queue = &mb->queue.receivers;
    *result = wait_for_one(fd, file, r, FOREVER);
    return true;
}

/* -- Sending ----------------------------------------------------------------------- */

/* SLEEPS. As native_message_send. fd: what is held during a wait; -1: the caller holds
 * it. */
static long send(int fd, struct file *file, struct native_message *m, int timeout_ms) {
    struct mailbox *mb = mailbox_of(file);
    struct sending s;

    if (unlikely(mb->is_destroyed)) return -EIDRM;
    if (unlikely(m->base.length > mb->attributes.max_length)) return -EMSGSIZE;
    if (unlikely(mailbox_is_nameless(mb))
        && mailbox_is_abandoned(mb, O_RDONLY, current_process()))
        return -EPIPE;
    m->mailbox = mb->id;
    m->holder = &mb->holder;
    if (unlikely(is_broadcast(mb))) return broadcast_send(mb, m);
    bool waits = timeout_ms != NOWAIT && !file_is_nonblocking(file);
    waiter_init(&s.waiter, &mb->queue.senders);
    long result = message_post(&mb->channel, &m->base, waits ? &s : NULL);
    if (result != -EINPROGRESS) return result;
    file_get(file);
    result = native_message_wait(&s, timeout_ms);
    end_hold(fd, file);
    return result;
}

static __attribute__((noinline)) long send_any(int fd, uptr_t message, int flags) {
    int timeout_ms = timeout_of(current());
    struct native_message m;

    if (flags & ~(MSG_SYNC | MSG_MOVE) || timeout_ms < FOREVER) return -EINVAL;
    struct file *file = mailbox_get(fd, O_WRONLY);
    if (!file) return -EBADF;
    long result = native_message_read(&m, message, flags);
    if (!result) result = send(fd, file, &m, timeout_ms);
    return flags & MSG_SYNC ? result : min(result, 0l);
}

long sys_mbox_send(int fd, uptr_t message, int flags) {
    struct thread *t = current();

    if (likely(!flags && timeout_of(t) >= FOREVER)) {
        struct file *file = mailbox_get(fd, O_WRONLY);
        if (likely(file && send_fast(t, mailbox_of(file), message))) return 0;
    }
    return send_any(fd, message, flags);
}

/* -- Receiving --------------------------------------------------------------------- */

/* 4.7: the first process to receive owns the receiving side. */
static int claim(struct mailbox *mb) {
    struct process *self = current_process(), *owner;

    if (mb->exclusive == self->pid) return 0;
    owner = mb->exclusive ? process_find(mb->exclusive) : NULL;
    if (owner && mailbox_can(owner, mb, O_RDONLY)) return -EBUSY;
    mb->exclusive = self->pid;
    return 0;
}

/* Takes a message that is there: 0, or -EAGAIN. */
static inline int take(struct mailbox_file *open, struct native_receiver *r) {
    struct mailbox *mb = open->mailbox;

    if (unlikely(mb->is_destroyed)) return -EIDRM;
    if (unlikely(mb->attributes.receivers == MBOX_EXCLUSIVE)) {
        int error = claim(mb);
        if (error) return error;
    }
    return is_broadcast(mb) ? broadcast_take(open, r)
                            : message_take(&mb->queue, &r->base);
}

/* SLEEPS. The sender, or -errno. */
static long receive(int fd, struct file *file, struct native_receiver *r,
                    int timeout_ms) {
    struct mailbox *mb = mailbox_of(file);

    r->open = file->object;
    long result = take(r->open, r);
    if (result == -EAGAIN) {
        if (unlikely(mailbox_is_nameless(mb))
            && mailbox_is_abandoned(mb, O_WRONLY, current_process()))
            return -EPIPE;
        if (timeout_ms == NOWAIT || file_is_nonblocking(file)) return -EAGAIN;
        return wait_for_one(fd, file, r, timeout_ms);
    }
    return result ? result : r->sender;
}

static __attribute__((noinline)) long receive_any(int fd, uptr_t message, int flags) {
    int timeout_ms = timeout_of(current());
    struct native_receiver r;

    if (flags & ~(MSG_TYPE | MSG_MOVE) || timeout_ms < FOREVER) return -EINVAL;
    struct file *file = mailbox_get(fd, O_RDONLY);
    if (!file) return -EBADF;
    int error =
        native_receiver_init(&r, message, flags, &mailbox_of(file)->queue.receivers);
    return error ? error : receive(fd, file, &r, timeout_ms);
}

long sys_mbox_receive(int fd, uptr_t message, int flags) {
    struct thread *t = current();
    long result;

    if (likely(!flags && timeout_of(t) >= FOREVER)) {
        struct file *file = mailbox_get(fd, O_RDONLY);
        if (likely(file && receive_fast(t, fd, file, message, &result))) return result;
    }
    return receive_any(fd, message, flags);
}

/* -- read and write ---------------------------------------------------------------- */

/* Several pieces, or the kernel's memory, are gathered in one place. */
static ssize_t mailbox_write(struct file *file, struct io *io, uint64_t *offset) {
    struct native_message m;
    void *buffer = NULL;
    size_t size = io->left;
    long result = 0;

    (void)offset;
    if (size > MSG_MAX) return -EMSGSIZE;
    native_message_init(&m, io->base, size);
    if (size > io->piece) {
        buffer = heap_alloc_raw(HEAP_MESSAGE_BODY, size);
        if (!buffer) return -ENOMEM;
        m.body = (vaddr_t)buffer;
        m.space = NULL;
        result = io_take(io, buffer, size);
    }
    if (!result) result = send(-1, file, &m, FOREVER);
    heap_free(buffer);
    return result < 0 ? result : (ssize_t)size;
}

static ssize_t mailbox_read(struct file *file, struct io *io, uint64_t *offset) {
    struct native_receiver r;

    (void)offset;
    native_body_receiver_init(&r, uptr(io->base), io->left,
                              &mailbox_of(file)->queue.receivers);
    if (io->left > io->piece) {
        r.room = min(r.room, MSG_MAX);
        r.buffer = heap_alloc(HEAP_MESSAGE_BODY, r.room);
        if (!r.buffer) return -ENOMEM;
    }
    long result = receive(-1, file, &r, FOREVER);
    if (result >= 0)
        result = r.buffer && io_give(io, r.buffer, r.length) ? -EFAULT : (long)r.length;
    heap_free(r.buffer);
    return result == -EPIPE ? 0 : result;
}

static bool anything_to_receive(struct mailbox_file *open) {
    return is_broadcast(open->mailbox) ? broadcast_is_there(open)
                                       : message_is_there(&open->mailbox->queue, NULL);
}

static unsigned mailbox_poll(struct file *file, struct poll_table *table) {
    struct mailbox_file *open = file->object;
    struct mailbox *mb = open->mailbox;
    unsigned events = mb->is_destroyed ? POLLERR : 0;

    if (file_is_readable(file)) {
        poll_wait(table, &mb->queue.can_receive);
        if (anything_to_receive(open))
            events |= POLLIN | POLLRDNORM;
        else if (mailbox_is_abandoned(mb, O_WRONLY, current_process()))
            events |= POLLHUP;
    }
    if (file_is_writable(file)) {
        poll_wait(table, &mb->queue.can_send);
        if (mailbox_is_abandoned(mb, O_RDONLY, current_process()))
            events |= POLLHUP;
        else if (is_broadcast(mb) || message_has_room(&mb->channel))
            events |= POLLOUT | POLLWRNORM;
    }
    return events;
}

const struct file_operations mailbox_file_operations = {
    .name = "mailbox", .read = mailbox_read, .write = mailbox_write,
    .poll = mailbox_poll, .holder = mailbox_holder, .closed = mailbox_closed,
    .release = mailbox_release,
};

/* -- stat and destroy -------------------------------------------------------------- */

struct mailbox_stat {           /* as in <parley.h> */
    uint32_t id;
    uid_t owner;
    gid_t group;
    mode_t mode;
    struct mailbox_attributes attributes;
    uint32_t queued, bytes, senders, receivers, waiting_senders, waiting_receivers;
    pid_t exclusive;
    uint64_t accepted, received, dropped;
};
static_assert(sizeof(struct mailbox_stat) == 84, "<parley.h>");

long sys_mbox_stat(int fd, uptr_t out) {
    const struct file *file = mailbox_get(fd, O_ACCMODE);
    const struct mailbox_file *open;

    if (!file) return -EBADF;
    const struct mailbox *mb = mailbox_of(file);
    const struct message_channel *c = &mb->channel;
    if (mb->is_destroyed) return -EIDRM;
    struct mailbox_stat stat = {
        .id = mb->id, .owner = mb->inode->uid, .group = mb->inode->gid,
        .mode = mb->inode->mode & 07777, .attributes = mb->attributes,
        .queued = c->queued, .bytes = c->bytes, .exclusive = mb->exclusive,
        .waiting_senders = list_length(&mb->queue.senders.waiters),
        .waiting_receivers = list_length(&mb->queue.receivers.waiters),
        .accepted = c->sequence, .received = c->received, .dropped = c->dropped,
    };
    if (stat.attributes.capacity == 0) stat.attributes.capacity = CAPACITY_ZERO;
    if (stat.attributes.max_length == MAILBOX_LENGTH)
        stat.attributes.max_length = MSG_MAX;
    list_for_each (open, &mb->opens, node) {
        stat.senders += file_is_writable(open->file);
        stat.receivers += file_is_readable(open->file);
    }
    return copy_to_user(out, &stat, sizeof(stat));
}

long sys_mbox_destroy(int fd) {
    const struct file *file = mailbox_get(fd, O_ACCMODE);

    if (!file) return -EBADF;
    if (mailbox_of(file)->is_destroyed) return -EIDRM;
    if (!inode_is_owned(mailbox_of(file)->inode)) return -EPERM;
    mailbox_destroy(mailbox_of(file));
    return 0;
}
