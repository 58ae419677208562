/* timer.h - interval timers and POSIX timers of a process. */
#pragma once

#include "sched/process.h"

void timers_end(struct process *process);       /* the process ends: all go */
void timers_exec(struct process *process);     /* exec: POSIX timers go, itimers stay */
