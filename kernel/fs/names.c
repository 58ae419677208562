/* names.c - making, moving and removing names: link, unlink, rename, mkdir, mknod,
 * symlink.
 *
 * Shape: every call walks to the directory that holds the name, lets the rules of POSIX
 * judge (in Linux's order, so that the same errno comes first), then asks the file
 * system to do it. A file system only refuses for want of memory, or a directory that
 * is full or gone.
 *
 * Sleeps: never.
 * Linux: no block devices that could be opened; no link by descriptor (AT_EMPTY_PATH).
 * Tests: user/tests/link.c, mkdir.c, mknod.c, symlink.c, rename.c, at.c
 */
#include "fs/inode.h"
#include "sched/process.h"
#include "syscall.h"

/* -- Making a name ----------------------------------------------------------------- */

/* May a name be made in the directory? -EACCES, or -ENOENT when it was removed. */
static int may_make(const struct inode *directory) {
    if (directory->links == 0) return -ENOENT;
    return inode_permission(directory, MAY_WRITE | MAY_SEARCH);
}

int path_make(struct path *path, const struct new_node *node) {
    const struct inode_operations *operations = path->parent->operations;
    int error = may_make(path->parent);

    if (path->inode) return -EEXIST;
    if (path->trailing_slash && (node->mode & S_IFMT) != S_IFDIR) return -ENOENT;
    if (node->inode && node->inode->fs != path->parent->fs) return -EXDEV;
    if (error) return error;
    if (!operations->make || (node->inode && inode_is(node->inode, S_IFDIR)))
        return -EPERM;
    if (node->inode && node->inode->links == 0)
        return -ENOENT;         // its last name was removed meanwhile
    return operations->make(path->parent, path->last, node, &path->inode);
}

/* Makes a name that must not be there yet. */
static long make(int dirfd, uptr_t name, const struct new_node *node) {
    struct path path;
    int error = path_walk_user(dirfd, name, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path);

    if (error) return error;
    error = path_make(&path, node);
    path_release(&path);
    return error;
}

static mode_t less_umask(mode_t mode) {
    return mode & ~(current_process()->umask & 0777);
}

long sys_mkdirat(int dirfd, uptr_t name, mode_t mode) {
    const struct new_node node = { .mode = S_IFDIR | less_umask(mode & 01777) };

    return make(dirfd, name, &node);
}

long sys_mknodat(int dirfd, uptr_t name, mode_t mode, uint32_t device) {
    struct new_node node = { .mode = less_umask(mode & (S_IFMT | 07777)) };

    switch (mode & S_IFMT) {
    case 0: node.mode |= S_IFREG; break;
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK: break;
    case S_IFCHR:
    case S_IFBLK:
        if (current_credentials()->euid != 0) return -EPERM;
        node.device = device;
        break;
    case S_IFDIR: return -EPERM;
    default: return -EINVAL;
    }
    return make(dirfd, name, &node);
}

long sys_symlinkat(uptr_t target, int dirfd, uptr_t name) {
    ssize_t length = string_from_user(path_buffer, target, sizeof(path_buffer));

    if (length <= 0) return length ? length : -ENOENT;
    return make(dirfd, name,
                &(struct new_node){ .mode = S_IFLNK | 0777, .target = path_buffer });
}

struct link_request {
    int dirfd;
    uptr_t name;
};

static long link_to(struct inode *inode, const void *context) {
    const struct link_request *request = context;

    return make(request->dirfd, request->name,
                &(struct new_node){ .mode = inode->mode, .inode = inode });
}

long sys_linkat(int old_dirfd, uptr_t old, int dirfd, uptr_t name, int flags) {
    if (flags & ~AT_SYMLINK_FOLLOW) return -EINVAL;
    return path_apply(old_dirfd, old, flags ? 0 : AT_SYMLINK_NOFOLLOW, link_to,
                      &(struct link_request){ dirfd, name });
}

/* -- Removing a name --------------------------------------------------------------- */

