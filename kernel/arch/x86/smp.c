/* smp.c - the other CPUs: starting them, asking things of them, waiting for the lock.
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
#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "arch/x86/processor.h"
#include "base/string.h"
#include "core/log.h"

#define AP_PAGE 0x8000u
#define FLUSH_SINGLY 32         /* pages; more are flushed by reloading CR3 */

struct cpu cpus[CPU_MAX];
unsigned cpu_count = 1;
struct cpu *volatile bkl_owner;

static struct {
    vaddr_t start, end;         /* the same: the tables go; load the kernel's own */
    uint32_t root;              /* 0: the kernel's half, whatever is loaded */
} tlb_request;

static void ipi_send(uint32_t apic_id, uint32_t command) {
    apic_write(APIC_COMMAND_HIGH, apic_id << 24);
    apic_write(APIC_COMMAND, 1 << 14 | command);
    while (apic_read(APIC_COMMAND) & 1 << 12) cpu_relax();
}

/* -- Starting ---------------------------------------------------------------------- */

/* With ap_start.asm: what is copied to AP_PAGE; which CPU starts; its first C code, on
 * its idle thread's stack; what it is to do then. */
extern const char ap_start[], ap_start_end[];
struct cpu *ap_cpu;
no_return void ap_main(struct cpu *cpu);
static void (*ap_idle)(void);

void ap_main(struct cpu *cpu) {
    apic_init_here();
    cpu_init(cpu);
    bkl_acquire();
    ap_idle();
    __builtin_unreachable();
}

void arch_start_other_cpus(unsigned limit, bool (*prepare)(struct cpu *cpu),
                           void (*idle)(void)) {
    ap_idle = idle;
    if (!local_apic) return;
    memcpy(paddr_to_kernel(AP_PAGE), ap_start, (size_t)(ap_start_end - ap_start));
    for (unsigned i = 0; i < acpi.nr_cpus && cpu_count < limit; i++) {
        struct cpu *cpu = &cpus[cpu_count];
        if (acpi.apic_ids[i] == cpus[0].apic_id) continue;
        cpu->apic_id = acpi.apic_ids[i];
        if (!prepare(cpu)) return;
        ap_cpu = cpu;
        // INIT, then START twice, as Intel wants it
        for (int step = 0; step < 3; step++) {
            ipi_send(cpu->apic_id, step == 0 ? 0x8500 : 0x600 | AP_PAGE >> 12);
            nanoseconds_t end = time_now() + 200000;
            while (time_now() < end) cpu_relax();
        }
        // generous: under one host thread the new CPU gets its turn when we pause
        for (uint32_t n = 0; n < 20000000 && !cpu->online; n++) cpu_relax();
        if (cpu->online) cpu_count++;
        else
            log_printf("cpu %u (APIC %u) did not start; going on without it\n",
                       cpu_count, cpu->apic_id);
    }
}

/* -- Requests, and the lock's slow path -------------------------------------------- */

static void flush(void) {
    struct cpu *cpu = this_cpu();
    vaddr_t at = tlb_request.start, end = tlb_request.end;

    if (tlb_request.root && cpu->space_root != tlb_request.root) return;
    if (at == end) cpu->space_root = kernel_to_paddr(kernel_root);
    if (at == end || end - at > FLUSH_SINGLY * PAGE_SIZE)
        write_register(cr3, cpu->space_root);
    else
        for (; at != end; at += PAGE_SIZE)
            __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
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

/* Whoever waits for the lock answers: who holds it may be waiting for the answer. */
struct cpu *bkl_acquire_slow(struct cpu *me) {
    while (bkl_owner || !__sync_bool_compare_and_swap(&bkl_owner, NULL, me)) {
        if (me->requests) cpu_answer_requests();
        cpu_relax();
    }
    return me;
}

void ask_other_cpus(enum cpu_request what) {
    for (unsigned i = 0; i < cpu_count; i++) {
        bool concerned = what != REQUEST_TLB || !tlb_request.root
                         || cpus[i].space_root == tlb_request.root;
        if (&cpus[i] == this_cpu() || !concerned) continue;
        __sync_fetch_and_or(&cpus[i].requests, what);
        ipi_send(cpus[i].apic_id, VECTOR_REQUEST);
    }
}

void tlb_shootdown(vaddr_t start, vaddr_t end, uint32_t root) {
    tlb_request = (__typeof__(tlb_request)){ start, end, root };
    flush();
    if (cpu_count == 1) return;
    ask_other_cpus(REQUEST_TLB);
    for (unsigned i = 0; i < cpu_count; i++)
        while (cpus[i].requests & REQUEST_TLB) cpu_relax();
}

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
