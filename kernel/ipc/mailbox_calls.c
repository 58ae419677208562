/* mailbox_calls.c - what a descriptor of a mailbox can do.
 *
 * Sleeps: mbox_send, mbox_receive, read, write.
 * Tests: user/tests/native_mbox_*.c.
 * See: IPC.md 4.
 */
#include "ipc/mailbox.h"

#include "mm/heap.h"
#include "syscall.h"

static bool is_broadcast(const struct mailbox *mb) {
    return mb->attributes.receivers == MBOX_BROADCAST;
}

/* A descriptor's O_NONBLOCK acts as NOWAIT. */
static void soften(const struct file *file, struct patience *patience) {
    if (file_is_nonblocking(file)) patience->timeout_ms = NOWAIT;
}

/* SLEEPS. Who received it, where somebody did at once or was waited for. */
static inline long send(struct mailbox *mb, struct native_message *m,
                        const struct patience *patience) {
    uint32_t longest = mb->attributes.max_length;

    if (mb->is_destroyed) return -EIDRM;
    if (longest && m->base.length > longest) return -EMSGSIZE;
    if (mailbox_is_nameless(mb)
        && mailbox_is_abandoned(mb, O_RDONLY, current_process()))
        return -EPIPE;
    m->mailbox = mb->id;
    m->holder = &mb->holder;
    if (!is_broadcast(mb)) return native_message_send(&mb->channel, m, 0, patience);
    if (m->moves || m->base.until != UNTIL_ACCEPTED) return -EINVAL;
    return broadcast_send(mb, m);
}

/* The mailbox of a descriptor that may send (or receive), held for the call; NULL and
 * *error. */
static inline struct file *mailbox_get(int fd, uint32_t access, struct mailbox **mb,
                                       int *error) {
    struct file *file = fd_peek(fd);

    *error = -EBADF;
    if (!file) return NULL;
    if (file->operations != &mailbox_file_operations
        || (access == O_RDONLY && !file_is_readable(file))
        || (access == O_WRONLY && !file_is_writable(file)))
        return NULL;
    file_get(file);
    *mb = ((struct mailbox_file *)file->object)->mailbox;
    return file;
}

/* The end of a call, which has held the descriptor: perhaps it was closed meanwhile. */
static inline void mailbox_put(int fd, struct file *file) {
    if (unlikely(fd_peek(fd) != file)) mailbox_closed(file);
    file_put(file);
}

long sys_mbox_send(int fd, uptr_t message, int flags, int timeout_ms) {
    struct native_message m;
    struct patience patience;
    struct mailbox *mb;
    int error;

    if (flags & ~(MSG_SYNC | MSG_MOVE)) return -EINVAL;
    struct file *file = mailbox_get(fd, O_WRONLY, &mb, &error);
    if (!file) return error;
    long result = patience_init(&patience, timeout_ms);
    if (!result) result = native_message_read(&m, message, flags);
    if (!result) {
        soften(file, &patience);
        result = send(mb, &m, &patience);
    }
    mailbox_put(fd, file);
    return flags & MSG_SYNC ? result : min(result, 0l);
}

/* -- Receiving --------------------------------------------------------------------- */

/* 4.7: the first process to receive owns the receiving side. */
static int claim(struct mailbox *mb) {
    struct process *self = current_process(), *owner;

    if (mb->attributes.receivers != MBOX_EXCLUSIVE || mb->exclusive == self->pid)
        return 0;
    owner = mb->exclusive ? process_find(mb->exclusive) : NULL;
    if (owner && mailbox_can(owner, mb, O_RDONLY)) return -EBUSY;
    mb->exclusive = self->pid;
    return 0;
}

/* SLEEPS. The sender, or -errno. */
static inline long receive(struct mailbox_file *open, struct native_receiver *r,
                           const struct patience *patience) {
    struct mailbox *mb = open->mailbox;
    long result = mb->is_destroyed ? -EIDRM : claim(mb);

    if (result) return result;
    if (r->moves && is_broadcast(mb)) return -EINVAL;
    r->open = open;
    result =
        is_broadcast(mb) ? broadcast_take(open, r) : message_take(&mb->queue, &r->base);
    if (result == -EAGAIN) {
        if (mailbox_is_nameless(mb)
            && mailbox_is_abandoned(mb, O_WRONLY, current_process()))
            return -EPIPE;
        if (patience->timeout_ms == NOWAIT) return -EAGAIN;
        result = native_receive_wait(r, 0, patience);
    }
    return result ? result : r->sender;
}

