/* format.h - printf's formatting into a buffer.
 *
 * Understands %d %u %x %o %c %s %p %% with the flags - and 0, a width, and the lengths
 * l, ll and z. Nothing else: an unknown conversion is printed as it stands.
 */
#pragma once

#include <stdarg.h>

#include "base/types.h"

/* Formats into to[size], always NUL-terminated when size > 0. Returns the length the
 * whole text has, which may be more than fitted. */
int format_v(char *to, size_t size, const char *format, va_list arguments);
int format(char *to, size_t size, const char *format, ...) printf_like(3, 4);
