/* sigfault.c - POSIX <signal.h>: the signals that a program's own instruction causes,
 * with si_code and si_addr: SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR, FPE_INTDIV ...,
 * ILL_ILLOPN, SIGTRAP; sigaction(2). The vector and the error code in the frame are the
 * processor's.
 */
#include "fault.h"

#include <sys/mman.h>
#include <sys/resource.h>

static char *page;                                   // read only, then PROT_NONE behind

static void load(void *address) {
    (void)*(volatile char *)address;
}

static void store(void *address) {
    *(volatile char *)address = 1;
}

static void jump(void *address) {
    ((void (*)(void))(uintptr_t)address)();
}

/* One memory access and what must come of it. Error code: 1 the page is there, 2 a
 * write, 4 from user mode. */
static void memory_fault(void (*how)(void *), void *where, int code, long error,
                         const char *name) {
    struct fault f = { 0 };
    is_int(faults(how, where, &f), 1, "%s faults", name);
    is_int(f.signo, SIGSEGV, "%s: SIGSEGV", name);
    is_int(f.code, code, "%s: si_code", name);
    is_int((long)f.address, (long)where, "%s: si_addr", name);
    is_int((long)f.cr2, (long)where, "%s: cr2 in the frame", name);
    is_int(f.trap, 14, "%s: trap number", name);
    is_int(f.error & ~16, error, "%s: error code", name);
}

static void memory(void) {
    char *bytes = (char *)16, *kernel = (char *)0xfffff000;
    memory_fault(load, bytes, SEGV_MAPERR, 4, "a load from page 0");
    memory_fault(store, bytes, SEGV_MAPERR, 6, "a store to page 0");
    memory_fault(store, page, SEGV_ACCERR, 7, "a store to a read-only page");
    memory_fault(load, page + 4096 + 5, SEGV_ACCERR, 4, "a load from a PROT_NONE page");
    memory_fault(store, (void *)(uintptr_t)memory, SEGV_ACCERR, 7,
                 "a store to the text");
    memory_fault(jump, bytes, SEGV_MAPERR, 4, "a jump to page 0");
    struct fault f;
    ok(faults(load, kernel, &f) && f.signo == SIGSEGV && f.code == SEGV_MAPERR,
       "a load from the end of the address space: SEGV_MAPERR");
    is_int((long)f.address, (long)kernel, "with its address");
}

static int has_nx(void) {
    unsigned a = 0x80000000, b, c = 0, d = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 0x80000001)
        return 0;
    a = 0x80000001;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d >> 20 & 1;
}

/* A jump into data: SIGSEGV where pages can be no-execute; elsewhere it just runs. */
static void no_execute(void) {
    static unsigned char code[] = { 0xc3 };             // ret
    struct fault f;
    int ended = faults(jump, code, &f);
    is_int(ended, has_nx(), "data are not executed where the processor can prevent it");
    ok(!ended
           || (f.signo == SIGSEGV && f.code == SEGV_ACCERR && f.eip == (uintptr_t)code),
       "SEGV_ACCERR at the address that was to be executed");
}

static void bus(void) {
    char path[] = "/tmp/fault.XXXXXX";
    int fd = mkstemp(path);
    struct fault f;
    need(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 100) == 0);
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    need(map != MAP_FAILED);
    is_int(faults(load, map + 4095, &f), 0,
           "the rest of a file's last page can be read");
    ok(faults(load, map + 4096, &f) && f.signo == SIGBUS && f.code == BUS_ADRERR,
       "a page beyond the end of a mapped file: SIGBUS, BUS_ADRERR");
    is_int((long)f.address, (long)map + 4096, "with its address");
    munmap(map, 8192);
    close(fd);
}

/* --- one instruction each; the label is where si_addr or eip must be -------------- */

extern char at_div[], at_idiv[], at_ud2[], at_int3[], at_hlt[], at_into[], at_bound[],
    at_fdiv[];

static void divide(void *unused) {
    (void)unused;
    __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx\n"
                     ".globl at_div; at_div: div %%ecx"
                     : : : "eax", "ecx", "edx", "cc");
}

static void overflow(void *unused) {
    (void)unused;
    __asm__ volatile("mov $0x80000000, %%eax; cdq; mov $-1, %%ecx\n"
                     ".globl at_idiv; at_idiv: idiv %%ecx"
                     : : : "eax", "ecx", "edx", "cc");
}

static void undefined(void *unused) {
    (void)unused;
    __asm__ volatile(".globl at_ud2; at_ud2: ud2");
}

static void breakpoint(void *unused) {
    (void)unused;
    __asm__ volatile(".globl at_int3; at_int3: int3");
}

static void halt(void *unused) {
    (void)unused;
    __asm__ volatile(".globl at_hlt; at_hlt: hlt");
}

static void into(void *unused) {
    (void)unused;
    __asm__ volatile("mov $0x7f, %%al; add $1, %%al\n.globl at_into; at_into: into"
                     : : : "eax", "cc");
}

