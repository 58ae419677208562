; switch.asm - from one kernel stack to another.
;
;   switch_stacks: save_esp -> eax, load_esp -> edx, prev -> ecx; result -> eax
;
; A thread that does not run has its return address on top of its stack and nothing in
; registers: the caller (arch.h) counts on none. The result, prev, is what the next
; thread needs to know: whom it replaced, so that it can bury it. A new thread returns
; into thread_begin, and the result is that function's first argument.

bits 32
global switch_stacks, user_enter
extern trap_return

section .text
switch_stacks:
        mov [eax], esp
        mov esp, edx
        mov eax, ecx
        ret

; user_enter(frame -> eax)
user_enter:
        mov esp, eax
        jmp trap_return
