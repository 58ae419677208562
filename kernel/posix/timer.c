/* timer.c - setitimer and POSIX timers: deadlines that post signals.
 *
 * A POSIX timer's signal is queued at most once at a time; expirations while it is
 * pending are counted and told as the overrun when it is taken. ITIMER_VIRTUAL and
 * ITIMER_PROF count CPU time and are looked at by a real-time timer that is set for the
 * earliest moment the amount could be used up.
 * Tests: user/tests/itimer.c, timer.c.
 * See: timer_create(2), setitimer(2).
 */
#include "posix/timer.h"

#include "mm/heap.h"
#include "syscall.h"

#define TIMERS_MAX 64           /* of one process */
#define SHORTEST   (10 * MICROSECOND)   /* a timer fires no oftener than that */

enum { SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD = 2, SIGEV_THREAD_ID = 4 };

struct posix_timer {
    struct list_node node;      /* process->posix_timers */
    struct timer timer;
    struct process *process;
    int id, clock, notify;
    pid_t tid;                  /* SIGEV_THREAD_ID */
    nanoseconds_t interval;
    struct queued_signal queued;        /* its signal */
    uint64_t overrun;           /* expirations since it was queued */
    uint32_t last_overrun;      /* timer_getoverrun */
};

struct itimerspec32 {
    struct timespec32 interval, value;
};

struct itimerspec64 {
    struct timespec64 interval, value;
};

struct user_sigevent {
    uint32_t value;
    int32_t signal, notify;
    pid_t tid;
};

/* -- Interval timers --------------------------------------------------------------- */

enum { ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2 };

static const int interval_signals[3] = { SIGALRM, SIGVTALRM, SIGPROF };

/* The clock an interval timer counts on. */
static nanoseconds_t interval_now(const struct process *p, int which) {
    if (which == ITIMER_REAL) return time_now();
    struct usage u = process_usage(p);
    return u.user_time + (which == ITIMER_PROF ? u.system_time : 0);
}

/* Sets the real-time timer to the earliest moment at which it can have expired. */
static void interval_arm(struct process *p, int which) {
    struct interval_timer *t = &p->interval_timers[which];
    nanoseconds_t now = interval_now(p, which);
    nanoseconds_t left = t->expires > now ? t->expires - now : 0;

    if (which != ITIMER_REAL && p->nr_threads > 1)
        left = divide_u64(left, p->nr_threads, NULL);
    timer_start(&t->timer, time_deadline(max(left, which ? MILLISECOND / 10 : 0ull)));
}

static void interval_fired(struct process *p, int which) {
    struct interval_timer *t = &p->interval_timers[which];

    if (interval_now(p, which) < t->expires) {
        interval_arm(p, which); // CPU time: not used up yet
        return;
    }
    nanoseconds_t due = t->expires;
    t->expires = 0;
    if (t->interval) {
        t->expires = due + t->interval;
        interval_arm(p, which);
    }
    signal_kernel(p, interval_signals[which]);
}

static void real_fired(struct timer *timer) {
    interval_fired(container_of(timer, struct process, interval_timers[0].timer),
                   ITIMER_REAL);
}

static void virtual_fired(struct timer *timer) {
    interval_fired(container_of(timer, struct process, interval_timers[1].timer),
                   ITIMER_VIRTUAL);
}

static void profile_fired(struct timer *timer) {
    interval_fired(container_of(timer, struct process, interval_timers[2].timer),
                   ITIMER_PROF);
}

static bool timeval_ok(const struct timeval32 *tv) {
    return tv->seconds >= 0 && tv->microseconds >= 0 && tv->microseconds < 1000000;
}

static nanoseconds_t from_timeval(const struct timeval32 *tv) {
    return (nanoseconds_t)tv->seconds * SECOND + (nanoseconds_t)tv->microseconds * 1000;
}

static void interval_read(const struct process *p, int which, struct timeval32 out[2]) {
    const struct interval_timer *t = &p->interval_timers[which];
    nanoseconds_t now = interval_now(p, which), left = 0;

    if (t->expires)            // one that is due now is never told as 0: that means off
        left = t->expires > now ? t->expires - now : MICROSECOND;
    out[0] = nanoseconds_to_timeval32(t->interval);
    out[1] = nanoseconds_to_timeval32(left);
    if (t->expires && !out[1].seconds && !out[1].microseconds) out[1].microseconds = 1;
}

