/* tty_line.h - the line discipline: typed bytes become lines and echo, written bytes
 * become what a terminal wants. Pure: it knows neither processes nor devices, and is
 * also compiled for host tests.
 *
 *      bytes:   taken ......... complete ........ put
 *                 | readers may    | being edited   | the next typed byte
 *                 | take these     | (erase, kill)  |
 */
#pragma once

#include "base/types.h"

/* Of the modes of termios(3) those that do something here, or are on by default. */
enum input_flag { ICRNL = 0400, IXON = 02000 };
enum output_flag { OPOST = 1, ONLCR = 4 };
enum control_flag { B38400 = 017, CS8 = 060, CREAD = 0200, HUPCL = 02000 };
enum local_flag {
    ISIG = 1, ICANON = 2, ECHO = 010, ECHOE = 020, ECHOK = 040, NOFLSH = 0200,
    TOSTOP = 0400, ECHOCTL = 01000, ECHOKE = 04000, IEXTEN = 0100000,
};
enum control_character {
    VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL,
    VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2, CHARACTERS = 19
};

struct termios {                /* as the kernel interface has it: 36 bytes */
    uint32_t input, output, control, local;
    uint8_t line;
    uint8_t characters[CHARACTERS];
};
static_assert(sizeof(struct termios) == 36, "Linux ABI");

#define LINE_SIZE 4096u         /* a power of two */

struct line {
    void (*output)(const char *bytes, size_t size);     /* the device's */
    struct termios termios;     /* at first default_modes; all else is 0 */
    uint32_t taken, complete, put;      /* bytes ever; they wrap at 2^32 */
    bool stopped;               /* after ^S */
    unsigned column;            /* of the cursor */
    unsigned start_column;      /* where the line being edited begins */
    unsigned out_length;
    char out[128];              /* output collected for one call of the device */
    uint8_t bytes[LINE_SIZE];   /* in lines, a NUL is an end of file (^D) */
};

static inline bool line_has(const struct line *line, enum local_flag flag) {
    return line->termios.local & flag;
}

/* Whether a further byte would not be lost. */
static inline bool line_has_room(const struct line *l) {
    return l->put - l->taken < LINE_SIZE - 1 || l->complete == l->taken;
}

/* What readers could take now; an end of file counts as one. */
static inline size_t line_count(const struct line *l) { return l->complete - l->taken; }

/* Throws away what was typed and not yet read. */
static inline void line_flush(struct line *l) { l->taken = l->complete = l->put; }

/* New modes take effect on what is there already, as Linux does it. */
static inline void line_set_modes(struct line *l, const struct termios *modes) {
    if (!(modes->local & ICANON)) l->complete = l->put;
    if (!(modes->input & IXON)) l->stopped = false;
    l->termios = *modes;
}

extern const struct termios default_modes;      /* Linux's */

/* Output, processed as the modes say. */
void line_write(struct line *line, const char *bytes, size_t size);

enum line_event {               /* what line_input did, besides echoing */
    LINE_CHANGED = 0x100,       /* readers and writers should look */
    LINE_SIGNAL = 0xff,         /* the signal to send, or 0 */
};

/* Takes a typed byte. */
unsigned line_input(struct line *line, uint8_t byte);

/* How much of `taken` on a read of size bytes gets; *consume is by how much it moves
 * `taken` on: one more when it ends in an end of file. */
size_t line_peek(const struct line *line, size_t size, size_t *consume);
