/* address_space.c - address spaces: their page tables, their regions, and copies.
 *
 * Shape: root[0..2] -> page directory -> page table -> frame; root[3] is the kernel's.
 * Tables are made when a page is, and live as long as the space: at most 6 MiB of them,
 * charged to the user.
 * Invariants: entries 0 .. 2 of the root point to directories of this space only.
 * Regions are in address order and do not overlap; neighbours that differ in nothing
 * are one region; nr_mapped_pages is their sum.
 * Sleeps: never. Long loops (fork, the end) run to their end with the lock held; they
 * are bounded by the pages the space has.
 */
#include "mm/address_space.h"

#include "arch.h"
#include "arch/x86/paging.h"
#include "core/check.h"
#include "core/panic.h"
#include "mm/heap.h"

static uint64_t last_version;

/* -- Page tables ------------------------------------------------------------------- */

static pte_t *table_at(pte_t entry) {
    return paddr_to_kernel((paddr_t)(entry & PTE_ADDRESS));
}

pte_t *pte_at(struct address_space *space, vaddr_t address, bool make) {
    pte_t *pointer = &space->root[pdpt_index(address)];
    struct frame *frame;

    if (!(*pointer & PTE_PRESENT)) {
        if (!make || !(frame = frame_alloc_zeroed(FRAME_PAGE_TABLE))) return NULL;
        *pointer = frame_paddr(frame) | PTE_PRESENT;
        // the CPU keeps copies of the four pointers: they are read with CR3 only
        space_flush(space, 0, USER_END);
    }
    pte_t *entry = &table_at(*pointer)[directory_index(address)];
    if (!(*entry & PTE_PRESENT)) {
        if (!make || !(frame = frame_alloc_zeroed(FRAME_PAGE_TABLE))) return NULL;
        *entry = frame_paddr(frame) | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
    }
    return &table_at(*entry)[table_index(address)];
}

pte_t *pte_next(struct address_space *space, vaddr_t *at, vaddr_t end) {
    while (*at < end) {
        pte_t *entry = pte_at(space, *at, false);
        if (!entry) {           // no table: 2 MiB or a GiB further
            uint32_t hole =
                space->root[pdpt_index(*at)] & PTE_PRESENT ? 1u << 21 : 1u << 30;
            *at = round_down(*at, hole) + hole;
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

uint32_t space_resident(struct address_space *space) {
    const struct region *region;
    uint32_t pages = 0;

    list_for_each (region, &space->regions, node)
        for (vaddr_t at = region->start; pte_next(space, &at, region->end);
             at += PAGE_SIZE)
            pages++;
    return pages;
}

pte_t pte_bits(int protection) {
    pte_t bits = protection ? PTE_PRESENT | PTE_USER : PTE_HELD | PTE_USER;

    return protection & PROT_EXEC ? bits : bits | pte_no_execute;
}

/* -- Regions ----------------------------------------------------------------------- */

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

/* Makes b, which follows a, part of it if nothing tells them apart. Each may be
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

uint32_t space_unmap_pages(struct address_space *space, vaddr_t start, vaddr_t end) {
    struct frame *batch[16];    // frames wait here until no CPU can reach them
    vaddr_t at = start;
    uint32_t pages = 0;

    for (bool more = true; more; start = at) {
        unsigned count = 0;
        pte_t *entry;
        while (count < ARRAY_SIZE(batch) && (entry = pte_next(space, &at, end))) {
            batch[count++] = pte_frame(*entry);
            *entry = 0;
            at += PAGE_SIZE;
        }
        more = count == ARRAY_SIZE(batch);
        pages += count;
        if (count > 0) space_flush(space, start, at);
        while (count > 0) frame_put(batch[--count]);
    }
    return pages;
}

/* Write permission comes back by a fault: it knows if the page must be copied first. */
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

/* -- Making, ending ---------------------------------------------------------------- */

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

uint32_t space_put(struct address_space *space) {
    uint32_t pages = 0;

    assert(space->refs > 0);
    if (--space->refs > 0) return 0;
    assert(list_is_empty(&space->watchers));
    tlb_shootdown(0, 0, space->root_paddr);
    // the system page goes like all others: space_unmap would refuse it
    struct region *region, *next;
    list_for_each_safe (region, next, &space->regions, node) {
        pages += space_unmap_pages(space, region->start, region->end);
        region_free(region);
    }
    for (unsigned i = 0; i < 3; i++) {
        if (!(space->root[i] & PTE_PRESENT)) continue;
        const pte_t *directory = table_at(space->root[i]);
        for (unsigned d = 0; d < PTES; d++)
            if (directory[d] & PTE_PRESENT) frame_put(pte_frame(directory[d]));
        frame_put(pte_frame(space->root[i]));
    }
    heap_free(space);
    return pages;
}

void space_flush(struct address_space *space, vaddr_t start, vaddr_t end) {
    struct space_watcher *watcher, *next;

    assert(start < end);        // an empty range would tell all to leave these tables
    space->version = ++last_version;
    list_for_each_safe (watcher, next, &space->watchers, node) {
        list_remove(&watcher->node);
        watcher->changed(watcher);
    }
    tlb_shootdown(start, end, space->root_paddr);
}

/* -- Copying ----------------------------------------------------------------------- */

struct address_space *space_fork(struct address_space *from) {
    struct address_space *to = space_create();
    const struct region *region;
    pte_t *source, *target;
    bool ok = to;

    if (!ok) return NULL;
    list_for_each (region, &from->regions, node) {
        if (!(ok = ok && space_map(to, region) == 0)) break;
        // a private page is read-only in both: whoever writes first copies it
        for (vaddr_t at = region->start; (source = pte_next(from, &at, region->end));
             at += PAGE_SIZE) {
            target = pte_at(to, at, true);
            if (!(ok = target)) break;
            if (!(region->flags & REGION_SHARED)) *source &= ~PTE_WRITABLE;
            *target = *source & ~(PTE_DIRTY | PTE_ACCESSED);
            frame_get(pte_frame(*source));
        }
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

/* -- Checking ---------------------------------------------------------------------- */

#define PTE_CHANGING (PTE_ADDRESS | PTE_WRITABLE | PTE_ACCESSED | PTE_DIRTY)

static bool is_memory(pte_t entry) {
    return (entry & PTE_ADDRESS) >> PAGE_SHIFT < frame_count;
}

static void table_count(pte_t entry, unsigned level) {
    if (!pte_has_frame(entry) || !is_memory(entry)) return;
    pte_frame(entry)->counted++;
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
    const struct frame *frame = pte_frame(entry);
    if (!is_memory(entry) || frame->use == FRAME_FREE) return "shows free memory";
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
        uint32_t pages = 0, count = 0;
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
        }
        check_counted(space, "pages mapped", space->nr_mapped_pages, pages);
        check_counted(space, "regions", space->nr_regions, count);
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
