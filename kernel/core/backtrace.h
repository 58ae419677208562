/* backtrace.h - which function and line an address of the kernel belongs to, and who
 * called it. */
#pragma once

#include "base/types.h"

/* The function at an address, and how far into it; NULL when it is not kernel code. */
const char *symbol_name(uint32_t address, uint32_t *offset);

/* The source line of an address; false when it is not known. */
bool symbol_line(uint32_t address, const char **file, uint32_t *line);

/* Prints first_pc and its callers to the log, one a line, following the frame pointers
 * as long as they lie on a kernel stack and lead upwards. */
void backtrace_print(uint32_t frame_pointer, uint32_t first_pc);
