/* futex_bitset.c - futex(2): FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_CMP_REQUEUE.
 * "a bit-wise AND is performed between the wake bit mask ... and the wait bit masks of
 * the waiters"; "FUTEX_WAIT_BITSET ... timeout is interpreted as an absolute value";
 * CMP_REQUEUE "first checks whether the location uaddr still contains the value val3".
 */
#include "tap.h"
#include "raw.h"

#include <pthread.h>
#include <time.h>

enum {
    WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, WAIT_BITSET = 9, WAKE_BITSET = 10,
    PRIVATE = 128, REALTIME = 256
};
enum { ANY = -1, WAITERS = 3 };

struct time32 {                         /* the old call's, not the C library's */
    int32_t sec, nsec;
};

static int words[2];
static int private;
static volatile pid_t tid[WAITERS];
static volatile long result[WAITERS];
static volatile int awake;

static long futex(int operation, long value, const void *fourth, int *other,
                  long bits) {
    return raw(SYS_futex, (long)words, operation | private, value, (long)fourth,
               (long)other, bits);
}

static long wake_bits(int bits) {
    return futex(WAKE_BITSET, 99, NULL, NULL, bits);
}

/* The waiter of index i waits with bit i. */
static void *waiter(void *index) {
    intptr_t i = (intptr_t)index;
    tid[i] = gettid();
    result[i] = futex(WAIT_BITSET, 0, NULL, NULL, 1 << i);
    __atomic_fetch_add(&awake, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void start(pthread_t *threads) {
    awake = words[0] = words[1] = 0;
    for (intptr_t i = 0; i < WAITERS; i++) {
        tid[i] = 0;
        need(pthread_create(&threads[i], NULL, waiter, (void *)i) == 0);
        while (tid[i] == 0)
            sched_yield();
        until_asleep(tid[i]);
    }
}

static void until_awake(int count) {
    while (awake < count)
        sched_yield();
}

static void finish(pthread_t *threads) {
    words[0] = 1;                                       // a late one does not sleep
    for (int i = 0; i < WAITERS; i++) {
        while (awake < WAITERS) {
            futex(WAKE, 99, NULL, NULL, 0);
            raw(SYS_futex, (long)&words[1], WAKE | private, 99);
            sched_yield();
        }
        need(pthread_join(threads[i], NULL) == 0);
    }
}

static void test_arguments(const char *kind) {
    words[0] = 0;
    is_int(futex(WAIT_BITSET, 0, NULL, NULL, 0), -EINVAL,
           "%s: EINVAL: to wait, no bits", kind);
    is_int(wake_bits(0), -EINVAL, "%s: EINVAL: to wake, no bits", kind);
    is_int(futex(WAIT_BITSET, 1, NULL, NULL, ANY), -EAGAIN,
           "%s: EAGAIN: the word has another value", kind);
    is_int(wake_bits(ANY), 0, "%s: nobody waits: 0", kind);
}

/* "the kernel wakes those waiters whose bit mask has a bit in common". */
static void test_bits(const char *kind) {
    pthread_t threads[WAITERS];
    start(threads);
    is_int(wake_bits(8), 0, "%s: a bit that nobody waits with wakes nobody", kind);
    is_int(wake_bits(2 | 8), 1, "%s: one bit in common is enough", kind);
    until_awake(1);
    is_int(result[1], 0, "%s: it was the one with that bit", kind);
    is_int(futex(WAKE, 1, NULL, NULL, 0), 1, "%s: FUTEX_WAKE wakes whatever the bits",
           kind);
    until_awake(2);
    is_int(result[0], 0, "%s: the one who waited longest", kind);
    is_int(wake_bits(ANY), 1, "%s: all bits match any", kind);
    until_awake(3);
    finish(threads);
}

/* CMP_REQUEUE keeps the bits: "the requeued waiters" wait on the other word as
 * before. */
static void test_requeue(const char *kind) {
    pthread_t threads[WAITERS];
    start(threads);
    is_int(futex(CMP_REQUEUE, 1, (void *)9, &words[1], 5), -EAGAIN,
           "%s: EAGAIN: the word is not val3", kind);
    is_int(awake, 0, "%s: which has woken nobody", kind);
    is_int(futex(CMP_REQUEUE, 1, (void *)1, &words[1], 0), 2,
           "%s: one is woken, one is moved", kind);
    until_awake(1);
    is_int(futex(CMP_REQUEUE, 0, (void *)9, &words[1], 0), 1,
           "%s: none is woken, the last one is moved", kind);
    is_int(wake_bits(ANY), 0, "%s: nobody is left at the first word", kind);
    is_int(raw(SYS_futex, (long)&words[1], WAKE_BITSET | private, 9, 0, 0, 4), 1,
           "%s: who was moved waits with its bits", kind);
    until_awake(2);
    is_int(result[2], 0, "%s: it was the one with that bit", kind);
    finish(threads);
}

static long long now(clockid_t clock) {
    struct timespec t;
    need(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void test_time_outs(const char *kind) {
    struct time32 past = { 1, 0 }, bad = { 0, 1000000000 };
    words[0] = 0;
    is_int(futex(WAIT_BITSET, 0, &past, NULL, ANY), -ETIMEDOUT,
           "%s: a moment that has passed", kind);
    is_int(futex(WAIT_BITSET, 0, &bad, NULL, ANY), -EINVAL,
           "%s: EINVAL: 10^9 nanoseconds", kind);
    for (int i = 0; i < 2; i++) {
        clockid_t clock = i ? CLOCK_REALTIME : CLOCK_MONOTONIC;
        long long moment = now(clock) + 5000000;
        struct time32 end = { (int32_t)(moment / 1000000000), moment % 1000000000 };
        is_int(futex(i ? WAIT_BITSET | REALTIME : WAIT_BITSET, 0, &end, NULL, ANY),
               -ETIMEDOUT, "%s: until a moment on the %s clock", kind,
               i ? "real-time" : "monotonic");
        ok(now(clock) >= moment, "%s: which has come", kind);
    }
}

int main(void) {
    for (private = 0; private <= PRIVATE; private += PRIVATE) {
        const char *kind = private ? "private" : "shared";
        test_arguments(kind);
        test_bits(kind);
        test_requeue(kind);
        test_time_outs(kind);
    }
    return done_testing();
}
