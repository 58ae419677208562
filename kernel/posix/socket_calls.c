/* socket_calls.c - the calls on sockets: names, connecting, options, messages.
 *
 *      "/run/log"    a node in a file system; its inode's data is the socket
 *      "\0log"       an abstract name: known to the list below, gone with the socket
 *      none          sizes 0 and 2: a socket that was never bound
 *
 *      msghdr  name       control                                vector
 *              |          [ length level SCM_RIGHTS | 3 | 5 ]    [ bytes ][ bytes ]
 *      to whom, from whom        struct passed_files             struct io
 *
 * Sleeps: connect while the listener's queue is full, accept while it is empty;
 *   condition shape. The calls that send and receive.
 * Linux: the options below and no others (ENOPROTOOPT). Time-outs have 32-bit seconds.
 *   The kernel chooses no names (autobind).
 *   Control data of other levels is passed over; no credentials (SCM_CREDENTIALS).
 * Tests: user/tests/socket_create.c, socket_name.c, socket_connect.c, socket_message.c,
 *   socket_options.c, scm_rights.c
 * See: unix(7), Address format; socket(7)
 */
#include "fs/inode.h"
#include "posix/socket.h"
#include "syscall.h"

#define FAMILY_SIZE 2u          /* of an address without a path */
#define BACKLOG_MAX 4096u       /* somaxconn */

/* -- Making them ------------------------------------------------------------------ */

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

/* -- Names ------------------------------------------------------------------------- */

/* An address as users pass it. -EFAULT, -EINVAL. */
static int address_from_user(struct socket_address *a, uptr_t from, int size) {
    *a = (struct socket_address){ .size = (uint32_t)size };
    if (size < (int)FAMILY_SIZE || size > (int)FAMILY_SIZE + SOCKET_PATH)
        return -EINVAL;
    if (copy_from_user(&a->family, from, (size_t)size)) return -EFAULT;
    if (a->path[0]) a->size = FAMILY_SIZE + strlen(a->path) + 1;
    return 0;
}

int address_to_user(const struct socket *name, uptr_t to, uptr_t size_at) {
    static const struct socket_address nothing = { FAMILY_SIZE, AF_UNIX, "" };
    const struct socket_address *a = name ? &name->address : &nothing;
    uint32_t room;

    if (u32_from_user(&room, size_at)) return -EFAULT;
    if ((int32_t)room < 0) return -EINVAL;
    if (copy_to_user(to, &a->family, min(a->size, room))) return -EFAULT;
    return u32_to_user(size_at, a->size);
}

static struct list abstract_names = LIST_INIT(abstract_names);

static struct socket *find_abstract(const struct socket_address *a, unsigned type) {
    struct socket *s;

    list_for_each (s, &abstract_names, abstract_node)
        if (s->type == type && memcmp(&s->address, a, sizeof(a->size) + a->size) == 0)
            return s;
    return NULL;
}

/* The socket bound to it, with a reference. -EINVAL, -ECONNREFUSED, -EACCES,
 * -EPROTOTYPE ... */
static int socket_find(const struct socket_address *a, unsigned type,
                       struct socket **out) {
    struct path path;

    if (a->family != AF_UNIX || a->size <= FAMILY_SIZE) return -EINVAL;
    if (!a->path[0]) {
        *out = socket_get(find_abstract(a, type));
        return *out ? 0 : -ECONNREFUSED;
    }
    int error = path_walk(NULL, a->path, 0, &path);
    if (error) return error;
    error = inode_permission(path.inode, MAY_WRITE);
    struct socket *s = inode_is(path.inode, S_IFSOCK) ? path.inode->data : NULL;
    if (!error) error = !s ? -ECONNREFUSED : s->type != type ? -EPROTOTYPE : 0;
    if (!error) *out = socket_get(s);
    path_release(&path);
    return error;
}

