/* backtrace.c - names for addresses, and the chain of callers.
 *
 * Shape: every function begins with push ebp; mov ebp, esp. So ebp points at
 *
 *      ebp -> | caller's ebp | -> | its caller's ebp | -> ... -> 0
 *             | return into  |    | ...              |
 *
 * Invariants: nothing here allocates, sleeps or trusts a frame pointer; it runs in
 * panic. Tests: kernel/core/backtrace_host_test.c
 */
#include "core/backtrace.h"

#include "arch.h"
#include "core/log.h"
#include "core/symbols.h"

#define BACKTRACE_MAX 32

/* The last symbol at or below the address, or NULL. */
static const struct symbol *symbol_find(uint32_t address)
{
    uint32_t low = 0, high = symbol_count;

    if (address < symbols[0].address || address >= symbols[symbol_count].address)
        return NULL;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (symbols[middle].address <= address)
            low = middle;
        else
            high = middle;
    }
    return &symbols[low];
}

const char *symbol_name(uint32_t address, uint32_t *offset)
{
    const struct symbol *symbol = symbol_find(address);

    if (!symbol)
        return NULL;
    *offset = address - symbol->address;
    return symbol_names + symbol->name;
}

/* One number of symbol_steps; moves on behind it. */
static uint32_t take_number(uint32_t *at)
{
    uint32_t value = 0;
    uint8_t byte;

    for (unsigned shift = 0;; shift += 7) {
        byte = symbol_steps[(*at)++];
        value |= (byte & 127u) << shift;
        if (!(byte & 128))
            return value;
    }
}

bool symbol_line(uint32_t address, const char **file, uint32_t *line)
{
    const struct symbol *symbol = symbol_find(address);
    bool found = false;

    if (!symbol)
        return false;
    uint32_t code = symbol->address, at = symbol->steps, next_line = 0;
    const char *next_file = NULL;

    while (at < symbol[1].steps) {
        code += take_number(&at);
        if (code > address)
            break;
        uint32_t step = take_number(&at);
        if (step & 1)
            next_file = symbol_files + take_number(&at);
        next_line += (step >> 2) ^ -(step >> 1 & 1);
        *file = next_file;
        *line = next_line;
        found = true;
    }
    return found;
}

/* A return address belongs to the call in front of it, which may end a line. */
static void print_caller(unsigned number, uint32_t pc, bool is_return)
{
    uint32_t offset, line, code = pc - is_return;
    const char *file, *name = symbol_name(code, &offset);

    if (!name) {
        log_printf("  #%u 0x%08x not kernel code\n", number, pc);
        return;
    }
    log_printf("  #%u 0x%08x %s+0x%x", number, pc, name, offset + is_return);
    if (symbol_line(code, &file, &line))
        log_printf("  %s:%u", file, line);
    log_printf("\n");
}

static bool is_frame(uint32_t frame_pointer)
{
    return frame_pointer % 4 == 0 && stack_contains(frame_pointer)
           && stack_contains(frame_pointer + 7);
}

void backtrace_print(uint32_t frame_pointer, uint32_t first_pc)
{
    uint32_t below = 0;

    print_caller(0, first_pc, false);
    for (unsigned n = 1; n < BACKTRACE_MAX; n++) {
        if (frame_pointer <= below || !is_frame(frame_pointer))
            return;
        const uint32_t *frame = (const uint32_t *)frame_pointer;
        if (frame[1] == 0)
            return;
        print_caller(n, frame[1], true);
        below = frame_pointer;
        frame_pointer = frame[0];
    }
    log_printf("  ... and more\n");
}
