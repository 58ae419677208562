/* thread_cancel.c - POSIX 2.9.5 Thread Cancellation: "a cancellation request ... shall
 * be acted upon ... when a thread is blocked at a cancellation point"; cleanup
 * handlers; pthread_setcancelstate, pthread_setcanceltype. musl cancels by signal 33,
 * whose handler looks where a system call was interrupted and edits the saved
 * registers.
 */
#include "tap.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/select.h>
#include <time.h>

static int pipe_fd[2], full_fd[2];
static sem_t zero, ready;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pid_t child;
static pthread_t never_ends;

static void in_read(void) {
    char c;
    read(pipe_fd[0], &c, 1);
}

static void in_write(void) {
    char text[4096] = "";
    write(full_fd[1], text, sizeof text);
}

static void in_pause(void) {
    pause();
}

static void in_sleep(void) {
    sleep(1000);
}

static void in_clock_nanosleep(void) {
    struct timespec t = { .tv_sec = 0x7fffffff };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void in_poll(void) {
    struct pollfd p = { .fd = pipe_fd[0], .events = POLLIN };
    poll(&p, 1, -1);
}

static void in_select(void) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_fd[0], &set);
    select(pipe_fd[0] + 1, &set, NULL, NULL, NULL);
}

static void in_wait(void) {
    waitpid(child, NULL, 0);
}

static void in_sem_wait(void) {
    sem_wait(&zero);
}

static void in_sigwait(void) {
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigwait(&set, &sig);
}

static void in_sigsuspend(void) {
    sigset_t set;
    sigemptyset(&set);
    sigsuspend(&set);
}

static void in_join(void) {
    pthread_join(never_ends, NULL);
}

static void in_testcancel(void) {
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
}

static void unlock(void *m) {
    pthread_mutex_unlock(m);
}

static void in_cond_wait(void) {
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
}

static void in_cond_timedwait(void) {
    struct timespec t = { .tv_sec = 0x7fffffff };
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    while (pthread_cond_timedwait(&cond, &mutex, &t) == 0)
        ;
    pthread_cleanup_pop(1);
}

static const struct {
    const char *name;
    void (*function)(void);
    int sleeps;
} point[] = {
    { "read of an empty pipe", in_read, 1 },
    { "write to a full pipe", in_write, 1 },
    { "pause", in_pause, 1 },
    { "sleep", in_sleep, 1 },
    { "clock_nanosleep", in_clock_nanosleep, 1 },
    { "poll", in_poll, 1 },
    { "select", in_select, 1 },
    { "waitpid", in_wait, 1 },
    { "sem_wait", in_sem_wait, 1 },
    { "sigwait", in_sigwait, 1 },
    { "sigsuspend", in_sigsuspend, 1 },
    { "pthread_join", in_join, 1 },
    { "pthread_cond_wait", in_cond_wait, 1 },
    { "pthread_cond_timedwait", in_cond_timedwait, 1 },
    { "pthread_testcancel", in_testcancel, 0 },
};

static volatile int cleaned;
static pid_t tid;

static void cleanup(void *digit) {
    cleaned = cleaned * 10 + (int)(intptr_t)digit;
}

