/* mqueue.c - POSIX message queues: mq_open and its kin, and /dev/mqueue.
 *
 * Shape: a queue belongs to its inode and goes with it, as a mailbox does; /dev/mqueue
 * is a tmpfs whose new files are made into queues. A queue descriptor is a descriptor
 * like others; read(2) of it tells about the queue instead of receiving.
 *
 * Invariants: notify_pid is the process registered for notification, or 0; it has the
 *   queue open: any close of the queue by it ends that.
 * Sleeps: mq_timedsend, mq_timedreceive (message_queue.c: hand-over).
 * Linux: bodies up to 64 KiB for root. No notification by thread (EINVAL).
 * Tests: user/tests/mqueue.c, mq_wait.c, mq_notify.c, native_mqueue.c.
 * See: mq_overview(7), mq_open(3), mq_notify(3).
 */
#include "posix/faces.h"

#include "base/string.h"
#include "core/check.h"
#include "fs/inode.h"
#include "ipc/proc_ipc.h"
#include "mm/heap.h"
#include "posix/byte_message.h"
#include "syscall.h"

enum { MQ_PRIO_MAX = 32768 };
enum { SIGEV_SIGNAL = 0, SIGEV_NONE = 1 };

struct mq_attr {
    int32_t flags, maxmsg, msgsize, curmsgs, unused[4];
};

/* What mq_open gives without attributes, and all that an ordinary user may ask for. */
static const struct mq_attr ordinary = { .maxmsg = 10, .msgsize = 8192 };

struct mqueue {
    struct message_queue queue;
    struct message_channel channel;
    struct list_node node;      /* all_mqueues */
    struct inode *inode;        /* owner, group and mode; it holds us */
    struct account *account;    /* who pays */
    uint32_t msgsize;           /* longest body */
    pid_t notify_pid;
    int notify, signal;         /* SIGEV_..., and which one */
    int32_t value;
};

static struct list all_mqueues = LIST_INIT(all_mqueues);
static struct file_system *names;
static const struct mq_attr *wanted;    /* of the queue being made */

/* -- Life -------------------------------------------------------------------------- */

static const struct message_queue_classes classes;

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct wait_queue *q = waiter->queue;
    const struct mqueue *mq = q->class == &classes.receivers
                                  ? container_of(q, struct mqueue, queue.receivers)
                                  : container_of(q, struct mqueue, queue.senders);

    format(to, size, "mq:[%u] -", (uint32_t)mq->inode->number);
}

static const struct message_queue_classes classes = {
    .receivers = { "message in POSIX queue", describe },
    .senders = { "POSIX queue with room", describe },
    .poll = { "POSIX queue", NULL },
};

static void release_inode(struct inode *inode) {
    struct mqueue *mq = inode->data;

    if (!mq)
        return;                 // it could not be made
    message_discard_all(&mq->queue, NULL, -EIDRM);
    heap_free(mq->queue.spare);
    list_remove(&mq->node);
    account_release(mq->account, ACCOUNT_MAILBOXES, 1);
    heap_free(mq);
}

static const struct file_operations mqueue_operations;
static const struct inode_operations inode_operations = {
    .files = &mqueue_operations, .release = release_inode,
};

/* RLIMIT_MSGQUEUE counts the bytes of full queues. */
static bool is_over_limit(const struct account *account, const struct mq_attr *a) {
    const uint32_t head = sizeof(struct native_message);
    uint64_t bytes = (uint64_t)a->maxmsg * ((uint32_t)a->msgsize + head);
    const struct mqueue *mq;

    list_for_each (mq, &all_mqueues, node)
        if (mq->account == account)
            bytes += (uint64_t)mq->channel.capacity * (mq->msgsize + head);
    return bytes > limit_soft(current_process(), LIMIT_MSGQUEUE);
}

/* A new file in /dev/mqueue. */
static int make_queue(struct inode *inode) {
    const struct mq_attr *a = wanted ? wanted : &ordinary;
    struct account *account = account_current();

    if (is_over_limit(account, a)) return -EMFILE;
    if (!account_charge(account, ACCOUNT_MAILBOXES, 1)) return -ENOSPC;
    struct mqueue *mq = heap_new(HEAP_MAILBOX, struct mqueue);
    if (!mq) {
        account_release(account, ACCOUNT_MAILBOXES, 1);
        return -ENOMEM;
    }
    message_queue_init(&mq->queue, &native_message_operations, &classes);
    message_channel_init(&mq->channel, &mq->queue, (uint32_t)a->maxmsg, OVERFLOW_BLOCK);
    mq->inode = inode;
    mq->account = account;
    mq->msgsize = (uint32_t)a->msgsize;
    list_push_back(&all_mqueues, &mq->node);
    inode->data = mq;
    inode->operations = &inode_operations;
    inode->size = 80;           // of the text that read gives, as on Linux
    return 0;
}

