/* barber.c - the sleeping barber: a server that sleeps, and a queue that can be full.
 * Order: 96
 *
 * A barber sleeps while nobody is there. A customer wakes him, or sits down if he is at
 * work, or goes away if both chairs are taken. Semaphores count: customers who wait,
 * the barber being ready, free chairs.
 *
 * FEATURE(79, 99)
 */
#include "sets.h"

#define CHAIRS 2

enum { CUSTOMERS, BARBER, CHAIR, DONE, SCISSORS, COUNT };

/* Cuts one customer after another, for as long as he is alive. */
static void barber(void) {
    for (;;) {
        take(CUSTOMERS);                // sleeps when there is none
        give(CHAIR);                    // who comes to him gets up from a chair
        give(BARBER);
        take(SCISSORS);                 // the cut; main() says how long it takes
        give(DONE);
    }
}

/* Takes a free chair, if there is one: P that does not wait. */
static int sit_down(void) {
    struct sembuf one = { CHAIR, -1, IPC_NOWAIT };
    return semop(set, &one, 1) == 0;
}

/* Leaves with 0 when his hair was cut, with 1 when there was no chair. */
static pid_t customer(void) {
    pid_t pid = (pid_t)must(fork(), "fork");
    if (pid != 0)
        return pid;
    if (!sit_down())
        _exit(1);
    give(CUSTOMERS);
    take(BARBER);
    take(DONE);
    _exit(0);
}

/* Until the barber cuts and so many wait on chairs. */
static void until_seated(int count) {
    while (waiting(SCISSORS) != 1 || value(CUSTOMERS) != count
           || waiting(BARBER) != count)
        sched_yield();
}

static int status_of(pid_t pid) {
    int status;
    must(waitpid(pid, &status, 0), "waitpid");
    return WEXITSTATUS(status);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "barber: asleep, at work, or full");
    make_set((int[]){ 0, 0, CHAIRS, 0, 0 }, COUNT);
    pid_t barber_pid = (pid_t)must(fork(), "fork");
    if (barber_pid == 0)
        barber();
    until_waiting(CUSTOMERS, 1);
    say("Nobody is there: the barber %s.",
        mark(waiting(CUSTOMERS) == 1, "sleeps at semaphore CUSTOMERS", "IS AWAKE"));
    pid_t first = customer();
    until_seated(0);
    say("The first customer comes: the barber wakes up and cuts; %d chairs are free.",
        value(CHAIR));
    pid_t second = customer();
    until_seated(1);
    say("The second sits down: %d waits, %d chair is free.", waiting(BARBER),
        value(CHAIR));
    pid_t third = customer();
    until_seated(2);
    say("The third, too: %d wait, %d chairs are free.", waiting(BARBER), value(CHAIR));
    say("The fourth finds no chair and %s.",
        mark(status_of(customer()) == 1, "goes away, without waiting", "STAYS"));
    gap();
    give(SCISSORS);
    expect(status_of(first) == 0);
    until_seated(1);
    say("The first is done and leaves. The barber takes the next one: %d waits.",
        waiting(BARBER));
    pid_t fifth = customer();
    until_seated(2);
    say("The fifth finds the chair that is free now: %d wait.", waiting(BARBER));
    for (int i = 0; i < 3; i++)
        give(SCISSORS);
    expect(status_of(second) == 0 && status_of(third) == 0 && status_of(fifth) == 0);
    until_waiting(CUSTOMERS, 1);
    say("Three cuts later all have left, and the barber %s.",
        mark(value(CHAIR) == CHAIRS, "sleeps again", "HAS LOST A CHAIR"));
    gap();
    say("It is a server with a queue of %d. Who comes when it is full is refused, as\n"
        "by a mailbox that rejects, or a socket with a backlog.",
        CHAIRS);
    kill(barber_pid, SIGKILL);
    must(waitpid(barber_pid, NULL, 0), "waitpid");
    drop_set();
    return demo_end("let give(CHAIR) come after the cut. How many can be in the shop?",
                    "kernel/posix/sysv_sem.c: sem_operate(), which waits or does not");
}