long sys_getitimer(int which, uptr_t value) {
    struct timeval32 now[2];

    if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
    interval_read(current_process(), which, now);
    return copy_to_user(value, now, sizeof(now));
}

long sys_setitimer(int which, uptr_t value, uptr_t old) {
    static void (*const fired[3])(struct timer *) = { real_fired, virtual_fired,
                                                      profile_fired };
    struct process *p = current_process();
    struct timeval32 new[2] = { { 0, 0 }, { 0, 0 } }, before[2];

    if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
    if (!uptr_is_null(value) && copy_from_user(new, value, sizeof(new))) return -EFAULT;
    if (!timeval_ok(&new[0]) || !timeval_ok(&new[1])) return -EINVAL;
    interval_read(p, which, before);
    if (!uptr_is_null(old) && copy_to_user(old, before, sizeof(before))) return -EFAULT;
    struct interval_timer *t = &p->interval_timers[which];
    nanoseconds_t span = from_timeval(&new[1]);
    timer_cancel(&t->timer);
    t->timer.fire = fired[which];
    t->interval = span ? from_timeval(&new[0]) : 0;
    t->expires = span ? interval_now(p, which) + span : 0;
    if (span) interval_arm(p, which);
    return 0;
}

/* -- POSIX timers ------------------------------------------------------------------ */

static struct posix_timer *timer_find(int id) {
    struct posix_timer *t;

    list_for_each (t, &current_process()->posix_timers, node)
        if (t->id == id) return t;
    return NULL;
}

static uint64_t periods_in(nanoseconds_t span, nanoseconds_t interval) {
    uint64_t n = 0;

    if (interval <= UINT32_MAX) return divide_u64(span, (uint32_t)interval, NULL);
    for (; span >= interval; span -= interval)  // seconds each: there are few
        n++;
    return n;
}

/* Counts the expirations up to `now`, of which the first was due at the timer's key,
 * and arms it for the next one. */
static uint64_t expire(struct posix_timer *t, nanoseconds_t now) {
    nanoseconds_t due = t->timer.node.key;

    if (!t->interval) return 1;
    uint64_t n = 1 + periods_in(now - due, t->interval);
    timer_start(&t->timer, max(due + n * t->interval, now + SHORTEST));
    return n;
}

static void posix_fired(struct timer *timer) {
    struct posix_timer *t = container_of(timer, struct posix_timer, timer);
    uint64_t n = expire(t, time_now());

    if (list_node_is_linked(&t->queued.node)) {
        t->overrun += n;        // still waiting to be taken: only counted
        return;
    }
    t->overrun = n - 1;
    struct thread *thread = t->notify == SIGEV_THREAD_ID ? thread_find(t->tid) : NULL;
    if (t->notify == SIGEV_SIGNAL || (thread && thread->process == t->process))
        signal_post(t->process, thread, &t->queued.info, SIGNAL_KEEP_HERE);
}

static void timer_taken(struct queued_signal *queued) {
    struct posix_timer *t = container_of(queued, struct posix_timer, queued);
    nanoseconds_t now = time_now();

    // what is due by now counts, though its interrupt has not come yet
    if (t->interval && t->timer.armed && t->timer.node.key <= now)
        t->overrun += expire(t, now);
    t->last_overrun = (uint32_t)min(t->overrun, (uint64_t)INT32_MAX);
    queued->info.overrun = (int32_t)t->last_overrun;
    t->overrun = 0;
}

static void timer_free(struct posix_timer *t) {
    timer_cancel(&t->timer);
    signal_withdraw(&t->queued);
    list_remove(&t->node);
    heap_free(t);
}

static int take_event(uptr_t event, struct posix_timer *t) {
    struct user_sigevent e = { .value = (uint32_t)t->id, .signal = SIGALRM,
                               .notify = SIGEV_SIGNAL };

    if (!uptr_is_null(event) && copy_from_user(&e, event, sizeof(e))) return -EFAULT;
    if (e.notify != SIGEV_SIGNAL && e.notify != SIGEV_NONE
        && e.notify != SIGEV_THREAD_ID)
        return -EINVAL;
    if (e.notify != SIGEV_NONE && (e.signal < 1 || e.signal > SIGNALS)) return -EINVAL;
    if (e.notify == SIGEV_THREAD_ID) {
        const struct thread *thread = thread_find(e.tid);
        if (!thread || thread->process != current_process()) return -EINVAL;
    }
    t->queued.info = (struct siginfo){ .signal = e.signal, .code = SI_TIMER };
    t->queued.info.timer = t->id;
    t->queued.info.timer_value = (int32_t)e.value;
    t->notify = e.notify;
    t->tid = e.tid;
    return 0;
}

