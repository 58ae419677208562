/* pipe_full.c - POSIX write() to a pipe: "If the O_NONBLOCK flag is clear, a write
 * request may cause the thread to block, but on normal completion it shall return
 * nbyte"; read(): "block the calling thread until some data is written or the pipe is
 * closed".
 */
/* FEATURE(94): a full pipe blocks the writer until a reader makes room */
#include "tap.h"

#include <poll.h>

static int p[2], report[2];
static char big[300000], text[300000];

/* Fills the pipe without blocking, gives the number of bytes. */
static long fill(void) {
    long total = 0;
    ssize_t n;
    need(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    while ((n = write(p[1], big, 4096)) > 0)
        total += n;
    while ((n = write(p[1], big, 1)) > 0)
        total += n;
    need(errno == EAGAIN && fcntl(p[1], F_SETFL, 0) == 0);
    return total;
}

static void read_exactly(char *to, long size) {
    for (long done = 0; done < size;) {
        ssize_t n = read(p[0], to + done, (size_t)(size - done));
        need(n > 0);
        done += n;
    }
}

static int is_empty(void) {
    char c;
    need(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    ssize_t n = read(p[0], &c, 1);
    need(fcntl(p[0], F_SETFL, 0) == 0);
    return n < 0;
}

static void blocks(void) {
    struct pollfd poll_report = { .events = POLLIN };
    pid_t pid;
    need(pipe(p) == 0 && pipe(report) == 0);
    poll_report.fd = report[0];
    long capacity = fill();
    ok(capacity >= 4096, "a pipe holds at least PIPE_BUF bytes");
    note("capacity %ld", capacity);
    CHILD (pid) {
        need(write(p[1], "Z", 1) == 1);
        need(write(report[1], "r", 1) == 1);
    }
    until_asleep(pid);
    is_int(poll(&poll_report, 1, 0), 0, "a writer to a full pipe waits");
    read_exactly(text, capacity);
    is_exit(wait_for(pid), 0,
            "a full pipe blocks the writer until a reader makes room");
    ok(read(p[0], text, 10) == 1 && text[0] == 'Z', "its byte comes last");
    close(p[0]);
    close(p[1]);
    close(report[0]);
    close(report[1]);
}

/* More than fits: the writer goes on as there is room, and returns nbyte in the end. */
static void large(void) {
    pid_t pid;
    need(pipe(p) == 0);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 251);
    CHILD (pid) {
        close(p[0]);
        need(write(p[1], big, sizeof big) == sizeof big);
    }
    close(p[1]);
    long done = 0, size = 1;
    ssize_t n;
    while ((n = read(p[0], text + done, (size_t)size)) > 0)
        done += n, size = size * 3 % 8191 + 1;          // odd pieces
    is_int(done, sizeof big, "a large write arrives whole");
    ok(memcmp(text, big, sizeof big) == 0, "and in order");
    is_exit(wait_for(pid), 0, "and returns its full length");
    close(p[0]);
}

/* O_NONBLOCK: "If nbyte is greater than {PIPE_BUF} ... when at least one byte can be
 * written, transfer what it can and return the number of bytes written ... when no data
 * can be written, return -1 with errno set to [EAGAIN]". */
static void partial(void) {
    need(pipe2(p, O_NONBLOCK) == 0);
    ssize_t n = write(p[1], big, sizeof big);
    ok(n > 0 && n < (ssize_t)sizeof big, "a large non-blocking write is cut");
    is_errno(write(p[1], big + n, 100000), EAGAIN, "EAGAIN: nothing fits any more");
    is_errno(write(p[1], big + n, 1), EAGAIN, "EAGAIN: not one byte");
    read_exactly(text, 8192);
    ssize_t more = write(p[1], big + n, sizeof big - (size_t)n);
    ok(more > 0 && more <= 8192, "after a read of 8192 some more fits");
    read_exactly(text + 8192, n + more - 8192);
    ok(memcmp(text, big, (size_t)(n + more)) == 0, "nothing is lost or doubled");
    ok(is_empty(), "nothing is left");
    close(p[0]);
    close(p[1]);
}

static void handler(int sig) {
    (void)sig;
}

/* Signals the child until it has reported a number. */
static long interrupt(pid_t pid) {
    struct pollfd f = { .fd = report[0], .events = POLLIN };
    long r;
    while (poll(&f, 1, 0) == 0) {
        until_asleep(pid);
        kill(pid, SIGUSR1);
        sched_yield();
    }
    need(read(report[0], &r, sizeof r) == sizeof r);
    return r;
}

/* "If write() is interrupted by a signal before it writes any data, it shall return -1
 * with errno set to [EINTR]. If write() is interrupted by a signal after it
 * successfully writes some data, it shall return the number of bytes written." */
static void interrupted(int flags, const char *name) {
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    pid_t pid;
    need(pipe(p) == 0 && pipe(report) == 0 && sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid) {
        long r = write(p[1], big, sizeof big);
        need(write(report[1], &r, sizeof r) == sizeof r);
    }
    long r = interrupt(pid);
    ok(r > 0 && r < (long)sizeof big, "%s: a write with some data done is cut short",
       name);
    wait_for(pid);
    read_exactly(text, r);
    ok(memcmp(text, big, (size_t)r) == 0 && is_empty(), "%s: what it says was written",
       name);
    if (flags == 0) {
        fill();
        CHILD (pid) {
            r = write(p[1], "x", 1) == -1 ? -errno : 0;
            need(write(report[1], &r, sizeof r) == sizeof r);
        }
        is_int(interrupt(pid), -EINTR, "EINTR: a write that could do nothing yet");
        wait_for(pid);
    }
    for (int i = 0; i < 2; i++)
        close(p[i]), close(report[i]);
    signal(SIGUSR1, SIG_DFL);
}

/* A sleeper learns that the other side has gone. */
static void other_side_leaves(void) {
    pid_t pid;
    need(pipe(p) == 0);
    signal(SIGPIPE, SIG_IGN);
    fill();
    CHILD (pid) {
        close(p[0]);
        need(write(p[1], "x", 1) == -1 && errno == EPIPE);
    }
    until_asleep(pid);
    close(p[0]);
    is_exit(wait_for(pid), 0,
            "EPIPE wakes a sleeping writer when the last reader leaves");
    close(p[1]);
    need(pipe(p) == 0);
    CHILD (pid) {
        char c;
        close(p[1]);
        need(read(p[0], &c, 1) == 0);
    }
    until_asleep(pid);
    close(p[1]);
    is_exit(wait_for(pid), 0,
            "end of file wakes a sleeping reader when the writer leaves");
    close(p[0]);
    signal(SIGPIPE, SIG_DFL);
}

/* Several sleepers at one pipe: every byte goes to one reader, nobody sleeps for
 * ever. */
static void crowd(void) {
    enum { N = 5 };
    pid_t pid[N];
    need(pipe(p) == 0 && pipe(report) == 0);
    for (int i = 0; i < N; i++)
        CHILD (pid[i]) {
            char c;
            close(p[1]);
            while (read(p[0], &c, 1) == 1)
                need(write(report[1], &c, 1) == 1);
        }
    close(report[1]);
    close(p[0]);
    int sent = 0, seen[256] = { 0 }, got = 0;
    for (; sent < 60; sent++) {
        if (sent % 20 == 0)
            for (int i = 0; i < N; i++)
                until_asleep(pid[i]);
        char c = (char)sent;
        need(write(p[1], &c, 1) == 1);
    }
    close(p[1]);
    unsigned char c;
    while (read(report[0], &c, 1) == 1)
        got += seen[c]++ == 0;
    is_int(got, sent, "%d sleeping readers share the bytes, each byte goes to one", N);
    for (int i = 0; i < N; i++)
        wait_for(pid[i]);
    close(report[0]);
}

static void many_writers(void) {
    enum { N = 5 };
    pid_t pid[N];
    need(pipe(p) == 0);
    long capacity = fill();
    for (int i = 0; i < N; i++)
        CHILD (pid[i])
            need(write(p[1], big, 9000) == 9000);
    for (int i = 0; i < N; i++)
        until_asleep(pid[i]);
    close(p[1]);
    long total = 0;
    ssize_t n;
    while ((n = read(p[0], text, 1000)) > 0)
        total += n;
    is_int(total, capacity + N * 9000, "%d sleeping writers all get to write", N);
    for (int i = 0; i < N; i++)
        wait_for(pid[i]);
    close(p[0]);
}

int main(void) {
    blocks();
    large();
    partial();
    interrupted(0, "EINTR");
    interrupted(SA_RESTART, "SA_RESTART");
    other_side_leaves();
    crowd();
    many_writers();
    return done_testing();
}
