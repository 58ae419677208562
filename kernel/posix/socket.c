/* socket.c - sockets: their life, what they are as files, and their options.
 *
 * Invariants: a connected socket has a peer, and each points at the other until its own
 * file is closed. What is queued for a closed socket is gone.
 * Sleeps: read and write; see socket_transfer.c.
 * Wakes: all, when a side is shut or closed.
 * Linux: the options below and no others (ENOPROTOOPT). Time-outs have 32-bit seconds.
 * Tests: user/tests/socket_create.c, socket_poll.c, socket_options.c
 * See: unix(7), socket(7)
 */
#include "posix/socket.h"

#include "base/format.h"
#include "base/string.h"
#include "core/check.h"
#include "core/panic.h"
#include "ipc/proc_ipc.h"
#include "mm/heap.h"
#include "syscall.h"

static void describe(const struct waiter *waiter, char *to, size_t size);

static const struct wait_class arrived_class = { "socket with something to receive",
                                                 describe };
static const struct wait_class room_class = { "socket with room", describe };

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct wait_queue *q = waiter->queue;
    const struct socket *s = q->class == &arrived_class
                                 ? container_of(q, struct socket, arrived)
                                 : container_of(q, struct socket, room);

    format(to, size, "socket:[%u] -", s->number);
}

/* -- Life -------------------------------------------------------------------------- */

void socket_wake_all(struct socket *s) {
    wait_wake_all(&s->arrived, 0);
    wait_wake_all(&s->room, 0);
}

void socket_wake_next(struct socket *s) {
    if (!wait_queue_is_empty(&s->arrived) && s->queued) wait_wake(&s->arrived, 1, 0);
    if (!wait_queue_is_empty(&s->room) && s->queued < socket_capacity(s))
        wait_wake(&s->room, 1, 0);
}

void socket_put(struct socket *s) {
    if (--s->refs) return;
    assert(s->is_closed && list_is_empty(&s->chunks));
    socket_wake_all(s);         // pollers whose own descriptor is closed
    name_put(s->name);
    heap_free(s);
}

/* Tells the peer, gives the queue back, wakes everybody. */
static void socket_release(struct file *file) {
    struct socket *s = file->object, *peer = s->peer;

    s->is_closed = true;
    s->shut = SHUT_BOTH;
    name_unbind(s);
    if (peer && s->type != SOCK_DGRAM) {
        peer->shut = SHUT_BOTH;
        if (s->is_pending || s->queued) peer->error = ECONNRESET;
        socket_wake_all(peer);
    }
    queue_clear(s);
    s->peer = NULL;
    if (peer) socket_put(peer);
    socket_wake_all(s);
    socket_put(s);
}

struct file *socket_make(int type) {
    struct socket *s = heap_new(HEAP_SOCKET, struct socket);
    struct file *file =
        s ? file_create(&socket_operations, O_RDWR | (type & O_NONBLOCK),
                        inode_nameless(S_IFSOCK | 0777), s)
          : NULL;

    if (!file) {
        heap_free(s);
        return NULL;
    }
    s->refs = 1;
    s->number = (uint32_t)file->inode->number;
    s->type = type & 0xf;
    list_init(&s->chunks);
    wait_queue_init(&s->arrived, &arrived_class);
    wait_queue_init(&s->room, &room_class);
    file_holder_init(&s->holder);
    s->peer_credentials.uid = s->peer_credentials.gid = (uid_t)-1;
    s->send_buffer = s->receive_buffer = SOCKET_BUFFER;
    return file;
}

int socket_peek(int fd, struct socket **s) {
    const struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    if (file->operations != &socket_operations) return -ENOTSOCK;
    *s = file->object;
    return 0;
}

int socket_take_error(struct socket *s) {
    int error = s->error;

    s->error = 0;
    return error;
}

/* -- As a file --------------------------------------------------------------------- */

static unsigned socket_poll(struct file *file, struct poll_table *table) {
    struct socket *s = file->object, *to = s->peer;
    bool is_alone = s->type != SOCK_DGRAM && s->state == SOCKET_ALONE;
    unsigned events = s->error ? POLLERR : 0;

    poll_wait(table, &s->arrived);
    if (to) poll_wait(table, &to->room);
    if (s->shut & SHUT_READ) events |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (s->shut == SHUT_BOTH || is_alone) events |= POLLHUP;
    if (s->queued) events |= POLLIN | POLLRDNORM;
    if (s->state != SOCKET_LISTENS && (!to || to->queued < socket_capacity(to)))
        events |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return events;
}

