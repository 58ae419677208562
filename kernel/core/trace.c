/* trace.c - printing the rings of events in the order in which they happened. */
#include "core/trace.h"

#include "core/log.h"

struct trace_event trace_ring[CPU_MAX][TRACE_RING]
    __attribute__((aligned(TRACE_BYTES)));
const char *(*trace_system_call_name)(uint32_t number);

static const struct {
    const char *name, *a, *b, *c;
} types[TRACE_TYPES] = {
#define TRACE_EVENT(name, a, b, c) { #name, a, b, c },
#include "core/trace.def"
#undef TRACE_EVENT
};

const struct trace_event *trace_after(const struct trace_event *than) {
    const struct trace_event *best = NULL;

    for (unsigned i = 0; i < cpu_count * TRACE_RING; i++) {
        const struct trace_event *e = &trace_ring[0][i];
        if (e->type != TRACE_NONE && (!than || e->time > than->time)
            && (!best || e->time < best->time))
            best = e;
    }
    return best;
}

void trace_format(const struct trace_event *e, char *to, size_t size) {
    unsigned cpu = (unsigned)(e - trace_ring[0]) / TRACE_RING;
    const char *const *words = &types[e->type].a;
    const uint32_t values[3] = { e->a, e->b, e->c };
    bool is_call = e->type == TRACE_CALL || e->type == TRACE_HAND_OVER;
    int n = format(to, size, "cpu %u tid %-4d %-14s", cpu, e->tid,
                   is_call ? trace_system_call_name(e->number) : types[e->type].name);

    for (int i = 0; i < 3 && *words[i] && n < (int)size; i++)
        n += format(to + n, size - (size_t)n, "  %s %x", words[i], values[i]);
}

void trace_print(unsigned count) {
    const struct trace_event *e = NULL;
    unsigned events = 0;
    char line[120];

    while ((e = trace_after(e))) events++;
    while ((e = trace_after(e))) {
        if (events-- > count) continue;
        trace_format(e, line, sizeof(line));
        log_printf("  %s\n", line);
    }
}
