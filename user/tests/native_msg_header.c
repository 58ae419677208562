/* native_msg_header.c - what a message is: a header that the kernel fills in, and any
 * bytes. Messages over links, one after the other.
 */
/* FEATURE(13): a message sent is a message received */
/* FEATURE(24): 0 to 65536 bytes arrive as they are */
/* FEATURE(25): header and body */
/* FEATURE(26): the type is the sender's */
/* FEATURE(27): the receiver is told whom it was for */
/* FEATURE(28): the sender's number is the kernel's, not what the sender wrote */
/* FEATURE(29): the length is that of the body sent */
/* FEATURE(31): the next one in this direction has the next number */
/* FEATURE(32): so is the priority */
/* FEATURE(35): the sender's message names P, the receiver's call names Q */
#include "native.h"

#include <stddef.h>

static unsigned char out[MSG_MAX], in[MSG_MAX + 64];

/* "struct msg ... 56 bytes on i386, every field naturally aligned". */
static void layout(void) {
    ok(sizeof(struct msg) == 56 && offsetof(struct msg, sequence) == 24
           && offsetof(struct msg, body) == 48 && offsetof(struct msg, fds) == 52,
       "header and body");
    ok(sizeof(struct link_stat) == 8 + 2 * sizeof(struct link_side)
           && sizeof(struct link_side) == 40,
       "the state of a link has no holes");
}

/* What a liar writes into the fields that are the kernel's. */
static struct msg lie(void) {
    struct msg m = text_msg("truth");
    m.type = 77;
    m.priority = 5;
    m.sender = 1;
    m.caller = 1;
    m.receiver = 1;
    m.mailbox = 99;
    m.sequence = 1000;
    m.room = 3;
    m.bits = 0xff;
    return m;
}

/* IPC(1.1): "The kernel sets sender, caller, receiver, mailbox, sequence and bits; what
 * the sender wrote there is ignored." */
static void stamped(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = lie(), before = m;
        need(msg_send(getppid(), &m, 0, FOREVER) == 0);
        need(memcmp(&m, &before, sizeof m) == 0);       // its own stays as it was
        need(msg_send(getppid(), &m, 0, FOREVER) == 0);
    }
    struct msg m = lie();
    m.body = in;
    m.room = sizeof in;
    is_int(msg_receive(pid, &m, 0, FOREVER), pid,
           "a message sent is a message received");
    is_int(m.sender, pid,
           "the sender's number is the kernel's, not what the sender wrote");
    is_int(m.caller, 0, "nobody waits for an answer");
    is_int(m.receiver, getpid(), "the receiver is told whom it was for");
    is_int(m.mailbox, 0, "it came through no mailbox");
    is_int((long long)m.sequence, 1, "it is the first in this direction");
    is_int(m.bits, 0, "it notifies of nothing");
    is_int(m.type, 77, "the type is the sender's");
    is_int(m.priority, 5, "so is the priority");
    is_int(m.length, 5, "the length is that of the body sent");
    is_int(m.nfds, 0, "no descriptor came with it");
    ok(has_body(&m, "truth"),
       "the sender's message names P, the receiver's call names Q");
    ok(m.room == sizeof in && m.body == in && m.fds == NULL,
       "room, body and fds are as they were");
    need(msg_receive(pid, &m, 0, FOREVER) == pid);
    is_int((long long)m.sequence, 2,
           "the next one in this direction has the next number");
    is_exit(wait_for(pid), 0, "and the sender's header is not written to");
}

/* "sequence: 1, 2, 3 ... per link direction". */
static void two_directions(void) {
    pid_t pid;
    CHILD (pid) {
        char text[8];
        struct msg m = room_msg(text, sizeof text), hi = text_msg("hi");
        for (uint64_t i = 1; i <= 3; i++) {
            need(msg_receive(getppid(), &m, 0, FOREVER) == getppid());
            need(m.sequence == i);
        }
        need(msg_send(getppid(), &hi, 0, FOREVER) == 0);
    }
    char text[8];
    struct msg m = room_msg(text, sizeof text), hi = text_msg("hi");
    for (int i = 0; i < 3; i++)
        need(msg_send(pid, &hi, 0, FOREVER) == 0);
    need(msg_receive(pid, &m, 0, FOREVER) == pid);
    is_int((long long)m.sequence, 1, "each direction counts for itself");
    is_exit(wait_for(pid), 0, "1, 2, 3 in the other one");
}

/* Any bytes, from none to all; what is behind them in the receiver's memory is left
 * alone. IPC(1.3): "A body of zero bytes is a message." */
static void bytes(void) {
    static const uint32_t lengths[] = { 0, 1, 3, 4, 5, 63, 64, 65, 127, 255, 256, 4095,
                                        4096, 4097, 8191, 12289, 65535, 65536 };
    enum { N = sizeof lengths / sizeof *lengths };
    pid_t pid;
    int whole = 1, alone = 1;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (unsigned char)(i * 7 + i / 251);
    CHILD (pid)
        for (int i = 0; i < N; i++) {
            struct msg m = { .body = out + sizeof out - lengths[i],
                             .length = lengths[i] };
            need(msg_send(getppid(), &m, 0, FOREVER) == 0);
        }
    for (int i = 0; i < N; i++) {
        struct msg m = room_msg(in + i % 4, MSG_MAX);
        memset(in, 0xee, sizeof in);
        need(msg_receive(pid, &m, 0, FOREVER) == pid);
        whole &= m.length == lengths[i]
                 && memcmp(m.body, out + sizeof out - m.length, m.length) == 0;
        for (const unsigned char *p = (unsigned char *)m.body + m.length;
             p < in + sizeof in; p++)
            alone &= *p == 0xee;
    }
    ok(whole, "0 to 65536 bytes arrive as they are");
    ok(alone, "the memory behind them is not touched");
    is_exit(wait_for(pid), 0, "every length can be sent");
}

/* IPC(1.3): an empty message needs no body, at either side. */
static void empty(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg none = { .type = 3 };
        need(msg_send(getppid(), &none, 0, FOREVER) == 0);
    }
    struct msg m = { .length = 55, .type = 9 };
    is_int(msg_receive(pid, &m, 0, FOREVER), pid, "an empty message is a message");
    ok(m.length == 0 && m.type == 3, "it has a header");
    wait_for(pid);
}

int main(void) {
    layout();
    stamped();
    two_directions();
    bytes();
    empty();
    return done_testing();
}
