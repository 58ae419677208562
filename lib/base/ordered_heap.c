/* ordered_heap.c - a pairing heap. Tests: lib/base/ordered_heap_test.c. */
#include "base/ordered_heap.h"

/* Makes the root with the larger key the first child of the other. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b) {
    if (!a || !b) return a ? a : b;
    if (b->key < a->key) {
        struct heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child) a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Melds a list of siblings: in pairs from the left, then the pairs from the right. */
static struct heap_node *meld_siblings(struct heap_node *first) {
    struct heap_node *pairs = NULL, *result = NULL;

    while (first) {
        struct heap_node *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b) b->next = b->prev = NULL;
        struct heap_node *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct heap_node *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        result = meld(result, pair);
    }
    return result;
}

void heap_insert(struct ordered_heap *heap, struct heap_node *node) {
    node->child = node->next = node->prev = NULL;
    heap->root = meld(heap->root, node);
}

void heap_remove(struct ordered_heap *heap, struct heap_node *node) {
    struct heap_node *rest = meld_siblings(node->child);

    if (node == heap->root) {
        heap->root = rest;
    } else {
        if (node->prev->child == node) node->prev->child = node->next;
        else node->prev->next = node->next;
        if (node->next) node->next->prev = node->prev;
        heap->root = meld(heap->root, rest);
    }
    node->child = node->next = node->prev = NULL;
}

static const struct heap_node *parent_of(const struct heap_node *node) {
    while (node->prev && node->prev->child != node) node = node->prev;
    return node->prev;
}

bool heap_is_consistent(const struct ordered_heap *heap) {
    const struct heap_node *node = heap->root, *parent;

    if (node && (node->prev || node->next)) return false;
    while (node) {
        if ((node->child && node->child->prev != node)
            || (node->next && node->next->prev != node))
            return false;
        parent = parent_of(node);
        if (parent && node->key < parent->key) return false;
        if (node->child) {
            node = node->child;
            continue;
        }
        while (node && !node->next) node = parent_of(node);
        if (node) node = node->next;
    }
    return true;
}
