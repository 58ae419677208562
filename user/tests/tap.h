/* tap.h - the test kit of user/tests: prints TAP, forks helpers, meets without
 * sleeping.
 *
 * Shape of a test:
 *
 *     int main(void)
 *     {
 *         pid_t pid;
 *         is_errno(close(-1), EBADF, "close(-1)");   one case: one line of output
 *         CHILD (pid) {                              this block runs in a new process,
 *             need(getppid() != 0);                  which leaves with 99 if this fails
 *             _exit(7);                              or with 0 at the end of the block
 *         }
 *         is_exit(wait_for(pid), 7, "the parent learns the exit status");
 *         return done_testing();
 *     }
 *
 * Cases (ok, is_...) belong to the process and the thread that started; children and
 * other threads use need(). Every line leaves in one write(2), so lines never mix and
 * nothing is left in a buffer when a process forks or is killed. Diagnostics go to
 * stdout as `# ` lines.
 *
 * Order between processes comes from gates (see struct gate), never from sleeping.
 * until_asleep() only sharpens a test: it must also pass if the other one was late.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             // tap.h comes first in every test
#endif

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAP_UNUSED __attribute__((unused))
#define TAP_NORETURN __attribute__((noreturn))
#define TAP_PRINTF(f, a) __attribute__((format(printf, f, a), unused))

static struct {
    int cases;                  /* printed so far */
    int failed;                 /* of these, without a TODO */
    int planned;                /* 0: plan at the end */
    int is_child;               /* in a process made by CHILD or in_child */
    const char *todo;           /* why the next case may fail */
} tap;

/* --- output ----------------------------------------------------------------------- */

