/* links.c - n processes that all talk need n(n-1)/2 links, or one mailbox.
 * Order: 69
 *
 * Everybody greets everybody: once by number, over links, once through a mailbox. We
 * count what the kernel had to make for it.
 *
 * FEATURE(15, 36, 37, 38, 44, 46, 50)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>
#include <sys/mman.h>

#define MOST 8

static struct {
    pid_t number[MOST];                 /* who is who */
    int links, heard;                   /* counted by all of them */
} * shared;

static int box;

/* The lines of a table in /proc/ipc, without its heading. */
static int lines_of(const char *path) {
    char text[256];
    int count = -1;
    FILE *file = fopen(path, "r");
    must(file ? 0 : -1, path);
    while (fgets(text, sizeof text, file))
        count++;
    fclose(file);
    return count;
}

/* Number i sends to those before it, and receives from those behind it. */
static void greet_by_number(int i, int count) {
    struct msg hello = { .body = "hello", .length = 5 };
    char text[8];
    struct msg m = { .body = text, .room = sizeof text };
    struct link_stat link;
    for (int k = 0; k < i; k++)
        must(msg_send(shared->number[k], &hello, 0, FOREVER), "msg_send");
    for (int k = i + 1; k < count; k++)
        must(msg_receive(MSG_ANY, &m, 0, FOREVER), "msg_receive");
    for (int k = 0; k < count; k++)     // my ends; each link has two
        if (k != i && link_stat(shared->number[k], &link) == 0)
            __atomic_add_fetch(&shared->links, 1, __ATOMIC_SEQ_CST);
}

/* Takes one greeting out of the mailbox for each one that it puts in. */
static void greet_by_mailbox(int count) {
    struct msg hello = { .body = "hello", .length = 5 };
    char text[8];
    struct msg m = { .body = text, .room = sizeof text };
    for (int k = 0; k < count - 1; k++) {
        must(mbox_send(box, &hello, 0, FOREVER), "mbox_send");
        must(mbox_receive(box, &m, 0, FOREVER), "mbox_receive");
        __atomic_add_fetch(&shared->heard, 1, __ATOMIC_SEQ_CST);
    }
}

/* Starts so many, and lets them go on together when all are there; and end together. */
static void party(int count, int by_number) {
    int go[2], done[2], stay[2];
    char c;
    must(pipe(go) || pipe(done) || pipe(stay) ? -1 : 0, "pipe");
    for (int i = 0; i < count; i++) {
        pid_t child = (pid_t)must(fork(), "fork");
        if (child == 0) {
            close(go[1]), close(stay[1]);
            must(read(go[0], &c, 1), "read");           // all numbers are known
            if (by_number)
                greet_by_number(i, count);
            else
                greet_by_mailbox(count);
            must(write(done[1], "d", 1), "write");
            must(read(stay[0], &c, 1), "read");         // nobody leaves before
            _exit(0);
        }
        shared->number[i] = child;
    }
    close(go[1]);
    for (int i = 0; i < count; i++)
        must(read(done[0], &c, 1), "read");
    close(stay[1]);
    for (int i = 0; i < count; i++)
        must(waitpid(shared->number[i], NULL, 0), "waitpid");
    close(go[0]), close(done[0]), close(done[1]), close(stay[0]);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "links: one for every pair");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    box = (int)must(mbox_create(NULL), "mbox_create");
    say("A link belongs to exactly two processes, and two processes have one link. So\n"
        "if everybody talks to everybody by number, there are as many as pairs:");
    gap();
    say("  processes   links counted   n(n-1)/2    mailboxes");
    int before = lines_of("/proc/ipc/links");
    for (int n = 2; n <= MOST; n += n < 4 ? 1 : 2) {
        shared->links = shared->heard = 0;
        party(n, 1);
        party(n, 0);
        int links = shared->links / 2, pairs = n * (n - 1) / 2;
        say("  %5d %14d %14d %12d    %s", n, links, pairs, 1,
            mark(links == pairs && shared->heard == n * (n - 1), "right", "WRONG"));
    }
    gap();
    say("The mailbox carried as many greetings, and never knew how many we were. But\n"
        "whom a greeting in it was for, nobody could say.");
    say("With the processes their links went: /proc/ipc/links is %s.",
        mark(lines_of("/proc/ipc/links") == before, "as before", "LONGER"));
    close(box);
    return demo_end("let the children leave before the others are done. Who is told?",
                    "kernel/ipc/link.c, link_get() and link_settle()");
}
