/* sets.h - for demonstrations: a set of System V semaphores, in five short words.
 *
 *     make_set((int[]){ 1, 0 }, 2);        two semaphores: values 1 and 0
 *     down(0);  up(0);                     P and V: wait for it, give it
 *     until_waiting(0, 1);                 one process waits for number 0
 *
 * down() and up() are undone when the process ends, so a killed one locks nobody out.
 */
#pragma once

#include "demo.h"
#include <sched.h>
#include <sys/sem.h>

static int set = -1;

static inline void make_set(const int *values, int count) {
    set = (int)must(semget(IPC_PRIVATE, count, 0600), "semget");
    for (int i = 0; i < count; i++)
        must(semctl(set, i, SETVAL, values[i]), "semctl");
}

static inline void drop_set(void) {
    must(semctl(set, 0, IPC_RMID), "semctl");
}

static inline void change(int number, int by, int flags) {
    struct sembuf operation = { (unsigned short)number, (short)by, (short)flags };
    must(semop(set, &operation, 1), "semop");
}

static inline void down(int number)     /* P, wait, acquire */
{
    change(number, -1, SEM_UNDO);
}

static inline void up(int number)       /* V, signal, release */
{
    change(number, 1, SEM_UNDO);
}

/* The same for semaphores that count what others will take: nothing is undone. */
static inline void take(int number) {
    change(number, -1, 0);
}

static inline void give(int number) {
    change(number, 1, 0);
}

static inline int value(int number) {
    return (int)must(semctl(set, number, GETVAL), "semctl");
}

static inline int waiting(int number) {
    return (int)must(semctl(set, number, GETNCNT), "semctl");
}

static inline void until_waiting(int number, int count) {
    while (waiting(number) != count)
        sched_yield();
}
