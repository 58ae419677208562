/* open.c - open(2): from a path to an open file, which may have to be made first.
 *
 * Shape: what can refuse comes first (a free descriptor, permissions, what is there);
 * then the node is made, opened, emptied. Should opening a new node fail for want of
 * memory, its name is taken back.
 *
 * Sleeps: path_open, open and openat, when the path leads to a FIFO.
 * Linux: access mode 3 is EINVAL; O_CREAT with O_DIRECTORY too, as since Linux 6.4.
 * Tests: user/tests/open.c, permissions.c
 */
#include "fs/inode.h"

#include "sched/process.h"
#include "syscall.h"

static unsigned walk_flags(uint32_t flags)
{
    unsigned walk = flags & O_CREAT ? WALK_PARENT : 0;

    if ((flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        walk |= WALK_NO_FOLLOW;
    return walk;
}

/* May what is there be opened so? */
static int judge(const struct path *path, uint32_t flags)
{
    static const uint8_t wanted_for[] = {
        [O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE,
        [O_ACCMODE] = MAY_READ | MAY_WRITE
    };
    const struct inode *inode = path->inode;
    unsigned wanted = wanted_for[flags & O_ACCMODE];

    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if (flags & O_TRUNC)
        wanted |= MAY_WRITE;
    if ((flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    if (flags & O_PATH)
        return 0;
    if (inode_is(inode, S_IFLNK))
        return -ELOOP;
    if (inode_is(inode, S_IFDIR) && ((wanted & MAY_WRITE) || (flags & O_CREAT)))
        return -EISDIR;
    return inode_permission(inode, wanted, false);
}

/* SLEEPS. Opens what is there. */
static int open_existing(const struct path *path, uint32_t flags, struct file **out)
{
    struct inode *inode = path->inode;
    int error = judge(path, flags);

    if (!error)
        error = inode_open(inode, flags, out);
    if (error || !(flags & O_TRUNC) || !inode_is(inode, S_IFREG)
        || !inode->operations->truncate)
        return error;
    error = inode->operations->truncate(inode, 0);
    if (error)
        file_put(*out);
    return error;
}

/* SLEEPS. Makes a regular file, and opens it whatever its mode says. */
static int open_new(struct path *path, uint32_t flags, mode_t mode, struct file **out)
{
    const struct process *process = current_process();
    const struct inode_operations *operations = path->parent->operations;
    int error = inode_may_make(path->parent);

    if (error)
        return error;
    if (!operations->create)
        return -EPERM;
    mode &= process ? 07777 & ~process->umask : 07777;
    error = operations->create(path->parent, path->last, path->last_length,
                               S_IFREG | mode, 0, &path->inode);
    if (error)
        return error;
    error = inode_open(path->inode, flags, out);
    if (error)
        operations->unlink(path->parent, path->last, path->last_length, false);
    return error;
}

/* SLEEPS. */
static int open_walked(struct path *path, uint32_t flags, mode_t mode,
                       struct file **out)
{
    if ((flags & O_CREAT) && path->trailing_slash && !path_ends_in_dots(path))
        return -EISDIR;
    if (path->inode)
        return open_existing(path, flags, out);
    return open_new(path, flags, mode, out);
}

static bool flags_make_sense(uint32_t flags)
{
    return (flags & O_ACCMODE) != O_ACCMODE
           && (flags & (O_CREAT | O_DIRECTORY)) != (O_CREAT | O_DIRECTORY);
}

int path_open(struct inode *start, const char *name, uint32_t flags, mode_t mode,
              struct file **out)
{
    struct path path;
    int error;

    if (!flags_make_sense(flags))
        return -EINVAL;
    error = path_walk(start, name, walk_flags(flags), &path);
    if (error)
        return error;
    error = open_walked(&path, flags, mode, out);
    path_release(&path);
    return error;
}

/* SLEEPS. The same for a user's path. */
static int open_user(int dirfd, uptr_t name, uint32_t flags, mode_t mode,
                     struct file **out)
{
    struct path path;
    int error = path_walk_user(dirfd, name, walk_flags(flags), &path);

    if (error)
        return error;
    error = open_walked(&path, flags, mode, out);
    path_release(&path);
    return error;
}

long sys_openat(int dirfd, uptr_t name, int open_flags, mode_t mode)
{
    uint32_t flags = (uint32_t)open_flags;
    struct file *file;
    int result;

    if (flags & O_PATH)         // only these count beside it
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (!flags_make_sense(flags))
        return -EINVAL;
    result = fd_room();
    if (!result)
        result = open_user(dirfd, name, flags, mode, &file);
    return result ? result : fd_install_new(file, flags & O_CLOEXEC);
}

long sys_open(uptr_t name, int flags, mode_t mode)
{
    return sys_openat(AT_FDCWD, name, flags, mode);
}
