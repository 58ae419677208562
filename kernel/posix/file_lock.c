/* file_lock.c - advisory locks on files: fcntl's records, flock's whole files.
 *
 * Shape: one list of all that is locked, one queue of all who wait.
 *
 *      locks:    [f 0-9 write, A] [f 10-20 read, B] [g 15-30 read, C]
 *      waiters:  D, for 5-12 of f
 *
 * A lock's owner is what must go for the lock to go: the descriptor table for F_SETLK
 * (any close of the file by the process ends it), the open file for flock. The two
 * kinds do not see each other.
 * Invariants: no two conflict; one owner's do not overlap, nor touch if of one type.
 *   inode->locks counts those on it.
 * Sleeps: F_SETLKW, flock; condition shape: every change wakes all who wait.
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

enum lock_type { F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2 };
enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };
#define LOCK_END  INT64_MAX
#define CHAIN_MAX 64

struct lock {
    struct list_node node;      /* locks */
    struct waiter waiter;       /* of one that is only wanted */
    struct inode *inode;
    const void *owner;
    pid_t pid;                  /* whose it is; -1: an open file's, by flock */
    int type;                   /* enum lock_type */
    int64_t start, end;         /* first and last byte */
};

struct flock64 {
    uint16_t type, whence;
    int64_t start, length;
    pid_t pid;
} packed;

static struct list locks = LIST_INIT(locks);

/* The first lock in the way of `wanted`. */
static const struct lock *blocker(const struct lock *wanted) {
    const struct lock *lock;

    list_for_each (lock, &locks, node)
        if (lock->inode == wanted->inode && lock->owner != wanted->owner
            && (lock->pid < 0) == (wanted->pid < 0) && lock->start <= wanted->end
            && lock->end >= wanted->start && wanted->type != F_UNLCK
            && (wanted->type == F_WRLCK || lock->type == F_WRLCK))
            return lock;
    return NULL;
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct lock *lock = blocker(container_of(waiter, const struct lock, waiter));

    format(to, size, lock && lock->pid > 0 ? "lock %d" : "lock -",
           lock ? lock->pid : 0);
}

static const struct wait_class lock_class = { "file lock", describe, 0 };
static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters, &lock_class);

/* Would waiting for `lock` close a circle of processes? */
static bool closes_circle(const struct lock *wanted, const struct lock *lock) {
    const struct lock *other;

    for (unsigned i = 0; lock && i < CHAIN_MAX; i++) {
        const void *owner = lock->owner;
        if (owner == wanted->owner) return true;
        lock = NULL;
        list_for_each (other, &waiters.waiters, waiter.node)
            if (other->owner == owner) lock = blocker(other);
    }
    return false;
}

/* -- The locks of one file --------------------------------------------------------- */

/* A copy of it in the list; NULL without memory. */
static struct lock *lock_add(const struct lock *from) {
    struct lock *lock = heap_new(HEAP_FILE_LOCK, struct lock);

    if (!lock) return NULL;
    *lock = *from;
    list_push_back(&locks, &lock->node);
    lock->inode->locks++;
    return lock;
}

static void lock_free(struct lock *lock) {
    lock->inode->locks--;
    list_remove(&lock->node);
    heap_free(lock);
}

/* Makes `wanted` true for its owner; nobody else is in the way. 0, -ENOLCK: nothing is
 * changed. */
static int put_in(const struct lock *wanted) {
    struct lock none = *wanted, *new = &none, *lock, *next;
    bool changed = false;       // what it had: others may have waited for that

    if (wanted->type != F_UNLCK && !(new = lock_add(wanted))) return -ENOLCK;
    list_for_each_safe (lock, next, &locks, node) {
        if (lock == new || lock->inode != new->inode || lock->owner != new->owner
            || lock->start - 1 > new->end || lock->end < new->start - 1)
            continue;
        changed = true;
        if (lock->type == new->type) {          // joined with what it touches
            new->start = min(lock->start, new->start);
            new->end = max(lock->end, new->end);
        }
        bool starts_in = lock->start >= new->start, ends_in = lock->end <= new->end;
        if (starts_in && ends_in) lock_free(lock);
        else if (starts_in) lock->start = max(lock->start, new->end + 1);
        else if (ends_in) lock->end = min(lock->end, new->start - 1);
        else {                  // all of the new one lies in this
            struct lock behind = *lock;
            behind.start = new->end + 1;
            if (!lock_add(&behind)) {
                if (new != &none) lock_free(new);
                return -ENOLCK;
            }
            lock->end = new->start - 1;
        }
    }
    if (changed) wait_wake_all(&waiters, 0);
    return 0;
}

