/* signal_frame.h - delivering signals to user mode. */
#pragma once

#include "sched/process.h"

/* Delivers the next pending signal of the running thread: at most one handler's frame a
 * call. Settles first whether an interrupted call is restarted. Result: a signal whose
 * default action, to stop or to end the process, is the caller's to take; else 0. */
int signal_deliver(struct trap_frame *frame);

/* Did the call end in -ERESTART or -ERESTART_NO_HANDLER? They never reach user mode. */
static inline bool signal_call_is_interrupted(const struct trap_frame *frame) {
    return frame->vector == VECTOR_SYSTEM_CALL
           && ((int32_t)frame->eax == -ERESTART
               || (int32_t)frame->eax == -ERESTART_NO_HANDLER);
}

/* Rewinds the frame so that an interrupted system call is made again. */
static inline void signal_restart_call(struct trap_frame *frame) {
    if (likely(!signal_call_is_interrupted(frame))) return;
    frame->eax = frame->error;  // where the entry left the call's number
    frame->eip -= 2;            // both int 0x80 and the system page have it there
}

/* Sets the mask until the next return to user mode, or into the next handler's frame:
 * sigsuspend, ppoll, pselect. 0, -EINVAL, -EFAULT. */
must_check int signal_mask_for_now(uptr_t set, size_t size);
