/* scheduler.c - the run queue, the choice, and the switch.
 *
 * Shape: queue.levels[0..100], a bitmap of those that are not empty. One queue serves
 * all CPUs: with one big lock, a queue for each CPU would buy nothing but balancing
 * code.
 * Invariants: a thread is on a level if and only if it is READY, and the level is its
 * priority; the idle threads are on none; a CPU with cpu->idling set has nothing to do.
 * Wakes: nobody; sched/wait.c decides who becomes ready.
 */
#include "sched/scheduler.h"

#include "arch.h"
#include "arch/x86/io.h"
#include "arch/x86/segments.h"
#include "arch/x86/timer_device.h"
#include "base/format.h"
#include "base/random.h"
#include "base/string.h"
#include "core/panic.h"
#include "core/trace.h"
#include "mm/stack.h"

#define TURN_MS    10           /* a turn at nice 0 */
#define STEPS_MAX  16                /* with a seed: steps between preemption choices */
#define CANDIDATES 4                  /* with a seed: how many of the first are equal */

static struct {
    struct list levels[PRIORITIES];
    uint32_t bitmap[(PRIORITIES + 31) / 32];
    uint32_t words;             /* a bit for each word of the bitmap that is not 0 */
    uint32_t count;             /* threads in all levels, or 1 with `only` */
    struct thread *only;     /* the one thread in the queue, and on no level; or NULL */
} queue;

static uint32_t seed;
static struct random generator;

uint32_t sched_seed(void)
{
    return seed;
}

bool sched_in_lockstep(void)
{
    return seed && cpu_count > 1;
}

uint32_t sched_random(uint32_t bound)
{
    return seed ? random_below(&generator, bound) : 0;
}

static uint32_t steps_to_next_choice(void)
{
    return seed ? 1 + random_below(&generator, STEPS_MAX) : UINT32_MAX;
}

/* -- The run queue ----------------------------------------------------------------- */

static void level_insert(struct thread *t, bool at_front)
{
    unsigned word = t->priority / 32, bit = t->priority % 32;
    struct list *level = &queue.levels[t->priority];

    list_insert_before(at_front ? level->head.next : &level->head, &t->run_node);
    queue.bitmap[word] |= 1u << bit;
    queue.words |= 1u << word;
}

static void level_remove(struct thread *t)
{
    unsigned word = t->priority / 32, bit = t->priority % 32;

    list_remove(&t->run_node);
    if (!list_is_empty(&queue.levels[t->priority]))
        return;
    queue.bitmap[word] &= ~(1u << bit);
    if (!queue.bitmap[word])
        queue.words &= ~(1u << word);
}

/* A queue of one needs no levels: two processes that talk go through `only`. */
static inline void queue_insert(struct thread *t)
{
    if (queue.count++ == 0) {
        queue.only = t;
        return;
    }
    if (queue.only) {
        level_insert(queue.only, false);
        queue.only = NULL;
    }
    level_insert(t, false);
}

static inline void queue_remove(struct thread *t)
{
    queue.count--;
    if (queue.only == t)
        queue.only = NULL;
    else
        level_remove(t);
}

/* The highest level below `below` that is not empty; -1: none. */
static int level_below(int below)
{
    int word = below / 32;
    uint32_t bits = queue.bitmap[word] & ((1u << below % 32) - 1);

    while (!bits) {
        if (word-- == 0)
            return -1;
        bits = queue.bitmap[word];
    }
    return word * 32 + 31 - __builtin_clz(bits);
}

/* The highest level that is not empty; -1: none. */
static int queue_top(void)
{
    if (queue.only)
        return queue.only->priority;
    if (!queue.words)
        return -1;
    int word = 31 - __builtin_clz(queue.words);
    return word * 32 + 31 - __builtin_clz(queue.bitmap[word]);
}

static bool may_run_on(const struct thread *t, const struct cpu *cpu)
{
    return t->affinity >> cpu->number & 1;
}

