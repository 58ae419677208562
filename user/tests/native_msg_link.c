/* native_msg_link.c - links: IPC(2.2) how they come, 2.3 what each side sets, 2.4
 * capacities, 2.5 how they go, 2.6 fork and exec.
 */
/* FEATURE(15): establish, exchange, release */
/* FEATURE(18): naming, blocking and capacity are chosen apart */
/* FEATURE(30): the receiver's side decides what happens when space runs out */
/* FEATURE(34): partners name each other by process id */
/* FEATURE(36): the first send makes the link */
/* FEATURE(37): a third process is not on it */
/* FEATURE(38): the second message uses the same link */
/* FEATURE(39): a refused direction makes a link one-way */
/* FEATURE(44): n processes that all talk have n(n-1)/2 links */
/* FEATURE(69): capacity zero: the sender waits for the receiver */
/* FEATURE(70): bounded: the sender waits while that many are queued */
/* FEATURE(71): unbounded: the sender never waits */
#include "native.h"

#include <poll.h>

static char text[64];
static struct link_stat stat;

static int link_error(pid_t peer) {
    return link_stat(peer, &stat) ? errno : 0;
}

static pid_t sleeper(void) {
    pid_t pid;
    CHILD (pid)
        for (;;)
            pause();
    return pid;
}

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* A partner that echoes: what it gets it sends back; type 1 ends it. */
static pid_t echo(void) {
    pid_t pid;
    CHILD (pid)
        for (;;) {
            struct msg m = room_msg(text, sizeof text);
            need(msg_receive(getppid(), &m, 0, FOREVER) == getppid());
            if (m.type == 1)
                _exit(0);
            need(msg_send(getppid(), &m, 0, FOREVER) == 0);
        }
    return pid;
}

static void say(pid_t to, uint32_t type, const char *what) {
    struct msg m = text_msg(what);
    m.type = type;
    need(msg_send(to, &m, 0, FOREVER) == 0);
}

/* The number of the message that comes next. */
static long long hear(pid_t from) {
    struct msg m = room_msg(text, sizeof text);
    need(msg_receive(from, &m, 0, FOREVER) == from);
    return (long long)m.sequence;
}

/* IPC(2.2): "A link comes into being with the first send or receive between two
 * processes, is the only one of the pair, and serves both directions." */
static void comes(void) {
    struct msg m = { 0 };
    pid_t pid = sleeper();
    is_int(link_error(pid), ENOENT, "ENOENT: no link yet");
    is_errno(link_close(pid), ENOENT, "ENOENT: nothing to close");
    need(msg_receive(pid, &m, 0, NOWAIT) == -1 && errno == EAGAIN);
    is_int(link_error(pid), 0, "the first receive makes the link");
    end(pid);

    pid = echo();
    say(pid, 0, "hello");
    is_int(link_error(pid), 0, "the first send makes the link");
    is_int(stat.peer, pid, "partners name each other by process id");
    is_int(hear(pid), 1, "it serves the other direction as well");
    say(pid, 0, "again");
    hear(pid);
    need(link_error(pid) == 0);
    ok(stat.out.accepted == 2 && stat.in.accepted == 2 && stat.out.received == 2
           && stat.in.received == 2,
       "the second message uses the same link");
    pid_t third;
    CHILD (third)
        need(link_error(pid) == ENOENT);
    is_exit(wait_for(third), 0, "a third process is not on it");
    say(pid, 1, "end");
    is_exit(wait_for(pid), 0, "establish, exchange, release");
    is_int(link_error(pid), ESRCH, "with its end the link is gone");
}

