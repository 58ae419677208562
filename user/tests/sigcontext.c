/* sigcontext.c - how a signal is delivered: the kernel rewrites the user's stack so
 * that the program goes on in the handler, and the return from the handler leads back
 * to the interrupted point. sigaction(2): the third argument "is a pointer to a
 * ucontext_t structure, cast to void *"; POSIX: "the receiving thread's context that
 * was interrupted"; sigreturn(2) loads it again, with what the handler has changed.
 */
/* FEATURE(107): a process stops its work, handles a signal and resumes its work */
/* FEATURE(138): the frame lies on the interrupted stack and leads back */
/* FEATURE(108): the frame lies on the interrupted stack and leads back */
#include "fault.h"
#include "raw.h"

/* Registers before and after the trap, in the order that run_registers uses. */
static struct {
    uint32_t eax, ecx, edx, ebx, ebp, esi, edi, eflags;
} regs __attribute__((used));
static uint32_t at_esp __attribute__((used)), after_esp __attribute__((used));

void run_registers(void);
extern char at_trap[], after_trap[];

/* Loads regs, runs into ud2, and when the handler has led on to after_trap stores
 * regs. */
__asm__("run_registers:\n\t"
        "pushal; pushfl\n\t"
        "movl %esp, at_esp\n\t"
        "pushl regs+28; popfl\n\t"
        "movl regs, %eax; movl regs+4, %ecx; movl regs+8, %edx; movl regs+12, %ebx\n\t"
        "movl regs+16, %ebp; movl regs+20, %esi; movl regs+24, %edi\n"
        "at_trap: ud2; ud2\n"
        "after_trap:\n\t"
        "movl %eax, regs; movl %ecx, regs+4; movl %edx, regs+8; movl %ebx, regs+12\n\t"
        "movl %ebp, regs+16; movl %esi, regs+20; movl %edi, regs+24\n\t"
        "movl %esp, after_esp\n\t"
        "pushfl; popl regs+28\n\t"
        "cld; popfl; popal; ret");

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, DF = 1024, OF = 2048, IF = 512 };
enum { STATUS = CF | PF | AF | ZF | SF | DF | OF };

static int right, edit;
static uintptr_t return_slot, si_at, context_at;
static uint16_t segment[6];

static void handler(int sig, siginfo_t *si, void *context) {
    ucontext_t *u = context;
    greg_t *g = u->uc_mcontext.gregs;
    return_slot = (uintptr_t)__builtin_frame_address(0) + 4;
    si_at = (uintptr_t)si;
    context_at = (uintptr_t)context;
    right = sig == SIGILL;
    right += (uint32_t)g[REG_EAX] == regs.eax && (uint32_t)g[REG_ECX] == regs.ecx;
    right += (uint32_t)g[REG_EDX] == regs.edx && (uint32_t)g[REG_EBX] == regs.ebx;
    right += (uint32_t)g[REG_ESI] == regs.esi && (uint32_t)g[REG_EDI] == regs.edi;
    right += (uint32_t)g[REG_EBP] == regs.ebp && (uint32_t)g[REG_ESP] == at_esp;
    right += ((uint32_t)g[REG_EFL] & (STATUS | IF)) == ((regs.eflags & STATUS) | IF);
    right += (uintptr_t)g[REG_EIP] == (uintptr_t)at_trap;
    right += (uint32_t)g[REG_UESP] == at_esp;
    for (int i = 0; i < 4; i++)                         // gs fs es ds
        segment[i] = (uint16_t)g[i];
    segment[4] = (uint16_t)g[REG_CS];
    segment[5] = (uint16_t)g[REG_SS];
    g[REG_EIP] = (greg_t)(uintptr_t)after_trap;
    if (!edit)
        return;
    g[REG_EAX] = 0xa1, g[REG_ECX] = 0xa2, g[REG_EDX] = 0xa3, g[REG_EBX] = 0xa4;
    g[REG_EBP] = 0xa5, g[REG_ESI] = 0xa6, g[REG_EDI] = 0xa7;
    g[REG_EFL] = (g[REG_EFL] & ~STATUS) | CF | ZF | OF;
}

static void catch (int sig, void (*function)(int, siginfo_t *, void *), int flags) {
    struct sigaction sa = { .sa_sigaction = function, .sa_flags = SA_SIGINFO | flags };
    need(sigaction(sig, &sa, NULL) == 0);
}

static void fill(void) {
    regs.eax = 0x11111111, regs.ecx = 0x22222222, regs.edx = 0x33333333;
    regs.ebx = 0x44444444, regs.ebp = 0x55555555, regs.esi = 0x66666666;
    regs.edi = 0x77777777;
    regs.eflags = 2 | CF | PF | AF | SF | DF;
}

static void seen_and_kept(void) {
    uint16_t now[6];
    catch (SIGILL, handler, 0);
    fill();
    run_registers();
    is_int(right, 8, "the handler sees the registers of the interrupted point");
    ok(regs.eax == 0x11111111 && regs.ecx == 0x22222222 && regs.edx == 0x33333333
           && regs.ebx == 0x44444444 && regs.ebp == 0x55555555 && regs.esi == 0x66666666
           && regs.edi == 0x77777777 && after_esp == at_esp,
       "a process stops its work, handles a signal and resumes its work");
    is_int(regs.eflags & STATUS, CF | PF | AF | SF | DF,
           "with the flags it had, DF too");
    __asm__("movw %%gs, %0; movw %%fs, %1; movw %%es, %2; movw %%ds, %3; movw %%cs, %4;"
            "movw %%ss, %5"
            : "=m"(now[0]), "=m"(now[1]), "=m"(now[2]), "=m"(now[3]), "=m"(now[4]),
              "=m"(now[5]));
    ok(memcmp(now, segment, sizeof now) == 0, "the segment registers are in the frame");
}

