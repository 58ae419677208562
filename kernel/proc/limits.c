/* limits.c - resource limits, usage, who runs when, what the machine says of itself.
 * See: getrlimit(2), getrusage(2), sched(7), sysinfo(2), uname(2), reboot(2).
 */
#include "core/log.h"
#include "fs/procfs.h"
#include "ipc/link.h"
#include "posix/faces.h"
#include "proc/life.h"

int usage_to_user(uptr_t to, const struct usage *usage) {
    enum { LARGEST_KIB = 4, MINOR_FAULTS = 8, VOLUNTARY = 16, FORCED };
    const struct time32 user = nanoseconds_to_time32(usage->user_time, MICROSECOND),
                        system = nanoseconds_to_time32(usage->system_time, MICROSECOND);
    const int32_t words[18] = { // struct rusage; the others are not counted
        user.seconds, user.parts, system.seconds, system.parts,
        [LARGEST_KIB] = (int32_t)usage->largest_resident * 4,
        [MINOR_FAULTS] = (int32_t)usage->minor_faults,
        [VOLUNTARY] = (int32_t)usage->switches_voluntary,
        [FORCED] = (int32_t)usage->switches_forced,
    };

    return copy_to_user(to, words, sizeof(words));
}

long sys_getrusage(int who, uptr_t usage) {
    enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };
    struct usage u;

    if (who == RUSAGE_SELF) u = process_usage(current_process());
    else if (who == RUSAGE_CHILDREN) u = current_process()->children_usage;
    else if (who == RUSAGE_THREAD) u = thread_usage(current());
    else return -EINVAL;
    if (who != RUSAGE_CHILDREN)
        u.largest_resident = space_resident(current_process()->space);
    return usage_to_user(usage, &u);
}

long sys_times(uptr_t buffer) {
    const struct process *p = current_process();
    const struct usage self = process_usage(p), *children = &p->children_usage;
    int32_t tms[4] = { clock_ticks(self.user_time), clock_ticks(self.system_time),
                        clock_ticks(children->user_time),
                        clock_ticks(children->system_time) };

    if (!uptr_is_null(buffer) && copy_to_user(buffer, tms, sizeof(tms))) return -EFAULT;
    return clock_ticks(time_now()) & INT32_MAX;
}

/* -- Limits ------------------------------------------------------------------------ */

#define NONE LIMIT_INFINITY

/* Nobody asks for CORE, LOCKS, MEMLOCK, RSS and RTTIME: they are kept for programs. */
const struct limit limits_of_first[LIMITS] = {
    [LIMIT_CPU] = { NONE, NONE }, [LIMIT_FSIZE] = { NONE, NONE },
    [LIMIT_DATA] = { NONE, NONE }, [LIMIT_STACK] = { 8 << 20, NONE },
    [LIMIT_CORE] = { 0, NONE }, [LIMIT_RSS] = { NONE, NONE },
    [LIMIT_NPROC] = { 1024, 1024 }, [LIMIT_NOFILE] = { 1024, 1024 },
    [LIMIT_MEMLOCK] = { 8 << 20, 8 << 20 }, [LIMIT_AS] = { NONE, NONE },
    [LIMIT_LOCKS] = { NONE, NONE }, [LIMIT_SIGPENDING] = { 1024, 1024 },
    [LIMIT_MSGQUEUE] = { 819200, 819200 }, [LIMIT_NICE] = { 0, 0 },
    [LIMIT_RTPRIO] = { 0, 0 }, [LIMIT_RTTIME] = { NONE, NONE },
};

void limits_apply(const struct process *p, struct address_space *space) {
    space->stack_limit = (uint32_t)min(p->limits[LIMIT_STACK].soft, 1ull << 30);
    space->limit_pages =
        (uint32_t)min(p->limits[LIMIT_AS].soft >> PAGE_SHIFT, (uint64_t)UINT32_MAX);
}

long sys_prlimit64(pid_t pid, uint32_t resource, uptr_t new_limit, uptr_t old_limit) {
    struct process *p = current_process();
    bool changes = !uptr_is_null(new_limit);
    struct limit new;

    if (resource >= LIMITS) return -EINVAL;
    struct limit *limit = &p->limits[resource];
    if (changes && copy_from_user(&new, new_limit, sizeof(new))) return -EFAULT;
    if (pid && pid != p->pid) return process_find(pid) ? -EPERM : -ESRCH;
    if (changes && new.soft > new.hard) return -EINVAL;
    if (changes
        && ((new.hard > limit->hard && !is_root())
            || (resource == LIMIT_NOFILE && new.hard > FILES_MAX)))
        return -EPERM;
    if (!uptr_is_null(old_limit) && copy_to_user(old_limit, limit, sizeof(*limit)))
        return -EFAULT;
    if (!changes) return 0;
    struct limit old = *limit;
    *limit = new;
    limits_apply(p, p->space);
    int error = resource == LIMIT_CPU ? timer_limit(p) : 0;
    if (error) *limit = old;
    return error;
}

