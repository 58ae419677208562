/* socket_connect.c - POSIX listen(), accept(), connect(): "shall extract the first
 * connection on the queue of pending connections, create a new socket with the same
 * socket type protocol and address family as the specified socket, and allocate a new
 * file descriptor for that socket"; listen(2), accept(2), connect(2), unix(7).
 */
/* FEATURE(109): a server accepts each client on a socket of its own */
#include "raw.h"
#include "socket.h"

#include <poll.h>

static struct address server;

static int poll_now(int fd, int events) {
    struct pollfd p = { .fd = fd, .events = (short)events };
    need(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static void simple(int type, const char *name) {
    int p[2], q[2], at = listener(type, &server, 5);
    is_int(option(at, SO_ACCEPTCONN), 1, "%s: SO_ACCEPTCONN after listen", name);
    connection(type, at, &server, p);
    connection(type, at, &server, q);
    need(write(p[0], "one", 3) == 3 && write(q[0], "two", 3) == 3);
    ok(gets_text(p[1], "one") && gets_text(q[1], "two"),
       type == SOCK_STREAM ? "a server accepts each client on a socket of its own"
                           : "%s: each client has a socket of its own",
       name);
    need(write(q[1], "back", 4) == 4);
    ok(gets_text(q[0], "back"), "%s: and the way back is the same pair", name);
    is_int(option(p[1], SO_TYPE), type, "%s: the new socket has the type", name);
    is_int(option(p[1], SO_ACCEPTCONN), 0, "%s: and does not listen", name);
    is_errno(connect_to(p[0], &server), EISCONN, "%s: EISCONN: connect again", name);
    is_errno(accept(p[0], NULL, NULL), EINVAL, "%s: EINVAL: accept on a client", name);
    is_errno(listen(p[0], 1), EINVAL, "%s: EINVAL: listen on a client", name);
    close(at);
    need(write(p[0], "on", 2) == 2);
    ok(gets_text(p[1], "on"), "%s: connections outlive the listener", name);
    drop(p), drop(q);
}

/* What was sent before accept is there after it; first come, first accepted. */
static void early(void) {
    int at = listener(SOCK_STREAM, &server, 5);
    int a = dial(SOCK_STREAM, &server), b = dial(SOCK_STREAM, &server);
    need(write(b, "b", 1) == 1 && write(a, "a", 1) == 1);
    close(a);
    int x = accept(at, NULL, NULL), y = accept(at, NULL, NULL);
    ok(gets_text(x, "a"), "the first to connect is the first to be accepted");
    ok(gets_text(x, ""),
       "what a client that is gone had sent comes first, then the end");
    ok(gets_text(y, "b"), "a client may write before it is accepted");
    close(b), close(x), close(y), close(at);
}

static void refusals(void) {
    int p[2], fd = sock(SOCK_STREAM), d = sock(SOCK_DGRAM);
    is_errno(listen(fd, 1), EINVAL, "EINVAL: listen without a name");
    is_errno(accept(fd, NULL, NULL), EINVAL, "EINVAL: accept without listen");
    is_errno(listen(d, 1), EOPNOTSUPP, "EOPNOTSUPP: datagram sockets do not listen");
    is_errno(accept(d, NULL, NULL), EOPNOTSUPP, "EOPNOTSUPP: nor accept");
    need(bind_to(fd, &server) == 0);
    int c = sock(SOCK_STREAM);
    is_errno(connect_to(c, &server), ECONNREFUSED, "ECONNREFUSED: nobody listens");
    need(listen(fd, 1) == 0);
    int q = sock(SOCK_SEQPACKET);
    is_errno(connect_to(q, &server), ECONNREFUSED,
             "ECONNREFUSED: an abstract name has one for each type");
    close(q);
    works(listen(fd, 2), "listen again only changes the backlog");
    is_errno(connect_to(fd, &server), EINVAL, "EINVAL: a listener does not connect");
    is_int(raw(SYS_accept4, fd, 0, 0, 1), -EINVAL,
           "EINVAL: accept4 with unknown flags");
    struct sockaddr bad = { .sa_family = AF_INET };
    is_errno(connect(c, &bad, sizeof bad), EINVAL, "EINVAL: connect to another family");
    is_errno(connect(c, any(&server), 1), EINVAL, "EINVAL: an address of one byte");
    is_errno(recv(fd, &p, 1, 0), EINVAL, "EINVAL: a listener has no bytes");
    is_errno(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN, "ENOTCONN: and takes none");
    close(c), close(fd), close(d);
}

/* unix(7): "EPROTOTYPE: Remote socket does not match the local socket type (SOCK_DGRAM
 * versus SOCK_STREAM)." */
static void prototype(void) {
    struct address path = address("/tmp/socket_connect.");
    path.size += (socklen_t)snprintf(path.un.sun_path + strlen(path.un.sun_path), 20,
                                     "%d", (int)getpid());
    int at = listener(SOCK_STREAM, &path, 1), d = sock(SOCK_DGRAM);
    is_errno(connect_to(d, &path), EPROTOTYPE, "EPROTOTYPE: a datagram to a stream");
    for (int i = 0; i < 3; i++)
        is_errno(send_to(d, "x", &path), EPROTOTYPE, "EPROTOTYPE: sent there, too");
    int q = sock(SOCK_SEQPACKET);
    is_errno(connect_to(q, &path), EPROTOTYPE, "EPROTOTYPE: seqpacket to a stream");
    int c = dial(SOCK_STREAM, &path);
    ok(c >= 0, "which the stream has not noticed");
    close(c);
    close(at), close(d), close(q);
    unlink(path.un.sun_path);
}

/* accept4: SOCK_NONBLOCK and SOCK_CLOEXEC; "the new socket does not inherit file status
 * flags such as O_NONBLOCK"; the peer's address. */
static void flags(void) {
    struct address me = address("@client"), got = { .size = sizeof got.un };
    int at = listener(SOCK_STREAM, &server, 5);
    need(fcntl(at, F_SETFL, O_NONBLOCK) == 0);
    is_errno(accept(at, NULL, NULL), EAGAIN, "EAGAIN: nobody is waiting");
    is_int(poll_now(at, POLLIN | POLLOUT), 0, "poll: nothing to accept");
    int a = dial(SOCK_STREAM, &server);
    is_int(poll_now(at, POLLIN | POLLOUT), POLLIN,
           "poll: readable when accept would not block");
    int x = accept(at, NULL, NULL);
    is_int(fcntl(x, F_GETFL), O_RDWR, "O_NONBLOCK is not inherited");
    is_int(fcntl(x, F_GETFD), 0, "nor is close-on-exec set");
    close(x), close(a);
    a = bound(SOCK_STREAM, &me);
    need(connect_to(a, &server) == 0);
    x = accept4(at, (struct sockaddr *)&got.un, &got.size,
                SOCK_NONBLOCK | SOCK_CLOEXEC);
    ok(same_address(&got, &me), "accept tells the client's name");
    is_int(fcntl(x, F_GETFL), O_RDWR | O_NONBLOCK, "accept4: SOCK_NONBLOCK");
    is_int(fcntl(x, F_GETFD), FD_CLOEXEC, "accept4: SOCK_CLOEXEC");
    close(x), close(a);
    a = dial(SOCK_STREAM, &server);
    got.size = sizeof got.un;
    x = accept(at, (struct sockaddr *)&got.un, &got.size);
    is_int(got.size, sizeof(sa_family_t),
           "an unnamed client has no more than a family");
    close(x), close(a), close(at);
}

/* listen(2): "The backlog argument defines the maximum length to which the queue of
 * pending connections for sockfd may grow." connect(2): "EAGAIN For nonblocking UNIX
 * domain sockets, the socket is nonblocking, and the connection cannot be completed
 * immediately." */
static void backlog(void) {
    int at = listener(SOCK_STREAM, &server, 1), clients[16], n = 0;
    for (; n < 16; n++) {
        clients[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect_to(clients[n], &server) != 0)
            break;
    }
    is_int(n, 2, "a backlog of 1 takes two, as on Linux");
    is_errno(connect_to(clients[n], &server), EAGAIN, "EAGAIN: the queue is full");
    pid_t pid;
    CHILD (pid) {
        int c = dial(SOCK_STREAM, &server);
        need(write(c, "late", 4) == 4);
    }
    until_asleep(pid);
    int x = accept(at, NULL, NULL), y = accept(at, NULL, NULL);
    int z = accept(at, NULL, NULL);
    is_exit(wait_for(pid), 0, "a blocking connect waits for room in the queue");
    ok(gets_text(z, "late"), "and is accepted last");
    close(x), close(y), close(z);
    while (n >= 0)
        close(clients[n--]);
    close(at);
}

/* The listener goes while some wait: in its queue, or for room in it. */
static void listener_goes(void) {
    char c;
    int at = listener(SOCK_STREAM, &server, 0);
    int waiting = dial(SOCK_STREAM, &server);
    pid_t pid;
    CHILD (pid) {
        close(at);
        int fd = sock(SOCK_STREAM);
        need(connect_to(fd, &server) == -1 && errno == ECONNREFUSED);
    }
    until_asleep(pid);
    close(at);
    is_exit(wait_for(pid), 0, "ECONNREFUSED: for one who waits in connect");
    is_errno(read(waiting, &c, 1), ECONNRESET, "ECONNRESET: for one not yet accepted");
    is_int(read(waiting, &c, 1), 0, "once; then the end");
    is_errno(send(waiting, "x", 1, MSG_NOSIGNAL), EPIPE,
             "EPIPE: and nowhere to send to");
    close(waiting);
}

/* accept blocks until somebody connects; several may wait, each gets one. */
static void blocking(void) {
    int at = listener(SOCK_STREAM, &server, 5), clients[3];
    pid_t pid[3];
    for (int i = 0; i < 3; i++)
        CHILD (pid[i]) {
            int x = accept(at, NULL, NULL);
            need(x >= 0 && write(x, "hi", 2) == 2);
        }
    until_asleep(pid[0]);
    for (int i = 0; i < 3; i++)
        clients[i] = dial(SOCK_STREAM, &server);
    int all = 1;
    char b[2];
    for (int i = 0; i < 3; i++)
        all &= read(clients[i], b, 2) == 2;
    ok(all, "three wait in accept, three connect, each is served");
    for (int i = 0; i < 3; i++) {
        all &= wait_for(pid[i]) == 0;
        close(clients[i]);
    }
    ok(all, "each by one of them");
    close(at);
}

/* unix(7), SO_PEERCRED: "the credentials of the peer process ... those that were in
 * effect at the time of the call to connect(2), listen(2), or socketpair(2)". */
static void credentials(void) {
    struct ucred who = { 0 };
    socklen_t size = sizeof who;
    int p[2], at = listener(SOCK_STREAM, &server, 5);
    pid_t pid;
    CHILD (pid) {
        int c = dial(SOCK_STREAM, &server);
        need(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0);
        need(who.pid == getppid() && who.uid == geteuid() && who.gid == getegid());
    }
    int x = accept(at, NULL, NULL);
    is_exit(wait_for(pid), 0, "SO_PEERCRED: the client sees who called listen");
    need(getsockopt(x, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0);
    ok(who.pid == pid && size == sizeof who,
       "SO_PEERCRED: the server sees who connected");
    close(x), close(at);
    pair(SOCK_DGRAM, p);
    need(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &who, &size) == 0);
    ok(who.pid == getpid() && who.uid == geteuid(), "SO_PEERCRED of a pair: its maker");
    drop(p);
    int fd = sock(SOCK_STREAM);
    need(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0);
    ok(who.pid == 0 && who.uid == (uid_t)-1 && who.gid == (gid_t)-1,
       "SO_PEERCRED without a peer: nobody");
    close(fd);
}

int main(void) {
    server = address("@server");
    simple(SOCK_STREAM, "stream");
    simple(SOCK_SEQPACKET, "seqpacket");
    early();
    refusals();
    prototype();
    flags();
    backlog();
    listener_goes();
    blocking();
    credentials();
    return done_testing();
}
