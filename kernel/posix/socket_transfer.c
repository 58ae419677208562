/* socket_transfer.c - bytes, records and descriptors, from one socket into the queue of
 * another, and the calls that send and receive.
 *
 *      msghdr  name       control                                vector
 *              |          [ length level SCM_RIGHTS | 3 | 5 ]    [ bytes ][ bytes ]
 *      to whom, from whom        struct passed_files             struct io
 *
 *      chunk   [ used | unread..... ]
 *
 * Invariants: queued is the sum of the chunks' sizes. The files in rights are queued
 * (passed_files.h) while their chunk is; those received are installed, or discarded,
 * before the call ends.
 * Sleeps: send while the receiver's queue is full, receive while it is empty; condition
 * shape, and hand-over to a receiver who can take all of it (ipc/reader.h).
 * Wakes: the next one whose condition may hold, after every step, so a waiter that
 * leaves early never leaves others behind.
 * Linux: the queue of a datagram socket is limited by its own SO_RCVBUF, not by its
 * senders' SO_SNDBUF. Control data of other levels is passed over. No out-of-band data,
 * no credentials (SCM_CREDENTIALS), no error queue.
 * Tests: user/tests/socket_stream.c, socket_dgram.c, socket_message.c, socket_signal.c,
 * scm_rights.c
 * See: unix(7), send(2), recv(2)
 */
#include "ipc/pipe.h"
#include "mm/heap.h"
#include "posix/socket.h"
#include "syscall.h"

#define OVERHEAD    (sizeof(struct chunk) + 8)  /* with the heap's header */
#define CHUNK_SMALL (256 - OVERHEAD)
#define CHUNK_LARGE (PAGE_SIZE - OVERHEAD)

/* -- The queue --------------------------------------------------------------------- */

static struct chunk *first_chunk(const struct socket *s) {
    return list_first_entry(&s->chunks, struct chunk, node);
}

static void chunk_free(struct socket *s, struct chunk *c) {
    s->queued -= c->size;
    list_remove(&c->node);
    passed_free(c->rights);
    socket_put(c->from);
    heap_free(c);
}

void queue_clear(struct socket *s) {
    while (s->queued) chunk_free(s, first_chunk(s));
}

uint32_t socket_capacity(const struct socket *s) {
    if (s->listens) return (s->backlog + 1) * CHUNK_SMALL;
    return s->type == SOCK_DGRAM || !s->peer ? s->receive_buffer : s->peer->send_buffer;
}

int queue_put(struct socket *to, struct io *io, struct socket_message *m,
              struct socket *from) {
    bool is_stream = to->type == SOCK_STREAM;
    size_t left = io->left, n = is_stream ? min(left, CHUNK_LARGE) : left;
    size_t size = max(n, CHUNK_SMALL);
    struct chunk *c = heap_alloc_raw(HEAP_SOCKET_DATA, sizeof(*c) + size);

    if (!c) return -ENOBUFS;
    if (io_take(io, c->data, n)) {
        heap_free(c);
        io->left = left;
        return -EFAULT;
    }
    /* --- commit: nothing below fails or sleeps --- */
    *c = (struct chunk){ .rights = m->rights, .size = size, .end = n };
    if (!is_stream) c->from = socket_get(from);
    if (m->rights) passed_queue(m->rights, &to->holder);
    m->rights = NULL;
    list_push_back(&to->chunks, &c->node);
    to->queued += size;
    socket_wake_next(to);
    return 0;
}

/* All of it is copied out first, then used up. In a stream a chunk with rights is the
 * last to be given: "ancillary data forms a barrier" (unix(7)). */
ssize_t queue_take(struct socket *s, struct io *io, struct socket_message *m) {
    bool is_stream = s->type == SOCK_STREAM;
    size_t done = 0, length = 0;
    struct chunk *c;

    list_for_each (c, &s->chunks, node) {
        size_t there = c->end - c->start, n = min(there, io->left);
        if (io_give(io, c->data + c->start, n)) return -EFAULT;
        done += n;
        length += is_stream ? n : there;
        m->rights = c->rights;
        if (!is_stream || io->left == 0 || c->rights) break;
    }
    /* --- commit: nothing below fails or sleeps --- */
    m->is_cut = length > done;
    m->from = socket_get(first_chunk(s)->from);
    ssize_t result = (ssize_t)(m->flags & MSG_TRUNC ? length : done);
    if (m->flags & MSG_PEEK) return result;
    if (m->rights) passed_unqueue(m->rights);
    do {
        c = first_chunk(s);
        size_t n = min(c->end - c->start, length);
        c->start += n;
        length -= n;
        c->rights = NULL;
        if (c->start < c->end) break;
        chunk_free(s, c);
    } while (length);
    return result;
}

