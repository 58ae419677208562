/* space_check.c - what kcheck asks of page tables: the users' and the kernel's own.
 *
 * Who holds which frame is written in the tables, so the frames' counts come from here.
 */
#include "arch/x86/paging.h"
#include "core/check.h"
#include "mm/heap.h"
#include "mm/address_space.h"

#define PTE_CHANGING (PTE_ADDRESS | PTE_WRITABLE | PTE_ACCESSED | PTE_DIRTY)

static bool is_memory(pte_t entry) {
    return (entry & PTE_ADDRESS) >> PAGE_SHIFT < frame_count;
}

static void table_count(pte_t entry, unsigned level) {
    if (!pte_has_frame(entry) || !is_memory(entry)) return;
    frame_found(pte_frame(entry));
    const pte_t *table = frame_address(pte_frame(entry));
    for (unsigned i = 0; level > 0 && i < PTES; i++) table_count(table[i], level - 1);
}

static void spaces_count(void) {
    struct address_space *space;
    const struct region *region;

    heap_for_each(space, HEAP_SPACE) {
        for (unsigned i = 0; i < 3; i++) table_count(space->root[i], 2);
        list_for_each (region, &space->regions, node) object_found(region->object);
    }
}

/* What is wrong with an entry of this region, or NULL. */
static const char *fault_of(const struct region *region, pte_t entry) {
    if (!region) return "is in no region";
    if (!is_memory(entry) || pte_frame(entry)->refs == 0) return "shows free memory";
    const struct frame *frame = pte_frame(entry);
    if (frame->use != FRAME_USER && frame->use != FRAME_OBJECT)
        return "shows the kernel's memory";
    if ((entry & ~PTE_CHANGING) != pte_bits(region->protection))
        return "has other rights than its region";
    if (!(entry & PTE_WRITABLE)) return NULL;
    if (!(region->protection & PROT_WRITE)) return "is writable in spite of its region";
    if (!(region->flags & REGION_SHARED) && frame->refs > 1)
        return "is writable and not the space's own";
    return NULL;
}

static void spaces_check(void) {
    struct address_space *space;
    const struct region *region;
    const pte_t *entry;

    heap_for_each(space, HEAP_SPACE) {
        vaddr_t end = USER_START;
        uint32_t pages = 0, count = 0, resident = 0;
        if (!check_list(&space->regions)) return;
        list_for_each (region, &space->regions, node) {
            check_that(region->start >= end && region->start < region->end
                           && !((region->start | region->end) & PAGE_MASK)
                           && region->end <= USER_END
                           && !region->object
                                  == !list_node_is_linked(&region->object_node),
                       "the region at %08x is misplaced", region->start);
            end = region->end;
            pages += region_pages(region);
            count++;
        }
        for (vaddr_t at = 0; (entry = pte_next(space, &at, USER_END));
             at += PAGE_SIZE) {
            const char *fault = fault_of(space_find(space, at), *entry);
            check_that(!fault, "the page at %08x %s", at, fault);
            resident++;
        }
        check_counted(space, "pages mapped", space->nr_mapped_pages, pages);
        check_counted(space, "regions", space->nr_regions, count);
        check_counted(space, "pages", space->nr_resident, resident);
        check_references(space, space->refs, &space->counted);
    }
}

/* The kernel's entries: no user's, and none writable and executable. */
static void kernel_check(void) {
    for (vaddr_t at = KERNEL_BASE; at >= KERNEL_BASE; at += LARGE_PAGE) {
        const pte_t *entry = &kernel_directory[directory_index(at)];
        bool is_table = (*entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
        if (is_table) entry = frame_address(pte_frame(*entry));
        for (unsigned i = 0; i < (is_table ? PTES : 1); i++, entry++)
            check_that(!(*entry & PTE_PRESENT)
                           || !(*entry & PTE_USER
                                || (*entry & PTE_WRITABLE
                                    && (*entry & pte_no_execute) != pte_no_execute)),
                       "the page at %08x has rights it should not", at + i * PAGE_SIZE);
    }
}

static const struct checker checkers[] CHECKER = {
    { "spaces", spaces_count, spaces_check }, { "kernel", NULL, kernel_check }
};
