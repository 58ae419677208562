/* proc_text.c - what the files of /proc tell: of a process, of the machine, and of the
 * kernel's own health.
 *
 * The numbers are Linux's, in Linux's order: ps, top and free read them by place.
 *
 * /proc/check: `ok` or `bad: ...`, then the ledger, `name number` a line: all that has
 * been taken and must be given back. Two readings by the same program with nothing in
 * between are equal: a text's old bytes go first, and it grows at the same places. What
 * is 0 is left out, and so are the heap's own frames, because the same objects may need
 * more or fewer of them.
 *
 * /proc/trace: the rings of core/trace.h, one event a line, oldest first:
 *      TIME cpu CPU tid TID EVENT WORD VALUE ...
 * TIME is the TSC's. EVENT is a system call's name, or one of core/trace.def in
 * capitals; that has the words, too. Their values are hexadecimal.
 * /proc/ipc: kernel/ipc/README.md.
 * Sleeps: never.
 * Linux: what Parley does not have (swap, control groups, wait channels as addresses)
 *   is 0, and so is what proc(5) calls obsolete. The load is that of this moment,
 *   because nothing samples it; a CPU's time that is not idle counts as the users'.
 * Tests: user/tests/proc_pid.c, proc_system.c, native_proc_ipc.c
 * See: proc(5).
 */
#include "arch/x86/cpu.h"
#include "arch.h"
#include "core/check.h"
#include "core/trace.h"
#include "fs/devfs.h"
#include "fs/procfs.h"
#include "mm/address_space.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

/* -- Processes --------------------------------------------------------------------- */

static const char *name_of_text(const struct text *text) {
    return text->thread->tid ? text->thread->name : text->process->name;
}

/* A first thread that has ended is a zombie as long as others live. */
static const char *state_of(const struct text *text) {
    if (text->thread->tid != text->id) return "Z (zombie)";
    if (text->process->stopped) return "T (stopped)";
    return text->thread->state == THREAD_BLOCKED ? "S (sleeping)" : "R (running)";
}

static void show_stat(struct text *text) {
    const struct process *p = text->process;
    const struct thread *t = text->thread;
    const struct usage own = process_usage(p), *children = &p->children_usage;
    int realtime = max(t->base_priority - PRIORITY_REALTIME, 0), foreground;
    uint32_t tty = tty_of_session(p->session, &foreground);
    const int64_t fields[53] = {        // by their numbers in proc(5)
        [4] = p->parent ? p->parent->pid : 0, [5] = p->group, [6] = p->session,
        [7] = tty, [8] = foreground, [10] = own.minor_faults,
        [11] = children->minor_faults, [14] = clock_ticks(own.user_time),
        [15] = clock_ticks(own.system_time), [16] = clock_ticks(children->user_time),
        [17] = clock_ticks(children->system_time),
        [18] = realtime ? -1 - realtime : 20 + t->nice, [19] = t->nice,
        [20] = p->nr_threads, [22] = clock_ticks(p->started),
        [23] = text->space->nr_mapped_pages * PAGE_SIZE,
        [24] = space_resident(text->space), [25] = UINT32_MAX,
        [28] = p->arguments_start, [38] = p->exit_signal,
        [39] = t->cpu ? t->cpu->number : 0, [40] = realtime, [41] = t->policy,
    };

    text_printf(text, "%d (%s) %c", text->id, name_of_text(text), *state_of(text));
    for (unsigned i = 4; i < ARRAY_SIZE(fields); i++)
        text_printf(text, " %lld", fields[i]);
    text_add(text, "\n", 1);
}

static void show_statm(struct text *text) {
    text_printf(text, "%u %u 0 0 0 %u 0\n", text->space->nr_mapped_pages,
                space_resident(text->space), text->space->nr_mapped_pages);
}

