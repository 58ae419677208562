/* usage.c - how much time threads and processes have used. */
#include "arch/x86/timer_device.h"
#include "sched/process.h"

struct usage thread_usage(const struct thread *t) {
    uint64_t run = t->run_ticks, system = t->system_ticks, now = timestamp_counter();

    if (t->state == THREAD_RUNNING) run += now;
    if (t == current()) system += now;
    nanoseconds_t all = tsc_to_nanoseconds(run), in_kernel = tsc_to_nanoseconds(system);
    return (struct usage){ .user_time = all > in_kernel ? all - in_kernel : 0,
                           .system_time = in_kernel,
                           .minor_faults = t->faults,
                           .switches_voluntary = t->switches_voluntary,
                           .switches_forced = t->switches_forced };
}

void usage_add(struct usage *to, const struct usage *from) {
    to->user_time += from->user_time;
    to->system_time += from->system_time;
    to->minor_faults += from->minor_faults;
    to->switches_voluntary += from->switches_voluntary;
    to->switches_forced += from->switches_forced;
    to->largest_resident = max(to->largest_resident, from->largest_resident);
}

struct usage process_usage(const struct process *p) {
    struct usage sum = p->usage;
    struct thread *t;

    list_for_each (t, &p->threads, process_node) {
        struct usage own = thread_usage(t);
        usage_add(&sum, &own);
    }
    if (p->space)
        sum.largest_resident = max(sum.largest_resident, p->space->nr_resident);
    return sum;
}
