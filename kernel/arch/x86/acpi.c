/* acpi.c - walks ACPI's static tables (no AML).
 *
 *      RSDP -> RSDT (32-bit pointers) or XSDT (64-bit) -> MADT "APIC", FADT "FACP"
 *
 * Every table's length and checksum are verified before it is believed.
 * See: ACPI specification 6.4, sections 5.2.5 to 5.2.12.
 */
#include "arch/x86/acpi.h"

#include "arch/x86/kernel_map.h"
#include "base/string.h"

#define DIRECT_MAP_END 0x38000000u

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;            /* from here on: revision 2 */
    uint64_t xsdt;
} packed;

struct table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} packed;

struct madt_entry {
    uint8_t type, length;
    union {
        struct {
            uint8_t processor, apic_id;
            uint32_t flags;     /* bit 0: enabled */
        } packed local;
        struct {
            uint8_t id, reserved;
            uint32_t address, first;
        } packed io;
        struct {
            uint8_t bus, source;
            uint32_t line;
            uint16_t flags;
        } packed override;
    };
} packed;

struct acpi_info acpi;

static const void *map(uint64_t address, size_t size) {
    if (address >= 0x100000000ull || address == 0) return NULL;
    if (address + size <= DIRECT_MAP_END)
        return (const void *)((uint32_t)address + 0xC0000000u);
    return kernel_map_device((uint32_t)address, size);
}

static bool sum_is_zero(const void *data, size_t size) {
    const uint8_t *bytes = data;
    uint8_t sum = 0;

    while (size--) sum = (uint8_t)(sum + *bytes++);
    return sum == 0;
}

static const struct table *table_at(uint64_t address) {
    const struct table *t = map(address, sizeof(*t));

    if (!t || t->length < sizeof(*t) || t->length > 0x100000) return NULL;
    t = map(address, t->length);
    return sum_is_zero(t, t->length) ? t : NULL;
}

static const struct rsdp *rsdp_find(void) {
    for (uint32_t at = 0xE0000; at < 0x100000; at += 16) {
        const struct rsdp *r = map(at, sizeof(*r));
        if (memcmp(r->signature, "RSD PTR ", 8) == 0 && sum_is_zero(r, 20)) return r;
    }
    return NULL;
}

static void take_override(const struct madt_entry *e) {
    if (e->override.bus != 0 || e->override.source >= 16) return;
    acpi.isa[e->override.source].line = (uint8_t)e->override.line;
    acpi.isa[e->override.source].active_low = (e->override.flags & 3) == 3;
    acpi.isa[e->override.source].level = (e->override.flags >> 2 & 3) == 3;
}

static void take_madt(const struct table *t) {
    const uint8_t *at = (const uint8_t *)(t + 1), *end = (const uint8_t *)t + t->length;

    memcpy(&acpi.local_apic, at, 4);
    for (at += 8; at + 2 <= end && at[1] >= 2 && at + at[1] <= end; at += at[1]) {
        const struct madt_entry *e = (const void *)at;
        if (e->type == 0 && e->length >= 8 && e->local.flags & 1
            && acpi.nr_cpus < CPU_MAX)
            acpi.apic_ids[acpi.nr_cpus++] = e->local.apic_id;
        if (e->type == 1 && e->length >= 12 && !acpi.io_apic) {
            acpi.io_apic = e->io.address;
            acpi.io_apic_first = e->io.first;
        }
        if (e->type == 2 && e->length >= 10) take_override(e);
    }
    acpi.found = acpi.io_apic != 0 && acpi.nr_cpus != 0;
}

static void take_table(uint64_t address) {
    const struct table *t = table_at(address);

    if (!t) return;
    if (memcmp(t->signature, "APIC", 4) == 0 && t->length >= sizeof(*t) + 8)
        take_madt(t);
    if (memcmp(t->signature, "FACP", 4) == 0 && t->length >= 68)
        memcpy(&acpi.pm1_control, (const uint8_t *)t + 64, 2);
}

void acpi_init(uint64_t address) {
    const struct rsdp *r = address ? map(address, sizeof(*r)) : rsdp_find();

    for (unsigned i = 0; i < 16; i++) acpi.isa[i].line = (uint8_t)i;
    if (!r) return;
    bool wide = r->revision >= 2 && r->xsdt;
    const struct table *list = table_at(wide ? r->xsdt : r->rsdt);
    size_t step = wide ? 8 : 4;
    for (size_t at = sizeof(*list); list && at + step <= list->length; at += step) {
        uint64_t entry = 0;
        memcpy(&entry, (const uint8_t *)list + at, step);
        take_table(entry);
    }
}
