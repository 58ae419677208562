/* clock.c - clocks: what they tell, sleeping, and timers, which post signals.
 *
 * A timer's signal is queued at most once at a time; expirations while it is pending
 * are counted and told as the overrun when it is taken. The three of setitimer are
 * timers like others, with ids below 0, and so is RLIMIT_CPU. Those that count CPU time
 * are looked at when that can have been used up at the earliest.
 * Sleeps: nanosleep, clock_nanosleep.
 * Tests: user/tests/clock.c, sleep.c, itimer.c, timer.c, rlimit.c.
 * See: clock_gettime(2), nanosleep(2), timer_create(2), setitimer(2).
 */
#include "posix/faces.h"

#include "mm/heap.h"
#include "syscall.h"

#define TIMERS_MAX 64           /* of one process */
#define SHORTEST   (10 * MICROSECOND)   /* a timer fires no oftener than that */

enum clock_id {
    CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME = 2,
    CLOCK_THREAD_CPUTIME = 3, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
};
enum { TIMER_ABSTIME = 1 };
enum { ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2, ITIMER_LIMIT = 3 };

#define NO_CLOCK UINT64_MAX

/* Ids below 0 name the CPU time of a process or thread: clock_getcpuclockid. */
static nanoseconds_t clock_now(int clock) {
    int cpu = clock == CLOCK_PROCESS_CPUTIME  ? -6
              : clock == CLOCK_THREAD_CPUTIME ? -2
                                              : clock;
    pid_t id = ~(cpu >> 3);

    if (cpu > CLOCK_BOOTTIME || (cpu < 0 && (cpu & 3) == 3)) return NO_CLOCK;
    if (cpu == CLOCK_REALTIME || cpu == CLOCK_REALTIME_COARSE) return time_realtime();
    if (cpu >= 0) return time_now();
    if (cpu & 4) {
        const struct thread *t = id ? thread_find(id) : current();
        bool is_ours = t && t->process == current_process();
        return is_ours ? usage_time(thread_usage(t)) : NO_CLOCK;
    }
    const struct process *p = id ? process_find(id) : current_process();
    return p ? usage_time(process_usage(p)) : NO_CLOCK;
}

long sys_clock_gettime64(int clock, uptr_t time) {
    nanoseconds_t now = clock_now(clock);
    struct timespec64 ts = nanoseconds_to_timespec64(now);

    return now == NO_CLOCK ? -EINVAL : copy_to_user(time, &ts, sizeof(ts));
}

long sys_clock_getres(int clock, uptr_t resolution) {
    struct time32 ts = { 0, 1 };

    if (clock_now(clock) == NO_CLOCK) return -EINVAL;
    return uptr_is_null(resolution) ? 0 : copy_to_user(resolution, &ts, sizeof(ts));
}

long sys_clock_settime(int clock, uptr_t time) {
    nanoseconds_t now;

    if (clock != CLOCK_REALTIME) return -EINVAL;
    int error = time_from_user(time, NANOSECOND, &now);
    if (error) return error;
    if (!is_root()) return -EPERM;
    time_set_realtime(now);
    return 0;
}

/* A stop and continue does not shorten the sleep: the call is made again with the same
 * deadline. */
long sys_clock_nanosleep(int clock, int flags, uptr_t request, uptr_t remaining) {
    static const struct wait_class class = { "time to pass", NULL, 0 };
    struct wait_queue nobody = WAIT_QUEUE_INIT(nobody, &class);
    enum timeout_kind kind = !(flags & TIMER_ABSTIME)  ? TIMEOUT_SPAN
                             : clock == CLOCK_REALTIME ? TIMEOUT_REALTIME
                                                       : TIMEOUT_MONOTONIC;
    nanoseconds_t deadline;

    if (clock == CLOCK_THREAD_CPUTIME || clock_now(clock) == NO_CLOCK) return -EINVAL;
    if (clock == CLOCK_PROCESS_CPUTIME || clock < 0 || clock == CLOCK_MONOTONIC_RAW)
        return -EOPNOTSUPP;
    if (uptr_is_null(request)) return -EFAULT;
    int error = deadline_from_user(request, kind, &deadline);
    if (error) return error;
    if (wait_sleep(&nobody, deadline) == -ETIMEDOUT) return 0;
    if (kind != TIMEOUT_SPAN) return -ERESTART_NO_HANDLER;
    nanoseconds_t now = time_now(), left = deadline > now ? deadline - now : 0;
    struct time32 ts = nanoseconds_to_time32(left, NANOSECOND);
    if (!uptr_is_null(remaining) && copy_to_user(remaining, &ts, sizeof(ts)))
        return -EFAULT;
    return time_restart(deadline);
}

/* -- Timers ------------------------------------------------------------------------ */

struct event {                  /* as struct sigevent */
    uint32_t value;
    int32_t signal, notify;
    pid_t tid;                  /* SIGEV_THREAD_ID */
};

