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
#include "base/string.h"
#include "fs/component.h"
#include "fs/inode.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "syscall.h"

enum { AT_REMOVEDIR = 0x200, AT_SYMLINK_FOLLOW = 0x400 };

/* -- Making a name ----------------------------------------------------------------- */

/* May the name be made that the path ends in? */
static int judge_new(const struct path *path, bool is_directory)
{
    if (path->inode)
        return -EEXIST;
    if (path->trailing_slash && !is_directory)
        return -ENOENT;
    return inode_may_make(path->parent);
}

/* Walks to a name that must not exist yet. 0 and a path to release. */
static int new_name(int dirfd, uptr_t name, struct path *path)
{
    int error = path_walk_user(dirfd, name, WALK_PARENT | WALK_NO_FOLLOW, path);

    if (error)
        return error;
    error = judge_new(path, false);
    if (error)
        path_release(path);
    return error;
}

int path_make_node(struct path *path, mode_t mode, uint32_t device)
{
    int error = judge_new(path, (mode & S_IFMT) == S_IFDIR);

    if (error)
        return error;
    if (!path->parent->operations->create)
        return -EPERM;
    mode &= ~(current_process()->umask & 0777);
    return path->parent->operations->create(path->parent, path->last, path->last_length,
                                            mode, device, &path->inode);
}

static long make_node(int dirfd, uptr_t name, mode_t mode, uint32_t device)
{
    struct path path;
    int error = path_walk_user(dirfd, name, WALK_PARENT | WALK_NO_FOLLOW, &path);

    if (error)
        return error;
    error = path_make_node(&path, mode, device);
    path_release(&path);
    return error;
}

long sys_mkdirat(int dirfd, uptr_t name, mode_t mode)
{
    return make_node(dirfd, name, S_IFDIR | (mode & 01777), 0);
}

long sys_mkdir(uptr_t name, mode_t mode)
{
    return sys_mkdirat(AT_FDCWD, name, mode);
}

long sys_mknodat(int dirfd, uptr_t name, mode_t mode, uint32_t device)
{
    mode &= S_IFMT | 07777;
    switch (mode & S_IFMT) {
    case 0: mode |= S_IFREG; break;
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK: break;
    case S_IFCHR:
    case S_IFBLK:
        if (current_credentials()->euid != 0)
            return -EPERM;
        return make_node(dirfd, name, mode, device);
    case S_IFDIR: return -EPERM;
    default: return -EINVAL;
    }
    return make_node(dirfd, name, mode, 0);
}

long sys_mknod(uptr_t name, mode_t mode, uint32_t device)
{
    return sys_mknodat(AT_FDCWD, name, mode, device);
}

static long make_symlink(const char *target, int dirfd, uptr_t name)
{
    struct path path;
    int error = new_name(dirfd, name, &path);

    if (error)
        return error;
    error = -EPERM;
    if (path.parent->operations->symlink)
        error = path.parent->operations->symlink(path.parent, path.last,
                                                 path.last_length, target);
    path_release(&path);
    return error;
}

long sys_symlinkat(uptr_t target, int dirfd, uptr_t name)
{
    struct path text;
    long result = path_copy(&text, target);

    if (result)
        return result;
    result = make_symlink(path_text(&text), dirfd, name);
    path_release(&text);
    return result;
}

long sys_symlink(uptr_t target, uptr_t name)
{
    return sys_symlinkat(target, AT_FDCWD, name);
}

static long make_link(struct inode *target, int dirfd, uptr_t name)
{
    struct path path;
    int error = new_name(dirfd, name, &path);

    if (error)
        return error;
    if (target->fs != path.parent->fs)
        error = -EXDEV;
    else if (inode_is(target, S_IFDIR) || !path.parent->operations->link)
        error = -EPERM;
    else if (target->links == 0)
        error = -ENOENT;
    else
        error = path.parent->operations->link(path.parent, path.last, path.last_length,
                                              target);
    path_release(&path);
    return error;
}

long sys_linkat(int old_dirfd, uptr_t old, int dirfd, uptr_t name, int flags)
{
    struct path path;
    long result;

    if (flags & ~AT_SYMLINK_FOLLOW)
        return -EINVAL;
    result = path_walk_user(old_dirfd, old, flags ? 0 : WALK_NO_FOLLOW, &path);
    if (result)
        return result;
    result = make_link(path.inode, dirfd, name);
    path_release(&path);
    return result;
}

long sys_link(uptr_t old, uptr_t name)
{
    return sys_linkat(AT_FDCWD, old, AT_FDCWD, name, 0);
}

/* -- Removing a name --------------------------------------------------------------- */

/* May `victim` lose its name in the directory, as the kind of thing it must be? */
static int may_remove(const struct inode *parent, const struct inode *victim,
                      bool is_directory)
{
    int error = inode_permission(parent, MAY_WRITE | MAY_SEARCH, false);

    if (error)
        return error;
    if ((parent->mode & S_ISVTX) && !inode_is_owned(parent) && !inode_is_owned(victim))
        return -EPERM;
    if (is_directory && !inode_is(victim, S_IFDIR))
        return -ENOTDIR;
    if (!is_directory && inode_is(victim, S_IFDIR))
        return -EISDIR;
    return victim->covers ? -EBUSY : 0;
}

