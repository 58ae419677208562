/* interrupts.c - local APIC, IO APIC, and the 8259 pair for machines without.
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
#include "arch/x86/timer_device.h"
#include "core/trace.h"

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
static irq_handler handlers[16];
static irq_handler timer_handler;

static uint32_t apic_read(enum apic_register r) { return local_apic[r / 4]; }

static void apic_write(enum apic_register r, uint32_t value) {
    local_apic[r / 4] = value;
}

bool apic_is_used(void) { return local_apic != NULL; }

uint32_t apic_id_here(void) { return local_apic ? apic_read(APIC_ID) >> 24 : 0; }

void apic_end_of_interrupt(void) { apic_write(APIC_END, 0); }

static void pic_init(void) {
    static const uint8_t words[][2] = {
        { 0x11, 0x11 }, { 0x20, 0x28 }, { 4, 2 }, { 1, 1 }, { 0xff, 0xff }
    };

    out8(PIC1, words[0][0]);
    out8(PIC2, words[0][1]);
    for (unsigned i = 1; i < ARRAY_SIZE(words); i++) {
        out8(PIC1 + 1, words[i][0]);
        out8(PIC2 + 1, words[i][1]);
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

static void apic_init_here(void) {
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

void interrupts_init(bool use_apic) {
    pic_init();
    if (!use_apic) return;
    local_apic = kernel_map_device(acpi.local_apic, 4096);
    io_apic = kernel_map_device(acpi.io_apic, 4096);
    apic_init_here();
    io_apic[0] = 1;
    uint32_t pins = (io_apic[4] >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < pins; pin++)
        io_apic_write(0x10 + 2 * pin, APIC_MASKED);
}

void interrupts_init_other_cpu(void) { apic_init_here(); }

void irq_register(unsigned irq, irq_handler handler) {
    handlers[irq] = handler;
    if (local_apic) io_apic_route(irq);
    else pic_unmask(irq);
}

void timer_irq_register(irq_handler handler) {
    timer_handler = handler;
    if (!local_apic) irq_register(0, handler);
}

void interrupt_handle(unsigned vector) {
    if (vector >= VECTOR_IRQ && vector < VECTOR_IRQ + 16) {
        unsigned irq = vector - VECTOR_IRQ;
        if (local_apic) apic_end_of_interrupt();
        else if (!pic_acknowledge(irq)) return;
        if (handlers[irq]) handlers[irq]();
    } else if (vector == VECTOR_TIMER && timer_handler) {
        apic_end_of_interrupt();
        timer_handler();
    } else if (vector == VECTOR_RESCHEDULE) {
        apic_end_of_interrupt();
    }
}

static void ipi_command(uint32_t apic_id, uint32_t command) {
    apic_write(APIC_COMMAND_HIGH, apic_id << 24);
    apic_write(APIC_COMMAND, command);
    while (apic_read(APIC_COMMAND) & 1 << 12) cpu_relax();
}

void ipi_send(uint32_t apic_id, uint32_t vector) {
    ipi_command(apic_id, 1 << 14 | vector);
}

void ipi_start_cpu(uint32_t apic_id, uint32_t page) {
    ipi_command(apic_id, 0xc500);               // INIT, level, assert
    delay_microseconds(200);
    for (int i = 0; i < 2; i++) {
        ipi_command(apic_id, 0x4600 | page >> 12);
        delay_microseconds(200);
    }
}

void apic_timer_start(uint32_t count) { apic_write(APIC_TIMER_COUNT, count); }

uint32_t apic_timer_now(void) { return apic_read(APIC_TIMER_NOW); }
