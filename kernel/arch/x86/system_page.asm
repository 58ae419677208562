; system_page.asm - the code in every process's system call page.
;
;   in:  eax number, ebx ecx edx esi edi ebp arguments      out: eax, all others kept
;   stack at sysenter:  [ebp] -> user ebp (sixth argument), edx, ecx, return address
;
; sysexit returns to SYSTEM_CALL_RETURN with ecx and edx spoilt; they are popped there.

bits 32
%include "offsets.inc"

global system_page_code, system_page_code_end

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
