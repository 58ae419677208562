/* family.c - ids, process groups and sessions. See: setpgid(2), setsid(2), prctl(2). */
#include "base/string.h"
#include "proc/life.h"
#include "syscall.h"

static struct process *self_or(pid_t pid) {
    return pid == 0 ? current_process() : process_find(pid);
}

long sys_getpgid(pid_t pid) {
    const struct process *p = self_or(pid);

    return p ? p->group : -ESRCH;
}

long sys_getsid(pid_t pid) {
    const struct process *p = self_or(pid);

    return p ? p->session : -ESRCH;
}

long sys_setpgid(pid_t pid, pid_t id) {
    struct process *me = current_process(), *p = self_or(pid);

    if (id < 0) return -EINVAL;
    if (!p || (p != me && p->parent != me)) return -ESRCH;
    if (p != me && p->execed) return -EACCES;
    if (p->session != me->session || p->session == p->pid) return -EPERM;
    if (id == 0) id = p->pid;
    const struct process *member = group_member(id);
    if (id != p->pid && (!member || member->session != me->session)) return -EPERM;
    p->group = id;
    return 0;
}

long sys_setsid(void) {
    struct process *p = current_process();

    return group_member(p->pid) ? -EPERM : (p->group = p->session = p->pid);
}

enum { PR_SET_NAME = 15, PR_GET_NAME = 16 };

long sys_prctl(int option, uint32_t a) {
    struct thread *t = current();
    char name[16] = { 0 };

    if (option == PR_GET_NAME) return copy_to_user(uptr(a), t->name, sizeof(t->name));
    if (option != PR_SET_NAME) return -EINVAL;
    ssize_t length = string_from_user(name, uptr(a), sizeof(name) - 1);
    if (length < 0 && length != -ENAMETOOLONG) return length;
    memcpy(t->name, name, sizeof(name));
    if (t->tid == t->process->pid) memcpy(t->process->name, name, sizeof(name));
    return 0;
}
