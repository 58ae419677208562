/* robust.c - POSIX robust mutexes: "[EOWNERDEAD] The mutex is a robust mutex and the
 * process containing the previous owning thread terminated while holding the mutex
 * lock. ... The mutex lock shall be acquired by the calling thread and it is up to the
 * new owner to make the state consistent." get_robust_list(2): the kernel walks the
 * list.
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <sys/mman.h>

static pthread_mutex_t *mutex;                          // in shared memory
static int *ready;

static void make(void) {
    pthread_mutexattr_t attr;
    need(pthread_mutexattr_init(&attr) == 0);
    need(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
    need(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
    for (int i = 0; i < 3; i++)
        need(pthread_mutex_init(&mutex[i], &attr) == 0);
}

static void *lock_all(void *unused) {
    for (int i = 0; i < 3; i++)
        pthread_mutex_lock(&mutex[i]);
    return unused;
}

static void recover(const char *how) {
    int right = 0;
    for (int i = 0; i < 3; i++) {
        right += pthread_mutex_lock(&mutex[i]) == EOWNERDEAD;
        right += pthread_mutex_consistent(&mutex[i]) == 0;
        right += pthread_mutex_unlock(&mutex[i]) == 0;
        right += pthread_mutex_lock(&mutex[i]) == 0;    // as good as new
        right += pthread_mutex_unlock(&mutex[i]) == 0;
    }
    is_int(right, 15, "EOWNERDEAD: %s with three mutexes held", how);
}

static void dead_owners(void) {
    pthread_t t;
    pid_t pid;
    make();
    need(pthread_create(&t, NULL, lock_all, NULL) == 0 && pthread_join(t, NULL) == 0);
    recover("a thread ended");
    make();
    CHILD (pid)
        lock_all(NULL);
    wait_for(pid);
    recover("a process ended");
    make();
    CHILD (pid) {
        lock_all(NULL);
        raise(SIGKILL);
    }
    wait_for(pid);
    recover("a process was killed");
    make();
    CHILD (pid) {
        char *self = self_path();
        lock_all(NULL);
        execl(self, self, "leave", NULL);
    }
    wait_for(pid);
    recover("a process called exec");
}

/* A waiter that sleeps when the owner dies is woken and becomes the owner. */
static void sleeping_waiter(void) {
    struct gate held, gate;
    pid_t owner, waiter;
    make();
    gate_init(&held);
    gate_init(&gate);
    CHILD (owner) {
        lock_all(NULL);
        gate_open(&held);
        gate_wait(&gate);
        raise(SIGKILL);
    }
    gate_wait(&held);
    CHILD (waiter) {
        *ready = 1;
        _exit(pthread_mutex_lock(&mutex[1]) == EOWNERDEAD ? 3 : 4);
    }
    while (*(volatile int *)ready == 0)
        sched_yield();
    until_asleep(waiter);
    gate_open(&gate);
    is_exit(wait_for(waiter), 3,
            "a waiter asleep in lock is woken by the owner's death");
    wait_for(owner);
    is_int(pthread_mutex_lock(&mutex[1]), EOWNERDEAD,
           "that waiter ended as owner as well");
    is_int(pthread_mutex_unlock(&mutex[1]), 0, "unlock without consistent");
    is_int(pthread_mutex_lock(&mutex[1]), ENOTRECOVERABLE, "makes it ENOTRECOVERABLE");
    gate_close(&held);
    gate_close(&gate);
}

/* get_robust_list(2), set_robust_list(2): "EINVAL: len does not match the size of
 * struct robust_list_head expected by the kernel". A wild list must harm only its
 * owner. */
static void wild_list(void *which) {
    static long head[3], node[2];
    head[0] = (long)head;                               // an empty list
    switch ((intptr_t)which) {
    case 0:
        head[0] = 16;
        break;
    case 1:
        node[0] = (long)node;                           // a circle
        head[0] = (long)node;
        break;
    case 2:
        head[0] = 0xfffffff0;
        head[2] = 0xfffffffc;
        break;
    case 3:
        head[0] = (long)&node[0] | 1;
        head[1] = 3;                                    // misaligned words
        node[0] = (long)head;
        break;
    }
    long where = (intptr_t)which == 4 ? (long)0xfffff000 : (long)head;
    need(raw(SYS_set_robust_list, where, 12) == 0);
    _exit(5);
}

static void calls(void) {
    long head[3] = { (long)head, 0, 0 };
    pid_t pid;
    is_int(raw(SYS_set_robust_list, (long)head, 11), -EINVAL, "EINVAL: another length");
    is_int(raw(SYS_set_robust_list, (long)head, 24), -EINVAL,
           "EINVAL: the 64-bit length");
    CHILD (pid) {
        long got = 1, length = 1;
        need(raw(SYS_set_robust_list, (long)head, 12) == 0);
        need(raw(SYS_get_robust_list, 0, (long)&got, (long)&length) == 0);
        need(got == (long)head && length == 12);
        need(raw(SYS_get_robust_list, gettid(), (long)&got, (long)&length) == 0);
        need(raw(SYS_get_robust_list, 0x3ffffff, (long)&got, (long)&length) == -ESRCH);
        need(raw(SYS_get_robust_list, 0, 16, (long)&length) == -EFAULT);
    }
    is_exit(wait_for(pid), 0, "get_robust_list gives what set_robust_list set");
    static const char *const name[] = {
        "an unmapped first node", "a circle", "a node in the kernel",
        "misaligned words",
        "the head in the kernel"
    };
    for (intptr_t i = 0; i < 5; i++)
        is_exit(in_child(wild_list, (void *)i), 5, "exit with a wild robust list: %s",
                name[i]);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return 0;
    mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(mutex != MAP_FAILED);
    ready = (int *)mutex + 512;
    dead_owners();
    sleeping_waiter();
    calls();
    return done_testing();
}
