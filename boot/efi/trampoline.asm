; trampoline.asm - from whatever mode the firmware left to the kernel's entry contract.
;
; The code below never runs where it was linked. loader.c copies it to a page below
; 4 GiB that is outside the kernel's window, fills in the order and calls the page:
;
;   void page(void *page);      X64: rdi -> page        IA32: [esp + 4] -> page
;
; Shape of the page:
;   +0      code: steps 1 to 3 in the firmware's mode, steps 4 to 8 in 32 bits
;           gdt: null, flat code, flat data
;           order: six words from loader.c (struct trampoline_order)
;
; Invariants: after step 3 no stack is used (the firmware's may lie above 4 GiB or where
;   the kernel will be); every address is the page's, in ebp, plus an offset.
; See: Intel SDM 3A, 9.8.5.4 (leaving long mode), 2.5 (control registers)

global trampoline_start, trampoline_end, trampoline_order

CODE_SELECTOR equ 0x08
DATA_SELECTOR equ 0x10
CR0_PE_ET     equ 0x11                  ; protected mode, and nothing else
CR4_PCIDE     equ 1 << 17
CR4_CET       equ 1 << 23
EFER          equ 0xC0000080
EFER_LONG     equ 1 << 8
EFER_NX       equ 1 << 11
EFER_SYSCALL  equ 1 << 0
CPUID_NX_LM   equ (1 << 20) | (1 << 29) ; EFER exists if one of them does

%define AT(label) ebp + (label - trampoline_start)

section .text
align 16
trampoline_start:
%ifdef X64
    %define ax_ rax
    %define bp_ rbp
    bits 64
    cli
    mov rbp, rdi
%else
    %define ax_ eax
    %define bp_ ebp
    bits 32
    cli
    mov ebp, [esp + 4]
%endif

    ; 1. Switch off what forbids the later steps: with PCIDE set paging cannot be left,
    ;    with CET set write protection cannot.
    mov ax_, cr4
    and ax_, ~(CR4_PCIDE | CR4_CET)
    mov cr4, ax_

    ; 2. Tell the descriptor table and the far jump where they are today.
    lea ax_, [bp_ + (gdt - trampoline_start)]
    mov [bp_ + (gdt_pointer.base - trampoline_start)], ax_
    lea ax_, [bp_ + (flat - trampoline_start)]
    mov [bp_ + (flat_pointer - trampoline_start)], eax

    ; 3. Into a 32-bit code segment. Coming from X64 this is compatibility mode: paging
    ;    is still on, and the page is mapped where it is.
    lgdt [bp_ + (gdt_pointer - trampoline_start)]
    jmp dword far [bp_ + (flat_pointer - trampoline_start)]

bits 32
flat:
    mov eax, DATA_SELECTOR
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax

    ; 4. Paging off, and CR0 as multiboot leaves it. Firmware leaves all kinds of bits
    ;    there, even "cache disabled".
    mov eax, CR0_PE_ET
    mov cr0, eax

    ; 5. Long mode, no-execute and syscall off, on processors that know them.
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb .no_efer
    mov eax, 0x80000001
    cpuid
    test edx, CPUID_NX_LM
    jz .no_efer
    mov ecx, EFER
    rdmsr
    and eax, ~(EFER_LONG | EFER_NX | EFER_SYSCALL)
    wrmsr
.no_efer:

    ; 6. No features of paging either.
    xor eax, eax
    mov cr3, eax
    mov cr4, eax

    ; 7. The kernel to its place. Its window may hold the firmware's page tables, stack
    ;    and descriptors: this is the first moment when nobody needs them any more.
    cld
    mov esi, [AT(trampoline_order.copy_from)]
    mov edi, [AT(trampoline_order.copy_to)]
    mov ecx, [AT(trampoline_order.copy_words)]
    rep movsd

    ; 8. The contract: EAX is the magic number, EBX points to boot_info.
    mov edx, [AT(trampoline_order.entry)]
    mov ebx, [AT(trampoline_order.boot_info)]
    mov eax, [AT(trampoline_order.magic)]
    jmp edx

align 8
gdt:
    dq 0
    dq 0x00CF9A000000FFFF               ; flat 4 GiB, ring 0, 32-bit code
    dq 0x00CF92000000FFFF               ; flat 4 GiB, ring 0, data
gdt_end:

gdt_pointer:
    dw gdt_end - gdt - 1
.base:
    dq 0                                ; step 2; IA32 uses the lower half

flat_pointer:
    dd 0                                ; step 2
    dw CODE_SELECTOR

align 4
trampoline_order:                       ; struct trampoline_order in loader.c
.magic:      dd 0
.boot_info:  dd 0
.entry:      dd 0
.copy_from:  dd 0
.copy_to:    dd 0
.copy_words: dd 0
trampoline_end:

section .note.GNU-stack noalloc noexec nowrite progbits
