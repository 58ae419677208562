/* cpio.h - taking a cpio archive (format `newc`) apart. Pure: also compiled for host
 * tests.
 *
 *      070701 | 13 fields of 8 hexadecimal digits | name NUL pad | data | pad | 070701
 *
 * Names and data begin at multiples of 4. The name TRAILER!!! ends an archive; zeros
 * may follow, and then another archive. (Manual: cpio(5), Linux' buffer-format.)
 */
#pragma once

#include "base/types.h"

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

enum cpio_kind { CPIO_ENTRY, CPIO_TRAILER, CPIO_END, CPIO_DAMAGED };

/* Reads what stands at *offset and moves on. CPIO_END at the end of the bytes. Damaged:
 * *offset stays at the header, *why is a sentence. */
enum cpio_kind cpio_next(const uint8_t *archive, uint32_t length, uint32_t *offset,
                         struct cpio_entry *entry, const char **why);
