/* native_tcflow.c - tcflow(3) and tcflush(3) on the terminal that tests write to: the
 * host's tests have none.
 */
#include "tap.h"

#include <poll.h>
#include <termios.h>

int main(void) {
    int fd = open("/dev/ttyS0", O_RDWR | O_NONBLOCK | O_NOCTTY);
    struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
    need(fd >= 0);

    // between the two nothing may be told: the output stands still
    int off = tcflow(fd, TCOOFF), at_rest = poll(&poll_fd, 1, 0);
    ssize_t n = write(fd, "# never seen\n", 13);
    int error = errno, on = tcflow(fd, TCOON);
    is_int(off, 0, "TCOOFF suspends output");
    is_int(at_rest, 0, "poll says so");
    ok(n == -1 && error == EAGAIN, "a write would have to wait");
    is_int(on, 0, "TCOON restarts it");
    is_int(poll(&poll_fd, 1, 0), 1, "poll says so");
    is_int(write(fd, "# \n", 3), 3, "and bytes are written");
    is_int(tcflow(fd, TCIOFF), 0, "TCIOFF");
    is_int(tcflow(fd, TCION), 0, "TCION");
    is_errno(tcflow(fd, 4), EINVAL, "tcflow: another action is EINVAL");
    is_int(tcflush(fd, TCOFLUSH), 0, "tcflush");
    is_errno(tcflush(fd, 3), EINVAL, "tcflush: another queue is EINVAL");
    is_errno(tcflow(-1, TCOON), EBADF, "tcflow(-1)");
    close(fd);
    return done_testing();
}
