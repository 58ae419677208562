/* eventfd.c - a counter behind a descriptor: writes add to it, a read takes it.
 *
 * Sleeps: read while it is 0, write while it would pass COUNT_MAX; condition shape.
 * Wakes: every change wakes all, as on Linux, for writers wait for different amounts.
 * Linux: a read to a bad address takes nothing.
 * Tests: user/tests/eventfd.c
 */
#include "fs/inode.h"
#include "mm/heap.h"
#include "syscall.h"

#define COUNT_MAX (UINT64_MAX - 1)

enum { EFD_SEMAPHORE = 1 };

struct event_counter {
    uint64_t count;             /* at most COUNT_MAX */
    bool is_semaphore;          /* [const] a read takes 1 */
    struct wait_queue changed;
};

/* SLEEPS. A write adds to the count, a read takes it from there. */
static ssize_t transfer(struct file *file, struct io *io, bool is_write) {
    struct event_counter *e = file->object;
    uint64_t n = 0;

    if (io->left < sizeof(n)) return -EINVAL;
    if (is_write && io_take(io, &n, sizeof(n))) return -EFAULT;
    if (n > COUNT_MAX) return -EINVAL;
    while (is_write ? n > COUNT_MAX - e->count : e->count == 0) {
        if (file_is_nonblocking(file)) return -EAGAIN;
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

static ssize_t eventfd_read(struct file *file, struct io *io, uint64_t *offset) {
    (void)offset;
    return transfer(file, io, false);
}

static ssize_t eventfd_write(struct file *file, struct io *io, uint64_t *offset) {
    (void)offset;
    return transfer(file, io, true);
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
    static const struct wait_class class = { "eventfd to change", NULL };
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
