/* socket_connect.c - making sockets, bringing two of them together, and their options.
 *
 *      client C                     listener L
 *      connect ------ makes E ----> L's queue: [ E ]     C and E are each other's peer
 *      write --> E's queue          accept: E's fd       now, and C may write, long
 *                                                        before anybody accepts
 *
 * Sleeps: connect while the listener's queue is full, accept while it is empty;
 * condition shape.
 * Wakes: all, when a side is shut; who waits for room, when there may be some.
 * Linux: the options below and no others (ENOPROTOOPT). Time-outs have 32-bit seconds.
 * Tests: user/tests/socket_create.c, socket_connect.c, socket_options.c
 * See: unix(7), socket(7)
 */
#include "posix/socket.h"
#include "syscall.h"

#define BACKLOG_MAX 4096u       /* somaxconn */

/* -- socket, socketpair ------------------------------------------------------------ */

static struct credentials_of_peer own_credentials(void) {
    const struct process *p = current_process();

    return (struct credentials_of_peer){ p->pid, p->credentials.euid,
                                         p->credentials.egid };
}

static void join(struct socket *a, struct socket *b) {
    a->peer = socket_get(b);
    b->peer = socket_get(a);
    a->peer_credentials = b->peer_credentials = own_credentials();
}

static int judge_type(int domain, int type, int protocol) {
    int kind = type & 0xf;

    if (type & ~(0xf | O_NONBLOCK | O_CLOEXEC)) return -EINVAL;
    if (domain != AF_UNIX) return -EAFNOSUPPORT;
    if (protocol != 0 && protocol != AF_UNIX) return -EPROTONOSUPPORT;
    return kind == SOCK_STREAM || kind == SOCK_DGRAM || kind == SOCK_SEQPACKET
               ? 0
               : -ESOCKTNOSUPPORT;
}

long sys_socket(int domain, int type, int protocol) {
    int error = judge_type(domain, type, protocol);

    return error ? error : fd_install(socket_make(type), type & O_CLOEXEC);
}

long sys_socketpair(int domain, int type, int protocol, uptr_t fds) {
    int error = judge_type(domain, type, protocol);

    if (error) return error;
    struct file *files[2] = { socket_make(type), socket_make(type) };
    if (files[0] && files[1]) join(files[0]->object, files[1]->object);
    return fd_install_pair(files, type & O_CLOEXEC, fds);
}

/* -- listen, connect --------------------------------------------------------------- */

long sys_listen(int fd, int backlog) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (error) return error;
    if (s->type == SOCK_DGRAM) return -EOPNOTSUPP;
    if (!s->name || s->peer) return -EINVAL;
    s->listens = true;
    s->peer_credentials = own_credentials();
    s->backlog = min((uint32_t)backlog, BACKLOG_MAX);
    wait_wake_all(&s->room, 0);
    return 0;
}

/* The peer of a datagram socket: where it sends, and from whom alone it receives. */
static int set_peer(struct socket *s, struct socket *to) {
    struct socket *old = s->peer;

    if (to && to->peer && to->peer != s) return -EPERM;
    s->peer = socket_get(to);
    if (old && old != to)
        queue_clear(s);         // what a stranger may no longer have sent
    socket_put(old);
    wait_wake_all(&s->room, 0);
    return 0;
}

/* Makes the other end of s and sends it to the listener. 0, or -EAGAIN when too many
 * are there. */
static int call(struct socket *s, struct socket *listener) {
    struct io nothing = { 0 };

    if (!listener->listens || listener->shut & SHUT_READ) return -ECONNREFUSED;
    if (listener->queued >= socket_capacity(listener)) return -EAGAIN;
    if (s->peer || s->listens) return s->peer ? -EISCONN : -EINVAL;
    struct socket_message m = { .rights = passed_create(1) };
    struct file *file = m.rights ? socket_make(s->type) : NULL;
    if (file) m.rights->files[m.rights->count++] = file;
    if (!file || queue_put(listener, &nothing, &m, NULL)) {
        passed_free(m.rights);
        return -ENOMEM;
    }
    /* --- commit: nothing below fails or sleeps --- */
    struct socket *end = file->object;
    join(s, end);
    s->peer_credentials = listener->peer_credentials;
    end->name = socket_get(listener->name);
    end->is_pending = true;
    return 0;
}

long sys_connect(int fd, uptr_t user_address, int user_size) {
    struct socket_address address;
    struct socket *s, *to = NULL;
    int error = socket_peek(fd, &s);

    if (error) return error;
    bool is_datagram = s->type == SOCK_DGRAM;
    error = address_from_user(&address, user_address, user_size);
    if (!error && (address.family || !is_datagram))
        error = socket_find(&address, s->type, &to);
    if (error) return error;
    struct file *file = fd_get(fd);
    struct socket_message m = socket_message(file, 0, s->send_timeout);
    error = is_datagram ? set_peer(s, to) : call(s, to);
    while (error == -EAGAIN && !(error = (int)socket_wait(&to->room, NULL, &m)))
        error = call(s, to);
    if (to) socket_wake_next(to);       // there may be room for the next
    socket_put(to);
    passed_drop(file);
    return error;
}

/* -- accept, shutdown -------------------------------------------------------------- */

