/* pipeline.c - POSIX 2.9.2 Pipelines: "The standard output of command1 shall be
 * connected to the standard input of command2"; 3.363: standard input, output and error
 * are file descriptors 0, 1, 2. The commands are the system's own: sh, cat, wc, echo.
 */
/* FEATURE(6): a pipeline: programs that know nothing of each other co-operate */
/* FEATURE(90): descriptors 0, 1 and 2 are standard input, output and error */
/* FEATURE(91): cat does not know what is at its ends */
/* FEATURE(92): the | of the shell joins two commands */
/* FEATURE(93): the parent creates the pipe for its children */
#include "tap.h"

#include <sys/stat.h>

/* Runs command under sh with standard output and error into `out`, gives its status. */
static int shell(const char *command, char *out, size_t size) {
    int p[2];
    pid_t pid;
    size_t used = 0;
    ssize_t n;
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid) {
        need(dup2(p[1], 1) == 1 && dup2(p[1], 2) == 2);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(97);
    }
    close(p[1]);
    while ((n = read(p[0], out + used, size - 1 - used)) > 0)
        used += (size_t)n;
    out[used] = 0;
    close(p[0]);
    return wait_for(pid);
}

static void pipelines(void) {
    char out[200];
    is_exit(shell("echo one two three | wc -w", out, sizeof out), 0, "echo | wc");
    is_int(atoi(out), 3, "the | of the shell joins two commands");
    is_exit(shell("printf 'b\\na\\nc\\n' | sort | cat | head -n 2 | tail -n 1", out,
                  sizeof out),
            0, "five commands");
    ok(strcmp(out, "b\n") == 0,
       "a pipeline: programs that know nothing of each other co-operate");
    is_exit(shell("exit 3 | exit 5", out, sizeof out), 5,
            "the status of a pipeline is that of its last command");
    is_exit(shell("yes | head -n 1", out, sizeof out), 0, "an endless writer is ended");
    ok(strcmp(out, "y\n") == 0, "when nobody reads any more");
    is_exit(shell("echo out; echo err >&2", out, sizeof out), 0, "2>");
    ok(strstr(out, "out\n") && strstr(out, "err\n"),
       "descriptors 0, 1 and 2 are standard input, output and error");
}

/* What the shell does, by hand: pipe, fork twice, dup2, exec; then close one's own
 * ends. */
static void by_hand(void) {
    int middle[2], last[2];
    pid_t left, right;
    char out[16] = "";
    need(pipe2(middle, O_CLOEXEC) == 0 && pipe2(last, O_CLOEXEC) == 0);
    CHILD (left) {
        need(dup2(middle[1], 1) == 1);
        execl("/bin/sh", "sh", "-c", "echo hello", NULL);
    }
    CHILD (right) {
        need(dup2(middle[0], 0) == 0 && dup2(last[1], 1) == 1);
        execl("/bin/sh", "sh", "-c", "cat", NULL);
    }
    close(middle[0]);
    close(middle[1]);
    close(last[1]);
    need(read(last[0], out, sizeof out - 1) == 6);
    ok(strcmp(out, "hello\n") == 0, "the parent creates the pipe for its children");
    char c;
    is_int(read(last[0], &c, 1), 0,
           "both ends are closed when the last command is done");
    is_exit(wait_for(left), 0, "the left side ends well");
    is_exit(wait_for(right), 0, "and the right side");
    close(last[0]);
}

/* cat from {file, pipe, device} to {file, pipe, device}. */
static void ends(void) {
    static const char *const command[] = {
        "cat <$F >$G && cat $G",          "cat <$F | cat",
        "cat <$F >/dev/null && cat $G",   "cat $F | cat >$G && cat $G",
        "echo hello | cat >$G && cat $G", "cat </dev/null >$G; cat $F - </dev/null",
    };
    char dir[] = "/tmp/pipeline.XXXXXX", f[40], g[40], out[100];
    need(mkdtemp(dir));
    snprintf(f, sizeof f, "%s/f", dir);
    snprintf(g, sizeof g, "%s/g", dir);
    need(setenv("F", f, 1) == 0 && setenv("G", g, 1) == 0);
    int fd = open(f, O_CREAT | O_WRONLY, 0600), right = 0;
    need(fd >= 0 && write(fd, "hello\n", 6) == 6 && close(fd) == 0);
    for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
        int status = shell(command[i], out, sizeof out);
        right += status == 0 && strcmp(out, "hello\n") == 0;
    }
    is_int(right, 6, "cat does not know what is at its ends");
    unlink(f);
    unlink(g);
    rmdir(dir);
}

/* "0 STDIN_FILENO ..."; open takes the lowest free number, so a closed 0 is
 * replaced. */
static void numbers(void) {
    pid_t pid;
    is_int(fileno(stdin) * 100 + fileno(stdout) * 10 + fileno(stderr), 12,
           "stdin is 0, stdout 1, stderr 2");
    CHILD (pid) {
        close(0);
        need(open("/dev/null", O_RDONLY) == 0);
        close(1);
        need(dup(2) == 1);
    }
    is_exit(wait_for(pid), 0, "the lowest free number is taken: redirection");
}

int main(void) {
    numbers();
    pipelines();
    by_hand();
    ends();
    return done_testing();
}
