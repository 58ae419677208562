/* native_quota.c - nobody fills the kernel with messages.
 * IPC(6.1): "Queued bytes and messages are charged to the sender's user; one over its
 * limit fails with EDQUOT (never waits) until the queue drains. Defaults: 4 MiB and
 * 4,096 messages a user, 256 mailboxes a user, 1,024 links a process; root has none.
 * /proc/ipc/limits shows use and limits."
 * IPC(6.2): "Unbounded is bounded by [6.1]; no user can exhaust the kernel's memory."
 */
/* FEATURE(14): a message that is handed over costs nothing */
/* FEATURE(71): 4096 messages: unbounded ends at the user's limit: EDQUOT */
/* FEATURE(125): everything is given back when the last process has ended */
#include "mailbox.h"
#include "scratch.h"

enum { MESSAGES = 4096, BYTES_MAX = 4 << 20, MAILBOXES = 256, LINKS = 1024 };

static char large[MSG_MAX];

/* Runs it as the student, in a child; the cases it stands for are in its return. */
static int as_student(int (*test)(void)) {
    pid_t pid;
    CHILD (pid) {
        become(STUDENT);
        _exit(test());
    }
    return wait_for(pid);
}

static int unbounded(void) {
    int box = mbox_create(ATTR(.capacity = CAPACITY_UNBOUNDED));
    need(box >= 0);
    return box;
}

/* Sends messages of that size until it fails: how many went. */
static int fill(int box, uint32_t size) {
    int count = 0;
    while (mbox_send(box, BYTES(large, size), 0, NOWAIT) == 0)
        count++;
    need(errno == EDQUOT);
    return count;
}

static int is_full(int box, uint32_t size, int flags, int timeout) {
    return mbox_send(box, BYTES(large, size), flags, timeout) == -1 && errno == EDQUOT;
}

/* The user's line in /proc/ipc/limits begins like this. */
static int limits_say(uid_t uid, const char *format, ...) {
    char want[160], line[160] = "";
    int n = snprintf(want, sizeof want, "%u ", (unsigned)uid);
    va_list args;
    va_start(args, format);
    vsnprintf(want + n, sizeof want - (size_t)n, format, args);
    va_end(args);
    FILE *file = fopen("/proc/ipc/limits", "r");
    need(file);
    while (fgets(line, sizeof line, file) && strtoul(line, NULL, 10) != uid)
        ;
    fclose(file);
    if (strncmp(line, want, strlen(want)) == 0)
        return 1;
    note("%s", line);
    return 0;
}

/* IPC(6.1): "/proc/ipc/limits shows use and limits", to everybody. */
static int shown(void) {
    int box = unbounded(), other = unbounded();
    need(limits_say(STUDENT, "messages 0 4096 bytes 0 4194304 mailboxes 2 256"));
    need(mbox_send(box, TEXT("hello"), 0, NOWAIT) == 0);
    need(mbox_send(other, TEXT("you"), 0, NOWAIT) == 0);
    need(limits_say(STUDENT, "messages 2 4096 bytes 8 4194304 mailboxes 2 256"));
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && close(other) == 0);
    need(limits_say(STUDENT, "messages 0 4096 bytes 0 4194304 mailboxes 1 256"));
    need(fill(box, 1024) == MESSAGES);
    need(limits_say(STUDENT, "messages 4096 4096 bytes 4194304 4194304 mailboxes 1"));
    need(limits_say(0, "messages 0 unbounded bytes 0 unbounded mailboxes 0 unbounded"));
    return 0;
}

static int message_limit(void) {
    int box = unbounded(), other = unbounded();
    need(fill(box, 0) == MESSAGES);
    need(is_full(box, 0, 0, NOWAIT) && is_full(box, 0, 0, FOREVER));
    need(is_full(other, 0, 0, 100) && is_full(other, 0, MSG_SYNC, FOREVER));
    need(write(box, "x", 1) == -1 && errno == EDQUOT);
    for (int i = 0; i < 3; i++)
        need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    need(mbox_send(other, EMPTY, 0, NOWAIT) == 0);      // it drains
    need(fill(other, 0) == 2);
    for (int i = 0; i < 3; i++)
        need(mbox_receive(other, NEXT, 0, NOWAIT) == getpid());
    close(box);                                         // discards its messages
    need(fill(other, 0) == MESSAGES);
    return 0;
}

