/* fork.c - POSIX fork(): "The new process (child process) shall be an exact copy of the
 * calling process (parent process) except as detailed below", item by item, and
 * fork(2).
 */
#include "tap.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>

static int data = 1;
static int bss;
static __thread int tls = 7;

/* "The child process shall have a unique process ID"; "a different parent process ID,
 * which shall be the process ID of the calling process"; fork returns 0 and the pid. */
static void identity(void) {
    struct gate gate;
    int p[2];
    pid_t pid, told[3], me = getpid();
    gate_init(&gate);
    need(pipe(p) == 0);
    CHILD (pid) {
        pid_t mine[3] = { getpid(), getppid(), gettid() };
        need(write(p[1], mine, sizeof mine) == sizeof mine);
        gate_wait(&gate);
    }
    need(read(p[0], told, sizeof told) == sizeof told);
    ok(pid > 0, "fork gives the parent a positive number");
    is_int(told[0], pid, "which is the child's process ID");
    ok(pid != me, "and not the parent's");
    is_int(told[1], me, "getppid() in the child is the parent");
    is_int(told[2], pid, "the child's only thread has the process ID as thread ID");
    is_int(getpid(), me, "the parent keeps its process ID");
    gate_open(&gate);
    is_exit(wait_for(pid), 0, "fork gives the child 0");
    gate_close(&gate);
    close(p[0]);
    close(p[1]);
}

/* "exact copy": data, bss, heap, stack, TLS, mappings; and a write on either side is
 * not seen by the other (fork(2): "memory writes performed by one of the processes do
 * not affect the other"). */
static void memory(void) {
    struct gate parent_wrote, child_wrote;
    int stack = 11, *heap = malloc(sizeof *heap);
    int *map =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(heap && map != MAP_FAILED);
    int *all[] = { &data, &bss, &tls, &stack, heap, map };
    gate_init(&parent_wrote);
    gate_init(&child_wrote);
    for (int i = 0; i < 6; i++)
        *all[i] = 100 + i;
    pid_t pid;
    CHILD (pid) {
        gate_wait(&parent_wrote);
        for (int i = 0; i < 6; i++)
            need(*all[i] == 100 + i);
        for (int i = 0; i < 6; i++)
            *all[i] = 300 + i;
        gate_open(&child_wrote);
        gate_wait(&parent_wrote);
    }
    for (int i = 0; i < 6; i++)
        *all[i] = 200 + i;
    gate_open(&parent_wrote);
    gate_wait(&child_wrote);
    static const char *const name[] = { "data", "bss", "TLS", "stack", "heap", "mmap" };
    for (int i = 0; i < 6; i++)
        is_int(*all[i], 200 + i, "%s: the child's write is private to it", name[i]);
    gate_open(&parent_wrote);
    is_exit(wait_for(pid), 0, "the child saw the values of the moment of fork");
    gate_close(&parent_wrote);
    gate_close(&child_wrote);
    munmap(map, 4096);
    free(heap);
}

/* fork(2): a page still shared by copy-on-write may not be written through by the
 * kernel either, when a system call stores a result in it. */
static void kernel_writes(void) {
    char *page =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int p[2];
    pid_t pid;
    need(page != MAP_FAILED && pipe(p) == 0);
    memset(page, 'P', 8192);
    need(write(p[1], "cccccccc", 8) == 8);
    CHILD (pid) {
        need(read(p[0], page + 4092, 8) == 8);          // across both pages
        need(memcmp(page + 4088, "PPPPccccccccPPPP", 16) == 0);
    }
    is_exit(wait_for(pid), 0, "read(2) in the child fills the child's copy of a page");
    ok(memcmp(page + 4088, "PPPPPPPPPPPPPPPP", 16) == 0,
       "and leaves the parent's page alone");
    munmap(page, 8192);
    close(p[0]);
    close(p[1]);
}

/* MAP_SHARED memory is shared, not copied. fork(2): mmap(2) mappings are inherited. */
static void shared(void) {
    volatile int *map =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;
    need(map != MAP_FAILED);
    *map = 1;
    CHILD (pid) {
        need(*map == 1);
        *map = 2;
    }
    is_exit(wait_for(pid), 0, "the child sees the parent's MAP_SHARED page");
    is_int(*map, 2, "the parent sees what the child wrote there");
    munmap((void *)map, 4096);
}

/* "Each of the child's file descriptors shall refer to the same open file description
 * with the corresponding file descriptor of the parent": one offset for both. */
