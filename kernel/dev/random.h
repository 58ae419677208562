/* random.h - bytes nobody can guess: for AT_RANDOM, getrandom(2) and /dev/urandom.
 * Choices of the scheduler come from elsewhere (sched/scheduler.c). */
#pragma once

#include "base/types.h"

/* seed 0: from the processor and the clocks. Another one: from it alone, so that a run
 * with a seed is the same every time. */
void random_init(uint32_t seed);

/* Never fails, never sleeps. About two thousand instructions for each 64 bytes. */
void random_bytes(void *to, size_t size);
