/* queues.c - message queues as POSIX and as System V have them: two more faces of the
 * one queue.
 *
 * What is in them are native messages of which a receiver gets type, priority and body,
 * but no struct msg.
 *
 * A POSIX queue is a mailbox of another kind, whose inode is in /dev/mqueue and which
 * is used by other calls. A queue descriptor is a descriptor like others; read(2) of it
 * tells about the queue instead of receiving. A System V queue is an object of sysv.h.
 * It counts bytes, and as many messages as bytes at most; a receiver says which types
 * of messages it wants.
 *
 * Invariants: the process registered for notification has the queue open: any close of
 *   the queue by it ends that.
 * Sleeps: mq_timedsend, mq_timedreceive, msgsnd, msgrcv (message_queue.c: hand-over).
 *   After the last two the queue may be gone and is looked up again.
 * Linux: POSIX bodies up to 64 KiB for root. No notification by thread (EINVAL). System
 *   V senders that wait go first come, first served. MSG_COPY is ENOSYS.
 * Tests: user/tests/mqueue.c, mq_wait.c, mq_notify.c, native_mqueue.c, sysv_msg.c,
 *   sysv_msg_wait.c, sysv_ids.c.
 * See: mq_overview(7), mq_open(3), mq_notify(3), msgop(2), msgctl(2).
 */
#include "ipc/mailbox.h"
#include "mm/heap.h"
#include "posix/sysv.h"
#include "syscall.h"

#define DEADLINE_NOW 0ull       /* do not wait at all: -EAGAIN */

/* SLEEPS. What is not usual: it is kept, or has to wait. */
static out_of_line long post(struct message_channel *channel,
                             const struct message *what, uptr_t body,
                             nanoseconds_t deadline) {
    struct native_message m;
    struct sending s;

    native_message_init(&m, body.address, what->length);
    m.base.type = what->type;
    m.base.priority = what->priority;
    m.mailbox = UINT32_MAX;     // it does not come over a link
    waiter_init(&s.waiter, &channel->queue->senders);
    long result = message_post(channel, &m.base, deadline == DEADLINE_NOW ? NULL : &s);
    if (result == -EINPROGRESS) result = message_wait(&s, deadline);
    return result == -EDQUOT ? -ENOMEM : min(result, 0l);
}

/* SLEEPS. Sends from the memory of the current process. The usual case is one step: the
 * longest waiter wants it, and its memory is one known page. 0; -ENOMEM: over the
 * user's limit; -EAGAIN, -ETIMEDOUT, -EINTR, -EFAULT. */
in_line long send(struct message_channel *channel, uptr_t body, uint32_t length,
                  uint32_t type, uint32_t priority, nanoseconds_t deadline) {
    const struct list *waiters = &channel->queue->receivers.waiters;
    struct waiter *waiter = list_entry(waiters->head.next, struct waiter, node);
    struct native_receiver *r =
        container_of(waiter, struct native_receiver, base.waiter);
    struct message m;
    char *to = NULL;

    m.type = type;
    m.priority = priority;
    m.length = length;
    if (likely(!list_is_empty(waiters)
               && (!r->base.wants || r->base.wants(&r->base, &m)) && length <= r->room
               && (r->body.address & PAGE_MASK) + length <= PAGE_SIZE
               && user_range_ok(body, length)))
        to = window(waiter->thread, WINDOW_BODY_IN, r->body.address, 1);
    if (unlikely(!to)) return post(channel, &m, body, deadline);
    if (unlikely(user_copy(to, (const void *)body.address, length))) return -EFAULT;
    r->type = type;
    r->priority = priority;
    r->length = length;
    channel->sequence++;
    channel->received++;
    waiter_wake(waiter, 0);
    return 0;
}

/* -- POSIX queues ------------------------------------------------------------------ */

enum { MQ_PRIO_MAX = 32768 };

struct mq_attr {
    uint32_t flags, maxmsg, msgsize, curmsgs, unused[4];
};

