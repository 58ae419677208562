/* native_proc_ipc.c - /proc/ipc says what there is and who waits for what: "mailboxes,
 * links, ... pipes, FIFOs: id, name, owner, mode, capacity, queued, bytes, waiting
 * senders and receivers by pid. /proc/ipc is the same for programs", IPC(7.1). */
#include "proc_lines.h"

#include <parley.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* A line of /proc/ipc/waits. */
struct wait_line {
    pid_t tid, pid;
    unsigned long long waited_ms;
    char name[40], kind[60], object[40], pids[60], left_ms[24];
};

static int parse(const char *text, struct wait_line *w) {
    return sscanf(text, "%d %d %39s %llu \"%59[^\"]\" %39s %59s %23s", &w->tid, &w->pid,
                  w->name, &w->waited_ms, w->kind, w->object, w->pids, w->left_ms)
           == 8;
}

/* How many queues the thread waits on; the last one's line is in *w. */
static int waits_of(pid_t tid, struct wait_line *w) {
    struct wait_line line;
    char text[300];
    int count = 0;
    FILE *file = fopen("/proc/ipc/waits", "r");
    need(file);
    while (fgets(text, sizeof text, file)) {
        need(parse(text, &line));
        if (line.tid == tid) {
            *w = line;
            count++;
        }
    }
    fclose(file);
    return count;
}

/* Yields until the thread waits for such a kind of thing. */
static struct wait_line until_waits(pid_t tid, const char *kind) {
    struct wait_line w;
    while (!waits_of(tid, &w) || strcmp(w.kind, kind) != 0)
        sched_yield();
    return w;
}

static int pipe_line(const char *id, char *text, size_t size) {
    return line_of("pipes", id, text, size);
}

static void end(pid_t pid) {
    need(kill(pid, SIGKILL) == 0);
    is_killed(wait_for(pid), SIGKILL, "and ends by a kill");
}

static void test_pipe(void) {
    int p[2];
    char id[40], line[200], want[200];
    pid_t pid;
    need(pipe(p) == 0);
    ssize_t length = readlink("/proc/self/fd/3", id, sizeof id - 1);
    need(p[0] == 3 && length > 0);
    id[length] = '\0';
    CHILD (pid) {
        char c;
        need(prctl(PR_SET_NAME, "two words") == 0);
        need(read(p[0], &c, 1) == 1);
    }
    struct wait_line w = until_waits(pid, "pipe with something to read");
    is_text(w.object, id, "a reader's object is what its descriptor shows");
    is_text(w.name, "two\\040words", "a name is one word");
    is_text(w.pids, "-", "who could write is not known to the pipe");
    is_text(w.left_ms, "-", "it has no time-out");
    is_int(w.pid, pid, "its process");
    snprintf(want, sizeof want,
             "%s %u %u 0600 65536 0 1 1 senders=- receivers=%d openers=-\n", id,
             geteuid(), getegid(), pid);
    ok(pipe_line(id, line, sizeof line), "the pipe is listed");
    is_text(line, want, "with owner, mode, capacity, bytes, opens and who waits");
    need(write(p[1], "x", 1) == 1);
    is_exit(wait_for(pid), 0, "the reader got its byte");
    CHILD (pid) {
        static char much[80000];
        need(write(p[1], much, sizeof much) == 0);
    }
    w = until_waits(pid, "pipe with room");
    is_text(w.object, id, "a writer's object");
    snprintf(want, sizeof want, " 65536 65536 1 1 senders=%d receivers=- openers=-\n",
             pid);
    need(pipe_line(id, line, sizeof line));
    ok(strstr(line, want), "a full pipe and its writer");
    end(pid);
    close(p[0]);
    close(p[1]);
    ok(!pipe_line(id, line, sizeof line), "a closed pipe is not listed");
}

static void test_fifo(void) {
    char path[60], id[40], line[200];
    struct stat status;
    pid_t pid;
    snprintf(path, sizeof path, "/tmp/native_proc_ipc.%d", getpid());
    need(mkfifo(path, 0640) == 0 && stat(path, &status) == 0);
    snprintf(id, sizeof id, "fifo:[%u]", (unsigned)status.st_ino);
    CHILD (pid)
        need(open(path, O_WRONLY) == -1);
    struct wait_line w = until_waits(pid, "FIFO's other end");
    is_text(w.object, id, "who opens a FIFO waits for it by inode");
    ok(pipe_line(id, line, sizeof line) && strstr(line, " 0640 65536 0 0 1 "),
       "a FIFO that somebody wants to write is listed");
    snprintf(id, sizeof id, "openers=%d\n", pid);
    ok(strstr(line, id), "with those who open it");
    end(pid);
    need(unlink(path) == 0);
}

