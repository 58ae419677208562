/* native_msg_forward.c - IPC(2.14): "msg_forward passes a received call on: sender is
 * the forwarder, whose bytes and rights count; caller remains who waits; its wait now
 * points at `to`, and ends with ESRCH if `to` dies." We are the forwarder.
 */
#include "native.h"

static char text[64];
static pid_t front;                             /* we */

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    wait_for(pid);
}

static void handler(int sig) {
    (void)sig;
}

static void catch (int sig, int flags) {
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    need(sigaction(sig, &sa, NULL) == 0);
}

/* Calls the front and expects that answer, or that error. */
static pid_t client(const char *answer, int error) {
    pid_t pid;
    CHILD (pid) {
        struct msg q = text_msg("question"), a = room_msg(text, sizeof text);
        int got = error_of(msg_call(front, &q, &a, FOREVER));
        if (got != error)
            note("the client got %s", strerror(got));
        need(got == error && (error || has_body(&a, answer)));
        _exit(0);
    }
    return pid;
}

static struct msg take(pid_t from) {
    struct msg m = room_msg(text, sizeof text);
    need(msg_receive(from, &m, 0, FOREVER) == from);
    return m;
}

/* Takes from the front what is another's call, and answers that one. */
static pid_t worker(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = take(front), a = text_msg("from the worker");
        need(m.sender == front && m.caller != front && m.caller != 0);
        need(has_body(&m, "rewritten") && m.sequence == 1);
        need(msg_reply(front, &a) == -1 && errno == EPERM);
        need(msg_reply(m.caller, &a) == 0);
        need(msg_reply(m.caller, &a) == -1 && (errno == EPERM || errno == ESRCH));
    }
    return pid;
}

/* Something that never receives, with so much room. */
static pid_t sleeper(uint32_t capacity) {
    pid_t pid;
    CHILD (pid) {
        need(link_open(front, &(struct link_attr){ .capacity = capacity }) == 0);
        for (;;)
            pause();
    }
    while (link_of(pid).peer != pid)
        sched_yield();
    return pid;
}

static void passed_on(void) {
    struct gate go;
    pid_t c, w = worker();
    gate_init(&go);
    CHILD (c) {
        struct msg m = text_msg("question"), a = room_msg(text, sizeof text);
        need(msg_call(front, &m, &a, FOREVER) == 0 && has_body(&a, "from the worker"));
        need(a.sender == w);
        gate_wait(&go);
    }
    struct msg q = take(c), m = text_msg("rewritten");
    m.sequence = q.sequence;
    is_int(msg_forward(c, w, &m, FOREVER), 0, "a call is passed on");
    is_errno(msg_reply(c, &m), EPERM, "EPERM: it is not ours to answer any more");
    is_errno(msg_forward(c, w, &m, FOREVER), EPERM, "EPERM: nor to pass on again");
    gate_open(&go);
    is_exit(wait_for(w), 0, "the worker knows who passed it, and who waits");
    is_exit(wait_for(c), 0, "the caller has the worker's answer");
    gate_close(&go);
}

/* Along a chain, and back to where it was. */
static void chain(void) {
    pid_t c = client("after three", 0), second;
    CHILD (second) {
        struct msg m = take(front);
        need(msg_forward(m.caller, front, &m, FOREVER) == 0);
    }
    struct msg m = take(c);
    need(msg_forward(c, second, &m, FOREVER) == 0);
    m = take(second);
    ok(m.caller == c && has_body(&m, "question"), "passed on twice, back to the first");
    struct msg a = text_msg("after three");
    is_int(msg_reply(c, &a), 0, "who may answer now");
    is_exit(wait_for(c), 0, "the caller has its answer");
    is_exit(wait_for(second), 0, "the one between has gone");
}

/* "ends with ESRCH if `to` dies"; the forwarder may die. */
static void deaths(void) {
    pid_t c = client("", ESRCH), s = sleeper(5);
    struct msg m = take(c);
    need(msg_forward(c, s, &m, FOREVER) == 0);
    end(s);
    is_exit(wait_for(c), 0,
            "ESRCH: the one it was passed to dies, with it in its queue");

    c = client("", ESRCH);
    CHILD (s) {
        take(front);
        raise(SIGKILL);
    }
    m = take(c);
    need(msg_forward(c, s, &m, FOREVER) == 0);
    wait_for(s);
    is_exit(wait_for(c), 0, "ESRCH: or after it has received it");

    struct gate dead;
    pid_t middle, w;
    gate_init(&dead);
    CHILD (w) {
        struct msg r = room_msg(text, sizeof text), a = text_msg("late answer");
        gate_wait(&dead);
        need(msg_receive(MSG_ANY, &r, 0, FOREVER) > 0 && r.sender != r.caller);
        need(msg_reply(r.caller, &a) == 0);
    }
    CHILD (middle) {
        struct msg r = room_msg(text, sizeof text);
        pid_t who = msg_receive(MSG_ANY, &r, 0, FOREVER);
        need(msg_forward(who, w, &r, FOREVER) == 0);
    }
    CHILD (c) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        need(msg_call(middle, &q, &a, FOREVER) == 0 && has_body(&a, "late answer"));
    }
    // the worker has no room, so the one in the middle waits until it receives
    gate_open(&dead);
    is_exit(wait_for(middle), 0, "the forwarder is done");
    is_exit(wait_for(w), 0, "and gone, when the worker answers");
    is_exit(wait_for(c), 0, "the caller does not notice");
    gate_close(&dead);
}

