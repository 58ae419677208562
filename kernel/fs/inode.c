/* inode.c - what names lead to: its life, who may use it, what is mounted where; and
 * what it says of itself. Asked: statx, access, readlink, statfs, getdents; changed:
 * mode, owner, times, size.
 *
 * Shape: path_apply finds the inode, by path or by descriptor; one function for all
 * calls of a kind judges and acts.
 *
 * Invariants: a name holds a reference to its inode and a directory one to its parent,
 * so what can be reached is there. A mounted root and the directory beneath it point at
 * each other for ever; nothing is unmounted.
 * Sleeps: inode_open, when it is a FIFO.
 * Linux: access times follow relatime, but without its once a day; times before 1970
 *   become 1970. statx knows no mount ids and no attributes; statfs tells tmpfs's sizes
 *   only.
 * Tests: user/tests/permissions.c, stat.c, access.c, symlink.c, directory.c, chmod.c,
 *   utimensat.c, truncate.c
 */
#include "fs/devfs.h"
#include "mm/heap.h"
#include "syscall.h"

struct list all_file_systems = LIST_INIT(all_file_systems);
struct inode *root_inode;

int (*fifo_open_hook)(struct file *file);

/* -- Life -------------------------------------------------------------------------- */

struct inode *inode_create(struct file_system *fs,
                           const struct inode_operations *operations, mode_t mode) {
    const struct credentials *who = current_credentials();
    struct inode *inode = heap_new(HEAP_INODE, struct inode);
    const nanoseconds_t now = time_realtime();

    if (!inode) return NULL;
    *inode = (struct inode){
        .refs = 1, .links = (mode & S_IFMT) == S_IFDIR ? 2 : 1, .fs = fs,
        .number = ++fs->next_inode, .operations = operations, .mode = mode,
        .uid = who->euid, .gid = who->egid, .accessed = now, .modified = now,
        .changed = now, .born = now,
    };
    list_init(&inode->entries);
    return inode;
}

struct inode *inode_nameless(mode_t mode) {
    static struct file_system nowhere = { .type = "nameless" };
    static const struct inode_operations operations;

    return inode_create(&nowhere, &operations, mode);
}

/* A directory's end may be the end of its parent too, if that has been removed as well:
 * a loop, because a chain of them can be as long as memory allows. */
void inode_put(struct inode *inode) {
    while (inode && --inode->refs == 0) {
        struct inode *parent = inode_is(inode, S_IFDIR) ? inode->parent : NULL;
        assert(parent != inode && !inode->mounted && !inode->covers && !inode->locks);
        if (inode->operations->release) inode->operations->release(inode);
        if (inode->object) object_put(inode->object);
        heap_free(inode);
        inode = parent;
    }
}

void inode_touch_accessed(struct inode *inode) {
    if (inode->accessed <= inode->modified || inode->accessed <= inode->changed)
        inode->accessed = time_realtime();
}

void inode_touch_modified(struct inode *inode) {
    inode->modified = inode->changed = time_realtime();
}

mode_t inode_plain_mode(const struct inode *inode) {
    // without x for the group the bit means something else
    return inode->mode & ~(inode->mode & 010 ? S_ISUID | S_ISGID : S_ISUID);
}

/* -- Who may ----------------------------------------------------------------------- */

const struct credentials *current_credentials(void) {
    static const struct credentials root;   // all zero
    const struct process *process = current_process();

    return likely(process) ? &process->credentials : &root;
}

bool inode_is_owned(const struct inode *inode) {
    uid_t euid = current_credentials()->euid;

    return euid == 0 || euid == inode->uid;
}

int inode_permission(const struct inode *inode, unsigned wanted) {
    const struct credentials *who = current_credentials();
    mode_t granted = inode->mode;

    if (who->euid == 0) {
        bool runs = inode_is(inode, S_IFDIR) || (inode->mode & 0111);
        return (wanted & MAY_EXECUTE) && !runs ? -EACCES : 0;
    }
    if (who->euid == inode->uid) granted >>= 6;
    else if (credentials_in_group(who, inode->gid)) granted >>= 3;
    return wanted & ~granted & 7 ? -EACCES : 0;
}

/* -- Opening, mounting ------------------------------------------------------------- */

int inode_open(struct inode *inode, uint32_t flags, struct file **out) {
    static const struct file_operations place = { .name = "place" };
    const struct inode_operations *node = inode->operations;
    struct file *file = file_create(&place, flags, inode_get(inode), NULL);
    int error = file ? 0 : -ENFILE;

    if (file && !(flags & O_PATH)) {
        if (node->open) error = node->open(file);
        else if (inode_is(inode, S_IFIFO)) error = fifo_open_hook(file);
        else if (inode_is(inode, S_IFCHR)) error = device_open(file);
        else if (node->files) file->operations = node->files;
        else error = -ENXIO;
        if (error) file_put(file);
    }
    *out = error ? NULL : file;
    return error;
}

static const struct wait_class name_class = { "name to appear", NULL, 0 };

void file_system_mount(struct file_system *fs, const char *type, struct inode *root,
                       const char *where) {
    const struct new_node directory = { .mode = S_IFDIR | 0755 };
    struct path path;

    if (!root) panic("no memory for %s", where);
    fs->type = type;
    fs->device = list_length(&all_file_systems) + 1;
    fs->root = root->parent = root;
    fs->where = where;
    wait_queue_init(&fs->new_names, &name_class);
    list_push_back(&all_file_systems, &fs->node);
    if (!root_inode) {
        root_inode = inode_get(root);
        return;
    }
    int error = path_walk(root_inode, where, WALK_PARENT, &path);
    if (!error && !path.inode) error = path_make(&path, &directory);
    if (error || !inode_is(path.inode, S_IFDIR))
        panic("cannot mount on %s: error %d", where, error);
    root->covers = inode_get(path.inode);
    path.inode->mounted = inode_get(root);
    path_release(&path);
}

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

#define STATX_INVALID 0x80000000u
enum { STATX_ALL = 0xfff, AT_STATX_SYNC = 0x6000 };

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
        c.next = file->offset;
        if (c.next < FIRST_ENTRY) {     // `.` and `..` no file system has to know
            bool is_dot = c.next++ == 0;
            c.name = name_of(is_dot ? "." : "..");
            c.number = (is_dot ? directory : inode_parent(directory))->number;
            c.mode = S_IFDIR;
        } else if ((result = directory->operations->next(directory, &c)) <= 0) break;
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
