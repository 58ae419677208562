/* signal_post.c - posting signals: who gets them, and who is woken for them.
 *
 * Shape: two pending sets, the thread's and the process's. A bit says that a signal is
 * pending, the queue holds its details; signals 1..31 are pending at most once,
 * real-time signals are queued each with its value.
 * Wakes: the one thread chosen to take the signal, through thread_interrupt.
 * See: signal(7), POSIX XSH 2.4.
 */
#include "arch.h"
#include "base/string.h"
#include "core/panic.h"
#include "core/trace.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

void pending_init(struct pending_signals *pending) {
    pending->set = 0;
    list_init(&pending->queue);
}

static void queued_free(struct queued_signal *q) {
    list_remove(&q->node);
    account_release(q->account, ACCOUNT_SIGNALS, 1);
    heap_free(q);
}

void pending_clear(struct pending_signals *pending, sigset_t which) {
    struct queued_signal *q, *next;

    pending->set &= ~which;
    list_for_each_safe (q, next, &pending->queue, node)
        if (which & sigset_of(q->info.signal)) queued_free(q);
}

bool signal_default_ignores(int signal) {
    return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH
           || signal == SIGCONT;
}

bool signal_default_stops(int signal) { return SIGSET_STOPS & sigset_of(signal); }

bool signal_is_ignored(const struct process *process, int signal) {
    uint32_t handler = process->actions->of[signal - 1].handler;

    if (handler == SIG_DFL)
        return process == init_process || signal_default_ignores(signal);
    return handler == SIG_IGN;
}

static bool wants(const struct thread *t, int signal) {
    return !(t->blocked & sigset_of(signal)) || t->waited_for & sigset_of(signal);
}

static void notice(struct thread *t) {
    t->attention |= ATTENTION_SIGNAL;
    if (t->state == THREAD_BLOCKED && t->wake_on & ATTENTION_SIGNAL)
        thread_interrupt(t, -EINTR);
    else if (t->state == THREAD_RUNNING && t->cpu != this_cpu())
        ipi_reschedule(t->cpu);  // it sees its attention on the way back
}

void signal_update(struct thread *t) {
    sigset_t pending = t->pending.set | t->process->pending.set;

    if (unlikely(t->fault_pending) || unlikely(pending && pending & ~t->blocked))
        t->attention |= ATTENTION_SIGNAL;
    else
        t->attention &= ~(uint32_t)ATTENTION_SIGNAL;
}

void signal_update_all(struct process *process) {
    struct thread *t;

    list_for_each (t, &process->threads, process_node) {
        signal_update(t);
        if (t->attention & ATTENTION_SIGNAL && t != current()) notice(t);
    }
}

/* Adds to a set. -EAGAIN only when the details must be kept and cannot. */
static int enqueue(struct pending_signals *pending, const struct process *process,
                   const struct siginfo *info, bool must_queue) {
    struct account *account = process->account;
    int signal = info->signal;

    if (signal < SIGRTMIN && pending->set & sigset_of(signal)) return 0;
    struct queued_signal *q = NULL;
    if (account->used[ACCOUNT_SIGNALS] < limit_soft(process, LIMIT_SIGPENDING)
        && account_charge(account, ACCOUNT_SIGNALS, 1)) {
        q = heap_new(HEAP_SIGNAL, struct queued_signal);
        if (!q) account_release(account, ACCOUNT_SIGNALS, 1);
    }
    if (!q && must_queue) return -EAGAIN;
    if (q) {
        q->info = *info;
        q->account = account;
        list_push_back(&pending->queue, &q->node);
    }
    pending->set |= sigset_of(signal);
    return 0;
}

void parent_notify(struct process *child, int code, int status) {
    struct process *parent = child->parent;
    uint32_t flags = parent->actions->of[SIGCHLD - 1].flags;
    bool ended = code != CLD_STOPPED && code != CLD_CONTINUED;

    if (ended ? child->exit_signal != 0 : !(flags & SA_NOCLDSTOP)) {
        struct siginfo info = { .signal = ended ? child->exit_signal : SIGCHLD,
                                .code = code };
        info.pid = child->pid;
        info.uid = child->credentials.uid;
        info.status_or_value = status;
        struct usage usage = process_usage(child);
        info.user_time = (int32_t)divide_u64(usage.user_time, 10000000, NULL);
        info.system_time = (int32_t)divide_u64(usage.system_time, 10000000, NULL);
        signal_post_process(parent, &info, false);
    }
    wait_wake_all(&parent->child_wait, 0);
}

/* SIGCONT undoes a stop whatever else becomes of it; SIGKILL too, or it could not
 * act. */
static void continue_process(struct process *process, bool report) {
    struct thread *t;

    process->stop_report = 0;
    if (!process->stopped) return;
    process->stopped = false;
    list_for_each (t, &process->threads, process_node)
        t->attention &= ~(uint32_t)ATTENTION_STOP;
    wait_wake_all(&process->stop_wait, 0);
    if (report) {
        process->continue_report = true;
        parent_notify(process, CLD_CONTINUED, SIGCONT);
    }
}

static void clear_everywhere(struct process *process, sigset_t which) {
    struct thread *t;

    pending_clear(&process->pending, which);
    list_for_each (t, &process->threads, process_node)
        pending_clear(&t->pending, which);
}

/* What posting does before and besides setting a bit. */
static void side_effects(struct process *process, int signal) {
    if (signal == SIGCONT) {
        clear_everywhere(process, SIGSET_STOPS);
        continue_process(process, true);
    } else if (signal == SIGKILL) {
        continue_process(process, false);
    } else if (signal_default_stops(signal)) {
        clear_everywhere(process, sigset_of(SIGCONT));
    }
}

