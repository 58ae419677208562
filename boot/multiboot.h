/* multiboot.h - what start.asm got from its loader, as a struct boot_info. */
#pragma once

#include "boot_info.h"

#define MULTIBOOT_LOADED 0x2BADB002u

/* The loader's information, copied into the kernel's own memory. `address` is physical;
 * all of it lies below 896 MiB. NULL when magic is neither multiboot's nor ours. */
const struct boot_info *boot_info_take(uint32_t magic, uint32_t address);
