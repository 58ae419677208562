/* process.c - process objects, their groups, and who may signal whom.
 *
 * Invariants: a process is on all_processes from its pid until it was waited for; a
 * group or session is there while a process has its number; a zombie has no threads, no
 * space and no files, only what wait4 wants to know.
 */
#include "sched/process.h"

#include "arch.h"
#include "base/format.h"
#include "base/string.h"
#include "core/check.h"
#include "core/panic.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

#define HASH 64

struct list all_processes = LIST_INIT(all_processes);
struct process *init_process;
static struct list by_pid[HASH];

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

static const struct wait_class child_class = { "child to end", describe_children };
static const struct wait_class vfork_class = { "vfork child to exec or exit",
                                               describe_vfork };
static const struct wait_class stop_class = { "SIGCONT", NULL };
static const struct wait_class exec_class = { "other threads to end for exec", NULL };

static struct list *bucket(pid_t pid) { return &by_pid[(uint32_t)pid % HASH]; }

struct process *process_find(pid_t pid) {
    struct process *p;

    list_for_each (p, bucket(pid), hash_node)
        if (p->pid == pid) return p;
    return NULL;
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
    list_init(&p->semaphore_undos);
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
    account_ref(p->account);
    return p;
}

void process_publish(struct process *p, pid_t pid) {
    p->pid = pid;
    list_push_back(&all_processes, &p->all_node);
    list_push_back(bucket(pid), &p->hash_node);
    if (p->parent) list_push_back(&p->parent->children, &p->sibling_node);
}

void process_free(struct process *p) {
    assert(list_is_empty(&p->threads) && !p->space && !p->files);
    pending_clear(&p->pending, ~0ull);
    list_remove(&p->sibling_node);
    if (p->pid) {               // it was published
        list_remove(&p->hash_node);
        list_remove(&p->all_node);
    }
    if (p->is_zombie) account_release(p->account, ACCOUNT_PROCESSES, 1);
    account_put(p->account);
    heap_free(p);
}

/* -- Groups and sessions ----------------------------------------------------------- */

struct process *group_member(pid_t group) {
    struct process *p;

    list_for_each (p, &all_processes, all_node)
        if (p->group == group) return p;
    return NULL;
}

bool process_anchors_group(const struct process *p) {
    const struct process *parent = p->parent;

    return !p->is_zombie && parent && parent != init_process && !parent->is_zombie
           && parent->group != p->group && parent->session == p->session;
}

bool group_is_orphaned(pid_t group) {
    struct process *p;

    list_for_each (p, &all_processes, all_node)
        if (p->group == group && process_anchors_group(p)) return false;
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

/* -- Checking ---------------------------------------------------------------------- */

static void processes_count(void) {
    const struct process *p;

    list_for_each (p, &all_processes, all_node) {
        p->account->counted[ACCOUNT_PROCESSES] += p->is_zombie;
        if (p->space) p->space->counted++;
        pending_count(&p->pending);
    }
}

static void process_check(const struct process *p) {
    const struct process *child;
    const struct thread *t;
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

static void processes_check(void) {
    const struct process *p;

    list_for_each (p, &all_processes, all_node) process_check(p);
}

static const struct checker checker CHECKER = { "processes", processes_count,
                                                processes_check };

void processes_init(void) {
    for (unsigned i = 0; i < HASH; i++) list_init(&by_pid[i]);
}
