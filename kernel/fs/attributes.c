/* attributes.c - changing what an inode says of itself: mode, owner, times, size.
 *
 * Shape: chmod, chown and the like have three faces: by path, by path below a
 * directory's descriptor, by descriptor. Each finds the inode and calls one function
 * that judges and acts; struct change carries what it needs to know.
 *
 * Sleeps: never.
 * Linux: times before 1970 become 1970.
 * Tests: user/tests/chmod.c, utimensat.c, truncate.c
 */
#include "fs/inode.h"

#include "sched/process.h"
#include "syscall.h"

enum { AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };

struct change {
    mode_t mode;
    uid_t uid;
    gid_t gid;
    struct timespec32 times[2]; /* access, modification */
    uint64_t size;
};

typedef int (*changer)(struct inode *inode, const struct change *to);

static long change_path(int dirfd, uptr_t name, unsigned flags, changer change,
                        const struct change *to)
{
    struct path path;
    int error = path_walk_user(dirfd, name, flags, &path);

    if (error)
        return error;
    error = change(path.inode, to);
    path_release(&path);
    return error;
}

static long change_descriptor(int fd, changer change, const struct change *to)
{
    const struct file *file = fd_peek(fd);

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    return file->inode ? change(file->inode, to) : -EINVAL;
}

/* -- Mode -------------------------------------------------------------------------- */

static int change_mode(struct inode *inode, const struct change *to)
{
    const struct credentials *who = current_credentials();
    mode_t mode = to->mode & 07777;

    if (!inode_is_owned(inode))
        return -EPERM;
    if (who->euid != 0 && !credentials_in_group(who, inode->gid))
        mode &= ~S_ISGID;
    inode->mode = (inode->mode & S_IFMT) | mode;
    inode_touch_changed(inode);
    return 0;
}

long sys_fchmodat(int dirfd, uptr_t name, mode_t mode)
{
    return change_path(dirfd, name, 0, change_mode, &(struct change){ .mode = mode });
}

long sys_chmod(uptr_t name, mode_t mode)
{
    return sys_fchmodat(AT_FDCWD, name, mode);
}

long sys_fchmod(int fd, mode_t mode)
{
    return change_descriptor(fd, change_mode, &(struct change){ .mode = mode });
}

/* -- Owner ------------------------------------------------------------------------- */

#define UNCHANGED UINT32_MAX

/* Root may do anything; an owner may give the file to another of the own groups. */
static int change_owner(struct inode *inode, const struct change *to)
{
    const struct credentials *who = current_credentials();
    uid_t uid = to->uid == UNCHANGED ? inode->uid : to->uid;
    gid_t gid = to->gid == UNCHANGED ? inode->gid : to->gid;
    mode_t mode = inode_is(inode, S_IFDIR) ? inode->mode : inode_plain_mode(inode);
    bool changes = to->uid != UNCHANGED || to->gid != UNCHANGED || mode != inode->mode;

    if (changes && !inode_is_owned(inode))
        return -EPERM;
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
    return change_path(dirfd, name, flags, change_owner,
                       &(struct change){ .uid = uid, .gid = gid });
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
    return change_descriptor(fd, change_owner,
                             &(struct change){ .uid = uid, .gid = gid });
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

static bool time_is(const struct change *to, int32_t both)
{
    return to->times[0].nanoseconds == both && to->times[1].nanoseconds == both;
}

static bool time_is_valid(struct timespec32 t)
{
    return t.nanoseconds == UTIME_NOW || t.nanoseconds == UTIME_OMIT
           || (uint32_t)t.nanoseconds < SECOND;
}

static void set_time(nanoseconds_t *stamp, struct timespec32 t, nanoseconds_t now)
{
    if (t.nanoseconds == UTIME_NOW)
        *stamp = now;
    else if (t.nanoseconds != UTIME_OMIT)
        *stamp = t.seconds < 0 ? 0 : timespec_to_nanoseconds(&t);
}

/* "Now" only needs the right to write, anything else the owner's. */
static int change_times(struct inode *inode, const struct change *to)
{
    if (!inode_is_owned(inode)) {
        if (!time_is(to, UTIME_NOW))
            return -EPERM;
        if (inode_permission(inode, MAY_WRITE, false))
            return -EACCES;
    }
    inode_touch_changed(inode);
    set_time(&inode->accessed, to->times[0], inode->changed);
    set_time(&inode->modified, to->times[1], inode->changed);
    return 0;
}

long sys_utimensat(int dirfd, uptr_t name, uptr_t user_times, int flags)
{
    struct change to = { .times = { { 0, UTIME_NOW }, { 0, UTIME_NOW } } };

    if (!uptr_is_null(user_times)
        && copy_from_user(to.times, user_times, sizeof(to.times)))
        return -EFAULT;
    if (time_is(&to, UTIME_OMIT))
        return 0;
    if ((flags & ~AT_SYMLINK_NOFOLLOW) || !time_is_valid(to.times[0])
        || !time_is_valid(to.times[1]))
        return -EINVAL;
    if (uptr_is_null(name) && dirfd != AT_FDCWD)
        return flags ? -EINVAL : change_descriptor(dirfd, change_times, &to);
    return change_path(dirfd, name, flags & AT_SYMLINK_NOFOLLOW ? WALK_NO_FOLLOW : 0,
                       change_times, &to);
}

/* -- Size -------------------------------------------------------------------------- */

static int change_size(struct inode *inode, const struct change *to)
{
    int error;

    if (inode_is(inode, S_IFDIR))
        return -EISDIR;
    if (!inode_is(inode, S_IFREG) || !inode->operations->truncate)
        return -EINVAL;
    error = inode_permission(inode, MAY_WRITE, false);
    return error ? error : inode->operations->truncate(inode, to->size);
}

long sys_truncate64(uptr_t name, uint32_t low, uint32_t high)
{
    struct change to = { .size = (uint64_t)high << 32 | low };

    if ((int32_t)high < 0)
        return -EINVAL;
    return change_path(AT_FDCWD, name, 0, change_size, &to);
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
