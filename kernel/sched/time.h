/* time.h - deadlines. All of them are absolute, in nanoseconds since boot; they hang in
 * one heap, and the hardware timer is armed for the nearest. No periodic tick.
 */
#pragma once

#include "base/types.h"

#define DEADLINE_NEVER UINT64_MAX
#define SECOND         1000000000ull
#define MILLISECOND    1000000ull
#define MICROSECOND    1000u
#define NANOSECOND     1u

struct timer {
    nanoseconds_t deadline;
    struct timer *left, *right, *parent;        /* in the heap of the armed */
    bool armed;
    void (*fire)(struct timer *timer);  /* runs with the lock held; must not sleep */
};

void time_init(void);
nanoseconds_t time_realtime(void);      /* since 1970 */
void time_set_realtime(nanoseconds_t since_1970);

static inline void timer_init(struct timer *timer, void (*fire)(struct timer *)) {
    timer->armed = false;
    timer->fire = fire;
}

/* Arms (again) for an absolute deadline; one that has passed fires at the next
 * chance. */
void timer_start(struct timer *timer, nanoseconds_t deadline);
void timer_cancel(struct timer *timer);

/* Fires what is due at `now`; the timer interrupt does. */
void time_run(nanoseconds_t now);

/* Makes sure this CPU is interrupted by then at the latest. */
void time_arm_for(nanoseconds_t deadline);

/* A moment of the real-time clock as a deadline, which is never 0. */
nanoseconds_t time_from_realtime(nanoseconds_t moment);

/* now + span, saturating. */
nanoseconds_t time_deadline(nanoseconds_t span);

/* The same for a call that may be made again after a stop: then it is the deadline of
 * the first time, which time_restart has kept. That gives -ERESTART_NO_HANDLER, the
 * result of a call that was interrupted. A span of 0 stays 0: not to wait at all. */
nanoseconds_t time_restart_deadline(nanoseconds_t span);
long time_restart(nanoseconds_t deadline);

/* As times(2) and SIGCHLD count: 100 a second. */
static inline int32_t clock_ticks(nanoseconds_t time) {
    return (int32_t)divide_u64(time, 10 * MILLISECOND, NULL);
}

/* Structures of the system call interface. Here `parts` of a second are nanoseconds, as
 * in a timespec, or microseconds, as in a timeval; `unit` says how many nanoseconds. */
struct time32 {
    int32_t seconds, parts;
};
struct timespec64 {
    int64_t seconds, nanoseconds;
};

/* Reads a time32. 0, -EFAULT, -EINVAL for one that is not valid. */
must_check int time_from_user(uptr_t from, uint32_t unit, nanoseconds_t *time);

/* The same as a deadline: it says how long from now, as time_restart_deadline, or a
 * moment of a clock. NULL: never. */
enum timeout_kind { TIMEOUT_SPAN, TIMEOUT_MONOTONIC, TIMEOUT_REALTIME };
must_check int deadline_from_user(uptr_t timeout, enum timeout_kind kind,
                                  nanoseconds_t *deadline);

static inline nanoseconds_t time32_to_nanoseconds(struct time32 t, uint32_t unit) {
    return (nanoseconds_t)t.seconds * SECOND + (nanoseconds_t)t.parts * unit;
}
struct time32 nanoseconds_to_time32(nanoseconds_t t, uint32_t unit);
struct timespec64 nanoseconds_to_timespec64(nanoseconds_t t);
