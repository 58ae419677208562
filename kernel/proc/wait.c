/* wait.c - waiting for children: wait4 and waitid are two faces of one search.
 *
 * Sleeps: while there are children that could still report; condition shape on
 * process->child_wait.
 * Tests: user/tests/wait*.c.
 * See: wait4(2), waitid(2).
 */
#include "proc/life.h"

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
    uid_t uid;                  /* this and the rest: what was found */
    int status;                 /* as wait4 reports it */
    struct usage usage;
};

/* The pid of a child that has something to report, and the report in r, which is taken
 * unless WNOWAIT; 0: nothing yet (WNOHANG); -ECHILD, -ERESTART. SLEEPS. */
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
            r->uid = child->credentials.uid;
            r->usage = process_usage(child);
            if (r->options & WNOWAIT) return pid;
            if (child->is_zombie) process_reap(child);
            else child->report = 0;
            return pid;
        }
        if (!any) return -ECHILD;
        if (r->options & WNOHANG) return 0;
        if (error) return error == -EINTR ? -ERESTART : (int)error;
        error = wait_sleep(&p->child_wait, DEADLINE_NEVER);
    }
}

struct user_rusage {
    struct time32 user, system;
    int32_t largest_resident_kib, unused1[3], minor_faults, unused2[7], voluntary,
        forced;
};
static_assert(sizeof(struct user_rusage) == 72, "Linux/i386 ABI");

int usage_to_user(uptr_t to, const struct usage *usage) {
    struct user_rusage u = {
        .user = nanoseconds_to_time32(usage->user_time, MICROSECOND),
        .system = nanoseconds_to_time32(usage->system_time, MICROSECOND),
        .largest_resident_kib = (int32_t)usage->largest_resident * 4,
        .minor_faults = (int32_t)usage->minor_faults,
        .voluntary = (int32_t)usage->switches_voluntary,
        .forced = (int32_t)usage->switches_forced,
    };

    return copy_to_user(to, &u, sizeof(u));
}

long sys_wait4(pid_t pid, uptr_t status, int options, uptr_t usage) {
    struct wait_request r = { .type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID,
                              .options = (uint32_t)options | WEXITED };

    if ((uint32_t)options & ~WAIT4_OPTIONS) return -EINVAL;
    if (pid == INT32_MIN) return -ESRCH;
    r.id = pid > 0 ? pid : pid == 0 ? current_process()->group : -pid;
    pid_t found = do_wait(&r);
    if (found <= 0) return found;
    if (!uptr_is_null(status) && u32_to_user(status, (uint32_t)r.status))
        return -EFAULT;
    return !uptr_is_null(usage) && usage_to_user(usage, &r.usage) ? -EFAULT : found;
}

long sys_waitid(int type, pid_t id, uptr_t info_out, int options, uptr_t usage) {
    struct wait_request r = { .type = (enum id_type)type, .id = id,
                              .options = (uint32_t)options };
    struct siginfo info = { .signal = 0 };

    if (r.options & ~(WAIT4_OPTIONS | WEXITED | WNOWAIT)
        || !(r.options & (WSTOPPED | WEXITED | WCONTINUED)) || type < P_ALL
        || type > P_PGID || (type == P_PID && id <= 0) || (type == P_PGID && id < 0))
        return -EINVAL;
    if (type == P_PGID && id == 0) r.id = current_process()->group;
    pid_t found = do_wait(&r);
    if (found < 0) return found;
    if (found) {
        info = siginfo_of_child(found, r.uid, r.status);
        if (!uptr_is_null(usage) && usage_to_user(usage, &r.usage)) return -EFAULT;
    }
    // Linux writes the fields, not the whole structure
    return uptr_is_null(info_out) ? 0 : copy_to_user(info_out, &info, 24);
}
