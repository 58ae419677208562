/* native_msg_call.c - calls and their answers: IPC(2.10) msg_call, 2.11 msg_reply, 2.12
 * answers that do not fit, 2.13 msg_reply_receive.
 */
/* FEATURE(114): reply and receive in one step */
#include "native.h"

#include <pthread.h>
#include <sys/resource.h>

static char text[64];
static pid_t parent;

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* A child that calls us with this text and expects that answer, or that error. */
static pid_t caller(const char *question, const char *answer, int error) {
    pid_t pid;
    CHILD (pid) {
        struct msg q = text_msg(question), a = room_msg(text, sizeof text);
        q.type = 11;
        q.priority = 4;
        int got = error_of(msg_call(parent, &q, &a, FOREVER));
        if (got != error)
            note("the caller of \"%s\" got %s", question, strerror(got));
        need(got == error);
        need(error
             || (has_body(&a, answer) && a.sender == parent && a.caller == 0
                 && a.receiver == getpid() && a.mailbox == 0));
    }
    return pid;
}

static struct msg receive(pid_t from) {
    struct msg m = room_msg(text, sizeof text);
    need(msg_receive(from, &m, 0, FOREVER) == from);
    return m;
}

/* IPC(2.10): "msg_call sends, and waits for the answer to this very request. The
 * request says so in `caller`." */
static void simple(void) {
    pid_t pid = caller("question", "answer", 0);
    struct msg m = receive(pid), a = text_msg("answer");
    ok(m.caller == pid && m.sender == pid, "the request says who waits for an answer");
    ok(has_body(&m, "question") && m.type == 11 && m.priority == 4 && m.sequence == 1,
       "and is a message like others");
    is_int(link_of(pid).calls, 1, "the link knows of the call");
    is_int(msg_reply(pid, &a), 0, "msg_reply");
    is_exit(wait_for(pid), 0, "the caller has the answer");
}

/* IPC(2.10): other messages of the server's are no answer. */
static void this_very_request(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        set_capacity(parent, 5);
        need(msg_call(parent, &q, &a, FOREVER) == 0 && has_body(&a, "answer"));
        a = receive(parent);
        need(has_body(&a, "other") && a.caller == 0 && a.sequence == 1);
        a = receive(parent);
        need(has_body(&a, "end") && a.sequence == 2);
    }
    struct msg m = receive(pid), other = text_msg("other"), a = text_msg("answer");
    is_int(msg_send(pid, &other, 0, FOREVER), 0,
           "a message to one who waits in a call");
    is_int(link_of(pid).out.queued, 1, "stays in the queue");
    is_int(msg_reply(pid, &a), 0, "the answer goes to the call");
    m = text_msg("end");
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "each has come where it belongs");
}

/* IPC(2.10): "One time-out covers both phases." */
static void timeouts(void) {
    struct gate ended, go;
    pid_t pid;
    gate_init(&ended);
    gate_init(&go);
    CHILD (pid) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        need(msg_call(parent, &q, &a, 1) == -1 && errno == ETIMEDOUT);
        gate_open(&ended);
        // the next one is received; it must last until then, so it is tried again
        while (msg_call(parent, &q, &a, 30) == -1 && errno == ETIMEDOUT)
            if (link_of(parent).out.received > 0)
                break;
        gate_open(&ended);
        gate_wait(&go);
    }
    gate_wait(&ended);
    struct msg m = receive(pid);
    ok(m.caller == pid, "the first phase can time out, and the message is gone");
    gate_try(&ended);
    is_errno(msg_reply(pid, &m), ECANCELED, "the second phase, too: ECANCELED");
    gate_open(&go);
    is_exit(wait_for(pid), 0, "one time-out covers both phases");
    gate_close(&ended);
    gate_close(&go);
}

/* Two threads of one process call; the first question is answered last. */
static void *call_first(void *unused) {
    struct msg q = text_msg("first"), a = room_msg(text, sizeof text);
    need(msg_call(parent, &q, &a, FOREVER) == 0 && has_body(&a, "to the first"));
    return unused;
}

static pid_t two_callers(void) {
    pid_t pid;
    CHILD (pid) {
        static char other[64];
        pthread_t thread;
        struct msg q = text_msg("second"), a = room_msg(other, sizeof other);
        need(pthread_create(&thread, NULL, call_first, NULL) == 0);
        while (link_of(parent).calls != 1)
            sched_yield();
        need(msg_call(parent, &q, &a, FOREVER) == 0 && has_body(&a, "to the second"));
        need(pthread_join(thread, NULL) == 0);
    }
    while (link_of(pid).calls != 2)
        sched_yield();
    return pid;
}

/* IPC(2.11): "msg_reply answers the call named by `m->sequence` (0: the oldest call
 * received from that process and not answered)." */
