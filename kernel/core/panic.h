/* panic.h - our own mistakes: assertions, and the end of the machine. */
#pragma once

#include "arch/x86/frame.h"

/* Stops every CPU, prints what happened, registers if there is a frame, backtrace, the
 * report below, and leaves QEMU with EXIT_PANIC. The backtrace begins at the caller, or
 * at pc. */
no_return void panic(const char *format, ...) printf_like(1, 2);
no_return void panic_at(const struct trap_frame *frame, uint32_t pc, uint32_t esp,
                        const char *format, ...) printf_like(4, 5);

/* What cannot be run at all: one sentence, no registers, EXIT_BOOT_REFUSED. */
no_return void boot_refuse(const char *format, ...) printf_like(1, 2);

/* Assertions stay in every build; they judge the kernel, never user input. */
#define assert(condition)                                                              \
    ((condition) ? (void)0                                                             \
                 : panic("assertion failed: %s (%s:%d)", #condition, __FILE__,         \
                         __LINE__))

/* What every thread waits for, and the last events: in a panic, on the magic key. */
void panic_print_reports(void);
extern void (*panic_report)(void);      /* set by kernel/sched */
