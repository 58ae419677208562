/* reader.h - one who sleeps until there are bytes to read, of a pipe or a socket.
 *
 * Who writes no more than the reader has room for in one page puts it right there,
 * through the reader's window, and the number of bytes is the result of its wait; 0 is:
 * look again.
 */
#pragma once

#include "fs/file.h"
#include "ipc/window.h"

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

/* Does the window show where the reader's next bytes go, and `size` of them? */
static inline bool reader_is_seen(const struct reader *r, const struct window *w,
                                  size_t size) {
    const struct io *io = r->io;

    return w->user == io->base && w->version == r->waiter.thread->space->version
           && size <= io->piece && size <= PAGE_SIZE - (io->base & PAGE_MASK);
}

/* Gives all of `from` to the one who has waited longest, if he can take it: one copy,
 * and he need not look again. False: nothing was given. Whoever waits in the queue is a
 * reader or shared, and nothing else is there to be read before. */
static inline bool reader_give(struct wait_queue *queue, struct io *from) {
    struct reader *r = list_entry(queue->waiters.head.next, struct reader, waiter.node);
    size_t size = from->left;

    if (wait_queue_is_empty(queue) || r->waiter.shared) return false;
    const struct window *w = &r->waiter.thread->windows[WINDOW_BODY_IN];
    if (!reader_is_seen(r, w, size) || io_take(from, w->kernel, size)) return false;
    waiter_wake(&r->waiter, (long)size);
    return true;
}
