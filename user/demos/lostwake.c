/* lostwake.c - a wake-up that nobody waits for yet is lost.
 * Order: 46
 *
 * "Has it happened? No. Then I sleep." If it happens between the two he sleeps although
 * it has happened. With a signal and pause(), and with a condition variable: each the
 * wrong way and the right one, and each time the waker comes in between.
 *
 * FEATURE(9, 104)
 */
#define _GNU_SOURCE
#include "demo.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

static struct {
    volatile int happened;
    sem_t looked, go_on;
} * shared;

static void look_and_stop(int *seen) {
    *seen = shared->happened;
    sem_post(&shared->looked);
    while (sem_wait(&shared->go_on) != 0)
        ;                               // EINTR: the handler ran, just now
}

static void verdict(const char *what, int sleeps, int good) {
    say("  %-36s it has happened, and he %s", what,
        mark(good && shared->happened, sleeps ? "sleeps" : "is awake",
             sleeps ? "WOKE" : "SLEEPS"));
}

static void note(int number) {
    (void)number;
    shared->happened = 1;
}

static void wait_for_signal(int right) {
    sigset_t set, old;
    int seen;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (right)
        sigprocmask(SIG_BLOCK, &set, &old);
    look_and_stop(&seen);
    if (!seen && right)
        sigsuspend(&old);               // lets it through and sleeps: one step
    else if (!seen)
        pause();
    _exit(0);
}

static void by_signal(int right) {
    int status;
    shared->happened = 0;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        wait_for_signal(right);
    sem_wait(&shared->looked);
    must(kill(child, SIGUSR1), "kill");
    while (!right && !shared->happened)
        sched_yield();
    sem_post(&shared->go_on);
    if (!right) {
        until_state(child, 'S');
        verdict("look, pause()", 1, waitpid(child, &status, WNOHANG) == 0);
        must(kill(child, SIGUSR1), "kill");     // to go on at all
    }
    must(waitpid(child, &status, 0), "waitpid");
    if (right)
        verdict("block, look, sigsuspend(), unblock", 0, status == 0);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static volatile pid_t tid;
static volatile int done;

static void *wait_wrong(void *nothing) {
    int seen;
    tid = gettid();
    look_and_stop(&seen);
    pthread_mutex_lock(&lock);
    if (!seen)
        pthread_cond_wait(&changed, &lock);
    done = 1;
    pthread_mutex_unlock(&lock);
    return nothing;
}

static void *wait_right(void *nothing) {
    int seen;
    pthread_mutex_lock(&lock);
    look_and_stop(&seen);
    while (!shared->happened)
        pthread_cond_wait(&changed, &lock);     // gives the lock back and sleeps
    done = 1;
    pthread_mutex_unlock(&lock);
    return nothing;
}

static void by_condition(int right) {
    pthread_t thread;
    shared->happened = done = 0;
    pthread_create(&thread, NULL, right ? wait_right : wait_wrong, NULL);
    sem_wait(&shared->looked);
    if (right) {
        int closed = pthread_mutex_trylock(&lock) == EBUSY;
        say("  I come in between, but the lock is %s: I have to wait until it sleeps.",
            mark(closed, "taken", "FREE"));
        sem_post(&shared->go_on);
        pthread_mutex_lock(&lock);
    }
    shared->happened = 1;
    pthread_cond_signal(&changed);
    if (right)
        pthread_mutex_unlock(&lock);
    if (!right) {
        sem_post(&shared->go_on);
        until_state(tid, 'S');
        verdict("look, lock, wait", 1, !done);
        pthread_cond_signal(&changed);
    }
    pthread_join(thread, NULL);
    if (right)
        verdict("lock, look, wait", 0, done);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "lostwake: it rang before I slept");
    shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    sem_init(&shared->looked, 1, 0);
    sem_init(&shared->go_on, 1, 0);
    must(signal(SIGUSR1, note) == SIG_ERR ? -1 : 0, "signal");
    say("A process looks, finds nothing, and is about to sleep. Then a signal comes:");
    by_signal(0);
    by_signal(1);
    gap();
    say("A thread looks, finds nothing, and is about to wait for a condition:");
    by_condition(0);
    by_condition(1);
    gap();
    say("The right ones are the same twice: close the door, look, then open it and\n"
        "sleep in one step. In the kernel nobody runs between look and sleep.");
    return demo_end("block in by_signal(0) as well, but keep pause().",
                    "kernel/sched/wait.c, and kernel/posix/futex.c: compare and wait");
}
