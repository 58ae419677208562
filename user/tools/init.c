/* init.c - process 1: starts the first programs and collects what ends.
 *
 * Process 1 leads one of two lives:
 *
 *   run mode       /run/argv exists. Run that one command, compare the kernel's ledger
 *                  before and after it, power off with the command's status.
 *                  This is what `make run` and every test use.
 *   interactive    a login shell on every terminal, a new one when it ends, until
 *                  poweroff, halt or reboot sends us a signal.
 *
 * Invariants: every signal is blocked all the time; the few that mean something to us
 *   are fetched one by one (await_signal), so no handler ever runs at a bad moment.
 * Linux: the same program boots a Linux kernel; there it also mounts /proc and /dev.
 * See: init_run.h has the run mode; user/man/init.txt.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COMMAND_PATH "/bin:/demos:/tests:/bench"

/* --- small helpers ---------------------------------------------------------------- */

static void complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    dprintf(2, "init: ");
    vdprintf(2, format, args);
    dprintf(2, "\n");
    va_end(args);
}

/* Reads a whole small file and ends it with a NUL. Result: its length, or -1. */
static ssize_t read_file(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t length = 0;
    ssize_t n;
    while (length < size - 1 && (n = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)n;
    close(fd);
    text[length] = '\0';
    return (ssize_t)length;
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* --- signals ---------------------------------------------------------------------- */

static sigset_t heard;                  /* the signals that mean something to us */

static void never_runs(int sig) {
    (void)sig;                          // but a signal with a handler is kept for us
}

static void hear_signals(void) {
    static const int which[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM };
    struct sigaction action = { .sa_handler = never_runs, .sa_flags = SA_NOCLDSTOP };
    sigset_t all;
    sigemptyset(&heard);
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        sigaddset(&heard, which[i]);
        sigaction(which[i], &action, NULL);
    }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

/* For the child: it starts with nothing blocked. execve forgets the handlers. */
static void unblock_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Waits for a heard signal, at most timeout_ms (-1: for ever). 0: time is up. */
static int await_signal(int timeout_ms) {
    struct timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
    int sig;
    do
        sig = sigtimedwait(&heard, NULL, timeout_ms < 0 ? NULL : &limit);
    while (sig < 0 && errno == EINTR);
    return sig < 0 ? 0 : sig;
}

/* Takes whatever is pending: a queued signal is something the kernel keeps for us. */
static void forget_signals(void) {
    struct timespec at_once = { 0, 0 };
    sigset_t all;
    sigfillset(&all);
    while (sigtimedwait(&all, NULL, &at_once) > 0 || errno == EINTR)
        ;
}

/* --- leaving ---------------------------------------------------------------------- */

/* Ends every other process. Those that care get a moment to tidy up. */
static void end_everyone(void) {
    pid_t pid;
    kill(-1, SIGHUP);                   // what makes a shell leave
    kill(-1, SIGTERM);
    kill(-1, SIGCONT);                  // a stopped process has to run to hear it
    for (int tries = 0; tries < 20; tries++) {
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0)
            return;                     // ECHILD: nobody is left
        await_signal(10);
    }
    kill(-1, SIGKILL);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

static _Noreturn void leave(int how, int status) {
    end_everyone();
    sync();
    tcdrain(1);                         // what was printed shall be seen
    struct utsname name;
    if (how == RB_POWER_OFF && uname(&name) == 0 && strcmp(name.sysname, "Parley") == 0)
        _exit(status);                  // a kernel that powers off and passes it on
    reboot(how);
    complain("the kernel does not let me stop the machine: %s", strerror(errno));
    for (;;)
        pause();
}

/* The signals by which busybox's halt, poweroff and reboot talk to process 1. */
static _Noreturn void leave_for_signal(int sig) {
    if (sig == SIGUSR1)
        leave(RB_HALT_SYSTEM, 0);
    leave(sig == SIGUSR2 ? RB_POWER_OFF : RB_AUTOBOOT, 0);
}

/* --- terminals -------------------------------------------------------------------- */

/* Makes the terminal our descriptors 0, 1, 2 and the controlling terminal of a new
 * session, so that Ctrl-C and job control work there. false: no such terminal. */
static bool take_terminal(const char *path) {
    setsid();
    int fd = open(path, O_RDWR | O_NOCTTY);
    if (fd < 0)
        return false;
    if (!isatty(fd)) {
        close(fd);
        return false;
    }
    ioctl(fd, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    return true;
}

/* What a kernel leaves to process 1. The mounts Parley has made already. */
static void mount_what_is_missing(void) {
    static const struct {
        const char *sign, *type, *where;
    } mounts[] = {
        { "/proc/self", "proc", "/proc" },
        { "/dev/null", "devtmpfs", "/dev" },
        { "/dev/shm", "tmpfs", "/dev/shm" },
    };
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        if (exists(mounts[i].sign))
            continue;
        mkdir(mounts[i].where, 0755);
        mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL);
    }
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
}

/* Opens the console until descriptors 0, 1 and 2 are all in use. */
static void have_descriptors(void) {
    int fd;
    while ((fd = open("/dev/console", O_RDWR | O_NOCTTY)) >= 0 && fd < 2)
        ;
    if (fd > 2)
        close(fd);
}

#include "init_run.h"

/* --- interactive mode ------------------------------------------------------------- */

static struct terminal {
    const char *path, *quit;
    bool present;
    int starts;                         /* shells started so far */
    pid_t shell;                        /* 0: none runs */
    time_t since;                       /* when it was started */
    struct termios modes;               /* as found; a dead editor may leave others */
} terminals[] = {
    { .path = "/dev/ttyS0", .quit = "poweroff, or Ctrl-A then X", .since = -2 },
    { .path = "/dev/tty1", .quit = "poweroff", .since = -2 },
    { .path = "/dev/console", .quit = "poweroff", .since = -2 },
};
enum { NR_TERMINALS = sizeof terminals / sizeof terminals[0] };

/* /dev/console is another name of one of the others: used when there is no other. */
static void find_terminals(void) {
    int found = 0;
    for (struct terminal *t = terminals; t < terminals + NR_TERMINALS; t++) {
        if (t == terminals + NR_TERMINALS - 1 && found > 0)
            break;
        int fd = open(t->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        t->present = tcgetattr(fd, &t->modes) == 0;
        found += t->present;
        close(fd);
    }
    if (!found)
        complain("there is no terminal to talk to");
}

static _Noreturn void be_shell(const struct terminal *t) {
    char quit[64];
    char *environment[] = { "PATH=" COMMAND_PATH, "HOME=/root", "USER=root",
                            "SHELL=/bin/sh", "TERM=vt100", NULL, NULL };
    unblock_signals();
    if (!take_terminal(t->path))
        _exit(1);
    tcsetattr(0, TCSANOW, &t->modes);
    if (t->starts == 0) {               // /etc/profile makes a welcome of it
        snprintf(quit, sizeof quit, "QUIT=%s", t->quit);
        environment[5] = quit;
    } else {
        dprintf(1, "\nThat shell has ended; here is another. Quit: %s.\n", t->quit);
    }
    if (chdir("/root") != 0 && chdir("/") != 0)
        complain("no folder to start in");
    execve("/bin/sh", (char *[]){ "-sh", NULL }, environment);
    complain("/bin/sh: %s", strerror(errno));
    _exit(127);
}

/* false: not now, because the last shell here lived for less than a second (a shell
 * that cannot start must not keep the machine busy), or because there is no memory. */
static bool start_shell(struct terminal *t) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - t->since < 1)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        be_shell(t);
    if (pid < 0)
        return false;
    t->shell = pid;
    t->starts++;
    t->since = now.tv_sec;
    return true;
}

static void collect_the_dead(void) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (struct terminal *t = terminals; t < terminals + NR_TERMINALS; t++)
            if (t->shell == pid)
                t->shell = 0;
}

static _Noreturn void interactive_mode(void) {
    find_terminals();
    for (;;) {
        bool all_started = true;
        for (struct terminal *t = terminals; t < terminals + NR_TERMINALS; t++)
            if (t->present && !t->shell && !start_shell(t))
                all_started = false;
        int sig = await_signal(all_started ? -1 : 1000);
        if (sig == SIGCHLD)
            collect_the_dead();
        else if (sig)
            leave_for_signal(sig);
    }
}

int main(void) {
    if (getpid() != 1) {
        complain("I am the program of process 1, and that one is running already.");
        return 1;
    }
    umask(022);
    hear_signals();
    mount_what_is_missing();
    have_descriptors();
    if (exists("/run/argv"))
        run_mode();
    interactive_mode();
}
