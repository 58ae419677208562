/* sem_named.c - POSIX sem_open(), sem_close(), sem_unlink(), and sem_wait(), sem_post()
 * on named semaphores; sem_overview(7).
 */
#include "scratch.h"

#include <limits.h>
#include <semaphore.h>
#include <time.h>

static char name[40];

static sem_t *make(unsigned value) {
    sem_t *sem = sem_open(name, O_CREAT | O_EXCL, 0600, value);
    need(sem != SEM_FAILED);
    return sem;
}

static int value_of(sem_t *sem) {
    int value;
    need(sem_getvalue(sem, &value) == 0);
    return value;
}

static sem_t *open_it(int flags, unsigned value) {
    errno = 0;
    return sem_open(name, flags, 0600, value);
}

#define fails(sem, error) ((sem) == SEM_FAILED && errno == (error))

/* "O_CREAT ... if the semaphore already exists, then O_CREAT has no effect, except as
 * noted under O_EXCL"; "if a process makes multiple successful calls to sem_open() with
 * the same value for name, the same semaphore address shall be returned". */
static void names(void) {
    ok(fails(open_it(0, 0), ENOENT), "ENOENT: no such semaphore");
    sem_t *a = open_it(O_CREAT, 3);
    ok(a != SEM_FAILED && value_of(a) == 3, "O_CREAT makes it, with its value");
    ok(open_it(0, 0) == a, "a second sem_open gives the same address");
    ok(open_it(O_CREAT, 9) == a && value_of(a) == 3, "O_CREAT does not set it again");
    ok(fails(open_it(O_CREAT | O_EXCL, 1), EEXIST), "EEXIST: with O_EXCL");
    need(sem_close(a) == 0 && sem_close(a) == 0);
    is_int(sem_trywait(a), 0, "it stays open until each sem_open is closed");
    need(sem_close(a) == 0);
    a = open_it(0, 0);
    is_int(value_of(a), 2, "its value stays while nobody has it open");
    is_int(sem_unlink(name), 0, "sem_unlink");
    is_errno(sem_unlink(name), ENOENT, "ENOENT: twice");
    ok(fails(open_it(0, 0), ENOENT), "ENOENT: nobody can open it now");
    ok(sem_post(a) == 0 && value_of(a) == 3, "who has it open uses it as before");
    sem_t *b = open_it(O_CREAT, 7);
    ok(b != a && value_of(b) == 7 && value_of(a) == 3, "a new one of that name");
    need(sem_close(a) == 0 && sem_close(b) == 0 && sem_unlink(name) == 0);
    ok(fails(open_it(O_CREAT, SEM_VALUE_MAX + 1u), EINVAL),
       "EINVAL: a value above SEM_VALUE_MAX");
    ok(fails(sem_open("/a/b", O_CREAT, 0600, 1), EINVAL),
       "EINVAL: a slash in the name");
    is_errno(sem_unlink("/no/such"), EINVAL, "EINVAL: in sem_unlink, too");
}

/* sem_post(): "If the semaphore value ... is positive, then no threads were blocked ...
 * If 0, one of the threads blocked ... shall be allowed to return". Between processes
 * that have nothing but the name. */
static void strangers(void) {
    struct gate ready;
    pid_t pid;
    gate_init(&ready);
    sem_t *sem = make(0);
    CHILD (pid) {
        sem_t *own = open_it(0, 0);
        need(own != SEM_FAILED);
        gate_open(&ready);
        need(sem_wait(own) == 0 && sem_wait(own) == 0);
    }
    gate_wait(&ready);
    until_asleep(pid);
    need(sem_post(sem) == 0);
    is_int(waitpid(pid, NULL, WNOHANG), 0, "one post, two waits: it still waits");
    need(sem_post(sem) == 0);
    is_exit(wait_for(pid), 0, "two posts: it goes on");
    is_int(value_of(sem), 0, "and both are used up");
    CHILD (pid) {
        execl(self_path(), "x", name, (char *)NULL);
        _exit(98);
    }
    need(sem_wait(sem) == 0);
    is_exit(wait_for(pid), 0, "a program that was executed posts by name");
    for (int i = 0; i < 3; i++) {
        CHILD (pid)
            sem_wait(sem);
        until_asleep(pid);
        need(kill(pid, SIGKILL) == 0);
        wait_for(pid);
    }
    need(sem_post(sem) == 0);
    is_int(sem_trywait(sem), 0, "waiters that were killed take nothing");
    is_errno(sem_trywait(sem), EAGAIN, "EAGAIN: sem_trywait at 0");
    need(sem_close(sem) == 0 && sem_unlink(name) == 0);
    gate_close(&ready);
}

