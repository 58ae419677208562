/* tty_ioctl.c - a terminal's modes, size and queues: what tcsetattr and its kin call.
 *
 * Sleeps: never: what is written has been sent already, so there is nothing to drain.
 * Linux: breaks are not sent; speed and parity are remembered and mean nothing.
 * See: tty_ioctl(4), termios(3).
 */
#include "fs/tty.h"

#include "base/string.h"

/* Arguments of TCFLSH and TCXONC. */
enum { FLUSH_INPUT, FLUSH_OUTPUT, FLUSH_BOTH };
enum { FLOW_STOP, FLOW_GO, FLOW_SEND_STOP, FLOW_SEND_START };

static void flush_input(struct tty *tty)
{
    line_flush(&tty->line);
    tty_made_room(tty);
}

static void look_again(struct tty *tty)
{
    wait_wake_all(&tty->readers, 0);
    wait_wake_all(&tty->writers, 0);
}

static long set_modes(struct tty *tty, uptr_t argument, bool flush)
{
    struct termios modes;
    int error = tty_check_background(tty, SIGTTOU);

    if (error)
        return error;
    if (copy_from_user(&modes, argument, sizeof(modes)))
        return -EFAULT;
    if (flush)
        flush_input(tty);
    line_set_modes(&tty->line, &modes);
    tty_made_room(tty);
    look_again(tty);
    return 0;
}

static long set_size(struct tty *tty, uptr_t argument)
{
    struct window_size size;

    if (copy_from_user(&size, argument, sizeof(size)))
        return -EFAULT;
    if (memcmp(&size, &tty->size, sizeof(size)) == 0)
        return 0;
    tty->size = size;
    tty_signal_foreground(tty, SIGWINCH);
    return 0;
}

static long flush(struct tty *tty, uint32_t what)
{
    int error = tty_check_background(tty, SIGTTOU);

    if (error)
        return error;
    if (what > FLUSH_BOTH)
        return -EINVAL;
    if (what != FLUSH_OUTPUT)
        flush_input(tty);
    return 0;
}

static long control_flow(struct tty *tty, uint32_t what)
{
    const uint8_t *c = tty->line.termios.characters;
    int error = tty_check_background(tty, SIGTTOU);

    if (error)
        return error;
    switch (what) {
    case FLOW_STOP:
    case FLOW_GO:
        tty->line.stopped = what == FLOW_STOP;
        look_again(tty);
        return 0;
    case FLOW_SEND_STOP:
    case FLOW_SEND_START: {
        char key = (char)c[what == FLOW_SEND_STOP ? VSTOP : VSTART];
        if (key)
            tty->terminal->output(&key, 1);
        return 0;
    }
    default: return -EINVAL;
    }
}

long tty_ioctl(struct file *file, uint32_t request, uptr_t argument)
{
    struct tty *tty = file->object;
    const struct termios *modes = &tty->line.termios;

    if (tty_is_hung_up(file))
        return request == TIOCSPGRP ? -ENOTTY : -EIO;
    switch (request) {
    case TCGETS: return copy_to_user(argument, modes, sizeof(*modes));
    case TCSETS:
    case TCSETSW: return set_modes(tty, argument, false);
    case TCSETSF: return set_modes(tty, argument, true);
    case TCSBRK:
    case TCSBRKP: return tty_check_background(tty, SIGTTOU);
    case TCXONC: return control_flow(tty, argument.address);
    case TCFLSH: return flush(tty, argument.address);
    case TIOCGWINSZ: return copy_to_user(argument, &tty->size, sizeof(tty->size));
    case TIOCSWINSZ: return set_size(tty, argument);
    case TIOCINQ: return u32_to_user(argument, line_count(&tty->line));
    case TIOCOUTQ: return u32_to_user(argument, 0);
    default: return tty_job_ioctl(tty, file, request, argument);
    }
}
