/* cow.c - copy on write. fork(2): "Memory writes performed by one of the processes do
 * not affect the other", whichever side writes first, and also when it is the kernel
 * that writes, on behalf of a system call.
 */
#include "memory.h"

#include <sys/stat.h>
#include <sys/uio.h>

enum { PAGES = 8 };

static char *fresh(void) {
    char *p = map_anonymous(PAGES, PROT_READ | PROT_WRITE);
    memset(p, 'o', PAGES * PAGE);
    return p;
}

/* Parent first, child first, both; and pages that only one of them touches. */
static void user_writes(void) {
    struct gate parent, child;
    char *p = fresh();
    pid_t pid;
    gate_init(&parent), gate_init(&child);
    CHILD (pid) {
        gate_wait(&parent);             // the parent has written 'P' to pages 0 and 2
        need(p[0] == 'o' && p[2 * PAGE] == 'o');
        p[PAGE] = p[2 * PAGE] = 'C';
        gate_open(&child);
        gate_wait(&parent);
        need(p[0] == 'o' && p[PAGE] == 'C' && p[2 * PAGE] == 'C' && p[3 * PAGE] == 'o');
        need(other_bytes(p + 2 * PAGE + 1, PAGE - 1, 'o') == 0);
    }
    p[0] = p[2 * PAGE] = 'P';
    gate_open(&parent);
    gate_wait(&child);
    ok(p[0] == 'P', "a page that only the parent wrote");
    ok(p[PAGE] == 'o', "one that only the child wrote");
    ok(p[2 * PAGE] == 'P', "one that both wrote");
    is_int((long)other_bytes(p + PAGE, PAGE, 'o'), 0, "the whole page is as before");
    gate_open(&parent);
    is_exit(wait_for(pid), 0, "the child saw its own");
    p[3 * PAGE] = 'x';
    is_int(p[3 * PAGE], 'x', "with the child gone the parent writes on");
    munmap(p, PAGES * PAGE);
    gate_close(&parent), gate_close(&child);
}

/* The kernel stores through read, readv, pipe2, fstat into shared pages of the
 * child. */
static void kernel_writes_in_child(void) {
    char *p = fresh();
    int fd[2];
    pid_t pid;
    need(pipe(fd) == 0);
    need(write(fd[1], "0123456789abcdef", 16) == 16);
    CHILD (pid) {
        struct iovec v[] = { { p + PAGE - 2, 4 }, { p + 3 * PAGE, 4 } };
        need(read(fd[0], p, 8) == 8 && memcmp(p, "01234567ooo", 11) == 0);
        need(readv(fd[0], v, 2) == 8 && memcmp(p + PAGE - 3, "o89abo", 6) == 0);
        need(memcmp(p + 3 * PAGE, "cdefo", 5) == 0);
        int *pair = (int *)(p + 4 * PAGE);
        need(pipe2(pair, O_CLOEXEC) == 0 && pair[0] > 2);
        need(fstat(fd[0], (struct stat *)(p + 5 * PAGE)) == 0);
    }
    is_exit(wait_for(pid), 0,
            "read, readv, pipe2 and fstat store in the child's pages");
    is_int((long)other_bytes(p, PAGES * PAGE, 'o'), 0, "the parent's have not changed");
    munmap(p, PAGES * PAGE);
    close(fd[0]), close(fd[1]);
}

static void kernel_writes_in_parent(void) {
    struct gate written;
    char *p = fresh();
    int fd[2];
    pid_t pid;
    gate_init(&written);
    need(pipe(fd) == 0 && write(fd[1], "01234567", 8) == 8);
    CHILD (pid) {
        gate_wait(&written);
        need(other_bytes(p, PAGES * PAGE, 'o') == 0);
    }
    is_int(read(fd[0], p + PAGE - 4, 8), 8,
           "read(2) of the parent across two shared pages");
    ok(memcmp(p + PAGE - 4, "01234567", 8) == 0, "stores there");
    gate_open(&written);
    is_exit(wait_for(pid), 0, "the child's pages have not changed");
    munmap(p, PAGES * PAGE);
    close(fd[0]), close(fd[1]);
    gate_close(&written);
}

/* A chain of forks: each generation changes its own copy; each one's stays. */
static void generations(void) {
    enum { DEPTH = 6 };
    char *p = fresh();
    pid_t me = getpid(), pid = 0;
    int depth = 0;
    for (; depth < DEPTH; depth++) {
        p[depth * PAGE] = 'm';
        pid = tap_fork();
        if (pid > 0)
            break;
        need(p[depth * PAGE] == 'm');
        p[depth * PAGE] = (char)('0' + depth);
    }
    int good = pid == 0 || wait_for(pid) == 0;
    for (int i = 0; i < depth; i++)
        good &= p[i * PAGE] == '0' + i;
    good &= depth == DEPTH || p[depth * PAGE] == 'm';
    for (int i = depth + 1; i < PAGES; i++)
        good &= p[i * PAGE] == 'o';
    if (getpid() != me)
        _exit(!good);
    ok(good, "%d generations: each keeps what it wrote, and no more", DEPTH);
    munmap(p, PAGES * PAGE);
}

/* Many children share one page and go at different times; the last one to write needs
 * no copy, and gets none that is not its own. */
static void many_sharers(void) {
    enum { N = 8 };
    struct gate go[N];
    char *p = fresh();
    pid_t pid[N];
    int good = 1;
    for (int i = 0; i < N; i++)
        gate_init(&go[i]);
    for (int i = 0; i < N; i++)
        CHILD (pid[i]) {
            gate_wait(&go[i]);
            need(other_bytes(p, 2 * PAGE, 'o') == 0);
            memset(p, 'a' + i, PAGE);
            need(other_bytes(p, PAGE, 'a' + i) == 0 && p[PAGE] == 'o');
        }
    for (int i = N - 1; i >= 0; i--) {
        gate_open(&go[i]);
        good &= wait_for(pid[i]) == 0;
        gate_close(&go[i]);
    }
    ok(good, "%d children share a page, and each writes to its own copy", N);
    is_int((long)other_bytes(p, 2 * PAGE, 'o'), 0, "the parent has the original");
    munmap(p, PAGES * PAGE);
}

/* Zero pages and read-only pages: a page only read before the fork, and mprotect
 * after. */
static void other_pages(void) {
    char *zero = map_anonymous(2, PROT_READ | PROT_WRITE), *p = fresh();
    pid_t pid;
    need(zero[0] == 0 && mprotect(p, PAGE, PROT_READ) == 0);
    CHILD (pid) {
        zero[0] = 'z', zero[PAGE] = 'y';
        need(touch_write(p) == SIGSEGV);
        need(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
        need(touch_write(p) == 0 && p[1] == 'o');
    }
    is_exit(wait_for(pid), 0,
            "a child writes to zero pages and to what it made writable");
    ok(zero[0] == 0 && zero[PAGE] == 0, "zeros stay zeros here");
    is_int(p[0], 'o', "the read-only page too");
    need(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
    p[0] = 'x';
    is_int(p[0], 'x', "until it is made writable here");
    munmap(zero, 2 * PAGE), munmap(p, PAGES * PAGE);
}

int main(void) {
    user_writes();
    kernel_writes_in_child();
    kernel_writes_in_parent();
    generations();
    many_sharers();
    other_pages();
    return done_testing();
}
