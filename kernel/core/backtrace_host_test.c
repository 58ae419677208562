/* backtrace_host_test.c - look-ups in a small table of symbols, and the walk up a stack
 * that an attacker or an overflow may have bent. Runs on the host and prints TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/backtrace.c"

/* Four functions: first has several lines and jumps into another file, second has none,
 * third is one byte long, entry is where traps come in. */
const uint32_t symbol_count = 4;
const struct symbol symbols[] = { { 0x1000, 0, 0 }, { 0x1100, 6, 21 },
                                  { 0x1200, 13, 23 }, { 0x1201, 19, 28 },
                                  { 0x1300, 0, 30 } };
const char symbol_names[] = "first\0second\0third\0entry\0";
const char symbol_files[] = "a.c\0b.h\0";
const uint8_t symbol_steps[] = {
    0, 41, 0,                   /* 0x1000 a.c:10 */
    1, DEPTH_WORDS + 1,         /* 0x1000 one word deep */
    8, 4,                       /* 0x1004 a.c:11 */
    1, DEPTH_WORDS + 3,         /* 0x1004 three words deep */
    8, 15, 4,                   /* 0x1008 b.h:7 */
    128 | 16, 2, 128 | 44, 24,  /* 0x1090 b.h:786 */
    16, 0,                      /* 0x1098 b.h:786 */
    1, 128 | 5, 1,              /* 0x1098 130 words deep */
    1, DEPTH_LOST,              /* 0x1100 */
    0, 5, 0,                    /* 0x1200 a.c:1 */
    1, DEPTH_WORDS + 2,         /* 0x1200 two words deep */
    1, DEPTH_TRAP,              /* 0x1201 */
};

static char output[8192];
static uint32_t stack[160];
static unsigned cases, failures;

bool stack_contains(uint32_t address) {
    return address >= (uint32_t)stack && address < (uint32_t)stack + sizeof stack;
}

void log_printf(const char *format, ...) {
    size_t used = strlen(output);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(output + used, sizeof output - used, format, arguments);
    va_end(arguments);
}

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

static bool is_at(uint32_t address, const char *name, const char *file, uint32_t line) {
    struct code_place place = { .function = "", .line = 0 };

    code_find(address, &place);
    return strcmp(place.function, name) == 0 && place.line == line
           && strcmp(place.file ? place.file : "", file) == 0;
}

static bool is_deep(uint32_t address, uint32_t depth) {
    struct code_place place;

    return code_find(address, &place) && place.depth == depth;
}

static void look_ups(void) {
    struct code_place place;

    ok(is_at(0x0fff, "", "", 0), "an address below all code has no name");
    ok(is_at(0x1000, "first", "a.c", 10), "the first byte of the first function");
    ok(is_at(0x1003, "first", "a.c", 10), "the last byte of a line");
    ok(is_at(0x1004, "first", "a.c", 11), "the next line");
    ok(is_at(0x108f, "first", "b.h", 7), "a line of another file");
    ok(is_at(0x10ff, "first", "b.h", 786), "a line far away, in numbers of two bytes");
    ok(is_at(0x1100, "second", "", 0), "a function without lines");
    ok(is_at(0x1200, "third", "a.c", 1), "a function of one byte");
    ok(is_at(0x1300, "", "", 0), "an address behind all code has no name");
    ok(code_find(0x1042, &place) && place.offset == 0x42, "the offset into a function");
    ok(is_deep(0x1003, DEPTH_WORDS + 1),
       "the depth of the stack at a function's start");
    ok(is_deep(0x1004, DEPTH_WORDS + 3), "the depth behind a push");
    ok(is_deep(0x10ff, DEPTH_WORDS + 130), "a great depth, a number of two bytes");
    ok(is_deep(0x1100, DEPTH_LOST), "a depth that esp does not tell");
}

static bool walk(uint32_t pc, uint32_t esp, const char *expected) {
    output[0] = '\0';
    backtrace_print((struct code_moment){ .pc = pc, .esp = esp });
    if (strcmp(output, expected) == 0) return true;
    printf("# printed:\n%s# expected:\n%s", output, expected);
    return false;
}

static uint32_t at(unsigned word) { return (uint32_t)(stack + word); }

#define FIRST  "  #0 0x00001004 first+0x4  a.c:11\n"
#define THIRD  "  #0 0x00001200 third+0x0  a.c:1\n"
#define LOST   "  who called that cannot be told\n"

static void calls(void) {
    stack[4] = 0x1008, stack[7] = 0x1201, stack[9] = 0xdead;
    ok(walk(0x1004, at(2),
            FIRST "  #1 0x00001008 first+0x8  a.c:11\n"
                  "  #2 0x00001201 third+0x1  a.c:1\n"
                  "  #3 0x0000dead not kernel code\n" LOST),
       "a chain, return addresses looked up one byte lower");
    stack[4] = 0x1101;
    ok(walk(0x1004, at(2), FIRST "  #1 0x00001101 second+0x1\n" LOST),
       "a function whose depth is not known ends the walk");
    stack[2] = 0x1201, stack[4] = 0xdead;
    ok(walk(0xbad, at(2),
            "  #0 0x00000bad not kernel code\n"
            "  #1 0x00001201 third+0x1  a.c:1\n"
            "  #2 0x0000dead not kernel code\n" LOST),
       "a call into nowhere has a caller");
    ok(walk(0x1201, at(2), "  #0 0x00001201 entry+0x0\n"),
       "a trap that is not complete ends the walk");
}

static void bent_stacks(void) {
    ok(walk(0x1200, at(159), THIRD LOST), "a return address beyond the stack");
    ok(walk(0x1004, at(2) + 1, FIRST LOST), "an odd stack pointer is not followed");
    ok(walk(0x1004, 0xfffffffc, FIRST LOST), "a wild stack pointer is not followed");
    for (unsigned i = 0; i < 160; i++)
        stack[i] = 0x1001;
    output[0] = '\0';
    backtrace_print((struct code_moment){ .pc = 0x1000, .esp = at(0) });
    ok(strstr(output, "  #63 ") && !strstr(output, "#64"), "a long chain is cut");
    ok(strstr(output, "... and more"), "and says so");
}

/* What the CPU and trap_common push. */
static void trap_at(unsigned word, uint32_t vector, uint32_t eip, uint32_t cs) {
    struct trap_frame frame = { .vector = vector, .eip = eip, .cs = cs };

    memcpy(stack + word, &frame, offsetof(struct trap_frame, esp));
}

static void traps(void) {
    stack[3] = 0x1240, stack[20] = 0x1240;
    trap_at(4, VECTOR_PAGE_FAULT, 0x1200, KERNEL_CS);
    trap_at(21, VECTOR_SYSTEM_CALL, 0x8048000, USER_CS);
    ok(walk(0x1200, at(2),
            THIRD "  #1 0x00001240 entry+0x3f\n"
                  "  vector 14, from the kernel at\n"
                  "  #2 0x00001200 third+0x0  a.c:1\n"
                  "  #3 0x00001240 entry+0x3f\n"
                  "  vector 128, from user code at 0x08048000\n"),
       "the walk goes through a trap of the kernel and ends at one of user code");
    stack[145] = 0x1240;
    ok(walk(0x1200, at(144), THIRD "  #1 0x00001240 entry+0x3f\n" LOST),
       "a trap frame that reaches over the end of the stack is not read");
}

int main(void) {
    look_ups();
    calls();
    bent_stacks();
    traps();
    printf("1..%u\n", cases);
    return failures != 0;
}
