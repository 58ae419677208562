/* text_screen.h - what a screen of characters shows: bytes in, cells changed; font.
 *
 * Pure: it knows neither VGA nor pixels, so the host can test it. Understands the part
 * of ANSI X3.64 that editors, pagers and shells use.
 */
#pragma once

#include "base/types.h"

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16 };

/* The characters as dots, by code page 437, one byte a line of dots, the highest bit is
 * the leftmost dot; tools/make-font writes build/font.c. */
extern const uint8_t font[256][FONT_HEIGHT];

enum { PARAMETERS_MAX = 8 };

struct text_screen {
    unsigned rows, columns;     /* [const] */
    uint16_t *cells;            /* [const] character | attribute << 8, as in VGA */
    unsigned dirty, dirty_end;  /* all cells changed since somebody set both to 0 */
    unsigned row, column;       /* of the cursor */
    bool wrap_next;             /* the last column was filled: the next one wraps */
    uint8_t front, back;        /* VGA's colours */
    bool reverse;
    uint8_t state;              /* of the parser */
    unsigned nr_parameters, parameters[PARAMETERS_MAX];
    char answer[24];            /* to a program that asked where the cursor is, or "" */
};

/* cells has room for rows * columns; all are blank afterwards. */
void text_screen_init(struct text_screen *s, unsigned rows, unsigned columns,
                      uint16_t *cells);
void text_screen_write(struct text_screen *s, const char *bytes, size_t size);
