/* native_msg_notify.c - IPC(3.1): "One 32-bit word for each pair (sender, receiver)
 * collects bits by or. It never blocks, never queues, never fails for lack of memory.
 * Rights as for msg_send." IPC(3.2): "msg_receive from that sender or from MSG_ANY
 * returns it before any queued message, as type MSG_NOTIFICATION with the word in
 * `bits`, and clears it; senders in the order of their first bit. MSG_TYPE passes it
 * over unless it asks for that type."
 */
/* FEATURE(8): an empty message or a bit wakes one who waits, like a semaphore */
/* FEATURE(116): a thousand notifications are one word */
#include "native.h"

static char text[64];
static pid_t parent;

static struct msg next(pid_t from, int flags, uint32_t type) {
    struct msg m = room_msg(text, sizeof text);
    m.type = type;
    if (msg_receive(from, &m, flags, NOWAIT) == -1) {
        need(errno == EAGAIN);
        m.sender = -1;
    }
    return m;
}

/* A child that does what single messages of ours tell it: type 1: notify us of the bits
 * in `priority`; 2: send us an empty message of that priority; 3: end. */
static pid_t helper(void) {
    pid_t pid;
    CHILD (pid)
        for (;;) {
            struct msg m = { 0 };
            need(msg_receive(parent, &m, 0, FOREVER) == parent);
            if (m.type == 1)
                need(msg_notify(parent, 1u << m.priority) == 0);
            else if (m.type == 2)
                need(msg_send(parent, &m, 0, NOWAIT) == 0);
            else
                _exit(0);
            m.type = 9;
            m.priority = 0;
            need(msg_send(parent, &m, 0, NOWAIT) == 0); // done
        }
    set_capacity(pid, 20);
    return pid;
}

static void tell(pid_t pid, uint32_t what, uint32_t priority) {
    struct msg m = { .type = what, .priority = priority };
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    if (what == 3)
        return;
    m.type = 9;
    need(msg_receive(pid, &m, MSG_TYPE, FOREVER) == pid);
}

static void end(pid_t pid) {
    tell(pid, 3, 0);
    wait_for(pid);
}

static void one_word(void) {
    pid_t pid = helper();
    for (uint32_t bit = 0; bit < 32; bit += 4)
        tell(pid, 1, bit);
    tell(pid, 1, 31);
    tell(pid, 1, 0);
    is_int(link_of(pid).in.queued, 0, "nothing is queued");
    struct msg m = next(pid, 0, 0);
    is_int(m.sender, pid, "a notification is received like a message");
    is_int(m.type, MSG_NOTIFICATION, "of type MSG_NOTIFICATION");
    is_int(m.bits, 0x91111111u, "with all bits since the last one");
    ok(m.length == 0 && m.caller == 0 && m.nfds == 0 && m.mailbox == 0
           && m.receiver == parent && m.priority == 0,
       "and nothing else");
    is_int(next(pid, 0, 0).sender, -1, "which clears them");
    tell(pid, 1, 7);
    is_int(next(MSG_ANY, 0, 0).bits, 0x80, "then they collect anew; for MSG_ANY, too");
    end(pid);
}

static void before_messages(void) {
    pid_t pid = helper();
    tell(pid, 2, 31);
    tell(pid, 2, 30);
    tell(pid, 1, 3);
    is_int(next(pid, MSG_TYPE, 2).priority, 31, "MSG_TYPE passes it over");
    is_int(next(pid, MSG_TYPE, 77).sender, -1, "also when there is nothing else");
    is_int(next(pid, 0, 0).bits, 8, "it comes before any queued message");
    is_int(next(pid, 0, 0).priority, 30, "those stay as they were");
    tell(pid, 2, 5);
    is_int(next(pid, MSG_TYPE, MSG_NOTIFICATION).sender, -1,
           "MSG_TYPE with MSG_NOTIFICATION passes messages over");
    tell(pid, 1, 6);
    is_int(next(MSG_ANY, MSG_TYPE, MSG_NOTIFICATION).bits, 64, "and takes that");
    is_int(next(MSG_ANY, 0, 0).priority, 5, "a message was left");
    end(pid);
}

