/* attack_leaks.c - no byte of the kernel's memory comes out with a result: padding,
 * unused fields, tails of strings and records. Each buffer is filled with a pattern
 * first; what the kernel stores there is a value that it should tell, zero, or nothing
 * at all.
 */
#include "raw.h"
#include "scratch.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

enum { PATTERN = 0x5a };

static unsigned char buffer[8192];

/* How many bytes of buffer[from..to) are neither zero nor untouched. */
static int strange(size_t from, size_t to) {
    int count = 0;
    for (size_t i = from; i < to; i++)
        if (buffer[i] != 0 && buffer[i] != PATTERN) {
            if (count++ < 4)
                note("byte %zu is 0x%02x", i, buffer[i]);
        }
    return count;
}

/* Makes the call with its result in the buffer, filled with the pattern. */
#define INTO_BUFFER(...) (memset(buffer, PATTERN, sizeof buffer), raw(__VA_ARGS__))

/* uname(2): six fields of 65 bytes, each zero from its string's end on. */
static void names(void) {
    int tails = 0;
    need(INTO_BUFFER(SYS_uname, (long)buffer) == 0);
    for (int i = 0; i < 6; i++) {
        size_t length = strnlen((char *)buffer + i * 65, 65);
        for (size_t k = length; k < 65; k++)
            tails += buffer[i * 65 + k] != 0;
    }
    is_int(tails, 0, "uname: zeros behind every string");
    is_int(strange(390, 512), 0, "and nothing behind the struct");
}

/* statx(2): 256 bytes; what is reserved is zero. */
static void file_status(void) {
    static const char *const path[] = { "f", ".", "/dev/null", "/proc/self/stat",
                                        "link", "fifo" };
    for (int i = 0; i < 6; i++) {
        need(INTO_BUFFER(SYS_statx, AT_FDCWD, (long)path[i], AT_SYMLINK_NOFOLLOW, 0x7ff,
                         (long)buffer)
             == 0);
        int bad = buffer[30] | buffer[31];              // behind stx_mode
        for (int t = 0; t < 4; t++)
            for (int k = 12; k < 16; k++)
                bad |= buffer[64 + 16 * t + k];         // behind each tv_nsec
        for (int k = 192; k < 256; k++)
            bad |= buffer[k];                           // reserved
        is_int(bad, 0, "statx of %s: padding is zero", path[i]);
        is_int(strange(256, 300), 0, "and nothing is behind the struct");
    }
}

/* getdents64(2): the bytes between a name's end and the next record. */
static void directory_entries(void) {
    int fd = open("d", O_RDONLY), bad = 0, records = 0;
    need(fd >= 0);
    long n = INTO_BUFFER(SYS_getdents64, fd, (long)buffer, sizeof buffer);
    need(n > 0);
    for (long at = 0; at < n; records++) {
        unsigned size = buffer[at + 16] | buffer[at + 17] << 8;
        size_t name = at + 19, end = name + strlen((char *)buffer + name) + 1;
        bad += strange(end, at + size);
        at += size;
    }
    is_int(bad, 0, "getdents64: nothing between %d records", records);
    is_int(strange(n, n + 64), 0, "nor behind the last");
    close(fd);
}

static volatile int handled;
static int extra;

static void handler(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)context;
    unsigned char *byte = (unsigned char *)info;
    for (int i = 20; i < 128; i++)
        extra += byte[i] != 0;
    handled = 1;
}

/* siginfo is 128 bytes; kill(2) fills five words of it. */
static void signal_information(void) {
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigset_t set, old;
    struct timespec zero = { 0, 0 };
    need(sigaction(SIGUSR1, &sa, NULL) == 0 && kill(getpid(), SIGUSR1) == 0 && handled);
    is_int(extra, 0, "siginfo of a handler: zero behind what kill says");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    need(kill(getpid(), SIGUSR2) == 0);
    need(INTO_BUFFER(SYS_rt_sigtimedwait, (long)&set, (long)buffer, (long)&zero, 8)
         == SIGUSR2);
    is_int(strange(20, 160), 0, "siginfo of sigtimedwait too");
    sigprocmask(SIG_SETMASK, &old, NULL);
    pid_t pid;
    CHILD (pid)
        _exit(5);
    need(INTO_BUFFER(SYS_waitid, P_PID, pid, (long)buffer, WEXITED, 0) == 0);
    is_int(strange(24, 160), 0, "and of waitid");
}

