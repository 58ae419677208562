/* tty.c - terminals: opening, reading, writing, polling.
 *
 * Shape: tty.h has the picture. What happens to bytes is in tty_line.c, who may use the
 *   terminal in tty_job.c.
 * Invariants: one write(2) at a time, so lines of two processes do not mix.
 * Sleeps: reads until there is something (condition shape); writes for their turn,
 *   while ^S has stopped the output, and for a moment after every 4 KiB, so that a long
 *   text on a slow line does not keep everybody else from running.
 * Wakes: typed bytes wake readers, ^Q and the end of a write wake writers.
 * Linux: two readers of one raw terminal may share what is typed.
 * Tests: tools/session-test
 * See: tty_ioctl(4), termios(3).
 */
#include "fs/tty.h"

#include "base/format.h"
#include "core/panic.h"
#include "dev/screen.h"
#include "dev/serial.h"
#include "mm/heap.h"

#define TTY_NUMBER     0x500u
#define CONSOLE_NUMBER 0x501u
#define TURN           4096u    /* bytes written before others get a turn */
#define NEVER_HUNG_UP  UINT64_MAX

static struct tty *console_tty;

bool tty_is_console(const struct file *file)
{
    return file->inode->device == CONSOLE_NUMBER;
}

/* A terminal has no offset; the place for it holds `hangups` at opening. */
bool tty_is_hung_up(const struct file *file)
{
    const struct tty *tty = file->object;

    return file->offset != NEVER_HUNG_UP && file->offset != tty->hangups;
}

void tty_made_room(struct tty *tty)
{
    if (!tty->is_full || !line_has_room(&tty->line))
        return;
    tty->is_full = false;
    if (tty->terminal->resume)
        tty->terminal->resume();
}

/* -- The driver's side ------------------------------------------------------------- */

static bool tty_input(struct terminal *terminal, uint8_t byte)
{
    struct tty *tty = terminal->tty;
    unsigned event = line_input(&tty->line, byte);

    if (event & LINE_SIGNAL)
        tty_signal_foreground(tty, (int)(event & LINE_SIGNAL));
    if (event & LINE_GO)
        wait_wake_all(&tty->writers, 0);
    if (event & LINE_READABLE)
        wait_wake_all(&tty->readers, 0);
    tty->is_full = !line_has_room(&tty->line);
    return !tty->is_full;
}

static void tty_output(struct line *line, const char *bytes, size_t size)
{
    struct tty *tty = container_of(line, struct tty, line);

    tty->terminal->output(bytes, size);
}

/* -- Reading ----------------------------------------------------------------------- */

/* Moves what the line has for one read. Bytes (0: end of file), or -EFAULT. */
static ssize_t take_line(struct line *line, struct io *io)
{
    size_t consume, n = line_peek(line, io->left, &consume);
    size_t start = line->taken & (LINE_SIZE - 1), first = min(n, LINE_SIZE - start);

    if (io_give(io, line->bytes + start, first) || io_give(io, line->bytes, n - first))
        return -EFAULT;
    line_consume(line, consume);
    return (ssize_t)n;
}

/* When a raw read must return: after `least` bytes; at the deadline; `gap` after a
 * byte. */
struct patience {
    size_t least;
    nanoseconds_t deadline, gap;
};

static struct patience patience_of(const struct line *line)
{
    size_t least = line->termios.characters[VMIN];
    nanoseconds_t time = line->termios.characters[VTIME] * 100 * MILLISECOND;

    if (line_is_canonical(line))
        return (struct patience){ 0, DEADLINE_NEVER, 0 };
    if (least)
        return (struct patience){ least, DEADLINE_NEVER, time };
    return (struct patience){ 1, time ? time_deadline(time) : 0, 0 };
}

/* SLEEPS until there is something to read. 0; or why not: 1 for an end without an
 * error,
 * -EAGAIN, -ERESTART. */
static int await_input(struct tty *tty, const struct file *file, nanoseconds_t deadline)
{
    for (;;) {
        if (tty_is_hung_up(file))
            return 1;
        if (line_is_readable(&tty->line, false))
            return 0;
        if (deadline != DEADLINE_NEVER && deadline <= time_now())
            return 1;
        if (file_is_nonblocking(file))
            return -EAGAIN;
        if (wait_sleep(&tty->readers, deadline) == -EINTR)
            return -ERESTART;
    }
}

static ssize_t tty_read(struct file *file, struct io *io, uint64_t *offset) SLEEPS
{
    struct tty *tty = file->object;
    struct patience patience = patience_of(&tty->line);
    ssize_t got = 0, end = 0;

    (void)offset;
    if (!tty_is_hung_up(file) && !tty_is_console(file))
        end = tty_check_background(tty, SIGTTIN);
    while (io->left && !end) {
        end = await_input(tty, file, patience.deadline);
        if (end)
            break;
        ssize_t n = take_line(&tty->line, io);
        if (n < 0)
            return got ? got : n;
        tty_made_room(tty);
        got += n;
        if ((size_t)got >= patience.least)
            break;
        if (patience.gap)
            patience.deadline = time_deadline(patience.gap);
    }
    return got || end > 0 ? got : end;
}

/* -- Writing ----------------------------------------------------------------------- */