static void by_sender(void) {
    pid_t pid[3];
    for (int i = 0; i < 3; i++)
        pid[i] = helper();
    tell(pid[1], 1, 1);
    tell(pid[0], 1, 2);
    tell(pid[2], 1, 3);
    tell(pid[1], 1, 4);                                 // its place stays
    is_int(next(pid[2], 0, 0).bits, 8, "from one sender only his own");
    struct msg m = next(MSG_ANY, 0, 0);
    ok(m.sender == pid[1] && m.bits == 18, "who notified first comes first");
    tell(pid[1], 1, 5);                                 // and now it is the last
    m = next(MSG_ANY, 0, 0);
    ok(m.sender == pid[0] && m.bits == 4, "then the next");
    m = next(MSG_ANY, 0, 0);
    ok(m.sender == pid[1] && m.bits == 32, "one that was received goes to the end");
    is_int(next(MSG_ANY, 0, 0).sender, -1, "one word for each sender");
    for (int i = 0; i < 3; i++)
        end(pid[i]);
}

/* It goes to one who waits for it, and not to others. */
static void wakes(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        need(msg_receive(parent, &m, 0, FOREVER) == parent);
        need(m.type == MSG_NOTIFICATION && m.bits == 5 && m.sender == parent);
        need(msg_receive(MSG_ANY, &m, 0, FOREVER) == parent);
        need(m.type == MSG_NOTIFICATION && m.bits == 6);
        m.type = 3;
        need(msg_receive(parent, &m, MSG_TYPE, FOREVER) == parent && m.bits == 0);
        need(msg_receive(parent, &m, 0, FOREVER) == parent && m.bits == 7);
        need(msg_reply_receive(0, NULL, &m, FOREVER) == parent && m.bits == 8);
    }
    until_receivers(pid, 1);
    is_int(msg_notify(pid, 5), 0, "msg_notify one who waits for us");
    until_receivers(pid, 1);
    is_int(msg_notify(pid, 6), 0, "one who waits for anyone");
    until_receivers(pid, 1);
    is_int(msg_notify(pid, 3), 0, "one who waits for a type");
    is_int(msg_notify(pid, 4), 0, "twice");
    is_int(link_of(pid).out.waiting_receivers, 1, "who waits on");
    struct msg m = { .type = 3 };
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    until_receivers(pid, 1);
    is_int(msg_notify(pid, 8), 0, "one in msg_reply_receive");
    is_exit(wait_for(pid), 0,
            "an empty message or a bit wakes one who waits, like a semaphore");
}

static volatile sig_atomic_t signals;

static void on_signal(int number) {
    (void)number;
    signals++;
}

/* Two that notify each other and wait, each for the other: what interrupts their turns,
 * and what comes in place of a bit, changes nothing. */
static void turns(void) {
    enum { TURNS = 300 };
    struct msg m[2] = { room_msg(text, sizeof text) };
    pid_t pid;
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    need(sigaction(SIGUSR1, &action, NULL) == 0);
    CHILD (pid)
        for (int i = 0; i < TURNS; i++) {
            need(msg_receive(parent, &m[i % 3 == 0], 0, FOREVER) == parent);
            uint32_t got = m[i % 3 == 0].bits;
            need(i % 7 == 0 ? got == 0 : got == (uint32_t)i);
            need(msg_notify(parent, (uint32_t)i + 1) == 0);
        }
    int good = 1;
    for (int i = 0; i < TURNS; i++) {
        struct msg letter = { .type = 1 };
        if (i % 5 == 0)
            need(kill(pid, SIGUSR1) == 0);
        if (i % 7 == 0)
            need(msg_send(pid, &letter, 0, FOREVER) == 0);
        else
            need(msg_notify(pid, (uint32_t)i) == 0);
        if (i % 11 == 0)
            need(kill(pid, SIGUSR1) == 0);
        if (i % 13 == 0)
            need(raise(SIGUSR1) == 0);
        if (i % 17 == 0)
            sched_yield();
        struct msg *in = &m[i % 4 == 0];
        good &= msg_receive(pid, in, 0, FOREVER) == pid && in->type == MSG_NOTIFICATION
                && in->bits == (uint32_t)i + 1 && in->sender == pid && in->length == 0;
    }
    is_exit(wait_for(pid), 0, "two take turns, with signals and messages between");
    ok(good && signals > 0, "each bit comes once");
    is_errno(msg_receive(pid, &m[0], 0, FOREVER), ESRCH, "then the partner has ended");
}

