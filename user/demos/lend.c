/* lend.c - priorities: how a middling process holds up an urgent one, and the cure.
 * Order: 57
 *
 * An urgent client asks a slow server, and at that moment somebody of middling priority
 * has much to do. Over mailboxes the kernel does not know who works for whom, and the
 * urgent one waits for the middling one: inversion. With msg_call it lends the server
 * its priority, also along a chain of servers. Root may set priorities; one CPU.
 *
 * FEATURE(32, 114, 121)
 */
#define _GNU_SOURCE
#include "demo.h"
#include <parley.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { MIDDLING = 10, URGENT = 20, STEPS = 20000 };
enum how { BY_MAILBOX, BY_CALL, BY_CHAIN };

static struct {
    sem_t go;                           /* for the middling one */
    volatile int moment;                /* events are numbered */
    volatile int answered, worked;      /* when the one and the other had happened */
} * shared;

static int question, answer;            /* mailboxes */

static void set_priority(int priority) {
    struct sched_param p = { .sched_priority = priority };
    must(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p), "sched_setscheduler");
}

/* The server, of ordinary priority like all who say nothing about it. */
static void serve(enum how how) {
    struct msg m = { 0 };
    if (how == BY_MAILBOX) {
        must(mbox_receive(question, &m, 0, FOREVER), "mbox_receive");
        must(mbox_send(answer, &m, 0, FOREVER), "mbox_send");
    } else {
        pid_t who = (pid_t)must(msg_receive(MSG_ANY, &m, 0, FOREVER), "msg_receive");
        must(msg_reply(who, &m), "msg_reply");
    }
}

/* One who asks somebody else before he answers. */
static void stand_between(pid_t server) {
    struct msg m = { 0 };
    pid_t who = (pid_t)must(msg_receive(MSG_ANY, &m, 0, FOREVER), "msg_receive");
    must(msg_call(server, &m, &m, FOREVER), "msg_call");
    m.sequence = 0;
    must(msg_reply(who, &m), "msg_reply");
}

static void work(void) {
    set_priority(MIDDLING);
    sem_wait(&shared->go);
    for (volatile int i = 0; i < STEPS; i++)
        ;
    shared->worked = ++shared->moment;
}

/* Sets the middling one free, and then needs an answer. */
static void ask(enum how how, pid_t server) {
    struct msg m = { 0 };
    set_priority(URGENT);
    sem_post(&shared->go);
    if (how == BY_MAILBOX) {
        must(mbox_send(question, &m, 0, FOREVER), "mbox_send");
        must(mbox_receive(answer, &m, 0, FOREVER), "mbox_receive");
    } else {
        must(msg_call(server, &m, &m, FOREVER), "msg_call");
    }
    shared->answered = ++shared->moment;
}

enum role { SERVER, BETWEEN, MIDDLE, CLIENT };

static pid_t start(enum role role, enum how how, pid_t server) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        switch (role) {
        case SERVER: serve(how); break;
        case BETWEEN: stand_between(server); break;
        case MIDDLE: work(); break;
        case CLIENT: ask(how, server); break;
        }
        _exit(0);
    }
    if (role != CLIENT)
        until_state(child, 'S');
    return child;
}

static void run(enum how how, const char *what) {
    pid_t server = start(SERVER, how, 0);
    int status, children = 3;
    shared->moment = 0;
    for (int i = 0; how == BY_CHAIN && i < 2; i++, children++)
        server = start(BETWEEN, how, server);
    start(MIDDLE, how, 0);
    start(CLIENT, how, server);
    while (children-- > 0) {
        must(wait(&status), "wait");
        expect(status == 0);
    }
    int inverted = shared->worked < shared->answered;
    say("  %-30s 1. %-12s 2. %-12s %s", what, inverted ? "middling" : "urgent",
        inverted ? "urgent" : "middling",
        mark(inverted == (how == BY_MAILBOX), inverted ? "inversion" : "as it should",
             "UNEXPECTED"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "lend: the urgent, the middling and the slow");
    if (geteuid() != 0) {
        say("Only root may raise priorities.");
        return 1;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    must(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
    shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    sem_init(&shared->go, 1, 0);
    question = (int)must(mbox_create(NULL), "mbox_create");
    answer = (int)must(mbox_create(NULL), "mbox_create");
    say("On one CPU: a server of ordinary priority, a client of priority %d who needs\n"
        "its answer, and a process of priority %d that has %d steps to do and needs\n"
        "nobody. Both begin at one moment. Who is done first?",
        URGENT, MIDDLING, STEPS);
    gap();
    run(BY_MAILBOX, "asked through a mailbox");
    run(BY_CALL, "asked by msg_call");
    run(BY_CHAIN, "by msg_call, two in between");
    gap();
    say("A mailbox does not say who works for whom: the server is ordinary, and waits\n"
        "for the middling one, and with it the client who is more urgent than both.");
    say("A call does say it. As long as it is not answered the server runs with its\n"
        "client's priority, and so does whom it calls in turn. The reply ends it.");
    return demo_end("give the client a time-out. When does the server lose the loan?",
                    "kernel/ipc/call.c: where priorities are lent and taken back");
}
