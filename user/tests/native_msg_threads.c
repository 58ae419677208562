/* native_msg_threads.c - IPC(2.9): "Any thread of a process may receive what is sent to
 * the process." And any may call, answer and send; a message is for one of them.
 */
#include "native.h"

#include <pthread.h>
#include <sys/syscall.h>

enum { N = 4 };

static pid_t parent;
static volatile int received;
static volatile int tids[N];

static void wait_until_asleep(int i) {
    while (tids[i] == 0)
        sched_yield();
    until_asleep(tids[i]);
}

/* Receives one message and adds its type to what the process has got. */
static void *receive_one(void *argument) {
    int i = (int)(intptr_t)argument;
    struct msg m = { 0 };
    tids[i] = (int)syscall(SYS_gettid);
    need(msg_receive(i % 2 ? MSG_ANY : parent, &m, 0, FOREVER) == parent);
    need(m.receiver == getpid() && m.sender == parent);
    __atomic_add_fetch(&received, (int)m.type, __ATOMIC_RELAXED);
    return (void *)(intptr_t)m.type;
}

/* The one that has waited longest gets the first. */
static void several_wait(void) {
    pid_t pid;
    CHILD (pid) {
        pthread_t threads[N];
        for (intptr_t i = 0; i < N; i++) {
            need(pthread_create(&threads[i], NULL, receive_one, (void *)i) == 0);
            wait_until_asleep((int)i);
        }
        struct msg m = { 0 };
        m.type = 100;
        need(msg_receive(parent, &m, MSG_TYPE, FOREVER) == parent);
        for (intptr_t i = 0; i < N; i++) {
            void *type;
            need(pthread_join(threads[i], &type) == 0 && (intptr_t)type == i + 1);
        }
        need(received == 1 + 2 + 3 + 4);
    }
    until_receivers(pid, N + 1);
    for (uint32_t i = 1; i <= N; i++) {
        struct msg m = { .type = i };
        is_int(msg_send(pid, &m, 0, NOWAIT), 0, "%u threads wait for a message",
               N - i + 1);
    }
    struct msg m = { .type = 9 };
    is_errno(msg_send(pid, &m, 0, NOWAIT), EAGAIN, "then none but one of another kind");
    m.type = 100;
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "each has got one, in the order in which they waited");
}

/* The first thread may end; the process is still there for the others. */
static void *outlive(void *argument) {
    (void)argument;
    until_state(getpid(), 'Z');
    struct msg m = { 0 };
    need(msg_receive(parent, &m, 0, FOREVER) == parent && m.receiver == getpid());
    need(msg_reply(parent, &m) == 0);
    exit(7);
}

static void first_thread_ends(void) {
    pid_t pid;
    CHILD (pid) {
        pthread_t thread;
        need(pthread_create(&thread, NULL, outlive, NULL) == 0);
        pthread_exit(NULL);
    }
    struct msg m = { 0 };
    is_int(msg_call(pid, &m, &m, FOREVER), 0, "a process lives in its last thread");
    is_exit(wait_for(pid), 7, "which has received");
}

/* A number that is a thread's and no process's. */
static void thread_is_no_partner(void) {
    int *shared = shared_memory(sizeof *shared);
    pid_t pid;
    CHILD (pid) {
        pthread_t thread;
        need(pthread_create(&thread, NULL, receive_one, NULL) == 0);
        wait_until_asleep(0);
        *(volatile int *)shared = tids[0];
        pthread_join(thread, NULL);
    }
    while (*(volatile int *)shared == 0)
        sched_yield();
    struct msg m = { .type = 1 };
    is_errno(msg_send(*shared, &m, 0, NOWAIT), ESRCH, "a thread is no partner: ESRCH");
    is_int(msg_send(pid, &m, 0, FOREVER), 0, "its process is");
    wait_for(pid);
    munmap(shared, sizeof *shared);
}

