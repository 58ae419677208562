/* poll_files.c - POSIX poll(), select() on regular files and directories: "Regular
 * files shall always poll TRUE for reading and writing." Pipes and the like have tests
 * of their own.
 */
#include "scratch.h"

#include <poll.h>
#include <sys/select.h>
#include <time.h>

static void polling(void) {
    int r = open("f", O_RDONLY), w = open("f", O_WRONLY), dir = open(".", O_RDONLY);
    struct pollfd p[] = { { r, POLLIN, 0 }, { w, POLLOUT, 0 }, { dir, POLLIN, 0 },
                          { -1, POLLIN, 99 }, { 500, POLLIN, 0 }, { r, 0, 0 } };
    is_int(poll(p, 1, -1), 1, "poll of a file does not wait");
    is_int(p[0].revents, POLLIN, "it is readable");
    need(lseek(r, 0, SEEK_END) == 4);
    is_int(poll(p, 1, -1), 1, "also at its end");
    is_int(poll(p + 1, 1, -1), 1, "a file to write");
    is_int(p[1].revents, POLLOUT, "is writable");
    is_int(poll(p, 6, -1), 4, "poll counts those with events");
    ok(p[2].revents & POLLIN, "a directory is readable");
    is_int(p[3].revents, 0, "descriptor -1 is passed over, revents 0");
    is_int(p[4].revents, POLLNVAL, "a closed one is POLLNVAL");
    is_int(p[5].revents, 0, "no events asked for, none told");
    is_int(poll(NULL, 0, 0), 0, "nothing to poll gives 0");
    is_int(poll(NULL, 0, 2), 0, "or sleeps");
    close(r), close(w), close(dir);
}

/* select(): "shall return the total number of bits set"; [EBADF], [EINVAL]. */
static void selecting(void) {
    int fd = open("f", O_RDWR);
    fd_set in, out;
    struct timeval zero = { 0, 0 }, bad = { -1, 0 };
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    is_int(select(fd + 1, &in, &out, NULL, &zero), 2, "select: readable and writable");
    ok(FD_ISSET(fd, &in) && FD_ISSET(fd, &out), "both bits stay");
    is_errno(select(-1, NULL, NULL, NULL, &zero), EINVAL, "-1 descriptors are EINVAL");
    is_errno(select(0, NULL, NULL, NULL, &bad), EINVAL, "a negative time is EINVAL");
    is_int(select(0, NULL, NULL, NULL, &zero), 0, "no descriptors, no time: 0");
    close(fd);
    FD_ZERO(&in);
    FD_SET(fd, &in);
    is_errno(select(fd + 1, &in, NULL, NULL, &zero), EBADF,
             "a closed descriptor is EBADF");
    struct timespec nanosecond = { 0, 1 };
    is_int(pselect(0, NULL, NULL, NULL, &nanosecond, NULL), 0,
           "pselect takes nanoseconds");
    is_int(ppoll(NULL, 0, &nanosecond, NULL), 0, "so does ppoll");
}

int main(void) {
    scratch();
    make_file("f", "text");
    polling();
    selecting();
    return done_testing();
}
