/* sysv_sem.c - semget, semop, semctl: sets of semaphores, several operations as one.
 *
 * Shape: semop's operations are done all or not at all. Who cannot go on waits with
 * them on the set's one queue, and whoever changes a value tries them for him:
 *
 *      struct sem_set   of[]: 0 3 1    waiters --> [-1 on 0] --> [-2 on 2, +1 on 0]
 *         |
 *       undos --> what a process did with SEM_UNDO --> another process
 *
 * Hand-over: the waker does the waiter's operations and ends its wait. The queue is
 * tried from its front, again after each success, so nobody waits who could go on.
 * Invariants: a value is 0 to SEMVMX, an adjustment fits its 16 bits. A process has one
 *   sem_undo for a set at most; it lives until the process or the set ends.
 * Sleeps: sem_operate.
 * Linux: at most 32 operations a call and 1,024 semaphores a set, not 500 and 32,000.
 *   A wait is never restarted, not after a stop either, as on Linux.
 * Tests: user/tests/sysv_sem.c, sysv_sem_wait.c, sysv_sem_undo.c, sysv_ids.c.
 * See: semop(2), semctl(2).
 */
#include "mm/heap.h"
#include "posix/sysv.h"
#include "syscall.h"

enum { SEM_UNDO = 0x1000 };     /* in an operation's flags */
enum sem_command {
    GETPID = 11, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL, SEM_STAT
};
enum { SEMMSL = 1024, SEMOPM = 32, SEMVMX = 32767 };

struct sembuf {
    uint16_t number;
    int16_t change, flags;
};

struct sem_undo {
    struct list_node node;          /* set->undos */
    pid_t pid;                      /* whose end adds */
    int16_t adjust[];               /* this to each value */
};

struct sem_set {
    struct sysv_object common;
    struct wait_queue waiters;      /* struct sem_waiter */
    struct list undos;              /* struct sem_undo, one for a process */
    struct semaphore {
        uint16_t value;
        pid_t last;                 /* who changed it last */
    } of[];
};

struct sem_waiter {                 /* one semop; on the caller's stack */
    struct waiter waiter;
    struct sembuf operations[SEMOPM];
    unsigned count;
    const struct sembuf *blocker;   /* the operation that has to wait */
    struct sem_undo *undo;          /* if SEM_UNDO is among them */
    pid_t pid;
};

static struct sem_set *set_of(const struct sysv_object *object) {
    return container_of(object, struct sem_set, common);
}

/* -- Operations -------------------------------------------------------------------- */

/* All of w's operations: 0; or none: -ERANGE, -EAGAIN; -EINPROGRESS: it has to wait. */
static int attempt(struct sem_set *set, struct sem_waiter *w) {
    const struct sembuf *o = w->operations, *end = o + w->count;
    int result = 0;

    for (; o < end; o++) {
        struct semaphore *semaphore = &set->of[o->number];
        int value = semaphore->value + o->change, adjust = 0;
        if (value < 0 || (o->change == 0 && value != 0)) {
            result = o->flags & IPC_NOWAIT ? -EAGAIN : -EINPROGRESS;
            break;
        }
        if (o->flags & SEM_UNDO) adjust = w->undo->adjust[o->number] - o->change;
        if (value > SEMVMX || adjust != (int16_t)adjust) {
            result = -ERANGE;
            break;
        }
        semaphore->value = (uint16_t)value;
        if (o->flags & SEM_UNDO) w->undo->adjust[o->number] = (int16_t)adjust;
    }
    if (result) {
        for (w->blocker = o; o-- > w->operations;) {
            set->of[o->number].value -= o->change;
            if (o->flags & SEM_UNDO) w->undo->adjust[o->number] += o->change;
        }
        return result;
    }
    while (o-- > w->operations) set->of[o->number].last = w->pid;
    set->common.times[0] = timestamp_counter();
    return 0;
}

