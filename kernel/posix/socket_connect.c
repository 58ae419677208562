/* socket_connect.c - sockets' names, making sockets, and bringing two of them together.
 *
 *      "/run/log"    a node in a file system; its inode's data is the socket
 *      "\0log"       an abstract name: known to the list below, gone with the socket
 *      none          sizes 0 and 2: a socket that was never bound
 *
 *      client C                     listener L
 *      connect ------ makes E ----> L's queue: [ E ]     C and E are each other's peer
 *      write --> E's queue          accept: E's fd       now, and C may write, long
 *                                                        before anybody accepts
 *
 * Invariants: an inode's data and a name's socket are there while the socket is open.
 * Sleeps: connect while the listener's queue is full, accept while it is empty;
 * condition shape.
 * Tests: user/tests/socket_name.c, socket_create.c, socket_connect.c
 * See: unix(7), Address format
 */
#include "base/format.h"
#include "base/string.h"
#include "mm/heap.h"
#include "posix/socket.h"
#include "syscall.h"

#define FAMILY_SIZE 2u          /* of an address without a path */
#define ADDRESS_MAX (FAMILY_SIZE + SOCKET_PATH)
#define BACKLOG_MAX 4096u       /* somaxconn */

/* -- Names ------------------------------------------------------------------------- */

static struct list abstract_names = LIST_INIT(abstract_names);

void name_put(struct socket_name *name) {
    if (name && --name->refs == 0) heap_free(name);
}

void name_unbind(struct socket *s) {
    struct socket_name *name = s->name;

    if (!name || name->socket != s) return;
    name->socket = NULL;
    list_remove(&name->node);
    if (name->inode) {
        name->inode->data = NULL;
        inode_put(name->inode);
    }
    name->inode = NULL;
}

/* -- To and from users ------------------------------------------------------------- */

int address_from_user(struct socket_address *a, uptr_t from, int size) {
    *a = (struct socket_address){ .size = (uint32_t)size };
    if (size < (int)FAMILY_SIZE || size > (int)ADDRESS_MAX) return -EINVAL;
    if (copy_from_user(&a->family, from, (size_t)size)) return -EFAULT;
    if (a->path[0]) a->size = FAMILY_SIZE + strlen(a->path) + 1;
    return 0;
}

int address_to_user(const struct socket_name *name, uptr_t to, uptr_t size_at) {
    static const struct socket_address nothing = { FAMILY_SIZE, AF_UNIX, "" };
    const struct socket_address *a = name ? &name->address : &nothing;
    uint32_t room;

    if (u32_from_user(&room, size_at)) return -EFAULT;
    if ((int32_t)room < 0) return -EINVAL;
    if (copy_to_user(to, &a->family, min(a->size, room))) return -EFAULT;
    return u32_to_user(size_at, a->size);
}

/* -- Finding ----------------------------------------------------------------------- */

static struct socket_name *find_abstract(const struct socket_address *a,
                                         unsigned type) {
    struct socket_name *name;

    list_for_each (name, &abstract_names, node)
        if (name->socket->type == type
            && memcmp(&name->address, a, sizeof(a->size) + a->size) == 0)
            return name;
    return NULL;
}

static int find_by_path(const char *text, unsigned type, struct socket **out) {
    struct path path;
    int error = path_walk(NULL, text, 0, &path);

    if (error) return error;
    error = inode_permission(path.inode, MAY_WRITE);
    if (!error && (!inode_is(path.inode, S_IFSOCK) || !path.inode->data))
        error = -ECONNREFUSED;
    if (!error) {
        *out = path.inode->data;
        error = (*out)->type == type ? 0 : -EPROTOTYPE;
    }
    path_release(&path);
    return error;
}

int socket_find(const struct socket_address *a, unsigned type, struct socket **out) {
    int error = 0;

    if (a->family != AF_UNIX || a->size <= FAMILY_SIZE) return -EINVAL;
    if (a->path[0]) {
        error = find_by_path(a->path, type, out);
    } else {
        const struct socket_name *name = find_abstract(a, type);
        if (!name) return -ECONNREFUSED;
        *out = name->socket;
    }
    if (!error) (*out)->refs++;
    return error;
}

/* -- Binding ----------------------------------------------------------------------- */

/* A free name of five digits. There are a million; a user has fewer sockets. */
static void choose_name(struct socket_address *a, unsigned type) {
    static uint32_t last;

    a->size = FAMILY_SIZE + 6;
    do
        format(a->path + 1, 6, "%05x", ++last & 0xfffff);
    while (find_abstract(a, type));
}

static int bind_path(struct socket_name *name) {
    struct new_node node = { .mode = S_IFSOCK | (0777 & ~current_process()->umask) };
    struct path path;
    int error =
        path_walk(NULL, name->address.path, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path);

    if (error) return error;
    error = path_make(&path, &node);
    if (!error) {
        name->inode = inode_get(path.inode);
        name->inode->data = name->socket;
    }
    path_release(&path);
    return error == -EEXIST ? -EADDRINUSE : error;
}

static int bind_name(struct socket_name *name, unsigned type) {
    struct socket_address *a = &name->address;

    if (a->path[0]) return bind_path(name);
    if (a->size == FAMILY_SIZE) choose_name(a, type);
    else if (find_abstract(a, type)) return -EADDRINUSE;
    list_push_back(&abstract_names, &name->node);
    return 0;
}

long sys_bind(int fd, uptr_t address, int size) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (error) return error;
    struct socket_name *name = heap_new(HEAP_SOCKET_NAME, struct socket_name);
    if (!name) return -ENOMEM;
    name->refs = 1;
    name->socket = s;
    list_node_init(&name->node);
    error = address_from_user(&name->address, address, size);
    if (!error && (name->address.family != AF_UNIX || s->name)) error = -EINVAL;
    if (!error) error = bind_name(name, s->type);
    if (error) name_put(name);
    else s->name = name;
    return error;
}

long sys_getsockname(int fd, uptr_t address, uptr_t size) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    return error ? error : address_to_user(s->name, address, size);
}

long sys_getpeername(int fd, uptr_t address, uptr_t size) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (!error && !s->peer) error = -ENOTCONN;
    return error ? error : address_to_user(s->peer->name, address, size);
}

/* -- socket, socketpair ------------------------------------------------------------ */

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

    return error ? error : fd_install_new(socket_make(type), type & O_CLOEXEC);
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
    struct file *file = m.rights ? socket_make(s->type) : NULL;
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
    if (to) {
        socket_wake_next(to);   // there may be room for the next
        socket_put(to);
    }
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
    if (!error && s->state != SOCKET_LISTENS) error = -EINVAL;
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
        result = fd_install_new(accepted, flags & O_CLOEXEC);
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
