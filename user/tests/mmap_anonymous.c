/* mmap_anonymous.c - POSIX mmap(), munmap() and mmap(2) for memory without a file:
 * zeros, protection, sharing across fork, many regions.
 */
#include "memory.h"

/* mmap(2): "MAP_ANONYMOUS The mapping is not backed by any file; its contents are
 * initialized to zero." "[pa] a multiple of the page size". */
static void zeros(void) {
    char *p = map_anonymous(16, PROT_READ | PROT_WRITE);
    is_int((uintptr_t)p % PAGE, 0, "mmap gives a page boundary");
    is_int((long)other_bytes(p, 16 * PAGE, 0), 0, "the memory is zero");
    memset(p, 'x', 16 * PAGE);
    is_int((long)other_bytes(p, 16 * PAGE, 'x'), 0, "it can be written");
    is_int(munmap(p, 16 * PAGE), 0, "munmap");
    is_int(touch_read(p), SIGSEGV, "after which a read is SIGSEGV");
    ok(touched.address == p && touched.code == SEGV_MAPERR,
       "with its address, SEGV_MAPERR");
    char *q = map_anonymous(16, PROT_READ | PROT_WRITE);
    is_int((long)other_bytes(q, 16 * PAGE, 0), 0, "memory mapped anew is zero again");
    is_int(touch_read(q + 16 * PAGE - 1), 0, "its last byte is there");
    munmap(q, 16 * PAGE);
    char *odd =
        mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(odd != MAP_FAILED);
    is_int(touch_write(odd + PAGE - 1), 0, "a length is rounded up to whole pages");
    is_int(munmap(odd, 1), 0, "in munmap too");
    is_int(touch_read(odd + 100), SIGSEGV, "the whole page is gone");
}

/* "The prot argument ... PROT_NONE Data cannot be accessed"; an access that is not
 * allowed is SIGSEGV with SEGV_ACCERR, and EFAULT in a system call. */
static void protection(void) {
    int p[2];
    need(pipe(p) == 0);
    char *r = map_anonymous(1, PROT_READ), *none = map_anonymous(1, PROT_NONE);
    is_int(touch_read(r), 0, "PROT_READ can be read");
    is_int(*r, 0, "and is zero");
    is_int(touch_write(r), SIGSEGV, "a write to it is SIGSEGV");
    ok(touched.address == r && touched.code == SEGV_ACCERR,
       "with its address, SEGV_ACCERR");
    is_int(touch_read(none), SIGSEGV, "PROT_NONE cannot be read");
    is_int(touch_write(none), SIGSEGV, "nor written");
    ok(touched.code == SEGV_ACCERR, "that is SEGV_ACCERR, something is mapped there");
    is_errno(write(p[1], none, 1), EFAULT, "PROT_NONE is EFAULT for write(2)");
    need(write(p[1], "data", 4) == 4);
    is_errno(read(p[0], none, 4), EFAULT, "and for read(2)");
    is_errno(read(p[0], r, 4), EFAULT, "PROT_READ is EFAULT for read(2)");
    char *w = map_anonymous(1, PROT_WRITE);
    is_int(touch_write(w), 0, "PROT_WRITE can be written");
    is_int(read(p[0], w, 4), 4, "also by read(2)");
    ok(memcmp(w, "data", 4) == 0, "on this machine it can be read, too");
    munmap(r, PAGE), munmap(none, PAGE), munmap(w, PAGE);
    close(p[0]), close(p[1]);
}

/* "MAP_PRIVATE ... modifications ... shall be visible only to the calling process";
 * "MAP_SHARED ... Changes are shared", here between parent and child. */
static void across_fork(void) {
    struct gate ready, go;
    int *private = map_anonymous(2, PROT_READ | PROT_WRITE), *shared = map_shared(2);
    pid_t pid;
    gate_init(&ready), gate_init(&go);
    private[0] = shared[0] = 1;
    CHILD (pid) {
        private[0] = shared[0] = 2;
        shared[1500] = 77;                              // a page nobody has touched yet
        private[1500] = 77;
        gate_open(&ready);
        gate_wait(&go);
        need(private[0] == 2 && shared[0] == 3);
        need(shared[1501] == 88 && private[1501] == 0);
    }
    gate_wait(&ready);
    is_int(private[0], 1, "MAP_PRIVATE: what the child wrote is not seen");
    is_int(shared[0], 2, "MAP_SHARED: it is");
    is_int(shared[1500], 77, "also in a page first touched after the fork");
    is_int(private[1500], 0, "which is private in the other mapping");
    shared[0] = 3;
    shared[1501] = 88;
    private[1501] = 88;
    gate_open(&go);
    is_exit(wait_for(pid), 0, "and the other way round");
    munmap(private, 2 * PAGE), munmap(shared, 2 * PAGE);
    gate_close(&ready), gate_close(&go);
}

/* Shared memory outlives who made it, and each unmaps for itself. */
static void shared_lifetime(void) {
    struct gate unmapped;
    gate_init(&unmapped);
    volatile int *shared = map_shared(1);
    *shared = 5;
    pid_t pid, inner;
    CHILD (pid) {
        CHILD (inner) {
            gate_wait(&unmapped);
            need(*shared == 5);
            *shared = 6;
        }
        munmap((void *)shared, PAGE);
        need(touch_read((void *)shared) == SIGSEGV);
        gate_open(&unmapped);
        _exit(wait_for(inner) ? 1 : 0);
    }
    is_exit(wait_for(pid), 0, "munmap in one process leaves the pages to the others");
    is_int(*shared, 6, "whose writes are seen here");
    munmap((void *)shared, PAGE);
    gate_close(&unmapped);
}

/* Many regions: each other page unmapped, then mapped again. */
static void many_regions(void) {
    enum { N = 400 };
    char *p = map_anonymous(N, PROT_READ | PROT_WRITE);
    int wrong = 0;
    for (int i = 0; i < N; i++)
        p[i * PAGE] = (char)i;
    for (int i = 1; i < N; i += 2)
        wrong += munmap(p + i * PAGE, PAGE) != 0;
    is_int(wrong, 0, "unmapping every other page of %d leaves %d regions", N, N / 2);
    for (int i = 0; i < N; i += 2)
        wrong += p[i * PAGE] != (char)i;
    is_int(wrong, 0, "the others keep their contents");
    is_int(touch_read(p + PAGE), SIGSEGV, "the first hole is one");
    is_int(touch_read(p + (N - 1) * PAGE), SIGSEGV, "so is the last");
    for (int i = 1; i < N; i += 2) {
        char *q = mmap(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        wrong += q != p + i * PAGE || *q != 0;
    }
    is_int(wrong, 0, "mapping the holes again gives zeros");
    is_int(munmap(p, N * PAGE), 0, "one munmap removes all");
    is_int(touch_read(p), SIGSEGV, "from the first page");
    is_int(touch_read(p + (N - 1) * PAGE), SIGSEGV, "to the last");
}

/* Memory that is mapped and not touched costs nothing: more than the machine has. */
static void untouched(void) {
    size_t size = (size_t)512 << 20;
    char *p =
        mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    works(p == MAP_FAILED ? -1 : 0, "512 MiB of memory that is not touched");
    if (p != MAP_FAILED) {
        int sum = 0;
        for (size_t at = 0; at < size; at += 8 << 20)
            sum |= p[at];
        is_int(sum, 0, "reads as zeros here and there");
        munmap(p, size);
    }
}

int main(void) {
    zeros();
    protection();
    across_fork();
    shared_lifetime();
    many_regions();
    untouched();
    return done_testing();
}
