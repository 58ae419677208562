/* fault.h - runs a piece of code that may fault, and tells how it ended.
 *
 *     struct fault f;
 *     if (faults(load_null, NULL, &f))
 *         is_int(f.signo, SIGSEGV, "...");
 *
 * The signal is caught in this process (no fork), on a stack of its own, and the code
 * is left by siglongjmp. FS, GS and the flags are put back, whatever the code did to
 * them.
 */
#pragma once

#include "tap.h"

#include <setjmp.h>
#include <ucontext.h>

struct fault {
    int signo, code;
    uintptr_t address;          /* si_addr */
    uintptr_t eip;              /* of the interrupted code */
    long trap, error;           /* vector and error code as the frame tells them */
    unsigned long cr2;
};

static struct fault fault_seen;
static sigjmp_buf fault_back;
static uint16_t fault_fs, fault_gs;
static void (*fault_hook)(void);        /* called first, if set: before the C library */

static void TAP_UNUSED fault_handler(int sig, siginfo_t *si, void *context) {
    if (fault_hook)
        fault_hook();
    __asm__ volatile("movw %0, %%fs; movw %1, %%gs; pushl $0x202; popfl"
                     : : "m"(fault_fs), "m"(fault_gs) : "cc");
    const ucontext_t *u = context;
    fault_seen.signo = sig;
    fault_seen.code = si->si_code;
    fault_seen.address = (uintptr_t)si->si_addr;
    fault_seen.eip = (uintptr_t)u->uc_mcontext.gregs[REG_EIP];
    fault_seen.trap = u->uc_mcontext.gregs[REG_TRAPNO];
    fault_seen.error = u->uc_mcontext.gregs[REG_ERR];
    fault_seen.cr2 = u->uc_mcontext.cr2;
    siglongjmp(fault_back, 1);
}

/* Runs function(argument). 0: it returned; 1: a signal ended it, *f says which. */
static int TAP_UNUSED faults(void (*function)(void *), void *argument,
                             struct fault *f) {
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
    static char stack[16384];
    struct sigaction sa = { .sa_sigaction = fault_handler }, old[5];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack }, old_stack;
    volatile int ended = 0;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
    need(sigaltstack(&ss, &old_stack) == 0);
    for (int i = 0; i < 5; i++)
        need(sigaction(signals[i], &sa, &old[i]) == 0);
    __asm__ volatile("movw %%fs, %0; movw %%gs, %1" : "=m"(fault_fs), "=m"(fault_gs));
    memset(&fault_seen, 0, sizeof fault_seen);
    if (sigsetjmp(fault_back, 1) == 0)
        function(argument);
    else
        ended = 1;
    for (int i = 0; i < 5; i++)
        need(sigaction(signals[i], &old[i], NULL) == 0);
    need(sigaltstack(&old_stack, NULL) == 0);
    *f = fault_seen;
    return ended;
}
