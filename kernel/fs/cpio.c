/* cpio.c - taking a cpio archive apart. Every field is checked before it is believed.
 *
 * Tests: kernel/fs/cpio_host_test.c
 */
#include "fs/cpio.h"

#include "base/string.h"

#define HEADER_SIZE 110u
#define NAME_LIMIT  4096u       /* with its NUL: PATH_MAX */

/* Eight hexadecimal digits each. False when one is none. */
static bool read_fields(const uint8_t *from, struct cpio_entry *entry) {
    for (unsigned f = 0; f < ARRAY_SIZE(entry->fields); f++) {
        uint32_t value = 0;
        for (const uint8_t *end = from + 8; from < end; from++) {
            uint32_t digit = *from - (uint32_t)'0';
            if (digit > 9) {
                digit = (*from | 0x20u) - 'a';      // 0x20: capitals become small
                if (digit > 5) return false;
                digit += 10;
            }
            value = value << 4 | digit;
        }
        entry->fields[f] = value;
    }
    return true;
}

/* Where the next multiple of 4 is, or the end when that is nearer. */
static uint32_t align(uint32_t offset, uint32_t length) {
    return length - offset < 4 ? length : round_up(offset, 4u);
}

const char *cpio_next(const uint8_t *archive, uint32_t length, uint32_t *offset,
                      struct cpio_entry *entry) {
    uint32_t at = *offset;

    while (at < length && archive[at] == 0) at++;
    *offset = at;
    entry->name = NULL;
    if (at == length) return NULL;
    if (length - at < HEADER_SIZE) return "the header is cut off";
    if (memcmp(archive + at, "070701", 6) != 0) return "no header of the format newc";
    if (!read_fields(archive + at + 6, entry)) return "a field is not hexadecimal";
    at += HEADER_SIZE;
    entry->name = (const char *)archive + at;
    if (entry->name_size < 2 || entry->name_size > NAME_LIMIT)
        return "the name is empty or too long";
    if (entry->name_size > length - at) return "the name is cut off";
    if (strnlen(entry->name, entry->name_size) != entry->name_size - 1)
        return "the name does not end where it should";
    entry->data = align(at + entry->name_size, length);
    if (entry->size > length - entry->data) return "the data is cut off";
    *offset = align(entry->data + entry->size, length);
    return NULL;
}
