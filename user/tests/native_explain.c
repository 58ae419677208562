/* native_explain.c - IPC(7.3): "void msg_explain(const char *what) prints, like perror,
 * what failed in the last of these calls as one sentence about this very object". */
#include "tap.h"

#include <parley.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

/* What msg_explain prints about the last failure. */
static void explain(const char *what, char *to, size_t size)
{
    int p[2], saved = errno, err = fcntl(2, F_DUPFD, 100);
    need(err >= 0 && pipe(p) == 0 && dup2(p[1], 2) == 2);
    errno = saved;
    msg_explain(what);
    need(errno == saved);
    need(dup2(err, 2) == 2 && close(err) == 0 && close(p[1]) == 0);
    ssize_t length = read(p[0], to, size - 1);
    need(length >= 0 && close(p[0]) == 0);
    to[length] = '\0';
}

/* The failed call is explained in this line. */
static void TAP_PRINTF(2, 3) says(long result, const char *format, ...)
{
    char got[800], want[800];
    va_list args;
    need(result == -1);
    explain(NULL, got, sizeof got);
    va_start(args, format);
    int length = vsnprintf(want, sizeof want - 1, format, args);
    va_end(args);
    want[length] = '\n';
    want[length + 1] = '\0';
    is_text(got, want, "%.*s", length, want);
}

static const char me[] = "native_explain";
static pid_t self;

/* -- Helpers that wait, so that there is somebody ---------------------------------- */

static pid_t gone(void)
{
    pid_t pid;
    CHILD (pid)
        _exit(0);
    wait_for(pid);
    return pid;
}

/* A child that sleeps, and the end of it. */
static pid_t idle(void)
{
    pid_t pid;
    CHILD (pid)
        pause();
    return pid;
}

static void end(pid_t pid)
{
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
}

static void ignore(int signal)
{
    (void)signal;
}

