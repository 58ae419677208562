/* native_msg_priority.c - IPC(2.16): "A process runs with at least the highest priority
 * of the callers whose calls it has received or that queue for it, along the chain;
 * withdrawn on reply, time-out and death." IPC(2.15): "Call, reply and reply_receive
 * switch directly between the partners when the other one waits."
 *
 * Everybody is on one CPU, and we and all servers are ordinary. A spinner of middle
 * priority keeps the CPU from the ordinary: what runs meanwhile has been lent a higher
 * priority. It starts a caller of high priority, who ends it when he has his answer; if
 * nobody does it gives up after some seconds, so that a failure is not for ever. Needs
 * root.
 */
/* FEATURE(60): a call and its answer run in turn, nobody in between */
/* FEATURE(121): a server that was called runs with its caller's priority */
#include "native.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

enum { MIDDLE = 10, HIGH = 20 };

static struct shared {
    volatile int stop;                          /* the spinner ends */
    volatile unsigned spins;
    volatile unsigned steps;                    /* of a server that nobody lends to */
} * shared;

static char text[64];
static struct gate spin_gate, high_gate;        /* start the spinner, the caller */

static void set_priority(int priority) {
    struct sched_param p = { .sched_priority = priority };
    need(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p) == 0);
}

static time_t now(void) {
    struct timespec t;
    need(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return t.tv_sec;
}

/* Leaves with 0 when it was told to stop, with 1 when it had to give up. */
static pid_t spinner(void) {
    pid_t pid;
    shared->stop = 0;
    CHILD (pid) {
        gate_wait(&spin_gate);
        set_priority(MIDDLE);
        gate_open(&high_gate);
        for (time_t end = now() + 5; !shared->stop; shared->spins++)
            if (now() >= end)
                _exit(1);
    }
    return pid;
}

static pid_t high_caller(pid_t to) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        set_priority(HIGH);
        gate_wait(&high_gate);
        need(msg_call(to, &m, &m, FOREVER) == 0);
        shared->stop = 1;
    }
    until_asleep(pid);
    return pid;
}

/* Answers each call; a call of type 1 lets the spinner in before it does. */
static pid_t server(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        pid_t who = 0;
        while (msg_reply_receive(who, &m, &m, FOREVER) > 0) {
            who = m.caller;
            if (m.type == 1)
                gate_open(&spin_gate);
        }
    }
    until_asleep(pid);
    return pid;
}

/* Answers each call with what another server answers. */
static pid_t middleman(pid_t to) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        pid_t who = 0;
        while ((who = msg_reply_receive(who, &m, &m, FOREVER)) > 0)
            need(msg_call(to, &m, &m, FOREVER) == 0);
    }
    until_asleep(pid);
    return pid;
}

/* Passes each call on. */
static pid_t forwarder(pid_t to) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        pid_t who;
        while ((who = msg_receive(MSG_ANY, &m, 0, FOREVER)) > 0)
            need(msg_forward(who, to, &m, FOREVER) == 0);
    }
    until_asleep(pid);
    return pid;
}

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* IPC(2.16): received calls; and chains of them. */
static void lent(pid_t to, const char *what) {
    pid_t high = high_caller(to), spin = spinner();
    gate_open(&spin_gate);
    is_exit(wait_for(spin), 0, "%s", what);
    is_exit(wait_for(high), 0, "%s: he has his answer", what);
}

/* IPC(2.16): "or that queue for it". The server works for a low caller when the spinner
 * comes, and then a high caller who has to queue. */
static void queued(void) {
    struct msg m = room_msg(text, sizeof text);
    pid_t to = server(), high = high_caller(to), spin = spinner();
    m.type = 1;
    need(msg_call(to, &m, &m, FOREVER) == 0);
    is_exit(wait_for(spin), 0, "a caller that queues lends his priority, too");
    is_exit(wait_for(high), 0, "he has his answer");
    end(to);
}

/* IPC(2.16): "withdrawn on reply, time-out and death". The server had a call of high
 * priority; it is ordinary again, so that it takes no step while the spinner spins. */
enum ending { REPLY, TIME_OUT, DEATH, LINK_CLOSE };

static void withdrawn(enum ending ending, const char *what) {
    struct gate got, step;
    pid_t to, high, spin;
    gate_init(&got);
    gate_init(&step);
    CHILD (to) {
        struct msg m = room_msg(text, sizeof text);
        pid_t who = msg_receive(MSG_ANY, &m, 0, FOREVER);
        if (ending == REPLY)
            need(msg_reply(who, &m) == 0);
        if (ending == LINK_CLOSE)
            need(link_close(who) == 0);
        gate_open(&got);
        gate_wait(&step);
        for (int i = 0; i < 1000; i++)
            shared->steps++;
    }
    until_asleep(to);
    CHILD (high) {
        struct msg m = room_msg(text, sizeof text);
        set_priority(HIGH);
        msg_call(to, &m, &m, ending == TIME_OUT ? 20 : FOREVER);
    }
    gate_wait(&got);
    if (ending == DEATH)
        kill(high, SIGKILL);
    wait_for(high);
    until_asleep(to);
    shared->steps = 0;
    CHILD (spin) {
        set_priority(MIDDLE);
        gate_open(&step);
        for (volatile int i = 0; i < 20000; i++)
            ;
        need(shared->steps == 0);
    }
    is_exit(wait_for(spin), 0, "withdrawn on %s", what);
    is_exit(wait_for(to), 0, "it goes on when the spinner has ended");
    is_int(shared->steps, 1000, "with its own priority");
    gate_close(&got);
    gate_close(&step);
}

