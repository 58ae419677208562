/* futex.h - waiting for a word in user memory to change: what pthread locks stand
 * on. */
#pragma once

#include "sched/thread.h"

/* A thread ends: marks the robust locks it holds, zeroes clear_child_tid and wakes who
 * waits for that. Its space is still there. */
void futex_thread_exit(struct thread *thread);
