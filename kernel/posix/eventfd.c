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

/* SLEEPS. 0: look again. */
static int wait_for_change(struct file *file) {
    struct event_counter *e = file->object;

    if (file_is_nonblocking(file)) return -EAGAIN;
    return wait_sleep(&e->changed, DEADLINE_NEVER) ? -ERESTART : 0;
}

static ssize_t eventfd_read(struct file *file, struct io *io, uint64_t *offset) {
    struct event_counter *e = file->object;
    int error = io->left < sizeof(e->count) ? -EINVAL : 0;

    (void)offset;
    while (!error && e->count == 0) error = wait_for_change(file);
    if (error) return error;
    uint64_t taken = e->is_semaphore ? 1 : e->count;
    if (io_give(io, &taken, sizeof(taken))) return -EFAULT;
    e->count -= taken;
    wait_wake_all(&e->changed, 0);
    return sizeof(taken);
}

static ssize_t eventfd_write(struct file *file, struct io *io, uint64_t *offset) {
    struct event_counter *e = file->object;
    uint64_t added;

    (void)offset;
    if (io->left < sizeof(added)) return -EINVAL;
    int error = io_take(io, &added, sizeof(added));
    if (!error && added > COUNT_MAX) return -EINVAL;
    while (!error && added > COUNT_MAX - e->count) error = wait_for_change(file);
    if (error) return error;
    e->count += added;
    wait_wake_all(&e->changed, 0);
    return sizeof(added);
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
    uint32_t mode = O_RDWR | (flags & O_NONBLOCK);
    struct file *file = file_create(&operations, mode, inode_nameless(0600), e);
    if (!file) heap_free(e);
    return fd_install(file, flags & O_CLOEXEC);
}
