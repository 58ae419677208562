/* sigrestart.c - signal(7), "Interruption of system calls and library functions by
 * signal handlers": which calls are restarted under SA_RESTART and which "are never
 * restarted after being interrupted by a signal handler, regardless of the use of
 * SA_RESTART; they always fail with the error EINTR". And "by stop signals": of these
 * only sigtimedwait is interrupted by SIGSTOP and SIGCONT without a handler. POSIX:
 * sigaction, SA_RESTART.
 */
#include "raw.h"
#include "tap.h"

#include <poll.h>
#include <pthread.h>
#include <sys/select.h>
#include <time.h>

static int empty[2], full[2], report[2];
static struct gate end;                              // opened: the child's child leaves
static int word;
static volatile sig_atomic_t handled;

static void handler(int sig) {
    (void)sig;
    handled++;
}

/* --- the calls: -1 and errno, or not -1 when what they wait for happens ----------- */

static long do_read(void) {
    char c;
    return read(empty[0], &c, 1);
}

static long do_write(void) {
    return write(full[1], "x", 1);
}

static long do_waitpid(void) {
    return waitpid(-1, NULL, 0);
}

static long do_waitid(void) {
    siginfo_t si;
    return waitid(P_ALL, 0, &si, WEXITED);
}

static long do_futex(void) {
    long r = raw(SYS_futex, (long)&word, 128, 0, 0);    // FUTEX_WAIT, no time-out
    errno = r < 0 ? (int)-r : 0;
    return r < 0 ? -1 : r;
}

static long do_nanosleep(void) {
    struct timespec t = { .tv_sec = 1000 };
    return nanosleep(&t, NULL);
}

static long do_poll(void) {
    struct pollfd p = { .fd = empty[0], .events = POLLIN };
    return poll(&p, 1, -1);
}

static long do_ppoll(void) {
    struct pollfd p = { .fd = empty[0], .events = POLLIN };
    struct timespec t = { .tv_sec = 1000 };
    return ppoll(&p, 1, &t, NULL);
}

static long do_select(void) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(empty[0], &set);
    return select(empty[0] + 1, &set, NULL, NULL, NULL);
}

static long do_pause(void) {
    return pause();
}

static long do_sigsuspend(void) {
    sigset_t none;
    sigemptyset(&none);
    return sigsuspend(&none);
}

static long do_sigwaitinfo(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    long r = raw(SYS_rt_sigtimedwait, (long)&set, 0, 0, 8);
    errno = r < 0 ? (int)-r : 0;
    return r < 0 ? -1 : r;
}

static long do_futex_timeout(void) {
    static const struct { int32_t sec, nsec; } t = { 1000, 0 };
    long r = raw(SYS_futex, (long)&word, 128, 0, (long)&t);
    errno = r < 0 ? (int)-r : 0;
    return r < 0 ? -1 : r;
}

enum { RESTARTS = 1, READABLE = 2, WRITABLE = 4, CHILD_ENDS = 8, STOP_ENDS = 16 };

static const struct {
    const char *name;
    long (*function)(void);
    int how;                    /* does SA_RESTART restart it; what ends it */
} call[] = {
    { "read of a pipe", do_read, RESTARTS | READABLE },
    { "write to a full pipe", do_write, RESTARTS | WRITABLE },
    { "waitpid", do_waitpid, RESTARTS | CHILD_ENDS },
    { "waitid", do_waitid, RESTARTS | CHILD_ENDS },
    { "futex wait", do_futex, RESTARTS },
    { "futex wait with a time-out", do_futex_timeout, 0 },
    { "nanosleep", do_nanosleep, 0 },
    { "poll", do_poll, READABLE },
    { "ppoll", do_ppoll, READABLE },
    { "select", do_select, READABLE },
    { "pause", do_pause, 0 },
    { "sigsuspend", do_sigsuspend, 0 },
    { "sigtimedwait", do_sigwaitinfo, STOP_ENDS },
};
enum { CALLS = sizeof call / sizeof *call };

/* In a child: the call under test, with a child of its own where it needs one. Reports
 * errno, or 0 for success. */
static void perform(int i, int flags) {
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    sigset_t set;
    pid_t pid;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    if (call[i].how & CHILD_ENDS)
        CHILD (pid)
            gate_wait(&end);
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    need(write(report[1], "s", 1) == 1);
    char e = (char)(call[i].function() == -1 ? errno : 0);
    need(write(report[1], &e, 1) == 1);
    need(write(report[1], handled ? "h" : "-", 1) == 1);
}

static char next_report(void) {
    char c;
    need(read(report[0], &c, 1) == 1);
    return c;
}

static pid_t begin(int i, int flags) {
    pid_t pid;
    char text[4096] = "";
    need(pipe(empty) == 0 && pipe2(full, O_NONBLOCK) == 0 && pipe(report) == 0);
    while (write(full[1], text, sizeof text) > 0)
        ;
    need(fcntl(full[1], F_SETFL, 0) == 0);
    gate_init(&end);
    CHILD (pid)
        perform(i, flags);
    need(next_report() == 's');
    until_asleep(pid);
    return pid;
}

/* Makes happen what the call waits for. */
static void satisfy(int i) {
    char text[4096];
    if (call[i].how & READABLE)
        need(write(empty[1], "x", 1) == 1);
    if (call[i].how & WRITABLE)
        need(read(full[0], text, sizeof text) > 0);
    if (call[i].how & CHILD_ENDS)
        gate_open(&end);
}

