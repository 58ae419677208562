/* socket_stream.c - POSIX send(), recv(), shutdown(), close() on stream sockets: "The
 * SOCK_STREAM socket type provides reliable, sequenced, full-duplex octet streams";
 * "data boundaries are not visible to applications"; recv(2), send(2), unix(7).
 */
/* FEATURE(109): a stream has no boundaries and goes both ways at once */
#include "raw.h"
#include "socket.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

static int p[2];
static char big[65536];
static volatile sig_atomic_t pipes;

static void count_sigpipe(int sig) {
    (void)sig;
    pipes++;
}

static void bytes(void) {
    char b[8];
    pair(SOCK_STREAM, p);
    need(write(p[0], "abc", 3) == 3 && write(p[0], "defg", 4) == 4);
    need(write(p[1], "back", 4) == 4);
    is_int(read(p[1], b, 2), 2, "a read takes no more than it asks for");
    is_int(read(p[1], b, 8), 5, "and all there is, across writes");
    ok(memcmp(b, "cdefg", 5) == 0 && gets_text(p[0], "back"),
       "a stream has no boundaries and goes both ways at once");
    struct iovec v[2] = { { "on", 2 }, { "e,two", 5 } };
    is_int(writev(p[0], v, 2), 7, "writev gathers");
    v[0] = (struct iovec){ b, 3 }, v[1] = (struct iovec){ b + 3, 5 };
    is_int(readv(p[1], v, 2), 7, "readv scatters");
    ok(memcmp(b, "one,two", 7) == 0, "in order");
    is_int(write(p[0], b, 0), 0, "a write of 0 bytes gives 0");
    is_errno(recv(p[1], b, 1, MSG_DONTWAIT), EAGAIN, "EAGAIN: and sends nothing");
    is_errno(recv(p[1], b, 0, MSG_DONTWAIT), EAGAIN,
             "EAGAIN: a receive of 0 bytes waits for a byte");
    is_int(read(p[1], b, 0), 0, "but a read of 0 bytes gives 0");
    drop(p);
}

/* Through a queue that is smaller than what is sent, in pieces of odd sizes. */
static void much(void) {
    enum { TOTAL = 700001 };
    pid_t pid;
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        close(p[1]);
        for (int sent = 0; sent < TOTAL;) {
            int n = 1 + sent * 7 % 9973;
            if (n > TOTAL - sent)
                n = TOTAL - sent;
            for (int i = 0; i < n; i++)
                big[i] = (char)((sent + i) % 251);
            need(write(p[0], big, (size_t)n) == n);
            sent += n;
        }
    }
    close(p[0]);
    int got = 0, wrong = 0;
    for (ssize_t n; (n = read(p[1], big, (size_t)(1 + got % 30011))) > 0; got += (int)n)
        for (int i = 0; i < n; i++)
            wrong += big[i] != (char)((got + i) % 251);
    is_exit(wait_for(pid), 0, "a blocking write sends all of it");
    is_int(got, TOTAL, "every byte arrives");
    is_int(wrong, 0, "in order");
    close(p[1]);
}

/* send(2): "When the message does not fit into the send buffer of the socket, send()
 * normally blocks, unless the socket has been placed in nonblocking I/O mode. In
 * nonblocking mode it would fail with the error EAGAIN"; a part that fits is sent. */
