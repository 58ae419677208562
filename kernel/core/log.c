/* log.c - the kernel's log.
 *
 * Shape: text -> ring of the last 16 KiB -> every sink
 * Sinks that register late get what the ring holds, so the log is complete everywhere.
 */
#include "core/log.h"

#include "base/string.h"

#define LOG_SIZE 16384u         /* a power of two */

static char ring[LOG_SIZE];
static uint32_t written;      /* bytes ever written; the ring holds the last LOG_SIZE */
bool log_is_quiet;
static struct list sinks = LIST_INIT(sinks);

/* What was written from there on; a terminal wants CR LF. */
static void show(struct log_sink *sink, uint32_t from) {
    if (log_is_quiet && sink->is_terminal) return;
    while (from != written) {
        const char *text = &ring[from % LOG_SIZE], *end = NULL;
        size_t length = min(written - from, LOG_SIZE - from % LOG_SIZE);
        if (sink->is_terminal && (end = memchr(text, '\n', length)))
            length = (size_t)(end - text);
        sink->write(text, length);
        if (end) sink->write("\r\n", 2);
        from += length + (end != NULL);
    }
}

void log_vprintf(const char *format, va_list arguments) {
    uint32_t from = written;
    struct log_sink *sink;
    char text[512];

    format_v(text, sizeof(text), format, arguments);
    for (const char *c = text; *c; c++) ring[written++ % LOG_SIZE] = *c;
    list_for_each (sink, &sinks, node) show(sink, from);
}

void log_printf(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    log_vprintf(format, arguments);
    va_end(arguments);
}

void log_sink_register(struct log_sink *sink) {
    list_push_back(&sinks, &sink->node);
    show(sink, written - min(written, LOG_SIZE));
}