ssize_t queue_wait(struct socket *s, const struct io *io,
                   const struct socket_message *m) {
    long result = 0;

    while (!result && s->queued == 0)
        result =
            s->error || s->shut & SHUT_READ ? -EPIPE : socket_wait(&s->arrived, io, m);
    return result;
}

/* -- Sending and receiving --------------------------------------------------------- */

/* Why s cannot send to `to`, or 0. */
static int judge(struct socket *s, struct socket *to, size_t size) {
    if (s->type == SOCK_SEQPACKET && s->error) return -socket_take_error(s);
    if (s->type == SOCK_DGRAM && to->is_closed) {
        if (to == s->peer) {
            s->peer = NULL;
            socket_put(to);
        }
        return -ECONNREFUSED;
    }
    if (to->peer && to->peer != s) return -EPERM;
    if ((s->shut & SHUT_WRITE) || (to->shut & SHUT_READ)) return -EPIPE;
    return s->type != SOCK_STREAM && size > s->send_buffer ? -EMSGSIZE : 0;
}

/* The short way of bytes that need no queue and carry nothing else: to a reader who
 * sleeps at our peer, where nothing is shut or closed then. */
static inline bool hand_over(struct socket *s, struct io *io) {
    struct socket *to = s->peer;

    return likely(to && to->queued == 0 && to->peer == s && !(s->shut & SHUT_WRITE)
                  && (s->type == SOCK_STREAM || (!s->name && io->left))
                  && reader_give(&to->arrived, io));
}

static ssize_t socket_send(struct socket *s, struct io *io, struct socket_message *m) {
    struct socket *to = m->to ? m->to : s->peer;
    bool is_stream = s->type == SOCK_STREAM;
    const size_t size = io->left;

    if (!m->to && !m->rights && hand_over(s, io)) return (ssize_t)size;
    if (!to) return -ENOTCONN;
    socket_get(to);             // another thread may connect us elsewhere
    long error;
    while (!(error = judge(s, to, size))) {
        if (is_stream && io->left == 0) break;
        if (to->queued >= socket_capacity(to)) error = socket_wait(&to->room, NULL, m);
        else error = queue_put(to, io, m, s->name);
        if (error || io->left == 0) break;
    }
    socket_wake_next(to);       // the wake-up we were given goes on to the next
    socket_put(to);
    if (!error || size != io->left) return (ssize_t)(size - io->left);
    return error == -EPIPE && is_stream && !(m->flags & MSG_NOSIGNAL) ? pipe_broken()
                                                                      : error;
}

static ssize_t socket_receive(struct socket *s, struct io *io,
                              struct socket_message *m) {
    static const struct io nowhere;     // who only looks is given nothing
    bool is_stream = s->type == SOCK_STREAM, is_datagram = s->type == SOCK_DGRAM;

    if (!s->peer && !is_datagram) return is_stream ? -EINVAL : -ENOTCONN;
    if (unlikely(s->error) && !is_stream) return -socket_take_error(s);
    ssize_t n = queue_wait(s, m->flags & MSG_PEEK ? &nowhere : io, m);
    if (likely(n > 0)) io_advance(io, (size_t)n);
    if (n == -EPIPE)
        return is_datagram && m->flags & MSG_DONTWAIT ? -EAGAIN : -socket_take_error(s);
    if (n) return n;
    n = queue_take(s, io, m);
    socket_wake_next(s);        // there may be something for the next, too
    return n;
}

ssize_t socket_read(struct file *file, struct io *io, uint64_t *offset) {
    struct socket *s = file->object;
    struct socket_message m = socket_message(file, 0, s->receive_timeout);

    (void)offset;
    if (io->left == 0) return 0;
    ssize_t n = socket_receive(s, io, &m);
    socket_message_end(&m);
    return n;
}

