/* attack_flags.c - enters the kernel with every flag set that a program can set: DF
 * (string instructions run backwards), AC (switches SMAP off), NT (iret becomes a task
 * return), TF (single step), ID. The call must do what it always does, and give the
 * flags back as they
 * were: the kernel preserves all registers but EAX.
 */
#include "fault.h"
#include "raw.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, TF = 256, DF = 1024, OF = 2048,
       NT = 1 << 14, AC = 1 << 18, ID = 1 << 21, ALL = 0x3fffff };

/* A call with these flags set on entry; gives the flags afterwards in *flags. */
static long call_with(uint32_t *flags, long nr, long a, long b, long c) {
    uint32_t f = *flags;
    __asm__ volatile("pushfl\n\t"
                     "pushl %[f]; popfl\n\t"
                     "int $0x80\n\t"
                     "pushfl; popl %[f]\n\t"
                     "cld; popfl"
                     : "+a"(nr), [f] "+r"(f)
                     : "b"(a), "c"(b), "d"(c)
                     : "memory", "cc");
    *flags = f;
    return nr;
}

static uint32_t read_flags(void) {
    uint32_t f;
    __asm__ volatile("pushfl; popl %0" : "=r"(f));
    return f;
}

static void each_flag(void) {
    static const struct {
        uint32_t bits;
        const char *name;
    } set[] = { { 0, "no flag" }, { CF, "CF" }, { PF, "PF" }, { AF, "AF" },
                { ZF, "ZF" },
                { SF, "SF" }, { OF, "OF" }, { DF, "DF" }, { NT, "NT" }, { AC, "AC" },
                { ID, "ID" },
                { CF | PF | AF | ZF | SF | OF | DF | NT | AC | ID, "all" } };
    uint32_t base = read_flags() & ~(CF | PF | AF | ZF | SF | OF | DF | NT | AC | ID);
    char in[64] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
         out[64];
    int p[2];
    need(pipe(p) == 0);
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
        uint32_t f[4];
        for (int j = 0; j < 4; j++)
            f[j] = base | set[i].bits;
        memset(out, 0, sizeof out);
        long pid = call_with(&f[0], SYS_getpid, 0, 0, 0);
        long w = call_with(&f[1], SYS_write, p[1], (long)in, 64);
        long r = call_with(&f[2], SYS_read, p[0], (long)out, 64);
        need(write(p[1], "x", 1) == 1);
        long bad = call_with(&f[3], SYS_read, p[0], 16, 1);
        need(bad == -EFAULT && read(p[0], in + 63, 1) == 1);
        in[63] = 0;
        ok(pid == getpid() && w == 64 && r == 64 && memcmp(in, out, 64) == 0,
           "%s on entry: calls and copies are right", set[i].name);
        int kept = 1;
        for (int j = 0; j < 4; j++)
            kept &= (f[j] & ALL) == ((base | set[i].bits) & ALL);
        ok(kept, "%s on entry: the flags come back as they were", set[i].name);
        if (!kept)
            note("0x%x 0x%x 0x%x 0x%x want 0x%x", f[0], f[1], f[2], f[3],
                 base | set[i].bits);
    }
}

/* Calls that block, switch and fork with the flags set. */
static void blocking(void) {
    uint32_t f = read_flags() | DF | NT | AC | CF;
    int p[2];
    char c = 0;
    pid_t pid, parent = getpid();
    need(pipe(p) == 0);
    CHILD (pid) {
        until_asleep(parent);
        need(write(p[1], "z", 1) == 1);
    }
    long r = call_with(&f, SYS_read, p[0], (long)&c, 1);
    ok(r == 1 && c == 'z', "a call that sleeps, with DF, NT, AC and CF");
    is_int(f & (DF | NT | AC | CF), DF | NT | AC | CF, "comes back with them");
    wait_for(pid);
    f = read_flags() | DF | NT;
    pid = (pid_t)call_with(&f, SYS_fork, 0, 0, 0);
    if (pid == 0)
        _exit((f & (DF | NT)) == (DF | NT) ? 5 : 6);
    is_exit(wait_for(pid), 5, "a child by fork starts with its parent's flags");
}

/* A handler starts with DF and TF clear, whatever was interrupted; the flags of the
 * interrupted code are in the frame and come back. */
static volatile uint32_t in_handler;

static void look(int sig) {
    (void)sig;
    in_handler = read_flags();
}

static void handlers(void) {
    uint32_t f = read_flags() | DF | CF;
    signal(SIGUSR1, look);
    is_int(call_with(&f, SYS_kill, getpid(), SIGUSR1, 0), 0,
           "a signal to oneself with DF");
    is_int(in_handler & (DF | TF), 0, "the handler starts with DF and TF clear");
    is_int(f & (DF | CF), DF | CF, "and they are set again afterwards");
    signal(SIGUSR1, SIG_DFL);
}

