/* mprotect.c - POSIX mprotect(): protection of single pages, at once and for every CPU;
 * and code that may not be executed or written.
 */
#include "memory.h"
#include "raw.h"

int main(void);

/* "shall change the access protections to be that specified by prot for those whole
 * pages containing any part of the address space of the process starting at address
 * addr". */
static void changes(void) {
    char *p = map_anonymous(1, PROT_READ | PROT_WRITE);
    p[7] = 'x';
    is_int(mprotect(p, PAGE, PROT_READ), 0, "mprotect to PROT_READ");
    is_int(touch_write(p), SIGSEGV, "a write is SIGSEGV, though one went well before");
    is_int(p[7], 'x', "the contents stay");
    is_int(mprotect(p, PAGE, PROT_NONE), 0, "to PROT_NONE");
    is_int(touch_read(p), SIGSEGV, "a read is SIGSEGV, though one went well before");
    is_int(mprotect(p, PAGE, PROT_READ | PROT_WRITE), 0, "and back");
    is_int(touch_write(p), 0, "it can be written again");
    is_int(p[7], 'x', "the contents are still there");
    munmap(p, PAGE);
}

/* Regions are split and joined as needed: page by page, front, middle, back. */
static void splits(void) {
    enum { N = 10 };
    char *p = map_anonymous(N, PROT_READ | PROT_WRITE);
    memset(p, 's', N * PAGE);
    need(mprotect(p, 2 * PAGE, PROT_READ) == 0);
    need(mprotect(p + 4 * PAGE, 2 * PAGE, PROT_NONE) == 0);
    need(mprotect(p + 8 * PAGE, 2 * PAGE, PROT_READ) == 0);
    static const char want[N + 1] = "rrwwnnwwrr";
    char got[N + 1] = "";
    for (int i = 0; i < N; i++)
        got[i] = touch_read(p + i * PAGE) ? 'n' : touch_write(p + i * PAGE) ? 'r' : 'w';
    ok(strcmp(got, want) == 0, "front, middle and back of a region: %s", want);
    note("got %s", got);
    is_int(mprotect(p + PAGE, 8 * PAGE, PROT_READ | PROT_WRITE), 0,
           "across all of them");
    for (int i = 0; i < N; i++)
        got[i] = touch_read(p + i * PAGE) ? 'n' : touch_write(p + i * PAGE) ? 'r' : 'w';
    ok(strcmp(got, "rwwwwwwwwr") == 0, "only the ends keep theirs");
    is_int((long)other_bytes(p + PAGE * 4 + 1, PAGE - 1, 's'), 0,
           "contents survived it all");
    munmap(p, N * PAGE);
}

/* "[ENOMEM] Addresses in the range [addr,addr+len) are invalid ... or specify one or
 * more pages which are not mapped"; "[EINVAL] The addr argument is not a multiple of
 * the page size." */
static void errors(void) {
    char *p = map_anonymous(3, PROT_READ | PROT_WRITE);
    need(munmap(p + PAGE, PAGE) == 0);
    is_errno(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM, "a range with a hole is ENOMEM");
    is_errno(mprotect(p + PAGE, PAGE, PROT_READ), ENOMEM, "an unmapped page is ENOMEM");
    is_int(raw(SYS_mprotect, (long)p + 1, PAGE, PROT_READ), -EINVAL,
           "an address off a page boundary is EINVAL");
    is_int(mprotect(p, 0, PROT_NONE), 0, "length 0 does nothing");
    munmap(p, 3 * PAGE);
}

/* fork(2): protections are inherited and then separate. */
static void across_fork(void) {
    char *p = map_anonymous(2, PROT_READ | PROT_WRITE);
    pid_t pid;
    p[0] = 'p';
    need(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
    CHILD (pid) {
        need(touch_write(p + PAGE) == SIGSEGV);
        need(mprotect(p, PAGE, PROT_NONE) == 0 && touch_read(p) == SIGSEGV);
        need(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
        need(touch_write(p + PAGE) == 0);
    }
    is_exit(wait_for(pid), 0, "a child inherits protections and changes its own");
    is_int(touch_write(p), 0, "the parent's are as they were");
    is_int(touch_write(p + PAGE), SIGSEGV, "both of them");
    is_int(p[PAGE], 0, "and the child's write is not seen");
    munmap(p, 2 * PAGE);
}

static int cpu_has_nx(void) {
    uint32_t eax = 0x80000001, ebx, ecx = 0, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return edx >> 20 & 1;
}

static char code_in_data[16] = { (char)0xc3 };          // ret

/* With NX (DESIGN: "W^X") data, heap and stack are not code. Without it nobody promises
 * that; writing to code fails on every machine. */
static void execution(void) {
    char code_on_stack[16] = { (char)0xc3 };
    char *heap = malloc(16), *p = map_anonymous(1, PROT_READ | PROT_WRITE);
    int denied = cpu_has_nx() ? SIGSEGV : 0;
    need(heap);
    *heap = *p = (char)0xc3;
    __asm__ volatile("" ::: "memory");
    note("this CPU %s no-execute pages", denied ? "has" : "has no");
    is_int(touch_execute(p), denied,
           "PROT_READ|PROT_WRITE cannot be executed, given NX");
    is_int(touch_execute(code_in_data), denied, "nor the data segment");
    is_int(touch_execute(code_on_stack), denied, "nor the stack");
    is_int(touch_execute(heap), denied, "nor the heap");
    is_int(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0, "mprotect to PROT_EXEC");
    is_int(touch_execute(p), 0, "makes it executable");
    is_int(touch_write(p), SIGSEGV, "and not writable any more");
    is_int(touch_write((void *)(uintptr_t)main), SIGSEGV,
           "the program's own code is neither");
    is_int(touch_write((void *)(uintptr_t) "constant"), SIGSEGV,
           "nor are its constants");
    munmap(p, PAGE);
    is_int(touch_execute(p), SIGSEGV, "a jump to nowhere is SIGSEGV");
    is_int(touch_execute(NULL), SIGSEGV, "a jump to NULL too");
    free(heap);
}

int main(void) {
    changes();
    splits();
    errors();
    across_fork();
    execution();
    return done_testing();
}
