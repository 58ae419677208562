/* signal_frame.h - delivering signals to user mode. */
#pragma once

#include "sched/process.h"

/* Delivers the next pending signal of the running thread: at most one handler's frame a
 * call. Settles first whether an interrupted call is restarted. Result: a signal whose
 * default action, to stop or to end the process, is the caller's to take; else 0. */
int signal_deliver(struct trap_frame *frame);

/* Rewinds the frame so that the interrupted system call is made again. */
void signal_restart_call(struct trap_frame *frame);

/* Sets the mask until the next return to user mode, or into the next handler's frame:
 * sigsuspend, ppoll, pselect. */
void signal_mask_for_now(sigset_t mask);

static inline bool signal_on_alternate_stack(const struct thread *t, uint32_t esp) {
    return esp - t->alternate_stack < t->alternate_stack_size;
}
