/* sigcount.c - signals are not counted, can be held back, and say little.
 * Order: 42
 *
 * A hundred are sent while they are blocked, one comes. The wrong program counts its
 * orders by signals; the right one uses those that queue, or looks what there is to do.
 *
 * FEATURE(103, 104, 105)
 */
#include "demo.h"

#define MANY 100

static volatile sig_atomic_t calls, depth, deepest, again;
static volatile int values, sum;

static void count(int number) {
    if (++depth > deepest)
        deepest = depth;
    calls++;
    if (again-- > 0)
        raise(number);                  // while it is being handled
    depth--;
}

static void take_value(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    values++;
    sum += info->si_value.sival_int == values ? values : 0;
}

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    must(sigaction(number, &action, NULL), "sigaction");
}

/* Blocks the signal or lets it through. */
static void mask(int how, int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    must(sigprocmask(how, &set, NULL), "sigprocmask");
}

static int is_pending(int number) {
    sigset_t set;
    must(sigpending(&set), "sigpending");
    return sigismember(&set, number);
}

/* A child orders so many times. */
static void order(int number, int times, int with_value) {
    int status;
    pid_t parent = getpid(); // asked in the child, getppid may be init
    pid_t child = (pid_t)must(fork(), "fork");
    for (int i = 1; child == 0 && i <= times; i++) {
        if (with_value)
            must(sigqueue(parent, number, (union sigval){ .sival_int = i }), "send");
        else
            must(kill(parent, number), "kill");
    }
    if (child == 0)
        _exit(0);
    must(waitpid(child, &status, 0), "waitpid");
    expect(status == 0);
}

static void not_counted(void) {
    handle(SIGUSR1, count, 0);
    mask(SIG_BLOCK, SIGUSR1);
    say("I block signal %d. Pending: %s. A child sends it %d times.", SIGUSR1,
        is_pending(SIGUSR1) ? "yes" : "no", MANY);
    order(SIGUSR1, MANY, 0);
    say("Pending now: %s. Handled: %d. I let it through.",
        mark(is_pending(SIGUSR1), "yes", "NO"), (int)calls);
    expect(calls == 0);
    mask(SIG_UNBLOCK, SIGUSR1);
    say("  sent %d, handled %d: %s", MANY, (int)calls,
        mark(calls == 1, "there is one bit for each signal, no counter", "COUNTED"));
}

static void while_handled(void) {
    say("In its handler a signal is blocked, too. It sends itself one there, twice:");
    for (int i = 0; i < 2; i++) {
        handle(SIGUSR1, count, i ? SA_NODEFER : 0);
        calls = depth = deepest = 0;
        again = 2;
        raise(SIGUSR1);
        say("  %-12s %d calls, at most %d inside each other: %s",
            i ? "SA_NODEFER" : "as usual", (int)calls, (int)deepest,
            mark(calls == 3 && deepest == (i ? 3 : 1),
                 i ? "it interrupts itself" : "one after the other", "STRANGE"));
    }
}

static void queued(void) {
    struct sigaction action = { .sa_sigaction = take_value, .sa_flags = SA_SIGINFO };
    int number = SIGRTMIN + 1;
    must(sigaction(number, &action, NULL), "sigaction");
    mask(SIG_BLOCK, number);
    order(number, MANY, 1);
    mask(SIG_UNBLOCK, number);
    say("A realtime signal by sigqueue, %d times, each with a value from 1 up:", MANY);
    say("  sent %d, handled %d, all in order: %s", MANY, values,
        mark(values == MANY && sum == MANY * (MANY + 1) / 2, "these are queued", "NO"));
}

/* How a standard signal has to be understood: there is something to do; look. */
static void look_instead(void) {
    int end[2], orders = 0;
    char byte;
    must(pipe(end), "pipe");
    mask(SIG_BLOCK, SIGUSR1);
    calls = 0;
    for (int i = 0; i < MANY; i++)
        must(write(end[1], "!", 1), "write");
    order(SIGUSR1, MANY, 0);
    close(end[1]);
    mask(SIG_UNBLOCK, SIGUSR1);
    while (calls && read(end[0], &byte, 1) == 1)
        orders++;
    close(end[0]);
    say("Or the orders lie in a pipe, and a signal says only that there are some:\n"
        "  signals %d, orders found %d: %s",
        (int)calls, orders, mark(orders == MANY, "none is lost", "LOST"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "sigcount: how often did it ring?");
    not_counted();
    while_handled();
    gap();
    queued();
    look_instead();
    gap();
    say("What a signal tells: its number and who sent it; by sigqueue one word more,\n"
        "%d bytes. What there is to do has to be said in some other way.",
        (int)sizeof(union sigval));
    return demo_end("send 100 to a receiver who does not block them. How many come?",
                    "kernel/sched/signal_post.c: a set of bits, and a queue for some");
}
