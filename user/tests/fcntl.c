/* fcntl.c - POSIX fcntl(): descriptor flags, status flags, duplicates; the
 * like. Locks are in a test of their own.
 */
#include "scratch.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

/* "F_GETFD Get the file descriptor flags ... associated with a single file descriptor
 * and do not affect other file descriptors that refer to the same file." */
static void descriptor_flags(void) {
    int a = open("f", O_RDONLY), b = dup(a);
    is_int(fcntl(a, F_SETFD, FD_CLOEXEC), 0, "F_SETFD sets FD_CLOEXEC");
    is_int(fcntl(a, F_GETFD), FD_CLOEXEC, "F_GETFD gives it");
    is_int(fcntl(b, F_GETFD), 0, "a duplicate has a flag of its own");
    is_int(fcntl(a, F_SETFD, 0), 0, "F_SETFD clears it");
    is_int(fcntl(a, F_GETFD), 0, "it is off");
    close(a), close(b);
}

/* "F_SETFL Set the file status flags ... Bits corresponding to the file access mode and
 * the file creation flags ... shall be ignored." "file status flags ... associated with
 * the open file description". */
static void status_flags(void) {
    int a = open("f", O_RDWR | O_CREAT | O_TRUNC), b = dup(a), c = open("f", O_RDWR);
    is_int(fcntl(a, F_GETFL) & (O_CREAT | O_TRUNC | O_EXCL), 0,
           "creation flags are not kept");
    is_int(fcntl(a, F_SETFL, O_APPEND | O_NONBLOCK), 0, "F_SETFL");
    is_int(fcntl(a, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE),
           O_APPEND | O_NONBLOCK | O_RDWR, "sets the flags and keeps the access mode");
    is_int(fcntl(b, F_GETFL) & O_APPEND, O_APPEND, "a duplicate shares them");
    is_int(fcntl(c, F_GETFL) & O_APPEND, 0, "another open does not");
    need(write(c, "0123", 4) == 4 && lseek(a, 0, SEEK_SET) == 0
         && write(a, "45", 2) == 2);
    ok(has_text("f", "012345"), "O_APPEND set later works");
    is_int(fcntl(a, F_SETFL, O_WRONLY), 0, "an access mode in F_SETFL");
    is_int(fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR,
           "is ignored, and the other flags are cleared");
    close(a), close(b), close(c);
}

/* "F_DUPFD Return a new file descriptor which shall be allocated ... the lowest
 * numbered available file descriptor greater than or equal to the third argument,
 * arg." */
static void duplicates(void) {
    struct rlimit limit;
    need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    int a = open("f", O_RDWR), b = fcntl(a, F_DUPFD, 100), c = fcntl(a, F_DUPFD, 100);
    is_int(b, 100, "F_DUPFD gives the number asked for");
    is_int(c, 101, "or the next that is free");
    need(lseek(a, 3, SEEK_SET) == 3);
    is_int(lseek(b, 0, SEEK_CUR), 3, "the offset is shared");
    is_int(fcntl(b, F_GETFD), 0, "FD_CLOEXEC is off");
    int d = fcntl(a, F_DUPFD_CLOEXEC, 100);
    is_int(d, 102, "F_DUPFD_CLOEXEC");
    is_int(fcntl(d, F_GETFD), FD_CLOEXEC, "sets it");
    is_errno(fcntl(a, F_DUPFD, -1), EINVAL, "from -1 is EINVAL");
    is_errno(fcntl(a, F_DUPFD, (int)limit.rlim_cur), EINVAL,
             "from the limit on is EINVAL");
    close(a), close(b), close(c), close(d);
}

static void errors(void) {
    is_errno(fcntl(-1, F_GETFD), EBADF, "F_GETFD of -1 is EBADF");
    is_errno(fcntl(500, F_GETFL), EBADF, "F_GETFL of a closed number is EBADF");
    is_errno(fcntl(500, F_DUPFD, 0), EBADF, "F_DUPFD of one is EBADF");
    is_errno(fcntl(1, 12345, 0), EINVAL, "an unknown command is EINVAL");
}

/* ioctl(2): FIONREAD of a pipe; "[ENOTTY] The specified request does not
 * apply to the kind of object that the file descriptor references". */
static void ioctls(void) {
    int p[2], n = -1, fd = open("f", O_RDONLY);
    need(pipe(p) == 0 && write(p[1], "12345", 5) == 5);
    is_int(ioctl(p[0], FIONREAD, &n), 0, "FIONREAD of a pipe");
    is_int(n, 5, "is what can be read");
    int on = 1, off = 0;
    need(ioctl(p[1], FIONBIO, &on) == 0);
    is_int(fcntl(p[1], F_GETFL), O_WRONLY | O_NONBLOCK, "FIONBIO sets O_NONBLOCK");
    need(ioctl(p[1], FIONBIO, &off) == 0);
    is_int(fcntl(p[1], F_GETFL), O_WRONLY, "and clears it");
    is_errno(ioctl(p[1], FIONBIO, 8), EFAULT, "a bad address is EFAULT");
    need(ioctl(p[1], FIOCLEX) == 0);
    is_int(fcntl(p[1], F_GETFD), FD_CLOEXEC, "FIOCLEX sets FD_CLOEXEC");
    need(ioctl(p[1], FIONCLEX) == 0);
    is_int(fcntl(p[1], F_GETFD), 0, "and FIONCLEX clears it");
    is_errno(ioctl(fd, 0x12345678, &n), ENOTTY, "an unknown request is ENOTTY");
    is_errno(ioctl(-1, FIONREAD, &n), EBADF, "a bad descriptor is EBADF");
    close(fd), close(p[0]), close(p[1]);
}

int main(void) {
    scratch();
    make_file("f", "012345");
    descriptor_flags();
    status_flags();
    duplicates();
    errors();
    ioctls();
    return done_testing();
}
