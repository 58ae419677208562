/* inode.h - what names lead to: files, directories, links, devices, FIFOs, sockets.
 *
 * There is no cache of names. A directory knows its parent and its own name is found by
 * searching the parent (getcwd), hard links exist for everything but directories. A
 * mounted file system's root hangs from `mounted` of the directory it covers.
 */
#pragma once

#include "fs/file.h"

enum file_type {
    S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFLNK = 0120000, S_IFREG = 0100000,
    S_IFBLK = 0060000, S_IFDIR = 0040000, S_IFCHR = 0020000, S_IFIFO = 0010000,
    S_ISUID = 04000, S_ISGID = 02000, S_ISVTX = 01000,
};

#define NAME_MAX     255
#define PATH_MAX     4096u
#define SYMLINKS_MAX 40

struct file_system;
struct inode;

/* What a directory can do; names are not NUL-terminated. NULL means -EPERM, or for the
 * look-ups -ENOTDIR. All run with the permissions already checked. */
struct inode_operations {
    /* The inode with a new reference, or -ENOENT. */
    int (*lookup)(struct inode *dir, const char *name, size_t length,
                  struct inode **out);
    /* A new node of the given type and mode bits; with a reference. device: S_IFCHR. */
    int (*create)(struct inode *dir, const char *name, size_t length, mode_t mode,
                  uint32_t device, struct inode **out);
    int (*link)(struct inode *dir, const char *name, size_t length,
                struct inode *target);
    int (*unlink)(struct inode *dir, const char *name, size_t length, bool directory);
    int (*rename)(struct inode *from_dir, const char *from, size_t from_length,
                  struct inode *to_dir, const char *to, size_t to_length);
    int (*symlink)(struct inode *dir, const char *name, size_t length,
                   const char *target);
    /* The link's text into to[size], not terminated; its length. */
    ssize_t (*readlink)(struct inode *inode, char *to, size_t size);
    /* Where a magic link leads (/proc/PID/fd/N), with a reference; NULL: use
     * readlink. */
    struct inode *(*follow)(struct inode *inode);
    /* SLEEPS. Makes the open file with a reference of its own to the inode. NULL:
     * FIFOs, sockets and devices go to special_open, the others get `files`. */
    int (*open)(struct inode *inode, uint32_t flags, struct file **out) SLEEPS;
    const struct file_operations *files;    /* of plain files or directories */
    int (*truncate)(struct inode *inode, uint64_t size);
    /* Fills in size, blocks and times when they are not kept in the inode. */
    void (*refresh)(struct inode *inode);
    /* It has one name less. [nothing] */
    void (*unlinked)(struct inode *inode);
    /* The last reference is gone and so are all names. inode_put frees the inode, its
     * object, and the reference to its parent. */
    void (*release)(struct inode *inode);
};

struct inode {
    uint32_t refs;
    uint32_t links;             /* names */
    uint64_t number;            /* within its file system */
    struct file_system *fs;
    const struct inode_operations *operations;
    mode_t mode;                /* type and permission bits */
    uid_t uid;
    gid_t gid;
    uint32_t device;            /* S_IFCHR: major << 8 | minor */
    uint64_t size;
    nanoseconds_t accessed, modified, changed, born;    /* since 1970 */
    struct memory_object *object;   /* contents of a regular file, or NULL */
    struct inode *parent;       /* of a directory, with a reference; itself, without
                                   one, at a file system's root */
    struct inode *mounted;      /* root of what is mounted here, or NULL */
    struct inode *covers;       /* of a mounted root: the directory beneath */
    struct list entries;        /* tmpfs directory */
    void *data;                 /* the file system's or object's own */
    void *locks;                /* record locks; kernel/posix */
};

struct file_system {
    const char *type;           /* "tmpfs" */
    uint32_t device;            /* st_dev */
    struct inode *root;
    uint64_t next_inode;        /* the number given last */
    const char *where;          /* mount point, for /proc/mounts */
    struct list_node node;      /* all_file_systems */
};

extern struct list all_file_systems;
extern struct inode *root_inode;

static inline bool inode_is(const struct inode *inode, mode_t type)
{
    return (inode->mode & S_IFMT) == type;
}

static inline struct inode *inode_get(struct inode *inode)
{
    inode->refs++;
    return inode;
}

/* The end of an inode whose last reference is gone; for inode_put only. */
void inode_free(struct inode *inode);

static inline void inode_put(struct inode *inode)
{
    if (--inode->refs == 0)
        inode_free(inode);
}

/* A new inode with one reference and one link, owned by the current process, all times
 * now. NULL without memory. */
must_check struct inode *inode_create(struct file_system *fs,
                                      const struct inode_operations *operations,
                                      mode_t mode);

/* Time stamps. Reading moves `accessed` only when it is not behind the others already,
 * as on Linux (relatime). */
