/* stack.c - kernel stacks: slots of the stack area, the upper half mapped.
 *
 * Invariants: a slot's frames are unmapped everywhere (shootdown) before they are
 * freed; page tables of the area are made on demand and freed when their last slot is.
 * A few stacks of threads that ended stay mapped for the next ones; nobody pays for
 * them, and the ledger does not count them.
 */
#include "mm/stack.h"

#include "arch.h"
#include "arch/x86/features.h"
#include "arch/x86/kernel_map.h"
#include "core/check.h"
#include "core/panic.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"

#define SLOTS          ((STACK_AREA_END - STACK_AREA) / STACK_SLOT)
#define SLOTS_A_TABLE  (LARGE_PAGE / STACK_SLOT)
#define STACK_PAGES    ((STACK_SLOT - STACK_GUARD) / PAGE_SIZE)

#define SPARES 4

static uint32_t spare[SPARES];                /* slots that are mapped and not in use */
static unsigned nr_spares;
static uint32_t used[SLOTS / 32];               /* a bit for each slot */
static uint8_t slots_in_table[SLOTS / SLOTS_A_TABLE];

static uint32_t slot_take(void) {
    for (uint32_t i = 0; i < ARRAY_SIZE(used); i++) {
        if (used[i] == UINT32_MAX) continue;
        uint32_t bit = (uint32_t)__builtin_ctz(~used[i]);
        used[i] |= 1u << bit;
        return i * 32 + bit;
    }
    return SLOTS;
}

static pte_t *table_for(uint32_t slot) {
    pte_t *entry = &kernel_directory[directory_index(STACK_AREA + slot * STACK_SLOT)];

    if (!(*entry & PTE_PRESENT)) {
        struct frame *frame = frame_alloc_zeroed(FRAME_STACK);
        if (!frame) return NULL;
        *entry = frame_paddr(frame) | PTE_PRESENT | PTE_WRITABLE;
    }
    return paddr_to_kernel((paddr_t)(*entry & PTE_ADDRESS));
}

static void table_release(uint32_t slot) {
    vaddr_t base = STACK_AREA + slot * STACK_SLOT;
    pte_t *entry = &kernel_directory[directory_index(base)];

    if (slots_in_table[slot / SLOTS_A_TABLE] > 0) return;
    struct frame *frame = frame_of_paddr((paddr_t)(*entry & PTE_ADDRESS));
    *entry = 0;
    tlb_shootdown(base, base + PAGE_SIZE, 0);
    frame_put(frame);
}

/* Unmaps and frees what is mapped of a slot, and the slot itself. */
static void slot_release(uint32_t slot, pte_t *table) {
    vaddr_t base = STACK_AREA + slot * STACK_SLOT + STACK_GUARD;
    pte_t *entries = &table[table_index(base)];
    struct frame *frames_of_slot[STACK_PAGES] = { NULL };

    for (unsigned i = 0; i < STACK_PAGES; i++) {
        if (entries[i] & PTE_PRESENT)
            frames_of_slot[i] = frame_of_paddr((paddr_t)(entries[i] & PTE_ADDRESS));
        entries[i] = 0;
    }
    tlb_shootdown(base, base + STACK_PAGES * PAGE_SIZE, 0);
    for (unsigned i = 0; i < STACK_PAGES; i++)
        if (frames_of_slot[i]) frame_put(frames_of_slot[i]);
    used[slot / 32] &= ~(1u << slot % 32);
    slots_in_table[slot / SLOTS_A_TABLE]--;
    table_release(slot);
}

static vaddr_t thread_at(uint32_t slot) {
    return STACK_AREA + (slot + 1) * STACK_SLOT - THREAD_AREA;
}

static pte_t *slot_entries(uint32_t slot) {
    vaddr_t base = STACK_AREA + slot * STACK_SLOT + STACK_GUARD;

    return &table_for(slot)[table_index(base)];
}

static struct frame *slot_frame(uint32_t slot, unsigned i) {
    return frame_of_paddr((paddr_t)(slot_entries(slot)[i] & PTE_ADDRESS));
}

static uint32_t map_new_slot(void) {
    uint32_t slot = slot_take();

    if (slot == SLOTS) return SLOTS;
    pte_t *table = table_for(slot);
    if (!table) {
        used[slot / 32] &= ~(1u << slot % 32);
        return SLOTS;
    }
    slots_in_table[slot / SLOTS_A_TABLE]++;
    pte_t *entries = slot_entries(slot);
    for (unsigned i = 0; i < STACK_PAGES; i++) {
        struct frame *frame = frame_alloc(FRAME_STACK, 0);
        if (!frame) {
            slot_release(slot, table);
            return SLOTS;
        }
        entries[i] = frame_paddr(frame) | PTE_PRESENT | PTE_WRITABLE | PTE_GLOBAL
                     | (cpu_features.no_execute ? PTE_NO_EXECUTE : 0);
    }
    return slot;
}

uint32_t stack_alloc(void) {
    struct account *payer = account_current();
    uint32_t slot;

    if (nr_spares == 0) {
        slot = map_new_slot();
        return slot == SLOTS ? 0 : thread_at(slot);
    }
    if (allocation_should_fail() || !account_charge(payer, ACCOUNT_FRAMES, STACK_PAGES))
        return 0;
    slot = spare[--nr_spares];
    for (unsigned i = 0; i < STACK_PAGES; i++)
        slot_frame(slot, i)->account = payer->number;
    frames_used[FRAME_STACK] += STACK_PAGES;
    return thread_at(slot);
}

void stack_free(uint32_t thread_address) {
    uint32_t slot = (thread_address - STACK_AREA) / STACK_SLOT;

    assert(thread_address >= STACK_AREA && slot < SLOTS
           && used[slot / 32] >> slot % 32 & 1);
    if (nr_spares < SPARES) {
        account_release(account_by_number(slot_frame(slot, 0)->account), ACCOUNT_FRAMES,
                        STACK_PAGES);
        for (unsigned i = 0; i < STACK_PAGES; i++)
            slot_frame(slot, i)->account = NOBODY_PAYS;
        frames_used[FRAME_STACK] -= STACK_PAGES;
        spare[nr_spares++] = slot;
    } else {
        slot_release(slot, table_for(slot));
    }
}

/* -- Checking ---------------------------------------------------------------------- */

static void stacks_count(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (slot % SLOTS_A_TABLE == 0 && slots_in_table[slot / SLOTS_A_TABLE])
            frame_found(frame_of_address(table_for(slot)));
        for (unsigned i = 0; used[slot / 32] >> slot % 32 & 1 && i < STACK_PAGES; i++)
            frame_found(slot_frame(slot, i));
    }
}

/* What a guard page shows is nothing. */
static bool stacks_check(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        vaddr_t guard = STACK_AREA + slot * STACK_SLOT;
        if (!slots_in_table[slot / SLOTS_A_TABLE]) continue;
        for (vaddr_t at = guard; at < guard + STACK_GUARD; at += PAGE_SIZE)
            if (table_for(slot)[table_index(at)])
                return check_failed("the guard page at %08x is mapped", at);
    }
    return true;
}

struct checker stacks_checker = { .name = "stacks", .count = stacks_count,
                                  .check = stacks_check };