struct mqueue {
    struct mailbox mailbox;
    struct registration {       /* for notification; zeros: nobody */
        int32_t value, signal, notify;  /* struct sigevent's beginning: SIGEV_... */
        pid_t pid;
    } registered;
};

static const struct file_operations mqueue_operations;
static const struct inode_operations inode_operations = {
    .files = &mqueue_operations, .release = mailbox_end,
};
static struct mailbox_kind mqueue_kind = {
    .name = "mq", .size = sizeof(struct mqueue),
    .classes = MAILBOX_CLASSES("POSIX queue"), .operations = &inode_operations,
    .made = { .capacity = 10, .max_length = 8192 },     // nor may users ask for more
};

/* A new file in /dev/mqueue. RLIMIT_MSGQUEUE counts the bytes of full queues. */
static int make_queue(struct inode *inode) {
    const struct mailbox_attributes *a = &mqueue_kind.made;
    const uint32_t head = sizeof(struct native_message);
    uint64_t bytes = (uint64_t)a->capacity * (a->max_length + head);
    const struct mailbox *mb;

    list_for_each (mb, &all_mailboxes, node)
        if (mb->kind == &mqueue_kind && heap_account(mb) == this_cpu()->account)
            bytes +=
                (uint64_t)mb->channel.capacity * (mb->attributes.max_length + head);
    if (bytes > current_process()->limits[LIMIT_MSGQUEUE].soft) return -EMFILE;
    inode->size = 80;           // of the text that read gives, as on Linux
    int error = mailbox_create(inode, &mqueue_kind, a);
    return error == -EDQUOT ? -ENOSPC : error;
}

static ssize_t tell(struct file *file, struct io *io) {
    const struct mqueue *mq = file->inode->data;
    char text[96];
    uint64_t length = (uint64_t)format(
        text, sizeof(text), "QSIZE:%-10u NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
        mq->mailbox.channel.bytes, mq->registered.notify, mq->registered.signal,
        mq->registered.pid);

    if (*io->offset >= length) return 0;
    size_t size = min(io->left, (size_t)(length - *io->offset));
    if (io_give(io, text + *io->offset, size)) return -EFAULT;
    *io->offset += size;
    return (ssize_t)size;
}

static void closed(struct file *file) {
    struct mqueue *mq = file->inode->data;

    if (mq->registered.pid == current_process()->pid)
        mq->registered = (struct registration){ 0 };
}

static unsigned mqueue_poll(struct file *file, struct poll_table *table) {
    struct mqueue *mq = file->inode->data;

    poll_wait(table, &mq->mailbox.queue.can_receive);
    poll_wait(table, &mq->mailbox.queue.can_send);
    return (mq->mailbox.channel.queued > 0 ? POLLIN | POLLRDNORM : 0)
           | (message_has_room(&mq->mailbox.channel) ? POLLOUT | POLLWRNORM : 0);
}

static const struct file_operations mqueue_operations = {
    .name = "POSIX queue", .read = tell, .poll = mqueue_poll, .has_places = true,
    .closed = closed,
};

/* NULL: -EBADF. */
static struct mqueue *queue_of(const struct file *file) {
    return file && file->operations == &mqueue_operations ? file->inode->data : NULL;
}

/* The C library has taken the first slash away; no other is allowed. */
long sys_mq_open(uptr_t user_name, int oflag, mode_t mode, uptr_t user_attributes) {
    uint32_t flags = (uint32_t)oflag & (O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK);
    struct mailbox_attributes attributes = mqueue_kind.made;
    struct mq_attr a;
    char name[NAME_MAX + 1];
    int error = mailbox_name_from_user(name, user_name);

    if (error) return error;
    if (flags & O_CREAT && !uptr_is_null(user_attributes)) {
        if (copy_from_user(&a, user_attributes, sizeof(a))) return -EFAULT;
        if (a.maxmsg - 1 >= (is_root() ? 65536 : attributes.capacity)
            || a.msgsize - 1 >= (is_root() ? MSG_MAX : attributes.max_length))
            return -EINVAL;
        attributes.capacity = a.maxmsg;
        attributes.max_length = a.msgsize;
    }
    return mailbox_open_name(&mqueue_kind, name, flags | O_CLOEXEC, mode, &attributes);
}

