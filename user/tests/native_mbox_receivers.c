/* native_mbox_receivers.c - several receivers of one mailbox: who gets it?
 * IPC(4.6): "MBOX_SHARED: each message goes to exactly one receiver, the one that has
 * waited longest; mbox_send with MSG_SYNC returns its pid."
 * IPC(4.7): "MBOX_EXCLUSIVE: the first process to receive owns the receiving side until
 * it closes or dies; others get EBUSY."
 * IPC(1.9): "MSG_SYNC: the send ends when the message has been received, whatever the
 * capacity."
 */
/* FEATURE(50): many senders, many receivers: each message is received once */
/* FEATURE(56): the one that has waited longest gets it */
/* FEATURE(57): EXCLUSIVE: another process gets EBUSY */
/* FEATURE(58): MSG_SYNC returns who received it: those who waited, in turn */
/* FEATURE(131): a receipt for a message that was queued first */
#include "mailbox.h"

#include <pthread.h>

enum { N = 4 };

/* Receivers go to sleep one after the other; whoever waited longest is served. */
static void longest_waiting(void) {
    static const struct {
        struct mbox_attr attr;
        const char *name;
    } kinds[] = { { { .capacity = CAPACITY_ZERO }, "capacity zero" },
                  { { .capacity = 3 }, "capacity 3" },
                  { { .capacity = CAPACITY_UNBOUNDED }, "unbounded" },
                  { { .capacity = 1, .overflow = MBOX_REJECT }, "REJECT" },
                  { { .capacity = 1, .overflow = MBOX_DROP_OLDEST }, "DROP_OLDEST" },
                  { { .capacity = 1, .overflow = MBOX_DROP_NEWEST }, "DROP_NEWEST" } };
    for (unsigned k = 0; k < 6; k++) {
        pid_t pid[N];
        int box = named_box("team", &kinds[k].attr), served = 1, told = 1;
        for (int i = 0; i < N; i++) {
            CHILD (pid[i]) {
                char text[2] = { (char)('0' + i) };
                need(mbox_receive(box, NEXT, 0, FOREVER) == getppid());
                need(got_text(text) && got.receiver == getpid());
            }
            until_receiving(box, (unsigned)i + 1);
        }
        for (int i = 0; i < N; i++) {
            char text[2] = { (char)('0' + i) };
            told &= mbox_send(box, TEXT(text), MSG_SYNC, NOWAIT) == pid[i];
            served &= look(box).waiting_receivers == (unsigned)(N - 1 - i);
        }
        for (int i = 0; i < N; i++)
            served &= wait_for(pid[i]) == 0;
        ok(told, "MSG_SYNC returns who received it: those who waited, in turn");
        ok(served, "the one that has waited longest gets it");
        ok(look(box).received == N && look(box).queued == 0, "%s: nothing was queued",
           kinds[k].name);
        need(mbox_unlink("team") == 0 && close(box) == 0);
    }
}

/* The message waits for somebody; its sender, too. */
static void receipt(void) {
    static const uint32_t capacity[] = { CAPACITY_ZERO, 1, 7, CAPACITY_UNBOUNDED };
    for (int c = 0; c < 4; c++) {
        pid_t sender, receiver;
        struct gate go;
        int *slot = shared_memory(4096);
        int box = named_box("receipt", ATTR(.capacity = capacity[c]));
        gate_init(&go);
        CHILD (sender) {
            gate_wait(&go);
            slot[0] = mbox_send(box, TEXT("who?"), MSG_SYNC, FOREVER);
        }
        CHILD (receiver) {
            until_sending(box, 1);
            need(waitpid(-1, NULL, WNOHANG) == -1 && slot[0] == 0);
            need(mbox_receive(box, NEXT, 0, FOREVER) == sender && got_text("who?"));
        }
        gate_open(&go);
        is_exit(wait_for(receiver), 0, "capacity 0x%x: the sender waits until then",
                capacity[c]);
        is_exit(wait_for(sender), 0, "and no longer");
        is_int(slot[0], receiver, "a receipt for a message that was queued first");
        munmap(slot, 4096);
        gate_close(&go);
        need(mbox_unlink("receipt") == 0 && close(box) == 0);
    }
    int box = make_box(4, 0);
    is_errno(mbox_send(box, TEXT("to myself"), MSG_SYNC, NOWAIT), EAGAIN,
             "EAGAIN: nobody waits, and nobody is waited for");
    is_errno(mbox_send(box, TEXT("to myself"), MSG_SYNC, 2), ETIMEDOUT, "ETIMEDOUT");
    is_int(look(box).queued, 0, "neither message stays");
    close(box);
}

