/* mutex.c - POSIX pthread_mutex_lock() and its table of mutex types: normal, recursive,
 * error-checking; robust ones and those shared between processes.
 */
#include "memory.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t *mutex;                          // in shared memory

static void make(int type, int shared, int robust) {
    pthread_mutexattr_t attr;
    int got = -1;
    need(pthread_mutexattr_init(&attr) == 0);
    need(pthread_mutexattr_settype(&attr, type) == 0);
    need(pthread_mutexattr_gettype(&attr, &got) == 0 && got == type);
    need(pthread_mutexattr_setpshared(&attr, shared) == 0);
    need(pthread_mutexattr_getpshared(&attr, &got) == 0 && got == shared);
    need(pthread_mutexattr_setrobust(&attr, robust) == 0);
    need(pthread_mutexattr_getrobust(&attr, &got) == 0 && got == robust);
    need(pthread_mutex_init(mutex, &attr) == 0);
    need(pthread_mutexattr_destroy(&attr) == 0);
}

static void *lock_it(void *result) {
    *(int *)result = pthread_mutex_lock(mutex);
    return result;
}

static void *try_it(void *result) {
    *(int *)result = pthread_mutex_trylock(mutex);
    return result;
}

static void *unlock_it(void *result) {
    *(int *)result = pthread_mutex_unlock(mutex);
    return result;
}

static int in_thread(void *(*function)(void *)) {
    pthread_t thread;
    int result = -1;
    need(pthread_create(&thread, NULL, function, &result) == 0);
    need(pthread_join(thread, NULL) == 0);
    return result;
}

/* "PTHREAD_MUTEX_RECURSIVE ... the mutex shall maintain the concept of a lock count";
 * "PTHREAD_MUTEX_ERRORCHECK: [EDEADLK] relock, [EPERM] unlock when not owner". */
static void types(void) {
    static const struct {
        int type;
        const char *name;
        int relock, retry, unlock_by_other;
    } table[] = {
        { PTHREAD_MUTEX_RECURSIVE, "recursive", 0, 0, EPERM },
        { PTHREAD_MUTEX_ERRORCHECK, "error-checking", EDEADLK, EBUSY, EPERM },
        { PTHREAD_MUTEX_NORMAL, "normal", -1, EBUSY, -1 },
    };
    for (int shared = 0; shared < 2; shared++)
        for (int robust = 0; robust < 2; robust++)
            for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                char name[60];
                int right = 1, depth = 1;
                snprintf(name, sizeof name, "%s%s%s", table[i].name,
                         robust ? ", robust" : "", shared ? ", shared" : "");
                make(table[i].type, shared, robust);
                right &= pthread_mutex_lock(mutex) == 0;
                if (table[i].relock >= 0)
                    right &= pthread_mutex_lock(mutex) == table[i].relock;
                depth += table[i].relock == 0;
                right &= pthread_mutex_trylock(mutex) == table[i].retry;
                depth += table[i].retry == 0;
                right &= in_thread(try_it) == EBUSY;
                if (table[i].unlock_by_other >= 0)
                    right &= in_thread(unlock_it) == table[i].unlock_by_other;
                while (depth-- > 0)
                    right &=
                        in_thread(try_it) == EBUSY && pthread_mutex_unlock(mutex) == 0;
                if (table[i].unlock_by_other >= 0)
                    right &= pthread_mutex_unlock(mutex) == EPERM;
                right &= pthread_mutex_lock(mutex) == 0;
                right &= pthread_mutex_unlock(mutex) == 0;
                right &= pthread_mutex_destroy(mutex) == 0;
                ok(right, "%s: relock, trylock, unlock by another, unlock", name);
            }
}