static void finish(pid_t pid) {
    gate_close(&end);
    kill(pid, SIGKILL);
    wait_for(pid);
    for (int i = 0; i < 2; i++)
        close(empty[i]), close(full[i]), close(report[i]);
}

static int has_report(void) {
    struct pollfd f = { .fd = report[0], .events = POLLIN };
    return poll(&f, 1, 0) == 1;
}

/* A handler runs while the call sleeps; without SA_RESTART always EINTR. */
static void interrupts(int i, int flags) {
    pid_t pid = begin(i, flags);
    while (!has_report()) {
        kill(pid, SIGUSR1);
        sched_yield();
    }
    is_int(next_report(), EINTR, "%s: EINTR%s", call[i].name,
           flags ? ", even with SA_RESTART" : "");
    if (call[i].how & CHILD_ENDS)
        gate_open(&end);
    finish(pid);
}

/* With SA_RESTART the handler runs and the call goes on until it has what it wants. */
static void restarts(int i) {
    pid_t pid = begin(i, SA_RESTART);
    for (int again = 0; again < 3; again++) {
        kill(pid, SIGUSR1);
        sched_yield();
        until_asleep(pid);
    }
    int early = has_report();
    satisfy(i);
    if (call[i].how == RESTARTS) {                 // the futex: nobody else can wake it
        is_int(early, 0, "%s: SA_RESTART goes on after the handler", call[i].name);
    } else {
        char e = next_report(), ran = next_report();
        ok(!early && e == 0 && ran == 'h', "%s: SA_RESTART goes on after the handler",
           call[i].name);
    }
    finish(pid);
}

/* Neither an ignored signal nor stop and continue end a call; but signal(7) lists
 * sigtimedwait among those that "are interrupted" by stop and continue. */
static void undisturbed(int i) {
    pid_t pid = begin(i, 0);
    int status;
    kill(pid, SIGWINCH);                                // ignored by default
    kill(pid, SIGCONT);                                 // not stopped: nothing
    need(kill(pid, SIGSTOP) == 0);
    need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    need(kill(pid, SIGCONT) == 0);
    until_asleep(pid);
    int early = has_report();
    satisfy(i);
    if (call[i].how & STOP_ENDS) {
        char e = next_report(), ran = next_report();
        ok(e == EINTR && ran == '-', "%s: EINTR after stop and continue", call[i].name);
    } else if ((call[i].how & ~RESTARTS) == 0) {
        is_int(early, 0, "%s goes on after stop and continue", call[i].name);
    } else {
        char e = next_report(), ran = next_report();
        ok(!early && e == 0 && ran == '-', "%s goes on after stop and continue",
           call[i].name);
    }
    finish(pid);
}

/* nanosleep(): "the argument pointed to by rmtp ... the amount of time remaining". */
static void remaining(void) {
    struct timespec t = { .tv_sec = 1000 }, left = { 0 };
    struct sigaction sa = { .sa_handler = handler };
    pid_t pid, parent = getpid();
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid) {
        until_asleep(parent);
        for (;;) {
            kill(parent, SIGUSR1);
            sched_yield();
        }
    }
    is_errno(nanosleep(&t, &left), EINTR, "nanosleep: EINTR");
    kill(pid, SIGKILL);
    wait_for(pid);
    ok(left.tv_sec <= 1000 && left.tv_sec >= 0 && left.tv_nsec >= 0
           && left.tv_nsec < 1000000000 && (left.tv_sec || left.tv_nsec),
       "and the time that was left");
    signal(SIGUSR1, SIG_DFL);
}

/* The deadline of a wait for a moment, which a stop interrupted, is not that of the
 * next
 * sleep: futex(2), FUTEX_WAIT_BITSET; nanosleep "for at least the time specified". */
static void keeps_no_moment(void) {
    enum { WAIT_BITSET = 9 | 128 };
    struct timespec a, b, span = { .tv_nsec = 50000000 };
    pid_t pid;
    int status;
    need(pipe(report) == 0);
    CHILD (pid) {
        clock_gettime(CLOCK_MONOTONIC, &a);
        const struct {
            int32_t sec, nsec;
        } t = { (int32_t)a.tv_sec + 1,
                                                  (int32_t)a.tv_nsec };
        need(write(report[1], "s", 1) == 1);
        need(raw(SYS_futex, (long)&word, WAIT_BITSET, 0, (long)&t, 0, -1)
             == -ETIMEDOUT);
        clock_gettime(CLOCK_MONOTONIC, &a);
        need(nanosleep(&span, NULL) == 0);
        clock_gettime(CLOCK_MONOTONIC, &b);
        _exit((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec < 50000000);
    }
    need(next_report() == 's');
    until_asleep(pid);
    need(kill(pid, SIGSTOP) == 0);
    need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    need(kill(pid, SIGCONT) == 0);
    is_exit(wait_for(pid), 0, "a sleep after a stopped wait for a moment is as long");
}

int main(void) {
    for (int i = 0; i < CALLS; i++)
        interrupts(i, 0);
    for (int i = 0; i < CALLS; i++)
        if (call[i].how & RESTARTS)
            restarts(i);
        else
            interrupts(i, SA_RESTART);
    for (int i = 0; i < CALLS; i++)
        undisturbed(i);
    remaining();
    keeps_no_moment();
    return done_testing();
}
