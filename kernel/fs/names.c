/* names.c - opening, making, moving and removing by name: open, link, unlink, rename,
 * mkdir, mknod, symlink.
 *
 * Shape: every call walks to the directory that holds the name, lets the rules of POSIX
 * judge (in Linux's order, so that the same errno comes first), then asks the file
 * system to do it. A file system only refuses for want of memory, or a directory that
 * is full or gone.
 *
 * To open, what can refuse comes first (a free descriptor, permissions, what is there);
 * then the node is made, opened, emptied. Should opening a new node fail for want of
 * memory, its name is taken back.
 *
 * Sleeps: path_open, open and openat, when the path leads to a FIFO.
 * Linux: no block devices that could be opened; no link by descriptor (AT_EMPTY_PATH).
 *   Access mode 3 is EINVAL; O_CREAT with O_DIRECTORY too, as since Linux 6.4.
 * Tests: user/tests/open.c, permissions.c, link.c, mkdir.c, mknod.c, symlink.c,
 *   rename.c, at.c
 */
#include "fs/inode.h"
#include "syscall.h"

/* The last name is none that could be made or removed: a root, "." or "..". */
static bool ends_in_dots(const struct path *path) {
    return path->last.length == 0 || name_is(path->last, name_of("."))
           || name_is(path->last, name_of(".."));
}

/* -- Making a name ----------------------------------------------------------------- */

int path_make(struct path *path, const struct new_node *node) {
    const struct inode_operations *operations = path->parent->operations;

    if (path->inode) return -EEXIST;
    if (path->trailing_slash && (node->mode & S_IFMT) != S_IFDIR) return -ENOENT;
    if (node->inode && node->inode->fs != path->parent->fs) return -EXDEV;
    if (path->parent->links == 0) return -ENOENT;
    int error = inode_permission(path->parent, MAY_WRITE | MAY_SEARCH);
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
    int error = path_walk_user(dirfd, name, NAME_ITSELF, &path);

    if (error) return error;
    error = path_make(&path, node);
    path_release(&path);
    return error;
}

long sys_mkdirat(int dirfd, uptr_t name, mode_t mode) {
    return make(dirfd, name, &(struct new_node){ .mode = S_IFDIR | (mode & 01777) });
}

