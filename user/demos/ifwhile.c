/* ifwhile.c - `if` instead of `while` around a wait.
 * Order: 47
 *
 * Who is woken was told that something had changed, not that it is still so. The wrong
 * consumer takes a part that another one has taken already: because somebody came in
 * before, or because two were woken for one part. The right one looks again.
 *
 * FEATURE(9)
 */
#include "demo.h"
#include <pthread.h>

#define NO_PART (-1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct {                         /* all under the lock */
    int parts, taken;                   /* in the store, and by consumers */
    int nothing;                        /* how often there was none to take */
    int waiting, looked_again;
} store;

static void take(void) {
    if (store.parts > 0) {
        store.parts--;
        store.taken++;
    } else {
        store.nothing++;
    }
}

static void *wrong(void *unused) {
    pthread_mutex_lock(&lock);
    if (store.parts == 0) {
        store.waiting++;
        pthread_cond_wait(&changed, &lock);
        store.waiting--;
    }
    take();
    pthread_mutex_unlock(&lock);
    return unused;
}

static void *right(void *unused) {
    pthread_mutex_lock(&lock);
    while (store.parts == 0) {
        store.waiting++;
        pthread_cond_wait(&changed, &lock);
        store.waiting--;
        store.looked_again += store.parts == 0;
    }
    take();
    pthread_mutex_unlock(&lock);
    return unused;
}

/* Back, with the lock, when so many wait, or have looked again in vain. */
static void lock_when(const int *count, int number) {
    pthread_mutex_lock(&lock);
    while (*count != number) {
        pthread_mutex_unlock(&lock);
        sched_yield();
        pthread_mutex_lock(&lock);
    }
}

static void tell(const char *consumer, int good) {
    say("  %-6s  taken %d, found nothing %d time%s, looked again %d: %s", consumer,
        store.taken, store.nothing, store.nothing == 1 ? "" : "s", store.looked_again,
        mark(good, store.nothing ? "wrong" : "right", "UNEXPECTED"));
}

/* One waits. I bring a part and tell him; and before I give the lock back somebody else
 * takes it, who did not have to wait. */
static void overtaken(const char *name, void *(*consumer)(void *)) {
    pthread_t thread;
    memset(&store, 0, sizeof store);
    pthread_create(&thread, NULL, consumer, NULL);
    lock_when(&store.waiting, 1);
    store.parts = 1;
    pthread_cond_signal(&changed);
    take();                             // the one who comes in before
    pthread_mutex_unlock(&lock);
    if (consumer == right) {
        lock_when(&store.looked_again, 1);
        store.parts = 1;                // for him, after all
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    pthread_join(thread, NULL);
    tell(name, consumer == right ? store.taken == 2 && !store.nothing
                                 : store.taken == 1 && store.nothing == 1);
}

/* Two wait. I bring one part and wake both. */
static void both_woken(const char *name, void *(*consumer)(void *)) {
    pthread_t threads[2];
    memset(&store, 0, sizeof store);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, consumer, NULL);
    lock_when(&store.waiting, 2);
    store.parts = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (consumer == right) {
        lock_when(&store.taken, 1);
        pthread_mutex_unlock(&lock);
        lock_when(&store.looked_again, 1);
        store.parts = 1;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    tell(name, consumer == right ? store.taken == 2 && !store.nothing
                                 : store.taken == 1 && store.nothing == 1);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "ifwhile: woken, but too late");
    say("A consumer waits for a part. I bring it, wake him; before he has the lock\n"
        "another one, who did not wait, takes the part:");
    overtaken("if", wrong);
    overtaken("while", right);
    gap();
    say("Two wait. I bring one part, and wake both:");
    both_woken("if", wrong);
    both_woken("while", right);
    gap();
    say("`if` believes the wake-up, `while` the store. A wake-up is a hint: the\n"
        "world may have changed again, and POSIX allows wake-ups without any reason.");
    say("So it is in the kernel: a sleeper on a condition looks again in a loop. Only\n"
        "where the waker hands the thing over is there nothing to look for.");
    return demo_end(
        "a third consumer in both_woken(). How many find nothing?",
        "kernel/ipc/pipe.c, a loop around wait_sleep(); kernel/sched/wait.h");
}