static void full(void) {
    long total = 0, got = 0;
    ssize_t n;
    pair(SOCK_STREAM, p);
    while ((n = send(p[0], big, 3000, MSG_DONTWAIT)) > 0)
        total += n;
    ok(n == -1 && errno == EAGAIN, "MSG_DONTWAIT: EAGAIN when the queue is full");
    ok(total >= 3000 && total < 2000000, "it has a limit");
    need(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    is_errno(write(p[0], "x", 1), EAGAIN, "O_NONBLOCK: EAGAIN");
    for (long goal = total; got < goal; got += n)
        need((n = read(p[1], big, sizeof big)) > 0);
    is_int(write(p[0], "x", 1), 1, "once it is read there is room");
    need(read(p[1], big, 1) == 1);
    n = 0;
    size_t more = 4000000;
    char *much = malloc(more);
    n = write(p[0], memset(much, 1, more), more);
    ok(n > 0 && n < 4000000, "a write without blocking that does not fit is cut");
    free(much);
    for (got = 0; got < n;) {
        ssize_t r = read(p[1], big, sizeof big);
        need(r > 0);
        got += r;
    }
    is_int(got, n, "to what is then there");
    drop(p);
}

/* shutdown(): "SHUT_WR Disables subsequent send operations"; recv(): "If no messages
 * are available to be received and the peer has performed an orderly shutdown, recv()
 * shall return 0". */
static void shut(void) {
    char c;
    pair(SOCK_STREAM, p);
    need(write(p[0], "last", 4) == 4);
    works(shutdown(p[0], SHUT_WR), "shutdown SHUT_WR");
    pipes = 0;
    is_errno(write(p[0], "x", 1), EPIPE, "EPIPE: no more sending");
    is_int(pipes, 1, "and SIGPIPE");
    is_errno(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE, "MSG_NOSIGNAL: EPIPE");
    is_int(pipes, 1, "without a signal");
    ok(gets_text(p[1], "last"), "the other side gets what was sent before");
    is_int(read(p[1], &c, 1), 0, "then the end");
    need(write(p[1], "still", 5) == 5);
    ok(gets_text(p[0], "still"), "the other direction goes on");
    works(shutdown(p[1], SHUT_WR), "shutdown of that one too");
    is_int(read(p[0], &c, 1), 0, "the end there");
    drop(p);

    pair(SOCK_STREAM, p);
    need(write(p[1], "kept", 4) == 4);
    works(shutdown(p[0], SHUT_RD), "shutdown SHUT_RD");
    ok(gets_text(p[0], "kept"), "what is in the queue can still be read");
    is_int(read(p[0], &c, 1), 0, "then the end");
    is_errno(send(p[1], "x", 1, MSG_NOSIGNAL), EPIPE,
             "EPIPE: the other side cannot send");
    is_errno(shutdown(p[0], 3), EINVAL, "EINVAL: no such way");
    drop(p);
    int fd = sock(SOCK_STREAM);
    is_errno(send(fd, "x", 1, 0), ENOTCONN, "ENOTCONN: send");
    is_errno(recv(fd, &c, 1, 0), EINVAL, "EINVAL: recv, on Linux");
    close(fd);
}

/* Who sleeps in a receive or a send when the other side goes. */
static void woken(void) {
    char c;
    pid_t pid;
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        close(p[1]);
        need(read(p[0], &c, 1) == 0);
    }
    close(p[0]);
    until_asleep(pid);
    close(p[1]);
    is_exit(wait_for(pid), 0, "close wakes a reader: the end");
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        close(p[1]);
        while (send(p[0], big, sizeof big, MSG_NOSIGNAL) > 0)
            ;
        need(errno == EPIPE || errno == ECONNRESET);
    }
    close(p[0]);
    until_asleep(pid);
    close(p[1]);
    is_exit(wait_for(pid), 0, "close wakes a writer: EPIPE");
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        need(read(p[0], &c, 1) == 0);
    }
    until_asleep(pid);
    need(shutdown(p[0], SHUT_RD) == 0);
    is_exit(wait_for(pid), 0, "shutdown wakes a reader of the same socket");
    CHILD (pid) {
        while (send(p[0], big, sizeof big, MSG_NOSIGNAL) > 0)
            ;
        need(errno == EPIPE);
    }
    until_asleep(pid);
    need(shutdown(p[0], SHUT_WR) == 0);
    is_exit(wait_for(pid), 0, "and a writer");
    drop(p);
}

/* A peer that closes without having read: ECONNRESET, once, after what it had sent. */
static void reset(void) {
    char c;
    pair(SOCK_STREAM, p);
    need(write(p[0], "unread", 6) == 6 && write(p[1], "sent", 4) == 4);
    close(p[1]);
    ok(gets_text(p[0], "sent"), "what the peer had sent comes first");
    is_errno(read(p[0], &c, 1), ECONNRESET, "ECONNRESET: it did not read all of ours");
    is_int(read(p[0], &c, 1), 0, "then the end");
    close(p[0]);
    pair(SOCK_STREAM, p);
    need(write(p[0], "unread", 6) == 6);
    close(p[1]);
    is_int(option(p[0], SO_ERROR), ECONNRESET, "SO_ERROR tells it");
    is_int(option(p[0], SO_ERROR), 0, "once");
    close(p[0]);
}

