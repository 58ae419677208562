/* interrupts.c - from a device's line to its handler, telling time, being woken: local
 * APIC, IO APIC and TSC, and the 8259 and 8254 for machines without. The timer is line
 * 0, where the 8254 was; the local APIC's has taken its place.
 *
 * The PIC is always moved to vectors 0x20 .. 0x2f and masked first: left alone, its
 * lines would arrive as exceptions. It ends interrupts by itself, so a spurious line 7
 * or 15 is one that nobody handles, and that is all.
 * See: Intel SDM volume 3, chapter 10; 82093AA (IOAPIC) and 8259A data sheets.
 */
#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "arch/x86/processor.h"

enum { PIC1 = 0x20, PIC2 = 0xa0 };
enum { APIC_MASKED = 1 << 16, APIC_ENABLE = 1 << 8 };

volatile uint32_t *local_apic;
static volatile uint32_t *io_apic;
static irq_handler handlers[16];        /* of the timer and of the ISA lines */

void apic_init_here(void) {
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 1 << 11);
    apic_write(APIC_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_LVT_LINT0, APIC_MASKED);
    apic_write(APIC_LVT_LINT1, 0x400);          // NMI
    apic_write(APIC_LVT_ERROR, APIC_MASKED);
    apic_write(APIC_TIMER_DIVIDE, 3);           // by 16
    apic_write(APIC_LVT_TIMER, VECTOR_IRQ + TIMER_IRQ);         // one-shot
}

static void io_apic_write(uint32_t index, uint32_t value) {
    io_apic[0] = index;
    io_apic[4] = value;
}

/* -- Time --------------------------------------------------------------------------
 *
 * At boot the TSC and the APIC timer count while the 8254's channel 2 runs down a
 * quarter of a millisecond, four times; after that nothing is ever polled. Without an
 * APIC, channel 0 of the 8254 is the one-shot timer; either is armed for 50 ms at most,
 * and sched/time.c simply arms it again.
 */

enum {
    PIT_HERTZ = 1193182,
    PIT_CHANNEL0 = 0x40, PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PIT_GATE = 0x61,
};

#define MEASUREMENTS 4
#define TSC_SHIFT 22            /* the factor of the slowest clock fits 32 bits */
#define COUNTDOWN (PIT_HERTZ / 1000 / MEASUREMENTS)    /* together a millisecond */

uint32_t tsc_kilohertz;
static uint32_t tsc_factor;     /* nanoseconds a tick, times 2^TSC_SHIFT */
static uint64_t tsc_at_boot;
static uint32_t apic_ticks_per_ms;

/* Of the ticks in a countdown: those in a millisecond. */
static uint32_t per_millisecond(uint64_t ticks) {
    return (uint32_t)divide_u64(ticks * PIT_HERTZ, COUNTDOWN * 1000u, NULL);
}

static void time_measure(void) {
    uint64_t best = UINT64_MAX;
    uint32_t best_apic = 0;

    if (local_apic) apic_write(APIC_TIMER_COUNT, UINT32_MAX);
    tsc_at_boot = timestamp_counter();
    for (int i = 0; i < MEASUREMENTS; i++) {
        out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & ~2) | 1));
        out8(PIT_COMMAND, 0xb0);        // mode 0: channel 2 goes high at the end
        out8(PIT_CHANNEL2, (uint8_t)COUNTDOWN);
        out8(PIT_CHANNEL2, (uint8_t)(COUNTDOWN >> 8));
        uint64_t start = timestamp_counter();
        uint32_t apic_start = local_apic ? apic_read(APIC_TIMER_NOW) : 0;
        while (!(in8(PIT_GATE) & 0x20)) cpu_relax();
        uint64_t ticks = timestamp_counter() - start;
        if (ticks >= best) continue;
        best = ticks;
        if (local_apic) best_apic = apic_start - apic_read(APIC_TIMER_NOW);
    }
    if (local_apic) apic_write(APIC_TIMER_COUNT, 0);
    apic_ticks_per_ms = per_millisecond(best_apic);
    tsc_kilohertz = max(per_millisecond(best), 1000u);
    tsc_factor = (uint32_t)divide_u64(1000000ull << TSC_SHIFT, tsc_kilohertz, NULL);
}

uint64_t tsc_to_nanoseconds(uint64_t ticks) {
    uint64_t low = (uint64_t)(uint32_t)ticks * tsc_factor;

    return ((ticks >> 32) * tsc_factor << (32 - TSC_SHIFT)) + (low >> TSC_SHIFT);
}

nanoseconds_t time_now(void) {
    return tsc_to_nanoseconds(timestamp_counter() - tsc_at_boot);
}

void timer_arm(nanoseconds_t from_now) {
    uint64_t us = divide_u64(min(from_now, 50000000ull), 1000, NULL) + 1;

    if (local_apic) {
        uint64_t count = divide_u64(us * apic_ticks_per_ms, 1000, NULL);
        apic_write(APIC_TIMER_COUNT, max((uint32_t)count, 1u));
        return;
    }
    uint32_t count = (uint32_t)divide_u64(us * PIT_HERTZ, 1000000, NULL);
    count = min(max(count, 2u), 65535u);
    out8(PIT_COMMAND, 0x30);    // channel 0, mode 0: one interrupt at zero
    out8(PIT_CHANNEL0, (uint8_t)count);
    out8(PIT_CHANNEL0, (uint8_t)(count >> 8));
}

/* -- Lines and handlers ------------------------------------------------------------ */

void interrupts_init(bool use_apic) {
    // each PIC gets four words: vectors, how the two hang together (at line 2), mode
    // (8086, automatic end of interrupt), all else masked
    out8(PIC1, 0x11);
    out8(PIC2, 0x11);
    for (unsigned i = 0; i < 4; i++) {
        out8(PIC1 + 1, (const uint8_t[]){ VECTOR_IRQ, 4, 3, 0xfb }[i]);
        out8(PIC2 + 1, (const uint8_t[]){ VECTOR_IRQ + 8, 2, 3, 0xff }[i]);
    }
    if (use_apic) {
        local_apic = kernel_map_device(acpi.local_apic, PAGE_SIZE);
        io_apic = kernel_map_device(acpi.io_apic, PAGE_SIZE);
        apic_init_here();
        cpus[0].apic_id = apic_read(APIC_ID) >> 24;
        io_apic[0] = 1;
        uint32_t pins = (io_apic[4] >> 16 & 0xff) + 1;
        for (uint32_t pin = 0; pin < pins; pin++)
            io_apic_write(0x10 + 2 * pin, APIC_MASKED);
    }
    time_measure();
}

void irq_register(unsigned irq, irq_handler handler) {
    uint32_t entry = 0x10 + 2 * (acpi.isa[irq].line - acpi.io_apic_first);

    handlers[irq] = handler;
    if (!local_apic) {
        uint16_t port = irq < 8 ? PIC1 + 1 : PIC2 + 1;
        out8(port, (uint8_t)(in8(port) & ~(1u << (irq & 7))));
        return;
    }
    if (irq == TIMER_IRQ) return;       // the local APIC's own, and always let through
    io_apic_write(entry + 1, cpus[0].apic_id << 24);
    io_apic_write(entry, (VECTOR_IRQ + irq) | acpi.isa[irq].how);
}

void interrupt_handle(unsigned vector) {
    unsigned irq = vector - VECTOR_IRQ;

    if (local_apic && vector != VECTOR_SPURIOUS) apic_write(APIC_END, 0);
    if (irq < ARRAY_SIZE(handlers) && handlers[irq]) handlers[irq]();
}