ssize_t socket_write(struct file *file, struct io *io, uint64_t *offset) {
    struct socket *s = file->object;
    ssize_t size = (ssize_t)io->left;

    (void)offset;
    if (hand_over(s, io)) return size;
    struct socket_message m = socket_message(file, 0, s->send_timeout);
    return socket_send(s, io, &m);
}

struct user_message {           /* struct msghdr */
    uint32_t name;
    int32_t name_size;
    uint32_t vector, vector_count;
    uint32_t control, control_size;
    uint32_t flags;
};
static_assert(sizeof(struct user_message) == 28, "Linux/i386 ABI");

struct user_control {           /* struct cmsghdr; its data follow, and are aligned */
    uint32_t size;              /* with this head */
    int32_t level, type;
};

enum { SCM_RIGHTS = 1 };

#define RIGHTS_MAX  253u        /* descriptors in one message */
#define CONTROL_MAX 131072u

/* -- Descriptors out of control data ----------------------------------------------- */

/* Takes the files that the control data name, of which each word is read once. */
static int take_files(struct passed_files *r, uint32_t control, uint32_t size) {
    struct user_control c;
    uint32_t fd;

    for (uint32_t at = 0; at + sizeof(c) <= size; at += round_up(c.size, sizeof(fd))) {
        if (copy_from_user(&c, uptr(control + at), sizeof(c))) return -EFAULT;
        if (c.size < sizeof(c) || c.size > size - at) return -EINVAL;
        if (c.level != SOL_SOCKET) continue;
        uint32_t count = (c.size - sizeof(c)) / sizeof(fd);
        if (c.type != SCM_RIGHTS || r->count + count > RIGHTS_MAX) return -EINVAL;
        for (uint32_t i = 0; i < count; i++) {
            if (u32_from_user(&fd, uptr(control + at + sizeof(c) + i * sizeof(fd))))
                return -EFAULT;
            if (passed_add(r, (int)fd)) return -EBADF;
        }
    }
    return 0;
}

/* What the control data want to pass on; *out stays as it is for nothing. */
static int rights_from_user(const struct user_message *user,
                            struct passed_files **out) {
    uint32_t size = user->control ? user->control_size : 0;

    if (size < sizeof(struct user_control)) return 0;
    if (size > CONTROL_MAX) return -ENOBUFS;
    struct passed_files *r =
        passed_create(min(size / (uint32_t)sizeof(int), RIGHTS_MAX));
    int error = r ? take_files(r, user->control, size) : -ENOBUFS;
    if (error || r->count == 0) passed_free(r);
    else *out = r;
    return error;
}

/* -- and into them ----------------------------------------------------------------- */

/* Installs what fits into the user's buffer and table, one by one, as Linux does. Sets
 * control_size to what was used, and flags. */
static void rights_to_user(const struct passed_files *r, struct user_message *user,
                           bool close_on_exec) {
    struct user_control c = { sizeof(c), SOL_SOCKET, SCM_RIGHTS };
    uint32_t count = r ? r->count : 0, done = 0;

    while (done < count && user->control
           && user->control_size >= c.size + sizeof(int)) {
        file_get(r->files[done]);
        int fd = fd_install(r->files[done], close_on_exec);
        if (fd < 0) break;
        if (u32_to_user(uptr(user->control + c.size), (uint32_t)fd)) {
            (void)!fd_close(fd);
            break;
        }
        c.size += sizeof(int);
        done++;
    }
    if (done < count) user->flags |= MSG_CTRUNC;
    user->control_size = 0;
    if (done && !copy_to_user(uptr(user->control), &c, sizeof(c)))
        user->control_size = c.size;
}

/* -- Sending ----------------------------------------------------------------------- */

