/* tty_line.c - the line discipline, as Linux's n_tty has it.
 *
 * Shape: tty_line.h has the picture. Whatever disappears from the line being edited
 *   disappears from the screen: the cursor goes back to the column where the line now
 *   ends, over tabs and ^X alike.
 * Invariants: taken <= complete <= put <= taken + LINE_SIZE. In raw mode nothing is
 *   edited: complete is put. Every call leaves `out` empty.
 * Linux: output is not kept back when ^S has stopped it, writers are (fs/tty.c); so
 *   what is typed is echoed at once. A NUL cannot be typed into a line. VEOL, VLNEXT,
 *   VREPRINT and VDISCARD do nothing, nor do the modes that tty_line.h does not name.
 * Tests: tty_line_host_test.c.
 * See: POSIX, Base Definitions, 11 (General Terminal Interface); termios(3).
 */
#include "fs/tty_line.h"

#include "sched/signal.h"

#define KEY(letter) ((letter) ^ 0x40)   /* with the control key */

const struct termios default_modes = {
    .input = ICRNL | IXON, .output = OPOST | ONLCR,
    .control = B38400 | CS8 | CREAD | HUPCL,
    .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .characters = {
        [VINTR] = KEY('C'), [VQUIT] = KEY('\\'), [VERASE] = 0x7f,
        [VKILL] = KEY('U'), [VEOF] = KEY('D'), [VMIN] = 1, [VSTART] = KEY('Q'),
        [VSTOP] = KEY('S'), [VSUSP] = KEY('Z'), [VREPRINT] = KEY('R'),
        [VDISCARD] = KEY('O'), [VWERASE] = KEY('W'),
    },
};

static uint8_t byte_at(const struct line *l, uint32_t at) {
    return l->bytes[at & (LINE_SIZE - 1)];
}

/* Is c this control character? A 0 among them means that there is none. */
static bool is_key(const struct line *l, uint8_t c, enum control_character which) {
    return c != 0 && c == l->termios.characters[which];
}

static bool is_control(uint8_t c) { return c < 0x20 || c == 0x7f; }

/* -- Output and echo --------------------------------------------------------------- */

static void send(struct line *l) {
    size_t length = l->out_length;

    // emptied first: a screen may answer what it is shown, and the answer is echoed
    l->out_length = 0;
    if (length) l->output(l->out, length);
}

/* Shows one byte, and follows the cursor. */
static void show(struct line *l, uint8_t c) {
    const uint32_t newline = OPOST | ONLCR;

    if (c == '\n' && (l->termios.output & newline) == newline) show(l, '\r');
    if (c == '\r') l->column = l->start_column = 0;
    else if (c == '\t') l->column = (l->column | 7) + 1;
    else if (c == '\b') l->column -= l->column > 0;
    else if (!is_control(c)) l->column++;
    if (l->out_length == sizeof(l->out)) send(l);
    l->out[l->out_length++] = (char)c;
}

void line_write(struct line *l, const char *bytes, size_t size) {
    if (!(l->termios.output & OPOST)) {
        l->output(bytes, size);
        return;
    }
    for (size_t i = 0; i < size; i++) show(l, (uint8_t)bytes[i]);
    send(l);
}

/* Echoes a typed byte; control characters as ^X. */
static void echo(struct line *l, uint8_t c) {
    bool as_letter = line_has(l, ECHOCTL) && is_control(c) && c != '\t' && c != '\n';

    if (!line_has(l, ECHO)) return;
    if (as_letter) show(l, '^');
    show(l, as_letter ? KEY(c) : c);
}

/* -- Editing ----------------------------------------------------------------------- */

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* The keys that change the line; false when c is none of them. */
static bool edit(struct line *l, uint8_t c) {
    uint32_t at = l->put;

    if (is_key(l, c, VERASE)) {
        at -= at != l->complete;
    } else if (is_key(l, c, VWERASE)) {
        while (at != l->complete && is_blank(byte_at(l, at - 1))) at--;
        while (at != l->complete && !is_blank(byte_at(l, at - 1))) at--;
    } else if (is_key(l, c, VKILL)) {
        at = l->complete;
    } else {
        return false;
    }
    l->put = at;
    unsigned end = l->start_column;     // where the line now ends
    for (at = l->complete; at != l->put; at++) {
        uint8_t shown = byte_at(l, at);
        if (shown == '\t') end = (end | 7) + 1;
        else if (is_control(shown)) end += line_has(l, ECHOCTL) ? 2 : 0;
        else end++;
    }
    while (line_has(l, ECHO) && l->column > end)
        for (const char *blank = "\b \b"; *blank; blank++) show(l, (uint8_t)*blank);
    return true;
}

/* -- Input ------------------------------------------------------------------------- */

unsigned line_input(struct line *l, uint8_t c) {
    bool in_lines = line_has(l, ICANON), flow = l->termios.input & IXON;
    unsigned event = 0, signal = is_key(l, c, VINTR)   ? SIGINT
                                 : is_key(l, c, VQUIT) ? SIGQUIT
                                 : is_key(l, c, VSUSP) ? SIGTSTP
                                                       : 0;

    if (flow && (is_key(l, c, VSTART) || is_key(l, c, VSTOP))) {
        l->stopped = is_key(l, c, VSTOP);
        return LINE_CHANGED;
    }
    if (c == '\r' && (l->termios.input & ICRNL)) c = '\n';
    if (l->put == l->complete) l->start_column = l->column;
    if (signal && line_has(l, ISIG)) {
        if (!line_has(l, NOFLSH)) line_flush(l);
        echo(l, c);
        l->stopped = false;
        event = signal | LINE_CHANGED;
    } else if (!in_lines || (c && !edit(l, c))) {
        bool is_end = in_lines && is_key(l, c, VEOF);
        if (!is_end) echo(l, c);
        // too long a line's end can still be typed; else the device could have asked
        if (l->put - l->complete == LINE_SIZE) l->put--;
        if (l->put - l->taken < LINE_SIZE)
            l->bytes[l->put++ & (LINE_SIZE - 1)] = is_end ? 0 : c;
        if (!in_lines || is_end || c == '\n') {
            l->complete = l->put;
            event = LINE_CHANGED;
        }
    }
    send(l);
    return event;
}

/* -- For readers ------------------------------------------------------------------- */

size_t line_peek(const struct line *l, size_t size, size_t *consume) {
    size_t there = line_count(l), n = 0;

    if (!line_has(l, ICANON)) return *consume = min(size, there);
    while (n < there) {
        uint8_t c = byte_at(l, l->taken + n);
        if (c == 0) {           // behind the last byte, too: it goes with that
            *consume = n + 1;
            return n;
        }
        if (n == size) break;
        n++;
        if (c == '\n') break;
    }
    return *consume = n;
}
