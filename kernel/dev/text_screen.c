/* text_screen.c - a terminal's picture: characters, colours, cursor, escape sequences.
 *
 * Shape: bytes -> state machine -> cells; those it touched become "dirty", and
 * dev/screen.c draws them.
 *
 *      GROUND --ESC--> ESCAPE --[--> CSI ---parameters, letter---> GROUND
 *                         |           +--?--> PRIVATE --letter---> GROUND
 *                         +--(--> SKIP --any--> GROUND         (character sets)
 *
 * Invariants: row < rows, column < columns; outside dirty .. dirty_end no cell changed.
 * Linux: a VT100 as far as busybox, and programs with colours, use one (TERM=vt100).
 *   Regions that scroll, modes, saved cursors and inserting are read over. What is not
 *   ASCII shows as one `?`.
 * Tests: text_screen_host_test.c.
 * See: ECMA-48; the VT100 User Guide, chapter 3.
 */
#include "dev/text_screen.h"

#include "base/format.h"
#include "base/string.h"

enum state { GROUND, ESCAPE, CSI, PRIVATE, SKIP };
enum { TAB = 8, WHITE = 7, BRIGHT = 8 };

/* Blanks the cells from one to another; both count from the top left corner. */
static void erase(struct text_screen *s, unsigned from, unsigned to) {
    unsigned front = s->reverse ? s->back : s->front;
    unsigned back = s->reverse ? s->front & WHITE : s->back;

    s->dirty = s->dirty_end ? min(s->dirty, from) : from;
    s->dirty_end = max(s->dirty_end, to);
    while (from < to) s->cells[from++] = (uint16_t)(' ' | front << 8 | back << 12);
}

/* The cursor may stand anywhere; what is beyond the edge becomes the edge. */
static void move_to(struct text_screen *s, int row, int column) {
    s->row = (unsigned)min(max(row, 0), (int)s->rows - 1);
    s->column = (unsigned)min(max(column, 0), (int)s->columns - 1);
    s->wrap_next = false;
}

static void move_by(struct text_screen *s, int rows, int columns) {
    move_to(s, (int)s->row + rows, (int)s->column + columns);
}

/* To the next line; from the last one everything moves up. */
static void line_feed(struct text_screen *s) {
    unsigned last = (s->rows - 1) * s->columns;

    if (s->row == s->rows - 1) {
        memmove(s->cells, s->cells + s->columns, last * sizeof(*s->cells));
        erase(s, last, last + s->columns);
        s->dirty = 0;
    }
    move_by(s, 1, 0);
}

static unsigned cursor_cell(const struct text_screen *s) {
    return s->row * s->columns + s->column;
}

static void set_colour(struct text_screen *s, unsigned code) {
    static const uint8_t vga_colour[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
    unsigned kind = code / 10, digit = code % 10, bright = s->front & BRIGHT;
    bool front = kind == 3 || kind == 9, back = kind == 4 || kind == 10;
    uint8_t colour = digit < 8 ? vga_colour[digit] : front ? WHITE : 0;

    if (code == 0) s->front = WHITE, s->back = 0, s->reverse = false;
    if (code == 1 || code == 22)
        s->front = (s->front & WHITE) | (code == 1 ? BRIGHT : 0);
    if (code == 7 || code == 27) s->reverse = code == 7;
    if (front) s->front = (uint8_t)(colour | (kind == 9 ? BRIGHT : bright));
    if (back) s->back = colour;
}

/* A control character, or the letter that ends a sequence. */
static void obey(struct text_screen *s, uint8_t c) {
    unsigned at = cursor_cell(s), row = s->row * s->columns;
    // a missing parameter and 0 mean 1, except where they say what is meant
    int what = (int)s->parameters[0], n = max(what, 1);

    switch (c) {
    case '\b': return move_by(s, 0, -1);
    case '\t': return move_by(s, 0, TAB - (int)(s->column % TAB));
    case '\n': return line_feed(s);
    case '\r': return move_to(s, (int)s->row, 0);
    case 0x18: s->state = GROUND; break;        // CAN: away with a half sequence
    case 0x1b: s->state = ESCAPE; break;
    case 'A': return move_by(s, -n, 0);
    case 'B': return move_by(s, n, 0);
    case 'C': return move_by(s, 0, n);
    case 'D': return move_by(s, 0, -n);
    case 'G': return move_to(s, (int)s->row, n - 1);
    case 'd': return move_to(s, n - 1, (int)s->column);
    case 'H': return move_to(s, n - 1, max((int)s->parameters[1], 1) - 1);
    case 'J':                   // of the screen: 0, from the cursor on; 1, up to it ...
        return erase(s, what == 0 ? at : 0, what == 1 ? at + 1 : s->rows * s->columns);
    case 'K':                   // ... and of its row
        return erase(s, what == 0 ? at : row, what == 1 ? at + 1 : row + s->columns);
    case 'm':
        for (unsigned i = 0; i < s->nr_parameters; i++) set_colour(s, s->parameters[i]);
        break;
    case 'n':
        if (what == 6)
            format(s->answer, sizeof(s->answer), "\033[%u;%uR", s->row + 1,
                   s->column + 1);
    }
}

static void take(struct text_screen *s, uint8_t c) {
    unsigned *end = s->parameters + s->nr_parameters;

    if (c < ' ') return obey(s, c);
    switch (s->state) {
    case ESCAPE:
        s->state = c == '[' ? CSI : c == '(' || c == ')' || c == '#' ? SKIP : GROUND;
        s->nr_parameters = 1;
        memset(s->parameters, 0, sizeof(s->parameters));
        if (c == 'c') text_screen_init(s, s->rows, s->columns, s->cells);
        return;
    case CSI:
    case PRIVATE:
        if (c >= '0' && c <= '9') end[-1] = min(end[-1] * 10 + c - '0', 9999u);
        if (c == ';' && s->nr_parameters < PARAMETERS_MAX) s->nr_parameters++;
        if (c >= '<' && c <= '?') s->state = PRIVATE;
        if (c < '@') return;
        if (s->state == CSI) obey(s, c);
        // fall through
    case SKIP: s->state = GROUND; return;
    }
    if (c >= 0x7f && c < 0xc0) return;  // DEL; of several bytes not the first
    if (s->wrap_next) {
        s->column = 0;
        line_feed(s);
    }
    erase(s, cursor_cell(s), cursor_cell(s) + 1);
    s->cells[cursor_cell(s)] += (uint16_t)((c < 0x7f ? c : '?') - ' ');
    if (s->column + 1 < s->columns) s->column++;
    else s->wrap_next = true;
}

void text_screen_write(struct text_screen *s, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) take(s, (uint8_t)bytes[i]);
}

void text_screen_init(struct text_screen *s, unsigned rows, unsigned columns,
                      uint16_t *cells) {
    *s = (struct text_screen){ .rows = rows, .columns = columns, .cells = cells,
                               .front = WHITE };
    erase(s, 0, rows * columns);
}