static void lock_end(struct inode *inode, const void *owner) {
    const struct lock none = { .inode = inode, .owner = owner, .type = F_UNLCK,
                               .end = LOCK_END };

    (void)!put_in(&none);       // needs no memory
}

/* SLEEPS. 0, -EAGAIN, -EDEADLK, -ENOLCK, -EBADF, -ERESTART. */
static long acquire(int fd, struct file *file, struct lock *wanted, bool wait) {
    const struct lock *lock;
    long error = 0;

    file_get(file);
    // who wants another kind of flock's gives up the one he has
    if (wanted->pid < 0 && blocker(wanted)) lock_end(wanted->inode, file);
    while (!error && (lock = blocker(wanted))) {
        waiter_init(&wanted->waiter, &waiters);
        if (!wait) error = -EAGAIN;
        else if (wanted->pid > 0 && closes_circle(wanted, lock)) error = -EDEADLK;
        else if (wait_sleep_waiter(&wanted->waiter, DEADLINE_NEVER)) error = -ERESTART;
        else if (fd_peek(fd) != file) error = -EBADF;
    }
    file_lock_end = lock_end;           // not called before there are locks
    if (!error) error = put_in(wanted);
    file_put(file);
    return error;
}

/* -- fcntl and flock --------------------------------------------------------------- */

long file_lock(int fd, int command, uptr_t argument) {
    struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    struct lock wanted = { .inode = file->inode, .owner = current_process()->files,
                           .pid = current_process()->pid };
    struct flock64 l;
    int64_t from;

    if (copy_from_user(&l, argument, sizeof(l))) return -EFAULT;
    if (l.type > (command == F_GETLK ? F_WRLCK : F_UNLCK) || l.whence > 2)
        return -EINVAL;
    const uint64_t bases[] = { 0, file->offset, file->inode->size };
    if (__builtin_add_overflow((int64_t)bases[l.whence], l.start, &from))
        return -EOVERFLOW;
    if (from < 0 || (l.length < 0 && from + l.length < 0)) return -EINVAL;
    wanted.type = l.type;
    wanted.start = from + min(l.length, 0);
    wanted.end = l.length < 0 ? from - 1 : LOCK_END;
    if (l.length > 0 && __builtin_add_overflow(from, l.length - 1, &wanted.end))
        return -EOVERFLOW;
    if (command == F_GETLK) {
        const struct lock *in = blocker(&wanted);
        l.type = F_UNLCK;
        if (in) l = (struct flock64){ (uint16_t)in->type, 0, in->start, 0, in->pid };
        if (in && in->end != LOCK_END) l.length = in->end - in->start + 1;
        return copy_to_user(argument, &l, sizeof(l));
    }
    if ((l.type == F_RDLCK && !file_is_readable(file))
        || (l.type == F_WRLCK && !file_is_writable(file)))
        return -EBADF;
    return acquire(fd, file, &wanted, command == F_SETLKW);
}

long sys_flock(int fd, int operation) {
    int how = operation & ~LOCK_NB;
    struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    if (how != LOCK_SH && how != LOCK_EX && how != LOCK_UN) return -EINVAL;
    int type = how == LOCK_SH ? F_RDLCK : how == LOCK_EX ? F_WRLCK : F_UNLCK;
    struct lock wanted = { .inode = file->inode, .owner = file, .pid = -1,
                           .type = type, .end = LOCK_END };
    return acquire(fd, file, &wanted, !(operation & LOCK_NB));
}
