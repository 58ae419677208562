/* sched.c - POSIX sched_setscheduler(), sched_getparam(), sched_yield() and so on, and
 * sched_setaffinity(2): policies and priorities, who may change them, and that a
 * real-time process really comes first.
 */
#include "scratch.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

/* The C library gives ENOSYS for these, as its policies are for processes and not for
 * threads; the system calls are there. */
static int set_policy(pid_t pid, int policy, int priority) {
    struct sched_param p = { .sched_priority = priority };
    return (int)syscall(SYS_sched_setscheduler, pid, policy, &p);
}

static int set_priority(pid_t pid, int priority) {
    struct sched_param p = { .sched_priority = priority };
    return (int)syscall(SYS_sched_setparam, pid, &p);
}

static int policy_of(pid_t pid) {
    return (int)syscall(SYS_sched_getscheduler, pid);
}

static int priority_of(pid_t pid) {
    struct sched_param p = { .sched_priority = -1 };
    return syscall(SYS_sched_getparam, pid, &p) ? -1 : p.sched_priority;
}

/* sched_get_priority_max(): "the appropriate maximum or minimum"; on Linux 1 to 99 for
 * SCHED_FIFO and SCHED_RR, 0 for SCHED_OTHER. */
static void ranges(void) {
    static const struct {
        int policy, min, max;
        const char *name;
    } want[] = { { SCHED_FIFO, 1, 99, "SCHED_FIFO" },
                 { SCHED_RR, 1, 99, "SCHED_RR" },
                 { SCHED_OTHER, 0, 0, "SCHED_OTHER" },
                 { SCHED_BATCH, 0, 0, "SCHED_BATCH" } };
    for (int i = 0; i < 4; i++) {
        is_int(sched_get_priority_min(want[i].policy), want[i].min, "%s from",
               want[i].name);
        is_int(sched_get_priority_max(want[i].policy), want[i].max, "%s to",
               want[i].name);
    }
    is_errno(sched_get_priority_max(77), EINVAL, "an unknown policy is EINVAL");
    is_errno(sched_get_priority_min(-1), EINVAL, "-1 too");
}

static void ordinary(void) {
    struct timespec t = { -1, -1 };
    is_int(policy_of(0), SCHED_OTHER, "a process has SCHED_OTHER");
    is_int(priority_of(0), 0, "priority 0");
    is_int(policy_of(getpid()), SCHED_OTHER, "0 means oneself");
    is_int(set_policy(0, SCHED_OTHER, 0), 0, "SCHED_OTHER may always be set");
    is_errno(set_policy(0, SCHED_OTHER, 1), EINVAL, "with a priority it is EINVAL");
    pid_t pid;
    CHILD (pid)
        need(set_policy(0, SCHED_IDLE, 0) == 0 && policy_of(0) == SCHED_IDLE
             && set_policy(0, SCHED_IDLE, 1) == -1 && errno == EINVAL);
    is_exit(wait_for(pid), 0, "SCHED_IDLE may always be set, with priority 0");
    is_errno(set_policy(0, SCHED_FIFO, 0), EINVAL,
             "SCHED_FIFO with priority 0 is EINVAL");
    is_errno(set_policy(0, SCHED_FIFO, 100), EINVAL, "with 100 too");
    is_errno(set_policy(0, 77, 0), EINVAL, "an unknown policy is EINVAL");
    is_errno(policy_of(999999999), ESRCH, "nobody there is ESRCH");
    is_errno(policy_of(-1), EINVAL, "-1 is EINVAL");
    is_errno(set_policy(999999999, SCHED_OTHER, 0), ESRCH, "setting nobody is ESRCH");
    is_int(sched_rr_get_interval(0, &t), 0, "sched_rr_get_interval");
    ok(t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000, "gives a time");
    is_int(sched_yield(), 0, "sched_yield");
}

static int wants_realtime(const char *unused) {
    (void)unused;
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_RTPRIO, &none);
    return set_policy(0, SCHED_RR, 1) ? errno : 0;
}

static int changes_init(const char *unused) {
    (void)unused;
    return set_policy(1, SCHED_OTHER, 0) ? errno : 0;
}

/* "[EPERM] The requesting process does not have permission". */
static void permissions(void) {
    is_exit(as_user(wants_realtime, NULL), EPERM,
            "a user may not have real time: EPERM");
    is_exit(as_user(changes_init, NULL), EPERM, "nor change a process of root: EPERM");
}

/* Root: set, read back, inherit, keep over exec; SCHED_RESET_ON_FORK is Linux's own. */
static void privileged(void) {
    struct timespec t = { 0, 0 };
    pid_t pid;
    CHILD (pid) {
        need(set_policy(0, SCHED_RR, 7) == 0);
        need(policy_of(0) == SCHED_RR && priority_of(0) == 7);
        need(sched_rr_get_interval(0, &t) == 0 && (t.tv_sec > 0 || t.tv_nsec > 0));
        need(set_priority(0, 9) == 0 && priority_of(0) == 9);
        need(set_priority(0, 0) == -1 && errno == EINVAL);
        pid_t inner;
        CHILD (inner)
            need(policy_of(0) == SCHED_RR && priority_of(0) == 9);
        need(wait_for(inner) == 0);
        need(set_policy(0, SCHED_OTHER, 0) == 0 && policy_of(0) == SCHED_OTHER);
    }
    is_exit(wait_for(pid), 0,
            "root sets SCHED_RR, changes the priority, and a child inherits");
    struct gate gate;
    gate_init(&gate);
    CHILD (pid)
        gate_wait(&gate);
    is_int(set_policy(pid, SCHED_FIFO, 3), 0,
           "root sets another process to SCHED_FIFO");
    is_int(policy_of(pid), SCHED_FIFO, "it has that policy");
    is_int(priority_of(pid), 3, "and priority");
    gate_open(&gate);
    wait_for(pid);
    gate_close(&gate);
}

