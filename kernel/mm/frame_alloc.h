/* frame_alloc.h - page frames: a buddy allocator, and one struct frame for each.
 *
 *      free lists by order:   0: [4K] [4K]     1: [8K]     ...     10: [4M] [4M]
 *
 * A frame is held by as many as refs says: page-table entries, memory objects, the
 * kernel itself. The last frame_put gives it back.
 */
#pragma once

#include "arch/x86/paging.h"
#include "base/list.h"

#define FRAME_ORDERS  11
#define NOBODY_PAYS   UINT16_MAX        /* nor does the ledger count it */

enum frame_use {                /* what a frame is for: the ledger counts by this */
    FRAME_RESERVED, FRAME_FREE, FRAME_HEAP, FRAME_STACK, FRAME_PAGE_TABLE,
    FRAME_USER,                 /* anonymous memory of a process */
    FRAME_OBJECT,               /* pages of files, pipes and shared memory */
    FRAME_USES
};

struct frame {
    struct list_node node;      /* free: on its list; an object's page: on the object */
    union {                     /* an object's page, or of the heap's: */
        struct frame *next;     /* in its chain (memory_object.c); */
        struct heap_header *free;       /* the first free one of what it is cut into; */
    };
    struct memory_object *object;   /* and which one it is */
    union {
        uint32_t index;
        uint32_t nr_live;       /* how many are in use */
    };
    uint32_t refs;              /* 0: free */
    uint32_t counted;           /* holders that kcheck has found */
    uint8_t order;              /* of the block whose first frame this is */
    uint8_t use;                /* enum frame_use */
    uint16_t account;           /* who pays, or NOBODY_PAYS */
};
static_assert(sizeof(struct frame) == 32, "an index is a shift");

extern struct frame *frames;    /* [const] one for each frame of memory */
extern struct frame **frame_chains; /* [const] as many, for the pages of objects */
extern uint32_t frame_count;    /* [const] */
extern uint32_t frames_free;

struct account;
struct boot_info;
void frames_init(const struct boot_info *boot);
void frames_free_range(paddr_t start, paddr_t end);  /* gives boot memory to the pool */

/* A block of 2^order frames, refs 1, contents undefined. NULL when memory or the
 * current account's limit is used up. */
must_check struct frame *frame_alloc(enum frame_use use, unsigned order);

/* The same, one frame, zeroed. */
must_check struct frame *frame_alloc_zeroed(enum frame_use use);

void frame_put(struct frame *frame);

/* `to`, already charged, pays from now on, and who did has it back; NULL: nobody. */
void frame_recharge(struct frame *frame, const struct account *to);

static inline void frame_get(struct frame *frame) { frame->refs++; }

static inline paddr_t frame_paddr(const struct frame *frame) {
    return (paddr_t)(frame - frames) << PAGE_SHIFT;
}

static inline struct frame *frame_of_paddr(paddr_t address) {
    return &frames[address >> PAGE_SHIFT];
}

static inline void *frame_address(const struct frame *frame) {
    return paddr_to_kernel(frame_paddr(frame));
}

static inline struct frame *frame_of_address(const void *pointer) {
    return frame_of_paddr(kernel_to_paddr(pointer));
}

/* How many are used for what, of those that somebody pays for. */
const uint32_t *frames_used(void);

/* The next block of frames, used or free; after NULL the first. NULL: no more. */
struct frame *frame_next(const struct frame *block);

/* Kernel stacks with a guard below each (stack.c): the top of a new slot's usable
 * stack, where struct thread lies; 0 without memory. */
void stacks_init(void);
must_check uint32_t stack_alloc(void);
void stack_free(uint32_t thread_address);
