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
#include "base/string.h"
#include "fs/procfs.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "sched/scheduler.h"
#include "sched/time.h"

int machine_exit_status;
char host_name[65] = "parley";
static const char *command_line;

static uint32_t kib(uint32_t frames)
{
    return frames * (PAGE_SIZE / 1024);
}

static void show_meminfo(struct text *text, struct process *process)
{
    const uint32_t *used = frames_used;
    uint32_t heap = 0;
    const struct {
        const char *name;
        uint32_t kib;
    } lines[] = {
        { "MemTotal:", kib(frame_count) },
        { "MemFree:", kib(frames_free) },
        { "MemAvailable:", kib(frames_free) },
        { "Buffers:", kib(used[FRAME_BUFFER]) },
        { "Cached:", kib(used[FRAME_OBJECT]) },
        { "SwapCached:", 0 },
        { "SwapTotal:", 0 },
        { "SwapFree:", 0 },
        { "Dirty:", 0 },
        { "Writeback:", 0 },
        { "AnonPages:", kib(used[FRAME_USER]) },
        { "Mapped:", 0 },
        { "Shmem:", kib(used[FRAME_OBJECT]) },
        { "Slab:", kib(used[FRAME_HEAP]) },
        { "SReclaimable:", 0 },
        { "KernelStack:", kib(used[FRAME_STACK]) },
        { "PageTables:", kib(used[FRAME_PAGE_TABLE]) },
    };

    (void)process;
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        text_printf(text, "%-15s %8u kB\n", lines[i].name, lines[i].kib);
    for (unsigned type = 0; type < HEAP_TYPES; type++)
        heap += heap_bytes[type];
    text_printf(text, "%-15s %8u kB\n", "KernelHeap:", heap / 1024);
}

/* -- Time -------------------------------------------------------------------------- */

static nanoseconds_t idle_time_of(unsigned cpu)
{
    return min(tsc_to_nanoseconds(thread_ticks(cpus[cpu].idle).run), time_now());
}

/* Rounded up: what has begun is not 0. */
static void show_seconds(struct text *text, nanoseconds_t time, char end)
{
    uint64_t all = divide_u64(time + 10 * MILLISECOND - 1, 10 * MILLISECOND, NULL);
    uint32_t hundredths;
    uint64_t seconds = divide_u64(all, 100, &hundredths);

    text_printf(text, "%llu.%02u%c", seconds, hundredths, end);
}

static void show_uptime(struct text *text, struct process *process)
{
    nanoseconds_t idle = 0;

    (void)process;
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        idle += idle_time_of(cpu);
    show_seconds(text, time_now(), ' ');
    show_seconds(text, idle, '\n');
}

static void show_loadavg(struct text *text, struct process *process)
{
    uint32_t running = sched_runnable();

    (void)process;
    text_printf(text, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running,
                running, list_length(&all_threads), id_last());
}

static void add_usage(struct usage *sum, const struct usage *usage)
{
    sum->user_time += usage->user_time;
    sum->system_time += usage->system_time;
    sum->switches_voluntary += usage->switches_voluntary;
    sum->switches_forced += usage->switches_forced;
}

static void show_cpu(struct text *text, nanoseconds_t user, nanoseconds_t system,
                     nanoseconds_t idle)
{
    text_printf(text, " %llu 0 %llu %llu 0 0 0 0 0 0\n",
                divide_u64(user, 10 * MILLISECOND, NULL),
                divide_u64(system, 10 * MILLISECOND, NULL),
                divide_u64(idle, 10 * MILLISECOND, NULL));
}

/* Time that is gone is kept by somebody: a zombie, or who waited for one. */
static void show_stat(struct text *text, struct process *process)
{
    struct usage sum = { 0 };
    nanoseconds_t idle = 0, now = time_now();
    const struct process *p;

    (void)process;
    list_for_each (p, &all_processes, all_node) {
        struct usage usage = process_usage(p);
        add_usage(&sum, &usage);
        add_usage(&sum, &p->children_usage);
    }
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        idle += idle_time_of(cpu);
    text_printf(text, "cpu ");
    show_cpu(text, sum.user_time, sum.system_time, idle);
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        nanoseconds_t idle_here = idle_time_of(cpu);
        text_printf(text, "cpu%u", cpu);
        show_cpu(text, now > idle_here ? now - idle_here : 0, 0, idle_here);
    }
    text_printf(text, "ctxt %u\n", sum.switches_voluntary + sum.switches_forced);
    text_printf(text, "btime %llu\n",
                divide_u64(time_realtime() - now, (uint32_t)SECOND, NULL));
    text_printf(text, "processes %d\nprocs_running %u\nprocs_blocked 0\n", id_last(),
                sched_runnable());
}

