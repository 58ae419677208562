/* status.c - what is known about files: the stat family, access, statfs, getdents.
 *
 * All of stat's faces are views of one inode. A nameless file (a pipe) has none, so one
 * is made up on the stack.
 *
 * Sleeps: never.
 * Linux: statx knows no mount ids and no attributes; statfs tells tmpfs's sizes only.
 * Tests: user/tests/stat.c, access.c, directory.c
 */
#include "base/string.h"
#include "fs/inode.h"
#include "mm/frame_alloc.h"
#include "mm/memory_object.h"
#include "sched/process.h"
#include "syscall.h"

struct stat64 {
    uint64_t device;
    uint32_t unused1;
    uint32_t short_number;
    uint32_t mode, links, uid, gid;
    uint64_t node_device;
    uint32_t unused2;
    uint64_t size;
    uint32_t block_size;
    uint64_t blocks;            /* of 512 bytes */
    struct timespec32 accessed, modified, changed;
    uint64_t number;
} packed;
static_assert(sizeof(struct stat64) == 96, "Linux/i386 ABI");

struct statx_time {
    int64_t seconds;
    uint32_t nanoseconds, unused;
};

struct statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, unused1;
    uint64_t number, size, blocks, attributes_mask;
    struct statx_time accessed, born, changed, modified;
    uint32_t node_major, node_minor, major, minor;
    uint64_t unused2[14];
};
static_assert(sizeof(struct statx) == 256, "Linux ABI");

#define STATX_BASIC   0x7ffu
#define STATX_BTIME   0x800u
#define STATX_INVALID 0x80000000u

enum at_flags {
    AT_SYMLINK_NOFOLLOW = 0x100, AT_NO_AUTOMOUNT = 0x800, AT_EMPTY_PATH = 0x1000,
    AT_STATX_SYNC = 0x6000,
};

/* -- stat -------------------------------------------------------------------------- */

static uint64_t inode_blocks(const struct inode *inode)
{
    return inode->object ? (uint64_t)inode->object->nr_pages * (PAGE_SIZE / 512) : 0;
}

/* Writes one of the structures above to the user. 0 or -EFAULT. */
typedef int (*status_writer)(const struct inode *inode, uptr_t to);

static int write_stat64(const struct inode *inode, uptr_t to)
{
    struct stat64 s = {
        .device = inode->fs ? inode->fs->device : 0,
        .short_number = (uint32_t)inode->number,
        .mode = inode->mode,
        .links = inode->links,
        .uid = inode->uid,
        .gid = inode->gid,
        .node_device = inode->device,
        .size = inode->size,
        .block_size = PAGE_SIZE,
        .blocks = inode_blocks(inode),
        .accessed = nanoseconds_to_timespec32(inode->accessed),
        .modified = nanoseconds_to_timespec32(inode->modified),
        .changed = nanoseconds_to_timespec32(inode->changed),
        .number = inode->number,
    };

    return copy_to_user(to, &s, sizeof(s));
}

static struct statx_time statx_time(nanoseconds_t t)
{
    struct timespec64 split = nanoseconds_to_timespec64(t);

    return (struct statx_time){ split.seconds, (uint32_t)split.nanoseconds, 0 };
}

static int write_statx(const struct inode *inode, uptr_t to)
{
    struct statx s = {
        .mask = STATX_BASIC | STATX_BTIME,
        .block_size = PAGE_SIZE,
        .links = inode->links,
        .uid = inode->uid,
        .gid = inode->gid,
        .mode = (uint16_t)inode->mode,
        .number = inode->number,
        .size = inode->size,
        .blocks = inode_blocks(inode),
        .accessed = statx_time(inode->accessed),
        .born = statx_time(inode->born),
        .changed = statx_time(inode->changed),
        .modified = statx_time(inode->modified),
        .node_major = inode->device >> 8 & 0xfff,
        .node_minor = (inode->device & 0xff) | (inode->device >> 12 & 0xfff00),
        .minor = inode->fs ? inode->fs->device : 0,
    };

    return copy_to_user(to, &s, sizeof(s));
}

static long status_of_inode(struct inode *inode, uptr_t to, status_writer write)
{
    if (inode->operations->refresh)
        inode->operations->refresh(inode);
    return write(inode, to);
}

static long status_of_file(int fd, uptr_t to, status_writer write)
{
    const struct file *file = fd_peek(fd);

    if (!file)
        return -EBADF;
    if (file->inode)
        return status_of_inode(file->inode, to, write);
    const struct credentials *who = current_credentials();
    const mode_t mode = file->operations->mode;
    struct inode nameless = {
        .mode = mode ? mode : S_IFIFO | 0600, .links = 1, .number = file->number,
        .uid = who->euid, .gid = who->egid,
    };
    return write(&nameless, to);
}

static long status_of_name(int dirfd, uptr_t name, int flags, uptr_t to,
                           status_writer write)
{
    struct path path;
    long result;

    if ((flags & AT_EMPTY_PATH) && path_is_empty(name)) {
        if (dirfd != AT_FDCWD)
            return status_of_file(dirfd, to, write);
        return status_of_inode(current_process()->directory, to, write);
    }
    result = path_walk_user(dirfd, name,
                            flags & AT_SYMLINK_NOFOLLOW ? WALK_NO_FOLLOW : 0, &path);
    if (result)
        return result;
    result = status_of_inode(path.inode, to, write);
    path_release(&path);
    return result;
}