long sys_timer_create(int clock, uptr_t event, uptr_t id) {
    enum { REALTIME = 0, MONOTONIC = 1, BOOTTIME = 7 };
    struct process *p = current_process();

    if (clock != REALTIME && clock != MONOTONIC && clock != BOOTTIME) return -EINVAL;
    if (list_length(&p->posix_timers) >= TIMERS_MAX) return -EAGAIN;
    struct posix_timer *t = heap_new(HEAP_TIMER, struct posix_timer);
    if (!t) return -EAGAIN;
    t->id = p->next_timer_id;
    t->clock = clock;
    t->process = p;
    timer_init(&t->timer, posix_fired);
    list_node_init(&t->node);
    list_node_init(&t->queued.node);
    t->queued.taken = timer_taken;
    int error = take_event(event, t);
    if (!error && u32_to_user(id, (uint32_t)t->id)) error = -EFAULT;
    if (error) {
        heap_free(t);
        return error;
    }
    p->next_timer_id++;
    list_push_back(&p->posix_timers, &t->node);
    return 0;
}

static void timer_read(const struct posix_timer *t, nanoseconds_t *left) {
    nanoseconds_t now = time_now();

    *left = !t->timer.armed ? 0 : t->timer.node.key > now ? t->timer.node.key - now : 1;
}

long sys_timer_settime(int id, int flags, uptr_t value, uptr_t old) {
    enum { TIMER_ABSTIME = 1 };
    struct posix_timer *t = timer_find(id);
    struct itimerspec32 new, before;
    nanoseconds_t left;

    if (copy_from_user(&new, value, sizeof(new)))
        return uptr_is_null(value) ? -EINVAL : -EFAULT;
    if (!timespec_is_valid(&new.value) || !timespec_is_valid(&new.interval))
        return -EINVAL;
    if (!t) return -EINVAL;
    timer_read(t, &left);
    before.interval = nanoseconds_to_timespec32(t->interval);
    before.value = nanoseconds_to_timespec32(left);
    if (!uptr_is_null(old) && copy_to_user(old, &before, sizeof(before)))
        return -EFAULT;
    nanoseconds_t span = timespec_to_nanoseconds(&new.value);
    timer_cancel(&t->timer);
    t->overrun = 0;
    t->interval = span ? timespec_to_nanoseconds(&new.interval) : 0;
    if (!span) return 0;
    nanoseconds_t deadline = time_deadline(span);
    if (flags & TIMER_ABSTIME) {
        nanoseconds_t offset = t->clock == 0 ? time_realtime_offset() : 0;
        deadline = span > offset ? span - offset : 0;
    }
    timer_start(&t->timer, deadline);
    return 0;
}

long sys_timer_gettime(int id, uptr_t value) {
    const struct posix_timer *t = timer_find(id);
    nanoseconds_t left;

    if (!t) return -EINVAL;
    timer_read(t, &left);
    struct itimerspec32 now = { nanoseconds_to_timespec32(t->interval),
                                nanoseconds_to_timespec32(left) };
    return copy_to_user(value, &now, sizeof(now));
}

long sys_timer_gettime64(int id, uptr_t value) {
    const struct posix_timer *t = timer_find(id);
    nanoseconds_t left;

    if (!t) return -EINVAL;
    timer_read(t, &left);
    struct itimerspec64 now = { nanoseconds_to_timespec64(t->interval),
                                nanoseconds_to_timespec64(left) };
    return copy_to_user(value, &now, sizeof(now));
}

long sys_timer_getoverrun(int id) {
    const struct posix_timer *t = timer_find(id);

    return t ? (long)t->last_overrun : -EINVAL;
}

long sys_timer_delete(int id) {
    struct posix_timer *t = timer_find(id);

    if (!t) return -EINVAL;
    timer_free(t);
    return 0;
}

void timers_exec(struct process *p) {
    struct posix_timer *t, *next;

    list_for_each_safe (t, next, &p->posix_timers, node)
        timer_free(t);
}

void timers_end(struct process *p) {
    timers_exec(p);
    for (unsigned i = 0; i < 3; i++)
        timer_cancel(&p->interval_timers[i].timer);
}
