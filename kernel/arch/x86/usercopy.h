/* usercopy.h - the only way to touch user memory.
 *
 * Each function checks that the whole range lies below USER_END, then copies with a
 * fault fix-up: a bad page ends in -EFAULT, a page not yet there is faulted in. None
 * sleeps. User memory changes under us: read once, judge the copy.
 */
#pragma once

#include "arch/x86/frame.h"
#include "base/errno.h"

#define USER_START 0x00010000u  /* lowest mappable address: a NULL dereference faults */
#define USER_END   0xC0000000u

must_check int copy_from_user(void *to, uptr_t from, size_t size);
must_check int copy_to_user(uptr_t to, const void *from, size_t size);
must_check int clear_user(uptr_t to, size_t size);

/* Copies a string with its NUL. Returns its length, -EFAULT, or -ENAMETOOLONG when
 * there is no NUL within size bytes. */
must_check ssize_t string_from_user(char *to, uptr_t from, size_t size);

must_check int u32_from_user(uint32_t *value, uptr_t from);
must_check int u32_to_user(uptr_t to, uint32_t value);

static inline bool user_range_ok(uptr_t p, size_t size) {
    return size <= USER_END && p.address <= USER_END - size;
}

/* An instruction that may fault on user memory is listed in .fixups, with where to go
 * on then; and where stac (0f 01 cb) and clac (0f 01 ca) are to be put in, with their
 * last byte. */
#define LIST(section, words) \
    ".pushsection " section ", \"a\"; .long " words "; .popsection\n"
#define SMAP_SITE(byte) \
    "771: .byte 0x0f, 0x1f, 0x00\n" LIST(".smap_sites", "771b, " #byte)
#define STAC SMAP_SITE(0xcb)
#define CLAC SMAP_SITE(0xca)
#define FIXUP(at, to) LIST(".fixups", #at ", " #to)

/* go_on 0 marks a `pop` of a segment register in trap return: the selector that went
 * bad meanwhile becomes the null selector. */
extern const struct fixup { uint32_t at, go_on; } fixups_start[], fixups_end[];
extern const struct smap_site {
    uint8_t *at;
    uint32_t byte;
} smap_sites_start[], smap_sites_end[];

/* For memory of which user_range_ok was asked. Bytes not copied. */
static inline must_check size_t user_copy(void *to, const void *from, size_t size) {
    size_t words = size >> 2, rest = size & 3;

    __asm__ volatile(STAC
                     "1: rep movsl\n"
                     "   movl %3, %%ecx\n"
                     "2: rep movsb\n"
                     "3:\n" CLAC
                     ".pushsection .text.fixup,\"ax\"\n"
                     "4: leal (%3, %%ecx, 4), %%ecx\n"
                     "   jmp 3b\n"
                     ".popsection\n" FIXUP(1b, 4b) FIXUP(2b, 3b)
                     : "+D"(to), "+S"(from), "+c"(words)
                     : "r"(rest)
                     : "memory");
    return words;
}
