/* native_mbox_message.c - what a message is, sent through a mailbox.
 * IPC(1.1): "The kernel sets sender, caller, receiver, mailbox, sequence and bits; what
 * the sender wrote there is ignored."
 * IPC(1.2): "Messages leave a queue by priority, and in order of acceptance within one
 * priority."
 * IPC(1.3): "A body longer than `room` is never cut: receive fails with EMSGSIZE, sets
 * `length` to what is needed, and the message stays first in line. A body of zero bytes
 * is a message."
 * IPC(1.9): "MSG_TYPE: receive takes the first message whose type equals m->type and
 * leaves the others where they are."
 */
/* FEATURE(13): mbox_send copies into the queue, mbox_receive out of it */
/* FEATURE(21): the sender's buffer is its own again when it has sent */
/* FEATURE(22): the sender's buffer is its own again when it has sent */
/* FEATURE(25): a header and a body, apart in memory */
/* FEATURE(26): type */
/* FEATURE(27): receiver: the process it was delivered to */
/* FEATURE(28): sender: stamped by the kernel, not by the sender */
/* FEATURE(29): length */
/* FEATURE(32): the higher priority leaves first */
/* FEATURE(33): within one priority the first accepted leaves first */
/* FEATURE(54): send to A, receive from A: a mailbox names the way */
/* FEATURE(128): MSG_TYPE takes the first of its type */
#include "mailbox.h"
#include "raw.h"

static void header(void) {
    pid_t pid;
    int box = named_box("header", NULL);
    struct msg lie;
    memset(&lie, 0x77, sizeof lie);
    lie.type = 0xfffffffe;
    lie.priority = 31;
    lie.body = (char *)(uintptr_t) "truth";
    lie.length = 5;
    lie.nfds = 0;
    lie.fds = NULL;
    struct msg before = lie;
    CHILD (pid)
        need(mbox_send(box, &lie, 0, NOWAIT) == 0);
    wait_for(pid);
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), pid,
           "send to A, receive from A: a mailbox names the way");
    ok(got_text("truth"), "mbox_send copies into the queue, mbox_receive out of it");
    is_int(got.sender, pid, "sender: stamped by the kernel, not by the sender");
    is_int(got.receiver, getpid(), "receiver: the process it was delivered to");
    is_int(got.caller, 0, "caller: nobody waits for an answer");
    is_int(got.mailbox, look(box).id, "mailbox: its id");
    is_int(got.sequence, 1, "sequence: the first");
    is_int(got.bits, 0, "bits: none");
    is_int(got.type, 0xfffffffe, "type");
    is_int(got.priority, 31, "priority");
    is_int(got.length, 5, "length");
    is_int(got.nfds, 0, "nfds: none");
    is_int(got.room, 256, "room is never written");
    ok(got.body == body && got.fds == NULL, "nor are the pointers");
    need(mbox_send(box, &lie, 0, NOWAIT) == 0);
    ok(memcmp(&lie, &before, sizeof lie) == 0, "a sender's header is only read");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got.sequence == 2);

    char one[8] = "first";
    need(mbox_send(box, TEXT(one), 0, NOWAIT) == 0);
    memcpy(one, "other", 5);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("first"), "the sender's buffer is its own again when it has sent");
    need(mbox_unlink("header") == 0 && close(box) == 0);
}

/* A header and a body: each on its own page, at its very end. */
static void at_the_edge(void) {
    char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0
         && munmap(pages + 3 * 4096, 4096) == 0);
    struct msg *m = (struct msg *)(pages + 4096 - sizeof *m);
    char *text = pages + 3 * 4096 - 5;
    int box = make_box(4, 0);
    memcpy(text, "hello", 5);
    *m = (struct msg){ .body = text, .length = 5 };
    is_int(mbox_send(box, m, 0, NOWAIT), 0, "sent from the last bytes of two pages");
    memset(text, '-', 5);
    m->room = 5;
    is_int(mbox_receive(box, m, 0, NOWAIT), getpid(), "received into them");
    ok(memcmp(text, "hello", 5) == 0 && m->length == 5,
       "a header and a body, apart in memory");
    need(mbox_send(box, m, 0, NOWAIT) == 0);
    struct msg bad = { .body = text + 1, .room = 5 };
    is_errno(mbox_receive(box, &bad, 0, NOWAIT), EFAULT, "EFAULT: one byte too far");
    is_errno(mbox_receive(box, (struct msg *)(pages + 4096 - 55), 0, NOWAIT), EFAULT,
             "EFAULT: a header that is not all there");
    is_errno(mbox_send(box, (struct msg *)(pages + 4096 - 55), 0, NOWAIT), EFAULT,
             "EFAULT: to send, too");
    is_errno(mbox_send(box, BYTES(text + 1, 5), 0, NOWAIT), EFAULT,
             "EFAULT: a body that is not all there");
    is_errno(mbox_send(box, BYTES(-16, 8), 0, NOWAIT), EFAULT, "EFAULT: the kernel's");
    is_errno(mbox_send(box, BYTES(-2, 8), 0, NOWAIT), EFAULT, "EFAULT: around zero");
    is_int(look(box).queued, 1, "nothing was added");
    struct msg there = { .body = pages + 2 * 4096, .room = 100 };
    is_int(mbox_receive(box, &there, 0, NOWAIT), getpid(), "or lost");
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_int(mbox_receive(box, &(struct msg){ .body = (void *)-16 }, 0, NOWAIT), getpid(),
           "no byte of an empty body is touched");
    need(munmap(pages, 4096) == 0 && munmap(pages + 2 * 4096, 4096) == 0);
    close(box);
}

