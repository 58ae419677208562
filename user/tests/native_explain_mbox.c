/* native_explain_mbox.c - IPC(7.3): msg_explain says what failed "as one sentence about
 * this very object": mailboxes, their names and descriptors. */
#include "explain.h"

#include <sys/mman.h>
#include <sys/resource.h>

static const char me[] = "native_explain_"; // a process's name has 15 bytes
static pid_t self;

/* -- Mailboxes --------------------------------------------------------------------- */

static const char *destroy(int box) {
    need(mbox_destroy(box) == -1);
    return "destroying";
}

static void test_names(void) {
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

static void test_full(void) {
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
    m.body = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m.length = 8192;
    says(mbox_send(box, &m, MSG_MOVE, NOWAIT),
         "EMSGSIZE, the body has 8192 bytes, and mailbox printer takes at most 10");
    m.length = 70000;
    int large = mbox_create(&(struct mbox_attr){ .max_length = 1 << 20 });
    says(mbox_send(large, &m, 0, NOWAIT),
         "EMSGSIZE, the body has 70000 bytes, and a message holds at most 65536; "
         "msg_send and mbox_send move more with MSG_MOVE");
    need(close(large) == 0 && munmap(m.body, 8192) == 0);
    m = (struct msg){ .type = 9, .room = 1 };
    says(
        mbox_receive(box, &m, MSG_TYPE, NOWAIT),
        "EAGAIN, there is no message of type 9 in mailbox printer and you asked not to "
        "wait");
    says(mbox_receive(box, &m, 0, NOWAIT),
         "EMSGSIZE, the message has 4 bytes and you have room for 1; it stays first in "
         "line");
    need(mbox_unlink("printer") == 0 && close(box) == 0);
}

static void test_overflow(void) {
    struct mbox_attr two = { .capacity = 1, .overflow = MBOX_REJECT };
    struct msg m = { .type = 0 };
    int box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, &two);
    need(mbox_send(box, &m, 0, 0) == 0);
    says(mbox_send(box, &m, 0, FOREVER),
         "ENOBUFS, mailbox printer is full (1 of 1) and "
         "rejects what does not fit (MBOX_REJECT)");
    need(mbox_unlink("printer") == 0 && close(box) == 0);
    two.capacity = CAPACITY_ZERO;
    box = mbox_open("printer", O_CREAT | O_EXCL | O_RDWR, 0600, &two);
    says(mbox_send(box, &m, 0, FOREVER),
         "ENOBUFS, nobody waited to receive from mailbox printer, which holds no "
         "message (capacity zero) and rejects what nobody takes (MBOX_REJECT)");
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

static void test_descriptors(void) {
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

static void test_ends(void) {
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

int main(void) {
    self = getpid();
    test_names();
    test_full();
    test_overflow();
    test_descriptors();
    test_ends();
    return done_testing();
}
