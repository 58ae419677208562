/* tty.h - a terminal: a device, the line discipline on it, and job control.
 *
 *      keyboard, serial line --> input --> [ line ] --> read
 *                                   | echo, ^C ^Z ^\            job control
 *      screen, serial line   <-- output processing <---- write
 */
#pragma once

#include "dev/terminal.h"
#include "fs/devfs.h"
#include "fs/tty_line.h"
#include "sched/process.h"

struct window_size {
    uint16_t rows, columns, width, height;
};

struct tty {
    struct device device;
    struct terminal *terminal;  /* [const] the driver */
    struct line line;
    struct window_size size;
    struct session *session;    /* whose controlling terminal it is, or NULL */
    pid_t foreground;           /* process group, 0: none */
    bool is_full;               /* the driver holds typed bytes back */
    struct wait_queue readers;
    struct wait_queue writers;  /* for ^Q */
};

/* Makes every terminal there is a device, and /dev/tty and /dev/console, which is the
 * screen if there is one and it is wanted. A terminal's size is the driver's of now. */
void tty_init(bool console_on_screen);

/* Ends what the session has with its terminal, because its leader exits: SIGHUP to the
 * foreground group; files opened so far read end of file and cannot be written. */
void tty_hangup_session(struct session *session);

/* -- Between tty.c and tty_control.c ----------------------------------------------- */

/* Throws away what was typed. */
void tty_flush(struct tty *tty);

/* Readers and writers look again. */
void tty_wake(struct tty *tty);

/* Takes the terminal from all files that are open; those of /dev/console keep it. */
void tty_hang_up(struct tty *tty);

/* May the current process use the terminal as `signal` forbids to background processes?
 * 0; -ERESTART when it was stopped by that signal instead; -EIO. */
must_check int tty_check_background(struct tty *tty, int signal);

/* To the foreground group, if there is one. */
void tty_signal_foreground(struct tty *tty, int signal);

/* The controlling terminal of the current process, or NULL. */
struct tty *tty_of_session(void);

/* At open: a session leader without a terminal gets this one if it is free. */
void tty_acquire(struct tty *tty);

long tty_ioctl(struct file *file, uint32_t request, uptr_t argument);
