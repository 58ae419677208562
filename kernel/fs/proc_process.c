/* proc_process.c - what /proc/PID tells of a process.
 *
 * The numbers are Linux's, in Linux's order: ps, top and free read them by place.
 * Sleeps: never.
 * Linux: what Parley does not have (swap, control groups, wait channels as addresses)
 *   is 0; wchan names what the thread waits for.
 * See: proc(5).
 */
#include "base/string.h"
#include "fs/procfs.h"
#include "fs/tty.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "sched/time.h"

enum { KIB_PER_PAGE = PAGE_SIZE / 1024 };

struct thread *proc_thread(const struct process *process, pid_t id)
{
    struct thread *thread = thread_find(id);

    if (thread && thread->process == process)
        return thread;
    return list_first_entry(&process->threads, struct thread, process_node);
}

static uint32_t ticks(nanoseconds_t time)
{
    return (uint32_t)divide_u64(time, 10 * MILLISECOND, NULL);
}

/* id: whom it is about. A first thread that has ended is a zombie while others live. */
static char state_of(const struct process *process, const struct thread *thread,
                     pid_t id)
{
    if (!thread || thread->tid != id)
        return 'Z';
    if (process->stopped)
        return 'T';
    return thread->state == THREAD_BLOCKED ? 'S'
           : thread->state == THREAD_DEAD  ? 'X'
                                           : 'R';
}

static const char *name_of(const struct process *process, const struct thread *thread)
{
    return thread ? thread->name : process->name;
}

/* What is pending for process and thread, blocked, ignored and caught. */
struct signal_sets {
    sigset_t pending, shared, blocked, ignored, caught;
};

static struct signal_sets signal_sets_of(const struct process *process,
                                         const struct thread *thread)
{
    struct signal_sets sets = { .shared = process->pending.set };

    if (thread) {
        sets.pending = thread->pending.set;
        sets.blocked = thread->blocked;
    }
    for (int signal = 1; signal <= SIGNALS; signal++) {
        uint32_t handler = process->actions->of[signal - 1].handler;
        if (handler == SIG_IGN)
            sets.ignored |= sigset_of(signal);
        else if (handler != SIG_DFL)
            sets.caught |= sigset_of(signal);
    }
    return sets;
}

/* -- stat, statm, status ----------------------------------------------------------- */

/* Fields 4 to 22 of stat. */
static void show_stat_family(struct text *text, const struct process *process,
                             const struct thread *thread)
{
    const struct session *session = process->group ? process->group->session : NULL;
    const struct tty *tty = session ? session->terminal : NULL;
    struct usage usage = process_usage(process);
    const struct usage *children = &process->children_usage;
    bool realtime = thread && thread->base_priority > PRIORITY_REALTIME;
    int nice = thread ? thread->nice : 0;

    text_printf(text, " %d %d %d", process->parent ? process->parent->pid : 0,
                process->group ? process->group->id : 0, session ? session->id : 0);
    text_printf(text, " %u %d 0", tty ? tty->terminal->number : 0,
                tty ? tty->foreground : -1);
    text_printf(text, " %u %u 0 0", usage.minor_faults, children->minor_faults);
    text_printf(text, " %u %u %u %u", ticks(usage.user_time), ticks(usage.system_time),
                ticks(children->user_time), ticks(children->system_time));
    // a start rounded up, as /proc/uptime is: it is never 0
    text_printf(text, " %d %d %u 0 %u",
                realtime ? -1 - (thread->base_priority - PRIORITY_REALTIME) : 20 + nice,
                nice, process->nr_threads, ticks(process->started) + 1);
}

