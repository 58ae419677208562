/* malloc.c - ISO C 7.22.3: the C library's allocator on brk, mmap, munmap and
 * madvise. Blocks must not overlap, keep their contents, and go back when they are
 * large.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

static unsigned next_random(unsigned *seed) {
    return *seed = *seed * 1103515245u + 12345u;
}

struct block {
    unsigned char *at;
    size_t size;
    unsigned char fill;
};

static int intact(const struct block *b) {
    for (size_t i = 0; i<b->size; i += b->size> 4096 ? 509 : 7)
        if (b->at[i] != b->fill)
            return 0;
    return b->size == 0 || b->at[b->size - 1] == b->fill;
}

/* A thousand steps of malloc, realloc, free with sizes from 1 byte to 300 KB. 0: all
 * well. */
static int churn(unsigned seed, int steps) {
    enum { N = 40 };
    struct block b[N] = { { 0 } };
    int wrong = 0;
    for (int step = 0; step < steps; step++) {
        struct block *p = &b[next_random(&seed) >> 16 & 31];
        unsigned r = next_random(&seed) >> 16;
        size_t size = r % 16 == 0 ? r * 5 : r % 2000 + 1;
        if (p->at && r % 3 == 0) {
            wrong += !intact(p);
            free(p->at);
            *p = (struct block){ 0 };
            continue;
        }
        if (p->at) {
            size_t keep = size < p->size ? size : p->size;
            p->at = realloc(p->at, size);
            p->size = keep;
            need(p->at);
            wrong += keep > 0 && p->at[0] != p->fill;
        } else
            p->at = malloc(size);
        need(p->at && (uintptr_t)p->at % 8 == 0);
        p->size = size, p->fill = (unsigned char)r;
        memset(p->at, p->fill, size);
    }
    for (int i = 0; i < N; i++) {
        wrong += b[i].at && !intact(&b[i]);
        free(b[i].at);
    }
    return wrong;
}

static void *churn_thread(void *seed) {
    return (void *)(intptr_t)churn((unsigned)(uintptr_t)seed, 500);
}

static void many_threads(void) {
    pthread_t t[4];
    int wrong = 0;
    for (int i = 0; i < 4; i++)
        need(pthread_create(&t[i], NULL, churn_thread, (void *)(uintptr_t)(i + 1))
             == 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        need(pthread_join(t[i], &result) == 0);
        wrong += (int)(intptr_t)result;
    }
    is_int(wrong, 0, "four threads at once");
}

static void single_calls(void) {
    unsigned char *p = calloc(1000, 100);
    volatile size_t mebi = 1 << 20, huge = (size_t)3 << 30, all = (size_t)-1;
    void *volatile none;                // a compiler may drop a malloc nobody looks at
    int sum = 0;
    need(p);
    for (int i = 0; i < 100000; i++)
        sum |= p[i];
    is_int(sum, 0, "calloc gives zeros");
    memset(p, 1, 100000);
    free(p);
    p = calloc(1, 100000);
    sum = 0;
    for (int i = 0; i < 100000; i++)
        sum |= p[i];
    is_int(sum, 0, "again, where there was something before");
    free(p);
    none = calloc(mebi, mebi);
    ok(none == NULL && errno == ENOMEM, "calloc overflow");
    none = malloc(huge);
    ok(none == NULL && errno == ENOMEM, "3 GiB are ENOMEM");
    none = malloc(all);
    ok(none == NULL && errno == ENOMEM, "SIZE_MAX is ENOMEM");
    p = aligned_alloc(4096, 8192);
    ok(p && (uintptr_t)p % 4096 == 0, "aligned_alloc");
    free(p);
    void *m = NULL;
    ok(posix_memalign(&m, 65536, 10) == 0 && (uintptr_t)m % 65536 == 0,
       "posix_memalign");
    free(m);
    p = malloc(100);
    ok(p && malloc_usable_size(p) >= 100, "malloc_usable_size");
    free(p);
    free(NULL);
}

/* realloc of a large block, which moves pages instead of bytes. */
static void large_blocks(void) {
    size_t size = 1 << 20;
    unsigned char *p = malloc(size);
    need(p);
    memset(p, 'L', size);
    for (int i = 0; i < 3; i++) {
        p = realloc(p, size *= 2);
        need(p && p[0] == 'L' && p[(1 << 20) - 1] == 'L');
    }
    p[size - 1] = 'E';
    ok(p[size - 1] == 'E', "a block grows from 1 to 8 MiB and keeps its contents");
    p = realloc(p, 100);
    ok(p && p[99] == 'L', "and shrinks to 100 bytes");
    free(p);
    int failed = 0;
    for (int i = 0; i < 200; i++) {
        void *q = malloc(8 << 20);
        failed += q == NULL;
        free(q);
    }
    is_int(failed, 0, "200 times 8 MiB, one after the other");
}

/* fork copies the heap. */
static void across_fork(void) {
    char *p = malloc(50000);
    need(p);
    memset(p, 'p', 50000);
    pid_t pid;
    CHILD (pid) {
        need(p[49999] == 'p');
        memset(p, 'c', 50000);
        free(p);
        need(churn(5, 200) == 0);
    }
    is_exit(wait_for(pid), 0,
            "a child has the heap as it was, and goes on with its own");
    ok(p[0] == 'p' && p[49999] == 'p', "the parent's is untouched");
    free(p);
}

int main(void) {
    single_calls();
    is_int(churn(1, 2000), 0, "2000 steps of malloc, realloc and free");
    large_blocks();
    many_threads();
    across_fork();
    return done_testing();
}
