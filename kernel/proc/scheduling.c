/* scheduling.c - the system calls about who runs when. See: sched(7). */
#include "ipc/link.h"
#include "proc/life.h"

static struct thread *thread_or_self(pid_t pid) {
    return pid == 0 ? current() : thread_find(pid);
}

static bool is_root(void) { return current_process()->credentials.euid == 0; }

static bool may_change(const struct thread *t) {
    const struct credentials *target = &t->process->credentials;
    uid_t me = current_process()->credentials.euid;

    return me == 0 || me == target->euid || me == target->uid;
}

static bool is_realtime(int policy) {
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy) {
    return is_realtime(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH
           || policy == SCHED_IDLE;
}

static int priority_of(const struct thread *t) {
    return is_realtime(t->policy) ? t->base_priority - PRIORITY_REALTIME : 0;
}

long scheduling_priority(int policy, int realtime) {
    return !is_policy(policy) ? -EINVAL : is_realtime(policy) ? realtime : 0;
}

long sys_sched_getscheduler(pid_t pid) {
    const struct thread *t = thread_or_self(pid);

    return pid < 0 ? -EINVAL : t ? t->policy : -ESRCH;
}

long sys_sched_getparam(pid_t pid, uptr_t param) {
    long policy = uptr_is_null(param) ? -EINVAL : sys_sched_getscheduler(pid);

    if (policy < 0) return policy;
    return u32_to_user(param, (uint32_t)priority_of(thread_or_self(pid)));
}

long scheduling_change(pid_t pid, int policy, uptr_t param) {
    long old = uptr_is_null(param) ? -EINVAL : sys_sched_getscheduler(pid);
    struct thread *t = thread_or_self(pid);
    uint32_t priority;

    if (old < 0) return old;
    if (u32_from_user(&priority, param)) return -EFAULT;
    if (policy == -1) policy = (int)old;
    if (!is_policy(policy) || priority > 99 || (priority == 0) == is_realtime(policy))
        return -EINVAL;
    bool is_more = policy != old || (int)priority > priority_of(t);
    if (!may_change(t)
        || (!is_root() && is_more && priority > t->process->limits[LIMIT_RTPRIO].soft))
        return -EPERM;
    unsigned level = policy == SCHED_IDLE  ? PRIORITY_IDLE
                     : is_realtime(policy) ? PRIORITY_REALTIME + priority
                                           : PRIORITY_NORMAL;
    t->policy = (uint8_t)policy;
    t->base_priority = (uint8_t)level;
    thread_place(t, max(level, (unsigned)t->process->lent_priority), t->affinity);
    call_priority_changed(t);
    return 0;
}

long sys_sched_rr_get_interval(pid_t pid, uptr_t interval) {
    long policy = sys_sched_getscheduler(pid);
    struct time32 ts = { 0, policy == SCHED_FIFO ? 0 : 10000000 };

    return policy < 0 ? policy : copy_to_user(interval, &ts, sizeof(ts));
}

static uint32_t all_cpus(void) { return (1u << cpu_count) - 1; }

long sys_sched_getaffinity(pid_t pid, size_t size, uptr_t mask) {
    const struct thread *t = thread_or_self(pid);

    if (size < 4 || size & 3) return -EINVAL;
    if (!t) return -ESRCH;
    return u32_to_user(mask, t->affinity & all_cpus()) ? -EFAULT : 4;
}

long sys_sched_setaffinity(pid_t pid, size_t size, uptr_t mask) {
    struct thread *t = thread_or_self(pid);
    uint32_t wanted = 0;

    if (copy_from_user(&wanted, mask, min(size, sizeof(wanted)))) return -EFAULT;
    if (!t) return -ESRCH;
    if (!may_change(t)) return -EPERM;
    wanted &= all_cpus();
    if (wanted) thread_place(t, t->priority, (uint8_t)wanted);
    return wanted ? 0 : -EINVAL;
}

long scheduling_nice(int which, pid_t who, const int *wanted) {
    enum { PRIO_PROCESS = 0, PRIO_PGRP = 1, PRIO_USER = 2 };
    const struct process *me = current_process();
    uid_t user = who ? (uid_t)who : me->credentials.uid;
    pid_t group = who ? who : me->group;
    struct thread *t;
    long result = -ESRCH;

    if (which < PRIO_PROCESS || which > PRIO_USER) return -EINVAL;
    list_for_each (t, &all_threads, all_node) {
        if (which == PRIO_PROCESS ? t != thread_or_self(who)
            : which == PRIO_PGRP  ? t->process->group != group
                                  : t->process->credentials.uid != user)
            continue;
        int nice = wanted ? min(max(*wanted, -20), 19) : t->nice, one = 0;
        if (!wanted) one = 20 - nice;
        else if (!may_change(t)) one = -EPERM;
        else if (nice < t->nice && !is_root()
                 && 20 - nice > (int)t->process->limits[LIMIT_NICE].soft)
            one = -EACCES;
        else t->nice = (int8_t)nice;
        if (result == -ESRCH || (wanted ? one < 0 : one > result)) result = one;
    }
    return result;
}
