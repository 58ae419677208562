/* stack.c - kernel stacks: slots of the stack area, the upper half mapped.
 *
 * Invariants: a slot's frames are unmapped everywhere (shootdown) before they are
 * freed; page tables of the area are made on demand and freed when their last slot is.
 */
#include "mm/stack.h"

#include "arch.h"
#include "arch/x86/features.h"
#include "arch/x86/kernel_map.h"
#include "core/panic.h"
#include "mm/frame_alloc.h"

#define SLOTS          ((STACK_AREA_END - STACK_AREA) / STACK_SLOT)
#define SLOTS_A_TABLE  (LARGE_PAGE / STACK_SLOT)
#define STACK_PAGES    ((STACK_SLOT - STACK_GUARD) / PAGE_SIZE)

static uint32_t used[SLOTS / 32];               /* a bit for each slot */
static uint8_t slots_in_table[SLOTS / SLOTS_A_TABLE];

static uint32_t slot_take(void)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(used); i++) {
        if (used[i] == UINT32_MAX)
            continue;
        uint32_t bit = (uint32_t)__builtin_ctz(~used[i]);
        used[i] |= 1u << bit;
        return i * 32 + bit;
    }
    return SLOTS;
}

static pte_t *table_for(uint32_t slot)
{
    pte_t *entry = &kernel_directory[directory_index(STACK_AREA + slot * STACK_SLOT)];

    if (!(*entry & PTE_PRESENT)) {
        struct frame *frame = frame_alloc_zeroed(FRAME_STACK);
        if (!frame)
            return NULL;
        *entry = frame_paddr(frame) | PTE_PRESENT | PTE_WRITABLE;
    }
    return paddr_to_kernel((paddr_t)(*entry & PTE_ADDRESS));
}

static void table_release(uint32_t slot)
{
    vaddr_t base = STACK_AREA + slot * STACK_SLOT;
    pte_t *entry = &kernel_directory[directory_index(base)];

    if (slots_in_table[slot / SLOTS_A_TABLE] > 0)
        return;
    struct frame *frame = frame_of_paddr((paddr_t)(*entry & PTE_ADDRESS));
    *entry = 0;
    tlb_shootdown(base, base + PAGE_SIZE, 0);
    frame_put(frame);
}

/* Unmaps and frees what is mapped of a slot, and the slot itself. */
static void slot_release(uint32_t slot, pte_t *table)
{
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
        if (frames_of_slot[i])
            frame_put(frames_of_slot[i]);
    used[slot / 32] &= ~(1u << slot % 32);
    slots_in_table[slot / SLOTS_A_TABLE]--;
    table_release(slot);
}

uint32_t stack_alloc(void)
{
    uint32_t slot = slot_take();

    if (slot == SLOTS)
        return 0;
    pte_t *table = table_for(slot);
    if (!table) {
        used[slot / 32] &= ~(1u << slot % 32);
        return 0;
    }
    slots_in_table[slot / SLOTS_A_TABLE]++;
    vaddr_t base = STACK_AREA + slot * STACK_SLOT + STACK_GUARD;
    for (unsigned i = 0; i < STACK_PAGES; i++) {
        struct frame *frame = frame_alloc(FRAME_STACK, 0);
        if (!frame) {
            slot_release(slot, table);
            return 0;
        }
        table[table_index(base) + i] = frame_paddr(frame) | PTE_PRESENT | PTE_WRITABLE
                                       | PTE_GLOBAL
                                       | (cpu_features.no_execute ? PTE_NO_EXECUTE : 0);
    }
    return base + STACK_PAGES * PAGE_SIZE - THREAD_AREA;
}

void stack_free(uint32_t thread_address)
{
    uint32_t slot = (thread_address - STACK_AREA) / STACK_SLOT;

    assert(thread_address >= STACK_AREA && slot < SLOTS
           && used[slot / 32] >> slot % 32 & 1);
    slot_release(slot, table_for(slot));
}
