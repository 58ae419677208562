/* kernel_map.c - the kernel's own page tables.
 *
 * Invariants: no page is writable and executable; everything is global and supervisor
 * only; the tables are static, so this works before there is an allocator.
 */
#include "arch/x86/kernel_map.h"

#include "arch/x86/features.h"
#include "arch/x86/io.h"
#include "core/panic.h"

#define KERNEL_BASE  0xC0000000u
#define FINE_TABLES  4         /* 8 MiB in 4 KiB pages: where the kernel's image lies */
#define DIRECT_PAGES 448        /* 896 MiB in 2 MiB pages */

extern char kernel_start[], kernel_text_end[], kernel_rodata_end[];

pte_t kernel_directory[PTES] __attribute__((aligned(4096)));
uint64_t kernel_root[4] __attribute__((aligned(32)));
pte_t pte_no_execute;
static pte_t fine_tables[FINE_TABLES][PTES] __attribute__((aligned(4096)));
static unsigned device_pages;   /* 2 MiB pages of the device window in use */

static uint32_t physical(const void *kernel) { return (uint32_t)kernel - KERNEL_BASE; }

uint32_t kernel_root_paddr(void) { return physical(kernel_root); }

static pte_t fine_entry(vaddr_t address) {
    pte_t entry = (address - KERNEL_BASE) | PTE_PRESENT | PTE_GLOBAL;

    if (address < (vaddr_t)kernel_start || address >= (vaddr_t)kernel_rodata_end)
        return entry | PTE_WRITABLE | pte_no_execute;
    return address < (vaddr_t)kernel_text_end ? entry : entry | pte_no_execute;
}

void kernel_map_init(void) {
    if (cpu_features.no_execute) pte_no_execute = PTE_NO_EXECUTE;
    for (uint32_t i = 0; i < FINE_TABLES * PTES; i++)
        fine_tables[i / PTES][i % PTES] = fine_entry(KERNEL_BASE + i * 4096);
    for (uint32_t i = 0; i < DIRECT_PAGES; i++)
        kernel_directory[i] = i * LARGE_PAGE | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE
                              | PTE_GLOBAL | pte_no_execute;
    for (uint32_t i = 0; i < FINE_TABLES; i++)
        kernel_directory[i] = physical(fine_tables[i]) | PTE_PRESENT | PTE_WRITABLE;
    kernel_root[3] = physical(kernel_directory) | PTE_PRESENT;
    write_cr3(kernel_root_paddr());
}

static vaddr_t device_window(unsigned page) { return DEVICE_AREA + page * LARGE_PAGE; }

static bool is_mapped_at(unsigned page, uint32_t base) {
    return (kernel_directory[directory_index(device_window(page))] & PTE_ADDRESS)
           == base;
}

void *kernel_map_device(uint32_t base, size_t size) {
    uint32_t first = base & ~(LARGE_PAGE - 1), offset = base - first;
    unsigned count = (offset + size + LARGE_PAGE - 1) / LARGE_PAGE;

    for (unsigned page = 0; count == 1 && page < device_pages; page++)
        if (is_mapped_at(page, first)) return (void *)(device_window(page) + offset);

    unsigned start = device_pages;
    assert(start + count <= (0u - DEVICE_AREA) / LARGE_PAGE);
    for (unsigned i = 0; i < count; i++)
        kernel_directory[directory_index(device_window(start + i))] =
            (first + i * LARGE_PAGE) | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE
            | PTE_GLOBAL | PTE_NO_CACHE | pte_no_execute;
    device_pages += count;
    return (void *)(device_window(start) + offset);
}
