/* sysv_ids.c - POSIX XSH 2.7 and 2.7.1 (XSI Interprocess Communication): keys, ids,
 * permissions and their control, the same for segments, semaphore sets and queues.
 */
#include "sysv.h"

static const struct ipc_kind *kind;

/* shmget(): "IPC_PRIVATE ... does not have an associated ... identifier for it", or
 * "(shmflg & IPC_CREAT) is non-zero"; [ENOENT], [EEXIST]. */
static void keys(void) {
    key_t key = own_key(1);
    is_errno(kind->get(key, 0600), ENOENT, "%s: ENOENT: a key without an object",
             kind->name);
    is_errno(kind->get(key, IPC_EXCL | 0600), ENOENT, "%s: ENOENT: IPC_EXCL alone",
             kind->name);
    int id = kind->get(key, IPC_CREAT | IPC_EXCL | 0600);
    ok(id >= 0, "%s: IPC_CREAT makes one", kind->name);
    is_int(kind->get(key, 0), id, "%s: the key finds it", kind->name);
    is_int(kind->get(key, IPC_CREAT | 0600), id, "%s: also with IPC_CREAT", kind->name);
    is_int(kind->get(key, IPC_EXCL | 0600), id, "%s: IPC_EXCL alone means nothing",
           kind->name);
    is_errno(kind->get(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST,
             "%s: EEXIST: with IPC_EXCL it must be new", kind->name);
    int other = kind->get(own_key(2), IPC_CREAT | 0600);
    ok(other >= 0 && other != id, "%s: another key, another one", kind->name);
    int a = kind->get(IPC_PRIVATE, 0600), b = kind->get(IPC_PRIVATE, IPC_EXCL | 0600);
    ok(a >= 0 && b >= 0 && a != b && a != id,
       "%s: IPC_PRIVATE makes a new one each time, asked to or not", kind->name);
    is_int(kind->remove(id), 0, "%s: IPC_RMID", kind->name);
    is_errno(kind->get(key, 0), ENOENT, "%s: the key is free then", kind->name);
    is_errno(kind->use(id), EINVAL, "%s: EINVAL: its id is not valid any more",
             kind->name);
    is_errno(kind->remove(id), EINVAL, "%s: EINVAL: removed twice", kind->name);
    int again = kind->get(key, IPC_CREAT | 0600);
    ok(again >= 0 && again != id, "%s: made again it has another id", kind->name);
    kind->remove(again), kind->remove(other), kind->remove(a), kind->remove(b);
}

/* "the ... ipc_perm structure ... cuid, uid, cgid, gid shall be set equal to the
 * effective user ID and effective group ID ... of the calling process. The low-order 9
 * bits of mode are set equal to the low-order 9 bits of shmflg". */
static void status(void) {
    struct ipc_perm p;
    time_t before = time(NULL), changed, later;
    int id = kind->get(own_key(3), IPC_CREAT | 0640);
    is_int(kind->status(id, &p, &changed), 0, "%s: IPC_STAT", kind->name);
    is_int(p.key, own_key(3), "%s: its key", kind->name);
    ok(p.uid == geteuid() && p.cuid == geteuid(), "%s: its owner and creator",
       kind->name);
    ok(p.gid == getegid() && p.cgid == getegid(), "%s: their groups", kind->name);
    is_int(p.mode, 0640, "%s: its mode", kind->name);
    ok(changed >= before && changed <= time(NULL), "%s: the time it was made",
       kind->name);
    is_int(kind->set(id, geteuid(), getegid(), 0123 | 01000), 0, "%s: IPC_SET",
           kind->name);
    need(kind->status(id, &p, &later) == 0 || errno == EACCES);
    is_int(kind->set(id, geteuid(), getegid(), 0600), 0,
           "%s: the owner needs no right for it", kind->name);
    kind->status(id, &p, &later);
    ok(p.mode == 0600 && later >= changed, "%s: it sets mode and time of change",
       kind->name);
    is_errno(kind->set(id, (uid_t)-1, 0, 0600), EINVAL,
             "%s: EINVAL: an owner that is no user", kind->name);
    is_errno(kind->control(id, IPC_STAT & 0xff), EFAULT,
             "%s: EFAULT: IPC_STAT to nowhere", kind->name);
    is_errno(kind->control(id, IPC_SET), EFAULT, "%s: EFAULT: IPC_SET from nowhere",
             kind->name);
    is_errno(kind->control(id, 77), EINVAL, "%s: EINVAL: an unknown command",
             kind->name);
    kind->remove(id);
    is_errno(kind->status(-1, &p, &later), EINVAL, "%s: EINVAL: an id below 0",
             kind->name);
    is_errno(kind->status(0x7fffffff, &p, &later), EINVAL,
             "%s: EINVAL: an id that nobody has", kind->name);
}

static int uses(const char *id) {
    return kind->use(atoi(id)) ? errno : 0;
}

static int changes(const char *id) {
    return kind->change(atoi(id)) ? errno : 0;
}

static int removes(const char *id) {
    return kind->remove(atoi(id)) ? errno : 0;
}

static int sets(const char *id) {
    return kind->set(atoi(id), geteuid(), getegid(), 0666) ? errno : 0;
}

static int asks_status(const char *id) {
    struct ipc_perm p;
    time_t changed;
    return kind->status(atoi(id), &p, &changed) ? errno : 0;
}

static int gets(const char *flags) {
    return kind->get(0x51424242, atoi(flags)) < 0 ? errno : 0;
}

static const char *text_of(int number) {
    static char texts[2][16];
    static unsigned next;
    char *text = texts[next++ % 2];
    snprintf(text, sizeof texts[0], "%d", number);
    return text;
}

/* "[EACCES] Operation permission is denied": the owner's, the group's or the others'
 * bits. Root makes it and gives it away; the ordinary user tries. */
static void classes(void) {
    static const struct {
        uid_t uid;
        gid_t gid;
        int mode, read, write;
        const char *who;
    } table[] = {
        { STUDENT, 0, 0600, 0, 0, "owner 0600" },
        { STUDENT, STUDENT, 0466, 0, EACCES, "owner 0466" },
        { STUDENT, STUDENT, 0266, EACCES, EACCES, "owner 0266" },
        { GUEST, STUDENT, 0060, 0, 0, "group 0060" },
        { GUEST, STUDENT, 0646, 0, EACCES, "group 0646" },
        { GUEST, GUEST, 0006, 0, 0, "others 0006" },
        { GUEST, GUEST, 0664, 0, EACCES, "others 0664" },
        { GUEST, GUEST, 0660, EACCES, EACCES, "others 0660" },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int id = kind->get(IPC_PRIVATE, 0600), read = table[i].read;
        need(kind->set(id, table[i].uid, table[i].gid, table[i].mode) == 0);
        // to attach for writing and to change a value, one reads as well
        int write = table[i].write ? table[i].write : kind->get == shm_get ? read : 0;
        if (i == 2 && kind->get != shm_get)
            write = 0;
        is_exit(as_user(uses, text_of(id)), read, "%s: %s: reading is %s", kind->name,
                table[i].who, read ? "EACCES" : "allowed");
        is_exit(as_user(changes, text_of(id)), write, "%s: %s: writing is %s",
                kind->name, table[i].who, write ? "EACCES" : "allowed");
        is_exit(as_user(asks_status, text_of(id)), read, "%s: %s: IPC_STAT is %s",
                kind->name, table[i].who, read ? "EACCES" : "allowed");
        kind->remove(id);
    }
}

/* "IPC_RMID ... can only be executed by a process that has an effective user ID equal
 * to ... cuid or uid", so has IPC_SET; else [EPERM]. */
static void owners(void) {
    struct ipc_perm p;
    time_t changed;
    int id = kind->get(IPC_PRIVATE, 0666);
    is_exit(as_user(removes, text_of(id)), EPERM,
            "%s: EPERM: a stranger removes, whatever the mode", kind->name);
    is_exit(as_user(sets, text_of(id)), EPERM, "%s: EPERM: a stranger sets",
            kind->name);
    need(kind->set(id, STUDENT, STUDENT, 0) == 0);
    need(kind->status(id, &p, &changed) == 0);
    ok(p.uid == STUDENT && p.gid == STUDENT && p.cuid == 0 && p.cgid == 0,
       "%s: IPC_SET changes the owner, not the creator", kind->name);
    is_exit(as_user(sets, text_of(id)), 0, "%s: the new owner sets", kind->name);
    is_exit(as_user(removes, text_of(id)), 0, "%s: and removes", kind->name);
    is_errno(kind->use(id), EINVAL, "%s: for everybody", kind->name);
}

/* shmget(): "[EACCES] A shared memory identifier exists for key but operation
 * permission as specified by the low-order nine bits of shmflg would not be granted".
 */
static void rights_at_get(void) {
    int id = kind->get(0x51424242, IPC_CREAT | 0604);
    need(id >= 0);
    is_exit(as_user(gets, text_of(0)), 0, "%s: get asks for no more than it says",
            kind->name);
    is_exit(as_user(gets, text_of(0004)), 0, "%s: a right that is there", kind->name);
    is_exit(as_user(gets, text_of(0002)), EACCES, "%s: EACCES: one that is not",
            kind->name);
    is_exit(as_user(gets, text_of(0660)), EACCES,
            "%s: EACCES: whichever class it is asked in", kind->name);
    is_exit(as_user(gets, text_of(IPC_CREAT | 0660)), EACCES,
            "%s: EACCES: with IPC_CREAT too", kind->name);
    is_exit(as_user(gets, text_of(IPC_CREAT | IPC_EXCL | 0660)), EEXIST,
            "%s: EEXIST comes before EACCES", kind->name);
    kind->remove(id);
}

/* An id must not come to mean another object while somebody may still use the old. */
static void ids(void) {
    int seen[64], again = 0;
    for (int i = 0; i < 64; i++) {
        seen[i] = kind->get(own_key(4), IPC_CREAT | 0600);
        need(seen[i] >= 0 && kind->remove(seen[i]) == 0);
        for (int j = 0; j < i; j++)
            again += seen[i] == seen[j];
    }
    is_int(again, 0, "%s: 64 objects one after the other have 64 ids", kind->name);
}

static int fills(const char *unused) {
    (void)unused;
    int *ids = malloc(40000 * sizeof *ids), count = 0, error;
    need(ids);
    while (count < 40000 && (ids[count] = kind->get(IPC_PRIVATE, 0600)) >= 0)
        count++;
    error = errno;
    need(count > 8 && count < 40000);
    kind->remove(ids[count - 1]);
    ids[count - 1] = kind->get(IPC_PRIVATE, 0600);
    need(ids[count - 1] >= 0 && kind->get(IPC_PRIVATE, 0600) == -1);
    for (int i = 0; i < count; i++)
        need(kind->remove(ids[i]) == 0);
    free(ids);
    return error;
}

int main(void) {
    private_ipc();
    for (size_t i = 0; i < sizeof ipc_kinds / sizeof *ipc_kinds; i++) {
        kind = &ipc_kinds[i];
        keys();
        status();
        if (is_root()) {
            classes();
            owners();
            rights_at_get();
        }
        ids();
        is_exit(as_user(fills, ""), ENOSPC,
                "%s: ENOSPC: a full table, and one place after a removal", kind->name);
    }
    return done_testing();
}
