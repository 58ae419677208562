/* sighandler.c - a handler runs because the kernel rewrites the user stack.
 * Order: 40
 *
 * main() sleeps in a system call; another process sends it a signal. We compare the
 * registers before, those the kernel saved, and those after, and read the stack that
 * the handler found. Then the other fates: ignored, deadly, stopped, continued, killed.
 * FEATURE(100, 101, 102, 103, 106, 107, 108)
 */
#define _GNU_SOURCE
#include "demo.h"
#include <sys/syscall.h>
#include <ucontext.h>

#define MAGIC 4242                      /* what the handler puts into main's eax */

struct registers {
    void *eip, *esp;
    int eax;
};

static struct {                         /* the handler's notes */
    uintptr_t *esp, stack[4];           /* its stack pointer, and the words there */
    uintptr_t argument[3];
    struct registers saved;             /* main's, as the frame has them */
    pid_t sender;
} seen;

/* Step 0: the handler is written. It may interrupt anything, so it only takes notes;
 * and it changes one of the saved registers. */
static void handler(int number, siginfo_t *info, void *context) {
    greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t argument[3] = { (uintptr_t)number, (uintptr_t)info, (uintptr_t)context };
    seen.esp = (uintptr_t *)__builtin_frame_address(0) + 1;
    memcpy(seen.stack, seen.esp, sizeof seen.stack);
    memcpy(seen.argument, argument, sizeof argument);
    seen.saved.eip = (void *)saved[REG_EIP];
    seen.saved.esp = (void *)saved[REG_ESP];
    seen.saved.eax = saved[REG_EAX];
    seen.sender = info->si_pid;
    saved[REG_EAX] = MAGIC;
}

/* sigsuspend() in our own instructions, to know esp and the eip to come back to. */
static void sleep_for_signal(struct registers *before, struct registers *after) {
    sigset_t none;
    sigemptyset(&none);
    before->eax = SYS_rt_sigsuspend;
    __asm__ volatile("movl %%esp, %0\n\t"
                     "movl $1f, %1\n\t"
                     "int $0x80\n"
                     "1:\tmovl %%esp, %2"
                     : "=m"(before->esp), "=m"(before->eip), "=m"(after->esp),
                       "=a"(after->eax)
                     : "a"(SYS_rt_sigsuspend), "b"(&none), "c"(_NSIG / 8)
                     : "memory");
}

static void show_registers(struct registers *before, struct registers *after) {
    int same = expect(seen.saved.eip == before->eip && seen.saved.esp == before->esp
                      && after->esp == before->esp && after->eax == MAGIC);
    say("       when it slept   in the frame   awake again");
    say("  eip  %s      %s     (here it goes on)", addr(before->eip),
        addr(seen.saved.eip));
    say("  esp  %s      %s     %s", addr(before->esp), addr(seen.saved.esp),
        addr(after->esp));
    say("  eax  %-10d      %-10d     %-10d  %s", before->eax, seen.saved.eax,
        after->eax, same ? "the handler wrote that" : paint("1;31", "WRONG"));
}

static void show_frame(const struct registers *before) {
    const unsigned char *code = (const unsigned char *)seen.stack[0];
    long size = (char *)before->esp - (char *)seen.esp;
    expect(size > 0
           && memcmp(seen.stack + 1, seen.argument, sizeof seen.argument) == 0);
    say("How? The kernel put a frame on main's stack, as after a call:");
    say("  esp + %-5s ...         what main() had there", some(size));
    say("  esp + 12    %-10s  argument 3: main's registers",
        addr((void *)seen.stack[3]));
    say("  esp + 8     %-10s  argument 2: who sent it", addr((void *)seen.stack[2]));
    say("  esp + 4     %-10d  argument 1: the signal", (int)seen.stack[1]);
    say("  esp         %-10s  the return address", addr(code));
    say("It returns to %s: mov eax, %d; int 0x80. sigreturn loads the frame.",
        addr(code), expect(code[0] == 0xb8 && code[5] == 0xcd) ? code[1] : -1);
}

/* What signal `number` does to a child that waits. The answer in words. */
static const char *effect(pid_t child, int number) {
    int status;
    must(kill(child, number), "kill");
    must(waitpid(child, &status, WUNTRACED | WCONTINUED), "waitpid");
    return fate(status);
}

/* A child that only waits. To SIGUSR1 it does what `action` says. */
static pid_t start_waiting(void (*action)(int)) {
    signal(SIGUSR1, action);
    pid_t child = (pid_t)must(fork(), "fork");
    while (child == 0)
        pause();
    return child;
}

static void show_other_fates(void) {
    pid_t child = start_waiting(SIG_DFL);
    say("Other fates. A child that does nothing about signal %d is %s.", SIGUSR1,
        effect(child, SIGUSR1));
    child = start_waiting(SIG_IGN);
    must(kill(child, SIGUSR1), "kill");
    const char *stopped = effect(child, SIGSTOP);
    say("One that ignores it lives. SIGSTOP: %s. SIGCONT: %s.", stopped,
        effect(child, SIGCONT));
    say("SIGKILL: %s, and to ignore that is refused: %s.", effect(child, SIGKILL),
        signal(SIGKILL, SIG_IGN) == SIG_ERR ? strerror(errno) : "IT IS NOT");
}

int main(int argc, char **argv) {
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    struct registers before, after;
    sigset_t blocked;
    demo_start(argc, argv, "sighandler: who called that function?");
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);             // until we sleep
    pid_t me = getpid();                // asked in the child, getppid may be init
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(kill(me, SIGUSR1));
    sleep_for_signal(&before, &after);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    waitpid(child, NULL, 0);
    expect(seen.sender == child);
    say("0. handler() is written; it is at %s.", addr((void *)(uintptr_t)handler));
    say("1. sigaction() registers it for signal %d.\n"
        "2. main() sleeps in a system call, until %s calls kill(me, %d).\n"
        "3. handler() runs, and main() goes on where it was:",
        SIGUSR1, pid(seen.sender), (int)seen.argument[0]);
    show_registers(&before, &after);
    show_frame(&before);
    show_other_fates();
    return demo_end("put the address of a function of yours into the saved eip.",
                    "kernel/ipc/signal_frame.c, where the frame is made and read");
}
