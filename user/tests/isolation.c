/* isolation.c - processes are protected from each other, so they need the kernel in
 * order to talk: POSIX 3.289 process, "an address space with one or more threads
 * executing within that address space".
 */
/* FEATURE(1): a wild store at a neighbour's address kills only its author */
/* FEATURE(7): without the kernel a process cannot tell its neighbour anything */
/* FEATURE(12): one address holds different values in two processes at a time */
/* FEATURE(2): two programs that share a channel affect each other */
/* FEATURE(3): information computed in one process is shared with another */
#include "tap.h"

#include <sys/mman.h>

static volatile int word = 1;

/* The parent maps a page after the fork, so in the child that address is wild. */
static void wild_store(void) {
    struct gate gate;
    volatile int *page;
    int p[2];
    pid_t pid;
    gate_init(&gate);
    need(pipe2(p, O_CLOEXEC) == 0);
    CHILD (pid) {
        need(read(p[0], &page, sizeof page) == sizeof page);
        *page = 666;
    }
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED);
    *page = 42;
    need(write(p[1], &page, sizeof page) == sizeof page);
    int status = wait_for(pid);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && *page == 42,
       "a wild store at a neighbour's address kills only its author");
    munmap((void *)page, 4096);
    close(p[0]);
    close(p[1]);
    gate_close(&gate);
}

/* Both sides hold their value at one address, look again after the other has
 * written. */
static void private_space(void) {
    struct gate go, done;
    pid_t pid;
    gate_init(&go);
    gate_init(&done);
    word = 1;
    CHILD (pid) {
        word = 2;
        gate_open(&done);
        gate_wait(&go);                                 // the parent has written 3
        need(word == 2);
    }
    gate_wait(&done);
    is_int(word, 1, "without the kernel a process cannot tell its neighbour anything");
    word = 3;
    gate_open(&go);
    is_exit(wait_for(pid), 0,
            "one address holds different values in two processes at a time");
    gate_close(&go);
    gate_close(&done);
}

/* With a channel they co-operate: question down one pipe, answer up the other. */
static void co_operate(void) {
    int ask[2], answer[2], n, sum = 0;
    pid_t pid;
    need(pipe(ask) == 0 && pipe(answer) == 0);
    CHILD (pid) {
        close(ask[1]);
        while (read(ask[0], &n, sizeof n) == sizeof n) {
            n = n * n;
            need(write(answer[1], &n, sizeof n) == sizeof n);
        }
    }
    close(ask[0]);
    for (int i = 1; i <= 10; i++) {
        need(write(ask[1], &i, sizeof i) == sizeof i);
        need(read(answer[0], &n, sizeof n) == sizeof n);
        sum += n;
    }
    is_int(sum, 385, "two programs that share a channel affect each other");
    close(ask[1]);
    is_exit(wait_for(pid), 0, "closing the channel ends the co-operation");
    close(ask[0]);
    close(answer[0]);
    close(answer[1]);
}

static void share_information(void) {
    enum { N = 20000 };
    unsigned *table = malloc(N * sizeof *table), x = 1, right = 1;
    int p[2];
    pid_t pid;
    need(table && pipe(p) == 0);
    CHILD (pid) {
        for (int i = 0; i < N; i++)
            table[i] = x = x * 1664525 + 1013904223;
        for (size_t done = 0; done < N * sizeof *table;) {
            ssize_t n = write(p[1], (char *)table + done, N * sizeof *table - done);
            need(n > 0);
            done += (size_t)n;
        }
    }
    close(p[1]);
    for (size_t done = 0; done < N * sizeof *table;) {
        ssize_t n = read(p[0], (char *)table + done, N * sizeof *table - done);
        need(n > 0);
        done += (size_t)n;
    }
    for (int i = 0; i < N; i++)
        right &= table[i] == (x = x * 1664525 + 1013904223);
    ok(right, "information computed in one process is shared with another");
    is_exit(wait_for(pid), 0, "which then ends");
    close(p[0]);
    free(table);
}

int main(void) {
    wild_store();
    private_space();
    co_operate();
    share_information();
    return done_testing();
}
