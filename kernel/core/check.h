/* check.h - does every structure agree with itself, and with those that point to it?
 *
 *      count   whoever holds something counts it  space, object, pipe -> frame->counted
 *      check   its keeper compares                 frame->refs == frame->counted?
 *
 * Two rounds, because what is held and who holds it are in different folders. A part's
 * count first sets its own counters to 0, so parts register from the lowest layer up.
 */
#pragma once

#include "base/format.h"
#include "base/list.h"

struct checker {
    struct list_node node;
    const char *name;           /* what its sentences begin with */
    void (*count)(void);        /* or NULL */
    bool (*check)(void);        /* or NULL; false: after check_failed */
};

void checker_register(struct checker *checker);

/* NULL when every checker is content, else what the first said that is not; valid
 * until the next time. After every test, in panic, and for /proc/check. */
const char *kcheck(void);

/* For a checker's check: its sentence. Returns false. */
bool check_failed(const char *format, ...) printf_like(1, 2);

/* References that calls in progress hold are counted nowhere; sched/thread.c tells how
 * many there may be to an object. */
extern uint32_t (*check_calls_holding)(const void *object);

static inline bool check_references(uint32_t refs, uint32_t counted,
                                    const void *object) {
    return refs == counted
           || (refs > counted && refs - counted <= check_calls_holding(object));
}