/* -- Notification ------------------------------------------------------------------ */

/* A message came to the empty queue, and nobody waits for it. */
static void notify(struct mqueue *mq) {
    struct siginfo info = siginfo_from_here(mq->signal, SI_MESGQ);
    struct process *process = process_find(mq->notify_pid);

    if (mq->notify == SIGEV_SIGNAL && process) {
        info.status_or_value = mq->value;
        signal_post(process, NULL, &info, SIGNAL_KEEP_IF_ROOM);
    }
    mq->notify_pid = 0;
}

static void closed(struct file *file) {
    struct mqueue *mq = file->inode->data;

    if (mq->notify_pid == current_process()->pid) mq->notify_pid = 0;
}

/* -- As a file --------------------------------------------------------------------- */

static ssize_t tell(struct file *file, struct io *io, uint64_t *offset) {
    const struct mqueue *mq = file->inode->data;
    bool notifies = mq->notify_pid != 0;
    char text[96];
    uint64_t length = (uint64_t)format(
        text, sizeof(text), "QSIZE:%-10u NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
        mq->channel.bytes, notifies ? mq->notify : 0,
        notifies && mq->notify == SIGEV_SIGNAL ? mq->signal : 0, mq->notify_pid);

    if (*offset >= length) return 0;
    size_t size = min(io->left, (size_t)(length - *offset));
    if (io_give(io, text + *offset, size)) return -EFAULT;
    *offset += size;
    return (ssize_t)size;
}

static unsigned mqueue_poll(struct file *file, struct poll_table *table) {
    struct mqueue *mq = file->inode->data;

    poll_wait(table, &mq->queue.can_receive);
    poll_wait(table, &mq->queue.can_send);
    return (mq->channel.queued > 0 ? POLLIN | POLLRDNORM : 0)
           | (message_has_room(&mq->channel) ? POLLOUT | POLLWRNORM : 0);
}

static const struct file_operations mqueue_operations = {
    .name = "POSIX queue", .read = tell, .poll = mqueue_poll, .seek = file_seek,
    .closed = closed,
};

/* NULL: -EBADF. */
static struct mqueue *queue_of(const struct file *file) {
    return file && file->operations == &mqueue_operations ? file->inode->data : NULL;
}

/* -- System calls ------------------------------------------------------------------ */

static int attributes_from_user(struct mq_attr *a, uptr_t from) {
    bool is_root = current_credentials()->euid == 0;

    *a = ordinary;
    if (uptr_is_null(from)) return 0;
    if (copy_from_user(a, from, sizeof(*a))) return -EFAULT;
    if (a->maxmsg <= 0 || a->msgsize <= 0
        || a->maxmsg > (is_root ? 65536 : ordinary.maxmsg)
        || a->msgsize > (is_root ? (int32_t)MSG_MAX : ordinary.msgsize))
        return -EINVAL;
    return 0;
}

/* The C library has taken the first slash away; no other is allowed. */
static int name_from_user(char name[NAME_MAX + 1], uptr_t from) {
    ssize_t length = string_from_user(name, from, NAME_MAX + 1);

    if (length <= 0) return length ? (int)length : -ENOENT;
    return memchr(name, '/', (size_t)length) ? -EACCES : 0;
}

long sys_mq_open(uptr_t user_name, int oflag, mode_t mode, uptr_t user_attributes) {
    uint32_t flags = (uint32_t)oflag & (O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK);
    struct mq_attr attributes;
    char name[NAME_MAX + 1];
    struct file *file;
    int error = name_from_user(name, user_name);

    if (!error && flags & O_CREAT)
        error = attributes_from_user(&attributes, user_attributes);
    if (!error) error = fd_room();
    if (error) return error;
    wanted = &attributes;       // nothing sleeps until it is made
    error = path_open(names->root, name, flags | O_NOFOLLOW, mode, &file);
    wanted = NULL;
    if (error) return error;
    int fd =
        file->operations == &mqueue_operations ? fd_install(file, 0, true) : -EACCES;
    if (fd < 0) file_put(file);
    return fd;
}

long sys_mq_unlink(uptr_t user_name) {
    char name[NAME_MAX + 1];
    int error = name_from_user(name, user_name);

    return error ? error : path_remove(names->root, name);
}

