/* text_screen.c - a terminal's picture: characters, colours, cursor, escape sequences.
 *
 * Shape: bytes -> state machine -> cells; the rows it touched become "dirty", and
 * dev/screen.c draws those.
 *
 *      GROUND --ESC--> ESCAPE --[--> CSI --parameters, letter--> GROUND
 *                             --(--> SKIP --any--> GROUND         (character sets)
 *
 * Invariants: row < rows, column < columns, top < bottom < rows, always.
 * Linux: a VT100 with colours (TERM=vt100); inserting and deleting inside a line and
 *   the alternate screen and titles are not there. What is not ASCII shows as one `?`.
 * Tests: text_screen_host_test.c.
 * See: ECMA-48; the VT100 User Guide, chapter 3.
 */
#include "dev/text_screen.h"

#include "base/format.h"
#include "base/string.h"

enum state { GROUND, ESCAPE, CSI, SKIP };
enum { TAB = 8, WHITE = 7, BRIGHT = 8 };

static uint16_t blank(const struct text_screen *s) {
    static const uint8_t vga_colour[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
    const struct cursor *c = &s->cursor;
    unsigned front = vga_colour[c->foreground] | (c->bright ? BRIGHT : 0);
    unsigned back = vga_colour[c->background];

    if (c->reverse) return (uint16_t)(' ' | back << 8 | (front & 7) << 12);
    return (uint16_t)(' ' | front << 8 | back << 12);
}

static void touch(struct text_screen *s, unsigned first, unsigned end) {
    while (first < end) s->dirty[first++] = true;
}

/* Blanks the cells from one to another; both count from the top left corner. */
static void erase(struct text_screen *s, unsigned from, unsigned to) {
    uint16_t cell = blank(s);

    touch(s, from / s->columns, (to + s->columns - 1) / s->columns);
    while (from < to) s->cells[from++] = cell;
}

/* One line up or down: everything between top and bottom. */
static void scroll(struct text_screen *s, bool up) {
    uint16_t *top = s->cells + s->top * s->columns;
    size_t size = (s->bottom - s->top) * s->columns * sizeof(*top);

    memmove(up ? top : top + s->columns, up ? top + s->columns : top, size);
    unsigned new = (up ? s->bottom : s->top) * s->columns;
    erase(s, new, new + s->columns);
    touch(s, s->top, s->bottom + 1);
}

/* The cursor may stand anywhere; what is beyond the edge becomes the edge. */
static void move_to(struct text_screen *s, int row, int column) {
    s->cursor.row = (unsigned)min(max(row, 0), (int)s->rows - 1);
    s->cursor.column = (unsigned)min(max(column, 0), (int)s->columns - 1);
    s->wrap_next = false;
}

static void move_by(struct text_screen *s, int rows, int columns) {
    move_to(s, (int)s->cursor.row + rows, (int)s->cursor.column + columns);
}

/* To the next line, up or down; at the edge of what scrolls everything moves. */
static void line_feed(struct text_screen *s, bool down) {
    if (s->cursor.row == (down ? s->bottom : s->top)) scroll(s, down);
    else move_by(s, down ? 1 : -1, 0);
    s->wrap_next = false;
}

static unsigned cursor_cell(const struct text_screen *s) {
    return s->cursor.row * s->columns + s->cursor.column;
}

static void put_character(struct text_screen *s, uint8_t c) {
    if (s->wrap_next) {
        s->cursor.column = 0;
        line_feed(s, true);
    }
    s->cells[cursor_cell(s)] = (uint16_t)(blank(s) - ' ' + c);
    touch(s, s->cursor.row, s->cursor.row + 1);
    if (s->cursor.column + 1 < s->columns) s->cursor.column++;
    else s->wrap_next = !s->no_wrap;
}

static void control(struct text_screen *s, uint8_t c) {
    switch (c) {
    case '\b': return move_by(s, 0, -1);
    case '\t': return move_by(s, 0, TAB - (int)(s->cursor.column % TAB));
    case '\n':
    case '\v':
    case '\f': return line_feed(s, true);
    case '\r': return move_to(s, (int)s->cursor.row, 0);
    case 0x18:                  // CAN, SUB: away with a half sequence
    case 0x1a: s->state = GROUND; break;
    case 0x1b: s->state = ESCAPE; break;
    }
}

static void set_colour(struct cursor *c, unsigned code) {
    unsigned kind = code / 10, digit = code % 10;

    if (code == 0) {
        *c = (struct cursor){ .row = c->row, .column = c->column, .foreground = WHITE };
    } else if (code == 1 || code == 22) {
        c->bright = code == 1;
    } else if (code == 7 || code == 27) {
        c->reverse = code == 7;
    } else if (kind == 3 || kind == 9) {
        c->foreground = digit < 8 ? (uint8_t)digit : WHITE;
        c->bright |= kind == 9;
    } else if (kind == 4 || kind == 10) {
        c->background = digit < 8 ? (uint8_t)digit : 0;
    }
}

/* Parameter i; a missing one and 0 mean `otherwise`. Never more than a screen is
 * big. */
static int parameter(const struct text_screen *s, unsigned i, unsigned otherwise) {
    unsigned value = i < s->nr_parameters ? s->parameters[i] : 0;

    return (int)min(value ? value : otherwise, 9999u);
}

/* Of the cells from `first` to `end`: 0, from the cursor on; 1, up to it; else all. */
static void erase_part(struct text_screen *s, int what, unsigned first, unsigned end) {
    if (what <= 3)
        erase(s, what == 0 ? cursor_cell(s) : first,
              what == 1 ? cursor_cell(s) + 1 : end);
}

static void set_region(struct text_screen *s) {
    unsigned top = (unsigned)parameter(s, 0, 1) - 1;
    unsigned bottom = (unsigned)parameter(s, 1, s->rows) - 1;

    bottom = min(bottom, s->rows - 1);
    if (top >= bottom) return;
    s->top = top;
    s->bottom = bottom;
    move_to(s, 0, 0);
}

static void set_mode(struct text_screen *s, bool on) {
    if (!s->private) return;
    for (unsigned i = 0; i < s->nr_parameters; i++) {
        if (s->parameters[i] == 7) s->no_wrap = !on;
        if (s->parameters[i] == 25) s->hide_cursor = !on;
    }
}

static void report_status(struct text_screen *s) {
    if (s->private) return;
    format(s->answer, sizeof(s->answer),
           parameter(s, 0, 0) == 6 ? "\033[%u;%uR" : "\033[0n", s->cursor.row + 1,
           s->cursor.column + 1);
}

static void restore_cursor(struct text_screen *s) {
    s->cursor = s->saved;
    s->wrap_next = false;
}

static void run_sequence(struct text_screen *s, uint8_t letter) {
    unsigned row = s->cursor.row * s->columns;
    int n = parameter(s, 0, 1), what = parameter(s, 0, 0);

    switch (letter) {
    case 'A': return move_by(s, -n, 0);
    case 'B': return move_by(s, n, 0);
    case 'C': return move_by(s, 0, n);
    case 'D': return move_by(s, 0, -n);
    case 'G': return move_to(s, (int)s->cursor.row, n - 1);
    case 'd': return move_to(s, n - 1, (int)s->cursor.column);
    case 'H':
    case 'f': return move_to(s, n - 1, parameter(s, 1, 1) - 1);
    case 'J': return erase_part(s, what, 0, s->rows * s->columns);
    case 'K': return erase_part(s, what, row, row + s->columns);
    case 'm':
        for (unsigned i = 0; i < s->nr_parameters; i++)
            set_colour(&s->cursor, s->parameters[i]);
        break;
    case 'r': return set_region(s);
    case 'h':
    case 'l': return set_mode(s, letter == 'h');
    case 'n': return report_status(s);
    case 's': s->saved = s->cursor; break;
    case 'u': return restore_cursor(s);
    }
}

static void csi(struct text_screen *s, uint8_t c) {
    unsigned *last = &s->parameters[s->nr_parameters - 1];

    if (c >= '0' && c <= '9') {
        *last = min(*last * 10 + c - '0', 99999u);
    } else if (c == ';' && s->nr_parameters < PARAMETERS_MAX) {
        s->parameters[s->nr_parameters++] = 0;
    } else if (c >= '<' && c <= '?') {
        s->private = true;
    } else if (c >= '@') {
        s->state = GROUND;
        run_sequence(s, c);
    }
}

static void escape(struct text_screen *s, uint8_t c) {
    s->state = GROUND;
    switch (c) {
    case '[':
        s->state = CSI;
        s->private = false;
        s->nr_parameters = 1;
        s->parameters[0] = 0;
        break;
    case '(':
    case ')':
    case '#': s->state = SKIP; break;
    case '7': s->saved = s->cursor; break;
    case '8': return restore_cursor(s);
    case 'E': move_to(s, (int)s->cursor.row, 0); return line_feed(s, true);
    case 'D': return line_feed(s, true);
    case 'M': return line_feed(s, false);
    case 'c': return text_screen_init(s, s->rows, s->columns, s->cells);
    }
}

static void take(struct text_screen *s, uint8_t c) {
    if (c < ' ') {
        control(s, c);
    } else if (s->state == CSI) {
        csi(s, c);
    } else if (s->state == ESCAPE) {
        escape(s, c);
    } else if (s->state == SKIP) {
        s->state = GROUND;
    } else if (c < 0x7f) {
        put_character(s, c);
    } else if (c >= 0xc0) {     // the first byte of several
        put_character(s, '?');
    }
}

void text_screen_write(struct text_screen *s, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) take(s, (uint8_t)bytes[i]);
}

void text_screen_init(struct text_screen *s, unsigned rows, unsigned columns,
                      uint16_t *cells) {
    *s = (struct text_screen){ .rows = rows, .columns = columns, .cells = cells,
                               .bottom = rows - 1 };
    set_colour(&s->cursor, 0);
    s->saved = s->cursor;
    erase(s, 0, rows * columns);
}
