/* tty.c - terminals: opening, reading, writing, polling, modes and size; and job
 * control: whose terminal it is, and who may use it now.
 *
 * Shape: what happens to bytes is in tty_line.c.
 *
 *      keyboard, serial line --> input --> [ line ] --> read
 *                                   | echo, ^C ^Z ^\            job control
 *      screen, serial line   <-- output processing <---- write
 *
 *      tty --session, foreground--> process group: gets ^C, may read
 *                        \____ other groups: background; SIGTTIN when they read
 *
 * Invariants: a session has at most one terminal; a terminal belongs to the session of
 *   a living leader.
 * Sleeps: reads until there is something (condition shape); writes while ^S has stopped
 *   the output, and for a moment after every 4 KiB, so that a long text on a slow line
 *   does not keep everybody else from running. Only there may writes of two mix.
 * Wakes: typed bytes, ^Q among them, wake all who wait for the terminal.
 * Linux: two readers of one raw terminal may share what is typed. Nobody can steal a
 *   session's terminal, and no session gives it up before its leader exits (TIOCNOTTY).
 *   Breaks are not sent, nor what tcflow asks the other side for; there is nothing to
 *   drain; speed and parity are remembered and mean nothing. ^Q also undoes a TCOOFF.
 * Tests: user/tests/devices.c, tools/session-test
 * See: POSIX, Base Definitions, 11.1; credentials(7), tty_ioctl(4), termios(3).
 */
#include "base/format.h"
#include "dev/terminal.h"
#include "fs/devfs.h"
#include "fs/tty_line.h"

enum { TTY_NUMBER = 5 << 8, CONSOLE_NUMBER = 5 << 8 | 1 };
enum { TURN = 4096 };           /* bytes written before others get a turn */

struct window_size {
    uint16_t rows, columns, width, height;
};

static struct tty {
    struct terminal *terminal;  /* [const] the driver */
    struct line line;
    struct window_size size;
    pid_t session;              /* whose controlling terminal it is; 0: nobody's */
    pid_t foreground;           /* process group */
    struct wait_queue changed;  /* readers; writers, after ^S */
} ttys[2];

static struct tty *console;

static const struct file_operations tty_operations;

/* Readers took what was typed, or (flushes) nobody is to have it. */
static void made_room(struct tty *tty, bool flushes) {
    if (flushes) line_flush(&tty->line);
    if (tty->terminal->resume && line_has_room(&tty->line)) tty->terminal->resume();
}

/* The session's controlling terminal, or NULL. */
static struct tty *find(pid_t session) {
    struct tty *tty = &ttys[ttys[0].session != session];

    return tty->session == session ? tty : NULL;
}

static bool is_own(const struct tty *tty) {
    return tty->session == current_process()->session;
}

uint32_t tty_of_session(pid_t session, pid_t *foreground) {
    const struct tty *tty = find(session);

    *foreground = tty ? tty->foreground : -1;
    return tty ? tty->terminal->number : 0;
}

/* -- Job control ------------------------------------------------------------------- */

/* May the current process use the terminal as `signal` forbids to background processes?
 * 0; -ERESTART when it was stopped by that signal instead; -EIO. */
