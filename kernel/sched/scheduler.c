/* scheduler.c - the choice and the switch.
 *
 * One run queue serves all CPUs: with one big lock, a queue for each CPU would buy
 * nothing but balancing code.
 * Invariants: a thread is in the queue if and only if it is READY; idle threads never
 * are; a CPU with cpu->idling set has nothing to do.
 * Wakes: nobody; sched/wait.c decides who becomes ready.
 */
#include "sched/scheduler.h"

#include "base/string.h"
#include "core/check.h"

#define HAND_OVERS_MAX 256      /* in a row, while others wait */
#define TURN_MS    10           /* a turn at nice 0 */
#define STEPS_MAX  16                /* with a seed: steps between preemption choices */
#define CANDIDATES 4                  /* with a seed: how many of the first are equal */

struct run_queue ready;
static uint32_t seed;
static uint32_t generator;      /* never 0 */

bool sched_in_lockstep(void) { return seed && cpu_count > 1; }

/* 0 .. bound - 1. The same seed gives the same choices (Marsaglia's xorshift32). */
static uint32_t choose_below(uint32_t bound) {
    generator ^= generator << 13;
    generator ^= generator >> 17;
    generator ^= generator << 5;
    return (uint32_t)((uint64_t)generator * bound >> 32);
}

static uint32_t steps_to_next_choice(void) {
    return seed ? 1 + choose_below(STEPS_MAX) : UINT32_MAX;
}

/* -- The run queue ----------------------------------------------------------------- */

static void level_add(struct thread *t) {
    list_push_back(&ready.levels[t->priority], &t->run_node);
    ready.count++;
    ready.bitmap[t->priority / 32] |= 1u << t->priority % 32;
}

static void queue_add(struct thread *t) {
    if (queue_is_empty()) {
        ready.only = t;
        return;
    }
    if (ready.only) level_add(ready.only);
    ready.only = NULL;
    level_add(t);
}

static void queue_remove(struct thread *t) {
    if (ready.only == t) {
        ready.only = NULL;
        return;
    }
    list_remove(&t->run_node);
    ready.count--;
    if (list_is_empty(&ready.levels[t->priority]))
        ready.bitmap[t->priority / 32] &= ~(1u << t->priority % 32);
}

/* The highest level below `below` that is not empty; -1: none. */
static int level_below(int below) {
    int word = below / 32;
    uint32_t bits = ready.bitmap[word] & ((1u << below % 32) - 1);

    while (!bits) {
        if (word-- == 0) return -1;
        bits = ready.bitmap[word];
    }
    return word * 32 + 31 - __builtin_clz(bits);
}

static int queue_top(void) {
    return ready.only ? ready.only->priority : level_below(PRIORITIES);
}

/* Of the highest level that has some that may run on this CPU: the first, or the one
 * `skip` places behind it, or the last; NULL: none may. */
static struct thread *queue_search(const struct cpu *cpu, uint32_t skip) {
    struct thread *t, *found = NULL;

    if (ready.only) return may_run_on(ready.only, cpu) ? ready.only : NULL;
    for (int level = PRIORITIES; !found && (level = level_below(level)) >= 0;)
        list_for_each (t, &ready.levels[level], run_node) {
            if (!may_run_on(t, cpu)) continue;
            found = t;
            if (skip-- == 0) break;
        }
    return found;
}

/* -- The switch -------------------------------------------------------------------- */

void thread_bury(struct thread *previous) {
    if (unlikely(previous->state == THREAD_DEAD)) thread_free(previous);
}

/* Ticks that it may run from `switched` while others wait: nice makes it longer or
 * shorter. */
static uint32_t turn_of(const struct thread *t) {
    return tsc_kilohertz * TURN_MS / 20 * (uint32_t)(20 - t->nice);
}

/* While others wait, the timer must end the running thread's turn. It is armed once for
 * many short turns: an interrupt that comes too early arms it again. */
static void arm_turn(struct cpu *cpu, const struct thread *t) {
    uint64_t turn = turn_of(t);

    if (seed) turn = turn / STEPS_MAX * steps_to_next_choice();
    cpu->slice_armed = true;
    time_arm_for(time_now() + tsc_to_nanoseconds(turn));
}

/* Goes on with next, which is in no queue any more; prev is where it belongs. A part of
 * schedule for the sake of two that talk to each other. */