/* Signals that keep coming, so that one comes during the call. */
static void interrupt_every(int ms)
{
    struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };
    struct sigaction action = { .sa_handler = ignore };
    need(sigaction(SIGALRM, &action, NULL) == 0);
    need(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

/* A user who is not the one of `pid`. */
static void become_student(void)
{
    need(setresgid(1000, 1000, 0) == 0 && setresuid(1000, 1000, 0) == 0);
}

static void become_root(void)
{
    need(setresuid(0, 0, 0) == 0 && setresgid(0, 0, 0) == 0);
}

static struct link_attr holds(uint32_t capacity)
{
    return (struct link_attr){ .capacity = capacity };
}

/* What a child of that user is told when fails(argument), which gives what is to stand
 * in front, has failed. */
static void says_to_user(uid_t user, const char *(*fails)(int), int argument,
                         const char *want)
{
    char line[800];
    pid_t pid;
    int p[2];
    need(pipe(p) == 0);
    CHILD (pid) {
        need(setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0);
        const char *what = fails(argument);
        need(dup2(p[1], 2) == 2);
        msg_explain(what);
    }
    need(wait_for(pid) == 0);
    ssize_t length = read(p[0], line, sizeof line - 1);
    line[length > 0 ? length : 0] = '\0';
    is_text(line, want, "%.*s", (int)strlen(want) - 1, want);
    close(p[0]);
    close(p[1]);
}

/* -- The line ---------------------------------------------------------------------- */

static void *explain_in_thread(void *unused)
{
    static char text[100];
    (void)unused;
    explain("here", text, sizeof text);
    return text;
}

static void test_line(void)
{
    char text[800];
    pthread_t thread;
    void *theirs;
    explain("first", text, sizeof text);
    is_text(text, "first: no call has failed\n", "before any failure");
    need(msg_accept(7) == -1);
    explain("opening up", text, sizeof text);
    is_text(text,
            "opening up: EINVAL, who is 7; it is MSG_SAME_USER (0) or MSG_ANYONE (1)\n",
            "what goes in front");
    explain("", text, sizeof text);
    is_text(text, "EINVAL, who is 7; it is MSG_SAME_USER (0) or MSG_ANYONE (1)\n",
            "nothing goes in front");
    need(msg_accept(MSG_SAME_USER) == 0);
    explain("after", text, sizeof text);
    ok(strstr(text, "after: EINVAL"), "a call that succeeds is not explained");
    need(pthread_create(&thread, NULL, explain_in_thread, NULL) == 0
         && pthread_join(thread, &theirs) == 0);
    is_text(theirs, "here: no call has failed\n", "a thread has failures of its own");
}

/* -- Arguments --------------------------------------------------------------------- */

static void test_arguments(void)
{
    struct msg m = { .type = 1 };
    int box = mbox_create(NULL);
    says(msg_send(self, &m, 0, -5),
         "EINVAL, timeout_ms is -5; it is FOREVER (-1), NOWAIT (0) or above");
    says(msg_send(self, &m, MSG_TYPE, 0),
         "EINVAL, flags has 0x4, which msg_send does not know");
    says(mbox_receive(box, &m, 0x41, 0),
         "EINVAL, flags has 0x41, which mbox_receive does not know");
    m.priority = 40;
    says(mbox_send(box, &m, 0, 0),
         "EINVAL, the message's priority is 40, and 31 is the highest");
    m = (struct msg){ .type = MSG_NOTIFICATION };
    says(mbox_send(box, &m, 0, 0),
         "EINVAL, the message's type is MSG_NOTIFICATION, the kernel's own");
    m = (struct msg){ .nfds = 9 };
    says(mbox_send(box, &m, 0, 0),
         "EINVAL, nfds is 9, and a message takes at most 4 descriptors");
    m = (struct msg){ .body = (void *)0x10001000, .length = 100 };
    says(
        mbox_send(box, &m, MSG_MOVE, 0),
        "EINVAL, MSG_MOVE moves whole pages, and the body is at 0x10001000, 100 bytes");
    close(box);
    struct link_attr link = { .capacity = 100000 };
    says(link_open(self, &link),
         "EINVAL, capacity is 100000; it is 1 to 65535, or CAPACITY_...");
    link = (struct link_attr){ .refuse = 2 };
    says(link_open(self, &link), "EINVAL, refuse is 2; it is 0 or 1");
    struct mbox_attr attr = { .overflow = 9 };
    says(mbox_create(&attr),
         "EINVAL, overflow is 9; MBOX_BLOCK ... MBOX_DROP_NEWEST are 0 to 3");
    attr = (struct mbox_attr){ .receivers = 9 };
    says(mbox_create(&attr),
         "EINVAL, receivers is 9; MBOX_SHARED ... MBOX_BROADCAST are 0 to 2");
    attr =
        (struct mbox_attr){ .capacity = CAPACITY_ZERO, .overflow = MBOX_DROP_OLDEST };
    says(mbox_open("x", O_CREAT | O_RDWR, 0600, &attr),
         "EINVAL, with CAPACITY_ZERO there is nothing to drop");
    attr = (struct mbox_attr){ .receivers = MBOX_BROADCAST, .overflow = MBOX_REJECT };
    says(mbox_create(&attr), "EINVAL, MBOX_BROADCAST goes with MBOX_DROP_OLDEST only");
    attr = (struct mbox_attr){ .receivers = MBOX_BROADCAST,
                               .capacity = CAPACITY_UNBOUNDED };
    says(mbox_create(&attr),
         "EINVAL, MBOX_BROADCAST is a ring: its capacity is 1 to 65535");
    says(mbox_open("a/b", O_RDWR),
         "EINVAL, the name a/b has a slash; \"printer\" is /mbox/printer");
    says(mbox_unlink(""), "EINVAL, the name is empty");
    says(mbox_lookup("a", O_RDWR | O_CREAT, 0),
         "EINVAL, mbox_lookup makes no mailbox: no O_CREAT, no O_EXCL");
}

static void test_addresses(void)
{
    struct msg m = { .body = (void *)16, .length = 5 };
    int box = mbox_create(NULL);
    says(msg_send(self, (void *)16, 0, 0),
         "EFAULT, the message, 56 bytes at 0x10, is not in memory that you may read");
    says(mbox_send(box, &m, 0, 0),
         "EFAULT, the body of the message, 5 bytes at 0x10, is "
         "not in memory that you may read");
    m = (struct msg){ .nfds = 1, .fds = (int *)16 };
    says(mbox_send(box, &m, 0, 0),
         "EFAULT, fds of the message, 16 bytes at 0x10, is not "
         "in memory that you may read");
    says(mbox_open((char *)16, O_RDWR), "EFAULT, the name, 1 bytes at 0x10, is not in "
                                        "memory that you may read");
    says(mbox_unlink((char *)16), "EFAULT, the name, 1 bytes at 0x10, is not in memory "
                                  "that you may read");
    says(mbox_create((void *)16),
         "EFAULT, attr, 16 bytes at 0x10, is not in memory that "
         "you may read");
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    says(mbox_stat(box, page),
         "EFAULT, the place for what mbox_stat writes may be read, but not written");
    munmap(page, 4096);
    m = (struct msg){ .nfds = 2, .fds = (int[]){ box, 77 } };
    says(mbox_send(box, &m, 0, 0), "EBADF, fds[1] is 77, which is no open descriptor");
    close(box);
}

/* -- Links ------------------------------------------------------------------------- */

static void test_partner(void)
{
    struct msg m = { .type = 1 };
    pid_t dead = gone(), other;
    says(
        msg_send(dead, &m, 0, FOREVER),
        "ESRCH, there is no process %d: it has ended, or never was; ids are never used "
        "twice, so find out its successor's",
        dead);
    says(
        msg_notify(dead, 1),
        "ESRCH, there is no process %d: it has ended, or never was; ids are never used "
        "twice, so find out its successor's",
        dead);
    says(msg_receive(dead, &m, 0, FOREVER),
         "ESRCH, there is no process %d: it has ended, and all that it had sent has "
         "been received, or it never was; ids are never used twice",
         dead);
    says(
        link_stat(dead, &(struct link_stat){ 0 }),
        "ESRCH, there is no process %d: it has ended, or never was; ids are never used "
        "twice, so find out its successor's",
        dead);
    other = idle();
    says(
        link_close(other),
        "ENOENT, there is no link with process %d (%s): you have not talked, or it was "
        "closed",
        other, me);
    become_student();
    says(msg_send(other, &m, 0, NOWAIT),
         "EPERM, process %d (%s) is of user 0 and you are user 1000: it has to call "
         "msg_accept(MSG_ANYONE) first",
         other, me);
    says(msg_notify(other, 1),
         "EPERM, process %d (%s) is of user 0 and you are user 1000: it has to call "
         "msg_accept(MSG_ANYONE) first",
         other, me);
    become_root();
    end(other);
    CHILD (other) {
        struct link_attr refuse = { .refuse = 1 };
        need(link_open(self, &refuse) == 0);
        need(msg_send(self, &m, 0, FOREVER) == 0);
        pause();
    }
    need(msg_receive(other, &m, 0, FOREVER) == other);
    says(msg_send(other, &m, 0, NOWAIT),
         "EPERM, process %d (%s) refuses what you send: its link_open said so", other,
         me);
    end(other);
}

static void test_link_waits(void)
{
    struct msg m = { .type = 1, .body = "123", .length = 3 };
    struct link_attr two = holds(2);
    pid_t other = idle();
    says(msg_send(other, &m, 0, NOWAIT),
         "EAGAIN, process %d (%s) does not wait to receive from you, the link holds no "
         "message (capacity zero), and you asked not to wait",
         other, me);
    says(msg_send(other, &m, 0, 10),
         "ETIMEDOUT, process %d (%s) did not receive the message within 10 ms; it was "
         "taken back",
         other, me);
    says(msg_call(other, &m, &m, 10),
         "ETIMEDOUT, process %d (%s) did not answer within 10 ms; the call is given up",
         other, me);
    says(msg_call(other, &m, &m, NOWAIT),
         "EAGAIN, process %d (%s) did not receive the request and answer at once, and "
         "you asked not to wait",
         other, me);
    says(msg_receive(other, &m, 0, NOWAIT),
         "EAGAIN, there is no message from process %d (%s) and you asked not to wait",
         other, me);
    says(msg_receive(MSG_ANY, &m, MSG_TYPE, 10),
         "ETIMEDOUT, no message of type 1 came from anybody within 10 ms");
    says(msg_reply_receive(0, NULL, &m, NOWAIT),
         "EAGAIN, there is no message from anybody and you asked not to wait");
    interrupt_every(20);
    says(msg_send(other, &m, 0, 100000),
         "EINTR, a signal was handled while you waited for process %d (%s) to receive; "
         "nothing was sent",
         other, me);
    says(msg_call(other, &m, &m, 100000),
         "EINTR, a signal was handled while you waited for process %d (%s) to answer; "
         "the call is given up",
         other, me);
    says(msg_receive(other, &m, 0, 100000),
         "EINTR, a signal was handled while you waited for a message from process %d "
         "(%s)",
         other, me);
    need(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    says(msg_send(self, &m, 0, FOREVER),
         "EDEADLK, you would wait for yourself, for ever");
    need(link_open(self, &two) == 0);
    need(msg_send(self, &m, 0, NOWAIT) == 0 && msg_send(self, &m, 0, NOWAIT) == 0);
    says(msg_send(self, &m, 0, NOWAIT),
         "EAGAIN, the link to process %d (%s) is full (2 of 2) and you asked not to "
         "wait",
         self, me);
    says(msg_send(self, &m, 0, 10),
         "ETIMEDOUT, the link to process %d (%s) is full (2 of 2), and 10 ms went by",
         self, me);
    m.length = 70000;
    says(msg_send(self, &m, 0, NOWAIT),
         "EMSGSIZE, the body has 70000 bytes, and a message holds at most 65536; more "
         "can move with MSG_MOVE");
    m = (struct msg){ .room = 2, .body = "" };
    says(msg_receive(self, &m, 0, NOWAIT), "EMSGSIZE, the message has 3 bytes and you "
                                           "have room for 2; it stays first in line");
    need(link_close(self) == 0);
    end(other);
}

static void test_circle_and_close(void)
{
    struct msg m = { .type = 1 };
    pid_t other;
    CHILD (other)
        need(msg_receive(self, &m, 0, FOREVER) == -1 || 1);
    while (link_stat(other, &(struct link_stat){ 0 }) == -1)
        sched_yield();
    until_asleep(other);
    says(msg_receive(other, &m, 0, FOREVER),
         "EDEADLK, process %d (%s) waits for you, itself or through others, so none of "
         "you would ever go on; `why %d` shows the circle, and a time-out would break "
         "it",
         other, me, other);
    end(other);
    CHILD (other) {
        struct link_stat link = { 0 };
        while (link_stat(self, &link) == -1 || link.in.waiting_senders == 0)
            sched_yield();
        need(link_close(self) == 0);
        pause();
    }
    says(msg_send(other, &m, 0, FOREVER),
         "EPIPE, the link with process %d (%s) was closed (link_close) while your "
         "message waited in it",
         other, me);
    end(other);
    CHILD (other) {
        need(msg_receive(self, &m, 0, FOREVER) == self);
        need(link_close(self) == 0);
        pause();
    }
    says(
        msg_call(other, &m, &m, FOREVER),
        "ECANCELED, process %d (%s) closed the link (link_close) and so gave your call "
        "up",
        other, me);
    end(other);
}

static void test_replies(void)
{
    struct msg m = { .type = 1 }, call = { .room = 0 };
    char text[800];
    pid_t other = gone();
    says(msg_reply(other, &m),
         "ESRCH, process %d has ended: nobody waits for this reply", other);
    CHILD (other) {
        need(msg_send(self, &m, 0, FOREVER) == 0);
        need(msg_call(self, &m, &m, FOREVER) == -1 && errno == EINTR);
        need(msg_send(self, &m, 0, FOREVER) == 0);
        m.body = text;
        m.room = 2;
        need(msg_call(self, &m, &m, FOREVER) == -1);
        explain(NULL, text, sizeof text);
        need(!strcmp(text,
                     "EMSGSIZE, the reply has 5 bytes and you have room for 2; it "
                     "is lost\n"));
    }
    need(msg_receive(other, &call, 0, FOREVER) == other && !call.caller);
    says(
        msg_reply(other, &call),
        "EINVAL, that message of process %d (%s) was sent and not called: nobody waits "
        "for a reply",
        other, me);
    need(msg_receive(other, &call, 0, FOREVER) == other && call.caller == other);
    struct msg given_up = call;
    need(kill(other, SIGALRM) == 0);
    need(msg_receive(other, &call, 0, FOREVER) == other && !call.caller);
    says(msg_reply(other, &given_up),
         "ECANCELED, process %d (%s) has given up waiting: its time was over, or a "
         "signal came",
         other, me);
    call.sequence = 77;
    says(msg_reply(other, &call),
         "EPERM, you hold no unanswered call of process %d (%s) with sequence 77: it "
         "was answered before, or another process received it",
         other, me);
    need(msg_receive(other, &call, 0, FOREVER) == other && call.caller == other);
    call.body = "five!";
    call.length = 5;
    need(msg_reply(other, &call) == 0);
    is_exit(wait_for(other), 0, "EMSGSIZE, the reply has 5 bytes ... (in the caller)");
}

/* -- Mailboxes --------------------------------------------------------------------- */

static const char *destroy(int box)
{
    need(mbox_destroy(box) == -1);
    return "destroying";
}

static void test_names(void)
{
    char longer[300];
    int box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
    need(box >= 0);
    memset(longer, 'x', sizeof longer);
    longer[280] = '\0';
    says(
        mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, NULL),
        "EEXIST, there is a mailbox printer already, and O_EXCL wants to be the first");
    says(
        mbox_open("plotter", O_RDWR),
        "ENOENT, there is no mailbox plotter: O_CREAT would make it, mbox_lookup would "
        "wait for it");
    says(mbox_lookup("plotter", O_RDWR, NOWAIT),
         "ENOENT, there is no mailbox plotter and you asked not to wait for it");
    says(mbox_lookup("plotter", O_RDWR, 10),
         "ETIMEDOUT, nobody made a mailbox plotter within 10 ms");
    says(mbox_unlink("plotter"), "ENOENT, there is no mailbox plotter");
    says(mbox_open(longer, O_RDWR),
         "ENAMETOOLONG, the name has 280 bytes, and a name has at most 255");
    become_student();
    says(mbox_open("printer", O_WRONLY),
         "EACCES, mailbox printer is of user 0 and group 0 with mode 0600, and you are "
         "user 1000: you may not send");
    says(mbox_unlink("printer"),
         "EPERM, mailbox printer is of user 0 and group 0 with mode 0600, and you are "
         "user 1000: only its owner and root may remove its name");
    become_root();
    says_to_user(
        1001, destroy, box,
        "destroying: EPERM, mailbox printer is of user 0 and you are user 1001: "
        "only its owner and root may destroy it\n");
    interrupt_every(20);
    says(mbox_lookup("plotter", O_RDWR, 100000),
         "EINTR, a signal was handled while you waited for mailbox plotter to appear");
    need(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    struct rlimit limit, few = { 0 };
    need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    few = (struct rlimit){ (rlim_t)box + 1, limit.rlim_max };
    need(setrlimit(RLIMIT_NOFILE, &few) == 0);
    long result = mbox_create(NULL);
    need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    says(result, "EMFILE, you have as many descriptors as you may (%llu)",
         (unsigned long long)limit.rlim_cur);
    need(mbox_unlink("printer") == 0 && close(box) == 0);
}

static void test_full(void)
{
    struct mbox_attr two = { .capacity = 2, .max_length = 10 };
    struct msg m = { .body = "12345678901", .length = 4 };
    int box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, &two);
    need(mbox_send(box, &m, 0, 0) == 0);
    says(mbox_send(box, &m, MSG_SYNC, NOWAIT),
         "EAGAIN, nobody received the message from mailbox printer at once and you "
         "asked not to wait");
    need(mbox_send(box, &m, 0, 0) == 0);
    says(mbox_send(box, &m, 0, NOWAIT),
         "EAGAIN, mailbox printer is full (2 of 2) and you asked not to wait");
    need(fcntl(box, F_SETFL, O_NONBLOCK) == 0);
    says(mbox_send(box, &m, 0, FOREVER),
         "EAGAIN, mailbox printer is full (2 of 2) and its descriptor is set not to "
         "wait (O_NONBLOCK)");
    need(fcntl(box, F_SETFL, 0) == 0);
    says(mbox_send(box, &m, 0, 10),
         "ETIMEDOUT, mailbox printer is full (2 of 2), and 10 ms went by");
    interrupt_every(20);
    says(mbox_send(box, &m, 0, 100000),
         "EINTR, a signal was handled while you waited at mailbox printer; nothing was "
         "sent");
    need(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    m.length = 11;
    says(mbox_send(box, &m, 0, NOWAIT),
         "EMSGSIZE, the body has 11 bytes, and mailbox printer takes at most 10");
    m = (struct msg){ .type = 9, .room = 1 };
    says(
        mbox_receive(box, &m, MSG_TYPE, NOWAIT),
        "EAGAIN, there is no message of type 9 in mailbox printer and you asked not to "
        "wait");
    says(mbox_receive(box, &m, 0, NOWAIT),
         "EMSGSIZE, the message has 4 bytes and you have room for 1; it stays first in "
         "line");
    need(mbox_unlink("printer") == 0 && close(box) == 0);
    two = (struct mbox_attr){ .capacity = 1, .overflow = MBOX_REJECT };
    box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, &two);
    m = (struct msg){ .type = 0 };
    need(mbox_send(box, &m, 0, 0) == 0);
    says(mbox_send(box, &m, 0, FOREVER),
         "ENOBUFS, mailbox printer is full (1 of 1) and "
         "rejects what does not fit (MBOX_REJECT)");
    need(mbox_unlink("printer") == 0 && close(box) == 0);
    two = (struct mbox_attr){ .capacity = 1, .overflow = MBOX_DROP_NEWEST };
    box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, &two);
    need(mbox_send(box, &m, 0, 0) == 0);
    says(
        mbox_send(box, &m, MSG_SYNC, FOREVER),
        "ENOBUFS, mailbox printer was full and your message was dropped; with MSG_SYNC "
        "you are told");
    need(mbox_unlink("printer") == 0 && close(box) == 0);
    two = (struct mbox_attr){ .capacity = CAPACITY_ZERO };
    box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, &two);
    says(mbox_send(box, &m, 0, NOWAIT),
         "EAGAIN, nobody waits to receive from mailbox printer, which holds no message "
         "(capacity zero), and you asked not to wait");
    says(mbox_send(box, &m, 0, 10),
         "ETIMEDOUT, nobody received the message from mailbox "
         "printer within 10 ms; it was taken back");
    says(mbox_receive(box, &m, 0, 10),
         "ETIMEDOUT, no message came to mailbox printer within 10 ms");
    need(mbox_unlink("printer") == 0 && close(box) == 0);
}

