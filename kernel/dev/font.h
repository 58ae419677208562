/* font.h - the screen's characters as dots; tools/make-font writes build/font.c. */
#pragma once

#include "base/types.h"

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16 };

/* By code page 437, one byte a line of dots, the highest bit is the leftmost dot. */
extern const uint8_t font[256][FONT_HEIGHT];
