/* heap_test.c - size classes, zeroing, charging. */
#include "base/string.h"
#include "core/check.h"
#include "kernel_test.h"
#include "mm/heap.h"

KTEST(heap_gives_zeroed_aligned_memory_of_every_size) {
    for (size_t size = 1; size <= 70000; size += size < 100 ? 1 : size / 3) {
        unsigned char *p = heap_alloc(HEAP_BUFFER, size);
        CHECK(p && (uint32_t)p % 8 == 0);
        if (!p) continue;
        for (size_t i = 0; i < size; i++)
            if (p[i]) {
                kernel_test_failed("memory is zero", __FILE__, __LINE__);
                break;
            }
        memset(p, 0xff, size);
        heap_free(p);
    }
}

KTEST(heap_objects_do_not_overlap) {
    static unsigned char *p[300];

    for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
        size_t size = 1 + i * 37 % 500;
        p[i] = heap_alloc(HEAP_BUFFER, size);
        CHECK(p[i] != NULL);
        memset(p[i], (int)(i & 0xff), size);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
        size_t size = 1 + i * 37 % 500;
        CHECK(p[i][0] == (i & 0xff) && p[i][size - 1] == (i & 0xff));
        heap_free(p[i]);
    }
}

KTEST(heap_counts_by_type) {
    CHECK(!kcheck());
    uint32_t objects = heap_objects[HEAP_PIPE], bytes = heap_bytes[HEAP_PIPE];
    void *p = heap_alloc(HEAP_PIPE, 100);

    CHECK(!kcheck());
    CHECK(heap_objects[HEAP_PIPE] == objects + 1 && heap_bytes[HEAP_PIPE] > bytes);
    heap_free(p);
    CHECK(!kcheck());
    CHECK(heap_objects[HEAP_PIPE] == objects && heap_bytes[HEAP_PIPE] == bytes);
}