/* The oldest connection that waits, and its address. */
static int take_call(struct socket *s, struct socket_message *m, uptr_t address,
                     uptr_t size, struct file **out) {
    struct io nothing = { 0 };

    (void)!queue_take(s, &nothing, m);
    *out = m->rights->files[0];
    struct socket *end = (*out)->object;
    end->is_pending = false;
    return uptr_is_null(address) ? 0 : address_to_user(end->peer->name, address, size);
}

long sys_accept4(int fd, uptr_t address, uptr_t size, int flags) {
    struct socket *s;
    struct file *accepted;
    int error = flags & ~(O_NONBLOCK | O_CLOEXEC) ? -EINVAL : socket_peek(fd, &s);

    if (!error) error = s->type == SOCK_DGRAM ? -EOPNOTSUPP : fd_room();
    if (!error && !s->listens) error = -EINVAL;
    if (error) return error;
    struct file *file = fd_get(fd);
    struct socket_message m = socket_message(file, 0, s->receive_timeout);
    long result = queue_wait(s, NULL, &m);
    if (!result)
        result = fd_room();     // again: something may have slept
    if (!result) result = take_call(s, &m, address, size, &accepted);
    if (!result) {
        file_get(accepted);
        accepted->flags |= flags & O_NONBLOCK;
        result = fd_install(accepted, flags & O_CLOEXEC);
    }
    socket_wake_next(s);
    socket_message_end(&m);
    passed_drop(file);
    return result == -EPIPE ? -EINVAL : result;
}

long sys_shutdown(int fd, int how) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (error) return error;
    if (how < 0 || how >= SHUT_BOTH) return -EINVAL;
    unsigned bits = (unsigned)how + 1, others = (bits >> 1 | bits << 1) & SHUT_BOTH;
    s->shut |= bits;
    socket_wake_all(s);
    if (!s->peer) return 0;
    if (s->type != SOCK_DGRAM) s->peer->shut |= others;
    socket_wake_all(s->peer);
    return 0;
}

/* -- Options ----------------------------------------------------------------------- */

enum socket_option {
    SO_TYPE = 3, SO_ERROR = 4, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_PEERCRED = 17,
    SO_RCVTIMEO = 20, SO_SNDTIMEO = 21, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
};

enum { SEND_LEAST = 4608, RECEIVE_LEAST = 2304 };

long sys_getsockopt(int fd, int level, int name, uptr_t value, uptr_t size_at) {
    union {
        uint32_t number;
        struct time32 time;
        struct credentials_of_peer peer;
    } v = { 0 };
    uint32_t size = sizeof(v.number), room;
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (error) return error;
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (u32_from_user(&room, size_at)) return -EFAULT;
    if ((int32_t)room < 0) return -EINVAL;
    switch (name) {
    case SO_TYPE: v.number = s->type; break;
    case SO_ERROR: v.number = (uint32_t)socket_take_error(s); break;
    case SO_SNDBUF: v.number = s->send_buffer; break;
    case SO_RCVBUF: v.number = s->receive_buffer; break;
    case SO_ACCEPTCONN: v.number = s->listens; break;
    case SO_PROTOCOL: break;
    case SO_DOMAIN: v.number = AF_UNIX; break;
    case SO_PEERCRED: v.peer = s->peer_credentials, size = sizeof(v.peer); break;
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
        v.time = nanoseconds_to_time32(
            name == SO_RCVTIMEO ? s->receive_timeout : s->send_timeout, MICROSECOND);
        size = sizeof(v.time);
        break;
    default: return -ENOPROTOOPT;
    }
    size = min(size, room);
    if (copy_to_user(value, &v, size)) return -EFAULT;
    return u32_to_user(size_at, size);
}

/* A negative time means not at all, as on Linux. */
static int set_timeout(nanoseconds_t *timeout, uptr_t value, int size) {
    struct time32 time;

    if (size < (int)sizeof(time)) return -EINVAL;
    if (copy_from_user(&time, value, sizeof(time))) return -EFAULT;
    if (time.parts < 0 || time.parts >= 1000000) return -EDOM;
    *timeout = time.seconds < 0 ? 1 : time32_to_nanoseconds(time, MICROSECOND);
    return 0;
}

long sys_setsockopt(int fd, int level, int name, uptr_t value, int size) {
    struct socket *s;
    uint32_t number;
    int error = socket_peek(fd, &s);

    if (error) return error;
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (size < (int)sizeof(number)) return -EINVAL;
    if (u32_from_user(&number, value)) return -EFAULT;
    number = 2 * min(number, SOCKET_BUFFER);    // twice, as socket(7) has it
    switch (name) {
    case SO_SNDBUF: s->send_buffer = max(number, (uint32_t)SEND_LEAST); break;
    case SO_RCVBUF: s->receive_buffer = max(number, (uint32_t)RECEIVE_LEAST); break;
    case SO_RCVTIMEO: return set_timeout(&s->receive_timeout, value, size);
    case SO_SNDTIMEO: return set_timeout(&s->send_timeout, value, size);
    default: return -ENOPROTOOPT;
    }
    socket_wake_all(s);         // there may be room now
    if (s->peer) socket_wake_all(s->peer);
    return 0;
}
