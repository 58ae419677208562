/* clock.c - reading clocks and sleeping. See: clock_gettime(2), nanosleep(2).
 *
 * Sleeps: nanosleep, clock_nanosleep.
 */
#include "sched/process.h"
#include "syscall.h"

enum clock_id {
    CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME = 2,
    CLOCK_THREAD_CPUTIME = 3, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
};

/* Ids below 0 name the CPU time of a process or thread: clock_getcpuclockid. */
static int cpu_clock(int clock, nanoseconds_t *now) {
    pid_t id = ~(clock >> 3);

    if ((clock & 3) == 3) return -EINVAL;
    if (clock & 4) {
        const struct thread *t = id ? thread_find(id) : current();
        if (!t || t->process != current_process()) return -EINVAL;
        *now = usage_time(thread_usage(t));
    } else {
        const struct process *p = id ? process_find(id) : current_process();
        if (!p) return -EINVAL;
        *now = usage_time(process_usage(p));
    }
    return 0;
}

static int clock_now(int clock, nanoseconds_t *now) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *now = time_realtime();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *now = time_now();
        return 0;
    case CLOCK_PROCESS_CPUTIME: return cpu_clock(-6, now);
    case CLOCK_THREAD_CPUTIME: return cpu_clock(-2, now);
    default: return clock < 0 ? cpu_clock(clock, now) : -EINVAL;
    }
}

long sys_clock_gettime64(int clock, uptr_t time) {
    nanoseconds_t now;
    int error = clock_now(clock, &now);

    if (error) return error;
    struct timespec64 ts = nanoseconds_to_timespec64(now);
    return copy_to_user(time, &ts, sizeof(ts));
}

long sys_clock_getres(int clock, uptr_t resolution) {
    struct timespec32 ts = { 0, 1 };
    nanoseconds_t now;
    int error = clock_now(clock, &now);

    if (error || uptr_is_null(resolution)) return error;
    return copy_to_user(resolution, &ts, sizeof(ts));
}

long sys_clock_settime(int clock, uptr_t time) {
    nanoseconds_t now;

    if (clock != CLOCK_REALTIME) return -EINVAL;
    int error = time_from_user(time, &now);
    if (error) return error;
    if (current_process()->credentials.euid != 0) return -EPERM;
    time_set_realtime(now);
    return 0;
}

/* -- Sleeping ---------------------------------------------------------------------- */

static const struct wait_class sleep_class = { "time to pass", NULL };

/* Sleeps until the deadline. A stop and continue does not shorten it: the call is made
 * again with the same deadline. */
static long sleep_until(nanoseconds_t deadline, uptr_t remaining, bool relative) {
    struct wait_queue nobody = WAIT_QUEUE_INIT(nobody, &sleep_class);
    long result = wait_sleep(&nobody, deadline);

    if (result == -ETIMEDOUT) return 0;
    if (relative && !uptr_is_null(remaining)) {
        nanoseconds_t now = time_now();
        struct timespec32 left =
            nanoseconds_to_timespec32(deadline > now ? deadline - now : 0);
        if (copy_to_user(remaining, &left, sizeof(left))) return -EFAULT;
    }
    if (relative) time_keep_deadline(deadline);
    return -ERESTART_NO_HANDLER;
}

long sys_nanosleep(uptr_t request, uptr_t remaining) {
    nanoseconds_t span;
    int error = time_from_user(request, &span);

    return error ? error : sleep_until(time_restart_deadline(span), remaining, true);
}

long sys_clock_nanosleep(int clock, int flags, uptr_t request, uptr_t remaining) {
    enum { TIMER_ABSTIME = 1 };
    nanoseconds_t span, now;

    if (clock == CLOCK_THREAD_CPUTIME || clock_now(clock, &now)) return -EINVAL;
    if (clock == CLOCK_PROCESS_CPUTIME || clock < 0 || clock == CLOCK_MONOTONIC_RAW)
        return -EOPNOTSUPP;
    int error = time_from_user(request, &span);
    if (error) return error;
    if (!(flags & TIMER_ABSTIME))
        return sleep_until(time_restart_deadline(span), remaining, true);
    return sleep_until(clock == CLOCK_REALTIME ? time_from_realtime(span) : span,
                       remaining, false);
}
