/* thread_exit.c - how a process of several threads ends. exit_group(2): "terminates not
 * only the calling thread, but all threads in the calling process's thread group";
 * execve(2): "All threads other than the calling thread are destroyed during an
 * execve()"; pthread_exit in the last thread: "The process shall exit with an exit
 * status of 0". The siblings are blocked in every kind of wait there is, or run.
 */
#include "tap.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/select.h>
#include <time.h>

static int empty[2], full[2];
static sem_t zero;
static pthread_mutex_t locked = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sigset_t none;
static pid_t child;
static pthread_t first;

static void in_read(void) {
    char c;
    read(empty[0], &c, 1);
}

static void in_write(void) {
    char text[4096] = "";
    write(full[1], text, sizeof text);
}

static void in_pause(void) {
    pause();
}

static void in_nanosleep(void) {
    sleep(100000);
}

static void in_poll(void) {
    struct pollfd p = { .fd = empty[0], .events = POLLIN };
    poll(&p, 1, -1);
}

static void in_poll_of_nothing(void) {
    poll(NULL, 0, 100000000);
}

static void in_select(void) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(empty[0], &set);
    select(empty[0] + 1, &set, NULL, NULL, NULL);
}

static void in_sem_wait(void) {
    sem_wait(&zero);
}

static void in_mutex(void) {
    pthread_mutex_lock(&locked);
}

static void in_cond_wait(void) {
    static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&m);
    pthread_cond_wait(&cond, &m);
}

static void in_join(void) {
    pthread_join(first, NULL);
}

static void in_sigwait(void) {
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &sig);
}

static void in_sigsuspend(void) {
    sigsuspend(&none);
}

static void in_waitpid(void) {
    waitpid(child, NULL, 0);
}

static void running(void) {
    for (volatile int i = 0;; i++)
        ;
}

static void yielding(void) {
    for (;;)
        sched_yield();
}

static void (*const kind[])(void) = {
    in_read, in_write,     in_pause,     in_nanosleep, in_poll,    in_poll_of_nothing,
    in_select, in_sem_wait, in_mutex,    in_cond_wait, in_join,    in_sigwait,
    in_sigsuspend, in_waitpid, running, yielding,
};
enum { KINDS = sizeof kind / sizeof *kind, SLEEPING = KINDS - 2 };

static pid_t tid[KINDS];
static sem_t started;

static void *sibling(void *index) {
    tid[(intptr_t)index] = gettid();
    sem_post(&started);
    kind[(intptr_t)index]();
    _exit(55);                                          // no wait may come back
}

/* In a child: start one thread of every kind and wait until the sleepers sleep. */
static void crowd(void) {
    char text[4096] = "";
    pthread_t t;
    need(pipe(empty) == 0 && pipe2(full, O_NONBLOCK) == 0);
    while (write(full[1], text, sizeof text) > 0)
        ;
    need(fcntl(full[1], F_SETFL, 0) == 0);
    CHILD (child) {                                     // ends when our descriptors do
        char c;
        close(empty[1]);
        need(read(empty[0], &c, 1) == 0);
    }
    first = pthread_self();
    need(sem_init(&zero, 0, 0) == 0 && sem_init(&started, 0, 0) == 0);
    need(pthread_mutex_lock(&locked) == 0);
    for (intptr_t i = 0; i < KINDS; i++)
        need(pthread_create(&t, NULL, sibling, (void *)i) == 0);
    for (int i = 0; i < KINDS; i++)
        need(sem_wait(&started) == 0);
    for (int i = 0; i < SLEEPING; i++)
        until_asleep(tid[i]);
}

static void *leave(void *unused) {
    (void)unused;
    exit(7);
}

static void *become(void *argument) {
    char *self = self_path(), pid[16];
    snprintf(pid, sizeof pid, "%d", getpid());
    execl(self, self, argument, pid, NULL);
    _exit(97);
}

static void *fault(void *nowhere) {
    *(volatile int *)nowhere = 1;
    return NULL;
}

static void ends(void) {
    struct gate gate;
    pthread_t t;
    pid_t pid;
    gate_init(&gate);
    CHILD (pid) {
        crowd();
        _exit(6);
    }
    is_exit(wait_for(pid), 6, "_exit with siblings blocked in %d ways", SLEEPING);
    CHILD (pid) {
        crowd();
        need(pthread_create(&t, NULL, leave, NULL) == 0);
        for (;;)
            pause();
    }
    is_exit(wait_for(pid), 7, "exit in a thread that is not the first");
    CHILD (pid) {
        crowd();
        gate_open(&gate);
        running();
    }
    gate_wait(&gate);
    need(kill(pid, SIGKILL) == 0);
    is_killed(wait_for(pid), SIGKILL, "SIGKILL with siblings blocked in %d ways",
              SLEEPING);
    CHILD (pid) {
        crowd();
        need(pthread_create(&t, NULL, fault, (void *)16) == 0);
        for (;;)
            pause();
    }
    is_killed(wait_for(pid), SIGSEGV, "a fault in one thread ends all");
    gate_close(&gate);
}

static volatile int made;

static void *sleep_for_ever(void *unused) {
    for (;;)
        pause();
    return unused;
}

static void *make_sleepers(void *unused) {
    pthread_t t;
    for (int i = 0; i < 4; i++) {
        need(pthread_create(&t, NULL, sleep_for_ever, NULL) == 0);
        made++;
    }
    return sleep_for_ever(unused);
}

