/* syscall.h - prototypes of all system calls, made from syscall.def.
 *
 * Each is defined at the end of the file that owns its object. They return a result of
 * 0 or more, or -errno; -ERESTART and -ERESTART_NO_HANDLER are for trap return to
 * judge.
 */
#pragma once

#include "arch/x86/usercopy.h"

/* The table fetches it for a SYSCALL6; a call that seldom has one does so itself. 0,
 * -EFAULT. */
static inline int sixth_argument(const struct trap_frame *f, uint32_t *value) {
    *value = f->ebp;
    return f->eip != SYSTEM_CALL_RETURN ? 0 : u32_from_user(value, uptr(f->ebp));
}

/* The bits of a word as the type an argument has; no cast can do that for a struct. */
#define WORD_AS(type, word) (((union { uint32_t w; type v; }){ .w = (word) }).v)

/* From the frame f: what a call of one argument gets, of two, ... */
#define FROM1(t1) WORD_AS(t1, f->ebx)
#define FROM2(t1, t2) FROM1(t1), WORD_AS(t2, f->ecx)
#define FROM3(t1, t2, t3) FROM2(t1, t2), WORD_AS(t3, f->edx)
#define FROM4(t1, t2, t3, t4) FROM3(t1, t2, t3), WORD_AS(t4, f->esi)
#define FROM5(t1, t2, t3, t4, t5) FROM4(t1, t2, t3, t4), WORD_AS(t5, f->edi)
#define SIXTH(type)                                           \
    ({                                                        \
        uint32_t sixth_;                                      \
        if (sixth_argument(f, &sixth_)) return -EFAULT;       \
        WORD_AS(type, sixth_);                                \
    })

/* Whoever includes syscall.def says what SYSCALL(number, name, parameters, arguments,
 * ...) is; at the end there is a call's value, for one that is another one's face. */
#define SYSCALL0(number, name, ...) SYSCALL(number, name, (void), (), __VA_ARGS__)
#define SYSCALL1(number, name, t1, a1, ...) \
    SYSCALL(number, name, (t1 a1), (FROM1(t1)), __VA_ARGS__)
#define SYSCALL2(number, name, t1, a1, t2, a2, ...) \
    SYSCALL(number, name, (t1 a1, t2 a2), (FROM2(t1, t2)), __VA_ARGS__)
#define SYSCALL3(number, name, t1, a1, t2, a2, t3, a3, ...) \
    SYSCALL(number, name, (t1 a1, t2 a2, t3 a3), (FROM3(t1, t2, t3)), __VA_ARGS__)
#define SYSCALL4(number, name, t1, a1, t2, a2, t3, a3, t4, a4, ...) \
    SYSCALL(number, name, (t1 a1, t2 a2, t3 a3, t4 a4), (FROM4(t1, t2, t3, t4)), \
            __VA_ARGS__)
#define SYSCALL5(number, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, ...) \
    SYSCALL(number, name, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5), \
            (FROM5(t1, t2, t3, t4, t5)), __VA_ARGS__)
#define SYSCALL6(number, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6, ...) \
    SYSCALL(number, name, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6), \
            (FROM5(t1, t2, t3, t4, t5), SIXTH(t6)), __VA_ARGS__)

#define SYSCALL(number, name, parameters, ...) long sys_##name parameters;
#include "syscall.def"
#undef SYSCALL

#define SYSTEM_CALLS 1056       /* above every number */

extern const struct system_call {
    long (*call)(const struct trap_frame *frame);
    const char *name;
} system_calls[SYSTEM_CALLS];

/* Tells the trace what the calls are named, and sysenter who takes its calls. */
void system_calls_init(void);
void trap_sysenter(struct trap_frame *frame);   /* trap.c */
