/* memory_object.c - sparse, mappable pages in a radix tree.
 *
 *      root (height 2)   [ . . . . ]      64 slots a node: 6 bits of the index
 *                         |     |
 *      height 1        [ .. ] [ .. ]
 *      height 0: slots hold frames
 *
 * Invariants: nr_pages frames hang in the tree, each with one reference of the
 * object's; no node is empty; the tree is only as high as its largest index needs at
 * insertion.
 * Tests: memory_object_test.c; user/tests/mmap_file.c, truncate.c.
 */
#include "mm/memory_object.h"

#include "base/string.h"
#include "core/check.h"
#include "core/panic.h"
#include "mm/address_space.h"
#include "mm/heap.h"

#define SLOT_BITS 6
#define SLOTS     (1u << SLOT_BITS)

struct object_node {
    void *slots[SLOTS];         /* nodes, or at the lowest level frames */
    unsigned used;              /* slots that are not NULL */
};

struct memory_object *object_create(uint32_t size_pages) {
    struct memory_object *object = heap_new(HEAP_OBJECT, struct memory_object);

    if (object) {
        object->refs = 1;
        object->size_pages = size_pages;
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

static unsigned slot_of(uint32_t index, unsigned level) {
    return (index >> (level * SLOT_BITS)) & (SLOTS - 1);
}

/* Does the tree reach up to index? */
static bool covers(const struct memory_object *object, uint32_t index) {
    return object->root && (index >> ((object->height + 1) * SLOT_BITS)) == 0;
}

/* The lowest node that holds index; with create, made with all above it. */
static struct object_node *leaf_of(struct memory_object *object, uint32_t index,
                                   bool create) {
    while (!covers(object, index)) {
        struct object_node *top =
            create ? heap_new(HEAP_OBJECT_NODE, struct object_node) : NULL;
        if (!top) return NULL;
        if (object->root) {
            top->slots[0] = object->root;
            top->used = 1;
            object->height++;
        }
        object->root = top;
    }
    struct object_node *node = object->root;
    for (unsigned level = object->height; level > 0; level--) {
        void **slot = &node->slots[slot_of(index, level)];
        if (!*slot) {
            if (!create || !(*slot = heap_new(HEAP_OBJECT_NODE, struct object_node)))
                return NULL;
            node->used++;
        }
        node = *slot;
    }
    return node;
}

/* Frees the frames from index `from` on below *slot, whose first index is base, and
 * every node that is empty then. True when *slot itself went. */
static bool prune(struct memory_object *object, void **slot, unsigned level,
                  uint32_t base, uint32_t from) {
    struct object_node *node = *slot;

    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t start = base + (i << (level * SLOT_BITS));
        if (!node->slots[i]) continue;
        if (level > 0) {
            node->used -= prune(object, &node->slots[i], level - 1, start, from);
        } else if (start >= from) {
            frame_put(node->slots[i]);
            node->slots[i] = NULL;
            node->used--;
            object->nr_pages--;
        }
    }
    if (node->used > 0) return false;
    heap_free(node);
    *slot = NULL;
    return true;
}

static void prune_from(struct memory_object *object, uint32_t from) {
    if (object->root && prune(object, &object->root, object->height, 0, from))
        object->height = 0;
}

struct frame *object_page(struct memory_object *object, uint32_t index, bool create) {
    struct object_node *leaf = leaf_of(object, index, false);
    struct frame *frame = leaf ? leaf->slots[slot_of(index, 0)] : NULL;

    if (frame || !create) return frame;
    if (!(frame = frame_alloc_zeroed(FRAME_OBJECT))) return NULL;
    if (!(leaf = leaf_of(object, index, true))) {
        frame_put(frame);
        prune_from(object, UINT32_MAX); // no node that is empty may stay behind
        return NULL;
    }
    leaf->used++;
    object->nr_pages++;
    return leaf->slots[slot_of(index, 0)] = frame;
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

    list_for_each (region, &object->mappings, object_node) {
        uint32_t pages = (region->end - region->start) >> PAGE_SHIFT;
        if (region->first_page + pages <= index) continue;
        uint32_t skip = index > region->first_page ? index - region->first_page : 0;
        space_unmap_pages(region->space, region->start + skip * PAGE_SIZE, region->end);
    }
    prune_from(object, index);
    char *bytes = object_bytes(object, size, &rest, false);
    if (bytes) memset(bytes, 0, rest);
}

void object_read(struct memory_object *object, uint64_t offset, void *to, size_t size) {
    for (size_t piece; size > 0; offset += piece, to = (char *)to + piece) {
        piece = size;
        const char *from = object_bytes(object, offset, &piece, false);
        if (from) memcpy(to, from, piece);
        else memset(to, 0, piece);
        size -= piece;
    }
}

size_t object_write(struct memory_object *object, uint64_t offset, const void *from,
                    size_t size) {
    size_t done = 0, piece;

    for (; done < size; done += piece) {
        piece = size - done;
        char *to = object_bytes(object, offset + done, &piece, true);
        if (!to) break;
        memcpy(to, (const char *)from + done, piece);
    }
    return done;
}

/* -- Checking ---------------------------------------------------------------------- */

/* Finds the frames that hang below. Result: how many. */
static uint32_t frames_below(const struct object_node *node, unsigned level) {
    uint32_t count = 0;

    for (unsigned i = 0; node && i < SLOTS; i++) {
        if (!node->slots[i]) continue;
        count += level > 0 ? frames_below(node->slots[i], level - 1) : 1;
        if (level == 0) frame_found(node->slots[i]);
    }
    return count;
}

static void objects_count(void) {
    const struct memory_object *object;

    heap_for_each(object, HEAP_OBJECT) check_counted(
        object, "pages", object->nr_pages, frames_below(object->root, object->height));
}

static void objects_check(void) {
    struct memory_object *object;

    heap_for_each(object, HEAP_OBJECT) {
        check_list(&object->mappings);
        check_references(object, object->refs, &object->counted);
    }
}

static const struct checker checker CHECKER = { "memory objects", objects_count,
                                                objects_check };
