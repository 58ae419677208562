/* ordered_heap.h - a skew heap of intrusive nodes ordered by a 64-bit key: the timer
 * queue. A binary tree, no child before its parent; melding two trees goes down their
 * right sides and exchanges left and right on the way, which keeps them short:
 * inserting and removing any node take O(log n) amortised.
 */
#pragma once

#include "base/types.h"

struct heap_node {
    uint64_t key;
    struct heap_node *left, *right, *parent;
};

struct ordered_heap {
    struct heap_node *root;     /* the node with the least key, or NULL */
};

void heap_insert(struct ordered_heap *heap, struct heap_node *node);
void heap_remove(struct ordered_heap *heap, struct heap_node *node);

/* True when no child's key is below its parent's and every link is mutual. */
bool heap_is_consistent(const struct ordered_heap *heap);
