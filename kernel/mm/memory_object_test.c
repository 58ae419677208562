/* memory_object_test.c - sparse pages, truncation, and what no memory leaves. */
#include "base/string.h"
#include "kernel_test.h"
#include "mm/memory_object.h"

KTEST(object_is_sparse) {
    static const uint32_t places[] = {
        0, 1, 63, 64, 4095, 4096, 262143, 262144, 1048575
    };
    struct memory_object *object = object_create(OBJECT_PAGES_MAX);

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
        CHECK(object_page(object, places[i], true) != NULL);
    CHECK(object->nr_pages == ARRAY_SIZE(places));
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
        CHECK(object_page(object, places[i], false) != NULL);
    for (uint32_t at = 2; at < 63; at++) CHECK(object_page(object, at, false) == NULL);
    CHECK(object_page(object, 1048574, false) == NULL);
    object_put(object);
}

KTEST(object_truncate_frees_what_lies_behind) {
    struct memory_object *object = object_create(OBJECT_PAGES_MAX);
    static char across[10000];
    size_t size = 7;

    memset(across, 'x', sizeof(across));
    CHECK(object_write(object, 4090, across, sizeof(across)) == sizeof(across));
    CHECK(object->nr_pages == 4);
    object_truncate(object, 4093);
    CHECK(object->nr_pages == 1);
    const char *text = object_bytes(object, 4090, &size, false);
    CHECK(size == 6 && memcmp(text, "xxx\0\0\0", 6) == 0);     // zero behind the cut
    object_truncate(object, 0);
    CHECK(object->nr_pages == 0 && list_is_empty(&object->pages));
    object_put(object);
}

KTEST(object_write_leaves_zeros_around_it) {
    static char whole[2 * PAGE_SIZE];

    memset(whole, 'x', sizeof(whole));
    for (unsigned round = 0; round < 2; round++) {  // first, then on used frames
        struct memory_object *object = object_create(OBJECT_PAGES_MAX);
        size_t size = PAGE_SIZE;
        CHECK(object_write(object, 2, whole, sizeof(whole)) == sizeof(whole));
        const char *first = object_bytes(object, 0, &size, false),
                   *last = object_bytes(object, 2 * PAGE_SIZE, &size, false);
        CHECK(first[0] == 0 && first[1] == 0 && first[2] == 'x');
        CHECK(last[1] == 'x' && last[2] == 0 && last[PAGE_SIZE - 1] == 0);
        object_put(object);
    }
}

KTEST(object_without_memory_keeps_what_it_has) {
    for (uint32_t n = 1; n < 8; n++) {
        struct memory_object *object = object_create(OBJECT_PAGES_MAX);
        allocations_fail_from(n);
        struct frame *frame = object_page(object, 300000, true);
        allocations_fail_from(0);
        CHECK((frame != NULL) == (object->nr_pages == 1));
        object_put(object);
    }
}
