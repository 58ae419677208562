/* attack_sysenter.c - enters the kernel by a sysenter of its own, with wild stack
 * pointers and flags. Intel SDM, SYSENTER: the processor saves neither a return address
 * nor the flags. The program may die of it, or come back behind the call if it keeps to
 * the convention of the page that AT_SYSINFO names: ECX, EDX and EBP pushed, EBP = ESP.
 * The kernel does not care.
 */
#include "raw.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/resource.h>

static struct { uint32_t eax, ebx, esp, ebp, flags; } in __attribute__((used));

static uint32_t stack[2048] __attribute__((used));

enum { CAME_BACK = 44 };

/* Loads the registers and does it. Comes back to the label only if `in` is well
 * made. */
static void enter(void *unused) {
    struct rlimit none = { 0, 0 };
    (void)unused;
    setrlimit(RLIMIT_CORE, &none);
    __asm__ volatile("pushl in+16; popfl\n\t"
                     "movl in, %%eax; movl in+4, %%ebx\n\t"
                     "movl in+8, %%esp; movl in+12, %%ebp\n\t"
                     "sysenter\n\t"
                     "ud2\n"
                     ".globl came_back; came_back:\n\t"
                     "pushl $0x202; popfl\n\t"
                     "movl $252, %%eax; movl $44, %%ebx; int $0x80"
                     : : : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
    __builtin_unreachable();
}

extern char came_back[];

/* What the stub would have pushed: EBP, EDX, ECX and the return address. */
static void well_made(void) {
    uint32_t *top = &stack[1024];
    top[0] = top[1] = top[2] = 0;
    top[3] = (uint32_t)(uintptr_t)came_back;
    in.eax = SYS_getpid;
    in.ebx = 0;
    in.esp = in.ebp = (uint32_t)(uintptr_t)top;
    in.flags = 0x202;
}

static void attack(const char *name) {
    int status = in_child(enter, NULL);
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ok(status == CAME_BACK << 8 || sig == SIGSEGV || sig == SIGILL || sig == SIGBUS
           || sig == SIGTRAP,
       "sysenter, %s: it comes back or dies", name);
}

int main(void) {
    static const uint32_t where[] = { 0, 1, 0x10, 0xc0000000, 0xc0100000, 0xfffff000,
                                      0xfffffffc, 0xffffffff };
    static const struct {
        const char *name;
        uint32_t bits;
    } flag[] = { { "TF", 0x100 }, { "DF", 0x400 }, { "NT", 0x4000 }, { "AC", 0x40000 },
                 { "TF and NT", 0x4100 }, { "all of them", 0x44dd5 } };
    static const uint32_t number[] = { 0, 600, 0x7fffffff, 0x80000000, 0xffffffff };
    char name[40];
    well_made();
    attack("well made");
    for (int i = 0; i < 8; i++) {
        well_made();
        in.esp = where[i];
        snprintf(name, sizeof name, "esp 0x%x", where[i]);
        attack(name);
        in.ebp = where[i];
        snprintf(name, sizeof name, "esp and ebp 0x%x", where[i]);
        attack(name);
    }
    char *page =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    for (uint32_t i = 1; i < 20; i += 3) {
        well_made();
        in.esp = in.ebp = (uint32_t)(uintptr_t)page + 4096 - i;
        snprintf(name, sizeof name, "a stack %u bytes before a hole", i);
        attack(name);
    }
    for (int i = 0; i < 6; i++) {
        well_made();
        in.flags |= flag[i].bits;
        attack(flag[i].name);
    }
    for (int i = 0; i < 5; i++) {
        well_made();
        in.eax = number[i];
        snprintf(name, sizeof name, "call 0x%x", number[i]);
        attack(name);
    }
    is_int(raw(SYS_getpid), getpid(), "after this calls work as before");
    return done_testing();
}
