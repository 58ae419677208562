/* wait.h - the one way to wait.
 *
 * wait_sleep and its kin are the only functions that block, wait_wake and its kin the
 * only ones that wake, and the waker decides the sleeper's result. Waiters lie on the
 * sleeper's own stack: one thread can wait on many queues, and needs no memory for it.
 *
 * Two shapes. Condition: the sleeper loops - done? partner gone? may not block? sleep.
 * Hand-over: the waker does the sleeper's work, takes it off the queue and writes its
 * result in one step; the sleeper does not look again.
 *
 * Result of a sleep: what the waker said (0 for "look again" or "done"), -EINTR when a
 * signal or the end of the process cut it short, -ETIMEDOUT at the deadline.
 */
#pragma once

#include "arch/x86/cpu.h"
#include "base/errno.h"
#include "base/list.h"
#include "sched/time.h"

struct thread;
struct waiter;

/* What kind of thing is waited for: printed by ps, why, panic and gdb. */
struct wait_class {
    const char *name;           /* "pipe with room", "message in mailbox" */
    /* Writes two words: the object, and the pids, with commas, that are known to be
     * able to end the wait: "pipe:[34] -", "link:7 7", "child 8,9". NULL: "- -". */
    void (*describe)(const struct waiter *waiter, char *to, size_t size);
    size_t offset;              /* of such a queue in its object: waiter_object */
};

struct wait_queue {
    struct list waiters;        /* struct waiter, longest wait first */
    const struct wait_class *class; /* [const] */
};

struct waiter {
    struct list_node node;      /* on queue->waiters, or linked to itself */
    struct wait_queue *queue;
    struct thread *thread;
    bool shared;                /* poll: wakes with everybody, does not count as one */
};

static inline const void *waiter_object(const struct waiter *waiter) {
    return (const char *)waiter->queue - waiter->queue->class->offset;
}

#define WAIT_QUEUE_INIT(queue, wait_class) { LIST_INIT((queue).waiters), (wait_class) }

static inline void wait_queue_init(struct wait_queue *queue,
                                   const struct wait_class *class) {
    list_init(&queue->waiters);
    queue->class = class;
}

static inline bool wait_queue_is_empty(const struct wait_queue *queue) {
    return list_is_empty(&queue->waiters);
}

/* One that does not come off its queue before it has been there. */
static inline void waiter_init_for(struct waiter *waiter, struct wait_queue *queue,
                                   struct thread *thread) {
    waiter->queue = queue;
    waiter->thread = thread;
    waiter->shared = false;
}

static inline void waiter_init(struct waiter *waiter, struct wait_queue *queue) {
    list_node_init(&waiter->node);
    waiter_init_for(waiter, queue, current_thread_base());
}

/* At the end of its queue. */
static inline void waiter_add(struct waiter *waiter) {
    list_push_back(&waiter->queue->waiters, &waiter->node);
}

/* SLEEPS. Waits on several queues; each waiter is on its queue already (waiter_add).
 * They are all off their queues when it returns. past_stops: see below. */
must_check long wait_sleep_any(struct waiter *waiters, unsigned count,
                               nanoseconds_t deadline, bool past_stops) SLEEPS;

/* SLEEPS. Blocks on one queue until woken, a signal, or the deadline. `waiter` was made
 * by waiter_init and may be part of a bigger struct that a hand-over fills in. */
must_check long waiter_sleep_forever(struct waiter *waiter) SLEEPS;
static inline must_check long wait_sleep_waiter(struct waiter *waiter,
                                                nanoseconds_t deadline) {
    if (deadline == DEADLINE_NEVER) return waiter_sleep_forever(waiter);
    waiter_add(waiter);
    return wait_sleep_any(waiter, 1, deadline, false);
}

/* SLEEPS. The same, but a stop does not end it: the thread stays on its queue, and
 * stops when the wait is over. */
must_check long waiter_sleep_past_stops(struct waiter *waiter) SLEEPS;
static inline must_check long wait_sleep_past_stops(struct waiter *waiter,
                                                    nanoseconds_t deadline) {
    if (deadline == DEADLINE_NEVER) return waiter_sleep_past_stops(waiter);
    waiter_add(waiter);
    return wait_sleep_any(waiter, 1, deadline, true);
}

/* SLEEPS. The usual form. */
static inline must_check long wait_sleep(struct wait_queue *queue,
                                         nanoseconds_t deadline) {
    struct waiter waiter;

    waiter_init_for(&waiter, queue, current_thread_base());
    return wait_sleep_waiter(&waiter, deadline);
}

/* SLEEPS. The same, but only the end of the process cuts it short (vfork, stop). */
long wait_sleep_killable(struct wait_queue *queue) SLEEPS;

/* Two words about what it waits for: see struct wait_class. */
void waiter_describe(const struct waiter *waiter, char *to, size_t size);

/* Ends one particular wait: takes the waiter off its queue, gives the result, makes the
 * thread ready. */
void waiter_wake(struct waiter *waiter, long result);

/* Is its thread still asleep? No: the wait has ended, though it may not run yet. */
bool waiter_is_asleep(const struct waiter *waiter);

/* Wakes the first `count` waiters, and every poll waiter in front of and among them. */
static inline void wait_wake(struct wait_queue *queue, unsigned count, long result) {
    while (!wait_queue_is_empty(queue)) {
        struct waiter *w = list_entry(queue->waiters.head.next, struct waiter, node);
        bool is_shared = w->shared;
        waiter_wake(w, result);
        if (!is_shared && --count == 0) return;
    }
}

static inline void wait_wake_all(struct wait_queue *queue, long result) {
    wait_wake(queue, UINT32_MAX, result);
}
