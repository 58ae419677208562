/* native_msg_timeout.c - IPC(1.4): "`timeout_ms` is the one knob for blocking: FOREVER
 * blocks, NOWAIT never does (EAGAIN), a positive number waits at most that long
 * (ETIMEDOUT)." IPC(1.6): "A send that fails is never delivered: time-out, signal or
 * kill take the message back out of the queue, MSG_SYNC included."
 */
/* FEATURE(62): a blocking send waits for its receiver */
/* FEATURE(63): a blocking receive waits for its message */
/* FEATURE(64): a non-blocking send goes on at once */
/* FEATURE(65): a non-blocking receive has a message or nothing */
/* FEATURE(68): a receiver waits when there is no message, whatever the capacity */
/* FEATURE(115): a time-out ends a wait */
#include "native.h"

#include <limits.h>
#include <poll.h>
#include <time.h>

static char text[64];
static pid_t partner;                           /* there, and takes nothing */

static long now_ms(void) {
    struct timespec t;
    need(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

/* The wait of ETIMEDOUT was at least 20 ms, and it is that error. */
#define takes_20_ms(call, name)                                                        \
    do {                                                                               \
        long start = now_ms();                                                         \
        is_errno(call, ETIMEDOUT, "a positive number waits that long: %s", name);      \
        ok(now_ms() - start >= 20, "at least: %s", name);                              \
    } while (0)

static void never(void) {
    struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
    is_errno(msg_send(partner, &m, 0, NOWAIT), EAGAIN, "NOWAIT: nobody receives");
    is_errno(msg_send(partner, &m, MSG_SYNC, NOWAIT), EAGAIN, "NOWAIT: MSG_SYNC");
    is_errno(msg_call(partner, &m, &r, NOWAIT), EAGAIN, "NOWAIT: a call");
    is_errno(msg_receive(partner, &r, 0, NOWAIT), EAGAIN,
             "a non-blocking receive has a message or nothing");
    is_errno(msg_receive(MSG_ANY, &r, 0, NOWAIT), EAGAIN, "NOWAIT: nor from anyone");
    is_errno(msg_reply_receive(0, &m, &r, NOWAIT), EAGAIN, "NOWAIT: msg_reply_receive");
    ok(link_of(partner).out.waiting_senders == 0, "nothing is left of a failed send");
}

static void positive(void) {
    struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
    is_errno(msg_receive(partner, &r, 0, 1), ETIMEDOUT, "a time-out ends a wait");
    takes_20_ms(msg_send(partner, &m, 0, 20), "msg_send");
    takes_20_ms(msg_send(partner, &m, MSG_SYNC, 20), "MSG_SYNC");
    takes_20_ms(msg_call(partner, &m, &r, 20), "msg_call");
    takes_20_ms(msg_receive(partner, &r, 0, 20), "msg_receive");
    takes_20_ms(msg_receive(MSG_ANY, &r, 0, 20), "from anyone");
    takes_20_ms(msg_reply_receive(0, &m, &r, 20), "msg_reply_receive");
}

/* The child waits, and says through a pipe that it has gone on. */
static void both_wait(uint32_t capacity) {
    static const int timeouts[] = { FOREVER, INT_MAX };
    int report[2];
    pid_t pid;
    for (int i = 0; i < 4; i++) {
        int timeout = timeouts[i % 2], sends = i < 2;
        if (sends && capacity)
            continue;
        need(pipe(report) == 0);
        CHILD (pid) {
            struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
            if (!sends)
                set_capacity(getppid(), capacity);
            need(sends ? msg_send(getppid(), &m, 0, timeout) == 0
                       : msg_receive(getppid(), &r, 0, timeout) == getppid());
            need(write(report[1], "r", 1) == 1);
        }
        struct pollfd went_on = { .fd = report[0], .events = POLLIN };
        until_asleep(pid);
        int early = poll(&went_on, 1, 0);
        struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
        if (sends) {
            need(msg_receive(pid, &r, 0, FOREVER) == pid);
            is_int(early, 0, "a blocking send waits for its receiver");
        } else {
            need(msg_send(pid, &m, 0, FOREVER) == 0);
            is_int(early, 0,
                   "a receiver waits when there is no message, whatever the capacity");
        }
        is_exit(wait_for(pid), 0, "and then goes on");
        close(report[0]);
        close(report[1]);
    }
}

static void with_a_partner(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
        set_capacity(getppid(), 1);
        need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
        pause();
    }
    until_receivers(pid, 1);
    struct msg m = text_msg("x");
    is_int(msg_send(pid, &m, 0, NOWAIT), 0, "NOWAIT: somebody receives");
    until_receivers(pid, 1);
    is_int(msg_send(pid, &m, 0, NOWAIT), 0, "a blocking receive waits for its message");
    is_int(msg_send(pid, &m, 0, NOWAIT), 0, "a non-blocking send goes on at once");
    is_errno(msg_send(pid, &m, 0, NOWAIT), EAGAIN, "NOWAIT: the queue is full");
    takes_20_ms(msg_send(pid, &m, 0, 20), "a full queue");
    is_int(link_of(pid).out.queued, 1, "what was accepted is in the queue");
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* IPC(1.6): messages that were taken back leave the others as they were. */
static void taken_back(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg a = text_msg("a"), b = text_msg("b"), c = text_msg("c"), r = b;
        need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
        need(msg_send(getppid(), &a, 0, NOWAIT) == 0);
        need(msg_send(getppid(), &b, MSG_SYNC, 1) == -1 && errno == ETIMEDOUT);
        need(msg_send(getppid(), &b, MSG_SYNC, NOWAIT) == -1 && errno == EAGAIN);
        need(msg_call(getppid(), &b, &r, 1) == -1 && errno == ETIMEDOUT);
        need(msg_send(getppid(), &c, 0, NOWAIT) == 0);
        need(msg_send(getppid(), &b, 0, NOWAIT) == -1 && errno == EAGAIN);
        need(msg_send(getppid(), &b, 0, 1) == -1 && errno == ETIMEDOUT);
    }
    struct msg r = { 0 };
    set_capacity(pid, 2);
    need(msg_send(pid, &r, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "sends time out, MSG_SYNC and calls too");
    is_int(link_of(pid).in.queued, 2, "two were accepted");
    r = room_msg(text, sizeof text);
    ok(msg_receive(pid, &r, 0, NOWAIT) == pid && has_body(&r, "a"),
       "the first of them");
    r = room_msg(text, sizeof text);
    ok(msg_receive(pid, &r, 0, NOWAIT) == pid && has_body(&r, "c"),
       "then the second; what failed is never delivered");
    is_errno(msg_receive(pid, &r, 0, NOWAIT), ESRCH, "no more will come");
}

/* IPC(1.6): a sender that is killed while it waits takes its message along. */
static void killed(void) {
    pid_t pid[3];
    for (int i = 0; i < 3; i++) {
        CHILD (pid[i]) {
            struct msg m = text_msg("never"), r = { 0 };
            if (i == 0)
                msg_send(getppid(), &m, 0, FOREVER);
            else if (i == 1)
                msg_send(getppid(), &m, MSG_SYNC, FOREVER);
            else
                msg_call(getppid(), &m, &r, FOREVER);
            _exit(1);
        }
        if (i == 1)
            set_capacity(pid[i], 5);
        until_asleep(pid[i]);
        kill(pid[i], SIGKILL);
        is_killed(wait_for(pid[i]), SIGKILL, "a waiting sender can be killed");
        struct msg r = room_msg(text, sizeof text);
        is_errno(msg_receive(pid[i], &r, 0, NOWAIT), ESRCH, "its message is gone");
        is_errno(msg_receive(MSG_ANY, &r, 0, NOWAIT), EAGAIN, "for anyone");
    }
}

int main(void) {
    CHILD (partner)
        pause();
    never();
    positive();
    both_wait(0);
    both_wait(3);
    with_a_partner();
    taken_back();
    killed();
    kill(partner, SIGKILL);
    wait_for(partner);
    return done_testing();
}
