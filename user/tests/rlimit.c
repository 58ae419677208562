/* rlimit.c - POSIX getrlimit(), setrlimit() and prlimit(2): who may change limits, and
 * what each one stops.
 */
#include "memory.h"
#include "raw.h"
#include "scratch.h"

#include <sys/resource.h>
#include <time.h>

static struct rlimit limit_of(int resource) {
    struct rlimit r;
    need(getrlimit(resource, &r) == 0);
    return r;
}

static void set_both(int resource, rlim_t value) {
    struct rlimit r = { value, value };
    need(setrlimit(resource, &r) == 0);
}

/* "Each resource limit is represented by a pair of values: soft, hard. ... soft limits
 * may be changed by a process to any value that is less than or equal to the hard
 * limit. A process may (irreversibly) lower its hard limit". */
static void rules(void *unused) {
    (void)unused;
    become(STUDENT);
    struct rlimit r = { 40, 50 };
    need(setrlimit(RLIMIT_NOFILE, &r) == 0);
    r = limit_of(RLIMIT_NOFILE);
    need(r.rlim_cur == 40 && r.rlim_max == 50);
    r.rlim_cur = 50;
    need(setrlimit(RLIMIT_NOFILE, &r) == 0);
    r = (struct rlimit){ 50, 51 };
    need(setrlimit(RLIMIT_NOFILE, &r) == -1 && errno == EPERM);
    r = (struct rlimit){ 45, 44 };
    need(setrlimit(RLIMIT_NOFILE, &r) == -1 && errno == EINVAL);
    r = (struct rlimit){ 10, 45 };
    need(setrlimit(RLIMIT_NOFILE, &r) == 0);
    r = (struct rlimit){ 45, 46 };
    need(setrlimit(RLIMIT_NOFILE, &r) == -1 && errno == EPERM);
    need(limit_of(RLIMIT_NOFILE).rlim_cur == 10);
}

static void inherited(void *unused) {
    (void)unused;
    set_both(RLIMIT_NOFILE, 33);
    pid_t pid;
    CHILD (pid)
        need(limit_of(RLIMIT_NOFILE).rlim_cur == 33);
    need(wait_for(pid) == 0);
}

/* "RLIMIT_NOFILE ... a number one greater than the maximum value that the system may
 * assign to a newly-created descriptor. If this limit is exceeded ... [EMFILE]". */
static void open_files(void *unused) {
    (void)unused;
    set_both(RLIMIT_NOFILE, 20);
    int fd, last = -1;
    while ((fd = open("f", O_RDONLY)) >= 0)
        last = fd;
    need(errno == EMFILE && last == 19);
    int p[2];
    need(pipe(p) == -1 && errno == EMFILE);
    need(dup(0) == -1 && errno == EMFILE);
    need(dup2(0, 20) == -1 && errno == EBADF);
    need(fcntl(0, F_DUPFD, 0) == -1 && errno == EMFILE);
    need(close(19) == 0 && pipe(p) == -1 && errno == EMFILE);
    need((fd = open("f", O_RDONLY)) == 19);
    need(sysconf(_SC_OPEN_MAX) == 20);
}

/* Lowering the limit leaves descriptors above it open. */
static void above_the_limit(void *unused) {
    (void)unused;
    int high = fcntl(open("f", O_RDONLY), F_DUPFD, 60);
    need(high >= 60);
    set_both(RLIMIT_NOFILE, 10);
    char c;
    need(read(high, &c, 1) == 1 && fcntl(high, F_GETFD) == 0);
    need(dup(high) >= 0 && close(high) == 0);
}

/* "RLIMIT_FSIZE ... a write or truncate operation would cause this limit to be
 * exceeded, SIGXFSZ shall be generated ... if ignored [EFBIG]"; a write that fits in
 * part is cut. */
static void file_size(void *unused) {
    (void)unused;
    char data[100] = "";
    set_both(RLIMIT_FSIZE, 150);
    signal(SIGXFSZ, SIG_IGN);
    int fd = open("size", O_RDWR | O_CREAT | O_TRUNC, 0644);
    need(write(fd, data, 100) == 100);
    need(write(fd, data, 100) == 50);
    need(write(fd, data, 100) == -1 && errno == EFBIG);
    need(ftruncate(fd, 151) == -1 && errno == EFBIG);
    need(ftruncate(fd, 150) == 0 && ftruncate(fd, 10) == 0);
    need(pwrite(fd, data, 1, 150) == -1 && errno == EFBIG);
    need(open("size", O_WRONLY | O_TRUNC) >= 0);
}

static void file_size_signal(void *unused) {
    (void)unused;
    set_both(RLIMIT_FSIZE, 10);
    int fd = open("signal", O_RDWR | O_CREAT | O_TRUNC, 0644);
    need(write(fd, "0123456789", 10) == 10);
    write(fd, "x", 1);
}

