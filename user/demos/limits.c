/* limits.c - unbounded has an end: what a user may queue, and what becomes of it.
 * Order: 76
 *
 * A mailbox without a bound is filled until the kernel refuses: each user has a limit,
 * which all of its processes share. Then the process is killed, and all is given back.
 *
 * FEATURE(71, 125)
 */
#include "demo.h"
#include <grp.h>
#include <parley.h>

#define STUDENT 1000

static char body[MSG_MAX];

/* What a user has queued: messages and bytes, as /proc/ipc/limits says. */
struct use {
    unsigned messages, bytes;
};

static struct use use_of(unsigned wanted) {
    struct use use = { 0, 0 };
    unsigned uid, messages, bytes;
    char line[256];
    FILE *file = fopen("/proc/ipc/limits", "r");
    must(file ? 0 : -1, "/proc/ipc/limits");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%u messages %u %*s bytes %u", &uid, &messages, &bytes) == 3
            && uid == wanted)
            use = (struct use){ messages, bytes };
    fclose(file);
    return use;
}

static int unbounded(void) {
    struct mbox_attr attr = { .capacity = CAPACITY_UNBOUNDED };
    return (int)must(mbox_create(&attr), "mbox_create");
}

/* Sends until it is refused, though it said that it would wait for ever. */
static int fill(int box, uint32_t length) {
    struct msg m = { .body = body, .length = length };
    int count = 0;
    while (mbox_send(box, &m, 0, FOREVER) == 0)
        count++;
    expect(errno == EDQUOT);
    return count;
}

static void become_student(void) {
    if (geteuid() == 0) {
        setgroups(0, NULL);
        must(setgid(STUDENT), "setgid");
        must(setuid(STUDENT), "setuid");
    }
}

/* The greedy one; its box is our descriptor, too. */
static void be_greedy(int box, int done) {
    struct msg m = { .body = body, .room = sizeof body };
    become_student();
    say("  a student sends messages of %d KiB: %d go in, then: %s", MSG_MAX / 1024,
        fill(box, MSG_MAX), strerror(EDQUOT));
    must(mbox_receive(box, &m, 0, FOREVER), "mbox_receive");
    say("  takes one of %u KiB out: there is room for %d of 32 KiB", m.length / 1024,
        fill(box, MSG_MAX / 2));
    say("  and empty ones, which have no bytes: %d, then the same", fill(box, 0));
    must(write(done, "d", 1), "write");
    for (;;)
        pause();
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "limits: unbounded, and yet not without end");
    unsigned user = geteuid() == 0 ? STUDENT : geteuid();
    say("A mailbox of unbounded capacity never makes its senders wait. But messages\n"
        "are kept in the kernel's memory, and that belongs to all:");
    int box = unbounded(), done[2];
    must(pipe(done), "pipe");
    pid_t greedy = (pid_t)must(fork(), "fork");
    if (greedy == 0)
        be_greedy(box, done[1]);
    must(read(done[0], body, 1), "read");
    struct use use = use_of(user);
    say("Its user has %u messages and %u KiB queued now, all that it may have.",
        use.messages, use.bytes / 1024);
    expect(use.messages == 4096 && use.bytes == 4 << 20);
    gap();
    if (geteuid() == 0) {
        int mine = unbounded(), good = 1;
        struct msg m = { .body = body, .length = 1000 };
        for (int i = 0; i < 5000; i++)
            good &= mbox_send(mine, &m, 0, NOWAIT) == 0;
        say("Nobody else is hurt. I, who am root, send 5000 messages: %s.",
            mark(good, "all of them go in", strerror(errno)));
        close(mine);
    }
    kill(greedy, SIGKILL);
    must(waitpid(greedy, NULL, 0), "waitpid");
    say("The greedy process is killed. Its messages are still in the mailbox: %u.",
        use_of(user).messages);
    close(box);
    use = use_of(user);
    say("With the last descriptor that is gone: %u messages, %u bytes, %s.",
        use.messages, use.bytes,
        mark(use.messages + use.bytes == 0, "all is given back", "SOME STAY"));
    return demo_end("send to a mailbox of another process. Who is charged?",
                    "kernel/ipc/message.h, message_charge(); kernel/mm/account.h");
}
