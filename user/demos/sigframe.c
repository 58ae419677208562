/* sigframe.c - the user's stack before, inside and after a signal handler.
 * Order: 41
 *
 * main() makes a system call with marks in its registers, and the call sends it a
 * signal. The handler finds a frame that it has not pushed: here is each word of it.
 * What it changes there is in main's registers afterwards.
 *
 * FEATURE(106, 107, 108, 138)
 */
#define _GNU_SOURCE
#include "demo.h"
#include <sys/syscall.h>
#include <ucontext.h>

#define MARK_EDX 0xd0d0d0d0u
#define MARK_ESI 0x51515151u
#define MARK_EDI 0xd1d1d1d1u
#define NEW_ESI  0x5e5e5e5eu            /* what the handler writes into the frame */
#define WORDS    512

static struct {
    uintptr_t *esp, *eip;               /* main's */
    uintptr_t *frame, copy[WORDS];      /* what the handler found from esp on */
    uintptr_t *esp_after, edx, esi, edi;
} seen;

static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    seen.frame = (uintptr_t *)__builtin_frame_address(0) + 1;
    for (int i = 0; i < WORDS && seen.frame + i <= seen.esp; i++)
        seen.copy[i] = seen.frame[i];
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_ESI] = (greg_t)NEW_ESI;
}

/* kill(getpid(), SIGUSR1) in our own instructions: the signal comes before it is
 * back. */
static void call_with_marks(void) {
    uintptr_t eax = SYS_kill, edx = MARK_EDX, esi = MARK_ESI, edi = MARK_EDI;
    __asm__ volatile("movl %%esp, %[esp]\n\t"
                     "movl $1f, %[eip]\n\t"
                     "int $0x80\n"
                     "1:\tmovl %%esp, %[after]"
                     : [esp] "=m"(seen.esp), [eip] "=m"(seen.eip),
                       [after] "=m"(seen.esp_after), "+a"(eax), "+d"(edx), "+S"(esi),
                       "+D"(edi)
                     : "b"(getpid()), "c"(SIGUSR1)
                     : "memory");
    seen.edx = edx;
    seen.esi = esi;
    seen.edi = edi;
    expect(eax == 0);
}

enum { HEX, DECIMAL, NUMBER, ADDRESS, INSIDE, MARKED };        /* how it is shown */

static const char *shown(uintptr_t value, int how) {
    char *text = demo_scrap();
    if (how == ADDRESS)
        return addr((void *)value);
    if (how == NUMBER)
        return some((long)value);
    if (how == INSIDE)
        snprintf(text, SCRAP, "-> +%d", (int)(value - (uintptr_t)seen.frame));
    else if (how == DECIMAL)
        snprintf(text, SCRAP, "%d", (int)value);
    else
        snprintf(text, SCRAP, how == HEX && demo.log ? "N" : "0x%08lx", (long)value);
    return text;
}

/* One word of the frame, by its place. Three of them make a line. */
static void word(int place, const char *name, int how) {
    static char line[128];
    static int columns, length;
    length += snprintf(line + length, sizeof line - (size_t)length,
                       columns < 2 ? " +%-3d %-9s %-10s" : " +%-3d %-9s %s", 4 * place,
                       name, shown(seen.copy[place], how));
    if (++columns < 3)
        return;
    say("%s", line);
    columns = length = 0;
}

/* The registers, in the order of ucontext_t, and the mask behind them. */
static const struct {
    const char *name;
    int how;
} registers[] = {
    { "gs", HEX },           { "fs", HEX },         { "es", HEX },
    { "ds", HEX },           { "edi", MARKED },     { "esi", MARKED },
    { "ebp", ADDRESS },      { "esp", ADDRESS },    { "ebx", NUMBER },
    { "edx", MARKED },       { "ecx", DECIMAL },    { "eax", DECIMAL },
    { "trap", HEX },         { "error", HEX },      { "eip", ADDRESS },
    { "cs", HEX },           { "eflags", HEX },     { "esp", ADDRESS },
    { "ss", HEX },           { "fpu", HEX },        { "mask", DECIMAL },
    { "cr2", HEX },          { "mask", DECIMAL },   { "mask + 4", DECIMAL },
};

/* The three arguments, what they point to; where the registers are. */
static int draw(void) {
    int info = (int)((uintptr_t *)seen.copy[2] - seen.frame);
    int context = (int)((uintptr_t *)seen.copy[3] - seen.frame);
    word(0, "return to", ADDRESS);
    word(1, "signal", DECIMAL);
    word(2, "siginfo", INSIDE);
    word(3, "ucontext", INSIDE);
    word(info, "signo", DECIMAL);
    word(info + 1, "errno", DECIMAL);
    word(info + 2, "code", DECIMAL);
    word(info + 3, "sender", NUMBER);
    word(info + 4, "user", NUMBER);
    say(" +%d to +%d: what siginfo has for other signals", 4 * info + 20,
        4 * context - 4);
    word(context, "flags", HEX);
    word(context + 1, "link", DECIMAL);
    word(context + 2, "alt stack", HEX);
    for (int i = 0; i < 24; i++)
        word(context + 5 + i, registers[i].name, registers[i].how);
    return context + 5;
}

int main(int argc, char **argv) {
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    demo_start(argc, argv, "sigframe: the stack around a signal handler");
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    call_with_marks();
    long size = (char *)seen.esp - (char *)seen.frame;
    say("Before: esp is %s, edx, esi and edi have marks; main() calls kill(me).",
        addr(seen.esp));
    say("Inside: esp is %s lower. The kernel has put there, by their place:",
        some(size));
    const uintptr_t *saved = seen.copy + draw();
    const unsigned char *code = (const unsigned char *)seen.copy[0];
    int good = saved[REG_ESP] == (uintptr_t)seen.esp && saved[REG_EDI] == MARK_EDI
               && saved[REG_EIP] == (uintptr_t)seen.eip;
    say(" above, up to main's stack: %s bytes, for the FPU if it was used",
        some(size - 4 * (saved + 24 - seen.copy)));
    say("All are %s. The handler changes esi, and returns to mov eax, %d; int 0x80.",
        mark(good, "main's", "OTHERS"), expect(code[0] == 0xb8) ? code[1] : -1);
    good = seen.esp_after == seen.esp && seen.edx == MARK_EDX && seen.edi == MARK_EDI;
    say("After:  esp, edx, edi are %s; esi is 0x%x, %s.",
        mark(good, "what they were", "OTHERS"), (unsigned)seen.esi,
        mark(seen.esi == NEW_ESI, "out of the frame", "UNCHANGED"));
    return demo_end("let the handler change the saved eip or esp. Who is surprised?",
                    "kernel/ipc/signal_frame.c: frame_push() and sys_rt_sigreturn()");
}
