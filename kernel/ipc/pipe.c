/* pipe.c - pipes: a ring of bytes between file descriptors.
 *
 *      write -> [page][page]....[page] -> read            16 pages at most
 *                tail ^          ^ head              bytes ever written, ever read
 *
 * Invariants: head <= tail <= head + PIPE_SIZE; a page comes when it is first needed
 * and stays; an empty pipe starts over at its first page; readers and writers count
 * open files of each kind, and a pipe without any is gone.
 * Sleeps: read when empty, write when full; condition shape, and hand-over for a read
 * whose page can take all of a write. Opening a FIFO, until somebody opens the other
 * end; hand-over.
 * Wakes: the next reader when there is something to read, the next writer when there is
 * room - after every step, so a waiter that leaves early never leaves others behind.
 * Tests: user/tests/pipe*.c.
 * See: pipe(7), POSIX write().
 */
#include "ipc/pipe.h"

#include "core/check.h"
#include "fs/procfs.h"
#include "ipc/window.h"
#include "mm/heap.h"
#include "syscall.h"

struct pipe {
    struct inode *inode;        /* whose data it is: a FIFO, or a nameless one */
    struct list_node node;      /* all_pipes */
    uint32_t head, tail;
    unsigned readers, writers;
    unsigned came;              /* writers, ever; a reader's offset: when it opened */
    struct wait_queue can_read, can_write;
    struct wait_queue can_open;   /* FIFO: the other end is awaited */
    struct memory_object *buffer;       /* the ring */
};

static struct list all_pipes = LIST_INIT(all_pipes);

static bool is_nameless(const struct inode *inode) { return !inode->fs->root; }

static const char *kind_of(const struct pipe *p) {
    return is_nameless(p->inode) ? "pipe" : "fifo";
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct pipe *p = waiter_object(waiter);

    format(to, size, "%s:[%u] -", kind_of(p), (uint32_t)p->inode->number);
}

static const struct wait_class read_class = { "pipe with something to read", describe,
                                              offsetof(struct pipe, can_read) };
static const struct wait_class write_class = { "pipe with room", describe,
                                               offsetof(struct pipe, can_write) };
static const struct wait_class open_class = { "FIFO's other end", describe,
                                              offsetof(struct pipe, can_open) };

static uint32_t used(const struct pipe *p) { return p->tail - p->head; }

static uint32_t room(const struct pipe *p) { return PIPE_SIZE - used(p); }

/* Called after every change: those whose condition may be true now look again. */
static inline void wake_neighbours(struct pipe *p) {
    if (used(p) > 0) wait_wake(&p->can_read, 1, 0);
    if (room(p) > 0) wait_wake(&p->can_write, 1, 0);
}

static ssize_t pipe_read(struct file *file, struct io *io) {
    struct pipe *p = file->object;
    size_t wanted = io->left;
    int error;

    if (wanted == 0) return 0;
    while (used(p) == 0) {
        if (p->writers == 0) return 0;
        if (unlikely(file->flags & O_NONBLOCK)) return -EAGAIN;
        long result = reader_sleep(&p->can_read, io, DEADLINE_NEVER);
        if (unlikely(result == -EINTR)) return -ERESTART;
        if (likely(result)) return result;
    }
    do {
        size_t piece = min(used(p), io->left);
        const char *from = object_bytes(p->buffer, p->head % PIPE_SIZE, &piece, false);
        error = io_give(io, from, piece);
        if (unlikely(error)) break;
        p->head += piece;
        if (likely(p->head == p->tail)) p->head = p->tail = 0;
    } while (io->left > 0 && used(p) > 0);
    wake_neighbours(p);
    return unlikely(error) && io->left == wanted ? error : (ssize_t)(wanted - io->left);
}

int pipe_broken(void) {
    struct siginfo info = siginfo_from_here(SIGPIPE, SI_USER);

    signal_post(current_process(), current(), &info, NULL);
    return -EPIPE;
}

/* To a reader that waits; or through the ring. */
static ssize_t pipe_write(struct file *file, struct io *io) {
    struct pipe *p = file->object;
    size_t wanted = io->left;
    int error = 0;

    if (likely(used(p) == 0 && reader_give(&p->can_read, io))) return (ssize_t)wanted;
    while (io->left > 0 && !error) {
        // a small one goes in as a whole, a larger one as there is room
        while (!error && p->readers && room(p) < io->left
               && (wanted <= PIPE_BUF || room(p) == 0))
            error = file->flags & O_NONBLOCK
                        ? -EAGAIN
                        : (int)wait_sleep(&p->can_write, DEADLINE_NEVER);
        if (!error && !p->readers) error = -EPIPE;
        if (likely(!error)) {
            size_t piece = min(room(p), io->left);
            char *to = object_bytes(p->buffer, p->tail % PIPE_SIZE, &piece, true);
            error = likely(to) ? io_take(io, to, piece) : -ENOMEM;
            if (likely(!error)) p->tail += piece;
        }
        if (unlikely(error) && wanted <= PIPE_BUF) {
            p->tail -= wanted - io->left;       // it happens wholly or not at all
            io->left = wanted;
        }
        wake_neighbours(p);     // a wake-up we were given goes on to the next
    }
    if (likely(io->left < wanted)) return (ssize_t)(wanted - io->left);
    return error == -EPIPE ? pipe_broken() : error == -EINTR ? -ERESTART : error;
}

