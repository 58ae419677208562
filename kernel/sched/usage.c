/* usage.c - how much time threads and processes have used. */
#include "arch/x86/timer_device.h"
#include "sched/process.h"

struct usage thread_usage(const struct thread *t)
{
    uint64_t now = timestamp_counter(), run = t->run_ticks, system = t->system_ticks;

    if (t->state == THREAD_RUNNING) {
        run += now - t->switched_in;
        if (t == current())
            system += (uint32_t)now - t->entered;
    }
    nanoseconds_t all = tsc_to_nanoseconds(run), kernel = tsc_to_nanoseconds(system);
    return (struct usage){
        .user_time = all > kernel ? all - kernel : 0,
        .system_time = kernel,
        .switches_voluntary = t->switches_voluntary,
        .switches_forced = t->switches_forced,
        .minor_faults = t->faults,
    };
}

struct usage process_usage(const struct process *p)
{
    struct usage sum = p->usage;
    struct thread *t;

    list_for_each (t, &p->threads, process_node) {
        struct usage u = thread_usage(t);
        sum.user_time += u.user_time;
        sum.system_time += u.system_time;
        sum.switches_voluntary += u.switches_voluntary;
        sum.switches_forced += u.switches_forced;
        sum.minor_faults += u.minor_faults;
    }
    if (p->space)
        sum.largest_resident = max(sum.largest_resident, p->space->nr_resident);
    return sum;
}
