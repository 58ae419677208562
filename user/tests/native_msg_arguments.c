/* native_msg_arguments.c - IPC(1.4): "Less than -1, a priority over 31, an unknown
 * flag, type MSG_NOTIFICATION in a send: EINVAL." And a bad pointer is EFAULT, for each
 * call and each of its pointers; nothing has happened then.
 */
#include "native.h"

#include <limits.h>
#include <sys/mman.h>

static char text[64];
static pid_t partner;                           /* there, and takes nothing */

/* Every call that sends, with this message: it must fail, and leave nothing behind. */
static void no_send_takes(const struct msg *m, int error, const char *why) {
    struct msg r = room_msg(text, sizeof text);
    is_errno(msg_send(partner, m, 0, NOWAIT), error, "msg_send: %s", why);
    is_errno(msg_call(partner, m, &r, NOWAIT), error, "msg_call: %s", why);
    is_errno(msg_reply(partner, m), error, "msg_reply: %s", why);
    is_errno(msg_reply_receive(partner, m, &r, NOWAIT), error, "msg_reply_receive: %s",
             why);
    is_errno(msg_forward(partner, partner, m, NOWAIT), error, "msg_forward: %s", why);
}

static void headers(void) {
    struct msg m = text_msg("x");
    m.priority = 32;
    no_send_takes(&m, EINVAL, "priority 32");
    m.priority = UINT32_MAX;
    no_send_takes(&m, EINVAL, "priority 4294967295");
    m.priority = 31;
    m.type = MSG_NOTIFICATION;
    no_send_takes(&m, EINVAL, "type MSG_NOTIFICATION");
    m.type = 0;
    int fds[MSG_FDS_MAX + 1] = { 0, 0, 0, 0, 0 };
    m.fds = fds;
    m.nfds = MSG_FDS_MAX + 1;
    no_send_takes(&m, EINVAL, "5 descriptors");
    m.nfds = UINT32_MAX;
    no_send_takes(&m, EINVAL, "4294967295 descriptors");
}

static void timeouts(void) {
    static const int bad[] = { -2, -1000, INT_MIN };
    for (int i = 0; i < 3; i++) {
        struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
        is_errno(msg_send(partner, &m, 0, bad[i]), EINVAL, "msg_send: time-out %d",
                 bad[i]);
        is_errno(msg_receive(partner, &r, 0, bad[i]), EINVAL, "msg_receive: the same");
        is_errno(msg_receive(MSG_ANY, &r, 0, bad[i]), EINVAL, "MSG_ANY: the same");
        is_errno(msg_call(partner, &m, &r, bad[i]), EINVAL, "msg_call: the same");
        is_errno(msg_reply_receive(0, &m, &r, bad[i]), EINVAL,
                 "msg_reply_receive: the same");
        is_errno(msg_forward(partner, partner, &m, bad[i]), EINVAL,
                 "msg_forward: the same");
    }
}

static void flags(void) {
    static const int sending[] = { MSG_TYPE, 8, 16, 1 << 30, INT_MIN, ~0 };
    static const int receiving[] = { MSG_SYNC, 8, 16, 1 << 30, INT_MIN, ~0 };
    struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
    for (int i = 0; i < 6; i++) {
        is_errno(msg_send(partner, &m, sending[i], NOWAIT), EINVAL,
                 "msg_send: flags 0x%x", (unsigned)sending[i]);
        is_errno(msg_receive(partner, &r, receiving[i], NOWAIT), EINVAL,
                 "msg_receive: flags 0x%x", (unsigned)receiving[i]);
    }
    is_errno(msg_accept(2), EINVAL, "msg_accept: 2");
    is_errno(msg_accept(-1), EINVAL, "msg_accept: -1");
    struct link_attr attr = { .capacity = 65536 };
    is_errno(link_open(partner, &attr), EINVAL, "link_open: capacity 65536");
    attr.capacity = CAPACITY_ZERO - 1;
    is_errno(link_open(partner, &attr), EINVAL, "link_open: capacity 0xfffffffd");
    attr.capacity = 65535;
    is_int(link_open(partner, &attr), 0, "link_open: 65535 is a capacity");
    attr.capacity = 0;
    attr.refuse = 2;
    is_errno(link_open(partner, &attr), EINVAL, "link_open: refuse is 0 or 1");
    attr = (struct link_attr){ 0 };
    is_int(link_open(partner, &attr), 0, "link_open: and so is the default");
    is_int(link_open(partner, NULL), 0, "link_open: NULL means that");
}

/* Fields that are not the receiver's to set may hold anything. */
static void what_a_receiver_may_write(void) {
    struct msg r = room_msg(text, sizeof text);
    r.priority = 99;
    r.type = MSG_NOTIFICATION;
    r.length = UINT32_MAX;
    r.nfds = 77;
    is_errno(msg_receive(partner, &r, 0, NOWAIT), EAGAIN,
             "a receiver's fields that are out only are not judged");
    is_errno(msg_receive(partner, &r, MSG_TYPE, NOWAIT), EAGAIN,
             "it may wait for MSG_NOTIFICATION");
    r.room = UINT32_MAX;
    is_errno(msg_receive(partner, &r, 0, NOWAIT), EAGAIN, "room may be large");
}

