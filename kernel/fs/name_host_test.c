/* name_host_test.c - cutting paths into names. Runs on the host and prints TAP.
 */
#include <stdio.h>
#include <string.h>

#include "fs/name.h"

static unsigned cases, failures;

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

/* The path's names, each in brackets; a slash behind it and being last are shown. */
static bool cuts(const char *path, const char *expected) {
    struct component c;
    char text[200] = "";

    while (component_next(&path, &c))
        sprintf(text + strlen(text), "[%.*s]%s%s", (int)c.name.length, c.name.text,
                c.slash ? "/" : "", c.last ? "." : "");
    if (strcmp(text, expected) != 0) printf("# got %s want %s\n", text, expected);
    return strcmp(text, expected) == 0 && *path == '\0';
}

int main(void) {
    ok(cuts("a", "[a]."), "one name");
    ok(cuts("a/b/c", "[a]/[b]/[c]."), "three names");
    ok(cuts("/usr//bin/", "[usr]/[bin]/."), "slashes in front, doubled and behind");
    ok(cuts("///", ""), "only slashes: no name");
    ok(cuts("", ""), "nothing: no name");
    ok(cuts("./..//...", "[.]/[..]/[...]."), "dots are names like others");
    ok(!name_is(name_of(".x"), name_of(".."))
           && !name_is(name_of("..."), name_of("..")),
       "only two dots are two dots");
    ok(name_is(name_of("a"), name_of("a")) && !name_is(name_of("a"), name_of("ab")),
       "names are the same when all of them is");
    printf("1..%u\n", cases);
    return failures != 0;
}
