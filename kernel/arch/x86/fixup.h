/* fixup.h - kernel instructions that are allowed to fault, and where to go on. */
#pragma once

#include "arch/x86/frame.h"

void smap_patch(void);

bool fixup_is_listed(uint32_t eip);

/* The kernel faulted at frame->eip, which is listed: mends the frame so that returning
 * goes on at its fix-up. */
void fixup_apply(struct trap_frame *frame);
