/* signal_actions.c - the system calls about signals: actions, masks, sending, waiting.
 *
 * Sleeps: pause, sigsuspend, sigtimedwait. Condition shape: look whether one is due,
 * then sleep.
 * Wakes: who takes a signal that is sent or unblocked (sched/signal_post.c).
 * Tests: user/tests/sig*.c.
 * See: signal(7), POSIX XSH 2.4.
 */
#include "ipc/signal_frame.h"
#include "syscall.h"

/* -- Actions and masks ------------------------------------------------------------- */

long sys_rt_sigaction(int signal, uptr_t action, uptr_t old, size_t set_size) {
    struct process *p = current_process();
    struct signal_action new, *now;

    if (set_size != sizeof(sigset_t) || signal < 1 || signal > SIGNALS) return -EINVAL;
    if (!uptr_is_null(action)) {
        if (copy_from_user(&new, action, sizeof(new))) return -EFAULT;
        if (sigset_of(signal) & SIGSET_UNBLOCKABLE) return -EINVAL;
        new.mask &= ~SIGSET_UNBLOCKABLE;
    }
    now = &p->actions[signal - 1];
    if (!uptr_is_null(old) && copy_to_user(old, now, sizeof(*now))) return -EFAULT;
    if (uptr_is_null(action)) return 0;
    /* --- commit: nothing below fails or sleeps --- */
    *now = new;
    // what is pending is forgotten (POSIX)
    if (signal_is_ignored(p, signal)) signal_forget(p, sigset_of(signal));
    return 0;
}

long sys_rt_sigprocmask(int how, uptr_t set, uptr_t old, size_t set_size) {
    struct thread *t = current();
    sigset_t mask = t->blocked;
    enum { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2 };

    if (set_size != sizeof(sigset_t)) return -EINVAL;
    if (!uptr_is_null(set)) {
        if (copy_from_user(&mask, set, sizeof(mask))) return -EFAULT;
        if (how == SIG_BLOCK) mask |= t->blocked;
        else if (how == SIG_UNBLOCK) mask = t->blocked & ~mask;
        else if (how != SIG_SETMASK) return -EINVAL;
    }
    if (!uptr_is_null(old) && copy_to_user(old, &t->blocked, sizeof(mask)))
        return -EFAULT;
    signal_set_mask(t, mask);
    return 0;
}

long sys_rt_sigpending(uptr_t set, size_t set_size) {
    struct thread *t = current();
    sigset_t pending = (t->pending.set | t->process->pending.set) & t->blocked;

    if (set_size != sizeof(sigset_t)) return -EINVAL;
    return copy_to_user(set, &pending, sizeof(pending));
}

/* -- Sending ----------------------------------------------------------------------- */

/* To a process, or to one thread of it. Signal 0 only asks. */
static int send(struct process *to, struct thread *thread, const struct siginfo *info) {
    if (to != current_process() && !process_may_signal(to, info->signal)) return -EPERM;
    return info->signal == 0 ? 0 : signal_post(to, thread, info, NULL);
}

long sys_kill(pid_t pid, int signal) {
    struct siginfo info = siginfo_from_here(signal, SI_USER);
    struct process *p, *self = current_process();
    int result = -ESRCH;

    if ((unsigned)signal > SIGNALS) return -EINVAL;
    if (pid > 0) {
        if (likely((p = process_find(pid)))) return send(p, NULL, &info);
        struct thread *t = thread_find(pid);    // stands for its process, as on Linux
        return t ? send(t->process, NULL, &info) : -ESRCH;
    }
    pid_t group = pid == 0 ? self->group : (pid_t) - (uint32_t)pid;
    list_for_each (p, &all_processes, all_node) {
        if (pid == -1 ? p == init_process || p == self : p->group != group) continue;
        int error = send(p, NULL, &info);
        if (result != 0) result = error;        // one success is success
    }
    return result;
}

long sys_tgkill(pid_t pid, pid_t tid, int signal) {
    struct siginfo info = siginfo_from_here(signal, SI_TKILL);

    if (pid <= 0 || tid <= 0 || (unsigned)signal > SIGNALS) return -EINVAL;
    struct thread *t = thread_find(tid);
    return t && t->process->pid == pid ? send(t->process, t, &info) : -ESRCH;
}

long sys_tkill(pid_t tid, int signal) {
    const struct thread *t = thread_find(tid);

    return sys_tgkill(t ? t->process->pid : tid, tid, signal);
}

long sys_rt_sigqueueinfo(pid_t pid, int signal, uptr_t user_info) {
    struct siginfo info;
    uint32_t last;              // word of the caller's 128 bytes

    if (copy_from_user(&info, user_info, sizeof(info))
        || u32_from_user(&last, uptr_add(user_info, 124)))
        return -EFAULT;
    if ((unsigned)signal > SIGNALS) return -EINVAL;
    struct process *to = process_find(pid);
    if (!to) return -ESRCH;
    // nobody but the kernel may claim to be the kernel, or kill(2)
    if ((info.code >= 0 || info.code == SI_TKILL) && to != current_process())
        return -EPERM;
    info.signal = signal;
    return send(to, NULL, &info);
}

/* -- Waiting ----------------------------------------------------------------------- */

static const struct wait_class class = { "signal", NULL, 0 };
/* Nobody is woken here: a signal interrupts the sleep. */
static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters, &class);

/* Until one is due. The call is not made again when a handler ran. */
static long wait_for_signal(void) {
    struct thread *t = current();

    while (!(t->attention & (ATTENTION_SIGNAL | ATTENTION_EXIT | ATTENTION_STOP)))
        if (wait_sleep(&waiters, DEADLINE_NEVER)) break;
    return -ERESTART_NO_HANDLER;
}

long sys_pause(void) { return wait_for_signal(); }

int signal_mask_for_now(uptr_t set, size_t size) {
    struct thread *t = current();
    sigset_t mask;

    if (size != sizeof(mask)) return -EINVAL;
    if (copy_from_user(&mask, set, sizeof(mask))) return -EFAULT;
    t->saved_mask = t->blocked;
    t->attention |= ATTENTION_RESTORE_MASK;
    signal_set_mask(t, mask);
    return 0;
}

long sys_rt_sigsuspend(uptr_t set, size_t set_size) {
    int error = signal_mask_for_now(set, set_size);

    return error ? error : wait_for_signal();
}

long sys_rt_sigtimedwait(uptr_t set, uptr_t info_out, uptr_t timeout, size_t set_size) {
    struct thread *t = current();
    struct siginfo info = { .signal = 0 };
    nanoseconds_t deadline;
    sigset_t wanted;

    if (set_size != sizeof(sigset_t)) return -EINVAL;
    if (copy_from_user(&wanted, set, sizeof(wanted))) return -EFAULT;
    wanted &= ~SIGSET_UNBLOCKABLE;
    long error = deadline_from_user(timeout, TIMEOUT_SPAN, &deadline);
    if (error) return error;
    t->waited_for = wanted;
    while (!signal_take(t, ~wanted, &info) && !error) {
        signal_update(t);       // one that is waited for must not interrupt the wait
        error = wait_sleep(&waiters, deadline);
    }
    t->waited_for = 0;
    signal_update(t);
    if (!info.signal) return error == -ETIMEDOUT ? -EAGAIN : error;
    if (!uptr_is_null(info_out)
        && (copy_to_user(info_out, &info, sizeof(info))
            || clear_user(uptr_add(info_out, sizeof(info)), SIGINFO_ZEROES)))
        return -EFAULT;
    return info.signal;
}