struct posix_timer {
    struct list_node node;      /* process->posix_timers */
    struct timer timer;
    struct process *process;
    int id;                     /* ~ITIMER_...: one of setitimer's, or RLIMIT_CPU */
    int clock;                  /* CLOCK_ */
    struct event event;
    nanoseconds_t interval;     /* 0: once */
    nanoseconds_t due;          /* on what it counts; 0: off */
    struct queued_signal queued;        /* its signal */
    uint64_t overrun;           /* expirations since it was queued */
    uint32_t last_overrun;      /* timer_getoverrun */
};

/* Does anybody get the signal: the process, or that thread of it? */
static bool goes_to(const struct event *e, const struct process *p,
                    struct thread **thread) {
    *thread = e->notify == SIGEV_THREAD_ID ? thread_find(e->tid) : NULL;
    return e->notify == SIGEV_SIGNAL || (*thread && (*thread)->process == p);
}

/* On what it counts. */
static nanoseconds_t now_of(const struct posix_timer *t) {
    if (t->clock != CLOCK_PROCESS_CPUTIME) return time_now();
    struct usage u = process_usage(t->process);
    return u.user_time + (t->id == ~ITIMER_VIRTUAL ? 0 : u.system_time);
}

/* Of a limit; those over 200 years are one. */
static nanoseconds_t seconds(uint64_t limit) { return min(limit, 1ull << 33) * SECOND; }

static nanoseconds_t left_of(const struct posix_timer *t) {
    nanoseconds_t now = now_of(t);

    return !t->due ? 0 : t->due > now ? t->due - now : 1;
}

/* For the earliest moment at which it can be due: all threads may use CPU time. */
static void arm(struct posix_timer *t) {
    uint32_t speed = t->clock == CLOCK_PROCESS_CPUTIME ? t->process->nr_threads : 1;
    nanoseconds_t left = divide_u64(left_of(t), speed, NULL);

    timer_start(&t->timer, time_deadline(max(left, (nanoseconds_t)SHORTEST)));
}

/* Counts the expirations up to `now`, and arms it for the next one. */
static uint64_t expire(struct posix_timer *t, nanoseconds_t now) {
    nanoseconds_t late = now - t->due, step = t->interval;
    uint64_t n = 0;

    if (now >= t->due) {        // else CPU time is not used up yet
        n = 1;
        if (step && step <= UINT32_MAX) n += divide_u64(late, (uint32_t)step, NULL);
        for (; step > UINT32_MAX && late >= step; late -= step) n++;    // few
        t->due = step ? t->due + n * step : 0;
    }
    if (t->due) arm(t);
    return n;
}

static void fired(struct timer *timer) {
    struct posix_timer *t = container_of(timer, struct posix_timer, timer);
    bool is_queued = list_node_is_linked(&t->queued.node);
    nanoseconds_t now = now_of(t);
    uint64_t n = expire(t, now);
    struct thread *thread;

    if (!n) return;
    if (t->id == ~ITIMER_LIMIT && now >= seconds(t->process->limits[LIMIT_CPU].hard)) {
        const struct siginfo kill = { .signal = SIGKILL, .code = SI_KERNEL };
        signal_post(t->process, NULL, &kill, NULL);
    }
    t->overrun = is_queued ? t->overrun + n : n - 1;
    // one that is still waiting to be taken is only counted
    if (!is_queued && goes_to(&t->event, t->process, &thread))
        signal_post(t->process, thread, &t->queued.info, &t->queued);
}

static void taken(struct queued_signal *queued) {
    struct posix_timer *t = container_of(queued, struct posix_timer, queued);

    // what is due by now counts, though its interrupt has not come yet
    if (t->interval && t->due) t->overrun += expire(t, now_of(t));
    t->last_overrun = (uint32_t)min(t->overrun, (uint64_t)INT32_MAX);
    if (t->id >= 0) queued->info.overrun = (int32_t)t->last_overrun;
    t->overrun = 0;
}

/* NULL: -EINVAL. What users pass as an id has 32 bits and no sign. */
static struct posix_timer *timer_of(const struct process *p, int64_t id) {
    struct posix_timer *t;

    list_for_each (t, &p->posix_timers, node)
        if (t->id == id) return t;
    return NULL;
}

static struct posix_timer *timer_find(int64_t id) {
    return timer_of(current_process(), id);
}

static struct posix_timer *create(struct process *p, int id, int clock,
                                  const struct event *e) {
    struct posix_timer *t = heap_new(HEAP_TIMER, struct posix_timer);

    if (!t) return NULL;
    *t = (struct posix_timer){ .process = p, .id = id, .clock = clock, .event = *e,
                               .queued.taken = taken };
    t->queued.info = (struct siginfo){ .signal = e->signal,
                                       .code = id < 0 ? SI_KERNEL : SI_TIMER,
                                       .timer = max(id, 0),
                                       .timer_value = (int32_t)e->value };
    timer_init(&t->timer, fired);
    list_node_init(&t->queued.node);
    list_push_back(&t->process->posix_timers, &t->node);
    return t;
}

