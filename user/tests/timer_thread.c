/* timer_thread.c - POSIX timer_create() with SIGEV_THREAD, which the C library makes
 * from
 * SIGEV_THREAD_ID: "a notification function shall be called ... as if it were the start
 * routine of a new thread"; and musl's own users of timers and signals in threads.
 */
#include "tap.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

static sem_t called;
static volatile int times, value;
static volatile pid_t runner;

static void notify(union sigval v) {
    times++;
    value = v.sival_int;
    runner = gettid();
    sem_post(&called);
}

static void wait_called(int n) {
    while (n-- > 0)
        while (sem_wait(&called))
            need(errno == EINTR);
}

int main(void) {
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 99,
                              .sigev_notify_function = notify };
    struct itimerspec t = { { 0, 0 }, { 0, 2000000 } };
    timer_t id, other;
    need(sem_init(&called, 0, 0) == 0);
    is_int(timer_create(CLOCK_MONOTONIC, &event, &id), 0,
           "timer_create with SIGEV_THREAD");
    is_int(timer_settime(id, 0, &t, NULL), 0, "set to 2 ms");
    wait_called(1);
    is_int(value, 99, "the function is called with its value");
    ok(runner != gettid(), "in another thread");
    t.it_interval.tv_nsec = 1000000;
    need(timer_settime(id, 0, &t, NULL) == 0);
    wait_called(5);
    ok(times >= 6, "a period calls it again and again");
    pid_t first = runner;
    event.sigev_value.sival_int = 55;
    need(timer_create(CLOCK_REALTIME, &event, &other) == 0);
    t.it_value.tv_nsec = 0;
    need(timer_settime(id, 0, &t, NULL) == 0);
    is_int(timer_delete(id), 0, "timer_delete ends its thread");
    t.it_value.tv_nsec = 1000000, t.it_interval.tv_nsec = 0;
    need(timer_settime(other, 0, &t, NULL) == 0);
    while (value != 55)
        wait_called(1);
    ok(runner != first, "a second timer has a thread of its own");
    is_int(timer_getoverrun(other), 0, "which had no overruns");
    timer_delete(other);
    return done_testing();
}