/* recv(): "MSG_PEEK Peeks at an incoming message. The data is treated as unread and the
 * next recv() or similar function shall still return this data." */
static void peek(void) {
    char b[16];
    int n = -1;
    pair(SOCK_STREAM, p);
    need(write(p[0], "look", 4) == 4);
    is_int(recv(p[1], b, 2, MSG_PEEK), 2, "MSG_PEEK gives what is there");
    is_int(recv(p[1], b, 16, MSG_PEEK), 4, "again");
    need(ioctl(p[1], FIONREAD, &n) == 0);
    is_int(n, 4, "FIONREAD: and it is still there");
    ok(gets_text(p[1], "look"), "until it is received");
    need(ioctl(p[1], FIONREAD, &n) == 0);
    is_int(n, 0, "FIONREAD: nothing");
    is_errno(recv(p[1], b, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN,
             "EAGAIN: nothing to see");
    static char many[30000], got[30000];
    for (int i = 0; i < (int)sizeof many; i++)
        many[i] = (char)(i % 127);
    need(write(p[0], many, sizeof many) == sizeof many);
    is_int(recv(p[1], got, sizeof got, MSG_PEEK), sizeof got, "MSG_PEEK of many bytes");
    ok(memcmp(many, got, sizeof got) == 0, "each of them");
    drop(p);
}

/* recv(): "MSG_WAITALL On SOCK_STREAM sockets this requests that the function block
 * until the full amount of data can be returned. The function may return the smaller
 * amount of data if the socket is a message-based socket, if a signal is caught, if the
 * connection is terminated". */
static void wait_all(void) {
    char b[8];
    pid_t pid;
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        need(write(p[0], "ab", 2) == 2);
        until_asleep(getppid());
        need(write(p[0], "cd", 2) == 2);
        until_asleep(getppid());
        need(write(p[0], "efgh", 4) == 4);
    }
    is_int(recv(p[1], b, 6, MSG_WAITALL), 6, "MSG_WAITALL waits for all");
    ok(memcmp(b, "abcdef", 6) == 0, "in order");
    wait_for(pid);
    ok(gets_text(p[1], "gh"), "and takes no more");
    need(write(p[0], "xy", 2) == 2);
    close(p[0]);
    is_int(recv(p[1], b, 6, MSG_WAITALL), 2, "MSG_WAITALL: less when the peer is gone");
    close(p[1]);
    pair(SOCK_STREAM, p);
    need(write(p[0], "xy", 2) == 2);
    is_int(recv(p[1], b, 6, MSG_WAITALL | MSG_DONTWAIT), 2, "or when it may not block");
    drop(p);
}

static void bad_memory(void) {
    char c[4];
    pid_t reader;
    pair(SOCK_STREAM, p);
    is_errno(write(p[0], (void *)16, 4), EFAULT, "EFAULT: send from a bad address");
    is_errno(recv(p[1], c, 1, MSG_DONTWAIT), EAGAIN, "and nothing was sent");
    need(write(p[0], "safe", 4) == 4);
    is_errno(read(p[1], (void *)16, 4), EFAULT, "EFAULT: receive to a bad address");
    ok(gets_text(p[1], "safe"), "and nothing is lost");
    need(write(p[0], "abc", 3) == 3 && write(p[0], "def", 3) == 3);
    struct iovec v[2] = { { c, 3 }, { (void *)16, 3 } };
    is_int(readv(p[1], v, 2), 3, "a bad address after a good one: what came before");
    ok(gets_text(p[1], "def"), "and the rest stays");
    is_errno(writev(p[0], v, 2), EFAULT,
             "EFAULT: send from a good address and a bad one");
    is_errno(recv(p[1], c, 1, MSG_DONTWAIT), EAGAIN, "and nothing was sent of them");
    CHILD (reader)
        need(read(p[1], c, 4) == 3 && memcmp(c, "end", 3) == 0);
    until_asleep(reader);
    is_errno(writev(p[0], v, 2), EFAULT, "EFAULT: the same to one who waits");
    need(write(p[0], "end", 3) == 3);
    is_exit(wait_for(reader), 0, "who receives what comes after it");
    drop(p);
}

int main(void) {
    signal(SIGPIPE, count_sigpipe);
    bytes();
    much();
    full();
    shut();
    woken();
    reset();
    peek();
    wait_all();
    bad_memory();
    return done_testing();
}
