; start.asm - the first instructions: from a loader's flat 32-bit mode to C at 3 GiB.
;
; In:  EAX = 0x2BADB002 (multiboot 1) or BOOT_MAGIC, EBX = physical address of what the
;      loader has to say; paging off, interrupts off, flat segments
; Out: kmain(EAX, EBX) on the boot CPU's first stack, paging on
;
;  1. one page directory maps physical 0 .. 896 MiB twice, at 0 and at 3 GiB
;  2. control registers are set outright, never or-ed onto what the firmware left
;  3. jump high, load the stack, call C; kernel_map.c builds the real tables

bits 32
%include "offsets.inc"

KERNEL_BASE equ 0xC0000000
MULTIBOOT_MAGIC equ 0x1BADB002
MULTIBOOT_FLAGS equ 3                   ; modules page aligned, memory map wanted

extern kmain
global boot_entry, boot_stack_slot, boot_page_directories, boot_root
global boot_gdt, boot_paging_on         ; for ap_start.asm

section .boot exec
align 4
        dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

boot_entry:
        cli
        cld
        mov ebp, eax
        mov esi, ebx
        ; step 1
        mov edi, boot_page_directories - KERNEL_BASE
        mov eax, 0x83                   ; present, writable, 2 MiB
        mov ecx, 448                    ; 896 MiB, what the kernel's window can hold
.entry: mov [edi], eax
        mov dword [edi + 4], 0
        add eax, 0x200000
        add edi, 8
        loop .entry
        mov edi, boot_root - KERNEL_BASE
        mov eax, boot_page_directories - KERNEL_BASE + 1
        mov [edi], eax                  ; 0 GiB
        mov [edi + 24], eax             ; 3 GiB
        mov edi, boot_first
boot_paging_on:                         ; the other CPUs begin here; edi: where to go on
        ; step 2
        mov eax, 0x20                   ; CR4: PAE
        mov cr4, eax
        mov eax, boot_root - KERNEL_BASE
        mov cr3, eax
        mov eax, 0x80010033             ; CR0: PG WP NE ET MP PE
        mov cr0, eax
        ; step 3
        lgdt [boot_gdt_pointer - KERNEL_BASE]
        jmp 0x08:boot_high

section .text
boot_high:
        mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        xor eax, eax
        mov fs, eax
        mov gs, eax
        jmp edi

boot_first:
        mov esp, boot_stack_slot + STACK_SLOT - THREAD_AREA
        mov eax, ebp                    ; kmain(magic, address), arguments in registers
        mov edx, esi
        call kmain
.stop:  hlt
        jmp .stop

section .rodata
align 8
boot_gdt:
        dq 0
        dq 0x00cf9a000000ffff           ; kernel code
        dq 0x00cf92000000ffff           ; kernel data
boot_gdt_pointer:
        dw 23
        dd boot_gdt - KERNEL_BASE

section .bss.boot_stack nobits alloc write
align STACK_SLOT
boot_stack_slot:
        resb STACK_SLOT

section .bss
align 4096
boot_page_directories:
        resb 4096
boot_root:
        resb 32
