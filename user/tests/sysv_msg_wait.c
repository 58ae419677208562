/* sysv_msg_wait.c - POSIX msgsnd(), msgrcv(): "the calling thread shall suspend
 * execution until one of the following occurs: A message of the desired type is placed
 * on the queue. / the condition responsible for the suspension no longer exists. /
 * msqid is removed from the system [EIDRM]. / The calling thread receives a signal
 * [EINTR]".
 */
#include "sysv.h"

static int queue;

struct text_message {
    long type;
    char text[100];
};

static void make(msglen_t bytes) {
    struct msqid_ds ds;
    queue = msgget(IPC_PRIVATE, 0600);
    need(queue >= 0 && msgctl(queue, IPC_STAT, &ds) == 0);
    ds.msg_qbytes = bytes;
    need(msgctl(queue, IPC_SET, &ds) == 0);
}

static int send(long type, size_t size, int flags) {
    struct text_message m = { .type = type };
    memset(m.text, (int)type, sizeof m.text);
    return msgsnd(queue, &m, size, flags);
}

/* The type of the message received; 0 if none is. */
static long receive(long type, int flags) {
    struct text_message m;
    return msgrcv(queue, &m, sizeof m.text, type, flags) < 0 ? 0 : m.type;
}

static int waiting_messages(void) {
    struct msqid_ds ds;
    need(msgctl(queue, IPC_STAT, &ds) == 0);
    return (int)ds.msg_qnum;
}

/* Each of four receivers waits for something else. */
static void receivers(void) {
    static const long wants[4] = { 7, -3, 5, 0 }, gets[4] = { 7, 2, 5, 9 };
    pid_t pid[4];
    make(1000);
    for (int i = 0; i < 4; i++) {
        CHILD (pid[i])
            _exit((int)receive(wants[i], 0));
        until_asleep(pid[i]);
    }
    need(send(7, 10, 0) == 0);
    is_exit(wait_for(pid[0]), 7, "who waits for type 7 gets the 7");
    need(send(5, 0, 0) == 0);
    is_exit(wait_for(pid[2]), (int)gets[2], "who waits for type 5 gets the 5");
    need(send(2, 1, 0) == 0);
    is_exit(wait_for(pid[1]), (int)gets[1], "who waits for types up to 3 gets the 2");
    need(send(9, 1, 0) == 0);
    is_exit(wait_for(pid[3]), (int)gets[3], "who waits for any gets the 9");
    is_int(waiting_messages(), 0, "nothing is left");
    CHILD (pid[0])
        _exit((int)receive(6, MSG_EXCEPT));
    until_asleep(pid[0]);
    need(send(6, 1, 0) == 0 && waiting_messages() == 1 && send(8, 1, 0) == 0);
    is_exit(wait_for(pid[0]), 8, "MSG_EXCEPT waits for another type");
    need(receive(0, IPC_NOWAIT) == 6 && msg_remove(queue) == 0);
}

/* A receiver with too little room ends with E2BIG and leaves the message. */
static void too_long(void) {
    pid_t pid;
    make(1000);
    CHILD (pid) {
        struct text_message m;
        _exit(msgrcv(queue, &m, 9, 0, 0) < 0 ? errno : 0);
    }
    until_asleep(pid);
    need(send(1, 10, 0) == 0);
    is_exit(wait_for(pid), E2BIG, "E2BIG: a message too long for a waiting receiver");
    is_int(waiting_messages(), 1, "is in the queue");
    CHILD (pid) {
        struct text_message m;
        need(msgrcv(queue, &m, 9, 2, MSG_NOERROR) == 9 && m.type == 2);
        need(m.text[8] == 2);
    }
    until_asleep(pid);
    need(send(2, 10, 0) == 0);
    is_exit(wait_for(pid), 0, "MSG_NOERROR: a waiting receiver gets its beginning");
    need(msg_remove(queue) == 0);
}

