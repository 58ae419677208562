/* attack_calls.c - calls that there are not, arguments that are out of all bounds,
 * lengths that wrap: intro(2) "ENOSYS Function not implemented", EINVAL, EFAULT, and
 * nothing else. The pointers of calls about files are in attack_pointers.c; here are
 * those about processes, signals and waiting.
 */
#include "raw.h"
#include "tap.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

/* Numbers that Linux/i386 has never used or has given up, and those out of the
 * table. */
static void no_such_call(void) {
    static const long number[] = {
        17, 31, 32, 35, 44, 53, 56, 58, 98, 127, 130, 137, 167, 188, 189, 222, 223,
        251, 285, 600, 1000, 5000, 0x10000, 0x7fffffff, (long)0x80000000,
        (long)0xffff0000, -4096, -1,
    };
    int right = 0, n = sizeof number / sizeof *number;
    for (int i = 0; i < n; i++) {
        long r = raw(number[i], -1, -1, -1, -1, -1, -1);
        right += r == -ENOSYS;
        if (r != -ENOSYS)
            note("call %ld gave %ld", number[i], r);
    }
    is_int(right, n, "ENOSYS: %d numbers without a call", n);
}

static char *hole;                                      // behind a page that is there
static uint32_t object[64];

/* One pointer argument, with the others as they must be. */
static const struct {
    long nr;
    const char *name;
    int place, size;
    long arg[6];
} target[] = {
    { SYS_rt_sigtimedwait, "rt_sigtimedwait, time", 2, 8, { (long)object, 0, 0, 8 } },
    { SYS_rt_sigqueueinfo, "rt_sigqueueinfo", 2, 128, { 0, SIGURG, 0 } },
    { SYS_ppoll, "ppoll, time", 2, 8, { 0, 0, 0, 0, 8 } },
    { SYS_ppoll, "ppoll, mask", 3, 8, { 0, 0, (long)object, 0, 8 } },
    { SYS__newselect, "select, readfds", 1, 4, { 1, 0, 0, 0, (long)object } },
    { SYS__newselect, "select, writefds", 2, 4, { 1, 0, 0, 0, (long)object } },
    { SYS__newselect, "select, exceptfds", 3, 4, { 1, 0, 0, 0, (long)object } },
    { SYS__newselect, "select, timeout", 4, 8, { 0, 0, 0, 0, 0 } },
    { SYS_pselect6, "pselect6, time", 4, 8, { 0, 0, 0, 0, 0, 0 } },
    { SYS_pselect6, "pselect6, mask pair", 5, 8, { 0, 0, 0, 0, (long)object, 0 } },
    { SYS_getresuid32, "getresuid", 0, 4, { 0, (long)object, (long)object } },
    { SYS_getresuid32, "getresuid, 2nd", 1, 4, { (long)object, 0, (long)object } },
    { SYS_getresgid32, "getresgid, 3rd", 2, 4, { (long)object, (long)object, 0 } },
    { SYS_setgroups32, "setgroups", 1, 8, { 2, 0 } },
    { SYS_get_robust_list, "get_robust_list", 1, 4, { 0, 0, (long)object } },
    { SYS_futex, "futex, time-out", 3, 8, { (long)object, 0, 0, 0 } },
};

static void pointers(void) {
    static const uintptr_t bad[] = { 1, 0xfff, 0xc0000000, 0xc0100000, 0xfffff000,
                                     0xfffffffc,
                                     0xffffffff };
    for (size_t i = 0; i < sizeof target / sizeof *target; i++) {
        int right = 0;
        for (int j = 0; j < 9; j++) {
            long arg[6];
            memcpy(arg, target[i].arg, sizeof arg);
            if (target[i].nr == SYS_rt_sigqueueinfo)
                arg[0] = getpid();
            arg[target[i].place] = j < 7    ? (long)bad[j]
                                   : j == 7 ? (long)hole
                                            : (long)hole - target[i].size + 1;
            memset(object, 0, sizeof object);
            long r = raw_call(target[i].nr, arg);
            int good = r == -EFAULT || (geteuid() != 0 && r == -EPERM);
            right += good;
            if (!good)
                note("%s with 0x%lx gave %ld", target[i].name, arg[target[i].place], r);
        }
        is_int(right, 9, "EFAULT: %s, nine bad addresses", target[i].name);
    }
}

/* readv(2): "EINVAL The sum of the iov_len values overflows an ssize_t value" or "the
 * vector count is less than zero or greater than the permitted maximum". */