/* execve(2): "all threads ... are destroyed"; the process ID stays, and the thread that
 * called exec has it as its thread ID from then on. */
static void execs(void) {
    pthread_t t;
    pid_t pid;
    CHILD (pid) {
        crowd();
        become("alone");
    }
    is_exit(wait_for(pid), 8, "exec with siblings blocked in %d ways", SLEEPING);
    CHILD (pid) {
        crowd();
        need(pthread_create(&t, NULL, become, "alone") == 0);
        for (;;)
            pause();
    }
    is_exit(wait_for(pid), 8,
            "exec in a thread that is not the first: same process ID");
    CHILD (pid)
        become("exec-last");
    is_exit(wait_for(pid), 8, "exec in a thread after the first thread has ended");
    CHILD (pid) {
        crowd();
        for (int i = 0; i < 3; i++)                     // only one can win
            need(pthread_create(&t, NULL, become, "alone") == 0);
        for (;;)
            pause();
    }
    is_exit(wait_for(pid), 8, "several threads call exec at the same time");
    int all = 1;
    for (int round = 0; round < 5; round++) {
        CHILD (pid) {
            for (int i = 0; i < 3; i++)
                need(pthread_create(&t, NULL, make_sleepers, NULL) == 0);
            while (made <= round)
                sched_yield();
            become("alone");
        }
        int status = wait_for(pid);
        all &= WIFEXITED(status) && WEXITSTATUS(status) == 8;
    }
    ok(all, "exec while siblings make threads");
}

static struct gate asleep;

static void *exec_when_told(void *unused) {
    char c;
    gate_open(&asleep);
    need(read(STDIN_FILENO, &c, 1) == 1);
    become("told");
    return unused;
}

/* signal(7): a signal for the process may be taken by "any one of the threads that does
 * not currently have the signal blocked", if not by one that ends, then by another. */
static void signal_meets_exec(void) {
    int p[2], all = 1;
    pthread_t t;
    pid_t pid;
    for (int round = 0; round < 10; round++) {
        gate_init(&asleep);
        need(pipe(p) == 0);
        CHILD (pid) {
            need(dup2(p[0], STDIN_FILENO) == STDIN_FILENO);
            need(close(p[0]) == 0 && close(p[1]) == 0);
            need(pthread_create(&t, NULL, exec_when_told, NULL) == 0);
            sleep_for_ever(NULL);
        }
        gate_wait(&asleep);
        need(write(p[1], "x", 1) == 1 && kill(pid, SIGTERM) == 0);
        need(close(p[0]) == 0 && close(p[1]) == 0);
        int status = wait_for(pid);
        all &= WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
        gate_close(&asleep);
    }
    ok(all, "a signal that a sibling was to take ends a program that execs");
}

static void *wait_for_end_of_file(void *fd) {
    char c;
    need(read((int)(intptr_t)fd, &c, 1) == 0);
    return NULL;
}

static void *nothing(void *unused) {
    return unused;
}

/* "The process shall exit with an exit status of 0 after the last thread has been
 * terminated." */
static void first_thread_leaves(void) {
    int p[2];
    char number[16], *self = self_path();
    pid_t pid;
    need(pipe(p) == 0 && fcntl(p[1], F_SETFD, FD_CLOEXEC) == 0);
    snprintf(number, sizeof number, "%d", p[0]);
    CHILD (pid)
        execl(self, self, "leave-first", number, NULL);
    until_state(pid, 'Z');                              // its first thread is gone
    is_int(waitpid(pid, NULL, WNOHANG), 0,
           "a process lives on when its first thread ends");
    is_int(kill(pid, 0), 0, "and can be signalled");
    close(p[1]);
    is_exit(wait_for(pid), 0, "its status is 0 when the last thread ends");
    close(p[0]);
    CHILD (pid)
        execl(self, self, "leave-last", "", NULL);
    is_exit(wait_for(pid), 0, "also when the first thread is the last");
}

/* The roles of the program when it executes itself. They are programs of their own and
 * not children by fork, because in a child musl 1.2.3 does not survive pthread_exit of
 * the first thread (nobody gives its thread list lock back). */
static int role(const char *name, const char *argument) {
    pthread_t t;
    if (strcmp(name, "exec-last") == 0) {
        need(pthread_create(&t, NULL, become, "alone") == 0);
        pthread_exit(NULL);
    }
    if (strcmp(name, "leave-first") == 0) {
        void *fd = (void *)(intptr_t)atoi(argument);
        need(pthread_create(&t, NULL, wait_for_end_of_file, fd) == 0);
        pthread_exit((void *)5);
    }
    if (strcmp(name, "leave-last") == 0) {
        need(pthread_create(&t, NULL, nothing, NULL) == 0
             && pthread_join(t, NULL) == 0);
        pthread_exit((void *)5);
    }
    if (strcmp(name, "told") == 0) {
        char c;
        while (read(STDIN_FILENO, &c, 1) > 0)
            ;
        _exit(9);
    }
    if (gettid() != getpid() || getpid() != atoi(argument))
        return 9;
    if (pthread_create(&t, NULL, nothing, NULL) != 0 || pthread_join(t, NULL) != 0)
        return 10;
    return 8;
}

int main(int argc, char **argv) {
    if (argc == 3)
        return role(argv[1], argv[2]);
    self_path();
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    need(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
    ends();
    execs();
    signal_meets_exec();
    first_thread_leaves();
    return done_testing();
}