/* A value has changed: whoever can go on now does. */
static void serve(struct sem_set *set) {
    struct waiter *waiter;

again:
    list_for_each (waiter, &set->waiters.waiters, node) {
        int result = attempt(set, container_of(waiter, struct sem_waiter, waiter));
        if (result == -EINPROGRESS) continue;
        waiter_wake(waiter, result);
        goto again;
    }
}

/* -- What exit undoes -------------------------------------------------------------- */

/* The process's for that set; NULL: it has none, or there was no memory to make it. */
static struct sem_undo *undo_of(struct sem_set *set, pid_t pid, bool make) {
    struct sem_undo *undo;

    list_for_each (undo, &set->undos, node)
        if (undo->pid == pid) return undo;
    size_t size = sizeof(*undo) + set->common.size * sizeof(undo->adjust[0]);
    if (!make || !(undo = heap_alloc(HEAP_SYSV, size))) return NULL;
    undo->pid = pid;
    list_push_back(&set->undos, &undo->node);
    return undo;
}

void semaphores_end(struct process *process) {
    struct sysv_object *object;

    list_for_each (object, &sem_kind.objects, node) {
        struct sem_set *set = set_of(object);
        struct sem_undo *undo = undo_of(set, process->pid, false);
        if (!undo) continue;
        for (uint32_t i = 0; i < object->size; i++) {
            if (!undo->adjust[i]) continue;
            int value = set->of[i].value + undo->adjust[i];
            set->of[i].value = (uint16_t)max(0, min(value, (int)SEMVMX));
            set->of[i].last = process->pid;
        }
        list_remove(&undo->node);
        heap_free(undo);
        serve(set);
    }
}

/* -- As a System V object ---------------------------------------------------------- */

/* The set, and who holds what is waited for, as far as SEM_UNDO tells. */
static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct sem_waiter *w = container_of(waiter, const struct sem_waiter, waiter);
    const struct sem_set *set = container_of(waiter->queue, struct sem_set, waiters);
    const struct sem_undo *undo;
    const struct sembuf *o = w->blocker;
    char before = ' ';
    size_t at = (size_t)format(to, size, "sem:%d", set->common.id);

    list_for_each (undo, &set->undos, node)
        if (undo->adjust[o->number] * (o->change ? 1 : -1) > 0 && at < size) {
            at += (size_t)format(to + at, size - at, "%c%d", before, undo->pid);
            before = ',';
        }
    if (before == ' ' && at < size) format(to + at, size - at, " -");
}

static const struct wait_class sem_class = { "System V semaphore", describe, 0 };

static bool set_init(struct sysv_object *object) {
    list_init(&set_of(object)->undos);
    wait_queue_init(&set_of(object)->waiters, &sem_class);
    return true;
}

static struct sysv_status set_tell(const struct sysv_object *o) {
    return (struct sysv_status){ .words = { [0] = sysv_seconds(o->times[0]),
                                            [2] = sysv_seconds(o->times[2]),
                                            [4] = o->size } };
}

static void set_remove(struct sysv_object *object) {
    struct sem_set *set = set_of(object);
    struct sem_undo *undo, *next;

    wait_wake_all(&set->waiters, -EIDRM);
    list_for_each_safe (undo, next, &set->undos, node) heap_free(undo);
    sysv_free(&sem_kind, object);
}

static void set_show(struct text *text, const struct sysv_object *object) {
    text_waiters(text, "waiters", &set_of(object)->waiters, NULL, NULL);
}

