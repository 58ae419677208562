/* attack_sigreturn.c - a program forges the frame that sigreturn(2) loads: every flag,
 * every segment selector, kernel addresses, a bad pointer to the x87 state. What comes
 * of it is a program with user privileges, or SIGSEGV, never more. Linux keeps of the
 * flags only AC OF DF TF SF ZF AF PF CF from the frame; CS and SS get RPL 3.
 */
#include "fault.h"
#include "raw.h"

enum { KEPT = 0x40cd5 };                              // AC OF DF SF ZF AF PF CF; not TF

static struct {
    uint32_t eflags, xor_eflags;
    int reg, on;                /* a gregset index to set, if on */
    uint32_t value;
    void *fpstate;
    int set_fpstate;
} forge;

static void forger(int sig, siginfo_t *si, void *context) {
    ucontext_t *u = context;
    (void)sig;
    (void)si;
    forge.eflags = (uint32_t)u->uc_mcontext.gregs[REG_EFL];
    u->uc_mcontext.gregs[REG_EFL] = (greg_t)(forge.eflags ^ forge.xor_eflags);
    if (forge.on)
        u->uc_mcontext.gregs[forge.reg] = (greg_t)forge.value;
    if (forge.set_fpstate)
        u->uc_mcontext.fpregs = forge.fpstate;
}

/* After the forged return: the flags, and cs ss ds es fs gs. */
static uint32_t flags_after;
static uint16_t segments[6];

/* Sends itself the signal and looks at the state before anything else is done. DS, ES
 * and GS are put back from registers, so that C can go on. */
static void send(void *unused) {
    uint32_t flags, a = SYS_kill, b = (uint32_t)getpid(), c = SIGUSR1, d = 0, s, g;
    uint16_t cs, ss;
    (void)unused;
    __asm__ volatile("movl %%ds, %[s]; movl %%gs, %[g]\n\t"
                     "int $0x80\n\t"
                     "movl %%ds, %%eax; movl %%es, %%ebx\n\t"
                     "movl %%fs, %%ecx; movl %%gs, %%edx\n\t"
                     "movw %w[s], %%ds; movw %w[s], %%es; movw %w[g], %%gs\n\t"
                     "pushfl; popl flags_copy\n\t"
                     "pushl $0x202; popfl"
                     : "+a"(a), "+b"(b), "+c"(c), "+d"(d), [s] "=&S"(s), [g] "=&D"(g)
                     :
                     : "memory", "cc");
    extern uint32_t flags_copy;
    __asm__ volatile(".pushsection .bss; .globl flags_copy; .balign 4\n"
                     "flags_copy: .zero 4\n"
                     ".popsection");
    __asm__ volatile("movw %%cs, %0; movw %%ss, %1" : "=r"(cs), "=r"(ss));
    flags = flags_copy;
    flags_after = flags;
    segments[0] = cs, segments[1] = ss, segments[2] = (uint16_t)a,
    segments[3] = (uint16_t)b;
    segments[4] = (uint16_t)c, segments[5] = (uint16_t)d;
}

static void reset(void) {
    struct sigaction sa = { .sa_sigaction = forger, .sa_flags = SA_SIGINFO };
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    memset(&forge, 0, sizeof forge);
}

/* Each bit of EFLAGS alone, and all of them. */
static void flags(void) {
    struct fault f;
    for (int bit = 0; bit <= 32; bit++) {
        reset();
        forge.xor_eflags = bit == 32 ? 0xfffffeffu : 1u << bit;
        if (bit == 8) {                                 // TF: one step, then SIGTRAP
            ok(faults(send, NULL, &f) && f.signo == SIGTRAP,
               "TF in the frame: SIGTRAP");
            continue;
        }
        int ended = faults(send, NULL, &f);
        uint32_t want = forge.eflags ^ (forge.xor_eflags & KEPT);
        ok(!ended && (flags_after & ~0x10000u) == (want & ~0x10000u),
           "flag bit %d in the frame: %s", bit,
           bit == 32                 ? "the same for all together"
           : forge.xor_eflags & KEPT ? "loaded"
                                     : "not changed");
        if (ended || flags_after != want)
            note("ended %d signal %d flags 0x%x want 0x%x", ended, f.signo, flags_after,
                 want);
    }
}

/* The access rights as LAR shows them; 0 if the selector is not for a program. */
static uint32_t rights(uint32_t selector) {
    uint32_t r = 0;
    __asm__ volatile("larl %1, %0; jz 1f; xorl %0, %0; 1:"
                     : "=&r"(r) : "r"(selector) : "cc");
    return r;
}

/* A selector in the frame for one of the segment registers. Afterwards: SIGSEGV, or a
 * selector that a program may have. */
