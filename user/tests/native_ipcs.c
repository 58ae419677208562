/* native_ipcs.c - IPC(7.1): "ipcs -a lists mailboxes, links, POSIX and System V queues,
 * segments and semaphores, pipes, FIFOs and sockets: id, name, owner, mode, capacity,
 * queued, bytes, waiting senders and receivers by pid." And ipcrm removes them. */
#include "tool.h"

#include <parley.h>
#include <pwd.h>
#include <semaphore.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

static char text[8000], want[400];
static pid_t self;

static const char *ipcs(const char *options) {
    char command[80];
    snprintf(command, sizeof command, "ipcs %s", options);
    need(output_of(command, text, sizeof text) == 0);
    return text;
}

static const char *user(void) {
    const struct passwd *me = getpwuid(geteuid());
    return me ? me->pw_name : "?";
}

/* The widest line, in columns. */
static int widest(const char *lines) {
    int most = 0;
    for (; *lines; lines += strcspn(lines, "\n") + 1)
        if ((int)strcspn(lines, "\n") > most)
            most = (int)strcspn(lines, "\n");
    return most;
}

static void test_mailboxes(void) {
    struct mbox_attr attr = { .capacity = 3 };
    char body[8] = "hello";
    struct msg m = { .body = body, .length = 5, .room = sizeof body };
    struct mbox_stat stat;
    pid_t pid;
    int box = mbox_open("ipcs test", O_CREAT | O_RDWR | O_CLOEXEC, 0640, &attr);
    need(box >= 0 && mbox_stat(box, &stat) == 0);
    CHILD (pid)
        need(mbox_receive(box, &m, 0, FOREVER) == self);
    until_waits(pid, "message in mailbox");
    snprintf(want, sizeof want, "%6u %-17s %-8s 0640 %9u %6u %8u receive %d", stat.id,
             "ipcs test", user(), 3, 0, 0, pid);
    is_text(line_with(ipcs("-q"), "ipcs test"), want, "a mailbox and who waits at it");
    ok(strstr(text, "Mailboxes\n    ID NAME "), "under a title and headings");
    is_text(line_with(ipcs("-w"), "ipcs test"), want, "-w has it while somebody waits");
    need(mbox_send(box, &m, 0, NOWAIT) == 0);
    wait_for(pid);
    need(mbox_send(box, &m, 0, NOWAIT) == 0 && mbox_send(box, &m, 0, NOWAIT) == 0);
    snprintf(want, sizeof want, "%6u %-17s %-8s 0640 %9u %6u %8u", stat.id, "ipcs test",
             user(), 3, 2, 10);
    is_text(line_with(ipcs("-a"), "ipcs test"), want, "what is queued in it");
    is_text(line_with(ipcs("-w"), "ipcs test"), "", "-w has it no more");
    snprintf(want, sizeof want, "-p %d", self);
    ok(*line_with(ipcs(want), "ipcs test"), "-p has what a process has open");
    is_text(line_with(ipcs("-p 1"), "ipcs test"), "", "and not what it has not");
    is_exit(output_of("ipcrm 'ipcs test'", text, sizeof text), 0, "ipcrm by name");
    is_errno(mbox_send(box, &m, 0, NOWAIT), EIDRM, "the mailbox is destroyed");
    close(box);
    box = mbox_open("ipcs test", O_CREAT | O_RDWR | O_CLOEXEC, 0640, NULL);
    need(mbox_stat(box, &stat) == 0);
    snprintf(want, sizeof want, "ipcrm %u", stat.id);
    is_exit(output_of(want, text, sizeof text), 0, "ipcrm by id");
    is_errno(mbox_send(box, &m, 0, NOWAIT), EIDRM, "that one, too");
    close(box);
    need((box = mbox_create(NULL)) >= 0 && mbox_stat(box, &stat) == 0);
    snprintf(want, sizeof want, "ipcrm %u", stat.id);
    is_exit(output_of(want, text, sizeof text), 1, "a nameless one goes by itself");
    ok(strstr(text, "has no name: it goes when the last"), "ipcrm says so");
    close(box);
}

static void test_links(void) {
    struct msg m = { .type = 1 };
    pid_t pid;
    char from[40], to[40];
    CHILD (pid)
        need(msg_call(self, &m, &m, FOREVER) == -1);
    until_waits(pid, "answer to a call");
    snprintf(from, sizeof from, "%d native_ipcs", pid);
    snprintf(to, sizeof to, "%d native_ipcs", self);
    snprintf(want, sizeof want, "%-16s %-16s %5d %9d %6d %8d", from, to, 1, 0, 0, 0);
    is_text(line_with(ipcs("-q"), "native_ipcs      "), want, "a link, each way");
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
    CHILD (pid)
        need(msg_send(self, &m, 0, FOREVER) == -1);
    until_waits(pid, "partner to receive");
    snprintf(from, sizeof from, "%d native_ipcs", pid);
    snprintf(want, sizeof want, "%-16s %-16s %5d %9d %6d %8d send %d", from, to, 0, 0,
             0, 0, pid);
    is_text(line_with(ipcs("-q"), from), want, "and who waits to send");
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
}

