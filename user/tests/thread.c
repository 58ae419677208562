/* thread.c - POSIX threads: "All threads of a process share the address space, the file
 * descriptors, the current directory, the signal actions; each has its own thread ID,
 * errno, signal mask and thread-specific storage" (2.9.1, pthreads(7)).
 */
/* FEATURE(9): threads of one process share its memory without any call */
#include "tap.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

static int shared;
static __thread int own = 5;
static __thread char big_own[3000] = "initial";

static void *add_one(void *arg) {
    shared++;
    return (char *)arg + 1;
}

static void create_and_join(void) {
    pthread_t t;
    void *result;
    shared = 0;
    for (intptr_t i = 0; i < 50; i++) {
        need(pthread_create(&t, NULL, add_one, (void *)i) == 0);
        need(pthread_join(t, &result) == 0 && (intptr_t)result == i + 1);
    }
    is_int(shared, 50, "50 threads one after the other: argument and result arrive");
    pthread_t many[30];
    for (intptr_t i = 0; i < 30; i++)
        need(pthread_create(&many[i], NULL, add_one, (void *)i) == 0);
    int right = 0;
    for (intptr_t i = 29; i >= 0; i--)
        right += pthread_join(many[i], &result) == 0 && (intptr_t)result == i + 1;
    is_int(right, 30, "30 threads at once, joined in the other order");
}

static void *write_memory(void *arg) {
    *(int *)arg = 77;
    shared = 78;
    return NULL;
}

static void one_address_space(void) {
    pthread_t t;
    int on_stack = 0;
    need(pthread_create(&t, NULL, write_memory, &on_stack) == 0);
    need(pthread_join(t, NULL) == 0);
    ok(on_stack == 77 && shared == 78,
       "threads of one process share its memory without any call");
}

static void *own_storage(void *arg) {
    int right = own == 5 && strcmp(big_own, "initial") == 0 && errno == 0;
    own = (int)(intptr_t)arg;
    strcpy(big_own, "changed");
    close(-1);
    for (int i = 0; i < 20; i++) {
        sched_yield();
        right &= own == (int)(intptr_t)arg && errno == EBADF;
    }
    return (void *)(intptr_t)right;
}

static void thread_storage(void) {
    pthread_t t[8];
    void *result;
    int right = 0;
    errno = 0;
    own = 6;
    for (intptr_t i = 0; i < 8; i++)
        need(pthread_create(&t[i], NULL, own_storage, (void *)i) == 0);
    for (int i = 0; i < 8; i++)
        right += pthread_join(t[i], &result) == 0 && result;
    is_int(right, 8, "each thread has its own __thread variables and errno");
    ok(own == 6 && errno == 0 && strcmp(big_own, "initial") == 0, "so has the first");
}

static sem_t done;

static void *detached(void *arg) {
    __atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
    sem_post(&done);
    return NULL;
}

static void detach(void) {
    pthread_attr_t attr;
    pthread_t t;
    int count = 0;
    need(sem_init(&done, 0, 0) == 0 && pthread_attr_init(&attr) == 0);
    need(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    for (int i = 0; i < 20; i++)
        need(pthread_create(&t, &attr, detached, &count) == 0);
    for (int i = 0; i < 20; i++) {
        need(pthread_create(&t, NULL, detached, &count) == 0);
        need(pthread_detach(t) == 0);
    }
    for (int i = 0; i < 40; i++)
        need(sem_wait(&done) == 0);
    is_int(count, 40, "40 detached threads run and go");
}

static void *use_stack(void *arg) {
    volatile char array[200 * 1024];
    for (size_t i = 0; i < sizeof array; i += 4096)
        array[i] = 1;
    return (void *)(intptr_t)(array[4096] + (arg == NULL));
}

static void stack_size(void) {
    pthread_attr_t attr;
    pthread_t t;
    void *result;
    need(pthread_attr_init(&attr) == 0
         && pthread_attr_setstacksize(&attr, 262144) == 0);
    need(pthread_create(&t, &attr, use_stack, NULL) == 0
         && pthread_join(t, &result) == 0);
    is_int((intptr_t)result, 2, "a thread may use the stack it asked for");
}

static void *descriptors(void *arg) {
    int *fd = arg;
    close(fd[0]);
    fd[1] = open("/dev/null", O_RDONLY);
    return (void *)(intptr_t)(chdir("/tmp") + (int)umask(071));
}

/* Descriptors, directory and umask belong to the process. */
static void process_wide(void *unused) {
    int fd[2] = { open("/dev/null", O_RDONLY), -1 };
    char cwd[64];
    pthread_t t;
    (void)unused;
    need(fd[0] >= 0 && chdir("/") == 0);
    umask(0);
    need(pthread_create(&t, NULL, descriptors, fd) == 0 && pthread_join(t, NULL) == 0);
    need(fd[1] == fd[0]);                            // closed there, lowest free number
    need(fcntl(fd[1], F_GETFD) == 0);
    need(strcmp(getcwd(cwd, sizeof cwd), "/tmp") == 0 && umask(0) == 071);
}

static void *wait_for_childs_end(void *pid) {
    return (void *)(intptr_t)wait_for(*(pid_t *)pid);
}

static void *fork_here(void *unused) {
    pid_t pid;
    (void)unused;
    CHILD (pid) {
        need(gettid() == getpid());
        shared = 1234;                                  // the siblings are not here
        pthread_t t;
        need(pthread_create(&t, NULL, add_one, NULL) == 0
             && pthread_join(t, NULL) == 0);
        _exit(shared == 1235 ? 11 : 12);
    }
    return (void *)(intptr_t)pid;
}

/* "A process shall be created with a single thread. If a multi-threaded process calls
 * fork(), the new process shall contain a replica of the calling thread and its entire
 * address space". Children belong to the process: any thread may wait for them. */
static void fork_from_thread(void) {
    pthread_t t;
    void *result;
    pid_t pid;
    need(pthread_create(&t, NULL, fork_here, NULL) == 0
         && pthread_join(t, &result) == 0);
    is_exit(wait_for((pid_t)(intptr_t)result), 11,
            "fork in a thread: the child has one thread and can make more");
    CHILD (pid)
        _exit(13);
    need(pthread_create(&t, NULL, wait_for_childs_end, &pid) == 0);
    need(pthread_join(t, &result) == 0);
    is_exit((int)(intptr_t)result, 13,
            "a thread waits for a child that another one made");
}

static pthread_key_t key;
static int destroyed[3];

static void destructor(void *value) {
    int i = (int)(intptr_t)value;
    destroyed[i]++;
    if (i < 2)
        pthread_setspecific(key, (void *)(intptr_t)(i + 1));
}

static void *set_key(void *unused) {
    (void)unused;
    pthread_setspecific(key, (void *)1);
    return NULL;
}

static void keys(void) {
    pthread_t t;
    need(pthread_key_create(&key, destructor) == 0);
    need(pthread_create(&t, NULL, set_key, NULL) == 0 && pthread_join(t, NULL) == 0);
    ok(destroyed[1] == 1 && destroyed[2] == 1,
       "destructors of keys run at thread exit");
    ok(pthread_getspecific(key) == NULL, "keys are per thread");
}

int main(void) {
    one_address_space();
    create_and_join();
    thread_storage();
    detach();
    stack_size();
    is_exit(in_child(process_wide, NULL), 0,
            "descriptors, directory and umask are shared by threads");
    fork_from_thread();
    keys();
    return done_testing();
}