static bool is_dropped(const struct process *process, const struct thread *thread,
                       int signal) {
    const struct thread *t;

    if (!signal_is_ignored(process, signal)) return false;
    if (signal == SIGKILL || signal == SIGSTOP) return process == init_process;
    // blocked: kept, because the action may change before it is unblocked
    if (thread)
        return wants(thread, signal) && !(thread->waited_for & sigset_of(signal));
    list_for_each (t, &process->threads, process_node)
        if (!(t->blocked & sigset_of(signal))) return true;
    return false;
}

/* The thread to take a signal of the process: one that waits for it, else the first
 * that does not block it; the running one is preferred. */
static struct thread *choose(struct process *process, int signal) {
    struct thread *t, *candidate = NULL;

    list_for_each (t, &process->threads, process_node) {
        if (t->exiting || !wants(t, signal)) continue;
        // one that was woken for another signal already does not count
        if (t->waited_for & sigset_of(signal) && t->state == THREAD_BLOCKED) return t;
        if (!candidate || t == current()) candidate = t;
    }
    return candidate;
}

int signal_post_process(struct process *process, const struct siginfo *info,
                        bool must_queue) {
    int signal = info->signal;

    assert(signal >= 1 && signal <= SIGNALS);
    if (process->is_zombie || process->exiting) return 0;
    side_effects(process, signal);
    if (is_dropped(process, NULL, signal)) return 0;
    trace_record(TRACE_SIGNAL, current()->tid, (uint32_t)signal, (uint32_t)process->pid,
                 0);
    int error = enqueue(&process->pending, process, info, must_queue);
    if (error) return error;
    struct thread *t = choose(process, signal);
    if (t) notice(t);
    return 0;
}

int signal_post_thread(struct thread *thread, const struct siginfo *info,
                       bool must_queue) {
    struct process *process = thread->process;
    int signal = info->signal;

    if (process->exiting || thread->exiting) return 0;
    side_effects(process, signal);
    if (is_dropped(process, thread, signal)) return 0;
    trace_record(TRACE_SIGNAL, current()->tid, (uint32_t)signal, (uint32_t)thread->tid,
                 0);
    int error = enqueue(&thread->pending, process, info, must_queue);
    if (!error && wants(thread, signal)) notice(thread);
    return error;
}

static struct queued_signal *last_of(struct pending_signals *pending, int signal) {
    struct queued_signal *q, *found = NULL;

    list_for_each (q, &pending->queue, node)
        if (q->info.signal == signal) found = q;
    return found;
}

bool signal_post_timer(struct process *process, struct thread *thread,
                       const struct siginfo *info, struct posix_timer *timer) {
    struct pending_signals *pending = thread ? &thread->pending : &process->pending;
    struct queued_signal *before = last_of(pending, info->signal);

    if (thread)
        signal_post_thread(thread, info, false);
    else
        signal_post_process(process, info, false);
    struct queued_signal *q = last_of(pending, info->signal);
    if (!q || q == before)
        return false;           // ignored, or merged with one that is pending
    q->timer = timer;
    return true;
}

static void forget(struct pending_signals *pending, const struct posix_timer *timer) {
    struct queued_signal *q, *next;

    list_for_each_safe (q, next, &pending->queue, node) {
        if (q->timer != timer) continue;
        int signal = q->info.signal;
        queued_free(q);
        if (!last_of(pending, signal)) pending->set &= ~sigset_of(signal);
    }
}

void signal_forget_timer(struct process *process, const struct posix_timer *timer) {
    struct thread *t;

    forget(&process->pending, timer);
    list_for_each (t, &process->threads, process_node)
        forget(&t->pending, timer);
}

void signal_kernel(struct process *process, int signal) {
    struct siginfo info = { .signal = signal, .code = SI_KERNEL };

    signal_post_process(process, &info, false);
}

void signal_fault(int signal, int code, uint32_t address) {
    struct thread *t = current();

    t->fault = (struct siginfo){ .signal = signal, .code = code };
    t->fault.address = address;
    t->fault_pending = true;
    t->attention |= ATTENTION_SIGNAL;
}

static bool take_from(struct pending_signals *pending, int signal,
                      struct siginfo *info) {
    struct queued_signal *q, *next, *first = NULL;
    bool more = false;

    list_for_each_safe (q, next, &pending->queue, node) {
        if (q->info.signal != signal) continue;
        if (first) {
            more = true;
            break;
        }
        first = q;
    }
    *info = first ? first->info : (struct siginfo){ .signal = signal, .code = SI_USER };
    if (first) {
        if (first->timer && timer_signal_taken) timer_signal_taken(first, info);
        queued_free(first);
    }
    if (!more) pending->set &= ~sigset_of(signal);
    return true;
}

static int lowest(sigset_t set) {
    uint32_t low = (uint32_t)set, high = (uint32_t)(set >> 32);

    return low ? __builtin_ctz(low) + 1 : __builtin_ctz(high) + 33;
}

bool signal_take(struct thread *t, sigset_t blocked, struct siginfo *info) {
    sigset_t own = t->pending.set & ~blocked;
    sigset_t shared = t->process->pending.set & ~blocked;
    sigset_t either = own | shared;

    if (!either) return false;
    int signal = lowest(either);
    if (either & sigset_of(SIGKILL)) signal = SIGKILL;
    if (own & sigset_of(signal)) return take_from(&t->pending, signal, info);
    return take_from(&t->process->pending, signal, info);
}

void (*timer_signal_taken)(struct queued_signal *queued, struct siginfo *info);
