/* pipe_waiting.c - POSIX read() from an empty pipe: "If some process has the pipe open
 * for writing and O_NONBLOCK is clear, read() shall block the calling thread until some
 * data is written". Meanwhile other threads may do anything to the memory it waits to
 * fill, and who writes may have less or more than it wants.
 */
#include "tap.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGE 4096

static int p[2];

/* --- a thread that waits in readv ------------------------------------------------- */

static struct reader {
    pthread_t thread;
    volatile pid_t tid;
    struct iovec pieces[2];
    ssize_t result;
    int error;
} reader, second;

static void *waiting(void *argument) {
    struct reader *r = argument;
    __atomic_store_n(&r->tid, gettid(), __ATOMIC_SEQ_CST);
    r->result = readv(p[0], r->pieces, r->pieces[1].iov_len ? 2 : 1);
    r->error = errno;
    return NULL;
}

static void start(struct reader *r, void *first, size_t size1, void *next,
                  size_t size2) {
    *r = (struct reader){ .pieces = { { first, size1 }, { next, size2 } } };
    need(pthread_create(&r->thread, NULL, waiting, r) == 0);
    while (__atomic_load_n(&r->tid, __ATOMIC_SEQ_CST) == 0)
        sched_yield();
    until_asleep(r->tid);
}

static ssize_t result_of(struct reader *r) {
    need(pthread_join(r->thread, NULL) == 0);
    return r->result;
}

static char *pages(int count) {
    char *at = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(at != MAP_FAILED);
    memset(at, '-', (size_t)count * PAGE);
    return at;
}

static void put(const char *from, size_t size) {
    need(write(p[1], from, size) == (ssize_t)size);
}

/* What is left in the pipe; 0: nothing. */
static ssize_t rest(char *to, size_t size) {
    need(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    ssize_t n = read(p[0], to, size);
    need(fcntl(p[0], F_SETFL, 0) == 0);
    return n < 0 ? 0 : n;
}

/* --- less, as much, more ---------------------------------------------------------- */

static void sizes(void) {
    char *at = pages(1), left[16];
    start(&reader, at, 16, NULL, 0);
    put("abc", 3);
    is_int(result_of(&reader), 3, "a waiting read takes what one write brings");
    ok(memcmp(at, "abc-", 4) == 0, "and nothing behind it is touched");
    start(&reader, at, 5, NULL, 0);
    put("01234", 5);
    is_int(result_of(&reader), 5, "as much as it wants");
    ok(memcmp(at, "01234-", 6) == 0, "all of it");
    start(&reader, at, 2, NULL, 0);
    put("vwxyz", 5);
    is_int(result_of(&reader), 2, "a write that is larger fills it");
    is_int(rest(left, sizeof left), 3, "and leaves the rest in the pipe");
    ok(memcmp(at, "vw", 2) == 0 && memcmp(left, "xyz", 3) == 0, "in order");
    start(&reader, at, 4, NULL, 0);
    need(write(p[1], "", 0) == 0);
    put("end", 3);
    is_int(result_of(&reader), 3, "writing nothing ends no read");
    munmap(at, PAGE);
}

static void pieces(void) {
    char *at = pages(2), a[4] = "----", b[8] = "--------";
    start(&reader, at + PAGE - 3, 10, NULL, 0);
    put("ab", 2);
    is_int(result_of(&reader), 2, "memory across a page boundary: the first part");
    start(&reader, at + PAGE - 3, 10, NULL, 0);
    put("0123456789", 10);
    is_int(result_of(&reader), 10, "and across it");
    ok(memcmp(at + PAGE - 3, "0123456789", 10) == 0, "without a gap");
    start(&reader, a, 4, b, 8);
    put("ABCDEFGHI", 9);
    is_int(result_of(&reader), 9, "a waiting readv fills both pieces");
    ok(memcmp(a, "ABCD", 4) == 0 && memcmp(b, "EFGHI---", 8) == 0, "one after another");
    start(&reader, at, 8, NULL, 0);
    struct iovec from[2] = { { "un", 2 }, { "deux", 4 } };
    is_int(writev(p[1], from, 2), 6, "writev to a waiting read");
    is_int(result_of(&reader), 6, "arrives as one");
    ok(memcmp(at, "undeux", 6) == 0, "in order, too");
    munmap(at, 2 * PAGE);
}

/* --- memory that changes while it waits ------------------------------------------- */

static void memory(void) {
    char *at = pages(1), left[8];
    start(&reader, at, 8, NULL, 0);
    need(munmap(at, PAGE) == 0);
    put("gone", 4);
    is_int(result_of(&reader), -1, "the memory is unmapped meanwhile: the read fails");
    is_int(reader.error, EFAULT, "with EFAULT");
    is_int(rest(left, sizeof left), 4, "and the bytes stay");

    at = pages(1);
    start(&reader, at, 8, NULL, 0);
    need(mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
              -1, 0)
         == at);
    put("new", 3);
    is_int(result_of(&reader), 3, "it is mapped anew: the read fills");
    ok(memcmp(at, "new", 4) == 0, "the new memory");

    start(&reader, at, 8, NULL, 0);
    need(mprotect(at, PAGE, PROT_READ) == 0);
    put("no", 2);
    is_int(result_of(&reader), -1, "it becomes read-only: the read fails");
    need(rest(left, sizeof left) == 2
         && mprotect(at, PAGE, PROT_READ | PROT_WRITE) == 0);

    int go[2];
    pid_t pid;
    char c;
    need(pipe(go) == 0);
    memcpy(at, "before", 6);
    start(&reader, at, 8, NULL, 0);
    CHILD (pid) {
        need(read(go[0], &c, 1) == 1);
        need(memcmp(at, "before", 6) == 0);
    }
    put("after!", 6);
    is_int(result_of(&reader), 6, "a fork shares it copy on write: the read fills");
    ok(memcmp(at, "after!", 6) == 0, "the parent's");
    need(write(go[1], "", 1) == 1);
    is_exit(wait_for(pid), 0, "and not the child's");
    munmap(at, PAGE);
}

/* --- several, and who is not there ------------------------------------------------ */

static void others(void) {
    char a[4], b[4];
    start(&reader, a, sizeof a, NULL, 0);
    start(&second, b, sizeof b, NULL, 0);
    put("once", 4);
    put("more", 4);
    is_int(result_of(&reader) + result_of(&second), 8,
           "two that wait get a write each");
    ok((memcmp(a, "once", 4) == 0 && memcmp(b, "more", 4) == 0)
           || (memcmp(b, "once", 4) == 0 && memcmp(a, "more", 4) == 0),
       "whole");
    start(&reader, a, sizeof a, NULL, 0);
    is_errno(write(p[1], (void *)16, 2), EFAULT, "a write from nowhere");
    put("ok", 2);
    is_int(result_of(&reader), 2, "is nothing to a read that waits");
    ok(memcmp(a, "ok", 2) == 0, "it takes the next");
    start(&reader, a, sizeof a, NULL, 0);
    close(p[1]);
    is_int(result_of(&reader), 0, "the last writer goes: end of file");
}

int main(void) {
    need(pipe(p) == 0);
    sizes();
    pieces();
    memory();
    others();
    return done_testing();
}