/* What rmdir and unlink say of a path that ends in no proper name, or in a slash. */
static int judge_ending(const struct path *path, bool is_directory)
{
    if (path_ends_in_dots(path)) {
        if (!is_directory)
            return -EISDIR;
        if (path->last_length == 0)
            return -EBUSY;
        return path->last_length == 1 ? -EINVAL : -ENOTEMPTY;
    }
    if (!path->inode)
        return -ENOENT;
    if (path->trailing_slash && !is_directory)
        return inode_is(path->inode, S_IFDIR) ? -EISDIR : -ENOTDIR;
    return 0;
}

/* Removes the last name, and gives the path back. */
static int remove_last(struct path *path, bool is_directory)
{
    int error = judge_ending(path, is_directory);

    if (!error)
        error = may_remove(path->parent, path->inode, is_directory);
    if (!error && !path->parent->operations->unlink)
        error = -EPERM;
    if (!error)
        error = path->parent->operations->unlink(path->parent, path->last,
                                                 path->last_length, is_directory);
    path_release(path);
    return error;
}

static long remove(int dirfd, uptr_t name, bool is_directory)
{
    struct path path;
    int error = path_walk_user(dirfd, name, WALK_PARENT | WALK_NO_FOLLOW, &path);

    return error ? error : remove_last(&path, is_directory);
}

int path_remove(struct inode *start, const char *name)
{
    struct path path;
    int error = path_walk(start, name, WALK_PARENT | WALK_NO_FOLLOW, &path);

    return error ? error : remove_last(&path, false);
}

long sys_unlinkat(int dirfd, uptr_t name, int flags)
{
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    return remove(dirfd, name, flags & AT_REMOVEDIR);
}

long sys_unlink(uptr_t name)
{
    return remove(AT_FDCWD, name, false);
}

long sys_rmdir(uptr_t name)
{
    return remove(AT_FDCWD, name, true);
}

/* -- Moving a name ----------------------------------------------------------------- */

/* Is `inode` the directory itself, or one it lies in? */
static bool is_above(const struct inode *inode, const struct inode *directory)
{
    while (directory != inode && directory->parent != directory)
        directory = directory->parent;
    return directory == inode;
}

/* The errors that a look at the two paths shows. */
static int judge_paths(const struct path *from, const struct path *to)
{
    if (from->parent->fs != to->parent->fs)
        return -EXDEV;
    if (path_ends_in_dots(from) || path_ends_in_dots(to))
        return -EBUSY;
    if (!from->inode)
        return -ENOENT;
    if (!inode_is(from->inode, S_IFDIR))
        return from->trailing_slash || to->trailing_slash ? -ENOTDIR : 0;
    return is_above(from->inode, to->parent) ? -EINVAL : 0;
}

/* May from's inode take to's name, in the place of what has it now? */
static int judge_rename(const struct path *from, const struct path *to)
{
    bool is_directory = inode_is(from->inode, S_IFDIR);
    int error;

    if (to->inode && is_above(to->inode, from->parent))
        return -ENOTEMPTY;
    error = may_remove(from->parent, from->inode, is_directory);
    if (!error)
        error = to->inode ? may_remove(to->parent, to->inode, is_directory)
                          : inode_may_make(to->parent);
    if (!error && is_directory && from->parent != to->parent)
        error = inode_permission(from->inode, MAY_WRITE, false); // its ".." changes
    if (!error && !from->parent->operations->rename)
        error = -EPERM;
    return error;
}

static int rename(const struct path *from, const struct path *to)
{
    int error = judge_paths(from, to);

    if (error || from->inode == to->inode)
        return error;
    error = judge_rename(from, to);
    if (error)
        return error;
    return from->parent->operations->rename(from->parent, from->last, from->last_length,
                                            to->parent, to->last, to->last_length);
}

long sys_renameat(int old_dirfd, uptr_t old, int dirfd, uptr_t name)
{
    struct path from, to;
    int error = path_walk_user(old_dirfd, old, WALK_PARENT | WALK_NO_FOLLOW, &from);

    if (error)
        return error;
    error = path_walk_user(dirfd, name, WALK_PARENT | WALK_NO_FOLLOW, &to);
    if (!error) {
        error = rename(&from, &to);
        path_release(&to);
    }
    path_release(&from);
    return error;
}

long sys_rename(uptr_t old, uptr_t name)
{
    return sys_renameat(AT_FDCWD, old, AT_FDCWD, name);
}

/* -- Reading a link ---------------------------------------------------------------- */

static long read_link(struct inode *inode, uptr_t to, size_t size)
{
    char *text;
    ssize_t length;

    if (!inode_is(inode, S_IFLNK))
        return -EINVAL;
    text = heap_alloc(HEAP_PATH, size);
    if (!text)
        return -ENOMEM;
    length = inode->operations->readlink(inode, text, size);
    if (length > 0 && copy_to_user(to, text, (size_t)length))
        length = -EFAULT;
    if (length > 0)
        inode_touch_accessed(inode);
    heap_free(text);
    return length;
}

long sys_readlinkat(int dirfd, uptr_t name, uptr_t to, size_t size)
{
    struct path path;
    long result;

    if ((ssize_t)size <= 0)
        return -EINVAL;
    result = path_walk_user(dirfd, name, WALK_NO_FOLLOW, &path);
    if (result)
        return result;
    result = read_link(path.inode, to, min(size, PATH_MAX));
    path_release(&path);
    return result;
}

long sys_readlink(uptr_t name, uptr_t to, size_t size)
{
    return sys_readlinkat(AT_FDCWD, name, to, size);
}