static void *blocked(void *function) {
    pthread_cleanup_push(cleanup, (void *)2);
    pthread_cleanup_push(cleanup, (void *)1);
    tid = gettid();
    sem_post(&ready);
    ((void (*)(void))function)();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Asleep in the call when the request comes, and before it has begun: both must end. */
static void points(void) {
    for (size_t i = 0; i < sizeof point / sizeof *point; i++) {
        void *result;
        pthread_t t;
        int right = 0;
        for (int early = 0; early < 2; early++) {
            cleaned = 0;
            need(pthread_create(&t, NULL, blocked, (void *)point[i].function) == 0);
            if (!early) {
                while (sem_wait(&ready) != 0)
                    ;
                if (point[i].sleeps)
                    until_asleep(tid);
            }
            need(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0);
            right += result == PTHREAD_CANCELED;
            if (early)
                while (sem_trywait(&ready) == 0)
                    ;
            else
                right += cleaned == 12;
        }
        is_int(right, 3, "cancelled in %s: cleanup handlers run, inner first",
               point[i].name);
    }
    is_int(pthread_mutex_trylock(&mutex), 0,
           "a cancelled cond_wait had its mutex again");
    pthread_mutex_unlock(&mutex);
}

static void *spin(void *unused) {
    (void)unused;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    sem_post(&ready);
    for (volatile int i = 0;; i++)
        ;
    return NULL;
}

static volatile int stage;

static void *disabled(void *unused) {
    int old;
    char c;
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    sem_post(&ready);
    while (read(pipe_fd[0], &c, 1) != 1)               // not interrupted by the request
        stage = 99;
    stage = 1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    pthread_testcancel();
    stage = 2;
    return NULL;
}

static void *finish(void *unused) {
    sem_post(&ready);
    return unused;
}

static void *cancel_self(void *unused) {
    (void)unused;
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return NULL;
}

static void states(void) {
    pthread_t t;
    void *result;
    need(pthread_create(&t, NULL, spin, NULL) == 0 && sem_wait(&ready) == 0);
    need(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0);
    ok(result == PTHREAD_CANCELED, "asynchronous: cancelled in a loop without calls");
    need(pthread_create(&t, NULL, disabled, NULL) == 0 && sem_wait(&ready) == 0);
    need(pthread_cancel(t) == 0 && write(pipe_fd[1], "x", 1) == 1);
    need(pthread_join(t, &result) == 0);
    ok(result == PTHREAD_CANCELED && stage == 1,
       "disabled: the read is not disturbed, the request is kept");
    need(pthread_create(&t, NULL, finish, NULL) == 0 && sem_wait(&ready) == 0);
    pthread_cancel(t);
    need(pthread_join(t, &result) == 0);
    ok(result == NULL, "a thread that has no cancellation point ends by itself");
    need(pthread_create(&t, NULL, cancel_self, NULL) == 0);
    need(pthread_join(t, &result) == 0);
    ok(result == PTHREAD_CANCELED, "a thread cancels itself");
}

/* "If a cancellation point has already completed (data were read) the side effects
 * stay": a byte is either in the pipe or was returned, never lost. */
static volatile int got;

static void *read_bytes(void *unused) {
    char c;
    (void)unused;
    sem_post(&ready);
    while (read(pipe_fd[0], &c, 1) == 1)
        got++;
    return NULL;
}

static void no_byte_lost(void) {
    int left = 0, sent = 0, bad = 0;
    char c;
    for (int round = 0; round < 30; round++) {
        pthread_t t;
        got = left = sent = 0;
        need(pthread_create(&t, NULL, read_bytes, NULL) == 0);
        while (sem_wait(&ready) != 0)
            ;
        for (; sent < round % 7; sent++)
            need(write(pipe_fd[1], "y", 1) == 1);
        pthread_cancel(t);
        pthread_join(t, NULL);
        need(fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK) == 0);
        while (read(pipe_fd[0], &c, 1) == 1)
            left++;
        need(fcntl(pipe_fd[0], F_SETFL, 0) == 0);
        bad += got + left != sent;
    }
    is_int(bad, 0, "a cancelled read loses no byte");
}

static void *forever(void *unused) {
    for (;;)
        pause();
    return unused;
}

int main(void) {
    struct gate gate;
    char text[4096] = "";
    sigset_t set;
    gate_init(&gate);
    CHILD (child)
        gate_wait(&gate);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    need(pipe(pipe_fd) == 0 && pipe2(full_fd, O_NONBLOCK) == 0);
    while (write(full_fd[1], text, sizeof text) > 0)
        ;
    need(fcntl(full_fd[1], F_SETFL, 0) == 0);
    need(sem_init(&zero, 0, 0) == 0 && sem_init(&ready, 0, 0) == 0);
    need(pthread_create(&never_ends, NULL, forever, NULL) == 0);
    points();
    states();
    no_byte_lost();
    gate_open(&gate);
    is_exit(wait_for(child), 0, "the child that was waited for is still there");
    return done_testing();
}
