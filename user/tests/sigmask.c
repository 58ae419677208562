/* sigmask.c - POSIX sigprocmask(), sigpending(), sigsuspend(), pause(): blocked signals
 * wait, and "if there are any pending unblocked signals after the call to
 * sigprocmask(), at least one of those signals shall be delivered before the call
 * returns".
 */
/* FEATURE(104): a blocked signal is not delivered */
/* FEATURE(104): it is pending */
#include "raw.h"
#include "tap.h"

static volatile sig_atomic_t count, order[80];

static void handler(int sig) {
    if (count < 80)
        order[count] = sig;
    count++;
}

static void change(int how, int sig) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    need(sigprocmask(how, &set, NULL) == 0);
}

static int is_pending(int sig) {
    sigset_t set;
    need(sigpending(&set) == 0);
    return sigismember(&set, sig);
}

static int is_blocked(int sig) {
    sigset_t set;
    need(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
    return sigismember(&set, sig);
}

static void block_and_unblock(void) {
    sigset_t old, set;
    count = 0;
    change(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    is_int(count, 0, "a blocked signal is not delivered");
    ok(is_pending(SIGUSR1) && !is_pending(SIGUSR2), "it is pending");
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    is_int(count, 1, "a pending signal does not hide another one");
    change(SIG_UNBLOCK, SIGUSR1);
    is_int(count, 2, "it is delivered before the sigprocmask that unblocks it returns");
    ok(!is_pending(SIGUSR1), "and then not pending any more");
    change(SIG_BLOCK, SIGUSR1);
    change(SIG_BLOCK, SIGUSR2);
    ok(is_blocked(SIGUSR1) && is_blocked(SIGUSR2), "SIG_BLOCK adds to the mask");
    change(SIG_SETMASK, SIGTERM);
    ok(!is_blocked(SIGUSR1) && is_blocked(SIGTERM), "SIG_SETMASK replaces it");
    sigemptyset(&set);
    need(sigprocmask(SIG_SETMASK, &set, &old) == 0);
    ok(sigismember(&old, SIGTERM) && !is_blocked(SIGTERM),
       "the old mask is given back");
    is_errno(sigprocmask(77, &set, NULL), EINVAL, "EINVAL: an unknown how");
    is_int(sigprocmask(77, NULL, &old), 0, "which does not matter without a set");
    is_int(raw(SYS_rt_sigprocmask, 0, (long)&set, 0, 4), -EINVAL,
           "EINVAL: a set of 4 bytes");
    is_int(raw(SYS_rt_sigprocmask, 0, 16, 0, 8), -EFAULT, "EFAULT: set");
    is_int(raw(SYS_rt_sigprocmask, 0, 0, 16, 8), -EFAULT, "EFAULT: oldset");
}

/* "It is not possible to block those signals which cannot be ignored. This shall be
 * enforced by the system without causing an error to be indicated." */
static void unblockable(void) {
    unsigned long long all = ~0ull, got = 0;
    pid_t pid;
    is_int(raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, 8), 0,
           "all bits are accepted");
    raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, (long)&got, 8);
    ok(got == (all & ~(1ull << (SIGKILL - 1)) & ~(1ull << (SIGSTOP - 1))),
       "all but SIGKILL and SIGSTOP are blocked then");
    CHILD (pid)
        for (;;)
            raise(SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "SIGKILL comes through");
    all = 0;
    raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, 8);
}

/* Standard signals do not queue: signal(7) "only one instance is queued". */
static void coalesce(void) {
    count = 0;
    change(SIG_BLOCK, SIGUSR1);
    for (int i = 0; i < 5; i++)
        kill(getpid(), SIGUSR1);
    change(SIG_UNBLOCK, SIGUSR1);
    is_int(count, 1, "five kills of a blocked standard signal arrive as one");
    count = 0;
    change(SIG_BLOCK, SIGUSR1);
    kill(getpid(), SIGUSR1);
    raise(SIGUSR1);
    change(SIG_UNBLOCK, SIGUSR1);
    is_int(count, 2, "one pending on the process and one on the thread are two");
}

/* signal(7): "if both standard and real-time signals are pending ... priority is given
 * to standard signals"; lower numbers first, as Linux does. Each handler blocks all
 * others, so that the order of handling is the order of delivery. */
