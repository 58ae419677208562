/* native_msg_deadlock.c - IPC(2.17): "Deadlock: a FOREVER wait that would close a
 * circle of single-threaded processes (oneself included), each waiting FOREVER for
 * exactly the next over links and calls, fails with EDEADLK instead of starting."
 */
/* FEATURE(120): two in a circle: the second one is told EDEADLK */
#include "native.h"

#include <pthread.h>

static char text[64];
static pid_t self;

/* The ways to wait for exactly one other. */
enum way { RECEIVE, SEND, SYNC, CALL, FULL };
static const char *const names[] = { "receive", "send", "sync", "call", "full queue" };

/* Waits; error_of it. Whoever stands for FULL has filled the queue before. */
static int wait_in(enum way way, pid_t partner, int timeout) {
    struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
    switch (way) {
    case RECEIVE: return error_of(msg_receive(partner, &r, 0, timeout));
    case SYNC: return error_of(msg_send(partner, &m, MSG_SYNC, timeout));
    case CALL: return error_of(msg_call(partner, &m, &r, timeout));
    default: return error_of(msg_send(partner, &m, 0, timeout));
    }
}

/* Whether two that wait for each other in these ways are stuck: not when one receives
 * what the other sends. */
static int stuck(enum way a, enum way b) {
    return (a == RECEIVE) == (b == RECEIVE);
}

/* IPC(2.17): "oneself included". */
static void one(void) {
    for (enum way way = RECEIVE; way <= CALL; way++) {
        is_int(wait_in(way, self, FOREVER), EDEADLK, "oneself: %s is EDEADLK",
               names[way]);
        is_int(wait_in(way, self, 1), ETIMEDOUT, "oneself: %s with a time-out is not",
               names[way]);
    }
    struct msg m = text_msg("to myself"), r = room_msg(text, sizeof text);
    set_capacity(self, 1);
    is_int(msg_send(self, &m, 0, FOREVER), 0, "oneself: there is room");
    is_errno(msg_send(self, &m, 0, FOREVER), EDEADLK, "oneself: there is none");
    is_errno(msg_send(self, &m, MSG_SYNC, FOREVER), EDEADLK, "oneself: MSG_SYNC");
    is_int(msg_receive(self, &r, 0, FOREVER), self, "oneself: receiving what is there");
    ok(has_body(&r, "to myself") && r.sequence == 1, "which is the message");
    need(link_close(self) == 0);
}

/* A child that waits for us in this way, for ever; it may end in any way. */
static pid_t waiting(enum way way) {
    pid_t pid;
    CHILD (pid) {
        if (way == FULL)
            need(wait_in(SEND, self, FOREVER) == 0);
        wait_in(way, self, FOREVER);
    }
    if (way == FULL)
        set_capacity(pid, 1);
    return pid;
}

static void until_waiting(pid_t pid, enum way way) {
    for (;;) {
        struct link_stat s = link_of(pid);
        if (way == RECEIVE
                ? s.out.waiting_receivers
                : s.in.waiting_senders + s.calls && s.in.queued == (way == FULL))
            break;
        sched_yield();
    }
    until_asleep(pid);
}

/* All pairs of ways. Where the circle is stuck, we are told; else it resolves. */
static void two(void) {
    for (enum way theirs = RECEIVE; theirs <= FULL; theirs++)
        for (enum way ours = RECEIVE; ours <= CALL; ours++) {
            if ((ours == CALL && theirs == RECEIVE)
                || (ours == RECEIVE && theirs == CALL))
                continue;                               // these go on: see calls()
            pid_t pid = waiting(theirs);
            until_waiting(pid, theirs);
            if (stuck(theirs, ours))
                is_int(wait_in(ours, pid, FOREVER), EDEADLK, "%s meets %s: EDEADLK",
                       names[ours], names[theirs]);
            else
                is_int(wait_in(ours, pid, FOREVER), 0, "%s meets %s: they go on",
                       names[ours], names[theirs]);
            kill(pid, SIGKILL);
            wait_for(pid);
            wait_in(RECEIVE, pid, NOWAIT);              // what it left in a queue
        }
}

/* A call is a send first, and then a wait for exactly that one. */
static void calls(void) {
    struct msg m = text_msg("q"), r = room_msg(text, sizeof text);
    pid_t pid = waiting(CALL);
    until_waiting(pid, CALL);
    is_int(msg_receive(pid, &r, 0, FOREVER), pid, "a call can be received, of course");
    is_errno(msg_receive(pid, &r, 0, FOREVER), EDEADLK,
             "two in a circle: the second one is told EDEADLK");
    is_errno(msg_call(pid, &m, &r, FOREVER), EDEADLK, "to call back is a circle");
    is_errno(msg_send(pid, &m, 0, FOREVER), EDEADLK, "to send before the answer, too");
    is_errno(msg_send(pid, &m, 0, NOWAIT), EAGAIN, "what does not wait is not");
    is_errno(msg_receive(pid, &r, 0, 1), ETIMEDOUT, "nor what waits for a time");
    is_errno(msg_receive(MSG_ANY, &r, 0, 1), ETIMEDOUT, "nor for anyone");
    m.sequence = 0;
    is_int(msg_reply(pid, &m), 0, "the way out is the answer");
    is_exit(wait_for(pid), 0, "nothing of this has hurt the other");

    CHILD (pid) {
        struct msg n = room_msg(text, sizeof text);
        need(msg_receive(self, &n, 0, FOREVER) == self && msg_reply(self, &n) == 0);
    }
    until_receivers(pid, 1);
    is_int(msg_call(pid, &m, &r, FOREVER), 0, "a call to one who waits for it goes on");
    wait_for(pid);
}

