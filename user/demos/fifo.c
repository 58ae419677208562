/* fifo.c - a conversation of strangers through two FIFOs, found by their names.
 * Order: 34
 *
 * Two programs that have nothing in common but a folder ask and answer. Who opens a
 * FIFO waits until somebody opens the other end, and the name outlives all of them.
 *
 * FEATURE(42, 88)
 */
#include "demo.h"
#include <fcntl.h>
#include <sys/stat.h>

static const char question[] = "question", answer[] = "answer";

/* A line from the FIFO, without its end. Result: its length; 0: nobody writes more. */
static int hear(FILE *from, char *line, int size) {
    if (!fgets(line, size, from))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return (int)strlen(line);
}

static void utter(FILE *to, const char *line) {
    must(fprintf(to, "%s\n", line) > 0 && fflush(to) == 0 ? 0 : -1, "writing");
}

static FILE *use(const char *name, const char *how) {
    FILE *file = fopen(name, how);
    must(file ? 0 : -1, name);
    return file;
}

/* Turns the words around, until nobody asks any more. Leaves with how many it had. */
static void echo_backwards(void) {
    char line[64], turned[64];
    int heard = 0;
    FILE *in = use(question, "r"), *out = use(answer, "w");
    for (int n; (n = hear(in, line, sizeof line)) > 0; heard++) {
        for (int i = 0; i <= n; i++)
            turned[i] = i < n ? line[n - 1 - i] : '\0';
        utter(out, turned);
    }
    _exit(heard);
}

static void ask(void) {
    static const char *const lines[][2] = { { "stop", "pots" },
                                            { "drawer", "reward" } };
    char line[64];
    FILE *out = use(question, "w"), *in = use(answer, "r");
    for (int i = 0; i < 2; i++) {
        utter(out, lines[i][0]);
        hear(in, line, sizeof line);
        say("  asks: %-8s hears: %s", lines[i][0],
            mark(strcmp(line, lines[i][1]) == 0, line, line));
    }
    _exit(demo.wrong);
}

static pid_t start(void (*role)(void)) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        role();
    return child;
}

static int finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void look(const char *when) {
    struct stat status;
    must(stat(question, &status), question);
    say("%s: %s, %d bytes, mode %03o.", when,
        mark(S_ISFIFO(status.st_mode), "a FIFO", "NO FIFO"), (int)status.st_size,
        status.st_mode & 0777);
    expect(status.st_size == 0);
}

static void rules(void) {
    int fd = open(question, O_WRONLY | O_NONBLOCK);
    say("To write, with nobody there to read: %s.",
        mark(fd == -1 && errno == ENXIO, strerror(errno), "IT WORKED"));
    fd = open(question, O_RDONLY | O_NONBLOCK);
    char c;
    say("To read, without waiting for a writer: %s, and a read gets %d bytes.",
        mark(fd >= 0, "open", "REFUSED"), (int)read(fd, &c, 1));
    close(fd);
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/fifo.XXXXXX";
    demo_start(argc, argv, "fifo: strangers who know a name");
    must(mkdtemp(folder) ? 0 : -1, folder);
    must(chdir(folder), folder);
    umask(0);
    must(mkfifo(question, 0600), question);
    must(mkfifo(answer, 0600), answer);
    look("mkfifo made \"question\"");
    rules();
    gap();
    pid_t server = start(echo_backwards);
    until_state(server, 'S');
    say("A stranger opens it to read, and sleeps: nobody writes yet.");
    say("Another one opens it to write. That wakes the first; and they talk:");
    expect(finish(start(ask)) == 0);
    int heard = finish(server);
    say("The asker has left; the other one saw the end and left, after %s questions.",
        mark(heard == 2, "2", "OTHER"));
    gap();
    look("Both are gone, the name is still there");
    server = start(echo_backwards);
    expect(finish(start(ask)) == 0);
    heard = finish(server);
    say("So the next two found it: %s.", mark(heard == 2, "they talked", "NOTHING"));
    expect(unlink(question) == 0 && unlink(answer) == 0 && rmdir(folder) == 0);
    say("No byte was ever in the folder: the name leads to a pipe, to memory.");
    return demo_end("let both open `answer` first. Who waits for whom? Ask `why`.",
                    "kernel/ipc/pipe.c: opening a FIFO waits for the other side");
}
