/* native_mqueue.c - /dev/mqueue as mq_overview(7) has it on Linux ("Mounting the
 * message queue filesystem"), and IPC.md 7.1: /proc/ipc/mailboxes and sysv say what is
 * in the queues and who waits.
 */
#include "mqueue.h"
#include "proc_lines.h"
#include "sysv.h"

#include <time.h>

static const char *file_text(const char *path) {
    static char text[200];
    int fd = open(path, O_RDONLY);
    need(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    need(n >= 0 && read(fd, text + n, 10) == 0);
    close(fd);
    text[n] = '\0';
    return text;
}

static void files(void) {
    char path[64], want[200];
    struct stat st;
    snprintf(path, sizeof path, "/dev/mqueue%s", own_name());
    mqd_t q = queue_open(O_RDWR | O_CREAT, 3, 100);
    need(queue_send(q, "hello", 0) == 0 && queue_send(q, "you", 0) == 0);
    need(lstat(path, &st) == 0);
    ok(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600 && st.st_size == 80,
       "a queue is a file of 80 bytes in /dev/mqueue");
    is_text(file_text(path),
            "QSIZE:8          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n",
            "cat shows the bytes in it");
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    mqd_t other = mq_open(own_name(), O_RDWR);
    need(mq_notify(other, &event) == 0);
    snprintf(want, sizeof want,
             "QSIZE:8          NOTIFY:0     SIGNO:12    NOTIFY_PID:%-6d\n", getpid());
    char got[200];
    ssize_t n = pread(other, got, sizeof got - 1, 0);
    got[n > 0 ? n : 0] = '\0';
    is_text(got, want, "and who is registered for notification, how");
    need(mq_close(other) == 0 && chmod(path, 0640) == 0);
    need(fstat(q, &st) == 0);
    is_int(st.st_mode & 07777, 0640, "chmod changes its mode");
    is_int(unlink(path), 0, "rm takes its name");
    is_errno(mq_open(own_name(), O_RDWR), ENOENT, "ENOENT: as mq_unlink does");
    mq_close(q);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    need(fd >= 0);
    q = mq_open(own_name(), O_RDWR);
    ok(q != -1 && queue_attr(q).mq_maxmsg == 10, "open with O_CREAT makes one, too");
    is_int(queue_send(fd, "x", 3), 0, "and its descriptor is one of a queue");
    is_errno(write(fd, "x", 1), EBADF, "EBADF: to be written with mq_send only");
    is_text(queue_receive(q), "3:x", "it is the same queue");
    close(fd);
    queue_close(q);
}

static void listing(void) {
    char word[24], line[300], want[300];
    struct stat st;
    pid_t pid;
    mqd_t q = queue_open(O_RDWR | O_CREAT, 2, 8192);
    need(fstat(q, &st) == 0);
    snprintf(word, sizeof word, "mq:[%u]", (unsigned)st.st_ino);
    CHILD (pid)
        queue_receive(q);
    until_asleep(pid);
    snprintf(want, sizeof want,
             "%s %s %u %u 0600 2 block shared 0 0 0 0 0 senders=- receivers=%d\n", word,
             own_name() + 1, geteuid(), getegid(), pid);
    need(line_of("mailboxes", word, line, sizeof line));
    is_text(line, want,
            "/proc/ipc/mailboxes: name, owner, mode, capacity, and a receiver");
    need(queue_send(q, "x", 0) == 0 && wait_for(pid) == 0);
    need(queue_send(q, "ab", 0) == 0 && queue_send(q, "cd", 0) == 0);
    CHILD (pid)
        queue_send(q, "ef", 0);
    until_asleep(pid);
    snprintf(want, sizeof want, " 2 block shared 2 4 3 1 0 senders=%d receivers=-\n",
             pid);
    need(line_of("mailboxes", word, line, sizeof line));
    ok(strstr(line, want), "messages, bytes, and a sender");
    need(*queue_receive(q) == '0' && wait_for(pid) == 0);
    queue_close(q);
    ok(!line_of("mailboxes", word, line, sizeof line),
       "a closed queue without a name is gone");
    int id = msg_get(own_key(1), IPC_CREAT | 0620);
    CHILD (pid) {
        char text[20];
        msgrcv(id, text, 10, 5, 0);
    }
    until_asleep(pid);
    need(msg_change(id) == 0);
    snprintf(word, sizeof word, "msg:%d", id);
    snprintf(want, sizeof want,
             "%s %08x %u %u 0620 16384 1 0 %d 0 senders=- receivers=%d\n", word,
             own_key(1), geteuid(), getegid(), getpid(), pid);
    need(line_of("sysv", word, line, sizeof line));
    is_text(line, want, "/proc/ipc/sysv: the same of a System V queue");
    need(msg_remove(id) == 0 && wait_for(pid) == 0);
}

/* Queued messages are their sender's to pay, whoever's queue it is. */
static int fills(const char *id) {
    struct {
        long type;
        char text[8192];
    } m = { 1, "" };
    int count = 0;
    while (msgsnd(atoi(id), &m, sizeof m.text, IPC_NOWAIT) == 0)
        count++;
    return errno == ENOMEM && count == (4 << 20) / 8192 ? 0 : 1;
}

static void charged(void) {
    struct msqid_ds ds;
    char text[16];
    int id = msg_get(IPC_PRIVATE, 0666);
    snprintf(text, sizeof text, "%d", id);
    need(msgctl(id, IPC_STAT, &ds) == 0);
    ds.msg_qbytes = 64 << 20;
    need(msgctl(id, IPC_SET, &ds) == 0);
    is_exit(as_user(fills, text), 0, "ENOMEM: a user has 4 MiB in queues at most");
    need(msg_remove(id) == 0);
}

int main(void) {
    umask(022);
    own_name();
    files();
    listing();
    charged();
    return done_testing();
}
