/* status.c - what an inode says of itself. Asked: statx, access, readlink, statfs,
 * getdents; changed: mode, owner, times, size.
 *
 * Shape: path_apply finds the inode, by path or by descriptor; one function for all
 * judges and acts.
 *
 * Sleeps: never.
 * Linux: statx knows no mount ids and no attributes; statfs tells tmpfs's sizes only;
 *   times before 1970 become 1970.
 * Tests: user/tests/stat.c, access.c, symlink.c, directory.c, chmod.c, utimensat.c,
 *   truncate.c
 */
#include "fs/inode.h"
#include "syscall.h"

/* -- stat -------------------------------------------------------------------------- */

struct statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, unused1;
    uint64_t number, size, blocks, attributes_mask;
    struct timespec64 accessed, born, changed, modified;    /* 32 bits, and 32 unused */
    uint32_t node_major, node_minor, major, minor;
    uint64_t unused2[14];
};
static_assert(sizeof(struct statx) == 256, "Linux ABI");

#define STATX_ALL     0xfffu
#define STATX_INVALID 0x80000000u

enum { AT_STATX_SYNC = 0x6000 };

static uint32_t blocks_of(const struct inode *inode) {
    return inode->object ? inode->object->nr_pages * (PAGE_SIZE / 512) : 0;
}

static long give_statx(struct inode *inode, const void *to) {
    struct statx s = {
        .mask = STATX_ALL, .block_size = PAGE_SIZE, .links = inode->links,
        .uid = inode->uid, .gid = inode->gid, .mode = (uint16_t)inode->mode,
        .number = inode->number, .size = inode->size, .blocks = blocks_of(inode),
        .accessed = nanoseconds_to_timespec64(inode->accessed),
        .born = nanoseconds_to_timespec64(inode->born),
        .changed = nanoseconds_to_timespec64(inode->changed),
        .modified = nanoseconds_to_timespec64(inode->modified),
        .node_major = inode->device >> 8 & 0xfff,
        .node_minor = (inode->device & 0xff) | (inode->device >> 12 & 0xfff00),
        .minor = inode->fs->device,
    };

    return copy_to_user(*(const uptr_t *)to, &s, sizeof(s));
}

long sys_statx(int dirfd, uptr_t name, int at_flags, uint32_t mask, uptr_t to) {
    unsigned flags = (unsigned)at_flags & ~(unsigned)(AT_NO_AUTOMOUNT | AT_STATX_SYNC);

    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) || (mask & STATX_INVALID)
        || (at_flags & AT_STATX_SYNC) == AT_STATX_SYNC)
        return -EINVAL;
    return path_apply(dirfd, name, flags, give_statx, &to);
}

struct stat64 {
    uint64_t device;
    uint32_t unused1, short_number, mode, links, uid, gid;
    uint64_t node_device;
    uint32_t unused2;
    uint64_t size;
    uint32_t block_size;
    uint64_t blocks;            /* of 512 bytes */
    struct time32 accessed, modified, changed;
    uint64_t number;
} packed;
static_assert(sizeof(struct stat64) == 96, "Linux/i386 ABI");

/* musl tries statx first, but not in fchmodat (fstatat64), in tmpnam (lstat64) and
 * where it maps /etc/localtime (fstat64). */
long inode_stat64(struct inode *inode, const void *to) {
    struct stat64 s = {
        .device = inode->fs->device, .short_number = (uint32_t)inode->number,
        .mode = inode->mode, .links = inode->links, .uid = inode->uid,
        .gid = inode->gid, .node_device = inode->device, .size = inode->size,
        .block_size = PAGE_SIZE, .blocks = blocks_of(inode),
        .accessed = nanoseconds_to_time32(inode->accessed, NANOSECOND),
        .modified = nanoseconds_to_time32(inode->modified, NANOSECOND),
        .changed = nanoseconds_to_time32(inode->changed, NANOSECOND),
        .number = inode->number,
    };

    return copy_to_user(*(const uptr_t *)to, &s, sizeof(s));
}

/* -- access ------------------------------------------------------------------------ */

static long check_access(struct inode *inode, const void *wanted) {
    return inode_permission(inode, *(const unsigned *)wanted);
}

