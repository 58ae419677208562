/* heap.c - the kernel's heap.
 *
 * Shape: size classes 32, 64 ... 2048. A frame of a class is cut into objects, each
 * behind its header; one with free objects is on its class's list, one whose objects
 * are all free goes back. Larger objects get a block of frames of their own.
 * Invariant: a header's magic tells a live object from a free one.
 */
#include "mm/heap.h"

#include "base/string.h"
#include "core/check.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

enum { CLASS_FIRST = 5, CLASS_LAST = 11, CLASSES = CLASS_LAST - CLASS_FIRST + 1,
       LIVE = 0x5B, FREED = 0xA5 };

struct header {
    uint8_t magic;              /* LIVE or FREED */
    uint8_t type;               /* enum heap_type */
    uint8_t class;              /* CLASSES + order for blocks of frames */
    uint8_t account;            /* who pays */
    uint32_t next;              /* next free object's address, when free */
};
static_assert(sizeof(struct header) == 8, "keeps objects 8-byte aligned");

/* At the start of a frame that is cut into objects, in place of the first. It begins
 * with an address, which is even; a block of one object begins with LIVE, which is
 * odd. */
struct slab {
    struct list_node node;      /* partial[class] */
    struct header *free;        /* first free object, or NULL */
    uint16_t nr_live;
    uint16_t class;
};

uint32_t heap_objects[HEAP_TYPES], heap_bytes[HEAP_TYPES];
const char *const heap_type_names[HEAP_TYPES] = {
#define HEAP_TYPE(name, text) text,
#include "mm/heap_types.def"
#undef HEAP_TYPE
};
static struct list partial[CLASSES] = {
    LIST_INIT(partial[0]), LIST_INIT(partial[1]), LIST_INIT(partial[2]),
    LIST_INIT(partial[3]), LIST_INIT(partial[4]), LIST_INIT(partial[5]),
    LIST_INIT(partial[6]),
};
static_assert(CLASSES == 7, "one initialiser for each class");

static size_t class_size(unsigned class) { return 1u << (CLASS_FIRST + class); }

static struct slab *slab_of(const struct header *h) {
    return (struct slab *)round_down((uint32_t)h, PAGE_SIZE);
}

static struct slab *slab_create(unsigned class) {
    struct frame *frame = frame_alloc(FRAME_HEAP, 0);

    if (!frame) return NULL;
    struct slab *slab = frame_address(frame);
    size_t step = class_size(class);
    *slab = (struct slab){ .class = (uint16_t) class };
    for (size_t at = PAGE_SIZE - step; at >= sizeof(*slab); at -= step) {
        struct header *h = (void *)((char *)slab + at);
        h->magic = FREED;
        h->next = (uint32_t)slab->free;
        slab->free = h;
    }
    list_push_back(&partial[class], &slab->node);
    return slab;
}

static inline struct header *take_small(unsigned class) {
    struct slab *slab = list_entry(partial[class].head.next, struct slab, node);

    if (unlikely(list_is_empty(&partial[class])) && !(slab = slab_create(class)))
        return NULL;
    struct header *h = slab->free;
    assert(h->magic == FREED);
    slab->free = (struct header *)h->next;
    slab->nr_live++;
    if (unlikely(!slab->free)) list_remove(&slab->node);
    return h;
}

void *heap_alloc_raw(enum heap_type type, size_t size) {
    struct account *account = account_current();
    uint32_t last = (size + sizeof(struct header) - 1) | ((1u << CLASS_FIRST) - 1);
    unsigned class = 32 - (unsigned)__builtin_clz(last) - CLASS_FIRST;
    struct header *h = NULL;
    struct frame *frame;

    if (unlikely(class >= CLASSES + FRAME_ORDERS)) return NULL;
    // the charge comes first: what a user may not have is not even looked for
    if (unlikely(!account_charge(account, ACCOUNT_HEAP, class_size(class))))
        return NULL;
    if (likely(class < CLASSES)) h = take_small(class);
    else if ((frame = frame_alloc(FRAME_HEAP, class - CLASSES)))
        h = frame_address(frame);
    if (unlikely(!h)) {
        account_release(account, ACCOUNT_HEAP, class_size(class));
        return NULL;
    }
    h->magic = LIVE;
    h->type = (uint8_t)type;
    h->class = (uint8_t) class;
    h->account = (uint8_t)account->number;
    return h + 1;
}

