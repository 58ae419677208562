/* native_mbox_poll.c - IPC(4.11): "poll: readable when a receive would not block,
 * writable when a send would not (rendezvous: a receiver waits); POLLHUP as in 4.10,
 * POLLERR after destroy."
 */
/* FEATURE(61): poll waits for a mailbox and a pipe at once */
/* FEATURE(122): poll waits for a mailbox and a pipe at once */
#include "mailbox.h"

#include <poll.h>
#include <sys/select.h>

static int ask(int fd) {
    struct pollfd f = { .fd = fd, .events = POLLIN | POLLOUT, .revents = 0x5555 };
    need(poll(&f, 1, 0) == (f.revents != 0));
    return f.revents;
}

static void queue_states(void) {
    static const char *const name[] = { "BLOCK", "REJECT", "DROP_OLDEST",
                                        "DROP_NEWEST" };
    for (uint32_t policy = MBOX_BLOCK; policy <= MBOX_DROP_NEWEST; policy++) {
        int box = make_box(2, policy), when_full = policy == MBOX_BLOCK ? 0 : POLLOUT;
        is_int(ask(box), POLLOUT, "%s, empty: writable", name[policy]);
        need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
        is_int(ask(box), POLLIN | POLLOUT, "a message of no bytes: both");
        need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
        is_int(ask(box), POLLIN | when_full, "full: writable if a send would not wait");
        need(mbox_receive(box, NEXT, 0, NOWAIT) > 0);
        is_int(ask(box), POLLIN | POLLOUT, "room again: both");
        need(mbox_receive(box, NEXT, 0, NOWAIT) > 0);
        is_int(ask(box), POLLOUT, "empty again: writable");
        close(box);
    }
    int box = make_box(CAPACITY_UNBOUNDED, 0);
    for (int i = 0; i < 100; i++)
        need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_int(ask(box), POLLIN | POLLOUT, "unbounded: always writable");
    close(box);
    struct pollfd f = { .fd = make_box(1, 0), .events = 0 };
    is_int(poll(&f, 1, 0), 0, "only what was asked for is told");
    f.events = POLLIN | POLLPRI | POLLRDNORM;
    need(mbox_send(f.fd, EMPTY, 0, NOWAIT) == 0 && poll(&f, 1, 0) == 1);
    is_int(f.revents, POLLIN | POLLRDNORM, "POLLRDNORM is POLLIN; nothing is urgent");
    close(f.fd);
}

static void directions(void) {
    int box = named_box("way", NULL);
    int in = mbox_open("way", O_RDONLY), out = mbox_open("way", O_WRONLY);
    is_int(ask(in), 0, "O_RDONLY, empty: nothing");
    is_int(ask(out), POLLOUT, "O_WRONLY, empty: writable");
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_int(ask(in), POLLIN, "O_RDONLY, a message: readable");
    is_int(ask(out), POLLOUT, "O_WRONLY: never readable");
    need(mbox_unlink("way") == 0);
    close(in), close(out), close(box);
}

/* A rendezvous is writable while a receiver waits, readable while a sender does. */
static void rendezvous(void) {
    pid_t pid;
    int box = named_box("meet", ATTR(.capacity = CAPACITY_ZERO));
    is_int(ask(box), 0, "rendezvous: nobody waits, nothing is possible");
    CHILD (pid)
        need(mbox_receive(box, NEXT, 0, FOREVER) == getppid());
    until_receiving(box, 1);
    is_int(ask(box), POLLOUT, "a receiver waits: writable");
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_int(ask(box), 0, "it has got its message: nothing");
    wait_for(pid);
    CHILD (pid)
        need(mbox_send(box, EMPTY, 0, FOREVER) == 0);
    until_sending(box, 1);
    is_int(ask(box), POLLIN, "a sender waits: readable");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == pid);
    is_int(ask(box), 0, "and has gone: nothing");
    wait_for(pid);
    CHILD (pid)
        need(mbox_send(box, EMPTY, 0, FOREVER) == -1);
    until_sending(box, 1);
    kill(pid, SIGKILL);
    wait_for(pid);
    is_int(ask(box), 0, "a sender that was killed: nothing");
    need(mbox_unlink("meet") == 0);
    close(box);
    box = make_box(CAPACITY_ZERO, MBOX_REJECT);
    is_int(ask(box), POLLOUT, "rendezvous that rejects: a send would not wait");
    close(box);
}

