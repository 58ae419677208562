/* sysv_sem.c - POSIX semget(), semop(), semctl(): values, several operations as one,
 * and what a call refuses.
 */
#include "sysv_set.h"

static int values(int count) {
    int id = semget(IPC_PRIVATE, count, 0600);
    need(id >= 0);
    return id;
}

static struct semid_ds status(void) {
    struct semid_ds ds;
    need(semctl(set, 0, IPC_STAT, (union semun){ .buf = &ds }) == 0);
    return ds;
}

/* semget(2): "The values of the semaphores in a newly created set ... Linux ...
 * initializes the semaphore values to 0". "sem_otime is set to 0. sem_nsems is set to
 * nsems". */
static void fresh(void) {
    set = values(3);
    ok(value(0) == 0 && value(1) == 0 && value(2) == 0, "new semaphores are 0");
    struct semid_ds ds = status();
    ok(ds.sem_nsems == 3 && ds.sem_otime == 0, "sem_nsems, and no sem_otime yet");
    is_int(semctl(set, 0, GETPID), 0, "nobody has changed one yet");
    is_errno(value(3), EINVAL, "EINVAL: the set has no such semaphore");
    is_errno(semctl(set, -1, GETVAL), EINVAL, "EINVAL: nor one below 0");
    need(sem_remove(set) == 0);
    is_errno(semget(IPC_PRIVATE, 0, 0600), EINVAL, "EINVAL: a new set of none");
    is_errno(semget(IPC_PRIVATE, -1, 0600), EINVAL, "EINVAL: or of fewer");
    is_errno(semget(IPC_PRIVATE, 1 << 20, 0600), EINVAL, "EINVAL: or of too many");
    set = semget(own_key(1), 3, IPC_CREAT | 0600);
    is_int(semget(own_key(1), 0, 0), set, "an existing set of any size");
    is_int(semget(own_key(1), 3, 0), set, "of at least this size");
    is_errno(semget(own_key(1), 4, 0), EINVAL, "EINVAL: it has fewer");
    need(sem_remove(set) == 0);
}

/* semctl(): "SETVAL Set the value of semval to arg.val", GETVAL, SETALL, GETALL,
 * GETPID; "[ERANGE] ... the value ... is greater than the system-imposed maximum". */
static void control(void) {
    unsigned short in[3] = { 5, 0, 32767 }, out[3] = { 1, 1, 1 };
    set = values(3);
    is_int(semctl(set, 1, SETVAL, (union semun){ .val = 7 }), 0, "SETVAL");
    ok(value(0) == 0 && value(1) == 7 && value(2) == 0, "sets this one only");
    is_int(semctl(set, 1, GETPID), getpid(), "GETPID tells who did");
    ok(status().sem_ctime >= status().sem_otime, "SETVAL counts as a change");
    is_int(semctl(set, 99, SETALL, (union semun){ .array = in }), 0,
           "SETALL, whatever semnum is");
    is_int(semctl(set, 99, GETALL, (union semun){ .array = out }), 0, "GETALL");
    ok(memcmp(in, out, sizeof in) == 0, "gives what SETALL set, up to 32767");
    is_errno(semctl(set, 0, SETVAL, (union semun){ .val = 32768 }), ERANGE,
             "ERANGE: more than that");
    is_errno(semctl(set, 0, SETVAL, (union semun){ .val = -1 }), ERANGE,
             "ERANGE: less than 0");
    is_errno(semctl(set, 9, SETVAL, (union semun){ .val = 1 }), EINVAL,
             "EINVAL: SETVAL of one that is not there");
    in[0] = 9, in[2] = 40000;
    is_errno(semctl(set, 0, SETALL, (union semun){ .array = in }), ERANGE,
             "ERANGE: SETALL with one bad value");
    is_int(value(0), 5, "sets none at all");
    is_errno(sem_control(set, GETALL), EFAULT, "EFAULT: GETALL to nowhere");
    is_errno(sem_control(set, SETALL), EFAULT, "EFAULT: SETALL from nowhere");
    struct seminfo info = { 0 };
    struct semid_ds ds;
    int last = semctl(0, 0, SEM_INFO, (union semun){ .info = &info }), found = 0;
    ok(last >= 0 && info.semusz >= 1 && info.semaem >= 3 && info.semvmx == 32767,
       "SEM_INFO: sets, semaphores, limits");
    for (int i = 0; i <= last; i++)
        if (semctl(i, 0, SEM_STAT, (union semun){ .buf = &ds }) == set)
            found = ds.sem_nsems;
    is_int(found, 3, "SEM_STAT finds the set by index");
    need(sem_remove(set) == 0);
}