/* What goes wrong leaves the call where it was. */
static void errors(void) {
    pid_t c = client("after all", 0), s = sleeper(0);
    struct msg m = take(c), bad = m, a = text_msg("after all");
    static char big[MSG_MAX + 1];
    int fd = 99;
    is_errno(msg_forward(c, s, &m, NOWAIT), EAGAIN, "EAGAIN: nobody receives there");
    is_errno(msg_forward(c, s, &m, 20), ETIMEDOUT, "ETIMEDOUT: nor soon");
    is_errno(msg_forward(c, 999999999, &m, FOREVER), ESRCH, "ESRCH: nobody there");
    is_errno(msg_forward(s, c, &m, FOREVER), EPERM, "EPERM: that one never called");
    is_errno(msg_forward(c, s, NULL, FOREVER), EFAULT, "EFAULT: no message");
    bad.body = (void *)0x1000;
    is_errno(msg_forward(c, s, &bad, 20), EFAULT, "EFAULT: no body");
    bad = (struct msg){ .body = big, .length = sizeof big };
    is_errno(msg_forward(c, s, &bad, FOREVER), EMSGSIZE, "EMSGSIZE: more than MSG_MAX");
    bad = m;
    bad.fds = &fd, bad.nfds = 1;
    is_errno(msg_forward(c, s, &bad, FOREVER), EBADF, "EBADF: no such descriptor");
    bad = m;
    bad.sequence++;
    is_errno(msg_forward(c, s, &bad, FOREVER), EPERM, "EPERM: no such call");
    struct link_attr refuse = { .refuse = 1 };
    pid_t closed;
    CHILD (closed) {
        need(link_open(front, &refuse) == 0);
        pause();
    }
    while (link_of(closed).out.refuse == 0)
        sched_yield();
    is_errno(msg_forward(c, closed, &m, FOREVER), EPERM, "EPERM: it refuses us");
    is_int(msg_reply(c, &a), 0, "after all that the call is still ours to answer");
    is_exit(wait_for(c), 0, "the caller has its answer");
    is_errno(msg_forward(c, s, &m, FOREVER), ESRCH, "ESRCH: the caller has ended");
    end(s);
    end(closed);
}

/* The worker closes the link on what waits for it. */
static void closed(void) {
    struct gate go;
    pid_t c, w;
    gate_init(&go);
    CHILD (c) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        need(msg_call(front, &q, &a, FOREVER) == 0 && has_body(&a, "after all"));
    }
    CHILD (w) {
        gate_wait(&go);
        while (link_of(front).in.waiting_senders == 0)
            sched_yield();
        need(link_close(front) == 0);
    }
    struct msg m = take(c), a = text_msg("after all");
    gate_open(&go);
    is_errno(msg_forward(c, w, &m, FOREVER), EPIPE,
             "EPIPE: the worker closes the link");
    is_int(msg_reply(c, &a), 0, "the call is still ours");
    is_exit(wait_for(c), 0, "the caller has its answer");
    wait_for(w);
    gate_close(&go);
}

/* The caller gives up or dies while its call is with us, or on its way from us. */
static void caller_goes(void) {
    struct gate ended, go;
    pid_t c, s = sleeper(0);
    gate_init(&ended);
    gate_init(&go);
    CHILD (c) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        while (msg_call(front, &q, &a, 30) == -1 && link_of(front).out.received == 0)
            ;
        gate_open(&ended);
        gate_wait(&go);
    }
    struct msg m = take(c);
    gate_wait(&ended);
    is_errno(msg_forward(c, s, &m, FOREVER), ECANCELED,
             "ECANCELED: the caller gave up");
    gate_open(&go);
    wait_for(c);

    for (int dies = 0; dies < 2; dies++) {
        pid_t hit;
        catch (SIGUSR1, 0);
        c = client("", EINTR);
        m = take(c);
        CHILD (hit) {
            until_asleep(front);
            kill(c, dies ? SIGKILL : SIGUSR1);
        }
        int error = error_of(msg_forward(c, s, &m, FOREVER));
        ok(error == ECANCELED || (dies && error == ESRCH),
           "ECANCELED: it %s while we wait for the worker", dies ? "dies" : "gives up");
        wait_for(hit);
        wait_for(c);
        struct link_stat stat = link_of(s);
        ok(stat.out.waiting_senders == 0 && stat.out.accepted == 0,
           "the message is taken back");
    }
    end(s);
    gate_close(&ended);
    gate_close(&go);
}

