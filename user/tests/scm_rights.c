/* scm_rights.c - unix(7): "SCM_RIGHTS Send or receive a set of open file descriptors
 * from another process. The data portion contains an integer array of the file
 * descriptors. Commonly, this operation is referred to as 'passing a file descriptor'
 * to another process. However, more accurately, what is being passed is a reference to
 * an open file description". And what happens to those that nobody receives.
 */
/* FEATURE(117): a descriptor passed over a socket is the same open file */
#include "scratch.h"
#include "socket.h"

#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

enum { MOST = 253 };                                    /* SCM_MAX_FD */

static int p[2];
static int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(300 * sizeof(int))];
};

static struct iovec *text(const char *s) {
    static struct iovec v;
    v = (struct iovec){ (void *)s, strlen(s) };
    return &v;
}

/* Sends the text with `count` descriptors; sendmsg's result. */
static ssize_t give_flags(int to, const char *s, const int *fds, int count, int flags) {
    union control c = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
    struct msghdr m = { .msg_iov = text(s), .msg_iovlen = 1 };
    if (count >= 0) {
        c.head.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(&c.head), fds, (size_t)count * sizeof(int));
        m.msg_control = &c;
        m.msg_controllen = c.head.cmsg_len;
    }
    return sendmsg(to, &m, flags);
}

static ssize_t give(int to, const char *s, const int *fds, int count) {
    return give_flags(to, s, fds, count, 0);
}

static struct {
    ssize_t bytes;
    int count, flags;
    char text[64];
    int fd[300];
    socklen_t control;                                  /* msg_controllen afterwards */
} got;

/* Receives with room for so many descriptors; -1: no control buffer. */
static int take(int from, int room, int flags) {
    union control c;
    struct iovec v = { got.text, sizeof got.text };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    if (room >= 0) {
        m.msg_control = &c;
        m.msg_controllen = (socklen_t)CMSG_LEN((size_t)room * sizeof(int));
    }
    got.bytes = recvmsg(from, &m, flags | MSG_DONTWAIT);
    got.count = 0;
    got.flags = m.msg_flags;
    got.control = m.msg_controllen;
    struct cmsghdr *h = got.bytes >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
        got.count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(got.fd, CMSG_DATA(h), (size_t)got.count * sizeof(int));
    }
    return got.bytes >= 0;
}

static void close_taken(void) {
    while (got.count > 0)
        close(got.fd[--got.count]);
}

static int lowest(void) {
    int fd = dup(1);
    close(fd);
    return fd;
}

/* A pipe whose reading end tells whether the writing end is still open anywhere. */
static int canary[2];

static void new_canary(void) {
    need(pipe2(canary, O_NONBLOCK) == 0);
}

/* Closes the canary's reading end too. */
static int is_gone(void) {
    char c;
    int gone = read(canary[0], &c, 1) == 0;
    close(canary[0]);
    return gone;
}

static void one(int type) {
    char b[8];
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    need(write(file, "0123456789", 10) == 10 && lseek(file, 3, SEEK_SET) == 3);
    pair(type, p);
    is_int(give(p[0], "here", &file, 1), 4, "type %d: sendmsg with a descriptor", type);
    int low = lowest();
    need(take(p[1], 1, 0));
    ok(got.bytes == 4 && !memcmp(got.text, "here", 4), "type %d: the text", type);
    is_int(got.count, 1, "type %d: and one descriptor", type);
    is_int(got.fd[0], low, "type %d: the lowest that is free", type);
    is_int(got.flags, 0, "type %d: no flags", type);
    is_int(fcntl(got.fd[0], F_GETFD), 0, "type %d: FD_CLOEXEC is clear", type);
    need(read(got.fd[0], b, 2) == 2 && read(file, b + 2, 2) == 2);
    ok(!memcmp(b, "3456", 4),
       "a descriptor passed over a socket is the same open file");
    close_taken();
    need(give(p[0], "x", &file, 1) == 1 && close(file) == 0);
    need(take(p[1], 1, MSG_CMSG_CLOEXEC));
    is_int(read(got.fd[0], b, 8), 3, "type %d: the sender may close its own", type);
    is_int(fcntl(got.fd[0], F_GETFD), FD_CLOEXEC, "type %d: MSG_CMSG_CLOEXEC", type);
    close_taken();
    drop(p);
}

/* To another process, with the rights that the descriptor had and not those of the
 * receiver, who may not open the file any more. */
