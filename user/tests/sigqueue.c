/* sigqueue.c - POSIX realtime signals: "multiple occurrences of signals so generated
 * are queued in FIFO order"; "the selection order ... the lowest numbered"; sigqueue()
 * "with the value specified by value"; signal(7), sigqueue(3), rt_sigqueueinfo(2).
 */
/* FEATURE(105): a standard signal is not queued: the first value stays */
#include "raw.h"
#include "tap.h"

#include <sys/resource.h>

enum { MAX = 200 };

static volatile int count, signals[MAX], values[MAX];
static siginfo_t last;

static void handler(int sig, siginfo_t *si, void *context) {
    (void)context;
    last = *si;
    if (count < MAX) {
        signals[count] = sig;
        values[count] = si->si_value.sival_int;
    }
    count++;
}

static void send(pid_t pid, int sig, int value) {
    need(sigqueue(pid, sig, (union sigval){ .sival_int = value }) == 0);
}

static void mask(int how) {
    sigset_t set;
    sigfillset(&set);
    need(sigprocmask(how, &set, NULL) == 0);
}

static void catch (int sig) {
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigfillset(&sa.sa_mask);                            // one at a time, in order
    need(sigaction(sig, &sa, NULL) == 0);
}

static void queued(void) {
    int right = 0;
    mask(SIG_BLOCK);
    count = 0;
    for (int i = 0; i < 50; i++)
        send(getpid(), SIGRTMIN + 3, i * i);
    mask(SIG_UNBLOCK);
    is_int(count, 50, "50 realtime signals are 50 deliveries");
    for (int i = 0; i < 50; i++)
        right += signals[i] == SIGRTMIN + 3 && values[i] == i * i;
    is_int(right, 50, "first in, first out, each with its value");
    ok(last.si_signo == SIGRTMIN + 3 && last.si_code == SI_QUEUE
           && last.si_pid == getpid() && last.si_uid == getuid(),
       "si_code is SI_QUEUE, with the sender's IDs");
}

static void ordered(void) {
    static const int sent[] = { 5, 1, 3, 1, 5, 2 }, want[] = { 1, 1, 2, 3, 5, 5 };
    static const int order[] = { 1, 3, 5, 2, 0, 4 };
    int right = 0;
    mask(SIG_BLOCK);
    count = 0;
    for (int i = 0; i < 6; i++)
        send(getpid(), SIGRTMIN + sent[i], i);
    send(getpid(), SIGUSR1, 9);
    mask(SIG_UNBLOCK);
    ok(count == 7 && signals[0] == SIGUSR1,
       "a standard signal comes before realtime ones");
    for (int i = 0; i < 6; i++)
        right += signals[i + 1] == SIGRTMIN + want[i] && values[i + 1] == order[i];
    is_int(right, 6, "lower numbers first, equal ones in the order they were sent");
}

static void not_queued(void) {
    mask(SIG_BLOCK);
    count = 0;
    for (int i = 0; i < 5; i++)
        send(getpid(), SIGUSR1, i);
    mask(SIG_UNBLOCK);
    ok(count == 1 && values[0] == 0,
       "a standard signal is not queued: the first value stays");
    mask(SIG_BLOCK);
    count = 0;
    for (int i = 0; i < 3; i++)
        kill(getpid(), SIGRTMIN + 1);
    mask(SIG_UNBLOCK);
    is_int(count, 3, "realtime signals by kill are queued too");
    is_int(last.si_code, SI_USER, "with SI_USER");
}

