/* paging.h - PAE page tables: the entry bits, and which part of an address picks what;
 * and the kernel's quarter of the address space.
 *
 *      31  30 29            21 20            12 11           0
 *      [ptr] [ directory ]     [ table ]        [ offset ]      an entry is 8 bytes
 *
 *      C0000000  all managed memory, 2 MiB pages, no execute
 *                (the first 8 MiB in 4 KiB pages: text R-X, rodata R--, the rest RW-)
 *      F8000000  kernel stacks, 16 KiB a slot (mm/stack.c)
 *      FE000000  device registers and framebuffer, 2 MiB pages
 *
 * One page directory maps it, and every address space shares that directory, so a
 * change there is seen by all.
 */
#pragma once

#include "base/types.h"

#define PAGE_SIZE      4096u
#define PAGE_SHIFT     12
#define PAGE_MASK      (PAGE_SIZE - 1)
#define KERNEL_BASE    0xC0000000u      /* physical 0 is mapped here ... */
#define DIRECT_MAP_MAX 0x38000000u      /* ... and at most 896 MiB behind it */
#define STACK_AREA     0xF8000000u
#define DEVICE_AREA    0xFE000000u      /* and the end of the stacks */
#define LARGE_PAGE     0x200000u

static inline void *paddr_to_kernel(paddr_t at) { return (void *)(at + KERNEL_BASE); }

static inline paddr_t kernel_to_paddr(const void *pointer) {
    return (paddr_t)pointer - KERNEL_BASE;
}

typedef uint64_t pte_t;

#define PTE_PRESENT    0x001ull
#define PTE_WRITABLE   0x002ull
#define PTE_USER       0x004ull
#define PTE_NO_CACHE   0x010ull
#define PTE_ACCESSED   0x020ull
#define PTE_DIRTY      0x040ull
#define PTE_LARGE      0x080ull
#define PTE_GLOBAL     0x100ull
#define PTE_NO_EXECUTE 0x8000000000000000ull
#define PTE_ADDRESS    0x000ffffffffff000ull

#define PTES 512

static inline unsigned pdpt_index(vaddr_t at) { return at >> 30; }
static inline unsigned directory_index(vaddr_t at) { return (at >> 21) & 511; }
static inline unsigned table_index(vaddr_t at) { return (at >> 12) & 511; }

extern pte_t kernel_directory[PTES];    /* maps C0000000 to the end */
extern pte_t pte_no_execute;    /* [const] PTE_NO_EXECUTE, if the CPU has it, or 0 */
extern uint64_t kernel_root[4];       /* what CR3 gets when no process's tables serve */

/* Replaces the boot code's tables: W^X, no identity map. */
void kernel_map_init(void);

/* Maps physical memory or registers and returns where; never undone. Panics when the
 * window is full. */
void *kernel_map_device(paddr_t base, size_t size);

/* Error code bits of a page fault (Intel SDM volume 3, 4.7). */
enum fault_error { FAULT_WRITE = 2, FAULT_USER = 4, FAULT_FETCH = 16 };