long sys_mbox_receive(int fd, uptr_t message, int flags, int timeout_ms) {
    struct native_receiver r;
    struct patience patience;
    struct mailbox *mb;
    int error;

    if (flags & ~(MSG_TYPE | MSG_MOVE)) return -EINVAL;
    struct file *file = mailbox_get(fd, O_RDONLY, &mb, &error);
    if (!file) return error;
    long result = patience_init(&patience, timeout_ms);
    if (!result)
        result = native_receiver_init(&r, message, flags, &mb->queue.receivers);
    if (!result) {
        soften(file, &patience);
        result = receive(file->object, &r, &patience);
    }
    mailbox_put(fd, file);
    return result;
}

/* -- read and write ---------------------------------------------------------------- */

/* The bytes of several pieces, or of kernel memory, in one place of the kernel's. */
static int gather(struct io *io, void **buffer) {
    size_t size = io->left;

    if (size > MSG_MAX) return -EMSGSIZE;
    *buffer = heap_alloc(HEAP_MESSAGE_BODY, max(size, (size_t)1));
    if (!*buffer) return -ENOMEM;
    int error = io_take(io, *buffer, size);
    if (error) heap_free(*buffer);
    return error;
}

static ssize_t mailbox_write(struct file *file, struct io *io, uint64_t *offset) {
    const struct mailbox_file *open = file->object;
    struct patience patience = { FOREVER, DEADLINE_NEVER };
    struct native_message m;
    void *buffer = NULL;
    size_t size = io->left;

    (void)offset;
    if (size > MSG_MAX) return -EMSGSIZE;
    native_message_init(&m, io->base, size);
    if (io->left > io->piece) {
        int error = gather(io, &buffer);
        if (error) return error;
        m.body = (vaddr_t)buffer;
        m.space = NULL;
    }
    soften(file, &patience);
    long result = send(open->mailbox, &m, &patience);
    heap_free(buffer);
    return result < 0 ? result : (ssize_t)size;
}

static ssize_t mailbox_read(struct file *file, struct io *io, uint64_t *offset) {
    struct mailbox_file *open = file->object;
    struct patience patience = { FOREVER, DEADLINE_NEVER };
    struct native_receiver r;
    void *buffer = NULL;

    (void)offset;
    native_body_receiver_init(&r, uptr(io->base), io->left,
                              &open->mailbox->queue.receivers);
    if (io->left > io->piece) {
        r.room = min(r.room, MSG_MAX);
        r.buffer = buffer = heap_alloc(HEAP_MESSAGE_BODY, r.room + 1);
        if (!buffer) return -ENOMEM;
    }
    soften(file, &patience);
    long result = receive(open, &r, &patience);
    if (result >= 0)
        result = buffer && io_give(io, buffer, r.length) ? -EFAULT : (long)r.length;
    heap_free(buffer);
    return result == -EPIPE ? 0 : result;
}

static bool anything_to_receive(struct mailbox_file *open) {
    struct native_receiver anybody;

    if (is_broadcast(open->mailbox)) return broadcast_is_there(open);
    native_body_receiver_init(&anybody, uptr(0), 0, &open->mailbox->queue.receivers);
    return message_is_there(&open->mailbox->queue, &anybody.base);
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

static void mailbox_describe(const struct mailbox *mb, struct mailbox_stat *stat) {
    const struct message_channel *c = &mb->channel;
    const struct mailbox_file *open;
    struct mailbox_attributes a = mb->attributes;

    a.capacity = a.capacity ? a.capacity : CAPACITY_ZERO;
    a.max_length = a.max_length ? a.max_length : MSG_MAX;
    *stat = (struct mailbox_stat){
        .id = mb->id, .owner = mb->inode->uid, .group = mb->inode->gid,
        .mode = mb->inode->mode & 07777, .attributes = a, .queued = c->queued,
        .bytes = c->bytes, .exclusive = mb->exclusive, .accepted = c->sequence,
        .received = c->received, .dropped = c->dropped,
    };
    list_for_each (open, &mb->opens, node) {
        stat->senders += file_is_writable(open->file);
        stat->receivers += file_is_readable(open->file);
    }
    stat->waiting_senders = list_length(&mb->queue.senders.waiters);
    stat->waiting_receivers = list_length(&mb->queue.receivers.waiters);
}

long sys_mbox_stat(int fd, uptr_t out) {
    struct mailbox_stat stat;
    struct mailbox *mb;
    int error;
    struct file *file = mailbox_get(fd, O_ACCMODE, &mb, &error);

    if (!file) return error;
    mailbox_describe(mb, &stat);
    error = mb->is_destroyed ? -EIDRM : copy_to_user(out, &stat, sizeof(stat));
    file_put(file);
    return error;
}

long sys_mbox_destroy(int fd) {
    struct mailbox *mb;
    int error;
    struct file *file = mailbox_get(fd, O_ACCMODE, &mb, &error);

    if (!file) return error;
    error = 0;
    if (mb->is_destroyed)
        error = -EIDRM;
    else if (!inode_is_owned(mb->inode))
        error = -EPERM;
    else
        mailbox_destroy(mb);
    file_put(file);
    return error;
}
