/* receipts.c - several receivers of one mailbox: which one gets it, and who says so.
 * Order: 64
 *
 * The textbook's two answers. The system chooses one, and tells the sender which; or
 * only one process may receive at a time.
 * FEATURE(50, 55, 56, 57, 58, 131)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>
#include <sched.h>

#define WORKERS 3

static int box, done;                   /* the work, and what was done */

static struct mbox_stat look(int mailbox) {
    struct mbox_stat stat;
    must(mbox_stat(mailbox, &stat), "mbox_stat");
    return stat;
}

/* Until so many processes wait to receive work. */
static void until_waiting(unsigned count) {
    while (look(box).waiting_receivers != count)
        sched_yield();
}

/* Takes one piece of work, and says so; or learns that it may not. */
static void work(int number) {
    char text[32] = "";
    struct msg m = { .body = text, .room = sizeof text - 1 };
    if (mbox_receive(box, &m, 0, FOREVER) < 0)
        _exit(errno);
    text[m.length] = '\0';
    say("    worker %d: I got %s", number, text);
    struct msg report = { .type = (uint32_t)number };
    _exit(mbox_send(done, &report, 0, FOREVER) != 0);
}

static pid_t start(int number) {
    pid_t worker = (pid_t)must(fork(), "fork");
    if (worker == 0)
        work(number);
    return worker;
}

static int finish(pid_t worker) {
    int status = 0;
    must(waitpid(worker, &status, 0), "waitpid");
    return WEXITSTATUS(status);
}

/* Sends with MSG_SYNC: the result is the process that received it. */
static void send_work(const char *text, const pid_t *workers) {
    struct msg m = { .body = (char *)(uintptr_t)text,
                     .length = (uint32_t)strlen(text) };
    struct msg report = { 0 };
    pid_t taker = (pid_t)must(mbox_send(box, &m, MSG_SYNC, FOREVER), "mbox_send");
    must(mbox_receive(done, &report, 0, FOREVER), "mbox_receive");
    int number = 1;
    while (number < WORKERS && workers[number - 1] != taker)
        number++;
    say("  my receipt for %s says worker %d, %s", text, number,
        mark(report.type == (uint32_t)number && report.sender == taker, "and so it was",
             "WHICH IS WRONG"));
}

static void shared(void) {
    static const char *const text[] = { "the first piece", "the second piece",
                                        "the third piece" };
    pid_t workers[WORKERS];
    box = (int)must(mbox_create(NULL), "mbox_create");
    say("%d workers share a mailbox. They came in the order 1, 2, 3 and wait. Each\n"
        "piece goes to exactly one of them, the one that has waited longest:",
        WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = start(i + 1);
        until_waiting((unsigned)i + 1);
    }
    for (int i = 0; i < WORKERS; i++)
        send_work(text[i], workers);
    for (int i = 0; i < WORKERS; i++)
        expect(finish(workers[i]) == 0);
    say("It does so also when the message, and I, have to wait for somebody to come:");
    workers[0] = (pid_t)must(fork(), "fork");
    if (workers[0] == 0) {
        while (look(box).queued == 0)
            sched_yield();
        work(1);
    }
    send_work("a late piece", workers);
    expect(finish(workers[0]) == 0);
    close(box);
}

static void exclusive(void) {
    struct mbox_attr attr = { .receivers = MBOX_EXCLUSIVE };
    pid_t workers[WORKERS];
    box = (int)must(mbox_create(&attr), "mbox_create");
    say("The other answer, MBOX_EXCLUSIVE: who receives first owns the receiving end.");
    workers[0] = start(1);
    until_waiting(1);
    expect(look(box).exclusive == workers[0]);
    pid_t second = start(2);
    int error = finish(second);
    say("  worker 2 wanted to receive, too: %s",
        mark(error == EBUSY, strerror(error), "AND WAS ALLOWED TO"));
    send_work("all the work", workers);
    expect(finish(workers[0]) == 0);
    say("  worker 1 has ended, so the mailbox has %s",
        mark(look(box).exclusive == 0, "no owner now", "AN OWNER STILL"));
    close(box);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "receipts: who got it?");
    done = (int)must(mbox_create(NULL), "mbox_create");
    shared();
    gap();
    exclusive();
    close(done);
    return demo_end("let worker 1 take two pieces. Who gets the fourth?",
                    "kernel/ipc/message_queue.c, hand_over(): the longest wait first");
}
