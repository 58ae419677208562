/* blocking.c - blocking and non-blocking, sending and receiving: all four together.
 * Order: 54
 *
 * A sender has five parts for me; the link has room for two. Who blocks is woken when
 * it can go on. Who does not asks, is told EAGAIN, and asks again: it polls.
 *
 * FEATURE(60, 61, 62, 63, 64, 65, 66, 67, 68)
 */
#include "demo.h"
#include <parley.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PARTS 5
#define MANY  100

static pid_t me;
static volatile unsigned *polls;        /* the sender's, in vain */

static struct link_stat link_with(pid_t other) {
    struct link_stat stat;
    must(link_stat(other, &stat), "link_stat");
    return stat;
}

static pid_t start_sender(uint32_t parts, int flags, int timeout) {
    pid_t child = (pid_t)must(fork(), "fork");
    struct msg go = { 0 };
    if (child > 0)
        return child;
    must(msg_receive(me, &go, 0, FOREVER), "msg_receive");
    for (uint32_t i = 0; i < parts; i++) {
        struct msg m = { .type = i };
        while (msg_send(me, &m, flags, timeout) == -1) {
            must(errno == EAGAIN ? 0 : -1, "msg_send");
            ++*polls;
            sched_yield();
        }
    }
    _exit(0);
}

/* Lets the sender begin, with so much room. */
static void begin(pid_t sender, uint32_t capacity) {
    struct link_attr attr = { .capacity = capacity };
    struct msg go = { .type = *polls = 0 };
    must(link_open(sender, &attr), "link_open");
    must(msg_send(sender, &go, 0, FOREVER), "msg_send");
}

/* One of the four. Everything arrives, and who blocks does not poll. */
static void together(int sending, int receiving) {
    pid_t sender = start_sender(PARTS, 0, sending);
    struct msg m = { 0 };
    unsigned mine = 0, parts = 0;
    begin(sender, 2);
    if (receiving == FOREVER)
        while (link_with(sender).in.queued < 2)
            sched_yield();              // now who does not wait polls
    while (parts < PARTS) {
        if (msg_receive(sender, &m, 0, receiving) == sender) {
            expect(m.type == parts++);
        } else {
            must(errno == EAGAIN ? 0 : -1, "msg_receive");
            mine += sched_yield() == 0;
        }
    }
    must(waitpid(sender, NULL, 0), "waitpid");
    expect((sending == NOWAIT || !*polls) && (receiving == NOWAIT || !mine));
    say("  %-13s %-13s %d of %d   %5s   %5s%s",
        sending == NOWAIT ? "non-blocking" : "blocking",
        receiving == NOWAIT ? "non-blocking" : "blocking", parts, PARTS,
        sending == NOWAIT ? some(*polls) : "0", receiving == NOWAIT ? some(mine) : "0",
        sending == NOWAIT && receiving == FOREVER ? "   <- the usual one" : "");
}

/* Nobody waits, and there is no room: they miss each other for ever. */
static void never_meet(void) {
    pid_t sender = start_sender(1, 0, NOWAIT);
    struct msg m = { 0 };
    unsigned met = 0;
    begin(sender, CAPACITY_ZERO);
    for (int i = 0; i < MANY; i++) {
        met += msg_receive(sender, &m, 0, NOWAIT) == sender;
        sched_yield();
    }
    say("Without room, and if nobody waits: I asked %d times, and met the sender %s.",
        MANY, mark(met == 0, "never", "AFTER ALL"));
    kill(sender, SIGKILL);
    must(waitpid(sender, NULL, 0), "waitpid");
}

/* How often the sender of many parts slept. I take one only when it waits for me, or
 * all when it has ended. */
static long count_sleeps(int flags, unsigned *arrived) {
    struct rusage before, after;
    unsigned received = 0;
    struct msg m = { 0 };
    getrusage(RUSAGE_CHILDREN, &before);
    pid_t sender = start_sender(MANY, flags, FOREVER);
    begin(sender, CAPACITY_UNBOUNDED);
    for (; flags && received < MANY; received++) {
        while (link_with(sender).in.waiting_senders == 0)
            sched_yield();
        must(msg_receive(sender, &m, 0, FOREVER), "msg_receive");
    }
    must(waitpid(sender, NULL, 0), "waitpid");
    *arrived = received;
    getrusage(RUSAGE_CHILDREN, &after);
    return after.ru_nvcsw - before.ru_nvcsw;
}

static void compare(void) {
    unsigned sync, async;               /* arrived when the sender had ended */
    long slept = count_sleeps(MSG_SYNC, &sync), slept_less = count_sleeps(0, &async);
    say("%d parts, sent so that each send waits until its part was received, and not:\n"
        "  synchronous:   the sender slept %s times. When it ended, %3u had arrived.\n"
        "  asynchronous:  the sender slept %s times. When it ended, %3u had arrived.",
        MANY, some(slept), sync, some(slept_less), async);
    say("The one is %s, the other is %s.",
        mark(sync == MANY && !async, "sooner", "LATE"),
        mark(slept >= MANY && slept_less < MANY / 10, "cheaper", "DEAR"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "blocking: wait, or ask again?");
    me = getpid();
    polls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(polls == MAP_FAILED ? -1 : 0, "mmap");
    say("  sender        receiver      arrived  asked in vain: sender, receiver");
    together(FOREVER, FOREVER);
    together(FOREVER, NOWAIT);
    together(NOWAIT, FOREVER);
    together(NOWAIT, NOWAIT);
    gap();
    never_meet();
    gap();
    compare();
    return demo_end("make room for a hundred in together(). Who polls now?",
                    "kernel/ipc/message_queue.c, message_post() and message_take()");
}
