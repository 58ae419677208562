/* tty.c - terminals: opening, reading, writing, polling, modes and size; and job
 * control: whose terminal it is, and who may use it now.
 *
 * Shape: tty.h has the picture. What happens to bytes is in tty_line.c.
 *
 *      session --terminal--> tty --foreground--> process group: gets ^C, may read
 *         \____ other groups: background; SIGTTIN when they read
 *
 * Invariants: a session has at most one terminal; a
 *   terminal belongs to the session of a living leader.
 * Sleeps: reads until there is something (condition shape); writes while ^S has stopped
 *   the output, and for a moment after every 4 KiB, so that a long text on a slow line
 *   does not keep everybody else from running. Only there may writes of two mix.
 * Wakes: typed bytes wake readers, ^Q wakes writers.
 * Linux: two readers of one raw terminal may share what is typed. Nobody can steal a
 *   session's terminal, and no session gives it up before its leader exits (TIOCNOTTY).
 *   Breaks are not sent, there is nothing to drain; speed and parity are remembered and
 *   mean nothing.
 * Tests: user/tests/devices.c, tools/session-test
 * See: POSIX, Base Definitions, 11.1; credentials(7), tty_ioctl(4), termios(3).
 */
#include "fs/tty.h"

#include "base/format.h"
#include "base/string.h"
#include "core/panic.h"
#include "mm/heap.h"

#define TTY_NUMBER     0x500u
#define CONSOLE_NUMBER 0x501u
#define TURN           4096u    /* bytes written before others get a turn */

static struct tty *console_tty;

static const struct file_operations tty_operations;

/* Readers and writers look again. */
static void wake(struct tty *tty) {
    wait_wake_all(&tty->readers, 0);
    wait_wake_all(&tty->writers, 0);
}

/* Readers have taken something, or it was thrown away. */
static void made_room(struct tty *tty) {
    if (tty->terminal->resume && line_has_room(&tty->line)) tty->terminal->resume();
}

/* Throws away what was typed. */
static void flush(struct tty *tty) {
    line_flush(&tty->line);
    made_room(tty);
}

/* The session's controlling terminal, or NULL. */
struct tty *tty_of_session(pid_t session) {
    struct tty *serial = serial_terminal.tty, *screen = screen_terminal.tty;

    return serial && serial->session == session   ? serial
           : screen && screen->session == session ? screen
                                                  : NULL;
}

static bool is_own(const struct tty *tty) {
    return tty->session == current_process()->session;
}

static bool is_session_leader(void) {
    return current_process()->pid == current_process()->session;
}

/* -- Job control ------------------------------------------------------------------- */

/* To all of a group, if there is one of this number. */
static void signal_group(pid_t id, int signal) {
    struct process *p;

    list_for_each (p, &all_processes, all_node)
        if (p->group == id) signal_kernel(p, signal);
}

/* May the current process use the terminal as `signal` forbids to background processes?
 * 0; -ERESTART when it was stopped by that signal instead; -EIO. */
