/* native_msg_fds.c - IPC(1.10): "Descriptors travel with the message as duplicates;
 * rights as the descriptor had. Discarded messages close them. Circles of mailboxes or
 * sockets in flight inside each other are collected."
 */
#include "native.h"

#include <sys/stat.h>

static char text[64];

static void send_fds(pid_t to, const int *fds, unsigned count) {
    struct msg m = text_msg("fds");
    m.fds = (int *)(uintptr_t)fds;
    m.nfds = count;
    need(msg_send(to, &m, 0, FOREVER) == 0);
}

static pid_t receive_fds(pid_t from, int *fds, unsigned *count) {
    struct msg m = room_msg(text, sizeof text);
    m.fds = fds;
    pid_t who = msg_receive(from, &m, 0, FOREVER);
    *count = m.nfds;
    return who;
}

static int same_file(int a, int b) {
    struct stat x, y;
    need(fstat(a, &x) == 0 && fstat(b, &y) == 0);
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A duplicate: one offset, the same rights; the sender keeps its own. */
static void duplicates(void) {
    char path[] = "/tmp/fds.XXXXXX";
    int file = mkstemp(path);
    int reading = open(path, O_RDONLY), p[2];
    pid_t pid;
    need(file >= 0 && reading >= 0 && pipe(p) == 0);
    need(write(file, "0123456789", 10) == 10);
    CHILD (pid) {
        int fds[MSG_FDS_MAX] = { 100, 101, 102, 103 };
        unsigned count;
        close(file), close(reading), close(p[0]), close(p[1]);
        need(receive_fds(getppid(), fds, &count) == getppid());
        need(count == 4);
        need(lseek(fds[0], 2, SEEK_SET) == 2);
        need(write(fds[1], "x", 1) == -1 && errno == EBADF);
        need(read(fds[1], text, 3) == 3);
        need(write(fds[3], "hello", 5) == 5);
        need(write(fds[2], "hello", 5) == -1 && errno == EBADF);
        need(fds[0] != fds[1] && fds[1] != fds[2] && fds[2] != fds[3]);
    }
    int fds[MSG_FDS_MAX] = { file, reading, p[0], p[1] };
    send_fds(pid, fds, 4);
    is_exit(wait_for(pid), 0, "four descriptors arrive, each with the rights it had");
    is_int(lseek(file, 0, SEEK_CUR), 2,
           "a duplicate: sender and receiver have one offset");
    is_int(lseek(reading, 0, SEEK_CUR), 3, "of each file that was passed");
    is_int(read(p[0], text, sizeof text), 5,
           "what is written to a pipe that was passed");
    for (int i = 0; i < 4; i++)
        works(close(fds[i]), "the sender keeps its own");
    unlink(path);
}

/* Passed and closed by the sender at once: it lives in the message. */
static void lives_in_the_message(void) {
    int p[2], fds[MSG_FDS_MAX];
    unsigned count;
    pid_t pid;
    need(pipe(p) == 0);
    CHILD (pid) {
        struct msg go = { 0 };
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        need(write(p[1], "last words", 10) == 10);
        close(p[1]);
        send_fds(getppid(), p, 1);
    }
    set_capacity(pid, 2);
    struct msg go = { 0 };
    need(msg_send(pid, &go, 0, FOREVER) == 0);
    close(p[0]);
    close(p[1]);
    is_exit(wait_for(pid), 0, "a descriptor is sent by one who then ends");
    is_int(receive_fds(pid, fds, &count), pid, "and received afterwards");
    is_int(count, 1, "one descriptor");
    is_int(read(fds[0], text, sizeof text), 10, "what was in the pipe is there");
    is_int(read(fds[0], text, sizeof text), 0, "and it has ended");
    close(fds[0]);
}

/* How a message with a pipe's writing end in it can be discarded. */
enum how { LINK_CLOSE, RECEIVER_DIES, SENDER_TIMES_OUT, SYNC_TIMES_OUT };

static void discarded(enum how how, const char *name) {
    int p[2];
    pid_t pid;
    need(pipe(p) == 0);
    CHILD (pid) {
        if (how != SENDER_TIMES_OUT)
            set_capacity(getppid(), 5);
        close(p[1]);
        pause();
    }
    while (how != SENDER_TIMES_OUT && link_of(pid).out.capacity != 5)
        sched_yield();
    struct msg m = { .nfds = 1, .fds = &p[1] };
    if (how == SENDER_TIMES_OUT)
        is_errno(msg_send(pid, &m, 0, 1), ETIMEDOUT, "%s", name);
    else if (how == SYNC_TIMES_OUT)
        is_errno(msg_send(pid, &m, MSG_SYNC, 1), ETIMEDOUT, "%s", name);
    else
        is_int(msg_send(pid, &m, 0, NOWAIT), 0, "%s", name);
    close(p[1]);
    if (how == LINK_CLOSE)
        need(link_close(pid) == 0);
    if (how == RECEIVER_DIES) {
        kill(pid, SIGKILL);
        wait_for(pid);
    }
    is_int(read(p[0], text, 1), 0, "%s: the descriptor in the message is closed", name);
    close(p[0]);
    if (how != RECEIVER_DIES) {
        kill(pid, SIGKILL);
        wait_for(pid);
    }
}

static void errors(void) {
    pid_t pid;
    int fds[MSG_FDS_MAX] = { 0, 1, 2, 99 };
    CHILD (pid) {
        int got[MSG_FDS_MAX];
        unsigned count;
        need(receive_fds(getppid(), got, &count) == getppid() && count == 0);
    }
    struct msg m = text_msg("fds"), r = room_msg(text, sizeof text);
    m.fds = fds;
    m.nfds = 4;
    is_errno(msg_send(pid, &m, 0, FOREVER), EBADF, "EBADF: one of them is none");
    is_errno(msg_call(pid, &m, &r, FOREVER), EBADF, "EBADF: msg_call");
    fds[0] = -1;
    m.nfds = 1;
    is_errno(msg_send(pid, &m, 0, FOREVER), EBADF, "EBADF: -1");
    m.nfds = 0;
    m.fds = (int *)(uintptr_t)4;
    is_int(msg_send(pid, &m, 0, FOREVER), 0, "no descriptors: fds is not looked at");
    is_exit(wait_for(pid), 0, "and none arrive");
}

/* One who gives no places for descriptors gets the message without them. */
static void no_places(void) {
    int p[2];
    pid_t pid;
    need(pipe(p) == 0);
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        close(p[1]);
        need(msg_receive(getppid(), &m, 0, FOREVER) == getppid());
        need(m.nfds == 0 && has_body(&m, "fds"));
        pause();
    }
    send_fds(pid, &p[1], 1);
    close(p[1]);
    is_int(read(p[0], text, 1), 0, "without places for them descriptors are closed");
    until_asleep(pid);
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "the message itself arrives");
    close(p[0]);
}

