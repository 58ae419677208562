/* sync_shared.c - POSIX, the process-shared attribute: condition variables, read-write
 * locks, barriers and semaphores "shall be operated upon by any thread that has access
 * to the memory where [it] is allocated", also of other processes.
 */
#include "memory.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

enum { TEAM = 4, ROUNDS = 25 };

static struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    sem_t sem, done;
    int turn, waiting, serial, readers, most, wrong, value;
} * s;

static void make(void) {
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    pthread_rwlockattr_t rwlock;
    pthread_barrierattr_t barrier;
    pthread_mutexattr_init(&mutex);
    pthread_condattr_init(&cond);
    pthread_rwlockattr_init(&rwlock);
    pthread_barrierattr_init(&barrier);
    need(!pthread_mutexattr_setpshared(&mutex, 1)
         && !pthread_condattr_setpshared(&cond, 1)
         && !pthread_rwlockattr_setpshared(&rwlock, 1)
         && !pthread_barrierattr_setpshared(&barrier, 1));
    memset(s, 0, sizeof *s);
    need(!pthread_mutex_init(&s->mutex, &mutex) && !pthread_cond_init(&s->cond, &cond)
         && !pthread_rwlock_init(&s->rwlock, &rwlock)
         && !pthread_barrier_init(&s->barrier, &barrier, TEAM)
         && !sem_init(&s->sem, 1, 0) && !sem_init(&s->done, 1, 0));
}

/* Runs function(i) in TEAM processes; gives how many ended well. */
static int team(void (*function)(int)) {
    pid_t pid[TEAM];
    int good = 0;
    for (int i = 0; i < TEAM; i++)
        CHILD (pid[i])
            function(i);
    for (int i = 0; i < TEAM; i++)
        good += wait_for(pid[i]) == 0;
    return good;
}

/* Each waits until it is its turn, then makes it the next one's. */
static void take_turns(int me) {
    for (int round = 0; round < ROUNDS; round++) {
        need(pthread_mutex_lock(&s->mutex) == 0);
        while (s->turn % TEAM != me)
            need(pthread_cond_wait(&s->cond, &s->mutex) == 0);
        s->turn++;
        need(pthread_cond_broadcast(&s->cond) == 0);
        need(pthread_mutex_unlock(&s->mutex) == 0);
    }
}

static void wait_once(int me) {
    (void)me;
    need(pthread_mutex_lock(&s->mutex) == 0);
    s->waiting++;
    while (s->turn == 0)
        need(pthread_cond_wait(&s->cond, &s->mutex) == 0);
    s->turn--;
    need(pthread_mutex_unlock(&s->mutex) == 0);
}

