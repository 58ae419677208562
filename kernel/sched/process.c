/* process.c - threads and processes: making, finding, freeing; groups, rights, usage.
 *
 * Ids of processes, threads, groups and sessions come from one counter and are never
 * used again while the machine runs, so an old id never means a stranger.
 * Invariants: a process is on all_processes from its pid until it was waited for; a
 * group or session is there while a process has its number; a zombie has no threads, no
 * space and no files, only what wait4 wants to know.
 */
#include "sched/process.h"

#include "base/string.h"
#include "core/check.h"
#include "core/log.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

#define HASH 64

struct list all_processes = LIST_INIT(all_processes);
struct process *init_process;
struct list all_threads = LIST_INIT(all_threads);
static struct process *by_pid[HASH];    /* chains by hash_next */
pid_t last_tid;

/* -- Threads ----------------------------------------------------------------------- */

struct thread *thread_find(pid_t tid) {
    struct thread *t;

    list_for_each (t, &all_threads, all_node)
        if (t->tid == tid) return t;
    return NULL;
}

struct thread *thread_create(struct process *process, void (*entry)(void)) {
    struct account *account = process->account;

    if (!account_charge(account, ACCOUNT_PROCESSES, 1)) return NULL;
    struct thread *t = (struct thread *)stack_alloc();
    if (!t) {
        account_release(account, ACCOUNT_PROCESSES, 1);
        return NULL;
    }
    memset(t, 0, offsetof(struct thread, fpu_state));
    t->magic = THREAD_MAGIC;
    t->cpu = this_cpu();
    t->process = process;
    t->space = process->space;
    t->state = THREAD_NEW;
    t->attention = ATTENTION_SLOW;
    t->priority = t->base_priority = PRIORITY_NORMAL;
    t->affinity = UINT8_MAX;
    assert(last_tid < INT32_MAX);
    t->tid = ++last_tid;
    uint32_t *stack = (uint32_t *)thread_frame(t);
    *--stack = 0;               // a backtrace ends there
    *--stack = (uint32_t)entry;        // where thread_begin returns to,
    *--stack = (uint32_t)thread_begin;  // into which switch_stacks returns
    t->esp = (uint32_t)stack;
    pending_init(&t->pending);
    list_node_init(&t->run_node);
    list_push_back(&all_threads, &t->all_node);
    list_push_back(&process->threads, &t->process_node);
    process->nr_threads++;
    return t;
}

/* Takes a thread out of its process; its stack goes when it no longer runs on it. */
void thread_detach(struct thread *t) {
    usage_add(&t->process->usage, thread_usage(t));
    pending_clear(&t->pending, ~0ull);
    list_remove(&t->process_node);
    list_remove(&t->all_node);
    // the charge for the last one stays: a zombie counts until it was waited for
    if (--t->process->nr_threads > 0 || t->state == THREAD_NEW)
        account_release(t->process->account, ACCOUNT_PROCESSES, 1);
}

void thread_free(struct thread *t) {
    assert(t != current() && t->state != THREAD_READY && t->state != THREAD_RUNNING);
    if (t->state == THREAD_NEW) thread_detach(t);
    t->magic = 0;
    stack_free((uint32_t)t);
}

static void print_threads(void) {
    static const char *const states[] = { "new", "asleep", "ready", "running", "dead" };
    struct thread *t;

    list_for_each (t, &all_threads, all_node) {
        log_printf("  %5d %-15s %-8s", t->tid, t->name,
                   t->state < ARRAY_SIZE(states) ? states[t->state] : "?");
        for (unsigned i = 0; t->state == THREAD_BLOCKED && i < t->nr_waiters; i++) {
            char about[80];
            waiter_describe(&t->waiters[i], about, sizeof(about));
            log_printf(" waits for: %s, %s", t->waiters[i].queue->class->name, about);
        }
        log_printf("\n");
    }
    for (unsigned i = 0; i < cpu_count; i++)
        log_printf("  CPU %u runs %s\n", i, cpus[i].running->name);
}

/* -- Processes --------------------------------------------------------------------- */