/* A descriptor in a message to the one it came from, and in an answer. */
static void in_calls(void) {
    pid_t pid;
    int p[2], got[MSG_FDS_MAX];
    need(pipe(p) == 0);
    CHILD (pid) {
        int fds[MSG_FDS_MAX];
        struct msg m = { .fds = fds };
        need(msg_receive(getppid(), &m, 0, FOREVER) == getppid() && m.nfds == 1);
        need(msg_reply(getppid(), &m) == 0);            // the same one back
    }
    struct msg q = { .fds = p, .nfds = 1 }, a = { .fds = got };
    is_int(msg_call(pid, &q, &a, FOREVER), 0,
           "a descriptor in a call and in its answer");
    ok(a.nfds == 1 && got[0] != p[0] && same_file(got[0], p[0]), "is the same file");
    wait_for(pid);
    close(got[0]), close(p[0]), close(p[1]);
}

/* The run fails if the ledger has changed: nothing of a circle may be left. */
static void circles(void *length) {
    int boxes[3], count = (int)(intptr_t)length;
    for (int i = 0; i < count; i++)
        need((boxes[i] = mbox_create(NULL)) >= 0);
    for (int i = 0; i < count; i++) {
        struct msg m = { .nfds = 1, .fds = &boxes[(i + 1) % count] };
        need(mbox_send(boxes[i], &m, 0, NOWAIT) == 0);
        need(mbox_send(boxes[i], &m, 0, NOWAIT) == 0);
    }
    for (int i = 0; i < count; i++)
        close(boxes[i]);
}

int main(void) {
    duplicates();
    lives_in_the_message();
    discarded(LINK_CLOSE, "link_close");
    discarded(RECEIVER_DIES, "the receiver dies");
    discarded(SENDER_TIMES_OUT, "a send that times out");
    discarded(SYNC_TIMES_OUT, "a synchronous send that times out");
    errors();
    no_places();
    in_calls();
    for (intptr_t i = 1; i <= 3; i++)
        is_exit(in_child(circles, (void *)i), 0,
                "a circle of %d mailboxes inside each other can be left", (int)i);
    return done_testing();
}
