/* format_test.c - printf's formatting against the C library's: whatever format.h says
 * it understands must come out the same. Runs on the host and prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"

static unsigned cases, failures;

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

/* One conversion, both ways. */
#define SAME(text, ...)                                                                \
    (length = snprintf(theirs, sizeof(theirs), text, __VA_ARGS__),                     \
     format(ours, sizeof(ours), text, __VA_ARGS__) == length                           \
         && strcmp(ours, theirs) == 0)

static const char *volatile no_string;  // the compiler is not to know
static char ours[300], theirs[300];
static int length;

static bool numbers_agree(const char *flags) {
    static const char *const ends[] = { "d", "u", "x", "o" };
    static const int values[] = { 0, 1, -1, 42, -42, 0x7fffffff, (int)0x80000000 };
    bool good = true;

    for (unsigned e = 0; e < sizeof(ends) / sizeof(*ends); e++)
        for (unsigned v = 0; v < sizeof(values) / sizeof(*values); v++) {
            char text[40];
            snprintf(text, sizeof(text), "<%%%s%s>", flags, ends[e]);
            if (SAME(text, values[v])) continue;
            printf("# %s of %d: got %s want %s\n", text, values[v], ours, theirs);
            good = false;
        }
    return good;
}

int main(void) {
    static const char *const flags[] = { "", "5", "-5", "05", "-05", "0", "20", "012" };
    bool good = true;

    for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        good &= numbers_agree(flags[i]);
    ok(good, "numbers, with every flag and width");
    ok(SAME("%lld %llu %llx", -9000000000ll, 18446744073709551615ull,
            0xfeedfacecafeull),
       "64 bits");
    ok(SAME("%ld %zu %p", -5l, (size_t)7, (void *)0xabc), "lengths and pointers");
    ok(SAME("[%s] [%10s] [%-10s] [%c] [%3c]", "abc", "abc", "abc", 'a', 'b'),
       "strings");
    ok(SAME("%c%c %% %c", 'a', 'b', '%'), "characters and the percent sign");
    ok(format(ours, 4, "%s", "abcdef") == 6 && strcmp(ours, "abc") == 0,
       "what does not fit is cut, and the length says so");
    ok(format(ours, 1, "x") == 1 && ours[0] == '\0', "room for the NUL only");
    ok(format(NULL, 0, "%d", 1234) == 4, "no room at all");
    ok(format(ours, sizeof(ours), "%s", no_string) > 0, "a NULL string is no crash");
    printf("1..%u\n", cases);
    return failures != 0;
}
