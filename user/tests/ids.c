/* ids.c - getpid(2), getppid(2), gettid(2), set_tid_address(2): "In a single-threaded
 * process, the thread ID is equal to the process ID. In a multithreaded process, all
 * threads have the same PID, but each one has a unique TID."
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <sched.h>

static pid_t seen[2];

static void *other(void *unused) {
    (void)unused;
    seen[0] = getpid();
    seen[1] = gettid();
    return NULL;
}

static void threads(void) {
    pthread_t t;
    is_int(getpid(), gettid(), "the first thread's ID is the process ID");
    need(pthread_create(&t, NULL, other, NULL) == 0 && pthread_join(t, NULL) == 0);
    is_int(seen[0], getpid(), "another thread has the same process ID");
    ok(seen[1] > 0 && seen[1] != getpid(), "and another thread ID");
    while (kill(seen[1], 0) == 0)       // join comes a moment before its very end
        sched_yield();
    is_errno(kill(seen[1], 0), ESRCH,
             "which is not a process ID (and the thread is gone)");
}

/* set_tid_address(2): "set_tid_address() always returns the caller's thread ID." */
static void tid_address(void *unused) {
    static int word;
    (void)unused;
    need(raw(SYS_set_tid_address, (long)&word) == gettid());
    need(raw(SYS_set_tid_address, 0) == gettid());
    need(raw(SYS_set_tid_address, 0xfffff000) == gettid());     // used at exit, quietly
}

/* Ids are not used again at once: an old id does not mean a stranger. */
static void fresh(void) {
    enum { N = 30 };
    pid_t pid[N];
    int distinct = 1;
    for (int i = 0; i < N; i++) {
        CHILD (pid[i])
            ;
        wait_for(pid[i]);
        for (int j = 0; j < i; j++)
            distinct &= pid[i] != pid[j];
    }
    ok(distinct, "%d processes one after the other have different IDs", N);
}

int main(void) {
    threads();
    is_exit(in_child(tid_address, NULL), 0, "set_tid_address gives the thread ID");
    fresh();
    ok(getppid() != getpid(), "nobody is its own parent");
    is_int(raw(SYS_getpid), getpid(), "the raw call gives the same");
    return done_testing();
}
