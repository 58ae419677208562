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

/* Makes the tree high enough for index. */
static bool grow(struct memory_object *object, uint32_t index) {
    while (!covers(object, index)) {
        struct object_node *node = heap_new(HEAP_OBJECT_NODE, struct object_node);
        if (!node) return false;
        if (object->root) {
            node->slots[0] = object->root;
            node->used = 1;
            object->height++;
        }
        object->root = node;
    }
    return true;
}

/* The lowest node that holds index; with create, made on the way. */
static struct object_node *leaf_of(struct memory_object *object, uint32_t index,
                                   bool create) {
    if (!covers(object, index) && (!create || !grow(object, index))) return NULL;
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

struct frame *object_page(struct memory_object *object, uint32_t index, bool create) {
    struct object_node *leaf = leaf_of(object, index, false);
    struct frame *frame = leaf ? leaf->slots[slot_of(index, 0)] : NULL;

    if (frame || !create) return frame;
    frame = frame_alloc_zeroed(FRAME_OBJECT);
    if (frame && !object_insert(object, index, frame)) {
        frame_put(frame);
        return NULL;
    }
    return frame;
}

/* Frees the nodes that hold nothing. True when *slot itself went. */
static bool drop_empty(struct object_node **slot, unsigned level) {
    struct object_node *node = *slot;

    for (unsigned i = 0; level > 0 && i < SLOTS; i++)
        if (node->slots[i]
            && drop_empty((struct object_node **)&node->slots[i], level - 1))
            node->used--;
    if (node->used > 0) return false;
    heap_free(node);
    *slot = NULL;
    return true;
}

bool object_insert(struct memory_object *object, uint32_t index, struct frame *frame) {
    struct object_node *leaf = leaf_of(object, index, true);

    if (!leaf) {
        // memory ran out on the way down: no empty node may stay behind
        if (object->root && drop_empty(&object->root, object->height))
            object->height = 0;
        return false;
    }
    assert(!leaf->slots[slot_of(index, 0)]);
    leaf->slots[slot_of(index, 0)] = frame;
    leaf->used++;
    object->nr_pages++;
    return true;
}

/* Frees the frames from index `from` on below *slot, whose first index is base, and
 * every node that is empty then. True when *slot itself went. */
static bool prune(struct object_node **slot, unsigned level, uint32_t base,
                  uint32_t from, uint32_t *freed) {
    struct object_node *node = *slot;
    uint32_t step = 1u << (level * SLOT_BITS);

    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t start = base + i * step;
        if (!node->slots[i] || start + (step - 1) < from) continue;
        if (level > 0) {
            if (!prune((struct object_node **)&node->slots[i], level - 1, start, from,
                       freed))
                continue;
        } else {
            frame_put(node->slots[i]);
            node->slots[i] = NULL;
            ++*freed;
        }
        node->used--;
    }
    if (node->used > 0) return false;
    heap_free(node);
    *slot = NULL;
    return true;
}

uint32_t object_next_page(struct memory_object *object, uint32_t index) {
    for (; covers(object, index); index = (index | (SLOTS - 1)) + 1) {
        struct object_node *leaf = leaf_of(object, index, false);
        for (unsigned i = slot_of(index, 0); leaf && i < SLOTS; i++)
            if (leaf->slots[i]) return (index & ~(SLOTS - 1)) + i;
    }
    return UINT32_MAX;
}

void object_truncate(struct memory_object *object, uint32_t index) {
    struct region *region;
    uint32_t freed = 0;

    list_for_each (region, &object->mappings, object_node) {
        uint32_t pages = (region->end - region->start) >> PAGE_SHIFT;
        if (region->first_page + pages <= index) continue;
        uint32_t skip = index > region->first_page ? index - region->first_page : 0;
        space_unmap_pages(region->space, region->start + skip * PAGE_SIZE, region->end);
    }
    if (object->root && prune(&object->root, object->height, 0, index, &freed))
        object->height = 0;
    object->nr_pages -= freed;
}

void object_read(struct memory_object *object, uint64_t offset, void *to, size_t size) {
    char *at = to;

    while (size > 0) {
        uint32_t in_page = (uint32_t)offset & PAGE_MASK;
        size_t piece = min(size, (size_t)(PAGE_SIZE - in_page));
        struct frame *frame =
            object_page(object, (uint32_t)(offset >> PAGE_SHIFT), false);
        if (frame)
            memcpy(at, (char *)frame_address(frame) + in_page, piece);
        else
            memset(at, 0, piece);
        at += piece;
        offset += piece;
        size -= piece;
    }
}

size_t object_write(struct memory_object *object, uint64_t offset, const void *from,
                    size_t size) {
    const char *at = from;
    size_t done = 0;

    while (done < size) {
        uint32_t in_page = (uint32_t)offset & PAGE_MASK;
        size_t piece = min(size - done, (size_t)(PAGE_SIZE - in_page));
        struct frame *frame =
            object_page(object, (uint32_t)(offset >> PAGE_SHIFT), true);
        if (!frame) break;
        memcpy((char *)frame_address(frame) + in_page, at + done, piece);
        offset += piece;
        done += piece;
    }
    return done;
}

/* -- Checking ---------------------------------------------------------------------- */

static void node_count(const struct object_node *node, unsigned level) {
    for (unsigned i = 0; node && i < SLOTS; i++) {
        if (level > 0)
            node_count(node->slots[i], level - 1);
        else if (node->slots[i])
            frame_found(node->slots[i]);
    }
}

static void objects_count(void) {
    struct memory_object *object;

    heap_for_each(object, HEAP_OBJECT) {
        object->counted = 0;
        node_count(object->root, object->height);
    }
}

static bool objects_check(void) {
    struct memory_object *object;

    heap_for_each(object, HEAP_OBJECT) {
        uint32_t pages = 0;
        for (uint32_t at = 0; (at = object_next_page(object, at)) != UINT32_MAX; at++)
            pages++;
        if (pages != object->nr_pages || !list_is_consistent(&object->mappings))
            return check_failed("%p has %u pages, %u are counted", object, pages,
                                object->nr_pages);
        if (!check_references(object->refs, object->counted, object))
            return check_failed("%p has %u references and %u holders", object,
                                object->refs, object->counted);
    }
    return true;
}

struct checker objects_checker = { .name = "memory objects", .count = objects_count,
                                   .check = objects_check };
