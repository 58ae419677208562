/* terminal.h - where drivers and the terminals of kernel/fs meet.
 *
 *      fs/tty.c  -- output() -->  serial line, screen
 *                <-- input() --   serial line, keyboard
 *
 * A driver fills in a struct terminal; fs/tty.c puts a line discipline and a device
 * file on top of it and sets `input`. Until then typed bytes are dropped.
 */
#pragma once

#include "base/types.h"

/* Of their devices: major << 8 | minor, as on Linux. */
enum { SERIAL_NUMBER = 4 << 8 | 64, SCREEN_NUMBER = 4 << 8 | 1 };

struct terminal {
    const char *name;           /* [const] below /dev: "ttyS0" */
    uint32_t number;            /* [const] of the device */
    uint16_t rows, columns;     /* at the start; a program may change the tty's own */
    /* Shows bytes; must not sleep. NULL: there is no such device. */
    void (*output)(const char *bytes, size_t size);
    /* There is room again after `input` said no; NULL: the driver drops instead. */
    void (*resume)(void);
    /* Takes a typed byte, lock held, from an interrupt. False: that was the last one
     * there was room for. NULL: nobody listens yet. */
    bool (*input)(struct terminal *terminal, uint8_t byte);
};

extern struct terminal serial_terminal, screen_terminal;

static inline bool terminal_input(struct terminal *terminal, uint8_t byte) {
    return !terminal->input || terminal->input(terminal, byte);
}

/* Finds COM1 and QEMU's debug console and makes them sinks of the log. Needs nothing:
 * may be the first call of the kernel. */
void serial_early_init(void);

struct boot_info;

/* Finds a screen, VGA text or a framebuffer, and makes it a sink of the log. After
 * kernel_map_init. */
void screen_init(const struct boot_info *boot);

/* From here on typed bytes arrive by interrupt: the serial line's, and those of the
 * PC's keyboard, if there is one, which belong to the screen. After tty_init. */
void serial_start(void);
void keyboard_start(void);