static void descriptors(void) {
    char path[] = "/tmp/fork.XXXXXX";
    int fd = mkstemp(path);
    pid_t pid;
    need(fd >= 0 && unlink(path) == 0);
    CHILD (pid)
        need(write(fd, "child", 5) == 5);
    is_exit(wait_for(pid), 0, "the child writes to an inherited descriptor");
    is_int(lseek(fd, 0, SEEK_CUR), 5, "the file offset is shared with the parent");
    CHILD (pid)
        close(fd);
    wait_for(pid);
    is_int(write(fd, "x", 1), 1, "closing it in the child leaves the parent's open");
    need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
    CHILD (pid)
        need(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_SETFD, 0) == 0);
    is_exit(wait_for(pid), 0, "the child inherits FD_CLOEXEC");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "and has descriptor flags of its own");
    close(fd);
}

static void handler(int sig) {
    (void)sig;
}

/* "The set of signals pending for the child process shall be initialized to the empty
 * set"; handlers, ignored signals and the mask are inherited. */
static void signals(void) {
    sigset_t usr1, set;
    struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_NODEFER }, got;
    pid_t pid;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    need(sigaction(SIGHUP, &sa, NULL) == 0 && signal(SIGTERM, SIG_IGN) != SIG_ERR);
    need(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0 && raise(SIGUSR1) == 0);
    CHILD (pid) {
        need(sigpending(&set) == 0 && !sigismember(&set, SIGUSR1));
        need(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR1));
        need(sigaction(SIGHUP, NULL, &got) == 0 && got.sa_handler == handler);
        need((got.sa_flags & SA_NODEFER) && signal(SIGTERM, SIG_DFL) == SIG_IGN);
    }
    is_exit(wait_for(pid), 0,
            "the child has the mask and actions, but no pending signal");
    need(sigpending(&set) == 0);
    ok(sigismember(&set, SIGUSR1), "the parent's signal stays pending");
    need(sigaction(SIGTERM, NULL, &got) == 0);
    ok(got.sa_handler == SIG_IGN, "the child's sigaction leaves the parent's alone");
    signal(SIGUSR1, SIG_IGN);                           // discards the pending one
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* "The time left until an alarm clock signal shall be reset to zero, and the alarm, if
 * any, shall be canceled"; "tms_utime, tms_stime ... shall be set to 0"; group,
 * session, umask, limits and working directory are as in the parent. */
static void the_rest(void) {
    struct itimerval it = { .it_value = { .tv_sec = 1000 } };
    struct rlimit limit, got;
    char here[256], there[256];
    pid_t pid, pgrp = getpgrp(), sid = getsid(0);
    mode_t mask = umask(031);
    need(setitimer(ITIMER_REAL, &it, NULL) == 0
         && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    need(getcwd(here, sizeof here));
    CHILD (pid) {
        struct tms t;
        need(getitimer(ITIMER_REAL, &it) == 0);
        need(it.it_value.tv_sec == 0 && it.it_value.tv_usec == 0);
        need(times(&t) != (clock_t)-1 && t.tms_cutime == 0 && t.tms_cstime == 0);
        need(getpgrp() == pgrp && getsid(0) == sid && umask(0) == 031);
        need(getrlimit(RLIMIT_NOFILE, &got) == 0 && got.rlim_cur == limit.rlim_cur);
        need(getcwd(there, sizeof there) && strcmp(here, there) == 0
             && chdir("/") == 0);
    }
    is_exit(wait_for(pid), 0,
            "alarm is cancelled; group, session, umask, limits, cwd stay");
    need(getitimer(ITIMER_REAL, &it) == 0);
    ok(it.it_value.tv_sec > 0, "the parent's alarm goes on");
    need(getcwd(there, sizeof there));
    ok(strcmp(here, there) == 0, "chdir in the child leaves the parent where it was");
    is_int(umask(mask), 031, "umask in the child leaves the parent's alone");
    memset(&it, 0, sizeof it);
    setitimer(ITIMER_REAL, &it, NULL);
}

/* Children of children, and many at once: each has its own answer. */
static void many(void) {
    enum { N = 20 };
    pid_t pid[N];
    int distinct = 1, right = 1;
    for (int i = 0; i < N; i++) {
        CHILD (pid[i]) {
            pid_t inner;
            CHILD (inner)
                _exit(i);
            int status = wait_for(inner);
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) + 100 : 99);
        }
        for (int j = 0; j < i; j++)
            distinct &= pid[i] != pid[j];
    }
    for (int i = 0; i < N; i++)
        right &= wait_for(pid[i]) == (i + 100) << 8;
    ok(distinct, "%d children have different process IDs", N);
    ok(right, "each child and grandchild gives its own exit status");
}

int main(void) {
    identity();
    memory();
    kernel_writes();
    shared();
    descriptors();
    signals();
    the_rest();
    many();
    return done_testing();
}
