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
#include "posix/faces.h"

#include "base/format.h"
#include "syscall.h"

#define HASH_BITS 6
#define ANY_BIT   UINT32_MAX

enum futex_operation {
    FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE = 128, FUTEX_REALTIME = 256,
};

static void describe(const struct waiter *waiter, char *to, size_t size) {
    format(to, size, "futex:%08x -", waiter->thread->waited_word.offset);
}

static struct wait_queue *queue_of(const struct futex_word *word) {
    static const struct wait_class class = { "futex", describe, 0 };
    static struct wait_queue table[1 << HASH_BITS];
    uint32_t mixed = ((uint32_t)word->object + word->offset) * 0x9e3779b1u;
    struct wait_queue *queue = &table[mixed >> (32 - HASH_BITS)];

    if (!queue->class) wait_queue_init(queue, &class);
    return queue;
}

static inline bool same(const struct futex_word *a, const struct futex_word *b) {
    return a->object == b->object && a->offset == b->offset;
}

/* 0, -EINVAL, -EFAULT; who waits must be able to see it. */
static int locate(struct futex_word *w, uint32_t address, int operation) {
    struct address_space *space = current()->space;
    const struct region *region;

    w->version = 0;
    if (address & 3) return -EINVAL;
    if (!user_range_ok(uptr(address), 4)) return -EFAULT;
    w->address = w->offset = address;
    w->operation = operation;
    w->object = space;
    if (!(operation & FUTEX_PRIVATE)) {
        if (!(region = space_find(space, address))) return -EFAULT;
        if (region->flags & REGION_SHARED && region->object) {
            w->object = region->object;
            w->offset = (region->first_page << PAGE_SHIFT) + (address - region->start);
        }
    }
    w->queue = queue_of(w);
    w->seen = space_page(space, address, PROT_READ);
    if (w->seen && !(operation & ~(FUTEX_PRIVATE | FUTEX_WAKE)))
        w->version = space->version;
    return w->seen || w != &current()->waited_word ? 0 : -EFAULT;
}

/* Wakes up to count waiters on word whose bits match, and makes up to `moves` more wait
 * on `to`, if that is not NULL; at least one is. How many. */
static inline long wake(const struct futex_word *word, uint32_t count, uint32_t bits,
                        const struct futex_word *to, uint32_t moves) {
    struct waiter *w, *next;
    uint32_t done = 0;

    list_for_each_safe (w, next, &word->queue->waiters, node) {
        struct futex_word *waited = &w->thread->waited_word;
        if (!same(waited, word) || (bits != ANY_BIT && !(waited->bits & bits)))
            continue;
        if (!to || done < count) {
            waiter_wake(w, 0);
        } else {
            list_remove(&w->node);
            waited->object = to->object;
            waited->offset = to->offset;
            waited->version = 0;        // that is not what its thread asked for
            w->queue = waited->queue = to->queue;
            waiter_add(w);
        }
        if (++done >= count + moves) break;
    }
    return (long)done;
}

/* SLEEPS, while the waited_word has this value. */
static inline long wait(struct thread *t, uint32_t value, nanoseconds_t deadline,
                        uint32_t bits) {
    struct futex_word *word = &t->waited_word;
    struct waiter waiter;

    if (*word->seen != value) return -EAGAIN;
    word->bits = bits;
    waiter_init_for(&waiter, word->queue, t);
    long result = wait_sleep_waiter(&waiter, deadline);
    if (likely(result != -EINTR)) return result;
    // without a time-out the call can be made again; the word decides
    return deadline == DEADLINE_NEVER ? -ERESTART : time_restart(deadline);
}

