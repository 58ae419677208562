/* native_msg_handover.c - IPC(1.7): "A message is handed to a waiting receiver
 * directly. If it does not fit there (room, descriptor table, memory, bad address),
 * that receiver ends with EMSGSIZE, EMFILE, ENOMEM or EFAULT and the same message goes
 * to the next waiter at once, or stays." IPC(1.8): "A message handed to a receiver that
 * is killed before it returns to user mode counts as received."
 */
/* FEATURE(14): a message for a waiting receiver is not queued */
#include "native.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* A thread that receives from the parent, one way or another. */
struct receiver {
    pthread_t thread;
    struct msg m;
    int error;                                  /* 0: it has got the message */
    volatile int tid;
};

static pid_t parent;
static char texts[4][64];

static void *receive_once(void *argument) {
    struct receiver *r = argument;
    r->tid = (int)syscall(SYS_gettid);
    r->error = error_of(msg_receive(parent, &r->m, 0, FOREVER));
    return NULL;
}

/* Starts it, and waits until it waits: the first started has waited longest. */
static void start(struct receiver *r) {
    need(pthread_create(&r->thread, NULL, receive_once, r) == 0);
    while (r->tid == 0)
        sched_yield();
    until_asleep(r->tid);
}

static void join(struct receiver *r) {
    need(pthread_join(r->thread, NULL) == 0);
}

/* A child with these receivers in it tells whether all ended as expected. */
static void in_line(void) {
    struct receiver r[4] = { { .m = { .body = texts[0], .room = 3 } },
                             { .m = { .body = (void *)0xc0000000u, .room = 64 } },
                             { .m = { .body = texts[2], .room = 64 } },
                             { .m = { .body = texts[3], .room = 64 } } };
    for (int i = 0; i < 4; i++)
        start(&r[i]);
    for (int i = 0; i < 4; i++)
        join(&r[i]);
    need(r[0].error == EMSGSIZE && r[0].m.length == 5);
    need(r[1].error == EFAULT);
    need(r[2].error == 0 && has_body(&r[2].m, "first") && r[2].m.sequence == 1);
    need(r[3].error == 0 && has_body(&r[3].m, "second") && r[3].m.sequence == 2);
}

static void next_in_line(void) {
    pid_t pid;
    CHILD (pid)
        in_line();
    until_receivers(pid, 4);
    struct msg first = text_msg("first"), second = text_msg("second");
    is_int(msg_send(pid, &first, 0, NOWAIT), 0,
           "the one who can take it gets it, though two before could not");
    is_int(link_of(pid).out.queued, 0,
           "a message for a waiting receiver is not queued");
    is_int(link_of(pid).out.waiting_receivers, 1, "those who could not have gone on");
    is_int(msg_send(pid, &second, 0, NOWAIT), 0, "the next in line gets the next");
    is_exit(wait_for(pid), 0, "EMSGSIZE, EFAULT, and two messages");
}

/* IPC(1.7): "or stays": in the queue, or with its sender. */
static void stays(uint32_t capacity, const char *how) {
    pid_t pid;
    CHILD (pid) {
        struct receiver r = { .m = { .body = texts[0], .room = 3 } };
        struct msg m = room_msg(texts[1], 64);
        set_capacity(parent, capacity);
        r.error = error_of(msg_receive(parent, &r.m, 0, FOREVER));
        need(r.error == EMSGSIZE && r.m.length == 5);
        need(msg_receive(parent, &m, 0, FOREVER) == parent);
        need(has_body(&m, "first") && m.sequence == 1);
    }
    until_receivers(pid, 1);
    struct msg first = text_msg("first");
    is_int(msg_send(pid, &first, 0, FOREVER), 0, "%s: too long for the one who waits",
           how);
    is_exit(wait_for(pid), 0, "%s: it stays for the next receive", how);
}

/* IPC(1.7): descriptors that find no number. */
static void no_number_left(void) {
    pid_t pid;
    CHILD (pid) {
        struct rlimit limit = { 3, 3 };
        int fds[MSG_FDS_MAX];
        for (int fd = 3; fd < 20; fd++)
            close(fd);
        need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        struct msg m = { .fds = fds };
        need(msg_receive(parent, &m, 0, FOREVER) == -1 && errno == EMFILE);
        close(0);
        need(msg_receive(parent, &m, 0, FOREVER) == -1 && errno == EMFILE);
        close(2);
        need(msg_receive(parent, &m, 0, FOREVER) == parent);
        need(m.nfds == 2 && fds[0] == 0 && fds[1] == 2 && m.sequence == 1);
    }
    until_receivers(pid, 1);
    int fds[2] = { 1, 1 };
    struct msg m = { .nfds = 2, .fds = fds };
    is_int(msg_send(pid, &m, 0, FOREVER), 0, "descriptors for one who has no room");
    is_exit(wait_for(pid), 0, "EMFILE until there is room for both; the message stays");
}

