/* system_call.h - from a trap to the function that does the call. */
#pragma once

#include "arch/x86/frame.h"

/* Makes the call that frame->eax names; the result goes there. */
void system_call(struct trap_frame *frame);

void system_calls_init(void);
