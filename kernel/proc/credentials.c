/* credentials.c - who a process is: user and group ids. See: credentials(7), setuid(2).
 *
 * Rules: root (effective) may become anybody; everybody else may only swap between
 * real, effective and saved id. UINT32_MAX means "leave it".
 */
#include "proc/life.h"
#include "syscall.h"

#define KEEP UINT32_MAX

static struct credentials *mine(void) { return &current_process()->credentials; }

static bool is_root(void) { return mine()->euid == 0; }

/* A process's account is its real user's. What it has charged so far stays where it
 * is. */
static int change_account(uid_t uid) {
    struct process *p = current_process();

    if (p->account->uid == uid) return 0;
    struct account *account = account_get(uid);
    if (!account) return -EAGAIN;
    if (!account_charge(account, ACCOUNT_PROCESSES, p->nr_threads)) {
        account_put(account);
        return -EAGAIN;
    }
    account_release(p->account, ACCOUNT_PROCESSES, p->nr_threads);
    account_put(p->account);
    p->account = account;
    this_cpu()->account = account;
    return 0;
}

static bool may_have(uint32_t id, uint32_t real, uint32_t effective, uint32_t saved) {
    return id == KEEP || is_root() || id == real || id == effective || id == saved;
}

static int set_uids(uid_t ruid, uid_t euid, uid_t suid) {
    struct credentials *c = mine();

    if (ruid != KEEP) {
        int error = change_account(ruid);
        if (error) return error;
        c->uid = ruid;
    }
    if (euid != KEEP) c->euid = euid;
    if (suid != KEEP) c->suid = suid;
    return 0;
}

static void set_gids(gid_t rgid, gid_t egid, gid_t sgid) {
    struct credentials *c = mine();

    if (rgid != KEEP) c->gid = rgid;
    if (egid != KEEP) c->egid = egid;
    if (sgid != KEEP) c->sgid = sgid;
}

long sys_getuid32(void) { return (long)mine()->uid; }

long sys_geteuid32(void) { return (long)mine()->euid; }

long sys_getgid32(void) { return (long)mine()->gid; }

long sys_getegid32(void) { return (long)mine()->egid; }

long sys_setuid32(uid_t uid) {
    const struct credentials *c = mine();

    if (uid == KEEP) return -EINVAL;
    if (is_root()) return set_uids(uid, uid, uid);
    if (uid != c->uid && uid != c->suid) return -EPERM;
    return set_uids(KEEP, uid, KEEP);
}

long sys_setgid32(gid_t gid) {
    const struct credentials *c = mine();

    if (gid == KEEP) return -EINVAL;
    if (is_root())
        set_gids(gid, gid, gid);
    else if (gid == c->gid || gid == c->sgid)
        set_gids(KEEP, gid, KEEP);
    else
        return -EPERM;
    return 0;
}

long sys_setreuid32(uid_t ruid, uid_t euid) {
    const struct credentials *c = mine();
    uid_t before = c->uid;

    if (ruid != KEEP && !is_root() && ruid != c->uid && ruid != c->euid) return -EPERM;
    if (!may_have(euid, c->uid, c->euid, c->suid)) return -EPERM;
    // POSIX: the saved id follows when the real one is set or the effective one differs
    bool save = ruid != KEEP || (euid != KEEP && euid != before);
    int error = set_uids(ruid, euid, KEEP);
    if (!error && save) mine()->suid = mine()->euid;
    return error;
}

long sys_setregid32(gid_t rgid, gid_t egid) {
    const struct credentials *c = mine();
    gid_t before = c->gid;

    if (rgid != KEEP && !is_root() && rgid != c->gid && rgid != c->egid) return -EPERM;
    if (!may_have(egid, c->gid, c->egid, c->sgid)) return -EPERM;
    bool save = rgid != KEEP || (egid != KEEP && egid != before);
    set_gids(rgid, egid, KEEP);
    if (save) mine()->sgid = mine()->egid;
    return 0;
}

long sys_setresuid32(uid_t ruid, uid_t euid, uid_t suid) {
    const struct credentials *c = mine();

    if (!may_have(ruid, c->uid, c->euid, c->suid)
        || !may_have(euid, c->uid, c->euid, c->suid)
        || !may_have(suid, c->uid, c->euid, c->suid))
        return -EPERM;
    return set_uids(ruid, euid, suid);
}

long sys_setresgid32(gid_t rgid, gid_t egid, gid_t sgid) {
    const struct credentials *c = mine();

    if (!may_have(rgid, c->gid, c->egid, c->sgid)
        || !may_have(egid, c->gid, c->egid, c->sgid)
        || !may_have(sgid, c->gid, c->egid, c->sgid))
        return -EPERM;
    set_gids(rgid, egid, sgid);
    return 0;
}

long sys_getresuid32(uptr_t ruid, uptr_t euid, uptr_t suid) {
    const struct credentials *c = mine();

    if (u32_to_user(ruid, c->uid) || u32_to_user(euid, c->euid)
        || u32_to_user(suid, c->suid))
        return -EFAULT;
    return 0;
}

long sys_getresgid32(uptr_t rgid, uptr_t egid, uptr_t sgid) {
    const struct credentials *c = mine();

    if (u32_to_user(rgid, c->gid) || u32_to_user(egid, c->egid)
        || u32_to_user(sgid, c->sgid))
        return -EFAULT;
    return 0;
}

long sys_getgroups32(int size, uptr_t list) {
    const struct credentials *c = mine();

    if (size < 0 || (size > 0 && (uint32_t)size < c->nr_groups)) return -EINVAL;
    if (size > 0 && copy_to_user(list, c->groups, c->nr_groups * sizeof(gid_t)))
        return -EFAULT;
    return (long)c->nr_groups;
}

long sys_setgroups32(int size, uptr_t list) {
    struct credentials *c = mine();
    gid_t groups[GROUPS_MAX];

    if (!is_root()) return -EPERM;
    if (size < 0 || size > GROUPS_MAX) return -EINVAL;
    if (copy_from_user(groups, list, (size_t)size * sizeof(gid_t))) return -EFAULT;
    for (int i = 0; i < size; i++)
        c->groups[i] = groups[i];
    c->nr_groups = (uint32_t)size;
    return 0;
}