long sys_mq_unlink(uptr_t user_name) {
    char name[NAME_MAX + 1];
    int error = mailbox_name_from_user(name, user_name);
    struct path path;

    if (!error) error = path_walk(mqueue_kind.names->root, name, NAME_ITSELF, &path);
    return error ? error : path_remove(&path, false);
}

/* Until when it may wait: a moment of the real-time clock; NULL: for ever. */
static inline int deadline_until(const struct file *file, uptr_t timeout,
                                 nanoseconds_t *deadline) {
    int error = 0;

    *deadline = DEADLINE_NEVER;
    if (unlikely(!uptr_is_null(timeout)))
        error = deadline_from_user(timeout, TIMEOUT_REALTIME, deadline);
    if (file && (file->flags & O_NONBLOCK)) *deadline = DEADLINE_NOW;
    return error;
}

long sys_mq_timedsend(int fd, uptr_t body, size_t size, uint32_t priority,
                      uptr_t timeout) {
    struct file *file = fd_peek(fd);
    struct mqueue *mq = queue_of(file);
    nanoseconds_t deadline;
    int error = deadline_until(file, timeout, &deadline);

    if (error || priority >= MQ_PRIO_MAX) return error ? error : -EINVAL;
    if (!mq || !file_is_writable(file)) return -EBADF;
    if (size > mq->mailbox.attributes.max_length) return -EMSGSIZE;
    file_get(file);
    bool notifies = mq->registered.pid && mq->mailbox.channel.queued == 0;
    long result = send(&mq->mailbox.channel, body, size, 0, priority, deadline);
    // it came to the empty queue, and nobody waited for it
    if (result == 0 && notifies && mq->mailbox.channel.queued > 0) {
        struct siginfo info = siginfo_from_here(mq->registered.signal, SI_MESGQ);
        struct process *process = process_find(mq->registered.pid);
        info.status_or_value = mq->registered.value;
        if (info.signal && process) signal_post(process, NULL, &info, NULL);
        mq->registered = (struct registration){ 0 };
    }
    file_put(file);
    return result == -EINTR ? -ERESTART : result;
}

long sys_mq_timedreceive(int fd, uptr_t body, size_t size, uptr_t priority,
                         uptr_t timeout) {
    struct file *file = fd_peek(fd);
    struct mqueue *mq = queue_of(file);
    nanoseconds_t deadline;
    struct native_receiver r;
    int error = deadline_until(file, timeout, &deadline);

    if (error) return error;
    if (!mq || !file_is_readable(file)) return -EBADF;
    if (size < mq->mailbox.attributes.max_length) return -EMSGSIZE;
    native_body_receiver_init(&r, body, size, &mq->mailbox.queue.receivers);
    file_get(file);
    long result = mq->mailbox.queue.nr_there ? message_take(&mq->mailbox.queue, &r.base)
                                             : -EAGAIN;
    if (result == -EAGAIN && deadline != DEADLINE_NOW)
        result = wait_sleep_waiter(&r.base.waiter, deadline);
    file_put(file);
    if (result) return result == -EINTR ? -ERESTART : result;
    if (!uptr_is_null(priority) && u32_to_user(priority, r.priority)) return -EFAULT;
    return (long)r.length;
}

long sys_mq_notify(int fd, uptr_t event) {
    struct file *file = fd_peek(fd);
    struct mqueue *mq = queue_of(file);
    struct registration r = { .notify = SIGEV_NONE, .pid = current_process()->pid };
    const size_t size = offsetof(struct registration, pid);

    if (!uptr_is_null(event) && copy_from_user(&r, event, size)) return -EFAULT;
    if (r.notify == SIGEV_NONE)
        r.signal = 0;
    else if (r.notify != SIGEV_SIGNAL || r.signal <= 0 || r.signal > SIGNALS)
        return -EINVAL;
    if (!mq) return -EBADF;
    if (uptr_is_null(event)) closed(file);      // it ends that
    else if (mq->registered.pid) return -EBUSY;
    else mq->registered = r;
    return 0;
}

