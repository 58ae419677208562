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

/* The kernel's own symbol table, which tools/make-symbols writes:
 *
 *      symbols[]:  address  name  steps      one a function, sorted by address
 *                  ...      ...   ...
 *                  end      -     -          one more: where code ends
 *
 * `name` is an offset into symbol_names. From `steps` to the next symbol's `steps` lie
 * the function's steps in symbol_steps. Each says what holds from some instruction on,
 * either the line
 *
 *      bytes of code since the step before (the first: since the function's start) << 1
 *      difference in line (zigzag: 0, -1, 1, -2 ...) << 1 | whether a file follows
 *      the file, an offset into symbol_files
 *
 * or how deep the stack is:
 *
 *      bytes of code since the step before << 1 | 1
 *      the depth, an enum symbol_depth; until the first it is DEPTH_END
 *
 * in numbers of seven bits a byte, lowest first, top bit set when more follow. That is
 * three bytes a line and two a depth. The first of the kernel's two links has an empty
 * table.
 */
struct symbol {
    uint32_t address;
    uint32_t name;
    uint32_t steps;
};

enum symbol_depth {
    DEPTH_END,                  /* nobody called this */
    DEPTH_TRAP,                 /* behind a call, esp points at a trap frame */
    DEPTH_LOST,                 /* the compiler counts from another register than esp */
    DEPTH_WORDS,                /* + n: n words at esp, the return address last */
};

extern const uint32_t symbol_count;         /* functions; symbols[] has one row more */
extern const struct symbol symbols[];
extern const char symbol_names[];
extern const uint8_t symbol_steps[];
extern const char symbol_files[];
