/* sysv_msg.c - POSIX msgget(), msgsnd(), msgrcv(), msgctl(); msgop(2): messages with
 * types, and who gets which.
 */
#include "sysv.h"

static int queue;

struct text_message {
    long type;
    char text[64];
};

static int make(void) {
    int id = msgget(IPC_PRIVATE, 0600);
    need(id >= 0);
    return id;
}

static int send(long type, const char *text, int flags) {
    struct text_message m = { .type = type };
    strcpy(m.text, text);
    return msgsnd(queue, &m, strlen(text), flags);
}

/* What msgrcv gives, as "type:text"; the errno's name if it fails. */
static const char *receive(long type, int flags) {
    static char result[100];
    struct text_message m = { 0 };
    ssize_t n = msgrcv(queue, &m, sizeof m.text - 1, type, flags | IPC_NOWAIT);
    if (n < 0)
        return errno == ENOMSG ? "ENOMSG" : strerror(errno);
    snprintf(result, sizeof result, "%ld:%.*s", m.type, (int)n, m.text);
    return result;
}

static struct msqid_ds status(void) {
    struct msqid_ds ds;
    need(msgctl(queue, IPC_STAT, &ds) == 0);
    return ds;
}

/* "msgtyp = 0, the first message on the queue shall be received. > 0, the first message
 * of type msgtyp. < 0, the first message of the lowest type that is less than or equal
 * to the absolute value of msgtyp". */
static void types(void) {
    queue = make();
    need(send(3, "a", 0) == 0 && send(1, "b", 0) == 0 && send(3, "c", 0) == 0);
    need(send(2, "d", 0) == 0 && send(1, "e", 0) == 0 && send(9, "f", 0) == 0);
    // FEATURE(97): one queue holds several types, and each is received by itself
    is_text(receive(3, 0), "3:a", "type 3: the first of that type");
    is_text(receive(3, 0), "3:c",
            "one queue holds several types, and each is received by itself");
    is_text(receive(3, 0), "ENOMSG", "ENOMSG: no more of that type");
    is_text(receive(-2, 0), "1:b", "type -2: the lowest up to 2, the first of it");
    is_text(receive(-2, 0), "1:e", "once more, though a 2 came before it");
    is_text(receive(-2, 0), "2:d", "now the 2");
    is_text(receive(-8, 0), "ENOMSG", "ENOMSG: none up to 8");
    is_text(receive(0, 0), "9:f", "type 0: whatever is first");
    is_text(receive(0, 0), "ENOMSG", "ENOMSG: the queue is empty");
    need(send(1, "x", 0) == 0 && send(2, "y", 0) == 0 && send(0x7fffffff, "z", 0) == 0);
    is_text(receive(1, MSG_EXCEPT), "2:y", "MSG_EXCEPT: the first of another type");
    is_text(receive((long)0x80000000u, 0), "1:x",
            "the lowest of all, by a type that has no absolute value");
    is_text(receive(-0x7fffffff, 0), "2147483647:z", "the highest type");
    is_errno(send(0, "", 0), EINVAL, "EINVAL: type 0");
    is_errno(send(-1, "", 0), EINVAL, "EINVAL: a type below 0");
    for (int i = 0; i < 20; i++) {
        char text[4] = { (char)('A' + i) };
        need(send(1 + i % 3, text, 0) == 0);
    }
    int right = 0;
    for (int i = 0; i < 20; i++)
        right += receive(0, 0)[2] == 'A' + i;
    // FEATURE(96): messages leave whole, one by one, in the order they came
    is_int(right, 20, "messages leave whole, one by one, in the order they came");
    need(msg_remove(queue) == 0);
}

/* "msgsz ... specifies the size in bytes of mtext. The received message shall be
 * truncated to msgsz bytes if it is larger than msgsz and (msgflg & MSG_NOERROR) is
 * non-zero. ... [E2BIG]". */
static void sizes(void) {
    struct text_message m;
    queue = make();
    need(send(5, "hello", 0) == 0);
    is_errno(msgrcv(queue, &m, 4, 0, 0), E2BIG, "E2BIG: longer than there is room");
    is_int((int)status().msg_qnum, 1, "the message stays");
    memset(&m, '#', sizeof m);
    is_int(msgrcv(queue, &m, 4, 0, MSG_NOERROR), 4, "MSG_NOERROR cuts it");
    ok(m.type == 5 && memcmp(m.text, "hell#", 5) == 0, "to what there is room for");
    is_int((int)status().msg_qnum, 0, "and the rest is lost");
    need(send(6, "", 0) == 0);
    is_int(msgrcv(queue, &m, 0, 0, 0), 0, "an empty message");
    is_int(m.type, 6, "has a type all the same");
    need(send(7, "", 0) == 0);
    is_errno(msgrcv(queue, &m, (size_t)-1, 0, 0), EINVAL, "EINVAL: a size below 0");
    is_errno(msgsnd(queue, &m, (size_t)-1, 0), EINVAL, "EINVAL: in msgsnd, too");
    static struct {
        long type;
        char text[8193];
    } large = { 1, "" }, got;
    is_errno(msgsnd(queue, &large, 8193, 0), EINVAL, "EINVAL: more than 8192 bytes");
    for (int i = 0; i < 8192; i++)
        large.text[i] = (char)(i * 7);
    is_int(msgsnd(queue, &large, 8192, 0), 0, "8192 bytes");
    is_int(msgrcv(queue, &got, 8193, 1, 0), 8192, "are one message");
    ok(memcmp(large.text, got.text, 8192) == 0, "and come out as they went in");
    is_errno(msgsnd(queue, (void *)16, 4, 0), EFAULT, "EFAULT: msgsnd from nowhere");
    is_errno(msgrcv(queue, (void *)16, 4, 0, 0), EFAULT, "EFAULT: msgrcv to nowhere");
    is_errno(msgsnd(-1, &m, 0, 0), EINVAL, "EINVAL: an id below 0");
    is_errno(msgrcv(0x7fffffff, &m, 0, 0, 0), EINVAL, "EINVAL: an id nobody has");
    need(msg_remove(queue) == 0);
}

