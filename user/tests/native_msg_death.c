/* native_msg_death.c - IPC(2.8): "Nobody there: ESRCH. A partner that dies while one
 * waits for it: ESRCH, after what it had sent has been received. Ids of processes and
 * threads are never used twice while the machine runs, so an old id never means a
 * stranger."
 */
/* FEATURE(43): a partner started anew has another number, the old one is ESRCH */
/* FEATURE(119): a dead partner ends a wait for it */
#include "native.h"

#include <pthread.h>
#include <sys/syscall.h>

static char text[64];

/* --- ways to wait for a partner: error_of each ------------------------------------ */

static int in_receive(pid_t to) {
    struct msg r = room_msg(text, sizeof text);
    return error_of(msg_receive(to, &r, 0, FOREVER));
}

static int in_receive_type(pid_t to) {
    struct msg r = room_msg(text, sizeof text);
    r.type = 5;
    return error_of(msg_receive(to, &r, MSG_TYPE, 1000000));
}

static int in_send(pid_t to) {
    struct msg m = text_msg("x");
    return error_of(msg_send(to, &m, 0, FOREVER));
}

/* Into a queue with one place. */
static int in_second_send(pid_t to) {
    int error = in_send(to);
    return error ? error : in_send(to);
}

static int in_sync_send(pid_t to) {
    struct msg m = text_msg("x");
    return error_of(msg_send(to, &m, MSG_SYNC, 1000000));
}

static int in_call(pid_t to) {
    struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
    return error_of(msg_call(to, &m, &r, FOREVER));
}

static const struct {
    int (*wait)(pid_t to);
    const char *name;
} waits[] = { { in_receive, "msg_receive" },
              { in_receive_type, "msg_receive MSG_TYPE" },
              { in_send, "msg_send" },
              { in_second_send, "msg_send, full" },
              { in_sync_send, "MSG_SYNC" },
              { in_call, "msg_call" } };
enum { WAITS = sizeof waits / sizeof *waits };

/* A partner that has a queue and takes `takes` messages, then dies of a signal when it
 * is told to, or exits. */
static pid_t victim(uint32_t capacity, int takes) {
    pid_t pid;
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        set_capacity(getppid(), capacity);
        for (int i = 0; i < takes; i++)
            need(msg_receive(MSG_ANY, &r, 0, FOREVER) > 0);
        pause();
    }
    while (link_of(pid).out.capacity != (capacity ? capacity : CAPACITY_ZERO))
        sched_yield();
    return pid;
}

/* Another child waits for the victim, which is then killed. */
static void killed(int i, uint32_t capacity, int takes, const char *how) {
    pid_t pid = victim(capacity, takes), waiting;
    CHILD (waiting)
        _exit(waits[i].wait(pid));
    until_asleep(waiting);
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "%s, %s: the partner dies", waits[i].name, how);
    is_exit(wait_for(waiting), ESRCH, "a dead partner ends a wait for it");
}

/* A call is in its second phase when the victim, a child of the caller, has it. */
static void killed_with_a_call(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
        raise(SIGKILL);
    }
    is_int(in_call(pid), ESRCH, "a call that was received ends with its server");
    wait_for(pid);
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
        _exit(3);
    }
    is_int(in_call(pid), ESRCH, "one that exits instead of dying of a signal too");
    is_exit(wait_for(pid), 3, "it has exited");
}

static void nobody(void) {
    pid_t pid;
    struct gate go;
    gate_init(&go);
    CHILD (pid)
        gate_wait(&go);
    gate_open(&go);
    until_state(pid, 'Z');
    for (int i = 0; i < WAITS; i++)
        is_int(waits[i].wait(pid), ESRCH, "%s: ESRCH: a zombie", waits[i].name);
    is_errno(msg_notify(pid, 1), ESRCH, "msg_notify: ESRCH: a zombie");
    is_errno(link_open(pid, NULL), ESRCH, "link_open: ESRCH: a zombie");
    wait_for(pid);
    for (int i = 0; i < WAITS; i++)
        is_int(waits[i].wait(pid), ESRCH, "%s: ESRCH: nobody", waits[i].name);
    gate_close(&go);
}

