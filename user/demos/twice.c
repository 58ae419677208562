/* twice.c - text in a buffer is doubled by fork.
 * Order: 35
 *
 * printf() does not write: it puts text into the process's memory, until there is
 * enough of it. fork() copies that memory, and at exit() both copies are written. The
 * wrong program prints once and is read twice; three right ones are not.
 *
 * FEATURE(12)
 */
#include "demo.h"

static const char text[] = "Paid 100 crowns.\n";

static pid_t fork_and_exit(int with) {
    pid_t child = fork();
    if (child == 0 && with)
        exit(0);                        // writes what is in the buffers, and ends
    if (child == 0)
        _exit(0);                       // just ends
    return child;
}

static void wrong(FILE *out) {
    fprintf(out, "%s", text);
    waitpid(fork_and_exit(1), NULL, 0);
}

static void flush_before(FILE *out) {
    fprintf(out, "%s", text);
    fflush(out);
    waitpid(fork_and_exit(1), NULL, 0);
}

static void leave_quietly(FILE *out) {
    fprintf(out, "%s", text);
    waitpid(fork_and_exit(0), NULL, 0);
}

static void by_lines(FILE *out) {
    setvbuf(out, NULL, _IOLBF, BUFSIZ);
    fprintf(out, "%s", text);
    waitpid(fork_and_exit(1), NULL, 0);
}

/* How often it is in the buffer. */
static int find(const char *buffer, size_t size) {
    size_t length = strlen(text);
    int found = 0;
    for (size_t i = 0; i + length <= size; i++)
        found += memcmp(buffer + i, text, length) == 0;
    return found;
}

/* Runs the program with its output in a pipe. Result: how often the text came out. */
static int count(void (*program)(FILE *)) {
    char all[256];
    size_t length = 0;
    int end[2];
    must(pipe(end), "pipe");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        close(end[0]);
        program(fdopen(end[1], "w"));
        exit(0);
    }
    close(end[1]);
    for (ssize_t n; (n = read(end[0], all + length, sizeof all - length)) > 0;)
        length += (size_t)n;
    must(waitpid(child, NULL, 0), "waitpid");
    close(end[0]);
    return find(all, length);
}

/* Where the text is between printf and exit: in memory that fork copies. */
static void show_buffer(void) {
    static char buffer[64];
    int status;
    FILE *out = fopen("/dev/null", "w");
    must(out ? 0 : -1, "/dev/null");
    setvbuf(out, buffer, _IOFBF, sizeof buffer);
    fprintf(out, "%s", text);
    say("I gave stdio a buffer of %d bytes and printed a line. It is now %s.",
        (int)sizeof buffer,
        mark(find(buffer, sizeof buffer) == 1, "in there", "NOWHERE"));
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(find(buffer, sizeof buffer));
    must(waitpid(child, &status, 0), "waitpid");
    say("And since fork it is in a child's buffer, %s. Nobody has written a byte.",
        mark(WEXITSTATUS(status) == 1, "too", "NOT"));
    fclose(out);
}

int main(int argc, char **argv) {
    static const struct {
        void (*program)(FILE *);
        int times;
        const char *text;
    } programs[] = {
        { wrong, 2, "printf, fork, both exit()" },
        { flush_before, 1, "printf, fflush, fork, both exit()" },
        { leave_quietly, 1, "printf, fork, the child leaves by _exit()" },
        { by_lines, 1, "as the first, but lines leave at once" },
    };
    demo_start(argc, argv, "twice: printed once, read twice");
    show_buffer();
    gap();
    say("Four programs print that line once and fork once. How often does it arrive?");
    for (int i = 0; i < 4; i++) {
        int times = count(programs[i].program);
        say("  %-42s %s%s", programs[i].text,
            mark(times == programs[i].times, times == 1 ? "once" : "twice", "STRANGE"),
            i ? "" : "    <- the wrong one");
    }
    gap();
    say("The fourth is what stdio does by itself if the output is a terminal. So the\n"
        "mistake is not seen there: it comes with `program > file`, or with a pipe.");
    return demo_end("print \"Paid\" without an end of line in by_lines().",
                    "kernel/proc/fork.c: all memory is the child's, buffers included");
}
