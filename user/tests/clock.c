/* clock.c - POSIX clock_gettime(), clock_getres(), time(), gettimeofday(),
 * clock_settime().
 */
#include "raw.h"
#include "tap.h"

#include <sys/time.h>
#include <time.h>

static const struct {
    clockid_t id;
    const char *name;
} clocks[] = {
    { CLOCK_REALTIME, "CLOCK_REALTIME" },
    { CLOCK_MONOTONIC, "CLOCK_MONOTONIC" },
    { CLOCK_BOOTTIME, "CLOCK_BOOTTIME" },
    { CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID" },
    { CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID" },
};
enum { NR_CLOCKS = sizeof clocks / sizeof clocks[0] };

static int64_t nanoseconds(clockid_t id) {
    struct timespec t;
    need(clock_gettime(id, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* "CLOCK_MONOTONIC ... cannot be set ... and shall not have backward clock jumps." */
static void forward(void) {
    for (int i = 0; i < NR_CLOCKS; i++) {
        int backward = 0;
        int64_t first = nanoseconds(clocks[i].id), last = first, now;
        for (int k = 0; k < 1000; k++, last = now) {
            now = nanoseconds(clocks[i].id);
            backward += now < last;
        }
        is_int(backward, 0, "%s does not go backwards", clocks[i].name);
        while ((now = nanoseconds(clocks[i].id)) <= first)
            ;
        ok(now > first, "and goes forwards");
    }
}

/* A child's readings lie between its parent's: all processes have one clock. */
static void one_clock(void) {
    int p[2];
    pid_t pid;
    int64_t inside;
    need(pipe(p) == 0);
    int64_t before = nanoseconds(CLOCK_MONOTONIC);
    CHILD (pid) {
        inside = nanoseconds(CLOCK_MONOTONIC);
        need(write(p[1], &inside, sizeof inside) == sizeof inside);
    }
    need(read(p[0], &inside, sizeof inside) == sizeof inside);
    int64_t after = nanoseconds(CLOCK_MONOTONIC);
    wait_for(pid);
    ok(before <= inside && inside <= after,
       "CLOCK_MONOTONIC is one clock for all processes");
    close(p[0]), close(p[1]);
}

/* time(), gettimeofday() and CLOCK_REALTIME tell the same time; clock_getres() gives a
 * resolution. CPU time does not go faster than time, given one thread. */
static void agreement(void) {
    struct timeval tv;
    struct timespec res;
    time_t a = time(NULL), kept;
    need(gettimeofday(&tv, NULL) == 0);
    time_t b = time(&kept);
    ok(a <= tv.tv_sec && tv.tv_sec <= b && b == kept, "time and gettimeofday agree");
    ok(tv.tv_usec >= 0 && tv.tv_usec < 1000000, "microseconds are less than a million");
    ok(a > 1600000000, "it is later than 2020");
    for (int i = 0; i < NR_CLOCKS; i++) {
        int r = clock_getres(clocks[i].id, &res);
        ok(r == 0 && res.tv_sec == 0 && res.tv_nsec > 0, "%s has a resolution",
           clocks[i].name);
    }
    int64_t wall = nanoseconds(CLOCK_MONOTONIC),
            cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    for (volatile int i = 0; i < 200000; i++)
        ;
    cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    wall = nanoseconds(CLOCK_MONOTONIC) - wall;
    ok(cpu > 0, "computing takes CPU time");
    ok(cpu <= wall + 20000000, "not more of it than time has passed, but for a tick");
}

/* "[EINVAL] The clock_id argument does not specify a known clock." */
static void errors(void) {
    struct timespec t = { 0, 0 };
    is_errno(clock_gettime(1234, &t), EINVAL, "an unknown clock is EINVAL");
    is_errno(clock_getres(1234, &t), EINVAL, "for clock_getres too");
    is_int(clock_getres(CLOCK_MONOTONIC, NULL), 0,
           "clock_getres may be asked for nothing");
    is_int(raw(403, CLOCK_MONOTONIC, 8), -EFAULT, "a bad pointer is EFAULT");
    is_int(raw(403, CLOCK_MONOTONIC, 0xfffffff0), -EFAULT, "one in the kernel too");
    is_errno(clock_settime(CLOCK_MONOTONIC, &t), EINVAL,
             "CLOCK_MONOTONIC cannot be set");
    t.tv_nsec = 1000000000;
    is_errno(clock_settime(CLOCK_REALTIME, &t), EINVAL, "10^9 nanoseconds are EINVAL");
    pid_t pid;
    CHILD (pid) {
        need(geteuid() != 0 || setuid(1000) == 0);
        t.tv_sec = 1700000000, t.tv_nsec = 0;
        need(clock_settime(CLOCK_REALTIME, &t) == -1 && errno == EPERM);
    }
    is_exit(wait_for(pid), 0, "a user who sets the clock gets EPERM");
}

int main(void) {
    forward();
    one_clock();
    agreement();
    errors();
    return done_testing();
}
