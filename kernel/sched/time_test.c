/* time_test.c - deadlines fire in order, and a cancelled one does not. */
#include "arch.h"
#include "core/check.h"
#include "kernel_test.h"
#include "sched/time.h"

static unsigned fired;
static struct timer *order[8];

static void note(struct timer *timer) { order[fired++] = timer; }

/* Interrupts are off here, so the heap is run as the interrupt would: by time_run. */
KTEST(timers_fire_in_order_of_their_deadlines) {
    struct timer t[5];
    static const unsigned later[] = { 3, 1, 4, 0, 2 };
    nanoseconds_t now = time_now();

    fired = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        timer_init(&t[i], note);
        timer_start(&t[i], now + 1 + later[i]);
    }
    timer_cancel(&t[4]);
    timer_start(&t[0], now + 9);        // armed again: the last one now
    time_run(now + 20);
    CHECK(fired == 4);
    CHECK(order[0] == &t[3] && order[1] == &t[1] && order[2] == &t[2]
          && order[3] == &t[0]);
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        CHECK(!t[i].armed);
}

static bool in_order;

static void compare(struct timer *timer) {
    in_order &= !fired++ || timer->deadline >= order[0]->deadline;
    order[0] = timer;
}

/* First the deadlines are nearly all different, then nearly all the same. */
KTEST(any_timer_may_be_cancelled_at_any_time) {
    static struct timer timers[200];
    nanoseconds_t now = time_now();
    unsigned armed = 0;
    uint32_t x = 1;

    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) timer_init(&timers[i], compare);
    for (unsigned step = 0; step < 20000; step++) {
        struct timer *t = &timers[(x >> 8) % ARRAY_SIZE(timers)];
        x = x * 1664525 + 1013904223;
        armed += t->armed ? -1u : 1u;
        if (t->armed) timer_cancel(t);
        else timer_start(t, now + 1 + (x >> 8) % (step < 10000 ? 1000000 : 3));
        if (step % 500 == 0) CHECK(!kcheck());
    }
    fired = 0;
    in_order = true;
    time_run(now + 2000000);
    CHECK(in_order && fired == armed && !kcheck());
}

KTEST(times_convert_both_ways) {
    struct time32 ts = { 12, 345678901 };
    nanoseconds_t t = time32_to_nanoseconds(ts, NANOSECOND);
    struct time32 back = nanoseconds_to_time32(t, NANOSECOND);

    CHECK(t == 12345678901ull);
    CHECK(back.seconds == 12 && back.parts == 345678901);
    CHECK(nanoseconds_to_time32(t, MICROSECOND).parts == 345678);
    CHECK(time_deadline(UINT64_MAX) == DEADLINE_NEVER - 1);
}