/* Sleeps until the process sleeps; a busy wait would keep a lower priority from it. */
static void nap_until_asleep(pid_t pid) {
    while (state_of(pid) != 'S')
        nanosleep(&(struct timespec){ 0, 100000 }, NULL);
}

/* On one CPU, "a SCHED_FIFO thread runs until it blocks or a thread of higher priority
 * preempts it": a lower one that is woken does not run in between. */
static void strict_order(void) {
    cpu_set_t one, all;
    volatile int *seen =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(sched_getaffinity(0, sizeof all, &all) == 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    pid_t pid;
    CHILD (pid) {
        struct gate low, high;
        pid_t slow, fast;
        gate_init(&low), gate_init(&high);
        need(sched_setaffinity(0, sizeof one, &one) == 0);
        need(set_policy(0, SCHED_FIFO, 20) == 0);
        CHILD (slow) {
            need(set_policy(0, SCHED_FIFO, 10) == 0);
            gate_wait(&low);
            need(seen[0] == 1);         // not before the middle one is done
            seen[1] = 1;
        }
        CHILD (fast) {
            need(set_policy(0, SCHED_FIFO, 30) == 0);
            gate_wait(&high);
            need(seen[0] == 0);                         // at once
            seen[2] = 1;
        }
        nap_until_asleep(slow), nap_until_asleep(fast);
        gate_open(&low);
        sched_yield();
        need(seen[1] == 0);
        gate_open(&high);
        need(seen[2] == 1);
        seen[0] = 1;
        need(wait_for(slow) == 0 && wait_for(fast) == 0 && seen[1] == 1);
    }
    is_exit(wait_for(pid), 0,
            "a higher priority runs at once, a lower one has to wait");
    munmap((void *)seen, 4096);
}

/* proc(5), /proc/PID/stat: "(39) processor: CPU number last executed on". */
static int cpu_now(void) {
    char text[512] = "", *at;
    int fd = open("/proc/self/stat", O_RDONLY), field = 2;
    need(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
    for (at = strrchr(text, ')'); at && field < 39; field++)
        at = strchr(at + 1, ' ');
    return at ? atoi(at) : -1;
}

/* sched_setaffinity(2): a process runs on the CPUs of its set only. */
static void affinity(void) {
    cpu_set_t all, one, got;
    need(sched_getaffinity(0, sizeof all, &all) == 0);
    is_int(CPU_COUNT(&all), sysconf(_SC_NPROCESSORS_ONLN),
           "a process may run on all CPUs");
    pid_t pid;
    CHILD (pid)
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &all)) {
                CPU_ZERO(&one);
                CPU_SET(i, &one);
                need(sched_setaffinity(0, sizeof one, &one) == 0 && cpu_now() == i);
                need(sched_getcpu() == i);
                need(sched_getaffinity(0, sizeof got, &got) == 0
                     && CPU_EQUAL(&one, &got));
            }
    is_exit(wait_for(pid), 0, "it moves to each one that it is told to");
    unsigned cpu = 99, node = 99;
    is_int(syscall(SYS_getcpu, &cpu, &node, 0), 0, "getcpu(2)");
    ok(cpu < CPU_SETSIZE && CPU_ISSET(cpu, &all) && node < 64, "a CPU and a node");
    is_int(syscall(SYS_getcpu, 0, 0, 0), 0, "neither need be asked for");
    is_errno(syscall(SYS_getcpu, 16, 0, 0), EFAULT, "EFAULT: a bad address");
    CPU_ZERO(&one);
    is_errno(sched_setaffinity(0, sizeof one, &one), EINVAL, "an empty set is EINVAL");
    is_errno(sched_getaffinity(999999999, sizeof got, &got), ESRCH,
             "nobody there is ESRCH");
}

/* sched(7): "a thread ... will be preempted": who was in the way of one that may run on
 * this CPU only goes on on another one, if that has nothing to do. */
static void displaced(void) {
    cpu_set_t all, one;
    volatile int *goes_on =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t here, pid;
    struct gate gate;
    gate_init(&gate);
    need(sched_getaffinity(0, sizeof all, &all) == 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    int others = CPU_COUNT(&all) > 1;
    CHILD (here) {
        need(sched_setaffinity(0, sizeof one, &one) == 0);
        need(set_policy(0, SCHED_FIFO, 5) == 0);
        gate_wait(&gate);
        while (others && !*goes_on)
            ;
    }
    CHILD (pid) {
        need(sched_setaffinity(0, sizeof one, &one) == 0);
        nap_until_asleep(here);
        need(sched_setaffinity(0, sizeof all, &all) == 0);
        gate_open(&gate);
        *goes_on = 1;
    }
    is_exit(wait_for(pid), 0, "who is displaced goes on on an idle CPU");
    wait_for(here);
    gate_close(&gate);
    munmap((void *)goes_on, 4096);
}

int main(void) {
    ranges();
    ordinary();
    permissions();
    affinity();
    if (is_root()) {
        privileged();
        strict_order();
        displaced();
    }
    return done_testing();
}
