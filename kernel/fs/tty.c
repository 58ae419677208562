/* tty.c - terminals: opening, reading, writing, polling.
 *
 * Shape: tty.h has the picture. What happens to bytes is in tty_line.c, who may use the
 *   terminal in tty_control.c.
 * Sleeps: reads until there is something (condition shape); writes while ^S has stopped
 *   the output, and for a moment after every 4 KiB, so that a long text on a slow line
 *   does not keep everybody else from running. Only there may writes of two mix.
 * Wakes: typed bytes wake readers, ^Q wakes writers.
 * Linux: two readers of one raw terminal may share what is typed.
 * Tests: user/tests/devices.c, tools/session-test
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

static struct tty *console_tty;

static const struct file_operations tty_operations;

void tty_wake(struct tty *tty) {
    wait_wake_all(&tty->readers, 0);
    wait_wake_all(&tty->writers, 0);
}

/* Readers have taken something, or it was thrown away. */
static void made_room(struct tty *tty) {
    if (!tty->is_full || !line_has_room(&tty->line)) return;
    tty->is_full = false;
    if (tty->terminal->resume) tty->terminal->resume();
}

void tty_flush(struct tty *tty) {
    line_flush(&tty->line);
    made_room(tty);
}

void tty_hang_up(struct tty *tty) {
    struct file *file;

    list_for_each (file, &all_files, all_node)
        if (file->operations == &tty_operations && file->object == tty
            && file->inode->device != CONSOLE_NUMBER)
            file->object = NULL;
    tty->line.stopped = false;
    tty_flush(tty);
    tty_wake(tty);
}

/* -- The driver's side ------------------------------------------------------------- */

static bool take_byte(struct terminal *terminal, uint8_t byte) {
    struct tty *tty = terminal->tty;
    unsigned event = line_input(&tty->line, byte);

    if (event & LINE_SIGNAL) tty_signal_foreground(tty, (int)(event & LINE_SIGNAL));
    if (event & LINE_GO) wait_wake_all(&tty->writers, 0);
    if (event & LINE_READABLE) wait_wake_all(&tty->readers, 0);
    tty->is_full = !line_has_room(&tty->line);
    return !tty->is_full;
}

static void send_bytes(struct line *line, const char *bytes, size_t size) {
    container_of(line, struct tty, line)->terminal->output(bytes, size);
}

/* -- Reading ----------------------------------------------------------------------- */

/* Moves what the line has for one read. Bytes (0: end of file), or -EFAULT. */
static ssize_t take_line(struct tty *tty, struct io *io) {
    struct line *line = &tty->line;
    size_t consume, n = line_peek(line, io->left, &consume);
    size_t start = line->taken & (LINE_SIZE - 1), first = min(n, LINE_SIZE - start);

    if (io_give(io, line->bytes + start, first) || io_give(io, line->bytes, n - first))
        return -EFAULT;
    line->taken += consume;
    made_room(tty);
    return (ssize_t)n;
}

/* SLEEPS until there is something to read. 0; or why not: 1 for an end without an
 * error,
 * -EAGAIN, -ERESTART. */
static int await_input(struct tty *tty, const struct file *file,
                       nanoseconds_t deadline) {
    while (file->object && line_count(&tty->line) == 0) {
        if (deadline <= time_now()) return 1;
        if (file_is_nonblocking(file)) return -EAGAIN;
        if (wait_sleep(&tty->readers, deadline) == -EINTR) return -ERESTART;
    }
    return file->object ? 0 : 1;
}

/* A line; in raw mode at least VMIN bytes, or what came before VTIME tenths of a second
 * had passed: since the last byte, or with VMIN 0 since the start. */
static ssize_t tty_read(struct file *file, struct io *io, uint64_t *offset) SLEEPS {
    struct tty *tty = file->object;
    nanoseconds_t gap = 0, deadline = DEADLINE_NEVER;
    ssize_t got = 0, end = tty ? tty_check_background(tty, SIGTTIN) : 1;
    size_t least = 0;

    (void)offset;
    if (tty && !line_has(&tty->line, ICANON)) {
        least = tty->line.termios.characters[VMIN];
        gap = tty->line.termios.characters[VTIME] * 100 * MILLISECOND;
        deadline = least ? DEADLINE_NEVER : time_deadline(gap);
    }
    while (io->left && !end && !(end = await_input(tty, file, deadline))) {
        ssize_t n = take_line(tty, io);
        if (n < 0) return got ? got : n;
        got += n;
        if ((size_t)got >= least) break;
        if (gap) deadline = time_deadline(gap);
    }
    return got || end > 0 ? got : end;
}

