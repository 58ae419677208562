/* futex.c - waiting on a word of user memory.
 *
 * Shape: a hash of wait queues; a word is known by (space, address), or, when the call
 * is not private and the word lies in shared memory, by (object, offset), so that
 * processes that map it at different addresses mean the same. The compare and the sleep
 * are atomic because nothing runs between them: that is what the big lock is for.
 * Hand-over shape: who wakes takes the waiter off the queue.
 * Linux: no priority inheritance (ENOSYS).
 * Tests: user/tests/futex*.c, thread*.c, robust.c.
 * See: futex(2).
 */
#include "posix/futex.h"

#include "base/format.h"
#include "sched/process.h"
#include "syscall.h"

#define HASH 64

struct futex_key {
    const void *object;         /* memory object, or the address space */
    uint32_t offset;            /* byte in the object, or the address */
};

struct futex_waiter {
    struct waiter waiter;
    struct futex_key key;
    uint32_t bits;              /* FUTEX_WAIT_BITSET */
};

enum futex_operation {
    FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE = 128, FUTEX_REALTIME = 256,
};
#define ANY_BIT UINT32_MAX

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct futex_waiter *f =
        container_of(waiter, const struct futex_waiter, waiter);

    format(to, size, "futex:%08x -", f->key.offset);
}

static const struct wait_class futex_class = { "futex", describe };
static struct wait_queue table[HASH];

static struct wait_queue *queue_of(const struct futex_key *key) {
    uint32_t hash = ((uint32_t)key->object >> 5) ^ (key->offset >> 2);
    struct wait_queue *queue = &table[(hash ^ hash >> 6 ^ hash >> 12) % HASH];

    if (!queue->class) wait_queue_init(queue, &futex_class);
    return queue;
}

static bool same(const struct futex_key *a, const struct futex_key *b) {
    return a->object == b->object && a->offset == b->offset;
}

static int key_of(uint32_t address, bool private, struct futex_key *key) {
    struct address_space *space = current()->space;
    struct region *region;

    if (address & 3) return -EINVAL;
    if (!user_range_ok(uptr(address), 4)) return -EFAULT;
    key->object = space;
    key->offset = address;
    if (private) return 0;
    region = space_find(space, address);
    if (!region) return -EFAULT;
    if (region->flags & REGION_SHARED && region->object) {
        key->object = region->object;
        key->offset = (region->first_page << PAGE_SHIFT) + (address - region->start);
    }
    return 0;
}

/* Wakes up to count waiters on key whose bits match. Returns how many. */
static uint32_t wake(const struct futex_key *key, uint32_t count, uint32_t bits) {
    struct waiter *w, *next;
    uint32_t woken = 0;

    list_for_each_safe (w, next, &queue_of(key)->waiters, node) {
        struct futex_waiter *f = container_of(w, struct futex_waiter, waiter);
        if (woken == count) break;
        if (same(&f->key, key) && f->bits & bits) {
            waiter_wake(w, 0);
            woken++;
        }
    }
    return woken;
}

static long futex_wait(const struct futex_key *key, uint32_t word, uint32_t value,
                       nanoseconds_t deadline, uint32_t bits) {
    struct futex_waiter f = { .key = *key, .bits = bits };
    uint32_t now;

    if (bits == 0) return -EINVAL;
    if (u32_from_user(&now, uptr(word))) return -EFAULT;
    if (now != value) return -EAGAIN;
    waiter_init(&f.waiter, queue_of(key));
    long result = wait_sleep_waiter(&f.waiter, deadline);
    if (result != -EINTR) return result;
    // without a time-out the call can be made again; the word decides
    if (deadline == DEADLINE_NEVER) return -ERESTART;
    time_keep_deadline(deadline);
    return -ERESTART_NO_HANDLER;
}

static long futex_requeue(const struct futex_key *from, const struct futex_key *to,
                          uint32_t wake_count, uint32_t move_count) {
    uint32_t woken = wake(from, wake_count, ANY_BIT), moved = 0;
    struct waiter *w, *next;

    list_for_each_safe (w, next, &queue_of(from)->waiters, node) {
        struct futex_waiter *f = container_of(w, struct futex_waiter, waiter);
        if (moved == move_count) break;
        if (!same(&f->key, from) || same(from, to)) continue;
        waiter_remove(w);
        w->queue = queue_of(to);
        f->key = *to;
        waiter_add(w);
        moved++;
    }
    return (long)(woken + moved);
}

/* FUTEX_WAKE_OP: changes the second word and wakes by what it was. */
static long futex_wake_op(const struct futex_key *first, const struct futex_key *second,
                          uint32_t word2, uint32_t count1, uint32_t count2,
                          uint32_t encoded) {
    uint32_t op = encoded >> 28 & 7, compare = encoded >> 24 & 15, old, new;
    uint32_t argument = (uint32_t)((int32_t)(encoded << 8) >> 20);
    int32_t operand = (int32_t)(encoded << 20) >> 20;

    if (encoded & 0x80000000u) argument = 1u << (argument & 31);
    if (u32_from_user(&old, uptr(word2))) return -EFAULT;
    switch (op) {
    case 0: new = argument; break;
    case 1: new = old + argument; break;
    case 2: new = old | argument; break;
    case 3: new = old & ~argument; break;
    case 4: new = old ^ argument; break;
    default: return -ENOSYS;
    }
    if (compare > 5) return -ENOSYS;
    if (u32_to_user(uptr(word2), new)) return -EFAULT;
    int32_t was = (int32_t)old;
    bool holds = compare == 0   ? was == operand
                 : compare == 1 ? was != operand
                 : compare == 2 ? was < operand
                 : compare == 3 ? was <= operand
                 : compare == 4 ? was > operand
                                : was >= operand;
    uint32_t woken = wake(first, count1, ANY_BIT);
    if (holds) woken += wake(second, count2, ANY_BIT);
    return (long)woken;
}

