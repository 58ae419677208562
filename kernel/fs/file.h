/* file.h - open files: what a descriptor stands for.
 *
 *      process->files[3] --+
 *      process->files[4] --+--> struct file --> inode, pipe, mailbox, socket ...
 *                                 operations, offset, flags
 *
 * A descriptor holds a reference; so does every call in progress, so that a close in
 * another thread takes nothing away under it. dup and fork share one struct file, and
 * with it the offset and O_NONBLOCK.
 */
#pragma once

#include "base/string.h"
#include "sched/process.h"

enum open_flags {
    O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_ACCMODE = 3,
    O_CREAT = 0100, O_EXCL = 0200, O_NOCTTY = 0400, O_TRUNC = 01000, O_APPEND = 02000,
    O_NONBLOCK = 04000, O_DIRECT = 040000, O_LARGEFILE = 0100000,
    O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000, O_CLOEXEC = 02000000,
    O_PATH = 010000000,         /* only says where */
};

enum poll_events {
    POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32,
    POLLRDNORM = 64, POLLRDBAND = 128, POLLWRNORM = 256, POLLWRBAND = 512,
    POLLRDHUP = 0x2000,
};

struct iovec {
    uint32_t base, length;
};

/* User memory that bytes come from or go to: one buffer, or several (readv). Where they
 * are was judged when it was made; nobody asks again. */
struct io {
    vaddr_t base;               /* of the piece in work */
    size_t piece;               /* bytes left in it */
    size_t left;                /* bytes left in all */
    const struct iovec *more;   /* pieces after it, if left > piece */
    struct iovec *many;         /* a copy of the user's vector, from the heap; or */
    struct iovec few[8];        /* it needs no memory */
    uint64_t *offset;           /* of read and write: the file's own or pread's */
};

/* A 64-bit argument, which comes as two. */
static inline uint64_t join_words(uint32_t low, uint32_t high) {
    return (uint64_t)high << 32 | low;
}

#define SSIZE_MAX 0x7fffffffu
#define IOV_MAX   1024

/* For one buffer: 0, -EFAULT. */
static inline must_check int io_init(struct io *io, uptr_t base, size_t size) {
    io->base = base.address;
    io->piece = io->left = size;
    return user_range_ok(base, size) ? 0 : -EFAULT;
}

/* For a user's vector: 0, and io_release later; or -EFAULT, -EINVAL, -ENOMEM. */
must_check int io_init_vector(struct io *io, uptr_t vector, unsigned count);
void io_release(struct io *io);

/* Moves size bytes (at most io->left) out of, or into, the buffers and advances; from
 * NULL means zeros. 0, or -EFAULT: then io has not advanced, and nothing counts as
 * moved, though some bytes may have been copied. */
must_check int io_move_pieces(struct io *io, void *memory, size_t size, bool give);

/* Makes the next `size` bytes of the buffers writable now; io stays where it is. 0, or
 * -EFAULT. */
must_check int io_make_writable(struct io io, size_t size);

static inline void io_advance(struct io *io, size_t size) {
    io->base += size;
    io->piece -= size;
    io->left -= size;
}

static inline must_check int io_take(struct io *io, void *to, size_t size) {
    if (unlikely(size > io->piece)) return io_move_pieces(io, to, size, false);
    if (user_copy(to, (const void *)io->base, size)) return -EFAULT;
    io_advance(io, size);
    return 0;
}

static inline must_check int io_give(struct io *io, const void *from, size_t size) {
    if (unlikely(size > io->piece || !from))
        return io_move_pieces(io, (void *)from, size, true);
    if (user_copy((void *)io->base, from, size)) return -EFAULT;
    io_advance(io, size);
    return 0;
}

struct file;
struct file_holder;
struct inode;
struct memory_object;

/* Collects the queues that poll(2) must wait on, which has the memory for the waiters.
 * NULL: only the events are wanted. */
struct poll_table {
    struct waiter *waiters;
    unsigned count, size;       /* used, allocated */
};

static inline void poll_wait(struct poll_table *table, struct wait_queue *queue) {
    if (!table) return;
    assert(table->count < table->size);
    struct waiter *w = &table->waiters[table->count++];
    waiter_init(w, queue);
    w->shared = true;
    waiter_add(w);
}

