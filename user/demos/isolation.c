/* isolation.c - a wild store kills only the process that made it.
 * Order: 10
 *
 * A neighbour keeps a pattern in memory and counts primes. Beside it run four vandals,
 * one after the other, each with one store through a bad pointer; after each of them
 * the neighbour looks at its memory. What it found it can only tell through a pipe.
 * FEATURE(1, 2, 3, 7, 12)
 */
#include "demo.h"

#define WORDS 4096
#define STEP 5000                       /* numbers that the neighbour tests at a time */
#define WILD 13                         /* what a vandal stores */

struct report {                         /* what the neighbour says through its pipe */
    int intact;                         /* words of the pattern that are as they were */
    int primes;                         /* how many it has found */
};

static unsigned pattern[WORDS];         /* every process has one, all at one address */
static volatile int primes;             /* found so far; likewise */

static int is_prime(int n) {
    for (int d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n >= 2;
}

/* The neighbour works a step for every byte that it reads, and reports. */
static void neighbour(int orders, int reports) {
    char order;
    for (unsigned i = 0; i < WORDS; i++)
        pattern[i] = i * 2654435761u;
    for (int from = 0; read(orders, &order, 1) == 1; from += STEP) {
        struct report report = { 0, 0 };
        for (int n = from; n < from + STEP; n++)
            primes += is_prime(n);
        for (unsigned i = 0; i < WORDS; i++)
            report.intact += pattern[i] == i * 2654435761u;
        report.primes = primes;
        must(write(reports, &report, sizeof report), "writing to the pipe");
    }
    _exit(0);
}

/* A vandal lives for one store. If it survives, it leaves with what it reads back. */
static int run_vandal(volatile unsigned *target) {
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        volatile unsigned *volatile wild = target;      // the compiler shall not look
        *wild = WILD;
        _exit((int)*wild);
    }
    must(waitpid(child, &status, 0), "waitpid");
    return status;
}

static const struct {
    const char *what;
    volatile unsigned *target;
    int lives;
} vandals[] = {
    { "nothing: page 0", NULL, 0 },
    { "the kernel", (unsigned *)0xC0000000u, 0 },
    { "its own program code", (unsigned *)(uintptr_t)is_prime, 0 },
    { "the pattern's address", pattern, 1 },
};

/* Lets them loose, one after the other; the neighbour computes at the same time. */
static struct report watch(int orders, int reports) {
    struct report report;
    say("  vandal stores at   which is               its fate             neighbour");
    for (int i = 0; i < 4; i++) {
        must(write(orders, "g", 1), "writing to the pipe");
        int status = run_vandal(vandals[i].target);
        must(read(reports, &report, sizeof report), "reading from the pipe");
        expect(vandals[i].lives ? WIFEXITED(status) && WEXITSTATUS(status) == WILD
                                : WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        say("  %-6d %-10s  %-21s  %-19s  %d %s", i + 1, addr(vandals[i].target),
            vandals[i].what, fate(status), report.intact,
            mark(report.intact == WORDS, "intact", "LEFT"));
    }
    return report;
}

int main(int argc, char **argv) {
    int orders[2], reports[2];

    demo_start(argc, argv, "isolation: how far a wild pointer reaches");
    must(pipe(orders), "pipe");
    must(pipe(reports), "pipe");
    if (must(fork(), "fork") == 0) {
        close(orders[1]);
        neighbour(orders[0], reports[1]);
    }
    say("A neighbour keeps a pattern of %d words in memory and counts primes.\n"
        "Beside it vandals store %d through wild pointers, and read it back.",
        WORDS, WILD);
    gap();
    struct report report = watch(orders[1], reports[0]);
    gap();
    say("Signal %d says: that address is not yours. The kernel ended the one process\n"
        "that did it. Vandal 4 lived and read its %d; yet the neighbour's words are\n"
        "what they were: %s leads each process to memory of its own.",
        SIGSEGV, WILD, addr(pattern));
    gap();
    say("That wall keeps friends apart too. The neighbour has %d primes below %d in\n"
        "its variable `primes`; mine, at the same %s, is still %s. I know its\n"
        "number only because the kernel carried it to me, through a pipe.",
        report.primes, 4 * STEP, addr(&primes),
        mark(primes == 0, "0", "SOMETHING ELSE"));
    return demo_end("aim a vandal at its own stack. Does it live?",
                    "kernel/mm/fault.c, which decides what a bad address means");
}
