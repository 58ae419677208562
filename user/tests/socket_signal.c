/* socket_signal.c - signal(7): "accept(2), connect(2), recv(2), recvfrom(2),
 * recvmsg(2), send(2), sendto(2), sendmsg(2), unless a timeout has been set on the
 * socket" are "automatically restarted after the signal handler returns if the
 * SA_RESTART flag was used; otherwise the call fails with the error EINTR"; with a
 * timeout they "are never restarted". A transfer that has begun gives what was
 * transferred.
 */
#include "socket.h"

#include <sys/time.h>

static int p[2], at;
static struct address server;
static char big[65536];

static void handler(int sig) {
    (void)sig;
}

static void handle(int flags) {
    struct sigaction act = { .sa_handler = handler, .sa_flags = flags };
    need(sigaction(SIGUSR1, &act, NULL) == 0);
}

/* --- the calls: -1 and errno, or not -1 when what they wait for happens ----------- */

static long do_recv(void) {
    char c;
    return recv(p[0], &c, 1, 0);
}

static long do_read(void) {
    char c;
    return read(p[0], &c, 1);
}

static long do_recvmsg(void) {
    char c;
    struct iovec v = { &c, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    return recvmsg(p[0], &m, 0);
}

static long do_send(void) {
    return send(p[0], big, 1, 0);
}

static long do_accept(void) {
    return accept(at, NULL, NULL);
}

static long do_connect(void) {
    return connect_to(sock(SOCK_STREAM), &server);
}

/* --- what ends the wait ----------------------------------------------------------- */

static void give_byte(void) {
    need(write(p[1], "x", 1) == 1);
}

static void give_room(void) {
    while (recv(p[1], big, sizeof big, MSG_DONTWAIT) > 0)
        ;
}

static void give_client(void) {
    dial(SOCK_STREAM, &server);
}

static void give_place(void) {
    need(accept(at, NULL, NULL) >= 0);
}

static const struct call {
    const char *name;
    long (*make)(void);
    void (*satisfy)(void);
    int timeout;                /* the option that makes it time out */
    int fills;                  /* the queue it waits for must be full */
} calls[] = {
    { "read", do_read, give_byte, SO_RCVTIMEO, 0 },
    { "recv", do_recv, give_byte, SO_RCVTIMEO, 0 },
    { "recvmsg", do_recvmsg, give_byte, SO_RCVTIMEO, 0 },
    { "send", do_send, give_room, SO_SNDTIMEO, 1 },
    { "accept", do_accept, give_client, SO_RCVTIMEO, 0 },
    { "connect", do_connect, give_place, 0, 0 },
};

static void prepare(const struct call *call) {
    struct address a = address("@signal");
    pair(SOCK_STREAM, p);
    while (call->fills && send(p[0], big, sizeof big, MSG_DONTWAIT) > 0)
        ;
    at = listener(SOCK_STREAM, &a, 0);
    server = a;
    if (call->make == do_connect)
        dial(SOCK_STREAM, &a);
}

/* Signals come again and again until the call has ended, or, when it must be restarted,
 * a number of times; then it gets what it waits for. */
static void interrupt(const struct call *call, int flags, int with_timeout, int want) {
    pid_t pid;
    struct timeval t = { .tv_sec = 1000 };
    prepare(call);
    handle(flags);
    CHILD (pid) {
        if (with_timeout) {
            need(setsockopt(p[0], SOL_SOCKET, call->timeout, &t, sizeof t) == 0);
            need(setsockopt(at, SOL_SOCKET, call->timeout, &t, sizeof t) == 0);
        }
        _exit(call->make() == -1 ? errno : 0);
    }
    if (want == 0) {
        for (int i = 0; i < 5; i++) {
            until_asleep(pid);
            need(kill(pid, SIGUSR1) == 0);
        }
        call->satisfy();
    } else {
        while (state_of(pid) != 'Z') {
            until_asleep(pid);
            kill(pid, SIGUSR1);
            sched_yield();
        }
    }
    is_exit(wait_for(pid), want, "%s%s%s: %s", call->name, flags ? ", SA_RESTART" : "",
            with_timeout ? ", with a time-out" : "", want ? "EINTR" : "goes on");
    // the listener, the pair, and what accept and connect made here
    for (int fd = 3; fd < 64; fd++)
        close(fd);
}

/* A send that has sent a part gives that part. */
static void partial(void) {
    pid_t pid;
    int size = 4000000;
    char *much = calloc(1, (size_t)size);
    pair(SOCK_STREAM, p);
    handle(0);
    CHILD (pid) {
        ssize_t n = send(p[0], much, (size_t)size, 0);
        need(n > 0 && n < size);
    }
    while (state_of(pid) != 'Z') {
        until_asleep(pid);
        kill(pid, SIGUSR1);
        sched_yield();
    }
    is_exit(wait_for(pid), 0, "an interrupted send gives how much it has sent");
    drop(p);
    pair(SOCK_STREAM, p);
    need(write(p[1], "abc", 3) == 3);
    CHILD (pid) {
        char b[8];
        need(recv(p[0], b, 8, MSG_WAITALL) == 3 && memcmp(b, "abc", 3) == 0);
    }
    while (state_of(pid) != 'Z') {
        until_asleep(pid);
        kill(pid, SIGUSR1);
        sched_yield();
    }
    is_exit(wait_for(pid), 0, "an interrupted MSG_WAITALL gives what it has received");
    drop(p);
    free(much);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        interrupt(&calls[i], 0, 0, EINTR);
        interrupt(&calls[i], SA_RESTART, 0, 0);
        if (calls[i].timeout)
            interrupt(&calls[i], SA_RESTART, 1, EINTR);
    }
    partial();
    return done_testing();
}
