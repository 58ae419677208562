/* sleep.c - POSIX nanosleep(), clock_nanosleep(), sleep(), usleep(): not shorter than
 * asked, and what a signal does. How much longer they take is nobody's promise.
 */
#include "raw.h"
#include "tap.h"

#include <time.h>

enum { MS = 1000000 };

static int64_t now(void) {
    struct timespec t;
    need(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* "The suspension time ... shall not be less than the time specified by rqtp". */
static void not_shorter(void) {
    struct timespec t = { 0, 5 * MS }, zero = { 0, 0 }, one = { 0, 1 };
    int64_t start = now();
    is_int(nanosleep(&t, NULL), 0, "nanosleep of 5 ms");
    ok(now() - start >= 5 * MS, "takes that long at least");
    is_int(nanosleep(&zero, NULL), 0, "of nothing");
    is_int(nanosleep(&one, NULL), 0, "of a nanosecond");
    start = now();
    is_int(usleep(3000), 0, "usleep of 3 ms");
    ok(now() - start >= 3 * MS, "too");
    is_int((long)sleep(0), 0, "sleep(0)");
}

/* clock_nanosleep(): "If the flag TIMER_ABSTIME is set ... until ... the absolute time
 * specified by rqtp is reached. ... If, at the time of the call, the time value
 * specified by rqtp is less than or equal to the time value of the specified clock,
 * then clock_nanosleep() shall return immediately". It gives the error, not -1. */
static void absolute(void) {
    struct timespec t, past = { 1, 0 };
    is_int(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){ 0, 0 },
                           NULL),
           0, "an absolute time in the past");
    is_int(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL), 0,
           "is no sleep on CLOCK_REALTIME either");
    int64_t goal = now() + 5 * MS;
    t.tv_sec = goal / 1000000000, t.tv_nsec = goal % 1000000000;
    is_int(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0,
           "5 ms from now");
    ok(now() >= goal, "is reached");
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 3 * MS;
    if (t.tv_nsec >= 1000000000)
        t.tv_sec++, t.tv_nsec -= 1000000000;
    is_int(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL), 0,
           "CLOCK_REALTIME");
    struct timespec after;
    clock_gettime(CLOCK_REALTIME, &after);
    ok(after.tv_sec > t.tv_sec
           || (after.tv_sec == t.tv_sec && after.tv_nsec >= t.tv_nsec),
       "is reached as well");
    int64_t start = now();
    struct timespec ms = { 0, 2 * MS };
    is_int(clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL), 0, "without the flag");
    ok(now() - start >= 2 * MS, "it is a duration");
}

/* "[EINVAL] The rqtp argument specified a nanosecond value less than zero or greater
 * than or equal to 1000 million"; "clock_id ... unknown, or the CPU-time clock of the
 * calling thread". */
static void errors(void) {
    struct timespec t = { 0, 1000000000 };
    is_errno(nanosleep(&t, NULL), EINVAL, "10^9 nanoseconds are EINVAL");
    t.tv_nsec = -1;
    is_errno(nanosleep(&t, NULL), EINVAL, "-1 nanosecond is EINVAL");
    t = (struct timespec){ -1, 0 };
    is_errno(nanosleep(&t, NULL), EINVAL, "-1 second is EINVAL");
    t.tv_sec = 0;
    is_int(clock_nanosleep(1234, 0, &t, NULL), EINVAL, "an unknown clock is EINVAL");
    is_int(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL), EINVAL,
           "one's own CPU clock is EINVAL");
    is_int(raw(SYS_nanosleep, 8, 0), -EFAULT, "a bad pointer is EFAULT");
}

static volatile int caught;

static void handler(int sig) {
    caught = sig;
}

/* "If nanosleep() returns because it has been interrupted by a signal, it shall return
 * -1 and set errno [EINTR]. If the rmtp argument is non-NULL, the timespec structure
 * referenced by it is updated to contain the amount of time remaining". SA_RESTART does
 * not restart it: signal(7). */
static void interrupted(int flags, const char *how) {
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    struct timespec day = { 86400, 0 }, rest = { -1, -1 };
    pid_t pid, me = getpid();
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    caught = 0;
    CHILD (pid) {
        until_asleep(me);
        while (kill(me, SIGUSR1) == 0 && getppid() == me) {
            struct timespec ms = { 0, MS };     // again, if it came too early
            nanosleep(&ms, NULL);
        }
    }
    is_errno(nanosleep(&day, &rest), EINTR,
             "nanosleep of a day, interrupted%s, is EINTR", how);
    kill(pid, SIGKILL);
    wait_for(pid);
    is_int(caught, SIGUSR1, "the handler has run");
    ok(rest.tv_sec >= 86000 && rest.tv_sec <= 86400 && rest.tv_nsec >= 0
           && rest.tv_nsec < 1000000000,
       "the rest is what was left of the day");         // Linux adds its slack of 50 us
    signal(SIGUSR1, SIG_DFL);
}

/* clock_nanosleep with TIMER_ABSTIME leaves rmtp alone; sleep() gives whole seconds
 * left. */
static void interrupted_others(void) {
    struct timespec later = { now() / 1000000000 + 86400, 0 }, rest = { 123, 456 };
    struct sigaction sa = { .sa_handler = handler };
    pid_t pid, me = getpid();
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid)
        for (struct timespec ms = { 0, MS }; kill(me, SIGUSR1) == 0;)
            nanosleep(&ms, NULL);
    is_int(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &later, &rest), EINTR,
           "an absolute sleep, interrupted, is EINTR");
    ok(rest.tv_sec == 123 && rest.tv_nsec == 456, "and stores no rest");
    unsigned left = sleep(86400);
    ok(left >= 86000 && left <= 86400, "sleep gives the seconds that were left");
    kill(pid, SIGKILL);
    wait_for(pid);
    signal(SIGUSR1, SIG_DFL);
}

/* A stopped sleeper that is continued sleeps on: no handler, no EINTR; signal(7). */
static void stopped(void) {
    pid_t pid;
    int status;
    CHILD (pid) {
        struct timespec t = { 0, 20 * MS };
        int64_t start = now();
        need(nanosleep(&t, NULL) == 0 && now() - start >= 20 * MS);
    }
    until_asleep(pid);
    kill(pid, SIGSTOP);
    need(waitpid(pid, &status, WUNTRACED) == pid);
    if (WIFSTOPPED(status)) {
        kill(pid, SIGCONT);
        need(waitpid(pid, &status, 0) == pid);
    }
    is_exit(status, 0,
            "a sleeper that was stopped and continued sleeps its whole time");
}

/* Several sleepers end in the order of their times. */
static void order(void) {
    enum { N = 5 };
    pid_t pid[N];
    int p[2], good = 1;
    need(pipe(p) == 0);
    int64_t start = now() + 30 * MS;
    for (int i = 0; i < N; i++)
        CHILD (pid[i]) {
            int64_t at = start + (N - i) * 2 * MS;
            struct timespec t = { at / 1000000000, at % 1000000000 };
            need(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0);
            need(now() >= at);
            char c = (char)i;
            need(write(p[1], &c, 1) == 1);
        }
    for (int i = 0; i < N; i++)
        good &= wait_for(pid[i]) == 0;
    ok(good, "%d sleepers with different ends each sleep until theirs", N);
    close(p[0]), close(p[1]);
}

int main(void) {
    not_shorter();
    absolute();
    errors();
    interrupted(0, "");
    interrupted(SA_RESTART, " (SA_RESTART)");
    interrupted_others();
    stopped();
    order();
    return done_testing();
}
