/* native_msg_poll.c - msg_fd: "a descriptor that polls readable when
 * msg_receive(MSG_ANY) would not block". IPC(2.1), IPC(3.2).
 */
#include "native.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>

static char text[64];
static pid_t parent;
static int inbox;

/* What poll says now. */
static int readable(void) {
    struct pollfd f = { .fd = inbox, .events = POLLIN };
    int n = poll(&f, 1, 0);
    need(n == 0 || (n == 1 && f.revents == POLLIN));
    return n;
}

/* What poll says must be what a receive finds. */
static void drain(const char *what) {
    struct msg m = room_msg(text, sizeof text);
    is_int(readable(), 1, "%s: readable", what);
    need(msg_receive(MSG_ANY, &m, 0, NOWAIT) > 0);
    is_int(readable(), 0, "%s: and no more when it has been received", what);
    if (m.caller)
        need(msg_reply(m.caller, &m) == 0);
}

/* The ways in which something to receive comes to be there. */
static void ways(void) {
    static const char *const names[] = { "a queued message", "a sender in a rendezvous",
                                         "a call", "a notification" };
    for (int i = 0; i < 4; i++) {
        struct pollfd f = { .fd = inbox, .events = POLLIN };
        pid_t pid;
        CHILD (pid) {
            struct msg m = text_msg("x"), r = { 0 };
            need(msg_receive(parent, &r, 0, FOREVER) == parent);
            if (i < 2)
                need(msg_send(parent, &m, 0, FOREVER) == 0);
            else if (i == 2)
                need(msg_call(parent, &m, &m, FOREVER) == -1 && errno == EMSGSIZE);
            else
                need(msg_notify(parent, 1) == 0);
        }
        struct msg go = { 0 };
        set_capacity(pid, i == 0 ? 3 : 0);
        is_int(readable(), 0, "%s: not readable before", names[i]);
        need(msg_send(pid, &go, 0, FOREVER) == 0);
        is_int(poll(&f, 1, -1), 1, "%s: wakes a poll", names[i]);
        drain(names[i]);
        is_exit(wait_for(pid), 0, "%s: has gone through", names[i]);
    }
}

/* A sender that gives up takes readability along. */
static void taken_back(void) {
    struct pollfd f = { .fd = inbox, .events = POLLIN };
    pid_t pid;
    CHILD (pid) {
        struct msg m = text_msg("x");
        msg_send(parent, &m, 0, FOREVER);
    }
    need(poll(&f, 1, -1) == 1);
    kill(pid, SIGKILL);
    wait_for(pid);
    is_int(readable(), 0, "not readable any more: the sender died");
}

/* Beside another descriptor, with select, by another thread's descriptor of it. */
static void with_others(void) {
    int p[2], second = msg_fd();
    fd_set set;
    pid_t pid;
    need(pipe(p) == 0);
    works(second, "msg_fd can be called again");
    CHILD (pid)
        need(msg_notify(parent, 1) == 0);
    FD_ZERO(&set);
    FD_SET(second, &set);
    FD_SET(p[0], &set);
    is_int(select(64, &set, NULL, NULL, NULL), 1, "select beside a pipe");
    ok(FD_ISSET(second, &set) && !FD_ISSET(p[0], &set), "says which");
    struct pollfd both[2] = { { .fd = inbox, .events = POLLIN },
                              { .fd = second, .events = POLLIN } };
    is_int(poll(both, 2, 0), 2, "two descriptors of it are readable");
    need(write(p[1], "x", 1) == 1);
    both[1].fd = p[0];
    is_int(poll(both, 2, 0), 2, "so is a pipe");
    drain("beside a pipe");
    wait_for(pid);
    close(second);
    close(p[0]), close(p[1]);
    is_int(readable(), 0, "the first works after the second was closed");
}

/* A descriptor of another's inbox, while that one lives and after it has ended. */
static void anothers(void) {
    int fd = -1;
    struct msg m = { .fds = &fd };
    struct gate ready;
    pid_t owner, watcher;
    CHILD (owner) {
        int mine = msg_fd();
        struct msg give = { .fds = &mine, .nfds = 1 };
        need(msg_send(parent, &give, 0, FOREVER) == 0);
        pause();
    }
    need(msg_receive(owner, &m, 0, FOREVER) == owner && fd >= 0);
    struct pollfd f = { .fd = fd, .events = POLLIN };
    gate_init(&ready);
    is_int(poll(&f, 1, 0), 0, "another's inbox: nothing is there");
    need(msg_notify(owner, 1) == 0);
    ok(poll(&f, 1, 0) == 1 && f.revents == POLLIN, "it is readable for that one");
    CHILD (watcher) {
        f.events = 0;
        gate_open(&ready);
        need(poll(&f, 1, -1) == 1 && f.revents == POLLHUP);
    }
    gate_wait(&ready);
    until_asleep(watcher);
    kill(owner, SIGKILL);
    is_exit(wait_for(watcher), 0, "POLLHUP wakes who polls when the owner ends");
    ok(poll(&f, 1, 0) == 1 && f.revents == POLLHUP, "POLLHUP: it is a zombie");
    wait_for(owner);
    ok(poll(&f, 1, 0) == 1 && f.revents == POLLHUP, "POLLHUP: it is gone");
    gate_close(&ready);
    close(fd);
}

static void errors(void) {
    pid_t pid;
    is_errno(write(inbox, "x", 1), EBADF, "EBADF: it cannot be written");
    ok(read(inbox, text, 1) == -1, "nor read: messages are received");
    works(fcntl(inbox, F_GETFD), "it is a descriptor");
    CHILD (pid) {
        struct rlimit limit = { 3, 3 };
        for (int fd = 3; fd < 20; fd++)
            close(fd);
        need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        need(msg_fd() == -1 && errno == EMFILE);
        close(0);
        need(msg_fd() == 0);
    }
    is_exit(wait_for(pid), 0, "EMFILE: no number is left");
}

int main(void) {
    parent = getpid();
    inbox = msg_fd();
    works(inbox, "msg_fd");
    is_int(readable(), 0, "nothing is there");
    ways();
    taken_back();
    with_others();
    anothers();
    errors();
    close(inbox);
    return done_testing();
}
