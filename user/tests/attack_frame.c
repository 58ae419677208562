/* attack_frame.c - signal frames that cannot be made or that lead nowhere: a stack
 * pointer in the kernel, in a hole, in the text; a handler or restorer at such an
 * address. sigaction(2), signal(7): a handler that cannot be entered is SIGSEGV; if
 * that cannot be delivered either, the process ends. Never the kernel.
 */
#include "raw.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/resource.h>

struct kernel_action {
    uintptr_t handler;
    uint32_t flags;
    uintptr_t restorer;
    uint32_t mask[2];
};

static char stack[16384];

static void nothing(int sig) {
    (void)sig;
}

/* The answer when SIGSEGV is caught on an alternate stack: status 33. */
static void segv(int sig) {
    (void)sig;
    _exit(33);
}

static void no_core(void) {
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
}

static void catch_segv(void) {
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction sa = { .sa_handler = segv, .sa_flags = SA_ONSTACK };
    need(sigaltstack(&ss, NULL) == 0 && sigaction(SIGSEGV, &sa, NULL) == 0);
}

/* kill(getpid(), SIGUSR1) with this stack pointer, which is put back if all goes
 * well. */
static void signal_with_esp(uint32_t esp) {
    long eax = SYS_kill, ebx = getpid();
    __asm__ volatile("movl %%esp, %%edi; movl %[esp], %%esp\n\t"
                     "int $0x80; movl %%edi, %%esp"
                     : "+a"(eax)
                     : "b"(ebx), "c"(SIGUSR1), [esp] "d"(esp)
                     : "edi", "memory");
    need(eax == 0);
}

static uint32_t wild;
static int caught_too;

static void with_esp(void *unused) {
    (void)unused;
    no_core();
    signal(SIGUSR1, nothing);
    if (caught_too)
        catch_segv();
    signal_with_esp(wild);
    _exit(44);
}

static void stacks(void) {
    enum { ROOM = 65536 };                             // a frame may take several pages
    char *hole = mmap(NULL, ROOM + 8192, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(hole != MAP_FAILED && munmap(hole, 4096) == 0);
    hole += 4096;                                       // memory between two bad pages
    need(mprotect(hole + ROOM, 4096, PROT_NONE) == 0);
    const struct {
        uintptr_t esp;
        const char *name;
    } at[] = {
        { 0, "0" },
        { 4, "4" },
        { 0xfffff000, "in the kernel" },
        { 0xffffffff, "the last byte" },
        { 0xc0000010, "just inside the kernel" },
        { (uintptr_t)hole + 16, "a frame that runs into a hole" },
        { (uintptr_t)hole, "just above an unmapped page" },
        { (uintptr_t)hole + ROOM, "below a PROT_NONE page" },
        { (uintptr_t)stacks, "in the text" },
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        wild = at[i].esp;
        caught_too = 0;
        int good = i == 7;                             // there is room for a frame here
        int status = in_child(with_esp, NULL);
        if (good)
            is_exit(status, 44, "esp %s: the handler runs", at[i].name);
        else
            is_killed(status, SIGSEGV, "esp %s: SIGSEGV", at[i].name);
        caught_too = 1;
        is_exit(in_child(with_esp, NULL), good ? 44 : 33,
                good ? "whether SIGSEGV is caught or not"
                     : "which can be caught on another stack");
    }
    munmap(hole, ROOM + 4096);
}

/* Any byte offset: the frame is aligned by the kernel, the old esp comes back
 * exactly. */
static void misaligned(void *unused) {
    (void)unused;
    signal(SIGUSR1, nothing);
    for (uint32_t i = 0; i < 20; i++) {
        long eax = SYS_kill;
        uint32_t esp = (uint32_t)(uintptr_t)stack + 8192 + i, after;
        __asm__ volatile("movl %%esp, %%edi; movl %[esp], %%esp; int $0x80\n\t"
                         "movl %%esp, %[after]; movl %%edi, %%esp"
                         : "+a"(eax), [after] "=&S"(after)
                         : "b"(getpid()), "c"(SIGUSR1), [esp] "d"(esp)
                         : "edi", "memory");
        need(eax == 0 && after == esp);
    }
}

static void with_handler(void *unused) {
    struct kernel_action act = { wild, 0x04000000, 0x08048000, { 0, 0 } };
    (void)unused;
    no_core();
    if (caught_too)
        catch_segv();
    need(raw(SYS_rt_sigaction, SIGUSR1, (long)&act, 0, 8) == 0);
    kill(getpid(), SIGUSR1);
    _exit(44);
}

static void with_restorer(void *unused) {
    struct kernel_action act = { (uintptr_t)nothing, 0x04000000, wild, { 0, 0 } };
    (void)unused;
    no_core();
    if (caught_too)
        catch_segv();
    need(raw(SYS_rt_sigaction, SIGUSR1, (long)&act, 0, 8) == 0);
    kill(getpid(), SIGUSR1);
    _exit(44);
}

static void addresses(void) {
    static const uint32_t where[] = { 0x10, 0xc0100000, 0xfffff000, 0xffffffff };
    for (int i = 0; i < 4; i++) {
        wild = where[i];
        caught_too = 0;
        is_killed(in_child(with_handler, NULL), SIGSEGV, "a handler at 0x%x: SIGSEGV",
                  wild);
        is_killed(in_child(with_restorer, NULL), SIGSEGV, "a restorer at 0x%x: SIGSEGV",
                  wild);
        caught_too = 1;
        is_exit(in_child(with_handler, NULL), 33, "which can be caught, as handler");
        is_exit(in_child(with_restorer, NULL), 33, "and as restorer");
    }
}

/* A handler for SIGSEGV that faults itself, a handler that recurses without end. */
static void faulty(int sig) {
    static int *volatile nowhere = (int *)16;
    (void)sig;
    *nowhere = 1;
}

static void double_fault(void *nodefer) {
    struct sigaction sa = { .sa_handler = faulty,
                            .sa_flags = nodefer ? SA_NODEFER : 0 };
    struct rlimit small = { 1 << 17, 1 << 17 };
    no_core();
    setrlimit(RLIMIT_STACK, &small);
    sigaction(SIGSEGV, &sa, NULL);
    faulty(0);
}

static void endless(int sig) {
    raise(sig);
}

static void recursion(void *unused) {
    struct sigaction sa = { .sa_handler = endless, .sa_flags = SA_NODEFER };
    struct rlimit small = { 1 << 17, 1 << 17 };
    (void)unused;
    no_core();
    setrlimit(RLIMIT_STACK, &small);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
}

int main(void) {
    stacks();
    is_exit(in_child(misaligned, NULL), 0,
            "an unaligned esp: the handler runs, esp comes back");
    addresses();
    is_killed(in_child(double_fault, NULL), SIGSEGV,
              "a fault in the handler for faults kills");
    is_killed(in_child(double_fault, (void *)1), SIGSEGV,
              "with SA_NODEFER, when the stack ends");
    is_killed(in_child(recursion, NULL), SIGSEGV, "endless nesting of handlers, too");
    return done_testing();
}
