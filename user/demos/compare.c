/* compare.c - one producer and one consumer, over every mechanism, counted.
 * Order: 99
 *
 * How often is a part copied? One is sent, and then overwritten by its sender: what
 * arrives, and when he could go on, tells. System calls and switches are counted in
 * /proc/trace, which is root's. The argument is the size of a part.
 *
 * FEATURE(10, 14, 19, 20, 21, 78, 137)
 */
#include "counts.h"
#include "mechanisms.h"

#define PARTS   10
#define WARM_UP 3                       /* parts before that, for first touches */

static const struct {
    int copies, calls;                  /* as designed, for each part; -1: it depends */
} design[KINDS] = {
    [PIPE] = { 2, 2 },     [SOCKET] = { 2, 2 },  [POSIX] = { 2, 2 },
    [SYSTEM_V] = { 2, 2 }, [MAILBOX] = { 2, 2 }, [LINK] = { 1, 2 },
    [MOVED] = { 0, 4 },    [SHARED] = { 0, -1 },
};

/* One is sent and then written over. The sender waits: one copy, from him to me. He
 * goes on: two if I get what he sent, none if I get what he wrote, or if he could not
 * write because the page is gone. */
static int count_copies(enum how how) {
    char *part, state = 0;
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        part = make(how);
        memset(part, 'a', size);
        put(how, part);
        memset(part, 'b', size);
        _exit(0);
    }
    while (state != 'S' && state != 'Z')
        state = state_of(child);
    part = get(how, child);
    int sent = *part == 'a';
    done(how, part);
    must(waitpid(child, &status, 0), "waitpid");
    return state == 'S' ? 1 : sent && status == 0 ? 2 : 0;
}

static void produce(enum how how) {
    for (int i = -WARM_UP; i < PARTS; i++) {
        if (i == 0)
            sem_wait(&shared->go);
        char *part = make(how);
        *part = (char)i;
        put(how, part);
    }
    shared->ended = now();
    sem_wait(&shared->go);              // or its exit would cost, too
    _exit(0);
}

/* Parts from a child to me, from the moment when both are ready. */
static struct counts run(enum how how, uint64_t *took) {
    int good = 0;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        produce(how);
    for (int i = 0; i < WARM_UP; i++)
        done(how, get(how, child));
    until_state(child, 'S');
    uint64_t start = now();
    sem_post(&shared->go);
    uint64_t from = now();
    for (int i = 0; i < PARTS; i++) {
        char *part = get(how, child);
        good += *part == i;
        done(how, part);
    }
    uint64_t to = now();
    *took = to - from;
    sem_post(&shared->go);
    must(waitpid(child, NULL, 0), "waitpid");
    expect(good == PARTS);
    struct counts mine = count(from, to, me), its = count(start, shared->ended, child);
    return (struct counts){ mine.calls + its.calls, mine.switches + its.switches };
}

/* So many for each part, with one decimal. */
static const char *each(long number) {
    char *text = demo_scrap();
    snprintf(text, SCRAP, "%ld.%ld", number / PARTS, number % PARTS);
    return number < 0 ? "?" : text;
}

static void row(enum how how) {
    int copies = count_copies(how);
    uint64_t took;
    struct counts c = run(how, &took);
    int exact = design[how].calls >= 0;
    int good =
        expect(copies == design[how].copies
               && (!exact || c.calls < 0 || c.calls == PARTS * design[how].calls));
    say("  %-22s %6d %8s %9s %13s%s", names[how], copies,
        demo.log && !exact ? "N" : each(c.calls), demo.log ? "N" : each(c.switches),
        some((long)(took / PARTS)), good ? "" : paint("1;31", "  UNEXPECTED"));
}

int main(int argc, char **argv) {
    demo_start_with(argc, argv, "compare: one part, by every way", "[BYTES]");
    if (argument(0))
        size = (unsigned)atoi(argument(0));
    if (size < 1 || size > PAGE) {
        say("A part has 1 to %d bytes.", PAGE);
        return 2;
    }
    mechanisms_open();
    say("A child makes %d parts of %u bytes, I take them. For each part:", PARTS, size);
    gap();
    say("  %-22s %6s %8s %9s %13s", "", "copies", "calls", "switches",
        demo.log || counts_instructions() ? "instructions" : "cycles");
    for (enum how how = 0; how < KINDS; how++)
        row(how);
    mechanisms_close();
    gap();
    say("Copies: I write over a part when it is sent. If you get what I wrote there\n"
        "is none; if you get what I had sent, it was copied in and out again; or only\n"
        "once, if I had to wait for you. If I cannot write, you have got my page.");
    say("Two calls a part is the least without shared memory; with it there is one\n"
        "if somebody waits. To move pages is to map and unmap them, too.");
    return demo_end("compare 16. Which are cheap now, and which are not?",
                    "kernel/ipc/message_queue.c, pipe.c, move_pages.c");
}