/* What the real user could do: who that is for the time being. */
long sys_faccessat(int dirfd, uptr_t name, int wanted) {
    struct credentials *who = &current_process()->credentials, as_was = *who;

    if (wanted & ~7) return -EINVAL;
    who->euid = who->uid;
    who->egid = who->gid;
    long result = path_apply(dirfd, name, 0, check_access, &wanted);
    *who = as_was;
    return result;
}

/* -- readlink ---------------------------------------------------------------------- */

long sys_readlinkat(int dirfd, uptr_t name, uptr_t to, size_t size) {
    struct path path;
    ssize_t length;

    if ((ssize_t)size <= 0) return -EINVAL;
    int error = path_walk_user(dirfd, name, AT_SYMLINK_NOFOLLOW, &path);
    if (error) return error;
    if (!inode_is(path.inode, S_IFLNK)) length = -EINVAL;
    else length = path.inode->operations->readlink(path.inode, path_buffer);
    if (length >= 0) {
        inode_touch_accessed(path.inode);
        length = min(length, (ssize_t)size);
        if (copy_to_user(to, path_buffer, (size_t)length)) length = -EFAULT;
    }
    path_release(&path);
    return length;
}

/* -- statfs ------------------------------------------------------------------------ */

struct statfs64 {
    uint32_t type, block_size;
    uint64_t blocks, free, available, files, files_free;
    uint32_t id[2], name_max, fragment_size, flags, unused[4];
} packed;
static_assert(sizeof(struct statfs64) == STATFS64_SIZE, "Linux/i386 ABI");

enum { TMPFS_MAGIC = 0x01021994, PROC_MAGIC = 0x9fa0 };

long inode_statfs64(struct inode *inode, const void *to) {
    bool is_proc = strcmp(inode->fs->type, "proc") == 0;
    uint32_t total = is_proc ? 0 : frame_count, free = is_proc ? 0 : frames_free;
    struct statfs64 s = {
        .type = is_proc ? PROC_MAGIC : TMPFS_MAGIC, .block_size = PAGE_SIZE,
        .blocks = total, .free = free, .available = free, .id = { inode->fs->device },
        .name_max = NAME_MAX, .fragment_size = PAGE_SIZE,
    };

    return copy_to_user(*(const uptr_t *)to, &s, sizeof(s));
}

/* -- Mode, owner, times, size ------------------------------------------------------ */

long inode_change_mode(struct inode *inode, const void *to) {
    const struct credentials *who = current_credentials();
    mode_t mode = *(const mode_t *)to & 07777;

    if (!inode_is_owned(inode)) return -EPERM;
    if (who->euid != 0 && !credentials_in_group(who, inode->gid)) mode &= ~S_ISGID;
    inode->mode = (inode->mode & S_IFMT) | mode;
    inode->changed = time_realtime();
    return 0;
}

/* To a user and a group, -1: as it is. Root may do anything; an owner may give the file
 * to another of the own groups. */
long inode_change_owner(struct inode *inode, const void *context) {
    const struct credentials *who = current_credentials();
    const uint32_t *to = context;
    uid_t uid = to[0] == UINT32_MAX ? inode->uid : to[0];
    gid_t gid = to[1] == UINT32_MAX ? inode->gid : to[1];
    mode_t mode = inode_is(inode, S_IFDIR) ? inode->mode : inode_plain_mode(inode);
    bool changes = (to[0] & to[1]) != UINT32_MAX || mode != inode->mode;

    if (changes && !inode_is_owned(inode)) return -EPERM;
    if (who->euid != 0
        && (uid != inode->uid
            || (gid != inode->gid && !credentials_in_group(who, gid))))
        return -EPERM;
    inode->mode = mode;
    inode->uid = uid;
    inode->gid = gid;
    inode->changed = time_realtime();
    return 0;
}

enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };

