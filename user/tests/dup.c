/* dup.c - POSIX dup(), dup2() and dup3(2): two numbers, one open file description.
 */
#include "raw.h"
#include "scratch.h"

#include <sys/resource.h>

/* dup(): "shall be equivalent to fcntl(fildes, F_DUPFD, 0)"; "The two refer to the same
 * open file description and share file offset and status flags". */
static void sharing(void) {
    char got[4];
    make_file("f", "0123456789");
    int a = open("f", O_RDWR | O_CLOEXEC), b = dup(a);
    is_int(b, a + 1, "dup gives the lowest free number");
    ok(read(a, got, 3) == 3 && read(b, got, 3) == 3 && memcmp(got, "345", 3) == 0,
       "the offset is shared");
    is_int(lseek(b, 0, SEEK_SET), 0, "a seek on one");
    is_int(lseek(a, 0, SEEK_CUR), 0, "moves the other");
    is_int(fcntl(b, F_GETFD), 0, "dup does not copy FD_CLOEXEC");
    close(a);
    is_int(read(b, got, 3), 3, "closing one leaves the other open");
    close(b);
    is_errno(dup(b), EBADF, "dup of a closed number is EBADF");
    is_errno(dup(-1), EBADF, "dup of -1 is EBADF");
}

/* dup2(): "If fildes2 is already open, close it first"; "If fildes2 is equal to fildes,
 * return fildes2 without closing it"; "[EBADF]". */
static void to_a_number(void) {
    char got[4] = "";
    make_file("g", "other");
    int a = open("f", O_RDONLY), b = open("g", O_RDONLY);
    is_int(dup2(a, b), b, "dup2 gives the second number");
    ok(read(b, got, 3) == 3 && memcmp(got, "012", 3) == 0,
       "which is the first file now");
    is_int(dup2(a, 77), 77, "a number that was free");
    is_int(lseek(77, 0, SEEK_CUR), 3, "shares the offset too");
    need(fcntl(77, F_SETFD, FD_CLOEXEC) == 0);
    is_int(dup2(77, 77), 77, "dup2 to itself gives it back");
    is_int(fcntl(77, F_GETFD), FD_CLOEXEC, "and changes nothing");
    is_int(dup2(a, 77), 77, "dup2 over it");
    is_int(fcntl(77, F_GETFD), 0, "clears FD_CLOEXEC");
    is_errno(dup2(200, b), EBADF, "dup2 of a closed number is EBADF");
    ok(lseek(b, 0, SEEK_CUR) == 3, "and leaves the second open");
    is_errno(dup2(200, 200), EBADF, "also to itself");
    is_errno(dup2(a, -1), EBADF, "dup2 to -1 is EBADF");
    struct rlimit limit;
    need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    is_errno(dup2(a, (int)limit.rlim_cur), EBADF, "dup2 to the limit is EBADF");
    close(a), close(b), close(77);
}

/* dup3(2): O_CLOEXEC; "If oldfd equals newfd, then dup3() fails with the error
 * EINVAL." */
static void with_flags(void) {
    int a = open("f", O_RDONLY);
    is_int(dup3(a, 50, O_CLOEXEC), 50, "dup3");
    is_int(fcntl(50, F_GETFD), FD_CLOEXEC, "sets FD_CLOEXEC when asked to");
    is_int(dup3(a, 50, 0), 50, "dup3 without it");
    is_int(fcntl(50, F_GETFD), 0, "clears it");
    is_errno(dup3(a, a, 0), EINVAL, "dup3 to itself is EINVAL");
    is_int(raw(SYS_dup3, a, 51, O_APPEND), -EINVAL, "an unknown flag is EINVAL");
    close(a), close(50);
}

/* FEATURE(90): a new file gets number 0 when standard input is closed
 *
 * <unistd.h>: STDIN_FILENO 0, STDOUT_FILENO 1, STDERR_FILENO 2 are open when a program
 * starts, and are numbers like others. */
static void standard_three(void) {
    ok(fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0,
       "descriptors 0, 1 and 2 are open");
    pid_t pid;
    CHILD (pid) {
        close(0);
        need(open("f", O_RDONLY) == 0);
        need(getchar() == '0' && getchar() == '1');
    }
    is_exit(wait_for(pid), 0, "a new file gets number 0 when standard input is closed");
    CHILD (pid) {
        int fd = open("out", O_WRONLY | O_CREAT, 0644);
        need(dup2(fd, 1) == 1 && close(fd) == 0);
        need(printf("hello\n") == 6 && fflush(stdout) == 0);
    }
    is_exit(wait_for(pid), 0, "dup2 to 1");
    ok(has_text("out", "hello\n"), "sends standard output to a file");
    CHILD (pid) {
        int p[2];
        need(pipe(p) == 0 && write(p[1], "piped\n", 6) == 6 && close(p[1]) == 0);
        need(dup2(p[0], 0) == 0);
        char line[16];
        need(fgets(line, sizeof line, stdin) && strcmp(line, "piped\n") == 0);
        need(!fgets(line, sizeof line, stdin) && feof(stdin));
    }
    is_exit(wait_for(pid), 0, "standard input may as well be a pipe");
}

int main(void) {
    scratch();
    sharing();
    to_a_number();
    with_flags();
    standard_three();
    return done_testing();
}
