/* socket_message.c - the calls that send and receive, and descriptors inside messages.
 *
 *      msghdr  name       control                                vector
 *              |          [ length level SCM_RIGHTS | 3 | 5 ]    [ bytes ][ bytes ]
 *      to whom, from whom        struct rights                   struct io
 *
 * Invariants: received rights are installed, or discarded, before the call ends.
 * Sleeps: all of them; see socket.c.
 * Linux: control data of other levels is passed over. No out-of-band data, no
 * credentials (SCM_CREDENTIALS), no error queue.
 * Tests: user/tests/socket_message.c, scm_rights.c
 * See: send(2), recv(2), unix(7), Ancillary messages
 */
#include "mm/heap.h"
#include "posix/socket.h"
#include "syscall.h"

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

enum { SOL_SOCKET = 1, SCM_RIGHTS = 1, CONTROL_MAX = 131072 };

/* -- Descriptors out of control data ----------------------------------------------- */

/* Takes the files that the control data name; a copy, so it is judged once. */
static int take_files(struct rights *r, const char *control, uint32_t size) {
    const struct user_control *c;

    for (uint32_t at = 0; at + sizeof(*c) <= size;
         at += round_up(c->size, sizeof(int))) {
        c = (const struct user_control *)(control + at);
        if (c->size < sizeof(*c) || c->size > size - at) return -EINVAL;
        if (c->level != SOL_SOCKET) continue;
        uint32_t count = (c->size - sizeof(*c)) / sizeof(int);
        if (c->type != SCM_RIGHTS || r->passed.count + count > RIGHTS_MAX)
            return -EINVAL;
        int error =
            passed_take(r->files + r->passed.count, (const int *)(c + 1), count);
        if (error) return error;
        r->passed.count += count;
    }
    return 0;
}

/* What the control data want to pass on; *out stays as it is for nothing. */
static int rights_from_user(const struct user_message *user, struct rights **out) {
    uint32_t size = user->control ? user->control_size : 0;

    if (size < sizeof(struct user_control)) return 0;
    if (size > CONTROL_MAX) return -ENOBUFS;
    char *control = heap_alloc_raw(HEAP_SOCKET_RIGHTS, size);
    struct rights *r =
        control ? rights_create(min(size / (uint32_t)sizeof(int), RIGHTS_MAX)) : NULL;
    int error = r ? 0 : -ENOBUFS;
    if (r && copy_from_user(control, uptr(user->control), size)) error = -EFAULT;
    if (!error) error = take_files(r, control, size);
    heap_free(control);
    if (error || r->passed.count == 0) rights_discard(r);
    else *out = r;
    return error;
}

/* -- and into them ----------------------------------------------------------------- */

/* Installs what fits into the user's buffer and table, one by one, as Linux does. Sets
 * control_size to what was used, and flags. */
static void rights_to_user(const struct rights *r, struct user_message *user,
                           bool close_on_exec) {
    struct user_control c = { sizeof(c), SOL_SOCKET, SCM_RIGHTS };
    uint32_t count = r ? r->passed.count : 0, done = 0;

    while (done < count && user->control
           && user->control_size >= c.size + sizeof(int)) {
        int fd = fd_install(r->files[done], 0, close_on_exec);
        if (fd < 0) break;
        file_get(r->files[done]);
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
            result = s->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
        else if (!result && s->type == SOCK_DGRAM)
            result = socket_find(&address, SOCK_DGRAM, &m.to);
    }
    if (!result) result = socket_send(s, io, &m);
    rights_discard(m.rights);
    if (m.to) socket_put(m.to);
    passed_drop(file);
    return result;
}

long sys_sendto(int fd, uptr_t buffer, size_t size, uint32_t flags, uptr_t to,
                int to_size) {
    struct user_message user = { .name = to.address, .name_size = to_size };
    struct io io;

    if (!user_range_ok(buffer, size)) return -EFAULT;
    io_init(&io, buffer, min(size, SSIZE_MAX));
    return send_message(fd, &io, flags, &user);
}

/* Reads the head and the vector, for both directions. */
static long message_from_user(uptr_t from, struct user_message *user, struct io *io,
                              struct io_vector *vector) {
    if (copy_from_user(user, from, sizeof(*user))) return -EFAULT;
    if (user->name_size < 0) return -EINVAL;
    if (user->vector_count > IOV_MAX) return -EMSGSIZE;
    return io_init_vector(io, vector, uptr(user->vector), user->vector_count);
}

long sys_sendmsg(int fd, uptr_t message, uint32_t flags) {
    struct user_message user;
    struct io_vector vector;
    struct io io;
    long result = message_from_user(message, &user, &io, &vector);

    if (result) return result;
    result = send_message(fd, &io, flags, &user);
    io_vector_release(&vector);
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
        const struct socket_name *name =
            s->type == SOCK_STREAM && s->peer ? s->peer->name : m.from;
        if (user->name)
            error = name ? address_to_user(name, uptr(user->name), size_at)
                         : u32_to_user(size_at, 0);
        user->flags = m.flags & MSG_CUT ? MSG_TRUNC : 0;
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

    if (!user_range_ok(buffer, size)) return -EFAULT;
    io_init(&io, buffer, min(size, SSIZE_MAX));
    return receive_message(fd, &io, flags, &user, from_size);
}

#define FIELD(message, field) \
    uptr((message).address + (uint32_t)__builtin_offsetof(struct user_message, field))

long sys_recvmsg(int fd, uptr_t message, uint32_t flags) {
    struct user_message user;
    struct io_vector vector;
    struct io io;
    long result = message_from_user(message, &user, &io, &vector);

    if (result) return result;
    result = receive_message(fd, &io, flags, &user, FIELD(message, name_size));
    io_vector_release(&vector);
    if (result >= 0
        && (u32_to_user(FIELD(message, control_size), user.control_size)
            || u32_to_user(FIELD(message, flags), user.flags)))
        return -EFAULT;
    return result;
}
