/* native_msg_signal.c - IPC(1.5): "A caught signal ends a wait with EINTR. With
 * SA_RESTART and FOREVER the call restarts, except where that would do something twice:
 * msg_call once its request was received, and msg_reply_receive once its reply was
 * delivered, always end with EINTR."
 */
#include "native.h"

#include <poll.h>

static char text[64];
static int handled[2];                          /* a pipe: the handler ran */

static void handler(int sig) {
    (void)sig;
    need(write(handled[1], "h", 1) == 1);
}

static void catch (int flags) {
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
}

static void forget_handled(void) {
    need(fcntl(handled[0], F_SETFL, O_NONBLOCK) == 0);
    while (read(handled[0], text, sizeof text) > 0)
        ;
    need(fcntl(handled[0], F_SETFL, 0) == 0);
}

/* --- what the child waits in; its partner is the parent --------------------------- */

static long in_receive(int timeout) {
    struct msg r = room_msg(text, sizeof text);
    return msg_receive(getppid(), &r, 0, timeout);
}

static long in_receive_any(int timeout) {
    struct msg r = room_msg(text, sizeof text);
    return msg_receive(MSG_ANY, &r, 0, timeout);
}

static long in_receive_type(int timeout) {
    struct msg r = room_msg(text, sizeof text);
    r.type = 7;
    return msg_receive(getppid(), &r, MSG_TYPE, timeout);
}

static long in_reply_receive(int timeout) {
    struct msg r = room_msg(text, sizeof text);
    return msg_reply_receive(0, &r, &r, timeout);
}

static long in_send(int timeout) {
    struct msg m = text_msg("sent");
    return msg_send(getppid(), &m, 0, timeout);
}

static long in_sync_send(int timeout) {
    struct msg m = text_msg("sent");
    return msg_send(getppid(), &m, MSG_SYNC, timeout);
}

static long in_call(int timeout) {
    struct msg m = text_msg("sent"), r = room_msg(text, sizeof text);
    return msg_call(getppid(), &m, &r, timeout);
}

/* --- what the parent does so that it ends ----------------------------------------- */

static void send_to(pid_t pid) {
    struct msg m = text_msg("x");
    m.type = 7;
    msg_send(pid, &m, 0, FOREVER);
}

static void receive_from(pid_t pid) {
    struct msg r = room_msg(text, sizeof text);
    msg_receive(pid, &r, 0, FOREVER);
}

static void answer(pid_t pid) {
    struct msg r = room_msg(text, sizeof text);
    if (msg_receive(pid, &r, 0, FOREVER) == pid)
        msg_reply(pid, &r);
}

static const struct {
    const char *name;
    long (*wait)(int timeout);
    void (*finish)(pid_t pid);
} waits[] = {
    { "msg_receive", in_receive, send_to },
    { "msg_receive MSG_ANY", in_receive_any, send_to },
    { "msg_receive MSG_TYPE", in_receive_type, send_to },
    { "msg_reply_receive without a reply", in_reply_receive, send_to },
    { "msg_send", in_send, receive_from },
    { "msg_send MSG_SYNC", in_sync_send, receive_from },
    { "msg_call, not received", in_call, answer },
};
enum { WAITS = sizeof waits / sizeof *waits };

static pid_t start(int i, int timeout) {
    pid_t pid;
    CHILD (pid)
        _exit(error_of(waits[i].wait(timeout)));
    if (waits[i].wait == in_sync_send)
        set_capacity(pid, 3);
    return pid;
}

/* Nothing of a call that ended is left: nothing arrives from this dead child. */
static void nothing_left(pid_t pid, const char *name) {
    struct msg r = room_msg(text, sizeof text);
    is_errno(msg_receive(pid, &r, 0, NOWAIT), ESRCH, "%s: and nothing is left", name);
}

static void interrupted(void) {
    for (int i = 0; i < WAITS; i++) {
        catch (0);
        pid_t pid = start(i, FOREVER);
        is_exit(signal_to_the_end(pid, SIGUSR1), EINTR, "%s: EINTR", waits[i].name);
        nothing_left(pid, waits[i].name);
        catch (SA_RESTART);
        pid = start(i, 1000000);
        is_exit(signal_to_the_end(pid, SIGUSR1), EINTR,
                "%s: EINTR, whatever SA_RESTART, when there is a time-out",
                waits[i].name);
        nothing_left(pid, waits[i].name);
        forget_handled();
    }
}

/* Waits until the child sleeps, signals it, and waits until its handler has run; or
 * until it has ended, which it should not have. */
static void signal_once(pid_t pid) {
    struct pollfd ran = { .fd = handled[0], .events = POLLIN };
    char c;
    until_asleep(pid);
    need(kill(pid, SIGUSR1) == 0);
    while (poll(&ran, 1, 0) == 0 && state_of(pid) != 'Z')
        sched_yield();
    need(!ran.revents || read(handled[0], &c, 1) == 1);
}

static void restarted(void) {
    catch (SA_RESTART);
    for (int i = 0; i < WAITS; i++) {
        pid_t pid = start(i, FOREVER);
        signal_once(pid);
        signal_once(pid);
        waits[i].finish(pid);
        is_exit(wait_for(pid), 0, "%s: SA_RESTART and FOREVER go on", waits[i].name);
        nothing_left(pid, waits[i].name);
    }
}