static long set_control(struct sysv_object *object, uint32_t number, int command,
                        uptr_t argument) {
    bool sets = command == SETVAL || command == SETALL;
    bool all = command == GETALL || command == SETALL;
    struct sem_set *set = set_of(object);
    uint32_t value = argument.address, size = object->size * sizeof(uint16_t);
    uint16_t *values = (void *)path_buffer;
    struct sem_undo *undo;
    struct waiter *waiter;
    long waiting = 0;

    static_assert(SEMMSL * sizeof(*values) <= PATH_MAX, "nothing here sleeps");
    if (command < GETPID || command > SETALL) return -EINVAL;
    if (command == SETVAL && value > SEMVMX) return -ERANGE;
    int error = sysv_permission(object, sets ? MAY_WRITE : MAY_READ);
    if (error) return error;
    if (!all && number >= object->size) return -EINVAL;
    switch (command) {
    case GETPID: return set->of[number].last;
    case GETVAL: return set->of[number].value;
    case GETALL:
        for (uint32_t i = 0; i < object->size; i++) values[i] = set->of[i].value;
        return copy_to_user(argument, values, size);
    case SETALL:
        if (copy_from_user(values, argument, size)) return -EFAULT;
        for (uint32_t i = 0; i < object->size; i++)
            if (values[i] > SEMVMX) return -ERANGE;
        break;
    case SETVAL: values[number] = (uint16_t)value; break;
    default:                    // GETNCNT, GETZCNT
        list_for_each (waiter, &set->waiters.waiters, node) {
            const struct sembuf *o =
                container_of(waiter, struct sem_waiter, waiter)->blocker;
            waiting += o->number == number && !o->change == (command == GETZCNT);
        }
        return waiting;
    }
    for (uint32_t i = all ? 0 : number; i < (all ? object->size : number + 1); i++) {
        set->of[i].value = values[i];
        set->of[i].last = current_process()->pid;
        list_for_each (undo, &set->undos, node)
            undo->adjust[i] = 0;        // nobody's exit is to change it
    }
    object->times[2] = timestamp_counter();
    serve(set);
    return 0;
}

#define SEM_LIMITS SYSV_MAX * SEMMSL, SYSV_MAX, SYSV_MAX * SEMMSL, SYSV_MAX, SEMMSL, \
                   SEMOPM, SEMOPM, 0, SEMVMX

struct sysv_kind sem_kind = {
    .name = "sem", .bytes = sizeof(struct sem_set),
    .bytes_each = sizeof(struct semaphore), .size_max = SEMMSL,
    .stat_command = SEM_STAT, .status_size = 64, .info_sizes = { 40, 40 },
    .infos = { { SEM_LIMITS, SEMVMX }, { SEM_LIMITS, 0 } },
    .count_word = 7, .sums = { { 4, 9 } }, .nr_shown = 1, .shown = { 4 },
    .tell = set_tell, .init = set_init, .control = set_control,
    .remove = set_remove, .show = set_show,
    .objects = LIST_INIT(sem_kind.objects),
};

/* -- semop ------------------------------------------------------------------------- */

long sem_operate(int id, uint32_t count, const struct trap_frame *frame) {
    struct sysv_object *object = sysv_find(&sem_kind, id);
    nanoseconds_t deadline = DEADLINE_NEVER;
    uint32_t timeout = 0;
    unsigned wanted = MAY_READ, flags = 0;
    struct sem_waiter w;

    if (count == 0) return -EINVAL;
    if (count > SEMOPM) return -E2BIG;
    if (copy_from_user(w.operations, uptr(frame->edi), count * sizeof(*w.operations))
        || (frame->ebx == CALL_SEMTIMEDOP && sixth_argument(frame, &timeout)))
        return -EFAULT;
    long result =
        timeout ? deadline_from_user(uptr(timeout), TIMEOUT_SPAN, &deadline) : 0;
    if (result) return result;
    if (!object) return -EINVAL;
    struct sem_set *set = set_of(object);
    for (unsigned i = 0; i < count; i++) {
        if (w.operations[i].number >= object->size) return -EFBIG;
        if (w.operations[i].change != 0) wanted = MAY_WRITE;
        flags |= (unsigned)w.operations[i].flags;
    }
    if ((result = sysv_permission(object, wanted))) return result;
    w.pid = current_process()->pid;
    if (flags & SEM_UNDO && !(w.undo = undo_of(set, w.pid, true))) return -ENOMEM;
    w.count = count;
    result = attempt(set, &w);
    if (result == 0) serve(set);
    if (result != -EINPROGRESS) return result;
    waiter_init_for(&w.waiter, &set->waiters, current());
    result = wait_sleep_waiter(&w.waiter, deadline);
    return result == -ETIMEDOUT ? -EAGAIN : result;
}
