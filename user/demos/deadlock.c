/* deadlock.c - a circle of processes, each waiting for the next, cannot start.
 * Order: 58
 *
 * The last one to wait would close the circle. It is told EDEADLK instead, and can do
 * something else; the others do not notice.
 *
 * FEATURE(63, 115, 120)
 */
#include "demo.h"
#include <parley.h>

#define MOST 3

static pid_t me;
static pid_t others[MOST];

/* Waits to receive from `partner` and passes on to `next` what comes, or that nobody is
 * there any more. */
static pid_t start(pid_t partner, int timeout) {
    struct msg m = { 0 };
    pid_t child = (pid_t)must(fork(), "fork");
    if (child > 0) {
        until_state(child, 'S');
        return child;
    }
    _exit(msg_receive(partner, &m, 0, timeout) == -1 ? errno : (int)m.type);
}

/* `count` processes in a circle, I am one of them: the first child waits for me, each
 * next one for the one before, and I for the last. */
static void circle(int count, int timeout, const char *names) {
    struct msg m = { 0 };
    for (int i = 0; i < count - 1; i++)
        others[i] = start(i ? others[i - 1] : me, i ? FOREVER : timeout);
    pid_t last = count > 1 ? others[count - 2] : me;
    int answer = msg_receive(last, &m, 0, timeout == FOREVER ? FOREVER : 20);
    int error = answer == -1 ? errno : 0;
    say("  %-26s %s", names,
        timeout == FOREVER ? mark(error == EDEADLK, strerror(error), "NO ERROR")
                           : mark(error == ETIMEDOUT, strerror(error), "NO TIME-OUT"));
}

/* The way out is to do something else: I send to the first one instead of waiting. */
static void way_out(int count) {
    int status, good = 1;
    for (int i = 0; i < count - 1; i++)
        good &= state_of(others[i]) == 'S';
    struct msg m = { .type = 7 };
    must(msg_send(others[0], &m, 0, FOREVER), "msg_send");
    for (int i = 0; i < count - 1; i++) {
        must(waitpid(others[i], &status, 0), "waitpid");
        good &= WEXITSTATUS(status) == (i ? ESRCH : 7);
    }
    say("  So I send to A, instead of waiting: %s.",
        mark(good, "all go on", "NOTHING MOVES"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "deadlock: refused before it starts");
    me = getpid();
    say("Who receives from one process only, and for ever, waits for that one. If it\n"
        "waits for the next one, and the last of them for me, then nobody could ever\n"
        "go on. So the kernel follows the arrows before it lets the last one sleep.");
    gap();
    circle(1, FOREVER, "me -> me");
    circle(2, FOREVER, "A -> me -> A");
    way_out(2);
    circle(3, FOREVER, "A -> me, B -> A, me -> B");
    way_out(3);
    gap();
    say("It is no circle if one of them waits for a time only: it will help itself.");
    circle(2, 1000000, "A -> me -> A, for a time");
    way_out(2);
    gap();
    say("Calls wait for exactly one, too. Here a server calls its own client back:");
    struct msg m = { 0 }, a = { 0 };
    pid_t client = (pid_t)must(fork(), "fork");
    if (client == 0)
        _exit(msg_call(me, &m, &a, FOREVER) == 0 ? (int)a.type : errno);
    must(msg_receive(client, &m, 0, FOREVER), "msg_receive");
    int back = msg_call(client, &m, &a, FOREVER) == -1 ? errno : 0;
    say("  I have its call, and call it: %s",
        mark(back == EDEADLK, strerror(back), "NO ERROR"));
    int status;
    m.type = 42;
    must(msg_reply(client, &m), "msg_reply");
    must(waitpid(client, &status, 0), "waitpid");
    say("  I answer %d instead, and it %s.", m.type,
        mark(WEXITSTATUS(status) == 42, "goes on", "DOES NOT"));
    return demo_end("let B wait for MSG_ANY. Is that a circle?",
                    "kernel/ipc/link.c, wait_closes_circle()");
}
