/* sysv_shm_life.c - shmop(2): "After a fork(2), the child inherits the attached shared
 * memory segments. After an execve(2), all attached shared memory segments are detached
 * from the process. Upon _exit(2), all attached shared memory segments are detached."
 * shmctl(2), IPC_RMID: "The segment will actually be destroyed only after the last
 * process detaches it".
 */
#include "memory.h"
#include "sysv.h"

static struct shmid_ds status_of(int id) {
    struct shmid_ds ds;
    need(shmctl(id, IPC_STAT, &ds) == 0);
    return ds;
}

static char *attach(int id) {
    char *p = shmat(id, NULL, 0);
    need(p != (void *)-1);
    return p;
}

static void inherit(void) {
    struct gate go, ready;
    int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600);
    char *p = attach(id);
    pid_t pid;
    gate_init(&go), gate_init(&ready);
    CHILD (pid) {
        gate_wait(&go);
        p[0] = 'c';
        gate_open(&ready);
        gate_wait(&go);
    }
    is_int((long)status_of(id).shm_nattch, 2, "fork: the child is attached");
    gate_open(&go);
    gate_wait(&ready);
    // FEATURE(76): what the child stores there the parent loads
    is_int(p[0], 'c', "what the child stores there the parent loads");
    gate_open(&go);
    is_exit(wait_for(pid), 0, "the child ends");
    struct shmid_ds ds = status_of(id);
    is_int((long)ds.shm_nattch, 1, "_exit detaches");
    ok(ds.shm_lpid == pid && ds.shm_dtime > 0, "and counts as an operation of its own");
    CHILD (pid) {
        attach(id), attach(id);
        raise(SIGKILL);
    }
    is_killed(wait_for(pid), SIGKILL, "a process is killed with three attachments");
    is_int((long)status_of(id).shm_nattch, 1, "all three are gone");
    CHILD (pid) {
        char text[16];
        snprintf(text, sizeof text, "%d", id);
        execl(self_path(), "x", text, (char *)NULL);
        _exit(98);
    }
    is_exit(wait_for(pid), 1, "execve detaches: only the parent is left then");
    need(shmdt(p) == 0);
    CHILD (pid)
        attach(id);
    is_exit(wait_for(pid), 0, "a child attaches by id, without its parent");
    is_int((long)status_of(id).shm_nattch, 0, "and is gone");
    need(shm_remove(id) == 0);
    gate_close(&go), gate_close(&ready);
}

/* What remains of a segment between two processes that never met. */
static void strangers(void) {
    pid_t pid;
    CHILD (pid) {
        int id = shmget(own_key(2), PAGE, IPC_CREAT | 0600);
        need(id >= 0);
        strcpy(attach(id), "a message");
        _exit(0);
    }
    need(wait_for(pid) == 0);
    int id = shmget(key_of(pid, 2), 0, 0);
    char *p = attach(id);
    // FEATURE(74): one segment, attached by key in processes that never met
    ok(strcmp(p, "a message") == 0,
       "one segment, attached by key in processes that never met");
    need(shmdt(p) == 0 && shm_remove(id) == 0);
}

/* "shm_perm.mode ... SHM_DEST: Segment will be destroyed on last detach". */
static void removal(void) {
    int id = shmget(own_key(1), PAGE, IPC_CREAT | 0600);
    char *p = attach(id);
    struct shmid_ds ds;
    p[0] = 'x';
    is_int(shm_remove(id), 0, "IPC_RMID while attached");
    ds = status_of(id);
    ok(ds.shm_perm.mode & SHM_DEST && ds.shm_nattch == 1,
       "it is still there, marked SHM_DEST");
    is_int(ds.shm_perm.key, IPC_PRIVATE, "without its key");
    is_errno(shmget(own_key(1), 0, 0), ENOENT, "ENOENT: so nobody finds it");
    is_int(p[0], 'x', "the attached memory is as before");
    char *q = attach(id);
    ok(q[0] == 'x', "by its id it can be attached once more");
    need(shmdt(q) == 0);
    is_int((long)status_of(id).shm_nattch, 1, "and detached");
    pid_t pid;
    CHILD (pid) {
        need(p[0] == 'x');
        p[0] = 'y';
    }
    is_exit(wait_for(pid), 0, "a child inherits it");
    is_int(p[0], 'y', "and shares it");
    is_int(shm_remove(id), 0, "IPC_RMID again is no error");
    is_int(shmdt(p), 0, "the last shmdt");
    is_errno(shmctl(id, IPC_STAT, &ds), EINVAL, "EINVAL: destroys it");
    is_errno(shmat(id, NULL, 0), EINVAL, "EINVAL: nothing to attach");
}