static void to_another(void) {
    pid_t pid;
    make_file("secret", "opened");
    int file = open("secret", O_RDONLY);
    need(file >= 0 && chmod("secret", 0) == 0);
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        char b[8];
        become(STUDENT);
        close(file);
        need(open("secret", O_RDONLY) == -1 && errno == EACCES);
        while (!take(p[1], 1, 0))
            sched_yield();
        need(got.count == 1 && read(got.fd[0], b, 8) == 6 && !memcmp(b, "opened", 6));
        need(write(got.fd[0], "x", 1) == -1 && errno == EBADF);
    }
    need(give(p[0], "x", &file, 1) == 1);
    is_exit(wait_for(pid), 0, "rights travel with the descriptor");
    close(file);
    drop(p);
}

static void many(void) {
    int fds[300];
    for (int i = 0; i < 300; i++)
        fds[i] = i % 3;
    pair(SOCK_DGRAM, p);
    is_int(give(p[0], "all", fds, MOST), 3, "253 descriptors in one message");
    is_errno(give(p[0], "all", fds, MOST + 1), EINVAL, "EINVAL: 254");
    need(take(p[1], MOST, 0));
    is_int(got.count, MOST, "all arrive");
    struct stat a, b;
    need(fstat(got.fd[MOST - 1], &a) == 0 && fstat((MOST - 1) % 3, &b) == 0);
    ok(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "in order");
    close_taken();
    fds[2] = -1;
    is_errno(give(p[0], "bad", fds, 3), EBADF, "EBADF: one of them is none");
    ok(!take(p[1], 3, 0), "and nothing was sent");
    new_canary();
    fds[0] = canary[1], fds[1] = -1;
    is_errno(give(p[0], "bad", fds, 2), EBADF, "EBADF: behind one that is");
    close(canary[1]);
    ok(is_gone(), "which is not kept");
    drop(p);
}

/* "If the number of file descriptors received in the ancillary data would cause the
 * process to exceed its RLIMIT_NOFILE ... the excess file descriptors are discarded"
 * and "If the buffer used to receive the ancillary data is too small (or is absent),
 * then ... the excess file descriptors are automatically closed in the receiving
 * process", with MSG_CTRUNC in both cases. */
static void too_small(void) {
    for (int room = -1; room <= 1; room++) {
        new_canary();
        int fds[2] = { room < 1 ? canary[1] : 0, canary[1] };
        pair(SOCK_SEQPACKET, p);
        need(give(p[0], "text", fds, 2) == 4);
        close(canary[1]);
        need(take(p[1], room, 0));
        ok(got.bytes == 4 && got.flags == MSG_CTRUNC, "MSG_CTRUNC: room for %d of 2",
           room);
        is_int(got.count, room < 0 ? 0 : room, "those that fit arrive");
        ok(is_gone(), "the others are closed");
        close_taken();
        drop(p);
    }
    new_canary();
    pair(SOCK_STREAM, p);
    need(give(p[0], "text", &canary[1], 1) == 4);
    close(canary[1]);
    need(read(p[1], got.text, 4) == 4);
    ok(is_gone(), "read(2) takes the bytes and closes the descriptors");
    struct rlimit old, few;
    need(getrlimit(RLIMIT_NOFILE, &old) == 0);
    int fds[3] = { 0, 1, 2 };
    need(give(p[0], "x", fds, 3) == 1);
    few = (struct rlimit){ (rlim_t)lowest() + 2, old.rlim_max };
    need(setrlimit(RLIMIT_NOFILE, &few) == 0);
    need(take(p[1], 3, 0));
    is_int(got.count, 2, "RLIMIT_NOFILE: as many as may be open");
    is_int(got.flags, MSG_CTRUNC, "and MSG_CTRUNC");
    close_taken();
    need(setrlimit(RLIMIT_NOFILE, &old) == 0);
    drop(p);
}

/* unix(7): "ancillary data forms a barrier for the received data. ... Suppose that the
 * sender transmits: sendmsg(2) of four bytes, with no ancillary data; of one byte,
 * with; of four bytes, with no. ... The first call will receive five bytes of data,
 * along with the ancillary data sent by the second sendmsg(2) call. The next call will
 * receive the remaining four bytes." */