static void show_status(struct text *text) {
    const struct process *p = text->process;
    const struct credentials *c = &p->credentials;
    sigset_t handled[3] = { 0 };        // by SIG_DFL, SIG_IGN, and any other handler

    for (int signal = 1; signal <= SIGNALS; signal++)
        handled[min(p->actions[signal - 1].handler, 2u)] |= sigset_of(signal);
    text_printf(text,
                "Name:\t%s\nState:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n"
                "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n"
                "VmSize:\t%8u kB\nVmRSS:\t%8u kB\nThreads:\t%u\n"
                "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n"
                "SigIgn:\t%016llx\nSigCgt:\t%016llx\n",
                name_of_text(text), state_of(text), p->pid, text->id,
                p->parent ? p->parent->pid : 0, c->uid, c->euid, c->suid, c->euid,
                c->gid, c->egid, c->sgid, c->egid,
                text->space->nr_mapped_pages * (PAGE_SIZE / 1024),
                space_resident(text->space) * (PAGE_SIZE / 1024), p->nr_threads,
                text->thread->pending.set, p->pending.set, text->thread->blocked,
                handled[SIG_IGN], handled[2]);
}

static void show_comm(struct text *text) {
    text_printf(text, "%s\n", name_of_text(text));
}

/* -- Memory ------------------------------------------------------------------------ */

static void show_cmdline(struct text *text) {
    vaddr_t at = text->process->arguments_start, end = text->process->arguments_end;
    struct address_space *space = text->process->space;
    char piece[128];

    for (size_t n; space && at < end; at += n) {
        n = min((size_t)(end - at), sizeof(piece));
        if (space_read(space, piece, uptr(at), n)) break;
        text_add(text, piece, n);
    }
}

static void show_maps(struct text *text) {
    const struct address_space *space = text->space;
    struct inode *program = text->process->executable;
    ssize_t length = program ? path_of_inode(program) : 0;
    const struct region *r;

    list_for_each (r, &space->regions, node) {
        bool is_heap = r->start < space->heap_end && r->end > space->heap_start;
        const char *name = r->flags & REGION_SYSTEM       ? "[vdso]"
                           : r->flags & REGION_GROWS_DOWN ? "[stack]"
                           : !r->object                   ? is_heap ? "[heap]" : ""
                           : length > 0 && r->object == program->object
                               ? path_buffer + PATH_MAX - length
                               : "";
        text_printf(text, "%08x-%08x %c%c%c%c %08x 00:00 0 %16s", r->start, r->end,
                    r->protection & PROT_READ ? 'r' : '-',
                    r->protection & PROT_WRITE ? 'w' : '-',
                    r->protection & PROT_EXEC ? 'x' : '-',
                    r->flags & REGION_SHARED ? 's' : 'p', r->first_page << PAGE_SHIFT,
                    "");
        text_add(text, name, strlen(name));
        text_add(text, "\n", 1);
    }
}

/* Parley's own: the page table, one line a page. Address; the frames, as their numbers,
 * of its directory, its table and itself; how many hold that; writable, executable,
 * accessed, dirty. */
static void show_pages(struct text *text) {
    struct address_space *space = text->process->space;
    const pte_t *e;

    for (vaddr_t at = 0; space && (e = pte_next(space, &at, USER_END)); at += PAGE_SIZE)
        text_printf(text, "%08x %05x %05x %05x %u %c%c%c%c\n", at,
                    (uint32_t)(space->root[pdpt_index(at)] >> PAGE_SHIFT),
                    kernel_to_paddr(e) >> PAGE_SHIFT,
                    frame_paddr(pte_frame(*e)) >> PAGE_SHIFT, pte_frame(*e)->refs,
                    *e & PTE_WRITABLE ? 'w' : '-', *e & PTE_NO_EXECUTE ? '-' : 'x',
                    *e & PTE_ACCESSED ? 'a' : '-', *e & PTE_DIRTY ? 'd' : '-');
}

/* -- The machine ------------------------------------------------------------------- */

