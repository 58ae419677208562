/* usage.c - how much time threads and processes have used. */
#include "arch/x86/timer_device.h"
#include "sched/process.h"

struct ticks thread_ticks(const struct thread *t) {
    struct ticks ticks = { t->run_ticks, t->system_ticks };

    if (t->state == THREAD_RUNNING) ticks.run += timestamp_counter();
    if (t == current()) ticks.system += timestamp_counter();
    return ticks;
}

static void set_times(struct usage *usage, const struct ticks *ticks) {
    nanoseconds_t all = tsc_to_nanoseconds(ticks->run);

    usage->system_time = tsc_to_nanoseconds(ticks->system);
    usage->user_time = all > usage->system_time ? all - usage->system_time : 0;
}

static void add_counts(struct usage *to, const struct thread *t) {
    to->switches_voluntary += t->switches_voluntary;
    to->switches_forced += t->switches_forced;
    to->minor_faults += t->faults;
}

struct usage thread_usage(const struct thread *t) {
    struct ticks ticks = thread_ticks(t);
    struct usage usage = { 0 };

    set_times(&usage, &ticks);
    add_counts(&usage, t);
    return usage;
}

void usage_of_ended_thread(struct process *p, const struct thread *t) {
    struct ticks ticks = thread_ticks(t);

    p->ticks.run += ticks.run;
    p->ticks.system += ticks.system;
    add_counts(&p->usage, t);
}

struct usage process_usage(const struct process *p) {
    struct usage sum = p->usage;
    struct ticks ticks = p->ticks;
    struct thread *t;

    list_for_each (t, &p->threads, process_node) {
        struct ticks own = thread_ticks(t);
        ticks.run += own.run;
        ticks.system += own.system;
        add_counts(&sum, t);
    }
    set_times(&sum, &ticks);
    if (p->space)
        sum.largest_resident = max(sum.largest_resident, p->space->nr_resident);
    return sum;
}