static void the_frame(void) {
    ok(return_slot < at_esp && si_at < at_esp && context_at < at_esp
           && si_at > return_slot && context_at > return_slot
           && at_esp - return_slot < 8192,
       "the frame lies on the interrupted stack and leads back");
    is_int((return_slot + 4) % 16, 0, "the handler's stack is aligned as after a call");
}

static int kept_at_depth(size_t depth) {
    volatile char *room = __builtin_alloca(depth);
    room[0] = 1;
    fill();
    run_registers();
    return right == 8 && regs.eax == 0x11111111 && regs.edi == 0x77777777
           && (regs.eflags & STATUS) == (CF | PF | AF | SF | DF) && after_esp == at_esp;
}

/* A frame that would lie across pages is moved down into one. */
static void anywhere(void) {
    int good = 0;
    for (size_t depth = 16; depth <= 8192; depth += 16)
        good += kept_at_depth(depth);
    is_int(good, 512, "the same wherever in its pages the frame lies");
}

static void edited(void) {
    edit = 1;
    fill();
    run_registers();
    edit = 0;
    ok(regs.eax == 0xa1 && regs.ecx == 0xa2 && regs.edx == 0xa3 && regs.ebx == 0xa4
           && regs.ebp == 0xa5 && regs.esi == 0xa6 && regs.edi == 0xa7,
       "registers that the handler edits are what the program goes on with");
    is_int(regs.eflags & STATUS, CF | ZF | OF, "flags too");
}

/* The result of an interrupted call is in eax of the frame. */
static volatile uint32_t result_seen;
static volatile int new_result;

static void edit_result(int sig, siginfo_t *si, void *context) {
    ucontext_t *u = context;
    (void)sig;
    (void)si;
    result_seen = (uint32_t)u->uc_mcontext.gregs[REG_EAX];
    if (new_result)
        u->uc_mcontext.gregs[REG_EAX] = new_result;
}

static void call_result(void) {
    catch (SIGUSR1, edit_result, 0);
    result_seen = 77;
    is_int(raw(SYS_kill, getpid(), SIGUSR1), 0,
           "a call that sends a signal gives its result");
    is_int(result_seen, 0, "which the handler finds in eax");
    new_result = 1234;
    is_int(raw(SYS_kill, getpid(), SIGUSR1), 1234, "and can change");
}

/* uc_sigmask: "the set of signals that are blocked when this context is active". */
static volatile int had_usr2, had_usr1;

static void edit_mask(int sig, siginfo_t *si, void *context) {
    ucontext_t *u = context;
    (void)sig;
    (void)si;
    had_usr1 = sigismember(&u->uc_sigmask, SIGUSR1);
    had_usr2 = sigismember(&u->uc_sigmask, SIGUSR2);
    sigaddset(&u->uc_sigmask, SIGTERM);
    sigaddset(&u->uc_sigmask, SIGKILL);
    sigdelset(&u->uc_sigmask, SIGUSR2);
}

static void mask(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    need(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
    catch (SIGUSR1, edit_mask, 0);
    raise(SIGUSR1);
    ok(!had_usr1 && had_usr2, "uc_sigmask is the mask of the interrupted code");
    need(sigprocmask(SIG_SETMASK, NULL, &set) == 0);
    ok(sigismember(&set, SIGTERM) && !sigismember(&set, SIGUSR2),
       "edited, it is in force");
    ok(!sigismember(&set, SIGKILL), "but for SIGKILL");
    sigemptyset(&set);
    need(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
}

/* A handler that interrupts a loop at any point must not be noticed by the loop. */
static volatile sig_atomic_t ticks;

static void tick(int sig, siginfo_t *si, void *context) {
    volatile int work[8] = { 1, 2, 3 };
    (void)sig;
    (void)si;
    (void)context;
    work[3] = work[0] + work[1];
    ticks++;
}

static uint32_t checksum(uint32_t n) {
    uint32_t a = 1, b = 0;
    for (uint32_t i = 0; i < n; i++) {
        a = (a + (i ^ b)) % 65521;
        b = (b << 7 | b >> 25) ^ a;
    }
    return b;
}

static void unnoticed(void) {
    enum { N = 20000 };
    uint32_t want = checksum(N);
    int wrong = 0;
    pid_t pid, parent = getpid();
    catch (SIGUSR1, tick, 0);
    ticks = 0;
    CHILD (pid)
        for (;;) {
            kill(parent, SIGUSR1);
            sched_yield();
        }
    while (ticks < 50)
        wrong += checksum(N) != want;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) != pid)
        ;
    is_int(wrong, 0,
           "a computation that is interrupted 50 times gives the same result");
}

int main(void) {
    seen_and_kept();
    the_frame();
    anywhere();
    edited();
    call_result();
    mask();
    unnoticed();
    return done_testing();
}
