/* poll.c - waiting for many: poll, ppoll, select and pselect are faces of one loop. And
 * the least that can be waited for: an eventfd.
 *
 * Shape: every object's poll operation says which events are true and names the queues
 * that would change that; the caller gets a waiter on each, on memory of its own, and
 * sleeps on all of them. A wake-up only means "look again".
 * Sleeps: until an event, a signal, or the deadline; who reads an eventfd that is 0, or
 *   writes what would pass COUNT_MAX. Condition shape.
 * Wakes: all, at every change of an eventfd, for writers wait for different amounts.
 * Tests: user/tests/poll.c, select.c, eventfd.c.
 * See: poll(2), select(2), eventfd(2).
 */
#include "fs/inode.h"
#include "ipc/signal_frame.h"
#include "mm/heap.h"
#include "posix/faces.h"
#include "syscall.h"

struct user_pollfd {
    int32_t fd;
    int16_t wanted, events;
};

/* What is allocated for each descriptor: its entry and, behind the last entry, two
 * waiters. No object has more queues. */
#define ENTRY (sizeof(struct user_pollfd) + 2 * sizeof(struct waiter))
#define SMALL 8                 /* descriptors handled without allocating */
#define ALWAYS_READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

/* SLEEPS, until the deadline (0: not at all). The number of entries with events, or
 * -ERESTART_NO_HANDLER. fds has room for `count` times ENTRY. */
static long wait_for_events(struct user_pollfd *fds, unsigned count,
                            nanoseconds_t deadline) {
    struct poll_table table = { (struct waiter *)(fds + count), 0, 2 * count };
    long ready = 0, error;

    for (;;) {
        for (struct user_pollfd *p = fds; p < fds + count; p++) {
            struct file *file = p->fd < 0 ? NULL : fd_peek(p->fd);
            unsigned events = p->fd < 0 ? 0 : POLLNVAL;
            // once something is ready nobody will sleep: no more queues are needed
            struct poll_table *queues = ready || !deadline ? NULL : &table;
            if (file)
                events = (file->operations->poll ? file->operations->poll(file, queues)
                                                 : ALWAYS_READY)
                         & ((uint16_t)p->wanted | POLLERR | POLLHUP);
            p->events = (int16_t)events;
            ready += events != 0;
        }
        if (ready || !deadline) break;
        error = wait_sleep_any(table.waiters, table.count, deadline, false);
        table.count = 0;        // all are off their queues
        if (error == -ETIMEDOUT) deadline = 0;
        else if (error) return time_restart(deadline);
    }
    while (table.count > 0) list_remove(&table.waiters[--table.count].node);
    return ready;
}

/* -- poll -------------------------------------------------------------------------- */

long poll_until(uptr_t user_fds, uint32_t count, nanoseconds_t deadline) {
    uint64_t few[SMALL * ENTRY / sizeof(uint64_t)];
    struct user_pollfd *fds = (struct user_pollfd *)few;
    long result = -EFAULT;

    if (count > current_process()->limits[LIMIT_NOFILE].soft) return -EINVAL;
    if (count > SMALL && !(fds = heap_alloc_raw(HEAP_BUFFER, count * ENTRY)))
        return -ENOMEM;
    if (copy_from_user(fds, user_fds, count * sizeof(*fds)) == 0)
        result = wait_for_events(fds, count, deadline);
    // only the events: another thread may have changed the rest
    for (uint32_t i = 0; i < count && result >= 0; i++)
        if (copy_to_user(uptr_add(user_fds, i * 8 + 6), &fds[i].events, 2))
            result = -EFAULT;
    if (count > SMALL) heap_free(fds);
    return result;
}

/* The mask holds for the time of the wait; it comes back on the way to user mode. */
long sys_ppoll(uptr_t fds, uint32_t count, uptr_t timeout, uptr_t mask,
               size_t mask_size) {
    nanoseconds_t deadline;
    int error = deadline_from_user(timeout, TIMEOUT_SPAN, &deadline);

    if (!error && !uptr_is_null(mask)) error = signal_mask_for_now(mask, mask_size);
    return error ? error : poll_until(fds, count, deadline);
}

/* -- select ------------------------------------------------------------------------ */

#define SET_BITS 1024

/* What readable, writable and exceptional mean to poll. */
static const int16_t meaning[3] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

static long do_select(int count, const uptr_t user[3], nanoseconds_t deadline) {
    uint32_t sets[3][SET_BITS / 32] = { 0 }, ready[3][SET_BITS / 32] = { 0 };
    long bits = 0;

    if (count < 0) return -EINVAL;
    count = min(count, (int)min(current_process()->limits[LIMIT_NOFILE].soft,
                                (uint64_t)SET_BITS));
    size_t bytes = ((size_t)count + 31) / 32 * 4;
    for (int i = 0; i < 3; i++)
        if (!uptr_is_null(user[i]) && copy_from_user(sets[i], user[i], bytes))
            return -EFAULT;
    struct user_pollfd *fds = heap_alloc_raw(HEAP_BUFFER, ((size_t)count + 1) * ENTRY);
    if (!fds) return -ENOMEM;
    for (int fd = 0; fd < count; fd++) {
        fds[fd] = (struct user_pollfd){ .fd = fd };
        for (int i = 0; i < 3; i++)
            if (sets[i][fd / 32] >> fd % 32 & 1) fds[fd].wanted |= meaning[i];
        if (!fds[fd].wanted) fds[fd].fd = -1;
    }
    long result = wait_for_events(fds, (unsigned)count, deadline);
    for (int fd = 0; fd < count && result >= 0; fd++) {
        if (fds[fd].events & POLLNVAL) result = -EBADF;
        for (int i = 0; i < 3; i++) {
            if (!(sets[i][fd / 32] >> fd % 32 & 1) || !(fds[fd].events & meaning[i]))
                continue;
            ready[i][fd / 32] |= 1u << fd % 32;
            bits++;
        }
    }
    heap_free(fds);
    for (int i = 0; i < 3 && result >= 0; i++)
        if (!uptr_is_null(user[i]) && copy_to_user(user[i], ready[i], bytes))
            result = -EFAULT;
    return result < 0 ? result : bits;
}

