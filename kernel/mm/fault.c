/* fault.c - pages come when they are touched: demand zero, file pages, copy on write.
 * README.md has the table of cases. Never sleeps: everything is in memory.
 * Tests: user/tests/cow.c, mmap_*.c.
 */
#include "base/string.h"
#include "mm/address_space.h"

/* A stack's region grows down to the faulting address when the gap below stays free. */
static struct region *stack_grow(struct address_space *space, vaddr_t address) {
    struct region *region = space_find_above(space, address);
    vaddr_t start = round_down(address, PAGE_SIZE);

    if (!region || !(region->flags & REGION_GROWS_DOWN) || start < USER_START
        || region->end - start > space->stack_limit)
        return NULL;
    uint32_t pages = (region->start - start) >> PAGE_SHIFT;
    const struct region *below = region_neighbour(region, region->node.prev);
    if ((below && below->protection != PROT_NONE && start - below->end < STACK_GAP)
        || !space_has_room(space, pages))
        return NULL;
    space->nr_mapped_pages += pages;
    region->start = start;
    return region;
}

/* Makes the entry show a frame: the object's, or the one it shows already; if that is
 * to be written and others hold it, too, a copy; for NULL zeros. */
static enum fault_result show(struct address_space *space, const struct region *region,
                              vaddr_t address, pte_t *entry, struct frame *frame,
                              bool write) {
    bool shared = region->flags & REGION_SHARED, had_one = pte_has_frame(*entry);
    bool keep = frame && (shared || !write || (had_one && frame->refs == 1));
    bool writable = region->protection & PROT_WRITE && (shared || write || !keep);
    vaddr_t page = round_down(address, PAGE_SIZE);
    struct frame *shown = frame;

    if (!frame) shown = frame_alloc_zeroed(FRAME_USER);
    else if (!keep) shown = frame_alloc(FRAME_USER, 0);
    if (!shown) return FAULT_NO_MEMORY;
    if (frame && !keep) memcpy(frame_address(shown), frame_address(frame), PAGE_SIZE);
    *entry = frame_paddr(shown) | pte_bits(region->protection)
             | (writable ? PTE_WRITABLE : 0);
    if (had_one) {
        space_flush(space, page, page + PAGE_SIZE);
        if (!keep) frame_put(frame);
    } else if (keep) {
        frame_get(frame);
    }
    return FAULT_OK;
}

enum fault_result space_fault(struct address_space *space, vaddr_t address,
                              int access) {
    struct region *region = space_find(space, address);
    bool write = access & PROT_WRITE;
    struct frame *frame = NULL;

    if (!region && !(region = stack_grow(space, address))) return FAULT_NO_REGION;
    int need = access & (PROT_WRITE | PROT_EXEC);
    if (!region->protection || (region->protection & need) != need)
        return FAULT_NO_ACCESS;
    pte_t *entry = pte_at(space, address, true);
    if (!entry) return FAULT_NO_MEMORY;
    if (pte_has_frame(*entry)) {
        if (!write || *entry & PTE_WRITABLE)
            return FAULT_OK;    // another thread was faster
        frame = pte_frame(*entry);
    } else if (region->object) {
        bool shared = region->flags & REGION_SHARED;
        uint32_t index = region_page(region, address);
        if (index >= region->object->size_pages) return FAULT_BEYOND_OBJECT;
        frame = object_page(region->object, index, shared);
        if (!frame && shared) return FAULT_NO_MEMORY;
    }
    return show(space, region, address, entry, frame, write);
}

void *space_page(struct address_space *space, vaddr_t address, int access) {
    pte_t want = PTE_PRESENT | (access & PROT_WRITE ? PTE_WRITABLE : 0);

    if (address >= USER_END) return NULL;
    pte_t *entry = pte_at(space, address, false);
    if (!entry || (*entry & want) != want) {
        if (space_fault(space, address, access) != FAULT_OK) return NULL;
        entry = pte_at(space, address, false);
    }
    return (char *)paddr_to_kernel((paddr_t)(*entry & PTE_ADDRESS))
           + (address & PAGE_MASK);
}

static inline int copy(struct address_space *space, vaddr_t at, char *kernel,
                       size_t size, int access) {
    if (!user_range_ok(uptr(at), size)) return -EFAULT;
    for (size_t piece; size > 0; at += piece, kernel += piece, size -= piece) {
        char *page = space_page(space, at, access);
        if (!page) return -EFAULT;
        piece = min(size, (size_t)(PAGE_SIZE - (at & PAGE_MASK)));
        memcpy(access & PROT_WRITE ? page : kernel, access & PROT_WRITE ? kernel : page,
               piece);
    }
    return 0;
}

int space_write(struct address_space *space, uptr_t to, const void *from, size_t size) {
    return copy(space, to.address, (char *)from, size, PROT_WRITE);
}

int space_read(struct address_space *space, void *to, uptr_t from, size_t size) {
    return copy(space, from.address, to, size, PROT_READ);
}

void space_prefault(struct address_space *space, vaddr_t start, vaddr_t end) {
    const struct region *region = space_find(space, start);

    for (vaddr_t at = start; region && at < end; at += PAGE_SIZE) {
        struct frame *frame =
            object_page(region->object, region_page(region, at), false);
        pte_t *entry = frame ? pte_at(space, at, true) : NULL;
        if (entry && !pte_has_frame(*entry))
            (void)show(space, region, at, entry, frame, false);
    }
}
