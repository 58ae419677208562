/* race.c - x++ on shared memory: two additions, and one of them is lost.
 * Order: 92
 *
 * x++ is three steps: load, add, store. Two processes take them in the one order that
 * goes wrong; then the same with a semaphore, and with one instruction that cannot be
 * divided. At last both add as fast as they can.
 *
 * FEATURE(20, 79, 81)
 */
#include "sets.h"
#include <sys/mman.h>

#define MANY 100000

enum { LOCK, LOADED, GO, COUNT };       /* semaphores: a lock, and two appointments */

static volatile int *x;                 /* in memory that both have */

static pid_t start(void (*work)(const char *), const char *name) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        work(name);
        _exit(0);
    }
    return child;
}

static void finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    expect(status == 0);
}

/* The three steps; between the first two somebody else may run. */
static void slow_add(const char *name, int stops) {
    int mine = *x;
    say("    %s: loads %d", name, mine);
    if (stops) {
        give(LOADED);
        take(GO);
    }
    mine = mine + 1;
    *x = mine;
    say("    %s: adds 1, stores %d", name, mine);
}

static void add_and_stop(const char *name) {
    slow_add(name, 1);
}

static void add(const char *name) {
    slow_add(name, 0);
}

static void add_locked_and_stop(const char *name) {
    down(LOCK);
    slow_add(name, 1);
    up(LOCK);
}

static void add_locked(const char *name) {
    down(LOCK);
    slow_add(name, 0);
    up(LOCK);
}

static void wrong(void) {
    *x = 0;
    say("x is 0. A is interrupted between its load and its store:");
    pid_t a = start(add_and_stop, "A");
    take(LOADED);
    finish(start(add, "        B"));
    give(GO);
    finish(a);
    say("  x is %d after two additions: %s", *x, mark(*x == 1, "one is lost", "LUCK"));
}

static void right(void) {
    *x = 0;
    say("The same, but each takes a semaphore of 1 before and gives it back after:");
    pid_t a = start(add_locked_and_stop, "A");
    take(LOADED);
    pid_t b = start(add_locked, "        B");
    until_waiting(LOCK, 1);
    say("            B: waits, the semaphore is %d", value(LOCK));
    give(GO);
    finish(a);
    finish(b);
    say("  x is %d: %s", *x, mark(*x == 2, "nothing is lost", "WRONG"));
}

static void plain_many(const char *name) {
    (void)name;
    for (int i = 0; i < MANY; i++)
        *x = *x + 1;
}

static void atomic_many(const char *name) {
    (void)name;
    for (int i = 0; i < MANY; i++)
        __atomic_add_fetch(x, 1, __ATOMIC_SEQ_CST);
}

static int both(void (*work)(const char *)) {
    *x = 0;
    pid_t a = start(work, "A"), b = start(work, "B");
    finish(a);
    finish(b);
    return *x;
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "race: what happens to x++ when two do it");
    x = mmap(NULL, sizeof *x, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
             0);
    must(x == MAP_FAILED ? -1 : 0, "mmap");
    make_set((int[]){ 1, 0, 0 }, COUNT);
    wrong();
    right();
    gap();
    int plain = both(plain_many), atomic = both(atomic_many);
    say("At full speed, %d times each: x++ makes %s, lost: %s.", MANY, some(plain),
        some(2 * MANY - plain));
    say("`lock addl` does all three steps at once: %d, %s.", atomic,
        mark(atomic == 2 * MANY, "nothing lost", "SOME LOST"));
    say("The loss depends on who runs when. On one CPU it may be 0 for years.");
    drop_set();
    return demo_end("make run PROG=race CPUS=4 SEED=1, and other seeds.",
                    "kernel/posix/sysv_sem.c: attempt() and serve()");
}
