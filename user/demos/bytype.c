/* bytype.c - receive by type: the next of this kind, whatever came before.
 * Order: 67
 *
 * A workshop has one mailbox for everything. Who waits for the answer to his question,
 * or wants the urgent things first, takes a type and leaves the rest where it is. The
 * wrong program takes all, and has to keep what it cannot use yet.
 *
 * FEATURE(26, 33, 128)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>
#include <sched.h>

enum type { ORDER = 1, COMPLAINT, ANSWER };

static const char *const names[] = { "", "order", "complaint", "answer" };
static int box;

static void post(enum type type, char text) {
    struct msg m = { .type = type, .body = &text, .length = 1 };
    must(mbox_send(box, &m, 0, NOWAIT), "mbox_send");
}

/* The letter that is in the next message: of that type, or 0: of any. 0: none. */
static char take(enum type type) {
    char text = 0;
    struct msg m = { .type = type, .body = &text, .room = 1 };
    if (mbox_receive(box, &m, type ? MSG_TYPE : 0, NOWAIT) == -1) {
        must(errno == EAGAIN ? 0 : -1, "mbox_receive");
        return 0;
    }
    expect(!type || m.type == type);
    return text;
}

static struct mbox_stat look(void) {
    struct mbox_stat stat;
    must(mbox_stat(box, &stat), "mbox_stat");
    return stat;
}

/* Takes all of a type, 0: of any. "B E": in which order they came. */
static const char *take_all(enum type type) {
    char *text = demo_scrap(), *at = text, letter;
    *text = '\0';
    while ((letter = take(type)))
        at += sprintf(at, at == text ? "%c" : " %c", letter);
    return text;
}

static void fill(void) {
    static const enum type types[] = { ORDER, COMPLAINT, ORDER, ORDER, COMPLAINT };
    for (int i = 0; i < 5; i++)
        post(types[i], (char)('A' + i));
}

static void sort_out(void) {
    fill();
    say("In the mailbox are A to E, in this order; B and E are complaints.");
    const char *all = take_all(0);
    say("  without a type I get:         %-9s %s", all,
        mark(strcmp(all, "A B C D E") == 0, "in the order they came", "ODD"));
    fill();
    const char *urgent = take_all(COMPLAINT);
    say("  complaints first:             %-9s %s", urgent,
        mark(strcmp(urgent, "B E") == 0 && look().queued == 3,
             "in order; three stay where they are", "ODD"));
    const char *rest = take_all(0);
    say("  then the rest:                %-9s %s", rest,
        mark(strcmp(rest, "A C D") == 0, "still in order", "ODD"));
}

/* I wait for an answer; others keep sending orders. */
static void wait_for_answer(void) {
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        char text = 0;
        struct msg m = { .type = ANSWER, .body = &text, .room = 1 };
        must(mbox_receive(box, &m, MSG_TYPE, FOREVER), "mbox_receive");
        _exit(text);
    }
    while (look().waiting_receivers == 0)
        sched_yield();
    post(ORDER, 'X');
    post(ORDER, 'Y');
    say("A worker waits for an %s. Two orders come: %u queued, and it %s.",
        names[ANSWER], look().queued,
        mark(look().waiting_receivers == 1 && look().queued == 2, "waits", "WOKE"));
    post(ANSWER, 'Z');
    must(waitpid(child, &status, 0), "waitpid");
    say("The answer Z comes behind them: it gets %c at once, and %u orders are left.",
        WEXITSTATUS(status), look().queued);
    expect(WEXITSTATUS(status) == 'Z' && look().queued == 2);
    take_all(0);
}

/* Without types he has to take, look, and keep. */
static void without_types(void) {
    char kept[8], letter, found = 0;
    int count = 0;
    fill();
    post(ANSWER, 'Z');
    while (!found && (letter = take(0))) {
        if (letter == 'Z')
            found = letter;
        else
            kept[count++] = letter;
    }
    say("Without types he takes all until he has Z: %d messages in a bag of his own,\n"
        "which no other worker sees, and the sender believes that they were received:\n"
        "accepted %llu, received %llu.",
        count, (unsigned long long)look().accepted,
        (unsigned long long)look().received);
    expect(count == 5 && kept[0] == 'A' && look().accepted == look().received);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "bytype: only what I can use now");
    box = (int)must(mbox_open("workshop", O_RDWR | O_CREAT, 0600, NULL), "mbox_open");
    sort_out();
    gap();
    wait_for_answer();
    gap();
    without_types();
    say("If several share the mailbox, each with its type, each is like a queue.");
    must(mbox_unlink("workshop"), "mbox_unlink");
    return demo_end("capacity 2 for the mailbox. Can the answer still get in?",
                    "kernel/ipc/message_queue.c: message_take(), and MSG_TYPE");
}
