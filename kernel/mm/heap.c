/* heap.c - the kernel's heap.
 *
 * Shape: size classes 32, 64 ... 2048, whose objects are cut from frames; of the larger
 * ones, 4096 and up, each has a block of frames of its own. A block with free objects
 * is on its class's list, one whose objects are all free goes back.
 * Invariant: a header's magic tells a live object from a free one.
 */
#include "mm/heap.h"

#include "base/string.h"
#include "core/check.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

enum { CLASS_FIRST = 5, CLASS_FRAME = PAGE_SHIFT - CLASS_FIRST,
       CLASSES = CLASS_FRAME + FRAME_ORDERS, LIVE = 0x5B, FREED = 0xA5 };

struct heap_header {
    uint8_t magic;              /* LIVE or FREED */
    uint8_t type;               /* enum heap_type */
    uint8_t class;
    uint8_t account;            /* who pays */
    struct heap_header *next;   /* the next free object, when free */
};
static_assert(sizeof(struct heap_header) == 8, "keeps objects 8-byte aligned");

uint32_t heap_objects[HEAP_TYPES], heap_bytes[HEAP_TYPES];
const char *const heap_type_names[HEAP_TYPES] = {
#define HEAP_TYPE(name, text) text,
#include "mm/heap_types.def"
#undef HEAP_TYPE
};
static struct list partial[CLASSES];

void heap_init(void) {
    for (unsigned i = 0; i < CLASSES; i++) list_init(&partial[i]);
}

static size_t class_size(unsigned class) { return 1u << (CLASS_FIRST + class); }

/* A block of free objects, on its class's list. NULL without memory. */
static struct frame *block_create(unsigned class) {
    struct frame *frame =
        frame_alloc(FRAME_HEAP, class < CLASS_FRAME ? 0 : class - CLASS_FRAME);

    if (!frame) return NULL;
    frame->nr_live = 0;
    frame->free = NULL;
    for (size_t at = PAGE_SIZE << frame->order; at > 0;) {
        struct heap_header *h = frame_address(frame) + (at -= class_size(class));
        *h = (struct heap_header){ FREED, 0, (uint8_t) class, 0, frame->free };
        frame->free = h;
    }
    list_push_back(&partial[class], &frame->node);
    return frame;
}

void *heap_alloc_raw(enum heap_type type, size_t size) {
    struct account *account = this_cpu()->account;
    uint32_t last = (size + sizeof(struct heap_header) - 1) | ((1u << CLASS_FIRST) - 1);
    unsigned class = 32 - (unsigned)__builtin_clz(last) - CLASS_FIRST;

    if (unlikely(class >= CLASSES)) return NULL;
    // the charge comes first: what a user may not have is not even looked for
    if (unlikely(!account_charge(account, ACCOUNT_HEAP, class_size(class))))
        return NULL;
    struct frame *frame = list_entry(partial[class].head.next, struct frame, node);
    if (unlikely(list_is_empty(&partial[class])) && !(frame = block_create(class))) {
        account_release(account, ACCOUNT_HEAP, class_size(class));
        return NULL;
    }
    struct heap_header *h = frame->free;
    assert(h->magic == FREED);
    frame->free = h->next;
    frame->nr_live++;
    if (unlikely(!frame->free)) list_remove(&frame->node);
    h->magic = LIVE;
    h->type = (uint8_t)type;
    h->account = (uint8_t)account->number;
    return h + 1;
}

void *heap_alloc(enum heap_type type, size_t size) {
    void *object = heap_alloc_raw(type, size);

    return object ? memset(object, 0, size) : NULL;
}

void heap_free(void *object) {
    if (!object) return;
    struct heap_header *h = (struct heap_header *)object - 1;
    struct frame *frame = frame_of_address(h);
    assert(h->magic == LIVE);
    account_release(&accounts[h->account], ACCOUNT_HEAP, class_size(h->class));
    h->magic = FREED;
    // enough to make a use after free show
    __builtin_memset(object, FREED, (1u << CLASS_FIRST) - sizeof(*h));
    if (unlikely(!frame->free)) list_push_front(&partial[h->class], &frame->node);
    h->next = frame->free;
    frame->free = h;
    if (likely(--frame->nr_live > 0)) return;
    list_remove(&frame->node);
    frame_put(frame);
}

struct account *heap_account(const void *object) {
    const struct heap_header *h = (const struct heap_header *)object - 1;

    assert(h->magic == LIVE);
    return &accounts[h->account];
}

/* -- Walking, checking ------------------------------------------------------------- */

/* The header behind h, of an object or a free one; after NULL the first. NULL: no
 * more. */
static struct heap_header *header_next(const struct heap_header *h) {
    struct frame *frame = h ? frame_of_address(h) : NULL;
    uint32_t next = h ? (uint32_t)h + class_size(h->class) : 0;

    if (next & PAGE_MASK) return (struct heap_header *)next;
    while ((frame = frame_next(frame)) && frame->use != FRAME_HEAP) continue;
    return frame ? frame_address(frame) : NULL;
}

void *heap_next(enum heap_type type, const void *object) {
    struct heap_header *h = object ? (struct heap_header *)object - 1 : NULL;

    while ((h = header_next(h)) && (h->magic != LIVE || h->type != type)) continue;
    return h ? h + 1 : NULL;
}

/* The free list holds as many as are free. */
static bool block_is_sound(const struct frame *frame, unsigned class) {
    size_t nr_free = (PAGE_SIZE << frame->order) / class_size(class) - frame->nr_live;
    const struct heap_header *h = frame->free;

    for (; h && nr_free > 0; h = h->next, nr_free--)
        if (frame_of_address(h) != frame || h->magic != FREED) return false;
    return !h && nr_free == 0 && !frame->free == !list_node_is_linked(&frame->node);
}

static void heap_count(void) {
    memset(heap_objects, 0, sizeof(heap_objects));
    memset(heap_bytes, 0, sizeof(heap_bytes));
    for (unsigned i = 0; i < CLASSES; i++) check_list(&partial[i]);
    for (struct heap_header *h = NULL; (h = header_next(h));) {
        const struct frame *frame = frame_of_address(h);
        check_that((uint32_t)h & PAGE_MASK || block_is_sound(frame, h->class),
                   "frame at %p of class %u is broken", h, h->class);
        if (h->magic != LIVE) continue;
        accounts[h->account].counted[ACCOUNT_HEAP] += class_size(h->class);
        if (!check_that(h->type < HEAP_TYPES, "%p has no type", h + 1)) return;
        heap_objects[h->type]++;
        heap_bytes[h->type] += class_size(h->class);
    }
}

static const struct checker checker CHECKER = { "heap", heap_count, NULL };
