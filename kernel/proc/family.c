/* family.c - ids, process groups and sessions. See: setpgid(2), setsid(2), prctl(2). */
#include "base/string.h"
#include "proc/life.h"
#include "syscall.h"

static struct process *self_or(pid_t pid) {
    return pid == 0 ? current_process() : process_find(pid);
}

long sys_getpgid(pid_t pid) {
    const struct process *p = self_or(pid);

    return p && p->group ? p->group->id : -ESRCH;
}

long sys_getsid(pid_t pid) {
    const struct process *p = self_or(pid);

    return p && p->group ? p->group->session->id : -ESRCH;
}

long sys_setpgid(pid_t pid, pid_t id) {
    struct process *me = current_process(), *p = self_or(pid);

    if (id < 0) return -EINVAL;
    if (!p || (p != me && p->parent != me)) return -ESRCH;
    if (p != me && p->execed) return -EACCES;
    if (p->group->session != me->group->session || p->group->session->id == p->pid)
        return -EPERM;
    if (id == 0) id = p->pid;
    struct process_group *group = group_find(id);
    if (group ? group->session != me->group->session : id != p->pid) return -EPERM;
    return group_join(p, id, false);
}

long sys_setsid(void) {
    struct process *p = current_process();

    if (group_find(p->pid)) return -EPERM;
    int error = group_join(p, p->pid, true);
    return error ? error : p->pid;
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
