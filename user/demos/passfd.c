/* passfd.c - an open file travels inside a message, from process to process.
 * Order: 49
 *
 * A descriptor is a number that means something to one process only. Sent as SCM_RIGHTS
 * over a socket, the kernel gives the receiver a number of its own for the same open
 * file: with its rights, and with its place in the file.
 * FEATURE(117)
 */
#define _GNU_SOURCE                     // for pipe2
#include "demo.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum { CHILD = 0, PARENT = 1 };         // ends of the pair, by who uses them

union control {
    struct cmsghdr head;
    char space[CMSG_SPACE(2 * sizeof(int))];
};

/* One byte, because a stream carries no empty messages, and up to two descriptors. */
static void pass(int to, const int *fds, size_t count) {
    union control c = { .head = { .cmsg_len = CMSG_LEN(count * sizeof(int)),
                                  .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
    struct iovec byte = { (char[]){ '!' }, 1 };
    struct msghdr m = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &c,
                        .msg_controllen = c.head.cmsg_len };
    memcpy(CMSG_DATA(&c.head), fds, count * sizeof(int));
    must(sendmsg(to, &m, 0), "sendmsg");
}

static int receive(int from) {
    union control c;
    char byte;
    int fd = -1;
    struct iovec v = { &byte, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
                        .msg_controllen = sizeof c };
    must(recvmsg(from, &m, 0), "recvmsg");
    if (CMSG_FIRSTHDR(&m))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

static const char *refusal(ssize_t result) {
    return mark(result == -1, strerror(errno), "IT WORKED");
}

/* The parent waits for a byte after each part, so the lines come in order. */
static void child(int mine, ino_t inode) {
    char text[8] = "";
    struct stat status;
    for (int fd = 20; fd < 25; fd++)
        dup2(mine, fd);                 // so that its numbers are others
    say("  child:  open \"note\": %s", refusal(open("note", O_RDONLY)));
    must(write(mine, "1", 1), "write");
    int fd = receive(mine);
    must(fstat(fd, &status), "fstat");
    must(read(fd, text, 5), "read");
    say("  child:  I got number %s, which is %s. It begins \"%s\"", some(fd),
        mark(status.st_ino == inode, "the same file", "ANOTHER FILE"), text);
    say("          and cannot be written: %s", refusal(write(fd, "x", 1)));
    must(write(mine, "2", 1), "write");
    _exit(demo.wrong);
}

/* A socket in its own queue, and a pipe's end that tells when all is gone. */
static void circle(void) {
    int pair[2], other[2], canary[2], left = 10000;
    struct timespec moment = { .tv_nsec = 1000000 };
    char c;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    must(pipe2(canary, O_NONBLOCK), "pipe2");
    pass(pair[0], (int[]){ pair[1], canary[1] }, 2);
    close(pair[0]), close(pair[1]), close(canary[1]);
    while (read(canary[0], &c, 1) != 0 && left-- > 0) {
        // Linux looks for circles in the background, when a socket is closed
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, other), "socketpair");
        close(other[0]), close(other[1]);
        nanosleep(&moment, NULL);
    }
    say("I put a socket into its own queue, with the end of a pipe, and close all I\n"
        "have. Nobody can receive it, yet each holds the next. The pipe's reader sees\n"
        "%s: the kernel looked which queues anybody can reach.",
        mark(left > 0, "the end", "NO END"));
    close(canary[0]);
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/passfd.XXXXXX", rest[16] = "", byte;
    int pair[2], status;
    struct stat file;
    demo_start(argc, argv, "passfd: an open file inside a message");
    must(mkdtemp(folder) ? 0 : -1, folder);
    must(chdir(folder), folder);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    int writer = (int)must(open("note", O_WRONLY | O_CREAT, 0600), "note");
    must(write(writer, "Hello, world", 12), "write");
    int note = (int)must(open("note", O_RDONLY), "note");
    must(fstat(note, &file), "fstat");
    expect(unlink("note") == 0);
    say("A file without a name, open in one process only, to read: here it is %s.",
        some(note));
    pid_t other = (pid_t)must(fork(), "fork");
    if (other == 0) {
        close(note), close(writer), close(pair[PARENT]);
        child(pair[CHILD], file.st_ino);
    }
    close(pair[CHILD]);
    must(read(pair[PARENT], &byte, 1), "read");
    say("  parent: I send it my open file.");
    pass(pair[PARENT], &note, 1);
    must(read(pair[PARENT], &byte, 1), "read");
    must(read(note, rest, sizeof rest - 1), "read");
    must(waitpid(other, &status, 0), "waitpid");
    say("  parent: I read on where the child stopped: \"%s\"",
        mark(strcmp(rest, ", world") == 0, rest, "SOMETHING ELSE"));
    say("Two numbers in two processes, one open file: one place in it, one set of\n"
        "rights.");
    expect(status == 0);
    gap();
    circle();
    expect(rmdir(folder) == 0);
    return demo_end("send the descriptor and close the socket unread. Who closes it?",
                    "kernel/fs/passed_files.h, how a circle is found");
}
