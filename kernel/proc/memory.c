/* memory.c - the system calls about a process's own memory.
 *
 * Sleeps: never.
 * Linux: MAP_FIXED below 64 KiB is EPERM; MAP_GROWSDOWN, MAP_POPULATE, MAP_NORESERVE
 * and MAP_STACK are accepted and mean nothing; memory is committed when touched.
 * Tests: user/tests/mmap*.c, mprotect.c, brk.c.
 * See: mmap(2).
 */
#include "fs/file.h"
#include "proc/life.h"

enum map_flags {
    MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_SHARED_VALIDATE = 3, MAP_TYPE = 15,
    MAP_FIXED = 16, MAP_ANONYMOUS = 32, MAP_FIXED_NOREPLACE = 0x100000,
};

#define PROTECTIONS (PROT_READ | PROT_WRITE | PROT_EXEC)

static struct address_space *my_space(void) { return current()->space; }

static bool range_ok(uint32_t start, size_t size) {
    return user_range_ok(uptr(start), size);
}

/* What is to be mapped, with a reference (NULL: private zeros), and how. */
static int object_for(uint32_t size, int protection, int flags, int fd,
                      struct memory_object **object, int *region_flags) {
    bool is_private = (flags & MAP_TYPE) == MAP_PRIVATE;

    *object = NULL;
    *region_flags = is_private ? 0 : REGION_SHARED;
    if (flags & MAP_ANONYMOUS) {
        if (!is_private) *object = object_create(size >> PAGE_SHIFT);
        return is_private || *object ? 0 : -ENOMEM;
    }
    struct file *file = fd_peek(fd);
    if (!file) return -EBADF;
    bool writable = is_private || file_is_writable(file);
    if (!file_is_readable(file) || (protection & PROT_WRITE && !writable))
        return -EACCES;
    if (!file->operations->map) return -ENODEV;
    if (!writable) *region_flags |= REGION_NEVER_WRITABLE;
    int error = file->operations->map(file, object);
    if (!error && *object) object_get(*object);
    return error;
}

/* Where the mapping goes. A fixed one takes the place of what was there. */
static int place_for(vaddr_t *at, size_t size, int flags) {
    if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
        *at = space_find_gap(my_space(), round_down(*at, PAGE_SIZE), size);
        return *at ? 0 : -ENOMEM;
    }
    if (*at & PAGE_MASK) return -EINVAL;
    if (!range_ok(*at, size)) return -ENOMEM;
    if (*at < USER_START) return -EPERM;
    if (!(flags & MAP_FIXED_NOREPLACE)) return space_unmap(my_space(), *at, size);
    struct region *above = space_find_above(my_space(), *at);
    return above && above->start < *at + size ? -EEXIST : 0;
}

long sys_mmap2(uint32_t at, size_t size, int protection, int flags, int fd,
               uint32_t first_page) {
    struct memory_object *object;
    int type = flags & MAP_TYPE, region_flags;

    if (size == 0) return -EINVAL;
    if (size > USER_END - PAGE_SIZE) return -ENOMEM;
    size = round_up(size, PAGE_SIZE);
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (flags & MAP_ANONYMOUS) first_page = 0;
    else if (first_page + (size >> PAGE_SHIFT) < first_page) return -EOVERFLOW;
    int error = object_for(size, protection, flags, fd, &object, &region_flags);
    if (error) return error;
    error = place_for(&at, size, flags);
    if (!error) {
        const struct region region = {
            .start = at, .end = at + size, .object = object,
            .protection = protection & PROTECTIONS, .flags = (uint8_t)region_flags,
            .first_page = first_page,
        };
        error = space_map(my_space(), &region);
    }
    if (object) object_put(object);
    return error ? error : (long)at;
}

long sys_munmap(uint32_t start, size_t size) {
    if (start & PAGE_MASK || size == 0 || size > USER_END) return -EINVAL;
    size = round_up(size, PAGE_SIZE);
    return range_ok(start, size) ? space_unmap(my_space(), start, size) : -EINVAL;
}

long sys_mprotect(uint32_t start, size_t size, int protection) {
    if (start & PAGE_MASK || protection & ~PROTECTIONS) return -EINVAL;
    size = round_up(size, PAGE_SIZE);
    if (size == 0) return 0;
    if (!range_ok(start, size)) return -ENOMEM;
    return space_protect(my_space(), start, size, protection);
}

long sys_brk(uint32_t end) {
    struct address_space *space = my_space();
    vaddr_t old = round_up(space->heap_end, PAGE_SIZE), new = round_up(end, PAGE_SIZE);

    if (end < space->heap_start || end >= USER_END - PAGE_SIZE
        || end - space->heap_start > limit_soft(current_process(), LIMIT_DATA))
        return (long)space->heap_end;
    if (new > old) {
        struct region *above = space_find_above(space, old);
        const struct region region = { .start = old, .end = new,
                                       .protection = PROT_READ | PROT_WRITE };
        if ((above && above->start < new + PAGE_SIZE) || space_map(space, &region))
            return (long)space->heap_end;
    } else if (new < old && space_unmap(space, new, old - new)) {
        return (long)space->heap_end;
    }
    space->heap_end = end;
    return (long)end;
}

enum { MADV_DONTNEED = 4, MADV_FREE = 8 };

/* A range that is mapped all through: 0 or -ENOMEM. */
static int judge_mapped(uint32_t start, size_t size) {
    vaddr_t at = start;
    struct region *region;

    if (!range_ok(start, size)) return -ENOMEM;
    while (at < start + size && (region = space_find(my_space(), at))) at = region->end;
    return at >= start + size ? 0 : -ENOMEM;
}

long sys_madvise(uint32_t start, size_t size, int advice) {
    if (start & PAGE_MASK || advice < 0 || advice > 25) return -EINVAL;
    size = round_up(size, PAGE_SIZE);
    int error = judge_mapped(start, size);
    if (!error && (advice == MADV_DONTNEED || advice == MADV_FREE))
        space_unmap_pages(my_space(), start, start + size);
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

long sys_munlock(uint32_t start, size_t size) {
    return judge_mapped(start, size);
}

/* Everything is always in memory; what was never touched is touched now. */
long sys_mlock(uint32_t start, size_t size) {
    int error = judge_mapped(start, size);

    for (vaddr_t at = round_down(start, PAGE_SIZE); !error && at < start + size;
         at += PAGE_SIZE)
        if (space_fault(my_space(), at, PROT_READ) != FAULT_OK) error = -ENOMEM;
    return error;
}
