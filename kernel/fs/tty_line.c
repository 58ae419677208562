/* tty_line.c - the line discipline, as Linux's n_tty has it.
 *
 * Shape: tty_line.h has the picture. Whatever disappears from the line being edited
 *   disappears from the screen: the cursor goes back to the column where the line now
 *   ends, over tabs and ^X alike.
 * Invariants: taken <= complete <= put <= taken + LINE_SIZE in canonical mode. Every
 *   call leaves `out` empty.
 * Linux: output is not kept back when ^S has stopped it, writers are (fs/tty.c); so
 *   what is typed is echoed at once. A NUL cannot be typed into a line. VEOL, VREPRINT
 *   and VDISCARD do nothing, nor do the modes that tty_line.h does not name.
 * Tests: tty_line_host_test.c.
 * See: POSIX, Base Definitions, 11 (General Terminal Interface); termios(3).
 */
#include "fs/tty_line.h"

#include "base/string.h"
#include "sched/signal.h"

#define KEY(letter) ((letter) ^ 0x40)   /* with the control key */

void line_init(struct line *l, void (*output)(struct line *, const char *, size_t)) {
    static const struct termios defaults = {
        .input = ICRNL | IXON, .output = OPOST | ONLCR,
        .control = B38400 | CS8 | CREAD | HUPCL,
        .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
        .characters = {
            [VINTR] = KEY('C'), [VQUIT] = KEY('\\'), [VERASE] = 0x7f,
            [VKILL] = KEY('U'), [VEOF] = KEY('D'), [VMIN] = 1, [VSTART] = KEY('Q'),
            [VSTOP] = KEY('S'), [VSUSP] = KEY('Z'), [VREPRINT] = KEY('R'),
            [VDISCARD] = KEY('O'), [VWERASE] = KEY('W'), [VLNEXT] = KEY('V'),
        },
    };

    memset(l, 0, sizeof(*l));
    l->output = output;
    l->termios = defaults;
}

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
    if (length) l->output(l, l->out, length);
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
        l->output(l, bytes, size);
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

/* The column where the line being edited ends. */
static unsigned end_column(const struct line *l) {
    unsigned column = l->start_column;

    for (uint32_t at = l->complete; at != l->put; at++) {
        uint8_t c = byte_at(l, at);
        if (c == '\t') column = (column | 7) + 1;
        else if (is_control(c)) column += line_has(l, ECHOCTL) ? 2 : 0;
        else column++;
    }
    return column;
}

/* Cuts the line off at `put`, on the screen too. */
static void cut(struct line *l, uint32_t put) {
    l->put = put;
    for (unsigned end = end_column(l); line_has(l, ECHO) && l->column > end;) {
        show(l, '\b');
        show(l, ' ');
        show(l, '\b');
    }
}

/* Moves `at` back to the start of a run of blanks, or of others. */
static uint32_t skip_back(const struct line *l, uint32_t at, bool blanks) {
    while (at != l->complete) {
        uint8_t c = byte_at(l, at - 1);
        if ((c == ' ' || c == '\t') != blanks) break;
        at--;
    }
    return at;
}

/* The keys that change the line; false when c is none of them. */
static bool edit(struct line *l, uint8_t c) {
    uint32_t at = l->put;

    if (is_key(l, c, VERASE)) {
        cut(l, at - (at != l->complete));
    } else if (is_key(l, c, VWERASE)) {
        cut(l, skip_back(l, skip_back(l, at, true), false));
    } else if (is_key(l, c, VKILL)) {
        cut(l, l->complete);
    } else {
        return false;
    }
    return true;
}

/* -- Input ------------------------------------------------------------------------- */

static void put(struct line *l, uint8_t c) {
    if (l->put - l->taken == LINE_SIZE) {
        if (!line_has(l, ICANON) || l->complete != l->taken)
            return;             // the device did not ask whether there is room
        l->put--;               // too long a line: its end can still be typed
    }
    l->bytes[l->put++ & (LINE_SIZE - 1)] = c;
}

/* Stores a byte that is text, after its echo; the first of a line sets where that
 * begins. */
static unsigned put_text(struct line *l, uint8_t c) {
    if (l->put == l->complete) l->start_column = l->column;
    if (line_has(l, ICANON) && c == 0) return 0;
    echo(l, c);
    put(l, c);
    return line_has(l, ICANON) ? 0 : LINE_READABLE;
}

static unsigned put_end(struct line *l, uint8_t c) {
    put(l, c);
    l->complete = l->put;
    return LINE_READABLE;
}

static unsigned go(struct line *l) {
    bool was_stopped = l->stopped;

    l->stopped = false;
    return was_stopped ? LINE_GO : 0;
}

static unsigned take_canonical(struct line *l, uint8_t c) {
    if (edit(l, c)) return 0;
    if (is_key(l, c, VLNEXT)) {
        l->literal_next = true;
        if (line_has(l, ECHO)) show(l, '^'), show(l, '\b');
        return 0;
    }
    if (is_key(l, c, VEOF)) return put_end(l, 0);
    if (c != '\n') return put_text(l, c);
    echo(l, c);
    return put_end(l, c);
}

/* A key that sends a signal. */
static unsigned take_signal(struct line *l, uint8_t c, unsigned signal) {
    if (!line_has(l, NOFLSH)) line_flush(l);
    echo(l, c);
    return signal | go(l);
}

static unsigned take(struct line *l, uint8_t c) {
    uint32_t flags = l->termios.input;
    bool is_literal = l->literal_next;

    l->literal_next = false;
    if (is_literal) return put_text(l, c);
    if ((flags & IXON) && is_key(l, c, VSTART)) return go(l);
    if ((flags & IXON) && is_key(l, c, VSTOP)) {
        l->stopped = true;
        return 0;
    }
    if (line_has(l, ISIG)) {
        if (is_key(l, c, VINTR)) return take_signal(l, c, SIGINT);
        if (is_key(l, c, VQUIT)) return take_signal(l, c, SIGQUIT);
        if (is_key(l, c, VSUSP)) return take_signal(l, c, SIGTSTP);
    }
    if (c == '\r' && (flags & ICRNL)) c = '\n';
    return line_has(l, ICANON) ? take_canonical(l, c) : put_text(l, c);
}

unsigned line_input(struct line *l, uint8_t byte) {
    unsigned event = take(l, byte);

    send(l);
    return event;
}

/* -- For readers ------------------------------------------------------------------- */

bool line_has_room(const struct line *l) {
    return l->put - l->taken < LINE_SIZE - 1
           || (line_has(l, ICANON) && l->complete == l->taken);
}

size_t line_count(const struct line *l) {
    return (line_has(l, ICANON) ? l->complete : l->put) - l->taken;
}

size_t line_peek(const struct line *l, size_t size, size_t *consume) {
    size_t there = line_count(l), n = min(size, there);

    // one more is looked at: an end of file right behind the last byte goes with it
    for (size_t i = 0; line_has(l, ICANON) && i < min(size + 1, there); i++) {
        uint8_t c = byte_at(l, l->taken + i);
        if (c != 0 && c != '\n') continue;
        n = min(size, c ? i + 1 : i);
        *consume = c ? n : i + 1;
        return n;
    }
    *consume = n;
    return n;
}

void line_flush(struct line *l) {
    l->taken = l->complete = l->put;
    l->literal_next = false;
}

void line_set_modes(struct line *l, const struct termios *modes) {
    // what was typed in raw mode reads as a line
    if ((l->termios.local ^ modes->local) & ICANON) l->complete = l->put;
    if (!(modes->input & IXON)) l->stopped = false;
    l->termios = *modes;
}