void *heap_alloc(enum heap_type type, size_t size) {
    void *object = heap_alloc_raw(type, size);

    return object ? memset(object, 0, size) : NULL;
}

void heap_free(void *object) {
    if (!object) return;
    struct header *h = (struct header *)object - 1;
    assert(h->magic == LIVE);
    struct account *account = &accounts[h->account];
    uint32_t size = class_size(h->class);
    h->magic = FREED;
    if (likely(h->class < CLASSES)) {
        struct slab *slab = slab_of(h);
        // enough to make a use after free show
        __builtin_memset(h + 1, FREED, (1u << CLASS_FIRST) - sizeof(*h));
        if (unlikely(!slab->free)) list_push_front(&partial[slab->class], &slab->node);
        h->next = (uint32_t)slab->free;
        slab->free = h;
        if (unlikely(--slab->nr_live == 0)) {
            list_remove(&slab->node);
            frame_put(frame_of_address(slab));
        }
    } else {
        frame_put(frame_of_address(h));
    }
    account_release(account, ACCOUNT_HEAP, size);
}

struct account *heap_account(const void *object) {
    const struct header *h = (const struct header *)object - 1;

    assert(h->magic == LIVE);
    return &accounts[h->account];
}

/* -- Walking, checking ------------------------------------------------------------- */

/* The header behind h, of a live object or a free one; after NULL the first. NULL: no
 * more. */
static struct header *header_next(const struct header *h) {
    struct frame *frame = h ? frame_of_address(h) : NULL;
    const struct slab *slab = slab_of(h);

    if (h && *(const uint8_t *)slab != LIVE) {
        uint32_t at = (uint32_t)h + class_size(slab->class);
        if (at < (uint32_t)slab + PAGE_SIZE) return (struct header *)at;
    }
    while ((frame = frame_next(frame)) && frame->use != FRAME_HEAP) continue;
    if (!frame) return NULL;
    slab = frame_address(frame);
    uint32_t first = *(const uint8_t *)slab == LIVE ? 0 : class_size(slab->class);
    return (struct header *)((uint32_t)slab + first);
}

void *heap_next(enum heap_type type, const void *object) {
    struct header *h = object ? (struct header *)object - 1 : NULL;

    while ((h = header_next(h)) && (h->magic != LIVE || h->type != type)) continue;
    return h ? h + 1 : NULL;
}

/* The free list holds as many as are free. */
static bool slab_is_sound(const struct slab *slab) {
    unsigned nr_free = PAGE_SIZE / class_size(slab->class) - 1 - slab->nr_live;
    const struct header *h = slab->free;

    for (; h && nr_free > 0; h = (const struct header *)h->next, nr_free--)
        if (slab_of(h) != slab || h->magic != FREED) return false;
    return !h && nr_free == 0 && !slab->free == !list_node_is_linked(&slab->node);
}

static void heap_count(void) {
    memset(heap_objects, 0, sizeof(heap_objects));
    memset(heap_bytes, 0, sizeof(heap_bytes));
    for (unsigned class = 0; class < CLASSES; class ++) check_list(&partial[class]);
    for (struct header *h = NULL; (h = header_next(h));) {
        const struct slab *slab = slab_of(h);
        if (*(const uint8_t *)slab != LIVE
            && (uint32_t)h == (uint32_t)slab + class_size(slab->class))
            check_that(slab_is_sound(slab), "frame at %p of class %u is broken", slab,
                       slab->class);
        if (h->magic != LIVE) continue;
        accounts[h->account].counted[ACCOUNT_HEAP] += class_size(h->class);
        if (!check_that(h->type < HEAP_TYPES, "%p has no type", h + 1)) return;
        heap_objects[h->type]++;
        heap_bytes[h->type] += class_size(h->class);
    }
}

static const struct checker checker CHECKER = { "heap", heap_count, NULL };
