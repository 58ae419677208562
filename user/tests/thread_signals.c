/* thread_signals.c - POSIX 2.4.1: "a signal that is generated for a thread is pending
 * on that thread; a signal generated for the process is delivered to exactly one of
 * those threads within the process which is ... not blocking delivery"; pthread_kill,
 * pthread_sigmask; signal(7).
 */
#include "tap.h"

#include <pthread.h>
#include <semaphore.h>

static volatile pid_t handled_by;
static volatile sig_atomic_t count;
static sem_t ready, go;

static void handler(int sig) {
    (void)sig;
    handled_by = gettid();
    count++;
}

static void block(int how, int sig) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    need(pthread_sigmask(how, &set, NULL) == 0);
}

static int is_pending(int sig) {
    sigset_t set;
    need(sigpending(&set) == 0);
    return sigismember(&set, sig);
}

static void *sit(void *tid) {
    *(pid_t *)tid = gettid();
    sem_post(&ready);
    while (sem_wait(&go) != 0)
        ;
    return NULL;
}

/* "pthread_kill() shall request that a signal be delivered to the specified thread." */
static void directed(void) {
    pthread_t t[3];
    pid_t tid[3];
    for (int i = 0; i < 3; i++) {
        need(pthread_create(&t[i], NULL, sit, &tid[i]) == 0);
        while (sem_wait(&ready) != 0)
            ;
    }
    for (int i = 2; i >= 0; i--) {
        count = 0;
        need(pthread_kill(t[i], SIGUSR1) == 0);
        while (count == 0)
            sched_yield();
        is_int(handled_by, tid[i], "pthread_kill reaches thread %d", i);
    }
    is_int(pthread_kill(t[0], 0), 0, "signal 0 only asks");
    is_int(pthread_kill(t[0], 99), EINVAL, "EINVAL: no such signal");
    for (int i = 0; i < 3; i++)
        sem_post(&go);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
}

/* The only thread that does not block a signal of the process gets it. */
static void process_directed(void) {
    pthread_t t[3];
    pid_t tid[3];
    block(SIG_BLOCK, SIGUSR1);                          // inherited by the threads
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            block(SIG_UNBLOCK, SIGUSR1);
        need(pthread_create(&t[i], NULL, sit, &tid[i]) == 0);
        while (sem_wait(&ready) != 0)
            ;
        if (i == 1)
            block(SIG_BLOCK, SIGUSR1);
    }
    count = 0;
    need(kill(getpid(), SIGUSR1) == 0);
    while (count == 0)
        sched_yield();
    is_int(handled_by, tid[1],
           "the process's signal goes to the thread that lets it in");
    is_int(count, 1, "to exactly one");
    for (int i = 0; i < 3; i++)
        sem_post(&go);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    block(SIG_UNBLOCK, SIGUSR1);
}

static void *pending_here(void *unused) {
    (void)unused;
    intptr_t before = is_pending(SIGUSR1);
    raise(SIGUSR1);
    return (void *)(before * 2 + is_pending(SIGUSR1));
}

/* What is pending on one thread is not pending on another; what is pending on the
 * process is pending for all, until one takes it. */
static void pending(void) {
    pthread_t t;
    void *result;
    block(SIG_BLOCK, SIGUSR1);
    count = 0;
    need(pthread_create(&t, NULL, pending_here, NULL) == 0);
    need(pthread_join(t, &result) == 0);
    is_int((intptr_t)result, 1,
           "raise() in a thread that blocks it makes it pending there");
    ok(!is_pending(SIGUSR1), "and nowhere else, and it goes with the thread");
    need(kill(getpid(), SIGUSR1) == 0);
    need(pthread_create(&t, NULL, pending_here, NULL) == 0);
    need(pthread_join(t, &result) == 0);
    is_int((intptr_t)result, 3,
           "a signal pending on the process is seen by every thread");
    is_int(count, 0, "nobody has handled it");
    block(SIG_UNBLOCK, SIGUSR1);
    is_int(count, 1, "the first to unblock it does");
}

static void *install(void *unused) {
    (void)unused;
    signal(SIGUSR2, handler);
    block(SIG_BLOCK, SIGHUP);
    return NULL;
}

static void actions(void) {
    struct sigaction sa;
    sigset_t set;
    pthread_t t;
    need(pthread_create(&t, NULL, install, NULL) == 0 && pthread_join(t, NULL) == 0);
    need(sigaction(SIGUSR2, NULL, &sa) == 0 && sigprocmask(SIG_BLOCK, NULL, &set) == 0);
    ok(sa.sa_handler == handler, "a signal's action is the process's");
    ok(!sigismember(&set, SIGHUP), "the mask is the thread's");
}

static void *fault(void *where) {
    *(volatile int *)where = 1;
    return NULL;
}

static void *stop(void *unused) {
    (void)unused;
    raise(SIGSTOP);
    return NULL;
}

/* "the default action ... affects the process as a whole": termination, stop,
 * continue. */
static void whole_process(void) {
    pid_t pid;
    pthread_t t;
    int status;
    CHILD (pid) {
        need(pthread_create(&t, NULL, fault, (void *)16) == 0);
        for (;;)
            pause();
    }
    is_killed(wait_for(pid), SIGSEGV, "a fault in one thread kills the whole process");
    CHILD (pid) {
        need(pthread_create(&t, NULL, stop, NULL) == 0 && pthread_join(t, NULL) == 0);
    }
    need(waitpid(pid, &status, WUNTRACED) == pid);
    is_stopped(status, SIGSTOP, "SIGSTOP in one thread stops the whole process");
    need(kill(pid, SIGCONT) == 0);
    is_exit(wait_for(pid), 0, "SIGCONT continues it");
}

int main(void) {
    struct sigaction sa = { .sa_handler = handler };
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    need(sem_init(&ready, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    directed();
    process_directed();
    pending();
    actions();
    whole_process();
    return done_testing();
}