static void order(void) {
    enum { N = 32 * 3 };
    int box = make_box(CAPACITY_UNBOUNDED, 0), right = 1, in_order = 1;
    uint32_t last_priority = 31;
    uint64_t last_sequence = 0;
    for (uint32_t i = 0; i < N; i++) {
        struct msg m = { .type = i, .priority = i * 7 % 32 };
        need(mbox_send(box, &m, 0, NOWAIT) == 0);
    }
    for (uint32_t i = 0; i < N; i++) {
        need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
        right &= got.priority == got.type * 7 % 32 && got.sequence == got.type + 1;
        right &= got.priority <= last_priority;
        in_order &= got.priority < last_priority || got.sequence > last_sequence;
        last_priority = got.priority;
        last_sequence = got.sequence;
    }
    ok(right, "the higher priority leaves first");
    ok(in_order, "within one priority the first accepted leaves first");
    close(box);
}

static void never_cut(void) {
    int box = make_box(4, 0);
    need(mbox_send(box, URGENT("a long message", 1), 0, NOWAIT) == 0);
    need(mbox_send(box, TEXT("ok"), 0, NOWAIT) == 0);
    for (uint32_t room = 0; room < 14; room += 13) {
        is_errno(mbox_receive(box, NEXT_OF(room), 0, NOWAIT), EMSGSIZE,
                 "EMSGSIZE: room for %u", room);
        is_int(got.length, 14, "length says what is needed");
        ok(got.room == room && body[0] == 0x5a && got.sender == (pid_t)0xa5a5a5a5,
           "nothing else is written");
    }
    is_errno(mbox_receive(box, NEXT_OF(2), 0, FOREVER), EMSGSIZE,
             "it stays first in line, though the next would fit");
    is_int(mbox_receive(box, NEXT_OF(14), 0, NOWAIT), getpid(),
           "room for exactly that");
    ok(got_text("a long message"), "gets it whole");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("ok"));
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_int(mbox_receive(box, NEXT_OF(0), 0, NOWAIT), getpid(),
           "a body of zero bytes is a message, for which no room will do");
    ok(got.length == 0 && body[0] == 0x5a, "of length 0");
    close(box);
}

static void by_type(void) {
    int box = make_box(10, 0);
    static const struct {
        const char *text;
        uint32_t type, priority;
    } sent[] = { { "a", 1, 0 }, { "b", 2, 0 }, { "c", 1, 5 }, { "d", 2, 5 },
                 { "e", 0, 9 }, { "f", 2, 5 } };
    for (unsigned i = 0; i < 6; i++) {
        struct msg m = *TYPED(sent[i].text, sent[i].type);
        m.priority = sent[i].priority;
        need(mbox_send(box, &m, 0, NOWAIT) == 0);
    }
    struct msg *m = NEXT;
    m->type = 2;
    is_int(mbox_receive(box, m, MSG_TYPE, NOWAIT), getpid(), "MSG_TYPE, type 2");
    ok(got_text("d") && got.type == 2, "MSG_TYPE takes the first of its type");
    m = NEXT;
    m->type = 7;
    is_errno(mbox_receive(box, m, MSG_TYPE, NOWAIT), EAGAIN, "EAGAIN: none of type 7");
    m = NEXT;
    m->type = 0;
    is_int(mbox_receive(box, m, MSG_TYPE, NOWAIT), getpid(), "type 0 is one of them");
    ok(got_text("e"), "not every one");
    m = NEXT_OF(0);
    m->type = 1;
    is_errno(mbox_receive(box, m, MSG_TYPE, NOWAIT), EMSGSIZE,
             "EMSGSIZE: the first of its type does not fit");
    static const char *const left[] = { "c", "f", "a", "b" };
    int right = 1;
    for (int i = 0; i < 4; i++)
        right &= mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text(left[i]);
    ok(right, "the others are where they were");

    pid_t pid;
    CHILD (pid) {
        struct msg *wanted = NEXT;
        wanted->type = 3;
        need(mbox_receive(box, wanted, MSG_TYPE, FOREVER) == getppid());
        need(got_text("for the child") && got.type == 3);
    }
    until_receiving(box, 1);
    need(mbox_send(box, TYPED("not for it", 4), 0, NOWAIT) == 0);
    is_int(look(box).waiting_receivers, 1, "another type does not end the wait");
    need(mbox_send(box, TYPED("for the child", 3), 0, NOWAIT) == 0);
    is_exit(wait_for(pid), 0, "its own does");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("not for it"), "the other one stayed in the queue");
    close(box);
}

