/* poll.c - POSIX poll() on pipes: "identify the set of file descriptors on which an
 * application can read or write data, or on which certain events have occurred";
 * ppoll(2).
 * POLLHUP: "a peer has disconnected"; POLLERR on a write end when there is no reader;
 * POLLNVAL: "the specified fd value is invalid".
 */
#include "raw.h"
#include "tap.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

static int p[2];

static int ask(int fd, short events) {
    struct pollfd f = { .fd = fd, .events = events, .revents = 0x5555 };
    int n = poll(&f, 1, 0);
    need(n == (f.revents != 0));
    return f.revents;
}

static void fill(void) {
    char text[4096] = "";
    need(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(p[1], text, sizeof text) > 0)
        ;
    while (write(p[1], text, 1) > 0)
        ;
}

static void states(void) {
    char text[4096];
    need(pipe2(p, O_NONBLOCK) == 0);
    is_int(ask(p[0], POLLIN), 0, "an empty pipe is not readable");
    is_int(ask(p[1], POLLOUT), POLLOUT, "but writable");
    is_int(ask(p[1], POLLIN), 0, "the write end is never readable");
    is_int(ask(p[0], POLLOUT), 0, "the read end is never writable");
    need(write(p[1], "x", 1) == 1);
    is_int(ask(p[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM,
           "readable with a byte in it");
    is_int(ask(p[0], 0), 0, "only what was asked for is told");
    is_int(ask(p[0], POLLIN | POLLPRI), POLLIN, "no urgent data in a pipe");
    fill();
    is_int(ask(p[1], POLLOUT), 0, "a full pipe is not writable");
    while (read(p[0], text, sizeof text) > 0)
        ;
    is_int(ask(p[1], POLLOUT | POLLWRNORM), POLLOUT | POLLWRNORM,
           "an emptied one is again");
    need(write(p[1], "x", 1) == 1);
    close(p[1]);
    is_int(ask(p[0], POLLIN), POLLIN | POLLHUP,
           "data and no writer: POLLIN and POLLHUP");
    need(read(p[0], text, 1) == 1);
    is_int(ask(p[0], POLLIN), POLLHUP, "no data and no writer: POLLHUP");
    is_int(ask(p[0], 0), POLLHUP, "POLLHUP is told without being asked for");
    close(p[0]);
    is_int(ask(p[0], POLLIN), POLLNVAL, "a closed descriptor: POLLNVAL");
    is_int(ask(-1, POLLIN), 0, "a negative one is left out");
    need(pipe(p) == 0);
    close(p[0]);
    is_int(ask(p[1], POLLOUT), POLLOUT | POLLERR, "a pipe without readers: POLLERR");
    close(p[1]);
    int fd = open("/dev/null", O_RDWR);
    is_int(ask(fd, POLLIN | POLLOUT), POLLIN | POLLOUT, "/dev/null is always ready");
    close(fd);
    char path[] = "/tmp/poll.XXXXXX";
    fd = mkstemp(path);
    need(fd >= 0 && unlink(path) == 0);
    is_int(ask(fd, POLLIN | POLLOUT), POLLIN | POLLOUT, "so is a regular file");
    close(fd);
}

static void several(void) {
    int q[2];
    need(pipe(p) == 0 && pipe(q) == 0);
    struct pollfd f[4] = { { .fd = p[0], .events = POLLIN },
                           { .fd = q[0], .events = POLLIN },
                           { .fd = -5, .events = POLLIN, .revents = 9 },
                           { .fd = p[1], .events = POLLOUT } };
    is_int(poll(f, 4, 0), 1, "the number of descriptors with events");
    need(write(q[1], "x", 1) == 1);
    is_int(poll(f, 4, -1), 2, "two of four");
    ok(f[0].revents == 0 && f[1].revents == POLLIN && f[2].revents == 0
           && f[3].revents == POLLOUT,
       "each told its own; 0 for the others");
    f[0].fd = q[0];
    is_int(poll(f, 2, -1), 2, "one descriptor may be in the set twice");
    for (int i = 0; i < 2; i++)
        close(p[i]), close(q[i]);
}

/* "timeout: poll() shall wait at least timeout milliseconds for an event to occur"; 0
 * does not wait, -1 waits for ever. */
static void time_out(void) {
    struct timespec a, b, t = { 0, 5000000 };
    need(pipe(p) == 0);
    struct pollfd f = { .fd = p[0], .events = POLLIN };
    clock_gettime(CLOCK_MONOTONIC, &a);
    is_int(poll(&f, 1, 5), 0, "0 after the time-out");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 5000000,
       "not before");
    a = b;
    is_int(poll(NULL, 0, 5), 0, "no descriptors: just a time-out");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 5000000,
       "not before");
    is_int(ppoll(&f, 1, &t, NULL), 0, "ppoll: 0 after the time-out");
    t.tv_nsec = 1000000000;
    is_errno(ppoll(&f, 1, &t, NULL), EINVAL, "ppoll: EINVAL: tv_nsec of 10^9");
    t.tv_nsec = 0, t.tv_sec = -1;
    is_errno(ppoll(&f, 1, &t, NULL), EINVAL, "ppoll: EINVAL: a negative time");
    close(p[0]);
    close(p[1]);
}