/* What kinds of files differ in. A NULL entry means: the error in brackets. */
struct file_operations {
    const char *name;           /* "pipe", "regular file", for people */
    /* SLEEPS. Bytes moved, 0 at the end, -errno; who has places in the file moves
     * *io->offset. [EBADF; a directory's read: EISDIR] */
    ssize_t (*read)(struct file *file, struct io *io);
    ssize_t (*write)(struct file *file, struct io *io);   /* EBADF */
    /* The events that are true now; registers its queues. [readable and writable] */
    unsigned (*poll)(struct file *file, struct poll_table *table);
    long (*ioctl)(struct file *file, uint32_t request, uptr_t argument);    /* ENOTTY */
    /* What holds the files that lie in messages queued here; fs/passed_files.h.
     * [none can] */
    struct file_holder *(*holder)(struct file *file);
    /* The running process has closed a descriptor; others may be left. [nothing] */
    void (*closed)(struct file *file);
    /* The last descriptor of any process was closed. Must not sleep. */
    void (*release)(struct file *file);
    bool has_places;            /* for pread, lseek (the end: inode->size) [ESPIPE] */
    uint32_t pipe_size;         /* of a pipe: what F_GETPIPE_SZ tells */
};

struct file {
    uint32_t refs;
    const struct file_operations *operations;   /* [const] once it is open */
    uint32_t flags;             /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_DIRECT ... */
    uint64_t offset;
    struct inode *inode;        /* [const] with a reference; see inode_nameless */
    void *object;               /* the kind's own: pipe, mailbox, socket */
    uint32_t counted;           /* what kcheck has found of refs */
    uint32_t inflight;          /* references held by queued messages; passed_files.h */
    struct list_node all_node;  /* all_files: kcheck and the collector walk it */
};

extern struct list all_files;

/* A new open file with one reference. The caller's reference to the inode is gone in
 * any case. NULL: no memory (for the inode either: it may be NULL), or over the limit
 * (usually -ENFILE). */
must_check struct file *file_create(const struct file_operations *operations,
                                    uint32_t flags, struct inode *inode, void *object);

static inline void file_get(struct file *file) { file->refs++; }

/* The end of a file whose last reference is gone; for file_put only. */
void file_free(struct file *file);

static inline void file_put(struct file *file) {
    if (--file->refs == 0) file_free(file);
}

static inline bool file_is_readable(const struct file *file) {
    return !(file->flags & (O_WRONLY | O_PATH));
}

static inline bool file_is_writable(const struct file *file) {
    return (file->flags & O_ACCMODE) != O_RDONLY;
}

/* SLEEPS. read(2), write(2) and all their kin: find the file, find out where in user
 * memory the bytes are, let the file move them. `memory` is one buffer, or a VECTOR of
 * `size` of them; `at` is a place of the call's own, if it is PLACED. */
enum transfer { WRITES = 1, VECTOR = 2, PLACED = 4 };
long file_transfer(int fd, uptr_t memory, size_t size, unsigned how,
                   uint64_t at) SLEEPS;

/* Ends an owner's locks on the inode: a descriptor table's, an open file's. Called for
 * inodes that have locks at all; set by kernel/posix. */
extern void (*file_lock_end)(struct inode *inode, const void *owner);

/* -- Descriptors of the current process -------------------------------------------- */

#define FILES_MAX 1024          /* descriptors of one process at most */

struct descriptor {
    struct file *file;          /* with a reference; NULL: free */
    bool close_on_exec;
};

struct file_table {
    uint32_t refs;
    unsigned size;              /* places allocated */
    struct descriptor *places;
};

/* With the same files as `from`; NULL: empty. NULL without memory. */
must_check struct file_table *file_table_create(const struct file_table *from);
void file_table_put(struct file_table *table);
void file_table_close_on_exec(struct file_table *table);

/* The file without a new reference: valid until something sleeps. NULL: -EBADF. */
static inline struct file *fd_place(int fd) {
    const struct file_table *table = current_process()->files;

    return (unsigned)fd < table->size ? table->places[fd].file : NULL;
}

/* The same, but not if it was opened with O_PATH. */
static inline struct file *fd_peek(int fd) {
    struct file *file = fd_place(fd);

    return file && !(file->flags & O_PATH) ? file : NULL;
}

/* That one with a reference; file_put it. */
static inline struct file *fd_get(int fd) {
    struct file *file = fd_peek(fd);

    if (file) file_get(file);
    return file;
}

/* Is there room for one more, until something sleeps? 0, -EMFILE, -ENOMEM. */
must_check int fd_room(void);

/* The lowest free descriptor, which takes over the reference. -EMFILE, -ENOMEM, and the
 * file is put; NULL, from file_create, is -ENFILE. */
must_check int fd_install(struct file *file, bool close_on_exec);

/* All at once or none, each with a new reference, into any process's table, which pays
 * for its own growth: for messages handed to a sleeper. Their numbers are written to
 * its memory. 0, -EMFILE, -ENOMEM, -EFAULT. */
#define MSG_FDS_MAX 4           /* so many at most */
must_check int fd_install_all(struct process *to, struct file *const *files,
                              unsigned count, bool close_on_exec, uptr_t out);

/* The same for the two of a pipe or socketpair, which are put: NULL is -ENFILE. */
must_check int fd_install_pair(struct file *const files[2], bool close_on_exec,
                               uptr_t out);

/* fcntl but for locks. */
long fd_control(int fd, int command, uint32_t argument);
