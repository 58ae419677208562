/* socket.c - sockets: their life, their names, what they are as files.
 *
 *      "/run/log"    a node in a file system; its inode's data is the socket
 *      "\0log"       an abstract name: known to the list below, gone with the socket
 *      none          sizes 0 and 2: a socket that was never bound
 *
 * Invariants: a connected socket has a peer, and each points at the other until its own
 * file is closed. What is queued for a closed socket is gone, and nobody finds it.
 * Wakes: all, when a side is closed.
 * Tests: user/tests/socket_create.c, socket_name.c, socket_poll.c
 * See: unix(7), Address format
 */
#include "posix/socket.h"

#include "core/check.h"
#include "ipc/proc_ipc.h"
#include "mm/heap.h"
#include "syscall.h"

#define FAMILY_SIZE 2u          /* of an address without a path */
#define ADDRESS_MAX (FAMILY_SIZE + SOCKET_PATH)

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
    if (!s || --s->refs) return;
    assert(s->is_closed && list_is_empty(&s->chunks));
    socket_wake_all(s);         // pollers whose own descriptor is closed
    if (s->name != s) socket_put(s->name);
    heap_free(s);
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
    list_node_init(&s->abstract_node);
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

/* -- Addresses, to and from users -------------------------------------------------- */

int address_from_user(struct socket_address *a, uptr_t from, int size) {
    *a = (struct socket_address){ .size = (uint32_t)size };
    if (size < (int)FAMILY_SIZE || size > (int)ADDRESS_MAX) return -EINVAL;
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

static long tell_name(int fd, bool of_peer, uptr_t address, uptr_t size) {
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (!error && of_peer && !(s = s->peer)) error = -ENOTCONN;
    return error ? error : address_to_user(s->name, address, size);
}

long sys_getsockname(int fd, uptr_t address, uptr_t size) {
    return tell_name(fd, false, address, size);
}

long sys_getpeername(int fd, uptr_t address, uptr_t size) {
    return tell_name(fd, true, address, size);
}

/* -- Finding ----------------------------------------------------------------------- */

static struct list abstract_names = LIST_INIT(abstract_names);

static struct socket *find_abstract(const struct socket_address *a, unsigned type) {
    struct socket *s;

    list_for_each (s, &abstract_names, abstract_node)
        if (s->type == type && memcmp(&s->address, a, sizeof(a->size) + a->size) == 0)
            return s;
    return NULL;
}

static int find_by_path(const char *text, unsigned type, struct socket **out) {
    struct path path;
    int error = path_walk(NULL, text, 0, &path);

    if (error) return error;
    error = inode_permission(path.inode, MAY_WRITE);
    *out = inode_is(path.inode, S_IFSOCK) ? path.inode->data : NULL;
    if (!error) error = !*out ? -ECONNREFUSED : (*out)->type != type ? -EPROTOTYPE : 0;
    path_release(&path);
    return error;
}

int socket_find(const struct socket_address *a, unsigned type, struct socket **out) {
    int error = 0;

    if (a->family != AF_UNIX || a->size <= FAMILY_SIZE) return -EINVAL;
    if (a->path[0]) error = find_by_path(a->path, type, out);
    else if (!(*out = find_abstract(a, type))) error = -ECONNREFUSED;
    *out = error ? NULL : socket_get(*out);
    return error;
}

/* -- Binding ----------------------------------------------------------------------- */

static int bind_path(struct socket *s, const char *text) {
    struct new_node node = { .mode = S_IFSOCK | (0777 & ~current_process()->umask) };
    struct path path;
    int error = path_walk(NULL, text, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path);

    if (error) return error;
    error = path_make(&path, &node);
    if (!error) {
        s->inode = inode_get(path.inode);
        s->inode->data = s;
    }
    path_release(&path);
    return error == -EEXIST ? -EADDRINUSE : error;
}

/* For an empty name the kernel chooses a free one of five digits. There are a million;
 * a user has fewer sockets. */
static int bind_abstract(struct socket *s, struct socket_address *a) {
    static uint32_t last;

    if (a->size == FAMILY_SIZE) {
        a->size = FAMILY_SIZE + 6;
        do
            format(a->path + 1, 6, "%05x", ++last & 0xfffff);
        while (find_abstract(a, s->type));
    } else if (find_abstract(a, s->type)) {
        return -EADDRINUSE;
    }
    list_push_back(&abstract_names, &s->abstract_node);
    return 0;
}

long sys_bind(int fd, uptr_t address, int size) {
    struct socket_address a;
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (!error) error = address_from_user(&a, address, size);
    if (!error && (a.family != AF_UNIX || s->name)) error = -EINVAL;
    if (!error) error = a.path[0] ? bind_path(s, a.path) : bind_abstract(s, &a);
    if (error) return error;
    s->address = a;
    s->name = s;
    return 0;
}

/* -- As a file --------------------------------------------------------------------- */

static unsigned socket_poll(struct file *file, struct poll_table *table) {
    struct socket *s = file->object, *to = s->peer;
    bool is_alone = s->type != SOCK_DGRAM && !s->peer && !s->listens;
    unsigned events = s->error ? POLLERR : 0;

    poll_wait(table, &s->arrived);
    if (to) poll_wait(table, &to->room);
    if (s->shut & SHUT_READ) events |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (s->shut == SHUT_BOTH || is_alone) events |= POLLHUP;
    if (s->queued) events |= POLLIN | POLLRDNORM;
    if (!s->listens && (!to || to->queued < socket_capacity(to)))
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
        if (s->type == SOCK_DGRAM) break;
    }
    return u32_to_user(argument, bytes);
}

