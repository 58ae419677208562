/* attack_iret.c - iret in user mode with images that no program should have: the VM
 * flag (Intel SDM, IRET: at CPL 3 it is ignored; some emulators enter virtual-8086 mode
 * instead, and the next interrupt then comes from a CS that the attacker chose), NT
 * set, a stack pointer in the kernel. Whatever the processor makes of it, it ends in a
 * signal to this process.
 */
#include "tap.h"

#include <sys/mman.h>
#include <sys/resource.h>

enum { VM = 1 << 17, NT = 1 << 14, LOW = 0x20000, START = 0x100 };

static uint32_t image[9];       /* eip cs eflags esp ss es ds fs gs */

static void set_image(uint32_t eip, uint32_t cs, uint32_t eflags) {
    memset(image, 0, sizeof image);
    image[0] = eip, image[1] = cs, image[2] = eflags;
    image[3] = 0x800, image[4] = 0x2000;
}

static uint32_t own_cs(void) {
    uint16_t cs;
    __asm__("movw %%cs, %0" : "=r"(cs));
    return cs;
}

static void do_iret(void *esp) {
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    __asm__ volatile("movl %0, %%esp; iret" : : "r"(esp) : "memory");
    __builtin_unreachable();
}

static void dies(void *esp, const char *name) {
    int status = in_child(do_iret, esp);
    ok(WIFSIGNALED(status), "%s: a signal", name);
    if (!WIFSIGNALED(status))
        note("status 0x%x", status);
}

/* In virtual-8086 mode this runs from CS * 16 + IP: endless loops, calls, exceptions
 * are there; the flat address START has ud2, for a processor that ignores VM. */
static void low_code(const char *bytes, size_t size) {
    unsigned char *page = (unsigned char *)LOW;
    need(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
    for (size_t i = 0; i < 4096; i += size)
        memcpy(page + i, bytes, size);
    memcpy(page + START, "\x0f\x0b", 2);
    need(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void virtual_8086(void) {
    static const struct {
        const char *name, *bytes;
    } code[] = {
        { "VM=1, then a loop until an interrupt", "\xeb\xfe" },
        { "VM=1, then int 0x80", "\xcd\x80" },
        { "VM=1, then int3", "\xcc\xcc" },
        { "VM=1, then hlt", "\xf4\xf4" },
        { "VM=1, then ud2", "\x0f\x0b" },
        { "VM=1, then a fault", "\xa1\x00" },
    };
    static const uint32_t cs[] = { 0x8, 0x10, 0x1b, 0, 0xffff };
    need(mmap((void *)LOW, 4096, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
         == (void *)LOW);
    for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
        low_code(code[i].bytes, 2);
        set_image(LOW + START, own_cs(), VM | 0x202);
        dies(image, code[i].name);
    }
    for (size_t i = 0; i < sizeof cs / sizeof *cs; i++) {
        char name[60];
        snprintf(name, sizeof name, "VM=1 with CS 0x%x", cs[i]);
        set_image(LOW + START, cs[i], VM | 0x202);
        dies(image, name);
        set_image(0, cs[i], VM | 0x3202);
        dies(image, "and to address 0");
    }
}

static void stack_in_the_kernel(void) {
    static const uint32_t esp[] = { 0xc0000000, 0xc0100000, 0xc0200004, 0xfee00000,
                                    0xfffff000,
                                    0xfffffffc, 0, 0xbffffffe };
    for (size_t i = 0; i < sizeof esp / sizeof *esp; i++) {
        char name[60];
        snprintf(name, sizeof name, "iret with esp 0x%x", esp[i]);
        dies((void *)(uintptr_t)esp[i], name);
    }
}

static void nested_task(void *unused) {
    (void)unused;
    __asm__ volatile("pushfl; orl %0, (%%esp); popfl; iret"
                     : : "i"(NT) : "memory", "cc");
}

int main(void) {
    virtual_8086();
    stack_in_the_kernel();
    int status = in_child(nested_task, NULL);
    ok(WIFSIGNALED(status), "iret with NT set (a task return): a signal");
    pid_t pid;
    CHILD (pid)
        need(getppid() > 0);
    is_exit(wait_for(pid), 0, "after this processes come and go as before");
    return done_testing();
}