/* -- Writing ----------------------------------------------------------------------- */

/* SLEEPS until output may go on. 0, -EIO, -EAGAIN, -ERESTART. */
static int await_output(struct tty *tty, const struct file *file) {
    while (file->object && tty->line.stopped) {
        if (file_is_nonblocking(file)) return -EAGAIN;
        if (wait_sleep(&tty->writers, DEADLINE_NEVER)) return -ERESTART;
    }
    return file->object ? 0 : -EIO;
}

static ssize_t tty_write(struct file *file, struct io *io, uint64_t *offset) SLEEPS {
    struct tty *tty = file->object;
    char chunk[256];
    size_t written = 0;
    long error = 0;

    (void)offset;
    if (tty && line_has(&tty->line, TOSTOP)) error = tty_check_background(tty, SIGTTOU);
    while (io->left && !error) {
        size_t n = min(io->left, sizeof(chunk));
        error = await_output(tty, file);
        if (!error) error = io_take(io, chunk, n);
        if (error) break;
        line_write(&tty->line, chunk, n);
        written += n;
        if (written % TURN == 0 && io->left
            && wait_sleep(&tty->writers, time_deadline(10 * MICROSECOND)) == -EINTR)
            break;
    }
    return written ? (ssize_t)written : error;
}

static unsigned tty_poll(struct file *file, struct poll_table *table) {
    struct tty *tty = file->object;
    const uint8_t *characters;
    size_t least = 1;
    unsigned events = 0;

    if (!tty) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    poll_wait(table, &tty->readers);
    poll_wait(table, &tty->writers);
    characters = tty->line.termios.characters;
    if (!line_has(&tty->line, ICANON) && !characters[VTIME])
        least = max(characters[VMIN], 1);
    if (line_count(&tty->line) >= least) events |= POLLIN | POLLRDNORM;
    if (!tty->line.stopped) events |= POLLOUT | POLLWRNORM;
    return events;
}

static const struct file_operations tty_operations = {
    .name = "terminal", .read = tty_read, .write = tty_write, .poll = tty_poll,
    .ioctl = tty_ioctl,
};

/* -- Opening ----------------------------------------------------------------------- */

static int tty_open(struct device *device, struct inode *inode, uint32_t flags,
                    struct file **out) {
    struct tty *tty = device->number == CONSOLE_NUMBER ? console_tty
                      : device->number == TTY_NUMBER
                          ? tty_of_session()
                          : container_of(device, struct tty, device);

    if (!tty) return -ENXIO;
    *out = file_create(&tty_operations, flags, inode_get(inode), tty);
    if (!*out) return -ENFILE;
    if (device == &tty->device && !(flags & O_NOCTTY) && file_is_readable(*out))
        tty_acquire(tty);
    return 0;
}

static void describe_tty(const struct waiter *waiter, char *to, size_t size) {
    const struct tty *tty = container_of(waiter->queue, struct tty, readers);

    format(to, size, "terminal:%s -", tty->terminal->name);
}

static struct tty *tty_create(struct terminal *terminal) {
    static const struct wait_class input_class = { "terminal input", describe_tty };
    static const struct wait_class output_class = { "terminal output", NULL };
    struct tty *tty = heap_new(HEAP_TTY, struct tty);

    if (!tty) panic("no memory for terminal %s", terminal->name);
    tty->terminal = terminal;
    line_init(&tty->line, send_bytes);
    tty->size.rows = terminal->rows;
    tty->size.columns = terminal->columns;
    wait_queue_init(&tty->readers, &input_class);
    wait_queue_init(&tty->writers, &output_class);
    tty->device = (struct device){ .name = terminal->name, .number = terminal->number,
                                   .mode = 0620, .open = tty_open };
    device_register(&tty->device);
    terminal->tty = tty;
    terminal->input = take_byte;
    return tty;
}

void tty_init(bool console_on_screen) {
    static struct device own = { .name = "tty", .number = TTY_NUMBER, .mode = 0666,
                                 .open = tty_open };
    static struct device console = { .name = "console", .number = CONSOLE_NUMBER,
                                     .mode = 0600, .open = tty_open };

    if (serial_is_present()) console_tty = tty_create(&serial_terminal);
    if (screen_is_present()) {
        struct tty *tty = tty_create(&screen_terminal);
        if (console_on_screen || !console_tty) console_tty = tty;
    }
    device_register(&own);
    device_register(&console);
    session_ended = tty_hangup_session;
}