static void describe_children(const struct waiter *waiter, char *to, size_t size) {
    const struct process *p = waiter->thread->process, *child;
    int length = format(to, size, "child");

    list_for_each (child, &p->children, sibling_node)
        if (!child->is_zombie && length + 12 < (int)size)
            length += format(to + length, size - (size_t)length, "%c%d",
                             length == 5 ? ' ' : ',', child->pid);
    if (length == 5) format(to, size, "child -");
}

static void describe_vfork(const struct waiter *waiter, char *to, size_t size) {
    format(to, size, "child %d",
           container_of(waiter->queue, struct process, vfork_done)->pid);
}

static const struct wait_class child_class = { "child to end", describe_children, 0 };
static const struct wait_class vfork_class = { "vfork child to exec or exit",
                                               describe_vfork, 0 };
static const struct wait_class stop_class = { "SIGCONT", NULL, 0 };
static const struct wait_class exec_class = { .name = "other threads to end for exec" };

/* Where the process hangs, or NULL does. */
static struct process **link_to(pid_t pid) {
    struct process **link = &by_pid[(uint32_t)pid % HASH];

    while (*link && (*link)->pid != pid) link = &(*link)->hash_next;
    return link;
}

struct process *process_find(pid_t pid) {
    return *link_to(pid);
}

bool process_is_alive(pid_t pid) {
    const struct process *p = process_find(pid);

    return p && p->space;
}

struct process *process_create(struct process *parent) {
    struct process *p = heap_new(HEAP_PROCESS, struct process);

    if (!p) return NULL;
    p->parent = parent;
    p->exit_signal = SIGCHLD;
    list_init(&p->children);
    list_init(&p->threads);
    list_init(&p->posix_timers);
    list_node_init(&p->sibling_node);
    pending_init(&p->pending);
    wait_queue_init(&p->exec_wait, &exec_class);
    wait_queue_init(&p->child_wait, &child_class);
    wait_queue_init(&p->vfork_done, &vfork_class);
    wait_queue_init(&p->stop_wait, &stop_class);
    p->started = time_now();
    p->account = &root_account;
    if (parent)
        memcpy(&p->group, &parent->group,
               offsetof(struct process, space) - offsetof(struct process, group));
    return p;
}

void process_publish(struct process *p, pid_t pid) {
    p->pid = pid;
    list_push_back(&all_processes, &p->all_node);
    *link_to(pid) = p;
    if (p->parent) list_push_back(&p->parent->children, &p->sibling_node);
}

void process_free(struct process *p) {
    assert(list_is_empty(&p->threads) && !p->space && !p->files);
    pending_clear(&p->pending, ~0ull);
    list_remove(&p->sibling_node);
    if (p->pid) {               // it was published
        *link_to(p->pid) = p->hash_next;
        list_remove(&p->all_node);
    }
    if (p->is_zombie) account_release(p->account, ACCOUNT_PROCESSES, 1);
    heap_free(p);
}

/* -- Groups and sessions ----------------------------------------------------------- */

struct process *group_member(pid_t group) {
    struct process *p;

    list_for_each (p, &all_processes, all_node)
        if (p->group == group) return p;
    return NULL;
}

bool group_is_orphaned(pid_t group) {
    const struct process *p, *parent;

    list_for_each (p, &all_processes, all_node) {
        if (p->group != group || p->is_zombie || !(parent = p->parent)) continue;
        if (parent != init_process && !parent->is_zombie && parent->group != group
            && parent->session == p->session)
            return false;
    }
    return true;
}

/* -- Rights ------------------------------------------------------------------------ */

bool process_may_signal(const struct process *to, int signal) {
    const struct process *from = current_process();
    const struct credentials *f = &from->credentials, *t = &to->credentials;

    if (f->euid == 0 || f->euid == t->uid || f->euid == t->suid || f->uid == t->uid
        || f->uid == t->suid)
        return true;
    return signal == SIGCONT && from->session == to->session;
}

bool credentials_in_group(const struct credentials *c, gid_t gid) {
    if (c->egid == gid) return true;
    for (uint32_t i = 0; i < c->nr_groups; i++)
        if (c->groups[i] == gid) return true;
    return false;
}

/* -- Time used -------------------------------------------------------------------- */

struct usage thread_usage(const struct thread *t) {
    uint64_t run = t->run_ticks, system = t->system_ticks, now = timestamp_counter();