static int check_background(struct tty *tty, int signal) {
    const struct process *process = current_process();

    if (!is_own(tty) || !tty->foreground || tty->foreground == process->group) return 0;
    if (signal_is_ignored(process, signal) || current()->blocked & sigset_of(signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (group_is_orphaned(process->group))
        return -EIO;            // nobody could ever continue it
    signal_group(process->group, signal);
    return -ERESTART;
}

/* At open: a session leader without a terminal gets this one if it is free. */
static void acquire(struct tty *tty) {
    pid_t session = current_process()->session;

    if (!is_session_leader() || tty_of_session(session) || tty->session) return;
    tty->session = session;
    tty->foreground = current_process()->group;
}

void tty_hangup_session(pid_t session) {
    struct tty *tty = tty_of_session(session);
    struct file *file;

    if (!tty) return;
    signal_group(tty->foreground, SIGHUP);
    tty->session = 0;
    tty->foreground = 0;
    list_for_each (file, &all_files, all_node)  // those of /dev/console keep it
        if (file->operations == &tty_operations && file->object == tty
            && file->inode->device != CONSOLE_NUMBER)
            file->object = NULL;
    tty->line.stopped = false;
    flush(tty);
    wake(tty);
}

/* -- The driver's side ------------------------------------------------------------- */

static bool take_byte(struct terminal *terminal, uint8_t byte) {
    struct tty *tty = terminal->tty;
    unsigned event = line_input(&tty->line, byte);

    if (event & LINE_SIGNAL) signal_group(tty->foreground, (int)(event & LINE_SIGNAL));
    if (event & LINE_GO) wait_wake_all(&tty->writers, 0);
    if (event & LINE_READABLE) wait_wake_all(&tty->readers, 0);
    return line_has_room(&tty->line);
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
 * error, -EAGAIN, -ERESTART. */
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
    ssize_t got = 0, end = tty ? check_background(tty, SIGTTIN) : 1;
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
    if (tty && line_has(&tty->line, TOSTOP)) error = check_background(tty, SIGTTOU);
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
    unsigned events = 0;

    if (!tty) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    poll_wait(table, &tty->readers);
    poll_wait(table, &tty->writers);
    const uint8_t *characters = tty->line.termios.characters;
    bool counts = !line_has(&tty->line, ICANON) && !characters[VTIME];
    size_t least = counts ? max(characters[VMIN], 1) : 1;
    if (line_count(&tty->line) >= least) events |= POLLIN | POLLRDNORM;
    if (!tty->line.stopped) events |= POLLOUT | POLLWRNORM;
    return events;
}

/* -- Modes, size, whose it is ------------------------------------------------------ */

enum {                          /* requests, from Linux's asm-generic/ioctls.h */
    TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404,
    TCSBRK = 0x5409, TCFLSH = 0x540B, TIOCSCTTY = 0x540E, TIOCGPGRP = 0x540F,
    TIOCSPGRP = 0x5410, TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TIOCINQ = 0x541B,
    TCSBRKP = 0x5425, TIOCGSID = 0x5429,
};
enum { FLUSH_OUTPUT = 1 };      /* TCFLSH: nothing to do, it has been sent */

/* TIOCSCTTY. */
static long become_controlling(struct tty *tty, const struct file *file) {
    if (file_is_readable(file)) acquire(tty);
    return is_session_leader() && is_own(tty) ? 0 : -EPERM;
}

/* TIOCSPGRP. */
static long set_foreground(struct tty *tty, uptr_t argument) {
    uint32_t id;

    if (u32_from_user(&id, argument)) return -EFAULT;
    if ((pid_t)id < 0) return -EINVAL;
    if (!is_own(tty)) return -ENOTTY;
    const struct process *member = group_member((pid_t)id);
    if (!member) return -ESRCH;
    if (member->session != tty->session) return -EPERM;
    tty->foreground = (pid_t)id;
    return 0;
}

/* TIOCGPGRP, TIOCGSID. */
static long give_id(struct tty *tty, uptr_t to, pid_t id) {
    return is_own(tty) ? u32_to_user(to, (uint32_t)id) : -ENOTTY;
}

static long set_modes(struct tty *tty, uptr_t argument, bool flushes) {
    struct termios modes;

    if (copy_from_user(&modes, argument, sizeof(modes))) return -EFAULT;
    if (flushes) flush(tty);
    line_set_modes(&tty->line, &modes);
    wake(tty);
    return 0;
}

static long set_size(struct tty *tty, uptr_t argument) {
    struct window_size size;

    if (copy_from_user(&size, argument, sizeof(size))) return -EFAULT;
    if (memcmp(&size, &tty->size, sizeof(size)) == 0) return 0;
    tty->size = size;
    signal_group(tty->foreground, SIGWINCH);
    return 0;
}

static long tty_ioctl(struct file *file, uint32_t request, uptr_t argument) {
    struct tty *tty = file->object;
    int error = 0;

    if (!tty) return -EIO;
    switch (request) {          // what others would notice stops background processes
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCFLSH:
    case TCSBRK:
    case TCSBRKP:
    case TIOCSPGRP: error = check_background(tty, SIGTTOU);
    }
    if (error) return error;
    switch (request) {
    case TCGETS:
        return copy_to_user(argument, &tty->line.termios, sizeof(tty->line.termios));
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return set_modes(tty, argument, request == TCSETSF);
    case TCFLSH:
        if (argument.address != FLUSH_OUTPUT) flush(tty);
        return 0;
    case TCSBRK:
    case TCSBRKP: return 0;
    case TIOCGWINSZ: return copy_to_user(argument, &tty->size, sizeof(tty->size));
    case TIOCSWINSZ: return set_size(tty, argument);
    case TIOCINQ: return u32_to_user(argument, line_count(&tty->line));
    case TIOCSCTTY: return become_controlling(tty, file);
    case TIOCSPGRP: return set_foreground(tty, argument);
    case TIOCGPGRP: return give_id(tty, argument, tty->foreground);
    case TIOCGSID: return give_id(tty, argument, tty->session);
    default: return -ENOTTY;
    }
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
                          ? tty_of_session(current_process()->session)
                          : container_of(device, struct tty, device);

    if (!tty) return -ENXIO;
    *out = file_create(&tty_operations, flags, inode_get(inode), tty);
    if (!*out) return -ENFILE;
    if (device == &tty->device && !(flags & O_NOCTTY) && file_is_readable(*out))
        acquire(tty);
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

    if (serial_terminal.output) console_tty = tty_create(&serial_terminal);
    if (screen_terminal.output) {
        struct tty *tty = tty_create(&screen_terminal);
        if (console_on_screen || !console_tty) console_tty = tty;
    }
    device_register(&own);
    device_register(&console);
}
