/* exec.c - POSIX exec: what the new process image is given and what it keeps of the old
 * one. execve(2): "All process attributes are preserved during an execve(), except the
 * following". Errors are in exec_errors.c.
 */
#include "tap.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

static char *self;

/* Runs this program again with these arguments; gives its wait status. */
static int run(char *const argv[], char *const envp[]) {
    pid_t pid;
    CHILD (pid) {
        execve(self, argv, envp);
        _exit(97);
    }
    return wait_for(pid);
}

/* Does exec from this very process state: for use in a child. */
static void become(const char *mode, const char *arg) {
    char *argv[] = { self, (char *)mode, (char *)arg, NULL };
    char *envp[] = { NULL };
    execve(self, argv, envp);
    _exit(97);
}

/* --- what the new program checks: exit status 0 is right -------------------------- */

static char big[20000];

static int see_args(int argc, char **argv, char **envp) {
    memset(big, 'b', sizeof big - 1);
    if (argc != 6 || argv[6] != NULL)
        return 1;
    if (strcmp(argv[2], "") != 0 || strcmp(argv[3], "two words\n\xff") != 0)
        return 2;
    if (strcmp(argv[4], big) != 0 || strcmp(argv[5], "last") != 0)
        return 3;
    if (!envp[0] || !envp[1] || envp[2])
        return 4;
    if (strcmp(envp[0], "A=1") != 0 || strcmp(envp[1], "no equals sign") != 0)
        return 5;
    return 0;
}

/* abi: esp points to argc, argv[], 0, envp[], 0, auxv and is a multiple of 16. */
static int see_stack(char **argv, int argc, char **envp) {
    if (((uintptr_t)argv - sizeof(int)) % 16 != 0)
        return 1;
    if (((int *)argv)[-1] != argc || (char **)envp != argv + argc + 1)
        return 2;
    return 0;
}

static int see_auxv(const char *path) {
    const uint32_t *random = (const uint32_t *)getauxval(AT_RANDOM);
    if (getauxval(AT_PAGESZ) != 4096 || getauxval(AT_PHENT) != 32)
        return 1;
    if (getauxval(AT_PHNUM) == 0 || *(const uint32_t *)getauxval(AT_PHDR) > 0x70000000)
        return 2;
    if (getauxval(AT_UID) != getuid() || getauxval(AT_EUID) != geteuid())
        return 3;
    if (getauxval(AT_GID) != getgid() || getauxval(AT_EGID) != getegid())
        return 4;
    if (getauxval(AT_SECURE) != 0 || getauxval(AT_ENTRY) < 0x1000)
        return 5;
    if (!random || (random[0] | random[1] | random[2] | random[3]) == 0)
        return 6;
    if (!getauxval(AT_EXECFN) || strcmp((char *)getauxval(AT_EXECFN), path) != 0)
        return 7;
    return 0;
}

static int see_signals(void) {
    struct sigaction sa;
    sigset_t set;
    stack_t ss;
    if (sigaction(SIGUSR1, NULL, &sa) != 0 || sa.sa_handler != SIG_DFL)
        return 1;
    if (sigaction(SIGUSR2, NULL, &sa) != 0 || sa.sa_handler != SIG_IGN)
        return 2;
    if (sigprocmask(SIG_BLOCK, NULL, &set) != 0 || !sigismember(&set, SIGHUP))
        return 3;
    if (sigismember(&set, SIGTERM))
        return 4;
    if (sigpending(&set) != 0 || !sigismember(&set, SIGHUP))
        return 5;
    if (sigaltstack(NULL, &ss) != 0 || ss.ss_flags != SS_DISABLE)
        return 6;
    return 0;
}

static int see_identity(const char *want) {
    char got[128], cwd[32];
    snprintf(got, sizeof got, "%d %d %d %d %o %s", getpid(), getppid(), getpgrp(),
             getsid(0), umask(0), getcwd(cwd, sizeof cwd));
    return strcmp(got, want) != 0;
}

