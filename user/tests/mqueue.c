/* mqueue.c - POSIX mq_open(), mq_send(), mq_receive(), mq_getattr(), mq_setattr(),
 * mq_close(), mq_unlink(); mq_overview(7).
 */
#include "mqueue.h"
#include "raw.h"

#include <poll.h>
#include <sys/resource.h>
#include <time.h>

/* mq_open(): "O_CREAT ... O_EXCL"; "[EEXIST] ... [ENOENT] ... [EINVAL] ... mq_maxmsg or
 * mq_msgsize ... less than or equal to zero". */
static void names(void) {
    struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 20 };
    is_errno(mq_open(own_name(), O_RDWR), ENOENT, "ENOENT: no such queue");
    mqd_t a = mq_open(own_name(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    ok(a != -1, "O_CREAT makes it");
    is_errno(mq_open(own_name(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr), EEXIST,
             "EEXIST: with O_EXCL it must be new");
    mqd_t b = mq_open(own_name(), O_RDWR | O_CREAT, 0600, NULL);
    ok(b != -1 && b != a, "a second open gives another descriptor");
    need(queue_send(a, "hello", 1) == 0);
    char text[20];
    is_int(mq_receive(b, text, 20, NULL), 5, "of the same queue");
    is_int(mq_unlink(own_name()), 0, "mq_unlink");
    is_errno(mq_unlink(own_name()), ENOENT, "ENOENT: a second time");
    is_errno(mq_open(own_name(), O_RDWR), ENOENT, "ENOENT: nobody can open it now");
    ok(queue_send(a, "still", 0) == 0 && mq_receive(b, text, 20, NULL) == 5,
       "who has it open uses it as before");
    mqd_t c = queue_open(O_RDWR | O_CREAT, 0, 0);
    need(queue_send(a, "old", 0) == 0);
    is_int(queue_attr(c).mq_curmsgs, 0, "a new queue of that name is another one");
    ok(queue_attr(c).mq_maxmsg == 10 && queue_attr(c).mq_msgsize == 8192,
       "without attributes: 10 messages of 8192 bytes");
    is_int(mq_close(a), 0, "mq_close");
    is_errno(queue_send(a, "x", 0), EBADF, "EBADF: it is closed");
    mq_close(b), queue_close(c);
    is_errno(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL), EACCES,
             "EACCES: a slash in the name");
    is_errno(mq_open("/", O_RDWR | O_CREAT, 0600, NULL), ENOENT,
             "ENOENT: no name at all");
    char much[300] = "/";
    memset(much + 1, 'n', 256);
    is_errno(mq_open(much, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG,
             "ENAMETOOLONG: 256 letters");
    for (int i = 0; i < 4; i++) {
        struct mq_attr bad = { .mq_maxmsg = i == 0 ? 0 : i == 1 ? -1 : 5,
                               .mq_msgsize = i == 2 ? 0 : i == 3 ? -1 : 5 };
        is_errno(mq_open(own_name(), O_RDWR | O_CREAT, 0600, &bad), EINVAL,
                 "EINVAL: %ld messages of %ld bytes", (long)bad.mq_maxmsg,
                 (long)bad.mq_msgsize);
    }
    is_errno(mq_open(own_name(), O_RDWR), ENOENT, "which leaves nothing behind");
}

/* mq_send(): "a message with a larger numeric value of msg_prio shall be inserted
 * before messages with lower values ... after other messages with equal msg_prio". */
static void order(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 8, 8192);
    need(queue_send(q, "a", 1) == 0 && queue_send(q, "b", 5) == 0);
    need(queue_send(q, "c", 1) == 0 && queue_send(q, "d", 32767) == 0);
    need(queue_send(q, "e", 5) == 0 && queue_send(q, "", 0) == 0);
    is_int(queue_attr(q).mq_curmsgs, 6, "mq_curmsgs: six messages");
    is_text(queue_receive(q), "32767:d", "the highest priority first");
    is_text(queue_receive(q), "5:b", "then the next, the oldest of it");
    is_text(queue_receive(q), "5:e", "then the one after it");
    is_text(queue_receive(q), "1:a", "then the lower ones");
    is_text(queue_receive(q), "1:c", "in their order");
    is_text(queue_receive(q), "0:", "an empty message is a message");
    is_errno(queue_send(q, "x", 32768), EINVAL, "EINVAL: a priority above 32767");
    is_int(queue_attr(q).mq_curmsgs, 0, "the queue is empty");
    queue_close(q);
}

/* "[EMSGSIZE] The specified message length, msg_len, exceeds the message size
 * attribute"; for mq_receive "is less than". */
static void sizes(void) {
    static char out[8192], in[8192];
    mqd_t q = queue_open(O_RDWR | O_CREAT | O_NONBLOCK, 2, 8192);
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 13);
    is_int(mq_send(q, out, 8192, 2), 0, "a message of mq_msgsize");
    is_int(mq_receive(q, in, 8192, NULL), 8192, "comes out");
    ok(memcmp(out, in, 8192) == 0, "as it went in");
    is_errno(mq_send(q, out, 8193, 2), EMSGSIZE, "EMSGSIZE: one byte more");
    need(mq_send(q, out, 1, 0) == 0);
    is_errno(mq_receive(q, in, 8191, NULL), EMSGSIZE, "EMSGSIZE: room for one less");
    is_int(queue_attr(q).mq_curmsgs, 1, "though the message is shorter; it stays");
    is_errno(mq_send(q, (char *)16, 5, 0), EFAULT, "EFAULT: from nowhere");
    is_errno(mq_receive(q, (char *)16, 8192, NULL), EFAULT, "EFAULT: to nowhere");
    queue_close(q);
}