static void barrier(void) {
    int fd = 0;
    pair(SOCK_STREAM, p);
    need(write(p[0], "four", 4) == 4 && give(p[0], "1", &fd, 1) == 1);
    need(write(p[0], "more", 4) == 4);
    need(take(p[1], 3, 0));
    ok(got.bytes == 5 && got.count == 1, "five bytes and the descriptor");
    close_taken();
    need(take(p[1], 3, 0));
    ok(got.bytes == 4 && got.count == 0, "then four bytes");
    is_int(got.control, 0, "and no control data");
    need(give(p[0], "a", &fd, 1) == 1 && give(p[0], "b", &fd, 1) == 1);
    need(take(p[1], 3, 0));
    ok(got.bytes == 1 && got.count == 1, "two with descriptors do not come together");
    close_taken();
    need(take(p[1], 3, 0) && got.count == 1);
    close_taken();
    need(give(p[0], "long text", &fd, 1) == 9);
    char c[4];
    need(recv(p[1], c, 4, MSG_PEEK) == 4);
    union control space;
    struct iovec v = { c, 4 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &space,
                        .msg_controllen = sizeof space };
    is_int(recvmsg(p[1], &m, 0), 4, "a part of the bytes");
    need(CMSG_FIRSTHDR(&m));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    ok(fd > 2 && close(fd) == 0, "comes with the descriptor");
    need(take(p[1], 3, 0));
    ok(got.bytes == 5 && got.count == 0, "the rest without");
    drop(p);
}

/* MSG_PEEK gives descriptors of its own each time, as on Linux. */
static void peek(void) {
    pair(SOCK_DGRAM, p);
    new_canary();
    need(give(p[0], "x", &canary[1], 1) == 1);
    close(canary[1]);
    need(take(p[1], 1, MSG_PEEK));
    is_int(got.count, 1, "MSG_PEEK shows the descriptor");
    close_taken();
    need(take(p[1], 1, 0));
    is_int(got.count, 1, "and it comes again");
    close_taken();
    ok(is_gone(), "and is closed once");
    drop(p);
}

static void control_data(void) {
    union control c = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
    struct msghdr m = { .msg_iov = text("x"), .msg_iovlen = 1, .msg_control = &c };
    pair(SOCK_DGRAM, p);
    c.head.cmsg_len = CMSG_LEN(4);
    m.msg_controllen = CMSG_LEN(4) - 1;
    is_errno(sendmsg(p[0], &m, 0), EINVAL, "EINVAL: longer than the buffer");
    c.head.cmsg_len = 4;
    m.msg_controllen = CMSG_LEN(4);
    is_errno(sendmsg(p[0], &m, 0), EINVAL, "EINVAL: shorter than its head");
    c.head.cmsg_len = CMSG_LEN(0);
    c.head.cmsg_type = 77;
    is_errno(sendmsg(p[0], &m, 0), EINVAL, "EINVAL: an unknown type");
    is_int(give(p[0], "x", NULL, 0), 1, "no descriptors are no descriptors");
    m.msg_control = (void *)16;
    m.msg_controllen = CMSG_LEN(4);
    is_errno(sendmsg(p[0], &m, 0), EFAULT, "EFAULT: bad control data");
    need(take(p[1], 3, 0));
    is_int(got.count + got.flags, 0, "and none arrive");
    // two heads in one buffer: the sets are added up
    struct {
        struct cmsghdr a;
        int fd_a;
        struct cmsghdr b;
        int fd_b[2];
    } two = { { CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS }, 0,
              { CMSG_LEN(8), SOL_SOCKET, SCM_RIGHTS }, { 1, 2 } };
    m.msg_control = &two;
    m.msg_controllen = sizeof two;
    is_int(sendmsg(p[0], &m, 0), 1, "two sets of descriptors");
    need(take(p[1], 5, 0));
    is_int(got.count, 3, "come as one");
    close_taken();
    drop(p);
}

/* What nobody receives is closed: with the queue, with the connection, in circles. */
static void discarded(void) {
    struct address a = address("@scm");
    for (int i = 0; i < 3; i++) {
        new_canary();
        pair(types[i], p);
        need(give(p[0], "x", &canary[1], 1) == 1);
        close(canary[1]);
        drop(p);
        ok(is_gone(), "type %d: closed with the sockets", types[i]);
    }
    new_canary();
    int at = listener(SOCK_STREAM, &a, 3), c = dial(SOCK_STREAM, &a);
    need(give(c, "x", &canary[1], 1) == 1);
    close(canary[1]), close(c), close(at);
    ok(is_gone(), "closed with a connection that nobody accepted");
    new_canary();
    pair(SOCK_STREAM, p);
    need(shutdown(p[1], SHUT_RD) == 0);
    is_errno(give_flags(p[0], "x", &canary[1], 1, MSG_NOSIGNAL), EPIPE, "EPIPE");
    close(canary[1]);
    ok(is_gone(), "a message that cannot be sent keeps nothing");
    drop(p);
}