static void stop_and_continue(pid_t pid) {
    int status;
    kill(pid, SIGSTOP);
    need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    kill(pid, SIGCONT);
    need(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
}

/* Blocked and ignored signals do not end a wait; stopping and continuing do not. */
static void not_caught(int timeout) {
    for (int i = 0; i < WAITS; i++) {
        sigset_t set, old;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        catch (0);
        need(sigprocmask(SIG_BLOCK, &set, &old) == 0);
        pid_t pid = start(i, timeout);
        need(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
        until_asleep(pid);
        kill(pid, SIGUSR1);
        kill(pid, SIGURG);
        stop_and_continue(pid);
        until_asleep(pid);
        waits[i].finish(pid);
        is_exit(wait_for(pid), 0,
                "%s: blocked, ignored, stopped and continued: no EINTR", waits[i].name);
        nothing_left(pid, waits[i].name);
    }
}

/* Nor where a restart would do something twice; and what comes meanwhile is kept. */
static void stopped_when_half_done(void) {
    struct msg q = text_msg("q"), r = room_msg(text, sizeof text);
    int status;
    pid_t pid;
    catch (0);
    CHILD (pid)
        _exit(error_of(in_call(FOREVER)));
    need(msg_receive(pid, &r, 0, FOREVER) == pid);
    stop_and_continue(pid);
    kill(pid, SIGSTOP);
    need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    is_int(msg_reply(pid, &r), 0, "a caller that is stopped is answered");
    is_int(waitpid(pid, &status, WNOHANG), 0, "and does not go on yet");
    kill(pid, SIGCONT);
    is_exit(wait_for(pid), 0, "msg_call, received, stopped and continued: no EINTR");

    CHILD (pid) {
        struct msg own = room_msg(text, sizeof text);
        pid_t who = msg_receive(getppid(), &own, 0, FOREVER);
        _exit(error_of(msg_reply_receive(who, &own, &own, FOREVER)));
    }
    need(msg_call(pid, &q, &r, FOREVER) == 0);
    until_asleep(pid);
    stop_and_continue(pid);
    send_to(pid);
    is_exit(wait_for(pid), 0,
            "msg_reply_receive, reply delivered, stopped and continued: no EINTR");
}

/* The request was received: a restart would make a second one. */
static void call_received(int flags, const char *name) {
    catch (flags);
    pid_t pid;
    CHILD (pid)
        _exit(error_of(in_call(FOREVER)));
    struct msg r = room_msg(text, sizeof text);
    need(msg_receive(pid, &r, 0, FOREVER) == pid && r.caller == pid);
    is_exit(signal_to_the_end(pid, SIGUSR1), EINTR, "%s: msg_call, received: EINTR",
            name);
    nothing_left(pid, name);
    forget_handled();
}

/* A reply was delivered: a restart would make it twice. The server is the child. */
static void reply_delivered(int flags, const char *name) {
    catch (flags);
    pid_t pid;
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        pid_t who = msg_receive(getppid(), &r, 0, FOREVER);
        need(who == getppid());
        _exit(error_of(msg_reply_receive(who, &r, &r, FOREVER)));
    }
    struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
    need(msg_call(pid, &q, &a, FOREVER) == 0);
    is_exit(signal_to_the_end(pid, SIGUSR1), EINTR,
            "%s: msg_reply_receive, reply delivered: EINTR", name);
    forget_handled();
}

/* IPC(2.13): a reply that was dropped was not delivered, so the call restarts. */
static void reply_dropped(void) {
    struct gate given_up;
    pid_t pid;
    catch (SA_RESTART);
    gate_init(&given_up);
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        pid_t who = msg_receive(getppid(), &r, 0, FOREVER);
        gate_wait(&given_up);
        who = msg_reply_receive(who, &r, &r, FOREVER);
        _exit(who == getppid() && has_body(&r, "x") ? 0 : error_of(who));
    }
    struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
    while (msg_call(pid, &q, &a, 20) == -1 && link_of(pid).out.received == 0)
        ;
    gate_open(&given_up);
    signal_once(pid);
    signal_once(pid);
    send_to(pid);
    is_exit(wait_for(pid), 0, "msg_reply_receive, reply dropped: SA_RESTART goes on");
    gate_close(&given_up);
}

/* IPC(2.11): "The caller gave up: ECANCELED". */
static void reply_to_an_interrupted_call(void) {
    struct gate ended, go;
    pid_t pid;
    catch (0);
    gate_init(&ended);
    gate_init(&go);
    CHILD (pid) {
        need(in_call(FOREVER) == -1 && errno == EINTR);
        gate_open(&ended);
        gate_wait(&go);
    }
    struct msg r = room_msg(text, sizeof text);
    need(msg_receive(pid, &r, 0, FOREVER) == pid);
    signal_once(pid);
    gate_wait(&ended);
    is_errno(msg_reply(pid, &r), ECANCELED,
             "the answer to a call that a signal has ended is ECANCELED");
    gate_open(&go);
    is_exit(wait_for(pid), 0, "the caller has gone on");
    gate_close(&ended);
    gate_close(&go);
}

int main(void) {
    need(pipe(handled) == 0);
    interrupted();
    restarted();
    not_caught(FOREVER);
    not_caught(100000);
    stopped_when_half_done();
    call_received(0, "no flags");
    call_received(SA_RESTART, "SA_RESTART");
    reply_delivered(0, "no flags");
    reply_delivered(SA_RESTART, "SA_RESTART");
    reply_dropped();
    reply_to_an_interrupted_call();
    return done_testing();
}
