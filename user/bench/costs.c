/* costs.c - what the basic calls cost, in guest instructions.
 *
 *     costs            prints the figures
 *     costs --check    and ends with status 1 if one has grown
 *
 * `make bench` counts time in instructions: QEMU's -icount shift=0 lets the time stamp
 * counter advance by one with each. Elsewhere the same program prints processor ticks,
 * which say less and differ from run to run.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "bench.h"

#define PAGE     4096
#define RUN      256                    /* pages touched in a row */
#define BULK     65536                  /* bytes in one write of the bandwidth figure */

/* --- the calls that are measured: one round each ---------------------------------- */

static void call_int80(void) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(SYS_getppid) : "memory");
}

static uintptr_t fast_entry;            /* AT_SYSINFO: a stub of the kernel's */
void int80_stub(void);
__asm__("int80_stub: int $0x80; ret");

static void call_sysenter(void) {
    int result;
    __asm__ volatile("call *%1" : "=a"(result) : "m"(fast_entry), "a"(SYS_getppid)
                     : "memory");
}

static void *map(size_t size, int sharing) {
    return mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
}

static char *pages;                     /* RUN pages that nobody has touched yet */

static void map_pages(void) {
    pages = map(RUN * PAGE, MAP_PRIVATE);
    must(pages != MAP_FAILED, "mmap");
}

static void touch_pages(void) {
    for (volatile char *p = pages; p < pages + RUN * PAGE; p += PAGE)
        *p = 1;
}

static void unmap_pages(void) {
    munmap(pages, RUN * PAGE);
}

static void map_and_unmap(void) {
    munmap(map(PAGE, MAP_PRIVATE), PAGE);
}

static void fork_exit_wait(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    must(waitpid(child, NULL, 0) == child, "waitpid");
}

static const char *nothing_path = "/bench/nothing";

static void fork_exec_wait(void) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execl(nothing_path, nothing_path, (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    must(status == 0, nothing_path);
}

static void *thread_body(void *unused) {
    return unused;
}

static void create_and_join(void) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, thread_body, NULL) == 0, "pthread_create");
    pthread_join(thread, NULL);
}

static void handler(int sig) {
    (void)sig;
}

static pid_t self;                      /* who measures */

static void signal_self(void) {
    kill(self, SIGUSR1);
}

/* --- with a partner: a second process --------------------------------------------- */

static int to_partner[2], from_partner[2];
static char buffer[BULK];

static void echo_forever(void) {
    while (read(to_partner[0], buffer, message) > 0)
        write(from_partner[1], buffer, message);
}

/* Swallows a bulk, then says so with one byte. */
static void swallow_forever(void) {
    for (size_t got = 0;;) {
        ssize_t n = read(to_partner[0], buffer, BULK - got);
        if (n <= 0)
            return;
        got += (size_t)n;
        if (got == BULK) {
            write(from_partner[1], buffer, 1);
            got = 0;
        }
    }
}

static struct {                         /* in memory that both processes map */
    volatile int turn;                  /* 1 while it is the partner's turn */
    volatile int ping, pong;            /* 1: the other one may go on */
    sem_t ping_semaphore, pong_semaphore;
} * shared;

static void yield_forever(void) {
    for (;; shared->turn = 0)
        while (shared->turn == 0)
            sched_yield();
}

static void yield_turn(void) {
    shared->turn = 1;
    while (shared->turn)
        sched_yield();
}

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static void futex_raise(volatile int *word) {
    *word = 1;
    syscall(SYS_futex, word, FUTEX_WAKE, 1);
}

static void futex_await(volatile int *word) {
    while (*word == 0)
        syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL);
    *word = 0;
}

static void futex_forever(void) {
    for (;; futex_raise(&shared->pong))
        futex_await(&shared->ping);
}

static void futex_turn(void) {
    futex_raise(&shared->ping);
    futex_await(&shared->pong);
}

static void semaphore_forever(void) {
    for (;; sem_post(&shared->pong_semaphore))
        sem_wait(&shared->ping_semaphore);
}

static void semaphore_turn(void) {
    sem_post(&shared->ping_semaphore);
    sem_wait(&shared->pong_semaphore);
}

static const sigset_t no_signals;       // SIGUSR2 is blocked, but while it is awaited

static void signal_forever(void) {
    for (;; kill(self, SIGUSR2))
        sigsuspend(&no_signals);
}

static void signal_turn(void) {
    kill(partner, SIGUSR2);
    sigsuspend(&no_signals);
}

