/* restart.c - a restarted partner has another name; a mailbox keeps its own.
 * Order: 68
 *
 * A server is killed and started again. Who named the process has lost it; who named
 * the mailbox does not even notice.
 *
 * FEATURE(34, 43, 55, 119, 123)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>

static int box, done;

/* Serves one request by number and one by mailbox, then waits for more. */
static void serve(int number) {
    char text[64];
    struct msg m = { .body = text, .room = sizeof text }, told = { 0 };
    must(msg_receive(MSG_ANY, &m, 0, FOREVER), "msg_receive");
    say("    server %d: by my number: %.*s", number, (int)m.length, text);
    must(mbox_send(done, &told, 0, FOREVER), "mbox_send");
    must(mbox_receive(box, &m, 0, FOREVER), "mbox_receive");
    say("    server %d: by the mailbox: %.*s", number, (int)m.length, text);
    must(mbox_send(done, &told, 0, FOREVER), "mbox_send");
    for (;;)
        pause();
}

static pid_t start(int number) {
    pid_t server = (pid_t)must(fork(), "fork");
    if (server == 0)
        serve(number);
    say("  I started server %d: %s.", number, pid(server));
    return server;
}

static void end(pid_t server) {
    kill(server, SIGKILL);
    must(waitpid(server, NULL, 0), "waitpid");
}

/* Waits until the receiver has it: the lines of both come in order. */
static int by_number(pid_t server, const char *text) {
    struct msg m = { .body = (char *)(uintptr_t)text,
                     .length = (uint32_t)strlen(text) };
    return msg_send(server, &m, MSG_SYNC, FOREVER);
}

static int by_mailbox(const char *text) {
    struct msg m = { .body = (char *)(uintptr_t)text,
                     .length = (uint32_t)strlen(text) };
    return mbox_send(box, &m, 0, FOREVER);
}

/* Until the server has said what it got. */
static void until_told(void) {
    struct msg m = { 0 };
    must(mbox_receive(done, &m, 0, FOREVER), "mbox_receive");
}

/* A client that comes too early: it waits for the name to appear. */
static pid_t start_early_client(void) {
    pid_t client = (pid_t)must(fork(), "fork");
    if (client == 0) {
        box = (int)must(mbox_lookup("service", O_WRONLY, FOREVER), "mbox_lookup");
        _exit(by_mailbox("hello, I was early") != 0);
    }
    return client;
}

int main(int argc, char **argv) {
    int status;
    demo_start(argc, argv, "restart: the weakness of naming a process");
    pid_t early = start_early_client();
    say("A client is there already. It waits for a mailbox \"service\" to appear.");
    box = (int)must(mbox_open("service", O_RDWR | O_CREAT | O_EXCL, 0600, NULL),
                    "mbox_open");
    done = (int)must(mbox_create(NULL), "mbox_create");
    pid_t server = start(1), old = server;
    must(by_number(server, "hello, 1"), "msg_send");
    until_told();
    until_told();
    must(waitpid(early, &status, 0), "waitpid");
    expect(status == 0);
    gap();
    end(server);
    say("Server 1 is dead. I go on as if I did not know:");
    int result = by_number(old, "are you there?");
    say("  by number:     %s",
        mark(result == -1 && errno == ESRCH, strerror(errno), "SENT, TO NOBODY"));
    say("  by mailbox:    %s", mark(by_mailbox("are you there?") == 0,
                                    "sent; it waits in the queue", strerror(errno)));
    gap();
    server = start(2);
    say("The numbers of processes are never used twice: %s is not %s.", pid(server),
        pid(old));
    expect(server != old);
    result = by_number(old, "hello again");
    say("  by its old number: %s. Who knew server 1 has lost the way.",
        mark(result == -1 && errno == ESRCH, strerror(errno), "SENT TO A STRANGER"));
    must(by_number(server, "hello, 2"), "msg_send");
    until_told();
    until_told();
    say("What waited in the mailbox was not lost, and its sender has changed nothing.");
    end(server);
    expect(mbox_unlink("service") == 0);
    return demo_end("end server 1 before it answers: which of the messages are lost?",
                    "kernel/ipc/link.c and mailbox.c: what a send looks up, each time");
}
