/* orphans.c - POSIX _exit: "The parent process ID of all of the existing child
 * processes and zombie processes of the calling process shall be set to the process ID
 * of an implementation-defined system process", and what that does to their groups.
 */
#include "tap.h"

/* The parent field of /proc/PID/stat. */
static pid_t parent_of(pid_t pid) {
    char path[32], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *paren = strrchr(text, ')');
    return paren ? atoi(paren + 4) : -1;
}

/* A living orphan gets another parent, goes on, and its end is nobody's ECHILD. */
static void living(void) {
    struct gate gate;
    int p[2];
    pid_t pid, pair[2];
    gate_init(&gate);
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid) {
        pid_t parent = getpid(), inner;
        CHILD (inner) {
            gate_wait(&gate);                           // the parent has been reaped
            pair[0] = parent;
            pair[1] = getppid();
            need(write(p[1], pair, sizeof pair) == sizeof pair);
        }
        _exit(3);
    }
    is_exit(wait_for(pid), 3, "the parent of the orphan is gone");
    is_errno(waitpid(-1, NULL, WNOHANG), ECHILD, "a grandchild is not a child");
    gate_open(&gate);
    need(read(p[0], pair, sizeof pair) == sizeof pair);
    is_int(pair[0], pid, "the orphan goes on");
    ok(pair[1] != pid && pair[1] != getpid() && pair[1] > 0,
       "its parent is then a system process");
    close(p[0]);
    close(p[1]);
    gate_close(&gate);
}

/* A zombie whose parent ends goes to the same system process. */
static void dead(void) {
    struct gate gate;
    int p[2];
    pid_t pid, inner;
    gate_init(&gate);
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid) {
        CHILD (inner)
            _exit(1);
        until_state(inner, 'Z');
        need(write(p[1], &inner, sizeof inner) == sizeof inner);
        gate_wait(&gate);
    }
    need(read(p[0], &inner, sizeof inner) == sizeof inner);
    is_int(parent_of(inner), pid, "a zombie keeps its parent");
    is_errno(waitpid(inner, NULL, WNOHANG), ECHILD, "only its parent can wait for it");
    gate_open(&gate);
    wait_for(pid);
    ok(parent_of(inner) != pid, "a zombie orphan is given away too, or gone");
    close(p[0]);
    close(p[1]);
    gate_close(&gate);
}

/* Many at once: a family whose parents die first. Nobody hangs, everyone writes. */
static void family(void) {
    enum { N = 8 };
    struct gate gate;
    int p[2];
    pid_t pid, inner;
    char c;
    gate_init(&gate);
    need(pipe(p) == 0);
    CHILD (pid) {
        for (int i = 0; i < N; i++)
            CHILD (inner) {
                gate_wait(&gate);
                need(write(p[1], "x", 1) == 1);
            }
        _exit(0);
    }
    close(p[1]);
    is_exit(wait_for(pid), 0, "a parent of %d ends first", N);
    for (int i = 0; i < N; i++)
        gate_open(&gate);
    int count = 0;
    while (read(p[0], &c, 1) == 1)
        count++;
    is_int(count, N, "all its orphans finish their work");
    close(p[0]);
    gate_close(&gate);
}

/* "If the exit of the process causes a process group to become orphaned, and if any
 * member of the newly-orphaned process group is stopped, then a SIGHUP signal followed
 * by a SIGCONT signal shall be sent to each process in the newly-orphaned process
 * group." */
static volatile sig_atomic_t order[2], seen;

static void record(int sig) {
    if (seen < 2)
        order[seen++] = sig;
}

static void orphaned_group(void) {
    int p[2];
    pid_t pid, stopped;
    int got[3];
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid) {                                    // session leader: our group is out
        need(setsid() > 0);
        struct gate ready;
        gate_init(&ready);
        CHILD (stopped) {
            struct sigaction sa = { .sa_handler = record };
            sigfillset(&sa.sa_mask);
            need(setpgid(0, 0) == 0);
            need(sigaction(SIGHUP, &sa, NULL) == 0
                 && sigaction(SIGCONT, &sa, NULL) == 0);
            gate_open(&ready);
            raise(SIGSTOP);
            while (seen < 2)
                sched_yield();
            got[0] = seen;
            got[1] = order[0];
            got[2] = order[1];
            need(write(p[1], got, sizeof got) == sizeof got);
        }
        gate_wait(&ready);
        int status;
        need(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status));
    }
    is_exit(wait_for(pid), 0, "the last link of a stopped group to its session ends");
    need(read(p[0], got, sizeof got) == sizeof got);
    ok((got[1] == SIGHUP && got[2] == SIGCONT)
           || (got[1] == SIGCONT && got[2] == SIGHUP),
       "the stopped orphan gets SIGHUP and SIGCONT");
    close(p[0]);
    close(p[1]);
}

/* A group that was orphaned before is not newly orphaned by one more exit. */
static void orphaned_before(void) {
    pid_t pid, stopped, other;
    CHILD (pid) {                               // its session: nobody above is in it
        int status;
        need(setsid() > 0);
        CHILD (stopped)
            raise(SIGSTOP);
        need(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status));
        CHILD (other)
            _exit(0);
        need(wait_for(other) == 0);
        need(waitpid(stopped, &status, WNOHANG | WCONTINUED) == 0);
        need(kill(stopped, SIGKILL) == 0);
        wait_for(stopped);
    }
    is_exit(wait_for(pid), 0, "an exit in a group that is an orphan hangs nobody up");
}

int main(void) {
    living();
    dead();
    family();
    orphaned_group();
    orphaned_before();
    return done_testing();
}