/* SLEEPS until output may go on. 0, -EIO, -EAGAIN, -ERESTART. */
static int await_output(struct tty *tty, const struct file *file, const bool *obstacle)
{
    while (*obstacle && !tty_is_hung_up(file)) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        if (wait_sleep(&tty->writers, DEADLINE_NEVER))
            return -ERESTART;
    }
    return tty_is_hung_up(file) ? -EIO : 0;
}

/* SLEEPS. One write with nobody else's in between. */
static ssize_t write_alone(struct tty *tty, const struct file *file, struct io *io)
{
    char chunk[256];
    size_t written = 0;
    long result = 0;

    while (io->left && !result) {
        result = await_output(tty, file, &tty->line.stopped);
        size_t n = min(io->left, sizeof(chunk));
        if (!result)
            result = io_take(io, chunk, n);
        if (result)
            break;
        line_write(&tty->line, chunk, n);
        written += n;
        if (written % TURN == 0 && io->left)
            result = wait_sleep(&tty->writers, time_deadline(10 * MICROSECOND));
        if (result == -ETIMEDOUT)
            result = 0;
    }
    if (written)
        return (ssize_t)written;
    return result == -EINTR ? -ERESTART : result;
}

static ssize_t tty_write(struct file *file, struct io *io, uint64_t *offset) SLEEPS
{
    struct tty *tty = file->object;
    ssize_t result = 0;

    (void)offset;
    if (tty_is_hung_up(file))
        return -EIO;
    if (line_has(&tty->line, TOSTOP) && !tty_is_console(file))
        result = tty_check_background(tty, SIGTTOU);
    if (!result)
        result = await_output(tty, file, &tty->is_writing);
    if (result)
        return result;
    tty->is_writing = true;
    result = write_alone(tty, file, io);
    tty->is_writing = false;
    wait_wake_all(&tty->writers, 0);
    return result;
}

static unsigned tty_poll(struct file *file, struct poll_table *table)
{
    struct tty *tty = file->object;
    unsigned events = 0;

    poll_wait(table, &tty->readers);
    if (tty->line.stopped)
        poll_wait(table, &tty->writers);
    if (tty_is_hung_up(file))
        return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    if (line_is_readable(&tty->line, true))
        events |= POLLIN | POLLRDNORM;
    if (!tty->line.stopped)
        events |= POLLOUT | POLLWRNORM;
    return events;
}

static const struct file_operations tty_operations = {
    .name = "terminal",
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .ioctl = tty_ioctl,
};

/* -- Opening ----------------------------------------------------------------------- */

static int open_tty(struct tty *tty, struct inode *inode, uint32_t flags,
                    struct file **out)
{
    if (!tty)
        return -ENXIO;
    *out = file_create(&tty_operations, flags, inode_get(inode), tty);
    if (!*out)
        return -ENFILE;
    (*out)->offset = tty_is_console(*out) ? NEVER_HUNG_UP : tty->hangups;
    return 0;
}

static int open_terminal(struct device *device, struct inode *inode, uint32_t flags,
                         struct file **out)
{
    struct tty *tty = device->data;
    int error = open_tty(tty, inode, flags, out);

    if (!error && !(flags & O_NOCTTY) && file_is_readable(*out))
        tty_acquire(tty);
    return error;
}

static int open_console(struct device *device, struct inode *inode, uint32_t flags,
                        struct file **out)
{
    (void)device;
    return open_tty(console_tty, inode, flags, out);
}

static int open_own_tty(struct device *device, struct inode *inode, uint32_t flags,
                        struct file **out)
{
    (void)device;
    return open_tty(tty_of_session(), inode, flags, out);
}

/* -- Start ------------------------------------------------------------------------- */

static void describe_tty(const struct waiter *waiter, char *to, size_t size)
{
    const struct tty *tty = container_of(waiter->queue, struct tty, readers);

    format(to, size, "terminal:%s -", tty->terminal->name);
}

static const struct wait_class input_class = { "terminal input", describe_tty };
static const struct wait_class output_class = { "terminal output", NULL };

static struct tty *tty_create(struct terminal *terminal)
{
    struct tty *tty = heap_new(HEAP_TTY, struct tty);

    if (!tty)
        panic("no memory for terminal %s", terminal->name);
    tty->terminal = terminal;
    line_init(&tty->line, tty_output);
    tty->size.rows = terminal->rows;
    tty->size.columns = terminal->columns;
    wait_queue_init(&tty->readers, &input_class);
    wait_queue_init(&tty->writers, &output_class);
    tty->device = (struct device){ .name = terminal->name, .number = terminal->number,
                                   .mode = 0620, .open = open_terminal, .data = tty };
    device_register(&tty->device);
    terminal->tty = tty;
    terminal->input = tty_input;
    return tty;
}

void tty_init(bool console_on_screen)
{
    static struct device own = { .name = "tty", .number = TTY_NUMBER, .mode = 0666,
                                 .open = open_own_tty };
    static struct device console = { .name = "console", .number = CONSOLE_NUMBER,
                                     .mode = 0600, .open = open_console };

    if (serial_is_present())
        console_tty = tty_create(&serial_terminal);
    if (screen_is_present()) {
        struct tty *tty = tty_create(&screen_terminal);
        if (console_on_screen || !console_tty)
            console_tty = tty;
    }
    device_register(&own);
    device_register(&console);
    session_ended = tty_hangup_session;
}