static int check_background(struct tty *tty, int signal) {
    const struct process *process = current_process();

    if (!is_own(tty) || tty->foreground == process->group) return 0;
    if (signal_is_ignored(process, signal) || current()->blocked & sigset_of(signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (group_is_orphaned(process->group))
        return -EIO;            // nobody could ever continue it
    signal_group(process->group, signal);
    return -ERESTART;
}

/* A session leader without a terminal gets this one if it is free. Is it then that of
 * the leader's session? */
static bool acquire(struct tty *tty, const struct file *file) {
    const struct process *process = current_process();

    if (process->pid != process->session) return false;
    if (!find(process->session) && !tty->session && file_is_readable(file)) {
        tty->session = process->session;
        tty->foreground = process->group;
    }
    return is_own(tty);
}

void tty_hangup_session(pid_t session) {
    struct tty *tty = find(session);
    struct file *file;

    if (!tty) return;
    signal_group(tty->foreground, SIGHUP);
    tty->session = tty->foreground = 0;
    list_for_each (file, &all_files, all_node)  // those of /dev/console keep it
        if (file->operations == &tty_operations && file->object == tty
            && file->inode->device != CONSOLE_NUMBER)
            file->object = NULL;
    tty->line.stopped = false;
    made_room(tty, true);
    wait_wake_all(&tty->changed, 0);
}

/* -- The driver's side ------------------------------------------------------------- */

static bool take_byte(struct terminal *terminal, uint8_t byte) {
    struct tty *tty = &ttys[terminal == &screen_terminal];
    unsigned event = line_input(&tty->line, byte);

    if (event & LINE_SIGNAL) signal_group(tty->foreground, (int)(event & LINE_SIGNAL));
    if (event & LINE_CHANGED) wait_wake_all(&tty->changed, 0);
    return line_has_room(&tty->line);
}

/* -- Reading and writing ----------------------------------------------------------- */

/* SLEEPS until there is something to read, or output may go on. 0; or why not: 1 at the
 * deadline and when it was hung up, -EAGAIN, -ERESTART. */
static int await(struct tty *tty, const struct file *file, bool output,
                 nanoseconds_t deadline) {
    while (file->object && (output ? tty->line.stopped : line_count(&tty->line) == 0)) {
        if (deadline <= time_now()) return 1;
        if (file->flags & O_NONBLOCK) return -EAGAIN;
        if (wait_sleep(&tty->changed, deadline) == -EINTR) return -ERESTART;
    }
    return file->object ? 0 : 1;
}

/* A line; in raw mode at least VMIN bytes, or what came before VTIME tenths of a second
 * had passed: since the last byte, or with VMIN 0 since the start. */
static ssize_t tty_read(struct file *file, struct io *io) SLEEPS {
    struct tty *tty = file->object;
    nanoseconds_t gap = 0, deadline = DEADLINE_NEVER;
    ssize_t got = 0, end = tty ? check_background(tty, SIGTTIN) : 1;
    size_t least = 0;

    if (tty && !line_has(&tty->line, ICANON)) {
        least = tty->line.termios.characters[VMIN];
        gap = tty->line.termios.characters[VTIME] * 100 * MILLISECOND;
        deadline = least ? DEADLINE_NEVER : time_deadline(gap);
    }
    while (io->left && !end && !(end = await(tty, file, false, deadline))) {
        struct line *line = &tty->line;
        size_t consume, n = line_peek(line, io->left, &consume);
        size_t start = line->taken & (LINE_SIZE - 1), first = min(n, LINE_SIZE - start);
        if (io_give(io, line->bytes + start, first)
            || io_give(io, line->bytes, n - first))
            return got ? got : -EFAULT;
        line->taken += consume;
        made_room(tty, false);
        got += (ssize_t)n;
        if ((size_t)got >= least) break;
        if (gap) deadline = time_deadline(gap);
    }
    return got || end > 0 ? got : end;
}

static ssize_t tty_write(struct file *file, struct io *io) SLEEPS {
    struct tty *tty = file->object;
    char chunk[256];
    size_t written = 0;
    long error = 0;

    if (tty && line_has(&tty->line, TOSTOP)) error = check_background(tty, SIGTTOU);
    while (io->left && !error) {
        size_t n = min(io->left, sizeof(chunk));
        error = await(tty, file, true, DEADLINE_NEVER);
        if (!error) error = io_take(io, chunk, n);
        if (error) break;
        line_write(&tty->line, chunk, n);
        written += n;
        if (written % TURN == 0 && io->left
            && wait_sleep(&tty->changed, time_deadline(10 * MICROSECOND)) == -EINTR)
            break;
    }
    return written ? (ssize_t)written : error > 0 ? -EIO : error;
}

static unsigned tty_poll(struct file *file, struct poll_table *table) {
    struct tty *tty = file->object;

    if (!tty) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    poll_wait(table, &tty->changed);
    const uint8_t *characters = tty->line.termios.characters;
    bool counts = !line_has(&tty->line, ICANON) && !characters[VTIME];
    size_t least = counts ? max(characters[VMIN], 1) : 1;
    return (line_count(&tty->line) >= least ? POLLIN | POLLRDNORM : 0)
           | (tty->line.stopped ? 0 : POLLOUT | POLLWRNORM);
}

/* -- Modes, size, whose it is ------------------------------------------------------ */

enum {                          /* requests, from Linux's asm-generic/ioctls.h */
    TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404,
    TCSBRK = 0x5409, TCXONC = 0x540A, TCFLSH = 0x540B, TIOCSCTTY = 0x540E,
    TIOCGPGRP = 0x540F, TIOCSPGRP = 0x5410, TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414,
    TIOCINQ = 0x541B, TCSBRKP = 0x5425, TIOCGSID = 0x5429,
};
enum { FLUSH_OUTPUT = 1, FLUSH_BOTH };  /* TCFLSH: nothing to do, it has been sent */
enum { OUTPUT_OFF, OUTPUT_ON, INPUT_OFF, INPUT_ON };    /* TCXONC: what tcflow asks */

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

static long tty_ioctl(struct file *file, uint32_t request, uptr_t argument) {
    struct tty *tty = file->object;
    struct window_size size;
    struct termios modes;
    uint32_t id;
    // what others would notice stops background processes
    bool shows = (request >= TCSETS && request <= TCSETSF) || request == TCFLSH
                 || request == TCXONC || request == TCSBRK || request == TCSBRKP
                 || request == TIOCSPGRP;
    int error = !tty ? -EIO : shows ? check_background(tty, SIGTTOU) : 0;

    if (error) return error;
    switch (request) {
    case TCGETS:
        return copy_to_user(argument, &tty->line.termios, sizeof(tty->line.termios));
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        if (copy_from_user(&modes, argument, sizeof(modes))) return -EFAULT;
        made_room(tty, request == TCSETSF);
        line_set_modes(&tty->line, &modes);
        wait_wake_all(&tty->changed, 0);
        return 0;
    case TCFLSH:
        if (argument.address > FLUSH_BOTH) return -EINVAL;
        made_room(tty, argument.address != FLUSH_OUTPUT);
        return 0;
    case TCXONC:
        if (argument.address > INPUT_ON) return -EINVAL;
        if (argument.address <= OUTPUT_ON)
            tty->line.stopped = argument.address == OUTPUT_OFF;
        wait_wake_all(&tty->changed, 0);
        return 0;
    case TCSBRK:
    case TCSBRKP: return 0;
    case TIOCGWINSZ: return copy_to_user(argument, &tty->size, sizeof(tty->size));
    case TIOCSWINSZ:
        if (copy_from_user(&size, argument, sizeof(size))) return -EFAULT;
        if (memcmp(&size, &tty->size, sizeof(size)) == 0) return 0;
        tty->size = size;
        signal_group(tty->foreground, SIGWINCH);
        return 0;
    case TIOCINQ: return u32_to_user(argument, line_count(&tty->line));
    case TIOCSCTTY: return acquire(tty, file) ? 0 : -EPERM;
    case TIOCSPGRP: return set_foreground(tty, argument);
    case TIOCGPGRP:
    case TIOCGSID:
        id = (uint32_t)(request == TIOCGSID ? tty->session : tty->foreground);
        return is_own(tty) ? u32_to_user(argument, id) : -ENOTTY;
    default: return -ENOTTY;
    }
}

static const struct file_operations tty_operations = {
    .name = "terminal", .read = tty_read, .write = tty_write, .poll = tty_poll,
    .ioctl = tty_ioctl,
};

/* -- Opening ----------------------------------------------------------------------- */

int tty_open(struct file *file) {
    const uint32_t device = file->inode->device;
    struct tty *tty = NULL;

    switch (device) {
    case SERIAL_NUMBER: tty = &ttys[0]; break;
    case SCREEN_NUMBER: tty = &ttys[1]; break;
    case TTY_NUMBER: tty = find(current_process()->session); break;
    case CONSOLE_NUMBER: tty = console; break;
    }
    if (!tty || !tty->terminal) return -ENXIO;
    file->operations = &tty_operations;
    file->object = tty;
    if (device == tty->terminal->number && !(file->flags & O_NOCTTY))
        acquire(tty, file);
    return 0;
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct tty *tty = container_of(waiter->queue, struct tty, changed);

    format(to, size, "terminal:%s -", tty->terminal->name);
}

void tty_init(bool console_on_screen) {
    static const struct wait_class class = { "terminal input", describe, 0 };
    struct terminal *const terminals[2] = { &serial_terminal, &screen_terminal };

    for (unsigned i = 0; i < 2; i++) {
        struct terminal *terminal = terminals[i];
        if (!terminal->output) continue;
        ttys[i] = (struct tty){
            .terminal = terminal, .size = { terminal->rows, terminal->columns, 0, 0 },
            .line = { .output = terminal->output, .termios = default_modes },
        };
        wait_queue_init(&ttys[i].changed, &class);
        terminal->input = take_byte;
        device_make(terminal->name, terminal->number, 0620);
        if (i == 0 || !console || console_on_screen) console = &ttys[i];
    }
    device_make("tty", TTY_NUMBER, 0666);
    device_make("console", CONSOLE_NUMBER, 0600);
}
