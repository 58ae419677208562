/* native_msg_order.c - which message comes first: by priority, then by acceptance; and
 * from whom: one partner, or anyone.
 */
/* FEATURE(33): equal ones leave in the order in which they came */
/* FEATURE(40): symmetric: only the partner named is heard */
/* FEATURE(41): asymmetric: the result and the header say who it was */
/* FEATURE(42): a receiver need not know who will send */
/* FEATURE(128): MSG_TYPE takes the first of that type */
#include "native.h"

/* The type tells which one it is. Sends without waiting, or waits to be received. */
static void send_one(pid_t to, uint32_t type, uint32_t priority, int timeout) {
    struct msg m = { .type = type, .priority = priority };
    need(msg_send(to, &m, 0, timeout) == 0);
}

/* The type of the next message from there; -1 if there is none, now or ever. */
static int next(pid_t from) {
    char text[8];
    struct msg m = room_msg(text, sizeof text);
    if (msg_receive(from, &m, 0, NOWAIT) == -1) {
        need(errno == EAGAIN || errno == ESRCH);
        return -1;
    }
    return (int)m.type;
}

/* IPC(1.2): "Messages leave a queue by priority, and in order of acceptance within one
 * priority." */
static void one_queue(void) {
    enum { N = 96 };
    pid_t pid;
    int falling = 1, in_turn = 1, last = 32, before = -1;
    CHILD (pid) {
        struct msg go = { 0 };
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        for (uint32_t i = 0; i < N; i++)
            send_one(getppid(), i, i * 5 % 32, NOWAIT); // each priority three times
    }
    set_capacity(pid, CAPACITY_UNBOUNDED);
    send_one(pid, 0, 0, FOREVER);
    is_exit(wait_for(pid), 0, "messages of all 32 priorities are accepted");
    for (int i = 0; i < N; i++) {
        struct msg m = { 0 };
        need(msg_receive(pid, &m, 0, NOWAIT) == pid);
        falling &= (int)m.priority <= last;
        in_turn &= (int)m.priority != last || (int)m.type > before;
        in_turn &= m.type * 5 % 32 == m.priority && m.sequence == m.type + 1;
        last = (int)m.priority;
        before = (int)m.type;
    }
    ok(falling, "a higher priority leaves first");
    ok(in_turn, "within one priority the first accepted is the first out");
    is_int(next(MSG_ANY), -1, "each one once");
}

/* IPC(1.2): the same with one priority only, and a queue that is filled and emptied
 * again. */
static void in_turns(void) {
    pid_t pid;
    CHILD (pid)
        for (uint32_t i = 0; i < 60; i++)
            send_one(getppid(), i, 7, FOREVER);
    int right = 1;
    set_capacity(pid, 4);
    for (int i = 0; i < 60; i++) {
        struct msg m = { 0 };
        need(msg_receive(pid, &m, 0, FOREVER) == pid);
        right &= (int)m.type == i && (int)m.sequence == i + 1;
    }
    ok(right, "equal ones leave in the order in which they came");
    wait_for(pid);
}

/* One child for each priority; they wait to be received, in this order. */
static void start_senders(pid_t *pids, const int *priorities, int count) {
    for (int i = 0; i < count; i++) {
        CHILD (pids[i])
            send_one(getppid(), (uint32_t)i, (uint32_t)priorities[i], FOREVER);
        until_senders(pids[i], 1);
    }
}

static int wait_for_all(const pid_t *pids, int count) {
    int good = 1;
    for (int i = 0; i < count; i++)
        good &= wait_for(pids[i]) == 0;
    return good;
}

/* IPC(2.1): "Symmetric naming: `from` is the one process to receive from." "Asymmetric:
 * `from` is MSG_ANY; result and m->sender say who it was. MSG_ANY takes over all links
 * the highest priority first, then the order of acceptance." */
static void over_links(void) {
    static const int priorities[] = { 3, 9, 0, 9, 31, 3 };
    static const int order[] = { 4, 1, 3, 0, 5, 2 };
    pid_t pids[6];
    int right = 1, who = 1;
    start_senders(pids, priorities, 6);
    for (int i = 0; i < 6; i++) {
        struct msg m = { 0 };
        pid_t from = msg_receive(MSG_ANY, &m, 0, FOREVER);
        right &= (int)m.type == order[i];
        who &= from == m.sender && from == pids[m.type];
    }
    ok(right, "MSG_ANY: the highest priority over all links, then the longest waiting");
    ok(who, "asymmetric: the result and the header say who it was");
    ok(wait_for_all(pids, 6), "a receiver need not know who will send");

    start_senders(pids, priorities, 3);
    ok(next(pids[2]) == 2 && next(pids[2]) == -1,
       "symmetric: only the partner named is heard");
    ok(next(pids[0]) == 0 && next(pids[1]) == 1, "whatever priority others have");
    is_int(next(MSG_ANY), -1, "and nothing is left");
    ok(wait_for_all(pids, 3), "everyone was heard");
}

