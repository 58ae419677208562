/* threads.c - threads share one memory; processes each have their own.
 * Order: 20
 *
 * A process and a thread run the same function, which adds 1000 to the same variable.
 * Both find it at the same address; only one of them changes what main() sees.
 * FEATURE(9)
 */
#include "demo.h"
#include <pthread.h>

#define TEAM 4

struct sight {                          /* what somebody saw who ran look() */
    pid_t process;
    const volatile void *counter, *local, *error;
    int value;                          /* the counter's, after adding */
};

static volatile int counter;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int *to_mine;           /* points to a local variable of main() */

/* What both run. */
static struct sight look(void) {
    volatile int local = 0;
    counter += 1000;
    return (struct sight){ getpid(), &counter, &local, &errno, counter };
}

static void *run_thread(void *sight) {
    *(struct sight *)sight = look();    // straight into main's own variable
    *to_mine = 42;
    return NULL;
}

/* A process cannot do that: what it saw it has to send. */
static struct sight run_process(void) {
    struct sight sight;
    int channel[2];
    must(pipe(channel), "pipe");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        sight = look();
        *to_mine = 42;
        _exit(write(channel[1], &sight, sizeof sight) != sizeof sight);
    }
    must(read(channel[0], &sight, sizeof sight), "reading from the pipe");
    must(waitpid(child, NULL, 0), "waitpid");
    close(channel[0]);
    close(channel[1]);
    return sight;
}

static void start(pthread_t *thread, void *(*function)(void *), void *argument) {
    errno = pthread_create(thread, NULL, function, argument);
    must(errno ? -1 : 0, "pthread_create");
}

/* Adds 1000 in steps of one. The lock makes reading, adding and storing one step. */
static void *count(void *unused) {
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

/* One row of the table. `kept`: what is left of the addition in main's memory. */
static void tell(const char *kind, struct sight sight, int kept, int expected) {
    expect(sight.counter == &counter && sight.value == 1000);
    say("  %-8s %-14s %-12s %7d   %17d   %s", kind, pid(sight.process),
        addr(sight.counter), sight.value, kept,
        mark(kept == expected, kept ? "one memory" : "a copy", "WRONG"));
}

static void work_together(void) {
    pthread_t team[TEAM];
    int before = counter;
    for (int i = 0; i < TEAM; i++)
        start(&team[i], count, NULL);
    for (int i = 0; i < TEAM; i++)
        pthread_join(team[i], NULL);
    say("%d threads at once, each adding 1 a thousand times, taking turns by a lock:\n"
        "the counter went from %d to %d, %s.",
        TEAM, before, counter,
        mark(counter == before + TEAM * 1000, "nothing is lost", "SOME IS LOST"));
}

int main(int argc, char **argv) {
    pthread_t thread;
    struct sight seen;
    volatile int mine = 7;
    to_mine = &mine;

    demo_start(argc, argv, "threads: several runners in one memory");
    say("I am %s; my variable `counter` is %d, at %s. A new process\n"
        "and then a new thread run the same function: add 1000 to it, and look.",
        pid(getpid()), counter, addr(&counter));
    gap();
    say("  who      runs in        &counter     saw there   afterwards I have");
    seen = run_process();
    tell("process", seen, counter, 0);
    int after_process = mine;
    start(&thread, run_thread, &seen);
    pthread_join(thread, NULL);
    tell("thread", seen, counter, 1000);
    gap();
    say("Both used the same address. fork() copies the memory, and the copy ends with\n"
        "its process. pthread_create() adds a runner to the memory that is there.");
    say("What a thread has for itself is where it stands: a stack, an errno (%s).",
        mark(seen.error != &errno, "not mine", "BUT IT IS MINE"));
    say("  my stack       is near %s", addr(&mine));
    say("  its own stack was near %s", addr(seen.local));
    say("No wall stands between them: both stored 42 through a pointer to a variable\n"
        "on my stack, where 7 was. After the process I had %d, after the thread %d.",
        after_process, mine);
    expect(after_process == 7 && mine == 42);
    gap();
    work_together();
    return demo_end("take the lock away in count() and run it again, on two CPUs.",
                    "kernel/proc/fork.c, where the two differ by a few flags");
}
