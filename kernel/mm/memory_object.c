/* memory_object.c - sparse, mappable pages, found by object and index.
 *
 *      frame_chains: [ . ][ . ][ . ][ . ] ...     one hash table for all objects
 *                      |         |
 *                    frame     frame -- frame     each knows its object and index,
 *                                                 and is on its object's list, too
 *
 * Invariant: a frame in the table has one reference of its object's.
 * Tests: memory_object_test.c; user/tests/mmap_file.c, truncate.c.
 */
#include "mm/memory_object.h"

#include "base/string.h"
#include "core/check.h"
#include "core/panic.h"
#include "mm/address_space.h"
#include "mm/heap.h"

struct memory_object *object_create(uint32_t size_pages) {
    struct memory_object *object = heap_new(HEAP_OBJECT, struct memory_object);

    if (object) {
        object->refs = 1;
        object->size_pages = size_pages;
        list_init(&object->pages);
        list_init(&object->mappings);
    }
    return object;
}

void object_put(struct memory_object *object) {
    assert(object->refs > 0);
    if (--object->refs > 0) return;
    assert(list_is_empty(&object->mappings));
    object_truncate(object, 0);
    heap_free(object);
}

/* Where the frame hangs, or NULL does. */
static struct frame **link_to(const struct memory_object *object, uint32_t index) {
    uint32_t hash = ((uint32_t)object * 0x9e3779b1 ^ index) * 0x85ebca6b;
    struct frame **link = &frame_chains[(uint64_t)hash * frame_count >> 32];

    while (*link && ((*link)->object != object || (*link)->index != index))
        link = &(*link)->next;
    return link;
}

/* The page, which is made if it does not exist; zeroed, unless all of it is going to be
 * overwritten. */
static struct frame *page_to_write(struct memory_object *object, uint32_t index,
                                   bool zeroed) {
    struct frame **link = link_to(object, index), *frame = *link;

    if (frame) return frame;
    frame = zeroed ? frame_alloc_zeroed(FRAME_OBJECT) : frame_alloc(FRAME_OBJECT, 0);
    if (!frame) return NULL;
    frame->object = object;
    frame->index = index;
    frame->next = NULL;
    list_push_back(&object->pages, &frame->node);
    object->nr_pages++;
    return *link = frame;
}

struct frame *object_page(struct memory_object *object, uint32_t index, bool create) {
    return create ? page_to_write(object, index, true) : *link_to(object, index);
}

char *object_bytes(struct memory_object *object, uint64_t offset, size_t *size,
                   bool create) {
    struct frame *frame = object_page(object, (uint32_t)(offset >> PAGE_SHIFT), create);
    uint32_t in_page = (uint32_t)offset & PAGE_MASK;

    *size = min(*size, (size_t)(PAGE_SIZE - in_page));
    return frame ? (char *)frame_address(frame) + in_page : NULL;
}

void object_truncate(struct memory_object *object, uint64_t size) {
    uint32_t index = (uint32_t)((size + PAGE_MASK) >> PAGE_SHIFT);
    size_t rest = PAGE_SIZE;
    struct region *region;
    struct frame *frame, *next;

    list_for_each (region, &object->mappings, object_node) {
        if (region->first_page + region_pages(region) <= index) continue;
        uint32_t skip = index > region->first_page ? index - region->first_page : 0;
        space_unmap_pages(region->space, region->start + skip * PAGE_SIZE, region->end);
    }
    list_for_each_safe (frame, next, &object->pages, node) {
        if (frame->index < index) continue;
        *link_to(object, frame->index) = frame->next;
        list_remove(&frame->node);
        object->nr_pages--;
        frame_put(frame);
    }
    char *bytes = object_bytes(object, size, &rest, false);
    if (bytes) memset(bytes, 0, rest);
}

size_t object_write(struct memory_object *object, uint64_t offset, const void *from,
                    size_t size) {
    size_t done = 0, piece;

    for (; done < size; done += piece, offset += piece) {
        uint32_t index = (uint32_t)(offset >> PAGE_SHIFT), at = offset & PAGE_MASK;
        piece = min(size - done, (size_t)(PAGE_SIZE - at));
        struct frame *frame = page_to_write(object, index, piece < PAGE_SIZE);
        if (!frame) break;
        memcpy((char *)frame_address(frame) + at, (const char *)from + done, piece);
    }
    return done;
}

/* -- Checking ---------------------------------------------------------------------- */

static void objects_count(void) {
    const struct memory_object *object;
    struct frame *frame;

    heap_for_each(object, HEAP_OBJECT) {
        uint32_t count = 0;
        list_for_each (frame, &object->pages, node) {
            frame->counted++;
            count += *link_to(object, frame->index) == frame;
        }
        check_counted(object, "pages", object->nr_pages, count);
    }
}

static void objects_check(void) {
    struct memory_object *object;

    heap_for_each(object, HEAP_OBJECT) {
        check_list(&object->pages);
        check_list(&object->mappings);
        check_references(object, object->refs, &object->counted);
    }
}

static const struct checker checker CHECKER = { "memory objects", objects_count,
                                                objects_check };
