/* attack_pointers.c - every pointer argument of a system call is tried with addresses
 * that are not the caller's: intro(2) "EFAULT Bad address". Never a crash, never
 * another answer, and the call can be made again afterwards.
 */
#include "memory.h"
#include "raw.h"
#include "scratch.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

int main(void);

enum { IN, OUT };

/* One pointer argument of one call. */
struct target {
    int nr;
    const char *name;
    int place;                  /* which argument is the pointer */
    int way;                    /* IN: the kernel reads there; OUT: it stores */
    int size;                   /* bytes that it surely touches; 1 for paths */
    long args[6];
};

static int file, dir, out;      /* -1, -2, -3 as the first of `args` */
static struct iovec one_byte = { "x", 1 };
static struct timespec nothing;

#define CALL(nr, place, way, size, ...)                                                \
    {                                                                                  \
        SYS_##nr, #nr, place, way, size, { __VA_ARGS__ }                               \
    }
#define PATH(nr, place, ...) CALL(nr, place, IN, 1, __VA_ARGS__)

static const struct target paths[] = {
    PATH(open, 0, 0, O_RDONLY),
    PATH(openat, 1, AT_FDCWD, 0, O_RDONLY),
    PATH(unlink, 0, 0),
    PATH(chdir, 0, 0),
    PATH(mkdir, 0, 0, 0755),
    PATH(rmdir, 0, 0),
    PATH(rename, 0, 0, (long)"x"),
    PATH(rename, 1, (long)"f", 0),
    PATH(link, 0, 0, (long)"x"),
    PATH(link, 1, (long)"f", 0),
    PATH(symlink, 0, 0, (long)"x"),
    PATH(symlink, 1, (long)"x", 0),
    PATH(readlink, 0, 0, 0, 10),
    PATH(chmod, 0, 0, 0644),
    PATH(chown32, 0, 0, -1, -1),
    { 193, "truncate64", 0, IN, 1, { 0, 0, 0 } },     // musl's macro would make it 92
    PATH(access, 0, 0, 0),
    PATH(mknod, 0, 0, 0644, 0),
    PATH(statx, 1, AT_FDCWD, 0, 0, 0x7ff, 0),
    PATH(utimensat, 1, AT_FDCWD, 0, 0, 0),
    PATH(execve, 0, 0, 0, 0),
};

static const struct target inputs[] = {
    CALL(write, 1, IN, 8, -3, 0, 8),
    CALL(writev, 1, IN, 8, -3, 0, 1),
    CALL(readv, 1, IN, 8, -1, 0, 1),
    CALL(nanosleep, 0, IN, 8, 0, 0),
    CALL(clock_nanosleep_time32, 2, IN, 8, CLOCK_MONOTONIC, 0, 0, 0),
    CALL(setitimer, 1, IN, 16, ITIMER_REAL, 0, 0),
    CALL(rt_sigaction, 1, IN, 20, SIGUSR1, 0, 0, 8),
    CALL(rt_sigprocmask, 1, IN, 8, SIG_BLOCK, 0, 0, 8),
    CALL(rt_sigtimedwait, 0, IN, 8, 0, 0, (long)&nothing, 8),
    CALL(rt_sigsuspend, 0, IN, 8, 0, 8),
    CALL(sigaltstack, 0, IN, 12, 0, 0),
    CALL(poll, 0, IN, 8, 0, 1, 0),
    CALL(prlimit64, 2, IN, 16, 0, RLIMIT_CORE, 0, 0),
    CALL(sched_setparam, 1, IN, 4, 0, 0),
    CALL(sched_setscheduler, 2, IN, 4, 0, SCHED_OTHER, 0),
    CALL(timer_create, 1, IN, 64, CLOCK_MONOTONIC, 0, 0),
    CALL(utimensat, 2, IN, 16, AT_FDCWD, (long)"f", 0, 0),
    CALL(set_thread_area, 0, IN, 16, 0),
};

static const struct target outputs[] = {
    CALL(read, 1, OUT, 4, -1, 0, 4),
    CALL(pread64, 1, OUT, 4, -1, 0, 4, 0, 0),
    CALL(getcwd, 0, OUT, 8, 0, 500),
    CALL(readlink, 1, OUT, 1, (long)"link", 0, 10),
    CALL(getdents64, 1, OUT, 24, -2, 0, 1000),
    CALL(pipe, 0, OUT, 8, 0),
    CALL(pipe2, 0, OUT, 8, 0, 0),
    CALL(statx, 4, OUT, 256, AT_FDCWD, (long)"f", 0, 0x7ff, 0),
    CALL(_llseek, 3, OUT, 8, -1, 0, 0, 0, SEEK_SET),
    CALL(uname, 0, OUT, 390, 0),
    CALL(sysinfo, 0, OUT, 64, 0),
    CALL(times, 0, OUT, 16, 0),
    CALL(getrusage, 1, OUT, 72, RUSAGE_SELF, 0),
    CALL(getitimer, 1, OUT, 16, ITIMER_REAL, 0),
    CALL(clock_gettime64, 1, OUT, 16, CLOCK_MONOTONIC, 0),
    CALL(clock_getres_time32, 1, OUT, 8, CLOCK_MONOTONIC, 0),
    CALL(prlimit64, 3, OUT, 16, 0, RLIMIT_CORE, 0, 0),
    CALL(rt_sigaction, 2, OUT, 20, SIGUSR1, 0, 0, 8),
    CALL(rt_sigprocmask, 2, OUT, 8, SIG_BLOCK, 0, 0, 8),
    CALL(rt_sigpending, 0, OUT, 8, 0, 8),
    CALL(sigaltstack, 1, OUT, 12, 0, 0),
    CALL(sched_getparam, 1, OUT, 4, 0, 0),
    CALL(sched_rr_get_interval, 1, OUT, 8, 0, 0),
    CALL(sched_getaffinity, 2, OUT, 4, 0, 4, 0),
    CALL(getrandom, 0, OUT, 16, 0, 16, 0),
};

