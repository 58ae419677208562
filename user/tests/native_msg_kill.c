/* native_msg_kill.c - IPC(9.1): "What must never happen: a kernel crash, a hang of a
 * process not concerned, ... a lost wake-up, a message lost, doubled or out of order, a
 * leak after everyone has exited: whatever ... the order of events, the moment of a
 * kill". Processes are killed in every phase of a call, and at moments that only the
 * scheduler knows. The run fails if the kernel's ledger has changed.
 */
#include "native.h"

#include <poll.h>

enum { SINGLE = 60 };                           /* rounds of what chance decides */

static char text[4096];
static pid_t parent;

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* Answers for ever. Odd messages get odd answers. */
static pid_t server(uint32_t capacity) {
    struct gate ready;
    pid_t pid;
    gate_init(&ready);
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        pid_t who = 0;
        set_capacity(parent, capacity);
        gate_open(&ready);
        while ((who = msg_reply_receive(who, &m, &m, FOREVER)) > 0)
            m.nfds = 0;
    }
    gate_wait(&ready);
    gate_close(&ready);
    return pid;
}

/* Is the server as good as new? */
static int answers(pid_t to) {
    struct msg q = text_msg("alive?"), a = room_msg(text, sizeof text);
    return msg_call(to, &q, &a, FOREVER) == 0 && has_body(&a, "alive?");
}

/* A client in each phase of a call is killed: queued, received, forwarded and queued,
 * forwarded and received, answered. We are the server. */
enum phase {
    OFFERED,
    QUEUED,
    RECEIVED,
    FORWARDED,
    FORWARDED_RECEIVED,
    ANSWERED,
    PHASES
};
static const char *const phases[] = { "waits to be received", "is in the queue",
                                      "was received", "was passed on",
                                      "was passed on and received", "was answered" };

static void client_killed(enum phase phase) {
    struct msg m = room_msg(text, sizeof text);
    pid_t client, worker;
    int fd = 0;
    struct gate ready;
    gate_init(&ready);
    CHILD (worker) {
        if (phase == FORWARDED)
            set_capacity(parent, 3);
        gate_open(&ready);
        if (phase == FORWARDED_RECEIVED)
            need(msg_receive(parent, &m, 0, FOREVER) == parent);
        pause();
    }
    gate_wait(&ready);
    CHILD (client) {
        struct msg q = text_msg("killed");
        q.fds = &fd;
        q.nfds = 1;
        msg_call(parent, &q, &m, FOREVER);
        pause();
    }
    if (phase == QUEUED)
        set_capacity(client, 3);
    while (link_of(client).calls == 0)
        sched_yield();
    if (phase >= RECEIVED) {
        int fds[MSG_FDS_MAX];
        m.fds = fds;
        need(msg_receive(client, &m, 0, FOREVER) == client);
        close(fds[0]);
        m.fds = NULL;
        m.nfds = 0;
    }
    if (phase == FORWARDED || phase == FORWARDED_RECEIVED)
        need(msg_forward(client, worker, &m, FOREVER) == 0);
    if (phase == ANSWERED)
        need(msg_reply(client, &m) == 0);
    kill(client, SIGKILL);
    is_killed(wait_for(client), SIGKILL, "a client is killed when its call %s",
              phases[phase]);
    is_errno(msg_receive(client, &m, 0, NOWAIT), ESRCH, "nothing of it is left");
    is_errno(msg_reply(client, &m), ESRCH, "nobody is to be answered");
    if (phase == FORWARDED)
        is_int(link_of(worker).out.queued, 0, "nor in the worker's queue");
    end(worker);
    gate_close(&ready);
}

/* A server dies with calls in each phase. */
static void server_killed(void) {
    enum { N = 4 };
    struct gate got;
    pid_t to, clients[N];
    gate_init(&got);
    CHILD (to) {
        struct msg m = room_msg(text, sizeof text);
        set_capacity(parent, 2);
        need(msg_receive(MSG_ANY, &m, 0, FOREVER) > 0);
        need(msg_receive(MSG_ANY, &m, 0, FOREVER) > 0);
        gate_open(&got);
        pause();
    }
    for (int i = 0; i < N; i++) {
        CHILD (clients[i]) {
            struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
            _exit(error_of(msg_call(to, &q, &a, i % 2 ? FOREVER : 1000000)));
        }
        until_asleep(clients[i]);
    }
    gate_wait(&got);
    end(to);
    for (int i = 0; i < N; i++)
        is_exit(wait_for(clients[i]), ESRCH, "a call ends with its server: %s",
                i < 2 ? "received" : "queued");
    gate_close(&got);
}

/* --- at any moment ---------------------------------------------------------------- */

static void yield(int times) {
    while (times-- > 0)
        sched_yield();
}

/* Clients of one server are killed while they call, with sizes that copy in place and
 * through pages. */
