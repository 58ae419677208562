/* sysv.c - System V: keys, ids and permissions of all objects, and ipc(2), the one call
 * that C libraries for i386 make; and the kind that needs nothing else, segments of
 * shared memory.
 *
 * Shape: a segment is a memory object with an id; an attachment is a region that maps
 * it, the same that mmap makes of a file in /dev/shm.
 *
 *      process A                  struct segment              process B
 *      [region] --owner-------------> id, key, mode <-----------owner-- [region]
 *         |                              |                                |
 *         +-------------------------> memory object <---------------------+
 *
 * Invariants: ids come from one counter for all kinds. What IPC_STAT calls an index
 *   (SHM_STAT) is a place in the kind's list.
 *   Nobody else maps a segment's object, so the list of its mappings is the list of
 *   attachments; each of those regions names the segment as its owner. A segment marked
 *   SHM_DEST has one at least.
 * Sleeps: semop, msgsnd, msgrcv.
 * Linux: ids have no sequence part: seq is 0. Structures of before IPC_64 are EINVAL.
 *   SHM_HUGETLB and SHM_REMAP mean nothing.
 * Tests: user/tests/sysv_ids.c, sysv_shm.c, sysv_shm_life.c.
 * See: svipc(7), shmop(2), shmctl(2), ipc(2).
 */
#include "posix/sysv.h"

#include "core/check.h"
#include "mm/heap.h"
#include "syscall.h"

static int last_id;

struct sysv_object *sysv_look_up(struct sysv_kind *kind, int number, bool is_index) {
    struct sysv_object *object;

    list_for_each (object, &kind->objects, node)
        if (is_index ? number-- == 0 : object->id == number)
            return kind->last_found = object;
    return NULL;
}

/* By effective ids: its owner, its creator, or root? */
static bool is_owned(const struct sysv_object *object) {
    uid_t euid = current_credentials()->euid;

    return euid == 0 || euid == object->perm.uid || euid == object->perm.cuid;
}

int sysv_judge(const struct sysv_object *object, unsigned wanted) {
    const struct credentials *who = current_credentials();
    unsigned granted = object->perm.mode;

    if (is_owned(object))
        granted >>= 6;
    else if (credentials_in_group(who, object->perm.gid)
             || credentials_in_group(who, object->perm.cgid))
        granted >>= 3;
    return wanted & ~granted & 7 ? -EACCES : 0;
}

/* -- Making and ending ------------------------------------------------------------- */

void sysv_free(struct sysv_kind *kind, struct sysv_object *object) {
    account_release(heap_account(object), ACCOUNT_SYSV, 1);
    list_remove(&object->node);
    kind->last_found = NULL;
    heap_free(object);
}

/* shmget and its kin: an id or -errno. Queues have no size. */
static long get(struct sysv_kind *kind, int32_t key, const struct trap_frame *frame) {
    const struct credentials *who = current_credentials();
    uint32_t size = kind == &msg_kind ? 0 : frame->edx;
    int flags = (int)(kind == &msg_kind ? frame->edx : frame->esi);
    struct sysv_object *object;

    list_for_each (object, &kind->objects, node) {
        if (key == IPC_PRIVATE || object->perm.key != key) continue;
        if (flags & IPC_CREAT && flags & IPC_EXCL) return -EEXIST;
        if (size > object->size) return -EINVAL;
        int error =
            sysv_permission(object, (unsigned)(flags >> 6 | flags >> 3 | flags));
        return error ? error : object->id;
    }
    if (key != IPC_PRIVATE && !(flags & IPC_CREAT)) return -ENOENT;
    if (kind->size_max && (size == 0 || size > kind->size_max)) return -EINVAL;
    if (list_length(&kind->objects) >= SYSV_MAX || last_id == INT32_MAX
        || !account_charge(this_cpu()->account, ACCOUNT_SYSV, 1))
        return -ENOSPC;
    object = heap_alloc(HEAP_SYSV, kind->bytes + size * kind->bytes_each);
    if (!object) {
        account_release(this_cpu()->account, ACCOUNT_SYSV, 1);
        return -ENOMEM;
    }
    object->id = ++last_id;
    object->size = size;
    object->perm = (struct ipc_perm){ key, who->euid, who->egid, who->euid, who->egid,
                                      .mode = (uint16_t)flags & 0777 };
    object->times[2] = timestamp_counter();
    list_push_back(&kind->objects, &object->node);
    if (kind->init(object)) return object->id;
    sysv_free(kind, object);
    return -ENOMEM;
}

/* -- Control ----------------------------------------------------------------------- */

uint32_t sysv_seconds(uint64_t ticks) {
    nanoseconds_t ago = tsc_to_nanoseconds(timestamp_counter() - ticks);

    return ticks ? (uint32_t)divide_u64(time_realtime() - ago, (uint32_t)SECOND, NULL)
                 : 0;
}

static int change(const struct sysv_kind *kind, struct sysv_object *object,
                  uptr_t from) {
    struct sysv_status new;
    int error = copy_from_user(&new, from, kind->status_size);

    if (error) return error;
    if (new.perm.uid == UINT32_MAX || new.perm.gid == UINT32_MAX) return -EINVAL;
    if (kind->set) error = kind->set(object, new.words);
    if (error) return error;
    object->perm.uid = new.perm.uid;
    object->perm.gid = new.perm.gid;
    object->perm.mode = (object->perm.mode & ~0777) | (new.perm.mode & 0777);
    object->times[2] = timestamp_counter();
    return 0;
}