static void bound(void *unused) {
    static const int range[2] = { 5, 7 };
    (void)unused;
    __asm__ volatile(".globl at_bound; at_bound: bound %0, %1" : : "r"(9), "m"(range));
}

static void x87(void *unused) {
    uint16_t control = 0x37b;                          // division by zero is not masked
    (void)unused;
    __asm__ volatile("fninit; fldcw %0; fldz; fld1; fdiv %%st(1), %%st\n"
                     ".globl at_fdiv; at_fdiv: fwait" : : "m"(control));
}

static void single_step(void *unused) {
    (void)unused;
    __asm__ volatile("pushf; orl $0x100, (%%esp); popf; nop; nop" : : : "cc");
}

static void instruction_fault(void (*function)(void *), int signo, int code,
                              uintptr_t eip, long address, int trap, long error,
                              const char *name) {
    struct fault f = { 0 };
    is_int(faults(function, NULL, &f), 1, "%s faults", name);
    is_int(f.signo, signo, "%s: signal", name);
    is_int(f.code, code, "%s: si_code", name);
    is_int((long)f.eip, (long)eip, "%s: eip", name);
    is_int((long)f.address, address, "%s: si_addr", name);
    is_int(f.trap, trap, "%s: trap number", name);
    is_int(f.error, error, "%s: error code", name);
    __asm__ volatile("fninit");
}

static void instructions(void) {
    uintptr_t div = (uintptr_t)at_div, idiv = (uintptr_t)at_idiv,
              ud2 = (uintptr_t)at_ud2, fdiv = (uintptr_t)at_fdiv;
    instruction_fault(divide, SIGFPE, FPE_INTDIV, div, (long)div, 0, 0,
                      "division by zero");
    instruction_fault(overflow, SIGFPE, FPE_INTDIV, idiv, (long)idiv, 0, 0,
                      "idiv overflow");
    instruction_fault(undefined, SIGILL, ILL_ILLOPN, ud2, (long)ud2, 6, 0, "ud2");
    instruction_fault(x87, SIGFPE, FPE_FLTDIV, fdiv, (long)fdiv, 16, 0,
                      "x87 division by 0");
    instruction_fault(breakpoint, SIGTRAP, SI_KERNEL, (uintptr_t)at_int3 + 1, 0, 3, 0,
                      "int3");
    instruction_fault(halt, SIGSEGV, SI_KERNEL, (uintptr_t)at_hlt, 0, 13, 0, "hlt");
    instruction_fault(into, SIGSEGV, SI_KERNEL, (uintptr_t)at_into + 1, 0, 4, 0,
                      "into");
    instruction_fault(bound, SIGSEGV, SI_KERNEL, (uintptr_t)at_bound, 0, 5, 0, "bound");
    struct fault f;
    ok(faults(single_step, NULL, &f) && f.signo == SIGTRAP && f.code == TRAP_TRACE,
       "the trap flag: SIGTRAP, TRAP_TRACE");
    is_int((long)f.address, (long)f.eip, "at the next instruction");
}

/* --- a handler that returns: the instruction is tried again ----------------------- */

static volatile sig_atomic_t repairs;

static void repair(int sig, siginfo_t *si, void *context) {
    (void)sig;
    (void)context;
    repairs++;
    mprotect((void *)((uintptr_t)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void repaired(void) {
    struct sigaction sa = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };
    need(sigaction(SIGSEGV, &sa, NULL) == 0);
    page[4096 + 7] = 3;
    ok(repairs == 1 && page[4096 + 7] == 3,
       "the instruction is tried again when the handler returns");
    signal(SIGSEGV, SIG_DFL);
}

/* sigaction(): "The behavior of a process is undefined after it ignores a SIGFPE,
 * SIGILL, SIGSEGV ..."; blocked: "undefined". Linux kills with the signal in both
 * cases. */
static void (*volatile faults_on_its_own)(void *) = store;

static void must_kill(void *how) {
    struct rlimit no_core = { 0, 0 };
    sigset_t set;
    setrlimit(RLIMIT_CORE, &no_core);
    sigfillset(&set);
    if ((intptr_t)how & 1)
        signal(SIGSEGV, SIG_IGN);
    if ((intptr_t)how & 2)
        sigprocmask(SIG_BLOCK, &set, NULL);
    if ((intptr_t)how & 4) {
        struct sigaction sa = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };
        sigaction(SIGSEGV, &sa, NULL);
    }
    faults_on_its_own((void *)16);
}

int main(void) {
    page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED && mprotect(page + 4096, 4096, PROT_NONE) == 0);
    load(page);                                         // now it is there
    memory();
    no_execute();
    bus();
    instructions();
    repaired();
    static const char *const name[] = { "default", "ignored", "blocked" };
    for (intptr_t i = 0; i < 3; i++)
        is_killed(in_child(must_kill, (void *)i), SIGSEGV, "a fault kills: SIGSEGV %s",
                  name[i]);
    is_killed(in_child(must_kill, (void *)6), SIGSEGV, "caught, but blocked: kills");
    return done_testing();
}
