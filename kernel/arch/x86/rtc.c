/* rtc.c - the CMOS clock: the date at which the machine was started.
 *
 * Read once at boot; from then on the monotonic clock counts. The chip has no register
 * for the century that can be trusted, so years mean 1970 to 2069.
 * Tests: rtc_host_test.c.
 * See: Motorola MC146818A.
 */
#include "arch.h"
#include "arch/x86/io.h"
#include "base/string.h"

enum { INDEX_PORT = 0x70, DATA_PORT = 0x71, TRIES = 100000 };

enum { SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, FIELDS };

enum { STATUS_A = 10, STATUS_B = 11, A_UPDATING = 0x80, B_24_HOURS = 2, B_BINARY = 4,
       HOUR_PM = 0x80 };

static uint8_t cmos_read(uint8_t index) {
    out8(INDEX_PORT, index);
    return in8(DATA_PORT);
}

static unsigned from_decimal(unsigned byte) { return (byte >> 4) * 10 + (byte & 15); }

/* Turns what the chip says into plain numbers, hours 0 to 23, the year with its
 * century. */
static void rtc_decode(uint8_t raw[FIELDS], uint8_t status_b, unsigned field[FIELDS]) {
    bool pm = raw[HOURS] & HOUR_PM && !(status_b & B_24_HOURS);

    if (pm) raw[HOURS] &= (uint8_t)~HOUR_PM;
    for (int i = 0; i < FIELDS; i++)
        field[i] = status_b & B_BINARY ? raw[i] : from_decimal(raw[i]);
    if (!(status_b & B_24_HOURS)) field[HOURS] = field[HOURS] % 12 + (pm ? 12 : 0);
    field[YEAR] += field[YEAR] < 70 ? 2000 : 1900;
}

/* Days from 1 January 1970 to a date of the Gregorian calendar. The year is made to
 * begin in March, so that a leap day is its last. */
static uint32_t days_since_1970(unsigned year, unsigned month, unsigned day) {
    if (month <= 2) year--;
    month = (month + 9) % 12;   // 0: March
    uint32_t before_year = year * 365 + year / 4 - year / 100 + year / 400;
    return before_year + (month * 153 + 2) / 5 + day - 1 - 719468;
}

static uint64_t rtc_to_seconds(const unsigned field[FIELDS]) {
    uint64_t days = days_since_1970(field[YEAR], field[MONTH], field[DAY]);

    return days * 86400 + field[HOURS] * 3600 + field[MINUTES] * 60 + field[SECONDS];
}

/* Reads until two readings agree, so that none falls into the chip's own update. */
static void rtc_read(uint8_t raw[FIELDS]) {
    static const uint8_t index[FIELDS] = { 0, 2, 4, 7, 8, 9 };
    uint8_t before[FIELDS];

    memset(raw, 0, FIELDS);
    for (int i = 0; i < TRIES; i++) {
        memcpy(before, raw, FIELDS);
        if (cmos_read(STATUS_A) & A_UPDATING) continue;
        for (int f = 0; f < FIELDS; f++) raw[f] = cmos_read(index[f]);
        if (memcmp(before, raw, FIELDS) == 0) return;
    }
}

nanoseconds_t clock_realtime_at_boot(void) {
    uint8_t raw[FIELDS];
    unsigned field[FIELDS];

    rtc_read(raw);
    rtc_decode(raw, cmos_read(STATUS_B), field);
    if (field[MONTH] - 1 > 11 || field[DAY] - 1 > 30)
        return 0;               // no clock, or an empty battery
    return rtc_to_seconds(field) * 1000000000ull - clock_monotonic();
}
