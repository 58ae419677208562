/* usercopy.c - copies between kernel and user memory.
 *
 * Every instruction that touches user memory is listed in .fixups: a fault there that
 * cannot be mended goes on behind the copy with the number of bytes left. stac and clac
 * open and close SMAP's door; on CPUs without it they stay the no-ops they are linked
 * as.
 *
 * Tests: user/tests/attack_pointers.c.
 */
#include "arch/x86/usercopy.h"

#include "arch/x86/fixup.h"
#include "arch/x86/features.h"
#include "base/string.h"

int copy_from_user(void *to, uptr_t from, size_t size) {
    if (!user_range_ok(from, size) || user_copy(to, (const void *)from.address, size))
        return -EFAULT;
    return 0;
}

int copy_to_user(uptr_t to, const void *from, size_t size) {
    if (!user_range_ok(to, size) || user_copy((void *)to.address, from, size))
        return -EFAULT;
    return 0;
}

int clear_user(uptr_t to, size_t size) {
    size_t words = size >> 2;
    vaddr_t at = to.address;

    if (!user_range_ok(to, size)) return -EFAULT;
    __asm__ volatile(STAC
                     "1: rep stosl\n"
                     "   movl %2, %%ecx\n"
                     "2: rep stosb\n"
                     "   jmp 4f\n"
                     "3: incl %%ecx\n"
                     "4:\n" CLAC FIXUP(1b, 3b) FIXUP(2b, 3b)
                     : "+D"(at), "+c"(words)
                     : "r"(size & 3), "a"(0)
                     : "memory");
    return words ? -EFAULT : 0;
}

int u32_from_user(uint32_t *value, uptr_t from) {
    uint32_t result, error = 1;

    if (!user_range_ok(from, 4)) return -EFAULT;
    __asm__ volatile(STAC
                     "1: movl (%2), %0\n"
                     "   xorl %1, %1\n"
                     "2:\n" CLAC FIXUP(1b, 2b)
                     : "=&r"(result), "+r"(error)
                     : "r"(from.address)
                     : "memory");
    if (error) return -EFAULT;
    *value = result;
    return 0;
}

int u32_to_user(uptr_t to, uint32_t value) {
    uint32_t error = 1;

    if (!user_range_ok(to, 4)) return -EFAULT;
    __asm__ volatile(STAC
                     "1: movl %2, (%1)\n"
                     "   xorl %0, %0\n"
                     "2:\n" CLAC FIXUP(1b, 2b)
                     : "+r"(error)
                     : "r"(to.address), "r"(value)
                     : "memory");
    return error ? -EFAULT : 0;
}

ssize_t string_from_user(char *to, uptr_t from, size_t size) {
    size_t done = 0;

    // piece by piece up to the next page boundary: what lies behind the NUL may not
    // exist
    while (done < size) {
        vaddr_t at = from.address + done;
        size_t piece = min(size - done, 64 - (at & 63));
        if (copy_from_user(to + done, uptr(at), piece)) return -EFAULT;
        const char *end = memchr(to + done, 0, piece);
        if (end) return end - to;
        done += piece;
    }
    return -ENAMETOOLONG;
}

extern uint32_t stac_sites_start[], stac_sites_end[], clac_sites_start[],
    clac_sites_end[];

/* Turns the no-ops into stac and clac. The text is still writable at this time. */
void smap_patch(void) {
    if (!cpu_features.smap) return;
    for (uint32_t *site = stac_sites_start; site < stac_sites_end; site++)
        memcpy((void *)*site, "\x0f\x01\xcb", 3);
    for (uint32_t *site = clac_sites_start; site < clac_sites_end; site++)
        memcpy((void *)*site, "\x0f\x01\xca", 3);
}