static void test_descriptors(void)
{
    struct msg m = { .type = 0 };
    int p[2], sender, box = mbox_open("printer", O_CREAT | O_RDONLY, 0600, NULL);
    need(pipe(p) == 0);
    sender = mbox_open("printer", O_WRONLY);
    says(mbox_send(99, &m, 0, NOWAIT), "EBADF, descriptor 99 is no open descriptor");
    says(mbox_destroy(99), "EBADF, descriptor 99 is no open descriptor");
    char id[40] = "";
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    need(readlink(path, id, sizeof id - 1) > 0);
    says(mbox_receive(p[0], &m, 0, NOWAIT), "EBADF, descriptor %d is %s and no mailbox",
         p[0], id);
    says(mbox_send(box, &m, 0, NOWAIT),
         "EBADF, descriptor %d, mailbox printer, is open for receiving only (O_RDONLY)",
         box);
    says(mbox_receive(sender, &m, 0, NOWAIT),
         "EBADF, descriptor %d, mailbox printer, is open for sending only (O_WRONLY)",
         sender);
    close(p[0]);
    close(p[1]);
    need(mbox_destroy(box) == 0);
    says(mbox_send(sender, &m, 0, NOWAIT),
         "EIDRM, the mailbox of descriptor %d has been destroyed (mbox_destroy)",
         sender);
    close(box);
    close(sender);
}