/* Both sides see the same link, each from its own end. */
static void both_ends(void) {
    struct link_stat *theirs = shared_memory(sizeof *theirs);
    pid_t pid;
    CHILD (pid) {
        struct msg go = { 0 };
        set_capacity(getppid(), 7);
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        for (int i = 0; i < 3; i++)
            say(getppid(), 0, "abcde");
        need(link_stat(getppid(), theirs) == 0);
        pause();
    }
    set_capacity(pid, 9);
    say(pid, 0, "");
    until_queued(pid, 3);
    until_asleep(pid);
    need(link_error(pid) == 0);
    is_int(theirs->peer, getpid(), "each end names the other");
    ok(memcmp(&stat.in, &theirs->out, sizeof stat.in) == 0
           && memcmp(&stat.out, &theirs->in, sizeof stat.in) == 0,
       "what goes in at one end comes out at the other");
    ok(stat.in.capacity == 9 && stat.out.capacity == 7, "each with a capacity");
    ok(stat.in.queued == 3 && stat.in.bytes == 15 && stat.in.accepted == 3
           && stat.in.received == 0,
       "3 messages of 5 bytes wait");
    ok(stat.out.queued == 0 && stat.out.accepted == 1 && stat.out.received == 1
           && stat.out.bytes == 0 && stat.calls == 0,
       "the one before was received");
    end(pid);
    munmap(theirs, sizeof *theirs);
}

/* IPC(2.3): "Each side sets, with link_open, the capacity of what it receives, and
 * whether it receives from that partner at all (`refuse`: the partner's sends are
 * EPERM; so a link becomes one-way). Settings outlive the other side's link_close." */
static void settings(void) {
    struct link_attr refuse = { .capacity = 2, .refuse = 1 }, open = { .capacity = 2 };
    struct gate gates[3];
    pid_t pid;
    for (int i = 0; i < 3; i++)
        gate_init(&gates[i]);
    CHILD (pid) {
        struct msg m = text_msg("x");
        gate_wait(&gates[0]);
        need(msg_send(getppid(), &m, 0, NOWAIT) == -1 && errno == EPERM);
        need(msg_call(getppid(), &m, &m, NOWAIT) == -1 && errno == EPERM);
        need(msg_send(getppid(), &m, MSG_SYNC, FOREVER) == -1 && errno == EPERM);
        need(link_close(getppid()) == 0);
        need(msg_send(getppid(), &m, 0, NOWAIT) == -1 && errno == EPERM);
        gate_open(&gates[2]);
        struct msg r = room_msg(text, sizeof text);
        need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
        gate_wait(&gates[1]);
        need(link_close(getppid()) == 0);
        need(msg_send(getppid(), &m, 0, NOWAIT) == 0);
        need(msg_send(getppid(), &m, 0, NOWAIT) == 0);
        need(msg_send(getppid(), &m, 0, NOWAIT) == -1 && errno == EAGAIN);
    }
    is_int(link_open(pid, &refuse), 0, "link_open makes the link, too");
    ok(link_error(pid) == 0 && stat.in.refuse == 1 && stat.out.refuse == 0,
       "and refuses one direction");
    gate_open(&gates[0]);
    gate_wait(&gates[2]);
    say(pid, 0, "one way");
    ok(link_of(pid).in.accepted == 0, "a refused direction makes a link one-way");
    is_int(link_open(pid, &open), 0, "opened again");
    gate_open(&gates[1]);
    is_exit(wait_for(pid), 0, "settings outlive the other side's link_close");
    ok(hear(pid) == 1 && hear(pid) == 2, "what was sent then is there");
    for (int i = 0; i < 3; i++)
        gate_close(&gates[i]);
}

/* IPC(2.4): "Capacity zero is rendezvous: the sender waits until the message is
 * received. Bounded: it waits while that many are queued. Unbounded: it never waits."
 * The child counts its sends in shared memory. */
static void capacity(uint32_t attr, unsigned room, const char *name) {
    volatile unsigned *sent = shared_memory(sizeof *sent);
    unsigned count = room + 2 < 500 ? room + 2 : 500;
    pid_t pid;
    int right = 1;
    CHILD (pid) {
        struct msg go = { 0 };
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        for (unsigned i = 0; i < count; i++) {
            say(getppid(), i, "");
            *sent = i + 1;
        }
    }
    if (attr != CAPACITY_DEFAULT)
        set_capacity(pid, attr);
    say(pid, 0, "");
    if (room >= count) {
        is_exit(wait_for(pid), 0, "unbounded: the sender never waits");
        is_int(link_of(pid).in.queued, count, "%s: all are in the queue", name);
    } else {
        until_senders(pid, 1);
        is_int(*sent, room, "%s: the sender waits with number %u", name, room + 1);
        is_int(link_of(pid).in.queued, room, "%s: %u are in the queue", name, room);
        hear(pid);
        until_senders(pid, 1);
        is_int(*sent, room + 1, "%s: one received, one goes on", name);
    }
    for (unsigned i = room < count ? 2 : 1; i <= count; i++)
        right &= hear(pid) == i;
    ok(right, "%s: all arrive in order", name);
    if (room < count)
        is_exit(wait_for(pid), 0, "%s",
                room ? "bounded: the sender waits while that many are queued"
                     : "capacity zero: the sender waits for the receiver");
    munmap((void *)(uintptr_t)sent, sizeof *sent);
}

