/* mqueue.c - POSIX message queues: mq_open and its kin, and /dev/mqueue.
 *
 * Shape: a queue is a mailbox of another kind, whose inode is in /dev/mqueue and which
 * is used by other calls. A queue descriptor is a descriptor like others; read(2) of it
 * tells about the queue instead of receiving.
 *
 * Invariants: the process registered for notification has the queue open: any close of
 *   the queue by it ends that.
 * Sleeps: mq_timedsend, mq_timedreceive (message_queue.c: hand-over).
 * Linux: bodies up to 64 KiB for root. No notification by thread (EINVAL).
 * Tests: user/tests/mqueue.c, mq_wait.c, mq_notify.c, native_mqueue.c.
 * See: mq_overview(7), mq_open(3), mq_notify(3).
 */
#include "posix/faces.h"

#include "base/format.h"
#include "ipc/mailbox.h"
#include "mm/heap.h"
#include "posix/byte_message.h"
#include "syscall.h"

enum { MQ_PRIO_MAX = 32768 };
enum { SIGEV_SIGNAL = 0, SIGEV_NONE = 1 };

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
        if (mb->kind == &mqueue_kind && heap_account(mb) == account_current())
            bytes +=
                (uint64_t)mb->channel.capacity * (mb->attributes.max_length + head);
    if (bytes > current_process()->limits[LIMIT_MSGQUEUE].soft) return -EMFILE;
    inode->size = 80;           // of the text that read gives, as on Linux
    int error = mailbox_create(inode, &mqueue_kind, a);
    return error == -EDQUOT ? -ENOSPC : error;
}

/* -- As a file --------------------------------------------------------------------- */

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

/* -- System calls ------------------------------------------------------------------ */

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

    return error ? error : path_remove(mqueue_kind.names->root, name);
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
    long result =
        byte_message_send(&mq->mailbox.channel, body, size, 0, priority, deadline);
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
    if (uptr_is_null(event)) {
        closed(file);           // it ends that
        return 0;
    }
    if (mq->registered.pid) return -EBUSY;
    mq->registered = r;
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
    if (!uptr_is_null(new))
        file->flags = (file->flags & ~O_NONBLOCK) | a.flags;
    return 0;
}

void mqueues_init(void) {
    mqueue_kind.names = tmpfs_mount("/dev/mqueue", "mqueue", 01777, make_queue);
}
