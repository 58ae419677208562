/* machine.c - what stands around the processor: ACPI's tables tell it (no AML); the
 * CMOS clock has the date; a port, or ACPI, switches it off.
 *
 *      RSDP -> RSDT (32-bit pointers) or XSDT (64-bit) -> MADT "APIC", FADT "FACP"
 *
 * Every table's length and checksum are verified before it is believed. Fields lie at
 * any address: they are named by their offset in the specification, and read by byte.
 * The clock is read once; from then on the monotonic clock counts. It has no register
 * for the century that can be trusted, so years mean 1970 to 2069.
 * Tests: machine_host_test.c.
 * See: ACPI specification 6.4, sections 5.2.5 to 5.2.12; Motorola MC146818A.
 */
#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "arch/x86/processor.h"
#include "base/string.h"

/* -- ACPI -------------------------------------------------------------------------- */

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

static bool sum_is_zero(const uint8_t *bytes, size_t size) {
    uint8_t sum = 0;

    while (size--) sum = (uint8_t)(sum + *bytes++);
    return sum == 0;
}

/* A table that can be believed, and its length; an empty one: there is none. */
static const uint8_t *table_at(uint64_t address, uint32_t *length) {
    const uint8_t *t = map(address, TABLE_HEADER);

    *length = t ? (uint32_t)word(t + TABLE_LENGTH, 4) : 0;
    bool is_one = *length >= TABLE_HEADER && *length <= 0x100000
                  && sum_is_zero(t = map(address, *length), *length);
    if (!is_one) *length = 0;
    return t;
}

static void take_table(uint64_t address) {
    uint32_t length;
    const uint8_t *t = table_at(address, &length);

    if (length >= FADT_PM1_CONTROL + 4 && memcmp(t, "FACP", 4) == 0)
        acpi.pm1_control = (uint16_t)word(t + FADT_PM1_CONTROL, 2);
    if (length < MADT_ENTRIES || memcmp(t, "APIC", 4) != 0) return;
    acpi.local_apic = (paddr_t)word(t + TABLE_HEADER, 4);
    // an entry of the MADT begins with its type and its length
    for (const uint8_t *e = t + MADT_ENTRIES, *end = t + length;
         e + 2 <= end && e[1] >= 2 && e + e[1] <= end; e += e[1]) {
        if (e[0] == MADT_LOCAL_APIC && e[1] >= 8 && e[4] & 1 && acpi.nr_cpus < CPU_MAX)
            acpi.apic_ids[acpi.nr_cpus++] = e[3];
        if (e[0] == MADT_IO_APIC && e[1] >= 12 && !acpi.io_apic) {
            acpi.io_apic = (paddr_t)word(e + 4, 4);
            acpi.io_apic_first = (uint32_t)word(e + 8, 4);
        }
        if (e[0] == MADT_OVERRIDE && e[1] >= 10 && e[2] == 0 && e[3] < 16) {
            acpi.isa[e[3]].line = e[4];
            acpi.isa[e[3]].how =
                ((e[8] & 3) == 3 ? 1 << 13 : 0) | ((e[8] >> 2 & 3) == 3 ? 1 << 15 : 0);
        }
    }
}

void arch_init_devices(uint64_t rsdp, bool use_acpi, bool use_apic) {
    const uint8_t *r = NULL;

    if (use_acpi && rsdp) r = map(rsdp, RSDP_SIZE);
    for (uint32_t at = 0xE0000; use_acpi && !r && at < 0x100000; at += 16) {
        const uint8_t *here = map(at, RSDP_SIZE);
        if (memcmp(here, "RSD PTR ", 8) == 0 && sum_is_zero(here, RSDP_OLD_SIZE))
            r = here;
    }
    for (unsigned i = 0; i < 16; i++) acpi.isa[i].line = i;
    if (r) {
        bool wide = r[RSDP_REVISION] >= 2 && word(r + RSDP_XSDT, 8);
        size_t step = wide ? 8 : 4;
        uint32_t end;
        const uint8_t *list =
            table_at(word(r + (wide ? RSDP_XSDT : RSDP_RSDT), step), &end);
        for (size_t at = TABLE_HEADER; at + step <= end; at += step)
            take_table(word(list + at, step));
    }
    interrupts_init(use_apic && acpi.io_apic && acpi.nr_cpus
                    && cpu_features.edx & CPUID_APIC);
}