static void clients_at_any_moment(void) {
    pid_t to = server(0);
    for (int i = 0; i < SINGLE; i++) {
        pid_t client;
        CHILD (client)
            for (uint32_t n = 0;; n++) {
                struct msg m = { .body = text, .length = n * 61 % sizeof text,
                                 .room = sizeof text };
                need(msg_call(to, &m, &m, FOREVER) == 0);
            }
        yield(i % 23);
        end(client);
    }
    ok(answers(to), "clients killed at any moment: the server works on");
    end(to);
}

/* Servers are killed while they answer: the caller always comes back. */
static void servers_at_any_moment(void) {
    int right = 1;
    for (int i = 0; i < SINGLE; i++) {
        pid_t to = server((uint32_t)i % 3), killer;
        CHILD (killer) {
            yield(i % 17);
            kill(to, SIGKILL);
        }
        struct msg m = { .body = text, .length = 100, .room = sizeof text };
        while (msg_call(to, &m, &m, FOREVER) == 0)
            ;
        right &= errno == ESRCH;
        wait_for(killer);
        wait_for(to);
    }
    ok(right, "servers killed at any moment: ESRCH for the caller");
}

/* A stream through a queue of two, whose sender is killed: what arrives is what it sent
 * up to some moment, in order, once. */
static void streams(int flags, const char *how) {
    int right = 1;
    long total = 0;
    for (int i = 0; i < SINGLE; i++) {
        pid_t pid, killer;
        CHILD (pid)
            for (uint32_t n = 0;; n++) {
                struct msg m = { .type = n };
                need(msg_send(parent, &m, flags, FOREVER) == 0);
            }
        set_capacity(pid, (uint32_t)i % 3);
        CHILD (killer) {
            yield(i % 19);
            kill(pid, SIGKILL);
        }
        struct msg m = { 0 };
        uint32_t n = 0;
        for (; msg_receive(pid, &m, 0, FOREVER) == pid; n++)
            right &= m.type == n && m.sequence == n + 1;
        right &= errno == ESRCH;
        total += n;
        wait_for(killer);
        wait_for(pid);
    }
    note("%ld messages", total);
    ok(right, "%s: a sender killed at any moment: all before, in order, once", how);
}

/* Signals and time-outs, while two talk: what is acknowledged is what was received. */
static void handler(int sig) {
    (void)sig;
}

static void disturbed(void) {
    struct sigaction sa = { .sa_handler = handler };
    uint32_t *sent = shared_memory(sizeof *sent);
    struct gate ended;
    pid_t pid, poker;
    gate_init(&ended);
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid) {
        struct msg m = { 0 };
        for (uint32_t tries = 0; tries < 400; tries++) {
            m.type = *sent + 1;
            int timeout = tries % 4 == 0 ? 1 : tries % 4 == 1 ? NOWAIT : FOREVER;
            *sent += msg_send(parent, &m, tries % 3 ? 0 : MSG_SYNC, timeout) == 0;
        }
        m.type = 0;
        while (msg_send(parent, &m, 0, FOREVER) == -1)
            need(errno == EINTR);
        gate_open(&ended);
    }
    set_capacity(pid, 1);
    CHILD (poker)
        for (;;) {
            kill(pid, SIGUSR1);
            sched_yield();
        }
    uint32_t received = 0;
    int right = 1;
    for (;;) {
        struct msg m = { 0 };
        need(msg_receive(pid, &m, 0, FOREVER) == pid);
        if (m.type == 0)
            break;
        right &= m.type == ++received;
    }
    ok(right, "signals, time-outs and refusals: each message once, in order");
    gate_wait(&ended);
    is_int(received, *sent, "and as many as the sender knows of");
    end(poker);
    wait_for(pid);
    munmap(sent, sizeof *sent);
    gate_close(&ended);
}

/* Links closed under everybody's feet. */
static void closed(void) {
    pid_t to = server(0), callers[3];
    for (int i = 0; i < 3; i++)
        CHILD (callers[i]) {
            struct msg m = { .body = text, .length = 9, .room = sizeof text };
            for (int n = 0; n < 60; n++) {
                if (n % (i + 2) == 0)
                    link_close(to);
                need(msg_call(to, &m, &m, FOREVER) == 0 || errno == EPIPE
                     || errno == ECANCELED);
                m.length = 9;
            }
        }
    for (int n = 0; n < 60; n++) {
        link_close(to);
        need(answers(to));
    }
    int good = 1;
    for (int i = 0; i < 3; i++)
        good &= wait_for(callers[i]) == 0;
    ok(good && answers(to), "links closed while others call");
    end(to);
}

int main(void) {
    parent = getpid();
    for (enum phase phase = OFFERED; phase < PHASES; phase++)
        client_killed(phase);
    server_killed();
    clients_at_any_moment();
    servers_at_any_moment();
    streams(0, "msg_send");
    streams(MSG_SYNC, "MSG_SYNC");
    disturbed();
    closed();
    return done_testing();
}