/* May `victim` lose its name in the directory, as the kind of thing it must be? */
static int may_remove(const struct inode *parent, const struct inode *victim,
                      bool is_directory) {
    int error = inode_permission(parent, MAY_WRITE | MAY_SEARCH);

    if (error) return error;
    if ((parent->mode & S_ISVTX) && !inode_is_owned(parent) && !inode_is_owned(victim))
        return -EPERM;
    if (is_directory != inode_is(victim, S_IFDIR))
        return is_directory ? -ENOTDIR : -EISDIR;
    if (victim->covers) return -EBUSY;
    return parent->operations->unlink ? 0 : -EPERM;
}

/* What rmdir and unlink say of a path; -EISDIR and the like when it ends in no proper
 * name, or in a slash. */
static int judge_unlink(const struct path *path, bool is_directory) {
    if (path_ends_in_dots(path)) {
        if (!is_directory) return -EISDIR;
        if (path->last.length == 0) return -EBUSY;
        return path->last.length == 1 ? -EINVAL : -ENOTEMPTY;
    }
    if (!path->inode) return -ENOENT;
    if (path->trailing_slash && !is_directory)
        return inode_is(path->inode, S_IFDIR) ? -EISDIR : -ENOTDIR;
    return may_remove(path->parent, path->inode, is_directory);
}

/* Removes the last name, and gives the path back. */
static int remove_last(struct path *path, bool is_directory) {
    int error = judge_unlink(path, is_directory);

    if (!error)
        error =
            path->parent->operations->unlink(path->parent, path->last, is_directory);
    path_release(path);
    return error;
}

long sys_unlinkat(int dirfd, uptr_t name, int flags) {
    struct path path;
    int error;

    if (flags & ~AT_REMOVEDIR) return -EINVAL;
    error = path_walk_user(dirfd, name, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path);
    return error ? error : remove_last(&path, flags);
}

int path_remove(struct inode *start, const char *name) {
    struct path path;
    int error = path_walk(start, name, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path);

    return error ? error : remove_last(&path, false);
}

/* -- Moving a name ----------------------------------------------------------------- */

/* Is `inode` the directory itself, or one it lies in? */
static bool is_above(const struct inode *inode, const struct inode *directory) {
    while (directory != inode && directory->parent != directory)
        directory = directory->parent;
    return directory == inode;
}

/* May from's inode take to's name, in the place of what has it now? */
static int judge_rename(const struct path *from, const struct path *to) {
    bool is_directory;
    int error;

    if (from->parent->fs != to->parent->fs) return -EXDEV;
    if (path_ends_in_dots(from) || path_ends_in_dots(to)) return -EBUSY;
    if (!from->inode) return -ENOENT;
    is_directory = inode_is(from->inode, S_IFDIR);
    if (!is_directory && (from->trailing_slash || to->trailing_slash)) return -ENOTDIR;
    if (is_directory && is_above(from->inode, to->parent)) return -EINVAL;
    if (from->inode == to->inode) return 0;
    if (to->inode && is_above(to->inode, from->parent)) return -ENOTEMPTY;
    error = may_remove(from->parent, from->inode, is_directory);
    if (!error)
        error = to->inode ? may_remove(to->parent, to->inode, is_directory)
                          : may_make(to->parent);
    if (!error && is_directory && from->parent != to->parent)
        error = inode_permission(from->inode, MAY_WRITE); // its ".." changes
    return error;
}

long sys_renameat(int old_dirfd, uptr_t old, int dirfd, uptr_t name) {
    const unsigned flags = WALK_PARENT | AT_SYMLINK_NOFOLLOW;
    struct path from, to;
    int error = path_walk_user(old_dirfd, old, flags, &from);

    if (error) return error;
    error = path_walk_user(dirfd, name, flags, &to);
    if (!error) {
        error = judge_rename(&from, &to);
        if (!error && from.inode != to.inode)
            error = from.parent->operations->rename(from.parent, from.last, to.parent,
                                                    to.last);
        path_release(&to);
    }
    path_release(&from);
    return error;
}
