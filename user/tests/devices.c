/* devices.c - null(4), zero(4), full(4), random(4), tty(4), getrandom(2): the files of
 * /dev that programs expect. And "[ENOTTY] The file ... is not a terminal" of
 * <termios.h>.
 */
#include "memory.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <termios.h>

static int opened(const char *path) {
    int fd = open(path, O_RDWR);
    need(fd >= 0);
    return fd;
}

/* null(4): "Data written to the /dev/null and /dev/zero special files is discarded.
 * Reads from /dev/null always return end of file". */
static void null(void) {
    char got[16];
    int fd = opened("/dev/null");
    is_int(read(fd, got, sizeof got), 0, "/dev/null: read gives the end of file");
    is_int(write(fd, "discarded", 9), 9, "write takes all");
    is_int(write(fd, got, 0), 0, "or nothing");
    is_int(read(fd, got, sizeof got), 0, "and it is still at its end");
    is_int(close(open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666)), 0,
           "a shell may open it like a file to write");
    close(fd);
}

/* "whereas reads from /dev/zero always return bytes containing zero". */
static void zero(void) {
    static char got[20000];
    int fd = opened("/dev/zero");
    memset(got, 'x', sizeof got);
    is_int(read(fd, got, sizeof got), (long)sizeof got,
           "/dev/zero: read gives all asked for");
    is_int((long)other_bytes(got, sizeof got, 0), 0, "all zeros");
    is_int(write(fd, "discarded", 9), 9, "write takes all");
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    works(p == MAP_FAILED ? -1 : 0, "it can be mapped privately");
    is_int((long)other_bytes(p, 2 * PAGE, 0), 0, "to memory of zeros");
    p[5] = 'z';
    is_int(read(fd, got, 16), 16, "which can be written");
    is_int(got[5], 0, "and /dev/zero stays zero");
    is_errno(read(fd, (char *)8, 16), EFAULT, "a bad buffer is EFAULT");
    munmap(p, 2 * PAGE);
    close(fd);
}

/* full(4): "Writes to the /dev/full device fail with an ENOSPC error. ... Reads from
 * the /dev/full device will return \0 characters." */
static void full(void) {
    char got[16] = "xxxxxxxxxxxxxxx";
    int fd = opened("/dev/full");
    is_errno(write(fd, "x", 1), ENOSPC, "/dev/full: write is ENOSPC");
    is_int(read(fd, got, sizeof got), 16, "read works");
    is_int((long)other_bytes(got, sizeof got, 0), 0, "and gives zeros");
    close(fd);
    FILE *f = fopen("/dev/full", "w");
    need(f && fputs("text", f) >= 0);
    ok(fclose(f) == EOF && errno == ENOSPC, "stdio notices when it flushes");
}

/* random(4), urandom(4), getrandom(2): "fills the buffer ... with up to buflen random
 * bytes". Two draws of 32 bytes are equal once in 2^256. */
static void random_bytes(void) {
    unsigned char a[32], b[32], seen[256] = { 0 }, many[4096];
    int distinct = 0, fd = opened("/dev/urandom");
    ok(read(fd, a, 32) == 32 && read(fd, b, 32) == 32 && memcmp(a, b, 32) != 0,
       "/dev/urandom gives different bytes each time");
    is_int(read(fd, many, sizeof many), (long)sizeof many, "4096 at once");
    for (size_t i = 0; i < sizeof many; i++)
        distinct += !seen[many[i]]++;
    is_int(distinct, 256, "in which every value occurs");
    close(fd);
    fd = open("/dev/random", O_RDONLY);
    ok(read(fd, a, 16) == 16, "/dev/random gives bytes");
    close(fd);
    ok(getrandom(a, 32, 0) == 32 && getrandom(b, 32, 0) == 32 && memcmp(a, b, 32) != 0,
       "getrandom gives different bytes each time");
    is_int(getrandom(a, 0, 0), 0, "none if none are asked for");
    is_int(getrandom(a, 16, GRND_NONBLOCK), 16, "GRND_NONBLOCK is accepted");
    is_errno(getrandom(a, 16, 0x100), EINVAL, "an unknown flag is EINVAL");
    is_errno(getrandom((void *)8, 16, 0), EFAULT, "a bad buffer is EFAULT");
    pid_t pid;
    int p[2];
    need(pipe(p) == 0);
    CHILD (pid)
        need(getrandom(b, 32, 0) == 32 && write(p[1], b, 32) == 32);
    need(getrandom(a, 32, 0) == 32 && read(p[0], b, 32) == 32);
    ok(memcmp(a, b, 32) != 0, "a child gets others than its parent");
    wait_for(pid);
    close(p[0]), close(p[1]);
}

/* tty(4): "/dev/tty ... is a synonym for the controlling terminal of a process, if
 * any"; without one open is ENXIO. setsid() leaves the terminal. */
static void no_terminal(void *unused) {
    (void)unused;
    setsid();
    need(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
}

static void not_terminals(void) {
    struct termios t;
    struct winsize size;
    pid_t group = getpgrp();
    int p[2], fd = opened("/dev/null");
    need(pipe(p) == 0);
    is_exit(in_child(no_terminal, NULL), 0, "/dev/tty without a terminal is ENXIO");
    is_errno(tcgetattr(fd, &t), ENOTTY, "tcgetattr of /dev/null is ENOTTY");
    is_errno(tcgetattr(p[0], &t), ENOTTY, "of a pipe");
    is_errno(tcgetattr(-1, &t), EBADF, "of a bad descriptor it is EBADF");
    is_errno(ioctl(p[1], TIOCGWINSZ, &size), ENOTTY, "TIOCGWINSZ of a pipe is ENOTTY");
    is_errno(tcsetpgrp(fd, group), ENOTTY, "tcsetpgrp on /dev/null is ENOTTY");
    is_errno(tcgetpgrp(p[0]), ENOTTY, "tcgetpgrp on a pipe is ENOTTY");
    is_errno(tcflush(fd, TCIOFLUSH), ENOTTY, "tcflush on /dev/null is ENOTTY");
    ok(!isatty(p[0]) && errno == ENOTTY, "isatty says no, ENOTTY");
    ok(!isatty(-1) && errno == EBADF, "or EBADF");
    close(fd), close(p[0]), close(p[1]);
}

/* poll(): "Regular files shall always poll TRUE for reading and writing"; these devices
 * as well. */
static void always_ready(void) {
    static const char *const path[] = { "/dev/null", "/dev/zero", "/proc/self/exe" };
    for (int i = 0; i < 3; i++) {
        int fd = open(path[i], O_RDONLY);
        struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
        ok(poll(&p, 1, -1) == 1 && (p.revents & POLLIN), "%s is ready for reading",
           path[i]);
        close(fd);
    }
}

int main(void) {
    null();
    zero();
    full();
    random_bytes();
    not_terminals();
    always_ready();
    return done_testing();
}
