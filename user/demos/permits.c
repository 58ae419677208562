/* permits.c - an empty message is a semaphore.
 * Order: 72
 *
 * A mailbox with N empty messages: to receive one is P, to send it back is V. Nothing
 * is said, and yet nobody goes on before there is a permit. With one message it is a
 * lock, with none at first it is an appointment.
 *
 * FEATURE(8, 22, 29, 60)
 */
#include "demo.h"
#include <parley.h>
#include <sched.h>

#define WORKERS 4
#define PERMITS 2

static const struct msg nothing;        /* no type, no body, no bytes */

static void send_permit(int box)        /* V, up, signal, release */
{
    must(mbox_send(box, &nothing, 0, FOREVER), "mbox_send");
}

static void take_permit(int box)        /* P, down, wait, acquire */
{
    struct msg m = { 0 };               // room for no bytes at all
    must(mbox_receive(box, &m, 0, FOREVER), "mbox_receive");
}

static struct mbox_stat look(int box) {
    struct mbox_stat stat;
    must(mbox_stat(box, &stat), "mbox_stat");
    return stat;
}

/* Enters when there is a permit, tells, and leaves when it is told to. */
static void work(int permits, int inside, int leave) {
    take_permit(permits);
    send_permit(inside);
    take_permit(leave);
    take_permit(inside);
    send_permit(permits);
    _exit(0);
}

static void until(int box, unsigned queued, unsigned waiting) {
    struct mbox_stat stat;
    do {
        sched_yield();
        stat = look(box);
    } while (stat.queued != queued || stat.waiting_receivers != waiting);
}

static void limit(void) {
    int permits = (int)must(mbox_create(NULL), "mbox_create");
    int inside = (int)must(mbox_create(NULL), "mbox_create");
    int leave = (int)must(mbox_create(NULL), "mbox_create");
    for (int i = 0; i < PERMITS; i++)
        send_permit(permits);
    say("A mailbox with %u empty messages, %u bytes in all, and %d workers who each\n"
        "take one before they go in:",
        look(permits).queued, look(permits).bytes, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        if (must(fork(), "fork") == 0)
            work(permits, inside, leave);
    until(permits, 0, WORKERS - PERMITS);
    until(leave, 0, PERMITS);
    say("  %u are inside, %u wait: %s", look(inside).queued,
        look(permits).waiting_receivers,
        mark(look(inside).queued == PERMITS, "as many as there are permits",
             "TOO MANY"));
    send_permit(leave);
    until(permits, 0, WORKERS - PERMITS - 1);
    until(leave, 0, PERMITS);
    say("  one leaves and sends its permit back: %u inside, %u waits",
        look(inside).queued, look(permits).waiting_receivers);
    for (int i = 1; i < WORKERS; i++)
        send_permit(leave);
    for (int i = 0; i < WORKERS; i++)
        must(wait(NULL), "wait");
    say("  all have left: %s",
        mark(look(permits).queued == PERMITS && look(inside).queued == 0,
             "the permits are back in the mailbox", "BUT NOT ALL"));
    close(permits);
    close(inside);
    close(leave);
}

/* Who comes first waits for the other, by a message that says nothing. */
static void appointment(void) {
    int shown = (int)must(mbox_create(NULL), "mbox_create");
    say("Empty at first, it orders two processes. The child may speak after me only:");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        take_permit(shown);
        say("    child: second");
        _exit(0);
    }
    until(shown, 0, 1);
    say("    parent: first; the child is waiting");
    send_permit(shown);
    must(waitpid(child, NULL, 0), "waitpid");
    say("    parent: third");
    close(shown);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "permits: an empty message is a semaphore");
    limit();
    gap();
    appointment();
    gap();
    say("What was sent: %u bytes. What was said: that one may go on.", nothing.length);
    say("A permit that its holder dies with is lost, here as with any semaphore.");
    return demo_end("PERMITS 1: which name has that? And what does PERMITS 0 do?",
                    "kernel/ipc/message_queue.c: no case of its own for empty bodies");
}
