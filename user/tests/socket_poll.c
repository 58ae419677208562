/* socket_poll.c - POSIX poll() on sockets: POLLIN "Data other than high-priority data
 * may be read without blocking", POLLOUT "Normal data may be written without blocking",
 * POLLHUP "A device has been disconnected"; poll(2), POLLRDHUP: "Stream socket peer
 * closed connection, or shut down writing half of connection"; connect and accept in
 * select().
 */
/* FEATURE(122): poll waits for a pipe, an eventfd and a socket at once */
#include "socket.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/select.h>

enum { ALL = POLLIN | POLLOUT | POLLRDHUP };

static int p[2];
static char big[65536];

static int now(int fd) {
    struct pollfd f = { .fd = fd, .events = ALL };
    need(poll(&f, 1, 0) >= 0);
    return f.revents;
}

static void stream(void) {
    char c;
    pair(SOCK_STREAM, p);
    is_int(now(p[0]), POLLOUT, "a fresh pair is writable");
    need(write(p[1], "x", 1) == 1);
    is_int(now(p[0]), POLLIN | POLLOUT, "a byte makes it readable");
    need(read(p[0], &c, 1) == 1);
    is_int(now(p[0]), POLLOUT, "reading it ends that");
    while (send(p[0], big, sizeof big, MSG_DONTWAIT) > 0)
        ;
    is_int(now(p[0]), 0, "not writable when the queue is full");
    while (recv(p[1], big, sizeof big, MSG_DONTWAIT) > 0)
        ;
    is_int(now(p[0]), POLLOUT, "and again when it was read");
    need(shutdown(p[1], SHUT_WR) == 0);
    is_int(now(p[0]), POLLIN | POLLOUT | POLLRDHUP,
           "the peer shut its writing half: POLLIN and POLLRDHUP");
    is_int(now(p[1]), POLLOUT, "which is nothing to itself");
    need(shutdown(p[0], SHUT_WR) == 0);
    is_int(now(p[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP, "both halves: POLLHUP");
    drop(p);
    pair(SOCK_STREAM, p);
    close(p[1]);
    is_int(now(p[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP,
           "the peer is gone: POLLHUP");
    close(p[0]);
    pair(SOCK_STREAM, p);
    need(write(p[0], "x", 1) == 1);
    close(p[1]);
    is_int(now(p[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP | POLLERR,
           "and had not read all: POLLERR too");
    is_errno(read(p[0], &c, 1), ECONNRESET, "until the error was told");
    is_int(now(p[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP, "once");
    close(p[0]);
    int fd = sock(SOCK_STREAM);
    is_int(now(fd), POLLOUT | POLLHUP, "not connected: POLLHUP");
    close(fd);
}

static void datagrams(void) {
    struct address a = address("@poll");
    int at = bound(SOCK_DGRAM, &a), fd = sock(SOCK_DGRAM);
    is_int(now(at), POLLOUT, "a datagram socket is writable");
    need(send_to(fd, "", &a) == 0);
    is_int(now(at), POLLIN | POLLOUT, "a datagram of no bytes makes it readable");
    need(connect_to(fd, &a) == 0);
    while (send(fd, "x", 1, MSG_DONTWAIT) == 1)
        ;
    is_int(now(fd), 0, "connected to a full one it is not writable");
    while (recv(at, big, sizeof big, MSG_DONTWAIT) >= 0)
        ;
    is_int(now(fd), POLLOUT, "until that is read");
    close(at), close(fd);
    pair(SOCK_SEQPACKET, p);
    need(write(p[0], "x", 1) == 1);
    is_int(now(p[1]), POLLIN | POLLOUT, "seqpacket: readable");
    close(p[0]);
    is_int(now(p[1]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP, "seqpacket: POLLHUP");
    close(p[1]);
}

/* A poller that sleeps sees each change; the events come from another process. */
static void sleeping(void) {
    struct pollfd f = { .events = POLLIN };
    struct address a = address("@poll2");
    pid_t pid;
    char c;
    pair(SOCK_STREAM, p);
    f.fd = p[0];
    CHILD (pid) {
        until_asleep(getppid());
        need(write(p[1], "x", 1) == 1);
    }
    is_int(poll(&f, 1, -1), 1, "a byte wakes a poller");
    wait_for(pid);
    need(read(p[0], &c, 1) == 1);
    while (send(p[0], big, sizeof big, MSG_DONTWAIT) > 0)
        ;
    CHILD (pid) {
        until_asleep(getppid());
        while (recv(p[1], big, sizeof big, MSG_DONTWAIT) > 0)
            ;
    }
    f.events = POLLOUT;
    is_int(poll(&f, 1, -1), 1, "room wakes a poller");
    wait_for(pid);
    CHILD (pid) {
        close(p[0]);
        until_asleep(getppid());
        close(p[1]);
    }
    close(p[1]);
    f.events = POLLRDHUP;
    is_int(poll(&f, 1, -1), 1, "the peer's close wakes a poller");
    wait_for(pid);
    close(p[0]);
    int at = listener(SOCK_STREAM, &a, 1);
    CHILD (pid) {
        until_asleep(getppid());
        dial(SOCK_STREAM, &a);
    }
    fd_set set;
    FD_ZERO(&set);
    FD_SET(at, &set);
    is_int(select(at + 1, &set, NULL, NULL, NULL), 1, "a connection wakes select");
    wait_for(pid);
    close(at);
}

/* One poll over different kinds of things: whichever comes first. */
static void kinds(void) {
    int q[2], e = eventfd(0, 0);
    char c;
    uint64_t n = 1;
    need(e >= 0 && pipe(q) == 0);
    pair(SOCK_STREAM, p);
    struct pollfd f[3] = { { .fd = q[0], .events = POLLIN },
                           { .fd = e, .events = POLLIN },
                           { .fd = p[0], .events = POLLIN } };
    int good = 1;
    for (int turn = 0; turn < 6; turn++) {
        pid_t pid;
        CHILD (pid) {
            until_asleep(getppid());
            need(turn % 3 == 0   ? write(q[1], "x", 1) == 1
                 : turn % 3 == 1 ? write(e, &n, 8) == 8
                                 : write(p[1], "x", 1) == 1);
        }
        good &= poll(f, 3, -1) == 1 && f[turn % 3].revents == POLLIN;
        need(turn % 3 == 1 ? read(e, &n, 8) == 8 : read(f[turn % 3].fd, &c, 1) == 1);
        wait_for(pid);
    }
    ok(good, "poll waits for a pipe, an eventfd and a socket at once");
    close(e);
    close(q[0]), close(q[1]);
    drop(p);
}

static void *poll_forever(void *result) {
    struct pollfd f = { .fd = p[0], .events = ALL & ~POLLOUT };
    *(int *)result = poll(&f, 1, -1) == 1 ? f.revents : -1;
    return NULL;
}

/* The descriptor is closed, in another thread, while one sleeps in poll. What the
 * poller sees is up to the system; it must come back when the peer goes, and nothing
 * breaks. */
static void closed_meanwhile(void) {
    pthread_t thread;
    int events = 0;
    pair(SOCK_STREAM, p);
    need(pthread_create(&thread, NULL, poll_forever, &events) == 0);
    for (int i = 0; i < 20; i++)
        sched_yield();
    need(shutdown(p[1], SHUT_WR) == 0);
    close(p[1]);
    pthread_join(thread, NULL);
    ok(events & POLLRDHUP, "shutdown and close wake a thread in poll");
    close(p[0]);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    stream();
    datagrams();
    sleeping();
    kinds();
    closed_meanwhile();
    return done_testing();
}
