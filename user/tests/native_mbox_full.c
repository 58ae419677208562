/* native_mbox_full.c - every capacity with every overflow policy.
 * IPC(4.5): "Capacities as for links. Overflow of a full bounded mailbox: BLOCK waits;
 * REJECT fails at once with ENOBUFS; DROP_OLDEST and DROP_NEWEST discard one message,
 * count it in `dropped`, and use up its sequence number; a MSG_SYNC sender whose
 * message is dropped gets ENOBUFS."
 * IPC(2.4): "Capacity zero is rendezvous: the sender waits until the message is
 * received. Bounded: it waits while that many are queued. Unbounded: it never waits."
 */
/* FEATURE(10): bounded: the sender waits until there is room */
/* FEATURE(30): REJECT: ENOBUFS at once, whatever the time-out */
/* FEATURE(31): a gap in the sequence shows what was dropped */
/* FEATURE(60): capacity zero: sender and receiver meet */
/* FEATURE(69): capacity zero: sender and receiver meet */
/* FEATURE(70): bounded: the sender waits until there is room */
/* FEATURE(71): unbounded: 1000 messages without waiting */
/* FEATURE(130): %s, %s: results, order, numbers and counters */
#include "mailbox.h"

#include <time.h>

static const char *const policy_name[] = { "BLOCK", "REJECT", "DROP_OLDEST",
                                           "DROP_NEWEST" };

/* What must be true of a mailbox's counters at any time. */
static int adds_up(int box) {
    struct mbox_stat st = look(box);
    if (st.accepted == st.received + st.queued + st.dropped)
        return 1;
    note("accepted %llu, received %llu, queued %u, dropped %llu", st.accepted,
         st.received, st.queued, st.dropped);
    return 0;
}

/* Sends `count` numbered messages without waiting into a mailbox of `capacity`, and
 * says whether each got what the policy promises. */
static int fill(int box, uint32_t capacity, uint32_t policy, uint32_t count) {
    static const int when_full[] = { EAGAIN, ENOBUFS, 0, 0 };
    int right = 1;
    for (uint32_t i = 1; i <= count; i++) {
        int want = i <= capacity ? 0 : when_full[policy];
        int result = mbox_send(box, BYTES(&i, sizeof i), 0, NOWAIT);
        right &= want ? result == -1 && errno == want : result == 0;
        right &= adds_up(box);
    }
    return right;
}

/* Receives all: the messages `first` to `last`, in order. */
static int drain(int box, uint32_t first, uint32_t last) {
    int right = 1;
    for (uint32_t i = first, n; i <= last; i++) {
        right &= mbox_receive(box, NEXT, 0, NOWAIT) == getpid();
        memcpy(&n, body, sizeof n);
        right &= n == i && got.sequence == i && got.length == sizeof n;
        right &= adds_up(box);
    }
    return right & (mbox_receive(box, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN);
}

/* The whole matrix, without waiting: capacity + 3 messages are sent, all that is left
 * is received, twice. */
static void matrix(void) {
    static const struct {
        uint32_t capacity, room;
        const char *name;
    } sizes[] = { { CAPACITY_ZERO, 0, "capacity zero" }, { 1, 1, "capacity 1" },
                  { 2, 2, "capacity 2" }, { 5, 5, "capacity 5" },
                  { 0, 16, "capacity 16 by default" },
                  { CAPACITY_UNBOUNDED, 100, "unbounded" } };
    for (unsigned c = 0; c < 6; c++) {
        for (uint32_t policy = MBOX_BLOCK; policy <= MBOX_DROP_NEWEST; policy++) {
            uint32_t room = sizes[c].room, sent = c == 5 ? room : room + 3;
            if (room == 0 && policy >= MBOX_DROP_OLDEST)
                continue;                               // that is EINVAL
            int box = make_box(sizes[c].capacity, policy);
            int right = fill(box, room, policy, sent);
            struct mbox_stat st = look(box);
            int drops = policy >= MBOX_DROP_OLDEST;
            right &= st.queued == room && st.bytes == room * 4;
            right &= st.dropped == (drops ? sent - room : 0);
            right &= policy == MBOX_DROP_OLDEST ? drain(box, sent - room + 1, sent)
                                                : drain(box, 1, room);
            uint32_t used = drops ? sent : room;        // the numbers given so far
            right &= look(box).received == room && look(box).queued == 0;
            need(mbox_send(box, TEXT("x"), 0, NOWAIT) == 0 || room == 0);
            right &= mbox_receive(box, NEXT, 0, NOWAIT) == (room ? getpid() : -1);
            right &= room == 0 || got.sequence == used + 1;
            ok(right, "%s, %s: results, order, numbers and counters", sizes[c].name,
               policy_name[policy]);
            close(box);
        }
    }
}

static void reject(void) {
    static const int timeout[] = { NOWAIT, 1000000, FOREVER };
    int box = make_box(1, MBOX_REJECT), none = make_box(CAPACITY_ZERO, MBOX_REJECT);
    need(mbox_send(box, TEXT("one"), 0, NOWAIT) == 0);
    for (int i = 0; i < 3; i++) {
        is_errno(mbox_send(box, TEXT("two"), 0, timeout[i]), ENOBUFS,
                 "REJECT: ENOBUFS at once, whatever the time-out");
        is_errno(mbox_send(box, TEXT("two"), MSG_SYNC, timeout[i]), ENOBUFS,
                 "with MSG_SYNC");
        is_errno(mbox_send(none, TEXT("two"), 0, timeout[i]), ENOBUFS,
                 "and when there is nobody to meet");
    }
    is_errno(write(box, "two", 3), ENOBUFS, "by write");
    is_int(look(box).dropped, 0, "what is rejected is not counted as dropped");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("one"), "the queue is as it was");
    need(mbox_send(box, TEXT("three"), 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    is_int(got.sequence, 2, "and a rejected message uses no number up");
    close(box);
    close(none);
}

/* The oldest is the one accepted first, whatever its priority. */
static void drop_oldest(void) {
    int box = make_box(3, MBOX_DROP_OLDEST);
    need(mbox_send(box, URGENT("oldest", 31), 0, NOWAIT) == 0);
    need(mbox_send(box, URGENT("low", 0), 0, NOWAIT) == 0);
    need(mbox_send(box, URGENT("middle", 9), 0, NOWAIT) == 0);
    is_int(mbox_send(box, URGENT("new", 1), 0, FOREVER), 0, "DROP_OLDEST never waits");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("middle") && got.sequence == 3,
       "the oldest is dropped even if it is the most urgent");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("new") && got.sequence == 4, "the others are in order of priority");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("low") && got.sequence == 2, "to the last");
    for (int i = 0; i < 5; i++)
        need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got.sequence == 7 && look(box).dropped == 3,
       "a gap in the sequence shows what was dropped");
    close(box);
}

