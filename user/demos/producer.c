/* producer.c - producer and consumer over one mailbox, of any capacity.
 * Order: 60
 *
 * `producer 0`, `producer 3` or `producer unbounded` tells one run step by step, and
 * `producer 3 reject` another answer to a full mailbox: wait, reject, drop-oldest or
 * drop-newest. Without arguments it compares them all.
 * FEATURE(10, 13, 18, 30, 31, 68, 69, 70, 71, 72, 130)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>
#include <sched.h>

#define PARTS 5

static const char *const answers[] = { "wait", "reject", "drop-oldest", "drop-newest" };
static int box, told;                   /* told: step by step */
static int speech[2];                   /* what the producer says, for us to pass on */

static const char *capacity_name(uint32_t capacity) {
    char *scrap = demo_scrap();
    snprintf(scrap, SCRAP, capacity == CAPACITY_UNBOUNDED ? "unbounded" : "%u",
             capacity == CAPACITY_ZERO ? 0 : capacity);
    return scrap;
}

static struct mbox_stat look(void) {
    struct mbox_stat stat;
    must(mbox_stat(box, &stat), "mbox_stat");
    return stat;
}

/* Sends numbered parts, as fast as it may. Result: how many were refused. */
static int produce(void) {
    int refused = 0;
    for (int part = 1; part <= PARTS; part++) {
        struct msg m = { .body = &part, .length = sizeof part };
        int sent = mbox_send(box, &m, 0, FOREVER) == 0;
        must(sent || errno == ENOBUFS ? 0 : -1, "mbox_send");
        refused += !sent;
        if (told)
            say("  producer: part %d %s", part, sent ? "is sent" : strerror(errno));
    }
    return refused;
}

/* Until the producer waits (1) or has ended (0): then *status is its wait status. What
 * it said so far is passed on now, so that the story is the same every time. */
static int watch(pid_t producer, int *status) {
    char text[512];
    int waits;
    while (!(waits = look().waiting_senders > 0)
           && waitpid(producer, status, WNOHANG) != producer)
        sched_yield();
    for (ssize_t n; (n = read(speech[0], text, sizeof text)) > 0;)
        must(write(1, text, (size_t)n), "write");
    if (told && waits)
        say("  (the producer waits; %u in the queue)", look().queued);
    return waits;
}

/* The consumer takes whatever there is. Receive says EPIPE when the mailbox is empty
 * and nobody is left who could send: the end. */
static int consume(pid_t producer, int waits, char *parts, int *status) {
    int part, count = 0;
    struct msg m = { .body = &part, .room = sizeof part };
    while (mbox_receive(box, &m, 0, FOREVER) == producer) {
        sprintf(parts + 2 * count++, " %d", part);
        if (told)
            say("consumer: takes part %d, number %llu", part,
                (unsigned long long)m.sequence);
        waits = waits && watch(producer, status);
    }
    expect(errno == EPIPE);
    return count;
}

/* One run. The consumer begins when the producer cannot go on. */
static void run(uint32_t capacity, uint32_t overflow) {
    struct mbox_attr attr = { .capacity = capacity, .overflow = overflow };
    char parts[2 * PARTS + 1] = "";
    int status = 0;
    if (told)
        say("Capacity %s; if full: %s.", capacity_name(capacity), answers[overflow]);
    box = (int)must(mbox_create(&attr), "mbox_create");
    must(pipe2(speech, O_NONBLOCK), "pipe2");
    pid_t producer = (pid_t)must(fork(), "fork");
    if (producer == 0) {
        dup2(speech[1], 1);
        _exit(produce());
    }
    int waits = watch(producer, &status);
    int got = consume(producer, waits, parts, &status), refused = WEXITSTATUS(status);
    int dropped = (int)look().dropped;
    expect(got + refused + dropped == PARTS);
    if (told)
        say("The consumer got%s; %d refused, %d dropped.", parts, refused, dropped);
    else
        say("  %-11s %-12s %9s  %7d  %7d   %s", capacity_name(capacity),
            answers[overflow], waits ? "waits" : "goes on", refused, dropped,
            *parts ? parts : " nothing");
    close(box);
    close(speech[0]);
    close(speech[1]);
}

static void compare(void) {
    static const uint32_t capacities[] = { CAPACITY_ZERO, 3, CAPACITY_UNBOUNDED };
    say("A producer makes %d parts as fast as it may. The consumer sleeps until the\n"
        "producer waits or is done, and then takes what it can get.",
        PARTS);
    gap();
    say("  %-11s %-12s %9s  %7s  %7s    %s", "capacity", "when full", "producer",
        "refused", "dropped", "the consumer gets");
    for (int c = 0; c < 3; c++)
        for (uint32_t overflow = MBOX_BLOCK; overflow <= MBOX_DROP_NEWEST; overflow++)
            if (c == 1 || overflow == MBOX_BLOCK || (c == 0 && overflow == MBOX_REJECT))
                run(capacities[c], overflow);
    gap();
    say("Capacity 0 is a rendezvous: who sends waits for a receiver, without a queue.\n"
        "Dropping uses numbers up, so that the gap in the sequence shows the loss.\n"
        "Unbounded never waits: it ends at the user's limit, with an error.");
}

int main(int argc, char **argv) {
    uint32_t capacity = CAPACITY_ZERO, overflow = 0;
    demo_start_with(argc, argv, "producer: one mailbox, every capacity",
                    "[CAPACITY [WHEN-FULL]]");
    const char *size = argument(0), *answer = argument(1);
    if (size && strcmp(size, "unbounded") == 0)
        capacity = CAPACITY_UNBOUNDED;
    else if (size && strcmp(size, "0") != 0 && !(capacity = (uint32_t)atoi(size)))
        demo_usage();
    while (answer && strcmp(answer, answers[overflow]) != 0)
        if (++overflow == 4)
            demo_usage();
    told = size != NULL;
    if (told)
        run(capacity, overflow);
    else
        compare();
    return demo_end("producer 3 drop-oldest. Which parts are lost, and who learns it?",
                    "kernel/ipc/message_queue.c, from message_post() on");
}
