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

#include "base/string.h"

int copy_from_user(void *to, uptr_t from, size_t size) {
    bool ok = user_range_ok(from, size) && !user_copy(to, (void *)from.address, size);

    return ok ? 0 : -EFAULT;
}

int copy_to_user(uptr_t to, const void *from, size_t size) {
    bool ok = user_range_ok(to, size) && !user_copy((void *)to.address, from, size);

    return ok ? 0 : -EFAULT;
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

/* One word; one of the two is user memory. */
static inline int copy_word(uint32_t *to, const uint32_t *from) {
    int error = -EFAULT;
    uint32_t word;

    __asm__ volatile(STAC
                     "1: movl (%3), %1\n"
                     "2: movl %1, (%2)\n"
                     "   xorl %0, %0\n"
                     "3:\n" CLAC FIXUP(1b, 3b) FIXUP(2b, 3b)
                     : "+r"(error), "=&r"(word)
                     : "r"(to), "r"(from)
                     : "memory");
    return error;
}

int u32_from_user(uint32_t *value, uptr_t from) {
    return user_range_ok(from, 4) ? copy_word(value, (uint32_t *)from.address)
                                  : -EFAULT;
}

int u32_to_user(uptr_t to, uint32_t value) {
    return user_range_ok(to, 4) ? copy_word((uint32_t *)to.address, &value) : -EFAULT;
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
