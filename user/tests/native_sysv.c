/* native_sysv.c - what Parley says and promises of System V objects beyond Linux:
 * IPC.md 7.1 ("ipcs -a lists ... segments and semaphores: id, name, owner, mode ... by
 * pid"), and ids that are never used twice while the machine runs.
 */
#include "memory.h"
#include "proc_lines.h"
#include "sysv.h"

static void segments(void) {
    char word[20], line[200], want[200];
    int id = shmget(own_key(1), 3 * PAGE - 5, IPC_CREAT | 0640);
    char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
    p[PAGE] = 'x';
    snprintf(word, sizeof word, "shm:%d", id);
    snprintf(want, sizeof want, "%s %08x %u %u 0640 %d 1 2 %d %d\n", word, own_key(1),
             geteuid(), getegid(), 3 * PAGE - 5, getpid(), getpid());
    need(line_of("sysv", word, line, sizeof line));
    // FEATURE(82): ipcs shows owner, mode, size, pages and attachments of a segment
    is_text(line, want,
            "ipcs shows owner, mode, size, pages and attachments of a segment");
    need(shmdt(p) == 0 && shm_remove(id) == 0);
    need(line_of("sysv", word, line, sizeof line));
    ok(strstr(line, " 00000000 ") && strstr(line, " 1640 "),
       "removed while attached: no key, and marked in the mode");
    need(shmdt(q) == 0);
    ok(!line_of("sysv", word, line, sizeof line),
       "the last shmdt takes it off the list");
}

static void semaphores(void) {
    char word[20], line[200], want[200];
    struct gate go, done;
    pid_t holder, waiter;
    struct sembuf take = { 1, -1, SEM_UNDO };
    int set = semget(IPC_PRIVATE, 3, 0600);
    gate_init(&go), gate_init(&done);
    need(semctl(set, 1, SETVAL, (union semun){ .val = 1 }) == 0);
    CHILD (holder) {
        need(semop(set, &take, 1) == 0);
        gate_open(&done);
        gate_wait(&go);
    }
    gate_wait(&done);
    CHILD (waiter)
        need(semop(set, &take, 1) == 0);
    while (semctl(set, 1, GETNCNT) == 0)
        sched_yield();
    snprintf(word, sizeof word, "sem:%d", set);
    snprintf(want, sizeof want, "%s 00000000 %u %u 0600 3 waiters=%d\n", word,
             geteuid(), getegid(), waiter);
    need(line_of("sysv", word, line, sizeof line));
    is_text(line, want, "a semaphore set, and who waits at it");
    snprintf(word, sizeof word, "%d", waiter);
    snprintf(want, sizeof want, " \"System V semaphore\" sem:%d %d - ", set, holder);
    need(line_of("waits", word, line, sizeof line));
    ok(strstr(line, want), "who holds it with SEM_UNDO is named as who could end that");
    gate_open(&go);
    need(wait_for(holder) == 0 && wait_for(waiter) == 0 && sem_remove(set) == 0);
    gate_close(&go), gate_close(&done);
}

static void ids(void) {
    int last = 0, rises = 0;
    for (int i = 0; i < 300; i++) {
        const struct ipc_kind *kind = &ipc_kinds[i % 2];
        int id = kind->get(IPC_PRIVATE, 0600);
        need(id >= 0 && kind->remove(id) == 0);
        rises += id > last;
        last = id;
    }
    is_int(rises, 300, "ids only rise, over all kinds: none is used twice");
}

static int fills(const char *unused) {
    int ids[300], count = 0;
    (void)unused;
    while (count < 300 && (ids[count] = ipc_kinds[count % 2].get(IPC_PRIVATE, 0)) >= 0)
        count++;
    need(errno == ENOSPC);
    for (int i = 0; i < count; i++)
        need(ipc_kinds[i % 2].remove(ids[i]) == 0);
    return count != 256;
}

int main(void) {
    segments();
    semaphores();
    ids();
    is_exit(as_user(fills, ""), 0, "256 objects of all kinds a user");
    return done_testing();
}
