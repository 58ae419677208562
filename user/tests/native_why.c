/* native_why.c - IPC(7.2): "why PID says in one sentence what a process waits for,
 * since when, who could wake it, and the circle if there is one, across every kind of
 * wait". */
/* FEATURE(133): a reader */
/* FEATURE(132): a pipe, a semaphore, a file lock and a call */
/* FEATURE(132): two threads and two locks */
#include "tool.h"

#include <parley.h>
#include <poll.h>
#include <pthread.h>
#include <sys/sem.h>
#include <sys/syscall.h>

/* "for 12.3 s" becomes "for T": times differ from run to run. */
static void hide_times(char *text) {
    char *to = text;
    while (*text) {
        size_t digits = strspn(text, "0123456789.");
        if (digits >= 3 && text[digits - 2] == '.'
            && strncmp(text + digits, " s", 2) == 0) {
            *to++ = 'T';
            text += digits + 2;
        } else if (digits) {
            memmove(to, text, digits);
            to += digits;
            text += digits;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
}

/* What why says of the process, times hidden, is this. */
static void TAP_PRINTF(3, 4)
    says(const char *name, pid_t pid, const char *format, ...) {
    char command[40], got[2000], want[2000];
    va_list args;
    snprintf(command, sizeof command, "why %d", pid);
    need(output_of(command, got, sizeof got) == 0);
    hide_times(got);
    va_start(args, format);
    vsnprintf(want, sizeof want, format, args);
    va_end(args);
    is_text(got, want, "%s", name);
}

static void end(pid_t pid) {
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
}

static const char reads[] = "pipe with something to read";
static pid_t self;

/* -- One wait each ----------------------------------------------------------------- */

static void test_pipes(void) {
    int p[2];
    char c;
    pid_t pid;
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid) {
        close(p[1]);
        need(read(p[0], &c, 1) == 0);
    }
    until_waits(pid, reads);
    char id[40] = "", path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    need(readlink(path, id, sizeof id - 1) > 0);
    int number = atoi(id + strlen("pipe:["));
    says("a reader", pid,
         "Process %d (native_why) has waited T for something to read from pipe %d, to "
         "which process %d (native_why) could write.\n",
         pid, number, self);
    end(pid);
    CHILD (pid) {
        static char much[70000];
        need(write(p[1], much, sizeof much) == -1);
    }
    until_waits(pid, "pipe with room");
    says("a writer", pid,
         "Process %d (native_why) has waited T for room in pipe %d, from which "
         "process %d (native_why) or itself could read.\n",
         pid, number, self);
    end(pid);
    close(p[0]);
    close(p[1]);
}

static void test_mailbox(void) {
    struct mbox_attr one = { .capacity = 1 };
    struct msg m = { .type = 1 };
    int box = mbox_open("native_why", O_CREAT | O_RDWR | O_CLOEXEC, 0600, &one);
    pid_t pid;
    for (int polls = 0; polls < 2; polls++) {
        CHILD (pid) {
            struct pollfd fd = { mbox_open("native_why", O_RDONLY), POLLIN, 0 };
            close(box);
            need(polls ? poll(&fd, 1, -1) == 0
                       : mbox_receive(fd.fd, &m, 0, FOREVER) == -1);
        }
        until_waits(pid, "message in mailbox");
        says(
            polls ? "one that polls it" : "a receiver", pid,
            "Process %d (native_why) has waited T for a message in mailbox native_why, "
            "to which process %d (native_why) could send.\n",
            pid, self);
        end(pid);
    }
    need(mbox_send(box, &m, 0, NOWAIT) == 0);
    for (int polls = 0; polls < 2; polls++) {
        CHILD (pid) {
            struct pollfd fd = { mbox_open("native_why", O_WRONLY), POLLOUT, 0 };
            close(box);
            need(polls ? poll(&fd, 1, -1) == 0 : mbox_send(fd.fd, &m, 0, 99000) == -1);
        }
        until_waits(pid, "mailbox with room");
        says(polls ? "one that polls for room" : "a sender with a time-out", pid,
             "Process %d (native_why) has waited T for room in mailbox native_why, "
             "from which process %d (native_why) could receive%s.\n",
             pid, self, polls ? "" : "; it gives up in T");
        end(pid);
    }
    need(mbox_unlink("native_why") == 0 && close(box) == 0);
}

static void test_links(void) {
    struct msg m = { .type = 1 };
    pid_t pid;
    CHILD (pid)
        need(msg_send(self, &m, 0, FOREVER) == 0);
    until_waits(pid, "partner to receive");
    says("a message to a process", pid,
         "Process %d (native_why) has waited T for process %d (native_why) to receive "
         "its message.\n",
         pid, self);
    need(msg_receive(pid, &m, 0, FOREVER) == pid);
    wait_for(pid);
    CHILD (pid)
        need(msg_call(self, &m, &m, FOREVER) == 0);
    until_waits(pid, "answer to a call");
    says("a call", pid,
         "Process %d (native_why) has waited T for process %d (native_why) to answer "
         "its call.\n",
         pid, self);
    need(msg_receive(pid, &m, 0, FOREVER) == pid && msg_reply(pid, &m) == 0);
    wait_for(pid);
    CHILD (pid)
        need(msg_receive(self, &m, 0, FOREVER) == self);
    until_waits(pid, "message over a link");
    says("a message from a process", pid,
         "Process %d (native_why) has waited T for a message from process %d "
         "(native_why).\n",
         pid, self);
    end(pid);
    CHILD (pid)
        need(msg_receive(MSG_ANY, &m, 0, FOREVER) == self);
    until_waits(pid, "message over a link");
    says("a message from anybody", pid,
         "Process %d (native_why) has waited T for a message from anybody.\n", pid);
    end(pid);
}

static void test_states(void) {
    pid_t pid, child;
    int p[2];
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid)
        for (;;)
            ;
    says("a process that runs", pid,
         "Process %d (native_why) waits for nothing: it runs, or is about to.\n", pid);
    end(pid);
    CHILD (pid)
        _exit(0);
    until_state(pid, 'Z');
    says("a zombie", pid,
         "Process %d (native_why) has ended, and waits for its parent to ask how: "
         "process %d (native_why).\n",
         pid, self);
    wait_for(pid);
    CHILD (pid)
        pause();
    until_waits(pid, "signal");
    says("a pause", pid,
         "Process %d (native_why) has waited T for a signal, from anybody who may "
         "send it one.\n",
         pid);
    need(kill(pid, SIGSTOP) == 0);
    until_waits(pid, "SIGCONT");
    says("a stopped process", pid,
         "Process %d (native_why) has been stopped for T: SIGCONT lets it go on, from "
         "its parent, process %d (native_why), or from anybody who may send it.\n",
         pid, self);
    end(pid);
    CHILD (pid)
        sleep(100000);
    until_waits(pid, "time to pass");
    says("a sleep", pid,
         "Process %d (native_why) has waited T for time to pass, and has "
         "1666 min to go.\n",
         pid);
    end(pid);
    CHILD (pid) {
        CHILD (child)
            pause();
        need(write(p[1], &child, sizeof child) == sizeof child);
        wait_for(child);
    }
    need(read(p[0], &child, sizeof child) == sizeof child);
    until_waits(pid, "child to end");
    says("a parent", pid,
         "Process %d (native_why) has waited T for a child to end: process %d "
         "(native_why).\n",
         pid, child);
    need(kill(child, SIGKILL) == 0);
    wait_for(pid);
    close(p[0]);
    close(p[1]);
}

