/* priority.c - POSIX getpriority(), setpriority(), nice(): from -20 to 19, less for
 * users.
 */
#include "scratch.h"

#include <sys/resource.h>

/* "The returned nice value ... in the range [-{NZERO}, {NZERO}-1]"; "attempts to set
 * ... outside ... shall be set to the minimum or maximum"; nice() gives the new
 * value. */
static void lowering(void *unused) {
    (void)unused;
    become(STUDENT);
    need(setpriority(PRIO_PROCESS, 0, 5) == 0);
    errno = 0;
    need(getpriority(PRIO_PROCESS, 0) == 5 && errno == 0);
    need(getpriority(PRIO_PROCESS, getpid()) == 5);
    need(nice(3) == 8);
    need(setpriority(PRIO_PROCESS, 0, 1000) == 0);
    need(getpriority(PRIO_PROCESS, 0) == 19);
    pid_t pid;
    CHILD (pid)
        need(getpriority(PRIO_PROCESS, 0) == 19);
    need(wait_for(pid) == 0);
}

/* "[EACCES] A request was made to change the nice value to a lower numeric value and
 * the current process does not have appropriate privileges"; "[EPERM] A process was
 * located, but neither the real nor effective user ID of the executing process
 * match". */
static void raising(void *unused) {
    (void)unused;
    become(STUDENT);
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_NICE, &none);
    need(setpriority(PRIO_PROCESS, 0, 5) == 0);
    need(setpriority(PRIO_PROCESS, 0, 4) == -1 && errno == EACCES);
    errno = 0;
    need(nice(-1) == -1 && errno == EPERM);
    need(getpriority(PRIO_PROCESS, 0) == 5);
    need(setpriority(PRIO_PROCESS, 1, 10) == -1 && errno == EPERM);
}

static void root(void *unused) {
    (void)unused;
    need(setpriority(PRIO_PROCESS, 0, -5) == 0);
    errno = 0;
    need(getpriority(PRIO_PROCESS, 0) == -5 && errno == 0);
    need(setpriority(PRIO_PROCESS, 0, -1000) == 0
         && getpriority(PRIO_PROCESS, 0) == -20);
    need(setpriority(PRIO_PROCESS, 0, 0) == 0);
}

/* PRIO_PGRP: "the highest priority (lowest numerical value) enjoyed by any of the
 * specified processes"; setting changes all of them. */
static void groups(void *unused) {
    (void)unused;
    struct gate go;
    pid_t pid;
    need(setpgid(0, 0) == 0);
    gate_init(&go);
    CHILD (pid) {
        gate_wait(&go);
        need(getpriority(PRIO_PROCESS, 0) == 7);
    }
    need(setpriority(PRIO_PROCESS, 0, 4) == 0);
    need(getpriority(PRIO_PGRP, 0) == 0);               // the child's
    need(setpriority(PRIO_PGRP, 0, 7) == 0 && getpriority(PRIO_PGRP, getpid()) == 7);
    gate_open(&go);
    need(wait_for(pid) == 0);
}

int main(void) {
    errno = 0;
    ok(getpriority(PRIO_PROCESS, 0) == 0 && errno == 0,
       "a process starts with nice value 0");
    is_exit(in_child(lowering, NULL), 0,
            "a user lowers it, to 19 at most; a child inherits");
    is_exit(in_child(raising, NULL), 0, "a user cannot raise it, nor change others");
    is_exit(in_child(groups, NULL), 0, "PRIO_PGRP is the group");
    is_errno(getpriority(PRIO_PROCESS, 999999999), ESRCH, "nobody there is ESRCH");
    is_errno(getpriority(77, 0), EINVAL, "an unknown `which` is EINVAL");
    is_errno(setpriority(77, 0, 0), EINVAL, "for setpriority too");
    if (is_root())
        is_exit(in_child(root, NULL), 0, "root raises it, to -20 at most");
    return done_testing();
}
