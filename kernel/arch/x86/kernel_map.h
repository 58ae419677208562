/* kernel_map.h - the kernel's quarter of the address space.
 *
 *      C0000000  all managed memory, 2 MiB pages, no execute
 *                (the first 8 MiB in 4 KiB pages: text R-X, rodata R--, the rest RW-)
 *      F8000000  kernel stacks, 16 KiB a slot (mm/stack.c)
 *      FE000000  device registers and framebuffer, 2 MiB pages
 *
 * One page directory maps it, and every address space shares that directory, so a
 * change here is seen by all.
 */
#pragma once

#include "arch/x86/paging.h"

#define STACK_AREA      0xF8000000u
#define STACK_AREA_END  0xFE000000u
#define DEVICE_AREA     0xFE000000u
#define LARGE_PAGE      0x200000u

extern pte_t kernel_directory[PTES];    /* maps C0000000 to the end */
extern pte_t pte_no_execute;    /* [const] PTE_NO_EXECUTE, if the CPU has it, or 0 */
extern uint64_t kernel_root[4];       /* what CR3 gets when no process's tables serve */

/* Replaces the boot code's tables: W^X, no identity map. */
void kernel_map_init(void);
paddr_t kernel_root_paddr(void);

/* Maps physical memory or registers and returns where; never undone. Panics when the
 * window is full. */
void *kernel_map_device(paddr_t base, size_t size);
