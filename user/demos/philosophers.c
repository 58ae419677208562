/* philosophers.c - five philosophers, five forks: a circle of waiting, and two ways
 * out.
 * Order: 94
 *
 * Each needs the fork on its left and the one on its right. The wrong way: take the
 * left one, then the right one. If all have the left one, all wait for ever. Right:
 * one of them takes them the other way round; or both are taken in one operation.
 *
 * FEATURE(79)
 */
#include "sets.h"

#define SEATS 5
#define MEALS 20

static pid_t philosopher[SEATS];

/* Wrong, and yet it goes well for years. Nobody here calls it. */
static void __attribute__((unused)) eat_left_first(int seat) {
    down(seat);
    down((seat + 1) % SEATS);
    up((seat + 1) % SEATS);
    up(seat);
}

/* The last one begins with the right fork: then there is no circle. */
static void eat_lower_first(int seat) {
    int right = (seat + 1) % SEATS, low = seat < right ? seat : right;
    down(low);
    down(seat + right - low);
    up(seat + right - low);
    up(low);
}

/* semop does several operations or none. */
static void eat_both_at_once(int seat) {
    unsigned short left = (unsigned short)seat,
                   right = (unsigned short)((seat + 1) % SEATS);
    struct sembuf both[2] = { { left, -1, SEM_UNDO }, { right, -1, SEM_UNDO } };
    must(semop(set, both, 2), "semop");
    both[0].sem_op = both[1].sem_op = 1;
    must(semop(set, both, 2), "semop");
}

static void sit_down(void (*eat)(int), int meals) {
    for (int seat = 0; seat < SEATS; seat++) {
        philosopher[seat] = (pid_t)must(fork(), "fork");
        if (philosopher[seat] == 0) {
            for (int i = 0; i < meals; i++)
                eat(seat);
            _exit(0);
        }
    }
}

/* How many ate all their meals. */
static int stand_up(void) {
    int full = 0, status;
    for (int seat = 0; seat < SEATS; seat++) {
        must(waitpid(philosopher[seat], &status, 0), "waitpid");
        full += status == 0;
    }
    return full;
}

/* The unlucky order: everybody has the left fork before anybody asks for the right. */
static void take_left_and_wait(int seat) {
    down(seat);
    give(SEATS);
    take(SEATS + 1);
    down((seat + 1) % SEATS);
}

static void wrong(void) {
    int circle = 1;
    sit_down(take_left_and_wait, 1);
    for (int seat = 0; seat < SEATS; seat++)
        take(SEATS);
    for (int seat = 0; seat < SEATS; seat++)
        give(SEATS + 1);
    say("All have taken the left fork, and now ask for the right one:");
    for (int seat = 0; seat < SEATS; seat++)
        until_waiting(seat, 1);
    for (int seat = 0; seat < SEATS; seat++) {
        int other = (seat + 1) % SEATS;
        say("  philosopher %d has fork %d and waits for fork %d, which %d has", seat,
            seat, other, other);
        circle &= value(other) == 0 && semctl(set, other, GETPID) == philosopher[other];
    }
    say("%s", mark(circle, "Nobody will ever eat: a circle, a deadlock.", "NO CIRCLE"));
    kill(philosopher[2], SIGKILL);
    say("I kill philosopher 2. Its fork comes back by itself (SEM_UNDO), the circle\n"
        "is open: %s.",
        mark(stand_up() == SEATS - 1, "the four others go on", "NOT ALL GO ON"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "philosophers: who waits for whom");
    make_set((int[]){ 1, 1, 1, 1, 1, 0, 0 }, SEATS + 2);
    wrong();
    gap();
    sit_down(eat_lower_first, MEALS);
    say("An order for all: always the fork with the lower number first.\n"
        "  %d meals each: %s",
        MEALS, mark(stand_up() == SEATS, "all five are full", "SOMEBODY STARVED"));
    sit_down(eat_both_at_once, MEALS);
    say("Both forks in one semop, which does both or waits with neither.\n"
        "  %d meals each: %s",
        MEALS, mark(stand_up() == SEATS, "all five are full", "SOMEBODY STARVED"));
    drop_set();
    return demo_end(
        "let them use eat_left_first(), with SEED=1, 2, 3 ... When does it stop?",
        "kernel/posix/sysv_sem.c: attempt(), all or nothing");
}