/* pthread_mutex_timedlock(): "[ETIMEDOUT] ... [EDEADLK]". */
static void timed(void) {
    struct timespec past = { 1, 0 }, soon, now, wrong = { 1, 1000000000 };
    make(PTHREAD_MUTEX_ERRORCHECK, 0, 0);
    is_int(pthread_mutex_timedlock(mutex, &past), 0, "a free mutex, whatever the time");
    is_int(pthread_mutex_timedlock(mutex, &past), EDEADLK, "EDEADLK: one's own");
    need(pthread_mutex_unlock(mutex) == 0);
    make(PTHREAD_MUTEX_NORMAL, 0, 0);
    need(pthread_mutex_lock(mutex) == 0);
    clock_gettime(CLOCK_REALTIME, &soon);
    if ((soon.tv_nsec += 4000000) >= 1000000000)
        soon.tv_nsec -= 1000000000, soon.tv_sec++;
    is_int(pthread_mutex_timedlock(mutex, &soon), ETIMEDOUT,
           "ETIMEDOUT: a normal mutex, locked by oneself");
    clock_gettime(CLOCK_REALTIME, &now);
    ok(now.tv_sec > soon.tv_sec
           || (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec),
       "not before its time");
    is_int(pthread_mutex_timedlock(mutex, &wrong), EINVAL, "EINVAL: no time at all");
    need(pthread_mutex_unlock(mutex) == 0);
}

enum { TEAM = 4, ROUNDS = 60 };
static volatile int *counter;

static void *count(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        need(pthread_mutex_lock(mutex) == 0);
        int was = *counter;
        if (i % 16 == 0)
            sched_yield();
        *counter = was + 1;
        need(pthread_mutex_unlock(mutex) == 0);
    }
    return unused;
}

/* Threads, processes, and both at once. */
static void exclusion(void) {
    pid_t pid[TEAM];
    int good = 0;
    for (int robust = 0; robust < 2; robust++) {
        make(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PROCESS_SHARED, robust);
        *counter = 0;
        for (int i = 0; i < TEAM; i++)
            CHILD (pid[i]) {
                pthread_t other;
                need(pthread_create(&other, NULL, count, NULL) == 0);
                count(NULL);
                need(pthread_join(other, NULL) == 0);
            }
        for (int i = 0; i < TEAM; i++)
            good += wait_for(pid[i]) == 0;
        is_int(*counter, TEAM * 2 * ROUNDS, "%d processes of two threads, %s mutex",
               TEAM, robust ? "a robust" : "a plain");
    }
    is_int(good, 2 * TEAM, "all of them came to the end");
}

/* "[EOWNERDEAD] ... the process containing the previous owning thread terminated while
 * holding the mutex lock". The holders are killed one after another. */
static void deaths(void) {
    pid_t pid[TEAM];
    int inherited = 0, killed = 0;
    int *tally = (int *)(void *)(counter + 1);
    make(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST);
    *tally = 0;
    need(pthread_mutex_lock(mutex) == 0);
    for (int i = 0; i < TEAM; i++) {
        CHILD (pid[i]) {
            int result = pthread_mutex_lock(mutex);
            *tally += result == EOWNERDEAD;
            need(result == 0 || pthread_mutex_consistent(mutex) == 0);
            raise(SIGKILL);
        }
        until_asleep(pid[i]);
    }
    need(pthread_mutex_unlock(mutex) == 0);
    for (int i = 0; i < TEAM; i++)
        killed += WTERMSIG(wait_for(pid[i])) == SIGKILL;
    inherited = *tally;
    ok(killed == TEAM && inherited == TEAM - 1,
       "each of %d waiters inherits it from the dead one before", TEAM);
    is_int(pthread_mutex_lock(mutex), EOWNERDEAD, "EOWNERDEAD: then it is ours");
    is_int(pthread_mutex_consistent(mutex), 0, "made consistent");
    is_int(pthread_mutex_unlock(mutex), 0, "it is like new");
    is_int(pthread_mutex_consistent(mutex), EINVAL, "EINVAL: consistent without need");
    int result = in_thread(lock_it);
    is_int(result, 0, "a thread ends with it");
    is_int(pthread_mutex_trylock(mutex), EOWNERDEAD,
           "EOWNERDEAD: trylock says so, too");
    need(pthread_mutex_unlock(mutex) == 0);             // and not consistent
    is_int(pthread_mutex_trylock(mutex), ENOTRECOVERABLE,
           "ENOTRECOVERABLE: unlocked without having been made consistent");
    is_int(in_thread(lock_it), ENOTRECOVERABLE, "for everybody");
}

int main(void) {
    char *shared = map_shared(1);
    mutex = (pthread_mutex_t *)(void *)shared;
    counter = (volatile int *)(void *)(shared + 512);
    types();
    timed();
    exclusion();
    deaths();
    return done_testing();
}
