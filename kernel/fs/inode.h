/* inode.h - what names lead to: files, directories, links, devices, FIFOs, sockets.
 *
 * There is no cache of names. An inode knows the directory it is in; its own name is
 * found by searching that (getcwd). Hard links exist for everything but directories. A
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
#define DEV_ZERO     0x105u     /* the device that can be mapped: its bytes are 0 */

struct name {
    const char *text;           /* not terminated */
    size_t length;
};

static inline struct name name_of(const char *text) {
    return (struct name){ text, strlen(text) };
}

static inline bool name_is(struct name name, struct name other) {
    return name.length == other.length
           && memcmp(name.text, other.text, name.length) == 0;
}

#define FIRST_ENTRY 2           /* an open directory's offset behind `.` and `..` */

/* A place in a directory, and the entry that was found there. */
struct cursor {
    uint64_t next;              /* where to look; then the place behind the entry */
    struct name name;
    uint64_t number;            /* of its inode */
    mode_t mode;                /* its type at least */
    const void *entry;          /* the file system's own, NULL at first */
    char text[12];              /* of a name made up */
};

/* What a directory is to make a name for. */
struct new_node {
    mode_t mode;                /* type and permission bits, before the umask */
    uint32_t device;            /* S_IFCHR */
    const char *target;         /* S_IFLNK: its text */
    struct inode *inode;        /* not NULL: no new node, a further name for this one */
};

/* What differs between file systems. NULL means -EPERM; a directory has lookup and
 * next, and rename if it has unlink. All run with the permissions already checked. */
struct inode_operations {
    /* The inode with a new reference, or -ENOENT. */
    int (*lookup)(struct inode *dir, struct name name, struct inode **out);
    /* The entry at cursor->next, at least FIRST_ENTRY, or the first behind. 1; 0: there
     * is none; -ENOENT: the directory is gone. */
    int (*next)(struct inode *dir, struct cursor *cursor);
    /* The node with a new reference. */
    int (*make)(struct inode *dir, struct name name, const struct new_node *node,
                struct inode **out);
    int (*unlink)(struct inode *dir, struct name name);
    int (*rename)(struct inode *from_dir, struct name from, struct inode *to_dir,
                  struct name to);
    /* The link's text, not terminated; its length. */
    ssize_t (*readlink)(struct inode *inode, char to[PATH_MAX]);
    /* Where a magic link leads (/proc/PID/fd/N), with a reference; NULL: use
     * readlink. */
    struct inode *(*follow)(struct inode *inode);
    /* SLEEPS. Gives a new file of the inode's its operations and object. NULL: it gets
     * `files`, and -ENXIO without. FIFOs and devices have theirs by type. */
    int (*open)(struct file *file) SLEEPS;
    const struct file_operations *files;
    /* It has one name less. [nothing] */
    void (*unlinked)(struct inode *inode);
    /* The last reference is gone. inode_put frees the inode and its object. */
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
    uint32_t device;            /* S_IFCHR: major << 8 | minor; else 0 */
    uint64_t size;              /* a symbolic link's text is not longer */
    nanoseconds_t accessed, modified, changed, born;    /* since 1970 */
    struct memory_object *object;   /* contents of a regular file: what mmap maps, and
                                   truncate changes */
    /* Where it is. Of a directory, with a reference; a file system's root itself,
     * without. Of others without a reference, NULL when that is not known. */
    struct inode *parent;
    struct inode *mounted;      /* root of what is mounted here, or NULL */
    struct inode *covers;       /* of a mounted root: the directory beneath */
    struct list entries;        /* tmpfs directory */
    void *data;                 /* the file system's or object's own */
    unsigned locks;             /* advisory ones on it; posix/file_lock.c */
};

struct file_system {
    const char *type;           /* "tmpfs" */
    uint32_t device;            /* st_dev */
    struct inode *root;
    uint64_t next_inode;        /* the number given last */
    const char *where;          /* mount point, for /proc/mounts */
    int (*make_special)(struct inode *inode);   /* tmpfs_mount; NULL: none */
    struct wait_queue new_names;        /* tmpfs: woken when something gets a name */
    struct list_node node;      /* all_file_systems */
};

extern struct list all_file_systems;
extern struct inode *root_inode;

static inline bool inode_is(const struct inode *inode, mode_t type) {
    return (inode->mode & S_IFMT) == type;
}

static inline struct inode *inode_get(struct inode *inode) {
    inode->refs++;
    return inode;
}

void inode_put(struct inode *inode);         /* takes NULL too */

/* A new inode with one reference and one link, two for a directory, owned by the
 * current process, all times now. NULL without memory. */
must_check struct inode *inode_create(struct file_system *fs,
                                      const struct inode_operations *operations,
                                      mode_t mode);

/* The same for what has no name: a pipe, a socket. */
must_check struct inode *inode_nameless(mode_t mode);

/* Time stamps. Reading moves `accessed` only when it is not behind the others already,
 * as on Linux (relatime). */
void inode_touch_accessed(struct inode *inode);
void inode_touch_modified(struct inode *inode); /* and changed */

/* The mode without the set-id bits, which go when contents or owner change. */
mode_t inode_plain_mode(const struct inode *inode);

enum permission { MAY_EXECUTE = 1, MAY_SEARCH = 1, MAY_WRITE = 2, MAY_READ = 4 };