void inode_touch_accessed(struct inode *inode);
void inode_touch_modified(struct inode *inode); /* and changed */
void inode_touch_changed(struct inode *inode);

/* The mode without set-user-id and set-group-id bits, which go when contents or owner
 * change. */
mode_t inode_plain_mode(const struct inode *inode);

/* -- Walking paths (path.c) -------------------------------------------------------- */

enum walk_flags {
    WALK_NO_FOLLOW = 1,         /* do not follow a link in the last place */
    WALK_PARENT = 2,            /* stop at the directory that holds the last name */
    WALK_REAL_IDS = 4,          /* access(2): judge by real, not effective ids */
};

#define PATH_SHORT 96           /* a path up to here needs no memory from the heap */
#define AT_FDCWD   (-100)

struct path {
    struct inode *inode;        /* what it leads to, with a reference; NULL with
                                   WALK_PARENT when the last name does not exist */
    struct inode *parent;       /* WALK_PARENT: the directory, with a reference */
    const char *last;           /* WALK_PARENT: the last name; points into the text
                                   walked, `small` or `buffer` */
    size_t last_length;         /* 0: the path is a root, or ended in a magic link */
    bool trailing_slash;
    char *buffer;               /* owned; path_release frees it. NULL: `small` serves */
    char small[PATH_SHORT];
};

/* Walks a kernel string from `start` (NULL: working directory). 0 or -errno, and then
 * there is nothing to release. */
must_check int path_walk(struct inode *start, const char *name, unsigned flags,
                         struct path *path);

/* The same for a user string and a directory descriptor (or AT_FDCWD). */
must_check int path_walk_user(int dirfd, uptr_t name, unsigned flags,
                              struct path *path);
void path_release(struct path *path);

/* The directory a relative path starts from, without a new reference. -EBADF,
 * -ENOTDIR. */
must_check int path_start(int dirfd, struct inode **start);

/* Only copies a user string into the path's buffer: -EFAULT, -ENAMETOOLONG, -ENOMEM,
 * and
 * -ENOENT when it is empty. */
must_check int path_copy(struct path *path, uptr_t name);

static inline const char *path_text(const struct path *path)
{
    return path->buffer ? path->buffer : path->small;
}

/* The last name is none that could be made or removed: a root, "." or "..". */
bool path_ends_in_dots(const struct path *path);

/* Makes a node with the bits of `mode` that the umask leaves, where a walk with
 * WALK_PARENT and WALK_NO_FOLLOW led to: path->inode. -EEXIST, -EACCES ... */
must_check int path_make_node(struct path *path, mode_t mode, uint32_t device);

/* True for the empty string: AT_EMPTY_PATH asks. */
bool path_is_empty(uptr_t name);

/* The directory above, across mounts; at the process's root that itself. No
 * reference. */
struct inode *inode_parent(struct inode *directory);

enum permission { MAY_EXECUTE = 1, MAY_SEARCH = 1, MAY_WRITE = 2, MAY_READ = 4 };

/* wanted: enum permission bits. 0, -EACCES. Root passes, save executing a file that
 * nobody may execute. */
must_check int inode_permission(const struct inode *inode, unsigned wanted,
                                bool real_ids);

/* Whose rights count: the current process's, or root's while there is none. */
struct credentials;
const struct credentials *current_credentials(void);

/* By effective ids: is it the inode's owner, or root? */
bool inode_is_owned(const struct inode *inode);

/* May a name be made in the directory? -EACCES, or -ENOENT when it was removed. */
must_check int inode_may_make(const struct inode *directory);

/* The absolute path of a directory into to[size]: its length with NUL, or -ERANGE,
 * -ENOENT when it was removed. */
ssize_t path_of_directory(struct inode *directory, char *to, size_t size);

/* -- Opening ----------------------------------------------------------------------- */

/* SLEEPS (FIFOs). An open file with one reference. inode_open checks no permission;
 * path_open is open(2) for the kernel. */
must_check int inode_open(struct inode *inode, uint32_t flags,
                          struct file **out) SLEEPS;
must_check int path_open(struct inode *start, const char *name, uint32_t flags,
                         mode_t mode, struct file **out) SLEEPS;

/* unlink(2) for the kernel. */
must_check int path_remove(struct inode *start, const char *name);

/* Gives fs its type and a device number of its own. */
void file_system_init(struct file_system *fs, const char *type);

/* Mounts fs's root over the directory `where`, which is made when it is missing; at
 * boot only. The first one is "/". */
void file_system_mount(struct file_system *fs, const char *where);

/* A node whose opening is another part's business: FIFOs (kernel/ipc), sockets
 * (kernel/posix) and devices register themselves for their S_IFMT type. As
 * inode_operations' open. Nobody registered: -ENXIO. */
typedef int (*special_open)(struct inode *inode, uint32_t flags, struct file **out);
void special_open_register(mode_t type, special_open open);