static void ends(void) {
    pid_t pid;
    int box = make_box(2, 0);
    CHILD (pid)
        need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    wait_for(pid);
    is_int(ask(box) & (POLLIN | POLLHUP | POLLERR), POLLIN | POLLHUP,
           "nobody else is left, and a message: POLLIN and POLLHUP");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == pid);
    is_int(ask(box) & (POLLHUP | POLLERR), POLLHUP, "nobody and nothing: POLLHUP");
    struct pollfd f = { .fd = box };
    ok(poll(&f, 1, 0) == 1 && f.revents == POLLHUP, "without being asked for");
    close(box);

    box = named_box("gone", NULL);
    int out = mbox_open("gone", O_WRONLY);
    is_int(ask(out), POLLOUT, "with a name there is no hanging up");
    need(mbox_unlink("gone") == 0);
    is_int(ask(out), POLLOUT, "nor while another descriptor may receive");
    close(box);
    is_int(ask(out) & POLLHUP, POLLHUP, "only O_WRONLY is left: POLLHUP");
    close(out);

    box = named_box("gone", NULL);
    out = mbox_open("gone", O_WRONLY);
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0 && mbox_destroy(box) == 0);
    ok((ask(box) & POLLERR) && (ask(out) & POLLERR), "POLLERR after destroy");
    f = (struct pollfd){ .fd = box };
    need(poll(&f, 1, -1) == 1 && (f.revents & POLLERR));
    close(box), close(out);
    f.fd = box;
    need(poll(&f, 1, 0) == 1);
    is_int(f.revents, POLLNVAL, "POLLNVAL: closed");
}

/* A poll that sleeps is woken by each kind of event. */
static void woken(void) {
    static const struct {
        uint32_t capacity;
        int full;
        short events, want;
        const char *what;
    } kinds[] = { { 1, 0, POLLIN, POLLIN, "a message" },
                  { 1, 1, POLLOUT, POLLOUT, "room" },
                  { CAPACITY_ZERO, 0, POLLOUT, POLLOUT, "a receiver at a rendezvous" },
                  { CAPACITY_ZERO, 0, POLLIN, POLLIN, "a sender at a rendezvous" },
                  { 1, 0, POLLIN, POLLHUP, "the partner's end" },
                  { 1, 1, POLLOUT, POLLHUP, "the partner's end, to send" },
                  { 1, 0, POLLIN, POLLERR, "mbox_destroy" } };
    for (int k = 0; k < 7; k++) {
        pid_t pid, parent = getpid();
        int with_name = !(kinds[k].want & (POLLHUP | POLLERR));
        int box = with_name ? named_box("poll", ATTR(.capacity = kinds[k].capacity))
                            : make_box(kinds[k].capacity, 0);
        if (kinds[k].full)
            need(mbox_send(box, TEXT("full"), 0, NOWAIT) == 0);
        CHILD (pid) {
            until_asleep(parent);
            if (k == 0)
                need(mbox_send(box, EMPTY, 0, FOREVER) == 0);
            if (k == 1)
                need(mbox_receive(box, NEXT, 0, FOREVER) == parent);
            if (k == 2)
                need(mbox_receive(box, NEXT, 0, FOREVER) == parent);
            if (k == 3)
                need(mbox_send(box, EMPTY, 0, FOREVER) == 0);
            if (k == 6)
                need(mbox_destroy(box) == 0);
        }
        struct pollfd f = { .fd = box, .events = kinds[k].events };
        int n = poll(&f, 1, -1);
        ok(n == 1 && (f.revents & kinds[k].want), "a sleeping poll is woken by %s",
           kinds[k].what);
        if (k == 2)
            need(mbox_send(box, EMPTY, 0, FOREVER) == 0);
        if (k == 3)
            need(mbox_receive(box, NEXT, 0, FOREVER) == pid);
        wait_for(pid);
        need(!with_name || mbox_unlink("poll") == 0);
        close(box);
    }
}

static void several(void) {
    int p[2], box = make_box(1, 0), other = make_box(1, 0);
    pid_t pid, parent = getpid();
    need(pipe(p) == 0);
    struct pollfd f[] = { { .fd = p[0], .events = POLLIN },
                          { .fd = box, .events = POLLIN },
                          { .fd = other, .events = POLLIN } };
    CHILD (pid) {
        until_asleep(parent);
        need(mbox_send(other, EMPTY, 0, NOWAIT) == 0);
        need(mbox_receive(box, NEXT, 0, FOREVER) == parent);
    }
    is_int(poll(f, 3, -1), 1, "poll waits for a mailbox and a pipe at once");
    ok(!f[0].revents && !f[1].revents && f[2].revents == POLLIN,
       "and says which it is");
    need(write(p[1], "x", 1) == 1);
    is_int(poll(f, 3, -1), 2, "both are ready");
    fd_set in, out;
    FD_ZERO(&in);
    FD_SET(box, &in);
    FD_SET(other, &in);
    out = in;
    is_int(select(other + 1, &in, &out, NULL, NULL), 2, "select agrees");
    ok(FD_ISSET(other, &in) && !FD_ISSET(box, &in) && FD_ISSET(box, &out)
           && !FD_ISSET(other, &out),
       "about each direction");
    need(mbox_send(box, EMPTY, 0, FOREVER) == 0);
    wait_for(pid);
    close(p[0]), close(p[1]), close(box), close(other);
}

int main(void) {
    queue_states();
    directions();
    rendezvous();
    ends();
    woken();
    several();
    return done_testing();
}
