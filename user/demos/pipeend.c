/* pipeend.c - the forgotten end of a pipe, and who waits because of it.
 * Order: 33
 *
 * A reader sees the end when the last writer has closed; a writer is stopped by a
 * signal when the last reader has. fork() hands on both ends. Who keeps the one it does
 * not need is a writer, or a reader, itself, and waits for what only it could do.
 *
 * FEATURE(85, 87, 94)
 */
#include "demo.h"

enum { READ_END, WRITE_END, NOTHING };

static const char *const names[] = { "read", "write", "nothing" };

/* Whether that process has the descriptor open. */
static int holds(pid_t process, int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process, fd);
    return access(path, F_OK) == 0;
}

/* Reads to the end; tells when the five bytes have come. Leaves with their number. */
static void read_all(int from, int tell) {
    char bytes[16];
    int seen = 0;
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
        if ((seen += (int)n) == 5)
            must(write(tell, "!", 1), "write");
    _exit(seen);
}

static void write_for_ever(int to, int tell) {
    static char block[4096];
    must(write(tell, "!", 1), "write");
    while (write(to, block, sizeof block) > 0)
        ;
    _exit(1);
}

static int end[2];                      /* the pipe */

/* A child at the end `own` that forgets to close another one. Back when it is at work
 * and the ends that I had are closed, but for `mine`. */
static pid_t start(int own, int forgets, int mine) {
    int said[2];
    char c;
    must(pipe(end), "pipe");
    must(pipe(said), "pipe");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        if (forgets == NOTHING)
            close(end[!own]);
        if (own == READ_END)
            read_all(end[READ_END], said[1]);
        write_for_ever(end[WRITE_END], said[1]);
    }
    if (own == READ_END)
        must(write(end[WRITE_END], "hello", 5), "write");
    must(read(said[0], &c, 1), "read");
    for (int i = 0; i < 2; i++) {
        close(said[i]);
        if (i != mine)
            close(end[i]);
    }
    return child;
}

static const char *finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    return fate(status);
}

static void row(int own, int forgets, const char *what, const char *outcome) {
    say("  %-8s %-9s  %-24s %s", own == READ_END ? "reader" : "writer", names[forgets],
        what, outcome);
}

static void as_it_should_be(int own) {
    pid_t child = start(own, NOTHING, NOTHING);
    const char *how = finish(child);
    const char *want = own == READ_END ? "left with 5" : "killed by signal 13";
    row(own, NOTHING, mark(strcmp(how, want) == 0, how, how),
        own == READ_END ? "five bytes, then the end" : "SIGPIPE: nobody can read");
}

static void forgotten(int own) {
    pid_t child = start(own, !own, NOTHING);
    until_state(child, 'S');            // it is the only one that has the pipe
    int guilty = holds(child, end[own]) && holds(child, end[!own]);
    row(own, !own, own == READ_END ? "sleeps in read()" : "sleeps in write()",
        mark(guilty, "for ever: it has both ends", "STRANGE"));
    kill(child, SIGKILL);
    finish(child);
}

/* The child does everything right, and yet: who made the pipe has an end, too. */
static void my_mistake(void) {
    pid_t child = start(READ_END, NOTHING, WRITE_END);
    until_state(child, 'S');
    say("And if the one who forgets is the parent, as in a shell? The child has no\n"
        "write end: %s. It has read the five bytes, and sleeps in read().",
        mark(!holds(child, end[WRITE_END]), "true", "IT HAS"));
    close(end[WRITE_END]);
    const char *how = finish(child);
    say("I close mine, and it has %s.",
        mark(strcmp(how, "left with 5") == 0, how, how));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "pipeend: the end that was not closed");
    say("A child is at one end of a pipe, I at the other; when it works I close mine.\n"
        "For each end of its own it should have closed the other one.");
    gap();
    say("  child    forgets    what happens to it");
    as_it_should_be(READ_END);
    forgotten(READ_END);
    as_it_should_be(WRITE_END);
    forgotten(WRITE_END);
    gap();
    my_mistake();
    gap();
    say("The kernel counts open ends, and does not guess who means to use his.\n"
        "In Parley `why PID` says of such a sleeper that it waits for itself.");
    return demo_end("let the child exec `sleep` with an end open; then use FD_CLOEXEC.",
                    "kernel/ipc/pipe.c: where `readers` and `writers` become 0");
}