/* IPC(2.3): a larger capacity lets those go on who wait for room. */
static void more_room(void) {
    pid_t pid;
    CHILD (pid) {
        for (uint32_t i = 0; i < 3; i++)
            say(getppid(), i, "");
        pause();
    }
    until_senders(pid, 1);
    set_capacity(pid, 1);
    until_senders(pid, 1);
    is_int(link_of(pid).in.queued, 1,
           "the receiver's side decides what happens when space runs out");
    set_capacity(pid, CAPACITY_UNBOUNDED);
    until_queued(pid, 3);
    is_int(link_of(pid).in.waiting_senders, 0, "more room: the waiting sender goes on");
    set_capacity(pid, CAPACITY_ZERO);
    is_int(link_of(pid).in.queued, 3, "less room: what is queued stays");
    ok(hear(pid) == 1 && hear(pid) == 2 && hear(pid) == 3,
       "naming, blocking and capacity are chosen apart");
    end(pid);
}

/* IPC(2.5): "link_close discards queued messages both ways (their MSG_SYNC senders and
 * blocked senders get EPIPE) and releases the link; the next message makes a new one,
 * with sequence going on." */
static void goes(void) {
    static const char *const how[] = { "a blocked sender", "a MSG_SYNC sender",
                                       "a caller that was not heard" };
    for (int i = 0; i < 3; i++) {
        pid_t pid;
        CHILD (pid) {
            struct msg m = text_msg("lost"), r = room_msg(text, sizeof text);
            struct msg go = { 0 };
            need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
            say(getppid(), 0, "queued");
            int error =
                error_of(i < 2 ? msg_send(getppid(), &m, i ? MSG_SYNC : 0, FOREVER)
                               : msg_call(getppid(), &m, &r, FOREVER));
            need(error == EPIPE);
            say(getppid(), 0, "after");
        }
        set_capacity(pid, i == 0 ? 1 : 5);
        say(pid, 0, "");
        while (link_of(pid).in.waiting_senders + link_of(pid).calls != 1)
            sched_yield();
        is_int(link_close(pid), 0, "link_close with messages in the queue");
        // what comes now is new: 1 was queued, 2 was queued or waited
        is_int(hear(pid), i == 0 ? 2 : 3, "%s: sequence goes on", how[i]);
        ok(strncmp(text, "after", 5) == 0, "%s: the others were discarded", how[i]);
        is_exit(wait_for(pid), 0, "%s gets EPIPE", how[i]);
    }
}

/* IPC(2.5): both ways, and then there is none. */
static void released(void) {
    pid_t pid;
    CHILD (pid) {
        set_capacity(getppid(), 5);
        say(getppid(), 0, "to the parent");
        struct msg m = room_msg(text, sizeof text);
        m.type = 9;
        need(msg_receive(getppid(), &m, MSG_TYPE, FOREVER) == getppid());
        need(m.sequence == 2 && link_of(getppid()).in.queued == 0);
    }
    set_capacity(pid, 5);
    until_queued(pid, 1);
    until_receivers(pid, 1);
    say(pid, 3, "to the child");
    need(link_of(pid).out.queued == 1);
    is_int(link_close(pid), 0, "both directions have a message: link_close");
    struct msg m = room_msg(text, sizeof text);
    is_errno(msg_receive(pid, &m, 0, NOWAIT), EAGAIN, "one direction is empty");
    say(pid, 9, "new");
    is_exit(wait_for(pid), 0,
            "so is the other; who waited there waits on and gets the next message");
}

