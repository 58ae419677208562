/* cancel_ipc.c - POSIX XSH 2.9.5.2, cancellation points: "sem_wait(), sem_timedwait(),
 * mq_receive(), mq_send(), msgrcv(), msgsnd(), fcntl() when the cmd argument is
 * F_SETLKW". What was cancelled has not happened.
 */
#include "mqueue.h"
#include "sysv.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t sem;
static mqd_t empty, full;
static int messages, locked;
static volatile int cleaned;
static volatile pid_t tid;

struct text_message {
    long type;
    char text[100];
};

static void wait_sem(void) {
    sem_wait(&sem);
}

static void wait_sem_timed(void) {
    sem_timedwait(&sem, &(struct timespec){ 2000000000, 0 });
}

static void receive_posix(void) {
    char text[8192];
    mq_receive(empty, text, sizeof text, NULL);
}

static void send_posix(void) {
    mq_send(full, "cancelled", 9, 5);
}

static void receive_sysv(void) {
    struct text_message m;
    msgrcv(messages, &m, sizeof m.text, 5, 0);
}

static void send_sysv(void) {
    struct text_message m = { .type = 5 };
    msgsnd(messages, &m, sizeof m.text, 0);
}

static void lock_record(void) {
    struct flock l = { F_WRLCK, SEEK_SET, 0, 0, 0 };
    fcntl(locked, F_SETLKW, &l);
}

static void clean(void *unused) {
    (void)unused;
    cleaned++;
}

static void *run(void *function) {
    pthread_cleanup_push(clean, NULL);
    tid = (pid_t)syscall(SYS_gettid);
    (*(void (**)(void))function)();
    pthread_cleanup_pop(0);
    return NULL;
}

/* The thread waits in it when it is cancelled, or is just about to. */
static void cancel(void (*function)(void), const char *name, int early) {
    pthread_t thread;
    void *result;
    cleaned = 0, tid = 0;
    need(pthread_create(&thread, NULL, run, &function) == 0);
    while (tid == 0)
        sched_yield();
    if (!early)
        until_asleep(tid);
    need(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
    ok(result == PTHREAD_CANCELED && cleaned == 1, "%s is cancelled%s", name,
       early ? ", at once" : " while it waits");
}

int main(void) {
    static const struct {
        void (*function)(void);
        const char *name;
    } table[] = {
        { wait_sem, "sem_wait" },          { wait_sem_timed, "sem_timedwait" },
        { receive_posix, "mq_receive" },   { send_posix, "mq_send" },
        { receive_sysv, "msgrcv" },        { send_sysv, "msgsnd" },
        { lock_record, "fcntl(F_SETLKW)" },
    };
    struct msqid_ds ds;
    struct text_message m = { .type = 1 };
    struct gate ready, go;
    pid_t holder;
    scratch();
    make_file("f", "");
    need(sem_init(&sem, 0, 0) == 0);
    empty = queue_open(O_RDWR | O_CREAT, 1, 8192);
    need(mq_unlink(own_name()) == 0);
    full = queue_open(O_RDWR | O_CREAT, 1, 8192);
    need(queue_send(full, "full", 0) == 0);
    messages = msg_get(IPC_PRIVATE, 0600);
    need(msg_set(messages, geteuid(), getegid(), 0600) == 0);   // 1000 bytes
    for (int i = 0; i < 10; i++)
        need(msgsnd(messages, &m, sizeof m.text, IPC_NOWAIT) == 0);
    locked = open("f", O_RDWR);
    gate_init(&ready), gate_init(&go);
    CHILD (holder) {
        struct flock l = { F_WRLCK, SEEK_SET, 0, 0, 0 };
        need(fcntl(locked, F_SETLK, &l) == 0);
        gate_open(&ready);
        gate_wait(&go);
    }
    gate_wait(&ready);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int early = 0; early < 2; early++)
            cancel(table[i].function, table[i].name, early);

    need(sem_post(&sem) == 0);
    is_int(sem_trywait(&sem), 0, "no cancelled sem_wait takes a later post");
    need(queue_send(empty, "here", 0) == 0);
    is_text(queue_receive(empty), "0:here", "no cancelled mq_receive takes a message");
    is_text(queue_receive(full), "0:full", "no cancelled mq_send leaves one");
    is_int(queue_attr(full).mq_curmsgs, 0, "not even later");
    need(msgctl(messages, IPC_STAT, &ds) == 0);
    is_int((int)ds.msg_qnum, 10, "no cancelled msgsnd has sent");
    gate_open(&go);
    need(wait_for(holder) == 0);
    struct flock l = { F_WRLCK, SEEK_SET, 0, 0, 0 };
    CHILD (holder)
        need(fcntl(locked, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
    is_exit(wait_for(holder), 0, "no cancelled F_SETLKW has locked");
    need(msg_remove(messages) == 0 && mq_close(empty) == 0);
    queue_close(full);
    gate_close(&ready), gate_close(&go);
    return done_testing();
}
