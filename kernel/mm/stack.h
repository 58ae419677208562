/* stack.h - kernel stacks with a guard below each. */
#pragma once

#include "base/types.h"

/* The top of a new slot's usable stack, where struct thread lies; 0 without memory. */
must_check uint32_t stack_alloc(void);
void stack_free(uint32_t thread_address);
