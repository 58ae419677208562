/* exit.c - POSIX exit, _exit, abort, atexit: "The value of status may be 0,
 * EXIT_SUCCESS, EXIT_FAILURE, or any other value, though only the least significant 8
 * bits (that is, status & 0377) shall be available from wait() and waitpid()";
 * consequences of process termination.
 */
#include "raw.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/resource.h>

static void leave(void *how) {
    _exit(*(int *)how);
}

static void leave_by_exit(void *how) {
    raw(SYS_exit, *(int *)how);
}

static void statuses(void) {
    static const int code[] = { 0, 1, 127, 128, 255, 256, 0x1234, -1 };
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        is_exit(in_child(leave, (void *)&code[i]), code[i] & 0xff, "_exit(%d) gives %d",
                code[i], code[i] & 0xff);
    is_exit(in_child(leave_by_exit, (void *)&code[6]), 0x34,
            "exit(1), the call for one thread, ends a process of one thread");
}

static int out;

static void first(void) {
    need(write(out, "1", 1) == 1);
}

static void second(void) {
    need(write(out, "2", 1) == 1);
}

/* "exit() shall first call all functions registered by atexit(), in the reverse order
 * of their registration ... shall then flush all open streams with unwritten buffered
 * data"; _exit does neither. */
static void handlers(void) {
    for (int quietly = 0; quietly < 2; quietly++) {
        char got[16] = "";
        int p[2];
        pid_t pid;
        need(pipe(p) == 0);
        CHILD (pid) {
            out = p[1];
            need(atexit(first) == 0 && atexit(second) == 0);
            FILE *f = fdopen(p[1], "w");
            need(f && fputs("buffered", f) >= 0);
            if (quietly)
                _exit(3);
            exit(3);
        }
        close(p[1]);
        is_exit(wait_for(pid), 3, "%s(3)", quietly ? "_exit" : "exit");
        ssize_t n = 0, part;
        while ((part = read(p[0], got + n, sizeof got - 1 - (size_t)n)) > 0)
            n += part;
        ok(strcmp(got, quietly ? "" : "21buffered") == 0,
           "%s atexit functions and flushes", quietly ? "runs no" : "runs");
        close(p[0]);
    }
}

static void ignore(int sig) {
    (void)sig;
}

/* "The abort() function shall cause abnormal process termination to occur, unless the
 * signal SIGABRT is being caught and the signal handler does not return" and
 * "shall override blocking or ignoring the SIGABRT signal". */
static void aborts(void) {
    for (int how = 0; how < 4; how++) {
        static const char *const name[] = { "default", "ignored", "blocked", "caught" };
        pid_t pid;
        CHILD (pid) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGABRT);
            struct rlimit none = { 0, 0 };
            setrlimit(RLIMIT_CORE, &none);
            if (how == 1)
                signal(SIGABRT, SIG_IGN);
            if (how == 2)
                sigprocmask(SIG_BLOCK, &set, NULL);
            if (how == 3)
                signal(SIGABRT, ignore);
            abort();
        }
        is_killed(wait_for(pid), SIGABRT, "abort() ends the process with SIGABRT %s",
                  name[how]);
    }
}

static int *volatile nowhere = (int *)16;

/* "All of the file descriptors ... open in the calling process shall be closed":
 * whatever way the process ends, a reader of its pipe sees end-of-file. */
static void closes(void) {
    for (int how = 0; how < 3; how++) {
        static const char *const name[] = { "_exit", "SIGKILL", "a fault" };
        char c;
        int p[2];
        pid_t pid;
        need(pipe(p) == 0);
        CHILD (pid) {
            int extra = dup(p[1]);
            need(extra >= 0);
            if (how == 1)
                kill(getpid(), SIGKILL);
            if (how == 2)
                *nowhere = 1;
        }
        close(p[1]);
        is_int(read(p[0], &c, 1), 0, "%s closes all descriptors: end of file",
               name[how]);
        wait_for(pid);
        close(p[0]);
    }
}

/* "Each mapped memory object shall be unmapped": what was written to a shared mapping
 * stays in the object. */
static void mappings(void) {
    char path[] = "/tmp/exit.XXXXXX", text[6] = "";
    int fd = mkstemp(path);
    pid_t pid;
    need(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 5) == 0);
    CHILD (pid) {
        char *map = mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        need(map != MAP_FAILED);
        memcpy(map, "hello", 5);
        kill(getpid(), SIGKILL);
    }
    is_killed(wait_for(pid), SIGKILL, "a process with a shared mapping is killed");
    ok(pread(fd, text, 5, 0) == 5 && strcmp(text, "hello") == 0,
       "what it wrote to the file through the mapping stays");
    close(fd);
}

int main(void) {
    statuses();
    handlers();
    aborts();
    closes();
    mappings();
    return done_testing();
}