/* FUTEX_WAIT counts from now, FUTEX_WAIT_BITSET is a moment on one of two clocks. */
static int take_deadline(int operation, uptr_t timeout, nanoseconds_t *deadline) {
    nanoseconds_t t;

    *deadline = DEADLINE_NEVER;
    if (uptr_is_null(timeout)) return 0;
    int error = time_from_user(timeout, &t);
    if (error) return error;
    if ((operation & 127) == FUTEX_WAIT) {
        *deadline = time_restart_deadline(t);
    } else {
        nanoseconds_t offset = operation & FUTEX_REALTIME ? time_realtime_offset() : 0;
        *deadline = t > offset ? t - offset : 0;
    }
    return 0;
}

long sys_futex(uint32_t word, int operation, uint32_t value, uptr_t timeout,
               uint32_t word2, uint32_t value3) {
    struct futex_key key, key2 = { NULL, 0 };
    nanoseconds_t deadline;
    int command = operation & 127;
    bool private = operation & FUTEX_PRIVATE;
    int error = key_of(word, private, &key);

    if (error) return error;
    if (command >= FUTEX_REQUEUE && command <= FUTEX_WAKE_OP
        && (error = key_of(word2, private, &key2)))
        return error;
    switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        error = take_deadline(operation, timeout, &deadline);
        if (error) return error;
        return futex_wait(&key, word, value, deadline,
                          command == FUTEX_WAIT ? ANY_BIT : value3);
    case FUTEX_WAKE:
        return (long)wake(&key, max(value, 1u), ANY_BIT);
    case FUTEX_WAKE_BITSET:
        return value3 ? (long)wake(&key, max(value, 1u), value3) : -EINVAL;
    case FUTEX_CMP_REQUEUE: {
        uint32_t now;
        if ((int32_t)value < 0 || (int32_t)timeout.address < 0) return -EINVAL;
        if (u32_from_user(&now, uptr(word))) return -EFAULT;
        if (now != value3) return -EAGAIN;
        return futex_requeue(&key, &key2, value, timeout.address);
    }
    case FUTEX_REQUEUE:
        if ((int32_t)value < 0 || (int32_t)timeout.address < 0) return -EINVAL;
        return futex_requeue(&key, &key2, value, timeout.address);
    case FUTEX_WAKE_OP:
        return futex_wake_op(&key, &key2, word2, value, timeout.address, value3);
    default:
        return -ENOSYS;
    }
}

/* -- The end of a thread ----------------------------------------------------------- */

enum { OWNER_DIED = 0x40000000, WAITERS = 0x80000000u, TID_MASK = 0x3fffffff };

/* One robust lock: if the dead thread holds it, its owner is marked dead. */
static void release_lock(struct thread *t, uint32_t word) {
    struct futex_key key;
    uint32_t value;

    if (u32_from_user(&value, uptr(word)) || (value & TID_MASK) != (uint32_t)t->tid)
        return;
    if (u32_to_user(uptr(word), (value & WAITERS) | OWNER_DIED)) return;
    if (value & WAITERS && key_of(word, false, &key) == 0) wake(&key, 1, ANY_BIT);
}

static void release_robust_locks(struct thread *t) {
    struct {
        uint32_t next, offset, pending;
    } head;
    uint32_t at, count = 0;

    if (!t->robust_list || copy_from_user(&head, uptr(t->robust_list), sizeof(head)))
        return;
    // bounded: the list is user memory and may be a circle
    for (at = head.next & ~1u; at != t->robust_list && count < 2048; count++) {
        uint32_t next;
        if (u32_from_user(&next, uptr(at))) break;
        if (at != (head.pending & ~1u)) release_lock(t, at + head.offset);
        at = next & ~1u;
    }
    if (head.pending) release_lock(t, (head.pending & ~1u) + head.offset);
}

void futex_thread_exit(struct thread *t) {
    struct futex_key key;

    release_robust_locks(t);
    if (t->clear_child_tid && u32_to_user(uptr(t->clear_child_tid), 0) == 0
        && key_of(t->clear_child_tid, false, &key) == 0)
        wake(&key, 1, ANY_BIT);
}

long sys_set_robust_list(uptr_t head, size_t size) {
    if (size != 12) return -EINVAL;
    current()->robust_list = head.address;
    return 0;
}

long sys_get_robust_list(pid_t tid, uptr_t head, uptr_t size) {
    const struct thread *t = tid ? thread_find(tid) : current();

    if (!t) return -ESRCH;
    if (t->process != current_process() && !process_may_signal(t->process, 0))
        return -EPERM;
    if (u32_to_user(size, 12) || u32_to_user(head, t->robust_list)) return -EFAULT;
    return 0;
}
