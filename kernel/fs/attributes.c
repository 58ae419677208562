/* attributes.c - changing what an inode says of itself: mode, owner, times, size.
 *
 * Shape: chmod, chown and the like have three faces: by path, by path below a
 * directory's descriptor, by descriptor. Each finds the inode, and one function judges
 * and acts.
 *
 * Sleeps: never.
 * Linux: times before 1970 become 1970.
 * Tests: user/tests/chmod.c, utimensat.c, truncate.c
 */
#include "fs/inode.h"

#include "sched/process.h"
#include "syscall.h"

enum { AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };

/* The inode of a descriptor, with a reference. */
static int inode_of_descriptor(int fd, struct inode **inode)
{
    const struct file *file = fd_peek(fd);

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!file->inode)
        return -EINVAL;
    *inode = inode_get(file->inode);
    return 0;
}

/* The inode of a path, with a reference. */
static int inode_of_path(int dirfd, uptr_t name, unsigned flags, struct inode **inode)
{
    struct path path;
    int error = path_walk_user(dirfd, name, flags, &path);

    if (error)
        return error;
    *inode = inode_get(path.inode);
    path_release(&path);
    return 0;
}

/* -- Mode -------------------------------------------------------------------------- */

static int change_mode(struct inode *inode, mode_t mode)
{
    const struct credentials *who = current_credentials();

    if (!inode_is_owned(inode))
        return -EPERM;
    mode &= 07777;
    if (who->euid != 0 && !credentials_in_group(who, inode->gid))
        mode &= ~S_ISGID;
    inode->mode = (inode->mode & S_IFMT) | mode;
    inode_touch_changed(inode);
    return 0;
}

long sys_fchmodat(int dirfd, uptr_t name, mode_t mode)
{
    struct inode *inode;
    int error = inode_of_path(dirfd, name, 0, &inode);

    if (error)
        return error;
    error = change_mode(inode, mode);
    inode_put(inode);
    return error;
}

long sys_chmod(uptr_t name, mode_t mode)
{
    return sys_fchmodat(AT_FDCWD, name, mode);
}

long sys_fchmod(int fd, mode_t mode)
{
    struct inode *inode;
    int error = inode_of_descriptor(fd, &inode);

    if (error)
        return error;
    error = change_mode(inode, mode);
    inode_put(inode);
    return error;
}

/* -- Owner ------------------------------------------------------------------------- */

#define UNCHANGED UINT32_MAX

/* Root may do anything; an owner may give the file to another of the own groups. */
static int change_owner(struct inode *inode, uid_t uid, gid_t gid)
{
    const struct credentials *who = current_credentials();
    mode_t mode = inode->mode;

    if (!inode_is(inode, S_IFDIR))
        mode = inode_plain_mode(inode);
    if ((uid != UNCHANGED || gid != UNCHANGED || mode != inode->mode)
        && !inode_is_owned(inode))
        return -EPERM;
    if (uid == UNCHANGED)
        uid = inode->uid;
    if (gid == UNCHANGED)
        gid = inode->gid;
    if (who->euid != 0
        && (uid != inode->uid
            || (gid != inode->gid && !credentials_in_group(who, gid))))
        return -EPERM;
    inode->mode = mode;
    inode->uid = uid;
    inode->gid = gid;
    inode_touch_changed(inode);
    return 0;
}

static long chown_path(int dirfd, uptr_t name, unsigned flags, uid_t uid, gid_t gid)
{
    struct inode *inode;
    int error = inode_of_path(dirfd, name, flags, &inode);

    if (error)
        return error;
    error = change_owner(inode, uid, gid);
    inode_put(inode);
    return error;
}

long sys_chown32(uptr_t name, uid_t uid, gid_t gid)
{
    return chown_path(AT_FDCWD, name, 0, uid, gid);
}

long sys_lchown32(uptr_t name, uid_t uid, gid_t gid)
{
    return chown_path(AT_FDCWD, name, WALK_NO_FOLLOW, uid, gid);
}

