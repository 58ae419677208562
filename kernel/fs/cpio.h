/* cpio.h - taking a cpio archive (format `newc`) apart. Every field is checked before
 * it is believed. Pure: also compiled for host tests.
 *
 *      070701 | 13 fields of 8 hexadecimal digits | name NUL pad | data | pad | 070701
 *
 * Names and data begin at multiples of 4. The name TRAILER!!! ends an archive; zeros
 * may follow, and then another archive. (Manual: cpio(5), Linux' buffer-format.)
 * Tests: kernel/fs/cpio_host_test.c
 */
#pragma once

#include "base/string.h"

struct cpio_entry {
    union {
        uint32_t fields[13];    /* of the header; node_*: the device that the file is */
        struct {
            uint32_t inode, mode, uid, gid, links, mtime, size, major, minor,
                node_major, node_minor, name_size, check;
        };
    };
    const char *name;           /* NUL-terminated, in the archive */
    uint32_t data;              /* offset of its `size` bytes */
};

#define CPIO_TRAILER "TRAILER!!!"      /* the name that ends an archive */
#define CPIO_HEADER  110u

/* Where the next multiple of 4 is, or the end when that is nearer. */
static inline uint32_t cpio_align(uint32_t offset, uint32_t length) {
    return length - offset < 4 ? length : round_up(offset, 4u);
}

/* Reads what stands at *offset, behind zeros, and moves on; the name is NULL at the end
 * of the bytes. NULL; or a sentence on what is wrong: *offset is at the header. */
static inline const char *cpio_next(const uint8_t *archive, uint32_t length,
                                    uint32_t *offset, struct cpio_entry *entry) {
    uint32_t at = *offset;

    while (at < length && archive[at] == 0) at++;
    *offset = at;
    *entry = (struct cpio_entry){ .name = NULL };
    if (at == length) return NULL;
    if (length - at < CPIO_HEADER) return "the header is cut off";
    if (memcmp(archive + at, "070701", 6) != 0) return "no header of the format newc";
    for (unsigned i = 0; i < 8 * ARRAY_SIZE(entry->fields); i++) {
        uint32_t c = archive[at + 6 + i], letter = (c | 0x20) - 'a';     // or capital
        if (c - '0' > 9 && letter > 5) return "a field is not hexadecimal";
        uint32_t *field = &entry->fields[i / 8];
        *field = *field << 4 | (letter > 5 ? c - '0' : letter + 10);
    }
    at += CPIO_HEADER;
    entry->name = (const char *)archive + at;
    if (entry->name_size < 2 || entry->name_size > 4096)
        return "the name is empty or too long";
    if (entry->name_size > length - at) return "the name is cut off";
    if (strnlen(entry->name, entry->name_size) != entry->name_size - 1)
        return "the name does not end where it should";
    entry->data = cpio_align(at + entry->name_size, length);
    if (entry->size > length - entry->data) return "the data is cut off";
    *offset = cpio_align(entry->data + entry->size, length);
    return NULL;
}
