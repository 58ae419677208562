/* native_msg_limits.c - what a user may have under way over links. IPC(6.1): "Queued
 * bytes and messages are charged to the sender's user; one over its limit fails with
 * EDQUOT (never waits) until the queue drains. Defaults: 4 MiB and 4,096 messages a
 * user, ... 1,024 links a process; root has none." IPC(6.2). Needs root, to be users.
 */
/* FEATURE(125): one user's limit is not another's */
#include "scratch.h"

#include "native.h"

static char big[MSG_MAX];
static pid_t parent;

/* Sends until it fails; gives the number of messages. The error must be EDQUOT. */
static int fill(uint32_t length) {
    struct msg m = { .body = big, .length = length };
    int count = 0;
    while (count < 5000 && msg_send(parent, &m, 0, FOREVER) == 0)
        count++;
    need(count == 5000 || errno == EDQUOT);
    return count;
}

/* Takes that many messages of it. */
static void drain(pid_t pid, int count) {
    static char place[MSG_MAX];
    for (int i = 0; i < count; i++) {
        struct msg m = room_msg(place, sizeof place);
        need(msg_receive(pid, &m, 0, FOREVER) == pid);
    }
}

static void bytes(void) {
    struct gate full, drained;
    pid_t pid;
    gate_init(&full);
    gate_init(&drained);
    CHILD (pid) {
        struct msg one = { .body = big, .length = 1 }, r = { 0 };
        become(STUDENT);
        need(fill(MSG_MAX) == 64);                      // 4 MiB
        need(msg_send(parent, &one, 0, NOWAIT) == -1 && errno == EDQUOT);
        need(msg_send(parent, &one, MSG_SYNC, FOREVER) == -1 && errno == EDQUOT);
        need(msg_call(parent, &one, &r, FOREVER) == -1 && errno == EDQUOT);
        need(msg_notify(parent, 1) == 0);
        gate_open(&full);
        gate_wait(&drained);
        need(fill(MSG_MAX) == 1);
    }
    set_capacity(pid, CAPACITY_UNBOUNDED);
    gate_wait(&full);
    struct msg n = { 0 };
    need(msg_receive(pid, &n, 0, FOREVER) == pid && n.type == MSG_NOTIFICATION);
    pid_t other;
    CHILD (other) {
        struct msg m = text_msg("x");
        become(GUEST);
        need(msg_send(parent, &m, 0, FOREVER) == 0);
    }
    drain(other, 1);
    is_exit(wait_for(other), 0, "one user's limit is not another's");
    drain(pid, 1);
    gate_open(&drained);
    is_exit(wait_for(pid), 0, "4 MiB, then EDQUOT until some are received");
    drain(pid, 64);
    gate_close(&full);
    gate_close(&drained);
}

static void messages(void) {
    pid_t pid;
    CHILD (pid) {
        become(STUDENT);
        need(fill(0) == 4096);
    }
    set_capacity(pid, CAPACITY_UNBOUNDED);
    is_exit(wait_for(pid), 0, "4096 messages, then EDQUOT");
    is_int(link_of(pid).in.queued, 4096, "all of them are there");
    drain(pid, 4096);
    CHILD (pid)
        need(fill(0) == 5000);
    set_capacity(pid, CAPACITY_UNBOUNDED);
    is_exit(wait_for(pid), 0, "root has no limit");
    drain(pid, 5000);
}

/* A forwarder is charged for what it forwards. */
static void forwarding(void) {
    pid_t pid, caller;
    struct gate go;
    gate_init(&go);
    CHILD (pid) {
        struct msg m = { 0 };
        need(msg_accept(MSG_ANYONE) == 0);
        become(STUDENT);
        gate_wait(&go);
        pid_t who = msg_receive(MSG_ANY, &m, 0, FOREVER);
        need(who > 0 && fill(0) == 4096);
        need(msg_forward(who, parent, &m, FOREVER) == -1 && errno == EDQUOT);
        need(msg_reply(who, &m) == 0);
    }
    set_capacity(pid, CAPACITY_UNBOUNDED);
    CHILD (caller) {
        struct msg q = { 0 };
        need(msg_call(pid, &q, &q, FOREVER) == 0);
    }
    gate_open(&go);
    is_exit(wait_for(pid), 0, "EDQUOT: to forward; the call is still ours");
    is_exit(wait_for(caller), 0, "and was answered");
    drain(pid, 4096);
    gate_close(&go);
}

int main(void) {
    if (!is_root())
        return done_testing();
    parent = getpid();
    need(msg_accept(MSG_ANYONE) == 0);
    bytes();
    messages();
    forwarding();
    return done_testing();
}
