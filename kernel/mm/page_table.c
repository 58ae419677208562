/* page_table.c - one space's page tables.
 *
 * Shape: root[0..2] -> page directory -> page table -> frame; root[3] is the kernel's.
 * Tables are made when a page is, and live as long as the space: at most 6 MiB of them,
 * charged to the user.
 * Invariants: entries 0 .. 2 of the root point to directories of this space only.
 */
#include "mm/page_table.h"

#include "arch/x86/kernel_map.h"
#include "base/string.h"

static pte_t *table_at(pte_t entry) {
    return paddr_to_kernel((paddr_t)(entry & PTE_ADDRESS));
}

pte_t *pte_find(struct address_space *space, vaddr_t address) {
    pte_t pointer = space->root[pdpt_index(address)];

    if (!(pointer & PTE_PRESENT)) return NULL;
    pte_t entry = table_at(pointer)[directory_index(address)];
    if (!(entry & PTE_PRESENT)) return NULL;
    return &table_at(entry)[table_index(address)];
}

pte_t *pte_make(struct address_space *space, vaddr_t address) {
    pte_t *pointer = &space->root[pdpt_index(address)];

    if (!(*pointer & PTE_PRESENT)) {
        struct frame *frame = frame_alloc_zeroed(FRAME_PAGE_TABLE);
        if (!frame) return NULL;
        *pointer = frame_paddr(frame) | PTE_PRESENT;
        // the CPU keeps copies of the four pointers: they are read with CR3 only
        space_flush(space, 0, USER_END);
    }
    pte_t *entry = &table_at(*pointer)[directory_index(address)];
    if (!(*entry & PTE_PRESENT)) {
        struct frame *frame = frame_alloc_zeroed(FRAME_PAGE_TABLE);
        if (!frame) return NULL;
        *entry = frame_paddr(frame) | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
    }
    return &table_at(*entry)[table_index(address)];
}

/* Where the next table begins, when there is none for `at`: 2 MiB or a GiB further. */
static vaddr_t skip_hole(const struct address_space *space, vaddr_t at) {
    uint32_t step = space->root[pdpt_index(at)] & PTE_PRESENT ? 1u << 21 : 1u << 30;

    return round_down(at, step) + step;
}

pte_t *pte_next(struct address_space *space, vaddr_t *at, vaddr_t end) {
    while (*at < end) {
        pte_t *entry = pte_find(space, *at);
        if (!entry) {
            *at = skip_hole(space, *at);
            continue;
        }
        vaddr_t table_end = min(end, round_down(*at, 1u << 21) + (1u << 21));
        // most entries of most ranges are empty: four at a time
        while (table_end - *at >= 4 * PAGE_SIZE
               && !pte_has_frame(entry[0] | entry[1] | entry[2] | entry[3])) {
            *at += 4 * PAGE_SIZE;
            entry += 4;
        }
        for (; *at < table_end; *at += PAGE_SIZE, entry++)
            if (pte_has_frame(*entry)) return entry;
    }
    return NULL;
}

pte_t pte_bits(int protection) {
    pte_t bits = protection ? PTE_PRESENT | PTE_USER : PTE_HELD | PTE_USER;

    return protection & PROT_EXEC ? bits : bits | pte_no_execute;
}

void page_tables_free(struct address_space *space) {
    for (unsigned i = 0; i < 3; i++) {
        if (!(space->root[i] & PTE_PRESENT)) continue;
        const pte_t *directory = table_at(space->root[i]);
        for (unsigned d = 0; d < PTES; d++)
            if (directory[d] & PTE_PRESENT) frame_put(pte_frame(directory[d]));
        frame_put(pte_frame(space->root[i]));
        space->root[i] = 0;
    }
}
