/* attack_bomb.c - fork bombs, thread bombs, floods of zombies, descriptors and pipes,
 * by a user with a limit on each. getrlimit(2), RLIMIT_NPROC: "a limit on the number of
 * extant process (or, more precisely on Linux, threads) for the real user ID ...
 * fork(2) fails with the error EAGAIN"; pipe(7). The limit holds, root's processes do
 * not notice, and all comes back when the bomb has been put out.
 */
#include "tap.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { LIMIT = 24 };

static int alone;               /* nothing else runs for this user */

/* In a child of root: be a user of whom nothing else runs; anyone else stays who he is.
 */
static void be_alone(void) {
    uid_t user = 100000 + (uid_t)getppid();             // of this run only
    alone = geteuid() == 0;
    need(!alone || (setgid(user) == 0 && setuid(user) == 0));
}

/* A user who may have at most LIMIT processes, this one included. */
static void limited_user(void) {
    struct rlimit r = { LIMIT, LIMIT };
    be_alone();
    need(setrlimit(RLIMIT_NPROC, &r) == 0);
}

/* One process forks until it fails; the children sleep. */
static void fork_flood(void *unused) {
    struct gate gate;
    int made[2];
    pid_t pid;
    (void)unused;
    gate_init(&gate);
    limited_user();
    for (int round = 0; round < 2; round++) {
        int n = 0;
        while (n < LIMIT && (pid = fork()) > 0)
            n++;
        if (pid == 0) {
            tap.is_child = 1;
            gate_wait(&gate);
            _exit(0);
        }
        need(errno == EAGAIN && n < LIMIT && (!alone || n == LIMIT - 1));
        made[round] = n;
        for (int i = 0; i < n; i++)
            gate_open(&gate);
        while (n > 0 && waitpid(-1, NULL, 0) > 0)
            n--;
    }
    need(!alone || made[0] == made[1]);                 // all places came back
}

/* Zombies count: they hold a place until they are waited for. */
static void zombie_flood(void *unused) {
    pid_t pid;
    int n = 0;
    (void)unused;
    limited_user();
    while (n < LIMIT && (pid = fork()) > 0) {
        until_state(pid, 'Z');
        n++;
    }
    if (pid == 0)
        _exit(3);
    need(errno == EAGAIN && n < LIMIT);
    if (!alone)
        return;                                         // others may take the places
    need(waitpid(-1, NULL, 0) > 0);
    need((pid = fork()) >= 0);                          // one place is free again
    if (pid == 0)
        _exit(3);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void *sleeper(void *unused) {
    for (;;)
        pause();
    return unused;
}

static void thread_flood(void *unused) {
    pthread_attr_t attr;
    pthread_t t;
    int n = 0, e = 0;
    (void)unused;
    limited_user();
    need(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, 16384) == 0);
    while (n < LIMIT && (e = pthread_create(&t, &attr, sleeper, NULL)) == 0)
        n++;
    need(e == EAGAIN && n < LIMIT);
    pid_t pid = fork();
    need(pid == -1 && errno == EAGAIN);             // threads and processes count alike
}

/* Every child forks again and again, for ever; put out with SIGKILL to the group. */
static void explode(void) {
    for (;;)
        if (fork() == -1)
            sched_yield();
}

static void bomb(void *unused) {
    struct gate ready;
    pid_t pid;
    (void)unused;
    prctl(PR_SET_CHILD_SUBREAPER, 1);                   // Linux: orphans come here
    gate_init(&ready);
    CHILD (pid) {
        need(setpgid(0, 0) == 0);
        limited_user();
        gate_open(&ready);
        explode();
    }
    gate_wait(&ready);
    for (int i = 0; i < 30; i++) {                      // others still get to work
        pid_t mine;
        CHILD (mine)
            sched_yield();
        need(wait_for(mine) == 0);
    }
    while (kill(-pid, SIGKILL) == 0)
        while (waitpid(-1, NULL, WNOHANG) > 0)
            sched_yield();
    while (waitpid(-1, NULL, 0) > 0)
        ;
    need(errno == ECHILD);
}

/* Every descriptor a pipe, every pipe full; then a child that has them all as well. */
static void pipe_flood(void *unused) {
    struct rlimit r = { 200, 200 };
    char text[4096];
    int p[2], n = 0;
    pid_t pid;
    (void)unused;
    be_alone();
    need(setrlimit(RLIMIT_NOFILE, &r) == 0);
    memset(text, 'f', sizeof text);
    while (pipe2(p, O_NONBLOCK) == 0) {
        while (write(p[1], text, sizeof text) > 0)
            ;
        need(errno == EAGAIN);
        n++;
    }
    need((errno == EMFILE || errno == ENFILE) && n > 50);
    CHILD (pid)
        need(dup(1) == -1 || dup(1) == -1);             // at most one is left
    need(wait_for(pid) == 0);
    for (int fd = 3; fd < 200; fd++)
        close(fd);
    need(pipe(p) == 0 && write(p[1], text, 1) == 1 && read(p[0], text, 1) == 1);
}

static void run(void (*function)(void *), const char *name) {
    is_exit(in_child(function, NULL), 0, "%s", name);
}

int main(void) {
    run(fork_flood, "EAGAIN: a user's processes are limited, and the places come back");
    run(zombie_flood, "zombies count until they are waited for");
    run(thread_flood, "threads count as processes do");
    run(bomb, "a fork bomb under a limit: others still work, and SIGKILL puts it out");
    run(pipe_flood, "EMFILE: a hundred full pipes, and everything works afterwards");
    run(fork_flood, "the limit is where it was");
    return done_testing();
}
