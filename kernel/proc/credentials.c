/* credentials.c - who a process is: user and group ids; its process group and session;
 * its name. See: credentials(7), setuid(2), setpgid(2), setsid(2), prctl(2).
 *
 * Rules, for users as for groups: root (effective) may become anybody; everybody else
 * may only swap between real, effective and saved id. KEEP means "leave it".
 */
#include "ipc/link.h"
#include "proc/life.h"

#define KEEP UINT32_MAX

static bool may_have(const struct ids *ids, uint32_t id) {
    return id == KEEP || is_root() || id == ids->real || id == ids->effective
           || id == ids->saved;
}

/* A process's account is its real user's. What it has charged so far stays where it
 * is. */
long ids_set_three(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved) {
    struct process *p = current_process();

    if (!may_have(ids, real) || !may_have(ids, effective) || !may_have(ids, saved))
        return -EPERM;
    if (ids == &p->credentials.ids[USER] && real != KEEP && real != p->account->uid) {
        struct account *account = account_get(real);
        if (!account || !account_charge(account, ACCOUNT_PROCESSES, p->nr_threads))
            return -EAGAIN;
        account_release(p->account, ACCOUNT_PROCESSES, p->nr_threads);
        p->account = account;
        for (struct cpu *cpu = cpus; cpu < cpus + cpu_count; cpu++)
            if (cpu->running->process == p) cpu->account = account;
    }
    if (real != KEEP) ids->real = real;
    if (effective != KEEP) ids->effective = effective;
    if (saved != KEEP) ids->saved = saved;
    links_forget_rights(p);
    return 0;
}

long ids_set(struct ids *ids, uint32_t id) {
    if (id == KEEP) return -EINVAL;
    if (is_root()) return ids_set_three(ids, id, id, id);
    if (id != ids->real && id != ids->saved) return -EPERM;
    return ids_set_three(ids, KEEP, id, KEEP);
}

long ids_set_two(struct ids *ids, uint32_t real, uint32_t effective) {
    uint32_t saved = KEEP;

    if (real != KEEP && !is_root() && real != ids->real && real != ids->effective)
        return -EPERM;
    // POSIX: the saved id follows when the real one is set or the effective one differs
    if (real != KEEP || (effective != KEEP && effective != ids->real))
        saved = effective != KEEP ? effective : ids->effective;
    return ids_set_three(ids, real, effective, saved);
}

long ids_get(const struct ids *ids, uptr_t real, uptr_t effective, uptr_t saved) {
    bool told = !u32_to_user(real, ids->real) && !u32_to_user(effective, ids->effective)
                && !u32_to_user(saved, ids->saved);

    return told ? 0 : -EFAULT;
}

long sys_getgroups32(int size, uptr_t list) {
    const struct credentials *c = &current_process()->credentials;

    if (size < 0 || (size > 0 && (uint32_t)size < c->nr_groups)) return -EINVAL;
    if (size > 0 && copy_to_user(list, c->groups, c->nr_groups * sizeof(gid_t)))
        return -EFAULT;
    return (long)c->nr_groups;
}

long sys_setgroups32(int size, uptr_t list) {
    struct credentials *c = &current_process()->credentials;
    gid_t groups[GROUPS_MAX];

    if (!is_root()) return -EPERM;
    if (size < 0 || size > GROUPS_MAX) return -EINVAL;
    if (copy_from_user(groups, list, (size_t)size * sizeof(gid_t))) return -EFAULT;
    for (int i = 0; i < size; i++) c->groups[i] = groups[i];
    c->nr_groups = (uint32_t)size;
    return 0;
}

/* -- Groups of processes, names --------------------------------------------------- */

long group_or_session(pid_t pid, bool session) {
    const struct process *p = pid ? process_find(pid) : current_process();

    return !p ? -ESRCH : session ? p->session : p->group;
}

long sys_setpgid(pid_t pid, pid_t id) {
    struct process *me = current_process(), *p = pid ? process_find(pid) : me;

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