static void TAP_UNUSED tap_line(const char *head, const char *format, va_list args) {
    char line[512];
    size_t room = sizeof line - 1;                      // the last place is for '\n'
    size_t used = (size_t)snprintf(line, room, "%s", head);
    if (used < room) {
        int n = vsnprintf(line + used, room - used, format, args);
        used += n < 0 ? 0 : (size_t)n;
    }
    if (used >= room)
        used = room - 1;
    for (size_t i = 0; i < used; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[used++] = '\n';
    for (size_t done = 0; done < used;) {
        ssize_t n = write(1, line + done, used - done);
        if (n < 0 && errno != EINTR)
            _exit(98);
        done += n < 0 ? 0 : (size_t)n;
    }
}

/* Prints a diagnostic line. Any process, any thread. Keeps errno. */
static void TAP_PRINTF(1, 2) note(const char *format, ...) {
    int saved = errno;
    va_list args;
    va_start(args, format);
    tap_line("# ", format, args);
    va_end(args);
    errno = saved;
}

static TAP_UNUSED const char *tap_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Announces the number of cases beforehand; done_testing then holds the test to it. */
static void TAP_UNUSED plan(int cases) {
    tap.planned = cases;
    char line[32];
    int n = snprintf(line, sizeof line, "1..%d\n", cases);
    if (write(1, line, (size_t)n) != n)
        _exit(98);
}

/* The next case checks what is not right yet; it may fail without failing the test. */
static void TAP_UNUSED todo(const char *why) {
    tap.todo = why;
}

/* Counts `cases` cases as skipped. */
static void TAP_UNUSED skip(int cases, const char *why) {
    while (cases-- > 0) {
        char line[256];
        int n = snprintf(line, sizeof line, "ok %d # SKIP %s\n", ++tap.cases, why);
        if (write(1, line, (size_t)n) != n)
            _exit(98);
    }
}

static void TAP_PRINTF(2, 3) TAP_NORETURN tap_stop(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tap_line(tap.is_child ? "# " : "Bail out! ", format, args);
    va_end(args);
    _exit(code);
}

/* Ends the test; to be returned from main. 0 if all went well. */
static int TAP_UNUSED done_testing(void) {
    if (tap.is_child)
        tap_stop(98, "done_testing in a child: a CHILD block was left");
    if (!tap.planned)
        plan(tap.cases);
    else if (tap.planned != tap.cases)
        note("planned %d cases, ran %d", tap.planned, tap.cases);
    int status, left = 0;
    while (waitpid(-1, &status, WNOHANG) >= 0 && ++left < 2)
        note("a child was left behind");
    return tap.failed || left || tap.planned != tap.cases;
}

/* --- cases ------------------------------------------------------------------------ */

static void TAP_UNUSED tap_result(int good, const char *format, va_list args) {
    if (tap.is_child)
        tap_stop(98, "a case in a child: use need()");
    char head[32], name[384];
    snprintf(head, sizeof head, "%sok %d - ", good ? "" : "not ", ++tap.cases);
    int n = snprintf(name, sizeof name, "%s", format);
    if (tap.todo && n < (int)sizeof name)
        snprintf(name + n, sizeof name - (size_t)n, " # TODO %s", tap.todo);
    tap.failed += !good && !tap.todo;
    tap.todo = NULL;
    tap_line(head, name, args);
}

static int TAP_PRINTF(4, 5)
    tap_ok(int good, const char *where, const char *what, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tap_result(good, format, args);
    va_end(args);
    if (!good)
        note("%s %s is false", where, what);
    return good;
}

static int TAP_PRINTF(5, 6) tap_int(long long got, long long want, const char *where,
                                    const char *what, const char *format, ...) {
    int saved = errno;
    va_list args;
    va_start(args, format);
    tap_result(got == want, format, args);
    va_end(args);
    if (got != want)
        note("%s %s got %lld (0x%llx) want %lld (0x%llx)%s%s", where, what, got, got,
             want, want, got == -1 ? "; errno " : "", got == -1 ? strerror(saved) : "");
    return got == want;
}

static int TAP_PRINTF(5, 6)
    tap_text(const char *got, const char *want, const char *where, const char *what,
             const char *format, ...) {
    int good = strcmp(got, want) == 0;
    va_list args;
    va_start(args, format);
    tap_result(good, format, args);
    va_end(args);
    if (!good) {
        note("%s %s got:  %s", where, what, got);
        note("%s want: %s", where, want);
    }
    return good;
}

static int TAP_PRINTF(6, 7) tap_errno(long got, int error, int want, const char *name,
                                      const char *where, const char *format, ...) {
    int good = got == -1 && error == want;
    va_list args;
    va_start(args, format);
    tap_result(good, format, args);
    va_end(args);
    if (!good)
        note("%s got %ld%s%s%s want -1 (%s)", where, got, got == -1 ? " (" : "",
             got == -1 ? strerror(error) : "", got == -1 ? ")" : "", name);
    return good;
}

static int TAP_PRINTF(4, 5)
    tap_works(long got, const char *where, const char *what, const char *format, ...) {
    int saved = errno;
    va_list args;
    va_start(args, format);
    tap_result(got != -1, format, args);
    va_end(args);
    if (got == -1)
        note("%s %s failed: %s", where, what, strerror(saved));
    return got != -1;
}

static TAP_UNUSED const char *tap_status(char *text, size_t size, int status) {
    if (WIFEXITED(status))
        snprintf(text, size, "exited with %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(text, size, "killed by %d", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        snprintf(text, size, "stopped by %d", WSTOPSIG(status));
    else
        snprintf(text, size, "status 0x%x", (unsigned)status);
    return text;
}

static int TAP_PRINTF(4, 5)
    tap_wait(int status, int want, const char *where, const char *format, ...) {
    int good = (status & ~0x80) == want;                // a core dump is no difference
    char a[40], b[40];
    va_list args;
    va_start(args, format);
    tap_result(good, format, args);
    va_end(args);
    if (!good)
        note("%s got: %s; want: %s", where, tap_status(a, sizeof a, status),
             tap_status(b, sizeof b, want));
    return good;
}

#define TAP_STRING2(x) #x
#define TAP_STRING(x) TAP_STRING2(x)
#define TAP_WHERE tap_base(__FILE__ ":" TAP_STRING(__LINE__))

/* Every case takes a name at the end, a printf format with its arguments, and gives 1
 * if it was right and 0 if not. */
#define ok(cond, ...) tap_ok(!!(cond), TAP_WHERE, #cond, __VA_ARGS__)
#define is_int(got, want, ...) tap_int((got), (want), TAP_WHERE, #got, __VA_ARGS__)
/* Two strings are the same. */
#define is_text(got, want, ...) tap_text((got), (want), TAP_WHERE, #got, __VA_ARGS__)
/* The call gives -1 and sets errno to `error`. */
#define is_errno(call, error, ...)                                                     \
    ({                                                                                 \
        errno = 0;                                                                     \
        long tap_got = (long)(call);                                                   \
        tap_errno(tap_got, errno, (error), #error, TAP_WHERE, __VA_ARGS__);            \
    })
/* The call does not give -1. */
#define works(call, ...) tap_works((long)(call), TAP_WHERE, #call, __VA_ARGS__)
/* A wait status says: exited with `code`, killed by `sig`, stopped by `sig`. */
#define is_exit(status, code, ...) \
    tap_wait((status), (code) << 8, TAP_WHERE, __VA_ARGS__)
#define is_killed(status, sig, ...) tap_wait((status), (sig), TAP_WHERE, __VA_ARGS__)
#define is_stopped(status, sig, ...)                                                   \
    tap_wait((status), (sig) << 8 | 0x7f, TAP_WHERE, __VA_ARGS__)

/* What a test needs in order to go on. Any process: a child leaves with status 99, the
 * test itself bails out. */
#define need(cond)                                                                     \
    ((cond) ? (void)0                                                                  \
            : tap_stop(99, "%s need(%s) failed; errno %s", TAP_WHERE, #cond,           \
                       strerror(errno)))

/* --- children --------------------------------------------------------------------- */

/* fork() that cannot fail. Prefer CHILD. */
static pid_t TAP_UNUSED tap_fork(void) {
    pid_t pid = fork();
    need(pid >= 0);
    if (pid == 0)
        tap.is_child = 1;
    return pid;
}

/* CHILD (pid) { ... } runs the block in a new process, which then leaves with 0. The
 * parent goes on behind the block at once. Do not leave the block with break. */
#define CHILD(pid) if (((pid) = tap_fork()) == 0) for (;; _exit(0))

/* Waits for that child and gives its wait status. */
static int TAP_UNUSED wait_for(pid_t pid) {
    int status = -1;
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    need(got == pid);
    return status;
}

/* Runs function(argument) in a new process and gives its wait status. */
static int TAP_UNUSED in_child(void (*function)(void *), void *argument) {
    pid_t pid;
    CHILD (pid)
        function(argument);
    return wait_for(pid);
}

/* The absolute path of this very program, for tests that execute themselves again. The
 * first call, which finds it out, must come before chdir and before threads. */
static TAP_UNUSED char *self_path(void) {
    static char path[4096];
    const char *name = (const char *)getauxval(AT_EXECFN);
    if (path[0])
        return path;
    need(name && strlen(name) < 256);
    if (*name != '/') {
        need(getcwd(path, sizeof path - 256));
        strcat(path, "/");
    }
    return strcat(path, name);
}

/* --- meeting without sleeping ----------------------------------------------------- */

/* A counting gate between processes: gate_open lets one gate_wait pass, now or later.
 * Made before the fork. A process either opens a gate or waits at it, never both: the
 * first wait closes its own writing end, so that it notices when all openers are
 * dead. */
struct gate {
    int fd[2];
};

static void TAP_UNUSED gate_init(struct gate *gate) {
    need(pipe2(gate->fd, O_CLOEXEC) == 0);
}

static void TAP_UNUSED gate_open(struct gate *gate) {
    ssize_t n;
    while ((n = write(gate->fd[1], "g", 1)) < 0 && errno == EINTR)
        ;
    need(n == 1);
}

/* Like gate_wait, but tells (0) when nobody is left who could open the gate. */
static int TAP_UNUSED gate_try(struct gate *gate) {
    char c;
    ssize_t n;
    if (gate->fd[1] >= 0)
        close(gate->fd[1]), gate->fd[1] = -1;
    while ((n = read(gate->fd[0], &c, 1)) < 0 && errno == EINTR)
        ;
    need(n >= 0);
    return n == 1;
}

static void TAP_UNUSED gate_wait(struct gate *gate) {
    int passed = gate_try(gate);
    need(passed && "the other side of a gate is dead");
}

static void TAP_UNUSED gate_close(struct gate *gate) {
    close(gate->fd[0]);
    if (gate->fd[1] >= 0)
        close(gate->fd[1]);
}

/* The state letter of a process or thread in /proc/ID/stat (R, S, T, Z ...); 0 if there
 * is none. */
static int TAP_UNUSED state_of(pid_t id) {
    char path[32], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *paren = strrchr(text, ')');
    return paren && paren[1] ? paren[2] : 0;
}

/* Yields until /proc says that the process or thread is in that state. Gives up quietly
 * when it has ended, or where /proc does not know it. */
static void TAP_UNUSED until_state(pid_t id, int letter) {
    int state;
    while ((state = state_of(id)) != letter && state != 0 && state != 'Z')
        sched_yield();
    for (int i = 0; state == 0 && i < 100; i++)
        sched_yield();
}

/* Yields until the process or thread sleeps in a system call. */
static void TAP_UNUSED until_asleep(pid_t id) {
    until_state(id, 'S');
}