/* "If the message queue is full and O_NONBLOCK is set ... [EAGAIN]"; mq_setattr():
 * "mq_flags ... O_NONBLOCK. The values of mq_maxmsg, mq_msgsize, and mq_curmsgs are
 * ignored". */
static void nonblocking(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT | O_NONBLOCK, 2, 8192);
    struct mq_attr attr = queue_attr(q), old;
    ok(attr.mq_flags == O_NONBLOCK && attr.mq_maxmsg == 2 && attr.mq_msgsize == 8192,
       "mq_getattr tells what mq_open was told");
    is_text(queue_receive(q), strerror(EAGAIN), "EAGAIN: an empty queue");
    need(queue_send(q, "1", 0) == 0 && queue_send(q, "2", 0) == 0);
    is_errno(queue_send(q, "3", 9), EAGAIN,
             "EAGAIN: a full queue, whatever the priority");
    attr = (struct mq_attr){ .mq_flags = 0, .mq_maxmsg = 7, .mq_msgsize = 7 };
    is_int(mq_setattr(q, &attr, &old), 0, "mq_setattr");
    ok(old.mq_flags == O_NONBLOCK && old.mq_curmsgs == 2, "gives the old attributes");
    attr = queue_attr(q);
    ok(attr.mq_flags == 0 && attr.mq_maxmsg == 2 && attr.mq_msgsize == 8192,
       "and sets nothing but O_NONBLOCK");
    attr.mq_flags = O_APPEND;
    is_errno(mq_setattr(q, &attr, NULL), EINVAL, "EINVAL: another flag");
    mqd_t same = mq_open(own_name(), O_RDWR | O_NONBLOCK);
    attr.mq_flags = O_NONBLOCK;
    ok(queue_attr(same).mq_flags == O_NONBLOCK && queue_attr(q).mq_flags == 0,
       "each open has its own O_NONBLOCK");
    is_errno(mq_getattr(1, &attr), EBADF, "EBADF: no queue");
    is_errno(mq_getattr(77, &attr), EBADF, "EBADF: not open");
    mq_close(same);
    queue_close(q);
}

/* "If abs_timeout ... has already passed ... shall fail [ETIMEDOUT] ... if a message
 * can be removed immediately ... Under no circumstance shall the operation fail with a
 * timeout". */
static void timed(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 1, 8192);
    struct timespec past = { 1, 0 }, wrong = { 1, 1000000000 }, soon, now;
    char text[8192];
    is_errno(mq_timedreceive(q, text, sizeof text, NULL, &past), ETIMEDOUT,
             "ETIMEDOUT: mq_timedreceive, a time that has passed");
    is_errno(mq_timedreceive(q, text, sizeof text, NULL, &wrong), EINVAL,
             "EINVAL: a time that is none");
    is_int(mq_timedsend(q, "x", 1, 0, &past), 0, "what need not wait does not");
    is_errno(mq_timedsend(q, "y", 1, 0, &past), ETIMEDOUT, "ETIMEDOUT: mq_timedsend");
    clock_gettime(CLOCK_REALTIME, &soon);
    if ((soon.tv_nsec += 4000000) >= 1000000000)
        soon.tv_nsec -= 1000000000, soon.tv_sec++;
    is_errno(mq_timedsend(q, "y", 1, 0, &soon), ETIMEDOUT, "ETIMEDOUT: in 4 ms");
    clock_gettime(CLOCK_REALTIME, &now);
    ok(now.tv_sec > soon.tv_sec
           || (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec),
       "not before");
    is_int(queue_attr(q).mq_curmsgs, 1, "what timed out was not sent");
    is_int(mq_timedreceive(q, text, sizeof text, NULL, &past), 1,
           "what is there is received, whatever the time");
    queue_close(q);
}

/* "[EBADF] The mqdes argument is not a valid message queue descriptor open for writing"
 * (reading). Linux: a descriptor like others: poll, fork, close on exec. */
