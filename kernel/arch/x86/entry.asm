; entry.asm - every way from user mode or an interrupt into trap(), and back.
;
;   esp0 -> ss esp eflags cs eip | error vector | ds es | eax ... edi     <- frame
;           the CPU               the stub        trap_common
;
;  1. a stub makes the stack uniform: error code and vector
;  2. trap_common saves registers, loads flat segments, clears DF and AC
;  3. trap(frame) in C takes the big lock, does the work, gives the lock back
;  4. trap_return restores; a selector that went bad meanwhile is fixed up (usercopy.c)
;
; What an attacker can bring along, and what is done about it: DF (cld), AC (clac, or
; SMAP would be off), NT and TF through sysenter (popfd; and a debug trap on sysenter's
; first instruction goes on at sysenter_entry_stepped), VM (frame_is_user; data segments
; are loaded before any access).

bits 32
%include "offsets.inc"

extern trap, sysenter_handler
global trap_stubs, trap_return, trap_return_es, trap_return_ds, trap_return_iret
global sysenter_entry, sysenter_leave
global system_page_code, system_page_code_end

%macro clac 0                           ; patched in when the CPU has SMAP
%%site: db 0x0f, 0x1f, 0x00
        [section .smap_sites progbits alloc noexec nowrite align=4]
        dd %%site, 0xca
        __SECT__
%endmacro

section .smap_sites progbits alloc noexec nowrite align=4
section .text

; 256 stubs of 16 bytes each. An NMI can come at any instruction: it does nothing.
align 16
trap_stubs:
%assign v 0
%rep 256
        align 16
        %if v == VECTOR_SYSTEM_CALL
        push eax                      ; frame->error: which call, should it be restarted
        %elif v == VECTOR_NMI
        iret
        %elif v == VECTOR_DEBUG
        jmp debug_entry
.ordinary_debug:
        push dword 0
        %elif v == 8 || (v >= 10 && v <= 14) || v == 17
        %else
        push dword 0
        %endif
        push dword v
        jmp trap_common
        %assign v v + 1
%endrep

        align 16
trap_common:
        push ds
        push es
        pushad
        mov eax, USER_DS                ; flat, and usually there already
        mov ds, eax
        mov es, eax
        cld
        clac
        mov eax, esp
        call trap
trap_return:
        popad
trap_return_es:
        pop es
trap_return_ds:
        pop ds
        add esp, 8
trap_return_iret:
        iret

; A frame that iret itself refuses: as if user mode had made the fault.
iret_failed:
        push dword 0
        jmp trap_stubs + 16 * VECTOR_PROTECTION

; sysenter: the CPU loaded only cs, ss, eip and esp = this CPU's TSS. Our system page
; put the user's stack pointer into ebp. %1: flags of the user's that it lost; %2: what
; is called.
%macro sysenter_frame 2
        mov esp, [esp + TSS_ESP0]
        push dword USER_DS
        push ebp
        pushfd                          ; IF is 0 here; whoever returns by iret sets it
        %if %1
        or dword [esp], %1
        %endif
        push dword USER_CS
        push dword SYSTEM_CALL_RETURN
        push eax                        ; frame->error: which call
        push dword VECTOR_SYSTEM_CALL
        push dword USER_DS              ; data segments are flat on the way back, too
        push dword USER_DS
        pushad
        mov eax, USER_DS
        mov ds, eax
        mov es, eax
        push dword 2                    ; DF, AC, NT, TF off at once
        popfd
        mov eax, esp
        call %2
%endmacro

        align 16
sysenter_entry:
        sysenter_frame 0, [sysenter_handler]
        cmp dword [esp + FRAME_VECTOR], VECTOR_SYSTEM_CALL
        jne sysenter_slow_return      ; the frame was changed: a signal, exec, sigreturn
sysenter_leave:                         ; arch.h has a way in here, with another's frame
        popad
        mov edx, [esp + 16]             ; eip, behind es, ds, vector, error
        mov ecx, [esp + 28]             ; esp, behind cs and eflags
        add esp, 24
        popfd
        sti                             ; takes effect behind the next instruction
        sysexit

sysenter_slow_return:
        or dword [esp + FRAME_EFLAGS], EFLAGS_IF
        jmp trap_return

; The same after a debug trap on sysenter_entry: TF belongs to the user's flags.
sysenter_entry_stepped:
        sysenter_frame EFLAGS_TF, trap
        jmp sysenter_slow_return        ; iret sets TF for the user's next instruction

; #DB. The stack may be the few words above the TSS: touch nothing else.
        align 16
debug_entry:
        cmp dword [ss:esp], sysenter_entry
        jne trap_stubs.ordinary_debug
        cmp dword [ss:esp + 4], KERNEL_CS
        jne trap_stubs.ordinary_debug
        mov dword [ss:esp], sysenter_entry_stepped
        and dword [ss:esp + 8], ~EFLAGS_TF
        iret

section .fixups progbits alloc noexec nowrite align=4
        dd trap_return_es, 0            ; 0: the bad selector on the stack becomes null
        dd trap_return_ds, 0
        dd trap_return_iret, iret_failed

; The code in every process's system call page (frame.h).
;
;   in:  eax number, ebx ecx edx esi edi ebp arguments      out: eax, all others kept
;   stack at sysenter:  [ebp] -> user ebp (sixth argument), edx, ecx, return address
;
; sysexit returns to SYSTEM_CALL_RETURN with ecx and edx spoilt; they are popped there.

section .rodata
system_page_code:
        push ecx
        push edx
        push ebp
        mov ebp, esp
        sysenter
        int 0x80                        ; a restarted call comes in here
returned:
        pop ebp
        pop edx
        pop ecx
        ret
plain:                                  ; the way in for CPUs without sysenter
        int 0x80
        ret
system_page_code_end:

%if (returned - system_page_code) != (SYSTEM_CALL_RETURN & 0xfff)
%error "SYSTEM_CALL_RETURN in frame.h is wrong"
%endif
%if (plain - system_page_code) != (SYSTEM_PAGE_INT80 & 0xfff)
%error "SYSTEM_PAGE_INT80 in frame.h is wrong"
%endif
