/* sigchld.c - POSIX SIGCHLD: "a child process terminated, stopped, or continued"; its
 * siginfo; SA_NOCLDSTOP, SA_NOCLDWAIT. And stop and continue signals against each
 * other: "When any stop signal ... is generated for a process, any pending SIGCONT
 * signals for that process shall be discarded. When SIGCONT is generated ... all
 * pending stop signals shall be discarded ... and the process shall be continued, even
 * if the SIGCONT signal is blocked or ignored."
 */
#include "tap.h"

static volatile sig_atomic_t count;
static siginfo_t info;

static void handler(int sig, siginfo_t *si, void *context) {
    (void)sig;
    (void)context;
    info = *si;
    count++;
}

static void catch (int flags) {
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
    need(sigaction(SIGCHLD, &sa, NULL) == 0);
    count = 0;
}

static void until(int n) {
    while (count < n)
        sched_yield();
}

static void is_info(pid_t pid, int code, int status, const char *name) {
    ok(info.si_signo == SIGCHLD && info.si_code == code && info.si_status == status
           && info.si_pid == pid && info.si_uid == getuid(),
       "SIGCHLD says who and what: %s", name);
}

static void contents(void) {
    struct gate gate;
    pid_t pid;
    int status;
    gate_init(&gate);
    catch (0);
    CHILD (pid)
        _exit(44);
    until(1);
    is_info(pid, CLD_EXITED, 44, "CLD_EXITED");
    is_int(waitpid(pid, &status, WNOHANG), pid,
           "at SIGCHLD the child can be waited for");
    CHILD (pid) {
        raise(SIGSTOP);
        gate_wait(&gate);
    }
    until(2);
    is_info(pid, CLD_STOPPED, SIGSTOP, "CLD_STOPPED");
    need(waitpid(pid, &status, WUNTRACED) == pid);
    need(kill(pid, SIGCONT) == 0);
    until(3);
    is_info(pid, CLD_CONTINUED, SIGCONT, "CLD_CONTINUED");
    need(waitpid(pid, &status, WCONTINUED) == pid);
    gate_open(&gate);
    is_exit(wait_for(pid), 0, "the continued child ends");
    until(4);
    is_int(count, 4, "four events, four signals");
    CHILD (pid)
        raise(SIGKILL);
    until(5);
    is_info(pid, CLD_KILLED, SIGKILL, "CLD_KILLED");
    wait_for(pid);
    gate_close(&gate);
}

/* "SA_NOCLDSTOP: Do not generate SIGCHLD when children stop or stopped children
 * continue." */
static void no_stop(void) {
    pid_t pid;
    int status;
    catch (SA_NOCLDSTOP);
    CHILD (pid)
        raise(SIGSTOP);
    need(waitpid(pid, &status, WUNTRACED) == pid);
    need(kill(pid, SIGCONT) == 0);
    wait_for(pid);
    until(1);
    is_int(count, 1, "SA_NOCLDSTOP: only the end is signalled");
}

/* "SA_NOCLDWAIT: ... the implementation shall not transform the child into a
 * zombie". */
static void no_wait(void) {
    pid_t pid;
    catch (SA_NOCLDWAIT);
    CHILD (pid)
        _exit(1);
    is_errno(waitpid(pid, NULL, 0), ECHILD, "SA_NOCLDWAIT: nothing to wait for");
    is_errno(kill(pid, 0), ESRCH, "and no zombie");
    until(1);
    is_int(count, 1, "Linux sends SIGCHLD nevertheless");
}

/* Children that end while SIGCHLD is blocked: one signal, but all can be waited for. */
static void coalesced(void) {
    sigset_t set;
    pid_t pid[5];
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    catch (0);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < 5; i++)
        CHILD (pid[i])
            ;
    for (int i = 0; i < 5; i++)
        until_state(pid[i], 'Z');
    need(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    is_int(count, 1, "five children that ended while SIGCHLD was blocked: one signal");
    int reaped = 0;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        reaped++;
    is_int(reaped, 5, "and five to wait for");
    signal(SIGCHLD, SIG_DFL);
}

static void mark(int sig) {
    (void)sig;
    count++;
}

static int stopped(pid_t pid) {
    int status;
    need(waitpid(pid, &status, WUNTRACED) == pid);
    return WIFSTOPPED(status);
}

/* A signal to a stopped process waits for SIGCONT; SIGCONT's handler runs as well. */
static void while_stopped(void) {
    pid_t pid;
    CHILD (pid) {
        signal(SIGUSR1, mark);
        signal(SIGCONT, mark);
        count = 0;
        raise(SIGSTOP);
        while (count < 2)
            sched_yield();
        _exit(count);
    }
    need(stopped(pid));
    need(kill(pid, SIGUSR1) == 0);
    is_int(state_of(pid), 'T', "a signal does not wake a stopped process");
    need(kill(pid, SIGCONT) == 0);
    is_exit(wait_for(pid), 2, "after SIGCONT both handlers run");
    CHILD (pid)
        raise(SIGSTOP);
    need(stopped(pid));
    need(kill(pid, SIGTERM) == 0);
    is_int(state_of(pid), 'T', "SIGTERM does not end a stopped process");
    need(kill(pid, SIGCONT) == 0);
    is_killed(wait_for(pid), SIGTERM, "until it is continued");
}

static void continued_anyway(int how) {
    pid_t pid;
    sigset_t set;
    CHILD (pid) {
        sigemptyset(&set);
        sigaddset(&set, SIGCONT);
        if (how)
            sigprocmask(SIG_BLOCK, &set, NULL);
        else
            signal(SIGCONT, SIG_IGN);
        raise(SIGSTOP);
    }
    need(stopped(pid));
    need(kill(pid, SIGCONT) == 0);
    is_exit(wait_for(pid), 0, "SIGCONT continues though it is %s",
            how ? "blocked" : "ignored");
}

/* Stop signals and SIGCONT take each other out of the pending set. */
static void discard_each_other(void *unused) {
    sigset_t set;
    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    need(raise(SIGTSTP) == 0 && sigpending(&set) == 0 && sigismember(&set, SIGTSTP));
    need(raise(SIGCONT) == 0 && sigpending(&set) == 0);
    need(!sigismember(&set, SIGTSTP) && sigismember(&set, SIGCONT));
    need(raise(SIGTSTP) == 0 && sigpending(&set) == 0);
    need(sigismember(&set, SIGTSTP) && !sigismember(&set, SIGCONT));
}

/* A second stop while stopped is no news; a stop can be repeated after a continue. */
static void again_and_again(void) {
    pid_t pid;
    int status, stops = 0;
    CHILD (pid)
        for (;;)
            sched_yield();
    for (int i = 0; i < 20; i++) {
        need(kill(pid, SIGSTOP) == 0);
        stops += stopped(pid);
        need(kill(pid, SIGSTOP) == 0);
        stops += waitpid(pid, &status, WUNTRACED | WNOHANG) != 0;
        need(kill(pid, SIGCONT) == 0);
    }
    is_int(stops, 20, "20 stops, each reported once");
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "and the end");
}

int main(void) {
    contents();
    no_stop();
    no_wait();
    coalesced();
    while_stopped();
    continued_anyway(0);
    continued_anyway(1);
    is_exit(in_child(discard_each_other, NULL), 0,
            "pending stop signals and SIGCONT discard each other");
    again_and_again();
    return done_testing();
}