long sys_fchown32(int fd, uid_t uid, gid_t gid)
{
    struct inode *inode;
    int error = inode_of_descriptor(fd, &inode);

    if (error)
        return error;
    error = change_owner(inode, uid, gid);
    inode_put(inode);
    return error;
}

long sys_fchownat(int dirfd, uptr_t name, uid_t uid, gid_t gid, int flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if ((flags & AT_EMPTY_PATH) && path_is_empty(name))
        return sys_fchown32(dirfd, uid, gid);
    return chown_path(dirfd, name, flags & AT_SYMLINK_NOFOLLOW ? WALK_NO_FOLLOW : 0,
                      uid, gid);
}

/* -- Times ------------------------------------------------------------------------- */

enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };

/* times[0] is access, times[1] modification. */
static bool times_are_valid(const struct timespec32 times[2])
{
    for (int i = 0; i < 2; i++)
        if (times[i].nanoseconds != UTIME_NOW && times[i].nanoseconds != UTIME_OMIT
            && (uint32_t)times[i].nanoseconds >= SECOND)
            return false;
    return true;
}

static void set_time(nanoseconds_t *stamp, struct timespec32 t)
{
    if (t.nanoseconds == UTIME_NOW)
        *stamp = time_realtime();
    else if (t.nanoseconds != UTIME_OMIT)
        *stamp = t.seconds < 0 ? 0 : timespec_to_nanoseconds(&t);
}

/* "Now" only needs the right to write, anything else the owner's. */
static int change_times(struct inode *inode, const struct timespec32 times[2])
{
    bool now = times[0].nanoseconds == UTIME_NOW && times[1].nanoseconds == UTIME_NOW;

    if (!inode_is_owned(inode)) {
        if (!now)
            return -EPERM;
        if (inode_permission(inode, 2, false))
            return -EACCES;
    }
    set_time(&inode->accessed, times[0]);
    set_time(&inode->modified, times[1]);
    inode_touch_changed(inode);
    return 0;
}

long sys_utimensat(int dirfd, uptr_t name, uptr_t user_times, int flags)
{
    struct timespec32 times[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
    unsigned walk = flags & AT_SYMLINK_NOFOLLOW ? WALK_NO_FOLLOW : 0;
    struct inode *inode;
    int error;

    if (!uptr_is_null(user_times) && copy_from_user(times, user_times, sizeof(times)))
        return -EFAULT;
    if (times[0].nanoseconds == UTIME_OMIT && times[1].nanoseconds == UTIME_OMIT)
        return 0;
    if ((flags & ~AT_SYMLINK_NOFOLLOW) || !times_are_valid(times))
        return -EINVAL;
    if (uptr_is_null(name) && dirfd != AT_FDCWD)
        error = flags ? -EINVAL : inode_of_descriptor(dirfd, &inode);
    else
        error = inode_of_path(dirfd, name, walk, &inode);
    if (error)
        return error;
    error = change_times(inode, times);
    inode_put(inode);
    return error;
}

/* -- Size -------------------------------------------------------------------------- */

static int truncate_inode(struct inode *inode, uint64_t size)
{
    int error;

    if (inode_is(inode, S_IFDIR))
        return -EISDIR;
    if (!inode_is(inode, S_IFREG) || !inode->operations->truncate)
        return -EINVAL;
    error = inode_permission(inode, 2, false);
    return error ? error : inode->operations->truncate(inode, size);
}

long sys_truncate64(uptr_t name, uint32_t low, uint32_t high)
{
    struct inode *inode;
    int error;

    if ((int32_t)high < 0)
        return -EINVAL;
    error = inode_of_path(AT_FDCWD, name, 0, &inode);
    if (error)
        return error;
    error = truncate_inode(inode, (uint64_t)high << 32 | low);
    inode_put(inode);
    return error;
}

long sys_ftruncate64(int fd, uint32_t low, uint32_t high)
{
    struct file *file = fd_peek(fd);

    if ((int32_t)high < 0)
        return -EINVAL;
    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!file_is_writable(file) || !file->operations->truncate)
        return -EINVAL;
    return file->operations->truncate(file, (uint64_t)high << 32 | low);
}