/* -- Circles ----------------------------------------------------------------------- */

static void test_own_pipe(void) {
    int p[2];
    char c;
    pid_t pid;
    CHILD (pid) {
        need(pipe2(p, O_CLOEXEC) == 0);
        need(read(p[0], &c, 1) == 0);
    }
    until_waits(pid, reads);
    char got[1000], command[40];
    snprintf(command, sizeof command, "why %d", pid);
    need(output_of(command, got, sizeof got) == 0);
    ok(strstr(got, "to which only itself could write; this is a circle: process ")
           && strstr(got, " waits for itself.\n"),
       "the forgotten end of one's own pipe");
    end(pid);
}

/* The last words of what why says. */
static void TAP_PRINTF(3, 4)
    ends(const char *name, pid_t pid, const char *format, ...) {
    char command[40], got[2000], want[2000];
    va_list args;
    snprintf(command, sizeof command, "why %d", pid);
    need(output_of(command, got, sizeof got) == 0);
    va_start(args, format);
    int length = vsnprintf(want, sizeof want, format, args);
    va_end(args);
    size_t all = strlen(got);
    is_text(got + (all > (size_t)length ? all - (size_t)length : 0), want, "%s", name);
}

/* Two children read from pipes that only the other one could write into. */
static void test_two(void) {
    int p[2], q[2];
    char c;
    pid_t a, b;
    need(pipe2(p, O_CLOEXEC) == 0 && pipe2(q, O_CLOEXEC) == 0);
    CHILD (a) {
        close(p[1]);
        close(q[0]);
        need(read(p[0], &c, 1) == 0);
    }
    CHILD (b) {
        close(q[1]);
        close(p[0]);
        need(read(q[0], &c, 1) == 0);
    }
    until_waits(a, reads);
    until_waits(b, reads);
    char got[2000], command[40];
    snprintf(command, sizeof command, "why %d", a);
    need(output_of(command, got, sizeof got) == 0);
    ok(!strstr(got, "circle"), "no circle while somebody else has an end open");
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(q[i]);
    }
    ends("two that read from each other", a,
         "; this is a circle: process %d (native_why) waits for process %d "
         "(native_why), process %d (native_why) waits for process %d (native_why).\n",
         a, b, b, a);
    end(b);
    wait_for(a);
}

