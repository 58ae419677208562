/* poll.c - waiting for many: poll, ppoll, select and pselect are faces of one loop.
 *
 * Shape: every object's poll operation says which events are true and names the queues
 * that would change that; the caller gets a waiter on each, on memory of its own, and
 * sleeps on all of them. A wake-up only means "look again".
 * Sleeps: until an event, a signal, or the deadline. Condition shape.
 * Tests: user/tests/poll.c, select.c.
 * See: poll(2), select(2).
 */
#include "fs/file.h"
#include "ipc/signal_frame.h"
#include "mm/heap.h"
#include "syscall.h"

struct user_pollfd {
    int32_t fd;
    int16_t wanted, events;
};

/* What is allocated for each descriptor: its entry and, behind the last entry, two
 * waiters. No object has more queues. */
#define ENTRY (sizeof(struct user_pollfd) + 2 * sizeof(struct waiter))
#define SMALL 8                 /* descriptors handled without allocating */

struct waiter_table {
    struct poll_table table;    /* what the objects see of it */
    struct waiter *waiters;
    unsigned count, size;       /* used, allocated */
};

static void add(struct poll_table *poll_table, struct wait_queue *queue) {
    struct waiter_table *table = container_of(poll_table, struct waiter_table, table);

    assert(table->count < table->size);
    struct waiter *w = &table->waiters[table->count++];
    waiter_init(w, queue);
    w->shared = true;
    waiter_add(w);
}

/* The events of each entry; registers the queues while table is not NULL. How many have
 * some. */
static unsigned look(struct user_pollfd *p, unsigned count, struct poll_table *table) {
    unsigned ready = 0;

    for (; count > 0; count--, p++) {
        struct file *file = p->fd < 0 ? NULL : fd_peek(p->fd);
        unsigned events = p->fd < 0 ? 0 : POLLNVAL;
        // once something is ready nobody will sleep: no more queues are needed
        if (file)
            events = file_poll(file, ready ? NULL : table)
                     & ((uint16_t)p->wanted | POLLERR | POLLHUP);
        p->events = (int16_t)events;
        ready += events != 0;
    }
    return ready;
}

/* SLEEPS, until the deadline (0: not at all). The number of ready entries, or
 * -ERESTART_NO_HANDLER. fds has room for `count` times ENTRY. */
static long wait_for_events(struct user_pollfd *fds, unsigned count,
                            nanoseconds_t deadline) {
    struct waiter_table table = { .table = { add },
                                  .waiters = (struct waiter *)(fds + count),
                                  .size = 2 * count };
    long ready, error;

    while (!(ready = look(fds, count, deadline ? &table.table : NULL)) && deadline) {
        error = wait_sleep_any(table.waiters, table.count, deadline);
        table.count = 0;        // all are off their queues
        if (error == -ETIMEDOUT) deadline = 0;
        else if (error) return time_restart(deadline);
    }
    while (table.count > 0) waiter_remove(&table.waiters[--table.count]);
    return ready;
}

/* 0: do not wait; DEADLINE_NEVER: for ever. */
static nanoseconds_t deadline_in(nanoseconds_t span) {
    return span ? time_restart_deadline(span) : 0;
}

/* What ppoll and pselect have more. The mask holds for the time of the wait; it comes
 * back on the way to user mode. */
static int take_timeout_and_mask(uptr_t timeout, uptr_t mask, size_t size,
                                 nanoseconds_t *deadline) {
    int error = deadline_from_user(timeout, TIMEOUT_SPAN, deadline);

    return error || uptr_is_null(mask) ? error : signal_mask_for_now(mask, size);
}

/* -- poll -------------------------------------------------------------------------- */

static long do_poll(uptr_t user_fds, uint32_t count, nanoseconds_t deadline) {
    uint64_t few[SMALL * ENTRY / sizeof(uint64_t)];
    struct user_pollfd *fds = (struct user_pollfd *)few;
    size_t size = count * sizeof(*fds);
    long result = -EFAULT;

    if (count > limit_soft(current_process(), LIMIT_NOFILE)) return -EINVAL;
    if (count > SMALL && !(fds = heap_alloc_raw(HEAP_POLL, count * ENTRY)))
        return -ENOMEM;
    if (copy_from_user(fds, user_fds, size) == 0) {
        result = wait_for_events(fds, count, deadline);
        if (result >= 0 && copy_to_user(user_fds, fds, size)) result = -EFAULT;
    }
    if (count > SMALL) heap_free(fds);
    return result;
}