/* FIONREAD: bytes in the queue; of datagrams, in the first. */
static long socket_ioctl(struct file *file, uint32_t request, uptr_t argument) {
    enum { FIONREAD = 0x541b };
    const struct socket *s = file->object;
    const struct chunk *c;
    uint32_t bytes = 0;

    if (request != FIONREAD) return -ENOTTY;
    list_for_each (c, &s->chunks, node) {
        bytes += c->end - c->start;
        if (c->is_last && s->type == SOCK_DGRAM) break;
    }
    return u32_to_user(argument, bytes);
}

static struct file_holder *socket_holder(struct file *file) {
    return &((struct socket *)file->object)->holder;
}

const struct file_operations socket_operations = {
    .name = "socket", .read = socket_read,
    .write = socket_write, .poll = socket_poll, .ioctl = socket_ioctl,
    .holder = socket_holder, .release = socket_release,
};

/* -- /proc/ipc/sockets ------------------------------------------------------------- */

/* socket:[number] type name uid - mode capacity queued state peer, and who waits. */
static void show_socket(struct text *text, const struct socket *s) {
    static const char *const types[] = { "", "stream", "dgram", "", "", "seqpacket" };
    static const char *const states[] = { "alone", "listens", "connected" };
    char name[SOCKET_PATH + 1] = "";

    if (s->name) memcpy(name, s->name->address.path, sizeof(name));
    if (s->name && !name[0])
        name[0] = '@';          // an abstract one
    text_printf(text, "socket:[%u] %s", s->number, types[s->type]);
    text_word(text, name);
    text_printf(text, " %u - %04o %u %u %s", heap_account(s)->uid,
                s->name && s->name->inode ? s->name->inode->mode & 07777 : 0777,
                socket_capacity(s), s->queued, states[s->state]);
    text_printf(text, s->peer ? " socket:[%u]" : " -", s->peer ? s->peer->number : 0);
    text_waiters(text, "senders", &s->room);
    text_waiters(text, "receivers", &s->arrived);
    text_add(text, "\n", 1);
}

static void show_sockets(struct text *text) {
    const struct file *file;

    list_for_each (file, &all_files, all_node)
        if (file->operations == &socket_operations) show_socket(text, file->object);
}

static bool is_sound(const struct socket *s) {
    const struct chunk *c;
    uint32_t queued = 0;

    list_for_each (c, &s->chunks, node) {
        queued += c->size;
        if (c->start > c->end || c->end > c->size) return false;
    }
    return s->queued == queued && (s->state != SOCKET_CONNECTED || s->peer);
}

static void sockets_count(void) {
    const struct rights *rights;

    heap_for_each(rights, HEAP_SOCKET_RIGHTS)
        passed_found(rights->files, rights->passed.count);
}

static bool sockets_check(void) {
    const struct file *file;

    list_for_each (file, &all_files, all_node) {
        const struct socket *s = file->object;
        if (file->operations == &socket_operations && !is_sound(s))
            return check_failed("socket:[%u] has not %u bytes queued, or no peer",
                                s->number, s->queued);
    }
    return true;
}

static const struct proc_entry entry PROC_TABLE = { .name = "ipc/sockets",
                                                     .show = show_sockets };

void sockets_init(void) {
    static struct checker checker = { .name = "sockets", .count = sockets_count,
                                      .check = sockets_check };

    checker_register(&checker);
}

/* -- Options ----------------------------------------------------------------------- */

enum socket_option {
    SO_TYPE = 3, SO_ERROR = 4, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_PEERCRED = 17,
    SO_RCVTIMEO = 20, SO_SNDTIMEO = 21, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
};

enum { SOL_SOCKET = 1, SEND_LEAST = 4608, RECEIVE_LEAST = 2304 };

long sys_getsockopt(int fd, int level, int name, uptr_t value, uptr_t size_at) {
    union {
        uint32_t number;
        struct timeval32 time;
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
    case SO_ACCEPTCONN: v.number = s->state == SOCKET_LISTENS; break;
    case SO_PROTOCOL: break;
    case SO_DOMAIN: v.number = AF_UNIX; break;
    case SO_PEERCRED: v.peer = s->peer_credentials, size = sizeof(v.peer); break;
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
        v.time = nanoseconds_to_timeval32(name == SO_RCVTIMEO ? s->receive_timeout
                                                              : s->send_timeout);
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
    struct timeval32 time;

    if (size < (int)sizeof(time)) return -EINVAL;
    if (copy_from_user(&time, value, sizeof(time))) return -EFAULT;
    if (time.microseconds < 0 || time.microseconds >= 1000000) return -EDOM;
    *timeout = time.seconds < 0 ? 1 : timeval32_to_nanoseconds(time);
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
