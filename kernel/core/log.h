/* log.h - the kernel's log: a ring in memory, and sinks that print it. */
#pragma once

#include "base/format.h"
#include "base/list.h"

/* Adds text to the log, 511 bytes at most: no line is added, so end a line with \n.
 * Takes no lock, works at any time, panic included. */
void log_printf(const char *format, ...) printf_like(1, 2);
void log_vprintf(const char *format, va_list arguments);

/* A device that shows the log as it grows. */
struct log_sink {
    struct list_node node;
    void (*write)(const char *text, size_t length);
    bool is_terminal;           /* wants CR LF; `quiet` silences it until a panic */
};

/* Registers a sink; it gets what the ring holds so far, then everything new. */
void log_sink_register(struct log_sink *sink);

extern bool log_is_quiet;       /* only sinks that are no terminals see what follows */