/* IPC(2.16): "withdrawn on reply": a server that only runs when nobody else wants to
 * answers on the short way, after one who waited longer. */
static void idle_again(void) {
    struct sched_param none = { 0 };
    struct msg m = room_msg(text, sizeof text), other = m;
    struct gate got;
    pid_t to, first, second;
    gate_init(&got);
    shared->steps = 0;
    CHILD (to) {
        need(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none) == 0);
        gate_open(&got);
        pid_t waits = msg_receive(MSG_ANY, &m, 0, FOREVER);
        gate_open(&got);
        pid_t who = msg_reply_receive(0, &m, &m, FOREVER);
        need(msg_reply_receive(who, &m, &m, FOREVER) == who);
        need(msg_reply(waits, &other) == 0);
        need(msg_reply_receive(who, &m, &m, FOREVER) == getppid());
        shared->steps++;
    }
    gate_wait(&got);
    CHILD (first)
        need(msg_call(to, &m, &m, FOREVER) == 0);
    gate_wait(&got);
    CHILD (second)
        for (int i = 0; i < 2; i++)
            need(msg_call(to, &m, &m, FOREVER) == 0);
    is_exit(wait_for(first), 0, "who waited longer has his answer");
    is_exit(wait_for(second), 0, "so has the other one");
    need(msg_send(to, &m, 0, FOREVER) >= 0);
    for (int i = 0; i < 100; i++)
        sched_yield();
    is_int(shared->steps, 0, "the server lets everybody else go first again");
    is_exit(wait_for(to), 0, "until they sleep");
    gate_close(&got);
}

/* IPC(2.16): "withdrawn on reply", from all threads of the server. One that only runs
 * when nobody else wants to answers somebody while another thread has a call that came
 * on the short way; that one's answer ends what was lent. */
static struct gate called, answered, step;

static void *idle_thread(void *unused) {
    struct sched_param none = { 0 };
    struct msg m = room_msg(text, sizeof text);
    (void)unused;
    need(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none) == 0);
    gate_open(&called);
    need(msg_reply(msg_receive(MSG_ANY, &m, 0, FOREVER), &m) == 0);
    gate_wait(&step);
    shared->steps++;
    return NULL;
}

static void idle_thread_again(void) {
    struct msg m = room_msg(text, sizeof text);
    pid_t to, first;
    gate_init(&called);
    gate_init(&answered);
    gate_init(&step);
    shared->steps = 0;
    CHILD (to) {
        pthread_t thread;
        pid_t who = msg_reply_receive(0, &m, &m, FOREVER);
        who = msg_reply_receive(who, &m, &m, FOREVER);
        need(pthread_create(&thread, NULL, idle_thread, NULL) == 0);
        gate_wait(&answered);
        need(msg_reply_receive(who, &m, &m, FOREVER) == getppid());
        need(pthread_join(thread, NULL) == 0);
    }
    until_asleep(to);
    CHILD (first)
        for (int i = 0; i < 2; i++)
            need(msg_call(to, &m, &m, FOREVER) == 0);
    gate_wait(&called);
    need(msg_call(to, &m, &m, FOREVER) == 0);
    gate_open(&answered);
    is_exit(wait_for(first), 0, "who waited longer has his answer");
    gate_open(&step);
    for (int i = 0; i < 100; i++)
        sched_yield();
    is_int(shared->steps, 0, "the idle thread lets everybody else go first again");
    need(msg_send(to, &m, 0, FOREVER) >= 0);
    is_exit(wait_for(to), 0, "until they sleep");
    gate_close(&called);
    gate_close(&answered);
    gate_close(&step);
}

/* IPC(2.15): a third of equal priority could run at any time, and does when a time
 * slice ends. Yet a call gives the CPU to the one called, and its answer gives it
 * back. */
static void in_turn(void) {
    struct msg m = room_msg(text, sizeof text);
    pid_t to = server(), third;
    int undisturbed = 0;
    CHILD (third)
        for (;;)
            shared->spins++;
    for (int i = 0; i < 50; i++) {
        unsigned before = shared->spins;
        need(msg_call(to, &m, &m, FOREVER) == 0);
        undisturbed += shared->spins == before;
    }
    note("%d of 50 calls undisturbed", undisturbed);
    ok(undisturbed > 0, "a call and its answer run in turn, nobody in between");
    unsigned before = shared->spins;
    for (int i = 0; i < 1000000 && shared->spins == before; i++)
        need(msg_call(to, &m, &m, FOREVER) == 0);
    ok(shared->spins != before, "yet the third has its turn");
    end(third);
    end(to);
}

int main(void) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    need(sched_setaffinity(0, sizeof first, &first) == 0);
    shared = shared_memory(sizeof *shared);
    gate_init(&spin_gate);
    gate_init(&high_gate);
    pid_t to = server();
    lent(to, "a server that was called runs with its caller's priority");
    pid_t between = middleman(to);
    lent(between, "along a chain of calls");
    end(between);
    between = forwarder(to);
    lent(between, "along a call that is passed on");
    end(between);
    end(to);
    queued();
    withdrawn(REPLY, "reply");
    withdrawn(TIME_OUT, "time-out");
    withdrawn(DEATH, "death");
    withdrawn(LINK_CLOSE, "link_close");
    idle_again();
    idle_thread_again();
    in_turn();
    munmap(shared, sizeof *shared);
    return done_testing();
}