in_line void run_now(struct cpu *cpu, struct thread *prev, struct thread *next) {
    assert(bkl_is_held_by(cpu) && next->magic == THREAD_MAGIC);
    prev->attention &= ~(uint32_t)ATTENTION_RESCHEDULE;
    if (unlikely(!cpu->slice_armed) && next != cpu->idle
        && (!queue_is_empty() || sched_in_lockstep()))
        arm_turn(cpu, next);
    // who had the CPU for how long; one look at the clock serves the trace, too
    struct trace_event *event = trace_place(cpu);
    uint64_t now = timestamp_counter();
    event->time = now;
    prev->run_ticks += now;
    prev->system_ticks += now;
    next->run_ticks -= now;
    next->system_ticks -= now;
    prev->switched = next->switched = now;
    event->type = TRACE_SWITCH;
    event->tid = prev->tid;
    event->a = (uint32_t)next->tid;
    event->b = prev->state;
    if (fpu_is_used(prev)) fpu_switch_out(prev);
    const struct address_space *space = next->space;
    if (space) {
        cpu->account = next->process->account;
        space_activate(cpu, space);
    } else {
        cpu->account = &root_account;
    }
    hand_over_cpu(cpu, prev, next);
    thread_bury(switch_stacks(&prev->esp, next->esp, prev));
}

void thread_begin(void *previous) {
    thread_bury(previous);
    current()->steps_left = steps_to_next_choice();
}

static out_of_line void run(struct cpu *cpu, struct thread *prev, struct thread *next) {
    run_now(cpu, prev, next);
}

/* The first of the queue, or with a seed one of the first few, or the idle thread. */
static out_of_line void run_next(struct cpu *cpu) {
    uint32_t skip = seed && ready.count ? choose_below(CANDIDATES) : 0;
    struct thread *next = queue_search(cpu, skip);

    if (next) queue_remove(next);
    else next = cpu->idle;
    if (next == cpu->running) next->state = THREAD_RUNNING;
    else run(cpu, cpu->running, next);
}

long schedule(struct thread *t) {
    struct thread *only = ready.only;
    struct cpu *cpu = t->cpu;

    if (likely(only && may_run_on(only, cpu))) {
        ready.only = NULL;
        run_now(cpu, t, only);
    } else {
        run_next(cpu);
    }
    return current()->wait_result;
}

void sched_hand_over_slowly(struct thread *next, long result) {
    struct thread *t = current();
    struct cpu *cpu = t->cpu;

    if (next->steps_left == 0) next->steps_left = 1;    // it runs down on its way out
    next->wait_result = result;
    t->system_ticks -= timestamp_counter();     // as if it had just come in
    // Two that talk have short turns each, and no end of them: now and then they go to
    // the end of the queue like others.
    if (likely(may_run_on(next, cpu)
               && (queue_is_empty()
                   || (queue_top() <= next->priority
                       && ++cpu->hand_overs % HAND_OVERS_MAX != 0)))) {
        run(cpu, t, next);
    } else {
        thread_ready(next);
        schedule(t);
    }
}

/* -- Becoming ready ---------------------------------------------------------------- */

static bool is_idle(const struct cpu *cpu) { return cpu->running == cpu->idle; }

/* Makes sure that some CPU soon looks at the queue, where t is now: an idle one, else
 * the one that runs the least important thread, at once or at the end of its turn. */
static void find_cpu(const struct thread *t) {
    struct cpu *weakest = this_cpu();

    if (cpu_count > 1 && !may_run_on(t, weakest)) weakest = NULL;
    else if (cpu_count > 1 && is_idle(weakest))
        return;                 // it looks at the queue on its way out
    for (struct cpu *cpu = cpus; cpu_count > 1 && cpu < cpus + cpu_count; cpu++) {
        if (!may_run_on(t, cpu)) continue;
        if (cpu->idling) {
            cpu->idling = false;
            ipi_reschedule(cpu);
            return;
        }
        if (!weakest || cpu->running->priority < weakest->running->priority)
            weakest = cpu;
    }
    if (!weakest) return;
    if (weakest->running->priority < t->priority)
        thread_call(weakest->running, ATTENTION_RESCHEDULE);
    else if (unlikely(!weakest->slice_armed && weakest != this_cpu()))
        ipi_reschedule(weakest);        // it arms its own timer
    else if (unlikely(!weakest->slice_armed && !is_idle(weakest)))
        arm_turn(weakest, weakest->running);    // what it runs is not alone any more
}

static void enqueue(struct thread *t) {
    t->state = THREAD_READY;
    queue_add(t);
    find_cpu(t);
}

