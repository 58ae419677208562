/* path.c - from a path to what it leads to, and the way back up: getcwd.
 *
 * Shape: a walk takes one name after the other off `rest`. There is no recursion: a
 * symbolic link only changes where the walk is and what is left of it. Its text moves
 * in front of the rest:
 *
 *      walked: "link/x"   link -> "../to"       walked: "../to/x"
 *
 * No walk sleeps: there is never more than one, and its texts are static.
 *
 * An inode does not know its own name. Its path is written from the end: each name is
 * looked for in its directory's list, up to the root.
 *
 *      path_buffer [ ............ | /home | /student | NUL ]
 *                                   ^ found second  ^ found first
 *
 * Invariants: where a walk is, is held. Each directory gone through is searched only
 * with permission. ".." stops at the root and leaves a mounted file system.
 * Sleeps: never.
 * Linux: a link's text and the path behind it together must fit PATH_MAX.
 * Tests: user/tests/path.c, symlink.c, chdir.c, proc_pid.c
 */
#include "fs/inode.h"
#include "syscall.h"

static char walked[PATH_MAX];   // the path in work
static char linked[PATH_MAX];   // what a link in it says
char path_buffer[PATH_MAX];

struct inode *inode_parent(struct inode *inode) {
    if (inode == root_inode) return inode;
    while (inode->covers) inode = inode->covers;
    return inode->parent;
}

/* What `name` leads to from `at`, with a reference; mounts are crossed. */
static int walk_lookup(struct inode *at, struct name name, struct inode **next) {
    struct inode *found;

    if (!inode_is(at, S_IFDIR)) return -ENOTDIR;
    int error = inode_permission(at, MAY_SEARCH);
    if (error) return error;
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    if (name_is(name, name_of("."))) found = inode_get(at);
    else if (name_is(name, name_of(".."))) found = inode_get(inode_parent(at));
    else if ((error = at->operations->lookup(at, name, &found))) return error;
    while (found->mounted) {
        struct inode *root = inode_get(found->mounted);
        inode_put(found);
        found = root;
    }
    *next = found;
    return 0;
}

/* Follows a link: changes *rest, whose front its text becomes, or *at, or both. */
static int walk_link(struct inode **at, const char **rest, struct inode *link) {
    struct inode *target = NULL;

    if (link->operations->follow) target = link->operations->follow(link);
    if (!target) {
        size_t size = strlen(*rest) + 1;
        ssize_t length = link->operations->readlink(link, linked);
        if (length <= 0) return length ? (int)length : -ENOENT;
        if ((size_t)length + size > PATH_MAX) return -ENAMETOOLONG;
        memmove(walked + length, *rest, size);
        memcpy(walked, linked, (size_t)length);
        *rest = walked;
        target = inode_get(walked[0] == '/' ? root_inode : *at);
    }
    inode_put(*at);
    *at = target;
    return 0;
}

/* Walks the path in `walked` from `start`, or from the root if it is absolute. A link
 * in the last place is followed with a slash behind it, which asks for what it leads
 * to; but who makes or removes names means the link itself. */
static int walk(struct inode *start, unsigned flags, struct path *path) {
    struct inode *at = inode_get(walked[0] == '/' ? root_inode : start), *next;
    const char *rest = walked;
    unsigned links = 0;
    int error;

    path->parent = NULL;
    path->last = (struct name){ path->text, 0 };
    path->trailing_slash = false;
    for (;;) {
        while (*rest == '/') rest++;
        if (!*rest) break;
        struct name name = { rest, 0 };
        while (*rest && *rest != '/') rest++;
        name.length = (size_t)(rest - name.text);
        bool slash = path->trailing_slash = *rest == '/';
        const char *following = rest;
        while (*following == '/') following++;
        bool is_last = !*following, ends = is_last && (flags & WALK_PARENT);
        error = walk_lookup(at, name, &next);
        if (error == -ENOENT && ends) next = NULL;
        else if (error) goto fail;
        if (next && inode_is(next, S_IFLNK)
            && !(is_last && (flags & (slash ? WALK_PARENT : AT_SYMLINK_NOFOLLOW)))) {
            error = ++links > SYMLINKS_MAX ? -ELOOP : walk_link(&at, &rest, next);
            inode_put(next);
            if (error) goto fail;
        } else if (ends) {
            path->parent = at;
            path->inode = next;
            path->last.length = name.length;
            memcpy(path->text, name.text, name.length);
            return 0;
        } else {
            inode_put(at);
            at = next;
        }
    }
    error = -ENOTDIR;
    if (path->trailing_slash && !inode_is(at, S_IFDIR)) goto fail;
    path->inode = at;
    if (flags & WALK_PARENT) path->parent = inode_get(at);
    return 0;

fail:
    inode_put(at);
    return error;
}

