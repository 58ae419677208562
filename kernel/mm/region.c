/* region.c - the list of regions: finding, mapping, unmapping, protecting.
 *
 * Invariants: regions are in address order and do not overlap; neighbours that differ
 * in nothing are one region; nr_mapped_pages is their sum.
 */
#include "mm/address_space.h"
#include "mm/heap.h"

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

/* Where what is mapped below a region, or NULL, must end: a stack keeps a gap. */
static vaddr_t floor_of(const struct region *region, uint32_t gap) {
    if (!region) return USER_END;
    return region->flags & REGION_GROWS_DOWN ? region->start - min(region->start, gap)
                                             : region->start;
}

vaddr_t space_find_gap(struct address_space *space, vaddr_t hint, size_t size) {
    struct region *region = list_last_entry(&space->regions, struct region, node);
    vaddr_t top = USER_END;

    if (hint >= USER_START && size <= USER_END && hint <= USER_END - size
        && hint + size <= floor_of(space_find_above(space, hint), STACK_GAP))
        return hint;
    for (;; region = region_neighbour(region, region->node.prev)) {
        vaddr_t bottom = region ? region->end : USER_START;
        if (top > bottom && top - bottom >= size) return top - size;
        if (!region) return 0;
        top = floor_of(region, max(space->stack_limit, STACK_GAP));
    }
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

/* Makes b, which follows a, a part of it if nothing tells them apart. Either may be
 * NULL. */
static void join(struct region *a, struct region *b) {
    if (!a || !b || a->end != b->start || a->protection != b->protection
        || a->flags != b->flags || a->flags & (REGION_GROWS_DOWN | REGION_SYSTEM)
        || a->owner || b->owner || a->object != b->object
        || (a->object && region_page(a, a->end) != b->first_page))
        return;
    a->end = b->end;
    region_free(b);
}

static void join_around(struct region *region) {
    join(region, region_neighbour(region, region->node.next));
    join(region_neighbour(region, region->node.prev), region);
}

/* Puts a copy of `like` on the list. NULL without memory, or with too many. */
static inline struct region *region_add(struct address_space *space,
                                        const struct region *like) {
    struct region *above = space_find_above(space, like->start), *region;

    if (space->nr_regions >= REGIONS_MAX) return NULL;
    if (!(region = heap_alloc_raw(HEAP_REGION, sizeof(*region)))) return NULL;
    *region = *like;
    region->space = space;
    list_insert_before(above ? &above->node : &space->regions.head, &region->node);
    list_node_init(&region->object_node);
    if (region->object) {
        object_get(region->object);
        list_push_back(&region->object->mappings, &region->object_node);
    }
    space->nr_regions++;
    space->last_found = region; // what is new is what is used next
    if (region->owner) region->owner->changed(region->owner, false);
    return region;
}

int space_map(struct address_space *space, const struct region *like) {
    struct region *region = NULL;

    if (space_has_room(space, region_pages(like))) region = region_add(space, like);
    if (!region) return -ENOMEM;
    space->nr_mapped_pages += region_pages(like);
    join_around(region);
    return 0;
}

static int cut(struct region *region, vaddr_t at) {
    if (!region || at <= region->start || at >= region->end) return 0;
    struct region upper = *region;
    upper.first_page = region_page(region, at);
    upper.start = at;
    region->end = at;           // or it would be found in the place of the upper part
    if (region_add(region->space, &upper)) return 0;
    region->end = upper.end;
    return -ENOMEM;
}

int space_cut(struct address_space *space, vaddr_t start, vaddr_t end) {
    struct region *region = space_find(space, start);

    if (cut(region, start)) return -ENOMEM;
    if (!cut(space_find(space, end - 1), end)) return 0;
    if (region) join_around(region);
    return -ENOMEM;
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
        next = region_neighbour(region, region->node.next);
        space->nr_mapped_pages -= region_pages(region);
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

/* Write permission comes back by a fault, which knows whether the page must be copied
 * first. */
int space_protect(struct address_space *space, vaddr_t start, size_t size,
                  int protection) {
    vaddr_t end = start + size, at;
    pte_t *entry;
    struct region *region;
    bool any = false;

    for (at = start; at < end; at = region->end) {
        region = space_find(space, at);
        if (!region || region->flags & REGION_SYSTEM) return -ENOMEM;
        if (protection & PROT_WRITE && region->flags & REGION_NEVER_WRITABLE)
            return -EACCES;
    }
    if (space_cut(space, start, end)) return -ENOMEM;
    for (at = start; at < end;) {
        region = space_find(space, at);
        region->protection = (uint8_t)protection;
        at = region->end;
        join_around(region);
    }
    for (at = start; (entry = pte_next(space, &at, end)); at += PAGE_SIZE, any = true)
        *entry = (*entry & PTE_ADDRESS) | pte_bits(protection);
    if (any) space_flush(space, start, end);
    return 0;
}
