/* native_proc_pages.c - /proc/PID/pages has a line for each page that the page table
 * leads to: "Address; the frames, as their numbers, of its directory, its table and
 * itself; how many hold that; writable, executable, accessed, dirty"
 * (kernel/fs/proc_text.c).
 */
/* FEATURE(139): shared memory at two addresses in two processes is one frame */
/* FEATURE(76): shared memory at two addresses in two processes is one frame */
#include "scratch.h"

#include <cpuid.h>
#include <sys/mman.h>
#include <sys/shm.h>

struct page {
    unsigned address, directory, table, frame, holders;
    char bits[8];
};

static const unsigned page_size = 4096;

/* Fills in what the file says of the address; 0: there is no line. */
static int look(pid_t pid, const volatile void *address, struct page *p) {
    char path[40], line[100];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d/pages", (int)pid);
    FILE *file = fopen(path, "r");
    need(file);
    while (!found && fgets(line, sizeof line, file)) {
        need(sscanf(line, "%x %x %x %x %u %4s\n", &p->address, &p->directory, &p->table,
                    &p->frame, &p->holders, p->bits)
             == 6);
        found = p->address == ((uintptr_t)address & -page_size);
    }
    fclose(file);
    return found;
}

static void test_bits(void) {
    struct page p, q;
    volatile char *memory = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED);
    ok(!look(getpid(), memory, &p), "a page that was never touched has no line");
    memory[0] = 1;
    ok(look(getpid(), memory, &p) && !look(getpid(), memory + page_size, &q),
       "one that was written has one, its neighbour has none");
    unsigned eax, ebx, ecx, edx;
    int nx = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx >> 20 & 1;
    is_text(p.bits, nx ? "w-ad" : "wxad",
            "it is writable, accessed, dirty, not executable if the CPU can forbid it");
    is_int((long)p.holders, 1, "held by one");
    need(look(getpid(), (void *)(uintptr_t)look, &q));
    ok(q.bits[0] == '-' && q.bits[1] == 'x', "the program's code is the other way");
    ok(p.frame && p.table && p.directory && p.frame != p.table
           && p.table != p.directory,
       "a frame, its table and its directory are three frames");
    need(munmap((void *)(uintptr_t)memory, 2 * page_size) == 0);
}

static void test_shared(void) {
    struct page p, q;
    struct gate there, leave;
    pid_t pid;
    int id = shmget(IPC_PRIVATE, page_size, 0600);
    volatile int *shared = shmat(id, NULL, 0), *other = shmat(id, NULL, 0);
    need(id >= 0 && shared != (void *)-1 && other != (void *)-1);
    need(shmctl(id, IPC_RMID, NULL) == 0);
    gate_init(&there);
    gate_init(&leave);
    *shared = 1;
    CHILD (pid) {
        *other = 2;
        gate_open(&there);
        gate_wait(&leave);
    }
    gate_wait(&there);
    need(look(getpid(), shared, &p) && look(pid, other, &q));
    ok(p.address != q.address && p.frame == q.frame && p.table != q.table,
       "shared memory at two addresses in two processes is one frame");
    ok(p.bits[0] == 'w' && q.bits[0] == 'w', "which both may write");
    gate_open(&leave);
    wait_for(pid);
    need(shmdt((void *)(uintptr_t)shared) == 0 && shmdt((void *)(uintptr_t)other) == 0);
}

static void test_copy_on_write(void) {
    struct page p, q;
    struct gate there, leave;
    pid_t pid;
    volatile int *mine = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(mine != MAP_FAILED);
    *mine = 1;
    gate_init(&there);
    gate_init(&leave);
    CHILD (pid) {
        gate_wait(&leave);
        *mine = 2;
        gate_open(&there);
        gate_wait(&leave);
    }
    need(look(getpid(), mine, &p) && look(pid, mine, &q));
    ok(p.frame == q.frame && p.bits[0] == '-' && q.bits[0] == '-' && p.holders == 2,
       "after fork a private page is one frame that neither may write");
    gate_open(&leave);
    gate_wait(&there);
    need(look(getpid(), mine, &p) && look(pid, mine, &q));
    ok(p.frame != q.frame && q.bits[0] == 'w' && p.holders == 1 && *mine == 1,
       "after a store there are two");
    gate_open(&leave);
    wait_for(pid);
    need(munmap((void *)(uintptr_t)mine, page_size) == 0);
}

static int reads(const char *path) {
    int fd = open(path, O_RDONLY);
    return fd < 0 ? errno : close(fd);
}

int main(void) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/pages", (int)getpid());
    test_bits();
    test_shared();
    test_copy_on_write();
    is_exit(as_user(reads, path), EACCES, "EACCES: a process of another user");
    return done_testing();
}
