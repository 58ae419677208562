/* wait.c - POSIX wait, waitpid: "obtain status information pertaining to one of the
 * caller's child processes"; wait4(2) for the numbers. waitid is in waitid.c.
 */
#include "raw.h"
#include "tap.h"

#include <limits.h>
#include <sys/resource.h>

static pid_t start(int code) {
    pid_t pid;
    CHILD (pid)
        _exit(code);
    return pid;
}

static void nobody(void) {
    is_errno(wait(NULL), ECHILD, "ECHILD: no children");
    is_errno(waitpid(-1, NULL, WNOHANG), ECHILD, "ECHILD: WNOHANG without children");
    is_errno(waitpid(getpid(), NULL, 0), ECHILD,
             "ECHILD: the caller is not its own child");
    is_errno(waitpid(1, NULL, 0), ECHILD, "ECHILD: process 1 is not a child");
    is_errno(waitpid(0x3ffffff, NULL, WNOHANG), ECHILD, "ECHILD: no such process");
    is_errno(waitpid(-0x3ffffff, NULL, WNOHANG), ECHILD,
             "ECHILD: no such process group");
    is_errno(waitpid(INT_MIN, NULL, 0), ESRCH, "ESRCH: INT_MIN has no positive twin");
    is_errno(waitpid(-1, NULL, 0x10), EINVAL, "EINVAL: an unknown option");
    is_errno(waitpid(-1, NULL, WEXITED), EINVAL, "EINVAL: an option of waitid only");
}

/* wait4(2): WIFEXITED and the other macros; the numbers are the kernel's. */
static void encodings(void) {
    struct gate gate;
    int status;
    pid_t pid;
    gate_init(&gate);
    need(waitpid(start(0x5a), &status, 0) > 0);
    is_int(status, 0x5a00, "exit status 0x5a is 0x5a00");
    CHILD (pid)
        raise(SIGTERM);
    need(waitpid(pid, &status, 0) == pid);
    is_int(status, SIGTERM, "killed by SIGTERM is 15");
    CHILD (pid) {
        raise(SIGSTOP);
        gate_wait(&gate);
    }
    need(waitpid(pid, &status, WUNTRACED) == pid);
    is_int(status, SIGSTOP << 8 | 0x7f, "stopped by SIGSTOP is 0x137f");
    need(kill(pid, SIGCONT) == 0);
    need(waitpid(pid, &status, WCONTINUED) == pid);
    is_int(status, 0xffff, "continued is 0xffff");
    gate_open(&gate);
    gate_close(&gate);
    is_exit(wait_for(pid), 0, "then it exits");
}

/* "If pid is equal to (pid_t)-1 ... any child process; greater than 0 ... a single
 * child; 0 ... any child process whose process group ID is equal to that of the calling
 * process; less than -1 ... group ID is equal to the absolute value of pid." */
static void selection(void) {
    struct gate gate;
    pid_t a, b, mine;
    gate_init(&gate);
    CHILD (a) {
        setpgid(0, 0);
        gate_wait(&gate);
        _exit(1);
    }
    setpgid(a, a);
    CHILD (b) {
        setpgid(0, a);
        gate_wait(&gate);
        _exit(2);
    }
    setpgid(b, a);
    CHILD (mine)
        _exit(3);
    is_exit(wait_for(mine), 3, "a positive pid waits for that child");
    is_errno(waitpid(0, NULL, 0), ECHILD,
             "0 waits for children of the caller's group only");
    mine = start(4);
    int status;
    is_int(waitpid(0, &status, 0), mine, "and gets one of those");
    is_int(waitpid(-a, NULL, WNOHANG), 0, "-pgid waits for the children of that group");
    gate_open(&gate);
    gate_open(&gate);
    pid_t first = waitpid(-a, &status, 0);
    ok(first == a || first == b, "and gets a member");
    pid_t second = waitpid(-1, &status, 0);
    is_int(second, first == a ? b : a, "-1 gets whichever there is");
    gate_close(&gate);
}

/* "WNOHANG: shall not suspend ... if status is not immediately available"; a child's
 * status is given once; "WUNTRACED ... shall also report ... stopped". */
static void options(void) {
    struct gate gate;
    int status = 0x55;
    pid_t pid;
    gate_init(&gate);
    CHILD (pid) {
        gate_wait(&gate);
        raise(SIGSTOP);
        gate_wait(&gate);
    }
    is_int(waitpid(pid, &status, WNOHANG), 0, "WNOHANG gives 0 while the child runs");
    is_int(status, 0x55, "and leaves the status alone");
    gate_open(&gate);
    until_state(pid, 'T');
    is_int(waitpid(pid, &status, WNOHANG), 0, "without WUNTRACED a stop is no status");
    is_int(waitpid(pid, &status, WUNTRACED), pid, "WUNTRACED reports the stop");
    is_stopped(status, SIGSTOP, "with the signal's number");
    is_int(waitpid(pid, &status, WUNTRACED | WNOHANG), 0, "once");
    need(kill(pid, SIGCONT) == 0);
    is_int(waitpid(pid, &status, WUNTRACED | WNOHANG), 0,
           "a continue needs WCONTINUED");
    while (waitpid(pid, &status, WCONTINUED | WNOHANG) == 0)
        sched_yield();
    is_int(status, 0xffff, "WCONTINUED reports it");
    is_int(waitpid(pid, &status, WCONTINUED | WNOHANG), 0, "once");
    gate_open(&gate);
    is_exit(wait_for(pid), 0, "the end is reported in any case");
    is_errno(waitpid(pid, &status, 0), ECHILD, "once");
    gate_close(&gate);
}

