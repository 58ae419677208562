/* calls.c - client and server: ask with msg_call, answer and wait with one call.
 * Order: 56
 *
 * One process computes, one for each job that is; the others ask it. Then the server
 * lets somebody else answer; and at last a client does not want to know any more.
 *
 * FEATURE(5, 28, 41, 42, 60, 114, 115)
 */
#include "demo.h"
#include <parley.h>
#include <sched.h>

#define ROUNDS 1000

static pid_t worker;                    /* does sums; products are passed on to it */

static int work(char *text, uint32_t length) {
    int a = 0, b = 0;
    char sign = 0;
    text[length] = '\0';
    sscanf(text, "%d %c %d", &a, &sign, &b);
    return snprintf(text, 32, "%d", sign == '*' ? a * b : a + b);
}

/* Answers whoever asked, and waits for the next one, in one step. */
static void serve(void) {
    char text[64];
    struct msg m = { .body = text, .room = sizeof text - 1 };
    pid_t who = 0;                      // nobody is to be answered yet
    while (msg_reply_receive(who, &m, &m, FOREVER) > 0) {
        who = m.caller;
        if (worker && memchr(text, '*', m.length)) {
            must(msg_forward(who, worker, &m, FOREVER), "msg_forward");
            who = 0;                    // it is the worker's now
        } else {
            m.length = (uint32_t)work(text, m.length);
        }
    }
    _exit(1);
}

static pid_t start(void (*role)(void)) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        role();
    return child;
}

static void ask(pid_t server, const char *question, const char *right) {
    char text[32];
    struct msg q = { .body = (char *)(uintptr_t)question,
                     .length = (uint32_t)strlen(question) };
    struct msg a = { .body = text, .room = sizeof text };
    must(msg_call(server, &q, &a, FOREVER), "msg_call");
    int good = a.length == strlen(right) && memcmp(text, right, a.length) == 0;
    const char *who = a.sender == worker ? "the worker" : "the server";
    say("  %-7s = %-7.*s %s, from %s", question, (int)a.length, text,
        mark(good, "right", "WRONG"), who);
}

/* CPU cycles of one question and its answer, the best of many. */
static long cycles(pid_t server) {
    unsigned long long best = ~0ull;
    char text[16] = "1 + 1";
    for (int i = 0; i < ROUNDS; i++) {
        struct msg q = { .body = text, .length = 5 };
        struct msg a = { .body = text + 8, .room = 8 };
        unsigned long long before = __builtin_ia32_rdtsc();
        must(msg_call(server, &q, &a, FOREVER), "msg_call");
        unsigned long long took = __builtin_ia32_rdtsc() - before;
        best = took < best ? took : best;
    }
    return (long)best;
}

/* A server that takes its time, and learns that its client has gone on. */
static void too_slow(void) {
    pid_t me = getpid(), slow = (pid_t)must(fork(), "fork");
    struct msg m = { 0 }, a = { 0 };
    int status;

    if (slow == 0) {
        must(msg_receive(me, &m, 0, FOREVER), "msg_receive");
        must(msg_receive(me, &a, 0, FOREVER), "msg_receive");
        _exit(msg_reply(me, &m) == 0 ? 0 : errno);
    }
    int told = 0;
    for (struct link_stat link = { 0 }; link.out.received == 0;) {
        told = msg_call(slow, &m, &a, 20) == -1 ? errno : 0;
        must(link_stat(slow, &link), "link_stat");      // has it the question?
    }
    must(msg_send(slow, &m, 0, FOREVER), "msg_send");
    must(waitpid(slow, &status, 0), "waitpid");
    say("A client that waits 20 ms at most for a slow server: %s.\n"
        "The server answers all the same, and is told: %s.",
        mark(told == ETIMEDOUT, "Operation timed out", "AN ANSWER"),
        mark(WEXITSTATUS(status) == ECANCELED, "Operation canceled", "NOTHING"));
}

static void stop(pid_t child) {
    kill(child, SIGKILL);
    must(waitpid(child, NULL, 0), "waitpid");
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "calls: one asks, one answers");
    pid_t server = start(serve);
    say("A server waits for questions from anybody. I ask with msg_call, which sends\n"
        "and waits for the answer to this very question. Its whole loop is\n"
        "  who = msg_reply_receive(who, &m, &m, FOREVER); m.length = work(m.body);");
    ask(server, "7 + 6", "13");
    ask(server, "7 * 6", "42");
    say("One system call for each of us and each question. Since both wait for each\n"
        "other, the CPU goes with the message: %s cycles there and back.",
        some(cycles(server)));
    stop(server);
    gap();
    worker = start(serve);
    server = start(serve);
    say("Another server passes products on with msg_forward. The answer comes\n"
        "straight to me, from somebody whom I have never asked:");
    ask(server, "7 + 6", "13");
    ask(server, "7 * 6", "42");
    stop(server);
    stop(worker);
    gap();
    too_slow();
    return demo_end("let the server die before it answers. What is the client told?",
                    "kernel/ipc/call.c, and fast_path.c for the shortest way");
}