/* semop(): "If sem_op is a negative integer ... If semval is greater than or equal to
 * the absolute value of sem_op, [it] is subtracted ... positive ... the value of sem_op
 * shall be added ... If sem_op is 0 ... If semval is 0, semop() shall return
 * immediately". "(sem_flg & IPC_NOWAIT) is non-zero: [EAGAIN]". */
static void single(void) {
    time_t before = time(NULL);
    set = values(2);
    is_int(one(0, 3, 0), 0, "an operation above 0 adds");
    is_int(value(0), 3, "as much as it says");
    is_int(one(0, -2, 0), 0, "one below 0 subtracts");
    is_int(value(0), 1, "what is there");
    is_errno(one(0, -2, IPC_NOWAIT), EAGAIN, "EAGAIN: more than is there");
    is_int(value(0), 1, "and nothing is changed");
    is_errno(one(0, 0, IPC_NOWAIT), EAGAIN, "EAGAIN: it is not 0");
    is_int(one(1, 0, 0), 0, "0 waits for 0");
    struct semid_ds ds = status();
    ok(ds.sem_otime >= before && ds.sem_otime <= time(NULL), "semop sets sem_otime");
    is_int(semctl(set, 0, GETPID), getpid(), "and the process id");
    set_value(0, 32767);
    is_errno(one(0, 1, 0), ERANGE, "ERANGE: above 32767");
    is_int(value(0), 32767, "changes nothing");
    is_errno(one(2, 1, 0), EFBIG, "EFBIG: the set has no such semaphore");
    struct sembuf bad[2] = { { 0, -1, 0 }, { 2, 1, 0 } };
    is_errno(semop(set, bad, 2), EFBIG, "EFBIG: in any of the operations");
    is_int(value(0), 32767, "and none of them is done");
    is_errno(semop(set, bad, 0), EINVAL, "EINVAL: no operations");
    is_errno(semop(-1, bad, 1), EINVAL, "EINVAL: an id below 0");
    is_errno(semop(0x7fffffff, bad, 1), EINVAL, "EINVAL: an id nobody has");
    is_errno(semop(set, (struct sembuf *)16, 1), EFAULT, "EFAULT: a bad pointer");
    struct seminfo info;
    need(semctl(0, 0, IPC_INFO, (union semun){ .info = &info }) >= 0);
    struct sembuf *many = calloc((size_t)info.semopm + 1, sizeof *many);
    for (int i = 0; i <= info.semopm; i++)
        many[i] = (struct sembuf){ 1, 1, 0 };
    is_errno(semop(set, many, (size_t)info.semopm + 1), E2BIG,
             "E2BIG: more operations than SEMOPM");
    is_int(semop(set, many, (size_t)info.semopm), 0, "SEMOPM of them are fine");
    is_int(value(1), info.semopm, "and all are done");
    free(many);
    struct timespec wrong = { 0, 1000000000 };
    is_errno(semtimedop(set, &(struct sembuf){ 0, 0, 0 }, 1, &wrong), EINVAL,
             "EINVAL: a time-out that is no time");
    need(sem_remove(set) == 0);
}

/* "The set of operations contained in sops is performed in array order, and atomically,
 * that is, the operations are performed either as a complete unit, or not at all." */
