/* tty_line_host_test.c - what is typed and what is then read and seen, as termios(3)
 * and Linux have it. Runs on the host and prints TAP. */
#include <stdio.h>
#include <string.h>

#include "fs/tty_line.c"

static struct line line;
static char seen[20000];
static size_t nr_seen;
static unsigned events;
static unsigned cases, failures;

static void output(const char *bytes, size_t size) {
    memcpy(seen + nr_seen, bytes, size);
    nr_seen += size;
    seen[nr_seen] = '\0';
}

static void fresh(void) {
    line = (struct line){ .output = output, .termios = default_modes };
    nr_seen = 0;
    seen[0] = '\0';
    events = 0;
}

static void set(uint32_t clear_local, uint32_t set_local) {
    struct termios modes = line.termios;

    modes.local = (modes.local & ~clear_local) | set_local;
    line_set_modes(&line, &modes);
}

static void raw(void) { set(ICANON | ECHO | ISIG | IEXTEN, 0); }

static void type(const char *bytes) {
    for (events = 0; *bytes; bytes++)
        events |= line_input(&line, (uint8_t)*bytes);
}

/* One read of at most size bytes; "(nothing)" when it would wait. */
static const char *take_text(size_t size) {
    static char text[LINE_SIZE + 1];
    size_t consume, n;

    if (line_count(&line) == 0) return "(nothing)";
    n = line_peek(&line, size, &consume);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)byte_at(&line, line.taken + i);
    text[n] = '\0';
    line.taken += consume;
    return text;
}

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

static void same(const char *got, const char *expected, const char *what) {
    ok(strcmp(got, expected) == 0, what);
    if (strcmp(got, expected)) printf("# \"%s\" instead of \"%s\"\n", got, expected);
}

/* Types on a fresh canonical line: what one read gets, and what is seen. */
static void typed(const char *keys, const char *got, const char *shown,
                  const char *what) {
    fresh();
    type(keys);
    same(take_text(100), got, what);
    same(seen, shown, "  and its echo");
}

static void canonical(void) {
    typed("abc", "(nothing)", "abc", "half a line is not readable");
    typed("abc\r", "abc\n", "abc\r\n", "CR ends a line as a newline");
    typed("abd\177c\n", "abc\n", "abd\b \bc\r\n", "erase");
    typed("\177\177a\n", "a\n", "a\r\n", "erase on an empty line");
    typed("xy\025abc\n", "abc\n", "xy\b \b\b \babc\r\n", "kill");
    typed("ab c_d  \027x\n", "ab x\n", "ab c_d  \b \b\b \b\b \b\b \b\b \bx\r\n",
          "word erase");
    typed("123456\tb\177\177c\n", "123456c\n", "123456\tb\b \b\b \b\b \bc\r\n",
          "erasing a tab");
    typed("a\001\177c\n", "ac\n", "a^A\b \b\b \bc\r\n", "erasing a control character");
    typed("ab\004c", "ab", "abc", "end of file hands over half a line");
    typed("\004", "", "", "end of file alone reads as nothing");
    typed("a\nb\n", "a\n", "a\r\nb\r\n", "a read gets one line");
    fresh();
    type("abc\004d\n");
    same(take_text(3), "abc", "a read of exactly what is before the end of file");
    same(take_text(100), "d\n", "takes the end of file with it");
    fresh();
    type("abcdef\n");
    same(take_text(4), "abcd", "a small read gets the start of the line");
    same(take_text(100), "ef\n", "and the next its rest");
    ok(line_count(&line) == 0, "nothing is left");
    type("abc\004x\n");
    ok(line_count(&line) == 6, "an end of file is counted");
}

static void signals(void) {
    fresh();
    type("abc\003");
    ok((events & LINE_SIGNAL) == SIGINT, "^C is SIGINT");
    same(seen, "abc^C", "and is seen");
    type("d\n");
    same(take_text(100), "d\n", "and throws away what was typed");
    type("\034");
    ok((events & LINE_SIGNAL) == SIGQUIT, "^\\ is SIGQUIT");
    type("\032");
    ok((events & LINE_SIGNAL) == SIGTSTP, "^Z is SIGTSTP");
    set(0, NOFLSH);
    type("ab\003c\n");
    same(take_text(100), "abc\n", "with NOFLSH nothing is thrown away");
    set(ISIG, 0);
    type("a\003\n");
    same(take_text(100), "a\003\n", "without ISIG ^C is a character");
}

static void flow(void) {
    fresh();
    type("\023");
    ok(line.stopped, "^S stops output");
    type("a");
    ok(line.stopped, "other keys do not start it");
    type("\021");
    ok(!line.stopped && events == LINE_CHANGED, "^Q does");
    type("\023\003");
    ok(!line.stopped && events & LINE_CHANGED, "^C does");
}

static void raw_mode(void) {
    fresh();
    raw();
    type("a\r\003\004\177");
    ok(events == LINE_CHANGED, "every byte makes it readable");
    same(take_text(100), "a\n\003\004\177", "bytes come as they are, CR mapped");
    same(seen, "", "without echo nothing is seen");
    type("abc");
    same(take_text(2), "ab", "a read of two");
    same(take_text(2), "c", "and the rest");
}

static void changes_of_mode(void) {
    fresh();
    type("one\ntw");
    raw();
    same(take_text(100), "one\ntw", "what was being edited can be read in raw mode");
    type("x");
    set(0, ICANON);
    same(take_text(100), "x", "what was raw can be read as a line");
    type("y\n");
    same(take_text(100), "y\n", "and lines go on");
    type("half");
    line_flush(&line);
    type("\n");
    same(take_text(100), "\n", "flushed");
}

static void output_modes(void) {
    fresh();
    line_write(&line, "a\tb\nc\rd\b", 9);
    same(seen, "a\tb\r\nc\rd\b", "LF becomes CR LF");
    ok(line.column == 0, "and the column is known");
    fresh();
    line.termios.output = 0;
    line_write(&line, "a\nb", 3);
    same(seen, "a\nb", "without OPOST everything stays");
    fresh();
    line_write(&line, "prompt ", 7);
    type("\t\177");
    same(seen, "prompt \t\b \b", "a tab behind a prompt is erased by its width");
    fresh();
    line_write(&line, "prompt ", 7);
    type("\177\027\025");
    same(seen, "prompt ", "with nothing typed there is nothing to erase");
    type("a\177\177\027\025");
    same(seen, "prompt a\b \b", "nor behind what was");
}

static void long_lines(void) {
    fresh();
    set(ECHO, 0);
    for (int i = 0; i < 6000; i++)
        line_input(&line, 'x');
    ok(line_has_room(&line), "a line that is too long can still be ended");
    line_input(&line, '\n');
    size_t n = strlen(take_text(LINE_SIZE));
    ok(n == LINE_SIZE && line.taken == line.put, "it is cut at 4095 bytes");
    for (int i = 0; i < 2047; i++)
        type("y\n");
    ok(line_has_room(&line), "4094 bytes leave room");
    type("z");
    ok(!line_has_room(&line), "4095 do not");
    type("zzz");
    same(take_text(100), "y\n", "what came in spite of it did no harm");
    raw();
    while (strcmp(take_text(1000), "(nothing)"))
        continue;
    for (int i = 0; i < 5000; i++)
        line_input(&line, 'r');
    ok(!line_has_room(&line) && line_count(&line) == LINE_SIZE, "raw mode fills up");
}

int main(void) {
    canonical();
    signals();
    flow();
    raw_mode();
    changes_of_mode();
    output_modes();
    long_lines();
    printf("1..%u\n", cases);
    return failures != 0;
}
