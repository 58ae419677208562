/* socket_options.c - POSIX getsockopt(), setsockopt(): "shall retrieve the value for
 * the option specified by the option_name argument for the socket"; socket(7):
 * SO_RCVBUF, SO_SNDBUF, SO_RCVTIMEO, SO_SNDTIMEO; "ENOPROTOOPT The option is unknown at
 * the level indicated."
 */
#include "raw.h"
#include "socket.h"

#include <sys/time.h>
#include <time.h>

static int p[2];
static char big[65536];

static int set(int fd, int name, int value) {
    return setsockopt(fd, SOL_SOCKET, name, &value, sizeof value);
}

/* socket(7): "The kernel doubles this value (to allow space for bookkeeping overhead)
 * when it is set using setsockopt(2), and this doubled value is returned by
 * getsockopt(2). ... The minimum (doubled) value for this option is 2048" and 256;
 * Linux has 4608 and 2304 today. */
static void buffers(void) {
    pair(SOCK_STREAM, p);
    ok(option(p[0], SO_SNDBUF) >= 4096, "SO_SNDBUF has a default");
    ok(option(p[0], SO_RCVBUF) >= 4096, "SO_RCVBUF has a default");
    works(set(p[0], SO_SNDBUF, 10000), "SO_SNDBUF can be set");
    is_int(option(p[0], SO_SNDBUF), 20000, "and is doubled");
    works(set(p[0], SO_RCVBUF, 12000), "SO_RCVBUF can be set");
    is_int(option(p[0], SO_RCVBUF), 24000, "and is doubled");
    need(set(p[0], SO_SNDBUF, 1) == 0 && set(p[0], SO_RCVBUF, 0) == 0);
    ok(option(p[0], SO_SNDBUF) >= 2048, "SO_SNDBUF has a minimum");
    ok(option(p[0], SO_RCVBUF) >= 256, "SO_RCVBUF has a minimum");
    need(set(p[0], SO_SNDBUF, 0x7fffffff) == 0);
    ok(option(p[0], SO_SNDBUF) < 100000000, "and a maximum");
    long before = 0, after = 0;
    ssize_t n;
    while ((n = send(p[0], big, 1000, MSG_DONTWAIT)) > 0)
        before += n;
    drop(p);
    pair(SOCK_STREAM, p);
    need(set(p[0], SO_SNDBUF, 8192) == 0);
    while ((n = send(p[0], big, 1000, MSG_DONTWAIT)) > 0)
        after += n;
    ok(after < before && after >= 1000, "a smaller SO_SNDBUF makes a smaller queue");
    drop(p);
    pair(SOCK_DGRAM, p);
    need(set(p[0], SO_SNDBUF, 8192) == 0);
    is_errno(send(p[0], big, 20000, 0), EMSGSIZE,
             "EMSGSIZE: a datagram larger than it");
    drop(p);
}

/* socket(7): options for other families; one may set them, and reads them back. */
static void without_meaning(void) {
    static const int names[] = { SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE };
    pair(SOCK_STREAM, p);
    for (int i = 0; i < 3; i++) {
        is_int(option(p[0], names[i]), 0, "option %d is off at first", names[i]);
        works(set(p[0], names[i], 5), "it can be set");
        is_int(option(p[0], names[i]), 1, "and is on then");
        ok(set(p[0], names[i], 0) == 0 && option(p[0], names[i]) == 0, "and off");
        is_int(option(p[1], names[i]), 0, "the other socket has its own");
    }
    drop(p);
}

static int64_t milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* socket(7): "If an input or output function blocks for this period of time, and data
 * has been sent or received, the return value of that function will be the amount of
 * data transferred; if no data has been transferred and the timeout has been reached,
 * then -1 is returned with errno set to EAGAIN". */
