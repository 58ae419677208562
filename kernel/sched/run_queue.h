/* run_queue.h - who is READY: a list for each priority.
 *
 *      levels[1]  -> t -> t -> t       a bitmap says which of the 101 are not empty
 *      levels[60] -> t
 *      only                            or one thread alone, which is on no level: two
 *                                      processes that talk to each other pass here
 *
 * The first of the highest level is found in a few instructions, with any number of
 * threads, as long as nobody has bound some to other CPUs with sched_setaffinity.
 */
#pragma once

#include "core/check.h"
#include "sched/thread.h"

struct run_queue {
    struct list levels[PRIORITIES];
    uint32_t bitmap[(PRIORITIES + 31) / 32];
    uint32_t count;             /* threads on the levels */
    struct thread *only;        /* the one thread in the queue; or NULL */
};

extern struct run_queue ready;  /* scheduler.c: of all CPUs */

static inline void queue_init(struct run_queue *q) {
    for (unsigned level = 0; level < PRIORITIES; level++)
        list_init(&q->levels[level]);
}

static inline bool queue_is_empty(const struct run_queue *q) {
    return !(q->count | (uint32_t)q->only);
}

static inline void level_add(struct run_queue *q, struct thread *t) {
    list_push_back(&q->levels[t->priority], &t->run_node);
    q->count++;
    q->bitmap[t->priority / 32] |= 1u << t->priority % 32;
}

static inline void queue_add(struct run_queue *q, struct thread *t) {
    if (queue_is_empty(q)) {
        q->only = t;
        return;
    }
    if (q->only) level_add(q, q->only);
    q->only = NULL;
    level_add(q, t);
}

static inline void queue_remove(struct run_queue *q, struct thread *t) {
    if (q->only == t) {
        q->only = NULL;
        return;
    }
    list_remove(&t->run_node);
    q->count--;
    if (list_is_empty(&q->levels[t->priority]))
        q->bitmap[t->priority / 32] &= ~(1u << t->priority % 32);
}

/* On one CPU a thread is ready, and alone: when its turn comes the running thread sees
 * by itself. False, and nothing was done: it is not so simple. */
static inline bool queue_only(struct run_queue *q, struct thread *t) {
    const struct thread *running = current();

    if (unlikely(!queue_is_empty(q) || cpu_count > 1 || running->priority < t->priority
                 || !running->cpu->slice_armed))
        return false;
    t->state = THREAD_READY;
    q->only = t;
    return true;
}

/* The highest level below `below` that is not empty; -1: none. */
static inline int level_below(const struct run_queue *q, int below) {
    int word = below / 32;
    uint32_t bits = q->bitmap[word] & ((1u << below % 32) - 1);

    while (!bits) {
        if (word-- == 0) return -1;
        bits = q->bitmap[word];
    }
    return word * 32 + 31 - __builtin_clz(bits);
}

/* The highest level that is not empty; -1: none. */
static inline int queue_top(const struct run_queue *q) {
    return q->only ? q->only->priority : level_below(q, PRIORITIES);
}

static inline bool may_run_on(const struct thread *t, const struct cpu *cpu) {
    return t->affinity & cpu->affinity_bit;
}

/* Of the highest level that has some that may run on this CPU: the first, or the one
 * `skip` places behind it, or the last; NULL: none may. */
static inline struct thread *queue_search(const struct run_queue *q,
                                          const struct cpu *cpu, uint32_t skip) {
    if (q->only) return may_run_on(q->only, cpu) ? q->only : NULL;
    for (int level = queue_top(q); level >= 0; level = level_below(q, level)) {
        struct thread *t, *found = NULL;
        list_for_each (t, &q->levels[level], run_node) {
            if (!may_run_on(t, cpu)) continue;
            found = t;
            if (skip-- == 0) break;
        }
        if (found) return found;
    }
    return NULL;
}

static inline bool queue_check(const struct run_queue *q) {
    uint32_t count = 0;

    for (unsigned level = 0; level < PRIORITIES; level++) {
        const struct thread *t;
        if (!list_is_consistent(&q->levels[level]))
            return check_failed("level %u's list is broken", level);
        list_for_each (t, &q->levels[level], run_node) {
            if (t->state != THREAD_READY || t->priority != level)
                return check_failed("%d on level %u is in state %u, priority %u",
                                    t->tid, level, t->state, t->priority);
            count++;
        }
    }
    return count == q->count
           || check_failed("%u threads on levels, %u counted", count, q->count);
}
