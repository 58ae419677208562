/* naming.c - direct naming: processes that talk name each other.
 * Order: 50
 *
 * Amy and Bob send to me by my number. I listen to one of them by name, then to
 * whoever comes; look at the link that they made; and close one of its directions.
 *
 * FEATURE(13, 24, 25, 27, 28, 34, 35, 36, 37, 38, 39, 40, 41, 42, 45)
 */
#include "demo.h"
#include <parley.h>
#include <sched.h>
#include <sys/mman.h>

static pid_t me;
static volatile int *shared;            /* memory of all of us */

static struct link_stat link_with(pid_t other) {
    struct link_stat stat = { 0 };
    must(link_stat(other, &stat) == 0 || errno == ENOENT ? 0 : -1, "link_stat");
    return stat;
}

static int tell(pid_t to, const char *text, uint32_t length) {
    struct msg m = { .body = (char *)(uintptr_t)text, .length = length, .sender = 1 };
    return msg_send(to, &m, 0, FOREVER);
}

static struct msg listen_to(pid_t from) {
    static char text[64];
    struct msg m = { .body = text, .room = sizeof text };
    must(msg_receive(from, &m, 0, FOREVER), "msg_receive");
    return m;
}

/* Sends, is answered, sends again; and once more when I do not listen any more. */
static void amy(void) {
    must(tell(me, "hello", 5), "Amy");
    listen_to(me);
    must(tell(me, "again", 5), "Amy");
    listen_to(me);
    _exit(tell(me, "what?", 5) == 0 ? 0 : errno);
}

/* A message is bytes: these three are no text. Later he writes where I can see it. */
static void bob(void) {
    must(tell(me, "\0\377\n", 3), "Bob");
    listen_to(me);
    *shared = 1945;
    _exit(0);
}

static pid_t start(void (*role)(void)) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        role();
    return child;
}

/* Whether he, a third one, is on our link. */
static int stranger_sees(pid_t other) {
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(link_with(other).peer != 0);
    must(waitpid(child, &status, 0), "waitpid");
    return WEXITSTATUS(status);
}

static void name_each_other(pid_t a, pid_t b) {
    while (link_with(a).in.waiting_senders + link_with(b).in.waiting_senders < 2)
        sched_yield();
    const char *amys = pid(a), *bobs = pid(b);
    say("Amy is %s, Bob is %s. Both wait to send to me.", amys, bobs);
    struct msg m = listen_to(b);
    unsigned char *bytes = m.body;
    say("Symmetric: I name Bob, msg_receive(Bob). I get %u bytes, %02x %02x %02x,\n"
        "  from %s, %s. Amy has to wait.",
        m.length, bytes[0], bytes[1], bytes[2], pid(m.sender),
        mark(m.sender == b, "Bob", "NOT BOB"));
    m = listen_to(MSG_ANY);
    say("Asymmetric: msg_receive(MSG_ANY), whoever comes. I get \"%.*s\", and its\n"
        "  header says from %s: %s. She had written process 1 there; the\n"
        "  kernel has put in the truth.",
        (int)m.length, (char *)m.body, pid(m.sender),
        mark(m.sender == a, "Amy", "NOT AMY"));
}

static void the_link(pid_t a) {
    must(tell(a, "yes?", 4), "msg_send");
    struct msg m = listen_to(a);
    struct link_stat link = link_with(a);
    say("That made a link between Amy and me, by itself. It has two ends: a third\n"
        "  process %s. Her second message came over the same link, as number\n"
        "  %u. Mine to her went there, too: %u of hers, %u of mine were received.",
        mark(!stranger_sees(a), "is not on it", "IS ON IT"), (unsigned)m.sequence,
        (unsigned)link.in.received, (unsigned)link.out.received);
    expect(m.sequence == 2 && link.in.received == 2 && link.out.received == 1);
}

static void one_way(pid_t a) {
    struct link_attr refuse = { .refuse = 1 };
    int status;
    must(link_open(a, &refuse), "link_open");
    must(tell(a, "be quiet", 8), "msg_send");
    must(waitpid(a, &status, 0), "waitpid");
    say("A link goes both ways, or one: I refuse what Amy sends, and may still send\n"
        "  to her. She was told: %s.",
        mark(WEXITSTATUS(status) == EPERM, strerror(WEXITSTATUS(status)), "NOTHING"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "naming: send(P, message), receive(Q, message)");
    me = getpid();
    shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    pid_t a = start(amy), b = start(bob);
    name_each_other(a, b);
    the_link(a);
    one_way(a);
    must(tell(b, "", 0), "msg_send");
    while (*shared == 0)
        ;                               // no call: the memory is his and mine
    say("Some books call direct what needs no kernel at all: memory that both have.\n"
        "  Bob has stored %d there, and I see it. When to look, memory does not say.",
        *shared);
    must(waitpid(b, NULL, 0), "waitpid");
    return demo_end("start a second Amy. Whose message does MSG_ANY take first?",
                    "kernel/ipc/link.c, where links are made and found");
}