long sys__newselect(int count, uptr_t read, uptr_t write, uptr_t except,
                    uptr_t timeout) {
    const uptr_t user[3] = { read, write, except };
    nanoseconds_t deadline = DEADLINE_NEVER;
    struct time32 tv;

    if (!uptr_is_null(timeout)) {
        if (copy_from_user(&tv, timeout, sizeof(tv))) return -EFAULT;
        if (tv.seconds < 0 || tv.parts < 0) return -EINVAL;
        deadline = time_restart_deadline(time32_to_nanoseconds(tv, MICROSECOND));
    }
    long result = do_select(count, user, deadline);
    nanoseconds_t now = time_now();     // programs that loop rely on the time left
    tv = nanoseconds_to_time32(deadline > now ? deadline - now : 0, MICROSECOND);
    if (!uptr_is_null(timeout)) (void)!copy_to_user(timeout, &tv, sizeof(tv));
    return result;
}

long sys_pselect6(int count, uptr_t read, uptr_t write, uptr_t except, uptr_t timeout,
                  uptr_t mask) {
    const uptr_t user[3] = { read, write, except };
    uint32_t both[2] = { 0, 0 };    // the mask and its size
    nanoseconds_t deadline;

    if (!uptr_is_null(mask) && copy_from_user(both, mask, sizeof(both))) return -EFAULT;
    int error = deadline_from_user(timeout, TIMEOUT_SPAN, &deadline);
    if (!error && both[0]) error = signal_mask_for_now(uptr(both[0]), both[1]);
    return error ? error : do_select(count, user, deadline);
}

/* -- eventfd: writes add to a counter, a read takes it ----------------------------- */

#define COUNT_MAX (UINT64_MAX - 1)

enum { EFD_SEMAPHORE = 1 };

struct event_counter {
    uint64_t count;             /* at most COUNT_MAX */
    bool is_semaphore;          /* [const] a read takes 1 */
    struct wait_queue changed;
};

/* SLEEPS. A write adds to the count, a read takes it from there. */
static ssize_t eventfd_move(struct file *file, struct io *io, bool is_write) {
    struct event_counter *e = file->object;
    uint64_t n = 0;

    if (io->left < sizeof(n)) return -EINVAL;
    if (is_write && io_take(io, &n, sizeof(n))) return -EFAULT;
    if (n > COUNT_MAX) return -EINVAL;
    while (is_write ? n > COUNT_MAX - e->count : e->count == 0) {
        if (file->flags & O_NONBLOCK) return -EAGAIN;
        if (wait_sleep(&e->changed, DEADLINE_NEVER)) return -ERESTART;
    }
    if (!is_write) {
        n = e->is_semaphore ? 1 : e->count;
        if (io_give(io, &n, sizeof(n))) return -EFAULT;
    }
    e->count = is_write ? e->count + n : e->count - n;
    wait_wake_all(&e->changed, 0);
    return sizeof(n);
}

static ssize_t eventfd_read(struct file *file, struct io *io) {
    return eventfd_move(file, io, false);
}

static ssize_t eventfd_write(struct file *file, struct io *io) {
    return eventfd_move(file, io, true);
}

static unsigned eventfd_poll(struct file *file, struct poll_table *table) {
    struct event_counter *e = file->object;

    poll_wait(table, &e->changed);
    return (e->count > 0 ? POLLIN : 0) | (e->count < COUNT_MAX ? POLLOUT : 0);
}

static void eventfd_release(struct file *file) {
    struct event_counter *e = file->object;

    wait_wake_all(&e->changed, 0);      // pollers: they find the descriptor closed
    heap_free(e);
}

long sys_eventfd2(uint32_t initial, int flags) {
    static const struct wait_class class = { "eventfd to change", NULL, 0 };
    static const struct file_operations operations = {
        .name = "eventfd", .read = eventfd_read, .write = eventfd_write,
        .poll = eventfd_poll, .release = eventfd_release,
    };

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE)) return -EINVAL;
    struct event_counter *e = heap_new(HEAP_EVENTFD, struct event_counter);
    if (!e) return -ENOMEM;
    e->count = initial;
    e->is_semaphore = flags & EFD_SEMAPHORE;
    wait_queue_init(&e->changed, &class);
    struct file *file = file_create(&operations, O_RDWR | (flags & O_NONBLOCK),
                                    inode_nameless(0600), e);
    if (!file) heap_free(e);
    return fd_install(file, flags & O_CLOEXEC);
}
