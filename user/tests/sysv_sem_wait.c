/* sysv_sem_wait.c - POSIX semop(): "semop() shall ... suspend execution of the calling
 * thread until one of the following conditions occurs: the value ... becomes ...; the
 * semid ... is removed from the system [EIDRM]; the calling thread receives a signal
 * that is to be caught [EINTR]".
 */
#include "sysv_set.h"

#include <pthread.h>

/* A child that does one operation and leaves with its errno. It waits already. */
static pid_t waits(int number, int change) {
    pid_t pid;
    int command = change ? GETNCNT : GETZCNT, before = semctl(set, number, command);
    CHILD (pid)
        _exit(one(number, change, 0) ? errno : 0);
    while (semctl(set, number, command) == before)
        sched_yield();
    return pid;
}

/* semctl(): "GETNCNT Return the value of semncnt", processes "waiting for semval to
 * become greater than its current value"; "GETZCNT ... waiting for semval to become
 * 0". */
static void counts(void) {
    set = semget(IPC_PRIVATE, 2, 0600);
    set_value(1, 1);
    pid_t a = waits(0, -1), b = waits(0, -2), c = waits(1, 0);
    is_int(semctl(set, 0, GETNCNT), 2, "GETNCNT: two wait for semaphore 0 to grow");
    is_int(semctl(set, 0, GETZCNT), 0, "GETZCNT: nobody waits for it to be 0");
    is_int(semctl(set, 1, GETNCNT), 0, "GETNCNT of semaphore 1: nobody");
    is_int(semctl(set, 1, GETZCNT), 1, "GETZCNT of semaphore 1: one");
    need(one(0, 1, 0) == 0);
    is_exit(wait_for(a), 0, "who waits for 1 goes on at 1");
    is_int(semctl(set, 0, GETNCNT), 1, "who waits for 2 does not");
    ok(value(0) == 0 && semctl(set, 0, GETPID) == a, "it was taken for the sleeper");
    need(one(1, -1, 0) == 0);
    is_exit(wait_for(c), 0, "who waits for 0 goes on at 0");
    set_value(0, 2);
    is_exit(wait_for(b), 0, "SETVAL wakes as well");
    is_int(value(0), 0, "and what it gave is taken");
    a = waits(0, -1);
    need(kill(a, SIGKILL) == 0);
    wait_for(a);
    is_int(semctl(set, 0, GETNCNT), 0, "who was killed does not wait any more");
    need(one(0, 1, 0) == 0);
    is_int(value(0), 1, "nor take anything");
    need(sem_remove(set) == 0);
}

/* One change lets on whoever can go on, and what those change lets on others. */
static void chain(void) {
    set = semget(IPC_PRIVATE, 4, 0600);
    struct sembuf pass[3][2] = { { { 0, -1, 0 }, { 1, 1, 0 } },
                                 { { 1, -1, 0 }, { 2, 1, 0 } },
                                 { { 2, -1, 0 }, { 3, 1, 0 } } };
    pid_t pid[3];
    for (int i = 2; i >= 0; i--) {                      // the last link waits first
        CHILD (pid[i])
            need(semop(set, pass[i], 2) == 0);
        while (semctl(set, i, GETNCNT) == 0)
            sched_yield();
    }
    need(one(0, 1, 0) == 0);
    ok(value(0) == 0 && value(1) == 0 && value(2) == 0 && value(3) == 1,
       "three that wait for each other go on by one operation");
    for (int i = 0; i < 3; i++)
        need(wait_for(pid[i]) == 0);
    pid_t both;
    CHILD (both)
        need(semop(set, (struct sembuf[]){ { 0, -1, 0 }, { 1, -1, 0 } }, 2) == 0);
    while (semctl(set, 0, GETNCNT) == 0)
        sched_yield();
    need(one(0, 1, 0) == 0);
    ok(value(0) == 1 && semctl(set, 1, GETNCNT) == 1,
       "who needs two takes none of them before both are there");
    is_int(semctl(set, 0, GETNCNT), 0, "and waits for the other one now");
    need(one(1, 1, 0) == 0);
    is_exit(wait_for(both), 0, "then takes both");
    ok(value(0) == 0 && value(1) == 0, "at once");
    need(sem_remove(set) == 0);
}

/* "IPC_RMID" with waiters: "[EIDRM] The semaphore identifier semid is removed". */
static void removed(void) {
    pid_t pid[6];
    int right = 0;
    set = semget(IPC_PRIVATE, 3, 0600);
    set_value(2, 1);
    for (int i = 0; i < 6; i++)
        pid[i] = waits(i % 3, i % 3 == 2 ? 0 : -1);
    need(sem_remove(set) == 0);
    for (int i = 0; i < 6; i++)
        right += WEXITSTATUS(wait_for(pid[i])) == EIDRM;
    is_int(right, 6, "EIDRM: six waiters of a set that is removed");
    is_errno(one(0, 1, 0), EINVAL, "EINVAL: for those who come later");
}

