/* times.c - POSIX times(), getrusage(), clock(): how much CPU time a process and its
 * children have used.
 */
#include "tap.h"

#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static int64_t used(struct timeval t) {
    return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

static struct rusage usage(int who) {
    struct rusage r;
    need(getrusage(who, &r) == 0);
    return r;
}

/* Computes until this process has used so many microseconds more of user time. */
static void compute(int64_t us) {
    struct rusage r = usage(RUSAGE_SELF);
    int64_t until = used(r.ru_utime) + used(r.ru_stime) + us;
    do {
        for (volatile int i = 0; i < 10000; i++)
            ;
        r = usage(RUSAGE_SELF);
    } while (used(r.ru_utime) + used(r.ru_stime) < until);
}

/* Computes until times() counts a tick more, but not for ever. */
static void compute_a_tick(void) {
    struct tms before, after;
    times(&before);
    for (int i = 0; i < 200; i++) {
        compute(5000);
        times(&after);
        if (after.tms_utime + after.tms_stime > before.tms_utime + before.tms_stime)
            break;
    }
}

/* times(): "return the elapsed real time, in clock ticks ... tms_utime the CPU time
 * charged for the execution of user instructions ... tms_cutime the sum ... of the
 * waited-for child processes". */
static void ticks(void) {
    struct tms before, after;
    is_int(sysconf(_SC_CLK_TCK), 100, "a tick is 1/100 s");
    clock_t start = times(&before);
    ok(start != (clock_t)-1, "times");
    compute_a_tick();
    clock_t end = times(&after);
    ok(end >= start, "elapsed time does not go backwards");
    ok(after.tms_utime + after.tms_stime > before.tms_utime + before.tms_stime,
       "computing takes ticks of CPU time");
    ok(after.tms_cutime == before.tms_cutime && after.tms_cstime == before.tms_cstime,
       "which is not a child's");
    ok(times(NULL) != (clock_t)-1, "times(NULL) gives the elapsed time alone");
}

/* getrusage(): "RUSAGE_SELF ... resources used by the current process. RUSAGE_CHILDREN
 * ... by the terminated and waited-for children". */
static void children(void) {
    struct rusage before = usage(RUSAGE_CHILDREN), running, after;
    struct tms t0, t1;
    struct gate done;
    pid_t pid;
    gate_init(&done);
    times(&t0);
    CHILD (pid) {
        pid_t inner;
        compute(5000);
        CHILD (inner) {
            compute(30000);
            compute_a_tick();
        }
        wait_for(inner);
        gate_open(&done);
    }
    gate_wait(&done);
    running = usage(RUSAGE_CHILDREN);
    ok(used(running.ru_utime) == used(before.ru_utime),
       "a child that was not waited for does not count");
    wait_for(pid);
    after = usage(RUSAGE_CHILDREN);
    times(&t1);
    int64_t more = used(after.ru_utime) + used(after.ru_stime) - used(before.ru_utime)
                   - used(before.ru_stime);
    ok(more >= 30000, "one that was does, with its own children");
    ok(t1.tms_cutime + t1.tms_cstime > t0.tms_cutime + t0.tms_cstime,
       "times says so too");
    gate_close(&done);
}

/* wait4(2) gives one child's usage; clock() is the process's CPU time. */
static void one_child(void) {
    struct rusage r;
    int status;
    pid_t pid;
    CHILD (pid)
        compute(20000);
    is_int(wait4(pid, &status, 0, &r), pid, "wait4");
    ok(used(r.ru_utime) + used(r.ru_stime) >= 20000, "gives the usage of that child");
    CHILD (pid) {
        struct rusage own = usage(RUSAGE_SELF);
        need(used(own.ru_utime) + used(own.ru_stime) < 1000000);
        need(used(usage(RUSAGE_CHILDREN).ru_utime) == 0);
    }
    is_exit(wait_for(pid), 0,
            "a new process starts with none, and none of its children");
    clock_t start = clock();
    compute(10000);
    ok(clock() - start >= 5000, "clock() counts CPU time in microseconds");
}

/* Page faults and switches are counted; a thread's own usage is RUSAGE_THREAD. */
static void counters(void) {
    struct rusage r = usage(RUSAGE_SELF);
    ok(r.ru_minflt > 0, "there have been page faults");
    ok(r.ru_maxrss >= 0 && r.ru_nvcsw >= 0 && r.ru_nivcsw >= 0,
       "counters are not negative");
    works(getrusage(RUSAGE_THREAD, &r), "RUSAGE_THREAD");
    is_errno(getrusage(77, &r), EINVAL, "an unknown `who` is EINVAL");
}

/* getrusage(2): ru_maxrss is "the maximum resident set size used"; a system that does
 * not count it for children says 0 of each. */
static void resident(void) {
    struct rusage stopped, ended, borrower;
    pid_t pid;
    ok(usage(RUSAGE_SELF).ru_maxrss > 0, "a process has memory");
    ok(usage(RUSAGE_THREAD).ru_maxrss > 0, "and so its thread has");
    CHILD (pid)
        raise(SIGSTOP);
    is_int(wait4(pid, NULL, WUNTRACED, &stopped), pid, "a child stops");
    works(kill(pid, SIGCONT), "goes on");
    is_int(wait4(pid, NULL, 0, &ended), pid, "and ends");
    ok(!stopped.ru_maxrss == !ended.ru_maxrss, "wait4 tells its memory both times");
    if ((pid = vfork()) == 0)
        _exit(0);
    is_int(wait4(pid, NULL, 0, &borrower), pid, "a child of vfork ends");
    ok(!borrower.ru_maxrss == !ended.ru_maxrss, "it had its parent's memory");
}

int main(void) {
    ticks();
    children();
    one_child();
    counters();
    resident();
    return done_testing();
}
