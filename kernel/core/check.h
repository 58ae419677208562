/* check.h - does every structure agree with itself, and with those that point to it?
 *
 *      count   whoever holds something counts it  space, object, heap -> frame->counted
 *      check   its keeper compares                 frame->refs == frame->counted?
 *
 * Two rounds, because what is held and who holds it are in different folders. Whoever
 * compares sets the count back to 0 for the next time.
 */
#pragma once

#include "base/list.h"

/* `static const struct checker checker CHECKER = ...` is all it takes: the linker
 * gathers them in the order of the layers. */
struct checker {
    const char *name;           /* what its sentences begin with */
    void (*count)(void);        /* or NULL */
    void (*check)(void);        /* or NULL */
};
#define CHECKER __attribute__((section(".checkers"), used, aligned(4)))

/* NULL when every checker is content, else what the first said that is not; valid
 * until the next time. After every test, in panic, and for /proc/check. */
const char *kcheck(void);

/* For a check. If it is not so, kcheck's result is the sentence, unless it has one.
 * Result: is_so. check_counted: `object`, which may be NULL, counts its whats. */
bool check_that(bool is_so, const char *sentence, ...) printf_like(2, 3);
bool check_list(const struct list *list);
bool check_counted(const void *object, const char *what, uint32_t counted,
                   uint32_t there);

/* The same of references, of which *found are found. Those that calls in progress hold
 * are counted nowhere; sched/process.c tells how many there may be to an object. */
void check_references(const void *object, uint32_t refs, uint32_t *found);
extern uint32_t (*check_calls_holding)(const void *object);
