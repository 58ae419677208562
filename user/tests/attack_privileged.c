/* attack_privileged.c - instructions that only the kernel may execute. On Linux, as on
 * any kernel worth the name: #GP, which is SIGSEGV with si_code SI_KERNEL, vector 13;
 * some are undefined outside ring 0, which is SIGILL. signal(7), sigaction(2).
 */
#include "code.h"

enum { GP, UD, MAY };           /* SIGSEGV; SIGSEGV or SIGILL; may also just run */

static const struct {
    const char *name;
    int want;
    int size;
    const char *bytes;
} attack[] = {
    { "cli", GP, 1, "\xfa" },
    { "sti", GP, 1, "\xfb" },
    { "hlt", GP, 1, "\xf4" },
    { "in al, imm8", GP, 2, "\xe4\x80" },
    { "in al, dx", GP, 1, "\xec" },
    { "in eax, dx", GP, 1, "\xed" },
    { "out imm8, al", GP, 2, "\xe6\x80" },
    { "out dx, al", GP, 1, "\xee" },
    { "out dx, eax", GP, 1, "\xef" },
    { "insb", GP, 1, "\x6c" },
    { "outsb", GP, 1, "\x6e" },
    { "rep outsl", GP, 2, "\xf3\x6f" },
    { "lgdt", GP, 3, "\x0f\x01\x10" },
    { "lidt", GP, 3, "\x0f\x01\x18" },
    { "lldt", GP, 3, "\x0f\x00\xd0" },
    { "ltr", GP, 3, "\x0f\x00\xd8" },
    { "lmsw", GP, 3, "\x0f\x01\xf0" },
    { "clts", GP, 2, "\x0f\x06" },
    { "mov eax, cr0", GP, 3, "\x0f\x20\xc0" },
    { "mov eax, cr2", GP, 3, "\x0f\x20\xd0" },
    { "mov eax, cr3", GP, 3, "\x0f\x20\xd8" },
    { "mov eax, cr4", GP, 3, "\x0f\x20\xe0" },
    { "mov cr0, eax", GP, 3, "\x0f\x22\xc0" },
    { "mov cr3, eax", GP, 3, "\x0f\x22\xd8" },
    { "mov cr4, eax", GP, 3, "\x0f\x22\xe0" },
    { "mov eax, dr0", GP, 3, "\x0f\x21\xc0" },
    { "mov eax, dr7", GP, 3, "\x0f\x21\xf8" },
    { "mov dr0, eax", GP, 3, "\x0f\x23\xc0" },
    { "mov dr7, eax", GP, 3, "\x0f\x23\xf8" },
    { "rdmsr", GP, 2, "\x0f\x32" },
    { "wrmsr", GP, 2, "\x0f\x30" },
    { "rdpmc", GP, 2, "\x0f\x33" },
    { "invlpg", GP, 3, "\x0f\x01\x38" },
    { "invd", GP, 2, "\x0f\x08" },
    { "wbinvd", GP, 2, "\x0f\x09" },
    { "sysexit", GP, 2, "\x0f\x35" },
    { "sysret", UD, 2, "\x0f\x07" },
    { "rsm", UD, 2, "\x0f\xaa" },
    { "monitor", UD, 3, "\x0f\x01\xc8" },
    { "xsetbv", UD, 3, "\x0f\x01\xd1" },
    { "stac", UD, 3, "\x0f\x01\xcb" },
    { "clac", UD, 3, "\x0f\x01\xca" },
    { "sgdt", MAY, 3, "\x0f\x01\x00" },
    { "sidt", MAY, 3, "\x0f\x01\x08" },
    { "sldt", MAY, 3, "\x0f\x00\x00" },
    { "str", MAY, 3, "\x0f\x00\x08" },
    { "smsw", MAY, 3, "\x0f\x01\x20" },
    { "a lock prefix on cmpxchg8b eax", UD, 4, "\xf0\x0f\xc7\xc8" },
    { "an instruction of 16 bytes", GP, 16, "\x66\x66\x66\x66\x66\x66\x66\x66"
                                            "\x66\x66\x66\x66\x66\x66\x66\x90" },
    /* push 0x202; push 8; push eip; iret: to ring 0 through each guess at its CS */
    { "iret to selector 8", GP, 10, "\x68\x02\x02\x00\x00\x6a\x08\x50\xcf\x90" },
    { "iret to selector 0x10", GP, 10, "\x68\x02\x02\x00\x00\x6a\x10\x50\xcf\x90" },
    { "far return to selector 8", GP, 4, "\x6a\x08\x50\xcb" },
    { "far return to selector 0x10", GP, 4, "\x6a\x10\x50\xcb" },
    { "far jump to selector 8", GP, 7, "\xea\0\0\0\0\x08\0" },
    { "far call to selector 0x10", GP, 7, "\x9a\0\0\0\0\x10\0" },
    { "mov ds, selector 8 is code", MAY, 6, "\x66\xb8\x08\x00\x8e\xd8" },
    { "mov ss, selector 0x10", GP, 6, "\x66\xb8\x10\x00\x8e\xd0" },
};

static void one(int i) {
    struct fault f = { 0 };
    int ended = code_faults(attack[i].bytes, (size_t)attack[i].size, &f);
    int segv = f.signo == SIGSEGV && f.code == SI_KERNEL && f.trap == 13 && !f.address;
    int ill = f.signo == SIGILL && f.trap == 6;
    if (attack[i].want == GP)
        ok(ended && segv, "%s: SIGSEGV", attack[i].name);
    else if (attack[i].want == UD)
        ok(ended && (segv || ill), "%s: SIGSEGV or SIGILL", attack[i].name);
    else
        ok(!ended || segv || (f.signo == SIGSEGV && f.trap == 14),
           "%s: SIGSEGV, or nothing", attack[i].name);
    if (ended && !segv && !ill)
        note("signal %d code %d trap %ld", f.signo, f.code, f.trap);
}

/* popf: IF and IOPL are silently kept. */
static void pop_flags(void) {
    uint32_t before, after;
    __asm__ volatile("pushfl; popl %0; pushfl; xorl $0x3200, (%%esp); popfl\n\t"
                     "pushfl; popl %1"
                     : "=r"(before), "=r"(after) : : "cc", "memory");
    is_int(before & 0x3200, 0x200, "user code runs with interrupts on and IOPL 0");
    is_int(after & 0x3200, 0x200, "popf changes neither");
}

int main(void) {
    for (size_t i = 0; i < sizeof attack / sizeof *attack; i++)
        one((int)i);
    pop_flags();
    return done_testing();
}