/* -- What it is -------------------------------------------------------------------- */

/* The flags that programs look for, where CPUID has them. */
static void show_flags(struct text *text)
{
    static const struct {
        uint8_t word, bit;
        const char *name;
    } flags[] = {
        { 0, 0, "fpu" }, { 0, 3, "pse" }, { 0, 4, "tsc" }, { 0, 5, "msr" },
        { 0, 6, "pae" }, { 0, 8, "cx8" }, { 0, 9, "apic" }, { 0, 11, "sep" },
        { 0, 13, "pge" }, { 0, 15, "cmov" }, { 0, 16, "pat" }, { 0, 23, "mmx" },
        { 0, 24, "fxsr" }, { 0, 25, "sse" }, { 0, 26, "sse2" }, { 1, 0, "pni" },
        { 1, 9, "ssse3" }, { 1, 19, "sse4_1" }, { 1, 20, "sse4_2" },
        { 1, 23, "popcnt" }, { 1, 30, "rdrand" }, { 2, 7, "smep" }, { 2, 20, "smap" },
    };
    const uint32_t words[] = { cpu_features.edx, cpu_features.ecx,
                               cpu_features.leaf7_ebx };

    text_printf(text, "flags\t\t:");
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        if (words[flags[i].word] >> flags[i].bit & 1)
            text_printf(text, " %s", flags[i].name);
    if (cpu_features.no_execute)
        text_printf(text, " nx");
    text_printf(text, "\n\n");
}

static void show_cpuinfo(struct text *text, struct process *process)
{
    const struct cpu_features *f = &cpu_features;

    (void)process;
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        text_printf(text, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\n", cpu,
                    f->vendor, f->family);
        text_printf(text, "model\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", f->model,
                    f->brand, f->stepping);
        text_printf(text, "cpu MHz\t\t: %u.%03u\napicid\t\t: %u\n",
                    tsc_kilohertz / 1000, tsc_kilohertz % 1000, cpus[cpu].apic_id);
        show_flags(text);
    }
}

static void show_version(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, "Parley version %s\n", PARLEY_VERSION);
}

static void show_cmdline(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, "%s\n", command_line);
}

static void show_mounts(struct text *text, struct process *process)
{
    const struct file_system *fs;

    (void)process;
    list_for_each (fs, &all_file_systems, node)
        text_printf(text, "%s %s %s rw 0 0\n", fs->type, fs->where, fs->type);
}

static void show_filesystems(struct text *text, struct process *process)
{
    const struct file_system *fs, *other;

    (void)process;
    list_for_each (fs, &all_file_systems, node) {
        list_for_each (other, &all_file_systems, node)
            if (strcmp(other->type, fs->type) == 0)
                break;
        if (other == fs)
            text_printf(text, "nodev\t%s\n", fs->type);
    }
}

/* -- sys/kernel, exit_status ------------------------------------------------------- */

static void show_pid_max(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, "%d\n", INT32_MAX);
}

static void show_hostname(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, "%s\n", host_name);
}

static int store_hostname(const char *value, struct process *process)
{
    (void)process;
    string_copy(host_name, value, sizeof(host_name));
    return 0;
}

static void show_ostype(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, "Parley\n");
}

static void show_osrelease(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, PARLEY_VERSION "\n");
}

static void show_exit_status(struct text *text, struct process *process)
{
    (void)process;
    text_printf(text, "%d\n", machine_exit_status);
}

static int store_exit_status(const char *value, struct process *process)
{
    uint32_t status;

    (void)process;
    if (!string_to_u32(value, &status) || status > 255)
        return -EINVAL;
    machine_exit_status = (int)status;
    return 0;
}

void proc_system_init(const char *line)
{
    static struct proc_entry entries[] = {
        { .name = "meminfo", .show = show_meminfo },
        { .name = "uptime", .show = show_uptime },
        { .name = "loadavg", .show = show_loadavg },
        { .name = "stat", .show = show_stat },
        { .name = "cpuinfo", .show = show_cpuinfo },
        { .name = "version", .show = show_version },
        { .name = "cmdline", .show = show_cmdline },
        { .name = "mounts", .show = show_mounts },
        { .name = "filesystems", .show = show_filesystems },
        { .name = "exit_status", .mode = 0644, .show = show_exit_status,
          .store = store_exit_status },
        { .name = "sys/kernel/pid_max", .show = show_pid_max },
        { .name = "sys/kernel/hostname", .mode = 0644, .show = show_hostname,
          .store = store_hostname },
        { .name = "sys/kernel/ostype", .show = show_ostype },
        { .name = "sys/kernel/osrelease", .show = show_osrelease },
    };

    command_line = line;
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
        proc_entry_register(&entries[i]);
}