/* IPC(2.1): the same over queues with room, where the messages of one sender are mixed
 * with those of others. */
static void over_queues(void) {
    static const int by[] = { 0, 1, 0, 2, 1, 2, 0, 1 };
    static const int priority[] = { 1, 1, 1, 8, 1, 1, 8, 1 };
    static const int order[] = { 3, 6, 0, 1, 2, 4, 5, 7 };
    pid_t pids[3];
    int right = 1;
    for (int i = 0; i < 3; i++) {
        CHILD (pids[i])
            for (;;) {
                struct msg m = { 0 };
                need(msg_receive(getppid(), &m, 0, FOREVER) == getppid());
                if (m.type == 100)
                    _exit(0);
                send_one(getppid(), m.type, m.priority, NOWAIT);
                send_one(getppid(), 50, 0, FOREVER); // done
            }
        set_capacity(pids[i], 10);
    }
    for (int i = 0; i < 8; i++) {                       // one after the other
        send_one(pids[by[i]], (uint32_t)i, (uint32_t)priority[i], FOREVER);
        struct msg m = { .type = 50 };
        need(msg_receive(pids[by[i]], &m, MSG_TYPE, FOREVER) == pids[by[i]]);
    }
    for (int i = 0; i < 8; i++)
        right &= next(MSG_ANY) == order[i];
    ok(right, "MSG_ANY: the same order among messages in queues");
    for (int i = 0; i < 3; i++)
        send_one(pids[i], 100, 0, FOREVER);
    ok(wait_for_all(pids, 3), "all senders are done");
}

static int next_of_type(pid_t from, uint32_t type) {
    char text[8] = "";
    struct msg m = room_msg(text, sizeof text);
    m.type = type;
    if (msg_receive(from, &m, MSG_TYPE, NOWAIT) == -1) {
        need(errno == EAGAIN);
        return -1;
    }
    need(m.type == type);
    return text[0];
}

/* IPC(1.9): "MSG_TYPE: receive takes the first message whose type equals m->type and
 * leaves the others where they are." */
static void by_type(void) {
    static const uint32_t types[] = { 1, 2, 1, 3, 2, 0 };
    static const uint32_t priority[] = { 0, 0, 6, 0, 0, 0 };
    pid_t pid;
    CHILD (pid) {
        for (int i = 0; i < 6; i++) {
            char text[2] = { (char)('a' + i) };
            struct msg m = text_msg(text);
            m.type = types[i];
            m.priority = priority[i];
            need(msg_send(getppid(), &m, 0, FOREVER) == 0);
        }
        pause();
    }
    set_capacity(pid, CAPACITY_UNBOUNDED);
    until_queued(pid, 6);
    is_int(next_of_type(pid, 2), 'b', "MSG_TYPE takes the first of that type");
    is_int(next_of_type(pid, 1), 'c', "first means by priority");
    is_int(next_of_type(pid, 9), -1, "EAGAIN: there are others, none of that type");
    is_int(next_of_type(pid, 0), 'f', "0 is a type like any other");
    is_int(next_of_type(MSG_ANY, 3), 'd', "MSG_ANY looks for it over all links");
    is_int(next(pid), 1, "the others are where they were");
    is_int(next(MSG_ANY), 2, "in their order");
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* IPC(1.9): who waits for one type is passed over by the others. */
static void waiting_for_a_type(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = { .type = 5 };
        need(msg_receive(getppid(), &m, MSG_TYPE, FOREVER) == getppid());
    }
    until_receivers(pid, 1);
    struct msg other = { .type = 4 };
    is_errno(msg_send(pid, &other, 0, NOWAIT), EAGAIN,
             "EAGAIN: the receiver there waits for another type");
    send_one(pid, 5, 0, NOWAIT);
    is_exit(wait_for(pid), 0, "what it waits for is handed to it");

    CHILD (pid) {
        struct link_attr wide = { .capacity = 10 };
        struct msg m = { .type = 5 };
        need(link_open(getppid(), &wide) == 0);
        need(msg_receive(getppid(), &m, MSG_TYPE, FOREVER) == getppid());
        need(m.priority == 2 && next(getppid()) == 6 && next(getppid()) == 4);
        need(next(getppid()) == -1);
    }
    until_receivers(pid, 1);
    send_one(pid, 4, 0, NOWAIT);
    send_one(pid, 6, 3, NOWAIT);
    is_int(link_of(pid).out.queued, 2, "other types queue while it waits");
    send_one(pid, 5, 2, NOWAIT);
    is_exit(wait_for(pid), 0, "its own is handed to it, the others stay in order");
}

int main(void) {
    one_queue();
    in_turns();
    over_links();
    over_queues();
    by_type();
    waiting_for_a_type();
    return done_testing();
}
