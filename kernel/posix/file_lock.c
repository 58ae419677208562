/* file_lock.c - advisory locks on files: fcntl's records, flock's whole files.
 *
 * Shape: inode->locks holds what is locked and who waits; it exists while one of the
 * two does.
 *
 *      struct file_locks   locks:  [0-9 write, A] [10-20 read, B] [15-30 read, C]
 *                          waiters: D, for 5-12
 *
 * A lock's owner is what must go for the lock to go: the descriptor table for F_SETLK
 * (any close of the file by the process ends it), the open file for F_OFD_SETLK and
 * flock. flock's locks and the others do not see each other.
 * Invariants: no two conflict; one owner's do not overlap, nor touch if of one type.
 * Sleeps: F_SETLKW, F_OFD_SETLKW, flock; condition shape: every change of a file's
 *   locks wakes all who wait for one there.
 * Linux: no mandatory locks, no leases. A deadlock is looked for along one chain of at
 *   most 64 owners.
 * Tests: user/tests/record_lock.c, flock.c.
 * See: fcntl(2), flock(2).
 */
#include "base/format.h"
#include "core/panic.h"
#include "fs/inode.h"
#include "mm/heap.h"
#include "posix/file_lock.h"
#include "sched/process.h"
#include "syscall.h"

enum { F_GETLK = 12, F_SETLKW = 14, F_OFD_GETLK = 36, F_OFD_SETLKW = 38 };
enum lock_type { F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2 };
enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };
#define LOCK_END  INT64_MAX
#define CHAIN_MAX 64

struct lock {
    struct list_node node;      /* file_locks->locks */
    const void *owner;
    pid_t pid;                  /* whose it is; -1: an open file's */
    bool whole;                 /* flock's */
    uint8_t type;               /* enum lock_type */
    int64_t start, end;         /* first and last byte */
};

struct file_locks {
    struct list locks;          /* struct lock */
    struct wait_queue waiters;  /* struct lock_waiter */
};

struct lock_waiter {
    struct waiter waiter;
    struct list_node node;      /* waiting */
    const struct lock *wanted;
};

struct flock64 {
    int16_t type, whence;
    int64_t start, length;
    pid_t pid;
} packed;

static struct list waiting = LIST_INIT(waiting);

/* The first lock in the way of `wanted`. */
static const struct lock *blocker(const struct file_locks *all,
                                  const struct lock *wanted) {
    const struct lock *lock;

    list_for_each (lock, &all->locks, node)
        if (lock->owner != wanted->owner && lock->whole == wanted->whole
            && lock->start <= wanted->end && lock->end >= wanted->start
            && (wanted->type == F_WRLCK
                || (wanted->type == F_RDLCK && lock->type == F_WRLCK)))
            return lock;
    return NULL;
}

/* What is in the way of somebody asleep; NULL: nothing any more. */
static const struct lock *blocker_of(const struct waiter *waiter) {
    const struct lock_waiter *w =
        container_of(waiter, const struct lock_waiter, waiter);

    return blocker(container_of(waiter->queue, struct file_locks, waiters), w->wanted);
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct lock *lock = blocker_of(waiter);

    format(to, size, lock && lock->pid > 0 ? "lock %d" : "lock -",
           lock ? lock->pid : 0);
}

static const struct wait_class lock_class = { "file lock", describe };

/* Would waiting for `lock` close a circle of processes? */
static bool closes_circle(const struct lock *wanted, const struct lock *lock) {
    const struct lock_waiter *w;

    for (unsigned i = 0; lock && i < CHAIN_MAX; i++) {
        const void *owner = lock->owner;
        if (owner == wanted->owner) return true;
        lock = NULL;
        list_for_each (w, &waiting, node)
            if (w->wanted->owner == owner && list_node_is_linked(&w->waiter.node))
                lock = blocker_of(&w->waiter);
    }
    return false;
}

/* -- The locks of one file --------------------------------------------------------- */

static struct file_locks *locks_of(struct inode *inode) {
    struct file_locks *all = inode->locks;

    if (!all && (all = heap_new(HEAP_FILE_LOCK, struct file_locks))) {
        list_init(&all->locks);
        wait_queue_init(&all->waiters, &lock_class);
        inode->locks = all;
    }
    return all;
}

static void free_if_unused(struct inode *inode) {
    struct file_locks *all = inode->locks;

    if (!all || !list_is_empty(&all->locks) || !wait_queue_is_empty(&all->waiters))
        return;
    heap_free(all);
    inode->locks = NULL;
}

static void lock_free(struct lock *lock) {
    list_remove(&lock->node);
    heap_free(lock);
}

/* Takes the range out of a lock that overlaps it. 0, -ENOLCK: nothing is changed. */
static int cut(struct lock *lock, const struct lock *range) {
    if (lock->start < range->start && lock->end > range->end) {
        struct lock *behind = heap_new(HEAP_FILE_LOCK, struct lock);
        if (!behind) return -ENOLCK;
        *behind = *lock;
        behind->start = range->end + 1;
        list_insert_before(&lock->node, &behind->node);
        lock->end = range->start - 1;
    } else if (lock->start < range->start) {
        lock->end = range->start - 1;
    } else if (lock->end > range->end) {
        lock->start = range->end + 1;
    } else {
        lock_free(lock);
    }
    return 0;
}

