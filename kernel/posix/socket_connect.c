/* socket_connect.c - making sockets, and bringing two of them together.
 *
 *      client C                     listener L
 *      connect ------ makes E ----> L's queue: [ E ]  C and E are each other's peer now,
 *      write --> E's queue          accept: E's fd    and C may write, long before
 *                                                     anybody accepts
 *
 * Sleeps: connect while the listener's queue is full, accept while it is empty;
 * condition shape.
 * Tests: user/tests/socket_create.c, socket_connect.c
 */
#include "mm/heap.h"
#include "posix/socket.h"
#include "syscall.h"

#define BACKLOG_MAX 4096u       /* somaxconn */

static struct credentials_of_peer own_credentials(void) {
    const struct process *p = current_process();

    return (struct credentials_of_peer){ p->pid, p->credentials.euid,
                                         p->credentials.egid };
}

static void join(struct socket *a, struct socket *b) {
    a->refs++;
    b->refs++;
    a->peer = b;
    b->peer = a;
    a->state = b->state = SOCKET_CONNECTED;
    a->peer_credentials = b->peer_credentials = own_credentials();
}

/* -- socket, socketpair ------------------------------------------------------------ */

static int judge_type(int domain, int type, int protocol) {
    int kind = type & 0xf;

    if (type & ~(0xf | O_NONBLOCK | O_CLOEXEC)) return -EINVAL;
    if (domain != AF_UNIX) return -EAFNOSUPPORT;
    if (protocol != 0 && protocol != AF_UNIX) return -EPROTONOSUPPORT;
    return kind == SOCK_STREAM || kind == SOCK_DGRAM || kind == SOCK_SEQPACKET
               ? 0
               : -ESOCKTNOSUPPORT;
}

/* A fresh socket with its file, or NULL. */
static struct file *make(int type) {
    struct socket *s = socket_create(type & 0xf);
    struct file *file = s ? socket_open(s, (uint32_t)type) : NULL;

    if (s && !file) socket_close(s);
    return file;
}

long sys_socket(int domain, int type, int protocol) {
    int error = judge_type(domain, type, protocol);

    return error ? error : fd_install_new(make(type), type & O_CLOEXEC);
}

long sys_socketpair(int domain, int type, int protocol, uptr_t fds) {
    int error = judge_type(domain, type, protocol);

    if (error) return error;
    struct file *files[2] = { make(type), make(type) };
    if (files[0] && files[1]) join(files[0]->object, files[1]->object);
    return fd_install_pair(files, type & O_CLOEXEC, fds);
}

/* -- listen, connect --------------------------------------------------------------- */

long sys_listen(int fd, int backlog) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (error) return error;
    if (s->type == SOCK_DGRAM) return -EOPNOTSUPP;
    if (!s->name || s->state == SOCKET_CONNECTED) return -EINVAL;
    s->state = SOCKET_LISTENS;
    s->peer_credentials = own_credentials();
    s->backlog = min((uint32_t)backlog, BACKLOG_MAX);
    wait_wake_all(&s->room, 0);
    return 0;
}

/* The peer of a datagram socket: where it sends, and from whom alone it receives. */
static int set_peer(struct socket *s, struct socket *to) {
    struct socket *old = s->peer;

    if (to && to->peer && to->peer != s) return -EPERM;
    if (to) to->refs++;
    s->peer = to;
    if (old && old != to)
        queue_clear(s);         // what a stranger may no longer have sent
    if (old) socket_put(old);
    wait_wake_all(&s->room, 0);
    return 0;
}

/* Makes the other end of s and sends it to the listener. 0, or -EAGAIN when too many
 * are there. */
static int call(struct socket *s, struct socket *listener) {
    struct io nothing = { 0 };

    if (listener->state != SOCKET_LISTENS || listener->shut & SHUT_READ)
        return -ECONNREFUSED;
    if (listener->queued >= socket_capacity(listener)) return -EAGAIN;
    if (s->state != SOCKET_ALONE)
        return s->state == SOCKET_CONNECTED ? -EISCONN : -EINVAL;
    struct socket_message m = { .rights = rights_create(1) };
    struct file *file = m.rights ? make(s->type) : NULL;
    if (file) m.rights->files[m.rights->passed.count++] = file;
    if (!file || queue_put(listener, &nothing, &m, NULL)) {
        rights_discard(m.rights);
        return -ENOMEM;
    }
    /* --- commit: nothing below fails or sleeps --- */
    struct socket *end = file->object;
    join(s, end);
    s->peer_credentials = listener->peer_credentials;
    end->name = listener->name;
    end->name->refs++;
    end->is_pending = true;
    return 0;
}

/* SLEEPS. The listener may go, and its name lead to another, while we wait. */
static int connect_to(struct socket *s, const struct socket_address *a, uint32_t size,
                      struct socket_message *wait) {
    struct socket *to;
    int error;

    do {
        error = socket_find(a, size, s->type, &to);
        if (error) return error;
        error = s->type == SOCK_DGRAM ? set_peer(s, to) : call(s, to);
        bool is_full = error == -EAGAIN;
        if (is_full) error = (int)socket_wait(&to->room, NULL, wait);
        socket_wake_next(to);   // there may be room for the next
        socket_put(to);
        if (!is_full) return error;
    } while (!error);
    return error;
}

long sys_connect(int fd, uptr_t user_address, int user_size) {
    struct socket_address address;
    struct file *file;
    uint32_t size;
    int error = socket_get_file(fd, &file);

    if (error) return error;
    struct socket *s = file->object;
    struct socket_message wait = socket_message(file, 0, s->send_timeout);
    error = address_from_user(&address, user_address, user_size, &size);
    if (!error)
        error = address.family == 0 && s->type == SOCK_DGRAM
                    ? set_peer(s, NULL)
                    : connect_to(s, &address, size, &wait);
    passed_drop(file);
    return error;
}

/* -- accept, shutdown -------------------------------------------------------------- */

/* SLEEPS, until there is a connection. */
static int wait_for_call(struct socket *s, const struct socket_message *m) {
    int error = s->type == SOCK_DGRAM ? -EOPNOTSUPP : 0;

    while (!error) {
        if (s->state != SOCKET_LISTENS || s->shut & SHUT_READ) return -EINVAL;
        if (s->queued) return 0;
        error = (int)socket_wait(&s->arrived, NULL, m);
    }
    return error;
}

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

static long accept(struct file *file, uptr_t address, uptr_t size, int flags) {
    struct socket *s = file->object;
    struct socket_message m = socket_message(file, 0, s->receive_timeout);
    struct file *accepted;
    int result = fd_room();

    if (!result) result = wait_for_call(s, &m);
    if (!result)
        result = fd_room();     // again: something may have slept
    if (!result) result = take_call(s, &m, address, size, &accepted);
    if (!result) {
        file_get(accepted);
        accepted->flags |= flags & O_NONBLOCK;
        result = fd_install_new(accepted, flags & O_CLOEXEC);
    }
    socket_wake_next(s);
    socket_message_end(&m);
    return result;
}

long sys_accept4(int fd, uptr_t address, uptr_t size, int flags) {
    struct file *file;
    int error = flags & ~(O_NONBLOCK | O_CLOEXEC) ? -EINVAL : 0;

    if (!error) error = socket_get_file(fd, &file);
    if (error) return error;
    long result = accept(file, address, size, flags);
    passed_drop(file);
    return result;
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