/* The first of a level that may run here, after skipping some that may, too. */
static struct thread *first_for(struct list *level, const struct cpu *cpu,
                                uint32_t skip)
{
    struct thread *t, *found = NULL;

    list_for_each (t, level, run_node) {
        if (!may_run_on(t, cpu))
            continue;
        found = t;
        if (skip-- == 0)
            break;
    }
    return found;
}

/* With a seed one of the first few; with threads bound to other CPUs, a search. */
static __attribute__((noinline)) struct thread *queue_search(const struct cpu *cpu)
{
    uint32_t skip = seed ? sched_random(CANDIDATES) : 0;

    for (int level = queue_top(); level >= 0; level = level_below(level)) {
        struct thread *t = first_for(&queue.levels[level], cpu, skip);
        if (t)
            return t;
    }
    return NULL;
}

/* The thread to run on this CPU; NULL: none in the queue may. O(1), as long as nobody
 * has bound threads to other CPUs with sched_setaffinity. */
static inline struct thread *queue_choose(const struct cpu *cpu)
{
    if (queue.only)
        return may_run_on(queue.only, cpu) ? queue.only : NULL;
    if (!queue.words)
        return NULL;
    struct list_node *first = queue.levels[queue_top()].head.next;
    struct thread *t = list_entry(first, struct thread, run_node);
    return likely(!seed && may_run_on(t, cpu)) ? t : queue_search(cpu);
}

/* -- The switch -------------------------------------------------------------------- */

static void bury(struct thread *previous)
{
    if (unlikely(previous->state == THREAD_DEAD))
        thread_free(previous);
}

void sched_set_nice(struct thread *t, int nice)
{
    uint64_t longest = (uint64_t)tsc_kilohertz * TURN_MS;

    t->nice = (int8_t)nice;
    t->turn = divide_u64(longest * (unsigned)(20 - nice), 20, NULL);
}

static uint64_t turn_of(const struct thread *t)
{
    return seed ? t->turn / STEPS_MAX * (1 + sched_random(STEPS_MAX)) : t->turn;
}

/* While others wait, the timer must end the running thread's turn. It is armed once for
 * many short turns: an interrupt that comes too early arms it again. */
static void arm_turn(struct cpu *cpu, const struct thread *t)
{
    cpu->slice_armed = true;
    time_arm_for(time_now() + tsc_to_nanoseconds(turn_of(t)));
}

/* Who had the CPU for how long; one look at the clock serves the trace, too. */
static void charge_time(struct cpu *cpu, struct thread *prev, struct thread *next)
{
    struct trace_event *event = trace_place(cpu);
    uint64_t now = timestamp_counter();

    event->time = now;
    event->type = TRACE_SWITCH;
    event->tid = prev->tid;
    event->a = (uint32_t)next->tid;
    event->b = prev->state;
    prev->run_ticks += now - prev->switched_in;
    prev->system_ticks += (uint32_t)now - prev->entered;
    next->switched_in = now;
    next->entered = (uint32_t)now;
}

static inline void switch_to(struct cpu *cpu, struct thread *prev, struct thread *next)
{
    assert(next->magic == THREAD_MAGIC);
    charge_time(cpu, prev, next);
    if (prev->fpu_used)
        fpu_switch_out(prev);
    prev->fs = read_fs();
    prev->gs = read_gs();
    next->cpu = cpu;
    next->state = THREAD_RUNNING;
    cpu->running = next;
    cpu->tss.esp0 = (uint32_t)next;
    if (next->space) {
        cpu->account = next->process->account;
        space_activate(next->space);
    } else {
        cpu->account = &root_account;
    }
    cpu->gdt[TLS_SELECTOR / 8] = next->tls_descriptor;
    if (prev->fs | next->fs)
        load_fs(next->fs);
    if (prev->gs | next->gs)
        load_gs(next->gs);
    bury(switch_stacks(&prev->esp, next->esp, prev));
}

