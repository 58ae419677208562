/* socket.h - for tests of AF_UNIX sockets: addresses, pairs, listeners.
 *
 *     struct address a = address("here");          a path
 *     struct address b = address("@there");        the abstract name "there", of this
 *                                                  process: copies do not collide
 *     int s = listener(SOCK_STREAM, &a, 5), c = dial(SOCK_STREAM, &a);
 */
#pragma once

#include "tap.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    struct sockaddr_un un;
    socklen_t size;
};

#define PATH_START offsetof(struct sockaddr_un, sun_path)

static struct address TAP_UNUSED address(const char *name) {
    struct address a = { .un = { .sun_family = AF_UNIX } };
    int n;
    if (*name == '@') {
        n = snprintf(a.un.sun_path + 1, sizeof a.un.sun_path - 1, "%s.%d", name + 1,
                     (int)getpid());
        a.size = (socklen_t)(PATH_START + 1) + (socklen_t)n;
    } else {
        n = snprintf(a.un.sun_path, sizeof a.un.sun_path, "%s", name);
        a.size = (socklen_t)(PATH_START + 1) + (socklen_t)n;
    }
    return a;
}

static const struct sockaddr *TAP_UNUSED any(const struct address *a) {
    return (const struct sockaddr *)&a->un;
}

static int TAP_UNUSED bind_to(int fd, const struct address *a) {
    return bind(fd, any(a), a->size);
}

static int TAP_UNUSED connect_to(int fd, const struct address *a) {
    return connect(fd, any(a), a->size);
}

static ssize_t TAP_UNUSED send_to(int fd, const char *text, const struct address *a) {
    return sendto(fd, text, strlen(text), 0, any(a), a->size);
}

static int TAP_UNUSED sock(int type) {
    int fd = socket(AF_UNIX, type, 0);
    need(fd >= 0);
    return fd;
}

static void TAP_UNUSED pair(int type, int fd[2]) {
    need(socketpair(AF_UNIX, type, 0, fd) == 0);
}

static void TAP_UNUSED drop(int fd[2]) {
    close(fd[0]);
    close(fd[1]);
}

static int TAP_UNUSED bound(int type, const struct address *a) {
    int fd = sock(type);
    need(bind_to(fd, a) == 0);
    return fd;
}

static int TAP_UNUSED listener(int type, const struct address *a, int backlog) {
    int fd = bound(type, a);
    need(listen(fd, backlog) == 0);
    return fd;
}

static int TAP_UNUSED dial(int type, const struct address *a) {
    int fd = sock(type);
    need(connect_to(fd, a) == 0);
    return fd;
}

/* A connection through a listener: fd[0] called, fd[1] was accepted. */
static void TAP_UNUSED connection(int type, int at, const struct address *a,
                                  int fd[2]) {
    fd[0] = dial(type, a);
    fd[1] = accept(at, NULL, NULL);
    need(fd[1] >= 0);
}

/* What getsockname (or getpeername) says; size 0 when it fails. */
static struct address TAP_UNUSED name_of(int fd, int (*ask)(int, struct sockaddr *,
                                                            socklen_t *)) {
    struct address a = { .size = sizeof a.un };
    if (ask(fd, (struct sockaddr *)&a.un, &a.size) != 0)
        a.size = 0;
    return a;
}

static int TAP_UNUSED same_address(const struct address *a, const struct address *b) {
    return a->size == b->size && memcmp(&a->un, &b->un, a->size) == 0;
}

/* The option's value as an int; -1 and errno. */
static int TAP_UNUSED option(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

/* Receives exactly this text, as the next bytes or as the next datagram. */
static int TAP_UNUSED gets_text(int fd, const char *text) {
    char got[512];
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    if (n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0)
        return 1;
    note("received %zd: %.*s", n, n > 0 ? (int)n : 0, got);
    return 0;
}