static void timeouts(void) {
    struct timeval t = { .tv_usec = 20000 }, got;
    struct address a = address("@options");
    socklen_t size = sizeof got;
    char b[8];
    pair(SOCK_STREAM, p);
    need(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size) == 0);
    ok(got.tv_sec == 0 && got.tv_usec == 0, "SO_RCVTIMEO is 0 at first: for ever");
    works(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), "SO_RCVTIMEO");
    need(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size) == 0);
    ok(got.tv_sec == 0 && got.tv_usec >= 20000, "is told again");
    int64_t start = milliseconds();
    is_errno(read(p[0], b, 1), EAGAIN, "EAGAIN: read after the time");
    ok(milliseconds() - start >= 20, "and not before");
    need(write(p[1], "abc", 3) == 3);
    is_int(recv(p[0], b, 8, MSG_WAITALL), 3, "MSG_WAITALL: what came in that time");
    works(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), "SO_SNDTIMEO");
    ssize_t n, last = 0;
    while ((n = write(p[0], big, sizeof big)) > 0)
        last = n;
    ok(n == -1 && errno == EAGAIN && last > 0, "EAGAIN: write after the time");
    t.tv_usec = 1000000;
    is_errno(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), EDOM,
             "EDOM: a million microseconds");
    is_errno(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, 3), EINVAL, "EINVAL: size");
    drop(p);
    t.tv_usec = 20000;
    int at = listener(SOCK_STREAM, &a, 0), c = dial(SOCK_STREAM, &a),
        d = sock(SOCK_STREAM);
    need(setsockopt(d, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0);
    is_errno(connect_to(d, &a), EAGAIN, "EAGAIN: SO_SNDTIMEO holds for connect");
    close(accept(at, NULL, NULL));
    need(setsockopt(at, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0);
    is_errno(accept(at, NULL, NULL), EAGAIN, "EAGAIN: SO_RCVTIMEO holds for accept");
    close(at), close(c), close(d);
}

static void refusals(void) {
    int value = 1;
    socklen_t size = sizeof value;
    pair(SOCK_STREAM, p);
    is_errno(getsockopt(p[0], SOL_SOCKET, 12345, &value, &size), ENOPROTOOPT,
             "ENOPROTOOPT: get an unknown option");
    is_errno(set(p[0], 12345, 1), ENOPROTOOPT, "ENOPROTOOPT: set one");
    is_errno(set(p[0], SO_TYPE, SOCK_DGRAM), ENOPROTOOPT,
             "ENOPROTOOPT: SO_TYPE is fixed");
    is_errno(set(p[0], SO_ERROR, 1), ENOPROTOOPT,
             "ENOPROTOOPT: SO_ERROR cannot be set");
    is_errno(set(p[0], SO_ACCEPTCONN, 1), ENOPROTOOPT, "ENOPROTOOPT: SO_ACCEPTCONN");
    is_errno(getsockopt(p[0], 6, 1, &value, &size), EOPNOTSUPP,
             "EOPNOTSUPP: another protocol's options");
    is_errno(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &value, 2), EINVAL,
             "EINVAL: too short for an int");
    size = (socklen_t)-1;
    is_errno(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &value, &size), EINVAL,
             "EINVAL: a negative size");
    size = 2;
    value = 0x7f7f7f7f;
    need(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &value, &size) == 0);
    ok(size == 2 && value == (0x7f7f0000 | SOCK_STREAM), "a value is cut to the room");
    size = 100;
    need(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &value, &size) == 0);
    is_int(size, sizeof(int), "and the size that it has is told");
    is_int(raw(SYS_getsockopt, p[0], SOL_SOCKET, SO_TYPE, 16, (long)&size), -EFAULT,
           "EFAULT: nowhere to put the value");
    is_int(raw(SYS_getsockopt, p[0], SOL_SOCKET, SO_TYPE, (long)&value, 16), -EFAULT,
           "EFAULT: nor its size");
    is_int(raw(SYS_setsockopt, p[0], SOL_SOCKET, SO_SNDBUF, 16, 4), -EFAULT,
           "EFAULT: no value");
    drop(p);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    buffers();
    without_meaning();
    timeouts();
    refusals();
    return done_testing();
}
