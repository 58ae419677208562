/* socket_create.c - POSIX socket(): "shall create an unbound socket in a communications
 * domain, and return a file descriptor"; socketpair(): "shall create an unbound pair of
 * connected sockets"; socket(2), unix(7): which types there are, what a fresh one is.
 */
/* FEATURE(109): a copy of an end is that end */
#include "raw.h"
#include "socket.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* "The socket has the indicated type"; "file descriptor returned by a successful call
 * will be the lowest-numbered file descriptor not currently open". */
static void kinds(void) {
    static const struct {
        int type;
        const char *name;
    } types[] = {
        { SOCK_STREAM, "stream" }, { SOCK_DGRAM, "datagram" },
        { SOCK_SEQPACKET, "seqpacket" },
    };
    for (int i = 0; i < 3; i++) {
        int low = dup(1);
        close(low);
        int fd = socket(AF_UNIX, types[i].type, 0);
        is_int(fd, low, "%s: the lowest free descriptor", types[i].name);
        is_int(option(fd, SO_TYPE), types[i].type, "%s: SO_TYPE", types[i].name);
        close(fd);
    }
    int fd = sock(SOCK_STREAM);
    is_int(option(fd, SO_DOMAIN), AF_UNIX, "SO_DOMAIN is AF_UNIX");
    is_int(option(fd, SO_PROTOCOL), 0, "SO_PROTOCOL is 0");
    is_int(fcntl(fd, F_GETFL), O_RDWR, "F_GETFL: reading and writing, blocking");
    is_int(fcntl(fd, F_GETFD), 0, "FD_CLOEXEC is clear");
    close(fd);
}

/* "SOCK_NONBLOCK: Set the O_NONBLOCK file status flag"; "SOCK_CLOEXEC: Set the
 * close-on-exec (FD_CLOEXEC) flag on the new file descriptor." */
static void flags(void) {
    int p[2];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    is_int(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK, "SOCK_NONBLOCK");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "SOCK_CLOEXEC");
    close(fd);
    need(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p) == 0);
    is_int(fcntl(p[0], F_GETFL) & fcntl(p[1], F_GETFL), O_RDWR | O_NONBLOCK,
           "SOCK_NONBLOCK holds for both ends of a pair");
    is_int(fcntl(p[0], F_GETFD) & fcntl(p[1], F_GETFD), FD_CLOEXEC,
           "and so does SOCK_CLOEXEC");
    drop(p);
}

static void refusals(void) {
    int p[2];
    is_errno(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT,
             "EAFNOSUPPORT: an address family nobody has");
    is_errno(socket(AF_UNIX, 9, 0), ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT: no such type");
    is_errno(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT,
             "EPROTONOSUPPORT: no such protocol");
    is_errno(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0), EINVAL,
             "EINVAL: unknown flags in type");
    is_errno(socketpair(99, SOCK_STREAM, 0, p), EAFNOSUPPORT,
             "EAFNOSUPPORT: a pair of an unknown family");
    is_int(raw(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 1), -EFAULT,
           "EFAULT: the pair's numbers have nowhere to go");
    int low = dup(1);
    close(low);
    int fd = sock(SOCK_STREAM);
    is_int(fd, low, "and both ends are closed again");
    close(fd);
    fd = socket(PF_LOCAL, SOCK_STREAM, PF_LOCAL);
    ok(fd >= 0, "protocol PF_UNIX is the same as 0");
    close(fd);
}

/* socketpair(): "The two sockets shall be identical." */
static void pairs(void) {
    char c;
    int p[2];
    struct stat st, other;
    int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < 3; i++) {
        pair(types[i], p);
        need(write(p[0], "a", 1) == 1 && write(p[1], "b", 1) == 1);
        ok(gets_text(p[0], "b") && gets_text(p[1], "a"),
           "what goes in at one end of a pair comes out at the other (%d)", types[i]);
        drop(p);
    }
    pair(SOCK_STREAM, p);
    need(fstat(p[0], &st) == 0 && fstat(p[1], &other) == 0);
    ok(S_ISSOCK(st.st_mode), "fstat: a socket");
    ok(st.st_ino != other.st_ino, "each end is a thing of its own");
    is_errno(lseek(p[0], 0, SEEK_SET), ESPIPE, "ESPIPE: no place to seek to");
    is_errno(pread(p[0], &c, 1, 0), ESPIPE, "ESPIPE: pread");
    is_errno(ioctl(p[0], 0x5401, &st), ENOTTY, "ENOTTY: not a terminal");
    is_errno(ftruncate(p[0], 0), EINVAL, "EINVAL: ftruncate");
    int copy = dup(p[1]);
    close(p[1]);
    need(write(copy, "z", 1) == 1);
    ok(gets_text(p[0], "z"), "a copy of an end is that end");
    close(copy);
    is_int(read(p[0], &c, 1), 0, "and the last copy's close is the end");
    close(p[0]);
}

/* "ENOTSOCK The file descriptor sockfd does not refer to a socket"; EBADF. */
static void not_sockets(void) {
    int pipe_fd[2], value;
    socklen_t size = sizeof value;
    struct address a = address("@nobody");
    need(pipe(pipe_fd) == 0);
    is_errno(listen(pipe_fd[0], 1), ENOTSOCK, "ENOTSOCK: listen on a pipe");
    is_errno(bind_to(pipe_fd[0], &a), ENOTSOCK, "ENOTSOCK: bind");
    is_errno(connect_to(pipe_fd[0], &a), ENOTSOCK, "ENOTSOCK: connect");
    is_errno(accept(pipe_fd[0], NULL, NULL), ENOTSOCK, "ENOTSOCK: accept");
    is_errno(send(pipe_fd[1], "x", 1, 0), ENOTSOCK, "ENOTSOCK: send");
    is_errno(recv(pipe_fd[0], &value, 1, 0), ENOTSOCK, "ENOTSOCK: recv");
    is_errno(shutdown(pipe_fd[0], SHUT_RD), ENOTSOCK, "ENOTSOCK: shutdown");
    is_errno(getsockopt(pipe_fd[0], SOL_SOCKET, SO_TYPE, &value, &size), ENOTSOCK,
             "ENOTSOCK: getsockopt");
    drop(pipe_fd);
    is_errno(listen(-1, 1), EBADF, "EBADF: listen");
    is_errno(send(-1, "x", 1, 0), EBADF, "EBADF: send");
    is_errno(recv(1000, &value, 1, 0), EBADF, "EBADF: recv");
    is_errno(accept(-1, NULL, NULL), EBADF, "EBADF: accept");
}

int main(void) {
    kinds();
    flags();
    refusals();
    pairs();
    not_sockets();
    return done_testing();
}
