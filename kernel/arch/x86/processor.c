/* processor.c - what the processor has, and what it reads itself: control registers,
 * segments, interrupt gates, task state.
 *
 * Shape: each CPU has its own GDT (the TLS entry and the TSS differ); all share one
 * IDT.
 * Invariants: control registers are written outright, because firmware leaves them in
 * many states; no bit is set that CPUID does not promise (QEMU hangs on a reserved
 * one). User and kernel segments are flat, protection is the page tables' business;
 * every one of the 256 gates is present; only 3, 4 and 0x80 can be called by `int n`; a
 * double fault runs on a task of its own, so that even a lost stack is told by name.
 * See: Intel SDM volume 2 (CPUID), volume 3, 2.5, 3.4, 6.11, 7.2.
 */
#include "arch/x86/processor.h"

#include <cpuid.h>

#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "base/string.h"
#include "core/panic.h"

/* -- Features and control registers ------------------------------------------------ */

enum {
    CR0_PE = 1, CR0_MP = 2, CR0_TS = 8, CR0_ET = 16, CR0_NE = 32, CR0_WP = 1 << 16,
    CR4_PAE = 1 << 5, CR4_PGE = 1 << 7, CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10,
    CR4_UMIP = 1 << 11, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21, EFER_NXE = 1 << 11,
};
#define CR0_PG 0x80000000u

struct cpu_features cpu_features;
void (*sysenter_handler)(struct trap_frame *frame);

/* Refuses to boot on a processor without TSC, PAE, FXSR or SSE2. */
static void features_find(void) {
    uint32_t eax, ebx, ecx = 0, edx = 0, needed = 1 << 4 | 1 << 6 | 1 << 24 | 1 << 26;

    (void)!__get_cpuid(1, &eax, &ebx, &ecx, &edx);
    if ((edx & needed) != needed)
        boot_refuse("this processor has%s%s%s%s, and Parley needs it. With QEMU use "
                    "-cpu max or -cpu qemu32.",
                    edx & 1 << 4 ? "" : " no time stamp counter (TSC)",
                    edx & 1 << 6 ? "" : " no physical address extension (PAE)",
                    edx & 1 << 24 ? "" : " no FXSAVE instruction (FXSR)",
                    edx & 1 << 26 ? "" : " no SSE2");
    cpu_features = (struct cpu_features){
        edx, ecx,
        CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | (edx & 1 << 13 ? CR4_PGE : 0),
    };
    // false: there is no such leaf
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        cpu_features.cr4 |= (ebx & 1 << 7 ? CR4_SMEP : 0)
                            | (ebx & 1 << 20 ? CR4_SMAP : 0)
                            | (ecx & 1 << 2 ? CR4_UMIP : 0);
    if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx & 1 << 20)
        pte_no_execute = PTE_NO_EXECUTE;
}

/* -- Segments, gates, task state --------------------------------------------------- */

struct gate {
    uint16_t offset_low, selector, type, offset_high;
};

struct table_pointer {
    uint16_t limit;
    uint32_t base;
} packed;

extern const uint8_t trap_stubs[256][16];
extern void sysenter_entry(void);
extern char boot_stack_slot[];

static struct gate idt[256];

enum gate_type { GATE_INTERRUPT = 0x8e00, GATE_USER = 0xee00, GATE_TASK = 0x8500 };

static uint64_t descriptor_of(uint32_t base, uint32_t limit, uint32_t access,
                              uint32_t flags) {
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40
           | (uint64_t)(limit & 0xf0000) << 32 | (uint64_t)flags << 52
           | (uint64_t)(base >> 24) << 56;
}

static no_return void double_fault(void) {
    const struct tss *t = &this_cpu()->tss;

    panic_at(
        NULL, t->eip, t->esp,
        "double fault on CPU %u: eip %08x, esp %08x. A kernel stack overflow is the "
        "usual cause; the stack's guard page is at %08x.",
        this_cpu()->number, t->eip, t->esp, round_down(t->esp0 - 1, STACK_SLOT));
}

