/* fork.c - new processes and threads: fork, vfork, clone.
 *
 * clone offers the forms that C libraries use: a process with its own copy of
 * everything (fork), one that borrows the parent's memory until it execs (vfork,
 * posix_spawn), and a thread that shares everything (pthread_create). Other mixtures
 * are EINVAL.
 *
 * Sleeps: only a vfork parent. Order: everything that can fail comes before the child
 * is published.
 * Tests: user/tests/fork.c, vfork.c, thread*.c.
 * See: clone(2).
 */
#include "arch.h"
#include "arch/x86/descriptor_tables.h"
#include "arch/x86/segments.h"
#include "base/string.h"
#include "core/panic.h"
#include "core/trace.h"
#include "fs/inode.h"
#include "proc/life.h"
#include "sched/scheduler.h"
#include "syscall.h"

#define CLONE_SHARE_ALL \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CLONE_IDS \
    (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID)

struct clone_request {
    uint32_t flags, stack;
    uptr_t parent_tid, tls, child_tid;
};

static bool is_offered(uint32_t flags) {
    if (flags & CLONE_THREAD)
        return (flags & ~(uint32_t)(CLONE_IDS | CLONE_DETACHED | CLONE_SYSVSEM))
               == (CLONE_SHARE_ALL & ~CLONE_SYSVSEM);
    if ((flags & CLONE_SIGNAL) > SIGNALS) return false;
    uint32_t rest = flags & ~(uint32_t)(CLONE_SIGNAL | CLONE_IDS | CLONE_VFORK);
    return rest == 0 || (rest == CLONE_VM && flags & CLONE_VFORK);
}

/* The new thread begins in user mode where the parent is, with 0 as result. */
static void copy_user_state(struct thread *to, struct thread *from, uint32_t stack) {
    struct trap_frame *frame = thread_frame(to);

    *frame = *thread_frame(from);
    frame->eax = 0;
    frame->eflags |= EFLAGS_IF; // sysenter's frame has it off
    if (stack) frame->esp = stack;
    to->esp = stack_prepare((uint32_t)frame, thread_begin, to);
    fpu_save(from);
    to->fpu_valid = from->fpu_valid;
    if (to->fpu_valid) to->fpu_state = from->fpu_state;
    to->fs = read_fs();
    to->gs = read_gs();
    to->tls_descriptor = from->tls_descriptor;
    to->blocked = from->blocked;
    to->base_priority = from->base_priority;
    to->priority = max(to->base_priority, to->process->lent_priority);
    to->policy = from->policy;
    to->nice = from->nice;
    to->turn = from->turn;
    to->affinity = from->affinity;
    if (to->space != from->space) {     // a fork goes on with its copy of the stack
        to->alternate_stack = from->alternate_stack;
        to->alternate_stack_size = from->alternate_stack_size;
    }
    memcpy(to->name, from->name, sizeof(to->name));
}

/* set_thread_area's business, for CLONE_SETTLS. */
static int take_tls(struct thread *t, uptr_t tls) {
    struct user_descriptor u;

    if (copy_from_user(&u, tls, sizeof(u))) return -EFAULT;
    if (u.entry != TLS_SELECTOR / 8 || !tls_descriptor_make(&u, &t->tls_descriptor))
        return -EINVAL;
    return 0;
}

static int finish_thread(struct thread *t, const struct clone_request *r) {
    struct thread *parent = current();

    copy_user_state(t, parent, r->stack);
    if (r->flags & CLONE_SETTLS) {
        int error = take_tls(t, r->tls);
        if (error) return error;
    }
    if (r->flags & CLONE_CHILD_CLEARTID) t->clear_child_tid = r->child_tid.address;
    if (r->flags & CLONE_PARENT_SETTID && u32_to_user(r->parent_tid, (uint32_t)t->tid))
        return -EFAULT;
    // the child's own memory, which may be a copy: written through its page tables
    if (r->flags & CLONE_CHILD_SETTID) {
        uint32_t tid = (uint32_t)t->tid;
        (void)!space_write(t->space, r->child_tid, &tid, sizeof(tid));
    }
    return 0;
}