static int opens(const char *path) {
    sem_t *sem = sem_open(path, 0);
    return sem == SEM_FAILED ? errno : 0;
}

static void rights(void) {
    sem_t *sem = sem_open(name, O_CREAT, 0600, 1);
    char path[60];
    struct stat st;
    need(sem != SEM_FAILED);
    snprintf(path, sizeof path, "/dev/shm%s", name);
    ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "it is a file in /dev/shm");
    if (is_root())
        is_exit(as_user(opens, name), EACCES, "EACCES: others have no right");
    need(chmod(path, is_root() ? 0606 : 0600) == 0);
    is_exit(as_user(opens, name), 0, "who may read and write may use it");
    need(sem_close(sem) == 0 && sem_unlink(name) == 0);
}

static volatile sig_atomic_t hits;
static sem_t *from_handler;

static void post(int sig) {
    (void)sig;
    hits++;
    if (from_handler)
        sem_post(from_handler);
}

/* sem_wait(): "[EINTR] A signal interrupted this function"; sem_post() "shall be
 * async-signal-safe"; sem_timedwait(): "[ETIMEDOUT]". */
static void signals(void) {
    struct sigaction sa = { .sa_handler = post };
    sem_t *sem = make(0);
    pid_t pid, me = getpid();
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid)
        for (;;)
            kill(me, SIGUSR1), sched_yield();
    is_errno(sem_wait(sem), EINTR, "EINTR: a handler ran");
    need(kill(pid, SIGKILL) == 0);
    wait_for(pid);
    need(value_of(sem) == 0);
    from_handler = sem;
    CHILD (pid)
        kill(me, SIGUSR1);
    while (sem_wait(sem) != 0)
        need(errno == EINTR);
    ok(hits > 0, "a handler posts for the thread it interrupts");
    from_handler = NULL;
    wait_for(pid);
    struct timespec past = { 1, 0 }, wrong = { 1, -1 };
    while (sem_trywait(sem) == 0)
        ;
    is_errno(sem_timedwait(sem, &past), ETIMEDOUT, "ETIMEDOUT: a time that has passed");
    is_errno(sem_timedwait(sem, &wrong), EINVAL, "EINVAL: a time that is none");
    need(sem_post(sem) == 0);
    is_int(sem_timedwait(sem, &past), 0, "what is there is taken, whatever the time");
    need(sem_close(sem) == 0 && sem_unlink(name) == 0);
}

/* Six processes, three may be inside. */
static void several(void) {
    sem_t *sem = make(3);
    pid_t pid[6];
    int good = 0;
    for (int i = 0; i < 6; i++)
        CHILD (pid[i])
            for (int n = 0; n < 30; n++) {
                need(sem_wait(sem) == 0);
                need(value_of(sem) <= 2);
                if (n % 7 == i)
                    sched_yield();
                need(sem_post(sem) == 0);
            }
    for (int i = 0; i < 6; i++)
        good += wait_for(pid[i]) == 0;
    is_int(good, 6, "a semaphore of 3 admits three of six at a time");
    is_int(value_of(sem), 3, "and has its value in the end");
    need(sem_close(sem) == 0 && sem_unlink(name) == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {                                     // executed by strangers()
        sem_t *sem = sem_open(argv[1], 0);
        return sem == SEM_FAILED || sem_post(sem) != 0;
    }
    self_path();
    umask(0);
    snprintf(name, sizeof name, "/test.%d", (int)getpid());
    names();
    strangers();
    rights();
    signals();
    several();
    return done_testing();
}
