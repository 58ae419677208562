/* format.h - printf's formatting, into a buffer or character by character into a sink.
 *
 * Understands %d %u %x %o %c %s %p %% with the flags - and 0, a width, and the lengths
 * l, ll and z. Nothing else: an unknown conversion is printed as it stands.
 */
#pragma once

#include <stdarg.h>

#include "base/types.h"

/* Receives the output, one character a call. */
typedef void (*format_sink)(void *context, char c);

/* Formats into sink. Returns the number of characters. */
int format_to(format_sink sink, void *context, const char *format, va_list arguments);

/* Formats into to[size], always NUL-terminated when size > 0. Returns the length the
 * whole text has, which may be more than fitted. */
int format_v(char *to, size_t size, const char *format, va_list arguments);
int format(char *to, size_t size, const char *format, ...) printf_like(3, 4);