/* Everything of the child but its thread. */
static int copy_process(struct process *child, struct process *parent, uint32_t flags) {
    memcpy(child->actions, parent->actions, sizeof(child->actions));
    child->group = parent->group;
    child->session = parent->session;
    child->exit_signal = (int)(flags & CLONE_SIGNAL);
    child->is_vfork = flags & CLONE_VFORK;
    child->directory = inode_get(parent->directory);
    if (parent->executable) child->executable = inode_get(parent->executable);
    if (flags & CLONE_VM) {
        child->space = parent->space;
        space_get(child->space);
    } else if (!(child->space = space_fork(parent->space))) {
        return -ENOMEM;
    }
    child->files = file_table_create(parent->files);
    if (!child->files) return -ENOMEM;
    return 0;
}

/* Both kinds count against the limit; root's do not. */
static bool too_many(const struct process *p) {
    return p->account != &root_account
           && p->account->used[ACCOUNT_PROCESSES] >= limit_soft(p, LIMIT_NPROC);
}

/* SLEEPS, as the parent of a vfork. When we are killed the child keeps the space
 * alive. */
static void wait_for_vfork(struct process *child, pid_t pid) {
    while (process_find(pid) == child && child->is_vfork)
        if (wait_sleep_killable(&child->vfork_done)) return;
}

long sys_clone(uint32_t flags, uint32_t stack, uptr_t parent_tid, uptr_t tls,
               uptr_t child_tid) {
    struct clone_request r = { flags, stack, parent_tid, tls, child_tid };
    struct process *parent = current_process(), *child = parent;
    bool is_thread = flags & CLONE_THREAD;
    int error = 0;

    if (!is_offered(flags)) return -EINVAL;
    if (is_thread && parent->exiting) return -EINTR;
    if (too_many(parent)) return -EAGAIN;
    if (!is_thread) {
        child = process_create(parent);
        if (!child) return -ENOMEM;
        error = copy_process(child, parent, flags);
    }
    struct thread *t = error ? NULL : thread_create(child, user_thread_start, NULL);
    if (!t && !error) error = -EAGAIN;
    if (!error) error = finish_thread(t, &r);
    if (error) {
        if (t) thread_free(t);
        if (!is_thread) {
            process_give_back(child);
            process_free(child);
        }
        return error;
    }
    /* --- commit: nothing below fails, and only a vfork parent sleeps --- */
    pid_t id = t->tid;
    if (!is_thread) process_publish(child, id);
    trace_record(TRACE_FORK, current()->tid, (uint32_t)id, flags, 0);
    signal_update(t);
    thread_ready(t);
    if (flags & CLONE_VFORK) wait_for_vfork(child, id);
    return id;
}

long sys_set_thread_area(uptr_t descriptor) {
    struct thread *t = current();
    struct user_descriptor u;
    uint64_t entry;

    if (copy_from_user(&u, descriptor, sizeof(u))) return -EFAULT;
    bool any = u.entry == UINT32_MAX;
    if (any && t->tls_descriptor)
        return -ESRCH;          // there is one place; Linux has three
    if ((!any && u.entry != TLS_SELECTOR / 8) || !tls_descriptor_make(&u, &entry))
        return -EINVAL;
    if (any && u32_to_user(descriptor, TLS_SELECTOR / 8)) return -EFAULT;
    t->tls_descriptor = entry;
    this_cpu()->gdt[TLS_SELECTOR / 8] = entry;
    // a register that holds the selector keeps the old segment until it is loaded again
    load_fs(read_fs());
    load_gs(read_gs());
    return 0;
}

long sys_set_tid_address(uptr_t tid) {
    current()->clear_child_tid = tid.address;
    return current()->tid;
}
