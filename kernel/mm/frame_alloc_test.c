/* frame_alloc_test.c - the buddy allocator, and what a failed allocation leaves. */
#include "base/string.h"
#include "kernel_test.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

KTEST(frames_of_every_order_are_aligned_and_come_back) {
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        struct frame *frame = frame_alloc(FRAME_OBJECT, order);
        CHECK(frame != NULL);
        if (!frame) continue;
        CHECK(frame_paddr(frame) % (PAGE_SIZE << order) == 0);
        CHECK(frame->refs == 1 && frame->use == FRAME_OBJECT);
        frame_put(frame);
    }
}

KTEST(frames_split_and_merge) {
    struct frame *few[64];
    uint32_t before = frames_free;

    for (unsigned i = 0; i < ARRAY_SIZE(few); i++)
        CHECK((few[i] = frame_alloc(FRAME_OBJECT, 0)) != NULL);
    CHECK(frames_free == before - ARRAY_SIZE(few));
    for (unsigned i = 0; i < ARRAY_SIZE(few); i += 2)   // every other one first
        frame_put(few[i]);
    for (unsigned i = 1; i < ARRAY_SIZE(few); i += 2)
        frame_put(few[i]);
    CHECK(frames_free == before);
}

KTEST(frame_lives_until_its_last_reference) {
    struct frame *frame = frame_alloc_zeroed(FRAME_OBJECT);
    const char *bytes = frame_address(frame);
    uint32_t before = frames_free;

    CHECK(bytes[0] == 0 && bytes[PAGE_SIZE - 1] == 0);
    frame_get(frame);
    frame_put(frame);
    CHECK(frames_free == before);
    frame_put(frame);
    CHECK(frames_free == before + 1);
}

KTEST(account_stops_a_user_at_its_limit_and_not_root) {
    struct account *user = account_get(4711);
    struct account *root = this_cpu()->account;

    CHECK(user != NULL);
    user->limit[ACCOUNT_FRAMES] = 2;
    this_cpu()->account = user;
    struct frame *a = frame_alloc(FRAME_OBJECT, 0), *b = frame_alloc(FRAME_OBJECT, 0);
    CHECK(a && b && !frame_alloc(FRAME_OBJECT, 0));
    this_cpu()->account = root;
    struct frame *c = frame_alloc(FRAME_OBJECT, 0);
    CHECK(c != NULL);
    frame_put(c);
    frame_put(a);               // whoever frees it: the user gets it back
    CHECK(user->used[ACCOUNT_FRAMES] == 1);
    frame_put(b);
}
