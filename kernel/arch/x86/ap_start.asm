; ap_start.asm - where the other CPUs begin: real mode, a page below 1 MiB.
;
; smp.c copies ap_start .. ap_start_end to AP_PAGE; fills in ap_stack, ap_argument.
;  1. real mode: load a GDT, switch to protected mode
;  2. the boot code's page tables (they map low memory too), paging on
;  3. jump high; the kernel's own tables, which may use no-execute bits; own stack,
;     which only they map; C: cpu_start_other(cpu)

AP_PAGE equ 0x8000
KERNEL_BASE equ 0xC0000000

global ap_start, ap_start_end, ap_stack, ap_argument
extern boot_root, kernel_root, ap_no_execute, cpu_start_other

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
        jmp dword 0x08:AT(ap_protected)

bits 32
ap_protected:
        mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov eax, 0x20                   ; PAE
        mov cr4, eax
        mov eax, boot_root - KERNEL_BASE
        mov cr3, eax
        mov eax, 0x80010033
        mov cr0, eax
        mov esi, [AT(ap_stack)]
        mov edi, [AT(ap_argument)]
        mov ecx, ap_high
        jmp ecx

align 8
ap_gdt:
        dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
ap_gdt_pointer:
        dw 23
        dd AT(ap_gdt)
ap_stack:
        dd 0
ap_argument:
        dd 0
ap_start_end:

section .text
ap_high:
        cmp dword [ap_no_execute], 0
        je .tables
        mov ecx, 0xc0000080             ; EFER
        rdmsr
        or eax, [ap_no_execute]
        wrmsr
.tables:
        mov eax, kernel_root - KERNEL_BASE
        mov cr3, eax
        mov esp, esi
        mov eax, edi
        call cpu_start_other
        ud2