/* In the middle of such turns, a receive that would never end, or cannot write. */
static void wrong_turns(void) {
    pid_t pid, other;
    struct msg m = { 0 };
    CHILD (pid)
        need(msg_receive(parent, &m, 0, FOREVER) == parent && m.bits == 1);
    CHILD (other)
        for (int i = 0; i < 3; i++)
            need(msg_receive(parent, &m, 0, FOREVER) == parent && m.bits == 4);
    until_receivers(pid, 1);
    until_receivers(other, 1);
    need(msg_notify(other, 4) == 0 && msg_notify(pid, 0) == 0);
    is_errno(msg_receive(pid, &m, 0, FOREVER), EDEADLK, "two wait for each other");
    until_receivers(other, 1);
    need(msg_notify(other, 4) == 0);
    is_errno(msg_receive(other, (void *)-1, 0, FOREVER), EFAULT, "to a bad address");
    until_receivers(other, 1);
    need(msg_notify(other, 4) == 0 && msg_notify(pid, 1) == 0);
    is_exit(wait_for(pid), 0, "neither has disturbed the one");
    is_exit(wait_for(other), 0, "nor the other");
}

/* A receiver whose memory is bad does not use the bits up. */
static void not_lost(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        need(m != MAP_FAILED && m->sender == 0);
        need(mprotect(m, 4096, PROT_READ) == 0);
        need(msg_receive(parent, m, 0, FOREVER) == -1 && errno == EFAULT);
        struct msg n = { 0 };
        need(msg_receive(parent, &n, 0, FOREVER) == parent && n.bits == 11);
    }
    until_receivers(pid, 1);
    need(msg_notify(pid, 11) == 0);
    is_exit(wait_for(pid), 0, "EFAULT does not use the bits up");
}

static void never_blocks(void) {
    pid_t pid;
    int good = 1;
    CHILD (pid) {
        struct msg m = { 0 };
        need(link_open(parent, NULL) == 0);
        m.type = 1;
        need(msg_receive(parent, &m, MSG_TYPE, FOREVER) == parent);
        need(msg_receive(parent, &m, 0, NOWAIT) == parent && m.bits == 0x3ff);
        need(msg_receive(parent, &m, 0, NOWAIT) == -1 && errno == EAGAIN);
    }
    for (uint32_t i = 0; i < 1000; i++)
        good &= msg_notify(pid, 1u << i % 10) == 0;
    ok(good, "a thousand notifications for one who does not listen");
    struct msg m = { .type = 1 };
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "a thousand notifications are one word");
    is_errno(msg_notify(pid, 1), ESRCH, "ESRCH: it has ended");
}

static void oneself_and_errors(void) {
    pid_t pid;
    is_int(msg_notify(parent, 3), 0, "oneself");
    is_int(next(parent, 0, 0).bits, 3, "can be notified");
    is_int(msg_notify(parent, 0), 0, "no bits");
    is_int(next(parent, 0, 0).sender, -1, "are no notification");
    struct link_attr refuse = { .refuse = 1 };
    CHILD (pid) {
        need(link_open(parent, &refuse) == 0);
        pause();
    }
    while (link_of(pid).out.refuse == 0)
        sched_yield();
    is_errno(msg_notify(pid, 1), EPERM, "EPERM: refused");
    kill(pid, SIGKILL);
    wait_for(pid);
}

int main(void) {
    parent = getpid();
    one_word();
    before_messages();
    by_sender();
    wakes();
    turns();
    wrong_turns();
    not_lost();
    never_blocks();
    oneself_and_errors();
    return done_testing();
}
