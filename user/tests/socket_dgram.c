/* socket_dgram.c - POSIX: "The SOCK_DGRAM socket type supports connectionless data
 * transfer ... Output operations ... generate one datagram each; an input operation
 * receives one"; recv(): "If a message is too long to fit in the supplied buffer ...
 * the excess bytes shall be discarded". unix(7): "SOCK_DGRAM, for a datagram-oriented
 * socket that preserves message boundaries (as on most UNIX implementations, UNIX
 * domain datagram sockets are always reliable and don't reorder datagrams)";
 * SOCK_SEQPACKET, "a sequenced-packet socket that is connection-oriented, preserves
 * message boundaries, and delivers messages in the order that they were sent".
 */
/* FEATURE(109): datagrams keep their boundaries and come in order */
#include "socket.h"

#include <sys/ioctl.h>

static int p[2];
static char big[300000];

static void boundaries(int type, const char *name) {
    char b[8] = "........";
    int n;
    pair(type, p);
    need(write(p[0], "one", 3) == 3 && write(p[0], "three", 5) == 5);
    need(write(p[0], "xy", 2) == 2);
    need(ioctl(p[1], FIONREAD, &n) == 0);
    is_int(n, type == SOCK_DGRAM ? 3 : 10,
           type == SOCK_DGRAM ? "%s: FIONREAD is the size of the first"
                              : "%s: FIONREAD is the sum of all",
           name);
    is_int(read(p[1], b, 8), 3, "datagrams keep their boundaries and come in order");
    is_int(recv(p[1], b, 2, 0), 2, "%s: too long for the buffer: it is cut", name);
    ok(memcmp(b, "th", 2) == 0, "%s: from the front", name);
    ok(gets_text(p[1], "xy"), "%s: and the rest of it is gone", name);
    need(write(p[0], "longer", 6) == 6 && write(p[0], "next", 4) == 4);
    is_int(recv(p[1], b, 1, MSG_TRUNC), 6, "%s: MSG_TRUNC gives the true length", name);
    is_int(recv(p[1], b, 8, MSG_PEEK), 4, "%s: MSG_PEEK", name);
    is_int(recv(p[1], b, 1, MSG_PEEK | MSG_TRUNC), 4, "%s: MSG_PEEK cuts nothing",
           name);
    ok(gets_text(p[1], "next"), "%s: and takes nothing", name);
    is_errno(recv(p[1], b, 8, MSG_DONTWAIT), EAGAIN, "%s: EAGAIN: nothing there", name);
    drop(p);
}

/* A datagram of many pages is one datagram; one larger than the buffer is EMSGSIZE. */
static void large(int type, const char *name) {
    static char got[100001];
    pair(type, p);
    for (int i = 0; i < 100000; i++)
        big[i] = (char)(i % 251);
    is_int(write(p[0], big, 100000), 100000, "%s: a datagram of 100,000 bytes", name);
    is_int(read(p[1], got, sizeof got), 100000, "%s: arrives whole", name);
    ok(memcmp(big, got, 100000) == 0, "%s: every byte", name);
    is_errno(write(p[0], big, sizeof big), EMSGSIZE,
             "%s: EMSGSIZE: more than SO_SNDBUF", name);
    ssize_t n;
    int count = 0;
    while ((n = send(p[0], big, 1000, MSG_DONTWAIT)) == 1000)
        count++;
    ok(n == -1 && errno == EAGAIN && count > 0, "%s: EAGAIN: the queue is full", name);
    while (count > 0 && recv(p[1], got, sizeof got, MSG_DONTWAIT) == 1000)
        count--;
    is_int(count, 0, "%s: and none is lost", name);
    is_errno(write(p[0], (void *)16, 4), EFAULT, "%s: EFAULT: a bad address", name);
    is_errno(recv(p[1], got, 1, MSG_DONTWAIT), EAGAIN, "%s: sends nothing", name);
    drop(p);
}

/* recvfrom(): "If the address argument is not a null pointer ... the source address of
 * the received message shall be stored"; sendto(): to whoever has that name. */
