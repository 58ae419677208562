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

static bool is_exclusive(uint32_t flags) {
    return (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
}

static unsigned walk_flags(uint32_t flags) {
    unsigned walk = flags & O_CREAT ? WALK_PARENT : 0;

    return (flags & O_NOFOLLOW) || is_exclusive(flags) ? walk | AT_SYMLINK_NOFOLLOW
                                                       : walk;
}

/* May what is there be opened so? */
static int judge(const struct inode *inode, uint32_t flags) {
    static const uint8_t wanted_for[] = {
        [O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE
    };
    unsigned wanted = wanted_for[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);

    if (is_exclusive(flags)) return -EEXIST;
    if ((flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR)) return -ENOTDIR;
    if (flags & O_PATH) return 0;
    if (inode_is(inode, S_IFLNK)) return -ELOOP;
    if (inode_is(inode, S_IFDIR) && ((wanted & MAY_WRITE) || (flags & O_CREAT)))
        return -EISDIR;
    return inode_permission(inode, wanted);
}

/* SLEEPS. Opens what is there. */
static int open_existing(struct inode *inode, uint32_t flags, struct file **out) {
    int error = judge(inode, flags);

    if (!error) error = inode_open(inode, flags, out);
    if (error || !(flags & O_TRUNC) || !inode->operations->truncate) return error;
    error = inode->operations->truncate(inode, 0);
    if (error) file_put(*out);
    return error;
}

/* SLEEPS. Makes a regular file, and opens it whatever its mode says. */
static int open_new(struct path *path, uint32_t flags, mode_t mode, struct file **out) {
    const struct process *process = current_process();
    const mode_t umask = process ? process->umask : 0;
    const struct new_node node = { .mode = S_IFREG | (mode & 07777 & ~umask) };
    int error = path_make(path, &node);

    if (error) return error;
    error = inode_open(path->inode, flags, out);
    if (error) path->parent->operations->unlink(path->parent, path->last, false);
    return error;
}

/* SLEEPS. Opens what was walked to, and releases the path. */
static int open_path(struct path *path, uint32_t flags, mode_t mode,
                     struct file **out) {
    int error;

    if ((flags & O_CREAT) && path->trailing_slash && !path_ends_in_dots(path))
        error = -EISDIR;
    else if (path->inode)
        error = open_existing(path->inode, flags, out);
    else
        error = open_new(path, flags, mode, out);
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
    int result;

    if (flags & O_PATH)         // only these count beside it
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_ACCMODE) == O_ACCMODE
        || (flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    result = fd_room();
    if (!result) result = path_walk_user(dirfd, name, walk_flags(flags), &path);
    if (!result) result = open_path(&path, flags, mode, &file);
    return result ? result : fd_install_new(file, flags & O_CLOEXEC);
}
