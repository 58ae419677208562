/* mmap_fixed.c - mmap(2), munmap(2): MAP_FIXED over what is there, hints, holes punched
 * in the middle, and every argument that must be refused.
 */
#include "memory.h"
#include "raw.h"

static void *map_at(void *where, size_t length, int flags) {
    return mmap(where, length, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/* Five pages, each filled with its letter. */
static char *five_pages(void) {
    char *p = map_anonymous(5, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 5; i++)
        memset(p + i * PAGE, 'A' + i, PAGE);
    return p;
}

static int is_page(const char *p, int letter) {
    return other_bytes(p, PAGE, letter) == 0;
}

/* "If the memory region specified by addr and length overlaps pages of any existing
 * mapping(s), then the overlapped part of the existing mapping(s) will be
 * discarded." */
static void over_others(void) {
    char *p = five_pages();
    ok(map_at(p + 2 * PAGE, PAGE, MAP_FIXED) == p + 2 * PAGE,
       "MAP_FIXED over a middle page");
    ok(is_page(p + 2 * PAGE, 0), "gives zeros there");
    ok(is_page(p + PAGE, 'B') && is_page(p + 3 * PAGE, 'D'),
       "the neighbours keep theirs");
    need(mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
         == p);
    is_int(touch_write(p + PAGE), SIGSEGV, "over the start with another protection");
    is_int(touch_write(p + 3 * PAGE), 0, "which the rest does not get");
    need(map_at(p + PAGE, 4 * PAGE, MAP_FIXED) == p + PAGE);
    ok(is_page(p + 3 * PAGE, 0) && is_page(p + 4 * PAGE, 0),
       "one over several regions");
    is_int(munmap(p, 5 * PAGE), 0, "all is unmapped");
    is_errno(map_at(p + 1, PAGE, MAP_FIXED) == MAP_FAILED ? -1 : 0, EINVAL,
             "MAP_FIXED off a page boundary is EINVAL");
}

/* "If addr is not NULL, then the kernel takes it as a hint about where to place the
 * mapping"; "If another mapping already exists there, the kernel picks a new
 * address". */
static void hints(void) {
    char *p = five_pages();
    char *q = map_at(p + PAGE, PAGE, 0);
    ok(q != MAP_FAILED && (q < p || q >= p + 5 * PAGE),
       "a hint never replaces what is there");
    ok(is_page(p + PAGE, 'B'), "which is as it was");
    munmap(q, PAGE);
    need(munmap(p + 2 * PAGE, PAGE) == 0);
    q = map_at(p + 2 * PAGE + 5, PAGE, 0);
    ok(q != MAP_FAILED && (uintptr_t)q % PAGE == 0, "an odd hint is rounded");
    munmap(q, PAGE);
    q = map_at((void *)0xc0200000, PAGE, 0);
    works(q == MAP_FAILED ? -1 : 0, "a hint above user space is as good as none");
    is_int(touch_write(q), 0, "the memory is usable");
    munmap(q, PAGE);
    munmap(p, 5 * PAGE);
}

/* munmap(): "shall remove any mappings for those entire pages containing any part of
 * the address space of the process starting at addr and continuing for len bytes"; "If
 * there are no mappings in the specified address range, then munmap() has no
 * effect." */
static void unmapping(void) {
    char *p = five_pages();
    is_int(munmap(p + 2 * PAGE, PAGE), 0, "munmap of the middle page");
    is_int(touch_read(p + 2 * PAGE), SIGSEGV, "makes a hole");
    ok(is_page(p + PAGE, 'B') && is_page(p + 3 * PAGE, 'D'), "between two regions");
    is_int(munmap(p + 2 * PAGE, PAGE), 0, "munmap of a hole does nothing");
    is_int(munmap(p + PAGE, 3 * PAGE), 0, "munmap across regions and holes");
    ok(is_page(p, 'A') && is_page(p + 4 * PAGE, 'E'), "cuts the ends off both");
    is_int(touch_read(p + PAGE), SIGSEGV, "on one side");
    is_int(touch_read(p + 3 * PAGE), SIGSEGV, "and the other");
    is_int(munmap(p, 5 * PAGE), 0, "the rest");
    is_errno(munmap(p + 1, PAGE), EINVAL, "an address off a page boundary is EINVAL");
    is_errno(munmap(p, 0), EINVAL, "length 0 is EINVAL");
    is_errno(munmap((void *)0xfffff000, 2 * PAGE), EINVAL,
             "a range that wraps is EINVAL");
    is_errno(munmap((void *)0x10000, 0xffffffff), EINVAL,
             "a length of 4 GiB is EINVAL");
}

/* "[EINVAL] We don't like addr, length, or offset (e.g., they are too large)", "length
 * was 0", "flags contained none of MAP_PRIVATE, MAP_SHARED"; "[ENOMEM]"; "[EBADF] fd is
 * not a valid file descriptor (and MAP_ANONYMOUS was not set)". */
static void bad_arguments(void) {
    int prot = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    is_int(raw(SYS_mmap2, 0, 0, prot, anonymous, -1, 0), -EINVAL, "length 0 is EINVAL");
    is_int(raw(SYS_mmap2, 0, -1, prot, anonymous, -1, 0), -ENOMEM,
           "a length that cannot be rounded up is ENOMEM");
    is_int(raw(SYS_mmap2, 0, 0xffffe000, prot, anonymous, -1, 0), -ENOMEM,
           "4 GiB are ENOMEM");
    is_int(raw(SYS_mmap2, 0x10000000, 0xf8000000, prot, anonymous | MAP_FIXED, -1, 0),
           -ENOMEM, "MAP_FIXED over the end of memory is ENOMEM");
    is_int(raw(SYS_mmap2, 0, PAGE, prot, MAP_ANONYMOUS, -1, 0), -EINVAL,
           "neither private nor shared is EINVAL");
    is_int(raw(SYS_mmap2, 0, PAGE, prot, MAP_PRIVATE, -1, 0), -EBADF,
           "no file and not anonymous is EBADF");
    is_int(raw(SYS_mmap2, 0xfffff000, PAGE, prot, anonymous | MAP_FIXED, -1, 0),
           -ENOMEM, "the last page is ENOMEM");
}

int main(void) {
    over_others();
    hints();
    unmapping();
    bad_arguments();
    return done_testing();
}
