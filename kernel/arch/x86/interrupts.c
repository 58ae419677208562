/* interrupts.c - from a device's line to its handler, telling time, being woken: local
 * APIC, IO APIC and TSC, and the 8259 and 8254 for machines without.
 *
 * The PIC is always moved to vectors 0x20 .. 0x2f and masked first: left alone, its
 * lines would arrive as exceptions. A spurious line 7 or 15 is recognised by the
 * in-service register and not acknowledged.
 * See: Intel SDM volume 3, chapter 10; 82093AA (IOAPIC) and 8259A data sheets.
 */
#include "arch/x86/interrupts.h"

#include "arch.h"
#include "arch/x86/acpi.h"
#include "arch/x86/io.h"
#include "arch/x86/kernel_map.h"
#include "base/math64.h"

enum { PIC1 = 0x20, PIC2 = 0xa0, PIC_END = 0x20, PIC_READ_SERVICE = 0x0b };

enum apic_register {            /* byte offsets */
    APIC_ID = 0x20, APIC_TASK_PRIORITY = 0x80, APIC_END = 0xb0, APIC_SPURIOUS = 0xf0,
    APIC_COMMAND = 0x300, APIC_COMMAND_HIGH = 0x310, APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
    APIC_TIMER_COUNT = 0x380, APIC_TIMER_NOW = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
};
enum { APIC_MASKED = 1 << 16, APIC_ENABLE = 1 << 8 };

static volatile uint32_t *local_apic;   /* NULL: the PIC serves */
static volatile uint32_t *io_apic;
static irq_handler handlers[17];        /* of the ISA lines, and of the APIC's timer */

static uint32_t apic_read(enum apic_register r) { return local_apic[r / 4]; }

static void apic_write(enum apic_register r, uint32_t value) {
    local_apic[r / 4] = value;
}

bool apic_is_used(void) { return local_apic != NULL; }

void apic_end_of_interrupt(void) { apic_write(APIC_END, 0); }

/* Tells both halves four words: vectors, how they hang together, mode, all masked. */
static void pic_init(void) {
    out8(PIC1, 0x11);
    out8(PIC2, 0x11);
    for (unsigned i = 0; i < 4; i++) {
        out8(PIC1 + 1, (const uint8_t[]){ VECTOR_IRQ, 4, 1, 0xff }[i]);
        out8(PIC2 + 1, (const uint8_t[]){ VECTOR_IRQ + 8, 2, 1, 0xff }[i]);
    }
}

static void pic_unmask(unsigned irq) {
    uint16_t port = irq < 8 ? PIC1 + 1 : PIC2 + 1;

    out8(port, (uint8_t)(in8(port) & ~(1u << (irq & 7))));
    if (irq >= 8)
        pic_unmask(2);          // the second PIC hangs from line 2
}

/* True when the line is really in service. */
static bool pic_acknowledge(unsigned irq) {
    uint16_t port = irq < 8 ? PIC1 : PIC2;

    if ((irq & 7) == 7) {
        out8(port, PIC_READ_SERVICE);
        if (!(in8(port) & 0x80)) {
            if (irq == 15) out8(PIC1, PIC_END);
            return false;
        }
    }
    if (irq >= 8) out8(PIC2, PIC_END);
    out8(PIC1, PIC_END);
    return true;
}

void apic_init_here(void) {
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 1 << 11);
    apic_write(APIC_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_LVT_LINT0, APIC_MASKED);
    apic_write(APIC_LVT_LINT1, 0x400);          // NMI
    apic_write(APIC_LVT_ERROR, APIC_MASKED);
    apic_write(APIC_TIMER_DIVIDE, 3);           // by 16
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER);   // one-shot
}

static void io_apic_write(uint32_t index, uint32_t value) {
    io_apic[0] = index;
    io_apic[4] = value;
}

