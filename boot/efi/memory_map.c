/* memory_map.c - from the firmware's memory map to boot_info's.
 *
 * Shape: every step is one stroke of a brush over a sorted list of disjoint pieces.
 *
 *      before     [   usable   ][ reserved ]        [   usable   ]
 *      stroke             ~~~~~~~~~ loader
 *      after      [usable][ loader ][resvd ]        [   usable   ]
 *
 * Invariants: info->memory is sorted by base, has no overlaps and no empty pieces, and
 *      no two touching pieces have the same type.
 * Tests: boot/efi/loader_host_test.c
 * See: UEFI 2.10, 7.2 (memory types after ExitBootServices)
 */
#include "memory_map.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096u
#define VGA_HOLE   0xA0000u
#define HIGH_START 0x100000u
#define ROOM_FOR_MARKS 6        /* three strokes after the map, two new pieces each */

static uint64_t end_of(const struct boot_memory *m) { return m->base + m->length; }

static void piece_insert(struct boot_info *info, uint32_t at,
                         struct boot_memory piece) {
    for (uint32_t i = info->nr_memory++; i > at; i--)
        info->memory[i] = info->memory[i - 1];
    info->memory[at] = piece;
}

static void piece_remove(struct boot_info *info, uint32_t at) {
    info->nr_memory--;
    for (uint32_t i = at; i < info->nr_memory; i++)
        info->memory[i] = info->memory[i + 1];
}

/* Make `edge` a border between pieces, if it lies inside one. */
static void piece_split(struct boot_info *info, uint64_t edge) {
    for (uint32_t i = 0; i < info->nr_memory; i++) {
        struct boot_memory *m = &info->memory[i], upper = *m;
        if (m->base >= edge || end_of(m) <= edge) continue;
        upper.base = edge;
        upper.length = end_of(m) - edge;
        m->length = edge - m->base;
        piece_insert(info, i + 1, upper);
        return;
    }
}

static void pieces_merge(struct boot_info *info) {
    for (uint32_t i = 1; i < info->nr_memory;) {
        struct boot_memory *left = &info->memory[i - 1], *right = &info->memory[i];
        if (left->type == right->type && end_of(left) == right->base) {
            left->length += right->length;
            piece_remove(info, i);
        } else {
            i++;
        }
    }
}

bool memory_paint(struct boot_info *info, uint64_t base, uint64_t end, uint32_t type) {
    uint32_t at = 0;

    if (info->nr_memory + 2 > BOOT_MMAP_MAX) return false;
    if (base >= end) return true;
    piece_split(info, base);
    piece_split(info, end);
    while (at < info->nr_memory && info->memory[at].base < base)
        at++;
    while (at < info->nr_memory && info->memory[at].base < end)
        piece_remove(info, at);
    piece_insert(info, at, (struct boot_memory){ base, end - base, type, 0 });
    pieces_merge(info);
    return true;
}

static uint32_t type_of(const struct firmware_memory *m) {
    switch (m->type) {
    case FIRMWARE_BOOT_CODE:
    case FIRMWARE_BOOT_DATA:
    case FIRMWARE_CONVENTIONAL: return BOOT_USABLE;
    case FIRMWARE_LOADER_CODE:
    case FIRMWARE_LOADER_DATA:  return BOOT_LOADER;
    case FIRMWARE_ACPI_RECLAIM: return BOOT_ACPI_RECLAIM;
    case FIRMWARE_ACPI_NVS:     return BOOT_ACPI_NVS;
    case FIRMWARE_UNUSABLE:     return BOOT_BAD;
    default:                    return BOOT_RESERVED;
    }
}

/* Paint all of the firmware's pieces that have this type. */
static void type_paint(struct boot_info *info, const void *map, size_t size,
                       size_t stride, uint32_t type) {
    for (size_t at = 0; at + sizeof(struct firmware_memory) <= size; at += stride) {
        const struct firmware_memory *m = (const void *)((const char *)map + at);
        uint64_t length = m->nr_pages << PAGE_SHIFT;
        if (type_of(m) != type || length >> PAGE_SHIFT != m->nr_pages
            || m->physical + length < m->physical)
            continue;
        if (info->nr_memory + 2 + ROOM_FOR_MARKS <= BOOT_MMAP_MAX)
            memory_paint(info, m->physical, m->physical + length, type);
    }
}

/* Whether every byte of [base, end) is RAM that the firmware gives up. */
static bool is_free(const struct boot_info *info, uint64_t base, uint64_t end) {
    for (uint32_t i = 0; i < info->nr_memory && base < end; i++) {
        const struct boot_memory *m = &info->memory[i];
        if (m->base > base) return false;
        if (end_of(m) > base && (m->type == BOOT_USABLE || m->type == BOOT_LOADER))
            base = end_of(m);
    }
    return base >= end;
}

bool memory_convert(struct boot_info *info, const void *map, size_t size,
                    size_t stride) {
    // A firmware's map has no overlaps. Should one have some, the stricter type wins,
    // because it is painted later.
    static const uint32_t order[] = {
        BOOT_USABLE, BOOT_LOADER, BOOT_ACPI_RECLAIM,
        BOOT_ACPI_NVS, BOOT_BAD, BOOT_RESERVED,
    };
    bool good;

    info->nr_memory = 0;
    if (stride < sizeof(struct firmware_memory)) return false;
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++)
        type_paint(info, map, size, stride, order[i]);
    good = is_free(info, info->kernel_base, info->kernel_end);
    memory_paint(info, 0, PAGE_SIZE, BOOT_RESERVED);
    memory_paint(info, VGA_HOLE, HIGH_START, BOOT_RESERVED);
    memory_paint(info, info->kernel_base, info->kernel_end, BOOT_LOADER);
    return good;
}