/* IPC(1.7): pages to be moved to one who may not have as much memory. */
static void no_memory_left(void) {
    size_t size = 1 << 20;
    pid_t pid;
    CHILD (pid) {
        struct rlimit limit = { 512 << 10, RLIM_INFINITY }, old;
        struct msg m = { .room = (uint32_t)size };
        need(getrlimit(RLIMIT_AS, &old) == 0 && setrlimit(RLIMIT_AS, &limit) == 0);
        need(msg_receive(parent, &m, MSG_MOVE, FOREVER) == -1 && errno == ENOMEM);
        need(setrlimit(RLIMIT_AS, &old) == 0);
        m = (struct msg){ .room = (uint32_t)size };
        need(msg_receive(parent, &m, MSG_MOVE, FOREVER) == parent);
        need(m.length == size && m.sequence == 1 && *(char *)m.body == 'M');
    }
    char *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(pages != MAP_FAILED);
    *pages = 'M';
    struct msg m = { .body = pages, .length = (uint32_t)size };
    until_receivers(pid, 1);
    is_int(msg_send(pid, &m, MSG_MOVE, FOREVER), 0, "pages for one who has no memory");
    is_exit(wait_for(pid), 0, "ENOMEM until it may have it; the message stays");
}

/* IPC(1.7): the header itself cannot be written. */
static void bad_header(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        need(m != MAP_FAILED);
        *m = room_msg(texts[0], 64);
        need(mprotect(m, 4096, PROT_READ) == 0);
        need(msg_receive(parent, m, 0, FOREVER) == -1 && errno == EFAULT);
        struct msg good = room_msg(texts[0], 64);
        need(msg_receive(parent, &good, 0, FOREVER) == parent && good.sequence == 1);
        need(m->sender == 0);
    }
    struct msg first = text_msg("first");
    is_int(msg_send(pid, &first, 0, FOREVER), 0, "a header that cannot be written");
    is_exit(wait_for(pid), 0, "EFAULT; the message stays");
}

/* IPC(1.8): the sender comes before the receiver on their only CPU, so that this one
 * has the message but does not run any more. */
static void killed_with_the_message(void *unused) {
    struct sched_param high = { .sched_priority = 20 };
    cpu_set_t first;
    int death[2];
    pid_t pid;
    char c;
    (void)unused;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    need(sched_setaffinity(0, sizeof first, &first) == 0 && pipe(death) == 0);
    CHILD (pid) {
        struct msg m = room_msg(texts[0], 64);
        close(death[0]);
        msg_receive(getppid(), &m, 0, FOREVER);
        need(write(death[1], "r", 1) == 1);             // it came back
        pause();
    }
    close(death[1]);
    until_receivers(pid, 1);
    syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &high);      // root only
    struct msg m = text_msg("last");
    need(msg_send(pid, &m, MSG_SYNC, FOREVER) == 0);
    need(kill(pid, SIGKILL) == 0);
    need(link_of(pid).out.queued == 0);
    wait_for(pid);
    note("the receiver %s", read(death[0], &c, 1) ? "came back" : "never came back");
}

static void call_killed_with_the_request(void *unused) {
    (void)unused;
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(texts[0], 64);
        msg_receive(getppid(), &m, 0, FOREVER);
        kill(getpid(), SIGKILL);
    }
    struct msg q = text_msg("q"), a = room_msg(texts[1], 64);
    need(msg_call(pid, &q, &a, FOREVER) == -1 && errno == ESRCH);
    wait_for(pid);
}

int main(void) {
    parent = getpid();
    next_in_line();
    stays(5, "queued");
    stays(CAPACITY_ZERO, "rendezvous");
    no_number_left();
    no_memory_left();
    bad_header();
    is_exit(in_child(killed_with_the_message, NULL), 0,
            "handed to one who is killed on the way out: it counts as received");
    is_exit(in_child(call_killed_with_the_request, NULL), 0,
            "a call that was handed over so ends with ESRCH");
    return done_testing();
}