long sys_mq_getsetattr(int fd, uptr_t new, uptr_t old) {
    struct file *file = fd_peek(fd);
    const struct mqueue *mq = queue_of(file);
    struct mq_attr a = { 0 };

    if (!uptr_is_null(new) && copy_from_user(&a, new, sizeof(a))) return -EFAULT;
    if (a.flags & ~O_NONBLOCK) return -EINVAL;
    if (!mq) return -EBADF;
    const struct mq_attr now = { file->flags & O_NONBLOCK, mq->mailbox.channel.capacity,
                                 mq->mailbox.attributes.max_length,
                                 .curmsgs = mq->mailbox.channel.queued };
    if (!uptr_is_null(old) && copy_to_user(old, &now, sizeof(now))) return -EFAULT;
    if (!uptr_is_null(new)) file->flags = (file->flags & ~O_NONBLOCK) | a.flags;
    return 0;
}

void mqueues_init(void) {
    mqueue_kind.names = tmpfs_mount("/dev/mqueue", "mqueue", 01777, make_queue);
}

/* -- System V queues --------------------------------------------------------------- */

enum { MSG_NOERROR = 010000, MSG_EXCEPT = 020000, MSG_COPY = 040000 };  /* flags */
enum { MSG_STAT = 11 };
enum { MSGMAX = 8192, MSGMNB = 16384 };     /* bytes: of a message, of a queue */

struct msg_queue {
    struct sysv_object common;
    struct message_queue queue;
    struct message_channel channel;
};

static struct msg_queue *msg_queue_of(const struct sysv_object *object) {
    return container_of(object, struct msg_queue, common);
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct msg_queue *mq = waiter_object(waiter);

    format(to, size, "msg:%d -", mq->common.id);
}

static const struct message_queue_classes classes =
    QUEUE_CLASSES("System V queue", describe, struct msg_queue);

static bool queue_init(struct sysv_object *object) {
    struct msg_queue *mq = msg_queue_of(object);

    message_queue_init(&mq->queue, &classes);
    message_channel_init(&mq->channel, &mq->queue, MSGMNB, OVERFLOW_BLOCK);
    mq->channel.bytes_max = MSGMNB;
    return true;
}

enum { WORD_BYTES_MAX = 8 };
static struct sysv_status queue_tell(const struct sysv_object *o) {
    const struct message_channel *c = &msg_queue_of(o)->channel;

    return (struct sysv_status){
        .words = { [0] = sysv_seconds(o->times[0]), [2] = sysv_seconds(o->times[1]),
                   [4] = sysv_seconds(o->times[2]), [6] = c->bytes, [7] = c->queued,
                   [WORD_BYTES_MAX] = c->bytes_max, [9] = (uint32_t)o->pids[0],
                   [10] = (uint32_t)o->pids[1] },
    };
}

static int queue_set(struct sysv_object *object, const uint32_t *words) {
    struct message_channel *c = &msg_queue_of(object)->channel;
    uint32_t bytes = words[WORD_BYTES_MAX];

    if (bytes > MSGMNB && !is_root()) return -EPERM;
    c->capacity = max(bytes, 1u);       // 0 would be a rendezvous
    c->bytes_max = bytes;
    message_channel_refill(c);
    return 0;
}

static void queue_remove(struct sysv_object *object) {
    message_discard_all(&msg_queue_of(object)->queue, NULL, -EIDRM);
    heap_free(msg_queue_of(object)->queue.spare);
    sysv_free(&msg_kind, object);
}

static void queue_check(const struct sysv_object *object) {
    message_queue_check(&msg_queue_of(object)->queue, 0);
    message_channel_check(&msg_queue_of(object)->channel);
}

static void queue_show(struct text *text, const struct sysv_object *object) {
    const struct message_queue *queue = &msg_queue_of(object)->queue;

    text_waiters(text, "senders", &queue->senders, NULL, NULL);
    text_waiters(text, "receivers", &queue->receivers, NULL, NULL);
}

