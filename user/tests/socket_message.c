/* socket_message.c - POSIX sendmsg(), recvmsg(): scatter and gather, names and flags in
 * a struct msghdr; recvmsg(2): "msg_flags is set on return of recvmsg()". Descriptors
 * in messages are in scm_rights.c.
 */
#include "raw.h"
#include "socket.h"

#include <limits.h>
#include <sys/uio.h>

static int p[2];
static char b[64];

static void gather(int type, const char *name) {
    struct iovec v[3] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
    struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };
    pair(type, p);
    is_int(sendmsg(p[0], &m, 0), 6, "%s: sendmsg gathers", name);
    v[0] = (struct iovec){ b, 1 };
    v[1] = (struct iovec){ b + 10, 3 };
    v[2] = (struct iovec){ b + 20, 10 };
    m.msg_flags = -1;
    is_int(recvmsg(p[1], &m, 0), 6, "%s: recvmsg scatters", name);
    ok(b[0] == 'a' && !memcmp(b + 10, "bcd", 3) && !memcmp(b + 20, "ef", 2),
       "%s: in order", name);
    is_int(m.msg_flags, 0, "%s: no flags", name);
    is_int(m.msg_namelen, 0, "%s: no name", name);
    need(write(p[0], "0123456789", 10) == 10);
    m.msg_iovlen = 2;
    is_int(recvmsg(p[1], &m, MSG_DONTWAIT), 4, "%s: what fits into the vector", name);
    is_int(m.msg_flags, type == SOCK_STREAM ? 0 : MSG_TRUNC,
           type == SOCK_STREAM ? "%s: a stream is not cut"
                               : "%s: MSG_TRUNC: it was cut",
           name);
    drop(p);
}

/* "The msg_name field points to a caller-allocated buffer that is used to return the
 * source address if the socket is unconnected. The caller should set msg_namelen to the
 * size of this buffer before this call; upon return from a successful call, msg_namelen
 * will contain the length of the returned address." */
static void names(void) {
    struct address s = address("@msg server"), c = address("@msg client"), got;
    int at = bound(SOCK_DGRAM, &s), client = bound(SOCK_DGRAM, &c);
    struct iovec v = { "text", 4 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_name = &s.un,
                        .msg_namelen = s.size };
    is_int(sendmsg(client, &m, 0), 4, "sendmsg to a name");
    v.iov_base = b;
    m.msg_name = &got.un;
    m.msg_namelen = sizeof got.un;
    is_int(recvmsg(at, &m, 0), 4, "recvmsg with room for the name");
    got.size = m.msg_namelen;
    ok(same_address(&got, &c), "tells the sender");
    need(send_to(client, "more", &s) == 4);
    memset(&got.un, 'z', sizeof got.un);
    m.msg_namelen = 5;
    is_int(recvmsg(at, &m, 0), 4, "with room for a part of it");
    ok(m.msg_namelen == c.size && got.un.sun_path[2] == 's'
           && got.un.sun_path[3] == 'z',
       "writes that part and tells the whole length");
    close(at), close(client);
}

static void refusals(void) {
    struct iovec v = { b, 4 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    pair(SOCK_DGRAM, p);
    is_int(raw(SYS_sendmsg, p[0], 16, 0), -EFAULT, "EFAULT: no msghdr");
    is_int(raw(SYS_recvmsg, p[0], 16, 0), -EFAULT, "EFAULT: none to receive");
    m.msg_iov = (void *)16;
    is_int(raw(SYS_sendmsg, p[0], (long)&m, 0), -EFAULT, "EFAULT: no vector");
    m.msg_iov = &v;
    m.msg_iovlen = IOV_MAX + 1;
    is_int(raw(SYS_sendmsg, p[0], (long)&m, 0), -EMSGSIZE, "EMSGSIZE: too many pieces");
    m.msg_iovlen = 1;
    m.msg_namelen = -1;
    m.msg_name = b;
    is_int(raw(SYS_sendmsg, p[0], (long)&m, 0), -EINVAL, "EINVAL: a negative name");
    m.msg_name = NULL;
    is_int(raw(SYS_sendmsg, p[0], (long)&m, 0), 4, "no name: its size means nothing");
    is_int(raw(SYS_recvmsg, p[1], (long)&m, 0), 4, "nor does it to who receives");
    m.msg_namelen = 0;
    m.msg_iovlen = 0;
    is_int(sendmsg(p[0], &m, 0), 0, "a datagram without a vector is empty");
    m.msg_iovlen = 1;
    is_int(recvmsg(p[1], &m, 0), 0, "and arrives");
    is_errno(recvmsg(p[1], &m, MSG_DONTWAIT), EAGAIN, "EAGAIN: once");
    drop(p);
}

/* The other way into the same calls: i386 has had socketcall(2) from the beginning. */
static void socketcall(void) {
    enum { CALL_SOCKET = 1, CALL_SOCKETPAIR = 8, CALL_SEND = 9, CALL_RECV = 10,
           CALL_SHUTDOWN = 13, CALL_GETSOCKOPT = 15, CALL_ACCEPT4 = 18 };
    int q[2], type = 0;
    socklen_t size = sizeof type;
    long make[] = { AF_UNIX, SOCK_STREAM, 0, (long)q };
    long fd = raw(SYS_socketcall, CALL_SOCKET, (long)make);
    ok(fd >= 0, "socketcall: socket");
    close((int)fd);
    is_int(raw(SYS_socketcall, CALL_SOCKETPAIR, (long)make), 0,
           "socketcall: socketpair");
    long sends[] = { q[0], (long)"text", 4, 0 }, receives[] = { q[1], (long)b, 64, 0 };
    is_int(raw(SYS_socketcall, CALL_SEND, (long)sends), 4, "socketcall: send");
    is_int(raw(SYS_socketcall, CALL_RECV, (long)receives), 4, "socketcall: recv");
    long asks[] = { q[0], SOL_SOCKET, SO_TYPE, (long)&type, (long)&size };
    is_int(raw(SYS_socketcall, CALL_GETSOCKOPT, (long)asks), 0,
           "socketcall: getsockopt");
    is_int(type, SOCK_STREAM, "socketcall: with five arguments");
    long shuts[] = { q[0], SHUT_RDWR };
    is_int(raw(SYS_socketcall, CALL_SHUTDOWN, (long)shuts), 0, "socketcall: shutdown");
    is_int(raw(SYS_socketcall, 0, (long)shuts), -EINVAL, "EINVAL: socketcall 0");
    is_int(raw(SYS_socketcall, 99, (long)shuts), -EINVAL, "EINVAL: socketcall 99");
    is_int(raw(SYS_socketcall, CALL_SEND, 16), -EFAULT, "EFAULT: no arguments");
    close(q[0]), close(q[1]);
}

int main(void) {
    gather(SOCK_STREAM, "stream");
    gather(SOCK_DGRAM, "dgram");
    gather(SOCK_SEQPACKET, "seqpacket");
    names();
    refusals();
    socketcall();
    return done_testing();
}
