/* pipe.c - POSIX pipe(): "shall create a pipe and place two file descriptors, one each
 * into the arguments fildes[0] and fildes[1], that refer to the open file descriptions
 * for the read and write ends of the pipe"; read(), write() and pipe(7) on what they do
 * there. A full pipe is in pipe_full.c, atomic writes are in pipe_atomic.c.
 */
/* FEATURE(84): a pipe has no name and is handed on by fork */
/* FEATURE(85): the producer writes at one end, the consumer reads at the other */
/* FEATURE(86): fd[0] is the read end and fd[1] the write end, for both */
/* FEATURE(87): a pipe goes one way: EBADF on the wrong end */
/* FEATURE(95): and no less than there is, across writes */
/* FEATURE(89): fstat shows a pipe as a file in memory with its own inode */
#include "raw.h"
#include "tap.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

static int p[2];
static char buffer[8192];

static void make(void) {
    need(pipe(p) == 0);
}

static void drop(void) {
    close(p[0]);
    close(p[1]);
}

static void ends(void) {
    char c = 'x';
    int low = dup(1);
    close(low);
    make();
    ok(p[0] == low && p[1] > p[0], "the two lowest free descriptors are used");
    is_int(write(p[1], "hello", 5), 5, "what is written to fd[1]");
    is_int(read(p[0], buffer, sizeof buffer), 5, "is read from fd[0]");
    ok(memcmp(buffer, "hello", 5) == 0, "byte for byte");
    is_errno(read(p[1], &c, 1), EBADF, "a pipe goes one way: EBADF on the wrong end");
    is_errno(write(p[0], &c, 1), EBADF, "EBADF: writing to the read end");
    is_int(fcntl(p[0], F_GETFL) & O_ACCMODE, O_RDONLY, "F_GETFL of the read end");
    is_int(fcntl(p[1], F_GETFL) & O_ACCMODE, O_WRONLY, "F_GETFL of the write end");
    is_int(fcntl(p[0], F_GETFD) | fcntl(p[1], F_GETFD), 0, "FD_CLOEXEC is clear");
    drop();
}

/* A stream: no boundaries between writes, first in first out; a read gives what is
 * there. */
static void stream(void) {
    struct iovec v[3] = { { "on", 2 }, { "", 0 }, { "e,two", 5 } };
    char a[2], b[20];
    struct iovec w[2] = { { a, 2 }, { b, 20 } };
    make();
    need(write(p[1], "abc", 3) == 3 && write(p[1], "defg", 4) == 4);
    is_int(read(p[0], buffer, 2), 2, "a read takes no more than it asks for");
    is_int(read(p[0], buffer, 100), 5, "and no less than there is, across writes");
    ok(memcmp(buffer, "cdefg", 5) == 0, "in order");
    is_int(writev(p[1], v, 3), 7, "writev gathers");
    is_int(readv(p[0], w, 2), 7, "readv scatters");
    ok(memcmp(a, "on", 2) == 0 && memcmp(b, "e,two", 5) == 0, "in order");
    is_int(write(p[1], "x", 0), 0, "a write of 0 bytes gives 0");
    need(write(p[1], "y", 1) == 1);
    is_int(read(p[0], buffer, 0), 0, "a read of 0 bytes gives 0");
    is_int(read(p[0], buffer, 5), 1, "and there is no message of 0 bytes");
    drop();
}

/* read(): "If no process has the pipe open for writing, read() shall return 0 to
 * indicate end-of-file", after the data that is still there. */
