/* socket_options.c - getsockopt, setsockopt, and the old way into all calls on sockets.
 *
 * Sleeps: socketcall, as the call that it stands for.
 * Linux: the options below and no others (ENOPROTOOPT). Time-outs have 32-bit seconds.
 * Tests: user/tests/socket_options.c, socket_message.c
 * See: socket(7)
 */
#include "base/string.h"
#include "posix/socket.h"
#include "syscall.h"

enum socket_option {
    SO_TYPE = 3, SO_ERROR = 4, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_PEERCRED = 17,
    SO_RCVTIMEO = 20, SO_SNDTIMEO = 21, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
};

enum { SOL_SOCKET = 1, SEND_LEAST = 4608, RECEIVE_LEAST = 2304 };

long sys_getsockopt(int fd, int level, int name, uptr_t value, uptr_t size_at)
{
    struct timeval32 time;
    struct socket *s;
    uint32_t number, size = sizeof(number), room;
    const void *from = &number;
    int error = socket_peek(fd, &s);

    if (error)
        return error;
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (u32_from_user(&room, size_at))
        return -EFAULT;
    if ((int32_t)room < 0)
        return -EINVAL;
    switch (name) {
    case SO_TYPE: number = s->type; break;
    case SO_ERROR: number = (uint32_t)socket_take_error(s); break;
    case SO_SNDBUF: number = s->send_buffer; break;
    case SO_RCVBUF: number = s->receive_buffer; break;
    case SO_ACCEPTCONN: number = s->state == SOCKET_LISTENS; break;
    case SO_PROTOCOL: number = 0; break;
    case SO_DOMAIN: number = AF_UNIX; break;
    case SO_PEERCRED:
        from = &s->peer_credentials;
        size = sizeof(s->peer_credentials);
        break;
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
        time = nanoseconds_to_timeval32(name == SO_RCVTIMEO ? s->receive_timeout
                                                            : s->send_timeout);
        from = &time;
        size = sizeof(time);
        break;
    default: return -ENOPROTOOPT;
    }
    size = min(size, room);
    if (copy_to_user(value, from, size))
        return -EFAULT;
    return u32_to_user(size_at, size);
}

/* A negative time means not at all, as on Linux. */
static int set_timeout(nanoseconds_t *timeout, uptr_t value, int size)
{
    struct timeval32 time;

    if (size < (int)sizeof(time))
        return -EINVAL;
    if (copy_from_user(&time, value, sizeof(time)))
        return -EFAULT;
    if (time.microseconds < 0 || time.microseconds >= 1000000)
        return -EDOM;
    *timeout = time.seconds < 0 ? 1
                                : (nanoseconds_t)time.seconds * SECOND
                                      + (nanoseconds_t)time.microseconds * MICROSECOND;
    return 0;
}

long sys_setsockopt(int fd, int level, int name, uptr_t value, int size)
{
    struct socket *s;
    uint32_t number;
    int error = socket_peek(fd, &s);

    if (error)
        return error;
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (size < (int)sizeof(number))
        return -EINVAL;
    if (u32_from_user(&number, value))
        return -EFAULT;
    number = 2 * min(number, SOCKET_BUFFER);    // twice, as socket(7) has it
    switch (name) {
    case SO_SNDBUF: s->send_buffer = max(number, (uint32_t)SEND_LEAST); break;
    case SO_RCVBUF: s->receive_buffer = max(number, (uint32_t)RECEIVE_LEAST); break;
    case SO_RCVTIMEO: return set_timeout(&s->receive_timeout, value, size);
    case SO_SNDTIMEO: return set_timeout(&s->send_timeout, value, size);
    default: return -ENOPROTOOPT;
    }
    if (s->peer)
        wait_wake_all(&s->peer->room, 0);
    wait_wake_all(&s->room, 0);
    return 0;
}

/* -- socketcall(2) ----------------------------------------------------------------- */

long sys_socketcall(int call, uptr_t arguments)
{
    static const uint8_t counts[] = { 0, 3, 3, 3, 2, 3, 3, 3, 4, 4,
                                      4, 6, 6, 2, 5, 5, 3, 3, 4 };
    uint32_t a[6] = { 0 };

    if (call < 1 || call >= (int)ARRAY_SIZE(counts))
        return -EINVAL;
    if (copy_from_user(a, arguments, counts[call] * sizeof(*a)))
        return -EFAULT;
    int fd = (int)a[0];
    switch (call) {
    case 1: return sys_socket(fd, (int)a[1], (int)a[2]);
    case 2: return sys_bind(fd, uptr(a[1]), (int)a[2]);
    case 3: return sys_connect(fd, uptr(a[1]), (int)a[2]);
    case 4: return sys_listen(fd, (int)a[1]);
    case 5: return sys_accept4(fd, uptr(a[1]), uptr(a[2]), 0);
    case 6: return sys_getsockname(fd, uptr(a[1]), uptr(a[2]));
    case 7: return sys_getpeername(fd, uptr(a[1]), uptr(a[2]));
    case 8: return sys_socketpair(fd, (int)a[1], (int)a[2], uptr(a[3]));
    case 9: return sys_sendto(fd, uptr(a[1]), a[2], a[3], uptr(0), 0);
    case 10: return sys_recvfrom(fd, uptr(a[1]), a[2], a[3], uptr(0), uptr(0));
    case 11: return sys_sendto(fd, uptr(a[1]), a[2], a[3], uptr(a[4]), (int)a[5]);
    case 12: return sys_recvfrom(fd, uptr(a[1]), a[2], a[3], uptr(a[4]), uptr(a[5]));
    case 13: return sys_shutdown(fd, (int)a[1]);
    case 14: return sys_setsockopt(fd, (int)a[1], (int)a[2], uptr(a[3]), (int)a[4]);
    case 15: return sys_getsockopt(fd, (int)a[1], (int)a[2], uptr(a[3]), uptr(a[4]));
    case 16: return sys_sendmsg(fd, uptr(a[1]), a[2]);
    case 17: return sys_recvmsg(fd, uptr(a[1]), a[2]);
    default: return sys_accept4(fd, uptr(a[1]), uptr(a[2]), (int)a[3]);
    }
}
