/* sysv_sem_undo.c - POSIX semop(): "If (sem_flg & SEM_UNDO) is non-zero, ... [it] shall
 * be subtracted from the calling process' semadj value for the specified semaphore";
 * exit: "the value ... shall be adjusted by adding its semadj value". semop(2), Notes.
 */
#include "sysv_set.h"

#include <pthread.h>

static void make(int first, int second) {
    set = semget(IPC_PRIVATE, 2, 0600);
    need(set >= 0);
    set_value(0, first), set_value(1, second);
}

static void at_exit(void) {
    pid_t pid;
    make(1, 10);
    CHILD (pid)
        need(one(0, -1, SEM_UNDO) == 0);
    is_exit(wait_for(pid), 0, "a process takes with SEM_UNDO and ends");
    is_int(value(0), 1, "the semaphore has its value back");
    is_int(semctl(set, 0, GETPID), pid, "by the last act of that process");
    CHILD (pid)
        need(one(0, -1, 0) == 0);
    need(wait_for(pid) == 0);
    is_int(value(0), 0, "without SEM_UNDO it stays taken");
    set_value(0, 1);
    CHILD (pid) {
        need(one(0, -1, SEM_UNDO) == 0);
        raise(SIGKILL);
    }
    is_killed(wait_for(pid), SIGKILL, "the holder is killed");
    is_int(value(0), 1, "the semaphore is free again");
    CHILD (pid)
        need(one(0, -1, SEM_UNDO) == 0 && one(0, 1, SEM_UNDO) == 0);
    need(wait_for(pid) == 0);
    is_int(value(0), 1, "taken and given back: nothing to undo");
    CHILD (pid)
        need(one(0, -1, SEM_UNDO) == 0 && one(0, 1, 0) == 0);
    need(wait_for(pid) == 0);
    is_int(value(0), 2, "given back without SEM_UNDO: it is undone all the same");
    CHILD (pid) {
        struct sembuf o[3] = { { 1, -3, SEM_UNDO }, { 1, -2, 0 }, { 0, 5, SEM_UNDO } };
        need(semop(set, o, 3) == 0 && value(1) == 5 && value(0) == 7);
    }
    need(wait_for(pid) == 0);
    ok(value(1) == 8 && value(0) == 2, "each operation for itself, in both directions");
    CHILD (pid) {
        struct sembuf o[2] = { { 1, -1, SEM_UNDO | IPC_NOWAIT },
                               { 0, -9, SEM_UNDO | IPC_NOWAIT } };
        need(semop(set, o, 2) == -1 && errno == EAGAIN);
    }
    need(wait_for(pid) == 0);
    ok(value(1) == 8 && value(0) == 2, "what was refused is not undone");
    need(sem_remove(set) == 0);
}

/* semop(2): "if the adjustment would make the value less than zero ... set to zero". */
static void bounds(void) {
    struct gate go, done;
    pid_t pid;
    make(0, 32000);
    gate_init(&go), gate_init(&done);
    CHILD (pid) {
        need(one(0, 5, SEM_UNDO) == 0 && one(1, -32000, SEM_UNDO) == 0);
        gate_open(&done);
        gate_wait(&go);
    }
    gate_wait(&done);
    need(one(0, -3, 0) == 0 && one(1, 32000, 0) == 0);
    gate_open(&go);
    need(wait_for(pid) == 0);
    is_int(value(0), 0, "an adjustment stops at 0");
    is_int(value(1), 32767, "and at 32767");
    set_value(0, 0);
    CHILD (pid) {
        need(one(0, 32767, SEM_UNDO) == 0 && one(0, -32767, 0) == 0);
        need(one(0, 1, SEM_UNDO) == 0);                 // the adjustment is -32768 now
        need(one(0, 1, SEM_UNDO) == -1 && errno == ERANGE && value(0) == 1);
    }
    is_exit(wait_for(pid), 0, "ERANGE: an adjustment beyond its 16 bits");
    gate_close(&go), gate_close(&done);
    need(sem_remove(set) == 0);
}

