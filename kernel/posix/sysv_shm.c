/* sysv_shm.c - shmget, shmat, shmdt, shmctl: segments of System V shared memory.
 *
 * Shape: a segment is a memory object with an id; an attachment is a region that maps
 * it, the same that mmap makes of a file in /dev/shm.
 *
 *      process A                  struct segment              process B
 *      [region] --owner-------------> id, key, mode <-----------owner-- [region]
 *         |                              |                                |
 *         +-------------------------> memory object <---------------------+
 *
 * Invariants: nobody else maps the object, so the list of its mappings is the list of
 *   attachments; each of those regions names the segment as its owner. A segment marked
 *   SHM_DEST has one at least.
 * Sleeps: never.
 * Linux: SHM_HUGETLB and SHM_REMAP mean nothing.
 * Tests: user/tests/sysv_shm.c, sysv_shm_life.c, sysv_ids.c.
 * See: shmop(2), shmctl(2).
 */
#include "core/check.h"
#include "posix/sysv.h"

enum { SHM_RDONLY = 010000, SHM_RND = 020000, SHM_EXEC = 0100000 };
enum { SHM_STAT = 13, SHM_DEST = 01000 };   /* a command; in the mode */

#define SHMMAX 0x7fffffffu      /* bytes of one segment */

struct segment {
    struct sysv_object common;
    struct memory_object *object;
    struct region_owner owner;  /* of the regions that are its attachments */
};

static struct segment *segment_of(const struct sysv_object *object) {
    return container_of(object, struct segment, common);
}

static void segments_count(void) {
    const struct sysv_object *object;

    list_for_each (object, &shm_kind.objects, node)
        object_found(segment_of(object)->object);
}

static const struct checker checker CHECKER = { "segments", segments_count, NULL };

static void free_if_unused(struct segment *s) {
    if (!(s->common.perm.mode & SHM_DEST) || !list_is_empty(&s->object->mappings))
        return;
    object_put(s->object);
    sysv_free(&shm_kind, &s->common);
}

/* A region came or went: by shmat or shmdt, but by fork, munmap or exit as well. */
static void attachment_changed(struct region_owner *owner, bool gone) {
    struct segment *s = container_of(owner, struct segment, owner);

    s->common.pids[1] = current_process()->pid;
    s->common.times[gone] = timestamp_counter();
    free_if_unused(s);
}

/* -- As a System V object ---------------------------------------------------------- */

static bool segment_init(struct sysv_object *object) {
    struct segment *s = segment_of(object);

    s->object = object_create(round_up(object->size, PAGE_SIZE) >> PAGE_SHIFT);
    s->owner.changed = attachment_changed;
    s->common.pids[0] = current_process()->pid;
    return s->object;
}

static struct sysv_status segment_tell(const struct sysv_object *o) {
    const struct memory_object *memory = segment_of(o)->object;

    return (struct sysv_status){
        .words = { [0] = o->size, [1] = sysv_seconds(o->times[0]),
                   [3] = sysv_seconds(o->times[1]), [5] = sysv_seconds(o->times[2]),
                   [7] = (uint32_t)o->pids[0], [8] = (uint32_t)o->pids[1],
                   [9] = list_length(&memory->mappings),
                   [12] = memory->size_pages, [13] = memory->nr_pages },
    };
}

static void segment_remove(struct sysv_object *object) {
    object->perm.mode |= SHM_DEST;
    object->perm.key = IPC_PRIVATE;
    free_if_unused(segment_of(object));
}

struct sysv_kind shm_kind = {
    .name = "shm", .bytes = sizeof(struct segment), .size_max = SHMMAX,
    .stat_command = SHM_STAT, .status_size = 84, .info_sizes = { 36, 24 },
    .infos = { { SHMMAX, 1, SYSV_MAX, SYSV_MAX, SHMMAX >> PAGE_SHIFT } },
    .sums = { { 12, 1 }, { 13, 2 } }, .nr_shown = 5, .shown = { 0, 13, 9, 7, 8 },
    .tell = segment_tell, .init = segment_init, .remove = segment_remove,
    .objects = LIST_INIT(shm_kind.objects),
};

/* -- Attaching --------------------------------------------------------------------- */

/* shmat. The address does not come as the result, but at the third argument. */
long shm_attach(int id, int flags, const struct trap_frame *frame) {
    struct sysv_object *object = sysv_find(&shm_kind, id);
    bool writes = !(flags & SHM_RDONLY), executes = flags & SHM_EXEC;
    struct address_space *space = current()->space;

    if (!object) return -EINVAL;
    int error = sysv_permission(object, MAY_READ | (writes ? MAY_WRITE : 0)
                                            | (executes ? MAY_EXECUTE : 0));
    if (error) return error;
    struct segment *s = segment_of(object);
    size_t size = s->object->size_pages << PAGE_SHIFT;
    vaddr_t wanted = frame->edi, rounded = round_down(wanted, PAGE_SIZE);
    vaddr_t at = space_find_gap(space, rounded, size);
    if (wanted && (at != rounded || (at != wanted && !(flags & SHM_RND))))
        return -EINVAL;
    if (!at) return -ENOMEM;
    if (u32_to_user(uptr(frame->esi), at)) return -EFAULT;
    const struct region region = {
        .start = at, .end = at + size, .object = s->object, .owner = &s->owner,
        .protection =
            PROT_READ | (writes ? PROT_WRITE : 0) | (executes ? PROT_EXEC : 0),
        .flags = REGION_SHARED | (writes ? 0 : REGION_NEVER_WRITABLE),
    };
    return space_map(space, &region);
}

/* Of an attachment there may be only parts left: all that would lie where they do, had
 * it been attached at `address`. */
long shm_detach(uint32_t address) {
    struct address_space *space = current()->space;
    struct region_owner *owner = NULL;
    vaddr_t at = address, end = UINT32_MAX;
    struct region *region;

    if (address & PAGE_MASK) return -EINVAL;
    while ((region = space_find_above(space, at)) && region->start < end) {
        vaddr_t start = region->start;
        at = region->end;
        if (!region->owner || (owner && region->owner != owner)
            || start - address != region->first_page << PAGE_SHIFT)
            continue;
        owner = region->owner;
        end = address + (region->object->size_pages << PAGE_SHIFT);
        int error = space_unmap(space, start, at - start);
        if (error) return error;
    }
    return owner ? 0 : -EINVAL;
}