/* A child that has ended is a zombie until it is waited for. */
static void zombie(void) {
    pid_t pid = start(9);
    until_state(pid, 'Z');
    is_int(kill(pid, 0), 0, "a zombie can still be signalled");
    is_int(kill(pid, SIGKILL), 0, "even by SIGKILL");
    is_int(getpgid(pid), getpgrp(), "a zombie still has its process group");
    is_exit(wait_for(pid), 9, "and its exit status is what it was");
    is_errno(kill(pid, 0), ESRCH, "ESRCH after it was waited for");
}

static void handler(int sig) {
    (void)sig;
}

/* "[EINTR] The function was interrupted by a signal." The child signals until the
 * parent has seen EINTR. */
static void interrupted(void) {
    struct sigaction sa = { .sa_handler = handler };
    struct gate gate;
    pid_t pid, parent = getpid();
    gate_init(&gate);
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid) {
        need(fcntl(gate.fd[0], F_SETFL, O_NONBLOCK) == 0);
        char c;
        while (read(gate.fd[0], &c, 1) != 1) {
            kill(parent, SIGUSR1);
            sched_yield();
        }
    }
    is_errno(waitpid(pid, NULL, 0), EINTR, "EINTR: a handler without SA_RESTART ran");
    gate_open(&gate);
    is_exit(wait_for(pid), 0, "the child is still there to be waited for");
    signal(SIGUSR1, SIG_DFL);
    gate_close(&gate);
}

/* POSIX: with SIGCHLD ignored "the calling thread shall block until all of the children
 * ... terminate, and wait() and waitpid() shall fail and set errno to [ECHILD]". */
static void ignored(void) {
    struct gate gate;
    pid_t a, b;
    gate_init(&gate);
    need(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    CHILD (a)
        _exit(1);
    CHILD (b) {
        gate_wait(&gate);
        _exit(2);
    }
    gate_open(&gate);
    is_errno(waitpid(-1, NULL, 0), ECHILD,
             "with SIGCHLD ignored, wait waits and finds none");
    is_errno(kill(a, 0), ESRCH, "the children left no zombies");
    is_errno(kill(b, 0), ESRCH, "none of them");
    signal(SIGCHLD, SIG_DFL);
    gate_close(&gate);
}

/* wait4(2): "If rusage is not NULL, the struct rusage ... will be filled with
 * accounting information about the child." */
static void usage(void) {
    struct rusage u;
    int status;
    memset(&u, 0xff, sizeof u);
    pid_t pid = start(1);
    is_int(wait4(pid, &status, 0, &u), pid, "wait4 gives the child");
    ok(u.ru_utime.tv_sec >= 0 && u.ru_utime.tv_sec < 1000
           && u.ru_utime.tv_usec < 1000000,
       "and a sensible user time");
    pid = start(1);
    is_int(raw(SYS_wait4, pid, 16, 0, 0), -EFAULT,
           "EFAULT: a bad address for the status");
    while (waitpid(-1, NULL, 0) >= 0)                 // reaped or not by the call above
        ;
    pid = start(1);
    is_int(raw(SYS_wait4, pid, (long)&status, 0, 16), -EFAULT, "or for the rusage");
    while (waitpid(-1, NULL, 0) >= 0)
        ;
}

/* Sleeping in wait until a child ends, many times, each woken by its own child. */
static void sleeping(void) {
    struct gate gate;
    pid_t pid, waiter;
    gate_init(&gate);
    CHILD (waiter) {
        pid_t inner[4];
        for (int i = 0; i < 4; i++)
            CHILD (inner[i]) {
                gate_wait(&gate);
                _exit(i);
            }
        int sum = 0, status;
        while ((pid = wait(&status)) > 0)
            sum += pid == inner[WEXITSTATUS(status)];
        _exit(sum);
    }
    for (int i = 0; i < 4; i++) {
        until_asleep(waiter);
        gate_open(&gate);
    }
    is_exit(wait_for(waiter), 4,
            "a sleeping wait is woken by each child, with its status");
    gate_close(&gate);
}

int main(void) {
    nobody();
    encodings();
    selection();
    options();
    zombie();
    interrupted();
    ignored();
    usage();
    sleeping();
    return done_testing();
}