#define MSG_LIMITS { 0, 0, MSGMAX, MSGMNB, SYSV_MAX, 16 }

struct sysv_kind msg_kind = {
    .name = "msg", .bytes = sizeof(struct msg_queue),
    .stat_command = MSG_STAT, .status_size = 88, .info_sizes = { 32, 32 },
    .infos = { MSG_LIMITS, MSG_LIMITS },
    .sums = { { 7, 1 }, { 6, 6 } },
    .nr_shown = 5, .shown = { WORD_BYTES_MAX, 7, 6, 9, 10 },
    .tell = queue_tell, .init = queue_init, .set = queue_set,
    .remove = queue_remove, .show = queue_show, .check = queue_check,
    .objects = LIST_INIT(msg_kind.objects),
};

/* The current process has sent (0) or received (1); meanwhile the queue may have
 * gone. */
static inline void note(int id, int which) {
    struct sysv_object *object = sysv_find(&msg_kind, id);

    if (!object) return;
    object->pids[which] = current_process()->pid;
    object->times[which] = timestamp_counter();
}

long msg_send(int id, uint32_t size, const struct trap_frame *frame) {
    struct sysv_object *object = sysv_find(&msg_kind, id);
    uptr_t message = uptr(frame->edi);
    uint32_t type;

    if (size > MSGMAX) return -EINVAL;
    if (u32_from_user(&type, message)) return -EFAULT;
    if (!object || (int32_t)type < 1) return -EINVAL;
    long result = sysv_permission(object, MAY_WRITE);
    if (result) return result;
    result = send(&msg_queue_of(object)->channel, uptr_add(message, 4), size, type, 0,
                  frame->esi & IPC_NOWAIT ? DEADLINE_NOW : DEADLINE_NEVER);
    if (result == 0) note(id, 0);
    return result;
}

/* A type below 0: all up to that. */
static bool wants_type(const struct receiver *receiver, const struct message *m) {
    uint32_t type = container_of(receiver, struct native_receiver, base)->type;

    return m->type == type || ((int32_t)type < 0 && m->type <= 0 - type);
}

static bool wants_others(const struct receiver *receiver, const struct message *m) {
    return !wants_type(receiver, m);
}

long msg_receive(int id, uint32_t size, const struct trap_frame *frame) {
    struct sysv_object *object = sysv_find(&msg_kind, id);
    uint32_t flags = frame->esi;
    const struct message *m;
    struct native_receiver r;
    struct {
        uptr_t message;
        uint32_t type;
    } wanted;

    if (copy_from_user(&wanted, uptr(frame->edi), sizeof(wanted))) return -EFAULT;
    if (flags & MSG_COPY) return -ENOSYS;
    if (!object || (int32_t)size < 0) return -EINVAL;
    struct message_queue *queue = &msg_queue_of(object)->queue;
    long result = sysv_permission(object, MAY_READ);
    if (result) return result;
    native_body_receiver_init(&r, uptr_add(wanted.message, 4), size, &queue->receivers);
    r.cuts = flags & MSG_NOERROR;
    r.type = wanted.type;
    bool up_to = (int32_t)wanted.type < 0;
    if (up_to)                  // the lowest that is there, or whichever comes first
        list_for_each (m, &queue->messages, node)
            if (m->type <= 0 - wanted.type && m->type < r.type) r.type = m->type;
    if (wanted.type)
        r.base.wants = flags & MSG_EXCEPT && !up_to ? wants_others : wants_type;
    result = queue->nr_there ? message_take(queue, &r.base) : -EAGAIN;
    if (result == -EAGAIN && !(flags & IPC_NOWAIT))
        result = waiter_sleep_forever(&r.base.waiter);  // a capacity is never 0
    if (result)
        return result == -EMSGSIZE ? -E2BIG : result == -EAGAIN ? -ENOMSG : result;
    note(id, 1);
    return u32_to_user(wanted.message, r.type) ? -EFAULT : (long)min(r.length, size);
}
