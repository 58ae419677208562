/* parley_in_place.h - the calls that servers and clients live on, without a detour:
 * made in place where the compiler optimises. They are functions of the library as
 * well. Included by parley.h. The numbers are those of numbers.h. */
#pragma once

#define PARLEY_IN_PLACE extern __inline__ __attribute__((__gnu_inline__))

/* What a call returns that failed with -result: -1, and errno is set. */
long parley_failed(long result, long number, long a, long b, long c, long d);

/* System call `number`; the kernel is entered where the C library keeps it, at
 * gs:16. */
PARLEY_IN_PLACE __attribute__((__always_inline__)) long parley_call(long number, long a,
                                                                    long b, long c,
                                                                    long d) {
    long result;

    __asm__ volatile("call *%%gs:16"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
                     : "memory");
    if (__builtin_expect((unsigned long)result > -4096ul, 0))
        return parley_failed(result, number, a, b, c, d);
    return result;
}

PARLEY_IN_PLACE pid_t msg_receive(pid_t from, struct msg *m, int flags,
                                  int timeout_ms) {
    return (pid_t)parley_call(1025, from, (long)m, flags, timeout_ms);
}

PARLEY_IN_PLACE int msg_call(pid_t to, const struct msg *request, struct msg *reply,
                             int timeout_ms) {
    return (int)parley_call(1026, to, (long)request, (long)reply, timeout_ms);
}

PARLEY_IN_PLACE pid_t msg_reply_receive(pid_t caller, const struct msg *reply,
                                        struct msg *next, int timeout_ms) {
    return (pid_t)parley_call(1028, caller, (long)reply, (long)next, timeout_ms);
}

PARLEY_IN_PLACE int msg_notify(pid_t to, uint32_t bits) {
    return (int)parley_call(1032, to, (long)bits, 0, 0);
}

PARLEY_IN_PLACE int mbox_send(int mbox, const struct msg *m, int flags,
                              int timeout_ms) {
    return (int)parley_call(1039, mbox, (long)m, flags, timeout_ms);
}

PARLEY_IN_PLACE pid_t mbox_receive(int mbox, struct msg *m, int flags, int timeout_ms) {
    return (pid_t)parley_call(1040, mbox, (long)m, flags, timeout_ms);
}

#undef PARLEY_IN_PLACE
