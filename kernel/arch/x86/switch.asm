; switch.asm - from one kernel stack to another.
;
;   switch_stacks: save_esp -> eax, load_esp -> edx, prev -> ecx; result -> eax
;
; A thread that does not run has its return address on top of its stack and nothing in
; registers: the caller (arch.h) counts on none. The result, prev, is what the next
; thread needs to know: whom it replaced, so that it can bury it.

bits 32
global switch_stacks, thread_start, user_enter
extern trap_return

section .text
switch_stacks:
        mov [eax], esp
        mov esp, edx
        mov eax, ecx
        ret

; A new thread's first return address (stack_prepare).
; esp -> function argument
thread_start:
        pop ecx
        pop edx                        ; function(eax: the thread before, edx: argument)
        call ecx
        ud2                             ; it never returns

; user_enter(frame -> eax)
user_enter:
        mov esp, eax
        jmp trap_return