/* -- Walks from the kernel and from programs --------------------------------------- */

void path_release(struct path *path) {
    inode_put(path->inode);
    inode_put(path->parent);
}

int path_walk(struct inode *start, const char *name, unsigned flags,
              struct path *path) {
    if (!string_copy(walked, name, sizeof(walked))) return -ENAMETOOLONG;
    if (!walked[0]) return -ENOENT;
    return walk(start ? start : current_process()->directory, flags, path);
}

int path_walk_user(int dirfd, uptr_t name, unsigned flags, struct path *path) {
    const struct file *file = flags & THE_FILE ? fd_peek(dirfd) : fd_place(dirfd);
    struct inode *start = file ? file->inode : NULL;

    walked[0] = '\0';
    if (!(flags & (THE_FILE | THE_PLACE))) {
        ssize_t length = string_from_user(walked, name, sizeof(walked));
        if (length < 0) return (int)length;
        if (length == 0 && !(flags & AT_EMPTY_PATH)) return -ENOENT;
        if (dirfd == AT_FDCWD || walked[0] == '/') start = current_process()->directory;
    }
    return start ? walk(start, flags, path) : -EBADF;
}

long path_apply(int dirfd, uptr_t name, unsigned flags, inode_action action,
                const void *context) {
    struct path path;
    long result = path_walk_user(dirfd, name, flags, &path);

    if (result) return result;
    result = action(path.inode, context);
    path_release(&path);
    return result;
}

/* -- Back up, and the working directory -------------------------------------------- */

ssize_t path_of_inode(struct inode *inode) {
    size_t length = 1;

    path_buffer[PATH_MAX - 1] = '\0';
    for (struct inode *parent; (parent = inode_parent(inode)) != inode;
         inode = parent) {
        const struct inode *named = inode;
        struct cursor c = { .next = FIRST_ENTRY };
        while (named->covers) named = named->covers;
        do {
            if (!parent || inode->links == 0
                || parent->operations->next(parent, &c) <= 0)
                return -ENOENT;
        } while (c.number != named->number);
        length += c.name.length + 1;
        if (length > PATH_MAX) return -ENAMETOOLONG;
        path_buffer[PATH_MAX - length] = '/';
        memcpy(path_buffer + PATH_MAX - length + 1, c.name.text, c.name.length);
    }
    if (length == 1) path_buffer[PATH_MAX - ++length] = '/';
    return (ssize_t)length;
}

long sys_getcwd(uptr_t to, size_t size) {
    ssize_t length = path_of_inode(current_process()->directory);

    if (length < 0) return length;
    if ((size_t)length > size) return -ERANGE;
    return copy_to_user(to, path_buffer + PATH_MAX - length, (size_t)length) ? -EFAULT
                                                                             : length;
}

/* Makes inode the working directory if that is allowed. */
long inode_enter(struct inode *inode, const void *unused) {
    struct process *process = current_process();
    struct inode *old = process->directory;

    (void)unused;
    if (!inode_is(inode, S_IFDIR)) return -ENOTDIR;
    int error = inode_permission(inode, MAY_SEARCH);
    if (error) return error;
    process->directory = inode_get(inode);
    inode_put(old);
    return 0;
}

long sys_umask(mode_t mask) {
    struct process *process = current_process();
    mode_t old = process->umask;

    process->umask = mask & 0777;
    return (long)old;
}
