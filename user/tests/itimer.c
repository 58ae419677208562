/* itimer.c - POSIX getitimer(), setitimer(), alarm(): SIGALRM, SIGVTALRM and SIGPROF
 * after real and used time.
 */
#include "raw.h"
#include "tap.h"

#include <sys/time.h>
#include <time.h>

static volatile int count, last;

static void handler(int sig) {
    count++;
    last = sig;
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

static int64_t now(void) {
    struct timespec t;
    need(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static struct itimerval timer(int first_us, int then_us) {
    return (struct itimerval){ { 0, then_us }, { 0, first_us } };
}

static void catch (int sig) {
    struct sigaction sa = { .sa_handler = handler };
    need(sigaction(sig, &sa, NULL) == 0);
    count = last = 0;
}

/* "ITIMER_REAL Decrements in real time. A SIGALRM signal is delivered when this timer
 * expires." "If it_interval is non-zero, it shall be used to reload it_value". */
static void real(void) {
    struct itimerval t = timer(3000, 0), got;
    catch (SIGALRM);
    int64_t start = now();
    is_int(setitimer(ITIMER_REAL, &t, NULL), 0, "setitimer of 3 ms");
    await(1);
    ok(now() - start >= 3000, "SIGALRM comes not before that");
    need(getitimer(ITIMER_REAL, &got) == 0);
    ok(got.it_value.tv_sec == 0 && got.it_value.tv_usec == 0, "then the timer is off");
    is_int(count, 1, "it was one signal");
    t = timer(1000, 1000);
    start = now();
    need(setitimer(ITIMER_REAL, &t, NULL) == 0);
    await(6);
    ok(now() - start >= 5000, "an interval of 1 ms: five signals take 5 ms at least");
    t = timer(0, 1000);
    is_int(setitimer(ITIMER_REAL, &t, &got), 0, "it_value 0 turns the timer off");
    ok(got.it_interval.tv_usec == 1000 && got.it_value.tv_usec <= 1000,
       "and gives what was set");
    need(getitimer(ITIMER_REAL, &got) == 0);
    ok(got.it_value.tv_sec == 0 && got.it_value.tv_usec == 0, "it is off");
}

/* alarm(): "shall return ... the amount of time remaining before the previous alarm; 0
 * if there was no"; getitimer gives the rest. */
static void alarms(void) {
    struct itimerval got;
    is_int((long)alarm(1000), 0, "alarm: there was none");
    need(getitimer(ITIMER_REAL, &got) == 0);
    ok(got.it_value.tv_sec > 900 && got.it_value.tv_sec <= 1000,
       "alarm sets ITIMER_REAL");
    unsigned left = alarm(0);
    ok(left > 900 && left <= 1000, "alarm(0) gives the seconds that were left");
    is_int((long)alarm(0), 0, "and has turned it off");
    count = 0;
    alarm(500);
    struct itimerval t = timer(1000, 0);
    need(setitimer(ITIMER_REAL, &t, &got) == 0);
    ok(got.it_value.tv_sec > 400, "setitimer gives what alarm left");
    await(1);
    is_int(last, SIGALRM, "a new time replaces the old one");
}

/* "ITIMER_VIRTUAL Decrements in process virtual time ... only when the process is
 * executing. SIGVTALRM"; "ITIMER_PROF ... also when the system is running on behalf of
 * the process. SIGPROF". */
static void used_time(void) {
    struct itimerval t = timer(5000, 0), got;
    catch (SIGVTALRM);
    catch (SIGPROF);
    is_int(setitimer(ITIMER_VIRTUAL, &t, NULL), 0, "ITIMER_VIRTUAL of 5 ms");
    need(getitimer(ITIMER_VIRTUAL, &got) == 0);
    ok(got.it_value.tv_sec == 0 && got.it_value.tv_usec > 0, "is running");
    while (!count)
        ;
    is_int(last, SIGVTALRM, "computing brings SIGVTALRM");
    count = 0;
    is_int(setitimer(ITIMER_PROF, &t, NULL), 0, "ITIMER_PROF of 5 ms");
    while (!count)
        getppid();
    is_int(last, SIGPROF, "computing and calling bring SIGPROF");
}

/* "[EINVAL] The value argument is not in canonical form ... or the which argument is
 * not recognized." */
static void errors(void) {
    struct itimerval t = timer(1000000, 0);
    is_errno(setitimer(ITIMER_REAL, &t, NULL), EINVAL,
             "a million microseconds are EINVAL");
    t = timer(-1, 0);
    is_errno(setitimer(ITIMER_REAL, &t, NULL), EINVAL, "-1 microsecond is EINVAL");
    t = timer(0, 1000000);
    is_errno(setitimer(ITIMER_REAL, &t, NULL), EINVAL, "in the interval too");
    t = timer(0, 0);
    is_errno(setitimer(7, &t, NULL), EINVAL, "an unknown timer is EINVAL");
    is_errno(getitimer(7, &t), EINVAL, "for getitimer too");
    is_int(raw(SYS_getitimer, 0, 8), -EFAULT, "a bad pointer is EFAULT");
    is_int(raw(SYS_setitimer, 0, 8, 0), -EFAULT, "for setitimer too");
}

/* The default action of each of the three ends the process. */
static void default_action(void) {
    static const int which[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
    static const int signals[] = { SIGALRM, SIGVTALRM, SIGPROF };
    for (int i = 0; i < 3; i++) {
        struct itimerval t = timer(1000, 0);
        pid_t pid;
        CHILD (pid) {
            signal(signals[i], SIG_DFL);
            need(setitimer(which[i], &t, NULL) == 0);
            for (;;)
                ;
        }
        is_killed(wait_for(pid), signals[i], "without a handler %s ends the process",
                  i == 0   ? "SIGALRM"
                  : i == 1 ? "SIGVTALRM"
                           : "SIGPROF");
    }
}

int main(void) {
    real();
    alarms();
    used_time();
    errors();
    default_action();
    return done_testing();
}