static void addressed(void) {
    char b[8];
    struct address s = address("@dgram server"), c = address("@dgram client"), got;
    int at = bound(SOCK_DGRAM, &s), client = bound(SOCK_DGRAM, &c);
    int anonymous = sock(SOCK_DGRAM);
    is_int(send_to(client, "hello", &s), 5, "sendto a name");
    got.size = sizeof got.un;
    is_int(recvfrom(at, b, 8, 0, (struct sockaddr *)&got.un, &got.size), 5, "recvfrom");
    ok(same_address(&got, &c), "tells who sent it");
    is_int(send_to(at, "reply", &got), 5, "so one can answer");
    ok(gets_text(client, "reply"), "the client");
    need(send_to(anonymous, "who", &s) == 3);
    got.size = sizeof got.un;
    is_int(recvfrom(at, b, 8, 0, (struct sockaddr *)&got.un, &got.size), 3, "from one");
    is_int(got.size, 0, "without a name: an address of no bytes");
    is_errno(send(anonymous, "x", 1, 0), ENOTCONN, "ENOTCONN: send without a name");
    struct address none = address("@dgram none");
    is_errno(send_to(anonymous, "x", &none), ECONNREFUSED,
             "ECONNREFUSED: nobody there");
    is_errno(sendto(anonymous, "x", 1, 0, any(&s), 1), EINVAL, "EINVAL: a bad address");
    close(at);
    is_errno(send_to(anonymous, "x", &s), ECONNREFUSED,
             "ECONNREFUSED: nobody any more");
    need(send_to(client, "me", &c) == 2);
    ok(gets_text(client, "me"), "a socket can send to itself");
    close(client);
    at = bound(SOCK_DGRAM, &s);
    client = bound(SOCK_DGRAM, &c);
    need(send_to(client, "gone", &s) == 4);
    close(client);
    got.size = sizeof got.un;
    need(recvfrom(at, b, 8, 0, (struct sockaddr *)&got.un, &got.size) == 4);
    ok(same_address(&got, &c), "the name outlives its sender in the message");
    close(at), close(anonymous);
}

/* connect(): "If the initiating socket is not connection-mode, then connect() shall set
 * the socket's peer address ... limits the remote sender for subsequent recv()"; a null
 * address resets it (AF_UNSPEC). */
static void connected(void) {
    struct address s = address("@dg s"), c = address("@dg c"), o = address("@dg o"),
                   got;
    int at = bound(SOCK_DGRAM, &s), client = bound(SOCK_DGRAM, &c);
    int other = bound(SOCK_DGRAM, &o);
    works(connect_to(client, &s), "connect sets the peer");
    is_int(send(client, "to peer", 7, 0), 7, "send goes there");
    ok(gets_text(at, "to peer"), "and arrives");
    got = name_of(client, getpeername);
    ok(same_address(&got, &s), "getpeername tells it");
    is_int(send_to(client, "elsewhere", &o), 9, "sendto still goes elsewhere");
    ok(gets_text(other, "elsewhere"), "and arrives there");
    is_errno(send_to(other, "x", &c), EPERM, "EPERM: only the peer may send to us");
    is_int(send_to(at, "fine", &c), 4, "it may");
    ok(gets_text(client, "fine"), "and does");
    works(connect_to(client, &o), "connect again changes the peer");
    need(send_to(other, "now", &c) == 3);
    ok(gets_text(client, "now"), "who may send now");
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    works(connect(client, &nobody, sizeof nobody), "connect to AF_UNSPEC");
    is_errno(send(client, "x", 1, 0), ENOTCONN, "ENOTCONN: no peer any more");
    need(send_to(at, "all", &c) == 3);
    ok(gets_text(client, "all"), "and everybody may send");
    need(connect_to(client, &s) == 0);
    close(at);
    is_errno(send(client, "x", 1, 0), ECONNREFUSED, "ECONNREFUSED: the peer is gone");
    is_errno(send(client, "x", 1, 0), ENOTCONN, "ENOTCONN: and forgotten");
    close(client), close(other);
}

