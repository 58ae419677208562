/* tty.h - a terminal: a device, the line discipline on it, and job control.
 *
 *      keyboard, serial line --> tty_input --> [ line ] --> read
 *                                   | echo, ^C ^Z ^\            job control
 *      screen, serial line   <-- output processing <---------- write
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
    uint64_t hangups;           /* so far; a file remembers the number at its opening */
    bool is_full;               /* the driver holds typed bytes back */
    bool is_writing;            /* somebody is in the middle of a write(2) */
    struct wait_queue readers;
    struct wait_queue writers;  /* for their turn, or for ^Q */
};

/* Makes every terminal there is a device, and /dev/tty and /dev/console, which is the
 * screen if there is one and it is wanted. A terminal's size is the driver's of now. */
void tty_init(bool console_on_screen);

/* Ends what the session has with its terminal, because its leader exits: SIGHUP to the
 * foreground group; files opened so far read end of file and cannot be written. */
void tty_hangup_session(struct session *session);

/* -- Between tty.c, tty_job.c and tty_ioctl.c -------------------------------------- */

/* Was it opened before the last hangup? Never true of /dev/console. */
bool tty_is_hung_up(const struct file *file);
bool tty_is_console(const struct file *file);

/* Readers have taken something, or it was thrown away. */
void tty_made_room(struct tty *tty);

/* May the current process use the terminal as `signal` forbids to background processes?
 * 0; -ERESTART when it was stopped by that signal instead; -EIO. */
must_check int tty_check_background(struct tty *tty, int signal);

/* To the foreground group, if there is one. */
void tty_signal_foreground(struct tty *tty, int signal);

/* The controlling terminal of the current process, or NULL. */
struct tty *tty_of_session(void);

/* At open: a session leader without a terminal gets this one if it is free. */
void tty_acquire(struct tty *tty);

/* The ioctls of job control; -ENOTTY for others. */
long tty_job_ioctl(struct tty *tty, const struct file *file, uint32_t request,
                   uptr_t argument);
long tty_ioctl(struct file *file, uint32_t request, uptr_t argument);

enum {                          /* requests, from Linux's asm-generic/ioctls.h */
    TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404,
    TCSBRK = 0x5409, TCXONC = 0x540A, TCFLSH = 0x540B, TIOCSCTTY = 0x540E,
    TIOCGPGRP = 0x540F, TIOCSPGRP = 0x5410, TIOCOUTQ = 0x5411, TIOCGWINSZ = 0x5413,
    TIOCSWINSZ = 0x5414, TIOCINQ = 0x541B, TIOCNOTTY = 0x5422, TCSBRKP = 0x5425,
    TIOCGSID = 0x5429,
};