void thread_yield(void) {
    struct thread *t = current(), *only = ready.only;
    struct cpu *cpu = t->cpu;
    bool may_stay = may_run_on(t, cpu);

    t->attention &= ~(uint32_t)ATTENTION_RESCHEDULE;
    if (queue_is_empty() && may_stay) return;
    t->state = THREAD_READY;
    t->switches_forced++;
    if (only && only->priority == t->priority && may_stay && may_run_on(only, cpu)
        && !seed) {
        ready.only = t;                 // two change places
        run(cpu, t, only);
        return;
    }
    queue_add(t);
    if (cpu_count > 1) find_cpu(t);     // who displaces it may have to run here
    schedule(t);
}

void thread_ready(struct thread *t) {
    assert(t->state == THREAD_NEW || t->state == THREAD_BLOCKED);
    if (!queue_only(t)) enqueue(t);
}

void sched_slice_check(void) {
    struct thread *t = current();

    if (t->process && sched_in_lockstep()) arm_turn(t->cpu, t);
    if (!t->process || queue_top() < t->priority
        || (queue_top() == t->priority && t->policy == SCHED_FIFO))
        return;
    // a turn that is nearly over is over
    if (seed || timestamp_counter() - t->switched >= turn_of(t) / 8 * 7)
        t->attention |= ATTENTION_RESCHEDULE;
    else arm_turn(t->cpu, t);
}

void sched_step_expired(struct thread *t) {
    t->steps_left = steps_to_next_choice();
    if (seed && !queue_is_empty()) t->attention |= ATTENTION_RESCHEDULE;
}

void thread_place(struct thread *t, unsigned priority, uint8_t cpus_allowed) {
    bool is_queued = t->state == THREAD_READY;

    if (t->affinity != cpus_allowed) t->attention |= ATTENTION_BOUND;
    else if (t->priority == priority) return;
    else t->attention |= ATTENTION_SLOW;
    if (is_queued) queue_remove(t);
    t->priority = (uint8_t)priority;
    t->affinity = cpus_allowed;
    if (is_queued) enqueue(t);
    else if (t->state == THREAD_RUNNING
             && (queue_top() > (int)priority || !may_run_on(t, t->cpu)))
        thread_call(t, ATTENTION_RESCHEDULE);
}

uint32_t sched_runnable(void) {
    uint32_t n = ready.count + (ready.only != NULL);

    for (unsigned i = 0; i < cpu_count; i++) n += !is_idle(&cpus[i]);
    return n;
}

/* -- Idle, start ------------------------------------------------------------------- */

void cpu_idle(void) {
    for (;;) {
        if (queue_search(this_cpu(), 0)) schedule(current());
        else cpu_wait_for_interrupt();
    }
}

bool sched_create_idle(struct cpu *cpu) {
    struct thread *idle = cpu->idle;    // of the CPU that boots: what boots

    uint64_t now = timestamp_counter();

    if (!idle && !(idle = (struct thread *)stack_alloc())) return false;
    cpu->number = (uint32_t)(cpu - cpus);
    cpu->affinity_bit = (uint8_t)(1u << cpu->number);
    *idle = (struct thread){ .cpu = cpu, .magic = THREAD_MAGIC,
                             .state = THREAD_RUNNING, .priority = PRIORITY_IDLE,
                             .run_ticks = -now, .system_ticks = -now,
                             .affinity = UINT8_MAX, .name = "idle" };
    list_node_init(&idle->run_node);
    cpu->idle = cpu->running = idle;
    cpu->account = &root_account;
    cpu->trace_next = trace_ring[cpu->number];
    return true;
}

/* Who is ready is in the queue, and nobody else is. */
static void sched_check(void) {
    uint32_t are_ready = 0, queued = ready.only && ready.only->state == THREAD_READY;
    const struct thread *t;

    list_for_each (t, &all_threads, all_node) are_ready += t->state == THREAD_READY;
    for (unsigned level = 0; level < PRIORITIES; level++) {
        if (!check_list(&ready.levels[level])) return;
        list_for_each (t, &ready.levels[level], run_node)
            queued += t->state == THREAD_READY && t->priority == level;
    }
    check_that(are_ready == queued && queued == ready.count + (ready.only != NULL),
               "%u threads are ready, and not those in the queue", are_ready);
}

static const struct checker checker CHECKER = { "scheduler", NULL, sched_check };

void sched_init(uint32_t new_seed) {
    seed = new_seed;
    generator = new_seed * 2654435769u + 0x9e3779b9u;
    if (generator == 0) generator = 1;
    for (unsigned i = 0; i < PRIORITIES; i++) list_init(&ready.levels[i]);
}
