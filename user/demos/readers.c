/* readers.c - readers and writers: who waits for whom, and who waits for ever.
 * Order: 95
 *
 * Any number may read at a time, a writer must be alone. The first solution of the
 * textbooks is right and unfair: while readers come and go, one of them is always
 * inside, and the writer starves. A turnstile in front of both makes it fair.
 *
 * FEATURE(79)
 */
#include "sets.h"
#include <sys/mman.h>

enum { ROOM, MUTEX, TURNSTILE, COUNT }; /* ROOM: who is inside owns it */

static struct shared {
    int readers;                        /* inside; MUTEX protects it */
    int page;                           /* what is read and written */
    int fair;
} * shared;

/* down() and up() would be undone for the wrong one here: the first reader takes the
 * room, but the last one gives it back. So take() and give(). */
static void begin_read(void) {
    if (shared->fair) {
        take(TURNSTILE);                // wait behind a writer that waits
        give(TURNSTILE);
    }
    take(MUTEX);
    if (shared->readers++ == 0)
        take(ROOM);                     // the first one keeps writers out
    give(MUTEX);
}

static void end_read(void) {
    take(MUTEX);
    if (--shared->readers == 0)
        give(ROOM);                     // the last one lets them in
    give(MUTEX);
}

static void write_page(void) {
    if (shared->fair)
        take(TURNSTILE);                // nobody passes until I am inside
    take(ROOM);
    say("    the writer is in and writes page %d", ++shared->page);
    give(ROOM);
    if (shared->fair)
        give(TURNSTILE);
}

/* A process that comes when it is told to, and goes when it is told to. */
struct person {
    const char *name;
    pid_t pid;
    int in[2], leave[2];
};

static void reader(struct person *p) {
    char c;
    must(pipe(p->in), "pipe");
    must(pipe(p->leave), "pipe");
    p->pid = (pid_t)must(fork(), "fork");
    if (p->pid != 0)
        return;
    begin_read();
    say("    %s is in and reads page %d", p->name, shared->page);
    must(write(p->in[1], "!", 1), "write");
    must(read(p->leave[0], &c, 1), "read");
    say("    %s leaves", p->name);
    end_read();
    _exit(0);
}

static void is_in(struct person *p) {
    char c;
    must(read(p->in[0], &c, 1), "read");
}

static void leave(struct person *p) {
    must(write(p->leave[1], "!", 1), "write");
    must(waitpid(p->pid, NULL, 0), "waitpid");
    for (int i = 0; i < 2; i++) {
        close(p->in[i]);
        close(p->leave[i]);
    }
}

static pid_t writer(void) {
    pid_t pid = (pid_t)must(fork(), "fork");
    if (pid == 0) {
        write_page();
        _exit(0);
    }
    until_waiting(ROOM, 1);
    say("    the writer waits for the room");
    return pid;
}

/* Two readers relieve each other, so that one of them is always inside. */
static void run(int fair) {
    struct person a = { .name = "reader A" }, b = { .name = "reader B" };
    *shared = (struct shared){ .fair = fair };
    reader(&a);
    is_in(&a);
    pid_t w = writer();
    reader(&b);
    if (fair) {
        until_waiting(TURNSTILE, 1);
        say("    reader B waits behind the writer");
        leave(&a);
        is_in(&b);
    } else {
        is_in(&b);
        leave(&a);
        expect(waiting(ROOM) == 1 && shared->page == 0);
        say("    and the writer still waits. This can go on for ever.");
    }
    leave(&b);
    must(waitpid(w, NULL, 0), "waitpid");
    expect(shared->page == 1 && shared->readers == 0 && value(ROOM) == 1);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "readers and writers: right is not yet fair");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    make_set((int[]){ 1, 1, 1 }, COUNT);
    say("Readers come in as long as a reader is in:");
    run(0);
    say("With a turnstile, where a writer holds up those who come later:");
    run(1);
    drop_set();
    return demo_end("kill a reader inside. What is missing, and would SEM_UNDO do it?",
                    "kernel/posix/sysv_sem.c; pthread_rwlock is the C library's own");
}