long sys_ugetrlimit(uint32_t resource, uptr_t limit) {
    if (resource >= LIMITS) return -EINVAL;
    const struct limit *l = &current_process()->limits[resource];
    uint32_t words[2] = { (uint32_t)min(l->soft, (uint64_t)UINT32_MAX),
                          (uint32_t)min(l->hard, (uint64_t)UINT32_MAX) };
    return copy_to_user(limit, words, sizeof(words));
}

/* -- Scheduling -------------------------------------------------------------------- */

static struct thread *thread_or_self(pid_t pid) {
    return pid == 0 ? current() : thread_find(pid);
}

static bool may_change(const struct thread *t) {
    const struct credentials *target = &t->process->credentials;
    uid_t me = current_process()->credentials.euid;

    return me == 0 || me == target->euid || me == target->uid;
}

static bool is_realtime(int p) { return p == SCHED_FIFO || p == SCHED_RR; }
static bool is_policy(int p) { return (uint32_t)p <= SCHED_BATCH || p == SCHED_IDLE; }

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
    int level = thread_or_self(pid)->base_priority;
    return u32_to_user(param, (uint32_t)max(level - PRIORITY_REALTIME, 0));
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
    // without a priority it is PRIORITY_NORMAL, which is PRIORITY_REALTIME + 0
    unsigned level =
        policy == SCHED_IDLE ? PRIORITY_IDLE : PRIORITY_REALTIME + priority;
    bool is_more = policy != old || level > t->base_priority;
    if (!may_change(t)
        || (!is_root() && is_more && priority > t->process->limits[LIMIT_RTPRIO].soft))
        return -EPERM;
    t->policy = (uint8_t)policy;
    t->base_priority = (uint8_t)level;
    t->attention |= ATTENTION_SLOW;
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

/* Which CPU one is on, and of which of the machine's nodes; there is one. */
long sys_getcpu(uptr_t cpu, uptr_t node) {
    if (cpu.address && u32_to_user(cpu, this_cpu()->number)) return -EFAULT;
    return node.address && u32_to_user(node, 0) ? -EFAULT : 0;
}

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

/* -- The machine ------------------------------------------------------------------- */

long sys_sysinfo(uptr_t info) {
    enum { UPTIME, LOADS, TOTAL = 4, FREE, SHARED, PROCESSES = 10, UNIT = 13 };
    uint32_t load = sched_runnable() << 16;
    const uint32_t words[16] = {     // struct sysinfo; there is nothing of the others
        [UPTIME] = (uint32_t)divide_u64(time_now(), (uint32_t)SECOND, NULL),
        [LOADS] = load, load, load, [TOTAL] = frame_count * PAGE_SIZE,
        [FREE] = frames_free * PAGE_SIZE,
        [SHARED] = frames_used()[FRAME_OBJECT] * PAGE_SIZE,
        [PROCESSES] = min(list_length(&all_threads), (unsigned)UINT16_MAX), [UNIT] = 1,
    };

    return copy_to_user(info, words, sizeof(words));
}

long sys_uname(uptr_t name) {
    static const char fields[6][65] = { "Parley", "parley", PARLEY_VERSION,
                                        "#1 SMP",  "i686",  "(none)" };

    return copy_to_user(name, fields, sizeof(fields));
}

/* The status is for tools/vm, on the debug console; a person at the terminal knows. */
void machine_off(int status) {
    log_is_quiet = true;
    log_printf("exit status %d\n", status);
    arch_power_off(EXIT_POWER_OFF);
}

long sys_reboot(uint32_t magic1, uint32_t magic2, uint32_t command) {
    enum { MAGIC1 = 0xfee1dead, MAGIC2 = 672274793, RESTART = 0x01234567,
           HALT = 0xcdef0123, POWER_OFF = 0x4321fedc };

    if (!is_root()) return -EPERM;
    if (magic1 != MAGIC1 || magic2 != MAGIC2) return -EINVAL;
    if (command == RESTART) {
        log_printf("restarting\n");
        arch_power_off(EXIT_REBOOT);
    }
    if (command == HALT || command == POWER_OFF) machine_off(0);
    return -EINVAL;
}
