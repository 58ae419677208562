/* explorer.h - runs kernel code that sleeps under every schedule, on the host.
 *
 * Threads are coroutines. Between two sleeps the kernel is atomic, so all that can
 * happen is a row of choices: which thread runs next, whose deadline passes, who is
 * killed. A run is that row of small numbers: given from the front, then the first
 * possibility each time (exhaustive), or from a seed (random).
 *
 * The functions here stand for those of sched/wait.c. A test includes the kernel's .c
 * file first, and this after it.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched/wait.h"

/* -- Choices ----------------------------------------------------------------------- */

enum { CHOICES = 400 };

static struct {
    unsigned taken[CHOICES], of[CHOICES], count;
    unsigned replayed;          /* so many are given; the rest is free */
    uint64_t seed;              /* 0: free ones are 0 */
    bool aloud;                 /* tell what happens */
} row;

static char setting[32];        /* what replays this run, but for the row */

static void fail(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "# ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n# replay: %s ", setting);
    for (unsigned i = 0; i < row.count && !row.seed; i++)
        fprintf(stderr, "%s%u", i ? "," : "", row.taken[i]);
    fprintf(stderr, "\n");
    exit(1);
}

/* What must hold. */
#define require(condition, ...) \
    do { \
        if (!(condition)) fail(__VA_ARGS__); \
    } while (0)

static void say(const char *format, ...) {
    va_list arguments;

    if (!row.aloud) return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static void seed_row(uint64_t seed) { row.seed = mix(0, seed + 1) | 1; }

static unsigned random_below(unsigned limit) {
    row.seed ^= row.seed << 13;
    row.seed ^= row.seed >> 7;
    row.seed ^= row.seed << 17;
    return (unsigned)(row.seed >> 33) % limit;
}

static unsigned choose(unsigned limit) {
    require(row.count < CHOICES, "a run without end");
    unsigned choice = row.count < row.replayed ? row.taken[row.count]
                      : row.seed               ? random_below(limit)
                                               : 0;
    row.taken[row.count] = choice;
    row.of[row.count++] = limit;
    return choice;
}

/* The next row, depth first. false: that was the last. */
static bool next_row(void) {
    while (row.count > 0 && row.taken[row.count - 1] + 1 == row.of[row.count - 1])
        row.count--;
    if (row.count == 0) return false;
    row.taken[row.count - 1]++;
    row.replayed = row.count;
    return true;
}

/* -- States that were seen before -------------------------------------------------- */

enum { SEEN_BITS = 21 };
static uint64_t seen[1 << SEEN_BITS];
static unsigned nr_seen;

static void forget_states(void) {
    memset(seen, 0, sizeof(seen));
    nr_seen = 0;
}

/* Whether the state is new; it no longer is. */
static bool is_new(uint64_t hash) {
    unsigned place = (unsigned)(hash >> (64 - SEEN_BITS));

    hash |= 1;
    while (seen[place]) {
        if (seen[place] == hash) return false;
        place = (place + 1) % (1u << SEEN_BITS);
    }
    seen[place] = hash;
    require(++nr_seen < 7u << (SEEN_BITS - 3), "more states than there is room for");
    return true;
}

/* -- Threads ----------------------------------------------------------------------- */

enum { THREADS = 9, STACK = 65536 };
enum thread_state { READY, ASLEEP, DONE };

struct thread {
    unsigned number;
    uint32_t *stack_pointer;
    void *fake_stack;           /* the sanitizer's */
    void (*body)(struct thread *t);
    enum thread_state state;
    bool has_run, killed;
    struct waiter *waiter;
    long result;                /* of its last sleep */
};

static char stacks[THREADS][STACK] __attribute__((aligned(16)));
static struct thread *running;
static uint32_t *explorer_stack;
static const void *explorer_bottom;
static unsigned explorer_size;

void __asan_unpoison_memory_region(const volatile void *begin, unsigned size);
void __sanitizer_start_switch_fiber(void **save, const void *bottom, unsigned size);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom, unsigned *size);

void swap_stacks(uint32_t **save, uint32_t *load);
__asm__("swap_stacks: push %ebp; push %ebx; push %esi; push %edi\n"
        "mov 20(%esp), %eax; mov 24(%esp), %ecx; mov %esp, (%eax); mov %ecx, %esp\n"
        "pop %edi; pop %esi; pop %ebx; pop %ebp; ret");

/* Back to the explorer, until it runs this thread again. */
static void leave(void) {
    __sanitizer_start_switch_fiber(running->state == DONE ? NULL : &running->fake_stack,
                                   explorer_bottom, explorer_size);
    swap_stacks(&running->stack_pointer, explorer_stack);
    __sanitizer_finish_switch_fiber(running->fake_stack, NULL, NULL);
}

static void thread_begin(void) {
    __sanitizer_finish_switch_fiber(NULL, &explorer_bottom, &explorer_size);
    running->body(running);
    running->state = DONE;
    leave();
}

static void thread_create(struct thread *t, unsigned number,
                          void (*body)(struct thread *)) {
    uint32_t *top = (uint32_t *)(stacks[number] + STACK - 16);

    __asan_unpoison_memory_region(stacks[number], STACK);
    *--top = 0;                         // nobody to return to
    *--top = (uint32_t)thread_begin;
    *t = (struct thread){ .number = number, .body = body };
    t->stack_pointer = top - 4;         // edi, esi, ebx, ebp
}

/* Until it sleeps, leaves or is done. */
static void thread_run(struct thread *t) {
    void *fake_stack;

    running = t;
    t->has_run = true;
    __sanitizer_start_switch_fiber(&fake_stack, stacks[t->number], STACK);
    swap_stacks(&explorer_stack, t->stack_pointer);
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
}

/* Ends its sleep from outside, as a deadline, a signal or a kill does. */
static void thread_interrupt(struct thread *t, long result) {
    list_remove(&t->waiter->node);
    t->result = result;
    t->state = READY;
}

static void thread_kill(struct thread *t) {
    t->killed = true;
    if (t->state == ASLEEP) thread_interrupt(t, -EINTR);
}

/* -- What sched/wait.c has --------------------------------------------------------- */

long wait_sleep_any(struct waiter *waiter, unsigned count, nanoseconds_t deadline,
                    bool past_stops) {
    (void)deadline;                     // the explorer chooses when it passes
    (void)past_stops;
    require(count == 1, "a wait on several queues");
    if (running->killed) {
        list_remove(&waiter->node);
        return -EINTR;
    }
    running->waiter = waiter;
    running->state = ASLEEP;
    leave();
    return running->result;
}

long waiter_sleep_past_stops(struct waiter *waiter) {
    waiter_add(waiter);
    return wait_sleep_any(waiter, 1, DEADLINE_NEVER, true);
}

void waiter_wake(struct waiter *waiter, long result) {
    list_remove(&waiter->node);
    if (waiter->thread->state == ASLEEP) thread_interrupt(waiter->thread, result);
}

bool waiter_is_asleep(const struct waiter *waiter) {
    return waiter->thread->state == ASLEEP;
}
