/* clock.c - reading clocks and sleeping. See: clock_gettime(2), nanosleep(2). */
#include "posix/clock.h"

#include "arch.h"
#include "sched/process.h"
#include "syscall.h"

int time64_from_user(uptr_t from, nanoseconds_t *time) {
    struct timespec64 ts;

    if (copy_from_user(&ts, from, sizeof(ts))) return -EFAULT;
    uint32_t rest = (uint32_t)ts.nanoseconds;   // the upper half is padding
    if (ts.seconds < 0 || rest >= SECOND) return -EINVAL;
    *time = (nanoseconds_t)min(ts.seconds, 1ll << 33) * SECOND + rest;
    return 0;
}

enum clock_id {
    CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME = 2,
    CLOCK_THREAD_CPUTIME = 3, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
};

/* Negative ids name the CPU time of a process or thread: clock_getcpuclockid. */
static int dynamic_clock(int clock, nanoseconds_t *now) {
    pid_t id = ~(clock >> 3);
    bool per_thread = clock & 4;

    if ((clock & 3) == 3) return -EINVAL;
    if (per_thread) {
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
    case CLOCK_PROCESS_CPUTIME:
        *now = usage_time(process_usage(current_process()));
        return 0;
    case CLOCK_THREAD_CPUTIME:
        *now = usage_time(thread_usage(current()));
        return 0;
    default:
        return clock < 0 ? dynamic_clock(clock, now) : -EINVAL;
    }
}

long sys_clock_gettime(int clock, uptr_t time) {
    nanoseconds_t now;
    int error = clock_now(clock, &now);

    if (error) return error;
    struct timespec32 ts = nanoseconds_to_timespec32(now);
    return copy_to_user(time, &ts, sizeof(ts));
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

long sys_gettimeofday(uptr_t time, uptr_t zone) {
    struct timeval32 tv = nanoseconds_to_timeval32(time_realtime());
    uint32_t utc[2] = { 0, 0 };

    if (!uptr_is_null(time) && copy_to_user(time, &tv, sizeof(tv))) return -EFAULT;
    if (!uptr_is_null(zone) && copy_to_user(zone, utc, sizeof(utc))) return -EFAULT;
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
    nanoseconds_t offset = clock == CLOCK_REALTIME ? time_realtime_offset() : 0;
    return sleep_until(span > offset ? span - offset : 0, remaining, false);
}
