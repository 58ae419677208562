/* lspipe.c - `ls | more` built by hand from pipe, fork, dup2, close and exec.
 * Order: 30
 *
 * First the rules of a pipe, each tried out: one way only, limited, and what an end of
 * file really is. Then what a shell does when somebody types the bar.
 * FEATURE(6, 84, 85, 86, 87, 90, 91, 92, 93, 94)
 */
#include "demo.h"
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

enum { READ_END = 0, WRITE_END = 1 };

/* What errno says of a call that has to fail. */
static const char *refusal(ssize_t result) {
    return mark(result == -1, strerror(errno), "IT WORKED");
}

/* Writes until a writer would have to sleep, and tells how many bytes that took. */
static int fill(int end) {
    char block[512] = "";
    int total = 0;
    fcntl(end, F_SETFL, O_NONBLOCK);
    for (ssize_t n; (n = write(end, block, sizeof block)) > 0; total += (int)n)
        ;
    expect(errno == EAGAIN && total >= PIPE_BUF);
    return total;
}

static int drain(int end) {
    char block[512];
    int total = 0;
    for (ssize_t n; (n = read(end, block, sizeof block)) > 0; total += (int)n)
        ;
    return total;
}

/* What happens to a process that writes where nobody can ever read. */
static const char *write_to_nobody(int end) {
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(write(end, "?", 1) != 1);
    must(waitpid(child, &status, 0), "waitpid");
    return mark(WIFSIGNALED(status), fate(status), "NOTHING");
}

static void try_the_rules(void) {
    char c;
    int end[2], took;
    must(pipe(end), "pipe");
    say("0, 1 and 2 are standard input, output and error. pipe() gave me %d and %d:",
        end[READ_END], end[WRITE_END]);
    say("  write to %d        %s", end[0], refusal(write(end[READ_END], "?", 1)));
    say("  read from %d       %s, for a pipe goes one way", end[1],
        refusal(read(end[WRITE_END], &c, 1)));
    fcntl(end[READ_END], F_SETFL, O_NONBLOCK);          // ask, do not sleep
    say("  read when empty   %s: a reader would sleep", refusal(read(end[0], &c, 1)));
    took = fill(end[WRITE_END]);
    say("  write until full  a writer would sleep after %s bytes", some(took));
    close(end[WRITE_END]);
    expect(drain(end[READ_END]) == took);
    say("  no writer left    I read all that, then %s: the end of the file",
        mark(read(end[READ_END], &c, 1) == 0, "0 bytes", "NOTHING GOOD"));
    close(end[READ_END]);
    must(pipe(end), "pipe");
    close(end[READ_END]);
    say("  no reader left    a process that writes is %s", write_to_nobody(end[1]));
    close(end[WRITE_END]);
}

/* A child that becomes `program`, with `in` and `out` as its descriptors 0 and 1. First
 * it closes the ends of the pipe under their old numbers: it has them as 0 or 1. */
static pid_t start(const char *program, int in, int out, const int *ends) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child != 0)
        return child;
    dup2(in, 0);
    dup2(out, 1);
    close(ends[READ_END]);
    close(ends[WRITE_END]);
    execlp(program, program, (char *)NULL);
    _exit(127);
}

static const char *finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    return mark(status == 0, fate(status), fate(status));
}

static void ls_more(void) {
    int end[2];
    must(pipe(end), "pipe");
    say("Now `ls | more`. I make a pipe, %d and %d, for two children to inherit:\n"
        "  child 1   dup2(%d, 1), exec ls     which writes to 1, whatever that is\n"
        "  child 2   dup2(%d, 0), exec more   which reads from 0, whatever that is",
        end[READ_END], end[WRITE_END], end[WRITE_END], end[READ_END]);
    pid_t ls = start("ls", 0, end[WRITE_END], end);
    pid_t more = start("more", end[READ_END], 1, end);
    close(end[READ_END]);
    close(end[WRITE_END]);                              // else more never sees the end
    const char *end_of_ls = finish(ls);
    say("ls %s, more %s.", end_of_ls, finish(more));
}

/* ls once more, into a pipe and into a file: it does not know which. */
static void compare_outputs(void) {
    int end[2], file = (int)must(open("out", O_RDWR | O_CREAT, 0600), "out");
    struct stat status;
    unlink("out");                                      // or ls would list it
    must(pipe(end), "pipe");
    finish(start("ls", 0, file, end));
    must(fstat(file, &status), "fstat");
    finish(start("ls", 0, end[WRITE_END], end));
    close(end[WRITE_END]);
    int piped = drain(end[READ_END]);
    say("Into a pipe ls writes %d bytes, into a file %s.", piped,
        mark(status.st_size == piped, "the same", "SOMETHING ELSE"));
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/lspipe.XXXXXX";
    demo_start(argc, argv, "lspipe: what a shell does for `ls | more`");
    must(mkdtemp(folder) ? 0 : -1, folder);
    must(chdir(folder), folder);
    must(system("touch apple banana cherry") ? -1 : 0, "touch");
    try_the_rules();
    gap();
    ls_more();
    compare_outputs();
    say("And a shell spares us all this. ls | sort -r | head -n 1 answers:");
    expect(system("ls | sort -r | head -n 1") == 0);
    expect(system("rm apple banana cherry") == 0 && rmdir(folder) == 0);
    return demo_end("keep WRITE_END open in ls_more(). Why does more never end?",
                    "kernel/ipc/pipe.c, where readers and writers wait for each other");
}