/* Fields 23 to 52. */
static void show_stat_memory(struct text *text, const struct process *process,
                             const struct thread *thread)
{
    const struct address_space *space = process->space;
    struct signal_sets sets = signal_sets_of(process, thread);

    text_printf(text, " %u %u 4294967295",
                space ? space->nr_mapped_pages * PAGE_SIZE : 0,
                space ? space->nr_resident : 0);
    text_printf(text, " 0 0 %u 0 0", process->arguments_start);
    text_printf(text, " %u %u %u %u",
                (uint32_t)(sets.pending | sets.shared) & INT32_MAX,
                (uint32_t)sets.blocked & INT32_MAX, (uint32_t)sets.ignored & INT32_MAX,
                (uint32_t)sets.caught & INT32_MAX);
    text_printf(text, " %d 0 0 %d %u", thread && thread->state == THREAD_BLOCKED,
                process->exit_signal, thread ? thread->cpu->number : 0);
    text_printf(text, " %d %u 0 0 0",
                thread ? max(thread->base_priority - PRIORITY_REALTIME, 0) : 0,
                thread ? thread->policy : 0);
    text_printf(text, " 0 0 %u %u %u %u %u %d\n", space ? space->heap_start : 0,
                process->arguments_start, process->arguments_end,
                process->environment_start, process->environment_end,
                process->exit_status);
}

static void show_stat(struct text *text, struct process *process)
{
    const struct thread *thread = proc_thread(process, text->id);

    text_printf(text, "%d (%s) %c", text->id, name_of(process, thread),
                state_of(process, thread, text->id));
    show_stat_family(text, process, thread);
    show_stat_memory(text, process, thread);
}

static void show_statm(struct text *text, struct process *process)
{
    const struct address_space *space = process->space;

    text_printf(text, "%u %u 0 0 0 %u 0\n", space ? space->nr_mapped_pages : 0,
                space ? space->nr_resident : 0, space ? space->nr_mapped_pages : 0);
}

static void show_status_signals(struct text *text, const struct process *process,
                                const struct thread *thread)
{
    struct signal_sets sets = signal_sets_of(process, thread);

    text_printf(text, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
                sets.pending, sets.shared, sets.blocked);
    text_printf(text, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", sets.ignored,
                sets.caught);
}

static void show_status(struct text *text, struct process *process)
{
    const struct thread *thread = proc_thread(process, text->id);
    const struct credentials *c = &process->credentials;
    const struct address_space *space = process->space;
    static const char *const words[] = { ['R'] = "running", ['S'] = "sleeping",
                                         ['T'] = "stopped", ['Z'] = "zombie",
                                         ['X'] = "dead" };
    char state = state_of(process, thread, text->id);

    text_printf(text, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\n",
                name_of(process, thread), process->umask, state, words[(int)state]);
    text_printf(text, "Tgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", process->pid,
                text->id, process->parent ? process->parent->pid : 0);
    text_printf(text, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->euid);
    text_printf(text, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->egid);
    text_printf(text, "FDSize:\t%u\nGroups:\t",
                process->files ? process->files->size : 0);
    for (uint32_t i = 0; i < c->nr_groups; i++)
        text_printf(text, "%u ", c->groups[i]);
    text_printf(text, "\n");
    if (space)
        text_printf(text, "VmSize:\t%8u kB\nVmRSS:\t%8u kB\n",
                    space->nr_mapped_pages * KIB_PER_PAGE,
                    space->nr_resident * KIB_PER_PAGE);
    text_printf(text, "Threads:\t%u\n", process->nr_threads);
    show_status_signals(text, process, thread);
    if (thread)
        text_printf(text,
                    "voluntary_ctxt_switches:\t%u\nnonvoluntary_ctxt_switches:\t%u\n",
                    thread->switches_voluntary, thread->switches_forced);
}

static void show_comm(struct text *text, struct process *process)
{
    text_printf(text, "%s\n", name_of(process, proc_thread(process, text->id)));
}

/* What the thread waits for, in words; 0: it does not wait. */
static void show_wchan(struct text *text, struct process *process)
{
    const struct thread *thread = proc_thread(process, text->id);

    if (thread && thread->state == THREAD_BLOCKED && thread->nr_waiters)
        text_printf(text, "%s", thread->waiters[0].queue->class->name);
    else
        text_printf(text, "0");
}

/* -- Memory ------------------------------------------------------------------------ */