/* Until when it may wait: a moment of the real-time clock; NULL: for ever. */
static inline int deadline_until(const struct file *file, uptr_t timeout,
                                 nanoseconds_t *deadline) {
    bool waits = !file || !file_is_nonblocking(file);

    *deadline = waits ? DEADLINE_NEVER : DEADLINE_NOW;
    if (likely(uptr_is_null(timeout))) return 0;
    nanoseconds_t until;
    int error = time_from_user(timeout, &until);
    if (waits && !error) *deadline = time_from_realtime(until);
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
    if (size > mq->msgsize) return -EMSGSIZE;
    file_get(file);
    bool was_empty = mq->channel.queued == 0;
    long result = byte_message_send(&mq->channel, body, size, 0, priority, deadline);
    if (result == 0 && mq->notify_pid && was_empty && mq->channel.queued > 0)
        notify(mq);
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
    if (size < mq->msgsize) return -EMSGSIZE;
    native_body_receiver_init(&r, body, size, &mq->queue.receivers);
    file_get(file);
    long result = byte_message_receive(&mq->queue, &r, deadline);
    file_put(file);
    if (result) return result == -EINTR ? -ERESTART : result;
    if (!uptr_is_null(priority) && u32_to_user(priority, r.priority)) return -EFAULT;
    return (long)r.length;
}

long sys_mq_notify(int fd, uptr_t event) {
    struct mqueue *mq = queue_of(fd_peek(fd));
    struct {
        int32_t value, signal, notify;
    } e = { 0, 0, SIGEV_NONE };
    pid_t self = current_process()->pid;

    if (!uptr_is_null(event) && copy_from_user(&e, event, sizeof(e))) return -EFAULT;
    if (e.notify != SIGEV_NONE
        && (e.notify != SIGEV_SIGNAL || e.signal <= 0 || e.signal > SIGNALS))
        return -EINVAL;
    if (!mq) return -EBADF;
    if (uptr_is_null(event)) {
        if (mq->notify_pid == self) mq->notify_pid = 0;
        return 0;
    }
    if (mq->notify_pid) return -EBUSY;
    mq->notify_pid = self;
    mq->notify = e.notify;
    mq->signal = e.signal;
    mq->value = e.value;
    return 0;
}

long sys_mq_getsetattr(int fd, uptr_t new, uptr_t old) {
    struct file *file = fd_peek(fd);
    const struct mqueue *mq = queue_of(file);
    struct mq_attr a = { 0 }, now = { 0 };

    if (!uptr_is_null(new) && copy_from_user(&a, new, sizeof(a))) return -EFAULT;
    if (a.flags & ~(int32_t)O_NONBLOCK) return -EINVAL;
    if (!mq) return -EBADF;
    now.flags = (int32_t)(file->flags & O_NONBLOCK);
    now.maxmsg = (int32_t)mq->channel.capacity;
    now.msgsize = (int32_t)mq->msgsize;
    now.curmsgs = (int32_t)mq->channel.queued;
    if (!uptr_is_null(old) && copy_to_user(old, &now, sizeof(now))) return -EFAULT;
    if (!uptr_is_null(new))
        file->flags = (file->flags & ~O_NONBLOCK) | (uint32_t)a.flags;
    return 0;
}

/* -- /proc/ipc/mq ------------------------------------------------------------------ */

/* One line each: mq:[inode] name owner group mode maxmsg msgsize queued bytes, and who
 * waits. */
static void show(struct text *text) {
    const struct mqueue *mq;

    list_for_each (mq, &all_mqueues, node) {
        const struct inode *inode = mq->inode;
        text_printf(text, "mq:[%u]", (uint32_t)inode->number);
        text_name(text, mq->inode, true);
        text_printf(text, " %u %u %04o %u %u %u %u", inode->uid, inode->gid,
                    inode->mode & 07777, mq->channel.capacity, mq->msgsize,
                    mq->channel.queued, mq->channel.bytes);
        text_waiters(text, "senders", &mq->queue.senders);
        text_waiters(text, "receivers", &mq->queue.receivers);
        text_add(text, "\n", 1);
    }
}

static void mqueues_count(void) {
    const struct mqueue *mq;

    list_for_each (mq, &all_mqueues, node) mq->account->counted[ACCOUNT_MAILBOXES]++;
}

static bool mqueues_check(void) {
    const struct mqueue *mq;

    list_for_each (mq, &all_mqueues, node)
        if (!message_queue_check(&mq->queue) || !message_channel_check(&mq->channel))
            return false;
    return true;
}

static const struct proc_entry file PROC_TABLE = { .name = "ipc/mq", .show = show };

void mqueues_init(void) {
    static struct checker checker = { .name = "POSIX queues", .count = mqueues_count,
                                      .check = mqueues_check };

    names = tmpfs_mount("/dev/mqueue", "mqueue", 01777, make_queue);
    checker_register(&checker);
}
