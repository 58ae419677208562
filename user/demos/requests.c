/* requests.c - a server on a System V message queue, one queue for both ways.
 * Order: 97
 *
 * Three clients, who have only the queue's key, send requests of type 1. The server
 * answers with messages whose type is the client's process id, and each client takes
 * its own type. When the queue is full, senders wait.
 *
 * FEATURE(96, 97, 98, 99)
 */
#include "demo.h"
#include <sched.h>
#include <sys/msg.h>

#define CLIENTS 3
#define REQUEST 1                       /* a type no process id has here */

struct request {
    long type;
    struct {
        pid_t client;
        int a, b;
    } body;
};

struct reply {
    long type;                          /* the client's process id */
    int product;
};

static key_t key;
static int queue;

static struct msqid_ds look(void) {
    struct msqid_ds status;
    must(msgctl(queue, IPC_STAT, &status), "msgctl");
    return status;
}

/* A stranger: it knows the key, nothing else. */
static int client(int number) {
    int mine = (int)must(msgget(key, 0), "msgget");
    struct request r = { REQUEST, { getpid(), number, 11 } };
    struct reply answer;
    must(msgsnd(mine, &r, sizeof r.body, 0), "msgsnd");
    must(msgrcv(mine, &answer, sizeof answer.product, getpid(), 0), "msgrcv");
    return answer.product == number * 11 ? number : 99;
}

static pid_t start(int number) {
    pid_t pid = (pid_t)must(fork(), "fork");
    if (pid == 0)
        _exit(client(number));
    return pid;
}

/* Takes all requests first, and answers them the last one first. */
static void serve(void) {
    struct request r[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        must(msgrcv(queue, &r[i], sizeof r[i].body, REQUEST, 0), "msgrcv");
        say("  server: takes %d * %d, from %s", r[i].body.a, r[i].body.b,
            pid(r[i].body.client));
    }
    for (int i = CLIENTS - 1; i >= 0; i--) {
        struct reply reply = { r[i].body.client, r[i].body.a * r[i].body.b };
        must(msgsnd(queue, &reply, sizeof reply.product, 0), "msgsnd");
        say("  server: answers %d, type %s", reply.product, pid(r[i].body.client));
    }
}

static void by_type(void) {
    struct {
        long type;
        char text[20];
    } m;
    static const struct {
        long type;
        const char *text;
    } sent[4] = { { 7, "a" }, { 5, "b" }, { 7, "c" }, { 6, "d" } };
    static const long wanted[4] = { 7, -6, 0, 0 };
    char order[80] = "";
    for (int i = 0; i < 4; i++) {
        m.type = sent[i].type;
        strcpy(m.text, sent[i].text);
        must(msgsnd(queue, &m, 2, 0), "msgsnd");
    }
    for (int i = 0; i < 4; i++) {
        must(msgrcv(queue, &m, sizeof m.text, wanted[i], 0), "msgrcv");
        sprintf(order + strlen(order), "%s %ld gives %s", i ? "," : "", wanted[i],
                m.text);
    }
    say("Sent 7a 5b 7c 6d. By type:%s",
        mark(!strcmp(order, " 7 gives a, -6 gives b, 0 gives c, 0 gives d"), order,
             order));
}

static void full(void) {
    struct msqid_ds status = look();
    struct {
        long type;
        char text[8];
    } m = { 1, "" };
    status.msg_qbytes = 20;
    must(msgctl(queue, IPC_SET, &status), "msgctl");
    int fit = 0;
    while (msgsnd(queue, &m, sizeof m.text, IPC_NOWAIT) == 0)
        fit++;
    say("With room for 20 bytes it takes %d messages of 8. One more: %s", fit,
        mark(fit == 2 && errno == EAGAIN, "EAGAIN, or to wait.", strerror(errno)));
}

int main(int argc, char **argv) {
    pid_t clients[CLIENTS];
    int status, right = 0;
    demo_start(argc, argv, "requests: one queue, many types");
    key = 0x52000000 | (getpid() & 0xffffff);
    queue = (int)must(msgget(key, IPC_CREAT | IPC_EXCL | 0600), "msgget");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = start(i + 2);
        while ((int)look().msg_qnum != i + 1)           // its request is in the queue
            sched_yield();
    }
    say("Three clients found the queue by its key. %d requests wait in it, %d bytes.",
        (int)look().msg_qnum, (int)look().__msg_cbytes);
    serve();
    for (int i = 0; i < CLIENTS; i++) {
        must(waitpid(clients[i], &status, 0), "waitpid");
        right += WEXITSTATUS(status) == i + 2;
    }
    say("  %d clients left, %s.", CLIENTS,
        mark(right == CLIENTS, "each with the answer to its own question", "CONFUSED"));
    by_type();
    full();
    must(msgctl(queue, IPC_RMID, NULL), "msgctl");
    say("The queue would stay after all have left, so I remove it.");
    return demo_end(
        "let a client ask for type 0. Whose answer does it get?",
        "kernel/posix/queues.c: wants_type(), and kernel/ipc/message_queue.c");
}