static int byte_limit(void) {
    int box = unbounded();
    need(fill(box, MSG_MAX) == BYTES_MAX / MSG_MAX);
    need(look(box).bytes == BYTES_MAX);
    need(is_full(box, 1, 0, FOREVER) && mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT_OF(MSG_MAX), 0, NOWAIT) == getpid());
    need(fill(box, MSG_MAX / 2) == 2 && fill(box, 1) == 0);
    need(mbox_destroy(box) == 0 && close(box) == 0);
    box = unbounded();
    need(fill(box, MSG_MAX) == BYTES_MAX / MSG_MAX);
    return 0;
}

/* A waiting receiver takes it at once: nothing is queued, nothing is charged. */
static int handed_over(void) {
    pid_t pid;
    int box = unbounded(), meet = mbox_create(ATTR(.capacity = CAPACITY_ZERO));
    CHILD (pid)
        need(mbox_receive(meet, NEXT, 0, FOREVER) == getppid() && got_text("x"));
    until_receiving(meet, 1);
    need(fill(box, 0) == MESSAGES);
    need(mbox_send(meet, TEXT("x"), 0, NOWAIT) == 0);
    return wait_for(pid);
}

/* Overflow makes room in the mailbox before it costs anything more. */
static int ring(void) {
    int box = unbounded();
    int last = mbox_create(ATTR(.capacity = 2, .overflow = MBOX_DROP_OLDEST));
    int drop = mbox_create(ATTR(.capacity = 1, .overflow = MBOX_DROP_NEWEST));
    int full = mbox_create(ATTR(.capacity = 1, .overflow = MBOX_REJECT));
    for (int i = 0; i < 2; i++)
        need(mbox_send(last, TYPED("x", (uint32_t)i), 0, NOWAIT) == 0);
    need(mbox_send(drop, EMPTY, 0, NOWAIT) == 0);
    need(mbox_send(full, EMPTY, 0, NOWAIT) == 0);
    need(fill(box, 0) == MESSAGES - 4);
    need(mbox_send(drop, EMPTY, 0, NOWAIT) == 0);       // discards itself: free
    need(mbox_send(full, EMPTY, 0, NOWAIT) == -1 && errno == ENOBUFS);
    int result = mbox_send(last, TYPED("x", 2), 0, NOWAIT);
    need(result == 0 || errno == EDQUOT);
    need(mbox_receive(last, NEXT, 0, NOWAIT) == getpid());
    need(got.type == (result == 0));                    // refused: the oldest is there
    return 0;
}

/* All processes of a user pay together, and get it back together. */
static int one_user(void) {
    pid_t pid;
    struct gate full, leave;
    int shared = unbounded(), box;
    gate_init(&full);
    gate_init(&leave);
    CHILD (pid) {
        int own = unbounded();
        need(fill(own, 0) == MESSAGES);
        need(mbox_receive(own, NEXT, 0, NOWAIT) == getpid());
        need(mbox_send(shared, EMPTY, 0, NOWAIT) == 0);
        gate_open(&full);
        gate_try(&leave);
    }
    gate_wait(&full);
    box = unbounded();                                  // made here: the child has none
    need(is_full(box, 0, 0, NOWAIT));
    gate_close(&leave);
    need(wait_for(pid) == 0);
    need(fill(box, 0) == MESSAGES - 1);                 // one of the child's is left
    need(mbox_receive(shared, NEXT, 0, NOWAIT) == pid);
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    return 0;
}

static int mailbox_limit(void) {
    int box[MAILBOXES], name;
    for (int i = 0; i < MAILBOXES; i++)
        need((box[i] = mbox_create(NULL)) >= 0);
    need(mbox_create(NULL) == -1 && errno == EDQUOT);
    need(mbox_open("more", O_RDWR | O_CREAT, 0600, NULL) == -1 && errno == EDQUOT);
    need(open("/mbox/more", O_RDWR | O_CREAT, 0600) == -1 && errno == EDQUOT);
    need(mbox_open("more", O_RDWR) == -1 && errno == ENOENT);
    close(box[7]);
    need((name = mbox_open("more", O_RDWR | O_CREAT, 0600, NULL)) >= 0);
    need(mbox_create(NULL) == -1 && errno == EDQUOT);
    close(name);                                        // it has a name: it stays
    need(mbox_create(NULL) == -1 && errno == EDQUOT);
    need(mbox_unlink("more") == 0 && mbox_create(NULL) >= 0);
    need(mbox_destroy(box[8]) == 0 && close(box[8]) == 0 && mbox_create(NULL) >= 0);
    return 0;
}

