/* passing.c - a descriptor in a message: lending a right without giving a key.
 * Order: 59
 *
 * A student may not open a file of root's. Somebody who may opens it for reading, and
 * sends the student the descriptor.
 *
 * FEATURE(117)
 */
#define _GNU_SOURCE
#include "demo.h"
#include <fcntl.h>
#include <grp.h>
#include <parley.h>

enum { STUDENT = 1000 };

static pid_t me;
static char path[] = "/tmp/secret.XXXXXX";

/* What errno says of a call that has to fail. */
static const char *refusal(long result) {
    return mark(result == -1, strerror(errno), "IT WORKED");
}

static void student(void) {
    char text[32] = "";
    int fds[MSG_FDS_MAX];
    struct msg m = { .fds = fds };
    must(setgroups(0, NULL) || setgid(STUDENT) || setuid(STUDENT) ? -1 : 0, "setuid");
    say("  student: open the file           %s", refusal(open(path, O_RDONLY)));
    must(msg_receive(me, &m, 0, FOREVER), "msg_receive");
    say("  student: I am sent %u descriptor; here it has the number %s", m.nfds,
        some(fds[0]));
    must(read(fds[0], text, 6), "read");
    say("  student: read 6 bytes            \"%s\"", text);
    say("  student: write to it             %s", refusal(write(fds[0], "x", 1)));
    say("  student: open the file           %s", refusal(open(path, O_RDONLY)));
    must(msg_receive(me, &m, 0, FOREVER), "msg_receive");
    must(read(fds[0], text, 6), "read");
    say("  student: it is closed there. I read on   \"%s\"", text);
    _exit(demo.wrong);
}

/* A pipe's only writing end travels in a message that nobody takes. */
static void lost(void) {
    int ends[2];
    char c;
    must(pipe(ends), "pipe");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        struct link_attr room = { .capacity = 1 };
        close(ends[1]);
        must(link_open(me, &room), "link_open");
        must(msg_send(me, &(struct msg){ 0 }, 0, FOREVER), "msg_send");
        raise(SIGSTOP);                 // takes nothing, until it is killed
        _exit(0);
    }
    struct msg m = { 0 }, end = { .nfds = 1, .fds = &ends[1] };
    must(msg_receive(child, &m, 0, FOREVER), "msg_receive");
    must(msg_send(child, &end, 0, FOREVER), "msg_send");
    close(ends[1]);
    kill(child, SIGKILL);
    must(waitpid(child, NULL, 0), "waitpid");
    say("A message that is thrown away closes what is in it: the reader of a pipe\n"
        "whose writing end was in such a message finds %s.",
        mark(read(ends[0], &c, 1) == 0, "the end of the file", "SOMETHING"));
    close(ends[0]);
}

int main(int argc, char **argv) {
    int status;
    demo_start(argc, argv, "passing: a descriptor in a message");
    me = getpid();
    if (geteuid() != 0) {
        say("Only root can become a student: start it as root.");
        return 1;
    }
    int fd = (int)must(mkstemp(path), "mkstemp");       // mode 0600
    must(write(fd, "first second", 12), "write");
    close(fd);
    fd = (int)must(open(path, O_RDONLY), "open");
    say("A file of mine that others may not open, and a student:");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        close(fd);
        student();
    }
    struct msg m = { .nfds = 1, .fds = &fd };
    must(msg_send(child, &m, 0, FOREVER), "msg_send");
    close(fd);                          // the student's lives on
    m.nfds = 0;
    must(msg_send(child, &m, 0, FOREVER), "msg_send");
    must(waitpid(child, &status, 0), "waitpid");
    expect(status == 0);
    unlink(path);
    gap();
    say("What was sent is a duplicate: the same open file, with its offset, and with\n"
        "the right that it was opened with. A name would have been worth nothing.");
    lost();
    return demo_end("send a descriptor that is open for writing, too",
                    "kernel/fs/passed_files.c, and kernel/ipc/message.c");
}
