/* frame_alloc.c - the buddy allocator of page frames.
 *
 * Shape: free_lists[order] holds free blocks of 2^order frames, aligned to their size.
 * A block's buddy is found by flipping one bit of its number; two free buddies merge.
 * Invariant: only a block's first frame carries order, use and refs.
 */
#include "mm/frame_alloc.h"

#include "base/string.h"
#include "boot_info.h"
#include "core/check.h"
#include "mm/account.h"

#define ROOT_RESERVE 64u        /* frames that only root gets: a shell and a kill */

struct frame *frames, **frame_chains;
uint32_t frame_count, frames_free;
static struct list free_lists[FRAME_ORDERS];

static uint32_t number_of(const struct frame *frame) {
    return (uint32_t)(frame - frames);
}

static void list_block(struct frame *block, unsigned order) {
    block->use = FRAME_FREE;
    block->order = (uint8_t)order;
    list_push_front(&free_lists[order], &block->node);
}

static void block_free(struct frame *block, unsigned order) {
    frames_free += 1u << order;
    for (; order < FRAME_ORDERS - 1; order++) {
        uint32_t buddy_number = number_of(block) ^ 1u << order;
        struct frame *buddy = &frames[buddy_number];
        if (buddy_number + (1u << order) > frame_count || buddy->use != FRAME_FREE
            || buddy->order != order)
            break;
        list_remove(&buddy->node);
        buddy->use = FRAME_RESERVED;    // no longer the head of a free block
        block = min(block, buddy);
    }
    list_block(block, order);
}

struct frame *frame_alloc(enum frame_use use, unsigned order) {
    struct account *account = this_cpu()->account;
    uint32_t count = 1u << order;
    unsigned have = order;

    if (account != &root_account && frames_free < ROOT_RESERVE + count) return NULL;
    while (have < FRAME_ORDERS && list_is_empty(&free_lists[have])) have++;
    if (have == FRAME_ORDERS || !account_charge(account, ACCOUNT_FRAMES, count))
        return NULL;
    struct frame *frame = list_first_entry(&free_lists[have], struct frame, node);
    list_remove(&frame->node);
    while (have-- > order) list_block(frame + (1u << have), have);
    frames_free -= count;
    frame->order = (uint8_t)order;
    frame->refs = 1;
    frame->use = (uint8_t)use;
    frame->account = account->number;
    return frame;
}

struct frame *frame_alloc_zeroed(enum frame_use use) {
    struct frame *frame = frame_alloc(use, 0);

    if (frame) memset(frame_address(frame), 0, PAGE_SIZE);
    return frame;
}

void frame_put(struct frame *frame) {
    assert(frame->refs > 0);
    if (--frame->refs > 0) return;
    uint32_t count = 1u << frame->order;
    account_release(&accounts[frame->account], ACCOUNT_FRAMES, count);
    block_free(frame, frame->order);
}

void frame_recharge(struct frame *frame, const struct account *to) {
    if (frame->account != NOBODY_PAYS)
        account_release(&accounts[frame->account], ACCOUNT_FRAMES, 1u << frame->order);
    frame->account = to ? to->number : NOBODY_PAYS;
}

void frames_free_range(paddr_t start, paddr_t end) {
    uint32_t first = round_up(start, PAGE_SIZE) >> PAGE_SHIFT;
    uint32_t last = min(end >> PAGE_SHIFT, frame_count);

    for (; first < last; first++) block_free(&frames[first], 0);
}

/* -- Start ------------------------------------------------------------------------- */

#define FIRST_MANAGED 0x100000ull   /* what lies below 1 MiB is left to the firmware */

/* The end of what is usable of a piece of memory from *start on; 0: nothing is. */
static uint64_t usable(const struct boot_memory *m, uint64_t *start) {
    *start = round_up(max(m->base, FIRST_MANAGED), PAGE_SIZE);
    return m->type == BOOT_USABLE ? min(m->base + m->length, (uint64_t)DIRECT_MAP_MAX)
                                  : 0;
}

void frames_init(const struct boot_info *boot) {
    const struct boot_memory *m, *last = boot->memory + boot->nr_memory;
    uint64_t start, end, table = DIRECT_MAP_MAX;    // the lowest place for the table

    for (unsigned order = 0; order < FRAME_ORDERS; order++)
        list_init(&free_lists[order]);
    for (m = boot->memory; m < last; m++) {
        end = min(m->base + m->length, (uint64_t)DIRECT_MAP_MAX);
        if (m->type == BOOT_USABLE || m->type == BOOT_LOADER)
            frame_count = max(frame_count, (uint32_t)(end >> PAGE_SHIFT));
    }
    uint32_t size = frame_count * (sizeof(struct frame) + sizeof(struct frame *));
    size = round_up(size, PAGE_SIZE);
    for (m = boot->memory; m < last; m++) {
        end = usable(m, &start);
        if (start + size <= end) table = min(table, start);
    }
    if (table == DIRECT_MAP_MAX)
        boot_refuse(
            "there is too little memory: no %u KiB in one piece for the table of "
            "page frames. Give the machine at least 8 MiB (MEM=8), more "
            "for a large archive.",
            size / 1024);
    frames = paddr_to_kernel((paddr_t)table);
    frame_chains = (struct frame **)&frames[frame_count];
    memset(frames, 0, size);    // all are reserved
    for (m = boot->memory; m < last; m++) {
        end = usable(m, &start);
        if (start == table) start += size;
        if (start < end) frames_free_range((paddr_t)start, (paddr_t)end);
    }
}

/* -- Checking ---------------------------------------------------------------------- */

struct frame *frame_next(const struct frame *block) {
    uint32_t number = block ? number_of(block) + (1u << block->order) : 0;

    return number < frame_count ? &frames[number] : NULL;
}

const uint32_t *frames_used(void) {
    static uint32_t used[FRAME_USES];

    memset(used, 0, sizeof(used));
    for (const struct frame *f = NULL; (f = frame_next(f));)
        if (f->account != NOBODY_PAYS) used[f->use] += 1u << f->order;
    return used;
}

static void frames_count(void) {
    for (struct frame *f = NULL; (f = frame_next(f));) {
        if (f->use <= FRAME_FREE) continue;
        f->counted = f->use == FRAME_HEAP;  // the heap has those by their use
        if (f->account != NOBODY_PAYS)
            accounts[f->account].counted[ACCOUNT_FRAMES] += 1u << f->order;
    }
}

/* Every block is on a free list, or held by as many as were found. */
static void frames_check(void) {
    uint32_t free = 0, listed = 0;
    const struct frame *f;

    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        if (!check_list(&free_lists[order])) return;
        list_for_each (f, &free_lists[order], node) {
            check_that(f->use == FRAME_FREE && !f->refs && f->order == order,
                       "%u, on free list %u, is in use", number_of(f), order);
            listed += 1u << order;
        }
    }
    for (f = NULL; (f = frame_next(f));) {
        if (f->use == FRAME_FREE) free += 1u << f->order;
        if (f->use > FRAME_FREE) check_counted(f, "references", f->refs, f->counted);
    }
    check_that(free == frames_free && free == listed,
               "%u are free, %u on free lists, %u are counted", free, listed,
               frames_free);
}

static const struct checker checker CHECKER = { "frames", frames_count, frames_check };
