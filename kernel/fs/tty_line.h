/* tty_line.h - the line discipline: typed bytes become lines and echo, written bytes
 * become what a terminal wants. Pure: it knows neither processes nor devices.
 *
 *      bytes:   taken ......... complete ........ put
 *                 | readers may    | being edited   | the next typed byte
 *                 | take these     | (erase, kill)  |
 *
 * In raw mode `complete` means nothing and readers take everything up to `put`.
 */
#pragma once

#include "base/types.h"

enum input_flag {
    IGNBRK = 1, BRKINT = 2, ISTRIP = 040, INLCR = 0100, IGNCR = 0200, ICRNL = 0400,
    IXON = 02000, IXANY = 04000, IUTF8 = 040000,
};
enum output_flag {
    OPOST = 1, ONLCR = 4, OCRNL = 010, ONOCR = 020, ONLRET = 040, XTABS = 014000,
};
enum control_flag { B38400 = 017, CS8 = 060, CREAD = 0200, HUPCL = 02000 };
enum local_flag {
    ISIG = 1, ICANON = 2, ECHO = 010, ECHOE = 020, ECHOK = 040, ECHONL = 0100,
    NOFLSH = 0200, TOSTOP = 0400, ECHOCTL = 01000, ECHOPRT = 02000, ECHOKE = 04000,
    IEXTEN = 0100000,
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
    /* Sends bytes to the device. */
    void (*output)(struct line *line, const char *bytes, size_t size);
    struct termios termios;
    uint32_t taken, complete, put;      /* bytes ever; they wrap at 2^32 */
    bool literal_next;          /* after ^V */
    bool stopped;               /* after ^S */
    unsigned column;            /* of the cursor */
    unsigned start_column;      /* where the line being edited begins */
    unsigned out_length;
    char out[128];              /* output collected for one call of the device */
    uint8_t bytes[LINE_SIZE];
    uint32_t ends[LINE_SIZE / 32];      /* a bit for each byte that ends a line; a NUL
                                           that does so is the end of file (^D) */
};

/* With Linux's default modes. */
void line_init(struct line *line, void (*output)(struct line *, const char *, size_t));

enum line_event {               /* what line_input did, besides echoing */
    LINE_READABLE = 0x100,      /* readers should look */
    LINE_GO = 0x200,            /* output that was stopped may go on */
    LINE_SIGNAL = 0xff,         /* the signal to send, or 0 */
};

/* Takes a typed byte. */
unsigned line_input(struct line *line, uint8_t byte);

/* Whether a further byte would not be lost. */
bool line_has_room(const struct line *line);

/* Whether a read would find something; for poll, whether VMIN allows it to return. */
bool line_is_readable(const struct line *line, bool for_poll);

/* How much of `taken` on a read of size bytes gets; *consume is what that uses up, one
 * more when it ends in an end of file. */
size_t line_peek(const struct line *line, size_t size, size_t *consume);
void line_consume(struct line *line, size_t size);

/* The bytes a reader could take now (FIONREAD). */
size_t line_count(const struct line *line);

/* Throws away what was typed and not yet read. */
void line_flush(struct line *line);

/* New modes take effect on what is there already, as Linux does it. */
void line_set_modes(struct line *line, const struct termios *modes);

/* Output, processed as the modes say. */
void line_write(struct line *line, const char *bytes, size_t size);

static inline bool line_is_canonical(const struct line *line)
{
    return line->termios.local & ICANON;
}

static inline bool line_ends_at(const struct line *line, uint32_t at)
{
    at &= LINE_SIZE - 1;
    return line->ends[at / 32] >> (at % 32) & 1;
}

static inline uint8_t line_byte(const struct line *line, uint32_t at)
{
    return line->bytes[at & (LINE_SIZE - 1)];
}

/* -- Between the parts: tty_line.c, tty_edit.c, tty_output.c ----------------------- */

/* Takes a key that changes the line being edited; false when c is none. */
bool line_edit(struct line *line, uint8_t c);

void line_echo(struct line *line, uint8_t c);       /* control characters as ^X */
void line_echo_plain(struct line *line, char c);
void line_send(struct line *line);                  /* what `out` has collected */

static inline bool line_has(const struct line *line, enum local_flag flag)
{
    return line->termios.local & flag;
}

/* Is c this control character? A 0 among them means that there is none. */
static inline bool line_key_is(const struct line *line, uint8_t c,
                               enum control_character which)
{
    return c != 0 && c == line->termios.characters[which];
}

static inline bool byte_is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

/* A byte of a character of several, but not its first. */
static inline bool line_continues(const struct line *line, uint8_t c)
{
    return line->termios.input & IUTF8 && (c & 0xc0) == 0x80;
}