void thread_begin(void *previous, void *argument)
{
    struct thread *t = current();

    (void)argument;
    bury(previous);
    t->steps_left = steps_to_next_choice();
    t->entry(t->entry_argument);
    panic("thread %d returned from its first function", t->tid);
}

void schedule(void)
{
    struct thread *prev = current(), *next;
    struct cpu *cpu = prev->cpu;

    assert(bkl_is_held_by(cpu));
    prev->attention &= ~(uint32_t)ATTENTION_RESCHEDULE;
    next = queue_choose(cpu);
    if (next)
        queue_remove(next);
    else
        next = cpu->idle;
    if (next == prev) {
        prev->state = THREAD_RUNNING;
        return;
    }
    if (!cpu->slice_armed && next != cpu->idle && (queue.count || sched_in_lockstep()))
        arm_turn(cpu, next);
    switch_to(cpu, prev, next);
}

/* -- Becoming ready ---------------------------------------------------------------- */

void sched_switch_to(struct thread *next)
{
    struct thread *prev = current();
    struct cpu *cpu = prev->cpu;

    assert(bkl_is_held_by(cpu));
    if (unlikely(queue.count) || !may_run_on(next, cpu)) {
        if (queue_top() > next->priority || !may_run_on(next, cpu)) {
            thread_ready(next);
            schedule();
            return;
        }
        if (!cpu->slice_armed)
            arm_turn(cpu, next);
    }
    switch_to(cpu, prev, next);
}

static bool is_idle(const struct cpu *cpu)
{
    return cpu->running == cpu->idle;
}

static void preempt(struct cpu *cpu)
{
    struct thread *running = cpu->running;

    running->attention |= ATTENTION_RESCHEDULE;
    if (cpu != this_cpu())
        ipi_reschedule(cpu);
}

/* The CPU for a thread that has just become ready and may not run here, or not only: an
 * idle one, else the one that runs the least important thread. */
static struct cpu *weakest_cpu(const struct thread *t)
{
    struct cpu *weakest = may_run_on(t, this_cpu()) ? this_cpu() : NULL;

    for (unsigned i = 0; i < cpu_count; i++) {
        struct cpu *cpu = &cpus[i];
        if (!may_run_on(t, cpu))
            continue;
        if (cpu->idling)
            return cpu;
        if (!weakest
            || ((struct thread *)cpu->running)->priority
                   < ((struct thread *)weakest->running)->priority)
            weakest = cpu;
    }
    return weakest;
}

/* Makes sure that some CPU soon looks at the queue, where t is now. */
static void find_cpu(const struct thread *t)
{
    struct cpu *cpu = this_cpu();

    if (is_idle(cpu) && may_run_on(t, cpu))
        return;                 // it looks at the queue on its way out
    if (cpu_count > 1 && !(cpu = weakest_cpu(t)))
        return;
    if (cpu->idling) {
        cpu->idling = false;
        ipi_reschedule(cpu);
        return;
    }
    if (((struct thread *)cpu->running)->priority < t->priority)
        preempt(cpu);
    else if (!cpu->slice_armed && cpu == this_cpu())
        arm_turn(cpu, cpu->running);
    else if (!cpu->slice_armed)
        ipi_reschedule(cpu);    // it arms its own timer
}

void thread_yield(void)
{
    struct thread *t = current();

    if (queue.count == 0 && may_run_on(t, t->cpu)) {
        t->attention &= ~(uint32_t)ATTENTION_RESCHEDULE;
        return;
    }
    t->state = THREAD_READY;
    t->switches_forced++;
    queue_insert(t);
    if (!may_run_on(t, t->cpu))
        find_cpu(t);
    schedule();
}

void thread_ready(struct thread *t)
{
    assert(t->state == THREAD_NEW || t->state == THREAD_BLOCKED);
    t->state = THREAD_READY;
    queue_insert(t);
    find_cpu(t);
}