static void everything_at_once(void) {
    struct sigaction sa = { .sa_handler = handler };
    sigset_t all, none;
    unsigned long long skip = 1 << SIGKILL | 1 << SIGSTOP | 7ull << 32;
    int wrong = 0, sent = 0;
    // These discard each other.
    skip |= 1 << SIGTSTP | 1 << SIGTTIN | 1 << SIGTTOU | 1 << SIGCONT;
    // Linux takes the synchronous ones before all others.
    skip |= 1 << SIGILL | 1 << SIGTRAP | 1 << SIGBUS | 1 << SIGFPE;
    skip |= 1 << SIGSEGV | 1u << SIGSYS;
    sigfillset(&all);
    sigemptyset(&none);
    sa.sa_mask = all;
    need(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    for (int sig = 64; sig >= 1; sig--) {
        if (skip >> sig & 1)
            continue;
        need(sigaction(sig, &sa, NULL) == 0 && kill(getpid(), sig) == 0);
        sent++;
    }
    count = 0;
    need(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
    is_int(count, sent, "all signals that were pending are delivered by one unblock");
    for (int i = 1; i < sent; i++)
        wrong += order[i] <= order[i - 1];
    is_int(wrong, 0, "lower numbers first");
}

/* sigsuspend(): "shall replace the current signal mask ... with the set ... and then
 * suspend the thread until delivery of a signal"; "the signal mask restored". Always
 * EINTR. */
static void suspend(void) {
    sigset_t set;
    pid_t pid, parent = getpid();
    sigemptyset(&set);
    change(SIG_BLOCK, SIGUSR1);
    count = 0;
    raise(SIGUSR1);
    is_errno(sigsuspend(&set), EINTR,
             "sigsuspend with a signal pending returns at once");
    is_int(count, 1, "after its handler");
    ok(is_blocked(SIGUSR1), "and the mask is what it was");
    CHILD (pid) {
        until_asleep(parent);
        kill(parent, SIGUSR1);
    }
    is_errno(sigsuspend(&set), EINTR, "sigsuspend sleeps until a signal comes");
    is_int(count, 2, "after its handler");
    wait_for(pid);
    is_int(raw(SYS_rt_sigsuspend, (long)&set, 4), -EINVAL, "EINVAL: a set of 4 bytes");
    is_int(raw(SYS_rt_sigsuspend, 16, 8), -EFAULT, "EFAULT: set");
    CHILD (pid) {
        sigaddset(&set, SIGTERM);
        change(SIG_BLOCK, SIGUSR1);
        signal(SIGUSR1, SIG_DFL);
        raise(SIGUSR1);
        sigsuspend(&set);
    }
    is_killed(wait_for(pid), SIGUSR1, "a default action in sigsuspend kills");
    change(SIG_UNBLOCK, SIGUSR1);
}

/* The race that sigsuspend is for: block, test, wait. No signal is lost in 200
 * rounds. */
static void no_lost_wakeup(void) {
    sigset_t none;
    pid_t pid, parent = getpid();
    sigemptyset(&none);
    change(SIG_BLOCK, SIGUSR1);
    change(SIG_BLOCK, SIGUSR2);
    CHILD (pid) {
        count = 0;
        for (int i = 0; i < 200; i++) {
            kill(parent, SIGUSR1);
            while (count <= i)
                sigsuspend(&none);
        }
    }
    count = 0;
    for (int i = 0; i < 200; i++) {
        while (count <= i)
            sigsuspend(&none);
        kill(pid, SIGUSR2);
    }
    is_exit(wait_for(pid), 0,
            "two processes signal each other 200 times and lose none");
    change(SIG_UNBLOCK, SIGUSR1);
    change(SIG_UNBLOCK, SIGUSR2);
}

/* pause(): "shall suspend the calling thread until delivery of a signal whose action is
 * either to execute a signal-catching function or to terminate the process." */
static void pauses(void) {
    pid_t pid, parent = getpid();
    struct gate gate;
    gate_init(&gate);
    CHILD (pid) {
        need(fcntl(gate.fd[0], F_SETFL, O_NONBLOCK) == 0);
        char c;
        while (read(gate.fd[0], &c, 1) != 1) {
            kill(parent, SIGURG);                       // ignored: does not end a pause
            kill(parent, SIGUSR1);
            sched_yield();
        }
    }
    signal(SIGURG, SIG_DFL);
    is_errno(pause(), EINTR, "pause ends when a handler has run");
    ok(count > 0 && order[0] == SIGUSR1, "it ran before");
    gate_open(&gate);
    wait_for(pid);
    gate_close(&gate);
}

int main(void) {
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    block_and_unblock();
    unblockable();
    coalesce();
    suspend();
    no_lost_wakeup();
    count = 0;
    pauses();
    everything_at_once();
    return done_testing();
}
