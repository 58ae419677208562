/* native_msg_ways.c - IPC(1.4): "`timeout_ms` is the one knob for blocking", for the
 * sender and for the receiver apart: all four ways together deliver everything.
 * IPC(1.9): "MSG_SYNC: the send ends when the message has been received, whatever the
 * capacity"; without it, at once. And what is divided among processes is done at the
 * same time. Needs root.
 */
/* FEATURE(66): blocking or not, on either side: all parts come, in order: %s */
/* FEATURE(67): asynchronous is cheaper: the sender sleeps less often */
/* FEATURE(67): synchronous is sooner: nothing is on the way when the sender goes on */
/* FEATURE(4): as many workers as CPUs compute at the same moment */
/* FEATURE(4): each part of the work is done once, by whoever was free */
#include "native.h"

#include <sys/resource.h>
#include <sys/syscall.h>

enum { PARTS = 40 };

static const struct msg nothing;

/* Starts when it is sent a message; then sends all parts. */
static pid_t sender(int flags, int timeout) {
    pid_t pid;
    CHILD (pid) {
        struct msg go = nothing;
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        for (uint32_t i = 0; i < PARTS; i++) {
            struct msg m = { .type = i };
            while (msg_send(getppid(), &m, flags, timeout) == -1) {
                need(timeout == NOWAIT && errno == EAGAIN);
                sched_yield();
            }
        }
    }
    return pid;
}

static void four_ways(void) {
    static const char *const names[] = { "both block", "only the receiver blocks",
                                         "only the sender blocks", "neither blocks" };
    for (int way = 0; way < 4; way++) {
        int sending = way & 1 ? NOWAIT : FOREVER,
            receiving = way & 2 ? NOWAIT : FOREVER;
        pid_t pid = sender(0, sending);
        struct msg m = nothing;
        uint32_t next = 0;
        set_capacity(pid, 2);
        need(msg_send(pid, &nothing, 0, FOREVER) == 0);
        while (next < PARTS) {
            if (msg_receive(pid, &m, 0, receiving) == pid)
                need(m.type == next++);
            else
                need(receiving == NOWAIT && errno == EAGAIN && sched_yield() == 0);
        }
        is_exit(wait_for(pid), 0,
                "blocking or not, on either side: all parts come, in order: %s",
                names[way]);
    }
}

/* How often the sender slept. *on_the_way: what was not received when it had ended. */
static long sleeps(int flags, uint32_t *on_the_way) {
    struct rusage before, after;
    uint32_t received = 0;
    struct msg m = nothing;
    need(getrusage(RUSAGE_CHILDREN, &before) == 0);
    pid_t pid = sender(flags, FOREVER);
    set_capacity(pid, CAPACITY_UNBOUNDED);
    need(msg_send(pid, &nothing, 0, FOREVER) == 0);
    for (; flags && received < PARTS; received++) {
        until_senders(pid, 1);
        need(msg_receive(pid, &m, 0, FOREVER) == pid);
    }
    is_exit(wait_for(pid), 0, "the sender has sent all");
    *on_the_way = PARTS - received;
    for (uint32_t i = 0; i < *on_the_way; i++)
        need(msg_receive(pid, &m, 0, NOWAIT) == pid && m.type == i);
    need(getrusage(RUSAGE_CHILDREN, &after) == 0);
    return after.ru_nvcsw - before.ru_nvcsw;
}

static void sync_and_async(void) {
    uint32_t late, early;
    long sync = sleeps(MSG_SYNC, &early), async = sleeps(0, &late);
    ok(sync >= PARTS && async < PARTS / 2,
       "asynchronous is cheaper: the sender sleeps less often");
    note("asleep %ld and %ld times", sync, async);
    ok(early == 0 && late == PARTS,
       "synchronous is sooner: nothing is on the way when the sender goes on");
}

static struct {
    volatile int arrived;
    int done[PARTS];
} * shared;

static void pin(int cpu) {
    unsigned long one = 1ul << cpu;
    need(sched_setaffinity(0, sizeof one, (void *)&one) == 0);
}

/* Each CPU has a worker that nobody may interrupt and that waits, computing, for all
 * others to compute as well. */
static void at_once(void) {
    unsigned long cpus = 0;
    pid_t pids[32];
    int count = 0, good = 0;
    need(sched_getaffinity(0, sizeof cpus, (void *)&cpus) == 0);
    int all = __builtin_popcountl(cpus);
    for (int cpu = 0; cpu < 32; cpu++)
        if (cpus >> cpu & 1)
            CHILD (pids[count++]) {
                struct sched_param p = { .sched_priority = 5 };
                pin(cpu);
                need(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p) == 0);
                __atomic_add_fetch(&shared->arrived, 1, __ATOMIC_SEQ_CST);
                while (shared->arrived < all)
                    ;
            }
    for (int i = 0; i < count; i++)
        good += wait_for(pids[i]) == 0;
    is_int(good, all, "as many workers as CPUs compute at the same moment");
}

/* Workers fetch parts by msg_call until there are no more. */
static void divided(void) {
    enum { WORKERS = 3 };
    pid_t pids[WORKERS];
    int once = 0, open = WORKERS;
    uint32_t next = 0;
    for (int i = 0; i < WORKERS; i++)
        CHILD (pids[i]) {
            struct msg part = nothing;
            while (msg_call(getppid(), &nothing, &part, FOREVER) == 0
                   && part.type < PARTS)
                shared->done[part.type]++;
        }
    while (open > 0) {
        struct msg m = nothing;
        pid_t who = msg_receive(MSG_ANY, &m, 0, FOREVER);
        need(who > 0);
        open -= next >= PARTS;
        m.type = next++;
        need(msg_reply(who, &m) == 0);
    }
    for (int i = 0; i < WORKERS; i++)
        is_exit(wait_for(pids[i]), 0, "a worker");
    for (int i = 0; i < PARTS; i++)
        once += shared->done[i] == 1;
    is_int(once, PARTS, "each part of the work is done once, by whoever was free");
}

int main(void) {
    shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(shared != MAP_FAILED);
    four_ways();
    sync_and_async();
    at_once();
    divided();
    return done_testing();
}
