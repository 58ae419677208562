/* space_check.c - what kcheck asks of page tables: the users' and the kernel's own.
 *
 * Who holds which frame is written in the tables, so the frames' counts come from here.
 */
#include "arch/x86/kernel_map.h"
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
        space->counted = 0;
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

static bool entries_check(struct address_space *space) {
    const pte_t *entry;
    uint32_t resident = 0;

    for (vaddr_t at = 0; (entry = pte_next(space, &at, USER_END)); at += PAGE_SIZE) {
        const char *fault = fault_of(space_find(space, at), *entry);
        if (fault) return check_failed("the page at %08x %s", at, fault);
        resident++;
    }
    return resident == space->nr_resident
           || check_failed("%p has %u pages, %u are counted", space, resident,
                           space->nr_resident);
}

static bool regions_check(const struct address_space *space) {
    const struct region *region;
    vaddr_t end = USER_START;
    uint32_t pages = 0, count = 0;

    if (!list_is_consistent(&space->regions)) return check_failed("a broken list");
    list_for_each (region, &space->regions, node) {
        if (region->start < end || region->start >= region->end
            || (region->start | region->end) & PAGE_MASK || region->end > USER_END
            || !region->object != !list_node_is_linked(&region->object_node))
            return check_failed("the region at %08x is misplaced", region->start);
        end = region->end;
        pages += (region->end - region->start) >> PAGE_SHIFT;
        count++;
    }
    return (pages == space->nr_mapped_pages && count == space->nr_regions)
           || check_failed("%p maps %u pages in %u regions, %u in %u are counted",
                           space, pages, count, space->nr_mapped_pages,
                           space->nr_regions);
}

/* The kernel's entries: no user's, and none writable and executable. */
static bool kernel_entry_check(vaddr_t at, pte_t entry) {
    return !(entry & PTE_PRESENT)
           || (!(entry & PTE_USER)
               && (!(entry & PTE_WRITABLE)
                   || (entry & pte_no_execute) == pte_no_execute))
           || check_failed("the kernel's page at %08x has rights it should not", at);
}

static bool kernel_check(void) {
    for (vaddr_t at = KERNEL_BASE; at >= KERNEL_BASE; at += LARGE_PAGE) {
        pte_t entry = kernel_directory[directory_index(at)];
        const pte_t *table = paddr_to_kernel((paddr_t)(entry & PTE_ADDRESS));
        bool is_table = (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
        if (!kernel_entry_check(at, is_table ? entry | PTE_NO_EXECUTE : entry))
            return false;
        for (unsigned i = 0; is_table && i < PTES; i++)
            if (!kernel_entry_check(at + i * PAGE_SIZE, table[i])) return false;
    }
    return true;
}

static bool spaces_check(void) {
    struct address_space *space;

    heap_for_each(space, HEAP_SPACE) {
        if (!regions_check(space) || !entries_check(space)) return false;
        if (!check_references(space->refs, space->counted, space))
            return check_failed("%p has %u references and %u users", space, space->refs,
                                space->counted);
    }
    return kernel_check();
}

struct checker spaces_checker = { .name = "spaces", .count = spaces_count,
                                  .check = spaces_check };
