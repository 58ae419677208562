/* native_msg_size.c - IPC(1.3): "A body longer than `room` is never cut: receive fails
 * with EMSGSIZE, sets `length` to what is needed, and the message stays first in line.
 * ... A body over MSG_MAX without MSG_MOVE is EMSGSIZE at the sender."
 */
#include "native.h"

static char text[64], big[MSG_MAX + 1];

static void send_two(pid_t to, int timeout) {
    struct msg one = text_msg("ten bytes."), two = text_msg("next");
    two.type = 2;
    need(msg_send(to, &one, 0, timeout) == 0);
    need(msg_send(to, &two, 0, timeout) == 0);
}

/* From this child two messages come, or wait to be received. */
static void too_small(pid_t pid, const char *how) {
    struct msg m = room_msg(text, 9);
    m.type = 1234;
    memset(text, 'x', sizeof text);
    is_errno(msg_receive(pid, &m, 0, FOREVER), EMSGSIZE, "%s: 9 places for 10 bytes",
             how);
    is_int(m.length, 10, "%s: length says what is needed", how);
    is_int(m.room, 9, "%s: room is left as it was", how);
    ok(text[0] == 'x' && text[8] == 'x', "%s: nothing is cut", how);
    m = room_msg(NULL, 0);
    is_errno(msg_receive(MSG_ANY, &m, 0, NOWAIT), EMSGSIZE,
             "%s: MSG_ANY meets the same one, with no room at all", how);
    is_int(m.length, 10, "%s: and learns the same", how);
    m = room_msg(text, 4);
    m.type = 2;
    is_int(msg_receive(pid, &m, MSG_TYPE, FOREVER), pid,
           "%s: one of another type can pass", how);
    m = room_msg(text, m.length = 10);
    is_int(msg_receive(pid, &m, 0, NOWAIT), pid, "%s: it stayed first in line", how);
    ok(has_body(&m, "ten bytes.") && m.sequence == 1, "%s: and is whole", how);
}

/* A partner with a message each: the second type waits in a thread of its own. */
static void at_the_receiver(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg go = { 0 };
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        send_two(getppid(), NOWAIT);
    }
    set_capacity(pid, 2);
    struct msg go = { 0 };
    need(msg_send(pid, &go, 0, FOREVER) == 0);
    wait_for(pid);
    too_small(pid, "queued");
}

/* The sender in a rendezvous does not notice: it waits on. */
static void rendezvous(void) {
    pid_t pid;
    CHILD (pid)
        send_two(getppid(), FOREVER);
    until_senders(pid, 1);
    struct msg m = room_msg(text, 9);
    is_errno(msg_receive(pid, &m, 0, NOWAIT), EMSGSIZE,
             "rendezvous: too small is EMSGSIZE");
    is_int(m.length, 10, "rendezvous: length says what is needed");
    is_int(link_of(pid).in.waiting_senders, 1, "rendezvous: the sender waits on");
    m = room_msg(text, 10);
    is_int(msg_receive(pid, &m, 0, NOWAIT), pid,
           "rendezvous: enough room, and it ends");
    m = room_msg(text, 10);
    is_int(msg_receive(pid, &m, 0, FOREVER), pid, "rendezvous: so does the next");
    is_exit(wait_for(pid), 0, "rendezvous: both were received");
}

static void at_the_sender(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(big, sizeof big);
        set_capacity(getppid(), 1);
        need(msg_receive(getppid(), &m, 0, FOREVER) == getppid());
        need(m.length == MSG_MAX && m.sequence == 1);
    }
    struct msg m = { .body = big, .length = MSG_MAX + 1 };
    is_errno(msg_send(pid, &m, 0, NOWAIT), EMSGSIZE,
             "65537 bytes are too many to send");
    is_errno(msg_call(pid, &m, &m, 1000), EMSGSIZE, "to call with");
    is_errno(msg_send(pid, &m, MSG_SYNC, NOWAIT), EMSGSIZE, "with MSG_SYNC");
    m.length = 0xffffffff;
    is_errno(msg_send(pid, &m, 0, NOWAIT), EMSGSIZE, "4294967295 too");
    m.length = MSG_MAX;
    is_int(msg_send(pid, &m, 0, FOREVER), 0, "65536 are not");
    is_exit(wait_for(pid), 0, "and arrive, as the first");
}

int main(void) {
    at_the_receiver();
    rendezvous();
    at_the_sender();
    return done_testing();
}
