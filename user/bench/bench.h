/* bench.h - what benchmarks share: rounds, medians, and the verdict.
 *
 * A figure is the median of many rounds after a warm-up, less what an empty round
 * costs. A line has name, median, target and verdict. OVER is more than the target,
 * which is the design's promise. GREW is more than 1.25 times what was reached before:
 * the file /bench/recorded.txt has that, in lines `name number`.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UPS 5
#define MANY     101                    /* rounds; odd, so that there is a middle */
#define FEW      21

struct figure {
    const char *name, *what;
    uint64_t target;                    /* instructions, from the design; 0: none */
    int rounds, units;                  /* units in a round; 0 means 1 */
    void (*round)(void);
    void (*before)(void), (*after)(void);       /* each round, not counted */
    void (*partner)(void);              /* what a second process does, if any */
    size_t message;                     /* bytes, for rounds that send some */
    size_t less;                        /* what this many bytes cost is taken off */
    uint64_t counted;                   /* not 0: the figure, and nothing is measured */
};

static size_t message;                  /* of the figure that is measured */
static pid_t partner;

static uint64_t read_counter(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void must(int good, const char *what) {
    if (good)
        return;
    perror(what);
    exit(2);
}

static void nothing(void) {
}

static void start_partner(void (*body)(void)) {
    partner = fork();
    must(partner >= 0, "fork");
    if (partner == 0) {
        body();
        _exit(0);
    }
}

static void end_partner(void) {
    kill(partner, SIGKILL);
    waitpid(partner, NULL, 0);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of a round, in counts of the time stamp counter. */
static uint64_t median(const struct figure *f) {
    uint64_t count[MANY];
    for (int i = -WARM_UPS; i < f->rounds; i++) {
        if (f->before)
            f->before();
        uint64_t start = read_counter();
        f->round();
        uint64_t end = read_counter();
        if (f->after)
            f->after();
        if (i >= 0)
            count[i] = end - start;
    }
    qsort(count, (size_t)f->rounds, sizeof count[0], compare);
    return count[f->rounds / 2];
}

static uint64_t measure(const struct figure *f) {
    static const struct figure empty = { .rounds = MANY, .round = nothing };
    if (f->counted)
        return f->counted;
    uint64_t overhead = median(&empty), count;
    message = f->message;
    if (f->partner)
        start_partner(f->partner);
    count = median(f);
    if (f->partner)
        end_partner();
    if (f->less) {
        message = f->less;
        overhead = median(f);
    }
    count = count > overhead ? count - overhead : 0;
    return f->units ? (count + (uint64_t)f->units / 2) / (uint64_t)f->units : count;
}

/* What was reached before; 0 if nobody wrote it down. */
static uint64_t recorded(const char *name) {
    char line[100], word[40];
    unsigned long long number = 0, found = 0;
    FILE *file = fopen("/bench/recorded.txt", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%39s %llu", word, &number) == 2 && strcmp(word, name) == 0)
            found = number;
    if (file)
        fclose(file);
    return found;
}

/* Measures and prints one line. Result: whether it is as good as it was. */
static int report(const struct figure *f) {
    uint64_t count = measure(f), before = recorded(f->name);
    int over = f->target && count > f->target, grew = before && count * 4 > before * 5;
    const char *verdict = over ? "OVER" : grew ? "GREW" : "ok";
    char target[24] = "-";
    if (f->target)
        snprintf(target, sizeof target, "%llu", (unsigned long long)f->target);
    printf("%-14s %10llu %10s  %-4s  %s", f->name, (unsigned long long)count, target,
           verdict, f->what);
    if (grew)
        printf(", was %llu", (unsigned long long)before);
    printf("\n");
    fflush(stdout);
    return !grew;                       // a target is a goal, what was reached is kept
}

/* Measures all. The exit status: 1 when --check was asked for and one grew. */
static int report_all(const struct figure *figures, int count, int check) {
    int good = 1;
    printf("%-14s %10s %10s\n", "name", "median", "target");
    fflush(stdout);
    for (int i = 0; i < count; i++)
        good &= report(&figures[i]);
    return check && !good;
}
