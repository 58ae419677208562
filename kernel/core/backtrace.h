/* backtrace.h - which function and line an address of the kernel belongs to, and who
 * called it. */
#pragma once

#include "base/types.h"

/* A moment of a CPU in the kernel: what it did, and its stack pointer. */
struct code_moment {
    uint32_t pc, esp;
    bool is_return;             /* it waits for the call in front of pc */
};

/* Prints the moment's place and its callers to the log, one a line, as far as the stack
 * and the symbol table tell. An interrupt that the kernel took is stepped over. */
void backtrace_print(struct code_moment moment);
