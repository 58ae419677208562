/* sysv_shm.c - POSIX shmget(), shmat(), shmdt(), shmctl(); shmop(2): where a segment
 * may be attached, what for, and what is in it.
 */
#include "memory.h"
#include "sysv.h"

#define BAD ((void *)-1)

static int private_segment(size_t size) {
    int id = shmget(IPC_PRIVATE, size, 0600);
    need(id >= 0);
    return id;
}

static void *attach(int id, const void *at, int flags) {
    void *p = shmat(id, at, flags);
    need(p != BAD);
    return p;
}

static struct shmid_ds status_of(int id) {
    struct shmid_ds ds;
    need(shmctl(id, IPC_STAT, &ds) == 0);
    return ds;
}

/* A hole in the address space, `pages` long. */
static char *hole(size_t pages) {
    char *p = map_anonymous(pages, PROT_NONE);
    need(munmap(p, pages * PAGE) == 0);
    return p;
}

/* shmget(): "shm_segsz shall be set equal to size ... shm_lpid, shm_nattch, shm_atime,
 * and shm_dtime shall be set equal to 0". "When the shared memory segment is created,
 * it shall be initialized with all zero values." */
static void fresh(void) {
    int id = private_segment(3 * PAGE - 100);
    struct shmid_ds ds = status_of(id);
    is_int((long)ds.shm_segsz, 3 * PAGE - 100, "shm_segsz is the size asked for");
    is_int(ds.shm_cpid, getpid(), "shm_cpid is who made it");
    ok(ds.shm_lpid == 0 && ds.shm_nattch == 0 && ds.shm_atime == 0 && ds.shm_dtime == 0,
       "shm_lpid, shm_nattch, shm_atime and shm_dtime are 0");
    // FEATURE(73): a new segment is all zeros
    char *p = attach(id, NULL, 0);
    is_int((long)other_bytes(p, 3 * PAGE, 0), 0, "a new segment is all zeros");
    is_int(touch_write(p + 3 * PAGE - 1), 0, "also behind its size, in its last page");
    need(shmdt(p) == 0);
    is_errno(shmget(IPC_PRIVATE, 0, 0600), EINVAL, "EINVAL: no size");
    need(shm_remove(id) == 0);
}

/* "[EINVAL] A shared memory identifier exists for key but the size of the segment
 * associated with it is less than size and size is not 0." */
static void sizes(void) {
    int id = shmget(own_key(1), 2 * PAGE, IPC_CREAT | 0600);
    need(id >= 0);
    is_int(shmget(own_key(1), 0, 0), id, "size 0 fits any segment");
    is_int(shmget(own_key(1), PAGE, 0), id, "so does a smaller size");
    is_errno(shmget(own_key(1), 2 * PAGE + 1, 0), EINVAL, "EINVAL: a larger one");
    is_errno(shmget(own_key(1), 2 * PAGE + 1, IPC_CREAT | IPC_EXCL), EEXIST,
             "EEXIST comes first");
    need(shm_remove(id) == 0);
}

/* "shmat() ... attaches the segment to the address space; shm_nattch is incremented,
 * shm_lpid is set to the process ID"; each attachment shows the same bytes. */
static void attachments(void) {
    int id = private_segment(2 * PAGE);
    time_t before = time(NULL);
    char *a = attach(id, NULL, 0);
    struct shmid_ds ds = status_of(id);
    ok(((uintptr_t)a & (PAGE - 1)) == 0, "the address is a page's");
    ok(ds.shm_nattch == 1 && ds.shm_lpid == getpid() && ds.shm_atime >= before
           && ds.shm_dtime == 0,
       "shmat sets shm_nattch, shm_lpid, shm_atime");
    char *b = attach(id, NULL, 0), *c = attach(id, NULL, SHM_RDONLY);
    ok(a != b && b != c && a != c, "a process may attach it several times");
    is_int((long)status_of(id).shm_nattch, 3, "each counts");
    strcpy(a + PAGE - 3, "across");
    ok(strcmp(b + PAGE - 3, "across") == 0 && strcmp(c + PAGE - 3, "across") == 0,
       "and shows the same bytes");
    is_int(touch_write(c), SIGSEGV, "SHM_RDONLY: a store is SIGSEGV");
    is_errno(mprotect(c, PAGE, PROT_READ | PROT_WRITE), EACCES,
             "EACCES: mprotect does not get round it");
    is_int(mprotect(a, PAGE, PROT_READ), 0, "others may be protected");
    is_int(touch_write(a), SIGSEGV, "and are then");
    is_int(touch_write(a + PAGE + 99), 0, "the other page is not");
    is_errno(shmdt(a + PAGE), EINVAL, "EINVAL: shmdt inside of an attachment");
    is_int(shmdt(a), 0, "shmdt takes both pages, whatever their protection");
    ok(touch_read(a) == SIGSEGV && touch_read(a + PAGE) == SIGSEGV, "they are gone");
    ok(strcmp(b + PAGE - 3, "across") == 0, "from this attachment only");
    is_errno(shmdt(a), EINVAL, "EINVAL: shmdt twice");
    ds = status_of(id);
    ok(ds.shm_nattch == 2 && ds.shm_dtime >= before && ds.shm_lpid == getpid(),
       "shmdt counts down and sets shm_dtime");
    need(shmdt(b) == 0 && shmdt(c) == 0);
    a = attach(id, NULL, 0);
    ok(strcmp(a + PAGE - 3, "across") == 0, "the bytes stay while nobody is attached");
    need(shmdt(a) == 0 && shm_remove(id) == 0);
    char *plain = map_anonymous(1, PROT_READ);
    is_errno(shmdt(plain), EINVAL, "EINVAL: shmdt of other memory");
    munmap(plain, PAGE);
}