static void show_memory(struct text *text, struct process *process, vaddr_t start,
                        vaddr_t end)
{
    char piece[128];

    while (process->space && start < end) {
        size_t n = min((size_t)(end - start), sizeof(piece));
        if (space_read(process->space, piece, uptr(start), n))
            break;
        text_add(text, piece, n);
        start += n;
    }
}

static void show_cmdline(struct text *text, struct process *process)
{
    show_memory(text, process, process->arguments_start, process->arguments_end);
}

static void show_environ(struct text *text, struct process *process)
{
    show_memory(text, process, process->environment_start, process->environment_end);
}

static const char *region_name(const struct region *region,
                               const struct process *process, const char *program)
{
    const struct address_space *space = region->space;

    if (region->flags & REGION_SYSTEM)
        return "[vdso]";
    if (region->flags & REGION_GROWS_DOWN)
        return "[stack]";
    if (region->object && process->executable
        && region->object == process->executable->object)
        return program;
    if (!region->object && region->start < space->heap_end
        && region->end > space->heap_start)
        return "[heap]";
    return "";
}

static void show_maps(struct text *text, struct process *process)
{
    char *program = heap_alloc(HEAP_PATH, PATH_MAX);
    const struct region *r;

    if (!program) {
        text->is_cut = true;
        return;
    }
    if (process->executable && proc_path_of(process->executable, program, PATH_MAX) < 0)
        program[0] = '\0';
    if (process->space) {
        list_for_each (r, &process->space->regions, node)
            text_printf(text, "%08x-%08x %c%c%c%c %08x 00:00 0 %16s%s\n", r->start,
                        r->end, r->protection & PROT_READ ? 'r' : '-',
                        r->protection & PROT_WRITE ? 'w' : '-',
                        r->protection & PROT_EXEC ? 'x' : '-',
                        r->flags & REGION_SHARED ? 's' : 'p',
                        r->first_page << PAGE_SHIFT, "",
                        region_name(r, process, program));
    }
    heap_free(program);
}

/* -- Limits ------------------------------------------------------------------------ */

static void show_limit(struct text *text, uint64_t value)
{
    if (value == LIMIT_INFINITY)
        text_printf(text, "%-21s", "unlimited");
    else
        text_printf(text, "%-21llu", value);
}

static void show_limits(struct text *text, struct process *process)
{
    static const char *const names[LIMITS][2] = {
        { "Max cpu time", "seconds" },
        { "Max file size", "bytes" },
        { "Max data size", "bytes" },
        { "Max stack size", "bytes" },
        { "Max core file size", "bytes" },
        { "Max resident set", "bytes" },
        { "Max processes", "processes" },
        { "Max open files", "files" },
        { "Max locked memory", "bytes" },
        { "Max address space", "bytes" },
        { "Max file locks", "locks" },
        { "Max pending signals", "signals" },
        { "Max msgqueue size", "bytes" },
        { "Max nice priority", "" },
        { "Max realtime priority", "" },
        { "Max realtime timeout", "us" },
    };

    text_printf(text, "%-26s%-21s%-21s%s\n", "Limit", "Soft Limit", "Hard Limit",
                "Units");
    for (unsigned i = 0; i < LIMITS; i++) {
        text_printf(text, "%-26s", names[i][0]);
        show_limit(text, process->limits[i].soft);
        show_limit(text, process->limits[i].hard);
        text_printf(text, "%s\n", names[i][1]);
    }
}

void proc_process_init(void)
{
    static struct proc_entry entries[] = {
        { .name = "stat", .show = show_stat },
        { .name = "statm", .show = show_statm },
        { .name = "status", .show = show_status },
        { .name = "cmdline", .show = show_cmdline },
        { .name = "comm", .show = show_comm },
        { .name = "wchan", .show = show_wchan },
        { .name = "environ", .show = show_environ, .mode = 0400, .owner_only = true },
        { .name = "maps", .show = show_maps, .owner_only = true },
        { .name = "limits", .show = show_limits },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        entries[i].per_process = true;
        proc_entry_register(&entries[i]);
    }
}