static void round_trip(void) {
    must(write(to_partner[1], buffer, message) == (ssize_t)message, "write");
    must(read(from_partner[0], buffer, message) == (ssize_t)message, "read");
}

static void send_bulk(void) {
    must(write(to_partner[1], buffer, BULK) == BULK, "write");
    must(read(from_partner[0], buffer, 1) == 1, "read");
}

static int sockets[2];                  // the partner's end is the second

static void socket_echo_forever(void) {
    close(sockets[0]);
    while (read(sockets[1], buffer, message) == (ssize_t)message)
        must(write(sockets[1], buffer, message) == (ssize_t)message, "write");
}

static void socket_turn(void) {
    must(write(sockets[0], buffer, message) == (ssize_t)message, "write");
    must(read(sockets[0], buffer, message) == (ssize_t)message, "read");
}

/* --- the figures ---------------------------------------------------------------- */

static const struct figure figures[] = {
    { .name = "null-int80", .what = "system call by int 0x80", .target = 100,
      .rounds = MANY, .round = call_int80 },
    { .name = "null-sysenter", .what = "system call by sysenter", .target = 100,
      .rounds = MANY, .round = call_sysenter },
    { .name = "page-fault", .what = "first touch of a page", .target = 1800,
      .rounds = FEW, .units = RUN, .round = touch_pages, .before = map_pages,
      .after = unmap_pages },
    { .name = "mmap-munmap", .what = "mmap and munmap of a page", .target = 1200,
      .rounds = MANY, .round = map_and_unmap },
    { .name = "fork-exit", .what = "fork, exit, wait", .target = 50000,
      .rounds = FEW, .round = fork_exit_wait },
    { .name = "fork-exec", .what = "fork, exec, exit, wait", .target = 110000,
      .rounds = FEW, .round = fork_exec_wait },
    { .name = "thread", .what = "pthread_create, pthread_join", .target = 8000,
      .rounds = FEW, .round = create_and_join },
    { .name = "signal-self", .what = "kill, handler, sigreturn", .target = 900,
      .rounds = MANY, .round = signal_self },
    { .name = "signal-rt", .what = "kill and sigsuspend, there and back",
      .target = 3000, .rounds = MANY, .round = signal_turn,
      .partner = signal_forever },
    { .name = "yield", .what = "sched_yield, there and back", .target = 600,
      .rounds = MANY, .round = yield_turn, .partner = yield_forever },
    { .name = "futex-rt", .what = "futex wake and wait, there and back",
      .target = 1000, .rounds = MANY, .round = futex_turn, .partner = futex_forever },
    { .name = "semaphore-rt", .what = "sem_post and sem_wait, there and back",
      .rounds = MANY,    // no target: musl spins 100 times before it sleeps
      .round = semaphore_turn, .partner = semaphore_forever },
    { .name = "pipe-1", .what = "pipe, 1 byte there and back", .target = 1300,
      .rounds = MANY, .round = round_trip, .partner = echo_forever, .message = 1 },
    { .name = "pipe-1k", .what = "pipe, 1 KiB there and back", .target = 2600,
      .rounds = MANY, .round = round_trip, .partner = echo_forever, .message = 1024 },
    { .name = "pipe-kib", .what = "pipe, each KiB of 64", .target = 700,
      .rounds = FEW, .units = BULK / 1024, .round = send_bulk,
      .partner = swallow_forever },
    { .name = "socket-1", .what = "AF_UNIX stream, 1 byte there and back",
      .target = 1500, .rounds = MANY, .round = socket_turn,
      .partner = socket_echo_forever, .message = 1 },
};

int main(int argc, char **argv) {
    int check = argc == 2 && strcmp(argv[1], "--check") == 0;
    if (argc > 1 && !check) {
        fprintf(stderr, "usage: costs [--check]\n");
        return 2;
    }
    if (getenv("NOTHING"))              // elsewhere than in the guest
        nothing_path = getenv("NOTHING");
    fast_entry = getauxval(AT_SYSINFO);
    if (!fast_entry)                    // then the figure is int 0x80's
        fast_entry = (uintptr_t)int80_stub;
    self = getpid();
    shared = map(PAGE, MAP_SHARED);
    must(shared != MAP_FAILED, "mmap");
    must(sem_init(&shared->ping_semaphore, 1, 0) == 0
             && sem_init(&shared->pong_semaphore, 1, 0) == 0,
         "sem_init");
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair");
    must(pipe(to_partner) == 0 && pipe(from_partner) == 0, "pipe");
    return report_all(figures, sizeof figures / sizeof figures[0], check);
}
