/* time_test.c - deadlines fire in order, and a cancelled one does not. */
#include "arch.h"
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

KTEST(times_convert_both_ways) {
    struct time32 ts = { 12, 345678901 };
    nanoseconds_t t = time32_to_nanoseconds(ts, NANOSECOND);
    struct time32 back = nanoseconds_to_time32(t, NANOSECOND);

    CHECK(t == 12345678901ull);
    CHECK(back.seconds == 12 && back.parts == 345678901);
    CHECK(nanoseconds_to_time32(t, MICROSECOND).parts == 345678);
    CHECK(time_deadline(UINT64_MAX) == DEADLINE_NEVER - 1);
}
