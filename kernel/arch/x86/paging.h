/* paging.h - PAE page tables: the entry bits, and which part of an address picks what.
 *
 *      31  30 29            21 20            12 11           0
 *      [ptr] [ directory ]     [ table ]        [ offset ]      an entry is 8 bytes
 */
#pragma once

#include "base/types.h"

#define PAGE_SIZE      4096u
#define PAGE_SHIFT     12
#define PAGE_MASK      (PAGE_SIZE - 1)
#define KERNEL_BASE    0xC0000000u      /* physical 0 is mapped here ... */
#define DIRECT_MAP_MAX 0x38000000u      /* ... and at most 896 MiB behind it */

static inline void *paddr_to_kernel(paddr_t address) {
    return (void *)(address + KERNEL_BASE);
}

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

static inline unsigned pdpt_index(vaddr_t address) { return address >> 30; }

static inline unsigned directory_index(vaddr_t address) {
    return (address >> 21) & 511;
}

static inline unsigned table_index(vaddr_t address) { return (address >> 12) & 511; }

/* Error code bits of a page fault (Intel SDM volume 3, 4.7). */
enum fault_error {
    FAULT_PRESENT = 1, FAULT_WRITE = 2, FAULT_USER = 4, FAULT_RESERVED = 8,
    FAULT_FETCH = 16
};
