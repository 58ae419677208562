/* eventfd.c - eventfd(2): "eventfd() creates an 'eventfd object' that can be used as an
 * event wait/notify mechanism by user-space applications ... The object contains an
 * unsigned 64-bit integer (uint64_t) counter that is maintained by the kernel."
 */
/* FEATURE(122): a sleeping poll sees the counter of an eventfd change */
#include "tap.h"

#include <poll.h>
#include <sys/eventfd.h>

#define MOST 0xfffffffffffffffeull

static uint64_t n;

static ssize_t add(int fd, uint64_t value) {
    return write(fd, &value, sizeof value);
}

static int now(int fd) {
    struct pollfd f = { .fd = fd, .events = POLLIN | POLLOUT };
    need(poll(&f, 1, 0) >= 0);
    return f.revents;
}

/* "If EFD_SEMAPHORE was not specified and the eventfd counter has a nonzero value, then
 * a read(2) returns 8 bytes containing that value, and the counter's value is reset to
 * zero." */
static void counter(void) {
    int fd = eventfd(5, 0);
    is_int(fcntl(fd, F_GETFL), O_RDWR, "flags: reading and writing, blocking");
    is_int(fcntl(fd, F_GETFD), 0, "FD_CLOEXEC is clear");
    is_int(now(fd), POLLIN | POLLOUT, "poll: readable and writable");
    is_int(read(fd, &n, 8), 8, "a read gives 8 bytes");
    is_int(n, 5, "the first value");
    is_int(now(fd), POLLOUT, "poll: zero is not readable");
    is_int(add(fd, 3), 8, "a write takes 8 bytes");
    need(add(fd, 0x100000000ull) == 8);
    need(read(fd, &n, 8) == 8);
    ok(n == 0x100000003ull, "writes add up, in 64 bits");
    need(add(fd, 0) == 8);
    is_int(now(fd), POLLOUT, "adding 0 changes nothing");
    char more[16];
    need(add(fd, 7) == 8);
    is_int(read(fd, more, 16), 8, "a larger buffer gets 8 bytes");
    close(fd);
}

/* "If EFD_SEMAPHORE was specified and the eventfd counter has a nonzero value, then a
 * read(2) returns 8 bytes containing the value 1, and the counter's value is
 * decremented by 1." */
static void semaphore(void) {
    int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    is_int(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK, "EFD_NONBLOCK");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "EFD_CLOEXEC");
    need(read(fd, &n, 8) == 8 && n == 1);
    is_int(read(fd, &n, 8), 8, "EFD_SEMAPHORE: a read takes 1");
    is_int(n, 1, "and gives 1");
    is_errno(read(fd, &n, 8), EAGAIN, "EAGAIN: until it is zero");
    close(fd);
}

/* "EINVAL if the size of the supplied buffer is less than 8 bytes, or if an attempt is
 * made to write the value 0xffffffffffffffff"; "The maximum value that may be stored in
 * the counter is the largest unsigned 64-bit value minus 1". */
static void limits(void) {
    int fd = eventfd(0, EFD_NONBLOCK);
    is_errno(read(fd, &n, 7), EINVAL, "EINVAL: read of 7 bytes");
    is_errno(write(fd, &n, 4), EINVAL, "EINVAL: write of 4 bytes");
    is_errno(add(fd, MOST + 1), EINVAL, "EINVAL: 2^64 - 1");
    is_int(add(fd, MOST), 8, "2^64 - 2 is the most");
    is_int(now(fd), POLLIN, "poll: then it is not writable");
    is_errno(add(fd, 1), EAGAIN, "EAGAIN: more would overflow");
    is_int(add(fd, 0), 8, "0 would not");
    need(read(fd, &n, 8) == 8);
    ok(n == MOST, "a read gives all of it");
    is_errno(write(fd, (void *)16, 8), EFAULT, "EFAULT: nothing to write");
    need(add(fd, 1) == 8);
    is_errno(read(fd, (void *)16, 8), EFAULT, "EFAULT: nowhere to read to");
    is_errno(eventfd(0, 0x10), EINVAL, "EINVAL: unknown flags");
    close(fd);
}

static void blocking(void) {
    pid_t pid;
    int fd = eventfd(0, 0), all = 1;
    CHILD (pid) {
        need(read(fd, &n, 8) == 8 && n == 42);
    }
    until_asleep(pid);
    need(add(fd, 42) == 8);
    is_exit(wait_for(pid), 0, "a read of zero waits for a write");
    need(add(fd, MOST) == 8);
    CHILD (pid) {
        need(add(fd, 9) == 8);
    }
    until_asleep(pid);
    need(read(fd, &n, 8) == 8);
    is_exit(wait_for(pid), 0, "a write that would overflow waits for a read");
    need(read(fd, &n, 8) == 8);
    is_int(n, 9, "and then adds");
    CHILD (pid) {
        until_asleep(getppid());
        need(add(fd, 1) == 8);
    }
    struct pollfd f = { .fd = fd, .events = POLLIN };
    is_int(poll(&f, 1, -1), 1, "a sleeping poll sees the counter of an eventfd change");
    wait_for(pid);
    close(fd);
    fd = eventfd(0, EFD_SEMAPHORE);
    pid_t waiter[3];
    for (int i = 0; i < 3; i++)
        CHILD (waiter[i]) {
            need(read(fd, &n, 8) == 8 && n == 1);
        }
    until_asleep(waiter[2]);
    need(add(fd, 3) == 8);
    for (int i = 0; i < 3; i++)
        all &= wait_for(waiter[i]) == 0;
    ok(all, "adding 3 to a semaphore lets three pass");
    close(fd);
}

int main(void) {
    counter();
    semaphore();
    limits();
    blocking();
    return done_testing();
}