static out_of_line long less_usual(void) {
    struct thread *t = current();
    const struct trap_frame *frame = thread_frame(t);
    int operation = (int)frame->ecx, command = operation & ~FUTEX_PRIVATE, error;
    uint32_t value = frame->edx, number = frame->esi, value3 = ANY_BIT;
    struct futex_word *word = &t->woken_word, to;
    nanoseconds_t deadline;

    if (command > FUTEX_WAKE && sixth_argument(frame, &value3)) return -EFAULT;
    switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_BITSET | FUTEX_REALTIME:
        error = deadline_from_user(uptr(number),
                                   command == FUTEX_WAIT          ? TIMEOUT_SPAN
                                   : command == FUTEX_WAIT_BITSET ? TIMEOUT_MONOTONIC
                                                                  : TIMEOUT_REALTIME,
                                   &deadline);
        if (!error && value3 == 0) error = -EINVAL;
        if (!error) error = locate(&t->waited_word, frame->ebx, operation);
        return error ? error : wait(t, value, deadline, value3);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        error = value3 ? locate(word, frame->ebx, operation) : -EINVAL;
        return error ? error : wake(word, value, value3, NULL, 0);
    case FUTEX_CMP_REQUEUE:
    case FUTEX_REQUEUE:
        if ((int32_t)value < 0 || (int32_t)number < 0) return -EINVAL;
        error = locate(word, frame->ebx, operation);
        if (!error) error = locate(&to, frame->edi, operation);
        if (error) return error;
        if (command == FUTEX_CMP_REQUEUE && !word->seen) return -EFAULT;
        if (command == FUTEX_CMP_REQUEUE && *word->seen != value3) return -EAGAIN;
        if (same(word, &to)) number = 0;
        return value + number ? wake(word, value, ANY_BIT, &to, number) : 0;
    default: return -ENOSYS;
    }
}

/* All that depends only on a word's address is kept, until the space changes. */
static inline bool is_known(const struct thread *t, const struct futex_word *w,
                            uint32_t address, int operation) {
    return likely(w->address == address && w->operation == operation
                  && w->version == t->space->version);
}

/* What locks do most: wake, or wait for ever, once more on the same word. The other
 * arguments are read where they are needed. */
long sys_futex(uint32_t address, int operation) {
    struct thread *t = current();
    const struct trap_frame *frame = thread_frame(t);

    if (operation & FUTEX_WAKE && is_known(t, &t->woken_word, address, operation))
        return wake(&t->woken_word, frame->edx, ANY_BIT, NULL, 0);
    if (!frame->esi && is_known(t, &t->waited_word, address, operation))
        return wait(t, frame->edx, DEADLINE_NEVER, ANY_BIT);
    return less_usual();
}

/* -- The end of a thread ----------------------------------------------------------- */

enum { OWNER_DIED = 0x40000000, WAITERS = 0x80000000u, TID_MASK = 0x3fffffff };

static void wake_one(uint32_t address) {
    struct futex_word word;

    if (locate(&word, address, FUTEX_WAKE) == 0) wake(&word, 1, ANY_BIT, NULL, 0);
}

/* One robust lock: if the dead thread holds it, its owner is marked dead. */
static void release_lock(struct thread *t, uint32_t word) {
    uint32_t value;

    if (u32_from_user(&value, uptr(word)) || (value & TID_MASK) != (uint32_t)t->tid)
        return;
    if (u32_to_user(uptr(word), (value & WAITERS) | OWNER_DIED)) return;
    if (value & WAITERS) wake_one(word);
}

void futex_thread_exit(struct thread *t) {
    struct {
        uint32_t next, offset, pending;
    } head;

    if (t->robust_list && !copy_from_user(&head, uptr(t->robust_list), sizeof(head))) {
        uint32_t pending = head.pending & ~1u, at = head.next & ~1u, next;
        // bounded: the list is user memory and may be a circle
        for (int i = 0; at != t->robust_list && i < 2048; i++, at = next & ~1u) {
            if (u32_from_user(&next, uptr(at))) break;
            if (at != pending) release_lock(t, at + head.offset);
        }
        if (pending) release_lock(t, pending + head.offset);
    }
    if (t->clear_child_tid && u32_to_user(uptr(t->clear_child_tid), 0) == 0)
        wake_one(t->clear_child_tid);
}

long sys_set_robust_list(uptr_t head, size_t size) {
    if (size != 12) return -EINVAL;
    current()->robust_list = head.address;
    return 0;
}

long sys_get_robust_list(pid_t tid, uptr_t head, uptr_t size) {
    if (tid && tid != current()->tid) return thread_find(tid) ? -EPERM : -ESRCH;
    return u32_to_user(size, 12) || u32_to_user(head, current()->robust_list) ? -EFAULT
                                                                              : 0;
}
