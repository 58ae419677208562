/* boot_info.h - what a loader tells the kernel. One structure for every way in.
 *
 * Entry contract of every loader: 32-bit protected mode, paging off, interrupts off,
 * flat segments, EAX = BOOT_MAGIC, EBX = physical address of a struct boot_info below
 * 4 GiB. The direct path enters with multiboot's registers instead, and multiboot.c
 * fills the same structure.
 *
 * Fixed-width fields and no pointers, so a 64-bit loader and a 32-bit kernel agree.
 */
#pragma once

#include <stdint.h>

#define BOOT_MAGIC      0x0B007AB1u
#define BOOT_VERSION    1u
#define BOOT_MMAP_MAX   128
#define BOOT_MODULE_MAX 8
#define BOOT_CMDLINE_MAX 1024

enum boot_source { BOOT_MULTIBOOT = 1, BOOT_UEFI32 = 2, BOOT_UEFI64 = 3 };

enum boot_memory_type {
    BOOT_USABLE = 1,
    BOOT_RESERVED = 2,
    BOOT_ACPI_RECLAIM = 3,
    BOOT_ACPI_NVS = 4,
    BOOT_BAD = 5,
    BOOT_LOADER = 0x1000,    /* loader, kernel, modules, this structure: usable later */
};

struct boot_memory {
    uint64_t base;              /* bytes, physical */
    uint64_t length;            /* bytes */
    uint32_t type;              /* enum boot_memory_type */
    uint32_t unused;
};

struct boot_module {
    uint32_t base;              /* physical; page aligned */
    uint32_t length;            /* bytes */
    char name[56];              /* file name without folders, NUL-terminated */
};

struct boot_framebuffer {
    uint64_t base;              /* physical; 0: VGA text or nothing */
    uint32_t pitch;             /* bytes from one line to the next */
    uint32_t width, height;     /* pixels */
    uint8_t bits_per_pixel;     /* 32 */
    uint8_t red_shift, green_shift, blue_shift;
};

struct boot_info {
    uint32_t magic;             /* BOOT_MAGIC */
    uint32_t version;           /* BOOT_VERSION */
    uint32_t size;              /* sizeof(struct boot_info) */
    uint32_t source;            /* enum boot_source */
    uint32_t nr_memory;         /* entries used in memory[] */
    uint32_t nr_modules;        /* entries used in module[] */
    uint64_t rsdp;         /* physical address of ACPI's root pointer; 0: look for it */
    uint32_t kernel_base;       /* physical; where the kernel image starts ... */
    uint32_t kernel_end;        /* ... and ends, bss included */
    struct boot_framebuffer framebuffer;
    char command_line[BOOT_CMDLINE_MAX];
    struct boot_module module[BOOT_MODULE_MAX];
    struct boot_memory memory[BOOT_MMAP_MAX];
};

_Static_assert(sizeof(struct boot_memory) == 24, "as an E820 entry");
_Static_assert(sizeof(struct boot_module) == 64, "the same in every build");
_Static_assert(sizeof(struct boot_framebuffer) == 24, "the same in every build");
_Static_assert(sizeof(struct boot_info)
                   == 40 + 24 + BOOT_CMDLINE_MAX + BOOT_MODULE_MAX * 64
                          + BOOT_MMAP_MAX * 24,
               "no hidden padding");
