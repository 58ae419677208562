/* backtrace_host_test.c - look-ups in a small table of symbols, and the walk up a chain
 * of frames that an attacker or an overflow has bent. Runs on the host and prints TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/backtrace.c"

/* Three functions: first has two lines and jumps into another file and back, second has
 * none, third is one byte long. */
const uint32_t symbol_count = 3;
const struct symbol symbols[] = { { 0x1000, 0, 0 }, { 0x1100, 6, 14 },
                                  { 0x1200, 13, 14 }, { 0x1201, 0, 17 } };
const char symbol_names[] = "first\0second\0third\0";
const char symbol_files[] = "a.c\0b.h\0";
const uint8_t symbol_steps[] = {
    0, 41, 0,           /* 0x1000 a.c:10 */
    4, 4,               /* 0x1004 a.c:11 */
    4, 15, 4,           /* 0x1008 b.h:7 */
    128 | 8, 1, 128 | 44, 24, /* 0x1090 b.h:786 */
    8, 0,               /* 0x1098 b.h:786 */
    0, 5, 0,            /* 0x1200 a.c:1 */
};

static char output[2048];
static uint32_t stack[16];
static unsigned cases, failures;

bool stack_contains(uint32_t address)
{
    return address >= (uint32_t)stack && address < (uint32_t)stack + sizeof stack;
}

void log_printf(const char *format, ...)
{
    size_t used = strlen(output);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(output + used, sizeof output - used, format, arguments);
    va_end(arguments);
}

static void ok(bool good, const char *what)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

static bool is_at(uint32_t address, const char *name, const char *place)
{
    const char *file = "?", *found;
    uint32_t offset = 0, line = 0;
    char text[64] = "";

    if (symbol_line(address, &file, &line))
        snprintf(text, sizeof text, "%s:%u", file, line);
    found = symbol_name(address, &offset);
    return strcmp(found ? found : "", name) == 0 && strcmp(text, place) == 0;
}

static void look_ups(void)
{
    uint32_t offset;

    ok(is_at(0x0fff, "", ""), "an address below all code has no name");
    ok(is_at(0x1000, "first", "a.c:10"), "the first byte of the first function");
    ok(is_at(0x1003, "first", "a.c:10"), "the last byte of a line");
    ok(is_at(0x1004, "first", "a.c:11"), "the next line");
    ok(is_at(0x108f, "first", "b.h:7"), "a line of another file");
    ok(is_at(0x10ff, "first", "b.h:786"), "a line far away, in numbers of two bytes");
    ok(is_at(0x1100, "second", ""), "a function without lines");
    ok(is_at(0x1200, "third", "a.c:1"), "the last function");
    ok(is_at(0x1201, "", ""), "an address behind all code has no name");
    ok(symbol_name(0x1042, &offset) && offset == 0x42, "the offset into a function");
}

static bool walk(uint32_t frame_pointer, const char *expected)
{
    output[0] = '\0';
    backtrace_print(frame_pointer, 0x1004);
    if (strcmp(output, expected) == 0)
        return true;
    printf("# printed:\n%s# expected:\n%s", output, expected);
    return false;
}

#define FIRST_LINE "  #0 0x00001004 first+0x4  a.c:11\n"

static void walks(void)
{
    uint32_t at = (uint32_t)stack;

    stack[2] = at + 4 * 6, stack[3] = 0x1004;
    stack[6] = 0, stack[7] = 0x1201;
    ok(walk(at + 8, FIRST_LINE "  #1 0x00001004 first+0x4  a.c:10\n"
                               "  #2 0x00001201 third+0x1  a.c:1\n"),
       "a chain, return addresses looked up one byte lower");
    stack[2] = at + 8;
    ok(walk(at + 8, FIRST_LINE "  #1 0x00001004 first+0x4  a.c:10\n"),
       "a frame that points at itself ends the walk");
    stack[2] = at;
    ok(walk(at + 8, FIRST_LINE "  #1 0x00001004 first+0x4  a.c:10\n"),
       "a frame that points down ends the walk");
    ok(walk(at + 4 * 15, FIRST_LINE), "a frame that reaches over the end is not read");
    ok(walk(at + 9, FIRST_LINE), "an odd frame pointer is not followed");
    ok(walk(0xfffffffc, FIRST_LINE), "a wild frame pointer is not followed");
    stack[2] = 0, stack[3] = 0xdead;
    ok(walk(at + 8, FIRST_LINE "  #1 0x0000dead not kernel code\n"),
       "a return address outside the kernel is printed as a number");
}

int main(void)
{
    look_ups();
    walks();
    printf("1..%u\n", cases);
    return failures != 0;
}
