/* stack.c - kernel stacks: slots of the stack area, the upper half mapped.
 *
 * Invariants: a slot is in use, or spare, when its pages are mapped; its frames are
 * unmapped everywhere (shootdown) before they are freed. A few stacks of threads that
 * ended stay mapped for the next ones, and page tables of the area stay for good:
 * nobody pays for these, and the ledger does not count them.
 */
#include "arch.h"
#include "arch/x86/paging.h"
#include "base/string.h"
#include "core/check.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

#define SLOTS       ((DEVICE_AREA - STACK_AREA) / STACK_SLOT)
#define STACK_SIZE  (STACK_SLOT - STACK_GUARD)
#define STACK_ORDER 1           /* its block of frames */
static_assert(STACK_SIZE == PAGE_SIZE << STACK_ORDER, "one block is one stack");

#define SPARES 4

static uint32_t spare[SPARES];  /* slots that are mapped and not in use */
static unsigned nr_spares;
static uint32_t lowest;         /* all slots below it are mapped */

static vaddr_t slot_base(uint32_t slot) {
    return STACK_AREA + slot * STACK_SLOT + STACK_GUARD;
}

/* The entries of a slot's pages; NULL: no page table for them yet. */
static pte_t *entries_of(uint32_t slot) {
    pte_t table = kernel_directory[directory_index(slot_base(slot))];

    return table & PTE_PRESENT
               ? (pte_t *)paddr_to_kernel((paddr_t)(table & PTE_ADDRESS))
                     + table_index(slot_base(slot))
               : NULL;
}

/* NULL: it is not mapped. */
static struct frame *frame_of_slot(uint32_t slot) {
    const pte_t *entry = entries_of(slot);

    return entry && *entry & PTE_PRESENT
               ? frame_of_paddr((paddr_t)(*entry & PTE_ADDRESS))
               : NULL;
}

static bool slot_map(uint32_t slot) {
    if (!entries_of(slot)) {
        struct frame *table = frame_alloc_zeroed(FRAME_STACK);
        if (!table) return false;
        frame_recharge(table, NULL);
        kernel_directory[directory_index(slot_base(slot))] =
            frame_paddr(table) | PTE_PRESENT | PTE_WRITABLE;
    }
    struct frame *frame = frame_alloc(FRAME_STACK, STACK_ORDER);
    if (!frame) return false;
    for (unsigned i = 0; i < 1u << STACK_ORDER; i++)
        entries_of(slot)[i] = frame_paddr(frame + i) | PTE_PRESENT | PTE_WRITABLE
                              | PTE_GLOBAL | pte_no_execute;
    return true;
}

uint32_t stack_alloc(void) {
    struct account *payer = account_current();
    uint32_t slot = lowest;

    if (nr_spares > 0) {
        if (!account_charge(payer, ACCOUNT_FRAMES, 1u << STACK_ORDER)) return 0;
        slot = spare[--nr_spares];
        frame_recharge(frame_of_slot(slot), payer);
    } else {
        while (slot < SLOTS && frame_of_slot(slot)) slot++;
        if (slot == SLOTS || !slot_map(slot)) return 0;
        lowest = slot + 1;
    }
    return slot_base(slot) + STACK_SIZE - THREAD_AREA;
}

void stack_free(uint32_t thread_address) {
    uint32_t slot = (thread_address - STACK_AREA) / STACK_SLOT;

    assert(thread_address >= STACK_AREA && slot < SLOTS && frame_of_slot(slot));
    struct frame *frame = frame_of_slot(slot);
    if (nr_spares < SPARES) {
        frame_recharge(frame, NULL);
        spare[nr_spares++] = slot;
        return;
    }
    memset(entries_of(slot), 0, sizeof(pte_t) << STACK_ORDER);
    tlb_shootdown(slot_base(slot), slot_base(slot) + STACK_SIZE, 0);
    frame_put(frame);
    lowest = min(lowest, slot);
}

/* -- Checking ---------------------------------------------------------------------- */

static void stacks_count(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        pte_t *entries = entries_of(slot);
        if (entries && table_index(slot_base(slot)) < STACK_SLOT / PAGE_SIZE)
            frame_found(frame_of_address(entries));
        if (frame_of_slot(slot)) frame_found(frame_of_slot(slot));
    }
}

/* What a guard page shows is nothing. */
static void stacks_check(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        for (unsigned i = 1; entries_of(slot) && i <= STACK_GUARD / PAGE_SIZE; i++)
            check_that(!*(entries_of(slot) - i), "the guard page at %08x is mapped",
                       slot_base(slot) - i * PAGE_SIZE);
}

static const struct checker checker CHECKER = { "stacks", stacks_count, stacks_check };
