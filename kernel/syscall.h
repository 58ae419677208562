/* syscall.h - prototypes of all system calls, made from syscall.def.
 *
 * Each is defined at the end of the file that owns its object. They return a result of
 * 0 or more, or -errno; -ERESTART and -ERESTART_NO_HANDLER are for trap return to
 * judge.
 */
#pragma once

#include "arch/x86/frame.h"
#include "arch/x86/system_page.h"
#include "arch/x86/usercopy.h"

/* The table fetches it for a SYSCALL6; a call that seldom has one does so itself. 0,
 * -EFAULT. */
static inline int sixth_argument(const struct trap_frame *f, uint32_t *value) {
    *value = f->ebp;
    return f->eip != SYSTEM_CALL_RETURN ? 0 : u32_from_user(value, uptr(f->ebp));
}

#define SYSCALL0(number, name) long sys_##name(void);
#define SYSCALL1(number, name, t1, a1) long sys_##name(t1 a1);
#define SYSCALL2(number, name, t1, a1, t2, a2) long sys_##name(t1 a1, t2 a2);
#define SYSCALL3(number, name, t1, a1, t2, a2, t3, a3) \
    long sys_##name(t1 a1, t2 a2, t3 a3);
#define SYSCALL4(number, name, t1, a1, t2, a2, t3, a3, t4, a4) \
    long sys_##name(t1 a1, t2 a2, t3 a3, t4 a4);
#define SYSCALL5(number, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
    long sys_##name(t1 a1, t2 a2, t3 a3, t4 a4, t5 a5);
#define SYSCALL6(number, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6) \
    long sys_##name(t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6);
#define FACE0(...)
#define FACE1(...)
#define FACE2(...)
#define FACE3(...)
#include "syscall.def"
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6
#undef FACE0
#undef FACE1
#undef FACE2
#undef FACE3
