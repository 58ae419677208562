/* attributes.c - changing what an inode says of itself: mode, owner, times, size.
 *
 * Shape: each has up to three faces: by path, by path below a directory's descriptor,
 * by descriptor. All find the inode (path_apply, fd_apply) and let one function judge
 * and act.
 *
 * Sleeps: never.
 * Linux: times before 1970 become 1970.
 * Tests: user/tests/chmod.c, utimensat.c, truncate.c
 */
#include "fs/inode.h"
#include "sched/process.h"
#include "syscall.h"

/* -- Mode -------------------------------------------------------------------------- */

static long change_mode(struct inode *inode, const void *to) {
    const struct credentials *who = current_credentials();
    mode_t mode = *(const mode_t *)to & 07777;

    if (!inode_is_owned(inode)) return -EPERM;
    if (who->euid != 0 && !credentials_in_group(who, inode->gid)) mode &= ~S_ISGID;
    inode->mode = (inode->mode & S_IFMT) | mode;
    inode_touch_changed(inode);
    return 0;
}

long sys_fchmodat(int dirfd, uptr_t name, mode_t mode) {
    return path_apply(dirfd, name, 0, change_mode, &mode);
}

long sys_fchmod(int fd, mode_t mode) { return fd_apply(fd, change_mode, &mode); }

/* -- Owner ------------------------------------------------------------------------- */

struct owner {
    uid_t uid;                  /* -1: as it is */
    gid_t gid;
};

/* Root may do anything; an owner may give the file to another of the own groups. */
static long change_owner(struct inode *inode, const void *context) {
    const struct credentials *who = current_credentials();
    struct owner to = *(const struct owner *)context;
    mode_t mode = inode_is(inode, S_IFDIR) ? inode->mode : inode_plain_mode(inode);
    bool changes = to.uid != UINT32_MAX || to.gid != UINT32_MAX || mode != inode->mode;

    if (to.uid == UINT32_MAX) to.uid = inode->uid;
    if (to.gid == UINT32_MAX) to.gid = inode->gid;
    if (changes && !inode_is_owned(inode)) return -EPERM;
    if (who->euid != 0
        && (to.uid != inode->uid
            || (to.gid != inode->gid && !credentials_in_group(who, to.gid))))
        return -EPERM;
    inode->mode = mode;
    inode->uid = to.uid;
    inode->gid = to.gid;
    inode_touch_changed(inode);
    return 0;
}

long sys_fchownat(int dirfd, uptr_t name, uid_t uid, gid_t gid, int flags) {
    const struct owner to = { uid, gid };

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    return path_apply(dirfd, name, (unsigned)flags, change_owner, &to);
}

long sys_fchown32(int fd, uid_t uid, gid_t gid) {
    return fd_apply(fd, change_owner, &(struct owner){ uid, gid });
}

/* -- Times ------------------------------------------------------------------------- */

enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };

static bool both_are(const struct timespec32 times[2], int32_t nanoseconds) {
    return times[0].nanoseconds == nanoseconds && times[1].nanoseconds == nanoseconds;
}

static bool time_is_valid(struct timespec32 t) {
    return t.nanoseconds == UTIME_NOW || t.nanoseconds == UTIME_OMIT
           || (uint32_t)t.nanoseconds < SECOND;
}

static void set_time(nanoseconds_t *stamp, struct timespec32 t, nanoseconds_t now) {
    if (t.nanoseconds == UTIME_NOW)
        *stamp = now;
    else if (t.nanoseconds != UTIME_OMIT)
        *stamp = t.seconds < 0 ? 0 : timespec_to_nanoseconds(&t);
}

/* "Now" only needs the right to write, anything else the owner's. */
static long change_times(struct inode *inode, const void *context) {
    const struct timespec32 *times = context;

    if (!inode_is_owned(inode)) {
        if (!both_are(times, UTIME_NOW)) return -EPERM;
        if (inode_permission(inode, MAY_WRITE)) return -EACCES;
    }
    inode_touch_changed(inode);
    set_time(&inode->accessed, times[0], inode->changed);
    set_time(&inode->modified, times[1], inode->changed);
    return 0;
}

long sys_utimensat(int dirfd, uptr_t name, uptr_t user_times, int flags) {
    struct timespec32 times[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };

    if (!uptr_is_null(user_times) && copy_from_user(times, user_times, sizeof(times)))
        return -EFAULT;
    if (both_are(times, UTIME_OMIT)) return 0;
    if ((flags & ~AT_SYMLINK_NOFOLLOW) || !time_is_valid(times[0])
        || !time_is_valid(times[1]))
        return -EINVAL;
    if (uptr_is_null(name) && dirfd != AT_FDCWD)
        return flags ? -EINVAL : fd_apply(dirfd, change_times, times);
    return path_apply(dirfd, name, (unsigned)flags, change_times, times);
}

/* -- Size -------------------------------------------------------------------------- */

static long change_size(struct inode *inode, const void *size) {
    if (inode_is(inode, S_IFDIR)) return -EISDIR;
    if (!inode->operations->truncate) return -EINVAL;
    return inode->operations->truncate(inode, *(const uint64_t *)size);
}

static long change_size_if_allowed(struct inode *inode, const void *size) {
    int error = inode_permission(inode, MAY_WRITE);

    return error ? error : change_size(inode, size);
}

long sys_truncate64(uptr_t name, uint32_t low, uint32_t high) {
    uint64_t size = (uint64_t)high << 32 | low;

    if ((int64_t)size < 0) return -EINVAL;
    return path_apply(AT_FDCWD, name, 0, change_size_if_allowed, &size);
}

long sys_ftruncate64(int fd, uint32_t low, uint32_t high) {
    uint64_t size = (uint64_t)high << 32 | low;
    const struct file *file = fd_peek(fd);

    if (file && ((int64_t)size < 0 || !file_is_writable(file))) return -EINVAL;
    return fd_apply(fd, change_size, &size);
}
