/* signal_frame.h - delivering signals to user mode. */
#pragma once

#include "sched/process.h"

enum signal_verdict {
    SIGNAL_NONE,                /* nothing left to deliver */
    SIGNAL_HANDLED,             /* ignored, or a handler's frame is on the user stack */
    SIGNAL_STOPS,               /* default action: stop the process */
    SIGNAL_ENDS,                /* default action: end it */
};

/* Delivers the next pending signal of the running thread: at most one handler's frame a
 * call. *signal says which. Settles first whether an interrupted call is restarted. */
enum signal_verdict signal_deliver(struct trap_frame *frame, int *signal);

/* Rewinds the frame so that the interrupted system call is made again. */
void signal_restart_call(struct trap_frame *frame);

void signal_set_mask(struct thread *thread, sigset_t mask);

/* Sets the mask until the next return to user mode, or into the next handler's frame:
 * sigsuspend, ppoll, pselect. */
void signal_mask_for_now(sigset_t mask);

bool signal_on_alternate_stack(const struct thread *thread, uint32_t esp);