static void between_processes(void) {
    pid_t pid, parent = getpid();
    count = 0;
    CHILD (pid)
        for (int i = 0; i < 20; i++)
            send(parent, SIGRTMAX, 1000 + i);
    wait_for(pid);
    while (count < 20)
        sched_yield();
    int right = 0;
    for (int i = 0; i < 20; i++)
        right += values[i] == 1000 + i;
    is_int(right, 20, "20 values from another process arrive in order");
    is_int(last.si_pid, pid, "with the sender's process ID");
    count = 0;
    CHILD (pid) {
        send(getpid(), SIGRTMIN, 1);
        need(count == 1);
        mask(SIG_BLOCK);
        send(getpid(), SIGRTMIN, 2);
        pid_t inner;
        CHILD (inner) {
            mask(SIG_UNBLOCK);
            need(count == 1);                           // fork does not copy the queue
        }
        need(wait_for(inner) == 0);
        mask(SIG_UNBLOCK);
        need(count == 2);
    }
    is_exit(wait_for(pid), 0, "the queue is not inherited by fork");
}

/* "[EAGAIN] No resources available to queue the signal. The process has already queued
 * {SIGQUEUE_MAX} signals that are still pending, or a system-wide limit has been
 * exceeded": getrlimit(2), RLIMIT_SIGPENDING. */
static void limited(void *unused) {
    struct rlimit old, few = { 0, 0 };
    int sent = 0, alone = geteuid() == 0;               // root turns into a new user
    (void)unused;
    mask(SIG_BLOCK);
    need(getrlimit(RLIMIT_SIGPENDING, &old) == 0);
    need(!alone || setuid(100000 + (uid_t)getpid()) == 0);
    few.rlim_cur = few.rlim_max = 30;
    need(setrlimit(RLIMIT_SIGPENDING, &few) == 0);
    while (sent < 100 && sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0)
        sent++;
    need(sent <= 30 && errno == EAGAIN);
    need(!alone || sent > 0);
    send(getpid(), SIGUSR1, 1);                         // a standard signal always fits
    count = 0;
    mask(SIG_UNBLOCK);
    need(count == sent + 1);
}

/* rt_sigqueueinfo(2): "info->si_code ... if the caller is not sending to itself must be
 * negative and not SI_TKILL": nobody can pretend to be the kernel or kill(). */
static void forged(void) {
    int info[32] = { 0 };
    pid_t pid = getppid(), me = getpid();
    info[2] = SI_USER;
    is_int(raw(SYS_rt_sigqueueinfo, pid, SIGUSR1, (long)info), -EPERM,
           "EPERM: SI_USER forged");
    info[2] = SI_KERNEL;
    is_int(raw(SYS_rt_sigqueueinfo, pid, SIGUSR1, (long)info), -EPERM,
           "EPERM: SI_KERNEL");
    info[2] = SI_TKILL;
    is_int(raw(SYS_rt_sigqueueinfo, pid, SIGUSR1, (long)info), -EPERM,
           "EPERM: SI_TKILL");
    info[2] = SI_QUEUE;
    is_int(raw(SYS_rt_sigqueueinfo, me, 65, (long)info), -EINVAL, "EINVAL: signal 65");
    is_int(raw(SYS_rt_sigqueueinfo, 0x3ffffff, SIGUSR1, (long)info), -ESRCH,
           "ESRCH: nobody");
    is_int(raw(SYS_rt_sigqueueinfo, me, SIGUSR1, 16), -EFAULT, "EFAULT: info");
    is_int(raw(SYS_rt_sigqueueinfo, me, 0, (long)info), 0, "signal 0 only asks");
    info[0] = SIGTERM;
    count = 0;
    is_int(raw(SYS_rt_sigqueueinfo, me, SIGUSR1, (long)info), 0, "another si_signo");
    ok(count == 1 && last.si_signo == SIGUSR1, "is overwritten with the real one");
}

int main(void) {
    static const int used[] = { 0, 1, 2, 3, 5 };
    for (int i = 0; i < 5; i++)
        catch (SIGRTMIN + used[i]);
    catch (SIGRTMAX);
    catch (SIGUSR1);
    queued();
    ordered();
    not_queued();
    between_processes();
    is_exit(in_child(limited, NULL), 0, "EAGAIN: RLIMIT_SIGPENDING limits the queue");
    forged();
    return done_testing();
}
