/* syscall.c - the table of system calls, made from syscall.def.
 *
 * Arguments: ebx ecx edx esi edi ebp, as on Linux/i386. Through the system page ebp
 * holds the user's stack pointer, and the sixth argument is the word it points to.
 */
#include "syscall.h"

#include "core/trace.h"
#include "fs/inode.h"
#include "posix/faces.h"
#include "posix/socket.h"
#include "proc/life.h"

// the enum: no number can be there twice
#define SYSCALL(number, name, parameters, arguments, ...)          \
    enum { number_##number };                                      \
    __VA_OPT__(long sys_##name parameters { return __VA_ARGS__; }) \
    static long call_##name(const struct trap_frame *f) {          \
        return (void)f, sys_##name arguments;                      \
    }
#include "syscall.def"
#undef SYSCALL

static long no_such_call(const struct trap_frame *f) {
    return (void)f, -ENOSYS;
}

#pragma GCC diagnostic ignored "-Woverride-init"
#define SYSCALL(number, name, ...) [number] = { call_##name, #name },
const struct system_call system_calls[SYSTEM_CALLS] = {
    [0 ... SYSTEM_CALLS - 1] = { no_such_call, "(no such call)" },
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
    return system_calls[min(number, SYSTEM_CALLS - 1u)].name;
}

void system_calls_init(void) {
    trace_system_call_name = call_name;
    sysenter_handler = trap_sysenter;
}
