/* spooler.c - a print spooler with many clients, who come and go.
 * Order: 62
 *
 * A mailbox with a name stands between the clients and the printer. The printer cannot
 * know who will come; the clients need not know who prints, or whether anybody does
 * yet.
 *
 * FEATURE(3, 5, 25, 26, 27, 28, 29, 32, 33, 42, 46, 47, 48, 50, 52, 53, 54)
 */
#include "demo.h"
#include <fcntl.h>
#include <grp.h>
#include <parley.h>
#include <sys/stat.h>

#define CLIENTS 5
#define STUDENT 1000

enum { TEXT_JOB = 1, PICTURE_JOB = 2, END_JOB = 9 };

static const struct {
    const char *text;
    uint32_t type, priority;
} jobs[CLIENTS] = { { "a letter", TEXT_JOB, 0 },
                    { "a holiday picture", PICTURE_JOB, 0 },
                    { "a page of a thesis", TEXT_JOB, 0 },
                    { "the fire alarm plan", PICTURE_JOB, 31 },
                    { "another letter", TEXT_JOB, 0 } };

/* A client: opens the mailbox by its name, sends, and is gone. */
static void client(int i) {
    struct msg job = { .type = jobs[i].type, .priority = jobs[i].priority,
                       .body = (char *)(uintptr_t)jobs[i].text,
                       .length = (uint32_t)strlen(jobs[i].text) };
    int printer = mbox_open("printer", O_WRONLY);
    _exit(printer < 0 || mbox_send(printer, &job, 0, FOREVER));
}

/* What one learns who is not allowed to. */
static void outsider(void) {
    setgroups(0, NULL);
    _exit(setgid(STUDENT) || setuid(STUDENT) || mbox_open("printer", O_WRONLY) != -1
          || errno != EACCES);
}

static int run(void (*function)(int), int i, pid_t *who) {
    int status;
    *who = (pid_t)must(fork(), "fork");
    if (*who == 0)
        function(i);
    must(waitpid(*who, &status, 0), "waitpid");
    return status;
}

static void as_outsider(int unused) {
    (void)unused;
    outsider();
}

/* The printer: takes one job after the other, and learns from the header whose it
 * is. */
static void print(const pid_t *clients, int report) {
    char text[64], line[128];
    int printer = (int)must(mbox_open("printer", O_RDONLY), "mbox_open");
    struct msg job = { .body = text, .room = sizeof text };
    for (;;) {
        must(mbox_receive(printer, &job, 0, FOREVER), "mbox_receive");
        if (job.type == END_JOB)
            _exit(0);
        int client = 0;
        while (client < CLIENTS && clients[client] != job.sender)
            client++;
        int n = snprintf(line, sizeof line,
                         "  number %llu, client %d, %-7s %2u bytes: %.*s",
                         (unsigned long long)job.sequence, client + 1,
                         job.type == TEXT_JOB ? "text" : "picture", job.length,
                         (int)job.length, text);
        say("%s", line);
        if (write(report, line, (size_t)n) != n)
            _exit(1);
    }
}

int main(int argc, char **argv) {
    struct mbox_attr attr = { .capacity = 10, .max_length = 40 };
    struct msg end = { .type = END_JOB };
    struct mbox_stat queue;
    struct stat file;
    pid_t clients[CLIENTS], stranger;
    int status, report[2], good = 1;
    char lines[512] = "";

    demo_start(argc, argv, "spooler: one printer, many clients");
    int printer = (int)must(
        mbox_open("printer", O_RDWR | O_CREAT | O_EXCL, 0600, &attr), "mbox_open");
    must(stat("/mbox/printer", &file), "/mbox/printer");
    must(mbox_stat(printer, &queue), "mbox_stat");
    say("I made the mailbox \"printer\". It is a file, /mbox/printer, of mode %o, and\n"
        "has id %s. Nobody prints yet, but %d clients come, send a job, and go.",
        (unsigned)file.st_mode & 0777, some(queue.id), CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        good &= run(client, i, &clients[i]) == 0;
    must(mbox_stat(printer, &queue), "mbox_stat");
    say("The clients %s; their jobs are still there: %u in the queue, %u bytes.",
        mark(good, "have ended", "FAILED"), queue.queued, queue.bytes);
    if (getuid() == 0)
        say("Another user wanted to send: %s.",
            mark(run(as_outsider, 0, &stranger) == 0, strerror(EACCES), "AND DID"));
    gap();
    say("Now the printer starts. The mailbox tells it who sent what, in which order:");
    must(pipe(report), "pipe");
    pid_t server = (pid_t)must(fork(), "fork");
    if (server == 0)
        print(clients, report[1]);
    must(mbox_send(printer, &end, 0, FOREVER), "mbox_send");
    must(waitpid(server, &status, 0), "waitpid");
    must(read(report[0], lines, sizeof lines - 1), "read");
    gap();
    say("The urgent one came fourth and was printed %s; the others in their order.",
        mark(strstr(lines, "fire") < strstr(lines, "letter"), "first", "LATER"));
    expect(status == 0 && mbox_unlink("printer") == 0 && close(printer) == 0);
    return demo_end("start a second printer. Who gets which job? (see: receipts)",
                    "kernel/ipc/mailbox.c, where a mailbox gets its name");
}
