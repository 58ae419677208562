/* groups.c - process groups and sessions: POSIX getpgrp, getpgid, setpgid, getsid,
 * setsid. The terminal's part (foreground group, SIGTTIN) is tested with the terminal.
 */
#include "tap.h"

static void inherited(void) {
    struct gate gate;
    pid_t pid;
    gate_init(&gate);
    CHILD (pid)
        gate_wait(&gate);
    is_int(getpgid(0), getpgrp(), "getpgid(0) is the caller's group");
    is_int(getpgid(pid), getpgrp(), "a child is born into its parent's group");
    is_int(getsid(pid), getsid(0), "and into its session");
    is_int(getsid(getpid()), getsid(0), "getsid(0) is the caller's session");
    gate_open(&gate);
    wait_for(pid);
    is_errno(getpgid(pid), ESRCH, "ESRCH: getpgid of no process");
    is_errno(getsid(pid), ESRCH, "ESRCH: getsid of no process");
    is_errno(getpgid(-1), ESRCH, "ESRCH: getpgid(-1)");
    gate_close(&gate);
}

/* "The setpgid() function shall either join an existing process group or create a new
 * process group within the session of the calling process." */
static void create_and_join(void) {
    struct gate gate;
    pid_t a, b;
    gate_init(&gate);
    CHILD (a)
        gate_wait(&gate);
    CHILD (b)
        gate_wait(&gate);
    is_int(setpgid(a, 0), 0, "setpgid(child, 0) makes the child a leader");
    is_int(getpgid(a), a, "of a group with its process ID");
    is_int(setpgid(b, a), 0, "another child joins it");
    is_int(getpgid(b), a, "and is in it");
    is_int(getsid(b), getsid(0), "but stays in the session");
    is_int(setpgid(b, getpgrp()), 0, "a child comes back to the caller's group");
    is_int(setpgid(a, getpgrp()), 0, "the leader may leave its group as well");
    is_errno(setpgid(b, a), EPERM, "EPERM: a group with no members left");
    is_errno(setpgid(b, 0x3ffffff), EPERM, "EPERM: a group that never was");
    is_errno(setpgid(b, -1), EINVAL, "EINVAL: a negative group");
    is_errno(setpgid(1, 0), ESRCH, "ESRCH: neither the caller nor its child");
    is_errno(setpgid(0x3ffffff, 0), ESRCH, "ESRCH: no such process");
    gate_open(&gate);
    gate_open(&gate);
    wait_for(a);
    wait_for(b);
    gate_close(&gate);
}

/* "[EACCES] The value of the pid argument matches the process ID of a child process of
 * the calling process and the child process has successfully executed one of the exec
 * functions." */
static void after_exec(void) {
    int done[2], go[2];
    char number[16], c;
    pid_t pid;
    need(pipe2(done, O_CLOEXEC) == 0 && pipe(go) == 0);
    need(fcntl(go[1], F_SETFD, FD_CLOEXEC) == 0);
    snprintf(number, sizeof number, "%d", go[0]);
    CHILD (pid) {
        char *self = self_path();
        execl(self, self, number, NULL);
        _exit(97);
    }
    close(done[1]);
    close(go[0]);
    need(read(done[0], &c, 1) == 0);                    // closed by exec
    is_errno(setpgid(pid, pid), EACCES, "EACCES: the child has called exec");
    close(go[1]);
    is_exit(wait_for(pid), 0, "the child is unharmed");
    close(done[0]);
}

/* "If the calling process is not a process group leader, it shall create a new session.
 * ... shall be the session leader of this new session, shall be the process group
 * leader of a new process group, and shall have no controlling terminal." */
static void session(void) {
    struct gate made, gate;
    pid_t pid;
    gate_init(&made);
    gate_init(&gate);
    CHILD (pid) {
        pid_t me = getpid(), inner;
        need(setsid() == me && getsid(0) == me && getpgrp() == me);
        need(setsid() == -1 && errno == EPERM);         // "already a group leader"
        need(setpgid(0, 0) == -1 && errno == EPERM);    // "is a session leader"
        need(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
        need(setpgid(0, getppid()) == -1 && errno == EPERM);
        CHILD (inner) {
            need(getsid(0) == me && setpgid(0, 0) == 0 && getpgrp() == getpid());
            need(setsid() == -1 && errno == EPERM && getsid(0) == me);
        }
        need(wait_for(inner) == 0);
        gate_open(&made);
        gate_wait(&gate);
    }
    gate_wait(&made);
    is_int(getsid(pid), pid, "setsid makes a session with the caller's process ID");
    is_int(getpgid(pid), pid, "and a process group of the same number");
    is_errno(setpgid(pid, getpgrp()), EPERM, "EPERM: a child in another session");
    pid_t other;
    CHILD (other)
        need(setpgid(0, pid) == -1 && errno == EPERM);
    is_exit(wait_for(other), 0, "EPERM: a group of another session");
    gate_open(&gate);
    is_exit(wait_for(pid), 0, "a leader can neither call setsid nor move; no terminal");
    gate_close(&made);
    gate_close(&gate);
}

/* A group lives as long as it has a member, and its number is nobody's process ID so
 * long: setpgid(2), "the group ID is not reused". */
static void outlives_its_leader(void) {
    struct gate gate;
    pid_t leader, member;
    gate_init(&gate);
    CHILD (leader)
        gate_wait(&gate);
    need(setpgid(leader, 0) == 0);
    CHILD (member)
        pause();
    need(setpgid(member, leader) == 0);
    gate_open(&gate);
    wait_for(leader);
    is_errno(kill(leader, 0), ESRCH, "the leader is gone");
    is_int(getpgid(member), leader, "its group remains while it has a member");
    is_int(kill(-leader, SIGTERM), 0, "and can be signalled");
    is_killed(wait_for(member), SIGTERM, "which kills the member");
    is_errno(kill(-leader, 0), ESRCH, "ESRCH: the group went with its last member");
    gate_close(&gate);
}

int main(int argc, char **argv) {
    char c;
    if (argc > 1)
        return (int)read(atoi(argv[1]), &c, 1);
    inherited();
    create_and_join();
    after_exec();
    session();
    outlives_its_leader();
    return done_testing();
}
