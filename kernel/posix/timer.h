/* timer.h - interval timers and POSIX timers of a process. */
#pragma once

#include "sched/process.h"

/* The process ends (all go) or execs (POSIX timers do, those of setitimer stay). */
void timers_end(struct process *process, bool all);
