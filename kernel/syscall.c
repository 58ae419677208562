/* syscall.c - the table of system calls, made from syscall.def.
 *
 * Arguments: ebx ecx edx esi edi ebp, as on Linux/i386. Through the system page ebp
 * holds the user's stack pointer, and the sixth argument is the word it points to.
 */
#include "syscall.h"

#include "core/trace.h"
#include "fs/inode.h"
#include "proc/life.h"
#include "sched/scheduler.h"
#include "system_call.h"

/* The bits of a register as the type an argument has; no cast can do that for a
 * struct. */
#define ARGUMENT(type, word) (((union { uint32_t w; type v; }){ .w = (word) }).v)

#define SYSCALL0(number, name)                                                         \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        (void)f;                                                                       \
        return sys_##name();                                                           \
    }
#define SYSCALL1(number, name, t1, a1)                                                 \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        return sys_##name(ARGUMENT(t1, f->ebx));                                       \
    }
#define SYSCALL2(number, name, t1, a1, t2, a2)                                         \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        return sys_##name(ARGUMENT(t1, f->ebx), ARGUMENT(t2, f->ecx));                 \
    }
#define SYSCALL3(number, name, t1, a1, t2, a2, t3, a3)                                 \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        return sys_##name(ARGUMENT(t1, f->ebx), ARGUMENT(t2, f->ecx),                  \
                          ARGUMENT(t3, f->edx));                                       \
    }
#define SYSCALL4(number, name, t1, a1, t2, a2, t3, a3, t4, a4)                         \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        return sys_##name(ARGUMENT(t1, f->ebx), ARGUMENT(t2, f->ecx),                  \
                          ARGUMENT(t3, f->edx), ARGUMENT(t4, f->esi));                 \
    }
#define SYSCALL5(number, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                 \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        return sys_##name(ARGUMENT(t1, f->ebx), ARGUMENT(t2, f->ecx),                  \
                          ARGUMENT(t3, f->edx), ARGUMENT(t4, f->esi),                  \
                          ARGUMENT(t5, f->edi));                                       \
    }
#define SYSCALL6(number, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)         \
    static long call_##name(const struct trap_frame *f)                                \
    {                                                                                  \
        uint32_t sixth;                                                                \
        if (sixth_argument(f, &sixth))                                                \
            return -EFAULT;                                                            \
        return sys_##name(ARGUMENT(t1, f->ebx), ARGUMENT(t2, f->ecx),                  \
                          ARGUMENT(t3, f->edx), ARGUMENT(t4, f->esi),                  \
                          ARGUMENT(t5, f->edi), ARGUMENT(t6, sixth));                  \
    }
#define FACE(name, arguments, call) static long sys_##name arguments { return call; }
#define FACE0(number, name, call)                                                      \
    FACE(name, (void), call)                                                           \
    SYSCALL0(number, name)
#define FACE1(number, name, call, t1, a1)                                              \
    FACE(name, (t1 a1), call)                                                          \
    SYSCALL1(number, name, t1, a1)
#define FACE2(number, name, call, t1, a1, t2, a2)                                      \
    FACE(name, (t1 a1, t2 a2), call)                                                   \
    SYSCALL2(number, name, t1, a1, t2, a2)
#define FACE3(number, name, call, t1, a1, t2, a2, t3, a3)                              \
    FACE(name, (t1 a1, t2 a2, t3 a3), call)                                            \
    SYSCALL3(number, name, t1, a1, t2, a2, t3, a3)
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

#define ENTRY(number, name) [number] = { call_##name, #name },
#define SYSCALL0(number, name)      ENTRY(number, name)
#define SYSCALL1(number, name, ...) ENTRY(number, name)
#define SYSCALL2(number, name, ...) ENTRY(number, name)
#define SYSCALL3(number, name, ...) ENTRY(number, name)
#define SYSCALL4(number, name, ...) ENTRY(number, name)
#define SYSCALL5(number, name, ...) ENTRY(number, name)
#define SYSCALL6(number, name, ...) ENTRY(number, name)
#define FACE0(number, name, ...)    ENTRY(number, name)
#define FACE1(number, name, ...)    ENTRY(number, name)
#define FACE2(number, name, ...)    ENTRY(number, name)
#define FACE3(number, name, ...)    ENTRY(number, name)
struct system_call system_calls[SYSTEM_CALLS] = {
#include "syscall.def"
};

/* socketcall(2), the old way into the calls on sockets: a number from 1 on, and the
 * arguments in memory. Here by place: the call, and how many it has; what is missing is
 * 0, so accept is accept4, and send and recv are sendto and recvfrom. */
long sys_socketcall(int call, uptr_t arguments) {
    static const struct {
        uint16_t number, count;
    } calls[] = {
        { 359, 3 }, { 361, 3 }, { 362, 3 }, { 363, 2 }, { 364, 3 }, { 367, 3 },
        { 368, 3 }, { 360, 4 }, { 369, 4 }, { 371, 4 }, { 369, 6 }, { 371, 6 },
        { 373, 2 }, { 366, 5 }, { 365, 5 }, { 370, 3 }, { 372, 3 }, { 364, 4 },
    };
    uint32_t a[6] = { 0 }, place = (uint32_t)call - 1;

    if (place >= ARRAY_SIZE(calls)) return -EINVAL;
    if (copy_from_user(a, arguments, calls[place].count * sizeof(*a))) return -EFAULT;
    struct trap_frame f = { .ebx = a[0], .ecx = a[1], .edx = a[2],
                            .esi = a[3], .edi = a[4], .ebp = a[5] };
    return system_calls[calls[place].number].call(&f);
}

static const char *call_name(uint32_t number) {
    bool exists = number < SYSTEM_CALLS && system_calls[number].name;

    return exists ? system_calls[number].name : "(no such call)";
}

static long no_such_call(const struct trap_frame *f) {
    (void)f;
    return -ENOSYS;
}

void system_calls_init(void) {
    for (unsigned i = 0; i < SYSTEM_CALLS; i++)
        if (!system_calls[i].call) system_calls[i].call = no_such_call;
    trace_system_call_name = call_name;
}