/* What root sends into the student's mailbox is root's, and the other way round. */
static void who_pays(void) {
    pid_t pid;
    struct gate filled, drained;
    int hers = named_box("hers", ATTR(.capacity = CAPACITY_UNBOUNDED));
    gate_init(&filled);
    gate_init(&drained);
    for (int i = 0; i < 10; i++)
        need(mbox_send(hers, TEXT("root's"), 0, NOWAIT) == 0);
    CHILD (pid) {
        become(STUDENT);
        need(fill(hers, 0) == MESSAGES);
        gate_open(&filled);
        gate_wait(&drained);
        need(fill(hers, 0) == 1);
    }
    gate_wait(&filled);
    is_int(look(hers).queued, MESSAGES + 10, "others' messages do not count");
    is_int(mbox_send(hers, TEXT("more"), 0, NOWAIT), 0, "root has no limit");
    for (int i = 0; i < 11; i++)
        need(mbox_receive(hers, NEXT, 0, NOWAIT) > 0);
    ok(got.sender == pid, "whoever receives");
    gate_open(&drained);
    is_exit(wait_for(pid), 0, "gives back to who has sent");
    gate_close(&filled), gate_close(&drained);
    need(mbox_unlink("hers") == 0 && close(hers) == 0);
}

/* 1,024 links: one to a child that lives, the others to children who have ended and
 * left a bit that was not received. Nobody makes one more, until one is closed or has
 * gone. */
static int link_limit(void) {
    pid_t self = getpid(), living, pid, last = 0;
    CHILD (living)
        pause();
    need(link_open(living, NULL) == 0);
    for (int i = 1; i <= LINKS; i++) {
        CHILD (pid)
            _exit(error_of(msg_notify(self, 1)));
        int status = wait_for(pid);
        need(WIFEXITED(status) && WEXITSTATUS(status) == (i < LINKS ? 0 : EDQUOT));
        if (i < LINKS)
            last = pid;
    }
    need(error_of(link_open(self, NULL)) == EDQUOT && link_open(living, NULL) == 0);
    need(link_close(living) == 0 && link_open(self, NULL) == 0);
    need(error_of(link_open(living, NULL)) == EDQUOT);
    need(msg_receive(last, NEXT, 0, NOWAIT) == last && link_open(living, NULL) == 0);
    kill(living, SIGKILL);
    wait_for(living);
    return 0;
}

/* The student fills all she can in every way; everybody else goes on. */
static void nobody_else_is_hurt(void) {
    pid_t pid, guest;
    struct gate full, leave;
    gate_init(&full);
    gate_init(&leave);
    CHILD (pid) {
        become(STUDENT);
        for (int i = 0; i < MAILBOXES; i++) {
            int box = mbox_create(ATTR(.capacity = CAPACITY_UNBOUNDED));
            need(box >= 0);
            while (mbox_send(box, BYTES(large, MSG_MAX), 0, NOWAIT) == 0)
                ;
            while (mbox_send(box, EMPTY, 0, NOWAIT) == 0)
                ;
        }
        gate_open(&full);
        gate_try(&leave);
    }
    gate_wait(&full);
    CHILD (guest) {
        become(GUEST);
        int box = mbox_create(ATTR(.capacity = CAPACITY_UNBOUNDED));
        need(box >= 0 && fill(box, 1024) == MESSAGES);
    }
    is_exit(wait_for(guest), 0, "another user has limits of its own");
    int box = unbounded(), right = 1;
    for (int i = 0; i < MESSAGES + 100; i++)
        right &= mbox_send(box, BYTES(large, 1024), 0, NOWAIT) == 0;
    ok(right, "and root goes beyond them");
    close(box);
    gate_close(&leave);
    is_exit(wait_for(pid), 0, "whoever has filled everything ends");
    gate_close(&full);
}

int main(void) {
    umask(022);
    is_exit(as_student(message_limit), 0,
            "4096 messages: unbounded ends at the user's limit: EDQUOT");
    is_exit(as_student(shown), 0, "/proc/ipc/limits shows use and limits");
    is_exit(as_student(byte_limit), 0, "4 MiB: EDQUOT, and never a wait");
    is_exit(as_student(message_limit), 0,
            "everything is given back when the last process has ended");
    is_exit(as_student(handed_over), 0, "a message that is handed over costs nothing");
    is_exit(as_student(ring), 0, "overflow policies at the limit");
    is_exit(as_student(one_user), 0, "the processes of a user share its limit");
    is_exit(as_student(mailbox_limit), 0, "256 mailboxes: EDQUOT");
    is_exit(as_student(link_limit), 0,
            "1,024 links a process: EDQUOT, until one is closed");
    who_pays();
    nobody_else_is_hurt();
    return done_testing();
}