/* The last detach may be anybody's, in any way. */
static void last_detach(void) {
    struct shmid_ds ds;
    pid_t pid;
    int id = shmget(IPC_PRIVATE, PAGE, 0600);
    struct gate go;
    gate_init(&go);
    CHILD (pid) {
        char *p = attach(id);
        gate_open(&go);
        need(shm_remove(id) == 0 && p[0] == 0);
        raise(SIGKILL);
    }
    gate_wait(&go);
    wait_for(pid);
    is_errno(shmctl(id, IPC_STAT, &ds), EINVAL, "the last one was killed");
    id = shmget(IPC_PRIVATE, PAGE, 0600);
    char *p = attach(id);
    need(shm_remove(id) == 0);
    p = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    is_errno(shmctl(id, IPC_STAT, &ds), EINVAL, "the last one was mapped over");
    munmap(p, PAGE);
    id = shmget(IPC_PRIVATE, PAGE, 0600);
    p = attach(id);
    need(shm_remove(id) == 0 && munmap(p, PAGE) == 0);
    is_errno(shmctl(id, IPC_STAT, &ds), EINVAL, "the last one was unmapped");
    CHILD (pid) {
        id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
        memset(attach(id), 'x', 4 * PAGE);
        need(shm_remove(id) == 0);
        execl(self_path(), "x", "-", (char *)NULL);
        _exit(98);
    }
    is_exit(wait_for(pid), 7, "the last one executed a program");
    gate_close(&go);
}

static int owner_attaches(const char *id) {
    char *p = shmat(atoi(id), NULL, 0);
    if (p == (void *)-1)
        return errno;
    p[0] = 'u';
    return 0;
}

/* Rights are asked at shmat, not later. */
static void rights(void) {
    int id = shmget(IPC_PRIVATE, PAGE, 0600);
    char text[16], *p = attach(id);
    snprintf(text, sizeof text, "%d", id);
    need(shm_set(id, GUEST, GUEST, 0600) == 0);
    if (is_root()) {
        // FEATURE(80): a stranger cannot attach what its mode keeps from him
        is_exit(as_user(owner_attaches, text), EACCES,
                "a stranger cannot attach what its mode keeps from him");
        need(shm_set(id, STUDENT, STUDENT, 0600) == 0);
    }
    is_exit(as_user(owner_attaches, text), 0, "the owner can");
    // FEATURE(81): and spoil what others rely on
    is_int(p[0], 'u', "and spoil what others rely on");
    need(shm_set(id, geteuid(), getegid(), 0) == 0);
    p[0] = 'v';
    is_int(p[0], 'v', "what is attached stays so when the mode changes");
    need(shmdt(p) == 0 && shm_remove(id) == 0);
}

/* Many processes attach, count and leave, and one removes it in the middle. */
static void crowd(void) {
    int id = shmget(IPC_PRIVATE, PAGE, 0600);
    int *counter = (int *)(void *)attach(id), removed = 0;
    pid_t pid[8];
    for (int i = 0; i < 8; i++)
        CHILD (pid[i])
            for (int n = 0; n < 20; n++) {
                int *mine = (int *)(void *)attach(id);
                __atomic_add_fetch(mine, 1, __ATOMIC_SEQ_CST);
                need(shmdt(mine) == 0);
                if (n == 10 && i == 0)
                    need(shm_remove(id) == 0);
            }
    for (int i = 0; i < 8; i++)
        removed += wait_for(pid[i]) == 0;
    is_int(removed, 8, "8 processes attach and detach while one removes");
    is_int(*counter, 160, "none of their stores is lost");
    is_int((long)status_of(id).shm_nattch, 1, "one attachment is left");
    need(shmdt(counter) == 0);
}

int main(int argc, char **argv) {
    struct shmid_ds ds;
    if (argc > 1 && *argv[1] == '-')
        return 7;
    if (argc > 1)                                       // executed by inherit()
        return shmctl(atoi(argv[1]), IPC_STAT, &ds) ? 97 : (int)ds.shm_nattch;
    self_path();
    inherit();
    strangers();
    removal();
    last_detach();
    rights();
    crowd();
    return done_testing();
}