long sys_stat64(uptr_t name, uptr_t to)
{
    return status_of_name(AT_FDCWD, name, 0, to, write_stat64);
}

long sys_lstat64(uptr_t name, uptr_t to)
{
    return status_of_name(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, to, write_stat64);
}

long sys_fstat64(int fd, uptr_t to)
{
    return status_of_file(fd, to, write_stat64);
}

long sys_fstatat64(int dirfd, uptr_t name, uptr_t to, int flags)
{
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    return status_of_name(dirfd, name, flags, to, write_stat64);
}

long sys_statx(int dirfd, uptr_t name, int flags, uint32_t mask, uptr_t to)
{
    if ((flags
         & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC))
        || (flags & AT_STATX_SYNC) == AT_STATX_SYNC || (mask & STATX_INVALID))
        return -EINVAL;
    return status_of_name(dirfd, name, flags, to, write_statx);
}

/* -- access ------------------------------------------------------------------------ */

long sys_faccessat(int dirfd, uptr_t name, int wanted)
{
    struct path path;
    long result;

    if (wanted & ~7)
        return -EINVAL;
    result = path_walk_user(dirfd, name, WALK_REAL_IDS, &path);
    if (result)
        return result;
    result = inode_permission(path.inode, (unsigned)wanted, true);
    path_release(&path);
    return result;
}

long sys_access(uptr_t name, int wanted)
{
    return sys_faccessat(AT_FDCWD, name, wanted);
}

/* -- statfs ------------------------------------------------------------------------ */

struct statfs64 {
    uint32_t type, block_size;
    uint64_t blocks, free, available, files, files_free;
    uint32_t id[2], name_max, fragment_size, flags, unused[4];
} packed;
static_assert(sizeof(struct statfs64) == 84, "Linux/i386 ABI");

enum { TMPFS_MAGIC = 0x01021994, PROC_MAGIC = 0x9fa0 };

static long write_statfs(const struct file_system *fs, size_t size, uptr_t to)
{
    struct statfs64 s = {
        .type = strcmp(fs->type, "proc") == 0 ? PROC_MAGIC : TMPFS_MAGIC,
        .block_size = PAGE_SIZE, .fragment_size = PAGE_SIZE, .name_max = NAME_MAX,
        .id = { fs->device },
    };

    if (size != sizeof(s))
        return -EINVAL;
    if (strcmp(fs->type, "tmpfs") == 0) {
        s.blocks = frame_count;
        s.free = s.available = frames_free;
    }
    return copy_to_user(to, &s, sizeof(s));
}

long sys_statfs64(uptr_t name, size_t size, uptr_t to)
{
    struct path path;
    long result = path_walk_user(AT_FDCWD, name, 0, &path);

    if (result)
        return result;
    result = write_statfs(path.inode->fs, size, to);
    path_release(&path);
    return result;
}

long sys_fstatfs64(int fd, size_t size, uptr_t to)
{
    static const struct file_system nameless = { .type = "nameless" };
    const struct file *file = fd_peek(fd);

    if (!file)
        return -EBADF;
    return write_statfs(file->inode ? file->inode->fs : &nameless, size, to);
}

/* -- getdents ---------------------------------------------------------------------- */

struct directory_entry {
    uint64_t number, next;
    uint16_t size;
    uint8_t type;
    char name[NAME_MAX + 6];    /* with its NUL, and padding to 8 bytes */
} packed;
#define ENTRY_HEAD offsetof(struct directory_entry, name)
static_assert(ENTRY_HEAD == 19, "Linux ABI");
static_assert(sizeof(struct directory_entry) % 8 == 0, "the longest entry fits");

struct listing {
    struct file *file;
    uptr_t to;
    size_t room, used;
    int error;                  /* why the first entry could not be given */
};

static int give_entry(void *context, const char *name, size_t length, uint64_t number,
                      unsigned type, uint64_t next)
{
    struct listing *listing = context;
    size_t size = round_up(ENTRY_HEAD + length + 1, 8u);
    struct directory_entry entry = {
        .number = number, .next = next, .size = (uint16_t)size, .type = (uint8_t)type
    };

    if (size > listing->room - listing->used) {
        listing->error = -EINVAL;
        return 1;
    }
    memcpy(entry.name, name, length);
    if (copy_to_user(uptr_add(listing->to, listing->used), &entry, size)) {
        listing->error = -EFAULT;
        return 1;
    }
    listing->used += size;
    listing->file->offset = next;
    return 0;
}

long sys_getdents64(int fd, uptr_t to, size_t size)
{
    struct file *file = fd_peek(fd);
    struct listing listing = { .file = file, .to = to, .room = size };
    int error;

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!file->operations->list)
        return -ENOTDIR;
    if (file->inode->links == 0)
        return -ENOENT;
    error = file->operations->list(file, give_entry, &listing);
    if (error < 0)
        return error;
    if (listing.used == 0)
        return listing.error;
    inode_touch_accessed(file->inode);
    return (long)listing.used;
}
