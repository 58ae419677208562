/* attack_ipc.c - processes that use segments, semaphores, queues and locks at random
 * are killed at random. What must hold: semaphores taken with SEM_UNDO come back, locks
 * go, nobody waits for ever, no message is torn, and nothing is left over.
 */
#include "mqueue.h"
#include "sysv.h"

#include <sys/file.h>
#include <sys/mman.h>

enum { WORKERS = 5, KILLS = 60 };

static int segment, set, messages, file;
static mqd_t queue;

struct text_message {
    long type;
    unsigned char text[64];
};

/* A message is torn if its bytes are not all the same. */
static void check_text(const unsigned char *text, ssize_t size) {
    for (ssize_t i = 1; i < size; i++)
        need(text[i] == text[0]);
}

static void use_segment(unsigned r) {
    char *p = shmat(segment, NULL, r & 1 ? SHM_RDONLY : 0);
    need(p != (void *)-1);
    if (!(r & 1))
        p[r % 8192] = (char)r;
    if (r & 2)
        munmap(p + 4096, 4096);
    if (r & 4)
        shmdt(p);
}

static void use_semaphores(unsigned r) {
    struct sembuf take[2] = { { 0, -1, SEM_UNDO }, { 1, -1, SEM_UNDO } };
    struct sembuf give[2] = { { 1, 1, SEM_UNDO }, { 0, 1, SEM_UNDO } };
    struct timespec soon = { 0, 2000000 };
    if (semtimedop(set, take, 1 + (r & 1), r & 2 ? &soon : NULL) != 0) {
        need(errno == EAGAIN);
        return;
    }
    if (r & 4)
        sched_yield();
    need(semop(set, r & 1 ? give : give + 1, 1 + (r & 1)) == 0);
}

static void use_messages(unsigned r) {
    struct text_message m = { .type = 1 + r % 3 };
    if (r & 64) {
        memset(m.text, (int)r, sizeof m.text);
        msgsnd(messages, &m, r % 65, r & 8 ? IPC_NOWAIT : 0);
    } else {
        ssize_t n =
            msgrcv(messages, &m, sizeof m.text, r % 5 ? 0 : -2, r & 8 ? IPC_NOWAIT : 0);
        check_text(m.text, n);
    }
}

static void use_queue(unsigned r) {
    unsigned char text[64];
    struct timespec past = { 1, 0 };
    memset(text, (int)r, sizeof text);
    if (r & 64)
        mq_timedsend(queue, (char *)text, r % 65, r % 4, r & 8 ? &past : NULL);
    else
        check_text(text, mq_timedreceive(queue, (char *)text, sizeof text, NULL,
                                         r & 8 ? &past : NULL));
}

static void use_locks(unsigned r) {
    struct flock l = { (short)(r % 3), SEEK_SET, r % 50, 1 + r % 30, 0 };
    int command = r & 64 ? F_SETLKW : F_SETLK;
    need(fcntl(file, command, &l) == 0 || errno == EAGAIN || errno == EDEADLK);
    if (r & 128) {
        int own = open("f", O_RDWR);
        need(own >= 0);
        flock(own, r & 32 ? LOCK_EX | LOCK_NB : LOCK_SH | LOCK_NB);
        close(own);                                     // and the process's locks go
    }
}

static void work(unsigned seed) {
    static void (*const use[])(unsigned) = { use_segment, use_semaphores, use_messages,
                                             use_queue, use_locks };
    for (unsigned n = 0; n < 2000; n++) {
        seed = seed * 1103515245 + 12345;
        use[(seed >> 16) % 5](seed >> 20);
    }
}

static void make_objects(void) {
    struct msqid_ds ds;
    private_ipc();
    scratch();
    make_file("f", "");
    file = open("f", O_RDWR);
    segment = shmget(IPC_PRIVATE, 8192, 0600);
    set = semget(IPC_PRIVATE, 2, 0600);
    messages = msgget(IPC_PRIVATE, 0600);
    queue = queue_open(O_RDWR | O_CREAT, 4, 64);
    need(segment >= 0 && set >= 0 && messages >= 0 && file >= 0);
    need(semctl(set, 0, SETVAL, (union semun){ .val = 2 }) == 0);
    need(semctl(set, 1, SETVAL, (union semun){ .val = 1 }) == 0);
    need(msgctl(messages, IPC_STAT, &ds) == 0);
    ds.msg_qbytes = 300;
    need(msgctl(messages, IPC_SET, &ds) == 0);
}

/* How many processes ended in another way than by a kill or well. */
static int kill_workers(void) {
    pid_t pid[WORKERS];
    unsigned seed = 1;
    int bad = 0;
    for (int i = 0; i < WORKERS; i++)
        CHILD (pid[i])
            work((unsigned)i + 7);
    for (int n = 0; n < KILLS; n++) {
        seed = seed * 1103515245 + 12345;
        int i = (int)((seed >> 16) % WORKERS);
        for (unsigned turns = (seed >> 20) % 64; turns > 0; turns--)
            sched_yield();
        kill(pid[i], SIGKILL);
        int status = wait_for(pid[i]);
        bad += status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CHILD (pid[i])
            work(seed);
    }
    for (int i = 0; i < WORKERS; i++) {
        kill(pid[i], SIGKILL);
        wait_for(pid[i]);
    }
    return bad;
}

static void check_queues(void) {
    struct text_message m;
    struct msqid_ds ds;
    ssize_t n;
    int count = 0;
    need(msgctl(messages, IPC_STAT, &ds) == 0);
    for (; (n = msgrcv(messages, &m, sizeof m.text, 0, IPC_NOWAIT)) >= 0; count++)
        check_text(m.text, n);
    is_int(count, (int)ds.msg_qnum, "the messages that are left are whole");
    long left = queue_attr(queue).mq_curmsgs;
    for (count = 0; count < left; count++) {
        unsigned char text[64];
        check_text(text, mq_receive(queue, (char *)text, sizeof text, NULL));
    }
    is_int(queue_attr(queue).mq_curmsgs, 0, "in the other queue, too");
}

int main(void) {
    struct shmid_ds status;
    pid_t pid;
    make_objects();
    is_int(kill_workers(), 0, "%d processes are killed in the middle of things", KILLS);
    ok(semctl(set, 0, GETVAL) == 2 && semctl(set, 1, GETVAL) == 1,
       "SEM_UNDO: what they held is back");
    ok(semctl(set, 0, GETNCNT) == 0 && semctl(set, 1, GETNCNT) == 0, "nobody waits");
    need(shmctl(segment, IPC_STAT, &status) == 0);
    is_int((int)status.shm_nattch, 0, "nobody is attached");
    CHILD (pid) {
        struct flock l = { F_WRLCK, SEEK_SET, 0, 0, 0 };
        int own = open("f", O_RDWR);
        need(fcntl(own, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
        need(flock(own, LOCK_EX | LOCK_NB) == 0);
    }
    is_exit(wait_for(pid), 0, "nothing is locked");
    check_queues();
    need(shm_remove(segment) == 0 && sem_remove(set) == 0 && msg_remove(messages) == 0);
    queue_close(queue);
    return done_testing();
}