static unsigned pipe_poll(struct file *file, struct poll_table *table) {
    struct pipe *p = file->object;
    unsigned events = 0;

    if (file_is_readable(file)) {
        poll_wait(table, &p->can_read);
        if (used(p) > 0) events |= POLLIN | POLLRDNORM;
        if (p->writers == 0 && p->came != file->offset) events |= POLLHUP;
    }
    if (file_is_writable(file)) {
        poll_wait(table, &p->can_write);
        if (room(p) >= PIPE_BUF) events |= POLLOUT | POLLWRNORM;
        if (p->readers == 0) events |= POLLERR;
    }
    return events;
}

static long pipe_ioctl(struct file *file, uint32_t request, uptr_t argument) {
    const struct pipe *p = file->object;
    enum { FIONREAD = 0x541b };

    return request == FIONREAD ? u32_to_user(argument, used(p)) : -ENOTTY;
}

static void count_ends(struct pipe *p, const struct file *file, int change) {
    if (file_is_readable(file)) p->readers += (unsigned)change;
    if (file_is_writable(file)) p->writers += (unsigned)change;
}

static void pipe_release(struct file *file) {
    struct pipe *p = file->object;

    count_ends(p, file, -1);
    // end of file and EPIPE are predicates: everybody looks again
    wait_wake_all(&p->can_read, 0);
    wait_wake_all(&p->can_write, 0);
    if (p->readers || p->writers) return;
    object_put(p->buffer);
    list_remove(&p->node);
    p->inode->data = NULL;
    heap_free(p);
}

static const struct file_operations pipe_operations = {
    .name = "pipe", .read = pipe_read, .write = pipe_write, .poll = pipe_poll,
    .ioctl = pipe_ioctl, .release = pipe_release, .pipe_size = PIPE_SIZE,
};

/* -- Opening ----------------------------------------------------------------------- */

/* Makes it one more end of the inode's pipe, which is made with its first. Who waits
 * here has the only kind of end, so whoever is woken has met the other, even if that
 * has come and gone meanwhile: it saw us. A nameless pipe, opened once more through
 * /proc/PID/fd, had both, and does not wait. */
static int fifo_open(struct file *file) {
    uint32_t mode = file->flags & O_ACCMODE, nonblock = file->flags & O_NONBLOCK;
    struct inode *inode = file->inode;
    struct pipe *p = inode->data;
    long error = 0;

    if (mode == O_WRONLY && nonblock && !is_nameless(inode) && (!p || !p->readers))
        return -ENXIO;
    if (!p) {
        p = heap_new(HEAP_PIPE, struct pipe);
        if (!p || !(p->buffer = object_create(PIPE_SIZE / PAGE_SIZE))) {
            heap_free(p);
            return -ENFILE;
        }
        p->inode = inode;
        wait_queue_init(&p->can_read, &read_class);
        wait_queue_init(&p->can_write, &write_class);
        wait_queue_init(&p->can_open, &open_class);
        list_push_back(&all_pipes, &p->node);
        inode->data = p;
    }
    file->operations = &pipe_operations;    // from now on a file_put counts it out
    file->object = p;
    count_ends(p, file, +1);
    p->came += file_is_writable(file);
    if (p->writers == 0) file->offset = p->came;    // nobody who could hang up yet
    if (p->readers && p->writers) wait_wake_all(&p->can_open, 0);
    else if (!is_nameless(inode) && (p->readers == 0 || !nonblock))
        error = wait_sleep(&p->can_open, DEADLINE_NEVER);
    return error == -EINTR ? -ERESTART : (int)error;
}

long sys_pipe2(uptr_t fds_out, int flags) {
    struct file *ends[2] = { NULL };

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return -EINVAL;
    struct inode *inode = inode_nameless(S_IFIFO | 0600);
    for (uint32_t mode = O_RDONLY; inode && mode <= O_WRONLY; mode++)
        if (!inode_open(inode, mode, &ends[mode]))
            ends[mode]->flags = mode | ((uint32_t)flags & O_NONBLOCK);
    inode_put(inode);
    return fd_install_pair(ends, flags & O_CLOEXEC, fds_out);
}

/* One line each: kind:[inode] owner group mode capacity bytes readers writers, and who
 * waits. */
static void show_pipes(struct text *text) {
    const struct pipe *p;

    list_for_each (p, &all_pipes, node) {
        const struct inode *inode = p->inode;
        text_printf(text, "%s:[%u] %u %u %04o %u %u %u %u", kind_of(p),
                    (uint32_t)inode->number, inode->uid, inode->gid,
                    inode->mode & 07777, PIPE_SIZE, used(p), p->readers, p->writers);
        text_waiters(text, "senders", &p->can_write, NULL, NULL);
        text_waiters(text, "receivers", &p->can_read, NULL, NULL);
        text_waiters(text, "openers", &p->can_open, NULL, NULL);
        text_add(text, "\n", 1);
    }
}

static const struct proc_entry entry PROC_TABLE = { .name = "ipc/pipes",
                                                     .show = show_pipes };

/* -- Checking ---------------------------------------------------------------------- */

static void pipes_count(void) {
    const struct pipe *p;

    list_for_each (p, &all_pipes, node) object_found(p->buffer);
}

static void pipes_check(void) {
    const struct file *file;
    const struct pipe *p;

    list_for_each (p, &all_pipes, node) {
        unsigned readers = 0, writers = 0;
        list_for_each (file, &all_files, all_node) {
            if (file->operations != &pipe_operations || file->object != p) continue;
            readers += file_is_readable(file);
            writers += file_is_writable(file);
        }
        check_counted(p, "readers", p->readers, readers);
        check_counted(p, "writers", p->writers, writers);
        check_that(used(p) <= PIPE_SIZE, "%p has %u bytes", p, used(p));
    }
}

static const struct checker checker CHECKER = { "pipes", pipes_count, pipes_check };

void pipe_init(void) {
    fifo_open_hook = fifo_open;
}
