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

#define CPIO_TRAILER "TRAILER!!!"      /* the name that ends an archive */

/* Reads what stands at *offset, behind zeros, and moves on; the name is NULL at the end
 * of the bytes. NULL; or a sentence on what is wrong: *offset is at the header. */
const char *cpio_next(const uint8_t *archive, uint32_t length, uint32_t *offset,
                      struct cpio_entry *entry);