static void on_alarm(int sig) {
    (void)sig;
}

/* "semop() and semtimedop() are never automatically restarted": signal(7). */
static void interrupted(void) {
    pid_t pid;
    int status;
    set = semget(IPC_PRIVATE, 1, 0600);
    CHILD (pid) {
        struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
        need(sigaction(SIGUSR1, &sa, NULL) == 0);
        _exit(one(0, -1, 0) ? errno : 0);
    }
    while (semctl(set, 0, GETNCNT) == 0)
        sched_yield();
    need(kill(pid, SIGUSR1) == 0);
    is_exit(wait_for(pid), EINTR, "EINTR: a handler, SA_RESTART or not");
    is_int(semctl(set, 0, GETNCNT), 0, "who was interrupted does not wait any more");
    pid = waits(0, -1);
    need(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
    need(kill(pid, SIGCONT) == 0);
    is_exit(wait_for(pid), EINTR, "EINTR: a stop and a continue, too");
    struct timespec now, then, wait = { 0, 3000000 };
    clock_gettime(CLOCK_MONOTONIC, &then);
    is_errno(semtimedop(set, &(struct sembuf){ 0, -1, 0 }, 1, &wait), EAGAIN,
             "EAGAIN: semtimedop when its time is over");
    clock_gettime(CLOCK_MONOTONIC, &now);
    ok((now.tv_sec - then.tv_sec) * 1000000000LL + now.tv_nsec - then.tv_nsec
           >= 3000000,
       "not before");
    wait.tv_nsec = 0;
    is_errno(semtimedop(set, &(struct sembuf){ 0, -1, 0 }, 1, &wait), EAGAIN,
             "EAGAIN: a time-out of 0 does not wait");
    wait.tv_sec = 1000000;
    need(one(0, 1, 0) == 0);
    is_int(semtimedop(set, &(struct sembuf){ 0, -1, 0 }, 1, &wait), 0,
           "what is there is taken, whatever the time-out");
    need(sem_remove(set) == 0);
}

enum { WORKERS = 4, ROUNDS = 50 };
static volatile int inside, most, total;

static void *work(void *semaphore) {
    for (int i = 0; i < ROUNDS; i++) {
        need(one((int)(long)semaphore, -1, 0) == 0);
        int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        if (now > most)
            most = now;
        total++;
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        need(one((int)(long)semaphore, 1, 0) == 0);
    }
    return NULL;
}

/* The classic use, between threads and between processes. */
static void exclusion(void) {
    pthread_t thread[WORKERS];
    set = semget(IPC_PRIVATE, 2, 0600);
    set_value(0, 1);
    for (int i = 0; i < WORKERS; i++)
        need(pthread_create(&thread[i], NULL, work, NULL) == 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(thread[i], NULL);
    is_int(most, 1, "a semaphore of 1 admits one thread at a time");
    is_int(total, WORKERS * ROUNDS, "so nothing is lost");
    // FEATURE(79): and, with a lock, one process at a time to a segment
    int segment = shmget(IPC_PRIVATE, 4096, 0600), right = 0;
    volatile int *shared = shmat(segment, NULL, 0);
    need(shared != (void *)-1 && shm_remove(segment) == 0);
    pid_t pid[WORKERS];
    for (int n = 0; n < WORKERS; n++)
        CHILD (pid[n])
            for (int i = 0; i < ROUNDS; i++) {
                need(one(0, -1, 0) == 0);
                int was = *shared;
                if (i % 8 == 0)
                    sched_yield();
                *shared = was + 1;
                need(one(0, 1, 0) == 0);
            }
    for (int n = 0; n < WORKERS; n++)
        right += wait_for(pid[n]) == 0;
    is_int(right, WORKERS, "%d processes add under the semaphore", WORKERS);
    is_int(*shared, WORKERS * ROUNDS,
           "and, with a lock, one process at a time to a segment");
    shmdt((void *)shared);
    need(sem_remove(set) == 0);
}

/* Two take turns: neither goes twice, none is left behind. */
static void turns(void) {
    pid_t pid;
    int right = 0;
    set = semget(IPC_PRIVATE, 2, 0600);
    CHILD (pid)
        for (int i = 0; i < 200; i++)
            need(one(0, -1, 0) == 0 && one(1, 1, 0) == 0);
    for (int i = 0; i < 200; i++) {
        right += one(0, 1, 0) == 0 && one(1, -1, 0) == 0;
        right += value(0) == 0 && value(1) == 0;
    }
    is_int(right, 400, "200 turns between two processes");
    is_exit(wait_for(pid), 0, "both come to the end");
    need(sem_remove(set) == 0);
}

int main(void) {
    private_ipc();
    counts();
    chain();
    removed();
    interrupted();
    exclusion();
    turns();
    return done_testing();
}
