/* time.c - deadlines and the clocks.
 *
 * Shape: each CPU's one-shot timer is armed for the nearest deadline it knows of, or
 * for the end of the running thread's turn. If it finds nothing due it just arms again.
 * Deadlines are a skew heap: a binary tree, no child before its parent; melding two
 * trees goes down their right sides and exchanges left and right on the way, which
 * keeps them short. Starting and cancelling any timer take O(log n) amortised.
 * Invariant: some CPU's timer is armed for a moment no later than the heap's root.
 * Tests: kernel/sched/time_test.c
 */
#include "sched/time.h"

#include "core/check.h"
#include "sched/scheduler.h"

static struct timer *nearest;   /* the heap's root, or NULL */
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

/* Melds two trees into one, which hangs from *at below `parent`. */
static void meld(struct timer *a, struct timer *b, struct timer **at,
                 struct timer *parent) {
    while (a && b) {
        struct timer *first = b->deadline < a->deadline ? b : a;
        struct timer *other = first == a ? b : a;
        *at = first;
        first->parent = parent;
        a = first->right;       // goes on with the other tree, to the left
        b = other;
        first->right = first->left;
        at = &first->left;
        parent = first;
    }
    *at = a ? a : b;
    if (*at) (*at)->parent = parent;
}

void timer_start(struct timer *timer, nanoseconds_t deadline) {
    timer_cancel(timer);
    timer->armed = true;
    timer->deadline = deadline;
    timer->left = timer->right = NULL;
    meld(nearest, timer, &nearest, NULL);
    if (nearest == timer) time_arm_for(deadline);
}

void timer_cancel(struct timer *timer) {
    struct timer *parent = timer->parent;

    if (!timer->armed) return;
    timer->armed = false;
    meld(timer->left, timer->right,
         !parent                  ? &nearest
         : parent->left == timer ? &parent->left
                                 : &parent->right,
         parent);
}

void time_run(nanoseconds_t now) {
    for (struct timer *timer; (timer = nearest) && timer->deadline <= now;) {
        timer_cancel(timer);
        timer->fire(timer);
    }
}

static void timer_interrupt(void) {
    this_cpu()->timer_deadline = DEADLINE_NEVER;
    this_cpu()->slice_armed = false;
    time_run(time_now());
    if (nearest) time_arm_for(nearest->deadline);
    sched_slice_check();
}

static void time_check(void) {
    const struct timer *timer = nearest, *parent = NULL;

    while (timer) {
        if (!check_that(timer->parent == parent && timer->armed
                            && (!parent || timer->deadline >= parent->deadline),
                        "the heap of deadlines is out of order"))
            return;
        // the next in the order of parent, left, right
        parent = timer;
        if ((timer = parent->left ? parent->left : parent->right)) continue;
        do timer = parent, parent = timer->parent;
        while (parent && (timer == parent->right || !parent->right));
        timer = parent ? parent->right : NULL;
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
