/* smp.c - starting the other CPUs, and asking things of them.
 *
 * Requests (TLB flush, halt) are bits in cpu->requests plus an interrupt. The answer
 * needs no lock, so a CPU in user mode, one that halts and one that spins for the lock
 * all answer; the asker holds the lock and waits. One request is under way at a time.
 *
 *      CPU 0 (holds the lock)              CPU 1
 *      1 changes a page table entry
 *      2 tlb_request = what changed
 *      3 cpus[1].requests |= TLB, IPI
 *                                          4 interrupt, or its spin loop: flushes
 *                                          5 clears the bit
 *      6 sees the bit clear; only now may the frame be reused
 *
 * The bit operations are locked, which orders 2 before 4 and 4 before 6.
 */
#include "arch/x86/smp.h"

#include "arch.h"
#include "arch/x86/acpi.h"
#include "arch/x86/descriptor_tables.h"
#include "arch/x86/features.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/io.h"
#include "arch/x86/kernel_map.h"
#include "arch/x86/timer_device.h"
#include "base/string.h"
#include "core/log.h"

#define AP_PAGE 0x8000u
#define EFER_NO_EXECUTE (1u << 11)
#define FLUSH_SINGLY 32         /* pages; more are flushed by reloading CR3 */

extern const char ap_start[], ap_start_end[], ap_stack[], ap_argument[];

struct cpu cpus[CPU_MAX];
unsigned cpu_count = 1;
void (*other_cpu_main)(struct cpu *cpu);
uint32_t ap_no_execute;         /* for ap_start.asm: the EFER bit, if the CPU has it */

static struct {
    vaddr_t start, end;
    uint32_t root;              /* 0: the kernel's half, whatever is loaded */
    bool leave;                 /* the tables are about to go: load the kernel's own */
} tlb_request;

void cpu_start_other(struct cpu *cpu) {
    cpu_control_init();
    descriptor_tables_load(cpu);
    interrupts_init_other_cpu();
    cpu->space_root = kernel_root_paddr();
    cpu->timer_deadline = UINT64_MAX;
    __atomic_store_n(&cpu->online, true, __ATOMIC_SEQ_CST);
    other_cpu_main(cpu);
}

static void poke(const char *field, uint32_t value) {
    memcpy((void *)(0xC0000000u + AP_PAGE + (field - ap_start)), &value, 4);
}

static bool start_one(struct cpu *cpu) {
    poke(ap_stack, (uint32_t)cpu->idle);
    poke(ap_argument, (uint32_t)cpu);
    ipi_start_cpu(cpu->apic_id, AP_PAGE);
    // generous: under one host thread the new CPU gets its turn when we pause
    for (uint32_t i = 0; i < 20000000 && !cpu->online; i++) cpu_relax();
    return cpu->online;
}

void arch_start_other_cpus(unsigned limit) {
    if (!apic_is_used()) return;
    ap_no_execute = cpu_features.no_execute ? EFER_NO_EXECUTE : 0;
    memcpy((void *)(0xC0000000u + AP_PAGE), ap_start,
           (size_t)(ap_start_end - ap_start));
    for (unsigned i = 0; i < acpi.nr_cpus && cpu_count < limit; i++) {
        struct cpu *cpu = &cpus[cpu_count];
        if (acpi.apic_ids[i] == cpus[0].apic_id) continue;
        cpu->apic_id = acpi.apic_ids[i];
        if (cpu->idle && start_one(cpu))
            cpu_count++;
        else
            log_printf("cpu %u (APIC %u) did not start; going on without it\n",
                       cpu_count, acpi.apic_ids[i]);
    }
}

static void flush(void) {
    struct cpu *cpu = this_cpu();

    if (tlb_request.root && cpu->space_root != tlb_request.root) return;
    if (tlb_request.leave) {
        cpu->space_root = kernel_root_paddr();
        write_cr3(cpu->space_root);
    } else if (tlb_request.end - tlb_request.start > FLUSH_SINGLY * 4096) {
        write_cr3(read_cr3());
    } else {
        for (vaddr_t at = tlb_request.start; at != tlb_request.end; at += 4096)
            invalidate_page(at);
    }
}

void cpu_answer_requests(void) {
    struct cpu *cpu = this_cpu();

    if (cpu->requests & REQUEST_HALT)
        for (;;) __asm__ volatile("cli; hlt");
    if (cpu->requests & REQUEST_TLB) {
        flush();
        __sync_fetch_and_and(&cpu->requests, ~(uint32_t)REQUEST_TLB);
    }
}

/* Asks the other CPUs; of a TLB request, those that have its tables loaded. */
static void ask_others(enum cpu_request what, uint32_t vector) {
    for (unsigned i = 0; i < cpu_count; i++) {
        bool concerned = what != REQUEST_TLB || !tlb_request.root
                         || cpus[i].space_root == tlb_request.root;
        if (&cpus[i] == this_cpu() || !concerned) continue;
        __sync_fetch_and_or(&cpus[i].requests, what);
        ipi_send(cpus[i].apic_id, vector);
    }
}

static void flush_everywhere(void) {
    flush();
    if (cpu_count == 1) return;
    ask_others(REQUEST_TLB, VECTOR_TLB);
    for (unsigned i = 0; i < cpu_count; i++)
        while (cpus[i].requests & REQUEST_TLB) cpu_relax();
}

void tlb_shootdown(vaddr_t start, vaddr_t end, uint32_t root) {
    tlb_request.start = start;
    tlb_request.end = end;
    tlb_request.root = root;
    tlb_request.leave = false;
    flush_everywhere();
}

void tlb_leave(uint32_t root) {
    tlb_request.root = root;
    tlb_request.leave = true;
    flush_everywhere();
}

void halt_other_cpus(void) { ask_others(REQUEST_HALT, VECTOR_HALT); }

void ipi_reschedule(struct cpu *cpu) { ipi_send(cpu->apic_id, VECTOR_RESCHEDULE); }

void cpu_wait_for_interrupt(void) {
    struct cpu *cpu = this_cpu();

    cpu->idling = true;
    bkl_release();
    // sti takes effect behind hlt's start: an interrupt that came before wakes it
    __asm__ volatile("sti; hlt; cli" : : : "memory");
    bkl_acquire();
    cpu->idling = false;
}