/* msgctl(): "msg_qnum, msg_lspid, msg_lrpid, msg_stime, msg_rtime" after msgget, msgsnd
 * and msgrcv; IPC_SET of msg_qbytes. */
static void accounts(void) {
    time_t before = time(NULL);
    pid_t pid;
    queue = make();
    struct msqid_ds ds = status();
    ok(ds.msg_qnum == 0 && ds.msg_lspid == 0 && ds.msg_lrpid == 0 && ds.msg_stime == 0
           && ds.msg_rtime == 0 && ds.__msg_cbytes == 0,
       "a new queue: nothing in it, nobody has used it");
    is_int((int)ds.msg_qbytes, 16384, "it may hold 16384 bytes");
    need(send(1, "four", 0) == 0 && send(1, "seven..", 0) == 0);
    ds = status();
    ok(ds.msg_qnum == 2 && ds.__msg_cbytes == 11 && ds.msg_lspid == getpid()
           && ds.msg_stime >= before && ds.msg_rtime == 0,
       "msgsnd counts messages and bytes, and notes who and when");
    CHILD (pid)
        need(strcmp(receive(0, 0), "1:four") == 0);
    need(wait_for(pid) == 0);
    ds = status();
    ok(ds.msg_qnum == 1 && ds.__msg_cbytes == 7 && ds.msg_lrpid == pid
           && ds.msg_lspid == getpid() && ds.msg_rtime >= before,
       "msgrcv, too");
    ds.msg_qbytes = 9;
    need(msgctl(queue, IPC_SET, &ds) == 0);
    // FEATURE(99): a queue holds so many bytes and no more
    is_errno(send(1, "...", IPC_NOWAIT), EAGAIN,
             "a queue holds so many bytes and no more");
    is_int(send(1, "..", IPC_NOWAIT), 0, "and not one less");
    is_errno(send(1, "", IPC_NOWAIT) ? -1 : send(1, "x", IPC_NOWAIT), EAGAIN,
             "EAGAIN: a message of one byte into a full queue");
    while (strcmp(receive(0, 0), "ENOMSG") != 0)
        ;
    for (int i = 0; i < 9; i++)
        need(send(1, "", IPC_NOWAIT) == 0);
    is_errno(send(1, "", IPC_NOWAIT), EAGAIN,
             "EAGAIN: nor does it hold more empty messages than bytes");
    need(msg_remove(queue) == 0);
}

static int raises(const char *bytes) {
    struct msqid_ds ds = { .msg_perm = { .uid = geteuid(), .gid = getegid() } };
    ds.msg_perm.mode = 0600;
    ds.msg_qbytes = (msglen_t)atoi(bytes);
    return msgctl(queue, IPC_SET, &ds) ? errno : 0;
}

/* "only a process with appropriate privileges shall raise the value of msg_qbytes." */
static void raising(void) {
    queue = make();
    need(!is_root() || msg_set(queue, STUDENT, STUDENT, 0600) == 0);
    is_exit(as_user(raises, "1000"), 0, "a user lowers msg_qbytes");
    is_exit(as_user(raises, "16384"), 0, "and raises it to the ordinary number");
    is_exit(as_user(raises, "16385"), EPERM, "EPERM: not beyond");
    need(msg_remove(queue) == 0);
}

/* As ipcs does it, and the calls of their own, 399 to 402. */
static void control(void) {
    struct msginfo info = { 0 };
    struct msqid_ds ds;
    int found = 0;
    queue = make();
    need(send(1, "12345", 0) == 0);
    int last = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
    ok(last >= 0 && info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 5,
       "MSG_INFO: queues, messages, bytes");
    for (int i = 0; i <= last; i++)
        if (msgctl(i, MSG_STAT, &ds) == queue)
            found = (int)ds.msg_qnum;
    is_int(found, 1, "MSG_STAT finds the queue by index");
    ok(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0 && info.msgmax == 8192
           && info.msgmnb == 16384,
       "IPC_INFO: the limits");
    need(msg_remove(queue) == 0);
}

int main(void) {
    private_ipc();
    types();
    sizes();
    accounts();
    raising();
    control();
    return done_testing();
}