static void descriptors(void) {
    mqd_t both = queue_open(O_RDWR | O_CREAT, 2, 8192);
    mqd_t reads = mq_open(own_name(), O_RDONLY), writes = mq_open(own_name(), O_WRONLY);
    char text[8192];
    pid_t pid;
    is_errno(queue_send(reads, "x", 0), EBADF, "EBADF: sending, open to receive");
    is_errno(mq_receive(writes, text, sizeof text, NULL), EBADF,
             "EBADF: receiving, open to send");
    is_errno(queue_send(1, "x", 0), EBADF, "EBADF: what is no queue");
    struct pollfd fd[2] = { { reads, POLLIN, 0 }, { writes, POLLOUT, 0 } };
    is_int(poll(fd, 2, 0), 1, "poll: an empty queue");
    is_int(fd[1].revents, POLLOUT, "can be written to");
    need(queue_send(writes, "x", 0) == 0 && poll(fd, 2, 0) == 2);
    ok(fd[0].revents == POLLIN && fd[1].revents == POLLOUT, "half full: both");
    need(queue_send(writes, "y", 0) == 0 && poll(fd, 2, 0) == 1);
    ok(fd[0].revents == POLLIN && fd[1].revents == 0, "full: it can be read from");
    CHILD (pid)
        need(strcmp(queue_receive(reads), "0:x") == 0);
    is_exit(wait_for(pid), 0, "a child has the descriptor");
    is_text(queue_receive(reads), "0:y", "and what it received is gone");
    CHILD (pid) {
        struct pollfd wait = { reads, POLLIN, 0 };
        need(poll(&wait, 1, -1) == 1 && wait.revents == POLLIN);
    }
    until_asleep(pid);
    need(queue_send(writes, "z", 0) == 0);
    is_exit(wait_for(pid), 0, "poll waits for a message");
    is_int(fcntl(reads, F_GETFD), FD_CLOEXEC, "it closes on exec");
    mq_close(reads), mq_close(writes);
    queue_close(both);
}

static int opens(const char *flags) {
    mqd_t q = mq_open(own_name(), atoi(flags));
    return q == -1 ? errno : mq_close(q);
}

static int unlinks(const char *name) {
    return mq_unlink(name) ? errno : 0;
}

/* mq_open(3): "EACCES The queue exists, but the caller does not have permission to open
 * it in the specified mode"; umask; mq_unlink: EACCES. */
static void rights(void) {
    char flags[3][12];
    const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
    for (int i = 0; i < 3; i++)
        snprintf(flags[i], sizeof flags[i], "%d", modes[i]);
    umask(027);
    mqd_t q = mq_open(own_name(), O_RDWR | O_CREAT, 0666, NULL);
    struct stat st;
    need(q != -1 && fstat(q, &st) == 0);
    is_int(st.st_mode & 0777, 0640, "the mode is cut by the umask");
    ok(st.st_uid == geteuid() && st.st_gid == getegid(), "it belongs to who made it");
    if (is_root()) {
        is_exit(as_user(opens, flags[0]), EACCES, "EACCES: others have no right");
        need(fchmod(q, 0604) == 0);
        is_exit(as_user(opens, flags[0]), 0, "others may read with 0604");
        is_exit(as_user(opens, flags[1]), EACCES, "EACCES: and not write");
        is_exit(as_user(opens, flags[2]), EACCES, "EACCES: nor both");
        is_exit(as_user(unlinks, own_name()), EACCES, "EACCES: nor take its name");
    } else {
        need(fchmod(q, 0200) == 0);
        is_exit(as_user(opens, flags[0]), EACCES, "EACCES: the owner cannot read");
        is_exit(as_user(opens, flags[1]), 0, "the owner can write");
    }
    umask(022);
    queue_close(q);
}

/* getrlimit(2): "RLIMIT_MSGQUEUE: the limit on the number of bytes that can be
 * allocated for POSIX message queues for the real user ID"; mq_open: EMFILE. */
static int fills(const char *unused) {
    (void)unused;
    struct rlimit limit = { 50000, 50000 };
    struct mq_attr attr = { .mq_maxmsg = 5, .mq_msgsize = 2000 };
    char name[64];
    mqd_t q[10];
    int count = 0, error;
    need(setrlimit(RLIMIT_MSGQUEUE, &limit) == 0);
    for (; count < 10; count++) {
        snprintf(name, sizeof name, "%s.%d", own_name(), count);
        if ((q[count] = mq_open(name, O_RDWR | O_CREAT, 0600, &attr)) == -1)
            break;
    }
    error = errno;
    need(count == 4);
    need(mq_close(q[0]) == 0 && mq_open(name, O_RDWR | O_CREAT, 0600, &attr) == -1);
    snprintf(name, sizeof name, "%s.0", own_name());
    need(mq_unlink(name) == 0);
    q[0] = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    need(q[0] != -1);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s.%d", own_name(), i);
        need(mq_unlink(name) == 0);
    }
    return error;
}

int main(void) {
    if (unshare(CLONE_NEWIPC) != 0)                     // a full table harms nobody
        unshare(CLONE_NEWUSER | CLONE_NEWIPC);
    umask(022);
    own_name();
    names();
    order();
    sizes();
    nonblocking();
    timed();
    descriptors();
    rights();
    is_exit(as_user(fills, ""), EMFILE, "EMFILE: RLIMIT_MSGQUEUE holds, and frees");
    return done_testing();
}
