/* thread.c - making, finding and freeing threads; ids.
 *
 * Ids of processes, threads, groups and sessions come from one counter and are never
 * used again while the machine runs, so an old id never means a stranger.
 */
#include "sched/thread.h"

#include "base/string.h"
#include "core/check.h"
#include "core/log.h"
#include "core/panic.h"
#include "mm/stack.h"
#include "sched/scheduler.h"

#define HASH 64

struct list all_threads = LIST_INIT(all_threads);
static struct list by_tid[HASH];
static pid_t last_id;

pid_t id_last(void) { return last_id; }

static struct list *bucket(pid_t tid) { return &by_tid[(uint32_t)tid % HASH]; }

struct thread *thread_find(pid_t tid) {
    struct thread *t;

    list_for_each (t, bucket(tid), hash_node)
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
    assert(last_id < INT32_MAX);
    t->tid = ++last_id;
    t->esp = stack_prepare((uint32_t)thread_frame(t), thread_begin, (void *)entry);
    pending_init(&t->pending);
    list_node_init(&t->run_node);
    list_push_back(&all_threads, &t->all_node);
    list_push_back(bucket(t->tid), &t->hash_node);
    list_push_back(&process->threads, &t->process_node);
    process->nr_threads++;
    return t;
}

void thread_take_id(struct thread *t, pid_t id) {
    list_remove(&t->hash_node);
    t->tid = id;
    list_push_back(bucket(id), &t->hash_node);
}

/* Takes a thread out of its process; its stack goes when it no longer runs on it. */
void thread_detach(struct thread *t) {
    struct usage usage = thread_usage(t);

    usage_add(&t->process->usage, &usage);
    pending_clear(&t->pending, ~0ull);
    list_remove(&t->process_node);
    list_remove(&t->hash_node);
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

static const char *state_name(const struct thread *t) {
    static const char *const names[] = { "new", "asleep", "ready", "running", "dead" };

    return t->state < ARRAY_SIZE(names) ? names[t->state] : "?";
}

static void print_threads(void) {
    struct thread *t;

    list_for_each (t, &all_threads, all_node) {
        log_printf("  %5d %-15s %-8s", t->tid, t->name, state_name(t));
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

static void threads_count(void) {
    struct thread *t;

    list_for_each (t, &all_threads, all_node) {
        t->process->account->counted[ACCOUNT_PROCESSES]++;
        pending_count(&t->pending);
    }
}

/* Every thread is where its state says: see thread.h. */
static bool is_in_its_place(const struct thread *t) {
    bool is_ready = t->state == THREAD_READY, is_asleep = t->state == THREAD_BLOCKED;

    for (unsigned i = 0; is_asleep && i < t->nr_waiters; i++)
        if (t->waiters[i].thread != t || !list_node_is_linked(&t->waiters[i].node)
            || !list_is_consistent(&t->waiters[i].queue->waiters))
            return false;
    return t->magic == THREAD_MAGIC && t->space == t->process->space
           && (is_ready || !list_node_is_linked(&t->run_node))
           && (t->cpu->running == t) == (t->state == THREAD_RUNNING)
           && thread_find(t->tid) == t;
}

static void threads_check(void) {
    const struct thread *t;

    list_for_each (t, &all_threads, all_node)
        check_that(is_in_its_place(t), "%d (%s) is %s, and that is not true", t->tid,
                   t->name, state_name(t));
}

static const struct checker checker CHECKER = { "threads", threads_count,
                                                threads_check };

void threads_init(void) {
    for (unsigned i = 0; i < HASH; i++) list_init(&by_tid[i]);
    check_calls_holding = stacks_naming;
    panic_report = print_threads;
}
