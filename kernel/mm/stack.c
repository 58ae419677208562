/* stack.c - kernel stacks: slots of the stack area, the upper half mapped.
 *
 * Invariants: a slot that is used has its pages mapped; its frames are unmapped
 * everywhere (shootdown) before they are freed. A few stacks of threads that
 * ended stay mapped for the next ones, and page tables of the area stay for good:
 * nobody pays for these, and the ledger does not count them.
 */
#include "mm/stack.h"

#include "arch.h"
#include "arch/x86/kernel_map.h"
#include "base/string.h"
#include "core/check.h"
#include "core/panic.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

#define SLOTS       ((STACK_AREA_END - STACK_AREA) / STACK_SLOT)
#define STACK_SIZE  (STACK_SLOT - STACK_GUARD)
#define STACK_ORDER 1           /* its block of frames */
static_assert(STACK_SIZE == PAGE_SIZE << STACK_ORDER, "one block is one stack");

#define SPARES 4

static uint32_t spare[SPARES];  /* slots that are mapped and not in use */
static unsigned nr_spares;
static uint32_t used[SLOTS / 32];       /* a bit for each slot */

static vaddr_t slot_base(uint32_t slot) {
    return STACK_AREA + slot * STACK_SLOT + STACK_GUARD;
}

static bool is_used(uint32_t slot) { return used[slot / 32] >> slot % 32 & 1; }

/* The page table of a slot, if there is one yet. */
static struct frame *table_of(uint32_t slot) {
    pte_t entry = kernel_directory[directory_index(slot_base(slot))];

    return entry & PTE_PRESENT ? frame_of_paddr((paddr_t)(entry & PTE_ADDRESS)) : NULL;
}

/* The entries of a slot's pages; its table exists. */
static pte_t *entries_of(uint32_t slot) {
    return (pte_t *)frame_address(table_of(slot)) + table_index(slot_base(slot));
}

static struct frame *frame_of_slot(uint32_t slot) {
    return frame_of_paddr((paddr_t)(*entries_of(slot) & PTE_ADDRESS));
}

static bool table_make(uint32_t slot) {
    struct frame *table = frame_alloc_zeroed(FRAME_STACK);

    if (!table) return false;
    frame_recharge(table, NULL);
    kernel_directory[directory_index(slot_base(slot))] =
        frame_paddr(table) | PTE_PRESENT | PTE_WRITABLE;
    return true;
}

static void slot_unmap(uint32_t slot) {
    struct frame *frame = frame_of_slot(slot);

    memset(entries_of(slot), 0, sizeof(pte_t) << STACK_ORDER);
    tlb_shootdown(slot_base(slot), slot_base(slot) + STACK_SIZE, 0);
    frame_put(frame);
    used[slot / 32] &= ~(1u << slot % 32);
}

static bool slot_map(uint32_t slot) {
    struct frame *frame = NULL;

    if (table_of(slot) || table_make(slot))
        frame = frame_alloc(FRAME_STACK, STACK_ORDER);
    if (!frame) return false;
    for (unsigned i = 0; i < 1u << STACK_ORDER; i++)
        entries_of(slot)[i] = frame_paddr(frame + i) | PTE_PRESENT | PTE_WRITABLE
                              | PTE_GLOBAL | pte_no_execute;
    used[slot / 32] |= 1u << slot % 32;
    return true;
}

/* One that stayed mapped. */
static bool spare_take(uint32_t *slot) {
    struct account *payer = account_current();

    if (!account_charge(payer, ACCOUNT_FRAMES, 1u << STACK_ORDER)) return false;
    *slot = spare[--nr_spares];
    frame_recharge(frame_of_slot(*slot), payer);
    return true;
}

uint32_t stack_alloc(void) {
    uint32_t slot = 0;

    if (nr_spares > 0) {
        if (!spare_take(&slot)) return 0;
    } else {
        while (slot < SLOTS && is_used(slot))
            slot = used[slot / 32] == UINT32_MAX ? slot + 32 : slot + 1;
        if (slot == SLOTS || !slot_map(slot)) return 0;
    }
    return slot_base(slot) + STACK_SIZE - THREAD_AREA;
}

void stack_free(uint32_t thread_address) {
    uint32_t slot = (thread_address - STACK_AREA) / STACK_SLOT;

    assert(thread_address >= STACK_AREA && slot < SLOTS && is_used(slot));
    if (nr_spares == SPARES) {
        slot_unmap(slot);
    } else {
        frame_recharge(frame_of_slot(slot), NULL);
        spare[nr_spares++] = slot;
    }
}

/* -- Checking ---------------------------------------------------------------------- */

static void stacks_count(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (table_of(slot) && table_index(slot_base(slot)) < STACK_SLOT / PAGE_SIZE)
            frame_found(table_of(slot));
        if (is_used(slot)) frame_found(frame_of_slot(slot));
    }
}

/* What a guard page shows is nothing. */
static void stacks_check(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        for (unsigned i = 1; table_of(slot) && i <= STACK_GUARD / PAGE_SIZE; i++)
            check_that(!*(entries_of(slot) - i), "the guard page at %08x is mapped",
                       slot_base(slot) - i * PAGE_SIZE);
}

static const struct checker checker CHECKER = { "stacks", stacks_count, stacks_check };