static void together(void) {
    set = values(3);
    set_value(0, 1), set_value(1, 1);
    struct sembuf take[2] = { { 0, -1, IPC_NOWAIT }, { 1, -1, IPC_NOWAIT } };
    is_int(semop(set, take, 2), 0, "two are taken at once");
    ok(value(0) == 0 && value(1) == 0, "both");
    set_value(0, 1);
    is_errno(semop(set, take, 2), EAGAIN, "EAGAIN: one of them is not there");
    is_int(value(0), 1, "so the other is not taken either");
    struct sembuf twice[2] = { { 2, 2, 0 }, { 2, -1, IPC_NOWAIT } };
    is_int(semop(set, twice, 2), 0, "the same semaphore twice: in array order");
    is_int(value(2), 1, "the second sees what the first did");
    struct sembuf order[2] = { { 2, -2, IPC_NOWAIT }, { 2, 2, 0 } };
    is_errno(semop(set, order, 2), EAGAIN,
             "EAGAIN: in the other order it is too early");
    struct sembuf lock[2] = { { 1, 0, IPC_NOWAIT }, { 1, 1, 0 } };
    is_int(semop(set, lock, 2), 0, "wait for 0 and add 1: a lock is taken");
    is_errno(semop(set, lock, 2), EAGAIN, "EAGAIN: by one only");
    set_value(0, 32767);
    struct sembuf over[3] = { { 2, -1, 0 }, { 1, 5, 0 }, { 0, 1, 0 } };
    is_errno(semop(set, over, 3), ERANGE, "ERANGE: the last of three");
    ok(value(2) == 1 && value(1) == 1, "undoes the others");
    struct sembuf back[2] = { { 0, -1, 0 }, { 0, 1, 0 } };
    is_int(semop(set, back, 2), 0, "at the limit, down and up again");
    need(sem_remove(set) == 0);
}

/* "[EACCES] Operation permission is denied": altering needs the right to write, waiting
 * for zero the right to read. */
static int tries(const char *change) {
    return one(0, atoi(change), IPC_NOWAIT) ? errno : 0;
}

static void rights(void) {
    set = values(1);
    need(sem_set(set, STUDENT, STUDENT, 0400) == 0);
    if (!is_root())
        need(sem_set(set, geteuid(), getegid(), 0400) == 0);
    is_exit(as_user(tries, "0"), 0, "mode 0400: one may wait for 0");
    is_exit(as_user(tries, "1"), EACCES, "EACCES: and not add");
    is_exit(as_user(tries, "-1"), EACCES, "EACCES: nor subtract");
    need(sem_set(set, is_root() ? STUDENT : geteuid(), getegid(), 0200) == 0);
    is_exit(as_user(tries, "1"), 0, "mode 0200: one may add");
    is_exit(as_user(tries, "0"), EACCES, "EACCES: and not wait for 0");
    need(sem_remove(set) == 0);
}

/* "a time-out ... that is no time"; and one that cannot be read. */
static void times(void) {
    struct sembuf o = { 0, 0, 0 };
    int soon[2] = { 0, 1000 }, minus[2] = { -1, 0 };
    set = values(1);
    set_value(0, 1);
    is_int(raw(SYS_ipc, SEMTIMEDOP, set, 1, 0, (long)&o, (long)soon), -EAGAIN,
           "EAGAIN: its time has passed");
    is_int(raw(SYS_ipc, SEMTIMEDOP, set, 1, 0, (long)&o, (long)minus), -EINVAL,
           "EINVAL: a time below 0");
    is_int(raw(SYS_ipc, SEMTIMEDOP, set, 1, 0, (long)&o, 16), -EFAULT,
           "EFAULT: a time-out nowhere");
    need(sem_remove(set) == 0);
}

int main(void) {
    private_ipc();
    fresh();
    control();
    single();
    together();
    rights();
    times();
    return done_testing();
}
