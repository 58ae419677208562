/* cpio_host_test.c - archives as they should be, cut off at every byte, and with every
 * byte of a header changed. Runs on the host and prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cpio.h"

static unsigned cases, failures;
static uint8_t archive[2000];
static uint32_t length;

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

static void pad(void) {
    while (length % 4)
        archive[length++] = 0;
}

static void add(unsigned mode, const char *name, const char *data) {
    length += (uint32_t)sprintf(
        (char *)archive + length,
        "070701%08X%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 0xabcd, mode, 1,
        2, 3, 4, (unsigned)strlen(data), 5, 6, 7, 8, (unsigned)strlen(name) + 1, 0);
    length += (uint32_t)sprintf((char *)archive + length, "%s", name) + 1;
    pad();
    length += (uint32_t)sprintf((char *)archive + length, "%s", data);
    pad();
}

/* Reads a copy that ends where its memory ends, so that the sanitizer sees a read
 * behind it. How many entries there were, or -1 when damaged. */
static int count(uint32_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    struct cpio_entry entry;
    uint32_t offset = 0, before = 0;
    int n = 0;

    memcpy(copy, archive, size);
    for (;;) {
        const char *why = cpio_next(copy, size, &offset, &entry);
        if (why || !entry.name) {
            free(copy);
            return why ? -1 : n;
        }
        if (offset <= before || offset > size || entry.data + entry.size > size)
            abort();
        before = offset;
        n++;
    }
}

static void one_entry(void) {
    struct cpio_entry e;
    uint32_t offset = 0;

    add(0100644, "etc/motd", "hello");
    ok(!cpio_next(archive, length, &offset, &e), "an entry");
    ok(strcmp(e.name, "etc/motd") == 0 && e.mode == 0100644, "its name and mode");
    ok(e.size == 5 && memcmp(archive + e.data, "hello", 5) == 0, "its data");
    ok(e.uid == 1 && e.gid == 2 && e.links == 3 && e.mtime == 4,
       "owner, links and time");
    ok(e.node_major == 7 && e.node_minor == 8, "device");
    ok(offset == length, "the next one begins behind it");
    ok(!cpio_next(archive, length, &offset, &e) && !e.name, "then comes the end");
}

static void several(void) {
    struct cpio_entry e;
    uint32_t offset;

    add(040755, ".", "");
    offset = length;
    add(0, "TRAILER!!!", "");
    ok(!cpio_next(archive, length, &offset, &e) && strcmp(e.name, CPIO_TRAILER) == 0,
       "the trailer");
    length += 100;              // zeros
    add(0100600, "second archive", "x");
    add(0, "TRAILER!!!", "");
    ok(count(length) == 5, "two archives with zeros between them");
}

static void cut_off(void) {
    unsigned good = 0;

    for (uint32_t size = 0; size < length; size++)
        good += count(size) >= 0;
    // an archive may end behind an entry, in front of its padding, or in the zeros
    ok(good < 130, "cut off at any byte: found damaged, or whole entries");
}

static void changed(void) {
    unsigned damaged = 0;

    for (uint32_t at = 0; at < 120; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t old = archive[at];
            archive[at] = (uint8_t)value;
            damaged += count(length) < 0;
            archive[at] = old;
        }
    ok(damaged > 110 * 200,
       "with any byte of a header changed nothing is read outside");
}

int main(void) {
    one_entry();
    several();
    cut_off();
    changed();
    printf("1..%u\n", cases);
    return failures != 0;
}