/* Each of these would live for ever if only references counted. Linux collects them in
 * the background, so this looks again and again; a loss would never end. */
static int is_gone_soon(void) {
    struct timespec moment = { .tv_nsec = 1000000 };
    char c;
    for (int i = 0; i < 10000 && read(canary[0], &c, 1) != 0; i++) {
        int q[2];
        pair(SOCK_DGRAM, q);
        drop(q);
        nanosleep(&moment, NULL);
    }
    return is_gone();
}

static void circles(void) {
    int q[2], fds[3];
    struct address a = address("@circle");
    for (int i = 0; i < 3; i++) {
        new_canary();
        pair(types[i], p);
        fds[0] = p[1], fds[1] = canary[1];
        need(give(p[0], "x", fds, 2) == 1);
        close(canary[1]);
        drop(p);
        ok(is_gone_soon(), "type %d: a socket in its own queue", types[i]);
    }
    new_canary();
    pair(SOCK_STREAM, p), pair(SOCK_STREAM, q);
    need(give(p[0], "x", q, 2) == 1 && give(q[0], "x", p, 2) == 1);
    need(give(p[1], "x", &canary[1], 1) == 1);
    close(canary[1]);
    drop(p), drop(q);
    ok(is_gone_soon(), "two pairs in each other's queues");
    new_canary();
    int at = listener(SOCK_STREAM, &a, 3), c = dial(SOCK_STREAM, &a);
    fds[0] = at, fds[1] = canary[1], fds[2] = c;
    need(give(c, "x", fds, 3) == 1);
    close(canary[1]), close(at), close(c);
    ok(is_gone_soon(), "a listener in a connection that waits to be accepted by it");
    at = listener(SOCK_STREAM, &a, 3), c = dial(SOCK_STREAM, &a);
    new_canary();
    need(give(c, "x", &canary[1], 1) == 1);
    int x = accept(at, NULL, NULL);
    pair(SOCK_STREAM, p);
    need(give(p[0], "x", &x, 1) == 1);
    close(canary[1]), close(at), close(c), close(x);
    char byte;
    ok(read(canary[0], &byte, 1) == -1 && errno == EAGAIN,
       "what lies behind a queue that somebody holds stays");
    need(take(p[1], 1, 0) && got.count == 1);
    x = got.fd[0];
    need(take(x, 1, 0));
    is_int(got.count, 1, "and can be received");
    close_taken();
    close(x);
    ok(is_gone(), "and closed");
    drop(p);
}

/* The process dies in a receive; all it leaves is a queue that holds its own socket. */
static void killed(void) {
    pid_t pid;
    new_canary();
    CHILD (pid) {
        int q[2], fds[2];
        close(canary[0]);
        pair(SOCK_STREAM, q);
        fds[0] = q[1], fds[1] = canary[1];
        need(give(q[0], "x", fds, 2) == 1);
        close(canary[1]);
        read(q[0], fds, 1);                             // for ever
    }
    close(canary[1]);
    until_asleep(pid);
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "killed while its queue holds itself");
    ok(is_gone_soon(), "and all of it is given back");
}

/* A chain of sockets, each in the queue of the next: as deep as there are
 * descriptors. */
static void chain(void) {
    int last[2], next[2];
    new_canary();
    pair(SOCK_STREAM, last);
    need(give(last[0], "x", &canary[1], 1) == 1);
    close(canary[1]);
    for (int i = 0; i < 300; i++) {
        pair(SOCK_STREAM, next);
        if (give(next[0], "x", last, 2) != 1) {
            need(errno == ETOOMANYREFS);                // Linux, when not root
            drop(next);
            break;
        }
        drop(last);
        last[0] = next[0], last[1] = next[1];
    }
    char c;
    ok(read(canary[0], &c, 1) == -1, "a long chain of sockets in sockets");
    drop(last);
    ok(is_gone_soon(), "comes down without a trace");
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    scratch();
    for (int i = 0; i < 3; i++)
        one(types[i]);
    to_another();
    many();
    too_small();
    barrier();
    peek();
    control_data();
    discarded();
    circles();
    killed();
    chain();
    return done_testing();
}
