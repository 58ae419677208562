/* ordered_heap_test.c - the timer queue's heap: order, removal of any node, and the
 * links after each step. Runs on the host and prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ordered_heap.h"

enum { NODES = 200, STEPS = 20000 };

static unsigned cases, failures;
static struct heap_node nodes[NODES];
static bool inside[NODES];

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

static uint64_t least(void) {
    uint64_t key = UINT64_MAX;

    for (unsigned i = 0; i < NODES; i++)
        if (inside[i] && nodes[i].key < key) key = nodes[i].key;
    return key;
}

/* Random insertions and removals; keys come in equal pairs now and then. */
static bool survives(unsigned seed, unsigned keys) {
    struct ordered_heap heap = { NULL };
    bool good = true;

    srand(seed);
    for (unsigned step = 0; step < STEPS && good; step++) {
        unsigned i = (unsigned)rand() % NODES;
        if (inside[i]) {
            heap_remove(&heap, &nodes[i]);
        } else {
            nodes[i].key = (uint64_t)rand() % keys;
            heap_insert(&heap, &nodes[i]);
        }
        inside[i] = !inside[i];
        good = heap_is_consistent(&heap)
               && (heap.root ? heap.root->key : UINT64_MAX) == least();
    }
    for (unsigned i = 0; i < NODES; i++) {
        if (inside[i]) heap_remove(&heap, &nodes[i]);
        inside[i] = false;
    }
    return good && !heap.root;
}

int main(void) {
    struct ordered_heap heap = { NULL };
    uint64_t before = 0;
    bool in_order = true;

    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].key = i * 7919u % NODES;
        heap_insert(&heap, &nodes[i]);
    }
    while (heap.root) {
        in_order &= heap.root->key >= before;
        before = heap.root->key;
        heap_remove(&heap, heap.root);
    }
    ok(in_order, "the root is the least, again and again");
    ok(survives(1, 1000000), "any node may go at any time");
    ok(survives(2, 3), "also when many have the same key");
    ok(heap_is_consistent(&heap), "an empty heap is in order");
    printf("1..%u\n", cases);
    return failures != 0;
}