/* SLEEPS. */
static long send_message(int fd, struct io *io, uint32_t flags,
                         const struct user_message *user) {
    struct socket_address address;
    struct socket *s;
    long result = socket_peek(fd, &s);

    if (result) return result;
    struct file *file = fd_get(fd);
    struct socket_message m = socket_message(file, flags, s->send_timeout);
    result = flags & MSG_OOB ? -EOPNOTSUPP : rights_from_user(user, &m.rights);
    if (!result && user->name && user->name_size) {
        result = address_from_user(&address, uptr(user->name), user->name_size);
        if (!result && s->type == SOCK_STREAM)
            result = s->peer ? -EISCONN : -EOPNOTSUPP;
        else if (!result && s->type == SOCK_DGRAM)
            result = socket_find(&address, SOCK_DGRAM, &m.to);
    }
    if (!result) result = socket_send(s, io, &m);
    passed_free(m.rights);
    socket_put(m.to);
    passed_drop(file);
    return result;
}

long sys_sendto(int fd, uptr_t buffer, size_t size, uint32_t flags, uptr_t to,
                int to_size) {
    struct user_message user = { .name = to.address, .name_size = to_size };
    struct io io;

    if (io_init(&io, buffer, min(size, SSIZE_MAX))) return -EFAULT;
    return send_message(fd, &io, flags, &user);
}

/* Reads the head and the vector, for both directions. */
static long message_from_user(uptr_t from, struct user_message *user, struct io *io) {
    if (copy_from_user(user, from, sizeof(*user))) return -EFAULT;
    if (user->name_size < 0) return -EINVAL;
    if (user->vector_count > IOV_MAX) return -EMSGSIZE;
    return io_init_vector(io, uptr(user->vector), user->vector_count);
}

long sys_sendmsg(int fd, uptr_t message, uint32_t flags) {
    struct user_message user;
    struct io io;
    long result = message_from_user(message, &user, &io);

    if (result) return result;
    result = send_message(fd, &io, flags, &user);
    io_release(&io);
    return result;
}

/* -- Receiving --------------------------------------------------------------------- */

/* SLEEPS. MSG_WAITALL: again and again, until all is there or something ends it. */
static ssize_t receive_all(struct socket *s, struct io *io, struct socket_message *m) {
    bool again =
        (m->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && s->type == SOCK_STREAM;
    ssize_t n, got = 0;

    do {
        n = socket_receive(s, io, m);
        got += max(n, 0);
    } while (n > 0 && again && io->left && !m->rights);
    return got ? got : n;
}

/* SLEEPS. The sender's name goes to user->name, its size to where size_at says. */
static long receive_message(int fd, struct io *io, uint32_t flags,
                            struct user_message *user, uptr_t size_at) {
    struct socket *s;
    long result = socket_peek(fd, &s);
    int error = 0;

    if (result) return result;
    struct file *file = fd_get(fd);
    struct socket_message m = socket_message(file, flags, s->receive_timeout);
    result = flags & MSG_OOB ? -EOPNOTSUPP : receive_all(s, io, &m);
    if (result >= 0) {
        const struct socket *name =
            s->type == SOCK_STREAM && s->peer ? s->peer->name : m.from;
        if (user->name)
            error = name ? address_to_user(name, uptr(user->name), size_at)
                         : u32_to_user(size_at, 0);
        user->flags = m.is_cut ? MSG_TRUNC : 0;
        rights_to_user(m.rights, user, flags & MSG_CMSG_CLOEXEC);
    }
    socket_message_end(&m);
    passed_drop(file);
    return error ? error : result;
}

long sys_recvfrom(int fd, uptr_t buffer, size_t size, uint32_t flags, uptr_t from,
                  uptr_t from_size) {
    struct user_message user = { .name = from.address };
    struct io io;

    if (io_init(&io, buffer, min(size, SSIZE_MAX))) return -EFAULT;
    return receive_message(fd, &io, flags, &user, from_size);
}

#define FIELD(message, field) \
    uptr((message).address + (uint32_t)__builtin_offsetof(struct user_message, field))

long sys_recvmsg(int fd, uptr_t message, uint32_t flags) {
    struct user_message user;
    struct io io;
    long result = message_from_user(message, &user, &io);

    if (result) return result;
    result = receive_message(fd, &io, flags, &user, FIELD(message, name_size));
    io_release(&io);
    if (result >= 0
        && (u32_to_user(FIELD(message, control_size), user.control_size)
            || u32_to_user(FIELD(message, flags), user.flags)))
        return -EFAULT;
    return result;
}