void sched_slice_check(void)
{
    struct thread *t = current();

    if (t->process && sched_in_lockstep())
        arm_turn(t->cpu, t);
    if (!t->process || queue.count == 0 || queue_top() < t->priority
        || (queue_top() == t->priority && t->policy == SCHED_FIFO))
        return;
    // a turn that is nearly over is over
    if (seed || timestamp_counter() - t->switched_in >= t->turn - t->turn / 8)
        t->attention |= ATTENTION_RESCHEDULE;
    else
        arm_turn(t->cpu, t);
}

void sched_step_expired(struct thread *t)
{
    t->steps_left = steps_to_next_choice();
    if (seed && queue.count)
        t->attention |= ATTENTION_RESCHEDULE;
}

void thread_set_priority(struct thread *t, unsigned priority)
{
    if (t->priority == priority)
        return;
    if (t->state != THREAD_READY) {
        t->priority = (uint8_t)priority;
        if (t->state == THREAD_RUNNING && queue_top() > (int)priority)
            preempt(t->cpu);
        return;
    }
    queue_remove(t);
    t->priority = (uint8_t)priority;
    queue_insert(t);
    find_cpu(t);
}

void thread_set_affinity(struct thread *t, uint8_t cpus_allowed)
{
    t->affinity = cpus_allowed;
    if (t->state == THREAD_RUNNING && !may_run_on(t, t->cpu))
        preempt(t->cpu);
    else if (t->state == THREAD_READY)
        find_cpu(t);
}

uint32_t sched_runnable(void)
{
    uint32_t n = queue.count;

    for (unsigned i = 0; i < cpu_count; i++)
        n += !is_idle(&cpus[i]);
    return n;
}

/* -- Idle, start ------------------------------------------------------------------- */

void cpu_idle(void)
{
    for (;;) {
        if (queue_choose(this_cpu()))
            schedule();
        else
            cpu_wait_for_interrupt();
    }
}

static void idle_init(struct thread *idle, struct cpu *cpu)
{
    idle->cpu = cpu;
    idle->magic = THREAD_MAGIC;
    idle->state = THREAD_RUNNING;
    idle->priority = PRIORITY_IDLE;
    idle->affinity = UINT8_MAX;
    list_node_init(&idle->run_node);
    string_copy(idle->name, "idle", sizeof(idle->name));
    cpu->idle = cpu->running = idle;
    cpu->account = &root_account;
    trace_init(cpu);
}

void sched_adopt_boot_thread(void)
{
    idle_init(current(), this_cpu());
}

static bool sched_check(char *why, size_t size)
{
    uint32_t count = queue.only != NULL;

    for (unsigned level = 0; level < PRIORITIES; level++) {
        struct thread *t;
        if (!list_is_consistent(&queue.levels[level])) {
            format(why, size, "scheduler: level %u's list is broken", level);
            return false;
        }
        list_for_each (t, &queue.levels[level], run_node) {
            count++;
            if (t->state != THREAD_READY || t->priority != level) {
                format(why, size,
                       "scheduler: thread %d on level %u is in state %u, "
                       "priority %u",
                       t->tid, level, t->state, t->priority);
                return false;
            }
        }
    }
    if (count != queue.count)
        format(why, size, "scheduler: %u threads queued, %u counted", count,
               queue.count);
    return count == queue.count;
}

static struct checker sched_checker = { .name = "scheduler", .check = sched_check };

void sched_init(uint32_t new_seed)
{
    seed = new_seed;
    random_seed(&generator, new_seed);
    for (unsigned level = 0; level < PRIORITIES; level++)
        list_init(&queue.levels[level]);
    checker_register(&sched_checker);
}

bool sched_create_idle(struct cpu *cpu)
{
    struct thread *idle = (struct thread *)stack_alloc();

    if (!idle)
        return false;
    memset(idle, 0, sizeof(*idle));
    cpu->number = (uint32_t)(cpu - cpus);
    idle_init(idle, cpu);
    return true;
}