/* 3 senders, 3 receivers, 60 messages: each arrives once, each sender's in order. */
static void each_once(void) {
    enum { SENDERS = 3, RECEIVERS = 3, EACH = 20 };
    static const uint32_t capacity[] = { CAPACITY_ZERO, 1, 5, CAPACITY_UNBOUNDED };
    struct tally {
        int seen[SENDERS][EACH], by[RECEIVERS];
    } *tally = shared_memory(sizeof *tally);
    for (int c = 0; c < 4; c++) {
        pid_t pid[SENDERS + RECEIVERS];
        int box = named_box("crowd", ATTR(.capacity = capacity[c])), right = 1, sum = 0;
        memset(tally, 0, sizeof *tally);
        for (int r = 0; r < RECEIVERS; r++) {
            CHILD (pid[SENDERS + r]) {
                int next[SENDERS] = { 0 };
                pid_t sender[SENDERS] = { 0 };
                while (need(mbox_receive(box, NEXT, 0, FOREVER) > 0), got.length) {
                    int from = (int)got.type, number;
                    memcpy(&number, body, sizeof number);
                    need(number >= next[from]);
                    need(sender[from] == 0 || sender[from] == got.sender);
                    sender[from] = got.sender;
                    next[from] = number + 1;
                    tally->seen[from][number]++;
                    tally->by[r]++;
                }
            }
        }
        for (int s = 0; s < SENDERS; s++)
            CHILD (pid[s])
                for (int i = 0; i < EACH; i++) {
                    struct msg m = { .type = (uint32_t)s, .body = &i,
                                     .length = sizeof i };
                    need(mbox_send(box, &m, 0, FOREVER) == 0);
                }
        for (int s = 0; s < SENDERS; s++)
            need(wait_for(pid[s]) == 0);
        for (int r = 0; r < RECEIVERS; r++)
            need(mbox_send(box, EMPTY, 0, FOREVER) == 0);
        for (int r = 0; r < RECEIVERS; r++)
            right &= wait_for(pid[SENDERS + r]) == 0;
        for (int s = 0; s < SENDERS; s++)
            for (int i = 0; i < EACH; i++)
                sum += tally->seen[s][i] == 1;
        is_int(sum, SENDERS * EACH,
               "many senders, many receivers: each message is received once");
        ok(right, "capacity 0x%x: and each receiver sees each sender's in order",
           capacity[c]);
        note("received by %d, %d, %d", tally->by[0], tally->by[1], tally->by[2]);
        need(mbox_unlink("crowd") == 0 && close(box) == 0);
    }
    munmap(tally, sizeof *tally);
}

/* Neither side knows the other: the consumer is replaced in the middle. */
static void swapped(void) {
    pid_t pid[2];
    int box = named_box("swap", ATTR(.capacity = 4));
    for (int i = 0; i < 4; i++)
        need(mbox_send(box, TYPED("", (uint32_t)i), 0, NOWAIT) == 0);
    for (int k = 0; k < 2; k++) {
        CHILD (pid[k])
            for (uint32_t i = 0; i < 2; i++)
                need(mbox_receive(box, NEXT, 0, FOREVER) == getppid()
                     && got.type == 2 * (uint32_t)k + i);
        is_exit(wait_for(pid[k]), 0, "consumer %d goes on where the last one stopped",
                k + 1);
    }
    need(mbox_unlink("swap") == 0 && close(box) == 0);
}

/* -- EXCLUSIVE --------------------------------------------------------------------- */

/* The errno of a receive in a new process that has the descriptor from us. */
static int stranger(int box) {
    pid_t pid;
    CHILD (pid)
        _exit(error_of(mbox_receive(box, NEXT, 0, NOWAIT)));
    return wait_for(pid);
}

static void exclusive(void) {
    pid_t pid;
    int box = named_box("own", ATTR(.receivers = MBOX_EXCLUSIVE));
    is_int(look(box).exclusive, 0, "at first nobody owns the receiving side");
    need(mbox_send(box, TEXT("1"), 0, NOWAIT) == 0);
    need(mbox_send(box, TEXT("2"), 0, NOWAIT) == 0);
    is_int(look(box).exclusive, 0, "to send does not change that");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "the first who receives");
    is_int(look(box).exclusive, getpid(), "owns it");
    is_exit(stranger(box), EBUSY, "EXCLUSIVE: another process gets EBUSY");
    int again = mbox_open("own", O_RDONLY);
    is_exit(stranger(again), EBUSY, "by whatever descriptor");
    CHILD (pid) {
        int mine = mbox_open("own", O_RDWR);
        need(mbox_receive(mine, NEXT, 0, FOREVER) == -1 && errno == EBUSY);
        need(read(mine, body, 10) == -1 && errno == EBUSY);
        need(mbox_send(mine, TEXT("3"), 0, NOWAIT) == 0);
    }
    is_exit(wait_for(pid), 0, "EBUSY at once, though it would wait; sending is free");
    is_int(mbox_receive(again, NEXT, 0, NOWAIT), getpid(), "a process owns it");
    ok(got_text("2"), "through all of its descriptors");
    close(again);
    is_exit(stranger(box), EBUSY, "until it closes the last");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == pid && got_text("3"));
    need(mbox_unlink("own") == 0 && close(box) == 0);
}