/* "after what it had sent has been received". */
static void last_words(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg go = { 0 }, m = text_msg("first"), n = text_msg("last");
        need(msg_receive(getppid(), &go, 0, FOREVER) == getppid());
        need(msg_send(getppid(), &m, 0, NOWAIT) == 0);
        need(msg_send(getppid(), &n, 0, NOWAIT) == 0);
        need(msg_notify(getppid(), 4) == 0);
    }
    set_capacity(pid, 5);
    struct msg m = { 0 };
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    wait_for(pid);
    struct msg r = room_msg(text, sizeof text);
    is_int(msg_receive(pid, &r, 0, FOREVER), pid, "the dead one's notification");
    ok(r.type == MSG_NOTIFICATION && r.bits == 4, "with its bits");
    r = room_msg(text, sizeof text);
    is_int(msg_receive(pid, &r, 0, FOREVER), pid, "what it had sent is received");
    ok(has_body(&r, "first"), "the first");
    r = room_msg(text, sizeof text);
    ok(msg_receive(MSG_ANY, &r, 0, FOREVER) == pid && has_body(&r, "last"),
       "and the last, by one who receives from anyone");
    is_errno(msg_receive(pid, &r, 0, FOREVER), ESRCH, "then there is nobody any more");
    is_errno(msg_receive(MSG_ANY, &r, 0, NOWAIT), EAGAIN, "anyone is still somebody");
}

/* Who receives from anyone is not ended by the death of one. */
static void anyone_is_left(void) {
    pid_t pid, other;
    CHILD (pid) {
        struct msg r = room_msg(text, sizeof text);
        need(msg_receive(MSG_ANY, &r, 0, FOREVER) != getppid());
        need(msg_receive(MSG_ANY, &r, 0, FOREVER) == getppid());
    }
    CHILD (other)
        need(in_send(pid) == 0);
    wait_for(other);
    until_asleep(pid);
    need(in_send(pid) == 0);
    is_exit(wait_for(pid), 0, "MSG_ANY waits on when one partner dies");
}

static void *nothing(void *argument) {
    return (void *)syscall(SYS_gettid, argument);
}

static void never_twice(void) {
    enum { N = 40 };
    pid_t last = getpid(), first = 0;
    int rising = 1;
    for (int i = 0; i < N; i++) {
        pid_t pid;
        pthread_t thread;
        void *tid;
        CHILD (pid)
            _exit(0);
        wait_for(pid);
        rising &= pid > last;
        need(pthread_create(&thread, NULL, nothing, NULL) == 0);
        need(pthread_join(thread, &tid) == 0);
        last = (pid_t)(intptr_t)tid;
        rising &= last > pid;
        first = first ? first : pid;
    }
    ok(rising, "numbers of processes and threads only rise");
    is_int(in_send(first), ESRCH,
           "a partner started anew has another number, the old one is ESRCH");
}

/* A program that is replaced by execve is no death: whoever waits for it waits on. */
static void exec_is_no_death(char *self) {
    char *arguments[] = { self, "exec", NULL };
    pid_t pid;
    CHILD (pid)
        execv(self, arguments);
    struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
    is_int(msg_call(pid, &q, &a, FOREVER), 0, "execve is no death: a call waits on");
    wait_for(pid);
}

static void after_exec(void) {
    struct msg r = room_msg(text, sizeof text);
    need(msg_receive(getppid(), &r, 0, FOREVER) == getppid());
    need(msg_reply(getppid(), &r) == 0);
    exit(0);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        after_exec();
    char *self = self_path();
    for (int i = 0; i < WAITS; i++)
        killed(i, 0, 0, "never receives");
    killed(3, 1, 0, "has a queue of one");
    killed(4, 5, 0, "has a queue");
    killed(5, 5, 0, "has a queue");
    killed(5, 0, 1, "has received it");
    killed_with_a_call();
    nobody();
    last_words();
    anyone_is_left();
    never_twice();
    exec_is_no_death(self);
    return done_testing();
}
