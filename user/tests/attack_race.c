/* attack_race.c - two threads or processes do to one object what does not go together:
 * close while another reads, two waits for one child, signals to the dying, exec
 * against fork. pthreads(7), POSIX 2.9.7: these calls "shall be atomic with respect to
 * each other"; whoever comes second finds nothing (EBADF, ECHILD, ESRCH), and nothing
 * is lost or done twice.
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <sys/resource.h>

enum { ROUNDS = 150 };

static pthread_barrier_t start;
static int p[2];
static volatile int stop;

static void meet(void) {
    pthread_barrier_wait(&start);
}

/* --- close and dup2 of a descriptor that another thread uses ---------------------- */

static volatile int bad;

static void *use(void *unused) {
    char c;
    while (!stop) {
        ssize_t n = write(p[1], "x", 1);
        if (n != 1 && !(n == -1 && errno == EBADF))
            bad++;
        n = read(p[0], &c, 1);                      // 0: only the write end is replaced
        if (n != 1 && n != 0 && !(n == -1 && (errno == EBADF || errno == EAGAIN)))
            bad++;
    }
    return unused;
}

static void close_in_use(void) {
    int q[2];
    pthread_t t;
    bad = stop = 0;
    need(pipe2(p, O_NONBLOCK) == 0 && pipe2(q, O_NONBLOCK) == 0);
    need(pthread_create(&t, NULL, use, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        char c;
        close(p[1]);
        sched_yield();
        need(dup2(q[1], p[1]) == p[1]);                 // now both write to q
        close(p[0]);
        need(dup2(q[0], p[0]) == p[0]);
        while (read(q[0], &c, 1) == 1)
            ;
    }
    stop = 1;
    pthread_join(t, NULL);
    is_int(bad, 0, "descriptors closed and replaced in use: a byte, or EBADF");
    for (int i = 0; i < 2; i++)
        close(p[i]), close(q[i]);
}

static void *blocked_read(void *unused) {
    char c = 0;
    (void)unused;
    meet();
    return (void *)read(p[0], &c, 1);
}

/* A read in progress holds its file: closing the number does not disturb it. */
static void close_under_a_sleeper(void) {
    pthread_t t;
    void *n;
    int right = 0;
    for (int i = 0; i < 10; i++) {
        need(pipe(p) == 0 && pthread_create(&t, NULL, blocked_read, NULL) == 0);
        meet();
        for (int j = 0; j < i * 10; j++)
            sched_yield();                              // mostly it sleeps by now
        int copy = dup(p[0]);
        close(p[0]);
        need(copy >= 0 && write(p[1], "x", 1) == 1);
        need(pthread_join(t, &n) == 0);
        right += (ssize_t)n == 1 || (ssize_t)n == -1;   // -1: it had not begun
        close(copy);
        close(p[1]);
    }
    is_int(right, 10, "a sleeping read survives the close of its descriptor");
}

/* --- two waits for one child ------------------------------------------------------ */

static void *wait_too(void *pid) {
    meet();
    return (void *)(intptr_t)(waitpid(*(pid_t *)pid, NULL, 0) > 0);
}

static void two_waits(void) {
    int right = 0;
    for (int i = 0; i < 40; i++) {
        pthread_t t[2];
        void *got[2];
        pid_t pid;
        CHILD (pid)
            if (i % 2)
                sched_yield();
        for (int j = 0; j < 2; j++)
            need(pthread_create(&t[j], NULL, wait_too, &pid) == 0);
        for (int j = 0; j < 2; j++)
            need(pthread_join(t[j], &got[j]) == 0);
        right += (intptr_t)got[0] + (intptr_t)got[1] == 1;
    }
    is_int(right, 40, "two threads wait for one child: exactly one gets it");
}

/* --- signals to processes and threads that are just ending ------------------------ */

static void signals_to_the_dying(void) {
    int wrong = 0;
    for (int i = 0; i < 40; i++) {
        pid_t pid;
        CHILD (pid)
            for (int j = 0; j < i % 5; j++)
                sched_yield();
        for (int j = 0; j < 5; j++)
            wrong += kill(pid, j % 2 ? SIGCONT : SIGURG) != 0;  // a zombie at the least
        wrong += wait_for(pid) != 0;
    }
    is_int(wrong, 0, "harmless signals to ending children");
    int killed = 0, ended = 0;
    for (int i = 0; i < 40; i++) {
        pid_t pid;
        CHILD (pid)
            for (int j = 0; j < i; j++)
                raw(SYS_sched_yield);
        need(kill(pid, SIGKILL) == 0);
        int status = wait_for(pid);
        killed += status == SIGKILL;
        ended += status == 0;
    }
    is_int(killed + ended, 40, "SIGKILL to ending children: killed, or ended before");
    note("%d killed, %d ended", killed, ended);
}

static void *nothing(void *unused) {
    return unused;
}

static void tkill_to_the_dying(void) {
    int wrong = 0;
    for (int i = 0; i < 60; i++) {
        pthread_t t;
        need(pthread_create(&t, NULL, nothing, NULL) == 0);
        int e = pthread_kill(t, SIGURG);
        wrong += e != 0 && e != ESRCH;
        need(pthread_join(t, NULL) == 0);
    }
    is_int(wrong, 0, "signals to ending threads");
}

/* --- exec and exit against fork, threads that come and go ------------------------- */

static void *fork_for_ever(void *unused) {
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
    return unused;
}

static void *threads_for_ever(void *unused) {
    pthread_t t;
    for (;;)
        if (pthread_create(&t, NULL, nothing, NULL) == 0)
            pthread_join(t, NULL);
    return unused;
}

static void busy_process(int how) {
    pthread_t t;
    char *self = self_path();
    need(pthread_create(&t, NULL, fork_for_ever, NULL) == 0);
    need(pthread_create(&t, NULL, threads_for_ever, NULL) == 0);
    for (int i = 0; i < 20; i++)
        raw(SYS_sched_yield);
    if (how == 0)
        execl(self, self, "end", NULL);
    if (how == 1)
        _exit(8);
    for (;;)
        raw(SYS_sched_yield);
}

static void end_in_the_middle(void) {
    int right[3] = { 0 };
    for (int i = 0; i < 15; i++) {
        pid_t pid;
        int how = i % 3;
        CHILD (pid)
            busy_process(how);
        if (how == 2) {
            for (int j = 0; j < 10; j++)
                sched_yield();
            kill(pid, SIGKILL);
        }
        int status = wait_for(pid);
        right[how] += status == (how == 2 ? SIGKILL : 8 << 8);
    }
    is_int(right[0], 5, "exec while other threads fork and make threads");
    is_int(right[1], 5, "exit likewise");
    is_int(right[2], 5, "SIGKILL likewise");
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return 8;
    self_path();
    need(pthread_barrier_init(&start, NULL, 2) == 0);
    close_in_use();
    close_under_a_sleeper();
    two_waits();
    signals_to_the_dying();
    tkill_to_the_dying();
    end_in_the_middle();
    return done_testing();
}