/* A call, a pipe, and the wait for a child: three kinds. */
static void test_kinds(void) {
    struct msg m = { .type = 1 };
    int p[2], tell[2];
    char c;
    pid_t caller, server, outside;
    need(pipe2(tell, O_CLOEXEC) == 0);
    CHILD (caller) {
        need(pipe2(p, O_CLOEXEC) == 0);
        CHILD (server) {
            pid_t grandchild;
            close(p[1]);
            CHILD (grandchild) {
                close(tell[1]);
                need(read(p[0], &c, 1) == 0);
            }
            need(write(tell[1], &grandchild, sizeof grandchild) == sizeof grandchild);
            close(tell[1]);
            wait_for(grandchild);
        }
        close(p[0]);
        need(write(tell[1], &server, sizeof server) == sizeof server);
        need(msg_call(server, &m, &m, FOREVER) == -1);
        wait_for(server);
    }
    CHILD (outside)
        need(msg_call(caller, &m, &m, FOREVER) == -1);
    pid_t two[2];
    need(read(tell[0], &two[0], sizeof two[0]) == sizeof two[0]);
    need(read(tell[0], &two[1], sizeof two[1]) == sizeof two[1]);
    pid_t grandchild = two[0] > two[1] ? two[0] : two[1];
    server = two[0] + two[1] - grandchild;
    until_waits(caller, "answer to a call");
    until_waits(server, "child to end");
    until_waits(grandchild, reads);
    until_waits(outside, "answer to a call");
    ends("a call, a wait and a pipe", caller,
         "; this is a circle: process %d (native_why) waits for process %d "
         "(native_why), process %d (native_why) waits for process %d (native_why), "
         "process %d (native_why) waits for process %d (native_why).\n",
         caller, server, server, grandchild, grandchild, caller);
    char got[2000], command[40];
    snprintf(command, sizeof command, "why %d", outside);
    need(output_of(command, got, sizeof got) == 0);
    ok(strstr(got, "; that will never be, because of a circle: "),
       "who waits for one in a circle is told so");
    end(outside);
    need(kill(grandchild, SIGKILL) == 0);
    wait_for(caller);
    close(tell[0]);
    close(tell[1]);
}

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *lock_in_turn(void *order) {
    pthread_mutex_t *one = order ? &first : &second, *other = order ? &second : &first;
    pthread_mutex_lock(one);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(other);
    return NULL;
}

static void test_threads(void) {
    pid_t pid;
    CHILD (pid) {
        pthread_t thread;
        pthread_barrier_init(&both, NULL, 2);
        need(pthread_create(&thread, NULL, lock_in_turn, NULL) == 0);
        lock_in_turn(&first);
    }
    char got[4000], command[40];
    int circles = 0;
    snprintf(command, sizeof command, "why %d", pid);
    while (circles < 2) {                   // there is no telling when both are there
        need(output_of(command, got, sizeof got) == 0);
        circles = 0;
        for (char *at = got; (at = strstr(at, "waits for itself")); at++)
            circles++;
    }
    ok(strstr(got, "for another of its threads to wake it (futex); this is a circle"),
       "two threads and two locks");
    end(pid);
}

