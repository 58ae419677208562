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
static bool quiet;
static struct list sinks = LIST_INIT(sinks);

struct line_buffer {
    char text[128];
    size_t length;
};

static void show(struct log_sink *sink, const char *text, size_t length) {
    if (quiet && sink->is_terminal) return;
    for (const char *end; sink->is_terminal && (end = memchr(text, '\n', length));) {
        sink->write(text, (size_t)(end - text));
        sink->write("\r\n", 2);
        length -= (size_t)(++end - text);
        text = end;
    }
    sink->write(text, length);
}

static void flush(struct line_buffer *b) {
    struct log_sink *sink;

    list_for_each (sink, &sinks, node) show(sink, b->text, b->length);
    b->length = 0;
}

static void put(void *context, char c) {
    struct line_buffer *b = context;

    ring[written++ & (LOG_SIZE - 1)] = c;
    b->text[b->length++] = c;
    if (b->length == sizeof(b->text)) flush(b);
}

void log_vprintf(const char *format, va_list arguments) {
    struct line_buffer buffer = { .length = 0 };

    format_to(put, &buffer, format, arguments);
    flush(&buffer);
}

void log_printf(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    log_vprintf(format, arguments);
    va_end(arguments);
}

void log_sink_register(struct log_sink *sink) {
    uint32_t from = written - min(written, LOG_SIZE);

    list_push_back(&sinks, &sink->node);
    for (; from != written; from++) show(sink, &ring[from & (LOG_SIZE - 1)], 1);
}

void log_set_quiet(bool on) { quiet = on; }
