/* frame.h - what an entry into the kernel saves on the kernel stack.
 *
 *      esp0 ->  +------------------+        pushed by
 *               | (gs fs ds es)    |  CPU, only out of virtual-8086 mode
 *               | ss               |  CPU, only when it came from user mode
 *               | esp              |
 *               | eflags           |  CPU always (sysenter_entry builds the same)
 *               | cs               |
 *               | eip              |
 *               | error            |  CPU or the stub
 *               | vector           |  stub
 *               | ds, es           |
 *               | eax ... edi      |  pushad
 *      frame -> +------------------+
 *
 * fs and gs are not saved: the kernel never touches them, and a thread switch does.
 */
#pragma once

#include "base/types.h"

struct trap_frame {
    union {
        struct {
            uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
        };
        struct general_registers {
            uint32_t number[8];
        } general;
    };
    uint32_t es, ds;
    uint32_t vector;            /* 0 .. 255; enum vector */
    uint32_t error;             /* the CPU's error code, or the system call's number */
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;           /* only valid when frame_is_user() */
};

enum vector {
    VECTOR_DIVIDE = 0, VECTOR_DEBUG = 1, VECTOR_NMI = 2, VECTOR_BREAKPOINT = 3,
    VECTOR_OVERFLOW = 4, VECTOR_INVALID_OPCODE = 6, VECTOR_NO_FPU = 7,
    VECTOR_DOUBLE_FAULT = 8, VECTOR_NO_SEGMENT = 11, VECTOR_STACK = 12,
    VECTOR_PROTECTION = 13, VECTOR_PAGE_FAULT = 14, VECTOR_FPU_ERROR = 16,
    VECTOR_ALIGNMENT = 17, VECTOR_SIMD = 19,
    VECTOR_IRQ = 0x20,          /* 0x20 .. 0x2f: the timer, ISA lines 1 .. 15 */
    VECTOR_SYSTEM_CALL = 0x80,
    VECTOR_CHANGED = 0x81,    /* no interrupt: a system call's frame that was changed */
    VECTOR_RESCHEDULE = 0xf0,   /* between CPUs */
    VECTOR_REQUEST = 0xf1,      /* enum cpu_request */
    VECTOR_SPURIOUS = 0xff,
};

enum eflags {
    EFLAGS_ALWAYS = 1 << 1, EFLAGS_TF = 1 << 8, EFLAGS_IF = 1 << 9,
    EFLAGS_DF = 1 << 10, EFLAGS_RF = 1 << 16, EFLAGS_VM = 1 << 17,
    /* what user code may change in a frame: CF PF AF ZF SF TF DF OF RF AC */
    EFLAGS_USER = 0x50dd5,
};

enum selector {                 /* global descriptor table; TLS at 6 as on Linux/i386 */
    KERNEL_CS = 0x08, KERNEL_DS = 0x10, USER_CS = 0x1b, USER_DS = 0x23,
    TSS_SELECTOR = 0x28, TLS_SELECTOR = 0x33, DOUBLE_FAULT_TSS = 0x38,
};

/* Came from user mode? QEMU can enter virtual-8086 mode with a kernel-looking cs. */
static inline bool frame_is_user(const struct trap_frame *frame) {
    return (frame->cs & 3) || (frame->eflags & EFLAGS_VM);
}

/* The page that every process has at the end of its address space: AT_SYSINFO points to
 * its start, and the C library calls it for every system call. sysenter remembers
 * nothing, so the return address is a constant the kernel knows (entry.asm checks
 * it). An `int 0x80` right in front of it is where an interrupted call is restarted. */
#define SYSTEM_PAGE        0xBFFFF000u
#define SYSTEM_CALL_RETURN (SYSTEM_PAGE + 9)
#define SYSTEM_PAGE_INT80  (SYSTEM_PAGE + 13)   /* for CPUs without sysenter */
extern const unsigned char system_page_code[], system_page_code_end[];

/* Called by every entry stub, on the thread's kernel stack, interrupts off. */
void trap(struct trap_frame *frame);
extern void (*sysenter_handler)(struct trap_frame *frame);      /* [const] sysenter's */
