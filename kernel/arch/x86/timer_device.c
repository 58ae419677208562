/* timer_device.c - telling time by the TSC, being woken by a one-shot timer.
 *
 * Shape: at boot the TSC and the APIC timer count while the 8254's channel 2 runs down
 * a quarter of a millisecond, four times; after that nothing is ever polled. Without an
 * APIC, channel 0 of the 8254 is the one-shot timer; either is armed for 50 ms at
 * most, and sched/time.c simply arms it again.
 */
#include "arch/x86/timer_device.h"

#include "arch.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/io.h"
#include "base/math64.h"

enum {
    PIT_HERTZ = 1193182,
    PIT_CHANNEL0 = 0x40, PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PIT_GATE = 0x61,
};

#define MEASUREMENTS 4
#define COUNTDOWN (PIT_HERTZ / 1000 / MEASUREMENTS)    /* together a millisecond */

uint32_t tsc_kilohertz;
static uint32_t tsc_factor;     /* nanoseconds a tick, times 2^tsc_shift */
static unsigned tsc_shift;
static uint64_t tsc_at_boot;
static uint32_t apic_ticks_per_ms;

/* Starts channel 2 counting down `ticks` in mode 0; its output goes high at the end. */
static void pit_start_countdown(uint16_t ticks) {
    out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & ~2) | 1));
    out8(PIT_COMMAND, 0xb0);
    out8(PIT_CHANNEL2, (uint8_t)ticks);
    out8(PIT_CHANNEL2, (uint8_t)(ticks >> 8));
}

static bool pit_countdown_over(void) { return in8(PIT_GATE) & 0x20; }

static void set_tsc_rate(uint32_t kilohertz) {
    tsc_kilohertz = max(kilohertz, 1000u);
    // the largest shift for which the factor fits 32 bits keeps the error smallest
    for (tsc_shift = 31; tsc_shift > 0; tsc_shift--) {
        uint64_t factor = divide_u64(1000000ull << tsc_shift, tsc_kilohertz, NULL);
        if (factor <= UINT32_MAX) {
            tsc_factor = (uint32_t)factor;
            return;
        }
    }
}

/* TSC ticks, and with it APIC ticks, in one short countdown. */
static uint64_t measure(uint32_t *apic_ticks) {
    pit_start_countdown(COUNTDOWN);
    uint64_t start = timestamp_counter();
    uint32_t apic_start = apic_is_used() ? apic_timer_now() : 0;
    while (!pit_countdown_over()) cpu_relax();
    uint64_t ticks = timestamp_counter() - start;
    *apic_ticks = apic_is_used() ? apic_start - apic_timer_now() : 0;
    return ticks;
}

void timer_device_init(void) {
    uint64_t best = UINT64_MAX;
    uint32_t apic_ticks, best_apic = 0;

    if (apic_is_used()) apic_timer_start(UINT32_MAX);
    tsc_at_boot = timestamp_counter();
    // an interruption of the emulator only makes a measurement longer: the shortest
    // counts
    for (int i = 0; i < MEASUREMENTS; i++) {
        uint64_t ticks = measure(&apic_ticks);
        if (ticks < best) {
            best = ticks;
            best_apic = apic_ticks;
        }
    }
    if (apic_is_used()) apic_timer_start(0);
    set_tsc_rate((uint32_t)divide_u64(best * PIT_HERTZ, COUNTDOWN * 1000u, NULL));
    apic_ticks_per_ms =
        (uint32_t)divide_u64((uint64_t)best_apic * PIT_HERTZ, COUNTDOWN * 1000u, NULL);
}

uint64_t tsc_to_nanoseconds(uint64_t ticks) {
    return scale_u64(ticks, tsc_factor, tsc_shift);
}

nanoseconds_t clock_monotonic(void) {
    return tsc_to_nanoseconds(timestamp_counter() - tsc_at_boot);
}

void delay_microseconds(uint32_t n) {
    nanoseconds_t end = clock_monotonic() + n * 1000ull;

    while (clock_monotonic() < end) cpu_relax();
}

void timer_arm(nanoseconds_t from_now) {
    uint64_t us = divide_u64(min(from_now, 50000000ull), 1000, NULL) + 1;

    if (apic_is_used()) {
        uint64_t count = divide_u64(us * apic_ticks_per_ms, 1000, NULL);
        apic_timer_start(max((uint32_t)count, 1u));
        return;
    }
    uint32_t count = (uint32_t)divide_u64(us * PIT_HERTZ, 1000000, NULL);
    count = min(max(count, 2u), 65535u);
    out8(PIT_COMMAND, 0x30);    // channel 0, mode 0: one interrupt at zero
    out8(PIT_CHANNEL0, (uint8_t)count);
    out8(PIT_CHANNEL0, (uint8_t)(count >> 8));
}