static void show_meminfo(struct text *text) {
    const uint32_t *used = frames_used();
    const struct {
        const char *name;
        uint32_t frames;
    } lines[] = {
        { "MemTotal:", frame_count }, { "MemFree:", frames_free },
        { "MemAvailable:", frames_free }, { "Buffers:", 0 },
        { "Cached:", used[FRAME_OBJECT] }, { "SwapTotal:", 0 }, { "SwapFree:", 0 },
        { "AnonPages:", used[FRAME_USER] }, { "Shmem:", used[FRAME_OBJECT] },
        { "Slab:", used[FRAME_HEAP] }, { "KernelStack:", used[FRAME_STACK] },
        { "PageTables:", used[FRAME_PAGE_TABLE] },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        text_printf(text, "%-15s %8u kB\n", lines[i].name,
                    lines[i].frames * (PAGE_SIZE / 1024));
}

static void show_loadavg(struct text *text) {
    uint32_t running = sched_runnable();

    text_printf(text, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running,
                running, list_length(&all_threads), last_tid);
}

/* Time that is gone is kept by somebody: a zombie, or who waited for one. */
static void show_machine_stat(struct text *text) {
    nanoseconds_t now = time_now(), idle[CPU_MAX], idle_in_all = 0;
    struct usage used = { 0 };
    const struct process *p;

    list_for_each (p, &all_processes, all_node) {
        usage_add(&used, process_usage(p));
        usage_add(&used, p->children_usage);
    }
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        idle[cpu] = min(usage_time(thread_usage(cpus[cpu].idle)), now);
        idle_in_all += idle[cpu];
    }
    text_printf(text, "cpu  %d 0 %d %d 0 0 0 0 0 0\n", clock_ticks(used.user_time),
                clock_ticks(used.system_time), clock_ticks(idle_in_all));
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        text_printf(text, "cpu%u %d 0 0 %d 0 0 0 0 0 0\n", cpu,
                    clock_ticks(now - idle[cpu]), clock_ticks(idle[cpu]));
    text_printf(text, "btime %llu\nprocesses %d\n",
                divide_u64(time_realtime() - now, (uint32_t)SECOND, NULL), last_tid);
}

static void show_command_line(struct text *text) {
    text_add(text, proc_command_line, strlen(proc_command_line));
    text_add(text, "\n", 1);
}

static void show_mounts(struct text *text) {
    const struct file_system *fs;

    list_for_each (fs, &all_file_systems, node)
        text_printf(text, "%s %s %s rw 0 0\n", fs->type, fs->where, fs->type);
}

static void show_numbers(struct text *text, const char *kind, const char *const *names,
                         const uint32_t *numbers, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (names[i] && numbers[i])
            text_printf(text, "%s-%s %u\n", kind, names[i], numbers[i]);
}

static void show_check(struct text *text) {
    static const char *const uses[FRAME_USES] = {
        [FRAME_STACK] = "stacks", [FRAME_PAGE_TABLE] = "page-tables",
        [FRAME_USER] = "user", [FRAME_OBJECT] = "objects",
    };
    static const char *const kinds[ACCOUNT_KINDS] = {
        [ACCOUNT_HEAP] = "heap", [ACCOUNT_PROCESSES] = "processes",
        [ACCOUNT_FILES] = "files", [ACCOUNT_SIGNALS] = "signals",
        [ACCOUNT_MESSAGES] = "messages", [ACCOUNT_MESSAGE_BYTES] = "message-bytes",
        [ACCOUNT_MAILBOXES] = "mailboxes", [ACCOUNT_SYSV] = "sysv",
    };
    const char *fault = kcheck();

    text_printf(text, fault ? "bad: %s\n" : "ok\n", fault);
    show_numbers(text, "frames", uses, frames_used(), FRAME_USES);
    show_numbers(text, "objects", heap_type_names, heap_objects, HEAP_TYPES);
    show_numbers(text, "bytes", heap_type_names, heap_bytes, HEAP_TYPES);
    for (unsigned i = 0; i < ACCOUNTS_MAX; i++) {
        char name[24];
        format(name, sizeof(name), "user-%u", accounts[i].uid);
        show_numbers(text, name, kinds, accounts[i].used, ACCOUNT_KINDS);
    }
}