enum { IPC_64 = 0x100 };        /* in a command: 32-bit ids in the structures */

/* shmctl and its kin. semctl's argument comes by a pointer, behind a number. */
static long control(struct sysv_kind *kind, int id, const struct trap_frame *frame) {
    uint32_t number = frame->edx, how = kind == &sem_kind ? frame->esi : frame->edx;
    uptr_t argument = uptr(frame->edi);
    int command = (int)(how & ~(uint32_t)IPC_64);
    bool by_index = command == kind->stat_command;
    bool counts = command == kind->stat_command + 1;
    struct sysv_object *object;
    struct sysv_status status;

    if (kind == &sem_kind && u32_from_user(&argument.address, argument)) return -EFAULT;
    if (!(how & IPC_64)) return -EINVAL;
    if (command == IPC_INFO || counts) {
        uint32_t words[ARRAY_SIZE(kind->infos[0])], count = list_length(&kind->objects);
        memcpy(words, kind->infos[counts], sizeof(words));
        if (counts) words[kind->count_word] = count;
        list_for_each (object, &kind->objects, node) {
            status = kind->tell(object);
            for (int i = 0; i < 2 && counts && kind->sums[i].to; i++)
                words[kind->sums[i].to] += status.words[kind->sums[i].from];
        }
        if (copy_to_user(argument, words, kind->info_sizes[counts])) return -EFAULT;
        return count ? (long)count - 1 : 0;
    }
    if (!(object = sysv_look_up(kind, id, by_index))) return -EINVAL;
    if (command == IPC_STAT || by_index) {
        int error = sysv_permission(object, MAY_READ);
        status = kind->tell(object);
        status.perm = object->perm;
        if (!error) error = copy_to_user(argument, &status, kind->status_size);
        return error || !by_index ? error : object->id;
    }
    if (command != IPC_SET && command != IPC_RMID)
        return kind->control ? kind->control(object, number, command, argument)
                             : -EINVAL;
    if (!is_owned(object)) return -EPERM;
    if (command == IPC_SET) return change(kind, object, argument);
    kind->remove(object);
    return 0;
}

/* -- Segments ---------------------------------------------------------------------- */

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

static void segment_check(const struct sysv_object *object) {
    object_found(segment_of(object)->object);
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
    .check = segment_check, .objects = LIST_INIT(shm_kind.objects),
};

/* shmat. The address does not come as the result, but at the third argument. */
static out_of_line long shm_attach(int id, int flags, const struct trap_frame *frame) {
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
static out_of_line long shm_detach(uint32_t address) {
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

/* -- /proc/ipc/sysv, kcheck -------------------------------------------------------- */

static struct sysv_kind *const kinds[] = { &shm_kind, &sem_kind, &msg_kind };

/* One line each: kind:id key owner group mode, numbers, pids, and who waits. */
static void show(struct text *text) {
    const struct sysv_object *o;

    for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
        list_for_each (o, &kinds[k]->objects, node) {
            struct sysv_status status = kinds[k]->tell(o);
            text_printf(text, "%s:%d %08x %u %u %04o", kinds[k]->name, o->id,
                        (uint32_t)o->perm.key, o->perm.uid, o->perm.gid, o->perm.mode);
            for (int i = 0; i < kinds[k]->nr_shown; i++)
                text_printf(text, " %u", status.words[kinds[k]->shown[i]]);
            if (kinds[k]->show) kinds[k]->show(text, o);
            text_add(text, "\n", 1);
        }
}

static const struct proc_entry file PROC_TABLE = { .name = "ipc/sysv", .show = show };

static void objects_count(void) {
    const struct sysv_object *object;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        list_for_each (object, &kinds[i]->objects, node) {
            heap_account(object)->counted[ACCOUNT_SYSV]++;
            if (kinds[i]->check) kinds[i]->check(object);
        }
}

static const struct checker checker CHECKER = { "System V", objects_count, NULL };

/* -- One call for all -------------------------------------------------------------- */

/* The frame has all arguments: the third in esi, the pointer in edi. */
long sys_ipc(uint32_t call, int first, uint32_t second) {
    const struct trap_frame *frame = thread_frame(current());

    switch (call) {
    case CALL_MSGSND: return msg_send(first, second, frame);
    case CALL_MSGRCV: return msg_receive(first, second, frame);
    case CALL_SEMOP:
    case CALL_SEMTIMEDOP: return sem_operate(first, second, frame);
    case CALL_SEMGET: return get(&sem_kind, first, frame);
    case CALL_MSGGET: return get(&msg_kind, first, frame);
    case CALL_SHMGET: return get(&shm_kind, first, frame);
    case CALL_SEMCTL: return control(&sem_kind, first, frame);
    case CALL_MSGCTL: return control(&msg_kind, first, frame);
    case CALL_SHMCTL: return control(&shm_kind, first, frame);
    case CALL_SHMAT: return shm_attach(first, (int)second, frame);
    case CALL_SHMDT: return shm_detach(frame->edi);
    default: return -ENOSYS;
    }
}
