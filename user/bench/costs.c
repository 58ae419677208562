/* costs.c - what the basic calls cost, in guest instructions.
 *
 *     costs            prints the figures
 *     costs --check    and ends with status 1 if one has grown
 *
 * `make bench` counts time in instructions: QEMU's -icount shift=0 lets the time stamp
 * counter advance by one with each. Elsewhere the same program prints processor ticks,
 * which say less and differ from run to run.
 *
 * A figure is the median of many rounds after a warm-up, less what an empty round
 * costs. A line has name, median, target and verdict. OVER is more than the target,
 * which is the design's promise. GREW is more than 1.25 times what was reached before:
 * the file /bench/recorded.txt has that, in lines `name number`.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE     4096
#define RUN      256                    /* pages touched in a row */
#define BULK     65536                  /* bytes in one write of the bandwidth figure */
#define WARM_UPS 5
#define MANY     101                    /* rounds; odd, so that there is a middle */
#define FEW      21

static uint64_t read_counter(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(2);
}

/* --- the calls that are measured: one round each ---------------------------------- */

static void nothing(void)
{
}

static void call_int80(void)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(SYS_getppid) : "memory");
}

static uintptr_t fast_entry;            /* AT_SYSINFO: a stub of the kernel's, or 0 */

static void call_sysenter(void)
{
    int result;
    __asm__ volatile("call *%1" : "=a"(result) : "m"(fast_entry), "a"(SYS_getppid)
                     : "memory");
}

static void *map(size_t size, int sharing)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
}

static char *pages;                     /* RUN pages that nobody has touched yet */

static void map_pages(void)
{
    pages = map(RUN * PAGE, MAP_PRIVATE);
    must(pages != MAP_FAILED, "mmap");
}

static void touch_pages(void)
{
    for (volatile char *p = pages; p < pages + RUN * PAGE; p += PAGE)
        *p = 1;
}

static void unmap_pages(void)
{
    munmap(pages, RUN * PAGE);
}

static void map_and_unmap(void)
{
    munmap(map(PAGE, MAP_PRIVATE), PAGE);
}

static void fork_exit_wait(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    must(waitpid(child, NULL, 0) == child, "waitpid");
}

static const char *nothing_path = "/bench/nothing";

static void fork_exec_wait(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execl(nothing_path, nothing_path, (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    must(status == 0, nothing_path);
}

static void *thread_body(void *unused)
{
    return unused;
}

static void create_and_join(void)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, thread_body, NULL) == 0, "pthread_create");
    pthread_join(thread, NULL);
}

static void handler(int sig)
{
    (void)sig;
}

static pid_t self, partner;             /* self: who measures */

static void signal_self(void)
{
    kill(self, SIGUSR1);
}

/* --- with a partner: a second process --------------------------------------------- */

static int to_partner[2], from_partner[2];
static size_t message;                  /* bytes that travel in each direction */
static char buffer[BULK];

static void echo_forever(void)
{
    while (read(to_partner[0], buffer, message) > 0)
        write(from_partner[1], buffer, message);
}

/* Swallows a bulk, then says so with one byte. */
static void swallow_forever(void)
{
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

static void yield_forever(void)
{
    for (;; shared->turn = 0)
        while (shared->turn == 0)
            sched_yield();
}

static void yield_turn(void)
{
    shared->turn = 1;
    while (shared->turn)
        sched_yield();
}

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static void futex_raise(volatile int *word)
{
    *word = 1;
    syscall(SYS_futex, word, FUTEX_WAKE, 1);
}

static void futex_await(volatile int *word)
{
    while (*word == 0)
        syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL);
    *word = 0;
}

static void futex_forever(void)
{
    for (;; futex_raise(&shared->pong))
        futex_await(&shared->ping);
}

static void futex_turn(void)
{
    futex_raise(&shared->ping);
    futex_await(&shared->pong);
}

static void semaphore_forever(void)
{
    for (;; sem_post(&shared->pong_semaphore))
        sem_wait(&shared->ping_semaphore);
}

static void semaphore_turn(void)
{
    sem_post(&shared->ping_semaphore);
    sem_wait(&shared->pong_semaphore);
}

static const sigset_t no_signals;       // SIGUSR2 is blocked, but while it is awaited

static void signal_forever(void)
{
    for (;; kill(self, SIGUSR2))
        sigsuspend(&no_signals);
}

static void signal_turn(void)
{
    kill(partner, SIGUSR2);
    sigsuspend(&no_signals);
}