static void show_trace(struct text *text) {
    const struct trace_event *e = NULL;
    char line[120];

    while ((e = trace_after(e))) {
        trace_format(e, line, sizeof(line));
        text_printf(text, "%llu %s\n", e->time, line);
    }
}

/* -- /proc/ipc --------------------------------------------------------------------- */

static void show_limits(struct text *text) {
    static const char *const names[ACCOUNT_KINDS] = {
        [ACCOUNT_MESSAGES] = "messages", [ACCOUNT_MESSAGE_BYTES] = "bytes",
        [ACCOUNT_MAILBOXES] = "mailboxes"
    };

    for (const struct account *a = accounts; a < accounts + ACCOUNTS_MAX; a++) {
        if (!account_is_used(a)) continue;
        text_printf(text, "%u", a->uid);
        for (unsigned i = 0; i < ACCOUNT_KINDS; i++) {
            if (!names[i]) continue;
            text_printf(text, " %s %u", names[i], a->used[i]);
            text_capacity(text, a->limit[i]);
        }
        text_add(text, "\n", 1);
    }
}

static void show_waits(struct text *text) {
    nanoseconds_t now = time_now();
    const struct thread *t;

    list_for_each (t, &all_threads, all_node) {
        const struct timer *timer = &t->wait_timer;
        nanoseconds_t slept = tsc_to_nanoseconds(timestamp_counter() - t->switched);
        nanoseconds_t left = max(timer->deadline, now) - now;
        unsigned i = 0;
        if (t->state != THREAD_BLOCKED) continue;
        do {        // at least one: that may wait for its time-out or a signal only
            const struct waiter *waiter = t->nr_waiters ? &t->waiters[i] : NULL;
            char about[128] = "- -";
            if (waiter) waiter_describe(waiter, about, sizeof(about));
            text_printf(text, "%d %d", t->tid, t->process->pid);
            text_word(text, t->name);
            text_printf(text, " %llu \"%s\" %s", divide_u64(slept, MILLISECOND, NULL),
                        waiter ? waiter->queue->class->name : "time to pass", about);
            text_printf(text, timer->armed ? " %llu" : " -",
                        divide_u64(left, MILLISECOND, NULL));
            text_printf(text, " %u\n", t->switches_voluntary);
        } while (++i < t->nr_waiters);
    }
}

static const struct proc_entry entries[] PROC_TABLE = {
    { .name = "PID/stat", .show = show_stat },
    { .name = "PID/statm", .show = show_statm },
    { .name = "PID/status", .show = show_status },
    { .name = "PID/cmdline", .show = show_cmdline },
    { .name = "PID/comm", .show = show_comm },
    { .name = "PID/maps", .mode = S_IFREG | 0400, .show = show_maps },
    { .name = "PID/pages", .mode = S_IFREG | 0400, .show = show_pages },
    { .name = "PID/cwd", .mode = S_IFLNK | 0777,
      .link = offsetof(struct process, directory) },
    { .name = "PID/exe", .mode = S_IFLNK | 0777,
      .link = offsetof(struct process, executable) },
    { .name = "meminfo", .show = show_meminfo },
    { .name = "loadavg", .show = show_loadavg },
    { .name = "stat", .show = show_machine_stat },
    { .name = "cmdline", .show = show_command_line },
    { .name = "mounts", .show = show_mounts },
    { .name = "check", .show = show_check },
    { .name = "trace", .mode = S_IFREG | 0400, .show = show_trace },
    { .name = "self", .mode = S_IFLNK | 0777 },
    { .name = "ipc", .mode = S_IFDIR | 0555 },
    { .name = "ipc/limits", .show = show_limits },
    { .name = "ipc/waits", .show = show_waits },
};