static void test_poll(void) {
    int p[2], q[2];
    struct wait_line w;
    pid_t pid;
    need(pipe(p) == 0 && pipe(q) == 0);
    CHILD (pid) {
        struct pollfd fds[2] = { { p[0], POLLIN, 0 }, { q[0], POLLIN, 0 } };
        need(poll(fds, 2, 1000000) == 1);
    }
    w = until_waits(pid, "pipe with something to read");
    is_int(waits_of(pid, &w), 2, "poll of two pipes has a line for each");
    long long left = atoll(w.left_ms);
    ok(left > 0 && left <= 1000000, "and the time that is left");
    char line[200];
    need(pipe_line(w.object, line, sizeof line));
    ok(strstr(line, "receivers=- "), "a poller is no receiver");
    need(write(q[1], "x", 1) == 1);
    is_exit(wait_for(pid), 0, "either ends it");
    CHILD (pid)
        need(poll(NULL, 0, -1) == 0);
    w = until_waits(pid, "time to pass");
    is_text(w.object, "-", "poll of nothing has no object");
    end(pid);
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(q[i]);
    }
}

static void test_child(void) {
    struct wait_line w;
    char want[20];
    int p[2];
    pid_t pid, grandchild;
    need(pipe(p) == 0);
    CHILD (pid) {
        CHILD (grandchild)
            pause();
        need(write(p[1], &grandchild, sizeof grandchild) == sizeof grandchild);
        wait_for(grandchild);
    }
    need(read(p[0], &grandchild, sizeof grandchild) == sizeof grandchild);
    w = until_waits(pid, "child to end");
    snprintf(want, sizeof want, "%d", grandchild);
    is_text(w.object, "child", "wait's object is a child");
    is_text(w.pids, want, "and the pid that ends it is known");
    until_waits(grandchild, "signal");
    need(kill(grandchild, SIGKILL) == 0);
    is_exit(wait_for(pid), 0, "it ends");
    close(p[0]);
    close(p[1]);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile pid_t locker;

static void *lock(void *unused) {
    locker = (pid_t)syscall(SYS_gettid);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void test_futex(void) {
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    need(pthread_create(&thread, NULL, lock, NULL) == 0);
    while (!locker)
        sched_yield();
    struct wait_line w = until_waits(locker, "futex");
    unsigned long address = strtoul(w.object + strlen("futex:"), NULL, 16);
    is_int(w.pid, getpid(), "a thread's process");
    ok(address >= (unsigned long)&mutex && address < (unsigned long)(&mutex + 1),
       "a futex is known by its address");
    pthread_mutex_unlock(&mutex);
    need(pthread_join(thread, NULL) == 0);
}

static void test_mailbox(void) {
    struct mbox_attr attr = { .capacity = 2, .overflow = MBOX_DROP_OLDEST };
    struct msg m = { .body = "abc", .length = 3 };
    struct mbox_stat stat;
    char id[20], line[300], want[300];
    pid_t pid;
    int box = mbox_open("native proc ipc", O_CREAT | O_EXCL | O_RDWR, 0640, &attr);
    need(box >= 0 && mbox_stat(box, &stat) == 0);
    for (int i = 0; i < 3; i++)
        need(mbox_send(box, &m, 0, NOWAIT) == 0);
    snprintf(id, sizeof id, "mailbox:[%u]", stat.id);
    snprintf(want, sizeof want,
             "%s native\\040proc\\040ipc %u %u 0640 2 drop-oldest shared 2 6 3 0 1 "
             "senders=- receivers=-\n",
             id, geteuid(), getegid());
    ok(line_of("mailboxes", id, line, sizeof line), "a mailbox is listed by its id");
    is_text(line, want, "with name, owner, mode, capacity, policies and counts");
    need(mbox_unlink("native proc ipc") == 0);
    need(line_of("mailboxes", id, line, sizeof line));
    ok(strstr(line, " - "), "without a name it has none");
    close(box);
    ok(!line_of("mailboxes", id, line, sizeof line), "a mailbox that is gone is not");

    attr = (struct mbox_attr){ .capacity = 1 };
    box = mbox_open("native_proc_ipc", O_CREAT | O_EXCL | O_RDWR, 0640, &attr);
    need(box >= 0 && mbox_stat(box, &stat) == 0);
    snprintf(id, sizeof id, "mailbox:[%u]", stat.id);
    CHILD (pid)
        need(mbox_receive(box, &(struct msg){ 0 }, 0, FOREVER) == getppid());
    struct wait_line w = until_waits(pid, "message in mailbox");
    snprintf(want, sizeof want, "mailbox:[%u]", stat.id);
    is_text(w.object, want, "who receives waits for the mailbox");
    snprintf(want, sizeof want, " receivers=%d\n", pid);
    need(line_of("mailboxes", id, line, sizeof line));
    ok(strstr(line, want), "and is listed as waiting");
    m.length = 0;
    need(mbox_send(box, &m, 0, NOWAIT) == 0);
    is_exit(wait_for(pid), 0, "it has its message");
    need(mbox_send(box, &m, 0, NOWAIT) == 0);
    CHILD (pid)
        need(mbox_send(box, &m, 0, FOREVER) == 0);
    until_waits(pid, "mailbox with room");
    snprintf(want, sizeof want, " senders=%d receivers=-\n", pid);
    need(line_of("mailboxes", id, line, sizeof line));
    ok(strstr(line, want), "a sender that waits");
    end(pid);
    need(mbox_unlink("native_proc_ipc") == 0);
    close(box);
}

static void test_link(void) {
    struct link_attr queue = { .capacity = CAPACITY_UNBOUNDED };
    struct msg m = { .body = "hello", .length = 5 };
    char first[30], line[300], want[300];
    pid_t pid, self = getpid();
    CHILD (pid)
        need(msg_send(self, &m, MSG_SYNC, 1000000) == 0);
    struct wait_line w = until_waits(pid, "partner to receive");
    snprintf(want, sizeof want, "link:%d", self);
    is_text(w.object, want, "who sends over a link waits for its partner");
    is_text(w.pids, want + 5, "and who that is, is known");
    snprintf(first, sizeof first, "%d %d", pid, self);
    snprintf(want, sizeof want, "%s 0 0 0 0 0 0 0 senders=%d receivers=-\n", first,
             pid);
    ok(line_of("links", first, line, sizeof line),
       "each direction of a link is listed");
    is_text(line, want, "with capacity, what is queued and who waits");
    end(pid);
    need(link_open(self, &queue) == 0 && msg_send(self, &m, 0, NOWAIT) == 0);
    snprintf(first, sizeof first, "%d %d", self, self);
    snprintf(want, sizeof want, "%s unbounded 0 1 5 1 0 0 senders=- receivers=-\n",
             first);
    need(line_of("links", first, line, sizeof line));
    is_text(line, want, "and what is queued in it");
    snprintf(first, sizeof first, "%u messages 1", getuid());
    ok(line_of("limits", first, line, sizeof line),
       "what a user has queued is counted");
    ok(strstr(line, " bytes 5 ") && strstr(line, " mailboxes 0 "), "its bytes, too");
    need(link_close(self) == 0);
    CHILD (pid)
        need(msg_call(self, &m, &m, FOREVER) == 0);
    w = until_waits(pid, "answer to a call");
    snprintf(want, sizeof want, "%d", self);
    is_text(w.pids, want, "a call waits for its server");
    snprintf(first, sizeof first, "%d %d", pid, self);
    need(line_of("links", first, line, sizeof line));
    ok(strstr(line, " 1 senders="), "a call under way is counted");
    end(pid);
}

/* Processes are in /proc, not in the directories there. */
static void test_names(void) {
    struct stat st;
    is_errno(stat("/proc/ipc/1", &st), ENOENT, "process 1 is not in /proc/ipc");
}

int main(void) {
    test_names();
    test_pipe();
    test_mailbox();
    test_link();
    test_fifo();
    test_poll();
    test_child();
    test_futex();
    return done_testing();
}
