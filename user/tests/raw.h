/* raw.h - system calls as the kernel sees them: `int $0x80`, no C library in between.
 *
 *     long r = raw(SYS_close, -1);          r is -EBADF; errno is not touched
 *
 * Pointers are cast to long by the caller. Missing arguments are 0.
 */
#pragma once

#include <sys/syscall.h>

static long __attribute__((unused, noinline)) raw_call(long nr, const long arg[6]) {
    __asm__ volatile("pushl %%ebp\n\t"
                     "movl (%%esi), %%ebx\n\t"
                     "movl 4(%%esi), %%ecx\n\t"
                     "movl 8(%%esi), %%edx\n\t"
                     "movl 16(%%esi), %%edi\n\t"
                     "movl 20(%%esi), %%ebp\n\t"
                     "movl 12(%%esi), %%esi\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp"
                     : "+a"(nr), "+S"(arg)
                     :
                     : "ebx", "ecx", "edx", "edi", "memory", "cc");
    return nr;
}

#define raw(nr, ...) raw_call((nr), (const long[6]){ __VA_ARGS__ })