static int see_descriptors(const char *numbers) {
    int kept, closed, duplicate;
    sscanf(numbers, "%d %d %d", &kept, &closed, &duplicate);
    if (fcntl(closed, F_GETFD) != -1 || errno != EBADF)
        return 1;
    if (lseek(kept, 0, SEEK_CUR) != 5 || fcntl(kept, F_GETFD) != 0)
        return 2;
    return fcntl(duplicate, F_GETFD) != 0;
}

static int see_alarm(void) {
    struct itimerval it;
    return getitimer(ITIMER_REAL, &it) != 0 || it.it_value.tv_sec == 0;
}

/* The old image's memory is gone: the kernel does not find it either. */
static int see_memory(const char *address) {
    int p[2];
    if (pipe(p) != 0)
        return 1;
    return write(p[1], (void *)strtoul(address, NULL, 0), 1) != -1 || errno != EFAULT;
}

static int mode(int argc, char **argv, char **envp) {
    const char *m = argv[1], *arg = argc > 2 ? argv[2] : "";
    if (strcmp(m, "args") == 0)
        return see_args(argc, argv, envp);
    if (strcmp(m, "stack") == 0)
        return see_stack(argv, argc, envp);
    if (strcmp(m, "auxv") == 0)
        return see_auxv(argv[0]);
    if (strcmp(m, "signals") == 0)
        return see_signals();
    if (strcmp(m, "identity") == 0)
        return see_identity(arg);
    if (strcmp(m, "descriptors") == 0)
        return see_descriptors(arg);
    if (strcmp(m, "alarm") == 0)
        return see_alarm();
    if (strcmp(m, "memory") == 0)
        return see_memory(arg);
    return 96;
}

/* --- cases ------------------------------------------------------------------------ */

static void arguments(void) {
    char *none[] = { NULL }, *env[] = { "A=1", "no equals sign", NULL };
    memset(big, 'b', sizeof big - 1);
    char *argv[] = { self, "args", "", "two words\n\xff", big, "last", NULL };
    is_exit(run(argv, env), 0, "argv and envp arrive byte for byte and in order");
    for (int n = 1; n <= 4; n++) {                     // every alignment of the strings
        char *a[] = { self, "stack", "x", "x", "x", NULL };
        a[1 + n] = NULL;
        is_exit(run(a, none), 0, "the initial stack is 16-aligned with %d arguments",
                n);
    }
    char *aux[] = { self, "auxv", NULL };
    is_exit(run(aux, none), 0, "the auxiliary vector tells the truth");
    is_exit(run(none, none), 95, "an empty argv arrives as one empty string");
    is_exit(run(NULL, NULL), 95, "so does a NULL argv");
    char *one[] = { "A=1", NULL };
    is_exit(run(none, one), 96, "so does one with an environment");
}

static void handler(int sig) {
    (void)sig;
}

/* "Signals set to be caught by the calling process image shall be set to the default
 * action in the new process image"; ignored ones stay ignored; mask and pending signals
 * stay; "any alternate signal stack is not preserved". */
static void signals(void) {
    pid_t pid;
    CHILD (pid) {
        sigset_t set;
        stack_t ss = { .ss_sp = big, .ss_size = sizeof big };
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        need(signal(SIGUSR1, handler) != SIG_ERR
             && signal(SIGUSR2, SIG_IGN) != SIG_ERR);
        need(sigprocmask(SIG_SETMASK, &set, NULL) == 0 && raise(SIGHUP) == 0);
        need(sigaltstack(&ss, NULL) == 0);
        become("signals", NULL);
    }
    is_exit(wait_for(pid), 0,
            "handlers become default, ignored, mask and pending stay");
}

/* "process ID, parent process ID, process group ID, session membership, current working
 * directory, file mode creation mask" and the "time left until an alarm clock
 * signal". */
static void attributes(void) {
    pid_t pid;
    CHILD (pid) {
        char text[128];
        need(setsid() == getpid() && chdir("/tmp") == 0);
        umask(027);
        snprintf(text, sizeof text, "%d %d %d %d 27 /tmp", getpid(), getppid(),
                 getpid(), getpid());
        become("identity", text);
    }
    is_exit(wait_for(pid), 0, "process ID, parent, group, session, cwd and umask stay");
    CHILD (pid) {
        struct itimerval it = { .it_value = { .tv_sec = 1000 } };
        need(setitimer(ITIMER_REAL, &it, NULL) == 0);
        become("alarm", NULL);
    }
    is_exit(wait_for(pid), 0, "the alarm goes on");
}

