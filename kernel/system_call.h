/* system_call.h - the table of system calls, by number. */
#pragma once

#include "arch/x86/frame.h"

#define SYSTEM_CALLS 1056       /* above every number */

struct system_call {
    long (*call)(const struct trap_frame *frame);   /* [const] always a function */
    const char *name;           /* NULL: no such call */
};

extern struct system_call system_calls[SYSTEM_CALLS];   /* filled once at boot */

/* Fills the gaps in the table, and tells the trace what the calls are named. */
void system_calls_init(void);

void traps_init(void);          /* trap.c: system calls that come by sysenter */
