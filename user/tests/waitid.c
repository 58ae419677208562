/* waitid.c - POSIX waitid(): "obtain status information ... of a child process and
 * shall store ... into the structure pointed to by infop"; waitid(2).
 */
#include "raw.h"
#include "tap.h"

/* Checks what a SIGCHLD siginfo says about a child of ours. */
static void check(const siginfo_t *si, pid_t pid, int code, int status,
                  const char *name) {
    is_int(si->si_signo, SIGCHLD, "%s: si_signo is SIGCHLD", name);
    is_int(si->si_code, code, "%s: si_code", name);
    is_int(si->si_status, status, "%s: si_status", name);
    is_int(si->si_pid, pid, "%s: si_pid", name);
    is_int(si->si_uid, getuid(), "%s: si_uid", name);
}

static void contents(void) {
    siginfo_t si;
    pid_t pid;
    CHILD (pid)
        _exit(0x42);
    memset(&si, 0xff, sizeof si);
    is_int(waitid(P_PID, (id_t)pid, &si, WEXITED), 0, "waitid gives 0");
    check(&si, pid, CLD_EXITED, 0x42, "CLD_EXITED");
    CHILD (pid)
        raise(SIGKILL);
    need(waitid(P_PID, (id_t)pid, &si, WEXITED) == 0);
    check(&si, pid, CLD_KILLED, SIGKILL, "CLD_KILLED");
}

static void stop_and_continue(void) {
    struct gate gate;
    siginfo_t si;
    pid_t pid;
    gate_init(&gate);
    CHILD (pid) {
        raise(SIGSTOP);
        gate_wait(&gate);
    }
    need(waitid(P_PID, (id_t)pid, &si, WSTOPPED) == 0);
    check(&si, pid, CLD_STOPPED, SIGSTOP, "CLD_STOPPED");
    need(kill(pid, SIGCONT) == 0);
    need(waitid(P_PID, (id_t)pid, &si, WCONTINUED) == 0);
    check(&si, pid, CLD_CONTINUED, SIGCONT, "CLD_CONTINUED");
    gate_open(&gate);
    is_exit(wait_for(pid), 0, "and it runs to its end");
    gate_close(&gate);
}

/* "WNOWAIT: Keep the process whose status is returned in infop in a waitable state." */
static void nowait(void) {
    siginfo_t si;
    pid_t pid;
    CHILD (pid)
        _exit(5);
    for (int i = 0; i < 2; i++) {
        memset(&si, 0, sizeof si);
        need(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == 0);
        is_int(si.si_status, 5, "WNOWAIT leaves the child waitable (%d)", i);
    }
    is_exit(wait_for(pid), 5, "until it is waited for without");
    is_errno(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), ECHILD,
             "then it is gone");
}

/* "ECHILD: The calling process has no existing unwaited-for child processes" that could
 * do what it asks for: one that has ended will neither stop nor go on. */
static void too_late(void) {
    siginfo_t si;
    pid_t pid;
    CHILD (pid)
        pause();
    kill(pid, SIGKILL);
    is_errno(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WCONTINUED), ECHILD,
             "nobody waits for ever for a zombie to stop");
    is_int(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WEXITED), 0, "its end is there");
    check(&si, pid, CLD_KILLED, SIGKILL, "a zombie");
}

/* waitid(2): "If WNOHANG was specified in options and there were no children in a
 * waitable state, then waitid() returns 0 immediately and the state of the siginfo_t
 * structure pointed to by infop depends on the implementation. ... zero out the si_pid
 * field": Linux sets si_pid and si_signo to 0. */
static void nohang(void) {
    struct gate gate;
    siginfo_t si;
    pid_t pid;
    gate_init(&gate);
    CHILD (pid)
        gate_wait(&gate);
    memset(&si, 0xff, sizeof si);
    is_int(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG), 0,
           "WNOHANG gives 0 at once");
    is_int(si.si_pid, 0, "with si_pid 0");
    is_int(si.si_signo, 0, "and si_signo 0");
    gate_open(&gate);
    is_int(waitid(P_PGID, (id_t)getpgrp(), &si, WEXITED), 0,
           "P_PGID waits for the group");
    is_int(si.si_pid, pid, "and finds the child");
    CHILD (pid)
        ;
    is_int(waitid(P_ALL, 12345, &si, WEXITED), 0, "P_ALL waits for any child");
    is_int(si.si_pid, pid, "and ignores the id");
    CHILD (pid)
        ;
    is_int(waitid(P_ALL, 0, NULL, WEXITED), 0, "infop may be NULL");
    gate_close(&gate);
}

static void errors(void) {
    siginfo_t si;
    is_errno(waitid(P_ALL, 0, &si, WEXITED), ECHILD, "ECHILD: no children");
    is_errno(waitid(P_ALL, 0, &si, WNOHANG), EINVAL,
             "EINVAL: none of WEXITED, WSTOPPED...");
    is_errno(waitid(P_ALL, 0, &si, WEXITED | 0x100), EINVAL,
             "EINVAL: an unknown option");
    is_errno(waitid((idtype_t)99, 0, &si, WEXITED), EINVAL,
             "EINVAL: an unknown idtype");
    is_errno(waitid(P_PID, 0, &si, WEXITED), EINVAL, "EINVAL: P_PID with id 0");
    is_errno(waitid(P_PID, (id_t)-1, &si, WEXITED), EINVAL, "EINVAL: P_PID with id -1");
    is_errno(waitid(P_PID, 1, &si, WEXITED), ECHILD,
             "ECHILD: process 1 is not a child");
    pid_t pid;
    CHILD (pid)
        ;
    is_int(raw(SYS_waitid, P_PID, pid, 16, WEXITED, 0), -EFAULT, "EFAULT: a bad infop");
    while (waitpid(-1, NULL, 0) >= 0)                 // reaped or not by the call above
        ;
}

int main(void) {
    contents();
    stop_and_continue();
    nowait();
    too_late();
    nohang();
    errors();
    return done_testing();
}