long sys_mknodat(int dirfd, uptr_t name, mode_t mode, uint32_t device) {
    const mode_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
    bool is_device = type == S_IFCHR || type == S_IFBLK;

    if (type == S_IFDIR || (is_device && current_credentials()->euid != 0))
        return -EPERM;
    if (!is_device && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
        return -EINVAL;
    return make(dirfd, name,
                &(struct new_node){ .mode = type | (mode & 07777),
                                    .device = is_device ? device : 0 });
}

long sys_symlinkat(uptr_t target, int dirfd, uptr_t name) {
    ssize_t length = string_from_user(path_buffer, target, sizeof(path_buffer));

    if (length <= 0) return length ? length : -ENOENT;
    return make(dirfd, name,
                &(struct new_node){ .mode = S_IFLNK | 0777, .target = path_buffer });
}

long sys_linkat(int old_dirfd, uptr_t old, int dirfd, uptr_t name, int flags) {
    struct path from;

    if (flags & ~AT_SYMLINK_FOLLOW) return -EINVAL;
    long error = path_walk_user(old_dirfd, old, flags ? 0 : AT_SYMLINK_NOFOLLOW, &from);
    if (error) return error;
    error = make(dirfd, name,
                 &(struct new_node){ .mode = from.inode->mode, .inode = from.inode });
    path_release(&from);
    return error;
}

/* -- Opening ----------------------------------------------------------------------- */

#define EXCLUSIVE (O_CREAT | O_EXCL)

static unsigned walk_flags(uint32_t flags) {
    bool follows = !(flags & O_NOFOLLOW) && (flags & EXCLUSIVE) != EXCLUSIVE;

    return (flags & O_CREAT ? WALK_PARENT : 0) | (follows ? 0 : AT_SYMLINK_NOFOLLOW);
}

/* May what is there be opened so? */
static int judge(const struct inode *inode, uint32_t flags) {
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    bool reads = (flags & O_ACCMODE) != O_WRONLY;

    if ((flags & EXCLUSIVE) == EXCLUSIVE) return -EEXIST;
    if ((flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR)) return -ENOTDIR;
    if (flags & O_PATH) return 0;
    if (inode_is(inode, S_IFLNK)) return -ELOOP;
    if (inode_is(inode, S_IFDIR) && (writes || (flags & O_CREAT))) return -EISDIR;
    return inode_permission(inode, (reads ? MAY_READ : 0) | (writes ? MAY_WRITE : 0));
}

/* SLEEPS. Opens what was walked to, and releases the path. What is not there is made, a
 * regular file, and opened whatever its mode says. */
static int open_path(struct path *path, uint32_t flags, mode_t mode,
                     struct file **out) {
    const struct new_node node = { .mode = S_IFREG | (mode & 07777) };
    bool is_new = !path->inode, has_slash = path->trailing_slash && !ends_in_dots(path);
    int error = (flags & O_CREAT) && has_slash ? -EISDIR
                : is_new                    ? path_make(path, &node)
                                               : judge(path->inode, flags);

    if (!error) {
        error = inode_open(path->inode, flags, out);
        if (error && is_new)
            path->parent->operations->unlink(path->parent, path->last);
    }
    if (!error && !is_new && (flags & O_TRUNC) && path->inode->object) {
        error = inode_truncate(path->inode, 0);
        if (error) file_put(*out);
    }
    path_release(path);
    return error;
}

int path_open(struct inode *start, const char *name, uint32_t flags, mode_t mode,
              struct file **out) {
    struct path path;
    int error = path_walk(start, name, walk_flags(flags), &path);

    return error ? error : open_path(&path, flags, mode, out);
}

long sys_openat(int dirfd, uptr_t name, int open_flags, mode_t mode) {
    uint32_t flags = (uint32_t)open_flags;
    struct file *file;
    struct path path;

    if (flags & O_PATH)         // only these count beside it
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_ACCMODE) == O_ACCMODE
        || (flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    int result = fd_room();
    if (!result) result = path_walk_user(dirfd, name, walk_flags(flags), &path);
    if (!result) result = open_path(&path, flags, mode, &file);
    return result ? result : fd_install(file, flags & O_CLOEXEC);
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

int path_remove(struct path *path, bool is_directory) {
    static const int of_dots[] = { -EBUSY, -EINVAL, -ENOTEMPTY };   // a root, ".", ".."
    struct inode *parent = path->parent;
    int error;

    if (ends_in_dots(path)) error = is_directory ? of_dots[path->last.length] : -EISDIR;
    else if (!path->inode) error = -ENOENT;
    else if (path->trailing_slash && !is_directory)
        error = inode_is(path->inode, S_IFDIR) ? -EISDIR : -ENOTDIR;
    else if (!(error = may_remove(parent, path->inode, is_directory)))
        error = parent->operations->unlink(parent, path->last);
    path_release(path);
    return error;
}

long sys_unlinkat(int dirfd, uptr_t name, int flags) {
    struct path path;

    if (flags & ~AT_REMOVEDIR) return -EINVAL;
    int error = path_walk_user(dirfd, name, NAME_ITSELF, &path);
    return error ? error : path_remove(&path, flags);
}

/* -- Moving a name ----------------------------------------------------------------- */

/* Is `inode` the directory itself, or one it lies in? */
static bool is_above(const struct inode *inode, const struct inode *directory) {
    while (directory != inode && directory->parent != directory)
        directory = directory->parent;
    return directory == inode;
}

/* Gives from's inode to's name, in the place of what has it now, if it may. */
static int rename_walked(const struct path *from, const struct path *to) {
    if (from->parent->fs != to->parent->fs) return -EXDEV;
    if (ends_in_dots(from) || ends_in_dots(to)) return -EBUSY;
    if (!from->inode) return -ENOENT;
    bool is_directory = inode_is(from->inode, S_IFDIR);
    if (!is_directory && (from->trailing_slash || to->trailing_slash)) return -ENOTDIR;
    if (is_directory && is_above(from->inode, to->parent)) return -EINVAL;
    if (from->inode == to->inode) return 0;
    if (to->inode && is_above(to->inode, from->parent)) return -ENOTEMPTY;
    int error = may_remove(from->parent, from->inode, is_directory);
    if (!error && to->inode) error = may_remove(to->parent, to->inode, is_directory);
    else if (!error && to->parent->links == 0) error = -ENOENT;
    else if (!error) error = inode_permission(to->parent, MAY_WRITE | MAY_SEARCH);
    if (!error && is_directory && from->parent != to->parent)
        error = inode_permission(from->inode, MAY_WRITE); // its ".." changes
    return error ? error
                 : from->parent->operations->rename(from->parent, from->last,
                                                    to->parent, to->last);
}

long sys_renameat(int old_dirfd, uptr_t old, int dirfd, uptr_t name) {
    struct path from, to;
    int error = path_walk_user(old_dirfd, old, NAME_ITSELF, &from);

    if (error) return error;
    error = path_walk_user(dirfd, name, NAME_ITSELF, &to);
    if (!error) {
        error = rename_walked(&from, &to);
        path_release(&to);
    }
    path_release(&from);
    return error;
}