static void test_ends(void)
{
    struct mbox_attr alone = { .receivers = MBOX_EXCLUSIVE };
    struct msg m = { .type = 0 };
    struct mbox_stat stat;
    pid_t other;
    int box = mbox_open("printer", O_CREAT | O_RDWR, 0600, &alone);
    CHILD (other) {
        need(mbox_receive(box, &m, 0, NOWAIT) == -1 && errno == EAGAIN);
        need(msg_send(self, &m, 0, FOREVER) == 0);
        pause();
    }
    need(msg_receive(other, &m, 0, FOREVER) == other);
    says(mbox_receive(box, &m, 0, FOREVER),
         "EBUSY, mailbox printer has one receiver only (MBOX_EXCLUSIVE), and that is "
         "process %d (%s)",
         other, me);
    end(other);
    need(mbox_unlink("printer") == 0 && close(box) == 0);
    box = mbox_create(NULL);
    need(mbox_stat(box, &stat) == 0);
    CHILD (other)
        need(mbox_stat(box, &stat) == 0);
    wait_for(other);
    says(mbox_send(box, &m, 0, NOWAIT),
         "EPIPE, mailbox %u has no name, and nobody but you could receive from it",
         stat.id);
    says(mbox_receive(box, &m, 0, NOWAIT),
         "EPIPE, mailbox %u is empty, has no name, and nobody can send to it any more",
         stat.id);
    close(box);
}

/* Fills a queue without bound, and fails in the end. */
static const char *fill(int unused)
{
    struct link_attr unbounded = holds(CAPACITY_UNBOUNDED);
    struct msg m = { .type = 0 };
    (void)unused;
    need(link_open(getpid(), &unbounded) == 0);
    while (msg_send(getpid(), &m, 0, NOWAIT) == 0)
        ;
    return "filling";
}

static void test_quota(void)
{
    says_to_user(1001, fill, 0,
                 "filling: EDQUOT, user 1001 has as much queued as a user may: 4096 of "
                 "4096 messages, 0 of 4194304 bytes, 0 of 256 mailboxes; it has to be "
                 "received first\n");
}

int main(void)
{
    self = getpid();
    test_line();
    test_arguments();
    test_addresses();
    test_partner();
    test_link_waits();
    test_circle_and_close();
    test_replies();
    test_names();
    test_full();
    test_descriptors();
    test_ends();
    test_quota();
    return done_testing();
}
