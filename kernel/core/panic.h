/* panic.h - our own mistakes: assertions, and the end of the machine. */
#pragma once

#include "arch/x86/frame.h"
#include "base/list.h"
#include "base/types.h"

/* Stops every CPU, prints what happened, registers, backtrace, the reports registered
 * below, and leaves QEMU with EXIT_PANIC. The backtrace begins at the caller, at what
 * the frame interrupted, or at pc. */
no_return void panic(const char *format, ...) printf_like(1, 2);
no_return void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
    printf_like(2, 3);
no_return void panic_at(uint32_t pc, uint32_t esp, const char *format, ...)
    printf_like(3, 4);

/* What cannot be run at all: one sentence, no registers, EXIT_BOOT_REFUSED. */
no_return void boot_refuse(const char *format, ...) printf_like(1, 2);

/* Assertions stay in every build; they judge the kernel, never user input. */
#define assert(condition)                                                              \
    ((condition) ? (void)0                                                             \
                 : panic("assertion failed: %s (%s:%d)", #condition, __FILE__,         \
                         __LINE__))

/* A part of the kernel that has something to say in a panic and on the magic key. */
struct panic_report {
    struct list_node node;
    const char *title;
    void (*print)(void);
};
void panic_report_register(struct panic_report *report);
void panic_print_reports(void);
