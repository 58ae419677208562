/* memory.c - the system calls about a process's own memory.
 *
 * Sleeps: never.
 * Linux: MAP_FIXED below 64 KiB is EPERM; MAP_GROWSDOWN, MAP_POPULATE, MAP_NORESERVE
 * and MAP_STACK are accepted and mean nothing; memory is committed when touched.
 * Tests: user/tests/mmap*.c, mprotect.c, brk.c.
 * See: mmap(2).
 */
#include "fs/inode.h"
#include "proc/life.h"

enum map_flags { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_TYPE = 15, MAP_FIXED = 16,
                 MAP_ANONYMOUS = 32 };

#define PROTECTIONS (PROT_READ | PROT_WRITE | PROT_EXEC)

/* What is to be mapped, with a reference (NULL: private zeros), and how. */
static int object_for(struct region *region, uint32_t size, int flags, int fd) {
    bool is_private = (flags & MAP_TYPE) == MAP_PRIVATE;

    region->flags = is_private ? 0 : REGION_SHARED;
    if (flags & MAP_ANONYMOUS) {
        region->first_page = 0;
        if (!is_private) region->object = object_create(size >> PAGE_SHIFT);
        return is_private || region->object ? 0 : -ENOMEM;
    }
    struct file *file = fd_peek(fd);
    if (region->first_page + (size >> PAGE_SHIFT) < region->first_page)
        return -EOVERFLOW;
    if (!file) return -EBADF;
    bool writable = is_private || file_is_writable(file);
    if (!file_is_readable(file) || (region->protection & PROT_WRITE && !writable))
        return -EACCES;
    if (!writable) region->flags |= REGION_NEVER_WRITABLE;
    // a text of /proc, which is not written, is made anew by whoever reads it
    if (file->operations->write) region->object = file->inode->object;
    if (region->object) object_get(region->object);
    return region->object || file->inode->device == DEV_ZERO ? 0 : -ENODEV;
}

long sys_mmap2(uint32_t at, size_t size, int protection, int flags, int fd,
               uint32_t first_page) {
    struct address_space *space = current()->space;
    struct region region = { .protection = protection & PROTECTIONS,
                             .first_page = first_page };

    if (size == 0 || !(flags & MAP_TYPE) || (flags & MAP_TYPE) > MAP_PRIVATE)
        return -EINVAL;
    if (size > USER_END - PAGE_SIZE) return -ENOMEM;
    size = round_up(size, PAGE_SIZE);
    int error = object_for(&region, size, flags, fd);
    if (error) return error;
    if (!(flags & MAP_FIXED)) {
        at = space_find_gap(space, round_down(at, PAGE_SIZE), size);
        if (!at) error = -ENOMEM;
    } else if (at & PAGE_MASK) {
        error = -EINVAL;
    } else if (!user_range_ok(uptr(at), size)) {
        error = -ENOMEM;
    } else {                    // it takes the place of what was there
        error = at < USER_START ? -EPERM : space_unmap(space, at, size);
    }
    region.start = at;
    region.end = at + size;
    if (!error) error = space_map(space, &region);
    if (region.object) object_put(region.object);
    return error ? error : (long)at;
}

long sys_munmap(uint32_t start, size_t size) {
    if (start & PAGE_MASK || size == 0 || size > USER_END) return -EINVAL;
    size = round_up(size, PAGE_SIZE);
    if (!user_range_ok(uptr(start), size)) return -EINVAL;
    return space_unmap(current()->space, start, size);
}

long sys_mprotect(uint32_t start, size_t size, int protection) {
    if (start & PAGE_MASK || protection & ~PROTECTIONS) return -EINVAL;
    size = round_up(size, PAGE_SIZE);
    if (size == 0) return 0;
    if (!user_range_ok(uptr(start), size)) return -ENOMEM;
    return space_protect(current()->space, start, size, protection);
}

long sys_brk(uint32_t end) {
    struct address_space *space = current()->space;
    vaddr_t old = round_up(space->heap_end, PAGE_SIZE), new = round_up(end, PAGE_SIZE);
    const struct region region = { .start = old, .end = new,
                                   .protection = PROT_READ | PROT_WRITE };
    const struct region *above = space_find_above(space, old);
    bool ok = end >= space->heap_start && end < USER_END - PAGE_SIZE
              && end - space->heap_start <= current_process()->limits[LIMIT_DATA].soft;

    if (ok && new > old)
        ok = (!above || above->start >= new + PAGE_SIZE) && !space_map(space, &region);
    else if (ok && new < old) ok = !space_unmap(space, new, old - new);
    if (ok) space->heap_end = end;
    return (long)space->heap_end;
}

/* A range that is mapped all through: 0 or -ENOMEM. */
static int judge_mapped(uint32_t start, size_t size) {
    vaddr_t at = start;
    const struct region *region;

    if (!user_range_ok(uptr(start), size)) return -ENOMEM;
    while (at < start + size && (region = space_find(current()->space, at)))
        at = region->end;
    return at >= start + size ? 0 : -ENOMEM;
}

long sys_madvise(uint32_t start, size_t size, int advice) {
    enum { MADV_DONTNEED = 4 };

    if (start & PAGE_MASK || advice < 0 || advice > 25) return -EINVAL;
    size = round_up(size, PAGE_SIZE);
    int error = judge_mapped(start, size);
    if (!error && advice == MADV_DONTNEED)
        space_unmap_pages(current()->space, start, start + size);
    return error;
}

/* A file in memory is its own store. */
long sys_msync(uint32_t start, size_t size, int flags) {
    enum { MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4 };

    if (start & PAGE_MASK || flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)
        || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    return judge_mapped(start, round_up(size, PAGE_SIZE));
}

long sys_munlock(uint32_t start, size_t size) { return judge_mapped(start, size); }

/* Everything is always in memory; what was never touched is touched now. */
long sys_mlock(uint32_t start, size_t size) {
    int error = judge_mapped(start, size);

    for (vaddr_t at = round_down(start, PAGE_SIZE); !error && at < start + size;
         at += PAGE_SIZE)
        if (space_fault(current()->space, at, PROT_READ) != FAULT_OK) error = -ENOMEM;
    return error;
}
