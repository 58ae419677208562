/* attack_selectors.c - loads every selector that there is into the segment registers,
 * and jumps and calls through them. Intel SDM 3.4.2, 5.5: what loads is a user segment;
 * the rest is #GP or #NP, which is SIGSEGV. Nothing reached this way is more than a
 * program has anyway.
 */
#include "code.h"

enum { SELECTORS = 0x10000 };

/* The access rights as LAR shows them to a program; 0 if the selector is not for it. */
static uint32_t rights(uint32_t selector) {
    uint32_t r = 0;
    __asm__ volatile("larl %1, %0; jz 1f; xorl %0, %0; 1:"
                     : "=&r"(r) : "r"(selector) : "cc");
    return r;
}

enum { SYSTEM = 0x1000, DPL = 0x6000, CODE = 0x800, WRITABLE = 0x200, LONG = 0x200000 };

static void visible(void) {
    int bad = 0, seen = 0;
    for (uint32_t s = 3; s < SELECTORS; s += 4) {
        uint32_t r = rights(s);
        if (r == 0)
            continue;
        seen++;
        if (!(r & SYSTEM) || (r & DPL) != DPL)    // a gate, or the kernel's
            note("selector 0x%x has rights 0x%x", s, r), bad++;
    }
    ok(seen >= 2 && seen < 16, "LAR shows a program %d segments", seen);
    is_int(bad, 0, "all of them user segments, none a gate, TSS or the kernel's");
    uint16_t cs, ss;
    __asm__("movw %%cs, %0; movw %%ss, %1" : "=r"(cs), "=r"(ss));
    is_int((cs & 3) + (ss & 3), 6, "CS and SS have RPL 3");
}

static uint32_t selector;
static int which;
static volatile uint32_t probe = 0x600df00d;
static volatile uint32_t read_back;

/* Loads the selector into ds, es, fs or gs, reads a word through it, puts the old one
 * back. A fault on the way is caught, by the caller, who also has FS and GS put
 * back. */
static void load(void *unused) {
    uint32_t s = selector, value = 0;
    (void)unused;
    switch (which) {
    case 0:
        __asm__ volatile("pushl %%ds; movw %w1, %%ds; movl (%2), %0; popl %%ds"
                         : "=&r"(value) : "r"(s), "r"(&probe) : "memory");
        break;
    case 1:
        __asm__ volatile("pushl %%es; movw %w1, %%es; movl %%es:(%2), %0; popl %%es"
                         : "=&r"(value) : "r"(s), "r"(&probe) : "memory");
        break;
    case 2:
        __asm__ volatile("pushl %%fs; movw %w1, %%fs; movl %%fs:(%2), %0; popl %%fs"
                         : "=&r"(value) : "r"(s), "r"(&probe) : "memory");
        break;
    case 3:
        __asm__ volatile("pushl %%gs; movw %w1, %%gs; movl %%gs:(%2), %0; popl %%gs"
                         : "=&r"(value) : "r"(s), "r"(&probe) : "memory");
        break;
    case 4:
        __asm__ volatile("movl %%ss, %%ecx; movw %w1, %%ss; nop\n\t"
                         "movw %%cx, %%ss; movl %2, %0"
                         : "=&r"(value) : "r"(s), "m"(probe) : "memory", "ecx");
        break;
    }
    read_back = value;
}

/* Every selector that a program can see, one that it cannot, and borders. */
static int interesting(uint32_t s) {
    return s < 0x200 || s % 0x777 == 5 || s > 0xffe0 || rights(s | 3);
}

static void data_segments(void) {
    static const char *const name[] = { "DS", "ES", "FS", "GS", "SS" };
    uint16_t gs;
    struct fault f;
    __asm__("movw %%gs, %0" : "=r"(gs));
    for (which = 0; which < 5; which++) {
        int loaded = 0, bad = 0, wrong_data = 0;
        for (selector = 0; selector < SELECTORS; selector++) {
            uint32_t r = rights(selector | 3);
            if (!interesting(selector))
                continue;
            if (faults(load, NULL, &f)) {
                bad += f.signo != SIGSEGV;
                continue;
            }
            loaded++;
            if (selector > 3 && r == 0)
                note("%s loads 0x%x", name[which], selector), bad++;
            /* The TLS segment has a base of its own; all others are flat. */
            if (selector >> 3 != (uint32_t)gs >> 3 && read_back != probe)
                wrong_data++;
        }
        ok(bad == 0 && wrong_data == 0 && loaded > 0,
           "%s: %d selectors load, all flat user segments; others are SIGSEGV",
           name[which], loaded);
    }
}

static char far_pointer[6];

static void far_jump(void *unused) {
    (void)unused;
    __asm__ volatile("pushl %%ebp; pushl %%ebx\n\t"
                     "movl %%esp, %%edi\n\t"
                     "ljmp *%0\n"
                     ".globl far_landing; far_landing:\n\t"
                     "movl %%edi, %%esp; popl %%ebx; popl %%ebp"
                     :
                     : "m"(far_pointer)
                     : "eax", "ecx", "edx", "esi", "edi", "memory", "cc");
}

static void far_call(void *unused) {
    (void)unused;
    __asm__ volatile("pushl %%ebp; pushl %%ebx\n\t"
                     "movl %%esp, %%edi\n\t"
                     "lcall *%0\n\t"
                     "movl %%edi, %%esp; popl %%ebx; popl %%ebp; jmp 1f\n"
                     ".globl far_target; far_target: popl %%eax; popl %%eax\n1:"
                     :
                     : "m"(far_pointer)
                     : "eax", "ecx", "edx", "esi", "edi", "memory", "cc");
}

extern char far_landing[], far_target[];

/* A far jump or call arrives only through a user code segment, with RPL 3. (A 64-bit
 * kernel also offers one for 64-bit code, where this program cannot run: left out.) */
static void code_segments(int is_call) {
    struct fault f;
    int arrived = 0, bad = 0;
    for (uint32_t s = 0; s < SELECTORS; s++) {
        uint32_t r = rights(s | 3), eip;
        if (!interesting(s) || ((r & CODE) && (r & LONG)))
            continue;
        eip = (uint32_t)(uintptr_t)(is_call ? far_target : far_landing);
        memcpy(far_pointer, &eip, 4);
        memcpy(far_pointer + 4, &s, 2);
        if (faults(is_call ? far_call : far_jump, NULL, &f)) {
            bad += f.signo != SIGSEGV;
        } else {
            arrived++;
            bad += !(r & CODE);
        }
    }
    uint16_t cs;
    __asm__("movw %%cs, %0" : "=r"(cs));
    is_int(bad, 0, "far %s: arrives through user code segments only, else SIGSEGV",
           is_call ? "call" : "jump");
    /* Under SMAP QEMU 7.2 makes the pushes of a far call with the kernel's rights, and
     * they
     * fault: a call need not arrive. */
    ok((arrived >= 1 || is_call) && (cs & 3) == 3, "with RPL 3 (%d selectors)",
       arrived);
}

int main(void) {
    visible();
    data_segments();
    code_segments(0);
    code_segments(1);
    return done_testing();
}
