/* flock.c - flock(2): "Apply or remove an advisory lock on the open file". "Locks
 * created by flock() are associated with an open file description".
 */
#include "lock.h"

#include <sys/file.h>

/* What a stranger gets: X nothing is locked, S a shared lock, - none at all. */
static int free_for(void) {
    int fd = open_file(), result = '-';
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        result = 'X';
    else if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        result = 'S';
    close(fd);
    return result;
}

/* "A shared lock ... More than one process may hold a shared lock for a given file at a
 * given time. ... Only one process may hold an exclusive lock". */
static void kinds(void) {
    int a = open_file(), b = open("f", O_RDONLY);
    is_int(free_for(), 'X', "nobody has locked it");
    is_int(flock(a, LOCK_EX), 0, "LOCK_EX");
    is_int(free_for(), '-', "excludes everybody");
    is_errno(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK,
             "EWOULDBLOCK: another open file of the same process too");
    is_int(flock(a, LOCK_EX | LOCK_NB), 0, "once more by the same: it has it");
    is_int(flock(a, LOCK_UN), 0, "LOCK_UN");
    is_int(free_for(), 'X', "frees it");
    is_int(flock(a, LOCK_UN), 0, "LOCK_UN of no lock");
    is_int(flock(b, LOCK_EX | LOCK_NB), 0, "LOCK_EX works on a file open to read");
    need(flock(b, LOCK_UN) == 0);
    ok(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH) == 0, "LOCK_SH: two share it");
    is_int(free_for(), 'S', "a third may, too");
    is_errno(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK, "EWOULDBLOCK: not to exclude");
    close(b);
    is_int(flock(a, LOCK_EX | LOCK_NB), 0, "the only sharer may become exclusive");
    is_int(free_for(), '-', "and is");
    is_int(flock(a, LOCK_SH | LOCK_NB), 0, "and share again");
    is_int(free_for(), 'S', "which lets others in");
    is_errno(flock(a, 0), EINVAL, "EINVAL: no operation");
    is_errno(flock(a, 64), EINVAL, "EINVAL: an unknown operation");
    is_errno(flock(99, LOCK_SH), EBADF, "EBADF: not open");
    close(a);
}

/* "duplicate file descriptors (created by, for example, fork(2) or dup(2)) refer to the
 * same lock, and this lock may be modified or released using any of these file
 * descriptors. ... when all such file descriptors have been closed." */
static void duplicates(void) {
    int a = open_file(), b = dup(a), other;
    struct gate go;
    pid_t pid;
    need(flock(a, LOCK_EX) == 0);
    is_int(flock(b, LOCK_EX | LOCK_NB), 0, "a duplicate has the same lock");
    close(a);
    is_int(free_for(), '-', "which stays while the duplicate is open");
    other = open_file();
    close(other);
    is_int(free_for(), '-', "closing another open file of it changes nothing");
    gate_init(&go);
    CHILD (pid)
        gate_wait(&go);
    close(b);
    is_int(free_for(), '-', "it stays while a child has it");
    gate_open(&go);
    is_exit(wait_for(pid), 0, "the child ends");
    is_int(free_for(), 'X', "and with it the lock");
    a = open_file();
    need(flock(a, LOCK_EX) == 0);
    CHILD (pid)
        need(flock(a, LOCK_UN) == 0);
    is_exit(wait_for(pid), 0, "a child unlocks");
    is_int(free_for(), 'X', "for its parent as well");
    need(flock(a, LOCK_EX) == 0);
    CHILD (pid)
        raise(SIGKILL);
    wait_for(pid);
    is_int(free_for(), '-', "the death of a child alone does not");
    close(a);
    CHILD (pid) {
        need(flock(open_file(), LOCK_EX) == 0);
        execl(self_path(), "x", "executed", (char *)NULL);
    }
    is_exit(wait_for(pid), '-', "execve keeps it");
    gate_close(&go);
}

/* "flock() does not ... detect deadlock"; "If a process holding a lock ... converting a
 * lock is not guaranteed to be atomic". */
static void waiting(void) {
    int a = open_file();
    pid_t pid[3];
    need(flock(a, LOCK_EX) == 0);
    for (int i = 0; i < 3; i++)
        CHILD (pid[i]) {
            close(a);
            need(flock(open_file(), LOCK_SH) == 0);
        }
    for (int i = 0; i < 3; i++)
        until_asleep(pid[i]);
    is_int(waitpid(-1, NULL, WNOHANG), 0, "three wait to share");
    need(flock(a, LOCK_SH) == 0);
    for (int i = 0; i < 3; i++)
        is_exit(wait_for(pid[i]), 0, "and do when the lock becomes shared");
    need(flock(a, LOCK_EX) == 0);
    for (int i = 0; i < 3; i++)
        CHILD (pid[i]) {
            close(a);
            need(flock(open_file(), LOCK_EX) == 0);
            raise(SIGKILL);
        }
    close(a);
    int killed = 0;
    for (int i = 0; i < 3; i++)
        killed += WTERMSIG(wait_for(pid[i])) == SIGKILL;
    is_int(killed, 3, "three holders are killed one after the other");
    is_int(free_for(), 'X', "and it is free");
}

static void upgrade(void) {
    pid_t pid;
    struct gate shared;
    int a = open_file();
    gate_init(&shared);
    need(flock(a, LOCK_SH) == 0);
    CHILD (pid) {
        close(a);
        int b = open_file();
        need(flock(b, LOCK_SH) == 0);
        gate_open(&shared);
        need(flock(b, LOCK_EX) == 0);                   // gives its share up first
    }
    gate_wait(&shared);
    until_asleep(pid);
    need(flock(a, LOCK_EX) == 0);
    close(a);
    is_exit(wait_for(pid), 0, "two sharers both become exclusive, one after the other");
    gate_close(&shared);
}

static int take(int fd) {
    return flock(fd, LOCK_EX);
}

/* "flock() ... places advisory locks only"; Linux: it "does not interact with the locks
 * placed by fcntl(2)". */
static void others(void) {
    int a = open_file(), dir = open(".", O_RDONLY);
    struct flock l = { F_WRLCK, SEEK_SET, 0, 0, 0 };
    need(flock(a, LOCK_EX) == 0);
    pid_t pid;
    CHILD (pid) {
        int b = open_file();
        need(fcntl(b, F_SETLK, &l) == 0 && write(b, "x", 1) == 1);
    }
    is_exit(wait_for(pid), 0, "fcntl's locks and write do not mind flock's");
    is_int(flock(dir, LOCK_EX | LOCK_NB), 0, "a directory can be locked");
    int c = open_file();
    need(flock(a, LOCK_SH) == 0 && flock(c, LOCK_SH) == 0
         && fcntl(a, F_SETLK, &l) == 0);
    is_errno(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK, "who cannot convert his lock");
    CHILD (pid)
        _exit(fcntl(open_file(), F_SETLK, &l) ? errno : 0);
    is_exit(wait_for(pid), EAGAIN, "keeps his process's F_SETLK");
    close(a), close(c), close(dir);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)                                       // executed by duplicates()
        return free_for();
    self_path();
    scratch();
    kinds();
    duplicates();
    waiting();
    upgrade();
    interrupted(take);
    others();
    return done_testing();
}
