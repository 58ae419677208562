/* futex.c - futex(2), by the raw call: FUTEX_WAIT "tests that the value at the futex
 * word ... still contains the expected value val, and if so, then sleeps waiting for a
 * FUTEX_WAKE operation"; FUTEX_WAKE "wakes at most val of the waiters"; FUTEX_REQUEUE;
 * and ERRORS. These three, private and shared, are what the C library needs.
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

enum { WAIT = 0, WAKE = 1, REQUEUE = 3, PRIVATE = 128 };

struct time32 {
    int32_t sec, nsec;
};

static int words[2], private = PRIVATE;
static volatile int awake;

static long futex(int *word, int op, int val, const void *timeout) {
    return raw(SYS_futex, (long)word, op, val, (long)timeout);
}

static void refuse(void) {
    struct time32 bad[] = { { 0, 1000000000 }, { 0, -1 }, { -1, 0 } };
    is_int(futex(&words[0], WAIT | private, 1, NULL), -EAGAIN,
           "EAGAIN: the word is not val");
    is_int(futex((int *)((char *)words + 1), WAIT | private, 0, NULL), -EINVAL,
           "EINVAL: uaddr is not aligned on a four-byte boundary");
    is_int(futex((int *)((char *)words + 2), WAKE | private, 1, NULL), -EINVAL,
           "EINVAL: nor for FUTEX_WAKE");
    is_int(futex((int *)16, WAIT | private, 0, NULL), -EFAULT,
           "EFAULT: an unmapped word");
    is_int(futex((int *)0xfffff000, WAIT | private, 0, NULL), -EFAULT,
           "EFAULT: the kernel");
    long r = futex((int *)0xfffff000, WAKE | private, 1, NULL);
    ok(r == 0 || r == -EFAULT, "FUTEX_WAKE of a kernel word: EFAULT, or nobody there");
    is_int(futex(&words[0], WAIT | private, 0, (void *)16), -EFAULT,
           "EFAULT: the time-out");
    for (int i = 0; i < 3; i++)
        is_int(futex(&words[0], WAIT | private, 0, &bad[i]), -EINVAL,
               "EINVAL: a time-out of %d s, %d ns", bad[i].sec, bad[i].nsec);
    is_int(futex(&words[0], 99, 0, NULL), -ENOSYS, "ENOSYS: an unknown operation");
    is_int(futex(&words[0], WAKE | private, 1, NULL), 0,
           "FUTEX_WAKE without waiters gives 0");
}

static void timeout(void) {
    struct time32 t = { 0, 5000000 }, zero = { 0, 0 };
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    is_int(futex(&words[0], WAIT | private, 0, &t), -ETIMEDOUT, "ETIMEDOUT after 5 ms");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 5000000,
       "and not before");
    is_int(futex(&words[0], WAIT | private, 0, &zero), -ETIMEDOUT,
           "ETIMEDOUT at once for 0");
}

static pid_t tid[4];
static volatile long result[4];

static void *waiter(void *index) {
    tid[(intptr_t)index] = gettid();
    result[(intptr_t)index] = futex(&words[0], WAIT | private, 0, NULL);
    __atomic_fetch_add(&awake, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void start(pthread_t t[4]) {
    awake = words[0] = 0;
    for (intptr_t i = 0; i < 4; i++) {
        tid[i] = 0;
        need(pthread_create(&t[i], NULL, waiter, (void *)i) == 0);
        while (*(volatile pid_t *)&tid[i] == 0)
            sched_yield();
        until_asleep(tid[i]);                           // in the order of their index
    }
}

static void until_awake(int n) {
    while (awake < n)
        sched_yield();
}

static void finish(pthread_t t[4]) {
    words[0] = 1;                                       // a late one does not sleep
    for (int i = 0; i < 4; i++) {
        futex(&words[0], WAKE | private, 4, NULL);
        futex(&words[1], WAKE | private, 4, NULL);
        need(pthread_join(t[i], NULL) == 0);
    }
}

static void wake_count(const char *kind) {
    pthread_t t[4];
    start(t);
    is_int(futex(&words[0], WAKE | private, 1, NULL), 1, "%s: wakes one of four", kind);
    until_awake(1);
    is_int(awake, 1, "%s: exactly one", kind);
    is_int(futex(&words[0], WAKE | private, 2, NULL), 2, "%s: wakes two of three",
           kind);
    until_awake(3);
    is_int(futex(&words[1], WAKE | private, 1, NULL), 0, "%s: another word has none",
           kind);
    is_int(futex(&words[0], WAKE | private, 0x7fffffff, NULL), 1, "%s: wakes the last",
           kind);
    until_awake(4);
    is_int(result[0] | result[1] | result[2] | result[3], 0, "%s: woken waits give 0",
           kind);
    finish(t);
}

/* "FUTEX_REQUEUE: wakes up a maximum of val waiters ... If there are more than val
 * waiters, then the remaining waiters are removed from the wait queue of the source
 * futex at uaddr and added to the wait queue of the target futex at uaddr2", at most
 * val2. Returns "the number of waiters that were woken up" plus requeued (Linux counts
 * both). */
