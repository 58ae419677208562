/* pagetables.c - two processes' page tables, side by side, on one shared frame.
 * Order: 89
 *
 * /proc/PID/pages has what the processor walks through. A shared segment at two
 * addresses: other places in other tables, and at the end one frame. Then a page that
 * is private: after fork it is one frame, too, until somebody writes.
 *
 * FEATURE(12, 74, 76, 139)
 */
#include "demo.h"
#include <sys/mman.h>
#include <sys/shm.h>

struct page {                           /* what the tables say of one address */
    unsigned address, directory, table, frame, holders;
    char bits[8];                       /* writable, executable, accessed, dirty */
};

static volatile int *shared;            /* the segment, where it is attached here */
static volatile int *mine;              /* a private page, at one address in both */
static int segment, orders[2], reports[2];      /* pipes to the child and from it */

static struct page look(pid_t process, const volatile void *address) {
    char path[32], line[80];
    struct page p = { 0 };
    snprintf(path, sizeof path, "/proc/%d/pages", (int)process);
    FILE *file = fopen(path, "re");
    must(file ? 0 : -1, path);
    while (p.address != ((unsigned)(uintptr_t)address & ~4095u)
           && fgets(line, sizeof line, file))
        sscanf(line, "%x %x %x %x %u %7s", &p.address, &p.directory, &p.table, &p.frame,
               &p.holders, p.bits);
    fclose(file);
    return p;
}

static const char *frame(unsigned number) {
    char *text = demo_scrap();
    if (demo.log)
        return demo_nickname(0, "frame", number);
    snprintf(text, SCRAP, "frame %05x", number);
    return text;
}

/* The child attaches the segment elsewhere, and stores where it is told to. */
static void child(void) {
    char order;
    void *inherited = (void *)(uintptr_t)shared;
    close(orders[1]);
    shared = shmat(segment, NULL, 0);
    must(shared == (void *)-1 ? -1 : 0, "shmat");
    must(shmdt(inherited), "shmdt");
    *shared = 0;                        // the first touch makes the entry
    must(write(reports[1], (void *)(uintptr_t)&shared, sizeof shared), "write");
    while (read(orders[0], &order, 1) == 1) {
        *(order == 's' ? shared : mine) = 42;
        must(write(reports[1], "", 1), "write");
    }
    _exit(0);
}

static void tell(char order) {
    must(write(orders[1], &order, 1), "write");
    must(read(reports[0], &order, 1), "read");
}

/* How a value of mine and one of the child's look, in this order. */
static void both(const char *what, const char *(*show)(unsigned), unsigned a,
                 unsigned b, const char *remark) {
    const char *first = show(a);
    say("  %-24s %-15s %-15s %s", what, first, show(b), remark);
}

static const char *address(unsigned value) {
    return addr((void *)(uintptr_t)value);
}

static const char *entry(unsigned value) {
    return some((long)(value & 511));
}

static void show_shared(pid_t other, const volatile int *there) {
    struct page p = look(getpid(), shared), q = look(other, there);
    both("the segment is at", address, p.address, q.address,
         mark(p.address != q.address, "two addresses", "ONE ADDRESS"));
    both("bits 31, 30: directory", entry, p.address >> 30, q.address >> 30,
         "which of four");
    both("    it is in", frame, p.directory, q.directory,
         mark(p.directory != q.directory, "each has its own", "SHARED"));
    both("bits 29 to 21: table", entry, p.address >> 21, q.address >> 21,
         "which of 512");
    both("    it is in", frame, p.table, q.table,
         mark(p.table != q.table, "each has its own", "SHARED"));
    both("bits 20 to 12: page", entry, p.address >> 12, q.address >> 12,
         "which of 512");
    both("    it is in", frame, p.frame, q.frame,
         mark(p.frame == q.frame && p.frame, "one and the same", "TWO"));
    tell('s');
    say("The child stores 42 there. I load %d: %s", *shared,
        mark(*shared == 42, "two entries with one number", "NOTHING CAME"));
}

/* One line about `mine`, which is at the same address in both. */
static void show_private(pid_t other, const char *when, int one, int i_may,
                         int it_may) {
    struct page p = look(getpid(), mine), q = look(other, mine);
    char a[40], b[40];
    snprintf(a, sizeof a, "%s %s", frame(p.frame), *p.bits == 'w' ? "rw" : "r ");
    snprintf(b, sizeof b, "%s %s", frame(q.frame), *q.bits == 'w' ? "rw" : "r ");
    int good = (p.frame == q.frame) == one && (*p.bits == 'w') == i_may
               && (*q.bits == 'w') == it_may;
    say("  %-24s %-15s %-15s %s", when, a, b,
        mark(good, one ? "one" : "two", "UNEXPECTED"));
}

int main(int argc, char **argv) {
    const volatile int *there;
    demo_start(argc, argv, "pagetables: two ways to one frame");
    segment = (int)must(shmget(IPC_PRIVATE, sizeof *shared, 0600), "shmget");
    shared = shmat(segment, NULL, 0);
    must(shared == (void *)-1 ? -1 : 0, "shmat");
    mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(mine == MAP_FAILED ? -1 : 0, "mmap");
    *shared = *mine = 1;
    must(pipe(orders), "pipe");
    must(pipe(reports), "pipe");
    pid_t other = (pid_t)must(fork(), "fork");
    if (other == 0)
        child();
    must(read(reports[0], (void *)(uintptr_t)&there, sizeof there), "read");
    say("%27s%-15s %s", "", "I", "my child");
    show_shared(other, there);
    gap();
    say("A page that is not shared, at %s in both:", addr(mine));
    show_private(other, "fork made no copy", 1, 0, 0);
    tell('m');
    show_private(other, "the child has stored 42", 0, 0, 1);
    say("Mine is still %d: its store was a fault, and got it a copy.", *mine);
    *mine = 2;
    show_private(other, "I have stored, too", 0, 1, 1);
    close(orders[1]);
    must(waitpid(other, NULL, 0), "waitpid");
    must(shmctl(segment, IPC_RMID, NULL), "shmctl");
    return demo_end("map the segment with SHM_RDONLY in the child. Which bit changes?",
                    "kernel/mm/address_space.c; kernel/mm/fault.c: show()");
}