static void by_sequence(void) {
    struct msg first = text_msg("to the first"), second = text_msg("to the second");
    pid_t pid = two_callers();
    struct msg one = receive(pid);
    ok(has_body(&one, "first"), "two calls wait");
    struct msg two = receive(pid);
    second.sequence = two.sequence;
    is_int(msg_reply(pid, &second), 0, "sequence names the later call");
    first.sequence = one.sequence;
    is_int(msg_reply(pid, &first), 0, "and the earlier one");
    is_exit(wait_for(pid), 0, "each caller has its own answer");

    pid = two_callers();
    receive(pid);
    receive(pid);
    first.sequence = second.sequence = 0;
    is_int(msg_reply(pid, &first), 0, "0 names the oldest call received");
    is_int(msg_reply(pid, &second), 0, "then the next");
    is_exit(wait_for(pid), 0, "each caller has its own answer again");
}

/* IPC(2.11): "Only the process that received it, or to which it was forwarded, may
 * answer (else EPERM), once. The caller gave up: ECANCELED; died: ESRCH; a plain
 * message: EINVAL." */
static void who_may_not(void) {
    pid_t pid = caller("q", "a", 0), other;
    struct msg a = text_msg("a");
    while (link_of(pid).calls != 1)
        sched_yield();
    is_errno(msg_reply(pid, &a), EPERM, "EPERM: not received yet");
    struct msg m = receive(pid);
    CHILD (other) {
        a.sequence = m.sequence;
        need(msg_reply(pid, &a) == -1 && errno == EPERM);
        a.sequence = 0;
        need(msg_reply(pid, &a) == -1 && errno == EPERM);
    }
    is_exit(wait_for(other), 0, "EPERM: received by somebody else");
    a.sequence = m.sequence + 1;
    is_errno(msg_reply(pid, &a), EPERM, "EPERM: no call has that number yet");
    a.sequence = m.sequence;
    need(msg_reply(pid, &a) == 0);
    is_exit(wait_for(pid), 0, "who received it may");

    struct gate go;
    gate_init(&go);
    CHILD (pid) {
        struct msg q = text_msg("q"), r = room_msg(text, sizeof text);
        need(msg_call(parent, &q, &r, FOREVER) == 0);
        gate_wait(&go);
    }
    m = receive(pid);
    a.sequence = m.sequence;
    need(msg_reply(pid, &a) == 0);
    is_errno(msg_reply(pid, &a), EPERM, "EPERM: a second time");
    a.sequence = 0;
    is_errno(msg_reply(pid, &a), EPERM, "EPERM: no call is left");
    gate_open(&go);
    wait_for(pid);
    is_errno(msg_reply(pid, &a), ESRCH, "ESRCH: it has ended");
    gate_close(&go);
}

static void no_call(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = text_msg("plain"), r = room_msg(text, sizeof text);
        need(msg_send(parent, &m, 0, FOREVER) == 0);
        need(msg_call(parent, &m, &r, FOREVER) == 0);
        need(msg_send(parent, &m, 0, FOREVER) == 0);
        pause();
    }
    struct msg a = text_msg("a"), m = receive(pid);
    a.sequence = m.sequence;
    is_errno(msg_reply(pid, &a), EINVAL, "EINVAL: a plain message");
    is_errno(msg_forward(pid, parent, &a, NOWAIT), EINVAL,
             "EINVAL: to forward it, too");
    a.sequence = 0;
    is_errno(msg_reply(pid, &a), EINVAL, "EINVAL: without a number, too");
    struct msg call = receive(pid);
    a.sequence = m.sequence;
    is_errno(msg_reply(pid, &a), EINVAL, "EINVAL: a plain one while a call waits");
    a.sequence = call.sequence;
    is_int(msg_reply(pid, &a), 0, "the call itself");
    receive(pid);
    a.sequence = 0;
    is_errno(msg_reply(pid, &a), EINVAL, "EINVAL: the newest was plain");
    end(pid);
    is_errno(msg_reply(pid, &a), ESRCH, "ESRCH: it has died");
    CHILD (pid)
        pause();
    is_errno(msg_reply(pid, &a), EPERM, "EPERM: one that never called");
    end(pid);
}

/* The caller dies while its call is with us. */
static void caller_dies(void) {
    pid_t pid = caller("q", "a", 0);
    struct msg m = receive(pid);
    end(pid);
    is_errno(msg_reply(pid, &m), ESRCH, "ESRCH: the caller died");
    pid = caller("q", "a", 0);
    m = receive(pid);
    kill(pid, SIGKILL);
    until_state(pid, 'Z');
    is_errno(msg_reply(pid, &m), ESRCH, "ESRCH: though nobody has waited for it yet");
    wait_for(pid);
}

/* IPC(2.5), section 8: "ECANCELED when the server gave the call up by link_close". */
static void server_gives_up(void) {
    pid_t pid = caller("q", "", ECANCELED);
    struct msg m = receive(pid);
    is_int(link_close(pid), 0, "the server closes the link");
    is_exit(wait_for(pid), 0, "ECANCELED: the server gave the call up");
    is_errno(msg_reply(pid, &m), ESRCH, "and has nobody to answer any more");
}