long socket_bind(struct socket *s, uptr_t address, int size) {
    struct new_node node = { .mode = S_IFSOCK | 0777 };
    struct socket_address a;
    struct path path;
    int error = address_from_user(&a, address, size);

    if (error) return error;
    if (a.family != AF_UNIX || a.size == FAMILY_SIZE || s->name) return -EINVAL;
    if (a.path[0]) {
        error = path_walk(NULL, a.path, NAME_ITSELF, &path);
        if (error) return error;
        error = path_make(&path, &node);
        if (!error) s->inode = inode_get(path.inode);
        path_release(&path);
        if (error) return error == -EEXIST ? -EADDRINUSE : error;
        s->inode->data = s;
    } else {
        if (find_abstract(&a, s->type)) return -EADDRINUSE;
        list_push_back(&abstract_names, &s->abstract_node);
    }
    s->address = a;
    s->name = s;
    return 0;
}

/* -- Bringing two together --------------------------------------------------------- */

long socket_listen(struct socket *s, int backlog) {
    if (s->type == SOCK_DGRAM) return -EOPNOTSUPP;
    if (!s->name || s->peer) return -EINVAL;
    s->listens = true;
    s->peer_credentials = own_credentials();
    s->backlog = min((uint32_t)backlog, BACKLOG_MAX);
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

long socket_connect(struct socket *s, uptr_t address, int size) {
    struct socket_message m = socket_message(s, 0, true);
    bool is_datagram = s->type == SOCK_DGRAM;
    struct socket_address a;
    struct socket *to = NULL;
    int error = address_from_user(&a, address, size);

    if (!error && (a.family || !is_datagram)) error = socket_find(&a, s->type, &to);
    if (error) return error;
    if (!is_datagram) {
        error = call(s, to);
    } else if (to && to->peer && to->peer != s) {
        error = -EPERM;
    } else {                    // where it sends, and from whom alone it receives
        struct socket *old = s->peer;
        s->peer = socket_get(to);
        if (old && old != to) queue_clear(s);   // what a stranger may not have sent
        socket_put(old);
        wait_wake_all(&s->room, 0);
    }
    while (error == -EAGAIN && !(error = (int)socket_wait(&to->room, NULL, &m)))
        error = call(s, to);
    if (to) socket_wake_next(to);       // there may be room for the next
    socket_put(to);
    return error;
}

long socket_accept(struct socket *s, uptr_t address, uptr_t size, int flags) {
    struct socket_message m = socket_message(s, 0, false);
    struct io nothing = { 0 };
    int error = s->type == SOCK_DGRAM ? -EOPNOTSUPP : fd_room();

    if (flags & ~(O_NONBLOCK | O_CLOEXEC)) return -EINVAL;
    if (error || !s->listens) return error ? error : -EINVAL;
    long result = queue_wait(s, NULL, &m);
    if (!result) result = fd_room();    // again: something may have slept
    if (!result) {
        (void)!queue_take(s, &nothing, &m);
        struct file *accepted = m.rights->files[0];
        struct socket *end = accepted->object;
        end->is_pending = false;
        if (!uptr_is_null(address))
            result = address_to_user(end->peer->name, address, size);
        if (!result) {
            file_get(accepted);
            accepted->flags |= flags & O_NONBLOCK;
            result = fd_install(accepted, flags & O_CLOEXEC);
        }
    }
    socket_wake_next(s);
    socket_message_end(&m);
    return result == -EPIPE ? -EINVAL : result;
}

long socket_shutdown(struct socket *s, int how) {
    if (how < 0 || how >= SHUT_BOTH) return -EINVAL;
    unsigned bits = (unsigned)how + 1, others = (bits >> 1 | bits << 1) & SHUT_BOTH;
    s->shut |= bits;
    if (s->peer && s->type != SOCK_DGRAM) s->peer->shut |= others;
    socket_wake_all(s);
    return 0;
}

/* -- Options ----------------------------------------------------------------------- */

enum socket_option {
    SOL_SOCKET = 1,             /* the level of all of them */
    SO_REUSEADDR = 2, SO_TYPE = 3, SO_ERROR = 4, SO_BROADCAST = 6, SO_SNDBUF = 7,
    SO_RCVBUF = 8, SO_KEEPALIVE = 9, SO_PEERCRED = 17, SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38, SO_DOMAIN = 39,
};

#define SEND_LEAST    4608u
#define RECEIVE_LEAST 2304u

#define OPTION(f) { offsetof(struct socket, f), sizeof(((struct socket *)0)->f) }

/* By an option's number: where a socket has its value. */
static const struct {
    uint16_t offset, size;
} options[] = {
    [SO_TYPE] = OPTION(type), [SO_ERROR] = OPTION(error),
    [SO_SNDBUF] = OPTION(send_buffer), [SO_RCVBUF] = OPTION(receive_buffer),
    [SO_RCVTIMEO] = OPTION(timeout[0]), [SO_SNDTIMEO] = OPTION(timeout[1]),
    [SO_PEERCRED] = OPTION(peer_credentials), [SO_ACCEPTCONN] = OPTION(listens),
    [SO_PROTOCOL] = OPTION(protocol), [SO_DOMAIN] = OPTION(domain),
    [SO_REUSEADDR] = OPTION(kept[0]), [SO_BROADCAST] = OPTION(kept[1]),
    [SO_KEEPALIVE] = OPTION(kept[2]),
};

long socket_get_option(struct socket *s, int level, int name, uptr_t value,
                       uptr_t size_at) {
    uint32_t room;

    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (u32_from_user(&room, size_at)) return -EFAULT;
    if ((int32_t)room < 0) return -EINVAL;
    if ((unsigned)name >= ARRAY_SIZE(options) || !options[name].size)
        return -ENOPROTOOPT;
    uint32_t size = min((uint32_t)options[name].size, room);
    int error = copy_to_user(value, (const char *)s + options[name].offset, size);
    if (name == SO_ERROR) s->error = 0;
    return error ? error : u32_to_user(size_at, size);
}

/* A size is doubled, as socket(7) has it. A negative time means not at all, as on
 * Linux. */
long socket_set_option(struct socket *s, int level, int name, uptr_t value, int size) {
    bool is_time = name == SO_RCVTIMEO || name == SO_SNDTIMEO;
    struct time32 v;            // or a number, where the seconds are
    int needed = is_time ? sizeof(v) : sizeof(v.seconds);

    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (size < needed) return -EINVAL;
    if (copy_from_user(&v, value, (size_t)needed)) return -EFAULT;
    uint32_t number = 2 * min((uint32_t)v.seconds, SOCKET_BUFFER);
    if (is_time && (v.parts < 0 || v.parts >= 1000000)) return -EDOM;
    if (is_time)
        s->timeout[name - SO_RCVTIMEO] = v.seconds < 0 ? (struct time32){ 0, 1 } : v;
    else if (name == SO_SNDBUF) s->send_buffer = max(number, SEND_LEAST);
    else if (name == SO_RCVBUF) s->receive_buffer = max(number, RECEIVE_LEAST);
    else if (name == SO_REUSEADDR) s->kept[0] = v.seconds != 0;
    else if (name == SO_BROADCAST) s->kept[1] = v.seconds != 0;
    else if (name == SO_KEEPALIVE) s->kept[2] = v.seconds != 0;
    else return -ENOPROTOOPT;
    socket_wake_all(s);         // there may be room now
    return 0;
}

/* -- Messages ---------------------------------------------------------------------- */

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

#define SCM_RIGHTS  1
#define RIGHTS_MAX  253u        /* descriptors in one message */
#define CONTROL_MAX 131072u

/* SLEEPS. Takes the files that the control data name, of which each word is read once,
 * and finds who is to have the message. */
static long send_message(struct socket *s, struct io *io, struct socket_message *m,
                         const struct user_message *user) {
    uint32_t size = user->control ? user->control_size : 0, total = 0, fd;
    struct socket_address address;
    struct user_control c;
    int error = 0;

    if (size > CONTROL_MAX) return -ENOBUFS;
    for (uint32_t at = 0; at + sizeof(c) <= size; at += round_up(c.size, sizeof(fd))) {
        uptr_t from = uptr(user->control + at);
        if (copy_from_user(&c, from, sizeof(c))) return -EFAULT;
        if (c.size < sizeof(c) || c.size > size - at) return -EINVAL;
        if (c.level != SOL_SOCKET) continue;
        uint32_t count = (c.size - sizeof(c)) / sizeof(fd);
        if (c.type != SCM_RIGHTS || (total += count) > RIGHTS_MAX) return -EINVAL;
        if (count && !m->rights
            && !(m->rights = passed_create(min(size / sizeof(fd), RIGHTS_MAX))))
            return -ENOBUFS;
        for (uint32_t i = 0; i < count; i++) {
            if (u32_from_user(&fd, uptr_add(from, sizeof(c) + i * sizeof(fd))))
                return -EFAULT;
            if (passed_add(m->rights, (int)fd)) return -EBADF;
        }
    }
    if (user->name && user->name_size) {
        error = address_from_user(&address, uptr(user->name), user->name_size);
        if (!error && s->type == SOCK_STREAM) error = s->peer ? -EISCONN : -EOPNOTSUPP;
        else if (!error && s->type == SOCK_DGRAM)
            error = socket_find(&address, SOCK_DGRAM, &m->other);
    }
    return error ? error : socket_send(s, io, m);
}

/* SLEEPS. MSG_WAITALL: again and again, until all is there or something ends it. Sets
 * control_size to what was used, and flags. */
static long receive_message(struct socket *s, struct io *io, struct socket_message *m,
                            struct user_message *user, uptr_t size_at) {
    bool again =
        (m->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && s->type == SOCK_STREAM;
    struct user_control c = { sizeof(c), SOL_SOCKET, SCM_RIGHTS };
    ssize_t n, got = 0;
    int error = 0;

    do {
        n = socket_receive(s, io, m);
        got += max(n, 0);
    } while (n > 0 && again && io->left && !m->rights);
    if (n < 0 && !got) return n;
    const struct socket *name =
        s->type == SOCK_STREAM && s->peer ? s->peer->name : m->other;
    if (user->name)
        error = name ? address_to_user(name, uptr(user->name), size_at)
                     : u32_to_user(size_at, 0);
    // of the files what fits into the user's buffer and table, one by one, as on Linux
    uint32_t count = m->rights ? m->rights->count : 0, done = 0;
    uint32_t room = user->control ? user->control_size : 0;
    for (; done < count && room >= c.size + sizeof(int); done++, c.size += sizeof(int))
        if (fd_install_all(current_process(), &m->rights->files[done], 1,
                           m->flags & MSG_CMSG_CLOEXEC, uptr(user->control + c.size)))
            break;
    bool tells = done && !copy_to_user(uptr(user->control), &c, sizeof(c));
    user->control_size = tells ? c.size : 0;
    user->flags = (m->is_cut ? MSG_TRUNC : 0) | (done < count ? MSG_CTRUNC : 0);
    return error ? error : got;
}

#define FIELD(message, field) uptr_add(message, offsetof(struct user_message, field))

long socket_transfer(struct socket *s, unsigned how, uptr_t memory, size_t size,
                     uint32_t flags, uptr_t name, uptr_t name_size) {
    struct user_message user = { .name = name.address,
                                 .name_size = (int32_t)name_size.address };
    bool sends = how & WRITES;
    struct io io;
    long result;

    if (!(how & VECTOR)) {
        if (io_init(&io, memory, min(size, SSIZE_MAX))) return -EFAULT;
    } else {
        if (copy_from_user(&user, memory, sizeof(user))) return -EFAULT;
        if (user.name && user.name_size < 0) return -EINVAL;
        if (user.vector_count > IOV_MAX) return -EMSGSIZE;
        result = io_init_vector(&io, uptr(user.vector), user.vector_count);
        if (result) return result;
        name_size = FIELD(memory, name_size);
    }
    if (sends) flags &= ~(uint32_t)MSG_PEEK;
    struct socket_message m = socket_message(s, flags, sends);
    result = flags & MSG_OOB ? -EOPNOTSUPP
             : sends         ? send_message(s, &io, &m, &user)
                             : receive_message(s, &io, &m, &user, name_size);
    socket_message_end(&m);
    if (!(how & VECTOR)) return result;
    io_release(&io);
    if (!sends && result >= 0
        && (u32_to_user(FIELD(memory, control_size), user.control_size)
            || u32_to_user(FIELD(memory, flags), user.flags)))
        return -EFAULT;
    return result;
}