/* Makes `wanted` true for its owner; nobody else is in the way. 0, -ENOLCK. */
static int put_in(struct file_locks *all, const struct lock *wanted) {
    struct lock range = *wanted, *new = NULL, *lock, *next;
    int error = 0;

    if (range.type != F_UNLCK && !(new = heap_new(HEAP_FILE_LOCK, struct lock)))
        return -ENOLCK;
    list_for_each_safe (lock, next, &all->locks, node) {
        if (lock->owner != range.owner || lock->whole != range.whole
            || lock->start - 1 > range.end || lock->end < range.start - 1)
            continue;
        if (lock->type == range.type) {         // joined with what it touches
            range.start = min(lock->start, range.start);
            range.end = max(lock->end, range.end);
            lock_free(lock);
        } else if (lock->start <= range.end && lock->end >= range.start) {
            error = cut(lock, &range);          // fails only where it is all there is
        }
    }
    if (error || !new) {
        heap_free(new);
    } else {
        *new = range;
        list_push_back(&all->locks, &new->node);
    }
    wait_wake_all(&all->waiters, 0);
    return error;
}

static void lock_end(struct inode *inode, const void *owner) {
    struct file_locks *all = inode->locks;
    struct lock *lock, *next;
    bool any = false;

    list_for_each_safe (lock, next, &all->locks, node)
        if (lock->owner == owner) {
            lock_free(lock);
            any = true;
        }
    if (any) wait_wake_all(&all->waiters, 0);
    free_if_unused(inode);
}

/* SLEEPS. 0, -EAGAIN, -EDEADLK, -ENOLCK, -EBADF, -ERESTART. */
static long acquire(int fd, struct file *file, const struct lock *wanted, bool wait) {
    struct lock_waiter w = { .wanted = wanted };
    const struct lock *lock;
    struct file_locks *all;
    long result;

    while ((all = locks_of(file->inode)) && (lock = blocker(all, wanted))) {
        if (wanted->whole)      // who wants another kind gives up the one he has
            lock_end(file->inode, wanted->owner);
        if (!wait) return -EAGAIN;
        if (wanted->pid > 0 && closes_circle(wanted, lock)) return -EDEADLK;
        waiter_init(&w.waiter, &all->waiters);
        list_push_back(&waiting, &w.node);
        result = wait_sleep_waiter(&w.waiter, DEADLINE_NEVER);
        list_remove(&w.node);
        if (result == 0 && fd_peek(fd) == file) continue;
        free_if_unused(file->inode);
        return result ? -ERESTART : -EBADF;
    }
    result = all ? put_in(all, wanted) : -ENOLCK;
    free_if_unused(file->inode);
    return result;
}

/* -- fcntl and flock --------------------------------------------------------------- */

static int range_of(const struct file *file, const struct flock64 *l,
                    struct lock *lock) {
    const uint64_t bases[] = { 0, file->offset, file->inode->size };
    int64_t from;

    if (l->whence < 0 || l->whence > 2) return -EINVAL;
    if (__builtin_add_overflow((int64_t)bases[l->whence], l->start, &from))
        return -EOVERFLOW;
    if (from < 0 || (l->length < 0 && from + l->length < 0)) return -EINVAL;
    lock->start = l->length < 0 ? from + l->length : from;
    lock->end = l->length < 0 ? from - 1 : LOCK_END;
    if (l->length > 0 && __builtin_add_overflow(from, l->length - 1, &lock->end))
        return -EOVERFLOW;
    return 0;
}

static long tell_blocker(const struct file_locks *all, const struct lock *wanted,
                         struct flock64 *l, uptr_t to) {
    const struct lock *lock = all ? blocker(all, wanted) : NULL;

    l->type = F_UNLCK;
    if (lock)
        *l = (struct flock64){ lock->type, 0, lock->start,
                               lock->end == LOCK_END ? 0 : lock->end - lock->start + 1,
                               lock->pid };
    return copy_to_user(to, l, sizeof(*l));
}

static long lock_control(int fd, struct file *file, int command, uptr_t argument) {
    bool of_file = command >= F_OFD_GETLK;
    struct lock wanted = { .owner = of_file ? (void *)file : current_process()->files,
                           .pid = of_file ? -1 : current_process()->pid };
    struct flock64 l;

    if (!file->inode) return -EINVAL;
    if (copy_from_user(&l, argument, sizeof(l))) return -EFAULT;
    bool asks = command == F_GETLK || command == F_OFD_GETLK;
    if (l.type < 0 || l.type > (asks ? F_WRLCK : F_UNLCK) || (of_file && l.pid != 0))
        return -EINVAL;
    int error = range_of(file, &l, &wanted);
    if (error) return error;
    wanted.type = (uint8_t)l.type;
    if (asks) return tell_blocker(file->inode->locks, &wanted, &l, argument);
    if ((l.type == F_RDLCK && !file_is_readable(file))
        || (l.type == F_WRLCK && !file_is_writable(file)))
        return -EBADF;
    return acquire(fd, file, &wanted, command == F_SETLKW || command == F_OFD_SETLKW);
}

long sys_flock(int fd, int operation) {
    struct file *file = fd_get(fd);
    struct lock wanted = { .owner = file, .pid = -1, .whole = true, .end = LOCK_END };
    long result = -EINVAL;

    if (!file) return -EBADF;
    switch (operation & ~LOCK_NB) {
    case LOCK_SH: wanted.type = F_RDLCK; break;
    case LOCK_EX: wanted.type = F_WRLCK; break;
    case LOCK_UN: wanted.type = F_UNLCK; break;
    default: goto out;
    }
    if (file->flags & O_PATH)
        result = -EBADF;
    else if (file->inode)
        result = acquire(fd, file, &wanted, !(operation & LOCK_NB));
out:
    file_put(file);
    return result;
}

void file_locks_init(void) {
    file_lock_hook = lock_control;
    file_lock_end = lock_end;
}
