/* explain.h - for tests of msg_explain: what it prints, and partners who do nothing. */
#pragma once

#include "tap.h"

#include <parley.h>
#include <sys/time.h>

/* What msg_explain prints about the last failure. */
static void TAP_UNUSED explain(const char *what, char *to, size_t size) {
    int p[2], saved = errno, err = fcntl(2, F_DUPFD, 100);
    need(err >= 0 && pipe(p) == 0 && dup2(p[1], 2) == 2);
    errno = saved;
    msg_explain(what);
    need(errno == saved);
    need(dup2(err, 2) == 2 && close(err) == 0 && close(p[1]) == 0);
    ssize_t length = read(p[0], to, size - 1);
    need(length >= 0 && close(p[0]) == 0);
    to[length] = '\0';
}

/* The failed call is explained in this line. */
static void TAP_PRINTF(2, 3) says(long result, const char *format, ...) {
    char got[800], want[800];
    va_list args;
    need(result == -1);
    explain(NULL, got, sizeof got);
    va_start(args, format);
    int length = vsnprintf(want, sizeof want - 1, format, args);
    va_end(args);
    want[length] = '\n';
    want[length + 1] = '\0';
    is_text(got, want, "%.*s", length, want);
}

static pid_t TAP_UNUSED gone(void) {
    pid_t pid;
    CHILD (pid)
        _exit(0);
    wait_for(pid);
    return pid;
}

/* A child that sleeps, and the end of it. */
static pid_t TAP_UNUSED idle(void) {
    pid_t pid;
    CHILD (pid)
        pause();
    return pid;
}

static void TAP_UNUSED end(pid_t pid) {
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
}

static void ignore(int signal) {
    (void)signal;
}

/* Signals that keep coming, so that one comes during the call. */
static void TAP_UNUSED interrupt_every(int ms) {
    struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };
    struct sigaction action = { .sa_handler = ignore };
    need(sigaction(SIGALRM, &action, NULL) == 0);
    need(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

/* A user who is not the one of `pid`. */
static void TAP_UNUSED become_student(void) {
    need(setresgid(1000, 1000, 0) == 0 && setresuid(1000, 1000, 0) == 0);
}

static void TAP_UNUSED become_root(void) {
    need(setresuid(0, 0, 0) == 0 && setresgid(0, 0, 0) == 0);
}

/* What a child of that user is told when fails(argument), which gives what is to stand
 * in front, has failed. */
static void TAP_UNUSED says_to_user(uid_t user, const char *(*fails)(int), int argument,
                                    const char *want) {
    char line[800];
    pid_t pid;
    int p[2];
    need(pipe(p) == 0);
    CHILD (pid) {
        need(setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0);
        const char *what = fails(argument);
        need(dup2(p[1], 2) == 2);
        msg_explain(what);
    }
    need(wait_for(pid) == 0);
    ssize_t length = read(p[0], line, sizeof line - 1);
    line[length > 0 ? length : 0] = '\0';
    is_text(line, want, "%.*s", (int)strlen(want) - 1, want);
    close(p[0]);
    close(p[1]);
}
