/* sysv.h - for tests of System V objects: the three kinds behind one face.
 *
 *     private_ipc();                          nobody else's objects, where that can be
 *     int id = kind->get(own_key(1), IPC_CREAT | 0600);
 *     kind->remove(id);
 */
#pragma once

#include "raw.h"
#include "scratch.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

struct ipc_kind {
    const char *name;
    int (*get)(key_t key, int flags);
    int (*status)(int id, struct ipc_perm *perm, time_t *changed);
    int (*set)(int id, uid_t uid, gid_t gid, int mode);
    int (*remove)(int id);
    int (*use)(int id);                     /* as a reader; 0 or -1 */
    int (*change)(int id);                  /* as a writer */
    int (*control)(int id, int command);    /* with a pointer that is bad */
};

/* A key for that process alone; n is 0 .. 15. */
static key_t TAP_UNUSED key_of(pid_t pid, int n) {
    return 0x51000000 | (pid & 0xfffff) << 4 | n;
}

static key_t TAP_UNUSED own_key(int n) {
    return key_of(getpid(), n);
}

/* A name space of our own, so that a full table harms nobody. Parley needs none. */
static void TAP_UNUSED private_ipc(void) {
    if (unshare(CLONE_NEWIPC) != 0)
        unshare(CLONE_NEWUSER | CLONE_NEWIPC);
}

static int shm_get(key_t key, int flags) {
    return shmget(key, 1, flags);
}

static int shm_status(int id, struct ipc_perm *perm, time_t *changed) {
    struct shmid_ds ds;
    int result = shmctl(id, IPC_STAT, &ds);
    *perm = ds.shm_perm;
    *changed = ds.shm_ctime;
    return result;
}

static int shm_set(int id, uid_t uid, gid_t gid, int mode) {
    struct shmid_ds ds = { .shm_perm = {
                               .uid = uid, .gid = gid, .mode = (mode_t)mode } };
    return shmctl(id, IPC_SET, &ds);
}

static int TAP_UNUSED shm_remove(int id) {
    return shmctl(id, IPC_RMID, NULL);
}

static int shm_attach_as(int id, int flags) {
    void *at = shmat(id, NULL, flags);
    return at == (void *)-1 ? -1 : shmdt(at);
}

static int shm_use(int id) {
    return shm_attach_as(id, SHM_RDONLY);
}

static int shm_change(int id) {
    return shm_attach_as(id, 0);
}

/* What a raw call says, as the C library would. */
static int TAP_UNUSED errno_of(long result) {
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

enum { SEMCTL = 3, SEMTIMEDOP = 4, MSGCTL = 14, SHMCTL = 24, IPC_64 = 0x100 };

static int shm_control(int id, int command) {
    return errno_of(raw(SYS_ipc, SHMCTL, id, command | IPC_64, 0, 16));
}

static int sem_get(key_t key, int flags) {
    return semget(key, 1, flags);
}

static int sem_status(int id, struct ipc_perm *perm, time_t *changed) {
    struct semid_ds ds;
    int result = semctl(id, 0, IPC_STAT, (union semun){ .buf = &ds });
    *perm = ds.sem_perm;
    *changed = ds.sem_ctime;
    return result;
}

static int sem_set(int id, uid_t uid, gid_t gid, int mode) {
    struct semid_ds ds = { .sem_perm = {
                               .uid = uid, .gid = gid, .mode = (mode_t)mode } };
    return semctl(id, 0, IPC_SET, (union semun){ .buf = &ds });
}

static int TAP_UNUSED sem_remove(int id) {
    return semctl(id, 0, IPC_RMID);
}

static int sem_use(int id) {
    return semctl(id, 0, GETVAL);
}

static int sem_change(int id) {
    return semctl(id, 0, SETVAL, 0);
}

static int sem_control(int id, int command) {
    long nowhere = 16;
    return errno_of(raw(SYS_ipc, SEMCTL, id, 0, command | IPC_64, (long)&nowhere));
}

static int msg_get(key_t key, int flags) {
    return msgget(key, flags);
}

static int msg_status(int id, struct ipc_perm *perm, time_t *changed) {
    struct msqid_ds ds;
    int result = msgctl(id, IPC_STAT, &ds);
    *perm = ds.msg_perm;
    *changed = ds.msg_ctime;
    return result;
}

static int msg_set(int id, uid_t uid, gid_t gid, int mode) {
    struct msqid_ds ds = { .msg_perm = { .uid = uid, .gid = gid, .mode = (mode_t)mode },
                           .msg_qbytes = 1000 };
    return msgctl(id, IPC_SET, &ds);
}

static int TAP_UNUSED msg_remove(int id) {
    return msgctl(id, IPC_RMID, NULL);
}

/* "No message": the rights were there. */
static int msg_use(int id) {
    char message[16];
    ssize_t n = msgrcv(id, message, 1, 0, IPC_NOWAIT);
    return n >= 0 || errno == ENOMSG ? 0 : -1;
}

static int msg_change(int id) {
    struct {
        long type;
        char text[1];
    } message = { 1, "" };
    return msgsnd(id, &message, 0, IPC_NOWAIT);
}

static int msg_control(int id, int command) {
    return errno_of(raw(SYS_ipc, MSGCTL, id, command | IPC_64, 0, 16));
}

static TAP_UNUSED const struct ipc_kind ipc_kinds[] = {
#define IPC_KIND(k) \
    { #k, k##_get, k##_status, k##_set, k##_remove, k##_use, k##_change, k##_control }
    IPC_KIND(shm),
    IPC_KIND(sem),
    IPC_KIND(msg),
};
