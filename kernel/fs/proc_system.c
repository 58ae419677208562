/* proc_system.c - what /proc tells of the machine: memory, time, file systems; and what
 * the kernel says about its own health: /proc/check, /proc/trace.
 *
 * /proc/check: `ok` or `bad: ...`, then the ledger, `name number` a line: all that has
 * been taken and must be given back. Two readings by the same program with nothing in
 * between are equal: a text's old bytes go first, and it grows at the same places. What
 * is 0 is left out, and so are the heap's own frames, because the same objects may need
 * more or fewer of them.
 *
 * /proc/trace: the rings of core/trace.h, one event a line, oldest first:
 *      SEQUENCE CPU TIME TID EVENT A B C
 * EVENT is a system call's name, or one of core/trace.def in capitals. TIME (the low
 * word of the TSC) and A B C are hexadecimal.
 * Linux: the load is that of this moment, because nothing samples it; a CPU's time that
 *   is not idle counts as the users'.
 * Sleeps: never.
 * See: proc(5).
 */
#include "arch/x86/cpu.h"
#include "arch.h"
#include "core/check.h"
#include "core/trace.h"
#include "fs/procfs.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

static void show_meminfo(struct text *text) {
    const uint32_t *used = frames_used;
    const struct {
        const char *name;
        uint32_t frames;
    } lines[] = {
        { "MemTotal:", frame_count }, { "MemFree:", frames_free },
        { "MemAvailable:", frames_free }, { "Buffers:", used[FRAME_BUFFER] },
        { "Cached:", used[FRAME_OBJECT] }, { "SwapTotal:", 0 }, { "SwapFree:", 0 },
        { "AnonPages:", used[FRAME_USER] }, { "Shmem:", used[FRAME_OBJECT] },
        { "Slab:", used[FRAME_HEAP] }, { "KernelStack:", used[FRAME_STACK] },
        { "PageTables:", used[FRAME_PAGE_TABLE] },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        text_printf(text, "%-15s %8u kB\n", lines[i].name,
                    lines[i].frames * (PAGE_SIZE / 1024));
}

/* -- Time -------------------------------------------------------------------------- */

static nanoseconds_t idle_time_of(unsigned cpu) {
    return min(usage_time(thread_usage(cpus[cpu].idle)), time_now());
}

static void show_loadavg(struct text *text) {
    uint32_t running = sched_runnable();

    text_printf(text, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running,
                running, list_length(&all_threads), id_last());
}

/* Time that is gone is kept by somebody: a zombie, or who waited for one. */
static void show_stat(struct text *text) {
    static const char *const line = " %llu 0 %llu %llu 0 0 0 0 0 0\n";
    nanoseconds_t user = 0, system = 0, idle = 0, now = time_now();
    const struct process *p;

    list_for_each (p, &all_processes, all_node) {
        struct usage usage = process_usage(p);
        usage_add(&usage, &p->children_usage);
        user += usage.user_time;
        system += usage.system_time;
    }
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) idle += idle_time_of(cpu);
    text_printf(text, "cpu ");
    text_printf(text, line, proc_ticks(user), proc_ticks(system), proc_ticks(idle));
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        idle = idle_time_of(cpu);
        text_printf(text, "cpu%u", cpu);
        text_printf(text, line, proc_ticks(max(now, idle) - idle), 0ull,
                    proc_ticks(idle));
    }
    text_printf(text, "btime %llu\nprocesses %d\n",
                divide_u64(time_realtime() - now, (uint32_t)SECOND, NULL), id_last());
}

/* -- What it is -------------------------------------------------------------------- */

static void show_cmdline(struct text *text) {
    text_printf(text, "%s\n", proc_command_line);
}

static void show_mounts(struct text *text) {
    const struct file_system *fs;

    list_for_each (fs, &all_file_systems, node)
        text_printf(text, "%s %s %s rw 0 0\n", fs->type, fs->where, fs->type);
}

/* -- How it is --------------------------------------------------------------------- */

static void show_numbers(struct text *text, const char *kind, const char *const *names,
                         const uint32_t *numbers, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (names[i] && numbers[i])
            text_printf(text, "%s-%s %u\n", kind, names[i], numbers[i]);
}

static void show_check(struct text *text) {
    static const char *const uses[FRAME_USES] = {
        [FRAME_STACK] = "stacks", [FRAME_PAGE_TABLE] = "page-tables",
        [FRAME_USER] = "user", [FRAME_OBJECT] = "objects", [FRAME_BUFFER] = "buffers",
    };
    static const char *const kinds[ACCOUNT_KINDS] = {
        [ACCOUNT_HEAP] = "heap", [ACCOUNT_PROCESSES] = "processes",
        [ACCOUNT_FILES] = "files", [ACCOUNT_SIGNALS] = "signals",
        [ACCOUNT_MESSAGES] = "messages", [ACCOUNT_MESSAGE_BYTES] = "message-bytes",
        [ACCOUNT_MAILBOXES] = "mailboxes", [ACCOUNT_SYSV] = "sysv",
    };
    const char *fault = kcheck();
    const struct account *account;

    text_printf(text, fault ? "bad: %s\n" : "ok\n", fault);
    show_numbers(text, "frames", uses, frames_used, FRAME_USES);
    show_numbers(text, "objects", heap_type_names, heap_objects, HEAP_TYPES);
    show_numbers(text, "bytes", heap_type_names, heap_bytes, HEAP_TYPES);
    list_for_each (account, &all_accounts, node) {
        char name[24];
        format(name, sizeof(name), "user-%u", account->uid);
        show_numbers(text, name, kinds, account->used, ACCOUNT_KINDS);
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

static const struct proc_entry entries[] PROC_TABLE = {
    { .name = "meminfo", .show = show_meminfo },
    { .name = "loadavg", .show = show_loadavg },
    { .name = "stat", .show = show_stat },
    { .name = "cmdline", .show = show_cmdline },
    { .name = "mounts", .show = show_mounts },
    { .name = "check", .show = show_check },
    { .name = "trace", .mode = S_IFREG | 0400, .show = show_trace },
    { .name = "self", .mode = S_IFLNK | 0777 },
    { .name = "ipc", .mode = S_IFDIR | 0555 },
};
