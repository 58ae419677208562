/* select.c - POSIX select(), pselect() on pipes: "examine the file descriptor sets ...
 * to see whether some of their descriptors are ready for reading, are ready for
 * writing, or have an exceptional condition pending, respectively"; select(2).
 */
#include "raw.h"
#include "tap.h"

#include <sys/select.h>
#include <time.h>

static int p[2];
static fd_set in, out, except;

static void put(void) {
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    FD_SET(p[0], &except);
}

static int ask(void) {
    struct timeval zero = { 0, 0 };
    put();
    return select(p[1] + 1, &in, &out, &except, &zero);
}

static void states(void) {
    char text[4096] = "";
    need(pipe2(p, O_NONBLOCK) == 0);
    is_int(ask(), 1, "an empty pipe: one of three is ready");
    ok(!FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out) && !FD_ISSET(p[0], &except),
       "the write end; the others are taken out of the sets");
    need(write(p[1], "x", 1) == 1);
    is_int(ask(), 2, "with a byte: two, each counted");
    ok(FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out), "both ends");
    while (write(p[1], text, sizeof text) > 0)
        ;
    while (write(p[1], text, 1) > 0)
        ;
    is_int(ask(), 1, "full: only the read end");
    while (read(p[0], text, sizeof text) > 0)
        ;
    close(p[1]);
    p[1] = dup(p[0]);                                   // something open for the set
    ask();
    ok(FD_ISSET(p[0], &in), "end of file is readable: a read would not block");
    close(p[0]);
    close(p[1]);
    need(pipe2(p, O_NONBLOCK) == 0);
    int reader = p[0];
    p[0] = p[1];
    close(reader);
    ask();
    ok(FD_ISSET(p[1], &out), "a broken pipe is writable: a write would not block");
    close(p[1]);
}

/* select(2): "the sets are modified in place"; Linux gives back whole words. */
static void above(void) {
    struct timeval zero = { 0, 0 };
    need(pipe(p) == 0);
    FD_ZERO(&in);
    FD_SET(p[1] + 1, &in);
    is_int(select(p[1] + 1, &in, NULL, NULL, &zero), 0,
           "a bit from nfds on means nothing");
    ok(!FD_ISSET(p[1] + 1, &in), "and is taken out: the word is as a whole");
    close(p[0]);
    close(p[1]);
}

static void errors(void) {
    struct timeval zero = { 0, 0 }, bad = { -1, 0 };
    need(pipe(p) == 0);
    put();
    is_errno(select(-1, &in, NULL, NULL, &zero), EINVAL, "EINVAL: a negative nfds");
    is_errno(select(p[1] + 1, &in, NULL, NULL, &bad), EINVAL,
             "EINVAL: a negative time");
    int closed = dup(p[0]);
    close(closed);
    FD_SET(closed, &in);
    is_errno(select(closed + 1, &in, NULL, NULL, &zero), EBADF, "EBADF: a closed one");
    put();
    is_int(select(p[0], &in, NULL, NULL, &zero), 0,
           "descriptors from nfds on are not looked at");
    is_int(raw(SYS__newselect, p[1] + 1, 16, 0, 0, (long)&zero), -EFAULT,
           "EFAULT: a set");
    is_int(raw(SYS__newselect, 0, 0, 0, 0, 16), -EFAULT, "EFAULT: the time");
    close(p[0]);
    close(p[1]);
}

static void time_out(void) {
    struct timeval t = { 0, 5000 };
    struct timespec a, b, s = { 0, 5000000 };
    need(pipe(p) == 0);
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    clock_gettime(CLOCK_MONOTONIC, &a);
    is_int(select(p[0] + 1, &in, NULL, NULL, &t), 0, "0 after the time-out");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 5000000,
       "not before");
    ok(!FD_ISSET(p[0], &in), "the set is empty then");
    is_int(select(0, NULL, NULL, NULL, &(struct timeval){ 0, 1 }), 0,
           "no sets: a sleep");
    is_int(pselect(0, NULL, NULL, NULL, &s, NULL), 0, "pselect with a time-out");
    close(p[0]);
    close(p[1]);
}

static volatile sig_atomic_t handled;

static void handler(int sig) {
    (void)sig;
    handled++;
}

static void woken(void) {
    sigset_t set, none;
    pid_t pid, parent = getpid();
    need(pipe(p) == 0);
    CHILD (pid) {
        until_asleep(parent);
        need(write(p[1], "x", 1) == 1);
    }
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    is_int(select(p[0] + 1, &in, NULL, NULL, NULL), 1,
           "a sleeping select is woken by a write");
    wait_for(pid);
    char c;
    need(read(p[0], &c, 1) == 1);
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    signal(SIGUSR1, handler);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0);
    is_errno(pselect(p[0] + 1, &in, NULL, NULL, NULL, &none), EINTR,
             "pselect lets a pending signal in: EINTR");
    is_int(handled, 1, "its handler has run");
    need(sigprocmask(SIG_BLOCK, NULL, &none) == 0);
    ok(sigismember(&none, SIGUSR1), "and the mask is back");
    close(p[0]);
    close(p[1]);
}

/* Descriptors above 31: the second and later words of the sets. */
static void high_numbers(void) {
    need(pipe(p) == 0);
    int high = fcntl(p[0], F_DUPFD, 100), other = fcntl(p[0], F_DUPFD, 63);
    need(high >= 100 && other >= 63 && write(p[1], "x", 1) == 1);
    FD_ZERO(&in);
    FD_SET(high, &in);
    FD_SET(other, &in);
    is_int(select(high + 1, &in, NULL, NULL, NULL), 2,
           "numbers in every word of a set");
    ok(FD_ISSET(high, &in) && FD_ISSET(other, &in) && !FD_ISSET(high - 32, &in),
       "the right ones");
    close(high);
    close(other);
    close(p[0]);
    close(p[1]);
}

int main(void) {
    states();
    above();
    errors();
    time_out();
    woken();
    high_numbers();
    return done_testing();
}
