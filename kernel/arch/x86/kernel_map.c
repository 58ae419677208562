/* kernel_map.c - the kernel's own page tables.
 *
 * Invariants: no page is writable and executable; everything is global and supervisor
 * only; the tables are static, so this works before there is an allocator.
 */
#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "core/panic.h"

#define FINE_TABLES  4         /* 8 MiB in 4 KiB pages: where the kernel's image lies */

extern char kernel_start[], kernel_text_end[], kernel_rodata_end[], boot_stack_slot[];

pte_t kernel_directory[PTES] __attribute__((aligned(4096)));
uint64_t kernel_root[4] __attribute__((aligned(32)));
pte_t pte_no_execute;
static pte_t fine_tables[FINE_TABLES * PTES] __attribute__((aligned(4096)));
static unsigned device_pages;   /* 2 MiB pages of the device window in use */

void kernel_map_init(void) {
    for (uint32_t i = 0; i < FINE_TABLES * PTES; i++) {
        vaddr_t at = KERNEL_BASE + i * PAGE_SIZE;
        bool is_image = at >= (vaddr_t)kernel_start && at < (vaddr_t)kernel_rodata_end;
        bool is_text = is_image && at < (vaddr_t)kernel_text_end;
        fine_tables[i] = i * PAGE_SIZE | PTE_PRESENT | PTE_GLOBAL
                         | (is_image ? 0 : PTE_WRITABLE)
                         | (is_text ? 0 : pte_no_execute);
    }
    for (uint32_t i = 0; i < DIRECT_MAP_MAX / LARGE_PAGE; i++)
        kernel_directory[i] =
            i < FINE_TABLES
                ? kernel_to_paddr(&fine_tables[i * PTES]) | PTE_PRESENT | PTE_WRITABLE
                : i * LARGE_PAGE | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE | PTE_GLOBAL
                      | pte_no_execute;
    kernel_root[3] = kernel_to_paddr(kernel_directory) | PTE_PRESENT;
    write_register(cr3, kernel_to_paddr(kernel_root));
}

void *kernel_map_device(paddr_t base, size_t size) {
    pte_t *window = &kernel_directory[directory_index(DEVICE_AREA)];
    uint32_t first = round_down(base, LARGE_PAGE), offset = base - first, at = 0;
    unsigned count = (offset + size + LARGE_PAGE - 1) / LARGE_PAGE;

    while (at < device_pages && (count > 1 || (window[at] & PTE_ADDRESS) != first))
        at++;
    if (at == device_pages) {
        assert(at + count <= (0u - DEVICE_AREA) / LARGE_PAGE);
        for (; device_pages < at + count; device_pages++, first += LARGE_PAGE)
            window[device_pages] = first | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE
                                   | PTE_GLOBAL | PTE_NO_CACHE | pte_no_execute;
    }
    return (void *)(DEVICE_AREA + at * LARGE_PAGE + offset);
}

bool stack_contains(uint32_t address) {
    if (address - (uint32_t)boot_stack_slot < STACK_SLOT) return true;
    if (address < STACK_AREA || address >= DEVICE_AREA
        || address % STACK_SLOT < STACK_GUARD)
        return false;
    pte_t entry = kernel_directory[directory_index(address)];
    if (!(entry & PTE_PRESENT)) return false;
    const pte_t *table = paddr_to_kernel((paddr_t)(entry & PTE_ADDRESS));
    return table[table_index(address)] & PTE_PRESENT;
}
