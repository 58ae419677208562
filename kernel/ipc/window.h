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

#include "fs/file.h"
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

/* -- Readers: who sleeps until there are bytes, of a pipe or a socket ----------------
 *
 * Who writes no more than the reader has room for in one page puts it right there,
 * through the reader's window, and the number of bytes is the result of its wait; 0 is:
 * look again. */

struct reader {
    struct waiter waiter;
    const struct io *io;
};

/* SLEEPS. How many bytes are in the first buffer of io now; or what wait_sleep says. */
must_check static inline long reader_sleep(struct wait_queue *queue,
                                           const struct io *io,
                                           nanoseconds_t deadline) {
    struct thread *t = current();
    struct reader r;

    window(t, WINDOW_BODY_IN, io->base, 1);     // opened for who writes; or not
    r.io = io;
    waiter_init_for(&r.waiter, queue, t);
    return wait_sleep_waiter(&r.waiter, deadline);
}

/* Gives all of `from` to who has waited longest, if his window shows where it goes: he
 * need not look again. False: nothing was given. Whoever waits in the queue is a reader
 * or shared, and nothing else is there to be read before. */
static inline bool reader_give(struct wait_queue *queue, struct io *from) {
    struct reader *r = list_entry(queue->waiters.head.next, struct reader, waiter.node);
    size_t size = from->left;

    if (wait_queue_is_empty(queue) || r->waiter.shared) return false;
    const struct window *w = &r->waiter.thread->windows[WINDOW_BODY_IN];
    const struct io *io = r->io;
    if (w->user != io->base || w->version != r->waiter.thread->space->version
        || size > io->piece || size > PAGE_SIZE - (io->base & PAGE_MASK)
        || io_take(from, w->kernel, size))
        return false;
    waiter_wake(&r->waiter, (long)size);
    return true;
}
