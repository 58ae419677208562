/* backtrace.h - which function and line an address of the kernel belongs to, and who
 * called it. */
#pragma once

#include "base/types.h"

/* What the symbol table has about an address. */
struct code_place {
    const char *function;
    uint32_t offset;            /* bytes into the function */
    const char *file;           /* NULL: not known */
    uint32_t line;
    uint32_t depth;             /* enum symbol_depth */
};

/* Finds an address; false when it is not kernel code. */
bool code_find(uint32_t address, struct code_place *place);

/* A moment of a CPU in the kernel: what it did, and its stack pointer. */
struct code_moment {
    uint32_t pc, esp;
    bool is_return;             /* it waits for the call in front of pc */
};

/* Prints the moment's place and its callers to the log, one a line, as far as the stack
 * and the symbol table tell. An interrupt that the kernel took is stepped over. */
void backtrace_print(struct code_moment moment);
