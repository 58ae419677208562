/* return.c - the way back to user mode: what a thread must do before it may go there.
 *
 * thread->attention is a word of reasons; trap.c looks at it once on the way out and
 * comes here only when it is not zero.
 * Sleeps: while the process is stopped, and when another thread is to run.
 */
#include "proc/life.h"

#include "arch.h"
#include "core/panic.h"
#include "ipc/signal_frame.h"
#include "sched/scheduler.h"

static void deliver_signals(struct trap_frame *frame) {
    int signal = signal_deliver(frame);

    if (signal && SIGSET_STOPS & sigset_of(signal)) process_stop(signal);
    else if (signal) process_exit_group(current_process(), signal);
}

/* No handler ran. */
static void restore_mask(struct thread *t) {
    t->attention &= ~(uint32_t)ATTENTION_RESTORE_MASK;
    signal_set_mask(t, t->saved_mask);
}

void attend(struct trap_frame *frame) {
    struct thread *t = current();

    t->attention &= ~(uint32_t)ATTENTION_INTERRUPTED;   // the call is judged below
    while (t->attention & ATTENTION_ANY) {
        if (t->attention & ATTENTION_EXIT) {
            thread_exit();
        } else if (t->attention & ATTENTION_STOP) {
            wait_sleep_killable(&t->process->stop_wait);
        } else if (t->attention & ATTENTION_SIGNAL) {
            deliver_signals(frame);
        } else if (t->attention & ATTENTION_RESTORE_MASK) {
            signal_restart_call(frame);
            restore_mask(t);
        } else if (t->attention & ATTENTION_RESCHEDULE) {
            thread_yield();
        } else {
            t->attention &= ~(uint32_t)ATTENTION_INTERRUPTED;
        }
    }
    signal_restart_call(frame);
    if (frame->vector == VECTOR_SYSTEM_CALL)
        frame->vector = VECTOR_CHANGED; // perhaps: sysexit could not restore everything
}

void user_thread_start(void) {
    struct thread *t = current();

    attend(thread_frame(t));
    t->system_ticks += timestamp_counter();
    bkl_release();
    user_enter(thread_frame(t));
}