/* IPC(2.12): "A reply that does not fit its caller (EMSGSIZE, EFAULT, EMFILE) ends the
 * caller's call with that error; msg_reply returns 0." */
static void does_not_fit(void) {
    static const int errors[] = { EMSGSIZE, EFAULT, EFAULT, EMFILE };
    static const char *const why[] = { "room", "a bad body", "a bad header",
                                       "a full table" };
    for (int i = 0; i < 4; i++) {
        pid_t pid;
        CHILD (pid) {
            struct msg q = text_msg("q"), *a = shared_memory(4096);
            struct rlimit limit = { 3, 3 };
            int fds[MSG_FDS_MAX];
            *a = room_msg(text, i == 0 ? 9 : 64);
            if (i == 1)
                a->body = (void *)0xc0000000u;
            if (i == 2)
                need(mprotect(a, 4096, PROT_READ) == 0);
            else if (i == 3)
                a->fds = fds;
            need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
            need(msg_call(parent, &q, a, FOREVER) == -1 && errno == errors[i]);
            need(i > 0 || a->length == 10);
        }
        receive(pid);
        int fd = 0;
        struct msg a = text_msg("ten bytes.");
        a.fds = &fd;
        a.nfds = i == 3;
        is_int(msg_reply(pid, &a), 0, "%s: the replier need not care", why[i]);
        is_exit(wait_for(pid), 0, "%s: the caller gets %s", why[i],
                strerror(errors[i]));
    }
}

/* What is wrong with the reply itself is the replier's error; the call goes on. */
static void bad_replies(void) {
    pid_t pid = caller("q", "a", 0);
    receive(pid);
    struct msg a = { .body = (void *)0x1000, .length = 4 };
    is_errno(msg_reply(pid, &a), EFAULT, "EFAULT: the replier's body");
    static char big[MSG_MAX + 1];
    a = (struct msg){ .body = big, .length = MSG_MAX + 1 };
    is_errno(msg_reply(pid, &a), EMSGSIZE, "EMSGSIZE: more than MSG_MAX");
    int fd = 99;
    a = text_msg("a");
    a.fds = &fd, a.nfds = 1;
    is_errno(msg_reply(pid, &a), EBADF, "EBADF: no such descriptor");
    a.nfds = 0;
    is_errno(msg_reply_receive(pid, &a, (struct msg *)0x1000, NOWAIT), EFAULT,
             "EFAULT: no header for the next one, and nothing has happened");
    is_int(msg_reply(pid, &a), 0, "a good one after all");
    is_exit(wait_for(pid), 0, "the call went on");
}

/* IPC(2.13): "msg_reply_receive replies and then receives from MSG_ANY in one step;
 * `caller` 0 only receives; ... `reply` and `next` may be the same object." */
static void reply_receive(void) {
    pid_t one = caller("one", "one", 0), two;
    while (link_of(one).calls != 1)
        sched_yield();
    two = caller("two", "two", 0);
    struct msg m = room_msg(text, sizeof text);
    is_int(msg_reply_receive(0, NULL, &m, FOREVER), one, "caller 0 only receives");
    is_int(msg_reply_receive(one, &m, &m, FOREVER), two,
           "reply and receive in one step");
    ok(has_body(&m, "two") && m.caller == two, "reply and next are the same object");
    is_exit(wait_for(one), 0, "the first has its answer");
    is_errno(msg_reply_receive(two, &m, &m, NOWAIT), EAGAIN,
             "EAGAIN: there is nothing to receive");
    is_exit(wait_for(two), 0, "but the reply was delivered");
}

/* IPC(2.13): "a reply that can no longer be delivered is dropped and the receive goes
 * on." */
static void dropped(void) {
    struct gate ended, go;
    pid_t pid = caller("q", "a", 0), next = caller("next", "next", 0), gone;
    struct msg m = receive(pid);
    end(pid);
    is_int(msg_reply_receive(pid, &m, &m, FOREVER), next,
           "the caller died: the reply is dropped");
    gate_init(&ended);
    gate_init(&go);
    CHILD (gone) {
        struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
        while (msg_call(parent, &q, &a, 30) == -1 && link_of(parent).out.received == 0)
            ;
        gate_open(&ended);
        gate_wait(&go);
    }
    struct msg n = receive(gone);
    gate_wait(&ended);
    n.length = 0;
    is_errno(msg_reply_receive(gone, &n, &n, NOWAIT), EAGAIN,
             "the caller gave up: it is dropped, too");
    gate_open(&go);
    wait_for(gone);
    m = text_msg("next");
    need(msg_reply(next, &m) == 0);
    is_exit(wait_for(next), 0, "the receive went on");
    gate_close(&ended);
    gate_close(&go);
}

int main(void) {
    parent = getpid();
    simple();
    this_very_request();
    timeouts();
    by_sequence();
    who_may_not();
    no_call();
    caller_dies();
    server_gives_up();
    does_not_fit();
    bad_replies();
    reply_receive();
    dropped();
    return done_testing();
}
