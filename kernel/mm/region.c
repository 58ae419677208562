/* region.c - the list of regions: finding, mapping, unmapping, protecting.
 *
 * Invariants: regions are in address order and do not overlap; neighbours that differ
 * in nothing are one region; nr_mapped_pages is their sum.
 */
#include "arch.h"
#include "arch/x86/system_page.h"
#include "base/format.h"
#include "core/panic.h"
#include "mm/address_space.h"
#include "mm/heap.h"
#include "mm/page_table.h"

struct region *space_find_above(struct address_space *space, vaddr_t address) {
    struct region *region;

    list_for_each (region, &space->regions, node)
        if (region->end > address) return region;
    return NULL;
}

struct region *space_find(struct address_space *space, vaddr_t address) {
    struct region *region = space->last_found;

    if (region && address >= region->start && address < region->end) return region;
    region = space_find_above(space, address);
    if (!region || region->start > address) return NULL;
    return space->last_found = region;
}

static bool is_free(struct address_space *space, vaddr_t start, size_t size) {
    if (size > USER_END || start < USER_START || start > USER_END - size) return false;
    struct region *above = space_find_above(space, start);
    if (!above) return true;
    vaddr_t limit = above->start;
    if (above->flags & REGION_GROWS_DOWN) limit -= min(limit, STACK_GAP);
    return start + size <= limit;
}

vaddr_t space_find_gap(struct address_space *space, vaddr_t hint, size_t size) {
    vaddr_t top = USER_END;

    if (hint && is_free(space, hint, size)) return hint;
    for (struct list_node *n = space->regions.head.prev;; n = n->prev) {
        bool at_end = n == &space->regions.head;
        struct region *region = list_entry(n, struct region, node);
        vaddr_t bottom = at_end ? USER_START : region->end;
        if (top > bottom && top - bottom >= size) return top - size;
        if (at_end) return 0;
        top = region->start;
        if (region->flags & REGION_GROWS_DOWN)
            top -= min(top, max(space->stack_limit, STACK_GAP));
    }
}

static uint32_t pages_of(const struct region *region) {
    return (region->end - region->start) >> PAGE_SHIFT;
}

/* Could b follow a as one region? */
static bool can_merge(const struct region *a, const struct region *b) {
    return a->end == b->start && a->protection == b->protection && a->flags == b->flags
           && a->object == b->object && !a->owner && !b->owner
           && !(a->flags & (REGION_GROWS_DOWN | REGION_SYSTEM))
           && (!a->object || a->first_page + pages_of(a) == b->first_page);
}

void region_own(struct region *region, struct region_owner *owner) {
    region->owner = owner;
    if (owner) owner->changed(owner, false);
}

void region_free(struct region *region) {
    struct address_space *space = region->space;
    struct region_owner *owner = region->owner;

    if (space->last_found == region) space->last_found = NULL;
    space->nr_regions--;
    list_remove(&region->node);
    if (region->object) {
        list_remove(&region->object_node);
        object_put(region->object);
    }
    heap_free(region);
    if (owner) owner->changed(owner, true);
}

static inline struct region *neighbour(const struct region *region,
                                       struct list_node *node) {
    return node == &region->space->regions.head ? NULL
                                                : list_entry(node, struct region, node);
}

/* Joins the region with those around it that nothing tells apart from it. */
static struct region *merge(struct region *region) {
    struct region *next = neighbour(region, region->node.next), *before;

    if (next && can_merge(region, next)) {
        region->end = next->end;
        region_free(next);
    }
    before = neighbour(region, region->node.prev);
    if (!before || !can_merge(before, region)) return region;
    before->end = region->end;
    region_free(region);
    return before;
}

static inline void region_link(struct region *region) {
    struct address_space *space = region->space;
    struct region *above = space_find_above(space, region->start);

    list_insert_before(above ? &above->node : &space->regions.head, &region->node);
    if (region->object) {
        object_get(region->object);
        list_push_back(&region->object->mappings, &region->object_node);
    }
    space->nr_regions++;
    space->last_found = region; // what is new is what is used next
}

int space_map(struct address_space *space, vaddr_t start, size_t size, int protection,
              int flags, struct memory_object *object, uint32_t first_page,
              struct region **result) {
    uint32_t pages = size >> PAGE_SHIFT;

    if (space->nr_regions >= REGIONS_MAX || pages > space->limit_pages
        || space->nr_mapped_pages > space->limit_pages - pages)
        return -ENOMEM;
    struct region *region = heap_new(HEAP_REGION, struct region);
    if (!region) return -ENOMEM;
    region->space = space;
    region->start = start;
    region->end = start + size;
    region->protection = (uint8_t)protection;
    region->flags = (uint8_t)flags;
    region->object = object;
    region->first_page = first_page;
    list_node_init(&region->object_node);
    region_link(region);
    space->nr_mapped_pages += pages;
    // a caller that wants the region keeps it apart from its neighbours
    if (result) *result = region;
    else merge(region);
    return 0;
}

