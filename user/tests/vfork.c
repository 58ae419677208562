/* vfork.c - vfork(2): "vfork() differs from fork(2) in that the calling thread is
 * suspended until the child terminates (either normally, by calling _exit(2), or
 * abnormally, after delivery of a fatal signal), or it makes a call to execve(2). Until
 * that point, the child shares all memory with its parent, including the stack."
 * musl uses clone(CLONE_VM|CLONE_VFORK) with a stack of its own in posix_spawn.
 */
#include "raw.h"
#include "tap.h"

#include <spawn.h>

static volatile int shared;
static char *self;

static void until_exit(void) {
    shared = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        shared = 1;
        for (int i = 0; i < 50; i++)
            sched_yield();                              // a parent that ran would see 1
        shared = 2;
        _exit(5);
    }
    int seen = shared;
    need(pid > 0);
    is_int(seen, 2, "the parent goes on after the child's _exit, and sees its writes");
    is_exit(wait_for(pid), 5, "the vfork child's exit status arrives");
}

/* clone(2): "CLONE_VFORK: the execution of the calling process is suspended until the
 * child releases its virtual memory resources", with memory of its own, too. */
static void with_a_copy(void) {
    int p[2];
    need(pipe2(p, O_NONBLOCK) == 0);
    shared = 0;
    pid_t pid = (pid_t)raw(SYS_clone, CLONE_VFORK | SIGCHLD);
    if (pid == 0) {
        shared = 4;
        for (int i = 0; i < 50; i++)
            sched_yield();
        _exit(write(p[1], "x", 1) == 1 ? 6 : 1);
    }
    char byte = 0;
    is_int(read(p[0], &byte, 1), 1, "CLONE_VFORK alone: the child came first");
    is_exit(wait_for(pid), 6, "with its status");
    is_int(shared, 0, "and has written to its own memory");
    close(p[0]);
    close(p[1]);
}

static void until_death(void) {
    shared = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        shared = 3;
        kill(getpid(), SIGKILL);
        for (;;)
            ;
    }
    int seen = shared;
    is_int(seen, 3, "the parent goes on when a signal kills the child");
    is_killed(wait_for(pid), SIGKILL, "which is seen in the wait status");
}

/* "or it makes a call to execve(2)": the child is still alive when the parent goes
 * on. */
static void until_exec(void) {
    int p[2], q[2];
    need(pipe2(p, O_CLOEXEC) == 0 && pipe(q) == 0);
    need(fcntl(q[1], F_SETFD, FD_CLOEXEC) == 0);
    char number[16];
    snprintf(number, sizeof number, "%d", q[0]);
    char *argv[] = { self, "wait-for-byte", number, NULL };
    pid_t pid = vfork();
    if (pid == 0) {
        execv(self, argv);
        _exit(1);
    }
    close(q[0]);
    is_int(waitpid(pid, NULL, WNOHANG), 0,
           "the parent goes on when the child calls execve");
    need(write(q[1], "x", 1) == 1);
    close(q[1]);
    is_exit(wait_for(pid), 42, "the program runs on beside it");
    close(p[0]);
    close(p[1]);
}

static void failed_exec(void) {
    char *argv[] = { "none", NULL };
    pid_t pid = vfork();
    if (pid == 0) {
        execv("/no/such/file", argv);
        _exit(errno == ENOENT ? 6 : 7);
    }
    is_exit(wait_for(pid), 6, "a failed execve lets the vfork child go on");
}

/* vfork(2): "file descriptors table ... is not shared"; only memory is. */
static void own_descriptors(void) {
    int fd = dup(1);
    pid_t pid = vfork();
    if (pid == 0) {
        close(fd);
        _exit(0);
    }
    wait_for(pid);
    works(close(fd), "the vfork child has its own descriptor table");
}

/* POSIX posix_spawn: "shall create a new process (child process) from the specified
 * process image"; errors of execve are its return value. */
static void spawn(void) {
    extern char **environ;
    char *argv[] = { self, "exit", "9", NULL };
    pid_t pid = 0;
    is_int(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0, "posix_spawn");
    is_exit(wait_for(pid), 9, "runs the program");
    is_int(posix_spawn(&pid, "/no/such/file", NULL, NULL, argv, environ), ENOENT,
           "posix_spawn of a missing file gives ENOENT and leaves no child");
    is_errno(waitpid(-1, NULL, WNOHANG), ECHILD, "no child is left");
    is_int(system("exit 3"), 3 << 8, "system() gives the shell's status");
    FILE *f = popen("echo hello", "r");
    char line[16] = "";
    need(f);
    ok(fgets(line, sizeof line, f) && strcmp(line, "hello\n") == 0,
       "popen reads a line");
    is_int(pclose(f), 0, "pclose gives the status");
}

int main(int argc, char **argv) {
    char c;
    self = self_path();
    if (argc == 3 && strcmp(argv[1], "wait-for-byte") == 0)
        return read(atoi(argv[2]), &c, 1) == 1 ? 42 : 43;
    if (argc == 3 && strcmp(argv[1], "exit") == 0)
        return atoi(argv[2]);
    until_exit();
    with_a_copy();
    until_death();
    until_exec();
    failed_exec();
    own_descriptors();
    spawn();
    return done_testing();
}