/* Tells the peer, gives the queue and the name back, wakes everybody. */
static void socket_release(struct file *file) {
    struct socket *s = file->object, *peer = s->peer;

    s->is_closed = true;
    s->shut = SHUT_BOTH;
    list_remove(&s->abstract_node);
    if (s->inode) {
        s->inode->data = NULL;
        inode_put(s->inode);
    }
    if (peer && s->type != SOCK_DGRAM) {
        peer->shut = SHUT_BOTH;
        if (s->is_pending || s->queued) peer->error = ECONNRESET;
        socket_wake_all(peer);
    }
    queue_clear(s);
    s->peer = NULL;
    socket_put(peer);
    socket_wake_all(s);
    socket_put(s);
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
    const char *state = s->listens ? "listens" : s->peer ? "connected" : "alone";
    char name[SOCKET_PATH + 1] = "";

    if (s->name) memcpy(name, s->name->address.path, sizeof(name));
    if (s->name && !name[0]) name[0] = '@';     // an abstract one
    text_printf(text, "socket:[%u] %s", s->number, types[s->type]);
    text_word(text, name);
    text_printf(text, " %u - %04o %u %u %s", heap_account(s)->uid,
                s->inode ? s->inode->mode & 07777 : 0777, socket_capacity(s), s->queued,
                state);
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

static const struct proc_entry entry PROC_TABLE = { .name = "ipc/sockets",
                                                     .show = show_sockets };

/* -- Checking ---------------------------------------------------------------------- */

static void socket_check(const struct socket *s) {
    const struct socket *peer = s->peer;
    const struct chunk *c;
    uint32_t queued = 0;

    list_for_each (c, &s->chunks, node) {
        queued += c->size;
        check_that(c->start <= c->end && c->end <= c->size,
                   "a chunk of %u bytes holds %u to %u", c->size, c->start, c->end);
    }
    check_counted(s, "bytes", s->queued, queued);
    check_that(s->type == SOCK_DGRAM || !peer
                   || (!s->listens && (peer->peer == s || peer->is_closed)),
               "socket:[%u] is not its peer's", s->number);
}

static void sockets_check(void) {
    const struct file *file;

    list_for_each (file, &all_files, all_node)
        if (file->operations == &socket_operations) socket_check(file->object);
}

static const struct checker checker CHECKER = { "sockets", NULL, sockets_check };
