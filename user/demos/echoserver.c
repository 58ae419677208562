/* echoserver.c - one process serves many clients, each on a socket of its own.
 * Order: 48
 *
 * A listening socket is only a door with a name on it. Each accept gives a new socket,
 * for one client and both directions; poll waits for the door and all of them at once.
 * FEATURE(109, 122)
 */
#define _GNU_SOURCE                     // for struct ucred
#include "demo.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS 3
#define ROUNDS  4

static const struct sockaddr_un door = { AF_UNIX, "door" };

static struct {
    pid_t pid;
    int fd;                             /* -1: not there yet, or gone */
    int bytes;
} served[CLIENTS];

static int new_socket(void) {
    return (int)must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
}

static int dial(int fd) {
    return connect(fd, (const struct sockaddr *)&door, sizeof door);
}

/* A client: its lines must come back. Then it shuts its writing half, and still hears
 * the goodbye. Exit status: what went wrong. */
static void client(int i) {
    char line[32], back[32];
    int fd = new_socket(), wrong = dial(fd) != 0;
    for (int round = 0; round < ROUNDS; round++) {
        int n = snprintf(line, sizeof line, "line %d of client %d", round, i);
        wrong += write(fd, line, (size_t)n) != n
                 || recv(fd, back, (size_t)n, MSG_WAITALL) != n
                 || memcmp(line, back, (size_t)n);
    }
    shutdown(fd, SHUT_WR);
    wrong += recv(fd, back, 8, MSG_WAITALL) != 7 || memcmp(back, "goodbye", 7);
    _exit(wrong);
}

/* Nobody says who he is; the kernel knows. */
static void let_in(int listener) {
    struct ucred who;
    socklen_t size = sizeof who;
    int fd = (int)must(accept(listener, NULL, NULL), "accept");
    must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size), "SO_PEERCRED");
    for (int i = 0; i < CLIENTS; i++)
        if (served[i].pid == who.pid)
            served[i].fd = fd;
}

/* Gives back what came; after the client's last byte says goodbye. 1: that one left. */
static int answer(int i) {
    char buffer[256];
    ssize_t n = read(served[i].fd, buffer, sizeof buffer);
    if (n > 0) {
        expect(write(served[i].fd, buffer, (size_t)n) == n);
        served[i].bytes += (int)n;
        return 0;
    }
    expect(n == 0 && write(served[i].fd, "goodbye", 7) == 7);
    close(served[i].fd), served[i].fd = -1;
    return 1;
}

static void serve(int listener) {
    for (int left = CLIENTS; left > 0;) {
        struct pollfd wait[CLIENTS + 1] = { { listener, POLLIN, 0 } };
        for (int i = 0; i < CLIENTS; i++)
            wait[i + 1] = (struct pollfd){ served[i].fd, POLLIN, 0 };
        must(poll(wait, CLIENTS + 1, -1), "poll");
        for (int i = 0; i < CLIENTS; i++)
            if (wait[i + 1].revents)
                left -= answer(i);
        if (wait[0].revents)
            let_in(listener);
    }
}

static const char *refusal(int result) {
    return mark(result == -1, strerror(errno), "IT WORKED");
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/echo.XXXXXX", early[8] = "";
    struct stat status;
    demo_start(argc, argv, "echoserver: one process, many clients");
    must(mkdtemp(folder) ? 0 : -1, folder);
    must(chdir(folder), folder);
    umask(022);
    int listener = new_socket(), first = new_socket();
    must(bind(listener, (const struct sockaddr *)&door, sizeof door), "bind");
    must(stat("door", &status), "door");
    say("socket, bind: the name \"door\" is a file now, of type %s and mode %o.",
        mark(S_ISSOCK(status.st_mode), "socket", "SOMETHING ELSE"),
        (unsigned)status.st_mode & 07777);
    say("  before listen        connect: %s", refusal(dial(first)));
    must(listen(listener, CLIENTS), "listen");
    say("  after listen         connect: %s, and write as well",
        mark(dial(first) == 0 && write(first, "early", 5) == 5, "it works", "NO"));
    int inside = (int)must(accept(listener, NULL, NULL), "accept");
    must(read(inside, early, 7), "read");
    say("  accept gives a new socket, in whose queue waits what was sent: \"%s\"",
        early);
    close(first), close(inside);
    gap();
    for (int i = 0; i < CLIENTS; i++) {
        served[i].fd = -1;
        served[i].pid = (pid_t)must(fork(), "fork");
        if (served[i].pid == 0)
            client(i + 1);
    }
    say("%d clients come at once. I poll the door and all of them, and echo.", CLIENTS);
    serve(listener);
    for (int i = 0; i < CLIENTS; i++) {
        int end;
        must(waitpid(served[i].pid, &end, 0), "waitpid");
        say("  %s: %d bytes back, and a goodbye; it %s", pid(served[i].pid),
            served[i].bytes, mark(end == 0, fate(end), fate(end)));
    }
    say("Who they are the kernel says (SO_PEERCRED), and not they.");
    gap();
    close(listener);
    first = new_socket();
    say("I close the door. connect: %s,", refusal(dial(first)));
    expect(unlink("door") == 0);
    say("and when the name is removed too: %s.", refusal(dial(first)));
    expect(rmdir(folder) == 0);
    return demo_end("echo twice. Who notices, and how?",
                    "kernel/posix/socket_calls.c, where two sockets come together");
}
