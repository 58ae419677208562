/* address_space.c - making, copying and ending address spaces.
 *
 * Sleeps: never. Long loops (fork, the end) run to their end with the lock held; they
 * are bounded by the pages the space has.
 */
#include "mm/address_space.h"

#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/kernel_map.h"
#include "core/panic.h"
#include "mm/heap.h"
#include "mm/page_table.h"

static uint64_t last_version;

struct address_space *space_create(void) {
    struct address_space *space = heap_new(HEAP_SPACE, struct address_space);

    if (!space) return NULL;
    space->refs = 1;
    space->root = (uint64_t *)round_up((uint32_t)space->root_storage, 32);
    space->root[3] = kernel_root[3];
    space->root_paddr = kernel_to_paddr(space->root);
    space->version = ++last_version;
    list_init(&space->watchers);
    list_init(&space->regions);
    space->limit_pages = UINT32_MAX;
    space->stack_limit = 8 << 20;
    return space;
}

void space_put(struct address_space *space) {
    assert(space->refs > 0);
    if (--space->refs > 0) return;
    assert(list_is_empty(&space->watchers));
    tlb_leave(space->root_paddr);
    // the system page goes like all others: space_unmap would refuse it
    struct region *region, *next;
    list_for_each_safe (region, next, &space->regions, node) {
        space_unmap_pages(space, region->start, region->end);
        region_free(region);
    }
    page_tables_free(space);
    heap_free(space);
}

void space_flush(struct address_space *space, vaddr_t start, vaddr_t end) {
    struct space_watcher *watcher, *next;

    space->version = ++last_version;
    list_for_each_safe (watcher, next, &space->watchers, node) {
        list_remove(&watcher->node);
        watcher->changed(watcher);
    }
    tlb_shootdown(start, end, space->root_paddr);
}

/* Shares the pages of one region with a copy of the space. A private page loses its
 * write permission in both: whoever writes first copies it. */
static bool share_pages(struct address_space *to, struct address_space *from,
                        const struct region *region) {
    bool private = !(region->flags & REGION_SHARED);
    pte_t *source;

    for (vaddr_t at = region->start; (source = pte_next(from, &at, region->end));
         at += PAGE_SIZE) {
        pte_t *target = pte_make(to, at);
        if (!target) return false;
        if (private) *source &= ~PTE_WRITABLE;
        *target = *source & ~(PTE_DIRTY | PTE_ACCESSED);
        frame_get(pte_frame(*source));
        to->nr_resident++;
    }
    return true;
}

struct address_space *space_fork(struct address_space *from) {
    struct address_space *to = space_create();
    struct region *region, *copy;
    bool ok = to != NULL;

    if (!ok) return NULL;
    list_for_each (region, &from->regions, node) {
        ok = space_map(to, region->start, region->end - region->start,
                       region->protection, region->flags, region->object,
                       region->first_page, &copy)
                 == 0
             && share_pages(to, from, region);
        if (!ok) break;
        region_own(copy, region->owner);
    }
    // the parent's own pages are read-only now: old translations must go
    space_flush(from, 0, USER_END);
    if (!ok) {
        space_put(to);
        return NULL;
    }
    to->limit_pages = from->limit_pages;
    to->stack_limit = from->stack_limit;
    to->heap_start = from->heap_start;
    to->heap_end = from->heap_end;
    return to;
}