static void end_of_file(void) {
    make();
    int copy = dup(p[1]);
    need(write(p[1], "last", 4) == 4);
    close(p[1]);
    need(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    is_int(read(p[0], buffer, 10), 4, "data written before the close is read");
    is_errno(read(p[0], buffer, 10), EAGAIN,
             "a duplicate of the write end keeps it open");
    close(copy);
    is_int(read(p[0], buffer, 10), 0, "end of file when the last write end is closed");
    is_int(read(p[0], buffer, 10), 0, "and again");
    drop();
}

static volatile sig_atomic_t caught;

static void handler(int sig) {
    caught = sig;
}

/* write(): "[EPIPE] An attempt is made to write to a pipe ... that is not open for
 * reading by any process ... A SIGPIPE signal shall also be sent to the thread." */
static void broken(void) {
    pid_t pid;
    make();
    need(write(p[1], "lost", 4) == 4);
    close(p[0]);
    CHILD (pid)
        write(p[1], "x", 1);
    is_killed(wait_for(pid), SIGPIPE, "a write without readers kills by SIGPIPE");
    signal(SIGPIPE, handler);
    is_errno(write(p[1], "x", 1), EPIPE, "EPIPE when the signal is caught");
    is_int(caught, SIGPIPE, "after the handler");
    signal(SIGPIPE, SIG_IGN);
    is_errno(write(p[1], "x", 1), EPIPE, "EPIPE when it is ignored");
    struct iovec v = { "x", 1 };
    is_errno(writev(p[1], &v, 1), EPIPE, "EPIPE from writev");
    is_int(write(p[1], "", 0), 0, "0 bytes are no attempt");
    signal(SIGPIPE, SIG_DFL);
    close(p[1]);
}

/* Handed on by fork; each process closes the end it does not use. */
static void inherited(void) {
    pid_t pid;
    make();
    CHILD (pid) {
        close(p[0]);
        need(write(p[1], "from the child", 14) == 14);
    }
    close(p[1]);
    is_int(read(p[0], buffer, 100), 14, "a pipe has no name and is handed on by fork");
    ok(memcmp(buffer, "from the child", 14) == 0,
       "the producer writes at one end, the consumer reads at the other");
    is_int(read(p[0], buffer, 100), 0, "the child's exit closes its end");
    wait_for(pid);
    close(p[0]);
    make();
    CHILD (pid) {
        need(read(p[1], buffer, 1) == -1 && errno == EBADF);
        need(read(p[0], buffer, 1) == 1 && buffer[0] == 'q');
    }
    need(write(p[1], "q", 1) == 1);
    is_exit(wait_for(pid), 0,
            "fd[0] is the read end and fd[1] the write end, for both");
    drop();
}

/* pipe2(2): O_CLOEXEC, O_NONBLOCK; "EINVAL (pipe2()) Invalid value in flags". */
static void flags(void) {
    need(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
    ok((fcntl(p[0], F_GETFL) & O_NONBLOCK) && (fcntl(p[1], F_GETFL) & O_NONBLOCK),
       "O_NONBLOCK on both ends");
    is_int(fcntl(p[0], F_GETFD) & fcntl(p[1], F_GETFD), FD_CLOEXEC,
           "O_CLOEXEC on both");
    is_errno(read(p[0], buffer, 1), EAGAIN, "EAGAIN: an empty pipe, O_NONBLOCK");
    need(fcntl(p[1], F_SETFL, 0) == 0);
    ok(fcntl(p[0], F_GETFL) & O_NONBLOCK, "each end has status flags of its own");
    drop();
    p[0] = p[1] = -7;
    is_errno(pipe2(p, O_APPEND), EINVAL, "EINVAL: another flag");
    ok(p[0] == -7 && p[1] == -7, "and the array is untouched");
    int low = dup(1);
    close(low);
    is_int(raw(SYS_pipe, 16), -EFAULT, "EFAULT: a bad array");
    is_int(raw(SYS_pipe, -4), -EFAULT,
           "EFAULT: an array at the end of the address space");
    int again = dup(1);
    is_int(again, low, "and no descriptor is left open");
    close(again);
}

/* "[EMFILE] Fewer than two file descriptors remain": nothing is taken then. */
static void no_descriptors(void *unused) {
    (void)unused;
    int low = dup(1);
    struct rlimit one = { (rlim_t)low + 1, (rlim_t)low + 1 };
    close(low);
    need(setrlimit(RLIMIT_NOFILE, &one) == 0);
    need(pipe(p) == -1 && errno == EMFILE && dup(1) == low);
}

static void as_a_file(void) {
    struct stat a, b, c;
    int q[2];
    make();
    need(pipe(q) == 0 && fstat(p[0], &a) == 0 && fstat(p[1], &b) == 0
         && !fstat(q[0], &c));
    ok(S_ISFIFO(a.st_mode) && a.st_ino == b.st_ino && a.st_dev == b.st_dev
           && a.st_ino != c.st_ino,
       "fstat shows a pipe as a file in memory with its own inode");
    is_int(a.st_mode & 07777, 0600, "with mode 0600");
    ok(a.st_uid == geteuid() && a.st_gid == getegid(), "owned by its maker");
    is_int(a.st_size, 0, "and size 0");
    is_errno(lseek(p[0], 0, SEEK_CUR), ESPIPE, "ESPIPE: lseek");
    is_errno(pread(p[0], buffer, 1, 0), ESPIPE, "ESPIPE: pread");
    is_errno(pwrite(p[1], buffer, 1, 0), ESPIPE, "ESPIPE: pwrite");
    is_errno(ftruncate(p[1], 0), EINVAL, "EINVAL: ftruncate");
    is_errno(fsync(p[1]), EINVAL, "EINVAL: fsync");
    is_int(fpathconf(p[0], _PC_PIPE_BUF), 4096, "PIPE_BUF is 4096");
    is_int(fcntl(p[0], F_GETPIPE_SZ), 65536, "F_GETPIPE_SZ: 64 KiB");
    int size = fcntl(p[1], F_SETPIPE_SZ, 5000);
    ok(size >= 5000, "F_SETPIPE_SZ: as much or more");
    is_int(fcntl(p[0], F_GETPIPE_SZ), size, "and F_GETPIPE_SZ tells");
    int null = open("/dev/null", O_RDWR);
    is_errno(fcntl(null, F_GETPIPE_SZ), EBADF, "F_GETPIPE_SZ: EBADF: not a pipe");
    is_errno(fcntl(null, F_SETPIPE_SZ, 4096), EBADF, "F_SETPIPE_SZ: the same");
    close(null);
    drop();
    close(q[0]);
    close(q[1]);
}

/* A bad buffer: EFAULT, and neither are bytes lost nor invented. */
static void bad_buffers(void) {
    make();
    need(write(p[1], "keep", 4) == 4);
    is_int(raw(SYS_read, p[0], 16, 4), -EFAULT, "EFAULT: read to nowhere");
    is_int(raw(SYS_read, p[0], (long)0xfffff000, 4), -EFAULT,
           "EFAULT: read to the kernel");
    is_int(raw(SYS_read, p[0], (long)no_descriptors, 4), -EFAULT,
           "EFAULT: read to the text");
    is_int(raw(SYS_write, p[1], 16, 4), -EFAULT, "EFAULT: write from nowhere");
    is_int(raw(SYS_write, p[1], (long)0xfffff000, 4), -EFAULT,
           "EFAULT: from the kernel");
    is_int(read(p[0], buffer, 100), 4, "no byte was lost or added");
    ok(memcmp(buffer, "keep", 4) == 0, "or changed");
    drop();
}

/* The same with a vector that is good at first. */
static void bad_vectors(void) {
    struct iovec v[2] = { { buffer, 2 }, { (void *)16, 5 } };
    char got[8] = "";
    pid_t reader;

    make();
    need(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    is_errno(writev(p[1], v, 2), EFAULT,
             "EFAULT: a bad second part, into an empty pipe");
    is_errno(read(p[0], got, 8), EAGAIN, "and the pipe is still empty");
    need(write(p[1], "keep", 4) == 4);
    is_errno(writev(p[1], v, 2), EFAULT, "EFAULT: a bad second part, behind others");
    is_errno(readv(p[0], v, 2), EFAULT, "EFAULT: read into a bad second part");
    is_int(read(p[0], got, 8), 4, "no byte was lost or added by these");
    ok(memcmp(got, "keep", 4) == 0, "or changed by them");
    need(fcntl(p[0], F_SETFL, 0) == 0);
    CHILD (reader)
        need(read(p[0], got, 8) == 3 && memcmp(got, "end", 3) == 0);
    until_asleep(reader);
    is_errno(writev(p[1], v, 2), EFAULT, "EFAULT: a bad second part, to one who waits");
    need(write(p[1], "end", 3) == 3);
    is_exit(wait_for(reader), 0, "who reads what comes after it");
    drop();
}

int main(void) {
    ends();
    stream();
    end_of_file();
    broken();
    inherited();
    flags();
    is_exit(in_child(no_descriptors, NULL), 0,
            "EMFILE: one free descriptor is too few");
    as_a_file();
    bad_buffers();
    bad_vectors();
    return done_testing();
}