/* wanted: enum permission bits. 0, -EACCES. Root passes, save executing a file that
 * nobody may execute. */
must_check int inode_permission(const struct inode *inode, unsigned wanted);

/* Whose rights count: the current process's, or root's while there is none. */
const struct credentials *current_credentials(void);

/* By effective ids: is it the inode's owner, or root? */
bool inode_is_owned(const struct inode *inode);

/* SLEEPS (FIFOs). An open file with one reference, or NULL; checks no permission. */
must_check int inode_open(struct inode *inode, uint32_t flags,
                          struct file **out) SLEEPS;

/* As inode_operations' open; set by kernel/ipc. */
extern int (*fifo_open_hook)(struct file *file) SLEEPS;

/* Mounts fs over the directory `where`, which is made when it is missing; at boot only.
 * The first one is "/". root NULL: there was no memory for it. */
void file_system_mount(struct file_system *fs, const char *type, struct inode *root,
                       const char *where);

/* -- The file system in memory (tmpfs.c) ------------------------------------------- */

/* Mounts a new, empty tmpfs; at boot. A regular file created in it is handed to
 * make_special when that is not NULL (it may set operations, data and type; its error
 * undoes the creation). */
struct file_system *tmpfs_mount(const char *where, const char *type, mode_t mode,
                                int (*make_special)(struct inode *inode));

/* A `read` for files whose bytes lie in their inode's object. */
ssize_t regular_read(struct file *file, struct io *io);

/* The contents of a file become longer by zeros, or shorter. -EISDIR, -EINVAL when it
 * has none, -EFBIG. */
must_check int inode_truncate(struct inode *inode, uint64_t size);

/* Takes all of the inode's names out of a directory. */
void tmpfs_forget(struct inode *directory, struct inode *inode);

/* Unpacks a newc archive under the root. Frees the archive's frames as it goes. Returns
 * false and says why in `why` when it is damaged. */
bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size);

/* -- Paths ------------------------------------------------------------------------- */

enum walk_flags {
    WALK_PARENT = 1,            /* stop at the directory that holds the last name */
    AT_SYMLINK_NOFOLLOW = 0x100, /* do not follow a link in the last place */
    NAME_ITSELF = WALK_PARENT | AT_SYMLINK_NOFOLLOW,
    AT_REMOVEDIR = 0x200, AT_SYMLINK_FOLLOW = 0x400,    /* unlinkat, linkat */
    AT_NO_AUTOMOUNT = 0x800,    /* as if it were not there */
    AT_EMPTY_PATH = 0x1000,     /* "" means the descriptor itself */
    THE_FILE = 2, THE_PLACE = 4, /* no path at all: the descriptor; O_PATH's too */
};

#define AT_FDCWD (-100)

struct path {
    struct inode *inode;        /* what it leads to, with a reference; NULL with
                                   WALK_PARENT when the last name does not exist */
    struct inode *parent;       /* WALK_PARENT: the directory, with a reference */
    struct name last;           /* WALK_PARENT: the last name; empty: the path
                                   is a root, or ended in a magic link */
    bool trailing_slash;
    char text[NAME_MAX];
};

/* Walks a kernel string from `start` (NULL: working directory), or a user string from a
 * descriptor (or AT_FDCWD). 0 or -errno, and then there is nothing to release. */
must_check int path_walk(struct inode *start, const char *name, unsigned flags,
                         struct path *path);
must_check int path_walk_user(int dirfd, uptr_t name, unsigned flags,
                              struct path *path);
void path_release(struct path *path);

/* Room for one path, for those who do not sleep while they use it. */
extern char path_buffer[PATH_MAX];

/* Lets a function work on what a path leads to, or a descriptor stands for. The
 * function's result, or the walk's error. */
typedef long (*inode_action)(struct inode *inode, const void *context);
long path_apply(int dirfd, uptr_t name, unsigned flags, inode_action action,
                const void *context);
long inode_enter(struct inode *inode, const void *unused);      /* chdir */
long inode_change_mode(struct inode *inode, const void *mode);
long inode_change_owner(struct inode *inode, const void *ids);  /* user's and group's */
long inode_stat64(struct inode *inode, const void *to);         /* an uptr_t */
long inode_statfs64(struct inode *inode, const void *to);       /* the same */
#define STATFS64_SIZE 84u

/* Makes path's last name (WALK_PARENT); path->inode is the result. -EEXIST, -EACCES,
 * -ENOENT in a removed directory, or if no directory is to have a slash behind its
 * name, -EXDEV, -EPERM, and what the file system says. */
must_check int path_make(struct path *path, const struct new_node *node);

/* Removes path's last name (NAME_ITSELF), and gives the path back. -EISDIR and the like
 * when it ends in no proper name, or in a slash. */
must_check int path_remove(struct path *path, bool is_directory);

/* The directory above, across mounts; of the root itself; NULL: not known. No
 * reference. */
struct inode *inode_parent(struct inode *inode);

/* An inode's absolute path in the last bytes of path_buffer: how many these are, with
 * the NUL; -ENOENT when it was removed or its place is not known; -ENAMETOOLONG. */
ssize_t path_of_inode(struct inode *inode);

/* SLEEPS (FIFOs). open(2) for the kernel. */
must_check int path_open(struct inode *start, const char *name, uint32_t flags,
                         mode_t mode, struct file **out) SLEEPS;
