/* native_mbox_broadcast.c - one message, every reader.
 * IPC(4.8): "MBOX_BROADCAST: a bounded ring with MBOX_DROP_OLDEST in order of
 * acceptance; every open for receiving has its own position (shared by dup and fork),
 * starting at its open; a reader that fell behind sees the gap in `sequence`. Other
 * overflow, MSG_SYNC, MSG_MOVE: EINVAL."
 */
/* FEATURE(124): each reader gets every message */
#include "mailbox.h"

#include <poll.h>

#define NAME "news"
#define RING(n) ATTR(.capacity = (n), .receivers = MBOX_BROADCAST)

static int reader(void) {
    int fd = mbox_open(NAME, O_RDONLY);
    need(fd >= 0);
    return fd;
}

static void publish(int box, const char *text) {
    need(mbox_send(box, TEXT(text), 0, NOWAIT) == 0);
}

/* The reader's next messages are numbered `first` to `last`, and there are no more. */
static int reads(int fd, uint64_t first, uint64_t last) {
    int right = 1;
    for (uint64_t i = first; i <= last; i++) {
        pid_t from = mbox_receive(fd, NEXT, 0, NOWAIT);
        if (from <= 0 || got.sequence != i)
            note("want %llu, got %d, sequence %llu", (unsigned long long)i, from,
                 (unsigned long long)got.sequence);
        right &= from > 0 && got.sequence == i;
    }
    return right & (mbox_receive(fd, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN);
}

static void everyone(void) {
    int box = named_box(NAME, RING(0));
    struct mbox_stat st = look(box);
    is_int(st.attr.capacity, 16, "16 messages by default");
    is_int(st.attr.overflow, MBOX_DROP_OLDEST, "of which the oldest are dropped");
    is_int(st.attr.receivers, MBOX_BROADCAST, "broadcast");
    int a = reader(), b = reader();
    publish(box, "one");
    publish(box, "two");
    int c = reader();
    publish(box, "three");
    ok(reads(a, 1, 3) && reads(b, 1, 3), "each reader gets every message");
    ok(reads(c, 3, 3), "from the moment it was opened");
    ok(reads(box, 1, 3), "who may do both is a reader, too");
    publish(box, "four");
    is_int(mbox_receive(b, NEXT, 0, NOWAIT), getpid(), "one reads on");
    ok(got_text("four") && got.receiver == getpid() && got.mailbox == st.id,
       "the whole message");
    is_int(read(c, body, 10), 4, "another by read(2)");
    ok(reads(a, 4, 4) && reads(b, 5, 4) && reads(c, 5, 4), "each at its own pace");
    publish(box, "five");
    close(a);
    publish(box, "six");
    ok(reads(b, 5, 6), "a reader that leaves changes nothing for the others");
    a = reader();
    ok(reads(a, 7, 6), "one that comes back starts anew");
    ok(reads(c, 5, 6), "nobody else does");
    int w = mbox_open(NAME, O_WRONLY);
    is_errno(mbox_receive(w, NEXT, 0, NOWAIT), EBADF, "who only sends is no reader");
    publish(w, "seven");
    ok(reads(a, 7, 7) && reads(b, 7, 7) && reads(c, 7, 7), "but all hear it");
    need(mbox_unlink(NAME) == 0);
    close(a), close(b), close(c), close(w), close(box);
}

static void gaps(void) {
    int box = named_box(NAME, RING(4)), slow = reader(), quick = reader(), right = 1;
    for (uint64_t i = 1; i <= 11; i++) {
        publish(box, "x");
        right &= reads(quick, i, i);
    }
    ok(right, "who keeps up misses nothing");
    is_int(look(box).queued, 4, "the ring keeps as many as it has room for");
    ok(reads(slow, 8, 11), "a reader that fell behind sees the gap in `sequence`");
    for (int i = 12; i <= 15; i++)
        publish(box, "x");
    ok(reads(slow, 12, 15), "exactly full is no gap");
    publish(box, "x");
    need(mbox_receive(slow, NEXT, 0, NOWAIT) == getpid() && got.sequence == 16);
    for (int i = 17; i <= 21; i++)
        publish(box, "x");
    ok(reads(slow, 18, 21), "one too many is a gap of one");
    need(mbox_unlink(NAME) == 0);
    close(slow), close(quick), close(box);
    box = named_box(NAME, RING(1));
    slow = reader();
    publish(box, "x");
    publish(box, "x");
    publish(box, "x");
    ok(reads(slow, 3, 3), "a ring of one keeps the last");
    need(mbox_unlink(NAME) == 0);
    close(slow), close(box);
}

static void in_order(void) {
    int box = named_box(NAME, RING(8)), fd = reader();
    for (uint32_t i = 0; i < 6; i++)
        need(mbox_send(box, URGENT("x", i * 13 % 32), 0, NOWAIT) == 0);
    ok(reads(fd, 1, 6), "order of acceptance, whatever the priority");
    need(mbox_send(box, URGENT("a long one", 5), 0, NOWAIT) == 0);
    need(mbox_send(box, TEXT("short"), 0, NOWAIT) == 0);
    is_errno(mbox_receive(fd, NEXT_OF(5), 0, NOWAIT), EMSGSIZE,
             "EMSGSIZE: the next one is too long");
    is_int(got.length, 10, "and says how long");
    is_errno(read(fd, body, 5), EMSGSIZE, "EMSGSIZE: by read, too");
    is_int(mbox_receive(fd, NEXT, 0, NOWAIT), getpid(), "it stays first in line");
    ok(got_text("a long one") && got.priority == 5, "with its priority");
    ok(reads(fd, 8, 8), "and the next one follows");
    need(mbox_unlink(NAME) == 0);
    close(fd), close(box);
}

/* Receives the next of a type: its number, or -1. */
static int next_of_type(int fd, uint32_t type) {
    next_message(256)->type = type;
    return mbox_receive(fd, &got, MSG_TYPE, NOWAIT) > 0 ? (int)got.sequence : -1;
}

/* IPC(1.9): "MSG_TYPE: receive takes the first message whose type equals `m->type` and
 * leaves the others where they are." So it does in a ring, for each reader. */
static void by_type(void) {
    static const uint32_t types[] = { 1, 2, 1, 3, 2, 1 };
    int box = named_box(NAME, RING(6)), a = reader(), b = reader(), c = reader();
    pid_t pid;
    for (int i = 0; i < 6; i++)
        need(mbox_send(box, TYPED("x", types[i]), 0, NOWAIT) == 0);
    is_int(next_of_type(a, 2), 2, "MSG_TYPE: the first of that type");
    is_int(next_of_type(a, 2), 5, "and the next of it");
    ok(next_of_type(a, 2) == -1 && errno == EAGAIN, "none is given twice");
    ok(next_of_type(a, 1) == 1 && next_of_type(a, 1) == 3,
       "what it passed over is there");
    ok(reads(b, 1, 6), "for other readers nothing has changed");
    need(mbox_receive(a, NEXT, 0, NOWAIT) > 0 && got.sequence == 4);
    ok(reads(a, 6, 6), "without a type the rest, in order");
    is_int(next_of_type(c, 3), 4, "a reader takes one ahead");
    for (int i = 7; i <= 10; i++)
        publish(box, "x");
    ok(mbox_receive(c, NEXT, 0, NOWAIT) > 0 && got.sequence == 5,
       "the ring goes on: the oldest of the others are lost");
    ok(reads(c, 6, 10) && reads(a, 7, 10), "the places of old ones hold new ones");
    CHILD (pid) {
        publish(box, "passed over");
        next_message(256)->type = 9;
        need(mbox_receive(c, &got, MSG_TYPE, FOREVER) > 0 && got.sequence == 13);
    }
    until_receiving(box, 1);
    publish(box, "neither");
    need(mbox_send(box, TYPED("this", 9), 0, NOWAIT) == 0);
    is_exit(wait_for(pid), 0, "one who waits for a type is handed that");
    ok(reads(c, 11, 12), "and has still to read what came before");
    need(mbox_unlink(NAME) == 0);
    close(a), close(b), close(c), close(box);
}

/* "shared by dup and fork" */
static void shared_position(void) {
    int box = named_box(NAME, RING(8)), fd = reader(), copy = dup(fd), own = reader();
    pid_t pid;
    for (int i = 0; i < 6; i++)
        publish(box, "x");
    need(mbox_receive(fd, NEXT, 0, NOWAIT) == getpid() && got.sequence == 1);
    need(mbox_receive(copy, NEXT, 0, NOWAIT) == getpid());
    is_int(got.sequence, 2, "dup shares the position");
    CHILD (pid) {
        need(mbox_receive(fd, NEXT, 0, NOWAIT) > 0 && got.sequence == 3);
        need(got.receiver == getpid());
        int mine = reader();
        need(mbox_receive(mine, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN);
        need(mbox_receive(copy, NEXT, 0, NOWAIT) > 0 && got.sequence == 4);
    }
    is_exit(wait_for(pid), 0, "so does fork");
    close(copy);
    ok(reads(fd, 5, 6), "what the child has read is not read again");
    ok(reads(own, 1, 6), "another open has another position");
    need(mbox_unlink(NAME) == 0);
    close(fd), close(own), close(box);
}

/* One message wakes all who wait at positions of their own; of those who share one, the
 * one that has waited longest. */
static void waiting(void) {
    enum { N = 3 };
    pid_t pid[N], twin[2];
    int box = named_box(NAME, RING(2)), shared = reader();
    for (int i = 0; i < N; i++) {
        CHILD (pid[i]) {
            int mine = reader();
            need(mbox_receive(mine, NEXT, 0, FOREVER) == getppid() && got_text("1"));
            need(mbox_receive(mine, NEXT, 0, FOREVER) == getppid() && got_text("2"));
            need(got.receiver == getpid() && got.sequence == 2);
        }
        until_receiving(box, (unsigned)i + 1);
    }
    for (int i = 0; i < 2; i++) {
        CHILD (twin[i]) {
            need(mbox_receive(shared, NEXT, 0, FOREVER) == getppid());
            need(got.sequence == (uint64_t)i + 1);
        }
        until_receiving(box, N + 1 + (unsigned)i);
    }
    publish(box, "1");
    is_exit(wait_for(twin[0]), 0, "of those who share a position the first gets it");
    until_receiving(box, N + 1);
    publish(box, "2");
    is_exit(wait_for(twin[1]), 0, "then the second");
    for (int i = 0; i < N; i++)
        is_exit(wait_for(pid[i]), 0, "all who wait get every message");
    CHILD (pid[0])
        need(mbox_receive(shared, NEXT, 0, FOREVER) == -1);
    until_receiving(box, 1);
    kill(pid[0], SIGKILL);
    wait_for(pid[0]);
    publish(box, "3");
    ok(reads(shared, 3, 3), "a reader that was killed while it waited takes nothing");
    need(mbox_unlink(NAME) == 0);
    close(shared), close(box);
}

static int ready(int fd) {
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
    need(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static void polled(void) {
    int box = named_box(NAME, RING(2)), a = reader(), b = reader();
    ok(ready(a) == 0 && ready(b) == 0, "poll: no message, not readable");
    is_int(ready(box), POLLOUT, "always writable");
    publish(box, "x");
    ok(ready(a) == POLLIN && ready(b) == POLLIN, "one message: both readable");
    need(mbox_receive(a, NEXT, 0, NOWAIT) > 0);
    ok(ready(a) == 0 && ready(b) == POLLIN, "one has read it: only the other");
    publish(box, "x");
    publish(box, "x");
    is_int(ready(box), POLLIN | POLLOUT, "a full ring is writable");
    need(mbox_unlink(NAME) == 0);
    close(a), close(b), close(box);
}

static void refused(void) {
    int box = named_box(NAME, RING(4)), fd = reader();
    char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED);
    memset(page, 'p', 4096);
    is_errno(mbox_send(box, TEXT("x"), MSG_SYNC, FOREVER), EINVAL, "EINVAL: MSG_SYNC");
    is_errno(mbox_send(box, BYTES(page, 4096), MSG_MOVE, NOWAIT), EINVAL,
             "EINVAL: MSG_MOVE");
    ok(page[0] == 'p', "the page is still ours");
    is_errno(mbox_receive(fd, NEXT, MSG_MOVE, NOWAIT), EINVAL,
             "EINVAL: to receive with MSG_MOVE");
    is_int(look(box).queued, 0, "nothing was sent");
    munmap(page, 4096);
    need(mbox_unlink(NAME) == 0);
    publish(box, "x");
    need(mbox_destroy(box) == 0);
    is_errno(mbox_receive(fd, NEXT, 0, FOREVER), EIDRM, "EIDRM: destroyed");
    is_errno(mbox_send(box, TEXT("x"), 0, NOWAIT), EIDRM, "for who sends, too");
    close(fd), close(box);
}

int main(void) {
    everyone();
    gaps();
    in_order();
    by_type();
    shared_position();
    waiting();
    polled();
    refused();
    return done_testing();
}
