/* exit.c - what a thread must do before it may go to user mode: among other things,
 * end; the end of threads and processes, and what it means for others; waiting for it.
 *
 * Invariant: a thread never ends another one directly.
 * Sleeps: attend, while the process is stopped, and when another thread is to run;
 *   wait4 and waitid, while there are children that could still report (condition shape
 *   on process->child_wait).
 * Tests: user/tests/exit.c, orphans.c, wait*.c.
 * See: wait4(2), waitid(2).
 */
#include "core/log.h"
#include "core/trace.h"
#include "fs/devfs.h"
#include "ipc/fast_path.h"
#include "ipc/signal_frame.h"
#include "posix/faces.h"
#include "proc/life.h"

void process_exit_group(struct process *process, int status) {
    struct thread *t;

    if (!process->exiting) {
        process->exiting = true;
        process->exit_status = status;
    }
    list_for_each (t, &process->threads, process_node) thread_call(t, ATTENTION_EXIT);
}

/* A group that nobody can continue any more, since just now, must not stay stopped for
 * ever. */
static void hang_up_if_orphaned(pid_t group) {
    struct process *p;
    bool has_stopped = false;

    list_for_each (p, &all_processes, all_node)
        has_stopped |= p->group == group && p->stopped;
    if (!has_stopped || !group_is_orphaned(group)) return;
    signal_group(group, SIGHUP);
    signal_group(group, SIGCONT);
}

/* Unlists and frees a zombie, after adding its times to its parent's. */
static void process_reap(struct process *zombie) {
    usage_add(&zombie->parent->children_usage, process_usage(zombie));
    usage_add(&zombie->parent->children_usage, zombie->children_usage);
    process_free(zombie);
}

/* Its last thread is gone. */
static void become_zombie(struct process *p) {
    const struct signal_action *action = &p->parent->actions[SIGCHLD - 1];
    int status = p->exit_status;
    struct process *child, *next;
    bool zombies = false;

    if (p == init_process) {
        if (status & 0x7f) log_printf("init was killed by signal %d\n", status & 0x7f);
        machine_off(status & 0x7f ? 128 + (status & 0x7f) : status >> 8);
    }
    if (p->session == p->pid) tty_hangup_session(p->session);
    // our going may orphan our own group, or our children's, whom init adopts
    bool was_orphaned = group_is_orphaned(p->group);
    p->is_zombie = true;
    if (!was_orphaned) hang_up_if_orphaned(p->group);
    list_for_each_safe (child, next, &p->children, sibling_node) {
        if (child->group != p->group && child->session == p->session)
            hang_up_if_orphaned(child->group);
        list_remove(&child->sibling_node);
        child->parent = init_process;
        list_push_back(&init_process->children, &child->sibling_node);
        zombies |= child->is_zombie;
    }
    if (zombies) {
        signal_kernel(init_process, SIGCHLD);
        wait_wake_all(&init_process->child_wait, 0);
    }
    parent_notify(p, status);
    bool parent_cares = action->handler != SIG_IGN && !(action->flags & SA_NOCLDWAIT);
    if (p->exit_signal == SIGCHLD && !parent_cares) process_reap(p);
}

void process_give_back(struct process *p) {
    if (p->files) file_table_put(p->files);
    if (p->space) space_put(p->space);
    if (p->directory) inode_put(p->directory);
    if (p->executable) inode_put(p->executable);
    p->files = NULL;
    p->space = NULL;
    p->directory = p->executable = NULL;
}

void thread_exit(void) {
    struct thread *t = current();
    struct process *p = t->process;

    assert(t->state == THREAD_RUNNING);
    t->exiting = true;
    signal_change_mask(t, ~0ull);       // what it was to take goes to another
    trace_record(TRACE_EXIT, t->tid, (uint32_t)p->exit_status, 0, 0);
    futex_thread_exit(t);
    exchange_end(t);
    bool last = p->nr_threads == 1;
    if (last) {
        struct address_space *space = p->space;
        p->space = t->space = NULL;     // it is not alive any more
        timers_end(p, true);
        endpoint_exit(p);
        semaphores_end(p);
        process_give_back(p);
        uint32_t shared = space->refs > 1 ? space_resident(space) : 0;  // by vfork
        p->usage.largest_resident = max(space_put(space), shared);
        wait_wake_all(&p->vfork_done, 0);
    }
    t->space = NULL;
    thread_detach(t);
    if (p->nr_threads == 1) wait_wake_all(&p->exec_wait, 0);
    t->process = NULL;
    if (last) become_zombie(p);
    t->state = THREAD_DEAD;
    schedule(t);
    panic("a dead thread runs");
}

/* -- Return to user mode ----------------------------------------------------------- */

static void deliver_signals(struct trap_frame *frame) {
    struct process *p = current_process();
    int signal = signal_deliver(frame);

    if (!signal) return;
    if (SIGSET_STOPS & sigset_of(signal)) process_stop(p, signal);
    else process_exit_group(p, signal);
}

