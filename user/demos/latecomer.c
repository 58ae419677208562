/* latecomer.c - a semaphore must be made and given its value in one step.
 * Order: 93
 *
 * Two programs need the same semaphore, and whoever comes first makes it. semget()
 * makes it, semctl() sets its value: what if the second program comes in between? The
 * wrong way loses an operation. Two right ways: wait until it has been used, or have it
 * made whole.
 *
 * FEATURE(79)
 */
#include "demo.h"
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/sem.h>

#define FIRST  "  first:  "
#define SECOND "    second: "

static int made[2], used[2];            /* pipes: the order of the two */
static key_t key;

static void pass(int end) {
    must(write(end, "!", 1), "write");
}

static void await(int end) {
    char c;
    must(read(end, &c, 1), "read");
}

static int add(int set, int by) {
    struct sembuf operation = { 0, (short)by, IPC_NOWAIT };
    return semop(set, &operation, 1);
}

static void wrong_first(void) {
    int set = (int)must(semget(key, 1, IPC_CREAT | IPC_EXCL | 0600), "semget");
    say(FIRST "makes it; and is interrupted");
    pass(made[1]);
    await(used[0]);
    must(semctl(set, 0, SETVAL, 0), "semctl");
    say(FIRST "goes on: sets it to 0, as it should begin");
}

static void wrong_second(void) {
    await(made[0]);
    int set = (int)must(semget(key, 1, 0600), "semget");
    must(add(set, 1), "semop");
    say(SECOND "finds it, and reports one thing done: semop(+1)");
    pass(used[1]);
}

/* Its first semop gives it its value, and sets the time of the last semop. */
static void right_first(void) {
    int set = (int)must(semget(key, 1, IPC_CREAT | IPC_EXCL | 0600), "semget");
    say(FIRST "makes it; and is interrupted");
    pass(made[1]);
    await(used[0]);
    struct sembuf begin[2] = { { 0, 5, 0 }, { 0, -5, 0 } };
    say(FIRST "goes on: gives it its value 0 by a semop");
    must(semop(set, begin, 2), "semop");
}

static void right_second(void) {
    struct semid_ds status;
    int passed = 0;
    await(made[0]);
    int set = (int)must(semget(key, 1, 0600), "semget");
    for (;; sched_yield()) {
        must(semctl(set, 0, IPC_STAT, &status), "semctl");
        if (status.sem_otime != 0)
            break;
        if (!passed++) {
            say(SECOND "finds it, but no semop was ever done on it: it waits");
            pass(used[1]);
        }
    }
    must(add(set, 1), "semop");
    say(SECOND "sees that there was one, and reports: semop(+1)");
}

/* The value of the semaphore after both. */
static int run(void (*first)(void), void (*second)(void)) {
    void (*const work[2])(void) = { first, second };
    pid_t child[2];
    int status;
    must(pipe(made), "pipe");
    must(pipe(used), "pipe");
    for (int i = 0; i < 2; i++) {
        child[i] = (pid_t)must(fork(), "fork");
        if (child[i] == 0) {
            work[i]();
            _exit(0);
        }
    }
    for (int i = 0; i < 2; i++) {
        must(waitpid(child[i], &status, 0), "waitpid");
        expect(status == 0);
        close(made[i]);
        close(used[i]);
    }
    int set = (int)must(semget(key, 1, 0600), "semget");
    int value = (int)must(semctl(set, 0, GETVAL), "semctl");
    must(semctl(set, 0, IPC_RMID), "semctl");
    return value;
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "latecomer: half a semaphore is worse than none");
    key = 0x4c000000 | (getpid() & 0xffffff);
    say("It counts things that are done. The wrong way:");
    int value = run(wrong_first, wrong_second);
    say("  Its value is %d: %s", value, mark(value == 0, "the report is lost", "LUCK"));
    gap();
    say("The right way, if it must be of System V:");
    value = run(right_first, right_second);
    say("  Its value is %d: %s", value, mark(value == 1, "nothing is lost", "WRONG"));
    gap();
    char name[40];
    snprintf(name, sizeof name, "/latecomer.%d", (int)getpid());
    sem_t *one = sem_open(name, O_CREAT, 0600, 3),
          *two = sem_open(name, O_CREAT, 0600, 3);
    must(one == SEM_FAILED || two == SEM_FAILED ? -1 : 0, "sem_open");
    must(sem_unlink(name), "sem_unlink");
    say("POSIX makes name and value one step: sem_open(name, O_CREAT, mode, 3).\n"
        "Who comes second gets %s, and its own 3 means nothing.",
        mark(one == two, "the first one's semaphore", "ANOTHER"));
    return demo_end("SETVAL 1 in wrong_first(), as for a lock. How many are inside?",
                    "sem_open() in musl: it makes a file, and then gives it its name");
}