/* "Now" only needs the right to write, anything else the owner's. */
static long change_times(struct inode *inode, const void *context) {
    const struct time32 *to = context;
    nanoseconds_t *stamps[] = { &inode->accessed, &inode->modified };

    if (!inode_is_owned(inode)) {
        if (to[0].parts != UTIME_NOW || to[1].parts != UTIME_NOW)
            return -EPERM;
        if (inode_permission(inode, MAY_WRITE)) return -EACCES;
    }
    inode->changed = time_realtime();
    for (int i = 0; i < 2; i++) {
        if (to[i].parts == UTIME_NOW) *stamps[i] = inode->changed;
        else if (to[i].parts != UTIME_OMIT)
            *stamps[i] =
                to[i].seconds < 0 ? 0 : time32_to_nanoseconds(to[i], NANOSECOND);
    }
    return 0;
}

long sys_utimensat(int dirfd, uptr_t name, uptr_t times, int flags) {
    struct time32 t[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
    bool is_fd = uptr_is_null(name) && dirfd != AT_FDCWD;

    if (!uptr_is_null(times) && copy_from_user(t, times, sizeof(t))) return -EFAULT;
    if (t[0].parts == UTIME_OMIT && t[1].parts == UTIME_OMIT) return 0;
    for (int i = 0; i < 2; i++)
        if ((uint32_t)t[i].parts >= SECOND && t[i].parts != UTIME_NOW
            && t[i].parts != UTIME_OMIT)
            return -EINVAL;
    if (flags & ~(is_fd ? 0 : AT_SYMLINK_NOFOLLOW)) return -EINVAL;
    return path_apply(dirfd, name, is_fd ? THE_FILE : (unsigned)flags, change_times, t);
}

static long change_size(struct inode *inode, const void *size) {
    int error = inode->object ? inode_permission(inode, MAY_WRITE) : 0;

    return error ? error : inode_truncate(inode, *(const uint64_t *)size);
}

long sys_truncate64(uptr_t name, uint32_t low, uint32_t high) {
    const uint64_t size = join_words(low, high);

    if ((int64_t)size < 0) return -EINVAL;
    return path_apply(AT_FDCWD, name, 0, change_size, &size);
}

/* That the file may be written was asked when it was opened. */
long sys_ftruncate64(int fd, uint32_t low, uint32_t high) {
    const uint64_t size = join_words(low, high);
    const struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    if ((int64_t)size < 0 || !file_is_writable(file)) return -EINVAL;
    return inode_truncate(file->inode, size);
}

/* -- getdents ---------------------------------------------------------------------- */

struct user_entry {
    uint64_t number, next;
    uint16_t size;
    uint8_t type;
    char name[NAME_MAX + 6];    /* with its NUL, and padding to 8 bytes */
} packed;
#define ENTRY_HEAD offsetof(struct user_entry, name)
static_assert(ENTRY_HEAD == 19, "Linux ABI");
static_assert(sizeof(struct user_entry) % 8 == 0, "the longest entry fits");

/* The file moves on by what was given; an error only tells who was given nothing. */
long sys_getdents64(int fd, uptr_t to, size_t room) {
    struct file *file = fd_peek(fd);
    struct cursor c = { 0 };
    size_t used = 0;

    if (!file) return -EBADF;
    struct inode *directory = file->inode;
    if (!inode_is(directory, S_IFDIR)) return -ENOTDIR;
    int result = directory->links ? 1 : -ENOENT;
    for (; result > 0; file->offset = c.next) {
        // `.` and `..` no file system has to know
        bool is_dot = file->offset == 0;
        if (file->offset >= FIRST_ENTRY) {
            c.next = file->offset;
            result = directory->operations->next(directory, &c);
            if (result <= 0) break;
        } else {
            const struct inode *inode = is_dot ? directory : inode_parent(directory);
            c = (struct cursor){ .next = file->offset + 1, .number = inode->number,
                                 .name = name_of(is_dot ? "." : ".."),
                                 .mode = S_IFDIR };
        }
        size_t size = round_up(ENTRY_HEAD + c.name.length + 1, 8u);
        struct user_entry entry = { .number = c.number, .next = c.next,
                                    .size = (uint16_t)size, .type = c.mode >> 12 };
        memcpy(entry.name, c.name.text, c.name.length);
        if (size > room - used) result = -EINVAL;
        else if (copy_to_user(uptr_add(to, used), &entry, size)) result = -EFAULT;
        if (result < 0) break;
        used += size;
    }
    if (used == 0) return result;
    inode_touch_accessed(directory);
    return (long)used;
}
