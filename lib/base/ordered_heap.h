/* ordered_heap.h - a pairing heap of intrusive nodes ordered by a 64-bit key: the timer
 * queue. Insert is O(1), taking the least O(log n) amortised, removal of any node too.
 *
 *      root             a node's children hang from `child` and are linked by `next`;
 *      |                `prev` is the left neighbour, or the parent for the first child
 *      child - next - next
 */
#pragma once

#include "base/types.h"

struct heap_node {
    uint64_t key;
    struct heap_node *child, *next, *prev;
};

struct ordered_heap {
    struct heap_node *root;     /* the node with the least key, or NULL */
};

void heap_insert(struct ordered_heap *heap, struct heap_node *node);
void heap_remove(struct ordered_heap *heap, struct heap_node *node);

/* True when no child's key is below its parent's and every link is mutual. */
bool heap_is_consistent(const struct ordered_heap *heap);