/* A full queue with the wanted type only among the senders that still wait. */
static void type_behind_a_full_queue(void) {
    pid_t pid;
    int box = named_box("behind", ATTR(.capacity = 1));
    need(mbox_send(box, TYPED("in front", 1), 0, NOWAIT) == 0);
    CHILD (pid)
        need(mbox_send(box, TYPED("behind", 2), 0, FOREVER) == 0);
    until_sending(box, 1);
    struct msg *m = NEXT;
    m->type = 2;
    is_int(mbox_receive(box, m, MSG_TYPE, FOREVER), pid,
           "MSG_TYPE finds the message of a sender that waits for room");
    is_exit(wait_for(pid), 0, "whose send is done");
    ok(got_text("behind") && look(box).queued == 1, "the full queue is as it was");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("in front"));
    need(mbox_unlink("behind") == 0 && close(box) == 0);
}

/* IPC(1.4): "Less than -1, a priority over 31, an unknown flag, type MSG_NOTIFICATION
 * in a send: EINVAL." */
static void nonsense(void) {
    int box = make_box(4, 0);
    is_errno(mbox_send(box, EMPTY, 0, -2), EINVAL, "EINVAL: a time-out of -2");
    is_errno(mbox_send(box, EMPTY, 0, INT32_MIN), EINVAL, "the least one");
    is_errno(mbox_receive(box, NEXT, 0, -2), EINVAL, "of mbox_receive");
    is_errno(mbox_lookup("x", O_RDONLY, -2), EINVAL, "of mbox_lookup");
    is_errno(mbox_send(box, URGENT("", 32), 0, NOWAIT), EINVAL, "EINVAL: priority 32");
    is_errno(mbox_send(box, URGENT("", UINT32_MAX), 0, NOWAIT), EINVAL, "or -1");
    is_errno(mbox_send(box, TYPED("", MSG_NOTIFICATION), 0, NOWAIT), EINVAL,
             "EINVAL: the kernel's own type");
    is_errno(mbox_send(box, EMPTY, MSG_TYPE, NOWAIT), EINVAL, "EINVAL: send by type");
    is_errno(mbox_receive(box, NEXT, MSG_SYNC, NOWAIT), EINVAL,
             "EINVAL: a synchronous receive");
    for (int bit = 3; bit < 32; bit++) {
        if (mbox_send(box, EMPTY, (int)(1u << bit), NOWAIT) != -1 || errno != EINVAL)
            ok(0, "EINVAL: flag bit %d of a send", bit);
        if (mbox_receive(box, NEXT, (int)(1u << bit), NOWAIT) != -1 || errno != EINVAL)
            ok(0, "EINVAL: flag bit %d of a receive", bit);
    }
    struct msg many = { .nfds = MSG_FDS_MAX + 1, .fds = (int[5]){ 0 } };
    is_errno(mbox_send(box, &many, 0, NOWAIT), EINVAL, "EINVAL: five descriptors");
    is_int(look(box).queued, 0, "EINVAL: unknown flags; nothing was sent");
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EAGAIN, "EAGAIN: nothing is there");
    is_errno(mbox_send(box, (void *)16, 0, NOWAIT), EFAULT, "EFAULT: no message");
    is_errno(mbox_receive(box, (void *)16, 0, NOWAIT), EFAULT, "EFAULT: no room");
    is_errno(mbox_stat(box, (void *)16), EFAULT, "EFAULT: mbox_stat to nowhere");
    is_errno(mbox_stat(box, (void *)-16), EFAULT, "EFAULT: mbox_stat to the kernel");
    close(box);
}

int main(void) {
    header();
    at_the_edge();
    order();
    never_cut();
    by_type();
    type_behind_a_full_queue();
    nonsense();
    return done_testing();
}
