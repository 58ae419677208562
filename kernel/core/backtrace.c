/* backtrace.c - names for addresses, and the chain of callers.
 *
 * Shape: there are no frame pointers. For each instruction the symbol table knows how
 * deep the stack is, and so where the return address lies:
 *
 *      esp -> | an argument  |
 *             | a local      |     depth: 4 words
 *             | saved esi    |
 *             | return into  |     pc of the caller, which waits for a call
 *             | ...          |  <- esp of the caller
 *
 * Invariants: nothing here allocates, sleeps or trusts a stack pointer; it runs in
 * panic. Each step leads upwards, so the walk ends with the stack.
 * Tests: kernel/core/backtrace_host_test.c
 */
#include "core/backtrace.h"

#include "arch.h"
#include "core/log.h"

enum { CALLERS_MAX = 64 };

/* What the symbol table has about an address. */
struct code_place {
    const char *function;
    uint32_t offset;            /* bytes into the function */
    const char *file;           /* NULL: not known */
    uint32_t line;
    uint32_t depth;             /* enum symbol_depth */
};

/* One number of symbol_steps; moves on behind it. */
static uint32_t take_number(uint32_t *at) {
    uint32_t value = 0;
    uint8_t byte;

    for (unsigned shift = 0;; shift += 7) {
        byte = symbol_steps[(*at)++];
        value |= (byte & 127u) << shift;
        if (!(byte & 128)) return value;
    }
}

/* Finds an address; false when it is not kernel code. */
static bool code_find(uint32_t address, struct code_place *place) {
    uint32_t low = 0, high = symbol_count;

    if (address < symbols[0].address || address >= symbols[high].address) return false;
    while (high - low > 1) {    // the last symbol at or below the address
        uint32_t middle = (low + high) / 2;
        if (symbols[middle].address <= address) low = middle;
        else high = middle;
    }
    *place = (struct code_place){ .function = symbol_names + symbols[low].name,
                                  .offset = address - symbols[low].address,
                                  .depth = DEPTH_END };
    // the function's steps up to the address
    uint32_t code = symbols[low].address, at = symbols[low].steps;
    while (at < symbols[low + 1].steps) {
        uint32_t after = take_number(&at);
        code += after >> 1;
        if (code > address) break;
        uint32_t step = take_number(&at);
        if (after & 1) {
            place->depth = step;
            continue;
        }
        if (step & 1) place->file = symbol_files + take_number(&at);
        place->line += (step >> 2) ^ -(step >> 1 & 1);
    }
    return true;
}

/* From a function to its caller, or from a trap to what it interrupted. False: there is
 * none, it was user code, or none can be found. */
static bool find_caller(struct code_moment *m, uint32_t depth) {
    const struct trap_frame *frame = (const struct trap_frame *)m->esp;
    bool is_trap = depth == DEPTH_TRAP && m->is_return;
    uint32_t at = is_trap ? m->esp : m->esp + 4 * (depth - DEPTH_WORDS) - 4;
    // a frame of the kernel ends in front of esp
    uint32_t end = is_trap ? (uint32_t)&frame->esp : at + 4;

    if (!is_trap && depth < DEPTH_LOST) return false;
    if (depth == DEPTH_LOST || at % 4 || !stack_contains(at)
        || !stack_contains(end - 1)) {
        log_printf("  who called that cannot be told\n");
        return false;
    }
    if (!is_trap) {
        *m = (struct code_moment){ *(const uint32_t *)at, end, true };
        return m->pc != 0;      // a thread's first function returns to nowhere
    }
    if (frame_is_user(frame)) {
        log_printf("  vector %u, from user code at 0x%08x\n", frame->vector,
                   frame->eip);
        return false;
    }
    log_printf("  vector %u, from the kernel at\n", frame->vector);
    *m = (struct code_moment){ .pc = frame->eip, .esp = end };
    return true;
}

void backtrace_print(struct code_moment m) {
    for (unsigned n = 0; n < CALLERS_MAX; n++) {
        // where a call went astray, nothing but the return address is on the stack
        struct code_place place = { .depth = m.is_return ? DEPTH_LOST
                                                         : DEPTH_WORDS + 1 };
        // a return address belongs to the call in front of it, which may end a line or
        // a function
        if (code_find(m.pc - m.is_return, &place))
            log_printf("  #%u 0x%08x %s+0x%x", n, m.pc, place.function,
                       place.offset + m.is_return);
        else
            log_printf("  #%u 0x%08x not kernel code", n, m.pc);
        if (place.file) log_printf("  %s:%u", place.file, place.line);
        log_printf("\n");
        if (!find_caller(&m, place.depth)) return;
    }
    log_printf("  ... and more\n");
}
