/* limits.h - the limits a first process starts with, and the machine's own data. */
#pragma once

#include "sched/process.h"

void limits_init(struct process *process);
