/* signal_post.c - posting signals: who gets them, and who is woken for them.
 *
 * Shape: two pending sets, the thread's and the process's. A bit says that a signal is
 * pending, the queue holds its details; signals 1..31 are pending at most once,
 * real-time signals are queued each with its value.
 * Wakes: a thread that sleeps and may take it; stopped threads (SIGCONT, SIGKILL); who
 * waits for a child that stopped, went on or ended.
 * See: signal(7), POSIX XSH 2.4.
 */
#include "core/trace.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

/* What does nothing to a process without a handler; all but the stops end it. */
static const sigset_t harmless =
    sigset_of(SIGCHLD) | sigset_of(SIGURG) | sigset_of(SIGWINCH) | sigset_of(SIGCONT);
/* Those that stop or continue it, at once when they are posted. */
static const sigset_t stop_or_continue =
    SIGSET_STOPS | sigset_of(SIGCONT) | sigset_of(SIGKILL);

/* -- Pending sets ------------------------------------------------------------------ */

void pending_init(struct pending_signals *pending) {
    *pending = (struct pending_signals){ .set = 0 };
    list_init(&pending->queue);
    list_node_init(&pending->place.node);
}

static void queued_free(struct queued_signal *q) {
    list_remove(&q->node);
    if (likely(!q->account)) return;    // part of something else
    account_release(q->account, ACCOUNT_SIGNALS, 1);
    heap_free(q);
}

void pending_clear(struct pending_signals *pending, sigset_t which) {
    struct queued_signal *q, *next;

    pending->set &= ~which;
    list_for_each_safe (q, next, &pending->queue, node)
        if (which & sigset_of(q->info.signal)) queued_free(q);
}

void signal_forget(struct process *process, sigset_t which) {
    struct thread *t;

    pending_clear(&process->pending, which);
    list_for_each (t, &process->threads, process_node)
        pending_clear(&t->pending, which);
}

static struct queued_signal *first_of(const struct pending_signals *pending,
                                      int signal) {
    struct queued_signal *q;

    list_for_each (q, &pending->queue, node)
        if (q->info.signal == signal) return q;
    return NULL;
}

/* A place for the details; NULL over the limit or without memory. The first one in a
 * queue takes its owner's, and nobody is charged. */
static struct queued_signal *place_for(struct pending_signals *pending,
                                       const struct process *payer) {
    bool is_taken = list_node_is_linked(&pending->place.node);
    struct account *account = payer->account;

    if (account->used[ACCOUNT_SIGNALS] + is_taken
        >= payer->limits[LIMIT_SIGPENDING].soft)
        return NULL;
    if (likely(!is_taken)) return &pending->place;
    if (!account_charge(account, ACCOUNT_SIGNALS, 1)) return NULL;
    struct queued_signal *q = heap_new(HEAP_SIGNAL, struct queued_signal);
    if (q) q->account = account;
    else account_release(account, ACCOUNT_SIGNALS, 1);
    return q;
}

/* -- Stop and continue ------------------------------------------------------------- */

struct siginfo siginfo_of_child(const struct process *child, int status) {
    struct siginfo info = { SIGCHLD, .pid = child->pid, .uid = child->credentials.uid };
    int signal = status & 0x7f;

    info.code = status == STATUS_CONTINUED ? CLD_CONTINUED
                : signal == STATUS_STOPPED ? CLD_STOPPED
                : signal                   ? CLD_KILLED
                                           : CLD_EXITED;
    info.status_or_value = info.code == CLD_CONTINUED ? SIGCONT
                           : info.code == CLD_KILLED  ? signal
                                                      : status >> 8 & 0xff;
    return info;
}

void parent_notify(struct process *child, int status) {
    struct process *parent = child->parent;
    uint32_t flags = parent->actions[SIGCHLD - 1].flags;
    bool ended = child->is_zombie;

    if (ended ? child->exit_signal != 0 : !(flags & SA_NOCLDSTOP)) {
        struct usage usage = process_usage(child);
        struct siginfo info = siginfo_of_child(child, status);
        if (ended) info.signal = child->exit_signal;
        info.user_time = clock_ticks(usage.user_time);
        info.system_time = clock_ticks(usage.system_time);
        signal_post(parent, NULL, &info, NULL);
    }
    wait_wake_all(&parent->child_wait, 0);
}

void process_stop(struct process *p, int signal) {
    struct thread *t;

    // the terminal's stops mean nothing where no shell could continue the job
    if (p->stopped || (signal != SIGSTOP && group_is_orphaned(p->group))) return;
    p->stopped = true;
    p->report = signal << 8 | STATUS_STOPPED;
    list_for_each (t, &p->threads, process_node) thread_call(t, ATTENTION_STOP);
    parent_notify(p, p->report);
}

/* SIGCONT undoes a stop whatever else becomes of it; SIGKILL too, or it could not
 * act. */
static void go_on(struct process *process, int signal) {
    struct thread *t;

    if (!process->stopped) return;
    process->stopped = false;
    process->report = signal == SIGCONT ? STATUS_CONTINUED : 0;
    list_for_each (t, &process->threads, process_node)
        t->attention &= ~(uint32_t)ATTENTION_STOP;
    wait_wake_all(&process->stop_wait, 0);
    if (signal == SIGCONT) parent_notify(process, STATUS_CONTINUED);
}

/* True: that was all. A stop that is nobody's to handle happens at once, and leaves who
 * sleeps past stops asleep; one that is blocked is kept. */
