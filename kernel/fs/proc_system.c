/* proc_system.c - what /proc tells of the machine: memory, time, CPUs, file systems.
 *
 * Linux: the load is that of this moment, because nothing samples it; a CPU's time that
 *   is not idle counts as the users'.
 * Sleeps: never.
 * See: proc(5).
 */
#include "arch/x86/cpu.h"
#include "arch/x86/features.h"
#include "arch/x86/timer_device.h"
#include "fs/procfs.h"
#include "mm/frame_alloc.h"
#include "sched/process.h"
#include "sched/scheduler.h"

static const char *command_line;

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

static nanoseconds_t idle_time(void) {
    nanoseconds_t idle = 0;

    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        idle += idle_time_of(cpu);
    return idle;
}

static void show_uptime(struct text *text) {
    uint32_t up_rest, idle_rest;
    uint64_t up = divide_u64(proc_ticks(time_now()), 100, &up_rest);
    uint64_t idle = divide_u64(proc_ticks(idle_time()), 100, &idle_rest);

    text_printf(text, "%llu.%02u %llu.%02u\n", up, up_rest, idle, idle_rest);
}

static void show_loadavg(struct text *text) {
    uint32_t running = sched_runnable();

    text_printf(text, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running,
                running, list_length(&all_threads), id_last());
}

static void show_cpu(struct text *text, nanoseconds_t user, nanoseconds_t system,
                     nanoseconds_t idle) {
    text_printf(text, " %llu 0 %llu %llu 0 0 0 0 0 0\n", proc_ticks(user),
                proc_ticks(system), proc_ticks(idle));
}

/* Time that is gone is kept by somebody: a zombie, or who waited for one. */
static void show_stat(struct text *text) {
    nanoseconds_t user = 0, system = 0, now = time_now();
    uint32_t switches = 0;
    const struct process *p;

    list_for_each (p, &all_processes, all_node) {
        struct usage usage = process_usage(p);
        const struct usage *children = &p->children_usage;
        user += usage.user_time + children->user_time;
        system += usage.system_time + children->system_time;
        switches += usage.switches_voluntary + usage.switches_forced
                    + children->switches_voluntary + children->switches_forced;
    }
    text_printf(text, "cpu ");
    show_cpu(text, user, system, idle_time());
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        nanoseconds_t idle = idle_time_of(cpu);
        text_printf(text, "cpu%u", cpu);
        show_cpu(text, now > idle ? now - idle : 0, 0, idle);
    }
    text_printf(text, "ctxt %u\nbtime %llu\nprocesses %d\nprocs_running %u\n", switches,
                divide_u64(time_realtime() - now, (uint32_t)SECOND, NULL), id_last(),
                sched_runnable());
}

/* -- What it is -------------------------------------------------------------------- */

static void show_cpuinfo(struct text *text) {
    const struct cpu_features *f = &cpu_features;
    const struct {
        uint32_t word, bit;
        const char *name;
    } flags[] = {
        { f->edx, 0, "fpu" }, { f->edx, 6, "pae" }, { f->edx, 9, "apic" },
        { f->edx, 11, "sep" }, { f->edx, 23, "mmx" }, { f->edx, 24, "fxsr" },
        { f->edx, 25, "sse" }, { f->edx, 26, "sse2" }, { f->no_execute, 0, "nx" },
        { f->leaf7_ebx, 7, "smep" }, { f->leaf7_ebx, 20, "smap" },
    };

    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        text_printf(text, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\n", cpu,
                    f->vendor, f->family);
        text_printf(text, "model\t\t: %u\nmodel name\t: %s\ncpu MHz\t\t: %u.%03u\n",
                    f->model, f->brand, tsc_kilohertz / 1000, tsc_kilohertz % 1000);
        text_printf(text, "flags\t\t:");
        for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
            if (flags[i].word >> flags[i].bit & 1)
                text_printf(text, " %s", flags[i].name);
        text_printf(text, "\n\n");
    }
}

static void show_version(struct text *text) {
    text_printf(text, "Parley version " PARLEY_VERSION "\n");
}

static void show_cmdline(struct text *text) { text_printf(text, "%s\n", command_line); }

static void show_mounts(struct text *text) {
    const struct file_system *fs;

    list_for_each (fs, &all_file_systems, node)
        text_printf(text, "%s %s %s rw 0 0\n", fs->type, fs->where, fs->type);
}

void proc_system_init(const char *line) {
    static struct proc_entry entries[] = {
        { .name = "meminfo", .show = show_meminfo },
        { .name = "uptime", .show = show_uptime },
        { .name = "loadavg", .show = show_loadavg },
        { .name = "stat", .show = show_stat },
        { .name = "cpuinfo", .show = show_cpuinfo },
        { .name = "version", .show = show_version },
        { .name = "cmdline", .show = show_cmdline },
        { .name = "mounts", .show = show_mounts },
        { .name = "self", .mode = S_IFLNK | 0777 },
        { .name = "ipc", .mode = S_IFDIR | 0555 },
    };

    command_line = line;
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
        proc_entry_register(&entries[i]);
}
