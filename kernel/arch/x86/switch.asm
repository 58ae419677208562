; switch.asm - from one kernel stack to another.
;
;   void *switch_stacks(uint32_t *save_esp, uint32_t load_esp, void *prev)
;                       -> eax              -> edx             -> ecx
;
;   what a thread that does not run has on top of its stack:
;   esp -> edi esi ebx ebp | return address
;
; Only what C expects a call to keep is saved. The result, prev, is what the next thread
; needs to know: whom it replaced, so that it can bury it.

bits 32
global switch_stacks, thread_start, user_enter
extern trap_return

section .text
switch_stacks:
        push ebp
        push ebx
        push esi
        push edi
        mov [eax], esp
        mov esp, edx
        mov eax, ecx
        pop edi
        pop esi
        pop ebx
        pop ebp
        ret

; A new thread's first return address: edi argument, esi function (stack_prepare).
thread_start:
        mov edx, edi                   ; function(eax: the thread before, edx: argument)
        call esi
        ud2                             ; it never returns

; user_enter(frame -> eax)
user_enter:
        mov esp, eax
        jmp trap_return
