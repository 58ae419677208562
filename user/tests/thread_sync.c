/* thread_sync.c - POSIX mutexes, condition variables, barriers, read-write locks, once,
 * semaphores: each case is named after what it promises. All of them sleep in futex(2).
 */
#include "tap.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>

enum { THREADS = 4, ROUNDS = 500 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long counter, serial;

static void run(void *(*function)(void *)) {
    pthread_t t[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        need(pthread_create(&t[i], NULL, function, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        need(pthread_join(t[i], NULL) == 0);
}

/* A read-modify-write that loses updates unless it is alone. */
static void add_slowly(int i) {
    long seen = *(volatile long *)&counter;
    if (i % 50 == 0)
        sched_yield();
    *(volatile long *)&counter = seen + 1;
}

static void *with_mutex(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        add_slowly(i);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

static struct timespec soon(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += 5000000;
    if (t.tv_nsec >= 1000000000)
        t.tv_nsec -= 1000000000, t.tv_sec++;
    return t;
}

static int passed(clockid_t clock, const struct timespec *t) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > t->tv_sec
           || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

static void *try_mutex(void *m) {
    return (void *)(intptr_t)pthread_mutex_trylock(m);
}

static void *timed_mutex(void *m) {
    struct timespec t = soon(CLOCK_REALTIME);
    int e = pthread_mutex_timedlock(m, &t);
    return (void *)(intptr_t)(passed(CLOCK_REALTIME, &t) ? e : -1);
}

static int in_thread(void *(*function)(void *), void *arg) {
    pthread_t t;
    void *result;
    need(pthread_create(&t, NULL, function, arg) == 0 && pthread_join(t, &result) == 0);
    return (int)(intptr_t)result;
}

static void mutexes(void) {
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    counter = 0;
    run(with_mutex);
    is_int(counter, THREADS * ROUNDS, "a mutex admits one thread at a time");
    pthread_mutex_lock(&mutex);
    is_int(in_thread(try_mutex, &mutex), EBUSY, "EBUSY: trylock of a locked mutex");
    is_int(in_thread(timed_mutex, &mutex), ETIMEDOUT, "timedlock waits until its time");
    pthread_mutex_unlock(&mutex);
    need(pthread_mutexattr_init(&attr) == 0);
    need(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0);
    need(pthread_mutex_init(&m, &attr) == 0);
    ok(!pthread_mutex_lock(&m) && !pthread_mutex_lock(&m) && !pthread_mutex_unlock(&m),
       "a recursive mutex is locked twice by its owner");
    is_int(in_thread(try_mutex, &m), EBUSY, "and is free only after as many unlocks");
    pthread_mutex_unlock(&m);
    need(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK) == 0);
    need(pthread_mutex_init(&m, &attr) == 0 && pthread_mutex_lock(&m) == 0);
    is_int(pthread_mutex_lock(&m), EDEADLK, "EDEADLK: an error-checking mutex, again");
    pthread_mutex_unlock(&m);
    is_int(pthread_mutex_unlock(&m), EPERM,
           "EPERM: unlocked by one who does not own it");
}

/* Producer and consumer with one place: every wait is a real one. */
static int place, sum;

static void *produce_or_consume(void *role) {
    int consumer = (intptr_t)role & 1;
    for (int i = 1; i <= ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        while (consumer ? place == 0 : place != 0)
            pthread_cond_wait(&cond, &mutex);
        if (consumer)
            sum += place, place = 0;
        else
            place = i;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static int waiting, released;

static void *wait_for_release(void *unused) {
    pthread_mutex_lock(&mutex);
    waiting++;
    int mine = released;
    while (released == mine)
        pthread_cond_wait(&cond, &mutex);
    waiting--;
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void *release(void *unused) {
    for (;;) {
        pthread_mutex_lock(&mutex);
        if (waiting == THREADS) {
            released++;
            pthread_cond_broadcast(&cond);
            pthread_mutex_unlock(&mutex);
            return unused;
        }
        pthread_mutex_unlock(&mutex);
        sched_yield();
    }
}

static void conditions(void) {
    pthread_t t;
    struct timespec until;
    run(produce_or_consume);
    is_int(sum, ROUNDS * (ROUNDS + 1),
           "two producers, two consumers, one place: all arrive");
    need(pthread_create(&t, NULL, release, NULL) == 0);
    run(wait_for_release);
    pthread_join(t, NULL);
    is_int(waiting, 0, "broadcast releases every waiter");
    pthread_mutex_lock(&mutex);
    until = soon(CLOCK_REALTIME);
    is_int(pthread_cond_timedwait(&cond, &mutex, &until), ETIMEDOUT, "timedwait ends");
    ok(passed(CLOCK_REALTIME, &until), "not before its time");
    is_int(in_thread(try_mutex, &mutex), EBUSY, "and has the mutex again");
    pthread_mutex_unlock(&mutex);
}

static void *meet(void *unused) {
    for (int i = 0; i < 50; i++) {
        __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
        int e = pthread_barrier_wait(&barrier);
        need(e == 0 || e == PTHREAD_BARRIER_SERIAL_THREAD);
        if (e)
            __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        need(*(volatile long *)&counter >= (i + 1) * THREADS);
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

static void barriers(void) {
    need(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    counter = serial = 0;
    run(meet);
    is_int(counter, 50 * THREADS, "a barrier lets nobody through before all have come");
    is_int(serial, 50, "and names one serial thread each time");
}

static long readers, most_readers;

static void *read_or_write(void *who) {
    for (int i = 0; i < ROUNDS; i++) {
        if ((intptr_t)who == 0) {
            pthread_rwlock_wrlock(&rwlock);
            need(readers == 0);
            add_slowly(i);
            pthread_rwlock_unlock(&rwlock);
        } else {
            pthread_rwlock_rdlock(&rwlock);
            __atomic_fetch_add(&readers, 1, __ATOMIC_SEQ_CST);
            __atomic_fetch_sub(&readers, 1, __ATOMIC_SEQ_CST);
            pthread_rwlock_unlock(&rwlock);
        }
    }
    return NULL;
}

static void *all_read(void *unused) {
    pthread_rwlock_rdlock(&rwlock);
    __atomic_fetch_add(&readers, 1, __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&barrier);                    // hangs unless all hold the lock
    most_readers = readers;
    pthread_barrier_wait(&barrier);
    pthread_rwlock_unlock(&rwlock);
    return unused;
}

static void rwlocks(void) {
    counter = 0;
    run(read_or_write);
    is_int(counter, ROUNDS, "a writer excludes readers");
    run(all_read);
    is_int(most_readers, THREADS, "readers share the lock");
    need(pthread_rwlock_wrlock(&rwlock) == 0);
    is_int(pthread_rwlock_tryrdlock(&rwlock), EBUSY, "EBUSY: tryrdlock while written");
    need(pthread_rwlock_unlock(&rwlock) == 0 && pthread_rwlock_rdlock(&rwlock) == 0);
    is_int(pthread_rwlock_trywrlock(&rwlock), EBUSY, "EBUSY: trywrlock while read");
    struct timespec until = soon(CLOCK_REALTIME);
    is_int(pthread_rwlock_timedwrlock(&rwlock, &until), ETIMEDOUT, "timedwrlock ends");
    ok(passed(CLOCK_REALTIME, &until), "not before its time");
    pthread_rwlock_unlock(&rwlock);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void) {
    sched_yield();
    counter++;
}

static void *use_once(void *unused) {
    pthread_once(&once, initialise);
    need(counter == 1);
    return unused;
}

static sem_t semaphore;

static void *with_semaphore(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        need(sem_wait(&semaphore) == 0);
        add_slowly(i);
        need(sem_post(&semaphore) == 0);
    }
    return unused;
}

static void once_and_semaphores(void) {
    struct timespec until;
    counter = 0;
    run(use_once);
    is_int(counter, 1, "pthread_once runs its function once, and all wait for it");
    need(sem_init(&semaphore, 0, 1) == 0);
    counter = 0;
    run(with_semaphore);
    is_int(counter, THREADS * ROUNDS, "a semaphore of 1 admits one thread at a time");
    need(sem_trywait(&semaphore) == 0);
    is_errno(sem_trywait(&semaphore), EAGAIN, "EAGAIN: sem_trywait at zero");
    until = soon(CLOCK_REALTIME);
    is_errno(sem_timedwait(&semaphore, &until), ETIMEDOUT, "sem_timedwait ends");
    ok(passed(CLOCK_REALTIME, &until), "not before its time");
}

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    sem_t sem;
    long counter, turn;
};

static void other_process(struct shared *s, int me) {
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&s->mutex);
        while (s->turn != me)
            pthread_cond_wait(&s->cond, &s->mutex);
        s->counter++;
        s->turn = !me;
        pthread_cond_signal(&s->cond);
        pthread_mutex_unlock(&s->mutex);
    }
    sem_post(&s->sem);
    int e = pthread_barrier_wait(&s->barrier);
    need(e == 0 || e == PTHREAD_BARRIER_SERIAL_THREAD);
}

/* PTHREAD_PROCESS_SHARED: "to permit a mutex to be operated upon by any thread that has
 * access to the memory where the mutex is allocated". */
static void between_processes(void) {
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_barrierattr_t b;
    pid_t pid;
    need(s != MAP_FAILED && !pthread_mutexattr_init(&m) && !pthread_condattr_init(&c));
    need(!pthread_barrierattr_init(&b) && !sem_init(&s->sem, 1, 0));
    need(!pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED));
    need(!pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED));
    need(!pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED));
    need(!pthread_mutex_init(&s->mutex, &m) && !pthread_cond_init(&s->cond, &c));
    need(!pthread_barrier_init(&s->barrier, &b, 2));
    CHILD (pid)
        other_process(s, 1);
    other_process(s, 0);
    is_exit(wait_for(pid), 0, "two processes pass a turn and meet at a barrier");
    is_int(s->counter, 200, "through a mutex and a condition in shared memory");
    ok(sem_trywait(&s->sem) == 0 && sem_trywait(&s->sem) == 0, "and a semaphore");
    munmap(s, sizeof *s);
}

int main(void) {
    mutexes();
    conditions();
    barriers();
    rwlocks();
    once_and_semaphores();
    between_processes();
    return done_testing();
}
