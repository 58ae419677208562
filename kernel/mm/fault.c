/* fault.c - pages come when they are touched: demand zero, file pages, copy on write.
 *
 *      not present, anonymous          a zeroed frame
 *      not present, private file       the file's frame, read-only; a copy when written
 *      not present, shared             the object's frame
 *      present, read-only, written     private: a copy, or the frame itself when nobody
 *                                      else holds it; shared: write permission
 *
 * Never sleeps: everything is in memory.
 * Tests: user/tests/cow.c, mmap_*.c.
 */
#include "base/string.h"
#include "mm/address_space.h"
#include "mm/page_table.h"

/* A stack's region grows down to the faulting address when the gap below stays free. */
static struct region *stack_grow(struct address_space *space, vaddr_t address) {
    struct region *region = space_find_above(space, address);
    vaddr_t start = round_down(address, PAGE_SIZE);

    if (!region || !(region->flags & REGION_GROWS_DOWN) || start < USER_START
        || region->end - start > space->stack_limit)
        return NULL;
    struct list_node *p = region->node.prev;
    if (p != &space->regions.head) {
        struct region *below = list_entry(p, struct region, node);
        if (below->protection != PROT_NONE && start - below->end < STACK_GAP)
            return NULL;
    }
    uint32_t pages = (region->start - start) >> PAGE_SHIFT;
    if (pages > space->limit_pages - min(space->limit_pages, space->nr_mapped_pages))
        return NULL;
    space->nr_mapped_pages += pages;
    region->start = start;
    return region;
}

static void map_frame(struct address_space *space, pte_t *entry, struct frame *frame,
                      const struct region *region, bool writable) {
    *entry = frame_paddr(frame) | pte_bits(region->protection)
             | (writable ? PTE_WRITABLE : 0);
    space->nr_resident++;
}

static struct frame *copy_of(const struct frame *frame) {
    struct frame *copy = frame_alloc(FRAME_USER, 0);

    if (copy) memcpy(frame_address(copy), frame_address(frame), PAGE_SIZE);
    return copy;
}

static enum fault_result fill(struct address_space *space, const struct region *region,
                              vaddr_t address, bool write, pte_t *entry) {
    struct memory_object *object = region->object;
    uint32_t index = region->first_page + ((address - region->start) >> PAGE_SHIFT);
    int shared = region->flags & REGION_SHARED;
    bool writable = region->protection & PROT_WRITE;
    struct frame *frame = NULL;

    if (object) {
        if (index >= object->size_pages) return FAULT_BEYOND_OBJECT;
        frame = object_page(object, index, shared);
    }
    if (frame && (shared || !write)) {
        frame_get(frame);
        writable = writable && shared;
    } else if (!shared) {
        frame = frame ? copy_of(frame) : frame_alloc_zeroed(FRAME_USER);
    }
    if (!frame) return FAULT_NO_MEMORY;
    map_frame(space, entry, frame, region, writable);
    return FAULT_OK;
}

static enum fault_result make_writable(struct address_space *space,
                                       const struct region *region, vaddr_t address,
                                       pte_t *entry) {
    struct frame *frame = pte_frame(*entry);
    vaddr_t page = round_down(address, PAGE_SIZE);

    if (region->flags & REGION_SHARED || frame->refs == 1) {
        *entry |= PTE_WRITABLE;
        space_flush(space, page, page + PAGE_SIZE);
        return FAULT_OK;
    }
    struct frame *copy = copy_of(frame);
    if (!copy) return FAULT_NO_MEMORY;
    *entry = frame_paddr(copy) | pte_bits(region->protection) | PTE_WRITABLE;
    space_flush(space, page, page + PAGE_SIZE);
    frame_put(frame);
    return FAULT_OK;
}

enum fault_result space_fault(struct address_space *space, vaddr_t address,
                              int access) {
    struct region *region = space_find(space, address);

    if (!region && !(region = stack_grow(space, address))) return FAULT_NO_REGION;
    int need = access & (PROT_WRITE | PROT_EXEC);
    if (!region->protection || (region->protection & need) != need)
        return FAULT_NO_ACCESS;
    pte_t *entry = pte_make(space, address);
    if (!entry) return FAULT_NO_MEMORY;
    if (!pte_has_frame(*entry))
        return fill(space, region, address, access & PROT_WRITE, entry);
    if (access & PROT_WRITE && !(*entry & PTE_WRITABLE))
        return make_writable(space, region, address, entry);
    return FAULT_OK;            // another thread was faster
}

void *space_page(struct address_space *space, vaddr_t address, int access) {
    pte_t want = PTE_PRESENT | (access & PROT_WRITE ? PTE_WRITABLE : 0);

    if (address >= USER_END) return NULL;
    pte_t *entry = pte_find(space, address);
    if (!entry || (*entry & want) != want) {
        if (space_fault(space, address, access) != FAULT_OK) return NULL;
        entry = pte_find(space, address);
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
    struct region *region = space_find(space, start);

    for (vaddr_t at = start; region && at < end; at += PAGE_SIZE) {
        uint32_t index = region->first_page + ((at - region->start) >> PAGE_SHIFT);
        struct frame *frame = object_page(region->object, index, false);
        pte_t *entry = frame ? pte_make(space, at) : NULL;
        if (entry && !pte_has_frame(*entry)) {
            frame_get(frame);
            map_frame(space, entry, frame, region, false);
        }
    }
}
