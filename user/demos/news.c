/* news.c - publish and subscribe: one message, many readers.
 * Order: 70
 *
 * A broadcast mailbox is a ring. Each open of it for receiving has a place of its own
 * there; nobody can slow the publisher down, and who is too slow sees what he missed.
 * FEATURE(31, 124)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>
#include <sched.h>

#define RING 4
#define READERS 3

static int news;

static void publish(const char *text) {
    struct msg m = { .body = (char *)(uintptr_t)text,
                     .length = (uint32_t)strlen(text) };
    must(mbox_send(news, &m, 0, NOWAIT), "mbox_send");
}

static void publish_numbers(int first, int last) {
    char text[16];
    for (int i = first; i <= last; i++) {
        snprintf(text, sizeof text, "headline %d", i);
        publish(text);
    }
}

/* Reads what there is, without waiting, and notices what it has missed. */
static const char *catch_up(int reader, uint64_t *next) {
    char *seen = demo_scrap();
    char text[32];
    struct msg m = { .body = text, .room = sizeof text };
    size_t used = 0;
    seen[0] = '\0';
    while (mbox_receive(reader, &m, 0, NOWAIT) > 0) {
        if (m.sequence > *next)
            used +=
                (size_t)sprintf(seen + used, "(%d missed) ", (int)(m.sequence - *next));
        used += (size_t)sprintf(seen + used, "%llu ", (unsigned long long)m.sequence);
        *next = m.sequence + 1;
    }
    expect(errno == EAGAIN);
    return seen;
}

static int subscribe(void) {
    return (int)must(mbox_open("news", O_RDONLY), "mbox_open");
}

/* Readers that wait are all woken by the same message. */
static void read_one(int number, int done) {
    char text[32];
    int mine = subscribe();
    struct msg m = { .body = text, .room = sizeof text };
    must(mbox_receive(mine, &m, 0, FOREVER), "mbox_receive");
    struct msg report = { .type = (uint32_t)number, .body = text, .length = m.length };
    _exit(mbox_send(done, &report, 0, FOREVER) != 0);
}

static void wake_all(void) {
    struct mbox_stat stat = { 0 };
    char text[32];
    int heard = 0, done = (int)must(mbox_create(NULL), "mbox_create");
    struct msg m = { .body = text, .room = sizeof text };
    for (int i = 0; i < READERS; i++)
        if (must(fork(), "fork") == 0)
            read_one(i + 1, done);
    while (stat.waiting_receivers != READERS) {
        sched_yield();
        must(mbox_stat(news, &stat), "mbox_stat");
    }
    say("%d processes wait for news now. I publish one headline:", READERS);
    publish("extra");
    for (int i = 0; i < READERS; i++) {
        must(mbox_receive(done, &m, 0, FOREVER), "mbox_receive");
        heard += m.length == 5 && memcmp(text, "extra", 5) == 0;
    }
    while (wait(NULL) > 0)
        ;
    say("  %d of them heard it: %s.", heard,
        mark(heard == READERS, "everybody", "NOT EVERYBODY"));
    close(done);
}

int main(int argc, char **argv) {
    struct mbox_attr attr = { .capacity = RING, .receivers = MBOX_BROADCAST };
    uint64_t keen_next = 1, slow_next = 1, late_next = 4;
    demo_start(argc, argv, "news: publish and subscribe");
    news = (int)must(mbox_open("news", O_WRONLY | O_CREAT | O_EXCL, 0600, &attr),
                     "mbox_open");
    int keen = subscribe(), slow = subscribe();
    say("A publisher writes headlines into a ring of %d. Two readers have opened it.",
        RING);
    publish_numbers(1, 3);
    say("  1 to 3 published   the keen one reads %s", catch_up(keen, &keen_next));
    int late = subscribe();
    say("  a third reader     comes late and reads \"%s\": it starts at its open",
        catch_up(late, &late_next));
    publish_numbers(4, 5);
    say("  4 and 5 published  the keen one reads %s", catch_up(keen, &keen_next));
    publish_numbers(6, 8);
    say("  6 to 8 published   the keen one reads %s", catch_up(keen, &keen_next));
    say("                     the late one reads %s", catch_up(late, &late_next));
    say("                     the slow one reads %s", catch_up(slow, &slow_next));
    gap();
    say("The publisher never waited. The ring kept the last %d; what fell out left a\n"
        "gap in the sequence: %s.",
        RING,
        mark(keen_next == 9 && late_next == 9 && slow_next == 9,
             "a reader knows how much it has missed", "NOBODY KNOWS"));
    gap();
    wake_all();
    close(keen);
    close(slow);
    close(late);
    expect(mbox_unlink("news") == 0 && close(news) == 0);
    return demo_end("make the ring larger. How large must it be for the slow one?",
                    "kernel/ipc/mailbox_calls.c, broadcast_take()");
}