/* A call that waits in the worker's queue, and whose caller gives up: the worker never
 * sees it. */
static void taken_back(void) {
    pid_t c, w;
    struct gate go;
    gate_init(&go);
    CHILD (w) {
        set_capacity(front, 5);
        gate_wait(&go);
        struct msg m = take(front);
        need(has_body(&m, "plain"));
    }
    while (link_of(w).out.capacity != 5)
        sched_yield();
    c = client("", 0);
    struct msg m = take(c), plain = text_msg("plain");
    need(msg_forward(c, w, &m, FOREVER) == 0 && link_of(w).out.queued == 1);
    end(c);
    is_int(link_of(w).out.queued, 0, "a forwarded call goes with its caller");
    need(msg_send(w, &plain, 0, FOREVER) == 0);
    gate_open(&go);
    is_exit(wait_for(w), 0, "the worker sees only what came after");
    gate_close(&go);
}

/* IPC(1.5): a request that was received and passed on was received: no restart. */
static void interrupted(void) {
    pid_t c, s = sleeper(5);
    catch (SIGUSR1, SA_RESTART);
    CHILD (c) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        _exit(error_of(msg_call(front, &q, &a, FOREVER)));
    }
    struct msg m = take(c);
    need(msg_forward(c, s, &m, FOREVER) == 0);
    is_exit(signal_to_the_end(c, SIGUSR1), EINTR, "EINTR for a caller passed on");
    end(s);

    // the forwarder's own wait is a send like others
    c = client("late", 0);
    m = take(c);
    s = sleeper(0);
    catch (SIGALRM, 0);
    pid_t poker, self = getpid();
    CHILD (poker)
        for (;;) {
            until_asleep(self);
            kill(self, SIGALRM);
            sched_yield();
        }
    is_errno(msg_forward(c, s, &m, FOREVER), EINTR,
             "EINTR: a signal for the forwarder");
    kill(poker, SIGKILL);
    wait_for(poker);
    m = text_msg("late");
    is_int(msg_reply(c, &m), 0, "the call is still ours");
    is_exit(wait_for(c), 0, "the caller has its answer");
    end(s);
}

/* A caller whose call was passed on gives up, and calls again by the short way: that
 * first call, and what its message lay in, are nobody's business any more. IPC(9.1). */
static void calls_again(void) {
    struct gate go, give_up, again;
    pid_t c, w, other;
    gate_init(&go);
    gate_init(&give_up);
    gate_init(&again);
    catch (SIGUSR1, 0);
    CHILD (w) {
        set_capacity(front, 5);
        gate_wait(&go);
        for (int i = 0; i < 2; i++) {
            struct msg m = room_msg(text, sizeof text), a = text_msg("yours");
            pid_t from = msg_receive(MSG_ANY, &m, 0, FOREVER);
            need(from == front ? has_body(&m, "plain") : msg_reply(from, &a) == 0);
        }
    }
    while (link_of(w).out.capacity != 5)
        sched_yield();
    CHILD (other) {
        struct msg q = text_msg("question"), r = room_msg(text, sizeof text);
        set_capacity(w, 1);     // there is a link: the call needs its message only
        gate_wait(&give_up);
        need(msg_call(w, &q, &r, FOREVER) == 0 && has_body(&r, "yours"));
        _exit(0);
    }
    until_asleep(other);
    CHILD (c) {
        struct msg q = text_msg("question"), a = room_msg(text, sizeof text);
        need(msg_call(front, &q, &a, FOREVER) == 0);
        until_asleep(front);
        need(msg_call(front, &q, &a, FOREVER) == -1 && errno == EINTR);
        gate_wait(&again);
        until_asleep(front);
        need(msg_call(front, &q, &a, FOREVER) == 0 && has_body(&a, "answer"));
    }
    struct msg m = room_msg(text, sizeof text), a = text_msg("answer"), p = m;
    need(msg_reply_receive(0, &m, &m, FOREVER) == c);
    need(msg_reply_receive(c, &a, &m, FOREVER) == c);
    need(msg_forward(c, w, &m, FOREVER) == 0);
    until_asleep(c);
    kill(c, SIGUSR1);
    while (link_of(w).out.queued != 0)
        sched_yield();
    gate_open(&give_up);
    until_asleep(other);
    gate_open(&again);
    need(msg_reply_receive(0, &p, &p, FOREVER) == c);
    is_int(msg_reply(c, &a), 0, "its next call is answered");
    is_exit(wait_for(c), 0, "it has the answer");
    p = text_msg("plain");
    need(msg_send(w, &p, 0, FOREVER) == 0);
    gate_open(&go);
    is_exit(wait_for(w), 0, "the worker answers what queued there meanwhile");
    is_exit(wait_for(other), 0, "whose caller has its answer");
    gate_close(&go);
    gate_close(&give_up);
    gate_close(&again);
}

int main(void) {
    front = getpid();
    passed_on();
    chain();
    deaths();
    errors();
    closed();
    caller_goes();
    taken_back();
    interrupted();
    calls_again();
    return done_testing();
}