    // an idle thread is always RUNNING, and all its time is the kernel's
    bool is_idle = !t->process, has_cpu = t->cpu && t->cpu->running == t;
    if (has_cpu) run += now;
    if (has_cpu && (is_idle || t == current())) system += now;
    nanoseconds_t all = tsc_to_nanoseconds(run), in_kernel = tsc_to_nanoseconds(system);
    return (struct usage){ .user_time = all > in_kernel ? all - in_kernel : 0,
                           .system_time = in_kernel,
                           .minor_faults = t->faults,
                           .switches_voluntary = t->switches_voluntary,
                           .switches_forced = t->switches_forced };
}

void usage_add(struct usage *to, struct usage more) {
    to->user_time += more.user_time;
    to->system_time += more.system_time;
    to->minor_faults += more.minor_faults;
    to->switches_voluntary += more.switches_voluntary;
    to->switches_forced += more.switches_forced;
    to->largest_resident = max(to->largest_resident, more.largest_resident);
}

struct usage process_usage(const struct process *p) {
    struct usage sum = p->usage;
    struct thread *t;

    list_for_each (t, &p->threads, process_node) usage_add(&sum, thread_usage(t));
    return sum;
}

/* -- Checking ---------------------------------------------------------------------- */

/* Words on the stacks of those who are in the kernel that are the object's address. */
static uint32_t stacks_naming(const void *object) {
    uint32_t found = 0;
    struct thread *t;

    for (uint32_t *word = __builtin_frame_address(0); word < (uint32_t *)current();
         word++)
        found += *word == (uint32_t)object;
    list_for_each (t, &all_threads, all_node)
        for (uint32_t *word = (uint32_t *)t->esp;
             t->state != THREAD_RUNNING && word < (uint32_t *)thread_frame(t); word++)
            found += *word == (uint32_t)object;
    return found;
}

static void processes_count(void) {
    const struct queued_signal *q;
    const struct process *p;
    const struct thread *t;

    heap_for_each(q, HEAP_SIGNAL) q->account->counted[ACCOUNT_SIGNALS]++;
    list_for_each (t, &all_threads, all_node)
        t->process->account->counted[ACCOUNT_PROCESSES]++;
    list_for_each (p, &all_processes, all_node) {
        p->account->counted[ACCOUNT_PROCESSES] += p->is_zombie;
        if (p->space) p->space->counted++;
    }
}

static void processes_check(void) {
    const struct process *p, *child;
    const struct thread *t;

    list_for_each (t, &all_threads, all_node) {
        bool is_ready = t->state == THREAD_READY, is_there = thread_find(t->tid) == t;
        unsigned nr_waiters = t->state == THREAD_BLOCKED ? t->nr_waiters : 0;
        for (const struct waiter *w = t->waiters; is_there && nr_waiters-- > 0; w++)
            is_there = w->thread == t && list_node_is_linked(&w->node)
                       && list_is_consistent(&w->queue->waiters);
        check_that(is_there && t->magic == THREAD_MAGIC && t->space == t->process->space
                       && (is_ready || !list_node_is_linked(&t->run_node))
                       && (t->cpu->running == t) == (t->state == THREAD_RUNNING),
                   "thread %d (%s) is not where its state %u says", t->tid, t->name,
                   t->state);
    }
    list_for_each (p, &all_processes, all_node) {
        unsigned nr_threads = 0;
        list_for_each (t, &p->threads, process_node) nr_threads += t->process == p;
        check_counted(p, "threads", p->nr_threads, nr_threads);
        check_list(&p->children);
        list_for_each (child, &p->children, sibling_node)
            check_that(child->parent == p, "%d has another parent than %d", child->pid,
                       p->pid);
        check_that(process_find(p->pid) == p
                       && (p->is_zombie ? !p->nr_threads && !p->space && !p->files
                                        : p->nr_threads > 0)
                       && (!p->parent || list_node_is_linked(&p->sibling_node)),
                   "%d (%s) shares its id, is half dead or not with its parent", p->pid,
                   p->name);
    }
}

static const struct checker checker CHECKER = { "processes", processes_count,
                                                processes_check };

void processes_init(void) {
    check_calls_holding = stacks_naming;
    panic_report = print_threads;
}