/* "RLIMIT_AS ... the maximum size of a process' total available memory. If this limit
 * is exceeded, malloc() and mmap() fail with [ENOMEM], stack growth fails". */
static void address_space(void *unused) {
    (void)unused;
    set_both(RLIMIT_AS, 48 << 20);
    void *p = mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(p != MAP_FAILED);
    need(mmap(NULL, 40 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
         == MAP_FAILED);
    void *volatile q = malloc(40 << 20);
    need(errno == ENOMEM && q == NULL);
    need(munmap(p, 16 << 20) == 0);
    p = mmap(NULL, 40 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(p != MAP_FAILED);
}

/* "RLIMIT_NPROC ... fork fails with EAGAIN"; it counts a user's processes, and not
 * those of root. */
static void processes(void *unused) {
    (void)unused;
    if (is_root())
        need(setgid(4321) == 0 && setuid(4321) == 0);   // nobody else is this user
    set_both(RLIMIT_NPROC, 1);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    need(pid == -1 && errno == EAGAIN);
}

/* "RLIMIT_CPU: the maximum amount of CPU time, in seconds, used by a process. If this
 * limit is exceeded, SIGXCPU shall be generated for the process."; getrlimit(2): "...
 * will be sent SIGXCPU once per second until the hard limit is reached, at which time
 * it is sent SIGKILL." One second is the smallest limit. */
static void warned(int sig) {
    static int seconds;
    struct timespec used;
    need(sig == SIGXCPU && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
    int halves = (int)used.tv_sec * 2 + used.tv_nsec / 500000000;
    need(halves >= 2 * ++seconds - 1);          // Linux counts ticks here, roughly
    need(write(1, "x", 1) == 1);
    if (seconds == 2)
        set_both(RLIMIT_CPU, 1);        // the hard limit, and it is used up
}

static void cpu_time(void *unused) {
    (void)unused;
    struct rlimit r = { 1, 1000 };
    int p[2];
    need(setrlimit(RLIMIT_CPU, &r) == 0 && pipe(p) == 0);
    signal(SIGXCPU, warned);
    pid_t pid;
    CHILD (pid) {       // the limit is inherited, what was used is not
        need(dup2(p[1], 1) == 1);
        for (volatile unsigned n = 0;; n++)
            continue;
    }
    need(wait_for(pid) == SIGKILL);
    char got[8];
    need(read(p[0], got, sizeof(got)) == 2);
}

/* prlimit(2): set and get in one step. */
static void prlimit_call(void) {
    struct rlimit old, new = { 77, 88 };
    pid_t pid;
    CHILD (pid) {
        need(prlimit(getpid(), RLIMIT_NOFILE, &new, &old) == 0);
        need(old.rlim_cur != 77 && limit_of(RLIMIT_NOFILE).rlim_cur == 77);
    }
    is_exit(wait_for(pid), 0, "prlimit gives the old limit and sets the new one");
    ok(prlimit(0, RLIMIT_NOFILE, NULL, &old) == 0
           && old.rlim_cur == limit_of(RLIMIT_NOFILE).rlim_cur,
       "0 is oneself, and nothing needs to be set");
    is_errno(prlimit(999999999, RLIMIT_NOFILE, NULL, &old), ESRCH,
             "nobody there is ESRCH");
    is_errno(getrlimit(99, &old), EINVAL, "an unknown resource is EINVAL");
    is_errno(setrlimit(99, &old), EINVAL, "for setrlimit too");
    is_int(raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 8, 0), -EFAULT,
           "a bad pointer is EFAULT");
}

int main(void) {
    scratch();
    make_file("f", "text");
    is_exit(in_child(rules, NULL), 0,
            "soft limits move up to the hard one, that only down");
    is_exit(in_child(inherited, NULL), 0, "limits are inherited");
    is_exit(in_child(open_files, NULL), 0,
            "RLIMIT_NOFILE is EMFILE, from open, pipe and dup");
    is_exit(in_child(above_the_limit, NULL), 0,
            "descriptors above a lowered limit stay open");
    is_exit(in_child(file_size, NULL), 0,
            "RLIMIT_FSIZE cuts a write, then it is EFBIG");
    is_killed(in_child(file_size_signal, NULL), SIGXFSZ,
              "or SIGXFSZ, when not ignored");
    is_exit(in_child(address_space, NULL), 0, "RLIMIT_AS is ENOMEM");
    is_exit(in_child(processes, NULL), 0, "RLIMIT_NPROC is EAGAIN");
    is_exit(in_child(cpu_time, NULL), 0, "RLIMIT_CPU is SIGXCPU, then SIGKILL");
    prlimit_call();
    return done_testing();
}