/* Small structs: nothing in their reserved fields, nothing behind them. */
static void small_structs(void) {
    need(INTO_BUFFER(SYS_sysinfo, (long)buffer) == 0);
    is_int(strange(42, 44), 0, "sysinfo: padding behind procs");
    is_int(strange(56, 200), 0, "and behind mem_unit");
    need(INTO_BUFFER(SYS_getrusage, RUSAGE_SELF, (long)buffer) == 0);
    is_int(strange(72, 200), 0, "getrusage: nothing behind 72 bytes");
    need(INTO_BUFFER(SYS_clock_gettime64, CLOCK_MONOTONIC, (long)buffer) == 0);
    is_int(strange(12, 200), 0, "clock_gettime64: nothing behind tv_nsec");
    need(INTO_BUFFER(SYS_rt_sigaction, SIGUSR1, 0, (long)buffer, 8) == 0);
    is_int(strange(20, 200), 0, "sigaction: nothing behind 20 bytes");
    need(INTO_BUFFER(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)buffer) == 0);
    is_int(strange(16, 200), 0, "prlimit64: nothing behind 16 bytes");
    need(INTO_BUFFER(SYS_sigaltstack, 0, (long)buffer) == 0);
    is_int(strange(12, 200), 0, "sigaltstack: nothing behind 12 bytes");
    long n = INTO_BUFFER(SYS_sched_getaffinity, 0, 128, (long)buffer);
    ok(n > 0 && strange(n, 300) == 0, "sched_getaffinity: nothing behind what it says");
    n = INTO_BUFFER(SYS_getcwd, (long)buffer, 1000);
    ok(n > 0 && strange(n, 1200) == 0, "getcwd: nothing behind the zero");
    n = INTO_BUFFER(SYS_readlink, (long)"link", (long)buffer, 1000);
    ok(n == 1 && strange(n, 1200) == 0, "readlink: nothing behind the contents");
}

/* Data: a read stores what it says and no more; a hole and a grown file are zero. */
static void data(void) {
    int fd = open("f", O_RDONLY), p[2];
    need(fd >= 0 && pipe(p) == 0);
    is_int(INTO_BUFFER(SYS_read, fd, (long)buffer, 4096), 4,
           "read of a file of 4 bytes");
    is_int(strange(4, 5000), 0, "stores nothing behind them");
    need(write(p[1], "pipe", 4) == 4);
    is_int(INTO_BUFFER(SYS_read, p[0], (long)buffer, 4096), 4,
           "read of 4 bytes in a pipe");
    is_int(strange(4, 5000), 0, "stores nothing behind them");
    close(fd);
    fd = open("grown", O_RDWR | O_CREAT, 0644);
    need(write(fd, "secret", 6) == 6 && ftruncate(fd, 0) == 0
         && ftruncate(fd, 5000) == 0);
    need(lseek(fd, 0, SEEK_SET) == 0);
    is_int(INTO_BUFFER(SYS_read, fd, (long)buffer, 8192), 5000, "a file cut and grown");
    int zeros = 0;
    for (int i = 0; i < 5000; i++)
        zeros += buffer[i] == 0;
    is_int(zeros, 5000, "does not show what was cut off");
    close(fd), close(p[0]), close(p[1]);
}

int main(void) {
    scratch();
    make_file("f", "text");
    need(mkdir("d", 0755) == 0 && symlink("f", "link") == 0
         && mkfifo("fifo", 0600) == 0);
    make_file("d/a", ""), make_file("d/name-of-another-length", ""),
        make_file("d/four", "");
    names();
    file_status();
    directory_entries();
    signal_information();
    small_structs();
    data();
    return done_testing();
}