/* IPC(2.6): "A link is not inherited by fork; it survives execve; it is freed when one
 * side is gone and its queue is empty." */
static void over_fork(void) {
    pid_t pid = echo(), other;
    set_capacity(pid, 2);
    say(pid, 0, "mine");
    until_queued(pid, 1);
    CHILD (other) {
        struct msg m = room_msg(text, sizeof text);
        need(link_error(pid) == ENOENT);
        need(msg_receive(pid, &m, 0, NOWAIT) == -1 && errno == EAGAIN);
        need(link_error(pid) == 0 && stat.in.accepted == 0);
    }
    is_exit(wait_for(other), 0, "a link is not inherited by fork");
    is_int(hear(pid), 1, "the message was for the parent");
    say(pid, 1, "end");
    wait_for(pid);
}

static void after_exec(pid_t peer) {
    struct msg m = room_msg(text, sizeof text);
    need(link_stat(peer, &stat) == 0 && stat.in.capacity == 3 && stat.in.queued > 0);
    need(msg_receive(peer, &m, 0, NOWAIT) == peer && has_body(&m, "before"));
    need(msg_receive(peer, &m, 0, FOREVER) == peer && has_body(&m, "after"));
    need(m.sequence == 2);
    exit(0);
}

static void over_exec(char *self) {
    struct gate go;
    pid_t pid;
    gate_init(&go);
    CHILD (pid) {
        char number[16];
        char *arguments[] = { self, number, NULL };
        snprintf(number, sizeof number, "%d", (int)getppid());
        set_capacity(getppid(), 3);
        gate_wait(&go);
        execv(self, arguments);
    }
    while (link_of(pid).out.capacity != 3)
        sched_yield();
    say(pid, 0, "before");
    gate_open(&go);
    say(pid, 0, "after");
    is_exit(wait_for(pid), 0, "a link survives execve, with what is in its queue");
    gate_close(&go);
}

static void freed(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg go = { 0 };
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        say(getppid(), 0, "last");
    }
    set_capacity(pid, 1);
    say(pid, 0, "");
    wait_for(pid);
    ok(link_error(pid) == 0 && stat.in.queued == 1,
       "one side is gone, the link stays for what is in its queue");
    hear(pid);
    is_int(link_error(pid), ESRCH, "and is freed when that has been received");
}

/* Everybody greets everybody. */
static void many(void) {
    enum { N = 5 };
    int *links = shared_memory(sizeof *links);
    pid_t *pids = shared_memory(N * sizeof *pids);
    struct gate go;
    gate_init(&go);
    for (int i = 0; i < N; i++) {
        pid_t pid;                                      // CHILD sets it in both
        CHILD (pid) {
            gate_wait(&go);
            for (int j = 0; j < N; j++)
                if (j < i)
                    say(pids[j], 0, "hello");
                else if (j > i)
                    hear(pids[j]);
            for (int j = 0; j < i; j++)
                __atomic_add_fetch(links, link_error(pids[j]) == 0, __ATOMIC_RELAXED);
            pause();
        }
        pids[i] = pid;
    }
    for (int i = 0; i < N; i++)
        gate_open(&go);
    for (int i = 0; i < N; i++)
        until_asleep(pids[i]);
    while (*(volatile int *)links < N * (N - 1) / 2)
        sched_yield();
    is_int(*links, 10, "n processes that all talk have n(n-1)/2 links");
    for (int i = 0; i < N; i++)
        end(pids[i]);
    gate_close(&go);
    munmap(links, sizeof *links);
    munmap(pids, N * sizeof *pids);
}

int main(int argc, char **argv) {
    if (argc > 1)
        after_exec(atoi(argv[1]));
    char *self = self_path();
    comes();
    both_ends();
    settings();
    capacity(CAPACITY_DEFAULT, 0, "default");
    capacity(CAPACITY_ZERO, 0, "zero");
    capacity(1, 1, "one");
    capacity(5, 5, "five");
    capacity(CAPACITY_UNBOUNDED, 100000, "unbounded");
    more_room();
    goes();
    released();
    over_fork();
    over_exec(self);
    freed();
    many();
    return done_testing();
}
