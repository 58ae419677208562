/* text_screen.h - what a screen of characters shows: bytes in, cells changed.
 *
 * Pure: it knows neither VGA nor pixels, so the host can test it. Understands the part
 * of ANSI X3.64 and DEC VT100 that editors, pagers and shells use.
 */
#pragma once

#include "base/types.h"

enum { PARAMETERS_MAX = 8, ROWS_MAX = 64 };

struct cursor {
    unsigned row, column;
    uint8_t foreground, background; /* 0 .. 7: black red green yellow blue ... */
    bool bright, reverse;
};

struct text_screen {
    unsigned rows, columns;     /* [const] */
    uint16_t *cells;            /* [const] character | attribute << 8, as in VGA */
    char answer[24];            /* to a program that asked where the cursor is, or "" */
    struct cursor cursor, saved;
    bool wrap_next;             /* the last column was filled: the next one wraps */
    bool hide_cursor, no_wrap;
    unsigned top, bottom;       /* first and last row of what scrolls */
    bool dirty[ROWS_MAX];       /* rows changed since somebody set it to false */
    uint8_t state;              /* of the parser */
    bool private;               /* CSI ? */
    unsigned nr_parameters;
    unsigned parameters[PARAMETERS_MAX];
};

/* cells has room for rows * columns; all are blank afterwards. */
void text_screen_init(struct text_screen *s, unsigned rows, unsigned columns,
                      uint16_t *cells);
void text_screen_write(struct text_screen *s, const char *bytes, size_t size);