/* Who waits for a time, for anyone, or in a process with other threads, may still be
 * helped: no circle. */
static void *idle(void *gate) {
    gate_wait(gate);
    return NULL;
}

static void no_circle(void) {
    static const char *const why[] = { "it waits for a time", "it waits for anyone",
                                       "it has another thread",
                                       "it sleeps elsewhere" };
    for (int i = 0; i < 4; i++) {
        struct gate go;
        pid_t pid;
        gate_init(&go);
        CHILD (pid) {
            pthread_t thread;
            struct msg r = room_msg(text, sizeof text);
            need(link_open(self, NULL) == 0);
            if (i == 2)
                need(pthread_create(&thread, NULL, idle, &go) == 0);
            if (i == 0 || i == 2)
                msg_receive(self, &r, 0, i == 0 ? 1000000 : FOREVER);
            else if (i == 1)
                msg_receive(MSG_ANY, &r, 0, FOREVER);
            else
                gate_wait(&go);
        }
        while (link_of(pid).peer != pid)
            sched_yield();
        until_asleep(pid);
        struct msg r = room_msg(text, sizeof text);
        is_errno(msg_receive(pid, &r, 0, 1), ETIMEDOUT, "no circle: %s", why[i]);
        pid_t waker, partner = pid;
        CHILD (waker) {
            until_asleep(self);
            kill(partner, SIGKILL);
        }
        is_errno(msg_receive(pid, &r, 0, FOREVER), ESRCH, "no EDEADLK: %s", why[i]);
        wait_for(pid);
        wait_for(waker);
        gate_close(&go);
    }
}

/* Three: the second waits for the third, the third for us. Each way at each place. */
static void three(void) {
    for (enum way a = RECEIVE; a <= CALL; a++)
        for (enum way b = RECEIVE; b <= CALL; b++) {
            pid_t third = waiting(a), second;
            until_waiting(third, a);
            CHILD (second)
                wait_in(b, third, FOREVER);
            until_asleep(second);
            is_int(wait_in(b == RECEIVE ? SEND : RECEIVE, second, FOREVER), EDEADLK,
                   "three: %s, %s", names[b], names[a]);
            need(state_of(second) == 'S' && state_of(third) == 'S');
            kill(second, SIGKILL);
            kill(third, SIGKILL);
            wait_for(second);
            wait_for(third);
        }
}

/* A call that was passed on waits for the one it was passed to. */
static void forwarded(void) {
    pid_t front, caller;
    struct msg r = room_msg(text, sizeof text), q = text_msg("q");
    CHILD (front) {
        struct msg m = room_msg(text, sizeof text);
        pid_t who = msg_receive(MSG_ANY, &m, 0, FOREVER);
        need(msg_forward(who, self, &m, FOREVER) == 0);
        pause();
    }
    CHILD (caller) {
        struct msg a = room_msg(text, sizeof text);
        need(msg_call(front, &q, &a, FOREVER) == 0);
    }
    is_int(msg_receive(front, &r, 0, FOREVER), front, "a call was passed on to us");
    is_int(r.caller, caller, "its caller now waits for us");
    is_errno(msg_receive(caller, &r, 0, FOREVER), EDEADLK, "EDEADLK: to wait for him");
    is_errno(msg_receive(front, &r, 0, 1), ETIMEDOUT, "but not for the one between");
    is_int(msg_reply(caller, &q), 0, "the way out is the answer");
    is_exit(wait_for(caller), 0, "again");
    kill(front, SIGKILL);
    wait_for(front);
}

/* To pass a call on to one who waits for its caller, or to the caller itself, would
 * close a circle without us in it. */
static void forwarding_makes_a_circle(void) {
    pid_t caller, other;
    struct msg r = room_msg(text, sizeof text);
    CHILD (caller) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        need(msg_call(self, &q, &a, FOREVER) == 0);
    }
    CHILD (other)
        wait_in(RECEIVE, caller, FOREVER);
    need(msg_receive(caller, &r, 0, FOREVER) == caller);
    until_asleep(other);
    is_errno(msg_forward(caller, caller, &r, FOREVER), EDEADLK,
             "EDEADLK: to pass a call on to its caller");
    is_errno(msg_forward(caller, other, &r, FOREVER), EDEADLK,
             "EDEADLK: or to one who waits for the caller");
    is_int(msg_reply(caller, &r), 0, "it is still ours to answer");
    is_exit(wait_for(caller), 0, "and the caller goes on");
    is_exit(wait_for(other), 0, "so does who waited for him");
}

int main(void) {
    self = getpid();
    one();
    two();
    calls();
    no_circle();
    three();
    forwarded();
    forwarding_makes_a_circle();
    return done_testing();
}