static out_of_line bool job_control(struct process *process, struct thread *taker,
                                    int signal) {
    bool stops = SIGSET_STOPS & sigset_of(signal);

    signal_forget(process, stops ? sigset_of(SIGCONT) : SIGSET_STOPS);
    if (!stops) go_on(process, signal);
    if (!stops || process == init_process || !taker
        || process->actions[signal - 1].handler != SIG_DFL
        || sigset_has(&taker->blocked, signal))
        return false;
    process_stop(process, signal);
    return true;
}

/* -- Who is told ------------------------------------------------------------------- */

void signal_update(struct thread *t) {
    sigset_t pending = t->pending.set | t->process->pending.set;

    if (t->fault_pending || pending & ~t->blocked) t->attention |= ATTENTION_SIGNAL;
    else t->attention &= ~(uint32_t)ATTENTION_SIGNAL;
}

void signal_change_mask(struct thread *t, sigset_t mask) {
    sigset_t passed_on = mask & ~t->blocked & t->process->pending.set;
    struct thread *other;

    t->blocked = mask;
    signal_update(t);
    if (!passed_on) return;     // nothing that it was to take may go to another now
    list_for_each (other, &t->process->threads, process_node) {
        signal_update(other);
        if (other->attention & ATTENTION_SIGNAL && other != t)
            thread_call(other, ATTENTION_SIGNAL);
    }
}

bool signal_is_ignored(const struct process *process, int signal) {
    uint32_t handler = process->actions[signal - 1].handler;

    if (handler != SIG_DFL) return handler == SIG_IGN;
    return process == init_process || sigset_has(&harmless, signal);
}

static bool wants(const struct thread *t, int signal) {
    return !sigset_has(&t->blocked, signal) || sigset_has(&t->waited_for, signal);
}

/* The thread to take a signal of the process: one that waits for it, else the first
 * that does not block it; the running one is preferred. */
static out_of_line struct thread *choose(struct process *process, int signal) {
    struct thread *t, *candidate = NULL;

    list_for_each (t, &process->threads, process_node) {
        if (t->exiting || !wants(t, signal)) continue;
        // one that was woken for another signal already does not count
        if (sigset_has(&t->waited_for, signal) && t->state == THREAD_BLOCKED) return t;
        if (!candidate || t == current()) candidate = t;
    }
    return candidate;
}

int signal_post(struct process *process, struct thread *thread,
                const struct siginfo *info, struct queued_signal *q) {
    struct pending_signals *pending = thread ? &thread->pending : &process->pending;
    int signal = info->signal;

    assert(signal >= 1 && signal <= SIGNALS);
    if (process->is_zombie || process->exiting || (thread && thread->exiting)) return 0;
    struct thread *taker =
        thread ? thread
        : process->nr_threads == 1
            ? list_first_entry(&process->threads, struct thread, process_node)
            : choose(process, signal);
    if (unlikely(sigset_has(&stop_or_continue, signal))
        && job_control(process, taker, signal))
        return 0;
    // an ignored one that is blocked is kept: the action may change meanwhile
    if (unlikely(signal_is_ignored(process, signal)) && taker
        && !sigset_has(&taker->blocked, signal))
        return 0;
    trace_record(TRACE_SIGNAL, current()->tid, (uint32_t)signal,
                 (uint32_t)(thread ? thread->tid : process->pid), 0);
    if (unlikely(q)) {
        q->in = pending;
    } else if (signal >= SIGRTMIN || !sigset_has(&pending->set, signal)) {
        q = place_for(pending, process);
        if (q) q->info = *info;
        else if (signal >= SIGRTMIN && info->code != SI_USER) return -EAGAIN;
    }
    if (q) list_push_back(&pending->queue, &q->node);
    sigset_add(&pending->set, signal);
    if (taker && wants(taker, signal)) thread_call(taker, ATTENTION_SIGNAL);
    return 0;
}

void signal_withdraw(struct queued_signal *q) {
    if (!list_node_is_linked(&q->node)) return;
    list_remove(&q->node);
    if (!first_of(q->in, q->info.signal)) sigset_remove(&q->in->set, q->info.signal);
}

void signal_kernel(struct process *process, int signal) {
    signal_post(process, NULL, &(struct siginfo){ signal, .code = SI_KERNEL }, NULL);
}

void signal_group(pid_t group, int signal) {
    struct process *p;

    list_for_each (p, &all_processes, all_node)
        if (p->group == group) signal_kernel(p, signal);
}

void signal_fault(int signal, int code, uint32_t address) {
    struct thread *t = current();

    t->fault = (struct siginfo){ signal, .code = code, .address = address };
    t->fault_pending = true;
    t->attention |= ATTENTION_SIGNAL;
}

/* -- Taking one -------------------------------------------------------------------- */

bool signal_take(struct thread *t, sigset_t blocked, struct siginfo *info) {
    struct pending_signals *pending = &t->pending;
    sigset_t either = (pending->set | t->process->pending.set) & ~blocked;

    if (!either) return false;
    uint32_t low = (uint32_t)either, high = (uint32_t)(either >> 32);
    int signal = likely(low) ? 1 + __builtin_ctz(low) : 33 + __builtin_ctz(high);
    if (unlikely(low & (uint32_t)sigset_of(SIGKILL))) signal = SIGKILL;
    if (!sigset_has(&pending->set, signal)) pending = &t->process->pending;
    struct queued_signal *q = first_of(pending, signal);
    if (unlikely(q && q->taken)) q->taken(q);
    *info = likely(q) ? q->info : (struct siginfo){ signal, .code = SI_USER };
    if (likely(q)) queued_free(q);
    if (!first_of(pending, signal)) sigset_remove(&pending->set, signal);
    return true;
}