/* Cuts a region in two at `at`, strictly inside it; `upper` is the new struct for the
 * part behind. */
static void split(struct region *region, vaddr_t at, struct region *upper) {
    *upper = *region;
    upper->start = at;
    upper->first_page += (at - region->start) >> PAGE_SHIFT;
    list_node_init(&upper->object_node);
    region->end = at;
    region_link(upper);
    region_own(upper, region->owner);
}

int space_cut(struct address_space *space, vaddr_t start, vaddr_t end) {
    struct region *low = space_find(space, start), *high = low;
    if (!low || low->end < end) high = space_find(space, end - 1);
    bool at_start = low && low->start < start, at_end = high && high->end > end;
    struct region *first = NULL, *second = NULL;

    if (space->nr_regions + at_start + at_end > REGIONS_MAX) return -ENOMEM;
    if (at_start && !(first = heap_new(HEAP_REGION, struct region))) return -ENOMEM;
    if (at_end && !(second = heap_new(HEAP_REGION, struct region))) {
        heap_free(first);
        return -ENOMEM;
    }
    if (second) split(high, end, second);
    if (first) split(low, start, first);
    return 0;
}

int space_unmap(struct address_space *space, vaddr_t start, size_t size) {
    vaddr_t end = start + size;

    if (end > SYSTEM_PAGE)
        return -EINVAL;         // every program needs it
    if (space_cut(space, start, end)) return -ENOMEM;
    struct region *region = space_find_above(space, start);
    if (!region || region->start >= end) return 0;
    space_unmap_pages(space, start, end);
    for (struct region *next; region && region->start < end; region = next) {
        next = neighbour(region, region->node.next);
        space->nr_mapped_pages -= pages_of(region);
        region_free(region);
    }
    return 0;
}

void space_unmap_pages(struct address_space *space, vaddr_t start, vaddr_t end) {
    struct frame *batch[16];    // frames wait here until no CPU can reach them
    vaddr_t at = start;

    for (bool more = true; more; start = at) {
        unsigned count = 0;
        pte_t *entry;
        while (count < ARRAY_SIZE(batch) && (entry = pte_next(space, &at, end))) {
            batch[count++] = pte_frame(*entry);
            *entry = 0;
            at += PAGE_SIZE;
        }
        more = count == ARRAY_SIZE(batch);
        space->nr_resident -= count;
        if (count > 0) space_flush(space, start, at);
        while (count > 0) frame_put(batch[--count]);
    }
}

bool space_move_pages(struct address_space *space, vaddr_t from, vaddr_t to,
                      size_t size) {
    vaddr_t at, end = from + size;
    pte_t *source;

    for (at = from; pte_next(space, &at, end); at += PAGE_SIZE)
        if (!pte_make(space, to + (at - from))) return false;
    for (at = from; (source = pte_next(space, &at, end)); at += PAGE_SIZE) {
        *pte_find(space, to + (at - from)) = *source;
        *source = 0;
    }
    space_flush(space, from, end);
    return true;
}

/* Gives the entries of a range the rights of `protection`; write permission comes back
 * by a fault, which knows whether the page must be copied first. */
static void protect_pages(struct address_space *space, vaddr_t start, vaddr_t end,
                          int protection) {
    pte_t bits = pte_bits(protection), *entry;
    bool any = false;

    for (vaddr_t at = start; (entry = pte_next(space, &at, end)); at += PAGE_SIZE) {
        *entry = (*entry & PTE_ADDRESS) | bits;
        any = true;
    }
    if (any) space_flush(space, start, end);
}

int space_protect(struct address_space *space, vaddr_t start, size_t size,
                  int protection) {
    vaddr_t end = start + size, covered = start;
    struct region *region;

    for (region = space_find_above(space, start); region && covered < end;
         region = space_find_above(space, region->end)) {
        if (region->start > covered || region->flags & REGION_SYSTEM) break;
        if (protection & PROT_WRITE && region->flags & REGION_NEVER_WRITABLE)
            return -EACCES;
        covered = region->end;
    }
    if (covered < end)
        return -ENOMEM;         // a hole in the range
    if (space_cut(space, start, end)) return -ENOMEM;
    for (region = space_find_above(space, start); region && region->start < end;
         region = space_find_above(space, region->end)) {
        region->protection = (uint8_t)protection;
        protect_pages(space, region->start, region->end, protection);
        region = merge(region);
    }
    return 0;
}
