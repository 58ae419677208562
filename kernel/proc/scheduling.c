/* scheduling.c - the system calls about who runs when. See: sched(7).
 *
 * SCHED_OTHER threads share one level and go round robin; nice scales their turns.
 * SCHED_FIFO and SCHED_RR 1 .. 99 are levels above it.
 * Sleeps: sched_yield.
 */
#include "ipc/link.h"
#include "proc/life.h"

static struct thread *thread_or_self(pid_t pid) {
    return pid == 0 ? current() : thread_find(pid);
}

static int find(pid_t pid, struct thread **t) {
    *t = thread_or_self(pid);
    return pid < 0 ? -EINVAL : *t ? 0 : -ESRCH;
}

static bool may_change(const struct thread *t) {
    const struct credentials *c = &current_process()->credentials;
    const struct credentials *target = &t->process->credentials;

    return c->euid == 0 || c->euid == target->euid || c->euid == target->uid;
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

long scheduling_change(pid_t pid, int policy, uptr_t param) {
    struct thread *t;
    uint32_t priority;
    int error = uptr_is_null(param) ? -EINVAL : find(pid, &t);

    if (error) return error;
    if (u32_from_user(&priority, param)) return -EFAULT;
    if (policy == -1) policy = t->policy;
    if (!is_policy(policy) || priority > 99 || (priority == 0) == is_realtime(policy))
        return -EINVAL;
    if (current_process()->credentials.euid != 0
        && (!may_change(t)
            || (priority > limit_soft(t->process, LIMIT_RTPRIO)
                && !(policy == t->policy && (int)priority <= priority_of(t)))))
        return -EPERM;
    unsigned level = policy == SCHED_IDLE  ? PRIORITY_IDLE
                     : is_realtime(policy) ? PRIORITY_REALTIME + priority
                                           : PRIORITY_NORMAL;
    t->policy = (uint8_t)policy;
    t->base_priority = (uint8_t)level;
    thread_set_priority(t, max(level, (unsigned)t->process->lent_priority));
    call_priority_changed(t);
    return 0;
}

long sys_sched_getscheduler(pid_t pid) {
    struct thread *t;
    int error = find(pid, &t);

    return error ? error : t->policy;
}

long sys_sched_getparam(pid_t pid, uptr_t param) {
    struct thread *t;
    int error = uptr_is_null(param) ? -EINVAL : find(pid, &t);

    return error ? error : u32_to_user(param, (uint32_t)priority_of(t));
}

long scheduling_priority(int policy, int realtime) {
    return !is_policy(policy) ? -EINVAL : is_realtime(policy) ? realtime : 0;
}

long sys_sched_rr_get_interval(pid_t pid, uptr_t interval) {
    struct thread *t;
    int error = find(pid, &t);

    if (error) return error;
    struct timespec32 ts = { 0, t->policy == SCHED_FIFO ? 0 : 10000000 };
    return copy_to_user(interval, &ts, sizeof(ts));
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
    if (!(wanted & all_cpus())) return -EINVAL;
    thread_set_affinity(t, (uint8_t)(wanted & all_cpus()));
    return 0;
}

long sys_getcpu(uptr_t cpu, uptr_t node) {
    if (!uptr_is_null(cpu) && u32_to_user(cpu, this_cpu()->number)) return -EFAULT;
    if (!uptr_is_null(node) && u32_to_user(node, 0)) return -EFAULT;
    return 0;
}

/* -- Nice -------------------------------------------------------------------------- */

enum { PRIO_PROCESS = 0, PRIO_PGRP = 1, PRIO_USER = 2 };

static bool is_meant(const struct thread *t, int which, pid_t who) {
    const struct process *p = t->process, *me = current_process();

    if (which == PRIO_PROCESS) return t == thread_or_self(who);
    if (which == PRIO_PGRP) return p->group == (who ? who : me->group);
    return p->credentials.uid == (who ? (uid_t)who : me->credentials.uid);
}

static int set_nice(struct thread *t, int nice) {
    if (!may_change(t)) return -EPERM;
    if (nice < t->nice && current_process()->credentials.euid != 0
        && 20 - nice > (int)limit_soft(t->process, LIMIT_NICE))
        return -EACCES;
    sched_set_nice(t, nice);
    return 0;
}

long scheduling_nice(int which, pid_t who, const int *new) {
    struct thread *t;
    long result = -ESRCH;

    if (which < PRIO_PROCESS || which > PRIO_USER) return -EINVAL;
    list_for_each (t, &all_threads, all_node) {
        if (!is_meant(t, which, who)) continue;
        int one = new ? set_nice(t, min(max(*new, -20), 19)) : 20 - t->nice;
        if (result == -ESRCH || (new ? one < 0 : one > result)) result = one;
    }
    return result;
}
