/* notify.c - notifications: bits that never wait, never queue and never overflow.
 * Order: 73
 *
 * Three devices have news for a driver who is busy. With messages in a bounded queue
 * they would have to wait, or lose some; a notification just sets bits at him. He
 * learns that there was news of each kind, and not how often.
 *
 * FEATURE(64, 116)
 */
#include "demo.h"
#include <parley.h>

#define TIMES    1000
#define DEVICES  3
#define CAPACITY 4

static pid_t me;
static const char *const kinds[] = { "key", "mouse", "disk", "net" };

/* "key, disk": the bits in words. */
static const char *words(uint32_t bits) {
    char *text = demo_scrap();
    *text = '\0';
    for (int i = 0; i < 4; i++)
        if (bits & 1u << i)
            strcat(strcat(text, *text ? ", " : ""), kinds[i]);
    return text;
}

/* A device that has news so many times: one bit, and then another one. */
static pid_t start_device(uint32_t first, uint32_t second) {
    int waited = 0;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child > 0)
        return child;
    for (int i = 0; i < TIMES; i++)
        waited += msg_notify(me, i % 2 ? second : first) != 0;
    _exit(waited ? 1 : 0);
}

static int finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    return status;
}

/* The same as messages, without waiting: how many fit? */
static void as_messages(void) {
    pid_t child = (pid_t)must(fork(), "fork");
    struct msg m = { 0 };
    int sent = 0, got = 0;
    if (child == 0) {
        must(msg_receive(me, &m, 0, FOREVER), "msg_receive");
        while (msg_send(me, &m, 0, NOWAIT) == 0)
            sent++;
        _exit(errno == EAGAIN ? sent : 99);
    }
    struct link_attr attr = { .capacity = CAPACITY };
    must(link_open(child, &attr), "link_open");
    must(msg_send(child, &m, 0, FOREVER), "msg_send");
    sent = WEXITSTATUS(finish(child));
    while (msg_receive(child, &m, 0, NOWAIT) == child)
        got++;
    say("As messages, with room for %d: who must not wait gets rid of %d, and is then\n"
        "told EAGAIN. The driver finds %s.",
        CAPACITY, sent, mark(sent == CAPACITY && got == sent, "those", "OTHERS"));
}

static void as_notifications(void) {
    static const uint32_t bits[DEVICES][2] = { { 1, 2 }, { 4, 4 }, { 4, 8 } };
    pid_t devices[DEVICES];
    struct msg m = { 0 };
    int words_found = 0;
    say("As notifications: %d devices, %d times each, while the driver is busy.",
        DEVICES, TIMES);
    for (int i = 0; i < DEVICES; i++) {
        devices[i] = start_device(bits[i][0], bits[i][1]);
        until_state(devices[i], 'Z');
    }
    say("  All have ended, none had to wait. Now he looks:");
    for (; msg_receive(MSG_ANY, &m, 0, NOWAIT) > 0; words_found++) {
        int i = words_found;
        say("  device %d: %-12s (bits %x) %s", i + 1, words(m.bits), m.bits,
            mark(i < DEVICES && m.sender == devices[i] && m.type == MSG_NOTIFICATION
                     && m.bits == (bits[i][0] | bits[i][1]),
                 "all that was set, once", "WRONG"));
    }
    say("  Sent %d, received %d: %s.", DEVICES * TIMES, words_found,
        mark(words_found == DEVICES, "one word for each pair, whatever happens",
             "ODD"));
    for (int i = 0; i < DEVICES; i++)
        expect(finish(devices[i]) == 0);
}

/* A message is queued already; then comes a notification. */
static void before_messages(void) {
    struct link_attr attr = { .capacity = CAPACITY };
    struct msg m = { .type = 7 };
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        must(msg_receive(me, &m, 0, FOREVER), "msg_receive");
        m.type = 7;
        must(msg_send(me, &m, 0, FOREVER), "msg_send");
        _exit(msg_notify(me, 8) == 0 ? 0 : 1);
    }
    must(link_open(child, &attr), "link_open");
    must(msg_send(child, &m, 0, FOREVER), "msg_send");
    expect(finish(child) == 0);
    must(msg_receive(MSG_ANY, &m, 0, NOWAIT), "msg_receive");
    int first = m.type == MSG_NOTIFICATION && m.bits == 8;
    must(msg_receive(MSG_ANY, &m, 0, NOWAIT), "msg_receive");
    say("A message was sent, and then a notification. He gets %s first.",
        mark(first && m.type == 7, "the notification", "THE MESSAGE"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "notify: it happened, never mind how often");
    me = getpid();
    as_messages();
    gap();
    as_notifications();
    gap();
    before_messages();
    say("So who serves many can tell each of them something, and never depends on a\n"
        "slow one. What to do about it is asked for afterwards, by a message.");
    return demo_end("send 3000 realtime signals instead. Where are they kept?",
                    "kernel/ipc/call.c");
}
