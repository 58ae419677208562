/* trace.c - printing the rings of events in the order in which they happened. */
#include "core/trace.h"

#include "core/log.h"

struct trace_event trace_ring[CPU_MAX][TRACE_RING];
uint32_t trace_sequence;
const char *(*trace_system_call_name)(uint32_t number);

static const struct {
    const char *name, *a, *b, *c;
} types[TRACE_TYPES] = {
#define TRACE_EVENT(name, a, b, c) { #name, a, b, c },
#include "core/trace.def"
#undef TRACE_EVENT
};

/* The oldest event whose sequence number is at least `from`; NULL when there is
 * none. */
static const struct trace_event *next_event(uint32_t from, unsigned *cpu)
{
    const struct trace_event *best = NULL;

    for (unsigned c = 0; c < cpu_count; c++) {
        for (unsigned i = 0; i < TRACE_RING; i++) {
            const struct trace_event *e = &trace_ring[c][i];
            if (e->type == TRACE_NONE || e->sequence - from >= 0x80000000u)
                continue;
            if (!best || e->sequence - from < best->sequence - from) {
                best = e;
                *cpu = c;
            }
        }
    }
    return best;
}

static void print_event(const struct trace_event *e, unsigned cpu)
{
    const char *name = types[e->type].name;

    if (e->type == TRACE_CALL && trace_system_call_name)
        name = trace_system_call_name(e->number);
    log_printf("  %8u cpu %u tid %-4d %-14s", e->sequence, cpu, e->tid, name);
    if (*types[e->type].a)
        log_printf(" %s %x", types[e->type].a, e->a);
    if (*types[e->type].b)
        log_printf(", %s %x", types[e->type].b, e->b);
    if (*types[e->type].c)
        log_printf(", %s %x", types[e->type].c, e->c);
    log_printf("\n");
}

void trace_print(unsigned count)
{
    uint32_t from = trace_sequence - count;
    const struct trace_event *e;
    unsigned cpu;

    while ((e = next_event(from, &cpu))) {
        print_event(e, cpu);
        from = e->sequence + 1;
        if (from == trace_sequence)
            break;
    }
}
