/* file_lock.c - advisory locks on files: fcntl's records, flock's whole files.
 *
 * Shape: one list of all that is locked, one queue of all who wait.
 *
 *      locks:    [f 0-9 write, A] [f 10-20 read, B] [g 15-30 read, C]
 *      waiters:  D, for 5-12 of f
 *
 * A lock's owner is what must go for the lock to go: the descriptor table for F_SETLK
 * (any close of the file by the process ends it), the open file for F_OFD_SETLK and
 * flock. flock's locks and the others do not see each other.
 * Invariants: no two conflict; one owner's do not overlap, nor touch if of one type.
 *   inode->locks counts those on it.
 * Sleeps: F_SETLKW, F_OFD_SETLKW, flock; condition shape: every change wakes all who
 *   wait.
 * Linux: no mandatory locks, no leases. A deadlock is looked for along one chain of at
 *   most 64 owners.
 * Tests: user/tests/record_lock.c, flock.c.
 * See: fcntl(2), flock(2).
 */
#include "base/format.h"
#include "fs/inode.h"
#include "mm/heap.h"
#include "posix/faces.h"
#include "syscall.h"

enum { F_GETLK = 12, F_SETLKW = 14, F_OFD_GETLK = 36, F_OFD_SETLKW = 38 };
enum lock_type { F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2 };
enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };
#define LOCK_END  INT64_MAX
#define CHAIN_MAX 64

struct lock {
    struct list_node node;      /* locks */
    struct inode *inode;
    const void *owner;
    pid_t pid;                  /* whose it is; -1: an open file's */
    bool whole;                 /* flock's */
    uint8_t type;               /* enum lock_type */
    int64_t start, end;         /* first and last byte */
};

struct lock_waiter {
    struct waiter waiter;
    const struct lock *wanted;
};

struct flock64 {
    int16_t type, whence;
    int64_t start, length;
    pid_t pid;
} packed;

static struct list locks = LIST_INIT(locks);

static bool overlap(const struct lock *a, const struct lock *b) {
    return a->start <= b->end && a->end >= b->start;
}

/* The first lock in the way of `wanted`. */
static const struct lock *blocker(const struct lock *wanted) {
    const struct lock *lock;

    list_for_each (lock, &locks, node)
        if (lock->inode == wanted->inode && lock->whole == wanted->whole
            && lock->owner != wanted->owner && overlap(lock, wanted)
            && (wanted->type == F_WRLCK
                || (wanted->type == F_RDLCK && lock->type == F_WRLCK)))
            return lock;
    return NULL;
}

/* What is in the way of somebody asleep; NULL: nothing any more. */
static const struct lock *blocker_of(const struct waiter *waiter) {
    return blocker(container_of(waiter, const struct lock_waiter, waiter)->wanted);
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct lock *lock = blocker_of(waiter);

    format(to, size, lock && lock->pid > 0 ? "lock %d" : "lock -",
           lock ? lock->pid : 0);
}

static const struct wait_class lock_class = { "file lock", describe };
static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters, &lock_class);

/* Would waiting for `lock` close a circle of processes? */
static bool closes_circle(const struct lock *wanted, const struct lock *lock) {
    const struct lock_waiter *w;

    for (unsigned i = 0; lock && i < CHAIN_MAX; i++) {
        const void *owner = lock->owner;
        if (owner == wanted->owner) return true;
        lock = NULL;
        list_for_each (w, &waiters.waiters, waiter.node)
            if (w->wanted->owner == owner) lock = blocker_of(&w->waiter);
    }
    return false;
}

/* -- The locks of one file --------------------------------------------------------- */

/* A copy of it in the list; NULL without memory. */
static struct lock *lock_add(const struct lock *from, struct list_node *before) {
    struct lock *lock = heap_new(HEAP_FILE_LOCK, struct lock);

    if (!lock) return NULL;
    *lock = *from;
    list_insert_before(before, &lock->node);
    lock->inode->locks++;
    return lock;
}

static void lock_free(struct lock *lock) {
    lock->inode->locks--;
    list_remove(&lock->node);
    heap_free(lock);
}