long sys_poll(uptr_t fds, uint32_t count, int timeout_ms) {
    return do_poll(fds, count,
                   timeout_ms < 0 ? DEADLINE_NEVER
                                  : deadline_in((unsigned)timeout_ms * MILLISECOND));
}

long sys_ppoll(uptr_t fds, uint32_t count, uptr_t timeout, uptr_t mask,
               size_t mask_size) {
    nanoseconds_t deadline;
    int error = take_timeout_and_mask(timeout, mask, mask_size, &deadline);

    return error ? error : do_poll(fds, count, deadline);
}

/* -- select ------------------------------------------------------------------------ */

#define SET_BITS 1024

/* What readable, writable and exceptional mean to poll. */
static const int16_t meaning[3] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

typedef uint32_t select_sets[3][SET_BITS / 32]; /* in: asked for; out: ready */

/* The descriptors asked for, as poll entries. -EBADF when one is not open. */
static int entries_from_sets(select_sets sets, int count, struct user_pollfd *fds) {
    int n = 0;

    for (int fd = 0; fd < count; fd++) {
        int16_t wanted = 0;
        for (int i = 0; i < 3; i++)
            if (sets[i][fd / 32] >> fd % 32 & 1) wanted |= meaning[i];
        if (!wanted) continue;
        if (!fd_peek(fd)) return -EBADF;
        fds[n++] = (struct user_pollfd){ fd, wanted, 0 };
    }
    return n;
}

/* Takes out what is not ready. How many bits are left. */
static long keep_ready(select_sets sets, const struct user_pollfd *fds, int count) {
    long bits = 0;

    for (; count > 0; count--, fds++) {
        for (int i = 0; i < 3; i++) {
            uint32_t *word = &sets[i][fds->fd / 32], bit = 1u << fds->fd % 32;
            if (!(fds->events & meaning[i])) *word &= ~bit;
            bits += (*word & bit) != 0;
        }
    }
    return bits;
}

static long do_select(int count, const uptr_t user[3], nanoseconds_t deadline) {
    select_sets sets = { 0 };

    if (count < 0) return -EINVAL;
    count = min(count, (int)min(limit_soft(current_process(), LIMIT_NOFILE),
                                (uint64_t)SET_BITS));
    size_t bytes = ((size_t)count + 31) / 32 * 4;
    for (int i = 0; i < 3; i++)
        if (!uptr_is_null(user[i]) && copy_from_user(sets[i], user[i], bytes))
            return -EFAULT;
    struct user_pollfd *fds = heap_alloc_raw(HEAP_POLL, ((size_t)count + 1) * ENTRY);
    if (!fds) return -ENOMEM;
    int n = entries_from_sets(sets, count, fds);
    long result = n < 0 ? n : wait_for_events(fds, (unsigned)n, deadline);
    if (result >= 0) result = keep_ready(sets, fds, n);
    heap_free(fds);
    for (int i = 0; i < 3 && result >= 0; i++)
        if (!uptr_is_null(user[i]) && copy_to_user(user[i], sets[i], bytes))
            result = -EFAULT;
    return result;
}

long sys__newselect(int count, uptr_t read, uptr_t write, uptr_t except,
                    uptr_t timeout) {
    const uptr_t user[3] = { read, write, except };
    nanoseconds_t deadline = DEADLINE_NEVER;
    struct timeval32 tv;

    if (!uptr_is_null(timeout)) {
        if (copy_from_user(&tv, timeout, sizeof(tv))) return -EFAULT;
        if (tv.seconds < 0 || tv.microseconds < 0) return -EINVAL;
        deadline = deadline_in(timeval32_to_nanoseconds(tv));
    }
    long result = do_select(count, user, deadline);
    nanoseconds_t now = time_now();     // programs that loop rely on the time left
    tv = nanoseconds_to_timeval32(deadline > now ? deadline - now : 0);
    if (!uptr_is_null(timeout)) (void)!copy_to_user(timeout, &tv, sizeof(tv));
    return result;
}

long sys_pselect6(int count, uptr_t read, uptr_t write, uptr_t except, uptr_t timeout,
                  uptr_t mask) {
    const uptr_t user[3] = { read, write, except };
    uint32_t mask_and_size[2] = { 0, 0 };
    nanoseconds_t deadline;

    if (!uptr_is_null(mask)
        && copy_from_user(mask_and_size, mask, sizeof(mask_and_size)))
        return -EFAULT;
    int error = take_timeout_and_mask(timeout, uptr(mask_and_size[0]), mask_and_size[1],
                                      &deadline);
    return error ? error : do_select(count, user, deadline);
}