/* N threads call at once; each gets the answer to its own question. */
static void *call_one(void *argument) {
    int i = (int)(intptr_t)argument;
    for (int round = 0; round < 8; round++) {
        int question = i * 100 + round, result = 0;
        struct msg q = { .body = &question, .length = sizeof question };
        struct msg a = { .body = &result, .room = sizeof result };
        need(msg_call(parent, &q, &a, FOREVER) == 0);
        need(a.length == sizeof result && result == question * 2 + 1);
        need(a.sender == parent && a.caller == 0);
    }
    return NULL;
}

static void *answer_all(void *argument) {
    pid_t who = 0;
    int value = 0;
    struct msg m = { .body = &value, .room = sizeof value };
    while ((who = msg_reply_receive(who, &m, &m, FOREVER)) > 0 && m.type != 1)
        value = value * 2 + 1;
    need(who > 0);
    return argument;
}

static void calls_at_once(void) {
    pid_t pid;
    pthread_t threads[2];
    CHILD (pid) {
        pthread_t callers[N];
        for (intptr_t i = 0; i < N; i++)
            need(pthread_create(&callers[i], NULL, call_one, (void *)i) == 0);
        for (int i = 0; i < N; i++)
            need(pthread_join(callers[i], NULL) == 0);
        struct msg end = { .type = 1 };
        need(msg_send(parent, &end, 0, FOREVER) == 0);
        need(msg_send(parent, &end, 0, FOREVER) == 0);
    }
    for (int i = 0; i < 2; i++)
        need(pthread_create(&threads[i], NULL, answer_all, NULL) == 0);
    is_exit(wait_for(pid), 0, "4 threads call, 2 answer: each gets its own answer");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* Threads of one process may talk to each other over the link to oneself. */
static void *to_myself(void *argument) {
    struct msg m = { .type = 5 };
    need(msg_send(getpid(), &m, 0, FOREVER) == 0);
    return argument;
}

static void oneself(void) {
    pthread_t thread;
    struct msg m = { 0 };
    need(pthread_create(&thread, NULL, to_myself, NULL) == 0);
    is_int(msg_receive(getpid(), &m, 0, FOREVER), getpid(),
           "one thread sends, another receives");
    ok(m.type == 5 && m.sender == getpid() && m.receiver == getpid(), "as one process");
    pthread_join(thread, NULL);
}

/* exec by another thread, and exit, while one waits: nothing of the wait is left. */
static void *wait_for_ever(void *argument) {
    struct msg m = { 0 };
    tids[(intptr_t)argument] = (int)syscall(SYS_gettid);
    if ((intptr_t)argument == 0)
        msg_receive(MSG_ANY, &m, 0, FOREVER);
    else if ((intptr_t)argument == 1)
        msg_receive(parent, &m, 0, FOREVER);
    else if ((intptr_t)argument == 2)
        msg_call(parent, &m, &m, FOREVER);
    else
        msg_send(parent, &m, 0, FOREVER);
    _exit(1);
}

static void exit_with_waits(char *self) {
    for (int exec = 0; exec < 2; exec++) {
        pid_t pid;
        CHILD (pid) {
            pthread_t thread;
            char *arguments[] = { self, "exec", NULL };
            for (intptr_t i = 0; i < N; i++) {
                need(pthread_create(&thread, NULL, wait_for_ever, (void *)i) == 0);
                wait_until_asleep((int)i);
            }
            if (exec)
                execv(self, arguments);
            exit(3);
        }
        is_exit(wait_for(pid), 3,
                exec ? "execve ends the waits of other threads" : "exit does");
        struct msg m = { 0 };
        is_errno(msg_receive(pid, &m, 0, NOWAIT), ESRCH, "nothing of them is left");
    }
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        struct link_stat s = link_of(getppid());
        need(s.in.waiting_receivers == 0 && s.out.waiting_senders == 0 && s.calls == 0);
        exit(3);
    }
    char *self = self_path();
    parent = getpid();
    several_wait();
    first_thread_ends();
    thread_is_no_partner();
    calls_at_once();
    oneself();
    exit_with_waits(self);
    return done_testing();
}
