/* acpi.c - walks ACPI's static tables (no AML).
 *
 *      RSDP -> RSDT (32-bit pointers) or XSDT (64-bit) -> MADT "APIC", FADT "FACP"
 *
 * Every table's length and checksum are verified before it is believed. Fields lie at
 * any address: they are named by their offset in the specification, and read by byte.
 * See: ACPI specification 6.4, sections 5.2.5 to 5.2.12.
 */
#include "arch/x86/acpi.h"

#include "arch/x86/kernel_map.h"
#include "base/string.h"

enum { RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_XSDT = 24, RSDP_SIZE = 36,
       RSDP_OLD_SIZE = 20, TABLE_LENGTH = 4, TABLE_HEADER = 36, MADT_ENTRIES = 44,
       FADT_PM1_CONTROL = 64 };
enum { MADT_LOCAL_APIC, MADT_IO_APIC, MADT_OVERRIDE };

struct acpi_info acpi;

static uint64_t word(const uint8_t *at, size_t bytes) {
    uint64_t value = 0;

    memcpy(&value, at, bytes);
    return value;
}

static const uint8_t *map(uint64_t address, size_t size) {
    if (address > UINT32_MAX || address == 0) return NULL;
    if (address + size <= DIRECT_MAP_MAX) return paddr_to_kernel((paddr_t)address);
    return kernel_map_device((paddr_t)address, size);
}

static uint32_t length_of(const uint8_t *table) {
    return table ? (uint32_t)word(table + TABLE_LENGTH, 4) : 0;
}

static bool sum_is_zero(const uint8_t *bytes, size_t size) {
    uint8_t sum = 0;

    while (size--) sum = (uint8_t)(sum + *bytes++);
    return sum == 0;
}

static const uint8_t *table_at(uint64_t address) {
    uint32_t length = length_of(map(address, TABLE_HEADER));

    if (length < TABLE_HEADER || length > 0x100000) return NULL;
    const uint8_t *t = map(address, length);
    return sum_is_zero(t, length) ? t : NULL;
}

static const uint8_t *rsdp_find(void) {
    for (uint32_t at = 0xE0000; at < 0x100000; at += 16) {
        const uint8_t *r = map(at, RSDP_SIZE);
        if (memcmp(r, "RSD PTR ", 8) == 0 && sum_is_zero(r, RSDP_OLD_SIZE)) return r;
    }
    return NULL;
}

/* An entry of the MADT begins with its type and its length. */
static void take_entry(const uint8_t *e) {
    if (e[0] == MADT_LOCAL_APIC && e[1] >= 8 && e[4] & 1 && acpi.nr_cpus < CPU_MAX)
        acpi.apic_ids[acpi.nr_cpus++] = e[3];
    if (e[0] == MADT_IO_APIC && e[1] >= 12 && !acpi.io_apic) {
        acpi.io_apic = (paddr_t)word(e + 4, 4);
        acpi.io_apic_first = (uint32_t)word(e + 8, 4);
    }
    if (e[0] == MADT_OVERRIDE && e[1] >= 10 && e[2] == 0 && e[3] < 16) {
        acpi.isa[e[3]].line = e[4];
        acpi.isa[e[3]].active_low = (e[8] & 3) == 3;
        acpi.isa[e[3]].level = (e[8] >> 2 & 3) == 3;
    }
}

static void take_table(const uint8_t *t) {
    uint32_t length = length_of(t);

    if (length >= FADT_PM1_CONTROL + 4 && memcmp(t, "FACP", 4) == 0)
        acpi.pm1_control = (uint16_t)word(t + FADT_PM1_CONTROL, 2);
    if (length < MADT_ENTRIES || memcmp(t, "APIC", 4) != 0) return;
    acpi.local_apic = (paddr_t)word(t + TABLE_HEADER, 4);
    for (const uint8_t *at = t + MADT_ENTRIES, *end = t + length;
         at + 2 <= end && at[1] >= 2 && at + at[1] <= end; at += at[1])
        take_entry(at);
    acpi.found = acpi.io_apic != 0 && acpi.nr_cpus != 0;
}

void acpi_init(uint64_t address) {
    const uint8_t *r = address ? map(address, RSDP_SIZE) : rsdp_find();

    for (unsigned i = 0; i < 16; i++) acpi.isa[i].line = (uint8_t)i;
    if (!r) return;
    bool wide = r[RSDP_REVISION] >= 2 && word(r + RSDP_XSDT, 8);
    size_t step = wide ? 8 : 4;
    const uint8_t *list = table_at(word(r + (wide ? RSDP_XSDT : RSDP_RSDT), step));
    for (size_t at = TABLE_HEADER; at + step <= length_of(list); at += step)
        take_table(table_at(word(list + at, step)));
}
