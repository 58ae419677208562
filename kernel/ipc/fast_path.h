/* fast_path.h - the short way of messages between processes that wait for each
 * other. */
#pragma once

#include "arch/x86/frame.h"
#include "sched/thread.h"

enum { FAST_CALLS = 1025, MSG_RECEIVE = 1025, MSG_CALL = 1026, MSG_REPLY_RECEIVE = 1028,
       MSG_NOTIFY = 1032 };     /* as in syscall.def */

bool fast_call(struct thread *t) SLEEPS;
bool fast_reply_receive(struct thread *t) SLEEPS;

/* SLEEPS. The running thread's system call, which came by sysenter: true when it is
 * done, with its result in the frame; false: nothing was done, it is not as usual, and
 * *cpu is the CPU it runs on. */
static inline bool fast_path(struct thread *t, struct cpu **cpu) {
    uint32_t number = thread_frame(t)->eax;

    if (number == MSG_CALL) {
        if (fast_call(t)) return true;
    } else if (number == MSG_REPLY_RECEIVE) {
        if (fast_reply_receive(t)) return true;
    } else {
        return false;           // another call: *cpu needs no second look
    }
    *cpu = t->cpu;
    return false;
}

/* A receiver for the running thread's wait for ever in the system call it is in, with
 * the buffers that this has: one that a fast call can find. NULL: they are unusual. */
struct native_receiver *exchange_receiver(uptr_t sent, uptr_t received);

void exchange_end(struct thread *thread);   /* it ends, or leaves its address space */
