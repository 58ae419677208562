/* sieve.c - Eratosthenes' sieve as a chain of processes that grows.
 * Order: 77
 *
 * Each process keeps the first number that it is sent: a prime. Of the others it passes
 * on what its prime does not divide, to a process that it makes when it needs one. No
 * variable is shared, and no process knows more than its two neighbours.
 *
 * FEATURE(4, 5, 8, 13, 22, 34, 41, 69)
 */
#include "demo.h"
#include <parley.h>

#define UP_TO 100

enum { NUMBER, END };                   /* types of messages */

static pid_t first;

static void send_number(pid_t to, uint32_t type, int number) {
    struct msg m = { .type = type, .body = &number, .length = sizeof number };
    must(msg_send(to, &m, 0, FOREVER), "msg_send");
}

static struct msg receive_number(pid_t from, int *number) {
    struct msg m = { .body = number, .room = sizeof *number };
    must(msg_receive(from, &m, 0, FOREVER), "msg_receive");
    return m;
}

static void filter(pid_t before, int place);

static pid_t next_filter(int place) {
    pid_t me = getpid(), child = (pid_t)must(fork(), "fork");
    if (child == 0)
        filter(me, place);
    return child;
}

/* One link of the chain. At the end each one tells the first process what it has got,
 * after those behind it; nobody has a queue, so the chain ends from behind. */
static void filter(pid_t before, int place) {
    int prime, number, passed = 0, stopped = 0;
    pid_t next = 0;
    receive_number(before, &prime);
    while (receive_number(before, &number).type == NUMBER) {
        if (number % prime == 0) {
            stopped++;
            continue;
        }
        if (!next)
            next = next_filter(place + 1);
        send_number(next, NUMBER, number);
        passed++;
    }
    if (next) {
        send_number(next, END, 0);
        must(waitpid(next, NULL, 0), "waitpid");
    }
    int report[] = { place, prime, stopped, passed };
    struct msg m = { .body = report, .length = sizeof report };
    must(msg_send(first, &m, 0, FOREVER), "msg_send");
    _exit(0);
}

static int is_prime(int n) {
    for (int d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return 1;
}

/* Takes the reports of the whole chain, from its end on. */
static int collect(int (*reports)[4]) {
    int report[4], count = 0;
    struct msg m = { .body = report, .room = sizeof report };
    do {
        must(msg_receive(MSG_ANY, &m, 0, FOREVER), "msg_receive");
        memcpy(reports[report[0]], report, sizeof report);
        count++;
    } while (report[0] != 0);           // the first of the chain is the last to tell
    return count;
}

int main(int argc, char **argv) {
    int reports[UP_TO][4], good = 1, primes = 0;
    demo_start(argc, argv, "sieve: a chain of processes");
    first = getpid();
    say("I send 2, 3, 4 ... %d to a process. It keeps the first number, here 2, and\n"
        "passes on what 2 does not divide, to a process that does the same.",
        UP_TO);
    pid_t chain = next_filter(0);
    for (int n = 2; n <= UP_TO; n++)
        send_number(chain, NUMBER, n);
    send_number(chain, END, 0);
    int count = collect(reports);
    must(waitpid(chain, NULL, 0), "waitpid");
    gap();
    say("  process   keeps   stops   passes on");
    for (int i = 0; i < count; i++) {
        good &= is_prime(reports[i][1]) && (!i || reports[i][1] > reports[i - 1][1]);
        if (i < 6 || i == count - 1)
            say("  %7d %7d %7d %11d", i + 1, reports[i][1], reports[i][2],
                reports[i][3]);
        else if (i == 6)
            say("      ...");
    }
    for (int n = 2; n <= UP_TO; n++)
        primes += is_prime(n);
    gap();
    say("The chain has grown to %d processes: the primes up to %d are %s.\n"
        "Each is linked to the one before and the one behind. No link has a queue:\n"
        "a number waits until the next process has come for it.",
        count, UP_TO, mark(good && count == primes, "all there", "NOT WHAT WE GOT"));
    return demo_end(
        "give every link room for 10. Which processes work at the same time?",
        "kernel/ipc/link.c, link_get(): a link at first use");
}
