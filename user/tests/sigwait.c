/* sigwait.c - POSIX sigwait(), sigwaitinfo(), sigtimedwait(): "shall select the pending
 * signal from the set specified by set ... If no signal in set is pending at the time
 * of the call, the calling thread shall be suspended until one or more signals in set
 * become pending or until it is interrupted by an unblocked, caught signal".
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <time.h>

static sigset_t set;
static volatile sig_atomic_t handled;

static void handler(int sig) {
    (void)sig;
    handled++;
}

static void take(void) {
    siginfo_t si;
    int sig = 0;
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR1);
    is_int(sigwaitinfo(&set, &si), SIGUSR1,
           "the lower of two pending signals is taken");
    ok(si.si_signo == SIGUSR1 && si.si_code == SI_USER && si.si_pid == getpid(),
       "with its siginfo");
    is_int(sigwait(&set, &sig), 0, "sigwait gives 0");
    is_int(sig, SIGUSR2, "and stores the number");
    sigset_t pending;
    need(sigpending(&pending) == 0);
    ok(!sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2),
       "what was taken is pending no more");
    is_int(handled, 0, "and no handler has run");
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    need(sigwaitinfo(&set, &si) == SIGUSR1);
    is_int(si.si_code, SI_TKILL, "the thread's own pending signals come first");
    need(sigwaitinfo(&set, &si) == SIGUSR1);
    is_int(si.si_code, SI_USER, "then the process's");
    sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 31 });
    sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 32 });
    need(sigwaitinfo(&set, &si) == SIGRTMIN);
    is_int(si.si_value.sival_int, 31, "a queue is taken one by one");
    need(sigwaitinfo(&set, &si) == SIGRTMIN);
    is_int(si.si_value.sival_int, 32, "in order");
}

static void sleeping(void) {
    siginfo_t si;
    pid_t pid, parent = getpid();
    CHILD (pid) {
        until_asleep(parent);
        kill(parent, SIGUSR2);
    }
    is_int(sigwaitinfo(&set, &si), SIGUSR2,
           "a sleeping sigwaitinfo is woken by the signal");
    is_int(si.si_pid, pid, "and knows the sender");
    wait_for(pid);
}

/* sigtimedwait(): "if it receives no signal within the interval, [EAGAIN]". */
static void timed(void) {
    struct timespec t = { 0, 5000000 }, zero = { 0, 0 }, a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    is_errno(sigtimedwait(&set, NULL, &t), EAGAIN, "EAGAIN after the time-out");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 5000000,
       "not before");
    is_errno(sigtimedwait(&set, NULL, &zero), EAGAIN,
             "EAGAIN at once with a zero time-out");
    kill(getpid(), SIGUSR1);
    is_int(sigtimedwait(&set, NULL, &zero), SIGUSR1, "unless one is pending");
    t.tv_nsec = 1000000000;
    is_errno(sigtimedwait(&set, NULL, &t), EINVAL, "EINVAL: tv_nsec of 10^9");
    t.tv_nsec = -1;
    is_errno(sigtimedwait(&set, NULL, &t), EINVAL, "EINVAL: tv_nsec of -1");
}

static void interrupted(void) {
    struct gate gate;
    pid_t pid, parent = getpid();
    char c;
    gate_init(&gate);
    signal(SIGALRM, handler);
    CHILD (pid) {
        need(fcntl(gate.fd[0], F_SETFL, O_NONBLOCK) == 0);
        while (read(gate.fd[0], &c, 1) != 1) {
            kill(parent, SIGALRM);
            sched_yield();
        }
    }
    is_int(raw(SYS_rt_sigtimedwait, (long)&set, 0, 0, 8), -EINTR,
           "EINTR: a handler for another signal ran (the C library would try again)");
    ok(handled > 0, "it did");
    gate_open(&gate);
    wait_for(pid);
    gate_close(&gate);
}

/* A signal of the set that is not blocked is taken as well while sigwaitinfo sleeps, on
 * Linux: no handler. (One that comes before or after runs the handler.) */
static void unblocked(void) {
    sigset_t one;
    struct gate gate;
    pid_t pid, parent = getpid();
    char c;
    long got;
    sigemptyset(&one);
    sigaddset(&one, SIGHUP);
    signal(SIGHUP, handler);
    gate_init(&gate);
    CHILD (pid) {
        need(fcntl(gate.fd[0], F_SETFL, O_NONBLOCK) == 0);
        while (read(gate.fd[0], &c, 1) != 1) {
            until_asleep(parent);
            kill(parent, SIGHUP);
            sched_yield();
        }
    }
    while ((got = raw(SYS_rt_sigtimedwait, (long)&one, 0, 0, 8)) == -EINTR)
        ;
    is_int(got, SIGHUP, "an unblocked signal in the set is taken, too");
    gate_open(&gate);
    wait_for(pid);
    gate_close(&gate);
}

static void *waiter(void *unused) {
    int sig = 0;
    (void)unused;
    sigwait(&set, &sig);
    return (void *)(intptr_t)sig;
}

static void in_threads(void) {
    pthread_t t[3];
    void *result;
    int sum = 0;
    for (int i = 0; i < 3; i++)
        need(pthread_create(&t[i], NULL, waiter, NULL) == 0);
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN + i, (union sigval){ 0 });
    for (int i = 0; i < 3; i++) {
        need(pthread_join(t[i], &result) == 0);
        sum += (int)(intptr_t)result - SIGRTMIN + 1;
    }
    is_int(sum, 6, "three waiting threads take one signal of the process each");
}

static void errors(void) {
    is_int(raw(SYS_rt_sigtimedwait, (long)&set, 0, 0, 4), -EINVAL,
           "EINVAL: a set of 4 bytes");
    is_int(raw(SYS_rt_sigtimedwait, 16, 0, 0, 8), -EFAULT, "EFAULT: set");
    is_int(raw(SYS_rt_sigtimedwait, (long)&set, 0, 16, 8), -EFAULT, "EFAULT: time-out");
    kill(getpid(), SIGUSR1);
    is_int(raw(SYS_rt_sigtimedwait, (long)&set, 16, 0, 8), -EFAULT, "EFAULT: info");
    struct timespec zero = { 0, 0 };
    sigtimedwait(&set, NULL, &zero);                   // taken or not by the call above
}

int main(void) {
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    for (int i = 0; i < 3; i++)
        sigaddset(&set, SIGRTMIN + i);
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    take();
    sleeping();
    timed();
    interrupted();
    unblocked();
    in_threads();
    errors();
    return done_testing();
}