static void conditions(void) {
    pid_t pid[TEAM], victim;
    make();
    is_int(team(take_turns), TEAM, "a condition: four processes wait for their turn");
    is_int(s->turn, TEAM * ROUNDS, "each had all its turns");
    make();
    for (int i = 0; i < TEAM; i++)
        CHILD (pid[i])
            wait_once(i);
    for (;;) {                                          // all wait
        need(pthread_mutex_lock(&s->mutex) == 0);
        int waiting = s->waiting;
        need(pthread_mutex_unlock(&s->mutex) == 0);
        if (waiting == TEAM)
            break;
        sched_yield();
    }
    for (int i = 0; i < TEAM; i++) {
        need(pthread_mutex_lock(&s->mutex) == 0);
        s->turn++;
        need(pthread_cond_signal(&s->cond) == 0);
        need(pthread_mutex_unlock(&s->mutex) == 0);
    }
    int good = 0;
    for (int i = 0; i < TEAM; i++)
        good += wait_for(pid[i]) == 0;
    is_int(good, TEAM, "four signals let four of them on");
    CHILD (victim)
        wait_once(0);
    until_asleep(victim);
    need(kill(victim, SIGKILL) == 0);
    wait_for(victim);
    CHILD (pid[0])
        wait_once(0);
    until_asleep(pid[0]);
    need(pthread_mutex_lock(&s->mutex) == 0);
    s->turn = 1;
    need(pthread_cond_broadcast(&s->cond) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
    is_exit(wait_for(pid[0]), 0, "a waiter that was killed is in nobody's way");
}

/* pthread_condattr_setclock(): the clock of pthread_cond_timedwait(). */
static void clocks(void) {
    pthread_condattr_t attr;
    pthread_cond_t cond;
    struct timespec now, until;
    clockid_t clock = 99;
    pthread_condattr_init(&attr);
    need(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    need(pthread_condattr_getclock(&attr, &clock) == 0);
    need(pthread_cond_init(&cond, &attr) == 0);
    make();
    need(pthread_mutex_lock(&s->mutex) == 0);
    clock_gettime(CLOCK_MONOTONIC, &until);
    if ((until.tv_nsec += 3000000) >= 1000000000)
        until.tv_nsec -= 1000000000, until.tv_sec++;
    is_int(pthread_cond_timedwait(&cond, &s->mutex, &until), ETIMEDOUT,
           "ETIMEDOUT: a condition on the monotonic clock");
    clock_gettime(CLOCK_MONOTONIC, &now);
    ok(clock == CLOCK_MONOTONIC
           && (now.tv_sec > until.tv_sec
               || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec)),
       "not before its time");
    is_int(pthread_mutex_trylock(&s->mutex), EBUSY, "and it has the mutex again");
    is_int(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL,
           "EINVAL: not on CPU time");
}

static void meet(int me) {
    for (int round = 1; round <= ROUNDS; round++) {
        __atomic_add_fetch(&s->turn, 1, __ATOMIC_SEQ_CST);
        int serial = pthread_barrier_wait(&s->barrier);
        need(serial == 0 || serial == PTHREAD_BARRIER_SERIAL_THREAD);
        __atomic_add_fetch(&s->serial, serial != 0, __ATOMIC_SEQ_CST);
        if (s->turn < round * TEAM)
            s->wrong++;
        if (me == round % TEAM)
            sched_yield();
        pthread_barrier_wait(&s->barrier);
    }
}

static void barriers(void) {
    make();
    is_int(team(meet), TEAM, "a barrier: four processes meet");
    ok(s->wrong == 0 && s->turn == TEAM * ROUNDS, "nobody passes before all have come");
    is_int(s->serial, ROUNDS, "one of them is told that it is the serial one");
}

static void read_or_write(int me) {
    for (int round = 0; round < ROUNDS; round++)
        if (me == 0) {
            need(pthread_rwlock_wrlock(&s->rwlock) == 0);
            s->wrong += s->readers != 0;
            s->value++;
            sched_yield();
            s->value++;
            need(pthread_rwlock_unlock(&s->rwlock) == 0);
        } else {
            need(pthread_rwlock_rdlock(&s->rwlock) == 0);
            int now = __atomic_add_fetch(&s->readers, 1, __ATOMIC_SEQ_CST);
            if (now > s->most)
                s->most = now;
            s->wrong += s->value % 2;
            __atomic_sub_fetch(&s->readers, 1, __ATOMIC_SEQ_CST);
            need(pthread_rwlock_unlock(&s->rwlock) == 0);
        }
}

static void rwlocks(void) {
    pid_t pid;
    make();
    is_int(team(read_or_write), TEAM, "a read-write lock: a writer and three readers");
    ok(s->wrong == 0 && s->value == 2 * ROUNDS, "nobody reads what is half written");
    need(pthread_rwlock_rdlock(&s->rwlock) == 0);
    CHILD (pid)
        need(pthread_rwlock_tryrdlock(&s->rwlock) == 0
             && pthread_rwlock_unlock(&s->rwlock) == 0
             && pthread_rwlock_trywrlock(&s->rwlock) == EBUSY);
    is_exit(wait_for(pid), 0, "another process may read with us, and not write");
    need(pthread_rwlock_unlock(&s->rwlock) == 0);
}

static void pass_on(int me) {
    (void)me;
    for (int round = 0; round < ROUNDS; round++) {
        need(sem_wait(&s->sem) == 0);
        s->value++;
        need(sem_post(&s->done) == 0);
    }
}

static void semaphores(void) {
    pid_t pid[TEAM];
    int good = 0;
    make();
    for (int i = 0; i < TEAM; i++)
        CHILD (pid[i])
            pass_on(i);
    for (int i = 0; i < TEAM * ROUNDS; i++) {
        need(sem_post(&s->sem) == 0 && sem_wait(&s->done) == 0);
        good += s->value == i + 1;
    }
    is_int(good, TEAM * ROUNDS, "a semaphore: one of four takes each turn");
    good = 0;
    for (int i = 0; i < TEAM; i++)
        good += wait_for(pid[i]) == 0;
    is_int(good, TEAM, "all come to the end");
    is_int(sem_init(&s->sem, 1, 0x80000000u), -1, "no value above SEM_VALUE_MAX");
    need(sem_init(&s->sem, 1, 0x7fffffff) == 0);
    is_errno(sem_post(&s->sem), EOVERFLOW, "EOVERFLOW: nor by sem_post");
}

int main(void) {
    s = (struct shared *)(void *)map_shared(1);
    conditions();
    clocks();
    barriers();
    rwlocks();
    semaphores();
    return done_testing();
}