static void senders(void) {
    pid_t pid[3];
    make(20);
    need(send(1, 20, 0) == 0);
    for (int i = 0; i < 3; i++) {
        CHILD (pid[i])
            need(send(10 + i, 10, 0) == 0);
        until_asleep(pid[i]);
    }
    is_int(waitpid(-1, NULL, WNOHANG), 0, "three senders wait at a full queue");
    need(receive(1, 0) == 1);
    while (waiting_messages() < 2)
        sched_yield();
    is_int(waiting_messages(), 2, "two of them have room now");
    int seen = 0;
    for (int i = 0; i < 3; i++)
        seen |= 1 << (receive(0, 0) - 10);
    is_int(seen, 7, "all three messages arrive");
    for (int i = 0; i < 3; i++)
        is_exit(wait_for(pid[i]), 0, "sender %d is done", i);
    need(send(1, 20, 0) == 0);
    CHILD (pid[0])
        need(send(2, 15, 0) == 0);
    until_asleep(pid[0]);
    struct msqid_ds ds;
    need(msgctl(queue, IPC_STAT, &ds) == 0);
    ds.msg_qbytes = 40;
    need(msgctl(queue, IPC_SET, &ds) == 0);
    is_exit(wait_for(pid[0]), 0, "IPC_SET with more room lets a sender on");
    need(msg_remove(queue) == 0);
}

/* "IPC_RMID": waiters of both kinds. */
static void removed(void) {
    pid_t pid[6];
    int right = 0;
    make(20);
    for (int i = 0; i < 6; i++)
        CHILD (pid[i])
            _exit((i < 3 ? receive(3, 0) > 0 : send(1, 11, 0) == 0) ? 0 : errno);
    while (waiting_messages() < 1)
        sched_yield();
    for (int i = 0; i < 3; i++)
        until_asleep(pid[i]);
    need(send(2, 9, IPC_NOWAIT) == 0 || errno == EAGAIN);
    need(msg_remove(queue) == 0);
    for (int i = 0; i < 6; i++) {
        int status = WEXITSTATUS(wait_for(pid[i]));
        right += status == EIDRM || (i >= 3 && status == 0) || status == EINVAL;
    }
    is_int(right, 6, "EIDRM: receivers and senders of a queue that is removed");
}

static void on_signal(int sig) {
    (void)sig;
}

/* signal(7): msgrcv and msgsnd "are never restarted ..., regardless of the use of
 * SA_RESTART". */
static void interrupted(void) {
    pid_t pid;
    make(20);
    need(send(1, 20, 0) == 0);
    for (int sends = 0; sends < 2; sends++) {
        struct gate ready;
        gate_init(&ready);
        CHILD (pid) {
            struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
            need(sigaction(SIGUSR1, &sa, NULL) == 0);
            gate_open(&ready);
            _exit((sends ? send(2, 1, 0) == 0 : receive(2, 0) > 0) ? 0 : errno);
        }
        gate_wait(&ready);
        while (state_of(pid) != 'Z')
            kill(pid, SIGUSR1), sched_yield();
        is_exit(wait_for(pid), EINTR, "EINTR: %s, SA_RESTART or not",
                sends ? "msgsnd" : "msgrcv");
        gate_close(&ready);
    }
    is_int(waiting_messages(), 1, "what was not sent is not in the queue");
    CHILD (pid)
        receive(2, 0);
    until_asleep(pid);
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
    need(receive(1, 0) == 1 && send(2, 5, 0) == 0);
    is_int(waiting_messages(), 1, "a receiver that was killed gets nothing");
    need(msg_remove(queue) == 0);
}

enum { PAIRS = 3, EACH = 40 };

/* Many to many: nothing is lost, doubled or out of order. */
static void traffic(void) {
    pid_t producer[PAIRS], consumer[PAIRS];
    int good = 0;
    make(200);
    for (int p = 0; p < PAIRS; p++) {
        CHILD (producer[p])
            for (int i = 1; i <= EACH; i++) {
                struct {
                    long type;
                    int number;
                } m = { p + 1, i };
                need(msgsnd(queue, &m, sizeof m.number, 0) == 0);
            }
        CHILD (consumer[p])
            for (int i = 1; i <= EACH; i++) {
                struct {
                    long type;
                    int number;
                } m;
                need(msgrcv(queue, &m, sizeof m.number, p + 1, 0) == sizeof m.number);
                need(m.number == i);
            }
    }
    for (int p = 0; p < PAIRS; p++)
        good += (wait_for(producer[p]) == 0) + (wait_for(consumer[p]) == 0);
    // FEATURE(98): strangers exchange structures over a queue, none lost, all in order
    is_int(good, 2 * PAIRS,
           "strangers exchange structures over a queue, none lost, all in order");
    is_int(waiting_messages(), 0, "and the queue is empty");
    need(msg_remove(queue) == 0);
}

int main(void) {
    private_ipc();
    receivers();
    too_long();
    senders();
    removed();
    interrupted();
    traffic();
    return done_testing();
}