/* "If shmaddr is not a null pointer, and (shmflg & SHM_RND) is non-zero, the segment is
 * attached at the address given by (shmaddr - ((uintptr_t)shmaddr % SHMLBA))." */
static void addresses(void) {
    int id = private_segment(2 * PAGE);
    char *at = hole(4);
    ok(shmat(id, at, 0) == at, "attached at the address asked for");
    is_errno(shmat(id, at, 0), EINVAL, "EINVAL: something is there already");
    is_errno(shmat(id, at + PAGE, 0), EINVAL, "EINVAL: or in a part of it");
    is_errno(shmat(id, at + 2 * PAGE + 8, 0), EINVAL, "EINVAL: not a page's address");
    ok(shmat(id, at + 2 * PAGE + 8, SHM_RND) == at + 2 * PAGE, "SHM_RND rounds down");
    need(shmdt(at + 2 * PAGE) == 0 && shmdt(at) == 0);
    char *old = mmap(at, 3 * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    need(old == at);
    is_errno(shmat(id, at + 2 * PAGE + 8, SHM_RND), EINVAL,
             "EINVAL: memory that is no segment, too");
    munmap(old, 3 * PAGE);
    ok(shmat(id, (void *)0xfffff000u, 0) == BAD, "not at the end of all addresses");
    is_errno(shmat(-1, NULL, 0), EINVAL, "EINVAL: an id below 0");
    need(shm_remove(id) == 0);
}

/* "shm_nattch" counts mappings: a hole in the middle makes two of one. The parts belong
 * to one attachment, which shmdt ends. */
static void parts(void) {
    int id = private_segment(5 * PAGE);
    char *p = attach(id, NULL, 0);
    for (int i = 0; i < 5; i++)
        p[i * PAGE] = (char)('0' + i);
    need(munmap(p + 2 * PAGE, PAGE) == 0);
    is_int((long)status_of(id).shm_nattch, 2, "munmap of the middle leaves two parts");
    ok(p[PAGE] == '1' && p[3 * PAGE] == '3' && touch_read(p + 2 * PAGE) == SIGSEGV,
       "both in their places");
    char *alien =
        mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(alien == p + 2 * PAGE);
    is_int(shmdt(p), 0, "shmdt of it");
    is_int((long)status_of(id).shm_nattch, 0, "ends both");
    ok(touch_read(p) == SIGSEGV && touch_read(p + 4 * PAGE) == SIGSEGV,
       "they are gone");
    is_int(touch_read(alien), 0, "what was mapped between them stays");
    munmap(alien, PAGE);
    p = attach(id, NULL, 0);
    need(munmap(p, 2 * PAGE) == 0);
    is_int(shmdt(p), 0, "shmdt by the first address, though that part is gone");
    is_int((long)status_of(id).shm_nattch, 0, "ends the rest");
    p = attach(id, NULL, 0);
    need(munmap(p, 5 * PAGE) == 0);
    is_int((long)status_of(id).shm_nattch, 0, "munmap of all detaches, too");
    is_errno(shmdt(p), EINVAL, "EINVAL: nothing left for shmdt");
    need(shm_remove(id) == 0);
}

/* shmctl(2): SHM_INFO, SHM_STAT as ipcs uses them. */
static void control(void) {
    int id = private_segment(PAGE), found = -1;
    struct shm_info info;
    struct shminfo limits;
    struct shmid_ds ds;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    ok(last >= 0 && info.used_ids >= 1 && info.shm_tot >= 1,
       "SHM_INFO: how many, how large, and the last index");
    for (int i = 0; i <= last; i++)
        if (shmctl(i, SHM_STAT, &ds) == id)
            found = (int)ds.shm_segsz;
    is_int(found, PAGE, "SHM_STAT finds it by index");
    ok(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0 && limits.shmmin == 1
           && limits.shmmax >= PAGE && limits.shmmni >= 32,
       "IPC_INFO tells the limits");
    is_errno(shmctl(last + 1, SHM_STAT, &ds), EINVAL, "EINVAL: an index too far");
    is_int(raw(SYS_ipc, 99, 0, 0, 0, 0), -ENOSYS, "ipc: an unknown subcall is ENOSYS");
    need(shm_remove(id) == 0);
}

static int execute_only_data(const char *id) {
    return shmat(atoi(id), NULL, SHM_EXEC) == (void *)-1 ? errno : 0;
}

/* shmat(): "SHM_EXEC: Allow the contents of the segment to be executed. The caller must
 * have execute permission on the segment." */
static void execution(void) {
    char text[12];
    int id = shmget(IPC_PRIVATE, PAGE, 0700);
    char *code = attach(id, NULL, 0), *run = attach(id, NULL, SHM_EXEC | SHM_RDONLY);
    memcpy(code, "\xb8\x2a\0\0\0\xc3", 6);             // mov eax, 42; ret
    is_int(((int (*)(void))(uintptr_t)run)(), 42, "SHM_EXEC: what is there can run");
    is_int(touch_write(run), SIGSEGV, "and is not written, with SHM_RDONLY");
    need(shmdt(code) == 0 && shmdt(run) == 0 && shmctl(id, IPC_RMID, NULL) == 0);
    id = shmget(IPC_PRIVATE, PAGE, 0666);
    snprintf(text, sizeof text, "%d", id);
    is_exit(as_user(execute_only_data, text), EACCES,
            "EACCES: SHM_EXEC without the right to execute");
    need(shmctl(id, IPC_RMID, NULL) == 0);
}

int main(void) {
    private_ipc();
    fresh();
    sizes();
    attachments();
    execution();
    addresses();
    parts();
    control();
    return done_testing();
}