static void requeue(const char *kind) {
    pthread_t t[4];
    start(t);
    is_int(raw(SYS_futex, (long)&words[0], REQUEUE | private, 1, 2, (long)&words[1]), 3,
           "%s: requeue wakes one and moves two", kind);
    until_awake(1);
    is_int(futex(&words[0], WAKE | private, 9, NULL), 1, "%s: one is still there",
           kind);
    until_awake(2);
    is_int(futex(&words[1], WAKE | private, 9, NULL), 2, "%s: two wait elsewhere now",
           kind);
    until_awake(4);
    finish(t);
    is_int(raw(SYS_futex, (long)&words[0], REQUEUE | private, 1, 2, 16 + 1), -EINVAL,
           "%s: EINVAL: a misaligned target", kind);
    is_int(raw(SYS_futex, (long)&words[0], REQUEUE | private, -1, 2, (long)&words[1]),
           -EINVAL, "%s: EINVAL: a negative number", kind);
}

/* "a process-shared futex is identified by the memory, wherever it is mapped"; private
 * ones by the address space. */
static void shared(void) {
    char path[] = "/tmp/futex.XXXXXX";
    int fd = mkstemp(path);
    pid_t pid;
    need(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 4096) == 0);
    int *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    need(a != MAP_FAILED && b != MAP_FAILED && a != b);
    CHILD (pid) {
        long r;
        a[1] = 1;
        r = futex(a, WAIT, 0, NULL);
        _exit(r == 0 || r == -EAGAIN ? 3 : 4);
    }
    while (((volatile int *)a)[1] == 0)
        sched_yield();
    until_asleep(pid);
    is_int(futex(a, WAKE | PRIVATE, 1, NULL), 0,
           "a private wake reaches no other process");
    while (futex(b, WAKE, 1, NULL) == 0)
        sched_yield();
    is_exit(wait_for(pid), 3, "a shared wake does, through another address");
    munmap(a, 4096);
    munmap(b, 4096);
    close(fd);
}

static volatile sig_atomic_t handled;

static void handler(int sig) {
    (void)sig;
    handled++;
}

static void *interrupt(void *thread) {
    while (!awake) {
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        sched_yield();
    }
    return NULL;
}

/* "EINTR: A FUTEX_WAIT operation was interrupted by a signal"; with SA_RESTART a wait
 * without time-out goes on (signal(7)), one with a time-out does not. */
static void signals(void) {
    struct sigaction sa = { .sa_handler = handler };
    struct time32 t = { 1000, 0 };
    pthread_t me = pthread_self(), other;
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    awake = words[0] = 0;
    need(pthread_create(&other, NULL, interrupt, &me) == 0);
    is_int(futex(&words[0], WAIT | private, 0, NULL), -EINTR, "EINTR: a handler ran");
    sa.sa_flags = SA_RESTART;
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    is_int(futex(&words[0], WAIT | private, 0, &t), -EINTR,
           "EINTR even with SA_RESTART when there is a time-out");
    awake = 1;
    pthread_join(other, NULL);
    pthread_t w[4];
    start(w);
    handled = 0;
    pthread_kill(w[1], SIGUSR1);
    while (!handled)
        sched_yield();
    until_asleep(tid[1]);
    is_int(awake, 0, "with SA_RESTART and no time-out the wait goes on");
    is_int(futex(&words[0], WAKE | private, 4, NULL), 4,
           "and is woken with the others");
    finish(w);
}

int main(void) {
    refuse();
    timeout();
    wake_count("private");
    requeue("private");
    signals();
    private = 0;
    wake_count("shared");
    requeue("shared");
    is_int(futex((int *)16, WAKE, 1, NULL), -EFAULT,
           "EFAULT: wake of an unmapped shared word");
    shared();
    return done_testing();
}
