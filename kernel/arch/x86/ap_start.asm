; ap_start.asm - where the other CPUs begin: real mode, a page below 1 MiB.
;
; smp.c copies ap_start .. ap_start_end to AP_PAGE, and ap_cpu says who is to start.
;  1. real mode: load the boot code's GDT, switch to protected mode
;  2. boot/start.asm: the boot code's page tables (they map low memory too), paging on
;  3. the kernel's own tables, which may use no-execute bits; the stack of the idle
;     thread, which only they map; C: ap_main(cpu)

%include "offsets.inc"

AP_PAGE equ 0x8000
KERNEL_BASE equ 0xC0000000

global ap_start, ap_start_end
extern boot_gdt, boot_paging_on, kernel_root, pte_no_execute, ap_cpu, ap_main

%define AT(label) (AP_PAGE + (label) - ap_start)

section .rodata
bits 16
ap_start:
        cli
        cld
        xor ax, ax
        mov ds, ax
        o32 lgdt [AT(ap_gdt_pointer)]
        mov eax, 0x11                   ; ET, PE
        mov cr0, eax
        mov ax, 0x10                    ; flat data
        mov ds, ax
        mov edi, ap_high
        jmp dword 0x08:boot_paging_on - KERNEL_BASE
ap_gdt_pointer:
        dw 23
        dd boot_gdt - KERNEL_BASE
ap_start_end:

bits 32
section .text
ap_high:
        cmp dword [pte_no_execute + 4], 0
        je .tables
        mov ecx, 0xc0000080             ; EFER
        rdmsr
        or eax, 1 << 11                 ; NXE
        wrmsr
.tables:
        mov eax, kernel_root - KERNEL_BASE
        mov cr3, eax
        mov eax, [ap_cpu]
        mov esp, [eax + CPU_IDLE]
        call ap_main
        ud2
