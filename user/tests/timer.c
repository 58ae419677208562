/* timer.c - POSIX timer_create(), timer_settime(), timer_gettime(), timer_getoverrun(),
 * timer_delete().
 */
#include "raw.h"
#include "tap.h"

#include <time.h>

enum { MS = 1000000 };

static volatile int count;
static volatile int last_code, last_value;

static void handler(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)context;
    count++;
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
}

static void catch (int sig) {
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    need(sigaction(sig, &sa, NULL) == 0);
    count = last_code = last_value = 0;
}

/* Sleeps until the handler has run n times; no signal is missed. */
static void await(int n) {
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    while (count < n)
        sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static timer_t make(clockid_t clock, int sig, int value) {
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig,
                              .sigev_value.sival_int = value };
    timer_t id;
    need(timer_create(clock, &event, &id) == 0);
    return id;
}

static struct itimerspec after(long first_ns, long then_ns) {
    return (struct itimerspec){ { 0, then_ns }, { 0, first_ns } };
}

static int64_t now(clockid_t clock) {
    struct timespec t;
    need(clock_gettime(clock, &t) == 0);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* "sigev_notify ... SIGEV_SIGNAL: the signal specified in sigev_signo shall be queued"
 * with si_code SI_TIMER and the value. */
static void one_shot(void) {
    struct itimerspec t = after(3 * MS, 0), got;
    catch (SIGUSR1);
    timer_t id = make(CLOCK_MONOTONIC, SIGUSR1, 4711);
    need(timer_gettime(id, &got) == 0);
    ok(got.it_value.tv_sec == 0 && got.it_value.tv_nsec == 0, "a new timer is off");
    int64_t start = now(CLOCK_MONOTONIC);
    is_int(timer_settime(id, 0, &t, NULL), 0, "timer_settime of 3 ms");
    need(timer_gettime(id, &got) == 0);
    ok(count || (got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 3 * MS),
       "it runs");
    await(1);
    ok(now(CLOCK_MONOTONIC) - start >= 3 * MS, "the signal comes not before that");
    is_int(last_code, SI_TIMER, "si_code is SI_TIMER");
    is_int(last_value, 4711, "si_value is the one of timer_create");
    need(timer_gettime(id, &got) == 0);
    ok(got.it_value.tv_sec == 0 && got.it_value.tv_nsec == 0, "then it is off");
    is_int(timer_delete(id), 0, "timer_delete");
    is_int(raw(SYS_timer_delete, (long)id), -EINVAL, "a second time is EINVAL");
    is_errno(timer_gettime(id, &got), EINVAL, "timer_gettime of it too");
}

/* "Only a single signal shall be queued to the process for a given timer at any point
 * in time. When a timer for which a signal is still pending expires, no signal shall be
 * queued, and a timer overrun shall occur." */
static void overrun(void) {
    struct itimerspec t = after(MS, MS), off = after(0, 0);
    siginfo_t info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    timer_t id = make(CLOCK_MONOTONIC, SIGUSR1, 1);
    need(timer_settime(id, 0, &t, NULL) == 0);
    int64_t start = now(CLOCK_MONOTONIC);
    while (now(CLOCK_MONOTONIC) - start < 10 * MS)
        ;
    is_int(sigwaitinfo(&set, &info), SIGUSR1, "ten periods with the signal blocked");
    ok(info.si_overrun >= 8, "bring one signal that counts the overruns");
    is_int(timer_getoverrun(id), info.si_overrun, "timer_getoverrun gives the same");
    need(timer_settime(id, 0, &off, NULL) == 0);
    struct timespec zero = { 0, 0 };
    while (sigtimedwait(&set, NULL, &zero) == SIGUSR1)
        ;
    need(timer_settime(id, 0, &t, NULL) == 0);
    start = now(CLOCK_MONOTONIC);
    while (now(CLOCK_MONOTONIC) - start < 2 * MS)
        ;
    is_int(timer_delete(id), 0, "a timer can be deleted while its signal is pending");
    sigtimedwait(&set, NULL, &zero);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Periods: "it_interval ... reloads"; TIMER_ABSTIME "until the clock reaches the
 * absolute time", at once when that is past; the old setting is given back. */
static void periods_and_absolute(void) {
    struct itimerspec t = after(MS, MS), old;
    catch (SIGUSR2);
    timer_t id = make(CLOCK_MONOTONIC, SIGUSR2, 2);
    int64_t start = now(CLOCK_MONOTONIC);
    need(timer_settime(id, 0, &t, NULL) == 0);
    await(4);
    ok(now(CLOCK_MONOTONIC) - start >= 4 * MS,
       "four periods of 1 ms take 4 ms at least");
    t = after(0, 0);
    need(timer_settime(id, 0, &t, &old) == 0);
    ok(old.it_interval.tv_nsec == MS && old.it_value.tv_nsec <= MS,
       "the old setting comes back");
    count = 0;
    t.it_value = (struct timespec){ 1, 0 };
    need(timer_settime(id, TIMER_ABSTIME, &t, NULL) == 0);
    await(1);
    is_int(count, 1, "an absolute time in the past expires at once, and once");
    timer_t real = make(CLOCK_REALTIME, SIGUSR2, 3);
    int64_t goal = now(CLOCK_REALTIME) + 3 * MS;
    t.it_value = (struct timespec){ goal / 1000000000, goal % 1000000000 };
    count = 0;
    need(timer_settime(real, TIMER_ABSTIME, &t, NULL) == 0);
    await(1);
    ok(now(CLOCK_REALTIME) >= goal && last_value == 3,
       "an absolute time of CLOCK_REALTIME");
    timer_delete(id), timer_delete(real);
}

/* SIGEV_NONE: no signal, the timer is only looked at. NULL: SIGALRM, the timer's id. */
static void other_events(void) {
    struct sigevent none = { .sigev_notify = SIGEV_NONE };
    struct itimerspec t = after(500 * MS, 0), got;
    timer_t id;
    t.it_value.tv_sec = 1000;
    is_int(timer_create(CLOCK_MONOTONIC, &none, &id), 0, "SIGEV_NONE");
    need(timer_settime(id, 0, &t, NULL) == 0 && timer_gettime(id, &got) == 0);
    ok(got.it_value.tv_sec >= 900 && got.it_value.tv_sec <= 1000, "counts down");
    timer_delete(id);
    catch (SIGALRM);
    is_int(timer_create(CLOCK_MONOTONIC, NULL, &id), 0, "no event at all");
    t = after(MS, 0);
    need(timer_settime(id, 0, &t, NULL) == 0);
    await(1);
    is_int(last_code, SI_TIMER, "is SIGALRM");
    timer_delete(id);
}

/* "[EINVAL] A value structure specified a nanosecond value less than zero or greater
 * than or equal to 1000 million"; "[EINVAL] The specified clock ID is not defined". */
/* "CLOCK_PROCESS_CPUTIME_ID: a clock that measures (user and system) CPU time consumed
 * by (all of the threads in) the process." */
static void cpu_time(void) {
    struct itimerspec t = after(100 * MS, 0), got;
    catch (SIGUSR1);
    timer_t id = make(CLOCK_PROCESS_CPUTIME_ID, SIGUSR1, 5);
    int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
    need(timer_settime(id, 0, &t, NULL) == 0 && timer_gettime(id, &got) == 0);
    ok(got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 100 * MS,
       "a timer on the process's CPU time");
    while (count == 0)
        continue;
    ok(now(CLOCK_PROCESS_CPUTIME_ID) - start >= 50 * MS,
       "fires when that is used up");      // Linux counts ticks, roughly
    is_int(last_value, 5, "with its value");
    timer_delete(id);
}

static void errors(void) {
    timer_t id;
    is_errno(timer_create(1234, NULL, &id), EINVAL, "an unknown clock is EINVAL");
    struct sigevent bad = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 1000 };
    is_errno(timer_create(CLOCK_MONOTONIC, &bad, &id), EINVAL,
             "an impossible signal is EINVAL");
    id = make(CLOCK_MONOTONIC, SIGUSR1, 0);
    struct itimerspec t = after(1000000000, 0);
    is_errno(timer_settime(id, 0, &t, NULL), EINVAL, "10^9 nanoseconds are EINVAL");
    t = after(-1, 0);
    is_errno(timer_settime(id, 0, &t, NULL), EINVAL, "-1 nanosecond is EINVAL");
    timer_delete(id);
    is_int(raw(SYS_timer_gettime64, 999, 0), -EINVAL, "a timer nobody made is EINVAL");
    alarm(1000);
    is_int(raw(SYS_timer_delete, -1), -EINVAL, "and no id means setitimer's");
    is_int(alarm(0), 1000, "which runs on");
    is_int(raw(SYS_timer_create, CLOCK_MONOTONIC, 8, 0), -EFAULT,
           "a bad event is EFAULT");
}

/* "Per-process timers created by timer_create() are not inherited by a child process";
 * exec and exit delete them. */
static void not_inherited(void) {
    timer_t id = make(CLOCK_MONOTONIC, SIGUSR1, 0);
    struct itimerspec got;
    pid_t pid;
    CHILD (pid)
        need(timer_gettime(id, &got) == -1 && errno == EINVAL);
    is_exit(wait_for(pid), 0, "a child has no timers");
    timer_delete(id);
    CHILD (pid) {
        struct itimerspec t = after(MS, 0);
        t.it_value.tv_sec = 1000;
        need(timer_settime(make(CLOCK_MONOTONIC, SIGKILL, 0), 0, &t, NULL) == 0);
    }
    is_exit(wait_for(pid), 0, "a process may end with a timer running");
}

static void expire(timer_t id) {
    struct itimerspec t = after(MS, 0);
    need(timer_settime(id, 0, &t, NULL) == 0);
    while (t.it_value.tv_nsec)
        need(timer_gettime(id, &t) == 0);
}

/* "Setting a signal action to SIG_IGN for a signal that is pending shall cause the
 * pending signal to be discarded": the timer is none the worse for it. And a signal
 * that each of two timers has queued comes from each, as on Linux. */
static void pending(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    catch (SIGUSR1);
    timer_t id = make(CLOCK_MONOTONIC, SIGUSR1, 1),
            other = make(CLOCK_MONOTONIC, SIGUSR1, 2);
    expire(id);
    signal(SIGUSR1, SIG_IGN);
    catch (SIGUSR1);
    sigpending(&set);
    ok(!sigismember(&set, SIGUSR1), "a timer's pending signal is discarded by SIG_IGN");
    expire(id);
    sigpending(&set);
    ok(sigismember(&set, SIGUSR1), "set again, the timer sends it again");
    expire(other);
    sigprocmask(SIG_SETMASK, &old, NULL);
    is_int(count, 2,
           "two timers' pending signals are two, though they are standard ones");
    is_int(last_value, 2, "each with its value, the first one first");
    need(timer_delete(id) == 0 && timer_delete(other) == 0);
}

int main(void) {
    one_shot();
    overrun();
    periods_and_absolute();
    other_events();
    cpu_time();
    errors();
    not_inherited();
    pending();
    return done_testing();
}
