/* fork.c - new processes and threads: fork, vfork, clone.
 *
 * Sleeps: only a vfork parent. Order: everything that can fail comes before the child
 * is published.
 * Tests: user/tests/fork.c, vfork.c, thread*.c.
 * See: clone(2).
 */
#include "arch/x86/processor.h"
#include "core/trace.h"
#include "fs/inode.h"
#include "posix/faces.h"
#include "proc/life.h"

/* A copy of all; one that has the memory until it execs; a thread that shares all. */
static bool is_offered(uint32_t flags) {
    const uint32_t shared = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND,
                   wishes = CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID
                            | CLONE_CHILD_SETTID;
    uint32_t rest = flags & ~wishes;

    if (flags & CLONE_THREAD)
        return (rest & ~(CLONE_DETACHED | CLONE_SYSVSEM)) == (shared | CLONE_THREAD);
    rest &= ~(CLONE_SIGNAL | CLONE_VFORK);
    return (flags & CLONE_SIGNAL) <= SIGNALS
           && (rest == 0 || (rest == CLONE_VM && flags & CLONE_VFORK));
}

/* set_thread_area's business, and CLONE_SETTLS's, who must name the one place there is;
 * Linux has three. */
static int take_tls(struct thread *t, uptr_t from, bool may_ask) {
    struct user_descriptor u;
    uint64_t entry;

    if (copy_from_user(&u, from, sizeof(u))) return -EFAULT;
    bool asks = may_ask && u.entry == UINT32_MAX;
    if (asks && t->tls_descriptor) return -ESRCH;
    if ((!asks && u.entry != TLS_SELECTOR / 8) || !tls_descriptor_make(&u, &entry))
        return -EINVAL;
    if (asks && u32_to_user(from, TLS_SELECTOR / 8)) return -EFAULT;
    t->tls_descriptor = entry;
    return 0;
}

/* The new thread begins in user mode where the running one is, with 0 as result, and
 * with what that wants of it. */
static int begin_alike(struct thread *t, uint32_t flags, uint32_t stack,
                       uptr_t parent_tid, uptr_t tls, uptr_t child_tid) {
    struct trap_frame *frame = thread_frame(t);
    struct thread *from = current();
    uint32_t tid = (uint32_t)t->tid;

    *frame = *thread_frame(from);
    frame->eax = 0;
    frame->eflags |= EFLAGS_IF; // sysenter's frame has it off
    if (stack) frame->esp = stack;
    memcpy(&t->blocked, &from->blocked,
           offsetof(struct thread, fs) - offsetof(struct thread, blocked));
    if (flags & CLONE_THREAD) t->attention |= from->attention & ATTENTION_STOP;
    t->priority = max(t->base_priority, t->process->lent_priority);
    if (t->space == from->space)
        t->alternate_stack_size = 0;    // a fork goes on with its copy of the stack
    segments_save(&t->fs, &t->gs);
    fpu_save(from);
    t->fpu_valid = from->fpu_valid;
    if (t->fpu_valid) t->fpu_state = from->fpu_state;
    int error = flags & CLONE_SETTLS ? take_tls(t, tls, false) : 0;
    if (error) return error;
    if (flags & CLONE_CHILD_CLEARTID) t->clear_child_tid = child_tid.address;
    if (flags & CLONE_PARENT_SETTID && u32_to_user(parent_tid, tid)) return -EFAULT;
    // the child's own memory, which may be a copy: written through its page tables
    if (flags & CLONE_CHILD_SETTID)
        (void)!space_write(t->space, child_tid, &tid, sizeof(tid));
    return 0;
}

/* Everything of the child but its thread. */
static int copy_process(struct process *child, struct process *parent, uint32_t flags) {
    child->exit_signal = (int)(flags & CLONE_SIGNAL);
    child->directory = inode_get(parent->directory);
    if (parent->executable) child->executable = inode_get(parent->executable);
    child->space = flags & CLONE_VM ? parent->space : space_fork(parent->space);
    if (flags & CLONE_VM) child->space->refs++;
    if (child->space) child->files = file_table_create(parent->files);
    return child->files ? 0 : -ENOMEM;
}

long sys_clone(uint32_t flags, uint32_t stack, uptr_t parent_tid, uptr_t tls,
               uptr_t child_tid) {
    struct process *parent = current_process(), *child = parent;
    bool is_thread = flags & CLONE_THREAD;

    if (!is_offered(flags)) return -EINVAL;
    if (is_thread && current()->attention & ATTENTION_EXIT) return -EINTR;
    // both kinds count against the limit; root's do not
    if (parent->account != &root_account
        && parent->account->used[ACCOUNT_PROCESSES] >= parent->limits[LIMIT_NPROC].soft)
        return -EAGAIN;
    if (!is_thread && !(child = process_create(parent))) return -ENOMEM;
    int error = is_thread ? 0 : copy_process(child, parent, flags);
    struct thread *t = error ? NULL : thread_create(child, user_thread_start);
    if (t) error = begin_alike(t, flags, stack, parent_tid, tls, child_tid);
    else if (!error) error = -EAGAIN;
    if (!error && !is_thread) error = timer_limit(child);
    if (error && t) thread_free(t);
    if (error && !is_thread) {
        process_give_back(child);
        process_free(child);
    }
    if (error) return error;
    /* --- commit: nothing below fails, and only a vfork parent sleeps --- */
    pid_t id = t->tid;
    if (!is_thread) process_publish(child, id);
    trace_record(TRACE_FORK, current()->tid, (uint32_t)id, flags, 0);
    signal_update(t);
    thread_ready(t);
    // when we are killed the child keeps the space alive
    if (flags & CLONE_VFORK) wait_sleep_killable(&child->vfork_done);
    return id;
}

long sys_set_thread_area(uptr_t descriptor) {
    int error = take_tls(current(), descriptor, true);

    if (error) return error;
    this_cpu()->gdt[TLS_SELECTOR / 8] = current()->tls_descriptor;
    // a register that holds the selector keeps the old segment until it is loaded again
    load_selector(fs, read_register(fs));
    load_selector(gs, read_register(gs));
    return 0;
}