static void vectors(void) {
    static char text[16];
    static struct iovec v[3] = { { text, 16 },
                                 { text, 0x7fffffff },
                                 { text, 0x7fffffff } };
    int p[2];
    need(pipe(p) == 0 && write(p[1], "0123456789", 10) == 10);
    is_int(raw(SYS_readv, p[0], (long)v, -1), -EINVAL, "EINVAL: -1 vectors");
    is_int(raw(SYS_readv, p[0], (long)v, 1025), -EINVAL, "EINVAL: 1025 vectors");
    is_int(raw(SYS_readv, p[0], (long)v, 0x20000001), -EINVAL,
           "EINVAL: 2^29 + 1 vectors");
    is_int(raw(SYS_readv, p[0], (long)v, 0), 0, "no vector: 0 bytes");
    long r = raw(SYS_readv, p[0], (long)v, 3);
    ok(r == -EINVAL || r == -EFAULT || r == 10, "lengths that add up to 2^32 + 14");
    v[0].iov_len = 0xffffffff;
    long w = raw(SYS_writev, p[1], (long)v, 1);
    is_int(w, -EINVAL, "EINVAL: a length of -1");
    v[0] = (struct iovec){ (void *)0xfffff000, 16 };
    is_int(raw(SYS_writev, p[1], (long)v, 1), -EFAULT,
           "EFAULT: a vector into the kernel");
    close(p[0]);
    close(p[1]);
}

static void numbers(void) {
    static const struct {
        const char *name;
        long nr, arg[4], want;
    } wild[] = {
        { "close(INT_MIN)", SYS_close, { INT_MIN }, -EBADF },
        { "close(INT_MAX)", SYS_close, { INT_MAX }, -EBADF },
        { "read from -1", SYS_read, { -1, (long)object, 1 }, -EBADF },
        { "dup2 to INT_MAX", SYS_dup2, { 1, INT_MAX }, -EBADF },
        { "dup2 to -1", SYS_dup2, { 1, -1 }, -EBADF },
        { "fcntl of 2^16", SYS_fcntl64, { 65536, F_GETFD }, -EBADF },
        { "F_DUPFD from -1", SYS_fcntl64, { 1, F_DUPFD, -1 }, -EINVAL },
        { "F_DUPFD from 2^31 - 1", SYS_fcntl64, { 1, F_DUPFD, INT_MAX }, -EINVAL },
        { "an unknown fcntl", SYS_fcntl64, { 1, 0x7777 }, -EINVAL },
        { "poll of 2^30", SYS_poll, { (long)object, 1 << 30, 0 }, -EINVAL },
        { "select of -1", SYS__newselect, { -1, 0, 0, 0 }, -EINVAL },
        { "getgroups(-1)", SYS_getgroups32, { -1, (long)object }, -EINVAL },
        { "setpgid(0, INT_MIN)", SYS_setpgid, { 0, INT_MIN }, -EINVAL },
        { "getpgid(INT_MIN)", SYS_getpgid, { INT_MIN }, -ESRCH },
        { "getsid(-1)", SYS_getsid, { -1 }, -ESRCH },
        { "kill with signal 2^31 - 1", SYS_kill, { 1, INT_MAX }, -EINVAL },
        { "tkill of 0", SYS_tkill, { 0, 0 }, -EINVAL },
        { "waitid of type 9", SYS_waitid, { 9, 0, 0, WEXITED }, -EINVAL },
        { "an unknown futex", SYS_futex, { (long)object, 0x7f }, -ENOSYS },
        { "pipe2 with all flags", SYS_pipe2, { (long)object, -1 }, -EINVAL },
        { "dup3 onto itself", SYS_dup3, { 0, 0, 0 }, -EINVAL },
        { "dup3 with all flags", SYS_dup3, { 0, 5, -1 }, -EINVAL },
        { "clone of a thread without memory", SYS_clone, { 0x10000 }, -EINVAL },
        { "clone of handlers without memory", SYS_clone, { 0x800 }, -EINVAL },
    };
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++)
        is_int(raw(wild[i].nr, wild[i].arg[0], wild[i].arg[1], wild[i].arg[2],
                   wild[i].arg[3]),
               wild[i].want, "%s", wild[i].name);
}

/* clone(2) with arguments that are nonsense: EINVAL, or a child that dies of it. */
static void clones(void) {
    long r = raw(SYS_clone, SIGCHLD, 16, 0, 0, 0);      // a stack at 16
    if (r == 0)
        _exit(1);                                       // raw() pops before it returns
    need(r > 0);
    is_killed(wait_for((pid_t)r), SIGSEGV,
              "clone with a stack at 16: the child dies of it");
    r = raw(SYS_clone, 0x3d0f00, (long)object + 128, (long)object, 16, (long)object);
    ok(r == -EFAULT || r == -EINVAL, "a thread with a TLS descriptor at 16 is refused");
}

int main(void) {
    char *page =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    hole = page + 4096;
    no_such_call();
    pointers();
    vectors();
    numbers();
    clones();
    return done_testing();
}