/* -- The date ---------------------------------------------------------------------- */

enum { INDEX_PORT = 0x70, DATA_PORT = 0x71, TRIES = 100000 };

enum { SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, FIELDS };

enum { STATUS_A = 10, STATUS_B = 11, A_UPDATING = 0x80, B_24_HOURS = 2, B_BINARY = 4,
       HOUR_PM = 0x80 };

static uint8_t cmos_read(uint8_t index) {
    out8(INDEX_PORT, index);
    return in8(DATA_PORT);
}

/* Seconds from 1970 to what the chip says; 0: no clock, or an empty battery. */
static uint64_t seconds_of(const uint8_t raw[FIELDS], uint8_t status_b) {
    bool is_pm = raw[HOURS] & HOUR_PM && !(status_b & B_24_HOURS);
    unsigned f[FIELDS];

    for (int i = 0; i < FIELDS; i++) {
        unsigned byte = raw[i] & ~(is_pm && i == HOURS ? HOUR_PM : 0u);
        f[i] = status_b & B_BINARY ? byte : (byte >> 4) * 10 + (byte & 15);
    }
    if (!(status_b & B_24_HOURS)) f[HOURS] = f[HOURS] % 12 + (is_pm ? 12 : 0);
    if (f[MONTH] - 1 > 11 || f[DAY] - 1 > 30) return 0;
    // the Gregorian calendar, with years that begin in March: a leap day is the last
    unsigned month = (f[MONTH] + 9) % 12;
    unsigned year = f[YEAR] + (f[YEAR] < 70 ? 2000 : 1900) - (month >= 10);
    uint64_t days = year * 365 + year / 4 - year / 100 + year / 400
                    + (month * 153 + 2) / 5 + f[DAY] - 1 - 719468;
    return days * 86400 + f[HOURS] * 3600 + f[MINUTES] * 60 + f[SECONDS];
}

nanoseconds_t clock_realtime_at_boot(void) {
    static const uint8_t index[FIELDS] = { 0, 2, 4, 7, 8, 9 };
    uint8_t raw[FIELDS] = { 0 }, before[FIELDS];

    // until two readings agree, so that none falls into the chip's own update
    for (int i = 0; i < TRIES; i++) {
        memcpy(before, raw, FIELDS);
        if (cmos_read(STATUS_A) & A_UPDATING) continue;
        for (int f = 0; f < FIELDS; f++) raw[f] = cmos_read(index[f]);
        if (memcmp(before, raw, FIELDS) == 0) break;
    }
    uint64_t seconds = seconds_of(raw, cmos_read(STATUS_B));
    return seconds ? seconds * 1000000000ull - time_now() : 0;
}

/* -- The end ----------------------------------------------------------------------- */

enum { DEBUG_EXIT_PORT = 0xf4, KEYBOARD_COMMAND = 0x64, KEYBOARD_RESET = 0xfe,
       SLEEP_OFF = 0x2000 };

void arch_power_off(enum exit_code code) {
    __asm__ volatile("cli");
    // a QEMU with isa-debug-exit ends here, and its exit status tells why
    __asm__ volatile("outl %0, %w1" : : "a"(code), "Nd"(DEBUG_EXIT_PORT));
    if (code == EXIT_REBOOT) out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    else if (acpi.pm1_control)
        __asm__ volatile("outw %w0, %w1" : : "a"(SLEEP_OFF), "d"(acpi.pm1_control));
    for (;;) __asm__ volatile("hlt");
}
