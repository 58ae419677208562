/* text_screen_host_test.c - what a program writes is what the screen shows. Runs on the
 * host and prints TAP. Also throws random bytes at it and looks at its invariants. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dev/text_screen.c"

enum { ROWS = 5, COLUMNS = 10 };

static uint16_t cells[ROWS * COLUMNS];
static struct text_screen screen;
static unsigned cases, failures;

static void fresh(void) {
    text_screen_init(&screen, ROWS, COLUMNS, cells);
    screen.dirty = screen.dirty_end = 0;
}

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

/* The screen as text: rows without the blanks at their ends, joined by `|`; empty rows
 * at the end left out. */
static const char *picture(void) {
    static char text[ROWS * (COLUMNS + 1) + 1];
    char *end = text;

    for (unsigned row = 0; row < ROWS; row++) {
        for (unsigned column = 0; column < COLUMNS; column++)
            *end++ = (char)cells[row * COLUMNS + column];
        while (end > text && end[-1] == ' ')
            end--;
        *end++ = '|';
    }
    while (end > text && end[-1] == '|')
        end--;
    *end = '\0';
    return text;
}

static void type(const char *bytes) {
    text_screen_write(&screen, bytes, strlen(bytes));
}

static void shows(const char *bytes, const char *expected, const char *what) {
    fresh();
    type(bytes);
    ok(strcmp(picture(), expected) == 0, what);
    if (strcmp(picture(), expected))
        printf("# %s instead of %s\n", picture(), expected);
}

static void plain_text(void) {
    shows("hello", "hello", "text");
    shows("a\r\nb\nc", "a|b| c", "a line feed alone keeps the column");
    shows("0123456789", "0123456789", "a full line does not wrap yet");
    shows("0123456789x", "0123456789|x", "the next character wraps");
    shows("0123456789\r\nx", "0123456789|x", "a full line and CR LF make one new line");
    shows("ab\bc", "ac", "backspace moves only");
    shows("a\tb", "a       b", "a tab goes to column 8");
    shows("1\r\n2\r\n3\r\n4\r\n5\r\n6", "2|3|4|5|6", "the last line scrolls");
    shows("gr\xc3\xbc\xc3\x9f", "gr??", "what is not ASCII shows as one sign each");
    shows("a\007\016\017\177b", "ab", "other control characters show nothing");
}

static void sequences(void) {
    shows("\033[2;3Hx", "|  x", "CUP is counted from 1");
    shows("\033[Hx\033[99;99Hy", "x||||         y", "CUP stops at the edge");
    shows("a\033[2Bb\033[2Ac\033[4Cd\033[3De", "a c  e d|| b", "A B C D");
    shows("abc\r\033[1Ktop", "top", "EL 1 erases to the cursor");
    shows("abcdef\033[3D\033[K", "abc", "EL erases from the cursor");
    shows("abcdef\033[2K", "", "EL 2 erases the line");
    shows("a\r\nb\r\nc\033[2;1H\033[J", "a", "ED erases from the cursor");
    shows("a\r\nbbb\r\nc\033[2;2H\033[1J", "|  b|c", "ED 1 erases to the cursor");
    shows("a\r\nb\033[2J", "", "ED 2 erases everything");
    shows("x\033(By\033)0z", "xyz", "character sets");
    shows("\033[?25l\033[?7h\033[4;5;6;7;8;9;10;11;12zx", "x",
          "unknown ones do nothing");
    shows("\033[3\030x", "x", "CAN ends a sequence");
    shows("abc\033cx", "x", "RIS starts anew");
}

static void colours(void) {
    fresh();
    type("\033[31ma\033[1;42mb\033[0;7mc\033[md");
    ok(cells[0] >> 8 == 0x04, "red on black, in VGA's order");
    ok(cells[1] >> 8 == 0x2c, "bright red on green");
    ok(cells[2] >> 8 == 0x70, "reverse");
    ok(cells[3] >> 8 == 0x07, "back to white on black");
    type("\033[44m\033[K");
    ok(cells[5] >> 8 == 0x17, "erased with the background of the moment");
}

static void answers(void) {
    fresh();
    type("ab\r\n\033[6n");
    ok(strcmp(screen.answer, "\033[2;1R") == 0, "the position is told");
}

static void dirty_cells(void) {
    fresh();
    type("\033[2;3Hx\033[4;1Hy");
    ok(screen.dirty == COLUMNS + 2 && screen.dirty_end == 3 * COLUMNS + 1,
       "what lies between touched cells is known");
    screen.dirty = screen.dirty_end = 0;
    type("\033[H");
    ok(screen.dirty_end == 0, "moving touches none");
    type("\033[5;1H\n");
    ok(screen.dirty == 0 && screen.dirty_end == ROWS * COLUMNS, "scrolling all");
}

static void noise(void) {
    uint32_t x = 1;
    bool good = true;

    fresh();
    for (int i = 0; i < 2000000; i++) {
        static const char likely[] = "\033[;?0123456789HJKmrABCDMDc78\r\n\t\bx";
        x = x * 1664525 + 1013904223;
        char c =
            x & 0x80000000 ? likely[(x >> 8) % (sizeof likely - 1)] : (char)(x >> 16);
        text_screen_write(&screen, &c, 1);
        good &= screen.row < ROWS && screen.column < COLUMNS
                && screen.dirty_end <= ROWS * COLUMNS
                && screen.nr_parameters <= PARAMETERS_MAX;
    }
    ok(good, "no bytes break the invariants");
}

int main(void) {
    plain_text();
    sequences();
    colours();
    answers();
    dirty_cells();
    noise();
    printf("1..%u\n", cases);
    return failures != 0;
}
