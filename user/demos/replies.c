/* replies.c - client and server over mailboxes: the question brings one for the answer.
 * Order: 66
 *
 * A server reads requests from one mailbox with a name. Each client makes a mailbox of
 * its own, without a name, and passes its descriptor in the request.
 *
 * FEATURE(5, 13, 15, 24, 42, 49, 51, 54, 55, 60)
 */
#include "demo.h"
#include <ctype.h>
#include <fcntl.h>
#include <parley.h>

#define CLIENTS 3

static const char *const questions[CLIENTS] = { "how are you", "", "six times seven" };

/* Upper case, whatever it says. The answer goes where the request asks for it. */
static void serve(int requests) {
    char text[64];
    int reply;
    struct msg m = { .body = text, .room = sizeof text, .fds = &reply };
    for (int i = 0; i < CLIENTS; i++) {
        must(mbox_receive(requests, &m, 0, FOREVER), "mbox_receive");
        expect(m.nfds == 1);
        for (uint32_t k = 0; k < m.length; k++)
            text[k] = (char)toupper(text[k]);
        struct msg answer = { .body = text, .length = m.length, .type = m.type };
        say("  server: %u bytes from client %u; the answer goes to my descriptor %d",
            m.length, m.type, reply);
        must(mbox_send(reply, &answer, 0, FOREVER), "the answer");
        close(reply);
    }
    _exit(demo.wrong);
}

/* Establish, exchange, release: a channel for one question. */
static void ask(int number) {
    char text[64];
    int requests = (int)must(mbox_open("server", O_WRONLY), "mbox_open");
    int mine = (int)must(mbox_create(NULL), "mbox_create");
    struct msg question = { .type = (uint32_t)number + 1, .nfds = 1, .fds = &mine,
                            .body = (char *)(uintptr_t)questions[number],
                            .length = (uint32_t)strlen(questions[number]) };
    struct msg answer = { .body = text, .room = sizeof text };
    must(mbox_send(requests, &question, 0, FOREVER), "mbox_send");
    must(mbox_receive(mine, &answer, 0, FOREVER), "mbox_receive");
    expect(answer.type == question.type && answer.length == question.length);
    say("client %d: \"%s\" was answered \"%.*s\"", number + 1, questions[number],
        (int)answer.length, text);
    expect(mbox_receive(mine, &answer, 0, FOREVER) == -1);
    say("  and when the server had closed its descriptor: %s",
        mark(errno == EPIPE, strerror(errno), strerror(errno)));
    _exit(demo.wrong);
}

/* The server has gone in the middle of a question. */
static void server_dies(void) {
    char text[8];
    int mine = (int)must(mbox_create(NULL), "mbox_create");
    struct msg answer = { .body = text, .room = sizeof text };
    pid_t server = (pid_t)must(fork(), "fork");
    if (server == 0) {
        struct mbox_stat stat = { 0 };
        while (stat.waiting_receivers == 0)
            must(mbox_stat(mine, &stat), "mbox_stat");
        raise(SIGKILL);
    }
    expect(mbox_receive(mine, &answer, 0, FOREVER) == -1);
    say("A server was killed while I waited for its answer, for ever: %s.",
        mark(errno == EPIPE, strerror(errno), strerror(errno)));
    must(waitpid(server, NULL, 0), "waitpid");
    close(mine);
}

int main(int argc, char **argv) {
    int status;
    demo_start(argc, argv, "replies: a server, its clients, and mailboxes for answers");
    int requests = (int)must(mbox_open("server", O_RDWR | O_CREAT | O_EXCL, 0600, NULL),
                             "mbox_open");
    say("The server has one mailbox, \"server\", for all requests. To answer it needs\n"
        "no names: each request carries a descriptor of the mailbox for its answer.");
    gap();
    pid_t server = (pid_t)must(fork(), "fork");
    if (server == 0)
        serve(requests);
    for (int i = 0; i < CLIENTS; i++) {
        pid_t client = (pid_t)must(fork(), "fork");
        if (client == 0)
            ask(i);
        must(waitpid(client, &status, 0), "waitpid");
        expect(status == 0);
    }
    must(waitpid(server, &status, 0), "waitpid");
    expect(status == 0);
    gap();
    server_dies();
    expect(mbox_unlink("server") == 0);
    return demo_end("keep `reply` open in serve(). What do the clients see at the end?",
                    "kernel/ipc/mailbox.c, \"Being the only one left\"");
}
