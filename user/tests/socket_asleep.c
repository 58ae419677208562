/* socket_asleep.c - POSIX recv(): "If no messages are available at the socket and
 * O_NONBLOCK is not set on the socket's file descriptor, recv() shall block until a
 * message arrives"; recv(2), MSG_PEEK, MSG_WAITALL, MSG_TRUNC. What arrives while the
 * receiver sleeps is what would have been there if it had come late.
 */
#include "socket.h"

#include <sys/uio.h>

static int p[2];
static pid_t pid;
static char page[8192];

/* In the child, which goes to sleep in it: receives and compares. */
static void gets(int flags, size_t room, ssize_t result, const char *text) {
    char *to = page + 4096 - 2;         // most of it in the next page
    memset(page, 0, sizeof page);
    ssize_t n = recv(p[1], to, room, flags);
    need(n == result && memcmp(to, text, strlen(text)) == 0);
    need(to[strlen(text)] == 0);
}

/* The parent sends these one by one, each to a child that sleeps. */
static void sends(const char *const *texts) {
    for (; *texts; texts++) {
        until_asleep(pid);
        need(send(p[0], *texts, strlen(*texts), 0) == (ssize_t)strlen(*texts));
    }
}

#define SENDS(...) sends((const char *const[]){ __VA_ARGS__, NULL })

static void streams(void) {
    pair(SOCK_STREAM, p);
    CHILD (pid) {
        gets(0, 4, 1, "a");
        gets(0, 4, 4, "bcde");
        gets(0, 4, 2, "fg");
    }
    SENDS("a", "bcdefg");
    is_exit(wait_for(pid), 0, "a reader who sleeps gets what fits, the rest stays");
    CHILD (pid)
        gets(MSG_WAITALL, 9, 9, "threetwo!");
    SENDS("three", "two", "!");
    is_exit(wait_for(pid), 0, "MSG_WAITALL puts piece behind piece");
    CHILD (pid) {
        gets(MSG_PEEK, 4, 2, "hi");
        gets(0, 4, 2, "hi");
    }
    SENDS("hi");
    is_exit(wait_for(pid), 0, "MSG_PEEK, asleep, takes nothing");
    CHILD (pid) {
        struct iovec v[2] = { { page, 1 }, { page + 5000, 4 } };
        need(readv(p[1], v, 2) == 3 && page[0] == 'x' && page[5001] == 'z');
    }
    SENDS("xyz");
    is_exit(wait_for(pid), 0, "readv, asleep, scatters");
    CHILD (pid)
        gets(0, 4, 3, "own");
    until_asleep(pid);
    struct iovec v[2] = { { "o", 1 }, { "wn", 2 } };
    need(writev(p[0], v, 2) == 3);
    is_exit(wait_for(pid), 0, "writev gathers for one who sleeps");
    drop(p);
}

static void records(int type, const char *name) {
    pair(type, p);
    CHILD (pid) {
        gets(0, 4, 2, "ab");
        gets(0, 4, 4, "cdef");
        gets(MSG_TRUNC, 4, 6, "hijk");
        gets(0, 4, 1, "n");
    }
    SENDS("ab", "cdefg", "hijklm", "n");
    is_exit(wait_for(pid), 0, "%s: a reader who sleeps gets one record, cut", name);
    CHILD (pid) {
        gets(MSG_PEEK, 4, 1, "o");
        gets(0, 4, 1, "o");
        gets(0, 4, 0, "");
        gets(0, 4, 1, "p");
    }
    SENDS("o");
    until_asleep(pid);
    need(send(p[0], "", 0, 0) == 0 && send(p[0], "p", 1, 0) == 1);
    is_exit(wait_for(pid), 0, "%s: an empty record is one", name);
    drop(p);
}

/* unix(7): the sender's name comes with the datagram. */
static void names(void) {
    struct address a = address("@from"), got = { .size = sizeof got.un };
    char b[4];
    pair(SOCK_DGRAM, p);
    need(bind_to(p[0], &a) == 0);
    CHILD (pid) {
        need(recvfrom(p[1], b, 4, 0, (struct sockaddr *)&got.un, &got.size) == 2);
        need(same_address(&a, &got));
    }
    SENDS("hi");
    is_exit(wait_for(pid), 0, "a reader who sleeps learns the sender's name");
    drop(p);
}

/* Several readers of one socket: each byte goes to one of them. */
static void many(void) {
    pid_t readers[3];
    pair(SOCK_STREAM, p);
    for (int i = 0; i < 3; i++) {
        CHILD (readers[i]) {
            char c;
            need(read(p[1], &c, 1) == 1);
            _exit(c);
        }
        until_asleep(readers[i]);
    }
    need(write(p[0], "\1", 1) == 1 && write(p[0], "\2\4", 2) == 2);
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        int status = wait_for(readers[i]);
        sum += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
    }
    is_int(sum, 7, "three readers, three bytes, each once");
    drop(p);
}

int main(void) {
    streams();
    records(SOCK_DGRAM, "datagrams");
    records(SOCK_SEQPACKET, "seqpacket");
    names();
    many();
    return done_testing();
}
