/* sysv.h - what segments, semaphore sets and message queues of System V have in common:
 * an id, a key, an owner, a mode, and the calls that deal with those.
 * An object stays until somebody removes it, whoever comes and goes.
 */
#pragma once

#include "fs/procfs.h"
#include "posix/faces.h"

enum { IPC_CREAT = 01000, IPC_EXCL = 02000, IPC_NOWAIT = 04000 };   /* flags */
enum { IPC_RMID = 0, IPC_SET = 1, IPC_STAT = 2, IPC_INFO = 3 };     /* commands */
enum { IPC_PRIVATE = 0 };                                           /* no key */

struct ipc_perm {               /* as IPC_STAT tells it */
    int32_t key;
    uint32_t uid, gid;          /* the owner */
    uint32_t cuid, cgid;        /* the creator, who has the owner's rights, too */
    uint16_t mode, unused1;     /* nine bits of rights; above them the kind's own */
    uint16_t seq, unused2;
    uint32_t unused[2];
};
static_assert(sizeof(struct ipc_perm) == 36, "Linux/i386, IPC_64");

struct sysv_object {            /* first in every object */
    struct list_node node;      /* kind->objects, in order of their ids */
    int id;                     /* [const] above 0, never used twice */
    uint32_t size;              /* [const] bytes, semaphores: a get may ask for less */
    struct ipc_perm perm;
    uint64_t times[3];          /* two of use, as the kind has it, and of IPC_SET and
                                   the like; ticks */
    pid_t pids[2];              /* who made or used it */
};

struct sysv_status {            /* shmid_ds, semid_ds or msqid_ds */
    struct ipc_perm perm;
    uint32_t words[14];         /* and behind that the kind's own numbers */
};

struct sysv_kind {              /* [const], but for the last two */
    const char *name;           /* "shm": one is "shm:12" in /proc/ipc */
    size_t bytes, bytes_each;   /* of an object: of itself, for each in its size */
    uint32_t size_max;          /* of what get asks for; 0: any, even none */
    int stat_command;           /* SHM_STAT; SHM_INFO is the next */
    uint8_t status_size, info_sizes[2];     /* of what IPC_STAT, IPC_INFO and SHM_INFO
                                               give; and the latter are: */
    uint32_t infos[2][10];      /* limits; the same or nothing, and in SHM_INFO */
    uint8_t count_word;         /* how many objects there are, */
    struct {
        uint8_t from, to;       /* and the sums of two words of their status; 0: none */
    } sums[2];
    uint8_t nr_shown, shown[5]; /* the words that /proc/ipc shows */
    struct sysv_status (*tell)(const struct sysv_object *object);   /* but for perm */
    /* A new object is filled in, but for the kind's own part. False: no memory. */
    bool (*init)(struct sysv_object *object);
    /* The kind's own part of IPC_SET, or nothing. 0 or -errno. */
    int (*set)(struct sysv_object *object, const uint32_t *words);
    /* The kind's own commands, or nothing. */
    long (*control)(struct sysv_object *object, uint32_t number, int command,
                    uptr_t argument);
    /* IPC_RMID; ends in sysv_free, now or later. */
    void (*remove)(struct sysv_object *object);
    /* Who waits, or nothing. */
    void (*show)(struct text *text, const struct sysv_object *object);
    /* For kcheck: counts what it holds, and checks what it is; or nothing. */
    void (*check)(const struct sysv_object *object);
    struct list objects;
    struct sysv_object *last_found; /* or NULL */
};

extern struct sysv_kind shm_kind, sem_kind, msg_kind;

#define SYSV_MAX 4096           /* objects of one kind */

struct sysv_object *sysv_look_up(struct sysv_kind *kind, int number, bool is_index);

/* The object of that id; NULL: -EINVAL. */
static inline struct sysv_object *sysv_find(struct sysv_kind *kind, int id) {
    struct sysv_object *last = kind->last_found;

    return likely(last && last->id == id) ? last : sysv_look_up(kind, id, false);
}

/* wanted: enum permission bits (fs/inode.h). 0, -EACCES. */
int sysv_judge(const struct sysv_object *object, unsigned wanted);
static inline must_check int sysv_permission(const struct sysv_object *object,
                                             unsigned wanted) {
    return is_root() ? 0 : sysv_judge(object, wanted);
}

/* Since 1970, of a moment noted as ticks of the time stamp counter; 0: never. */
uint32_t sysv_seconds(uint64_t ticks);

/* The end of an object: no longer to be found, its memory given back. */
void sysv_free(struct sysv_kind *kind, struct sysv_object *object);

/* -- What ipc(2) calls ------------------------------------------------------------- */

enum ipc_call {
    CALL_SEMOP = 1, CALL_SEMGET, CALL_SEMCTL, CALL_SEMTIMEDOP, CALL_MSGSND = 11,
    CALL_MSGRCV, CALL_MSGGET, CALL_MSGCTL, CALL_SHMAT = 21, CALL_SHMDT, CALL_SHMGET,
    CALL_SHMCTL,
};

/* SLEEP. The frame has the rest: in ebx the call, in esi the third
 * argument, in edi the pointer. */
long sem_operate(int id, uint32_t count, const struct trap_frame *frame) SLEEPS;
long msg_send(int id, uint32_t size, const struct trap_frame *frame) SLEEPS;
long msg_receive(int id, uint32_t size, const struct trap_frame *frame) SLEEPS;