static void drop_newest(void) {
    int box = make_box(2, MBOX_DROP_NEWEST);
    need(mbox_send(box, TEXT("a"), 0, NOWAIT) == 0);
    need(mbox_send(box, TEXT("b"), 0, NOWAIT) == 0);
    is_int(mbox_send(box, URGENT("c", 31), 0, FOREVER), 0, "DROP_NEWEST never waits");
    is_int(write(box, "dd", 2), 2, "a write into a full one says that it is written");
    is_int(look(box).dropped, 2, "both are counted");
    is_errno(mbox_send(box, TEXT("e"), MSG_SYNC, FOREVER), ENOBUFS,
             "ENOBUFS: MSG_SYNC, and it is itself dropped");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("a"));
    need(mbox_send(box, TEXT("f"), 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("b"));
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("f") && got.sequence == 6, "three numbers were used up");
    close(box);
}

/* A sender that waits for its receipt learns that its message was thrown away. */
static void dropped_while_it_waits(void) {
    pid_t pid;
    int box = named_box("waits", ATTR(.capacity = 2, .overflow = MBOX_DROP_OLDEST));
    CHILD (pid)
        _exit(error_of(mbox_send(box, TEXT("receipt?"), MSG_SYNC, FOREVER)));
    until_sending(box, 1);
    is_int(look(box).queued, 1, "MSG_SYNC waits though there is room");
    need(mbox_send(box, TEXT("1"), 0, NOWAIT) == 0);
    is_int(look(box).waiting_senders, 1, "and goes on waiting");
    need(mbox_send(box, TEXT("2"), 0, NOWAIT) == 0);
    is_exit(wait_for(pid), ENOBUFS, "ENOBUFS: its message was dropped");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("1") && got.sequence == 2 && look(box).dropped == 1, "and is gone");
    need(mbox_send(box, TEXT("3"), 0, NOWAIT) == 0);
    is_errno(mbox_send(box, TEXT("4"), MSG_SYNC, NOWAIT), EAGAIN,
             "EAGAIN: MSG_SYNC without waiting");
    is_int(look(box).dropped, 1, "which drops nothing");
    need(mbox_unlink("waits") == 0 && close(box) == 0);
}

