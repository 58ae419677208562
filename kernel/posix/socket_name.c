/* socket_name.c - the addresses of sockets: paths, abstract names, and none.
 *
 *      "/run/log"    a node in a file system; its inode's data is the socket
 *      "\0log"       an abstract name: known to the list below, gone with the socket
 *      none          sizes 0 and 2: a socket that was never bound
 *
 * Invariants: an inode's data and a name's socket are there while the socket is open.
 * Sleeps: never.
 * Tests: user/tests/socket_name.c
 * See: unix(7), Address format
 */
#include "base/format.h"
#include "base/string.h"
#include "mm/heap.h"
#include "posix/socket.h"
#include "syscall.h"

#define FAMILY_SIZE 2u          /* of an address without a path */
#define ADDRESS_MAX (FAMILY_SIZE + SOCKET_PATH)

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

int address_from_user(struct socket_address *a, uptr_t from, int size, uint32_t *out) {
    *a = (struct socket_address){ 0 };
    if (size < (int)FAMILY_SIZE || size > (int)ADDRESS_MAX) return -EINVAL;
    if (copy_from_user(a, from, (size_t)size)) return -EFAULT;
    *out = (uint32_t)size;
    if (a->path[0] && size > (int)FAMILY_SIZE) *out = FAMILY_SIZE + strlen(a->path) + 1;
    return 0;
}

int address_to_user(const struct socket_name *name, uptr_t to, uptr_t size_at) {
    static const struct socket_address nothing = { .family = AF_UNIX };
    uint32_t size = name ? name->size : FAMILY_SIZE, room;

    if (u32_from_user(&room, size_at)) return -EFAULT;
    if ((int32_t)room < 0) return -EINVAL;
    if (copy_to_user(to, name ? &name->address : &nothing, min(size, room)))
        return -EFAULT;
    return u32_to_user(size_at, size);
}

/* -- Finding ----------------------------------------------------------------------- */

static struct socket_name *find_abstract(const struct socket_address *a, uint32_t size,
                                         unsigned type) {
    struct socket_name *name;

    list_for_each (name, &abstract_names, node)
        if (name->size == size && name->socket->type == type
            && memcmp(&name->address, a, size) == 0)
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

int socket_find(const struct socket_address *a, uint32_t size, unsigned type,
                struct socket **out) {
    int error = 0;

    if (a->family != AF_UNIX || size <= FAMILY_SIZE) return -EINVAL;
    if (a->path[0]) {
        error = find_by_path(a->path, type, out);
    } else {
        const struct socket_name *name = find_abstract(a, size, type);
        if (!name) return -ECONNREFUSED;
        *out = name->socket;
    }
    if (!error) (*out)->refs++;
    return error;
}

/* -- Binding ----------------------------------------------------------------------- */

/* A free name of five digits. There are a million; a user has fewer sockets. */
static void choose_name(struct socket_name *name, unsigned type) {
    static uint32_t last;

    name->size = FAMILY_SIZE + 6;
    do
        format(name->address.path + 1, 6, "%05x", ++last & 0xfffff);
    while (find_abstract(&name->address, name->size, type));
}

static int bind_path(struct socket_name *name) {
    struct path path;
    int error =
        path_walk(NULL, name->address.path, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path);

    if (error) return error;
    mode_t mode = S_IFSOCK | (0777 & ~current_process()->umask);
    if (path.inode)
        error = -EEXIST;
    else if (path.trailing_slash)
        error = -ENOENT;
    else
        error = path_make(&path, &(struct new_node){ .mode = mode });
    if (!error) {
        name->inode = inode_get(path.inode);
        name->inode->data = name->socket;
    }
    path_release(&path);
    return error == -EEXIST ? -EADDRINUSE : error;
}

static int bind_name(struct socket_name *name, unsigned type) {
    if (name->address.path[0]) return bind_path(name);
    if (name->size == FAMILY_SIZE)
        choose_name(name, type);
    else if (find_abstract(&name->address, name->size, type))
        return -EADDRINUSE;
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
    error = address_from_user(&name->address, address, size, &name->size);
    if (!error && (name->address.family != AF_UNIX || s->name)) error = -EINVAL;
    if (!error) error = bind_name(name, s->type);
    if (error)
        name_put(name);
    else
        s->name = name;
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