/* semctl(2), SETVAL, SETALL: "Undo entries are cleared for altered semaphores in all
 * processes." */
static void cleared(void) {
    struct gate go, done;
    pid_t pid;
    make(5, 5);
    gate_init(&go), gate_init(&done);
    CHILD (pid) {
        need(one(0, -1, SEM_UNDO) == 0 && one(1, -1, SEM_UNDO) == 0);
        gate_open(&done);
        gate_wait(&go);
    }
    gate_wait(&done);
    set_value(0, 3);
    gate_open(&go);
    need(wait_for(pid) == 0);
    is_int(value(0), 3, "SETVAL clears the undo of that semaphore");
    is_int(value(1), 5, "and of no other");
    gate_close(&go), gate_close(&done);
    need(sem_remove(set) == 0);
}

static void *takes(void *unused) {
    need(one(0, -1, SEM_UNDO) == 0);
    return unused;
}

/* fork(): "All semadj values shall be cleared" in the child. execve(2): "semadj values
 * are not changed"; threads share theirs (clone(2), CLONE_SYSVSEM). */
static void families(void) {
    pid_t pid, inner;
    pthread_t thread;
    make(3, 0);
    CHILD (pid) {
        need(one(0, -1, SEM_UNDO) == 0);
        CHILD (inner)
            ;
        need(wait_for(inner) == 0);
        _exit(value(0));
    }
    is_exit(wait_for(pid), 2, "the child of a holder ends, and nothing is undone");
    is_int(value(0), 3, "until the holder ends");
    CHILD (pid) {
        char text[16];
        snprintf(text, sizeof text, "%d", set);
        need(one(0, -1, SEM_UNDO) == 0);
        execl(self_path(), "x", text, (char *)NULL);
    }
    is_exit(wait_for(pid), 2, "a program that was executed still holds");
    is_int(value(0), 3, "until it ends");
    CHILD (pid) {
        need(pthread_create(&thread, NULL, takes, NULL) == 0);
        pthread_join(thread, NULL);
        _exit(value(0));
    }
    is_exit(wait_for(pid), 2, "a thread ends, and nothing is undone");
    is_int(value(0), 3, "until its process ends");
    CHILD (pid) {
        need(one(0, -3, SEM_UNDO) == 0);
        need(sem_remove(set) == 0);
    }
    is_exit(wait_for(pid), 0, "a set that is gone leaves nothing to undo");
}

/* A holder that dies lets the next one on: the undo is an operation like others. */
static void wakes(void) {
    struct gate done, go;
    pid_t holder, waiter[3];
    int right = 0;
    make(1, 0);
    gate_init(&go), gate_init(&done);
    CHILD (holder) {
        need(one(0, -1, SEM_UNDO) == 0 && one(1, 1, SEM_UNDO) == 0);
        gate_open(&done);
        gate_wait(&go);
        raise(SIGKILL);
    }
    gate_wait(&done);
    for (int i = 0; i < 3; i++)
        CHILD (waiter[i]) {
            need(one(0, -1, SEM_UNDO) == 0);
            raise(SIGKILL);                             // each dies with it in its hand
        }
    while (semctl(set, 0, GETNCNT) < 3)
        sched_yield();
    gate_open(&go);
    wait_for(holder);
    for (int i = 0; i < 3; i++)
        right += WTERMSIG(wait_for(waiter[i])) == SIGKILL;
    is_int(right, 3,
           "four holders are killed one after the other, none waits for ever");
    is_int(value(0), 1, "and it is free in the end");
    is_int(value(1), 0, "what the first had added is gone");
    gate_close(&go), gate_close(&done);
    need(sem_remove(set) == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {                                     // executed by families()
        set = atoi(argv[1]);
        return value(0);
    }
    self_path();
    private_ipc();
    at_exit();
    bounds();
    cleared();
    families();
    wakes();
    return done_testing();
}