/* A sleeping poll is woken by each kind of event. */
static void woken(void) {
    for (int how = 0; how < 4; how++) {
        static const char *const name[] = { "a write", "the writer's end", "a read",
                                            "the reader's end" };
        static const int want[] = { POLLIN, POLLHUP, POLLOUT, POLLERR };
        struct pollfd f;
        char text[4096];
        pid_t pid, parent = getpid();
        need(pipe(p) == 0);
        if (how >= 2)
            fill();
        CHILD (pid) {
            int mine = how < 2 ? 1 : 0;
            close(p[!mine]);
            until_asleep(parent);
            if (how == 0)
                need(write(p[1], "x", 1) == 1);
            if (how == 2)
                need(read(p[0], text, sizeof text) > 0);
        }
        int mine = how < 2 ? 0 : 1;
        close(p[!mine]);
        f = (struct pollfd){ .fd = p[mine], .events = mine ? POLLOUT : POLLIN };
        int n = poll(&f, 1, -1);
        ok(n == 1 && (f.revents & want[how]), "a sleeping poll is woken by %s",
           name[how]);
        wait_for(pid);
        close(p[mine]);
    }
}

static volatile sig_atomic_t handled;

static void handler(int sig) {
    (void)sig;
    handled++;
}

/* ppoll(2): "atomically" replaces the mask: a signal pending behind it ends the
 * wait. */
static void masks(void) {
    sigset_t set, none;
    need(pipe(p) == 0);
    struct pollfd f = { .fd = p[0], .events = POLLIN };
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    signal(SIGUSR1, handler);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0);
    is_errno(ppoll(&f, 1, NULL, &none), EINTR, "ppoll lets a pending signal in: EINTR");
    is_int(handled, 1, "its handler has run");
    need(sigprocmask(SIG_BLOCK, NULL, &none) == 0);
    ok(sigismember(&none, SIGUSR1), "and the mask is back");
    need(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    close(p[0]);
    close(p[1]);
}

static struct pollfd shared[2];

static void *change(void *unused) {
    (void)unused;
    shared[1].events = 0x1234;
    need(write(p[1], "x", 1) == 1);
    return NULL;
}

/* "In each pollfd structure, poll() shall ... set revents": the rest is the caller's,
 * and its threads'. */
static void changed_meanwhile(void) {
    pthread_t thread;
    need(pipe(p) == 0);
    shared[0] = (struct pollfd){ .fd = p[0], .events = POLLIN };
    shared[1] = (struct pollfd){ .fd = -1 };
    need(pthread_create(&thread, NULL, change, NULL) == 0);
    is_int(poll(shared, 2, -1), 1, "poll ends when another thread writes");
    need(pthread_join(thread, NULL) == 0);
    is_int(shared[1].events, 0x1234, "what it changed in the entries stays");
    close(p[0]);
    close(p[1]);
}

static void errors(void) {
    struct pollfd f = { .fd = 0 };
    is_int(raw(SYS_poll, 16, 1, 0), -EFAULT, "EFAULT: fds");
    is_int(raw(SYS_poll, (long)&f, 0x7fffffff, 0), -EINVAL,
           "EINVAL: more than RLIMIT_NOFILE");
    is_int(raw(SYS_poll, (long)&f, -1, 0), -EINVAL, "EINVAL: 2^32-1 of them");
    is_int(raw(SYS_ppoll, (long)&f, 0, 16, 0, 8), -EFAULT, "EFAULT: the time of ppoll");
    is_int(raw(SYS_ppoll, (long)&f, 0, 0, 16, 8), -EFAULT, "EFAULT: the mask of ppoll");
    is_int(raw(SYS_ppoll, (long)&f, 0, 0, (long)&f, 4), -EINVAL,
           "EINVAL: a mask of 4 bytes");
}

int main(void) {
    states();
    several();
    time_out();
    woken();
    masks();
    changed_meanwhile();
    errors();
    return done_testing();
}