/* "File descriptors open in the calling process image shall remain open in the new
 * process image, except for those whose close-on-exec flag FD_CLOEXEC is set." */
static void descriptors(void) {
    char text[64], path[] = "/tmp/exec.XXXXXX";
    int kept = mkstemp(path), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int duplicate = dup(closed);
    pid_t pid;
    need(kept >= 0 && closed >= 0 && duplicate >= 0 && unlink(path) == 0);
    need(write(kept, "hello", 5) == 5);
    snprintf(text, sizeof text, "%d %d %d", kept, closed, duplicate);
    CHILD (pid)
        become("descriptors", text);
    is_exit(wait_for(pid), 0,
            "descriptors stay open with their offset, FD_CLOEXEC closes");
    works(fcntl(closed, F_GETFD),
          "FD_CLOEXEC closes in the process that calls exec only");
    close(kept);
    close(closed);
    close(duplicate);
}

static void memory(void) {
    char text[16];
    pid_t pid;
    CHILD (pid) {
        char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        need(map != MAP_FAILED);
        map[1 << 19] = 1;
        snprintf(text, sizeof text, "%p", (void *)(map + (1 << 19)));
        become("memory", text);
    }
    is_exit(wait_for(pid), 0, "mappings of the old image, shared ones too, are gone");
}

/* A script is its first line alone, and that may end with the file. */
static void one_line(const char *line, const char *name) {
    char path[] = "/tmp/exec.XXXXXX", out[200];
    size_t size = strlen(line);
    int fd = mkstemp(path), p[2];
    pid_t pid;
    need(fd >= 0 && pipe(p) == 0 && write(fd, line, size) == (ssize_t)size);
    need(fchmod(fd, 0700) == 0 && close(fd) == 0);
    CHILD (pid) {
        dup2(p[1], 1);
        execl(path, "other name", NULL);
        _exit(97);
    }
    is_exit(wait_for(pid), 0, "%s", name);
    close(p[1]);
    ssize_t n = read(p[0], out, sizeof out);
    ok(n == (ssize_t)size && memcmp(out, line, size) == 0, "and has it as its input");
    unlink(path);
    close(p[0]);
}

/* execve(2): '#!interpreter [optional-arg]': "execve() ... will be invoked with the
 * following arguments: interpreter [optional-arg] pathname arg..." */
static void script(void) {
    char path[] = "/tmp/exec.XXXXXX", text[300], out[64];
    int fd = mkstemp(path), p[2];
    pid_t pid;
    need(fd >= 0 && pipe(p) == 0);
    int n = snprintf(text, sizeof text,
                     "#! /bin/sh -e \necho \"$1:$2:$#\"\nfalse\nexit 7\n");
    need(write(fd, text, (size_t)n) == n && fchmod(fd, 0700) == 0 && close(fd) == 0);
    CHILD (pid) {
        char *argv[] = { "other name", "first", "second", NULL };
        char *envp[] = { "PATH=/bin", NULL };
        dup2(p[1], 1);
        execve(path, argv, envp);
        _exit(97);
    }
    is_exit(wait_for(pid), 1,
            "a script runs under its interpreter with the option given");
    n = (int)read(p[0], out, sizeof out - 1);
    out[n > 0 ? n : 0] = 0;
    ok(strcmp(out, "first:second:2\n") == 0, "and gets the script's arguments");
    unlink(path);
    close(p[0]);
    close(p[1]);
}

int main(int argc, char **argv, char **envp) {
    if (argc > 0 && argv[0][0] == '\0')
        return argc == 1 && !argv[1] ? 95 + (envp[0] != NULL) : 94;
    if (argc > 1)
        return mode(argc, argv, envp);
    self = self_path();
    arguments();
    signals();
    attributes();
    descriptors();
    memory();
    script();
    one_line("#!/bin/cat\n", "a script of one line");
    one_line("#!/bin/cat", "a script of one line without its newline");
    return done_testing();
}
