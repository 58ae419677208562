/* stack.c - kernel stacks: slots of the stack area, the upper half mapped.
 *
 * Invariants: a slot is in use, or spare, when its pages are mapped; its frames are
 * unmapped everywhere (shootdown) before they are freed. A few stacks of threads that
 * ended stay mapped for the next ones. Nobody pays for those, and the ledger does not
 * count them.
 */
#include "arch.h"
#include "arch/x86/paging.h"
#include "base/string.h"
#include "core/check.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

#define STACK_SIZE  (STACK_SLOT - STACK_GUARD)
#define STACK_ORDER 1           /* its block of frames */
static_assert(STACK_SIZE == PAGE_SIZE << STACK_ORDER, "one block is one stack");

#define SLOTS  4096u            /* threads at a time */
#define SPARES 4

static pte_t entries[SLOTS * STACK_SLOT / PAGE_SIZE]
    __attribute__((aligned(PAGE_SIZE)));        /* of all slots: whole page tables */
static_assert(STACK_AREA + sizeof(entries) / sizeof(pte_t) * PAGE_SIZE <= DEVICE_AREA,
              "there is room for as many");
static uint32_t spare[SPARES];  /* slots that are mapped and not in use */
static unsigned nr_spares;
static uint32_t lowest;         /* all slots below it are mapped */

void stacks_init(void) {
    pte_t *directory = &kernel_directory[directory_index(STACK_AREA)];

    for (unsigned i = 0; i < ARRAY_SIZE(entries); i += PTES)
        *directory++ = kernel_to_paddr(&entries[i]) | PTE_PRESENT | PTE_WRITABLE;
}

static pte_t *entries_of(uint32_t slot) {
    return &entries[(slot * STACK_SLOT + STACK_GUARD) / PAGE_SIZE];
}

/* NULL: it is not mapped. */
static struct frame *frame_of_slot(uint32_t slot) {
    pte_t entry = *entries_of(slot);

    return entry ? frame_of_paddr((paddr_t)(entry & PTE_ADDRESS)) : NULL;
}

uint32_t stack_alloc(void) {
    struct account *payer = this_cpu()->account;
    struct frame *frame;
    uint32_t slot = lowest;

    if (nr_spares > 0) {
        if (!account_charge(payer, ACCOUNT_FRAMES, 1u << STACK_ORDER)) return 0;
        slot = spare[--nr_spares];
        frame_recharge(frame_of_slot(slot), payer);
    } else {
        while (slot < SLOTS && frame_of_slot(slot)) slot++;
        if (slot == SLOTS || !(frame = frame_alloc(FRAME_STACK, STACK_ORDER)))
            return 0;
        for (unsigned i = 0; i < 1u << STACK_ORDER; i++)
            entries_of(slot)[i] = frame_paddr(frame + i) | PTE_PRESENT | PTE_WRITABLE
                                  | PTE_GLOBAL | pte_no_execute;
        lowest = slot + 1;
    }
    return STACK_AREA + (slot + 1) * STACK_SLOT - THREAD_AREA;
}

void stack_free(uint32_t thread_address) {
    uint32_t slot = (thread_address - STACK_AREA) / STACK_SLOT;
    vaddr_t end = STACK_AREA + (slot + 1) * STACK_SLOT;

    assert(slot < SLOTS && frame_of_slot(slot));
    struct frame *frame = frame_of_slot(slot);
    if (nr_spares < SPARES) {
        frame_recharge(frame, NULL);
        spare[nr_spares++] = slot;
        return;
    }
    memset(entries_of(slot), 0, sizeof(pte_t) << STACK_ORDER);
    tlb_shootdown(end - STACK_SIZE, end, 0);
    frame_put(frame);
    lowest = min(lowest, slot);
}

/* -- Checking ---------------------------------------------------------------------- */

static void stacks_count(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (frame_of_slot(slot)) frame_of_slot(slot)->counted++;
}

/* What a guard page shows is nothing. */
static void stacks_check(void) {
    for (uint32_t at = 0; at < SLOTS * STACK_SLOT; at += PAGE_SIZE)
        check_that(at % STACK_SLOT >= STACK_GUARD || !entries[at / PAGE_SIZE],
                   "the guard page at %08x is mapped", STACK_AREA + at);
}

static const struct checker checker CHECKER = { "stacks", stacks_count, stacks_check };
