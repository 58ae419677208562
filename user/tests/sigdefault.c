/* sigdefault.c - signal(7): "Each signal has a current disposition ... Term, Ign, Core,
 * Stop, Cont", for all 64 signals; SIG_IGN; SIGKILL, SIGSTOP and SIGCONT.
 */
/* FEATURE(101): SIGKILL ends, SIGSTOP suspends and SIGCONT resumes a process */
/* FEATURE(103): the default action ends or suspends, an ignored signal does neither */
#include "raw.h"
#include "tap.h"

#include <sys/resource.h>

static int is_in(int sig, const int *list) {
    for (; *list; list++)
        if (*list == sig)
            return 1;
    return 0;
}

static const int ignored[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH, 0 };
static const int stopping[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, 0 };

/* Sends itself the signal with its default action, or ignored. 0 if it survives. */
static void suffer(int sig, int ignore) {
    unsigned char act[20] = { (unsigned char)ignore };  // SIG_DFL is 0, SIG_IGN is 1
    struct rlimit no_core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &no_core);
    if (sig != SIGKILL && sig != SIGSTOP)
        need(raw(SYS_rt_sigaction, sig, (long)act, 0, 8) == 0);
    need(raw(SYS_kill, getpid(), sig) == 0);
}

/* What becomes of a child in a process group of its own that is not orphaned. */
static int fate(int sig, int ignore) {
    int status;
    pid_t pid;
    CHILD (pid) {
        need(setpgid(0, 0) == 0);
        suffer(sig, ignore);
    }
    need(waitpid(pid, &status, WUNTRACED) == pid);
    if (WIFSTOPPED(status)) {
        need(kill(pid, SIGCONT) == 0);
        need(wait_for(pid) == 0);
    }
    return status;
}

/* Reports one word per signal to the test: run as the leader of a new session, because
 * a group whose parent is in another session is orphaned and does not stop. */
static void all(int fd, int ignore) {
    for (int sig = 1; sig <= 64; sig++) {
        int status = fate(sig, ignore) & ~0x80;
        need(write(fd, &status, sizeof status) == sizeof status);
    }
}

static void defaults(int ignore) {
    static const char *const name[] = {
        "the default action ends or suspends, an ignored signal does neither",
        "SIG_IGN: 62 signals do nothing, SIGKILL and SIGSTOP what they must",
    };
    int p[2], status, wrong = 0;
    pid_t pid;
    need(pipe(p) == 0);
    CHILD (pid) {
        need(setsid() > 0);
        all(p[1], ignore);
    }
    for (int sig = 1; sig <= 64; sig++) {
        need(read(p[0], &status, sizeof status) == sizeof status);
        int want = sig;
        if (ignore && sig != SIGKILL && sig != SIGSTOP)
            want = 0;
        else if (is_in(sig, ignored))
            want = 0;
        else if (is_in(sig, stopping))
            want = sig << 8 | 0x7f;
        if (status != want)
            note("signal %d: status 0x%x, not 0x%x", sig, status, want), wrong++;
    }
    is_int(wrong, 0, "%s", name[ignore]);
    is_exit(wait_for(pid), 0, "for each of 64 signals");
    close(p[0]);
    close(p[1]);
}

/* "SIGTSTP, SIGTTIN, SIGTTOU ... a process that is a member of an orphaned process
 * group shall not be stopped"; SIGSTOP stops it nevertheless. */
static void orphaned_group(void) {
    int status;
    pid_t pid;
    CHILD (pid) {
        need(setsid() > 0);                            // its only tie is to us, outside
        suffer(SIGTSTP, 0);
        suffer(SIGTTIN, 0);
        suffer(SIGTTOU, 0);
        suffer(SIGSTOP, 0);
    }
    need(waitpid(pid, &status, WUNTRACED) == pid);
    is_stopped(status, SIGSTOP, "in an orphaned group only SIGSTOP stops");
    kill(pid, SIGCONT);
    is_exit(wait_for(pid), 0, "and SIGCONT continues");
}

/* A stopped process does not run; SIGKILL works on it all the same. */
static void kill_stop_continue(void) {
    struct gate gate;
    volatile int status;
    int p[2];
    char c;
    pid_t pid;
    gate_init(&gate);
    need(pipe2(p, O_NONBLOCK) == 0);
    CHILD (pid) {
        sigset_t set;
        sigfillset(&set);
        need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);  // blocks neither KILL nor STOP
        gate_wait(&gate);
        for (;;) {
            write(p[1], "t", 1);
            sched_yield();
        }
    }
    gate_open(&gate);
    need(kill(pid, SIGSTOP) == 0);
    need(waitpid(pid, (int *)&status, WUNTRACED) == pid);
    is_stopped(status, SIGSTOP, "SIGSTOP suspends a process that blocks all signals");
    while (read(p[0], &c, 1) == 1)
        ;
    for (int i = 0; i < 50; i++)
        sched_yield();
    is_errno(read(p[0], &c, 1), EAGAIN, "a stopped process does nothing");
    need(kill(pid, SIGCONT) == 0);
    while (read(p[0], &c, 1) != 1)
        sched_yield();
    ok(c == 't', "SIGKILL ends, SIGSTOP suspends and SIGCONT resumes a process");
    need(kill(pid, SIGSTOP) == 0 && waitpid(pid, (int *)&status, WUNTRACED) == pid);
    need(kill(pid, SIGKILL) == 0);
    is_killed(wait_for(pid), SIGKILL, "SIGKILL ends a stopped process");
    gate_close(&gate);
    close(p[0]);
    close(p[1]);
}

int main(void) {
    defaults(0);
    defaults(1);
    orphaned_group();
    kill_stop_continue();
    return done_testing();
}