/* Takes the range out of a lock that overlaps it. 0, -ENOLCK: nothing is changed. */
static int cut(struct lock *lock, const struct lock *range) {
    bool begins_before = lock->start<range->start, ends_behind = lock->end> range->end;

    if (begins_before && ends_behind) {
        struct lock behind = *lock;
        behind.start = range->end + 1;
        if (!lock_add(&behind, &lock->node)) return -ENOLCK;
    }
    if (begins_before) lock->end = range->start - 1;
    else if (ends_behind) lock->start = range->end + 1;
    else lock_free(lock);
    return 0;
}

/* Makes `wanted` true for its owner; nobody else is in the way. 0, -ENOLCK: nothing is
 * changed. */
static int put_in(const struct lock *wanted) {
    struct lock none = *wanted, *lock, *next;
    struct lock *new = wanted->type == F_UNLCK ? &none : lock_add(wanted, &locks.head);

    if (!new) return -ENOLCK;
    list_for_each_safe (lock, next, &locks, node) {
        if (lock == new || lock->inode != new->inode || lock->owner != new->owner
            || lock->whole != new->whole || lock->start - 1 > new->end
            || lock->end < new->start - 1)
            continue;
        if (lock->type == new->type) {          // joined with what it touches
            new->start = min(lock->start, new->start);
            new->end = max(lock->end, new->end);
            lock_free(lock);
        } else if (overlap(lock, new) && cut(lock, new)) {
            // so all of it lies in this one lock
            if (new != &none) lock_free(new);
            return -ENOLCK;
        }
    }
    wait_wake_all(&waiters, 0);
    return 0;
}

static void lock_end(struct inode *inode, const void *owner) {
    unsigned before = inode->locks;
    struct lock *lock, *next;

    list_for_each_safe (lock, next, &locks, node)
        if (lock->inode == inode && lock->owner == owner) lock_free(lock);
    if (inode->locks != before) wait_wake_all(&waiters, 0);
}

/* SLEEPS. 0, -EAGAIN, -EDEADLK, -ENOLCK, -EBADF, -ERESTART. */
static long acquire(int fd, const struct file *file, const struct lock *wanted,
                    bool wait) {
    struct lock_waiter w = { .wanted = wanted };
    struct lock none = *wanted; // who wants another kind gives up the one he has
    const struct lock *lock;

    none.type = F_UNLCK;
    if (wanted->whole && blocker(wanted) && put_in(&none)) return -ENOLCK;
    while ((lock = blocker(wanted))) {
        if (!wait) return -EAGAIN;
        if (wanted->pid > 0 && closes_circle(wanted, lock)) return -EDEADLK;
        waiter_init(&w.waiter, &waiters);
        if (wait_sleep_waiter(&w.waiter, DEADLINE_NEVER)) return -ERESTART;
        if (fd_peek(fd) != file) return -EBADF;
    }
    return put_in(wanted);
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

static long lock_control(int fd, struct file *file, int command, uptr_t argument) {
    bool of_file = command >= F_OFD_GETLK;
    struct lock wanted = { .inode = file->inode,
                           .owner = of_file ? (void *)file : current_process()->files,
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
    if (asks) {
        const struct lock *in = blocker(&wanted);
        l.type = F_UNLCK;
        if (in) l = (struct flock64){ in->type, 0, in->start, 0, in->pid };
        if (in && in->end != LOCK_END) l.length = in->end - in->start + 1;
        return copy_to_user(argument, &l, sizeof(l));
    }
    if ((l.type == F_RDLCK && !file_is_readable(file))
        || (l.type == F_WRLCK && !file_is_writable(file)))
        return -EBADF;
    return acquire(fd, file, &wanted, command == F_SETLKW || command == F_OFD_SETLKW);
}

long sys_flock(int fd, int operation) {
    static const uint8_t types[] = { [LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK,
                                     [LOCK_UN] = F_UNLCK };
    unsigned how = (unsigned)operation & ~(unsigned)LOCK_NB;
    struct file *file = fd_get(fd);

    if (!file) return -EBADF;
    struct lock wanted = { .inode = file->inode, .owner = file, .pid = -1,
                           .whole = true, .end = LOCK_END };
    long result = -EINVAL;
    if (file->inode && (how == LOCK_SH || how == LOCK_EX || how == LOCK_UN)) {
        wanted.type = types[how];
        result = acquire(fd, file, &wanted, !(operation & LOCK_NB));
    }
    file_put(file);
    return result;
}

void file_locks_init(void) {
    file_lock_hook = lock_control;
    file_lock_end = lock_end;
}
