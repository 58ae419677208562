/* page_table.h - reading and changing one space's page tables. */
#pragma once

#include "arch/x86/paging.h"
#include "mm/address_space.h"

/* Software bit: the entry is not present but keeps its frame (PROT_NONE). */
#define PTE_HELD 0x200ull

/* The entry for address; NULL when there is no table for it yet. */
pte_t *pte_find(struct address_space *space, vaddr_t address);

/* The same; makes the tables. NULL without memory. */
must_check pte_t *pte_make(struct address_space *space, vaddr_t address);

/* The next entry with a frame in [*at, end); *at becomes its address. NULL: no more. */
pte_t *pte_next(struct address_space *space, vaddr_t *at, vaddr_t end);

/* The bits an entry gets from a region's protection, without PTE_WRITABLE. */
pte_t pte_bits(int protection);

/* Frees all tables; the entries must be empty. */
void page_tables_free(struct address_space *space);

static inline bool pte_has_frame(pte_t entry) {
    return entry & (PTE_PRESENT | PTE_HELD);
}

static inline struct frame *pte_frame(pte_t entry) {
    return frame_of_paddr((paddr_t)(entry & PTE_ADDRESS));
}