static void test_pipes(void) {
    int p[2], fifo;
    char path[60];
    need(pipe2(p, O_CLOEXEC) == 0 && write(p[1], "12345", 5) == 5);
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    char id[40] = "";
    need(readlink(path, id, sizeof id - 1) > 0);
    snprintf(want, sizeof want, "%6d %-17s %-8s 0600 %9d %15d",
             atoi(id + strlen("pipe:[")), "-", user(), 65536, 5);
    snprintf(path, sizeof path, "%6d - ", atoi(id + strlen("pipe:[")));
    is_text(line_with(ipcs("-i"), path), want, "a pipe");
    close(p[0]);
    close(p[1]);
    snprintf(path, sizeof path, "/tmp/ipcs.%d", self);
    need(mkfifo(path, 0620) == 0 && (fifo = open(path, O_RDWR | O_CLOEXEC)) >= 0);
    ok(*line_with(ipcs("-i"), path), "a FIFO has its name");
    need(unlink(path) == 0 && close(fifo) == 0);
}

static void test_system_v(void) {
    char id[20];
    int segment = shmget(0x1234, 5000, IPC_CREAT | 0640);
    int set = semget(0x4321, 3, IPC_CREAT | 0600);
    need(segment >= 0 && set >= 0);
    char creator[40];
    snprintf(creator, sizeof creator, "%d native_ipcs", self);
    snprintf(want, sizeof want, "%6d %-17s %-8s 0640 %9d %8d %s", segment, "00001234",
             user(), 5000, 0, creator);
    is_text(line_with(ipcs("-m"), "00001234"), want, "shared memory");
    snprintf(want, sizeof want, "%6d %-17s %-8s 0600 %9d", set, "00004321", user(), 3);
    is_text(line_with(ipcs("-s"), "00004321"), want, "semaphores");
    is_text(line_with(text, "00001234"), "", "-s has no memory");
    snprintf(id, sizeof id, "ipcrm -m %d", segment);
    is_exit(output_of(id, text, sizeof text), 0, "ipcrm -m by id");
    is_exit(output_of("ipcrm -S 0x4321", text, sizeof text), 0, "ipcrm -S by key");
    is_errno(shmget(0x1234, 0, 0), ENOENT, "the segment is gone");
    is_errno(semget(0x4321, 0, 0), ENOENT, "the semaphores are gone");
    is_exit(output_of("ipcrm -S 0x4321", text, sizeof text), 1, "once");
    is_text(text, "ipcrm: semaphores 0x4321: there is none\n", "and it says so");
}

static void test_files(void) {
    int fd = open("/dev/shm/ipcs", O_CREAT | O_RDWR | O_CLOEXEC, 0604);
    need(fd >= 0 && ftruncate(fd, 4000) == 0);
    snprintf(want, sizeof want, "%-24s %-8s 0604 %9d", "/dev/shm/ipcs", user(), 4000);
    is_text(line_with(ipcs("-m"), "/dev/shm/ipcs"), want, "shared memory of POSIX");
    need(unlink("/dev/shm/ipcs") == 0 && close(fd) == 0);
    sem_t *semaphore = sem_open("/ipcs", O_CREAT | O_EXCL, 0600, 7);
    need(semaphore != SEM_FAILED);
    snprintf(want, sizeof want, "%-24s %-8s 0600 %9d", "/dev/shm/ipcs", user(), 7);
    is_text(line_with(ipcs("-s"), "/dev/shm/ipcs"), want, "a semaphore of POSIX");
    is_text(line_with(ipcs("-m"), "/dev/shm/ipcs"), "", "which is no memory");
    need(sem_unlink("/ipcs") == 0 && sem_close(semaphore) == 0);
}

static void test_shape(void) {
    struct mbox_attr attr = { .capacity = CAPACITY_UNBOUNDED };
    char longer[101];
    int box;
    memset(longer, 'x', 100);
    longer[100] = '\0';
    box = mbox_open(longer, O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attr);
    ok(strstr(ipcs("-q"), "xxxxxxxxxxxxxxxx~ "), "what is too long ends in a ~");
    ok(strstr(text, " unbounded "), "unbounded is said in a word");
    ok(widest(ipcs("")) < 80, "it fits 80 columns");
    need(mbox_unlink(longer) == 0 && close(box) == 0);
    box = mbox_open("two\nlines", O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attr);
    ok(strstr(ipcs("-q"), " two?lines "), "a name cannot break a line");
    need(mbox_unlink("two\nlines") == 0 && close(box) == 0);
    need(output_of("ipcs -s", text, sizeof text) == 0);
    is_text(text, "There is none.\n", "nothing is said, too");
    is_exit(output_of("ipcs -z", text, sizeof text), 2, "an unknown option: status 2");
    ok(strstr(text, "ipcs: there is no option -z\nusage: "), "and how to use it");
    is_exit(output_of("ipcs -p 999999", text, sizeof text), 1, "nobody of that id");
    is_exit(output_of("ipcrm", text, sizeof text), 2, "ipcrm of nothing: status 2");
    is_exit(output_of("ipcrm nothing", text, sizeof text), 1, "of what is not: 1");
    is_text(text, "ipcrm: there is no mailbox nothing\n", "and a message");
}

int main(void) {
    self = getpid();
    test_mailboxes();
    test_links();
    test_pipes();
    test_system_v();
    test_files();
    test_shape();
    return done_testing();
}