static void packets(void) {
    char c;
    pid_t pid;
    struct address s = address("@packets");
    int at = listener(SOCK_SEQPACKET, &s, 1);
    connection(SOCK_SEQPACKET, at, &s, p);
    need(send(p[0], "ab", 2, 0) == 2 && send(p[0], "c", 1, MSG_EOR) == 1);
    is_int(sendto(p[0], "d", 1, 0, any(&s), s.size), 1,
           "seqpacket: an address in sendto is ignored");
    ok(gets_text(p[1], "ab") && gets_text(p[1], "c") && gets_text(p[1], "d"),
       "seqpacket: one by one");
    need(shutdown(p[0], SHUT_WR) == 0);
    is_int(recv(p[1], &c, 1, 0), 0, "seqpacket: the end");
    is_errno(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE, "seqpacket: EPIPE");
    drop(p), close(at);
    int fd = sock(SOCK_SEQPACKET);
    is_errno(recv(fd, &c, 1, 0), ENOTCONN, "seqpacket: ENOTCONN: recv");
    is_errno(send(fd, "x", 1, 0), ENOTCONN, "seqpacket: ENOTCONN: send");
    close(fd);
    pair(SOCK_SEQPACKET, p);
    CHILD (pid) {
        close(p[1]);
        need(recv(p[0], &c, 1, 0) == 0);
    }
    close(p[0]);
    until_asleep(pid);
    close(p[1]);
    is_exit(wait_for(pid), 0, "seqpacket: close wakes a receiver: the end");
}

/* A datagram of no bytes is a datagram. Many senders, one receiver: all arrive, each
 * sender's in order. */
static void many(void) {
    enum { SENDERS = 4, EACH = 200 };
    char b[8];
    pid_t pid[SENDERS];
    struct address s = address("@many");
    int at = bound(SOCK_DGRAM, &s), fd = sock(SOCK_DGRAM);
    need(send_to(fd, "", &s) == 0);
    is_int(recv(at, b, 8, 0), 0, "a datagram of 0 bytes arrives as 0 bytes");
    is_errno(recv(at, b, 8, MSG_DONTWAIT), EAGAIN, "once");
    for (int i = 0; i < SENDERS; i++)
        CHILD (pid[i]) {
            for (int n = 0; n < EACH; n++) {
                int message[2] = { i, n };
                need(sendto(fd, message, sizeof message, 0, any(&s), s.size) == 8);
            }
        }
    int next[SENDERS] = { 0 }, wrong = 0, message[2];
    for (int n = 0; n < SENDERS * EACH; n++) {
        need(recv(at, message, sizeof message, 0) == sizeof message);
        wrong += next[message[0]]++ != message[1];
    }
    for (int i = 0; i < SENDERS; i++)
        wrong += wait_for(pid[i]) != 0;
    is_int(wrong, 0, "%d senders block when it is full; all arrives in order", SENDERS);
    close(at), close(fd);
}

/* recv(2): "Datagram sockets in various domains (e.g., the UNIX and Internet domains)
 * permit zero-length datagrams." One that had to wait was lost. */
static void empty(int type, const char *name) {
    char b[8];
    int count = 0, got = 0;
    pid_t pid;
    pair(type, p);
    while (send(p[0], "x", 1, MSG_DONTWAIT) == 1)
        count++;
    CHILD (pid)
        need(send(p[0], "", 0, 0) == 0);
    until_asleep(pid);
    while (got < count && recv(p[1], b, 8, 0) == 1)
        got++;
    is_int(recv(p[1], b, 8, 0), 0, "%s: an empty one waits for room, and arrives",
           name);
    is_exit(wait_for(pid), 0, "%s: then its sender goes on", name);
    drop(p);
}

int main(void) {
    boundaries(SOCK_DGRAM, "dgram");
    boundaries(SOCK_SEQPACKET, "seqpacket");
    large(SOCK_DGRAM, "dgram");
    large(SOCK_SEQPACKET, "seqpacket");
    addressed();
    connected();
    packets();
    many();
    empty(SOCK_DGRAM, "dgram");
    empty(SOCK_SEQPACKET, "seqpacket");
    return done_testing();
}
