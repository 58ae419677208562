/* ordered_heap.c - a skew heap. Tests: lib/base/ordered_heap_test.c. */
#include "base/ordered_heap.h"

/* Melds two trees into one, which hangs from *at below `parent`. */
static void meld(struct heap_node *a, struct heap_node *b, struct heap_node **at,
                 struct heap_node *parent) {
    while (a && b) {
        struct heap_node *first = b->key < a->key ? b : a, *other = first == a ? b : a;
        *at = first;
        first->parent = parent;
        a = first->right;       // goes on with the other tree, to the left
        b = other;
        first->right = first->left;
        at = &first->left;
        parent = first;
    }
    *at = a ? a : b;
    if (*at) (*at)->parent = parent;
}

void heap_insert(struct ordered_heap *heap, struct heap_node *node) {
    node->left = node->right = NULL;
    meld(heap->root, node, &heap->root, NULL);
}

void heap_remove(struct ordered_heap *heap, struct heap_node *node) {
    struct heap_node *parent = node->parent;

    meld(node->left, node->right,
         !parent                 ? &heap->root
         : parent->left == node ? &parent->left
                                : &parent->right,
         parent);
}

bool heap_is_consistent(const struct ordered_heap *heap) {
    const struct heap_node *node = heap->root, *parent = NULL;

    while (node) {
        if (node->parent != parent || (parent && node->key < parent->key)) return false;
        // the next in the order of parent, left, right
        parent = node;
        if ((node = parent->left ? parent->left : parent->right)) continue;
        do node = parent, parent = node->parent;
        while (parent && (node == parent->right || !parent->right));
        node = parent ? parent->right : NULL;
    }
    return true;
}
