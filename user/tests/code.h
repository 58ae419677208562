/* code.h - runs a few bytes of machine code that the compiler would not write.
 *
 *     struct fault f;
 *     if (code_faults("\xfa", 1, &f)) ...     cli
 *
 * The bytes are put into a page of their own, followed by `ret`, and called with EAX
 * pointing to a page of zeros, ECX = 0, EDX = 0x3f8. All registers may be destroyed.
 */
#pragma once

#include "fault.h"

#include <sys/mman.h>

static char *code_page, *code_data;

static void TAP_UNUSED code_put(const void *bytes, size_t size) {
    if (!code_page) {
        code_page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        need(code_page != MAP_FAILED);
        code_data = code_page + 4096;
    }
    need(mprotect(code_page, 4096, PROT_READ | PROT_WRITE) == 0);
    memset(code_page, 0xc3, 4096);                      // ret
    memcpy(code_page, bytes, size);
    memset(code_data, 0, 4096);
    need(mprotect(code_page, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void TAP_UNUSED code_call(void *unused) {
    (void)unused;
    long eax = (long)code_data, edx = 0x3f8;
    char *call = code_page;
    __asm__ volatile("pushl %%ebp; pushl %%ebx; pushfl\n\t"
                     "call *%[call]\n\t"
                     "popfl; popl %%ebx; popl %%ebp"
                     : "+a"(eax), "+d"(edx), [call] "+S"(call)
                     : "c"(0)
                     : "edi", "memory", "cc");
}

/* 1: the bytes ended in a signal, *f says which; 0: they returned. */
static int TAP_UNUSED code_faults(const void *bytes, size_t size, struct fault *f) {
    code_put(bytes, size);
    return faults(code_call, NULL, f);
}
