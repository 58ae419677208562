/* poll.c - waiting for many: poll, ppoll, select and pselect are faces of one loop.
 *
 * Shape: every object's poll operation says which events are true and names the queues
 * that would change that; the caller gets a waiter on each, on memory of its own, and
 * sleeps on all of them. A wake-up only means "look again".
 * Sleeps: until an event, a signal, or the deadline. Condition shape.
 * Tests: user/tests/poll.c, select.c.
 * See: poll(2), select(2).
 */
#include "base/string.h"
#include "core/panic.h"
#include "fs/file.h"
#include "ipc/signal_frame.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "syscall.h"

struct waiter_table {
    struct poll_table table;    /* what the objects see of it */
    struct waiter *waiters;
    unsigned count, size;       /* used, allocated */
};

struct user_pollfd {
    int32_t fd;
    int16_t wanted, events;
};

#define SMALL 8                 /* descriptors handled without allocating */

static void add(struct poll_table *poll_table, struct wait_queue *queue) {
    struct waiter_table *table = container_of(poll_table, struct waiter_table, table);

    assert(table->count < table->size);     // an object has at most two queues
    struct waiter *w = &table->waiters[table->count++];
    waiter_init(w, queue);
    w->shared = true;
    waiter_add(w);
}

static void forget(struct waiter_table *table) {
    while (table->count > 0)
        waiter_remove(&table->waiters[--table->count]);
}

/* The events of one entry; registers its queues while table is not NULL. */
static int16_t look(struct user_pollfd *p, struct poll_table *table) {
    if (p->fd < 0) return 0;
    struct file *file = fd_peek(p->fd);
    if (!file || file->flags & O_PATH) return POLLNVAL;
    unsigned events = file_poll(file, table);
    return (int16_t)(events & ((uint16_t)p->wanted | POLLERR | POLLHUP));
}

static unsigned look_at_all(struct user_pollfd *fds, unsigned count,
                            struct poll_table *table) {
    unsigned ready = 0;

    for (unsigned i = 0; i < count; i++) {
        // once something is ready nobody will sleep: no more queues are needed
        fds[i].events = look(&fds[i], ready ? NULL : table);
        if (fds[i].events) ready++;
    }
    return ready;
}

/* SLEEPS. The number of ready entries, 0 at the deadline, -EINTR or -ENOMEM. */
static long wait_for_events(struct user_pollfd *fds, unsigned count,
                            nanoseconds_t deadline) {
    struct waiter few[2 * SMALL];
    struct waiter_table table = { .table = { add },
                                  .waiters = few,
                                  .size = ARRAY_SIZE(few) };
    long result;

    if (count > SMALL) {
        table.size = 2 * count;
        table.waiters = heap_alloc(HEAP_POLL, table.size * sizeof(struct waiter));
        if (!table.waiters) return -ENOMEM;
    }
    for (;;) {
        result = look_at_all(fds, count, deadline ? &table.table : NULL);
        if (result || deadline == 0) break;
        result = wait_sleep_any(table.waiters, table.count, deadline);
        forget(&table);
        if (result == -ETIMEDOUT) {
            result = look_at_all(fds, count, NULL);
            break;
        }
        if (result) break;
    }
    forget(&table);
    if (table.waiters != few) heap_free(table.waiters);
    return result;
}

static long interrupted(long result, nanoseconds_t deadline) {
    if (result != -EINTR) return result;
    if (deadline != DEADLINE_NEVER) time_keep_deadline(deadline);
    return -ERESTART_NO_HANDLER;
}

/* -- poll -------------------------------------------------------------------------- */

static long do_poll(uptr_t user_fds, uint32_t count, nanoseconds_t deadline) {
    struct user_pollfd few[SMALL], *fds = few;
    size_t size = count * sizeof(struct user_pollfd);
    long result = -EFAULT;

    if (count > limit_soft(current_process(), LIMIT_NOFILE)) return -EINVAL;
    if (count > SMALL && !(fds = heap_alloc(HEAP_POLL, size))) return -ENOMEM;
    if (copy_from_user(fds, user_fds, size) == 0) {
        result = wait_for_events(fds, count, deadline);
        if (result >= 0 && copy_to_user(user_fds, fds, size)) result = -EFAULT;
    }
    if (fds != few) heap_free(fds);
    return interrupted(result, deadline);
}

/* 0: do not wait; DEADLINE_NEVER: for ever. */
static nanoseconds_t deadline_in(nanoseconds_t span) {
    return span ? time_restart_deadline(span) : 0;
}

long sys_poll(uptr_t fds, uint32_t count, int timeout_ms) {
    return do_poll(fds, count,
                   timeout_ms < 0 ? DEADLINE_NEVER
                                  : deadline_in((unsigned)timeout_ms * MILLISECOND));
}

static int take_timeout(uptr_t timeout, nanoseconds_t *deadline) {
    nanoseconds_t span;

    *deadline = DEADLINE_NEVER;
    if (uptr_is_null(timeout)) return 0;
    int error = time_from_user(timeout, &span);
    if (!error) *deadline = deadline_in(span);
    return error;
}

/* Sets the mask for the time of the wait. It comes back on the way to user mode; when
 * the call simply succeeds, at once. */
