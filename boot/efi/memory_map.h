/* memory_map.h - from the firmware's memory map to boot_info's. Pure C: no firmware. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/boot_info.h"

/* One descriptor of the firmware's map. They lie `stride` bytes apart, which may be
 * more than the size of this structure: newer firmware may append fields. */
struct firmware_memory {
    uint32_t type;              /* enum firmware_memory_type */
    uint32_t unused;
    uint64_t physical;          /* page aligned */
    uint64_t virtual;
    uint64_t nr_pages;          /* of 4 KiB */
    uint64_t attributes;
};

/* UEFI 2.10, table 7.10. Unlisted values are somebody else's: reserved. */
enum firmware_memory_type {
    FIRMWARE_LOADER_CODE = 1,
    FIRMWARE_LOADER_DATA = 2,
    FIRMWARE_BOOT_CODE = 3,
    FIRMWARE_BOOT_DATA = 4,
    FIRMWARE_CONVENTIONAL = 7,
    FIRMWARE_UNUSABLE = 8,
    FIRMWARE_ACPI_RECLAIM = 9,
    FIRMWARE_ACPI_NVS = 10,
};

/* Fill info->memory from the firmware's map: sorted, merged, without overlaps, page 0
 * and 640 KiB to 1 MiB reserved, and [kernel_base, kernel_end) as BOOT_LOADER. What
 * does not fit is left out, reserved pieces first: memory not listed is not used.
 * Returns false when the firmware keeps a part of the kernel's memory. */
bool memory_convert(struct boot_info *info, const void *map, size_t size,
                    size_t stride);

/* Give [base, end) this type, whatever it was before. Returns false, with nothing
 * changed, when the table is too full. */
bool memory_paint(struct boot_info *info, uint64_t base, uint64_t end, uint32_t type);