static void *other_thread(void *box) {
    return (void *)(long)mbox_receive(*(int *)box, NEXT, 0, NOWAIT);
}

/* How ownership ends. The child has the descriptor from us, so nobody's last one is
 * closed: 0: it dies, 1: it is killed while it waits, 2: it closes, 3: it executes
 * another program and the descriptor is FD_CLOEXEC. */
static void ends(int how, const char *what) {
    struct gate owns, leave;
    pid_t pid;
    int box = named_box("heir", ATTR(.receivers = MBOX_EXCLUSIVE));
    gate_init(&owns);
    gate_init(&leave);
    need(mbox_send(box, TEXT("first"), 0, NOWAIT) == 0);
    CHILD (pid) {
        need(mbox_receive(box, NEXT, 0, NOWAIT) == getppid());
        if (how == 1)
            need(mbox_receive(box, NEXT, 0, FOREVER) == -1);
        if (how == 3) {
            need(fcntl(box, F_SETFD, FD_CLOEXEC) == 0);
            need(dup2(leave.fd[0], 0) == 0);
            execlp("cat", "cat", (char *)NULL);
            need(!"cat");
        }
        if (how == 2)
            close(box);
        gate_open(&owns);
        if (how == 2)
            gate_try(&leave);
    }
    if (how == 1) {
        until_receiving(box, 1);
        is_int(look(box).exclusive, pid, "the child owns it");
        is_errno(mbox_receive(box, NEXT, 0, FOREVER), EBUSY, "we are EBUSY");
        kill(pid, SIGKILL);
        wait_for(pid);
    } else if (how == 3) {
        while (look(box).received == 0 || look(box).exclusive != 0)
            sched_yield();                              // it has received, and closed
    } else {
        gate_wait(&owns);
        if (how == 0)
            wait_for(pid);
    }
    is_int(look(box).exclusive, 0, "%s: nobody owns it", what);
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EAGAIN, "and another may receive");
    need(mbox_send(box, TEXT("next"), 0, NOWAIT) == 0);
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "which now owns it");
    is_int(look(box).exclusive, getpid(), "in its turn");
    gate_close(&leave);
    gate_close(&owns);
    if (how >= 2)
        wait_for(pid);
    need(mbox_unlink("heir") == 0 && close(box) == 0);
}

static void threads_of_the_owner(void) {
    pthread_t thread;
    void *result;
    int box = named_box("threads", ATTR(.receivers = MBOX_EXCLUSIVE));
    need(mbox_send(box, TEXT("1"), 0, NOWAIT) == 0);
    need(mbox_send(box, TEXT("2"), 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    need(!pthread_create(&thread, NULL, other_thread, &box));
    need(!pthread_join(thread, &result));
    is_int((long)result, getpid(), "any thread of the owner receives");
    need(mbox_unlink("threads") == 0 && close(box) == 0);
}

static void *waiting_thread(void *box) {
    return (void *)(long)mbox_receive(*(int *)box, NEXT, 0, FOREVER);
}

/* IPC(4.10): "A call in progress holds its descriptor." */
static void closed_meanwhile(void) {
    pthread_t thread;
    void *result;
    pid_t pid;
    int box = named_box("held", ATTR(.receivers = MBOX_EXCLUSIVE)), held = dup(box);
    int sender = mbox_open("held", O_WRONLY), other = mbox_open("held", O_RDONLY);
    need(sender >= 0 && other >= 0);
    CHILD (pid) {
        close(box);
        close(other);
        need(!pthread_create(&thread, NULL, waiting_thread, &held));
        until_receiving(sender, 1);
        close(held);
        need(look(sender).exclusive == getpid());
        need(mbox_send(sender, EMPTY, 0, NOWAIT) == 0);
        need(!pthread_join(thread, &result) && (long)result == getpid());
        need(look(sender).exclusive == 0);
    }
    is_exit(wait_for(pid), 0, "a call in progress owns it, though it was closed");
    is_errno(mbox_receive(other, NEXT, 0, NOWAIT), EAGAIN, "and then nobody does");
    need(mbox_unlink("held") == 0);
    close(box);
    close(held);
    close(sender);
    close(other);
}

int main(void) {
    longest_waiting();
    receipt();
    each_once();
    swapped();
    exclusive();
    ends(0, "the owner ends");
    ends(1, "the owner is killed while it waits");
    ends(2, "the owner closes, and lives on");
    ends(3, "the owner executes another program");
    threads_of_the_owner();
    closed_meanwhile();
    return done_testing();
}
