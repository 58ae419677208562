/* sysv_set.h - for tests of one System V semaphore set: its values, and operations. */
#pragma once

#include "sysv.h"

static int set;

static int TAP_UNUSED value(int number) {
    return semctl(set, number, GETVAL);
}

static void TAP_UNUSED set_value(int number, int to) {
    need(semctl(set, number, SETVAL, (union semun){ .val = to }) == 0);
}

/* semop with one operation. */
static int TAP_UNUSED one(int number, int change, int flags) {
    struct sembuf o = { (unsigned short)number, (short)change, (short)flags };
    return semop(set, &o, 1);
}
