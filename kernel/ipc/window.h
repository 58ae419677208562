/* window.h - a thread's message buffers, where the kernel can reach them whichever
 * address space is loaded.
 *
 * All memory is mapped in the kernel, so a page of a process has a second address
 * there. Finding it means walking page tables; programs use the same buffers again and
 * again, so a thread keeps what it found. A window is good as long as its space has the
 * version it had then: every change that takes something away gives the space a new
 * one.
 */
#pragma once

#include "sched/process.h"

enum window_use {
    WINDOW_RECEIVED, WINDOW_SENT, WINDOW_BODY_IN, WINDOW_BODY_OUT,
    WINDOW_SIGNAL,              /* a handler's frame on the user stack */
};

/* Looks it up. NULL when [user, user + size) is not in one page that may be accessed
 * so. */
char *window_open(struct thread *thread, enum window_use use, vaddr_t user,
                  size_t size);

/* The kernel's address of user memory of the running thread, or NULL. `size` must be
 * the same at every call with this use. Good until something sleeps or the space
 * changes. */
static inline char *window(struct thread *thread, enum window_use use, vaddr_t user,
                           size_t size) {
    const struct window *w = &thread->windows[use];

    if (likely(w->user == user && w->version == thread->space->version))
        return w->kernel;
    return window_open(thread, use, user, size);
}
