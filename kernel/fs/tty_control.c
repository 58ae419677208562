/* tty_control.c - a terminal's modes and size, and job control: whose terminal it is,
 * and who may use it now.
 *
 *      session --terminal--> tty --foreground--> process group: gets ^C, may read
 *         \____ other groups: background; SIGTTIN when they read
 *
 * Invariants: session->terminal and tty->session point at each other or nowhere; a
 *   terminal belongs to the session of a living leader.
 * Sleeps: never: what is written has been sent already, so there is nothing to drain.
 * Linux: nobody can steal a session's terminal, and no session gives it up before its
 *   leader exits (TIOCNOTTY). Breaks are not sent; speed and parity are remembered and
 *   mean nothing.
 * Tests: user/tests/devices.c, tools/session-test
 * See: POSIX, Base Definitions, 11.1; credentials(7), tty_ioctl(4), termios(3).
 */
#include "fs/tty.h"

#include "base/string.h"

enum {                          /* requests, from Linux's asm-generic/ioctls.h */
    TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404,
    TCSBRK = 0x5409, TCFLSH = 0x540B, TIOCSCTTY = 0x540E, TIOCGPGRP = 0x540F,
    TIOCSPGRP = 0x5410, TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TIOCINQ = 0x541B,
    TCSBRKP = 0x5425, TIOCGSID = 0x5429,
};
enum { FLUSH_OUTPUT = 1 };      /* TCFLSH: nothing to do, it has been sent */

static struct session *current_session(void) {
    return current_process()->group->session;
}

static bool is_session_leader(void) {
    return current_process()->pid == current_session()->id;
}

struct tty *tty_of_session(void) {
    return current_session()->terminal;
}

/* -- Job control ------------------------------------------------------------------- */

static void signal_group(pid_t id, int signal) {
    const struct process_group *group = group_find(id);
    struct process *process;

    if (!group) return;
    list_for_each (process, &group->members, group_node)
        signal_kernel(process, signal);
}

void tty_signal_foreground(struct tty *tty, int signal) {
    if (tty->foreground) signal_group(tty->foreground, signal);
}

int tty_check_background(struct tty *tty, int signal) {
    const struct process *process = current_process();
    const struct process_group *group = process->group;

    if (group->session->terminal != tty || !tty->foreground
        || tty->foreground == group->id)
        return 0;
    if (signal_is_ignored(process, signal) || current()->blocked & sigset_of(signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (group_is_orphaned(group))
        return -EIO;            // nobody could ever continue it
    signal_group(group->id, signal);
    return -ERESTART;
}

void tty_acquire(struct tty *tty) {
    if (!is_session_leader() || tty_of_session() || tty->session) return;
    tty->session = current_session();
    tty->session->terminal = tty;
    tty->foreground = current_process()->group->id;
}

void tty_hangup_session(struct session *session) {
    struct tty *tty = session->terminal;

    if (!tty) return;
    tty_signal_foreground(tty, SIGHUP);
    session->terminal = NULL;
    tty->session = NULL;
    tty->foreground = 0;
    tty_hang_up(tty);
}

/* TIOCSCTTY. */
static long become_controlling(struct tty *tty, const struct file *file) {
    if (file_is_readable(file)) tty_acquire(tty);
    return is_session_leader() && tty->session == current_session() ? 0 : -EPERM;
}

/* TIOCSPGRP. */
static long set_foreground(struct tty *tty, uptr_t argument) {
    const struct process_group *group;
    uint32_t id;

    if (u32_from_user(&id, argument)) return -EFAULT;
    if ((pid_t)id < 0) return -EINVAL;
    if (tty_of_session() != tty) return -ENOTTY;
    group = group_find((pid_t)id);
    if (!group) return -ESRCH;
    if (group->session != current_session()) return -EPERM;
    tty->foreground = (pid_t)id;
    return 0;
}

/* TIOCGPGRP, TIOCGSID. */
static long give_id(struct tty *tty, uptr_t to, pid_t id) {
    return tty_of_session() == tty ? u32_to_user(to, (uint32_t)id) : -ENOTTY;
}

/* -- Modes and size ---------------------------------------------------------------- */

static long set_modes(struct tty *tty, uptr_t argument, bool flush) {
    struct termios modes;

    if (copy_from_user(&modes, argument, sizeof(modes))) return -EFAULT;
    if (flush) tty_flush(tty);
    line_set_modes(&tty->line, &modes);
    tty_wake(tty);
    return 0;
}

static long set_size(struct tty *tty, uptr_t argument) {
    struct window_size size;

    if (copy_from_user(&size, argument, sizeof(size))) return -EFAULT;
    if (memcmp(&size, &tty->size, sizeof(size)) == 0) return 0;
    tty->size = size;
    tty_signal_foreground(tty, SIGWINCH);
    return 0;
}

/* Requests that change what others see: background processes are stopped for them. */
static long change(struct tty *tty, uint32_t request, uptr_t argument) {
    int error = tty_check_background(tty, SIGTTOU);

    if (error) return error;
    switch (request) {
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return set_modes(tty, argument, request == TCSETSF);
    case TIOCSPGRP: return set_foreground(tty, argument);
    case TCFLSH:
        if (argument.address != FLUSH_OUTPUT) tty_flush(tty);
        return 0;
    default: return 0;          // TCSBRK
    }
}

long tty_ioctl(struct file *file, uint32_t request, uptr_t argument) {
    struct tty *tty = file->object;

    if (!tty) return -EIO;
    switch (request) {
    case TCGETS:
        return copy_to_user(argument, &tty->line.termios, sizeof(tty->line.termios));
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCFLSH:
    case TCSBRK:
    case TCSBRKP:
    case TIOCSPGRP: return change(tty, request, argument);
    case TIOCGWINSZ: return copy_to_user(argument, &tty->size, sizeof(tty->size));
    case TIOCSWINSZ: return set_size(tty, argument);
    case TIOCINQ: return u32_to_user(argument, line_count(&tty->line));
    case TIOCSCTTY: return become_controlling(tty, file);
    case TIOCGPGRP: return give_id(tty, argument, tty->foreground);
    case TIOCGSID: return give_id(tty, argument, current_session()->id);
    default: return -ENOTTY;
    }
}
