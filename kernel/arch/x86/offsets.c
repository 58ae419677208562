/* offsets.c - what assembly must know of C's structs. Compiled, never linked: the build
 * takes the `->NAME value` lines out of the compiler's output into
 * build/offsets.inc. */
#include "arch/x86/cpu.h"
#include "arch/x86/frame.h"

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %c0" : : "i"(value))

void offsets(void);

void offsets(void) {
    DEFINE(FRAME_VECTOR, offsetof(struct trap_frame, vector));
    DEFINE(FRAME_EFLAGS, offsetof(struct trap_frame, eflags));
    DEFINE(CPU_IDLE, offsetof(struct cpu, idle));
    DEFINE(TSS_ESP0, offsetof(struct tss, esp0));
    DEFINE(STACK_SLOT, STACK_SLOT);
    DEFINE(THREAD_AREA, THREAD_AREA);
    DEFINE(KERNEL_CS, KERNEL_CS);
    DEFINE(USER_CS, USER_CS);
    DEFINE(USER_DS, USER_DS);
    DEFINE(VECTOR_NMI, VECTOR_NMI);
    DEFINE(VECTOR_DEBUG, VECTOR_DEBUG);
    DEFINE(VECTOR_PROTECTION, VECTOR_PROTECTION);
    DEFINE(VECTOR_SYSTEM_CALL, VECTOR_SYSTEM_CALL);
    DEFINE(EFLAGS_TF, EFLAGS_TF);
    DEFINE(EFLAGS_IF, EFLAGS_IF);
    DEFINE(SYSTEM_CALL_RETURN, SYSTEM_CALL_RETURN);
    DEFINE(SYSTEM_PAGE_INT80, SYSTEM_PAGE_INT80);
}
