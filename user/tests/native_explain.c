/* native_explain.c - IPC(7.3): "void msg_explain(const char *what) prints, like perror,
 * what failed in the last of these calls as one sentence about this very object": bad
 * arguments, and links. */
#include "explain.h"

#include <pthread.h>
#include <sys/mman.h>

static const char me[] = "native_explain";
static pid_t self;

static struct link_attr holds(uint32_t capacity) {
    return (struct link_attr){ .capacity = capacity };
}

/* -- The line ---------------------------------------------------------------------- */

static void *explain_in_thread(void *unused) {
    static char text[100];
    (void)unused;
    explain("here", text, sizeof text);
    return text;
}

static void test_line(void) {
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

static void test_arguments(void) {
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
    says(mbox_open("a", O_RDWR | O_APPEND),
         "EINVAL, oflag has 0x400, which mbox_open does not know");
}

static void test_addresses(void) {
    struct msg m = { .body = (void *)16, .length = 5 };
    int box = mbox_create(NULL);
    says(msg_send(self, (void *)16, 0, 0),
         "EFAULT, the message, 56 bytes at 0x10, is not in memory that you may read");
    says(mbox_send(box, &m, 0, 0),
         "EFAULT, the body of the message, 5 bytes at 0x10, is "
         "not in memory that you may read");
    m = (struct msg){ .nfds = 1, .fds = (int *)16 };
    says(mbox_send(box, &m, 0, 0),
         "EFAULT, fds of the message, 4 bytes at 0x10, is not "
         "in memory that you may read");
    m.fds = NULL;
    says(mbox_send(box, &m, 0, 0),
         "EFAULT, fds of the message, 4 bytes at 0, is not in memory that you may "
         "read");
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

static void test_partner(void) {
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

static void test_link_waits(void) {
    struct msg m = { .type = 1 };
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
    end(other);
}

static void test_link_full(void) {
    struct msg m = { .type = 1, .body = "123", .length = 3 };
    struct link_attr two = holds(2);
    says(msg_send(self, &m, 0, FOREVER),
         "EDEADLK, you would wait for yourself, for ever");
    says(msg_receive(self, &m, 0, FOREVER),
         "EDEADLK, you would wait for yourself, for ever");
    need(link_open(self, &two) == 0);
    says(link_stat(self, (void *)16), "EFAULT, out, 88 bytes at 0x10, is not in memory "
                                      "that you may read");
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
         "EMSGSIZE, the body has 70000 bytes, and a message holds at most 65536; "
         "msg_send and mbox_send move more with MSG_MOVE");
    m = (struct msg){ .room = 2, .body = "" };
    says(msg_receive(self, &m, 0, NOWAIT), "EMSGSIZE, the message has 3 bytes and you "
                                           "have room for 2; it stays first in line");
    need(link_close(self) == 0);
}

static void test_circle_and_close(void) {
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

static void test_replies(void) {
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
    for (int i = 0; i < 2; i++)
        says(msg_forward(other, i ? gone() : self, &call, NOWAIT),
             "EPERM, you hold no unanswered call of process %d (%s) with sequence 77: "
             "it was answered before, or another process received it",
             other, me);
    need(msg_receive(other, &call, 0, FOREVER) == other && call.caller == other);
    call.body = "five!";
    call.length = 5;
    need(msg_reply(other, &call) == 0);
    is_exit(wait_for(other), 0, "EMSGSIZE, the reply has 5 bytes ... (in the caller)");
}

/* -- Limits ------------------------------------------------------------------------ */

/* Fills a queue without bound, and fails in the end. */
static const char *fill(int unused) {
    struct link_attr unbounded = holds(CAPACITY_UNBOUNDED);
    struct msg m = { .type = 0 };
    (void)unused;
    need(link_open(getpid(), &unbounded) == 0);
    while (msg_send(getpid(), &m, 0, NOWAIT) == 0)
        ;
    return "filling";
}

static void test_quota(void) {
    says_to_user(1001, fill, 0,
                 "filling: EDQUOT, user 1001 has as much queued as a user may: 4096 of "
                 "4096 messages, 0 of 4194304 bytes, 0 of 256 mailboxes; it has to be "
                 "received first\n");
}

int main(void) {
    self = getpid();
    test_line();
    test_arguments();
    test_addresses();
    test_partner();
    test_link_waits();
    test_link_full();
    test_circle_and_close();
    test_replies();
    test_quota();
    return done_testing();
}
