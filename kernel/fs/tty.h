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
    pid_t session;              /* whose controlling terminal it is; 0: nobody's */
    pid_t foreground;           /* process group, 0: none */
    struct wait_queue readers;
    struct wait_queue writers;  /* for ^Q */
};

/* Makes every terminal there is a device, and /dev/tty and /dev/console, which is the
 * screen if there is one and it is wanted. A terminal's size is the driver's of now. */
void tty_init(bool console_on_screen);

/* Ends what the session has with its terminal, because its leader exits: SIGHUP to the
 * foreground group; files opened so far read end of file and cannot be written. */
void tty_hangup_session(pid_t session);
struct tty *tty_of_session(pid_t session);      /* or NULL */