/* A page that may be read, one that may not even be that, behind each other. */
static char *edge(void) {
    long page = sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(at != MAP_FAILED && mprotect(at + page, (size_t)page, PROT_NONE) == 0);
    return at + page;
}

static void bad_headers(void) {
    char *end = edge();
    struct msg good = text_msg("x");
    struct msg *bad[] = { NULL, (struct msg *)(uintptr_t)0x1000,
                          (struct msg *)(uintptr_t)0xbffffff0,
                          (struct msg *)(uintptr_t)0xc0100000,
                          (struct msg *)(uintptr_t)0xfffffff8,
                          (struct msg *)(void *)(end - sizeof good + 4) };
    for (int i = 0; i < 6; i++) {
        no_send_takes(bad[i], EFAULT, "a bad pointer");
        is_errno(msg_receive(partner, bad[i], 0, NOWAIT), EFAULT,
                 "msg_receive: a bad pointer");
        is_errno(msg_call(partner, &good, bad[i], NOWAIT), EFAULT,
                 "msg_call: a bad place for the answer");
        is_errno(msg_reply_receive(0, &good, bad[i], NOWAIT), EFAULT,
                 "msg_reply_receive: a bad place for the next one");
        if (i % 2 == 1 && i < 5)    // 8 bytes: these two are bad for as little
            is_errno(link_open(partner, (struct link_attr *)(void *)bad[i]), EFAULT,
                     "link_open: bad attributes");
        is_errno(link_stat(partner, (struct link_stat *)(void *)bad[i]), EFAULT,
                 "link_stat: a bad place");
    }
    munmap(end - sysconf(_SC_PAGESIZE), 2 * (size_t)sysconf(_SC_PAGESIZE));
}

/* To a partner with room; for replies see native_msg_call.c. */
static void bad_bodies(void) {
    char *end = edge();
    void *bad[] = { NULL, (void *)0xc0100000u, (void *)0xfffffff0u, end, end - 3 };
    struct msg m = { .length = 40 }, r = room_msg(text, sizeof text);
    pid_t pid;
    CHILD (pid) {
        set_capacity(getppid(), 10);
        pause();
    }
    while (link_of(pid).out.capacity != 10)
        sched_yield();
    for (int i = 0; i < 10; i++) {
        if (i == 5)
            m = text_msg("x"), m.nfds = 2;
        if (i < 5)
            m.body = bad[i];
        else
            m.fds = bad[i - 5];
        const char *what = i < 5 ? "body" : "place of descriptors";
        is_errno(msg_send(pid, &m, 0, NOWAIT), EFAULT, "msg_send: a bad %s", what);
        is_errno(msg_send(pid, &m, MSG_SYNC, 1), EFAULT, "MSG_SYNC: a bad %s", what);
        is_errno(msg_call(pid, &m, &r, 1), EFAULT, "msg_call: a bad %s", what);
    }
    ok(link_of(pid).out.queued == 0 && link_of(pid).out.accepted == 0,
       "nothing was queued");
    kill(pid, SIGKILL);
    wait_for(pid);
    munmap(end - sysconf(_SC_PAGESIZE), 2 * (size_t)sysconf(_SC_PAGESIZE));
}

/* Nobody has that number: for kill 0 and below would be groups, here they are
 * nobody. */
static void nobody(void) {
    static const pid_t who[] = { 0, -2, -99, INT_MIN, INT_MAX, 0x40000000 };
    struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
    struct link_attr attr = { 0 };
    struct link_stat stat;
    for (int i = 0; i < 6; i++) {
        is_errno(msg_send(who[i], &m, 0, FOREVER), ESRCH, "msg_send to %d", who[i]);
        is_errno(msg_receive(who[i], &r, 0, FOREVER), ESRCH, "msg_receive: the same");
        is_errno(msg_call(who[i], &m, &r, FOREVER), ESRCH, "msg_call: the same");
        is_errno(msg_notify(who[i], 1), ESRCH, "msg_notify: the same");
        is_errno(msg_reply(who[i], &m), ESRCH, "msg_reply: the same");
        is_errno(msg_forward(who[i], partner, &m, FOREVER), ESRCH,
                 "msg_forward: the same, for the caller");
        is_errno(link_open(who[i], &attr), ESRCH, "link_open: the same");
        is_errno(link_close(who[i]), ESRCH, "link_close: the same");
        is_errno(link_stat(who[i], &stat), ESRCH, "link_stat: the same");
    }
    is_errno(msg_send(MSG_ANY, &m, 0, FOREVER), ESRCH, "nothing can be sent to anyone");
}

int main(void) {
    CHILD (partner)
        pause();
    headers();
    timeouts();
    flags();
    what_a_receiver_may_write();
    bad_headers();
    bad_bodies();
    nobody();
    struct link_stat s = link_of(partner);
    ok(s.in.accepted == 0 && s.out.accepted == 0 && s.out.queued == 0,
       "after all this nothing was ever sent");
    kill(partner, SIGKILL);
    is_killed(wait_for(partner), SIGKILL, "and nobody was woken");
    return done_testing();
}