/* A pipe, a semaphore, a lock on a file and a call: none of these sees the circle. */
static void test_four(void) {
    enum { READER, CALLER, LOCKER, WRITER, COUNT };
    struct flock all = { .l_type = F_WRLCK };
    struct sembuf down = { 0, -1, SEM_UNDO };
    struct msg m = { .type = 1 };
    pid_t who[COUNT];
    int p[2], file = open("/tmp/native_why", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int set = semget(IPC_PRIVATE, 1, 0600);
    char c;
    need(pipe2(p, O_CLOEXEC) == 0 && file >= 0 && unlink("/tmp/native_why") == 0);
    need(set >= 0 && semctl(set, 0, SETVAL, 1) == 0);
    CHILD (who[READER]) {
        close(p[1]);
        need(read(p[0], &c, 1) == 1);
    }
    until_waits(who[READER], reads);
    CHILD (who[CALLER]) {
        close(p[1]);
        need(fcntl(file, F_SETLKW, &all) == 0);
        need(msg_call(who[READER], &m, &m, FOREVER) == -1);
    }
    until_waits(who[CALLER], "answer to a call");
    CHILD (who[LOCKER]) {
        close(p[1]);
        need(semop(set, &down, 1) == 0);
        need(fcntl(file, F_SETLKW, &all) == 0);
    }
    until_waits(who[LOCKER], "file lock");
    CHILD (who[WRITER]) {
        need(semop(set, &down, 1) == 0);
        need(write(p[1], "!", 1) == 1);
    }
    until_waits(who[WRITER], "System V semaphore");
    close(p[0]);
    close(p[1]);
    ends("a pipe, a semaphore, a file lock and a call", who[READER],
         "; this is a circle: process %d (native_why) waits for process %d "
         "(native_why), process %d (native_why) waits for process %d (native_why), "
         "process %d (native_why) waits for process %d (native_why), process %d "
         "(native_why) waits for process %d (native_why); unless somebody else raises "
         "the semaphore.\n",
         who[READER], who[WRITER], who[WRITER], who[LOCKER], who[LOCKER], who[CALLER],
         who[CALLER], who[READER]);
    need(kill(who[CALLER], SIGKILL) == 0);
    for (int i = 0; i < COUNT; i++)
        wait_for(who[i]);
    need(semctl(set, 0, IPC_RMID) == 0 && close(file) == 0);
}

/* A time-out, or a second thing to wait for, breaks a circle. */
static void test_no_circle(void) {
    int p[2];
    pid_t pid;
    char got[2000], command[40];
    CHILD (pid) {
        need(pipe2(p, O_CLOEXEC) == 0);
        struct pollfd fd = { p[0], POLLIN, 0 };
        need(poll(&fd, 1, 1000000) == 0);
    }
    until_waits(pid, reads);
    snprintf(command, sizeof command, "why %d", pid);
    need(output_of(command, got, sizeof got) == 0);
    ok(strstr(got, "only itself could write; it gives up in ")
           && !strstr(got, "circle"),
       "a time-out breaks a circle");
    end(pid);
    CHILD (pid) {
        need(pipe2(p, O_CLOEXEC) == 0);
        struct pollfd fds[2] = { { p[0], POLLIN, 0 }, { msg_fd(), POLLIN, 0 } };
        need(poll(fds, 2, -1) == 0);
    }
    until_waits(pid, "message over a link");
    snprintf(command, sizeof command, "why %d", pid);
    need(output_of(command, got, sizeof got) == 0);
    ok(strstr(got, " for one of these: something to read from pipe ")
           && strstr(got, "; a message from anybody.\n") && !strstr(got, "circle"),
       "so does a second thing to wait for");
    end(pid);
}

static void test_mistakes(void) {
    char got[500];
    is_exit(output_of("why 999999", got, sizeof got), 1, "nobody of that id: status 1");
    is_text(got, "why: there is no process 999999\n", "and a message");
    is_exit(output_of("why x", got, sizeof got), 2, "no number: status 2");
    ok(strstr(got, "why: x is no process id\nusage: "), "and how to use it");
    is_exit(output_of("why", got, sizeof got), 0, "without an id, of all");
    ok(strstr(got, "Process 1 (init) has waited "), "process 1 is one of them");
}

int main(void) {
    self = getpid();
    test_pipes();
    test_mailbox();
    test_links();
    test_states();
    test_own_pipe();
    test_two();
    test_kinds();
    test_four();
    test_threads();
    test_no_circle();
    test_mistakes();
    return done_testing();
}