static int take_mask(uptr_t mask, size_t size) {
    sigset_t set;

    if (uptr_is_null(mask)) return 0;
    if (size != sizeof(set)) return -EINVAL;
    if (copy_from_user(&set, mask, sizeof(set))) return -EFAULT;
    signal_mask_for_now(set);
    return 0;
}

long sys_ppoll(uptr_t fds, uint32_t count, uptr_t timeout, uptr_t mask,
               size_t mask_size) {
    nanoseconds_t deadline;
    int error = take_timeout(timeout, &deadline);

    if (!error) error = take_mask(mask, mask_size);
    return error ? error : do_poll(fds, count, deadline);
}

/* -- select ------------------------------------------------------------------------ */

#define SET_BITS 1024
#define WORDS (SET_BITS / 32)

enum {
    SELECT_READ = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    SELECT_WRITE = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    SELECT_EXCEPT = POLLPRI,
};

struct select_sets {
    uint32_t words[3][WORDS];   /* in: asked for; out: ready */
};

static bool has(const uint32_t *words, int fd) { return words[fd / 32] >> fd % 32 & 1; }

static int sets_from_user(struct select_sets *sets, const uptr_t user[3],
                          size_t bytes) {
    for (int i = 0; i < 3; i++)
        if (!uptr_is_null(user[i]) && copy_from_user(sets->words[i], user[i], bytes))
            return -EFAULT;
    return 0;
}

static int sets_to_user(const struct select_sets *sets, const uptr_t user[3],
                        size_t bytes) {
    for (int i = 0; i < 3; i++)
        if (!uptr_is_null(user[i]) && copy_to_user(user[i], sets->words[i], bytes))
            return -EFAULT;
    return 0;
}

/* The descriptors asked for, as poll entries. -EBADF when one is not open. */
static int entries_from_sets(const struct select_sets *sets, int count,
                             struct user_pollfd *fds) {
    int n = 0;

    for (int fd = 0; fd < count; fd++) {
        int16_t wanted = (int16_t)((has(sets->words[0], fd) ? SELECT_READ : 0)
                                   | (has(sets->words[1], fd) ? SELECT_WRITE : 0)
                                   | (has(sets->words[2], fd) ? SELECT_EXCEPT : 0));
        if (!wanted) continue;
        if (!fd_peek(fd)) return -EBADF;
        fds[n++] = (struct user_pollfd){ fd, wanted, 0 };
    }
    return n;
}

static long sets_from_entries(struct select_sets *sets, const struct user_pollfd *fds,
                              int count) {
    struct select_sets asked = *sets;
    static const int16_t meaning[3] = { SELECT_READ, SELECT_WRITE, SELECT_EXCEPT };
    long bits = 0;

    memset(sets, 0, sizeof(*sets));
    for (int n = 0; n < count; n++) {
        int fd = fds[n].fd;
        for (int i = 0; i < 3; i++) {
            if (!has(asked.words[i], fd) || !(fds[n].events & meaning[i])) continue;
            sets->words[i][fd / 32] |= 1u << fd % 32;
            bits++;
        }
    }
    return bits;
}

static long do_select(int count, const uptr_t user[3], nanoseconds_t deadline) {
    struct select_sets sets = { 0 };
    int open_max = (int)limit_soft(current_process(), LIMIT_NOFILE);

    if (count < 0) return -EINVAL;
    count = min(min(count, SET_BITS), open_max);
    size_t bytes = ((size_t)count + 31) / 32 * 4;
    if (sets_from_user(&sets, user, bytes)) return -EFAULT;
    struct user_pollfd *fds =
        heap_alloc(HEAP_POLL, ((size_t)count + 1) * sizeof(struct user_pollfd));
    if (!fds) return -ENOMEM;
    int n = entries_from_sets(&sets, count, fds);
    long result = n < 0 ? n : wait_for_events(fds, (unsigned)n, deadline);
    if (result >= 0) {
        result = sets_from_entries(&sets, fds, n);
        if (sets_to_user(&sets, user, bytes)) result = -EFAULT;
    }
    heap_free(fds);
    return interrupted(result, deadline);
}

/* Linux writes the time left back; programs that loop rely on it. */
static void write_time_left(uptr_t timeout, nanoseconds_t deadline) {
    nanoseconds_t now = time_now();
    struct timeval32 left = { 0, 0 };

    if (deadline > now) left = nanoseconds_to_timeval32(deadline - now);
    (void)!copy_to_user(timeout, &left, sizeof(left));
}

long sys__newselect(int count, uptr_t read, uptr_t write, uptr_t except,
                    uptr_t timeout) {
    const uptr_t user[3] = { read, write, except };
    nanoseconds_t deadline = DEADLINE_NEVER;
    struct timeval32 tv;

    if (!uptr_is_null(timeout)) {
        if (copy_from_user(&tv, timeout, sizeof(tv))) return -EFAULT;
        if (tv.seconds < 0 || tv.microseconds < 0) return -EINVAL;
        deadline = deadline_in((nanoseconds_t)tv.seconds * SECOND
                               + (nanoseconds_t)tv.microseconds * MICROSECOND);
    }
    long result = do_select(count, user, deadline);
    if (!uptr_is_null(timeout)) write_time_left(timeout, deadline);
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
    int error = take_timeout(timeout, &deadline);
    if (!error) error = take_mask(uptr(mask_and_size[0]), mask_and_size[1]);
    return error ? error : do_select(count, user, deadline);
}