/* Interval and time. What runs is never told as 0: that means off. */
long timer_tell(int64_t id, uptr_t to) {
    const struct posix_timer *t = timer_find(id);
    uint32_t unit = id < 0 ? MICROSECOND : NANOSECOND;
    nanoseconds_t left = t ? left_of(t) : 0;
    struct time32 out[2] = {
        nanoseconds_to_time32(t ? t->interval : 0, unit),
        nanoseconds_to_time32(left && left < unit ? unit : left, unit),
    };

    return copy_to_user(to, out, sizeof(out));
}

long timer_set(int64_t id, int flags, uptr_t value, uptr_t old) {
    static const struct event events[] = {
        { .signal = SIGALRM }, { .signal = SIGVTALRM }, { .signal = SIGPROF }
    };
    uint32_t unit = id < 0 ? MICROSECOND : NANOSECOND;
    nanoseconds_t times[2] = { 0, 0 }, first;
    struct posix_timer *t = timer_find(id);
    long error = t || id < 0 ? 0 : -EINVAL;

    for (unsigned i = 0; i < 2 && !error && !uptr_is_null(value); i++)
        error = time_from_user(uptr_add(value, 8 * i), unit, &times[i]);
    first = times[1];
    if (!error && !uptr_is_null(old)) error = timer_tell(id, old);
    if (error) return error;
    int clock = id == ~ITIMER_REAL ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME;
    if (!t && first && !(t = create(current_process(), (int)id, clock, &events[~id])))
        return -ENOMEM;
    if (!t) return 0;
    timer_cancel(&t->timer);
    t->overrun = 0;
    t->interval = first ? times[0] : 0;
    t->due = !first                       ? 0
             : !(flags & TIMER_ABSTIME)   ? now_of(t) + first
             : t->clock == CLOCK_REALTIME ? time_from_realtime(first)
                                          : first;
    if (t->due) arm(t);
    return 0;
}

int timer_limit(struct process *p) {
    static const struct event event = { .signal = SIGXCPU };
    const struct limit *limit = &p->limits[LIMIT_CPU];
    struct posix_timer *t = timer_of(p, ~ITIMER_LIMIT);
    bool is_limited = limit->soft != LIMIT_INFINITY;

    if (!t && !is_limited) return 0;
    if (!t && !(t = create(p, ~ITIMER_LIMIT, CLOCK_PROCESS_CPUTIME, &event)))
        return -ENOMEM;
    timer_cancel(&t->timer);
    t->interval = SECOND;
    t->due = is_limited ? seconds(max(limit->soft, (uint64_t)1)) : 0;
    if (t->due) arm(t);
    return 0;
}

long sys_timer_create(int clock, uptr_t event, uptr_t id) {
    struct process *p = current_process();
    struct event e = { (uint32_t)p->next_timer_id, SIGALRM, SIGEV_SIGNAL, 0 };
    struct thread *thread;

    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME
        && clock != CLOCK_PROCESS_CPUTIME)
        return -EINVAL;
    if (list_length(&p->posix_timers) >= TIMERS_MAX) return -EAGAIN;
    if (!uptr_is_null(event) && copy_from_user(&e, event, sizeof(e))) return -EFAULT;
    if (e.notify != SIGEV_NONE
        && (!goes_to(&e, p, &thread) || e.signal < 1 || e.signal > SIGNALS))
        return -EINVAL;
    if (u32_to_user(id, (uint32_t)p->next_timer_id)) return -EFAULT;
    if (!create(p, p->next_timer_id, clock, &e)) return -EAGAIN;
    p->next_timer_id++;
    return 0;
}

long sys_timer_gettime64(uint32_t id, uptr_t value) {
    const struct posix_timer *t = timer_find(id);

    if (!t) return -EINVAL;
    struct timespec64 now[2] = { nanoseconds_to_timespec64(t->interval),
                                 nanoseconds_to_timespec64(left_of(t)) };
    return copy_to_user(value, now, sizeof(now));
}

long sys_timer_getoverrun(uint32_t id) {
    const struct posix_timer *t = timer_find(id);

    return t ? (long)t->last_overrun : -EINVAL;
}

static void timer_free(struct posix_timer *t) {
    timer_cancel(&t->timer);
    signal_withdraw(&t->queued);
    list_remove(&t->node);
    heap_free(t);
}

long sys_timer_delete(uint32_t id) {
    struct posix_timer *t = timer_find(id);

    if (!t) return -EINVAL;
    timer_free(t);
    return 0;
}

void timers_end(struct process *p, bool all) {
    struct posix_timer *t, *next;

    list_for_each_safe (t, next, &p->posix_timers, node)
        if (all || t->id >= 0) timer_free(t);
}
