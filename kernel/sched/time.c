/* time.c - deadlines and the clocks.
 *
 * Shape: each CPU's one-shot timer is armed for the nearest deadline it knows of, or
 * for the end of the running thread's turn. If it finds nothing due it just arms again.
 * Armed timers are in one list, the nearest deadline first. To arm one passes those
 * that fire before it: mostly few, and never more than there are threads and timers.
 * Invariant: some CPU's timer is armed for a moment no later than the list's first.
 * Tests: kernel/sched/time_test.c
 */
#include "sched/time.h"

#include "core/check.h"
#include "sched/scheduler.h"

static struct list deadlines = LIST_INIT(deadlines);
static nanoseconds_t realtime_offset;   /* 1970 to boot */

nanoseconds_t time_realtime(void) { return realtime_offset + time_now(); }

nanoseconds_t time_from_realtime(nanoseconds_t moment) {
    return moment > realtime_offset ? moment - realtime_offset : 1;
}

void time_set_realtime(nanoseconds_t now) { realtime_offset = now - time_now(); }

nanoseconds_t time_deadline(nanoseconds_t span) {
    nanoseconds_t deadline;

    if (__builtin_add_overflow(time_now(), span, &deadline)) return DEADLINE_NEVER - 1;
    return deadline;
}

nanoseconds_t time_restart_deadline(nanoseconds_t span) {
    nanoseconds_t kept = current()->restart_deadline;

    current()->restart_deadline = 0;
    return kept ? kept : span ? time_deadline(span) : 0;
}

long time_restart(nanoseconds_t deadline) {
    current()->restart_deadline = deadline == DEADLINE_NEVER ? 0 : deadline;
    return -ERESTART_NO_HANDLER;
}

void time_arm_for(nanoseconds_t deadline) {
    struct cpu *cpu = this_cpu();

    if (deadline >= cpu->timer_deadline) return;
    nanoseconds_t now = time_now();
    cpu->timer_deadline = deadline;
    timer_arm(deadline > now ? deadline - now : 0);
}

static nanoseconds_t nearest(void) {
    return list_is_empty(&deadlines)
               ? DEADLINE_NEVER
               : list_first_entry(&deadlines, struct timer, node)->deadline;
}

void timer_start(struct timer *timer, nanoseconds_t deadline) {
    struct timer *later;

    timer_cancel(timer);
    timer->armed = true;
    timer->deadline = deadline;
    list_for_each (later, &deadlines, node)
        if (later->deadline > deadline) break;
    list_insert_before(&later->node, &timer->node);
    if (nearest() == deadline) time_arm_for(deadline);
}

void timer_cancel(struct timer *timer) {
    if (timer->armed) list_remove(&timer->node);
    timer->armed = false;
}

void time_run(nanoseconds_t now) {
    while (nearest() <= now) {
        struct timer *timer = list_first_entry(&deadlines, struct timer, node);
        timer_cancel(timer);
        timer->fire(timer);
    }
}

static void timer_interrupt(void) {
    this_cpu()->timer_deadline = DEADLINE_NEVER;
    this_cpu()->slice_armed = false;
    time_run(time_now());
    time_arm_for(nearest());
    sched_slice_check();
}

static void time_check(void) {
    nanoseconds_t last = 0;
    const struct timer *timer;

    if (!check_list(&deadlines)) return;
    list_for_each (timer, &deadlines, node) {
        check_that(timer->armed && timer->deadline >= last, "deadlines out of order");
        last = timer->deadline;
    }
}

static const struct checker checker CHECKER = { "time", NULL, time_check };

void time_init(void) {
    realtime_offset = clock_realtime_at_boot();
    irq_register(TIMER_IRQ, timer_interrupt);
}

int time_from_user(uptr_t from, uint32_t unit, nanoseconds_t *time) {
    struct time32 t;

    if (copy_from_user(&t, from, sizeof(t))) return -EFAULT;
    if (t.seconds < 0 || (uint64_t)(uint32_t)t.parts * unit >= SECOND) return -EINVAL;
    *time = time32_to_nanoseconds(t, unit);
    return 0;
}

int deadline_from_user(uptr_t timeout, enum timeout_kind kind,
                       nanoseconds_t *deadline) {
    *deadline = DEADLINE_NEVER;
    if (uptr_is_null(timeout)) return 0;
    if (kind != TIMEOUT_SPAN) current()->restart_deadline = 0;  // it is told again
    int error = time_from_user(timeout, NANOSECOND, deadline);
    if (!error && kind == TIMEOUT_SPAN) *deadline = time_restart_deadline(*deadline);
    if (!error && kind == TIMEOUT_REALTIME) *deadline = time_from_realtime(*deadline);
    return error;
}

struct time32 nanoseconds_to_time32(nanoseconds_t t, uint32_t unit) {
    uint32_t rest, seconds = (uint32_t)divide_u64(t, (uint32_t)SECOND, &rest);

    return (struct time32){ (int32_t)seconds, (int32_t)(rest / unit) };
}

struct timespec64 nanoseconds_to_timespec64(nanoseconds_t t) {
    uint32_t rest;
    uint64_t seconds = divide_u64(t, (uint32_t)SECOND, &rest);

    return (struct timespec64){ (int64_t)seconds, rest };
}