static void start_partner(void (*body)(void))
{
    must(pipe(to_partner) == 0 && pipe(from_partner) == 0, "pipe");
    partner = fork();
    must(partner >= 0, "fork");
    if (partner == 0) {
        close(to_partner[1]);
        close(from_partner[0]);
        body();
        _exit(0);
    }
    close(to_partner[0]);
    close(from_partner[1]);
}

static void end_partner(void)
{
    kill(partner, SIGKILL);
    waitpid(partner, NULL, 0);
    close(to_partner[1]);
    close(from_partner[0]);
}

static void round_trip(void)
{
    must(write(to_partner[1], buffer, message) == (ssize_t)message, "write");
    must(read(from_partner[0], buffer, message) == (ssize_t)message, "read");
}

static void send_bulk(void)
{
    must(write(to_partner[1], buffer, BULK) == BULK, "write");
    must(read(from_partner[0], buffer, 1) == 1, "read");
}

/* --- measuring -------------------------------------------------------------------- */

static const struct figure {
    const char *name, *what;
    uint64_t target;                    /* instructions, from the design; 0: none */
    int rounds, units;                  /* units in a round; 0 means 1 */
    void (*round)(void);
    void (*before)(void), (*after)(void);       /* each round, not counted */
    void (*partner)(void);              /* what a second process does, if any */
    size_t message;                     /* for round_trip */
} figures[] = {
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
};
enum { NR_FIGURES = sizeof figures / sizeof figures[0] };

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of a round, in counts of the time stamp counter. */
static uint64_t median(const struct figure *f)
{
    uint64_t count[MANY];
    for (int i = -WARM_UPS; i < f->rounds; i++) {
        if (f->before)
            f->before();
        uint64_t start = read_counter();
        f->round();
        uint64_t end = read_counter();
        if (f->after)
            f->after();
        if (i >= 0)
            count[i] = end - start;
    }
    qsort(count, (size_t)f->rounds, sizeof count[0], compare);
    return count[f->rounds / 2];
}

static uint64_t measure(const struct figure *f)
{
    static const struct figure empty = { .rounds = MANY, .round = nothing };
    uint64_t overhead = median(&empty), count;
    message = f->message;
    if (f->partner)
        start_partner(f->partner);
    count = median(f);
    if (f->partner)
        end_partner();
    count = count > overhead ? count - overhead : 0;
    return f->units ? (count + (uint64_t)f->units / 2) / (uint64_t)f->units : count;
}

/* What was reached before; 0 if nobody wrote it down. */
static uint64_t recorded(const char *name)
{
    char line[100], word[40];
    unsigned long long number = 0, found = 0;
    FILE *file = fopen("/bench/recorded.txt", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%39s %llu", word, &number) == 2 && strcmp(word, name) == 0)
            found = number;
    if (file)
        fclose(file);
    return found;
}

/* Measures and prints one line. Result: whether it is as good as it was. */
static int report(const struct figure *f)
{
    if (f->round == call_sysenter && !fast_entry) {
        printf("%-14s %10s %10s  %-4s  %s\n", f->name, "-", "-", "none", f->what);
        return 1;
    }
    uint64_t count = measure(f), before = recorded(f->name);
    int over = f->target && count > f->target, grew = before && count * 4 > before * 5;
    const char *verdict = over ? "OVER" : grew ? "GREW" : "ok";
    char target[24] = "-";
    if (f->target)
        snprintf(target, sizeof target, "%llu", (unsigned long long)f->target);
    printf("%-14s %10llu %10s  %-4s  %s", f->name, (unsigned long long)count, target,
           verdict, f->what);
    if (grew)
        printf(", was %llu", (unsigned long long)before);
    printf("\n");
    fflush(stdout);
    return !grew;                       // a target is a goal, what was reached is kept
}

int main(int argc, char **argv)
{
    int check = argc == 2 && strcmp(argv[1], "--check") == 0, good = 1;
    if (argc > 1 && !check) {
        fprintf(stderr, "usage: costs [--check]\n");
        return 2;
    }
    if (getenv("NOTHING"))              // elsewhere than in the guest
        nothing_path = getenv("NOTHING");
    fast_entry = getauxval(AT_SYSINFO);
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
    printf("%-14s %10s %10s\n", "name", "median", "target");
    fflush(stdout);
    for (int i = 0; i < NR_FIGURES; i++)
        good &= report(&figures[i]);
    return check && !good;
}