void attend(struct trap_frame *frame) {
    struct thread *t = current();

    t->attention &= ~(uint32_t)ATTENTION_INTERRUPTED;   // the call is judged below
    while (t->attention & ATTENTION_ANY) {
        if (t->attention & ATTENTION_EXIT) {
            thread_exit();
        } else if (t->attention & ATTENTION_STOP) {
            wait_sleep_killable(&t->process->stop_wait);
        } else if (t->attention & ATTENTION_SIGNAL) {
            deliver_signals(frame);
        } else if (t->attention & ATTENTION_RESTORE_MASK) {
            signal_restart_call(frame);
            t->attention &= ~(uint32_t)ATTENTION_RESTORE_MASK;  // no handler ran
            signal_set_mask(t, t->saved_mask);
        } else if (t->attention & ATTENTION_RESCHEDULE) {
            thread_yield();
        } else {
            t->attention &= ~(uint32_t)ATTENTION_INTERRUPTED;
        }
    }
    signal_restart_call(frame);
    if (frame->vector == VECTOR_SYSTEM_CALL)
        frame->vector = VECTOR_CHANGED; // perhaps: sysexit could not restore everything
}

void user_thread_start(void) {
    struct thread *t = current();

    attend(thread_frame(t));
    t->system_ticks += timestamp_counter();
    bkl_release();
    user_enter(thread_frame(t));
}

long sys_exit(int status) {
    struct process *p = current_process();

    // POSIX: the status of a process whose last thread exits is that thread's
    if (p->nr_threads == 1) process_exit_group(p, (status & 0xff) << 8);
    thread_exit();
}

/* -- Waiting for children: two faces of one search --------------------------------- */

enum wait_options {
    WNOHANG = 1, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x1000000,
    WNOTHREAD = 0x20000000, WALL = 0x40000000, WCLONE = 0x80000000,
    WAIT4_OPTIONS = WNOHANG | WSTOPPED | WCONTINUED | WNOTHREAD | WALL | WCLONE,
};
enum id_type { P_ALL = 0, P_PID = 1, P_PGID = 2 };

struct wait_request {
    enum id_type type;
    pid_t id;
    uint32_t options;
    uptr_t usage;               /* where the found one's goes, or null */
    int status;                 /* of what was found: as wait4 reports it, */
    struct siginfo info;        /* and as waitid does */
};

/* The pid of a child that has something to report, and the report in r, which is taken
 * unless WNOWAIT; 0: nothing yet (WNOHANG); -ECHILD, -ERESTART, -EFAULT. SLEEPS. */
static pid_t do_wait(struct wait_request *r) {
    struct process *p = current_process(), *child, *next;
    long error = 0;

    for (;;) {                  // after a sleep children count before signals do
        bool any = false;
        list_for_each_safe (child, next, &p->children, sibling_node) {
            pid_t pid = child->pid, id = r->type == P_PGID ? child->group : pid;
            if (r->type != P_ALL && id != r->id) continue;
            any |= !child->is_zombie || r->options & WEXITED;       // it will not stop
            r->status = child->is_zombie ? child->exit_status : child->report;
            uint32_t kind = child->is_zombie                ? WEXITED
                            : r->status == STATUS_CONTINUED ? WCONTINUED
                            : r->status                     ? WSTOPPED
                                                            : 0;
            if (!(r->options & kind)) continue;
            r->info = siginfo_of_child(child, r->status);
            struct usage usage = process_usage(child);
            if (child->space) usage.largest_resident = space_resident(child->space);
            bool stays = r->options & WNOWAIT;
            if (!stays && child->is_zombie) process_reap(child);
            else if (!stays) child->report = 0;
            bool told = uptr_is_null(r->usage) || !usage_to_user(r->usage, &usage);
            return told ? pid : -EFAULT;
        }
        if (!any) return -ECHILD;
        if (r->options & WNOHANG) return 0;
        if (error) return error == -EINTR ? -ERESTART : (int)error;
        error = wait_sleep(&p->child_wait, DEADLINE_NEVER);
    }
}

long sys_wait4(pid_t pid, uptr_t status, int options, uptr_t usage) {
    struct wait_request r = { .type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID,
                              .options = (uint32_t)options | WEXITED, .usage = usage };

    if ((uint32_t)options & ~WAIT4_OPTIONS) return -EINVAL;
    if (pid == INT32_MIN) return -ESRCH;
    r.id = pid > 0 ? pid : pid == 0 ? current_process()->group : -pid;
    pid_t found = do_wait(&r);
    if (found <= 0 || uptr_is_null(status)) return found;
    return u32_to_user(status, (uint32_t)r.status) ? -EFAULT : found;
}

long sys_waitid(int type, pid_t id, uptr_t info_out, int options, uptr_t usage) {
    struct wait_request r = { .type = (enum id_type)type, .id = id,
                              .options = (uint32_t)options, .usage = usage };

    if (r.options & ~(WAIT4_OPTIONS | WEXITED | WNOWAIT)
        || !(r.options & (WSTOPPED | WEXITED | WCONTINUED)) || type < P_ALL
        || type > P_PGID || (type == P_PID && id <= 0) || (type == P_PGID && id < 0))
        return -EINVAL;
    if (type == P_PGID && id == 0) r.id = current_process()->group;
    pid_t found = do_wait(&r);
    if (found < 0) return found;
    // Linux writes the fields, not the whole structure
    return uptr_is_null(info_out) ? 0 : copy_to_user(info_out, &r.info, 24);
}
