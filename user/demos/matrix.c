/* matrix.c - a matrix product split over N workers: why processes work together.
 * Order: 78
 *
 * Each worker is called with the rows that are its share, and answers with its part of
 * the product. More workers than processors gain nothing.
 *
 * FEATURE(2, 4, 22, 114, 127)
 */
#define _GNU_SOURCE
#include "demo.h"
#include <parley.h>
#include <sched.h>
#include <time.h>

#define SIZE 120
#define MOST 8

static int a[SIZE][SIZE], b[SIZE][SIZE], product[SIZE][SIZE];

static void multiply(int (*to)[SIZE], int from, int rows) {
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < SIZE; k++) {
            int sum = 0;
            for (int j = 0; j < SIZE; j++)
                sum += a[from + i][j] * b[j][k];
            to[i][k] = sum;
        }
}

/* A worker has both matrices, from the fork. It is told which rows are its own, and
 * sends them back; the kernel copies them from memory to memory. */
static void work(pid_t me) {
    static int part[SIZE][SIZE];
    int share[2];
    struct msg m = { .body = share, .room = sizeof share };
    must(msg_receive(me, &m, 0, FOREVER), "msg_receive");
    multiply(part, share[0], share[1]);
    struct msg result = { .body = part, .type = (uint32_t)share[0],
                          .length = (uint32_t)(share[1] * (int)sizeof part[0]) };
    must(msg_send(me, &result, 0, FOREVER), "msg_send");
    _exit(0);
}

static long microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* The product by so many workers. Result: microseconds; the forks are not counted. */
static long product_by(int workers) {
    pid_t worker[MOST], me = getpid(); // asked in the worker, getppid may be init
    memset(product, 0, sizeof product);
    for (int i = 0; i < workers; i++)
        if ((worker[i] = (pid_t)must(fork(), "fork")) == 0)
            work(me);
    long start = microseconds();
    for (int i = 0; i < workers; i++) {
        int from = SIZE * i / workers,
            share[] = { from, SIZE * (i + 1) / workers - from };
        struct msg m = { .body = share, .length = sizeof share };
        must(msg_send(worker[i], &m, 0, FOREVER), "msg_send");
    }
    for (int i = 0; i < workers; i++) {
        static int part[SIZE][SIZE];
        struct msg m = { .body = part, .room = sizeof part };
        must(msg_receive(MSG_ANY, &m, 0, FOREVER), "msg_receive");
        memcpy(product[m.type], part, m.length);        // whoever is done first
    }
    long took = microseconds() - start;
    for (int i = 0; i < workers; i++)
        must(waitpid(worker[i], NULL, 0), "waitpid");
    return took;
}

int main(int argc, char **argv) {
    static int right[SIZE][SIZE];
    cpu_set_t cpus;
    long one = 0;
    demo_start(argc, argv, "matrix: many hands");
    must(sched_getaffinity(0, sizeof cpus, &cpus), "sched_getaffinity");
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < SIZE; k++) {
            a[i][k] = i + 3 * k;
            b[i][k] = 7 * i - k;
        }
    multiply(right, 0, SIZE);
    say("Two matrices of %d by %d. Workers are sent the numbers of their rows, and\n"
        "send the finished rows back. This machine has %s processors.",
        SIZE, SIZE, some(CPU_COUNT(&cpus)));
    gap();
    say("  workers   rows each   microseconds   times as fast");
    for (int n = 1; n <= MOST; n *= 2) {
        long took = product_by(n);
        one = one ? one : took;
        char *speed = demo_scrap();
        snprintf(speed, SCRAP, demo.log ? "N" : "%.1f", (double)one / (double)took);
        say("  %7d %11d %14s %15s   %s", n, SIZE / n, some(took), speed,
            mark(memcmp(product, right, sizeof right) == 0, "right", "WRONG"));
    }
    gap();
    say("The workers share no variable, so nothing has to be locked. What each one is\n"
        "sent and sends is all that it has to do with the others: %d bytes in, and\n"
        "its rows out.",
        2 * (int)sizeof(int));
    return demo_end("take matrices of 12 by 12. From how many workers on is it slower?",
                    "kernel/sched/scheduler.c, which finds a processor for each");
}