static void block(void) {
    enum { N = 4 };
    pid_t pid[N];
    int box = named_box("queue", ATTR(.capacity = 2));
    need(mbox_send(box, TEXT("0"), 0, NOWAIT) == 0);
    need(mbox_send(box, TEXT("1"), 0, NOWAIT) == 0);
    for (int i = 0; i < N; i++) {
        CHILD (pid[i]) {
            char text[2] = { (char)('2' + i) };
            need(mbox_send(box, TEXT(text), 0, FOREVER) == 0);
        }
        until_sending(box, (unsigned)i + 1);
    }
    is_int(look(box).queued, 2, "bounded: it waits while that many are queued");
    is_int(waitpid(-1, NULL, WNOHANG), 0, "nobody has got through");
    int right = 1;
    for (int i = 0; i < N + 2; i++) {
        char text[2] = { (char)('0' + i) };
        right &= mbox_receive(box, NEXT, 0, NOWAIT) == (i < 2 ? getpid() : pid[i - 2]);
        right &= got_text(text) && got.sequence == (uint64_t)i + 1;
        right &= look(box).waiting_senders == (unsigned)(i < N ? N - 1 - i : 0);
    }
    ok(right, "senders that wait get room in the order in which they came");
    for (int i = 0; i < N; i++)
        is_exit(wait_for(pid[i]), 0, "bounded: the sender waits until there is room");
    ok(adds_up(box), "each was counted once");
    need(mbox_unlink("queue") == 0 && close(box) == 0);
}

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A time-out takes the message back. */
static void time_out(void) {
    int full = make_box(1, 0), meeting = make_box(CAPACITY_ZERO, 0);
    int roomy = make_box(9, 0);
    need(mbox_send(full, TEXT("first"), 0, NOWAIT) == 0);
    long long start = now();
    is_errno(mbox_send(full, TEXT("late"), 0, 5), ETIMEDOUT, "ETIMEDOUT: still full");
    ok(now() - start >= 5000000, "not before its time");
    start = now();
    is_errno(mbox_send(meeting, TEXT("late"), 0, 5), ETIMEDOUT,
             "ETIMEDOUT: nobody came to the rendezvous");
    ok(now() - start >= 5000000, "not before its time");
    start = now();
    is_errno(mbox_send(roomy, TEXT("late"), MSG_SYNC, 5), ETIMEDOUT,
             "ETIMEDOUT: MSG_SYNC, and nobody received it");
    ok(now() - start >= 5000000, "not before its time");
    start = now();
    is_errno(mbox_receive(meeting, NEXT, 0, 5), ETIMEDOUT, "ETIMEDOUT: nothing came");
    ok(now() - start >= 5000000, "not before its time");
    need(mbox_receive(full, NEXT, 0, NOWAIT) == getpid() && got_text("first"));
    is_errno(mbox_receive(full, NEXT, 0, NOWAIT), EAGAIN, "the late one is not there");
    is_errno(mbox_receive(meeting, NEXT, 0, NOWAIT), EAGAIN, "nor at the rendezvous");
    is_errno(mbox_receive(roomy, NEXT, 0, NOWAIT), EAGAIN, "nor in the queue");
    is_int(look(full).waiting_senders + look(meeting).waiting_senders, 0,
           "nobody waits any more");
    close(full);
    close(meeting);
    close(roomy);
}

static void rendezvous(void) {
    pid_t pid;
    int box = named_box("meet", ATTR(.capacity = CAPACITY_ZERO));
    is_errno(mbox_send(box, TEXT("x"), 0, NOWAIT), EAGAIN, "EAGAIN: nobody is waiting");
    CHILD (pid) {
        need(mbox_send(box, TEXT("offer"), 0, FOREVER) == 0);
        need(mbox_receive(box, NEXT, 0, FOREVER) == getppid());
        need(got_text("answer") && got.receiver == getpid());
    }
    until_sending(box, 1);
    struct mbox_stat st = look(box);
    ok(st.queued == 0 && st.accepted == 0, "an offer is not in the queue");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), pid,
           "capacity zero: sender and receiver meet");
    ok(got_text("offer") && got.sequence == 1, "with its message");
    until_receiving(box, 1);
    is_int(mbox_send(box, TEXT("answer"), 0, NOWAIT), 0,
           "a waiting receiver is met without waiting");
    is_exit(wait_for(pid), 0, "without MSG_SYNC a send is 0");
    ok(look(box).received == 2 && adds_up(box), "both are counted");
    need(mbox_unlink("meet") == 0 && close(box) == 0);
}

static void unbounded(void) {
    int box = make_box(CAPACITY_UNBOUNDED, 0), right = 1;
    for (uint32_t i = 1; i <= 1000; i++)
        right &= mbox_send(box, BYTES(&i, sizeof i), 0, NOWAIT) == 0;
    ok(right && look(box).queued == 1000 && look(box).bytes == 4000,
       "unbounded: 1000 messages without waiting");
    ok(drain(box, 1, 1000), "and all come out, in order");
    close(box);
}

int main(void) {
    matrix();
    reject();
    drop_oldest();
    drop_newest();
    dropped_while_it_waits();
    block();
    time_out();
    rendezvous();
    unbounded();
    return done_testing();
}
