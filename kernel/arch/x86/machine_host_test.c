/* machine_host_test.c - every day from 1970 to 2069 is the one after the day before,
 * and the chip's four ways of writing the time are all understood. Runs on the host,
 * prints TAP.
 */
#include <stdio.h>
#include <string.h>

#include "arch/x86/machine.c"

struct cpu_features cpu_features;

nanoseconds_t time_now(void) { return 0; }

void interrupts_init(bool use_apic) { (void)use_apic; }

void *kernel_map_device(paddr_t base, size_t size) {
    return (void)base, (void)size, NULL;
}

static unsigned cases, failures;

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

static unsigned days_in(unsigned year, unsigned month) {
    static const unsigned char days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

static void calendar(void) {
    uint64_t expected = 0;
    bool good = true;

    for (unsigned year = 1970; year < 2070; year++)
        for (unsigned month = 1; month <= 12; month++)
            for (unsigned day = 1; day <= days_in(year, month); day++) {
                const uint8_t raw[FIELDS] = { 0, 0, 0, (uint8_t)day, (uint8_t)month,
                                              (uint8_t)(year % 100) };
                good &= seconds_of(raw, B_24_HOURS | B_BINARY) == 86400 * expected++;
            }
    ok(good, "each day from 1970 to 2069 follows the one before");
    const uint8_t raw[FIELDS] = { 0, 0, 0, 29, 2, 24 };
    ok(seconds_of(raw, B_24_HOURS | B_BINARY) == 86400 * 19782,
       "29 February 2024 is day 19782");
    ok(seconds_of((const uint8_t[FIELDS]){ 0 }, 0) == 0,
       "an empty battery has no date");
}

static void formats(void) {
    // 2026-11-21 23:59:58
    static const uint8_t bcd24[] = { 0x58, 0x59, 0x23, 0x21, 0x11, 0x26 };
    static const uint8_t bcd12[] = { 0x58, 0x59, 0x91, 0x21, 0x11, 0x26 };
    static const uint8_t binary24[] = { 58, 59, 23, 21, 11, 26 };
    static const uint8_t binary12[] = { 58, 59, 0x80 | 11, 21, 11, 26 };
    static const uint8_t noon[] = { 0, 0, 0x92, 0x01, 0x01, 0x70 };
    static const uint8_t midnight[] = { 0, 0, 0x12, 0x01, 0x01, 0x70 };

    ok(seconds_of(bcd24, B_24_HOURS) == 1795305598, "decimal, 24 hours");
    ok(seconds_of(bcd12, 0) == 1795305598, "decimal, 12 hours");
    ok(seconds_of(binary24, B_24_HOURS | B_BINARY) == 1795305598, "binary, 24 hours");
    ok(seconds_of(binary12, B_BINARY) == 1795305598, "binary, 12 hours");
    ok(seconds_of(noon, 0) == 43200, "12 PM is noon");
    ok(seconds_of(midnight, 0) == 0, "12 AM is midnight, and 70 is 1970");
}

int main(void) {
    calendar();
    formats();
    printf("1..%u\n", cases);
    return failures != 0;
}