static void segment(int reg, int index, const char *name) {
    struct fault f;
    int bad = 0, ran = 0, died = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t s = i < 256 ? i : i * 2654435761u >> 16, r = rights(s | 3);
        if (reg == REG_CS && (r & 0x200000))
            continue;                               // 64-bit code: not for this program
        reset();
        forge.reg = reg, forge.on = 1, forge.value = s;
        if (faults(send, NULL, &f)) {
            died++;
            bad += f.signo != SIGSEGV;
            continue;
        }
        ran++;
        uint16_t got = segments[index];
        if (got > 3 && ((got & 3) != 3 || rights(got) == 0))
            note("%s 0x%x gave 0x%x", name, s, got), bad++;
    }
    is_int(bad, 0, "%s in the frame, 300 values: user segments or SIGSEGV", name);
    note("%s: %d ran, %d SIGSEGV", name, ran, died);
}

/* Kernel addresses load, and fault in user mode at once. */
static void addresses(void) {
    static const uint32_t where[] = { 0xfffff000, 0xffffffff, 0xc0100000, 0x10, 0 };
    struct fault f;
    for (int i = 0; i < 5; i++) {
        reset();
        forge.reg = REG_EIP, forge.on = 1, forge.value = where[i];
        ok(faults(send, NULL, &f) && f.signo == SIGSEGV && f.eip == where[i],
           "eip 0x%x in the frame: SIGSEGV there, in user mode", where[i]);
    }
    for (int i = 0; i < 5; i++) {
        reset();
        forge.reg = REG_ESP, forge.on = 1, forge.value = where[i];
        ok(faults(send, NULL, &f) && f.signo == SIGSEGV,
           "esp 0x%x in the frame: SIGSEGV", where[i]);
    }
}

/* The pointer to the x87 state: unmapped, kernel, misaligned, or garbage behind it. */
static void fpstates(void) {
    static unsigned char garbage[1024] __attribute__((aligned(64)));
    static const uintptr_t bad[] = { 16, 0xfffff000, 0xc0100000, 0xffffffff };
    struct fault f;
    for (int i = 0; i < 4; i++) {
        reset();
        forge.set_fpstate = 1, forge.fpstate = (void *)bad[i];
        int ended = faults(send, NULL, &f);
        ok(ended && f.signo == SIGSEGV, "x87 state at 0x%lx: SIGSEGV",
           (unsigned long)bad[i]);
    }
    reset();
    forge.set_fpstate = 1;
    is_int(faults(send, NULL, &f), 0, "no x87 state: the program goes on");
    uint32_t x = 12345;
    int strange = 0;
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < sizeof garbage; i++)
            garbage[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
        if (round % 3 == 0)
            memset(garbage + 108, 0, 4);                // "an FXSAVE image follows"
        if (round % 3 == 1)
            memset(garbage + 112 + 24, 0xff, 4);        // all bits of MXCSR
        reset();
        forge.set_fpstate = 1, forge.fpstate = garbage + round % 5;
        strange += faults(send, NULL, &f) && f.signo != SIGSEGV && f.signo != SIGFPE;
        __asm__ volatile("fninit");
    }
    is_int(strange, 0, "random x87 state: loaded, or SIGSEGV");
    uint32_t mxcsr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

/* The calls themselves without any frame: 119 and 173 with a wild stack pointer. */
static long number;
static uint32_t wild_esp;

static void no_frame(void *unused) {
    (void)unused;
    __asm__ volatile("movl %0, %%eax; movl %1, %%esp; int $0x80; ud2"
                     : : "m"(number), "m"(wild_esp) : "eax", "memory");
}

/* Random words for a frame; the one that would be eip is no address of this program. */
static void random_frame(void *seed) {
    static uint32_t page[2048] __attribute__((aligned(4096)));
    uint32_t x = (uint32_t)(uintptr_t)seed;
    for (int i = 0; i < 2048; i++) {
        page[i] = x = x * 1664525 + 1013904223;
        if (page[i] >> 24 == 8)
            page[i] = 0;
    }
    wild_esp = (uint32_t)(uintptr_t)&page[1024];
    no_frame(NULL);
}

static void without_a_frame(void) {
    static const uint32_t where[] = { 0,          8,          0xfffff000,
                                      0xfffffffc, 0xc0100000, 0x08048000 };
    struct fault f;
    for (number = SYS_sigreturn; number;
         number = number == 119 ? SYS_rt_sigreturn : 0) {
        int right = 0;
        for (int i = 0; i < 6; i++) {
            wild_esp = where[i];
            right += faults(no_frame, NULL, &f) && f.signo == SIGSEGV;
        }
        is_int(right, 6, "call %ld without a frame: SIGSEGV", number);
        right = 0;
        for (intptr_t seed = 1; seed <= 20; seed++)
            right += WIFSIGNALED(in_child(random_frame, (void *)seed));
        is_int(right, 20, "call %ld with a frame of random words: a signal", number);
    }
}

int main(void) {
    flags();
    segment(REG_CS, 0, "CS");
    segment(REG_SS, 1, "SS");
    segment(REG_DS, 2, "DS");
    segment(REG_ES, 3, "ES");
    segment(REG_FS, 4, "FS");
    segment(REG_GS, 5, "GS");
    addresses();
    fpstates();
    without_a_frame();
    return done_testing();
}
