/* machine.c - bringing the boot CPU up, and switching the machine off. */
#include "arch.h"

#include "arch/x86/acpi.h"
#include "arch/x86/processor.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/io.h"
#include "arch/x86/kernel_map.h"

enum { DEBUG_EXIT_PORT = 0xf4, KEYBOARD_COMMAND = 0x64, KEYBOARD_RESET = 0xfe,
       ACPI_SLEEP_OFF = 0x2000 };

extern char boot_stack_slot[];

void arch_init_boot_cpu(void) {
    struct cpu *cpu = &cpus[0];

    cpu->idle = cpu->running = (void *)(boot_stack_slot + STACK_SLOT - THREAD_AREA);
    cpu->online = true;
    cpu->timer_deadline = UINT64_MAX;
    *(struct cpu **)cpu->idle = cpu;
    cpu_features_init();
    cpu_control_init();
    if (cpu_features.smap) smap_patch();
    kernel_map_init();
    cpu->space_root = kernel_root_paddr();
    idt_init();
    descriptor_tables_load(cpu);
}

void arch_init_devices(uint64_t rsdp, bool use_acpi, bool use_apic) {
    if (use_acpi) acpi_init(rsdp);
    interrupts_init(use_apic && acpi.found && cpu_features.apic);
}

void arch_power_off(enum exit_code code) {
    interrupts_off();
    // a QEMU with isa-debug-exit ends here, and its exit status tells why
    out32(DEBUG_EXIT_PORT, code);
    if (code == EXIT_REBOOT) out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    else if (acpi.pm1_control) out16(acpi.pm1_control, ACPI_SLEEP_OFF);
    for (;;) __asm__ volatile("cli; hlt");
}

bool stack_contains(uint32_t address) {
    uint32_t boot = (uint32_t)boot_stack_slot;

    if (address >= boot && address < boot + STACK_SLOT) return true;
    if (address < STACK_AREA || address >= STACK_AREA_END
        || address % STACK_SLOT < STACK_GUARD)
        return false;
    pte_t entry = kernel_directory[directory_index(address)];
    if (!(entry & PTE_PRESENT)) return false;
    const pte_t *table = paddr_to_kernel((paddr_t)(entry & PTE_ADDRESS));
    return table[table_index(address)] & PTE_PRESENT;
}