/* Faults with the flags set: a page fault with DF and AC, an exception with NT. */
static void fault_with_flags(void *bits) {
    __asm__ volatile("pushfl; orl %0, (%%esp); popfl; movl 16, %%eax"
                     : : "r"((uint32_t)(uintptr_t)bits) : "eax", "memory", "cc");
}

static void faulting(void) {
    static const uint32_t set[] = { DF, AC, NT, DF | AC | NT };
    struct fault f;
    for (int i = 0; i < 4; i++) {
        ok(faults(fault_with_flags, (void *)(uintptr_t)set[i], &f) && f.signo == SIGSEGV
               && f.address == 16,
           "a page fault with flags 0x%x: SIGSEGV as always", set[i]);
    }
}

/* --- single step ------------------------------------------------------------------ */

static volatile int steps, strange;
static volatile uintptr_t stepped[64];

static void step(int sig, siginfo_t *si, void *context) {
    ucontext_t *u = context;
    (void)sig;
    uintptr_t eip = (uintptr_t)u->uc_mcontext.gregs[REG_EIP];
    strange += si->si_code != TRAP_TRACE || eip >= 0xc0000000;
    if (steps < 64)
        stepped[steps] = eip;
    steps++;
}

extern char step_begin[], step_nop[], step_call[], step_after[], step_movs[],
    step_end[];

/* TF on entry of a call: the kernel is not single-stepped, and after the call the
 * program goes on being so. */
static void single_step(void) {
    struct sigaction sa = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
    static char from[4] = "abc", to[4];
    long eax = SYS_getpid;
    need(sigaction(SIGTRAP, &sa, NULL) == 0);
    char *s = from, *d = to;
    long count = 3;
    __asm__ volatile("pushfl; orl $0x100, (%%esp); popfl\n"
                     ".globl step_begin; step_begin: nop\n"
                     ".globl step_nop; step_nop: nop\n"
                     ".globl step_call; step_call: int $0x80\n"
                     ".globl step_after; step_after: nop; nop\n"
                     ".globl step_movs; step_movs: rep movsb\n"
                     "pushfl; andl $~0x100, (%%esp); popfl\n"
                     ".globl step_end; step_end: nop"
                     : "+a"(eax), "+S"(s), "+D"(d), "+c"(count)
                     :
                     : "memory", "cc");
    int before = 0, inside = 0, after = 0, string = 0, outside = 0;
    for (int i = 0; i < steps && i < 64; i++) {
        uintptr_t e = stepped[i];
        before += e == (uintptr_t)step_nop || e == (uintptr_t)step_call;
        inside += e == (uintptr_t)step_after;
        after += e == (uintptr_t)step_after + 1;
        string += e == (uintptr_t)step_movs;
        outside += e < (uintptr_t)step_begin || e > (uintptr_t)step_end;
    }
    is_int(eax, getpid(), "a call under single step gives its result");
    ok(strcmp(to, "abc") == 0, "rep movsb under single step copies");
    is_int(before, 2, "one trap per instruction before the call");
    ok(inside <= 1 && after == 1, "and after it");
    /* QEMU with -icount ends a repetition in a step of its own. */
    ok(string == 3 || string == 4, "one per repetition");
    ok(outside == 0 && strange == 0, "no step was taken in the kernel");
    note("%d steps, %d at the instruction behind int 0x80", steps, inside);
}

static void step_into_exit(void *unused) {
    struct sigaction sa = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
    (void)unused;
    need(sigaction(SIGTRAP, &sa, NULL) == 0);
    __asm__ volatile("pushfl; orl $0x100, (%%esp); popfl; int $0x80"
                     : : "a"(SYS_exit_group), "b"(21));
}

/* mov ss delays the trap by one instruction: here into the kernel, if it is
 * careless. */
static void step_after_mov_ss(void *unused) {
    struct sigaction sa = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
    long eax = SYS_getpid;
    (void)unused;
    need(sigaction(SIGTRAP, &sa, NULL) == 0);
    __asm__ volatile("movl %%ss, %%ecx\n\t"
                     "pushfl; orl $0x100, (%%esp); popfl\n\t"
                     "movw %%cx, %%ss; int $0x80\n\t"
                     "pushfl; andl $~0x100, (%%esp); popfl; nop"
                     : "+a"(eax) : : "ecx", "memory", "cc");
    need(eax == getpid() && strange == 0 && steps > 0);
    _exit(22);
}

int main(void) {
    each_flag();
    blocking();
    handlers();
    faulting();
    single_step();
    is_exit(in_child(step_into_exit, NULL), 21, "exit under single step");
    is_exit(in_child(step_after_mov_ss, NULL), 22,
            "a call behind mov ss under single step");
    return done_testing();
}