static char *hole, *none, *border;

/* Addresses that nobody may use, whatever the size; 0: the end. */
static const uintptr_t everywhere[] = { 1,          0xfff,      0xc0000000, 0xc0100000,
                                        0xfee00000, 0xfffff000, 0xfffffff8, 0xffffffff,
                                        0 };

static long attempt(const struct target *t, uintptr_t where) {
    long args[6];
    memcpy(args, t->args, sizeof args);
    if (args[0] < 0 && args[0] >= -3)
        args[0] = args[0] == -1 ? file : args[0] == -2 ? dir : out;
    args[t->place] = (long)where;
    if (t->nr == SYS_read)
        lseek(file, 0, SEEK_SET);
    if (t->nr == SYS_getdents64)
        lseek(dir, 0, SEEK_SET);
    return raw_call(t->nr, args);
}

static int faults(const struct target *t, uintptr_t where) {
    long r = attempt(t, where);
    if (r == -EFAULT)
        return 1;
    note("%s(argument %d = 0x%lx) gave %ld", t->name, t->place, (unsigned long)where,
         r);
    return 0;
}

/* As faults(), for an object of which the first bytes are there and the rest is not. */
static int cut_off(const struct target *t, char *end) {
    if (t->size < 2)
        return 1;
    long r = attempt(t, (uintptr_t)end - 1);
    if (r == -EFAULT || r == 1)                         // 1: a read or write in part
        return 1;
    note("%s(argument %d, cut off) gave %ld", t->name, t->place, r);
    return 0;
}

static void attack(const struct target *targets, int n) {
    for (const struct target *t = targets; t < targets + n; t++) {
        int good = 1;
        for (const uintptr_t *at = everywhere; *at; at++)
            good &= faults(t, *at);
        good &= faults(t, (uintptr_t)hole) && faults(t, (uintptr_t)none);
        good &= cut_off(t, hole) && (!border || cut_off(t, border));
        if (t->way == OUT)
            good &= faults(t, (uintptr_t)main) && faults(t, (uintptr_t)t);
        ok(good, "%s, argument %d: EFAULT for every bad address", t->name, t->place);
    }
}

/* A path that ends with its page is fine; one that goes on behind it is not. */
static void paths_at_an_edge(void) {
    hole[-1] = 0, hole[-2] = 'f';
    int fd = open(hole - 2, O_RDONLY);
    works(fd, "a path whose last byte is the last of its page");
    close(fd);
    hole[-1] = 'f';
    is_errno(open(hole - 2, O_RDONLY), EFAULT, "one without an end there is EFAULT");
    memset(hole - PAGE, 'p', PAGE);
    int r = open(hole - 300, O_RDONLY);
    ok(r == -1 && (errno == EFAULT || errno == ENAMETOOLONG), "however long it is");
}

/* Lengths that are lies: as much as is there, or an error, and nothing else is
 * touched. */
static void lengths(void) {
    static const size_t length[] = { 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff };
    char buffer[64];
    for (int i = 0; i < 4; i++) {
        memset(buffer, 'b', sizeof buffer);
        long r = raw(SYS_pread64, file, (long)buffer, (long)length[i], 0, 0);
        ok((r == 4 || r == -EFAULT || r == -EINVAL)
               && other_bytes(buffer + 4, 60, 'b') == 0,
           "a read of 0x%zx bytes stores no more than there are", length[i]);
    }
    is_int(raw(SYS_poll, (long)buffer, 0x40000000, 0), -EINVAL,
           "2^30 pollfds are EINVAL");
    is_int(raw(SYS_poll, (long)buffer, -1, 0), -EINVAL, "2^32 - 1 are EINVAL");
    is_int(raw(SYS_readv, file, (long)&one_byte, 0x20000001), -EINVAL,
           "2^29 + 1 vectors, whose size wraps to one, are EINVAL");
}

int main(void) {
    int ends[2];
    scratch();
    make_file("f", "text");
    need(symlink("f", "link") == 0);
    file = open("f", O_RDONLY);
    dir = open(".", O_RDONLY);
    need(pipe2(ends, O_NONBLOCK) == 0);
    out = ends[1];
    none = map_anonymous(1, PROT_NONE);
    border = mmap((void *)0xbffff000, PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    border = border == (char *)0xbffff000 ? border + PAGE : NULL;
    hole = map_anonymous(2, PROT_READ | PROT_WRITE);    // last: nothing may fill it
    hole += PAGE;
    need(munmap(hole, PAGE) == 0);
    attack(paths, sizeof paths / sizeof paths[0]);
    attack(inputs, sizeof inputs / sizeof inputs[0]);
    attack(outputs, sizeof outputs / sizeof outputs[0]);
    paths_at_an_edge();
    lengths();
    ok(has_text("f", "text") && !exists("x"),
       "after all this the files are as they were");
    return done_testing();
}
