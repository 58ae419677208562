/* rendezvous.c - a link without capacity: sender and receiver have to meet.
 * Order: 52
 *
 * Whoever comes first waits for the other. A clock that both share, and that goes on by
 * one at every event, says in which order things happened.
 *
 * FEATURE(14, 60, 62, 63, 68, 69, 72, 115)
 */
#include "demo.h"
#include <parley.h>
#include <sched.h>
#include <sys/mman.h>

static struct {
    int ticks;
    int came[2], went[2];               /* when each began its call, and ended it */
} * shared;

enum who { SENDER, RECEIVER };

static pid_t me;

static void note(int *when) {
    *when = __atomic_add_fetch(&shared->ticks, 1, __ATOMIC_SEQ_CST);
}

static struct link_stat link_with(pid_t other) {
    struct link_stat stat = { 0 };
    must(link_stat(other, &stat) == 0 || errno == ENOENT ? 0 : -1, "link_stat");
    return stat;
}

/* The child sends one message. It comes at once, or when I wait for it. */
static pid_t sender(enum who first, int flags) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child > 0)
        return child;
    struct msg m = { .body = "hello", .length = 5 };
    while (first == RECEIVER && link_with(me).out.waiting_receivers == 0)
        sched_yield();
    note(&shared->came[SENDER]);
    must(msg_send(me, &m, flags, FOREVER), "msg_send");
    note(&shared->went[SENDER]);
    _exit(0);
}

/* One meeting; I am the receiver. */
static void meet(enum who first, uint32_t capacity, int flags, const char *what) {
    char text[8];
    struct msg m = { .body = text, .room = sizeof text };
    struct link_attr attr = { .capacity = capacity };
    int stays = capacity == CAPACITY_ZERO || flags;
    memset(shared, 0, sizeof *shared);
    pid_t child = sender(first, flags);
    must(link_open(child, &attr), "link_open");
    if (first == SENDER && stays)
        while (link_with(child).in.waiting_senders == 0)
            sched_yield();
    else if (first == SENDER)
        must(waitpid(child, NULL, 0), "waitpid");       // it leaves its message
    note(&shared->came[RECEIVER]);
    must(msg_receive(child, &m, 0, FOREVER), "msg_receive");
    note(&shared->went[RECEIVER]);
    if (first == RECEIVER || stays)
        must(waitpid(child, NULL, 0), "waitpid");
    int sender_waited = shared->went[SENDER] > shared->came[RECEIVER];
    int good = first == RECEIVER ? shared->went[RECEIVER] > shared->came[SENDER]
                                 : sender_waited == stays;
    say("  %-28s %-9s %-9s %s", what, first == SENDER ? "sender" : "receiver",
        first == RECEIVER ? "receiver"
        : sender_waited   ? "sender"
                          : "nobody",
        mark(good, "as promised", "NOT AS PROMISED"));
}

/* Nobody comes, and the sender does not want to wait for ever. */
static void too_late(void) {
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        struct msg m = { .body = "hello", .length = 5 };
        _exit(msg_send(me, &m, 0, 50) == 0 ? 0 : errno);
    }
    must(waitpid(child, &status, 0), "waitpid");
    say("A sender that wants to wait 50 ms at most is told: %s.",
        mark(WEXITSTATUS(status) == ETIMEDOUT, "Operation timed out", "NOTHING"));
    struct msg m = { 0 };
    int nothing = msg_receive(MSG_ANY, &m, 0, NOWAIT) == -1 && errno == EAGAIN;
    say("It has taken its message along: I look, and there is %s.",
        mark(nothing, "none", "ONE STILL"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "rendezvous: a link without room");
    me = getpid();
    shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    say("A link that nobody has given a capacity has none: there is no queue. The one\n"
        "who comes first waits for the other one; then the message goes over, once\n"
        "copied, from his memory into mine.");
    gap();
    say("  %-28s %-9s %-9s", "link", "first is", "who waits");
    meet(SENDER, CAPACITY_ZERO, 0, "capacity zero");
    meet(RECEIVER, CAPACITY_ZERO, 0, "capacity zero");
    meet(SENDER, 1, 0, "capacity one");
    meet(RECEIVER, 1, 0, "capacity one");
    meet(SENDER, 1, MSG_SYNC, "capacity one, with MSG_SYNC");
    gap();
    say("With room for one the sender goes on at once; who wants to be sure even so\n"
        "asks for it with MSG_SYNC. A receiver waits in any case: there is nothing.");
    too_late();
    return demo_end("give the link capacity 1 in too_late(). What is left for me?",
                    "kernel/ipc/message_queue.c, message_post(): offered or accepted");
}