static void io_apic_route(unsigned irq) {
    uint32_t pin = acpi.isa[irq].line - acpi.io_apic_first;

    io_apic_write(0x10 + 2 * pin + 1, cpus[0].apic_id << 24);
    io_apic_write(0x10 + 2 * pin, (VECTOR_IRQ + irq)
                                      | (acpi.isa[irq].active_low ? 1 << 13 : 0)
                                      | (acpi.isa[irq].level ? 1 << 15 : 0));
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
#define COUNTDOWN (PIT_HERTZ / 1000 / MEASUREMENTS)    /* together a millisecond */

uint32_t tsc_kilohertz;
static uint32_t tsc_factor;     /* nanoseconds a tick, times 2^tsc_shift */
static unsigned tsc_shift;
static uint64_t tsc_at_boot;
static uint32_t apic_ticks_per_ms;

/* TSC ticks, and with them APIC ticks, while channel 2 counts down in mode 0: its
 * output goes high at the end. */
static uint64_t measure(uint32_t *apic_ticks) {
    out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & ~2) | 1));
    out8(PIT_COMMAND, 0xb0);
    out8(PIT_CHANNEL2, (uint8_t)COUNTDOWN);
    out8(PIT_CHANNEL2, (uint8_t)(COUNTDOWN >> 8));
    uint64_t start = timestamp_counter();
    uint32_t apic_start = local_apic ? apic_read(APIC_TIMER_NOW) : 0;
    while (!(in8(PIT_GATE) & 0x20)) cpu_relax();
    uint64_t ticks = timestamp_counter() - start;
    *apic_ticks = local_apic ? apic_start - apic_read(APIC_TIMER_NOW) : 0;
    return ticks;
}

/* Of the ticks in a countdown: those in a millisecond. */
static uint32_t per_millisecond(uint64_t ticks) {
    return (uint32_t)divide_u64(ticks * PIT_HERTZ, COUNTDOWN * 1000u, NULL);
}

static void time_measure(void) {
    uint64_t best = UINT64_MAX, factor;
    uint32_t apic_ticks, best_apic = 0;

    if (local_apic) apic_write(APIC_TIMER_COUNT, UINT32_MAX);
    tsc_at_boot = timestamp_counter();
    // an interruption of the emulator only makes a measurement longer: the shortest
    // counts
    for (int i = 0; i < MEASUREMENTS; i++) {
        uint64_t ticks = measure(&apic_ticks);
        if (ticks >= best) continue;
        best = ticks;
        best_apic = apic_ticks;
    }
    if (local_apic) apic_write(APIC_TIMER_COUNT, 0);
    apic_ticks_per_ms = per_millisecond(best_apic);
    tsc_kilohertz = max(per_millisecond(best), 1000u);
    // the largest shift for which the factor fits 32 bits keeps the error smallest
    tsc_shift = 32;
    do factor = divide_u64(1000000ull << --tsc_shift, tsc_kilohertz, NULL);
    while (factor > UINT32_MAX);
    tsc_factor = (uint32_t)factor;
}

uint64_t tsc_to_nanoseconds(uint64_t ticks) {
    return scale_u64(ticks, tsc_factor, tsc_shift);
}

nanoseconds_t clock_monotonic(void) {
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

static void apics_init(void) {
    local_apic = kernel_map_device(acpi.local_apic, PAGE_SIZE);
    io_apic = kernel_map_device(acpi.io_apic, PAGE_SIZE);
    apic_init_here();
    cpus[0].apic_id = apic_read(APIC_ID) >> 24;
    io_apic[0] = 1;
    uint32_t pins = (io_apic[4] >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < pins; pin++)
        io_apic_write(0x10 + 2 * pin, APIC_MASKED);
}

void interrupts_init(bool use_apic) {
    pic_init();
    if (use_apic) apics_init();
    time_measure();
}

void irq_register(unsigned irq, irq_handler handler) {
    handlers[irq] = handler;
    if (local_apic) io_apic_route(irq);
    else pic_unmask(irq);
}

void timer_irq_register(irq_handler handler) {
    if (local_apic) handlers[VECTOR_TIMER - VECTOR_IRQ] = handler;
    else irq_register(0, handler);
}

void interrupt_handle(unsigned vector) {
    unsigned irq = vector - VECTOR_IRQ;

    if (vector == VECTOR_SPURIOUS) return;
    if (local_apic) apic_end_of_interrupt();
    else if (!pic_acknowledge(irq)) return;
    if (irq < ARRAY_SIZE(handlers) && handlers[irq]) handlers[irq]();
}

static void ipi_command(uint32_t apic_id, uint32_t command) {
    apic_write(APIC_COMMAND_HIGH, apic_id << 24);
    apic_write(APIC_COMMAND, command);
    while (apic_read(APIC_COMMAND) & 1 << 12) cpu_relax();
}

void ipi_send(uint32_t apic_id, uint32_t vector) {
    ipi_command(apic_id, 1 << 14 | vector);
}

/* INIT, then START twice, as Intel wants it. */
void ipi_start_cpu(uint32_t apic_id, uint32_t page) {
    for (int i = 0; i < 3; i++) {
        ipi_command(apic_id, i == 0 ? 0xc500 : 0x4600 | page >> 12);
        nanoseconds_t end = clock_monotonic() + 200000;
        while (clock_monotonic() < end) cpu_relax();
    }
}
