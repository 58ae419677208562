/* kernel_image.h - judging and unpacking the kernel's ELF file. Pure C: no firmware. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The kernel lives in this window of physical memory: everything above it may belong to
 * the firmware for ever (OVMF keeps ACPI memory from 8 MiB on), and everything below is
 * the PC's own. */
#define KERNEL_WINDOW_START 0x00100000u
#define KERNEL_WINDOW_END   0x00800000u

struct kernel_image {
    uint32_t base;              /* physical, page aligned: where the image starts ... */
    uint32_t end;               /* ... and its end, bss included, page aligned */
    uint32_t entry;             /* physical address of the first instruction */
};

/* Judge the file. Returns NULL and fills *image when the kernel can be loaded, else one
 * clause that says what is wrong ("is cut short"). Trusts nothing in the file. */
const char *kernel_image_check(const void *file, size_t size,
                               struct kernel_image *image);

/* Lay the image out in `to`, which has image->end - image->base bytes. The file must
 * have passed kernel_image_check with this `image`. */
void kernel_image_unpack(const void *file, const struct kernel_image *image, void *to);
