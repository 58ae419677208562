/* native_mbox_fd.c - a mailbox is a descriptor.
 * IPC(4.1): "A mailbox is a descriptor: close, dup, fork, exec, fstat, poll and fcntl
 * (O_NONBLOCK acts as NOWAIT, FD_CLOEXEC) mean what they mean for a pipe. O_RDONLY
 * receives, O_WRONLY sends, O_RDWR both; the wrong one is EBADF. A descriptor is the
 * only way to use a mailbox: its id alone gives nothing."
 * IPC(4.10): "A call in progress holds its descriptor."
 */
/* FEATURE(52): O_RDONLY receives, and does not send: EBADF */
/* FEATURE(48): a mailbox's id alone gives nothing: EBADF */
#include "mailbox.h"

#include <pthread.h>
#include <sys/stat.h>

static void directions(void) {
    int both = named_box("way", NULL);
    int in = mbox_open("way", O_RDONLY), out = mbox_open("way", O_WRONLY);
    char c = 'c';
    need(in >= 0 && out >= 0);
    is_int(fcntl(in, F_GETFL) & O_ACCMODE, O_RDONLY, "F_GETFL: O_RDONLY");
    is_int(fcntl(out, F_GETFL) & O_ACCMODE, O_WRONLY, "F_GETFL: O_WRONLY");
    is_int(fcntl(both, F_GETFL) & O_ACCMODE, O_RDWR, "F_GETFL: O_RDWR");
    is_errno(mbox_send(in, TEXT("x"), 0, NOWAIT), EBADF,
             "O_RDONLY receives, and does not send: EBADF");
    is_errno(write(in, &c, 1), EBADF, "nor write");
    is_int(mbox_send(out, TEXT("x"), 0, NOWAIT), 0, "O_WRONLY sends");
    is_errno(mbox_receive(out, NEXT, 0, NOWAIT), EBADF, "and does not receive: EBADF");
    is_errno(read(out, &c, 1), EBADF, "nor read");
    is_int(mbox_receive(in, NEXT, 0, NOWAIT), getpid(), "which O_RDONLY does");
    is_int(mbox_send(both, TEXT("y"), 0, NOWAIT), 0, "O_RDWR sends");
    is_int(mbox_receive(both, NEXT, 0, NOWAIT), getpid(), "and receives");
    ok(look(in).id == look(out).id, "mbox_stat needs neither right");
    int path = open("/mbox/way", O_PATH);
    if (path >= 0) {
        is_errno(mbox_send(path, TEXT("x"), 0, NOWAIT), EBADF, "O_PATH does nothing");
        close(path);
    }
    need(mbox_unlink("way") == 0);
    close(both);
    close(in);
    close(out);
}

static void not_a_mailbox(void) {
    struct mbox_stat st;
    int p[2], box = make_box(1, 0);
    need(pipe(p) == 0);
    const int bad[] = { -1, p[0], p[1], 1000, INT32_MIN, INT32_MAX };
    static const char *const what[] = { "-1", "a pipe to read", "a pipe to write",
                                        "a closed one", "the least number",
                                        "the greatest number" };
    for (unsigned i = 0; i < 6; i++) {
        is_errno(mbox_send(bad[i], TEXT("x"), 0, NOWAIT), EBADF, "mbox_send: %s",
                 what[i]);
        is_errno(mbox_receive(bad[i], NEXT, 0, NOWAIT), EBADF, "mbox_receive");
        is_errno(mbox_stat(bad[i], &st), EBADF, "mbox_stat");
        is_errno(mbox_destroy(bad[i]), EBADF, "mbox_destroy");
    }
    for (int id = (int)look(box).id; fcntl(id, F_GETFD) == 0;) {
        close(box);                                     // until its id is no descriptor
        box = make_box(1, 0);
        id = (int)look(box).id;
    }
    is_errno(mbox_send((int)look(box).id, TEXT("x"), 0, NOWAIT), EBADF,
             "a mailbox's id alone gives nothing: EBADF");
    is_int(look(box).queued, 0, "and has sent nothing");
    close(box);
    close(p[0]);
    close(p[1]);
}

static void like_a_pipe(void) {
    struct stat a, b, c;
    int low = dup(1);
    close(low);
    int box = mbox_create(NULL), other = mbox_create(NULL);
    is_int(box, low, "the lowest free descriptor is used");
    is_int(fcntl(box, F_GETFD), 0, "FD_CLOEXEC is clear");
    is_int(fcntl(box, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR,
           "mbox_create gives O_RDWR, blocking");
    need(fstat(box, &a) == 0 && fstat(other, &b) == 0);
    ok(a.st_ino != b.st_ino, "fstat: two mailboxes are two inodes");
    ok(a.st_uid == geteuid() && a.st_gid == getegid(), "owned by their maker");
    int copy = dup(box);
    need(copy >= 0 && fstat(copy, &c) == 0);
    ok(a.st_ino == c.st_ino && a.st_dev == c.st_dev, "a duplicate is the same inode");
    is_int(look(copy).id, look(box).id, "and the same mailbox");
    is_int(look(box).senders, look(copy).senders, "counted alike");
    is_errno(lseek(box, 0, SEEK_CUR), ESPIPE, "ESPIPE: lseek");
    is_errno(pread(box, body, 1, 0), ESPIPE, "ESPIPE: pread");
    is_errno(pwrite(box, body, 1, 0), ESPIPE, "ESPIPE: pwrite");
    is_errno(ftruncate(box, 0), EINVAL, "EINVAL: ftruncate");
    need(mbox_send(copy, TEXT("one"), 0, NOWAIT) == 0 && close(copy) == 0);
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(),
           "closing a duplicate takes nothing away");
    is_int(dup2(box, other), other, "dup2 puts it in another's place");
    need(mbox_send(other, TEXT("two"), 0, NOWAIT) == 0);
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "it is the same one");
    close(other);
    close(box);
    box = mbox_open("nonblock", O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600, NULL);
    need(box >= 0);
    is_int(fcntl(box, F_GETFD), FD_CLOEXEC, "O_CLOEXEC at opening");
    ok(fcntl(box, F_GETFL) & O_NONBLOCK, "O_NONBLOCK at opening");
    other = mbox_lookup("nonblock", O_WRONLY | O_NONBLOCK | O_CLOEXEC, NOWAIT);
    is_int(fcntl(other, F_GETFD), FD_CLOEXEC, "and at mbox_lookup");
    ok((fcntl(other, F_GETFL) & (O_NONBLOCK | O_ACCMODE)) == (O_NONBLOCK | O_WRONLY),
       "with the direction that was asked for");
    need(mbox_unlink("nonblock") == 0);
    close(other);
    close(box);
}