void cpu_init(struct cpu *cpu) {
    struct table_pointer gdt = { sizeof(cpu->gdt) - 1, (uint32_t)cpu->gdt };
    struct table_pointer idt_pointer = { sizeof(idt) - 1, (uint32_t)idt };
    uint32_t stack = (uint32_t)cpu->idle, limit = sizeof(struct tss) - 1;

    if (pte_no_execute) write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
    write_register(cr4, cpu_features.cr4);
    write_register(cr0, CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_TS | CR0_MP | CR0_PE);
    cpu->space_root = kernel_to_paddr(kernel_root);
    cpu->gdt[KERNEL_CS / 8] = descriptor_of(0, 0xfffff, 0x9a, 12);
    cpu->gdt[KERNEL_DS / 8] = descriptor_of(0, 0xfffff, 0x92, 12);
    cpu->gdt[USER_CS / 8] = descriptor_of(0, 0xfffff, 0xfa, 12);
    cpu->gdt[USER_DS / 8] = descriptor_of(0, 0xfffff, 0xf2, 12);
    cpu->gdt[TSS_SELECTOR / 8] = descriptor_of((uint32_t)&cpu->tss, limit, 0x89, 0);
    cpu->gdt[DOUBLE_FAULT_TSS / 8] =
        descriptor_of((uint32_t)&cpu->double_fault_tss, limit, 0x89, 0);
    // the bitmap is beyond the limit: no port for anyone
    cpu->tss = (struct tss){ .esp0 = stack, .ss0 = KERNEL_DS,
                             .io_bitmap = sizeof(struct tss) };
    // a stack pointer must find a thread, for this_cpu(): borrow the idle thread's
    cpu->double_fault_tss = (struct tss){
        .cr3 = cpu->space_root, .eip = (uint32_t)double_fault,
        .eflags = EFLAGS_ALWAYS, .esp = stack, .es = USER_DS, .cs = KERNEL_CS,
        .ss = KERNEL_DS, .ds = USER_DS,
    };

    __asm__ volatile("lgdt %0" : : "m"(gdt));
    __asm__ volatile("ljmp %0, $1f; 1:" : : "i"(KERNEL_CS));
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(USER_DS));
    __asm__ volatile("mov %0, %%ss" : : "r"(KERNEL_DS));
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
    __asm__ volatile("lldt %w0; ltr %w1" : : "r"(0), "r"(TSS_SELECTOR));
    if (cpu_features.edx & CPUID_SYSENTER) {
        write_msr(MSR_SYSENTER_CS, KERNEL_CS);
        write_msr(MSR_SYSENTER_ESP, (uint32_t)&cpu->tss);
        write_msr(MSR_SYSENTER_EIP, (uint32_t)sysenter_entry);
    }
    cpu->timer_deadline = UINT64_MAX;
    __atomic_store_n(&cpu->online, true, __ATOMIC_SEQ_CST);
}

void arch_init_boot_cpu(void) {
    struct cpu *cpu = &cpus[0];

    cpu->idle = cpu->running = (void *)(boot_stack_slot + STACK_SLOT - THREAD_AREA);
    *(struct cpu **)cpu->idle = cpu;
    features_find();
    // stac and clac in place of no-ops: the text is still writable at this time
    for (const struct smap_site *site = smap_sites_start;
         cpu_features.cr4 & CR4_SMAP && site < smap_sites_end; site++)
        memcpy(site->at, (const uint8_t[]){ 0x0f, 0x01, (uint8_t)site->byte }, 3);
    for (unsigned v = 0; v < 256; v++) {
        uint32_t handler = (uint32_t)trap_stubs[v];
        bool is_users =
            v == VECTOR_BREAKPOINT || v == VECTOR_OVERFLOW || v == VECTOR_SYSTEM_CALL;
        idt[v] = (struct gate){ (uint16_t)handler, KERNEL_CS,
                                is_users ? GATE_USER : GATE_INTERRUPT,
                                (uint16_t)(handler >> 16) };
    }
    idt[VECTOR_DOUBLE_FAULT] = (struct gate){ 0, DOUBLE_FAULT_TSS, GATE_TASK, 0 };
    cpu_init(cpu);
    kernel_map_init();
}

bool tls_descriptor_make(const struct user_descriptor *u, uint64_t *descriptor) {
    enum { SEG_32BIT = 1, CODE = 4, CONTENTS = 6, READ_ONLY = 8, LIMIT_PAGES = 16,
           ABSENT = 32, USEABLE = 64 };

    // Linux's two ways to clear an entry
    uint32_t empty = u->flags ? READ_ONLY | ABSENT : 0;
    *descriptor = 0;
    if (!(u->base | u->limit) && (u->flags & ~(uint32_t)USEABLE) == empty) return true;
    // code segments, 16-bit ones and absent ones are not for set_thread_area
    if ((u->flags & (CODE | SEG_32BIT | ABSENT)) != SEG_32BIT) return false;
    uint32_t access =
        0xf0 | (u->flags & CONTENTS) << 1 | (u->flags & READ_ONLY ? 0 : 2);
    uint32_t flags =
        4 | (u->flags & LIMIT_PAGES ? 8 : 0) | (u->flags & USEABLE ? 1 : 0);
    *descriptor = descriptor_of(u->base, u->limit, access, flags);
    return true;
}