/* "O_NONBLOCK acts as NOWAIT": whatever the time-out says. */
static void nonblocking(void) {
    int box = make_box(1, 0), meeting = make_box(CAPACITY_ZERO, 0);
    static const int timeout[] = { FOREVER, 1000000, NOWAIT };
    need(fcntl(box, F_SETFL, O_NONBLOCK) == 0);
    need(fcntl(meeting, F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; i < 3; i++) {
        is_errno(mbox_receive(box, NEXT, 0, timeout[i]), EAGAIN,
                 "EAGAIN: O_NONBLOCK, receive, time-out %d", timeout[i]);
        is_errno(mbox_send(meeting, EMPTY, 0, timeout[i]), EAGAIN,
                 "EAGAIN: nobody to meet, time-out %d", timeout[i]);
        is_errno(mbox_send(box, EMPTY, MSG_SYNC, timeout[i]), EAGAIN,
                 "EAGAIN: MSG_SYNC, time-out %d", timeout[i]);
    }
    is_int(look(box).queued, 0, "none of them is queued");
    is_errno(read(box, body, 10), EAGAIN, "EAGAIN: read");
    need(mbox_send(box, TEXT("full"), 0, FOREVER) == 0);
    for (int i = 0; i < 3; i++)
        is_errno(mbox_send(box, TEXT("more"), 0, timeout[i]), EAGAIN,
                 "EAGAIN: O_NONBLOCK, full, time-out %d", timeout[i]);
    is_errno(write(box, "more", 4), EAGAIN, "EAGAIN: write");
    int copy = dup(box);
    need(fcntl(copy, F_SETFL, 0) == 0);
    is_int(fcntl(box, F_GETFL) & O_NONBLOCK, 0, "a duplicate shares O_NONBLOCK");
    close(copy);
    close(meeting);
    close(box);
}

/* What a child has by fork, and keeps by exec. */
static void handed_on(char *self) {
    char number[2][16];
    pid_t pid;
    int kept = named_box("kept", NULL);
    int shut = mbox_open("kept", O_RDWR | O_CLOEXEC);
    need(shut >= 0);
    CHILD (pid)
        need(mbox_send(kept, TEXT("by fork"), 0, FOREVER) == 0);
    is_int(mbox_receive(kept, NEXT, 0, FOREVER), pid, "fork hands it on");
    ok(got_text("by fork"), "and the child sends through it");
    wait_for(pid);
    need(fcntl(kept, F_SETFD, FD_CLOEXEC) == 0 && fcntl(kept, F_SETFD, 0) == 0);
    snprintf(number[0], sizeof number[0], "%d", kept);
    snprintf(number[1], sizeof number[1], "%d", shut);
    CHILD (pid) {
        execl(self, self, number[0], number[1], (char *)NULL);
        need(!"exec");
    }
    is_int(mbox_receive(kept, NEXT, 0, FOREVER), pid, "exec keeps it open");
    ok(got_text("by exec"), "and the new program sends through it");
    is_exit(wait_for(pid), 0, "FD_CLOEXEC closes it");
    need(mbox_unlink("kept") == 0);
    close(kept);
    close(shut);
}

static int after_exec(char **argv) {
    if (mbox_send(atoi(argv[1]), TEXT("by exec"), 0, FOREVER))
        return 1;
    return mbox_send(atoi(argv[2]), EMPTY, 0, NOWAIT) != -1 || errno != EBADF;
}

static int shared_box;

static void *receive_one(void *unused) {
    (void)unused;
    return (void *)(long)mbox_receive(shared_box, NEXT, 0, FOREVER);
}

/* A thread receives; the descriptor is closed under it. */
static void closed_under_it(void) {
    pthread_t thread;
    void *result;
    shared_box = named_box("used", NULL);
    int other = mbox_open("used", O_RDWR);
    need(other >= 0 && !pthread_create(&thread, NULL, receive_one, NULL));
    until_receiving(other, 1);
    need(close(shared_box) == 0 && mbox_unlink("used") == 0);
    is_int(look(other).waiting_receivers, 1, "a close does not end the call");
    is_int(look(other).receivers, 2, "which holds the descriptor");
    need(mbox_send(other, TEXT("late"), 0, NOWAIT) == 0);
    need(pthread_join(thread, &result) == 0);
    is_int((long)result, getpid(), "and receives as if nothing had happened");
    ok(got_text("late"), "what was sent");
    is_int(look(other).receivers, 1, "then it is gone");
    close(other);
}

int main(int argc, char **argv) {
    char *self = self_path();
    if (argc == 3)
        return after_exec(argv);
    directions();
    not_a_mailbox();
    like_a_pipe();
    nonblocking();
    handed_on(self);
    closed_under_it();
    return done_testing();
}
