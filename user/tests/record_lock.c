/* record_lock.c - POSIX fcntl(), F_GETLK, F_SETLK, F_SETLKW: locks of a process on
 * bytes of a file.
 */
#include "lock.h"

#include <pthread.h>

static struct flock region(int type, off_t start, off_t length) {
    return (struct flock){ .l_type = (short)type, .l_start = start, .l_len = length };
}

static int lock(int fd, int type, off_t start, off_t length) {
    struct flock l = region(type, start, length);
    return fcntl(fd, F_SETLK, &l);
}

static int wait_lock(int fd, int type, off_t start, off_t length) {
    struct flock l = region(type, start, length);
    return fcntl(fd, F_SETLKW, &l);
}

/* What another process sees of the first 20 bytes: W or R locked, or a dot. */
static const char *seen(void) {
    static char map[21];
    int end[2];
    pid_t pid;
    need(pipe(end) == 0);
    CHILD (pid) {
        int fd = open_file();
        for (int i = 0; i < 20; i++) {
            struct flock l = region(F_WRLCK, i, 1);
            need(fcntl(fd, F_GETLK, &l) == 0);
            map[i] = l.l_type == F_UNLCK ? '.' : l.l_type == F_RDLCK ? 'R' : 'W';
        }
        need(write(end[1], map, 20) == 20);
    }
    need(read(end[0], map, 20) == 20 && wait_for(pid) == 0);
    close(end[0]), close(end[1]);
    return map;
}

/* "F_GETLK Get any lock which blocks the lock description pointed to by the third
 * argument ... If no lock is found that would prevent this lock from being created,
 * then the structure shall be left unchanged except for the lock type ... F_UNLCK." */
static void asking(void) {
    int fd = open_file();
    pid_t pid, me = getpid();
    struct flock l = { F_WRLCK, SEEK_SET, 10, 5, 77 };
    is_int(fcntl(fd, F_GETLK, &l), 0, "F_GETLK of a file nobody locks");
    ok(l.l_type == F_UNLCK && l.l_start == 10 && l.l_len == 5 && l.l_pid == 77,
       "sets the type to F_UNLCK and nothing else");
    is_int(lock(fd, F_WRLCK, 10, 5), 0, "F_SETLK, a write lock");
    l.l_type = F_WRLCK;
    need(fcntl(fd, F_GETLK, &l) == 0);
    is_int(l.l_type, F_UNLCK, "one's own lock is in nobody's own way");
    CHILD (pid) {
        int other = open_file();
        struct flock w = { F_RDLCK, SEEK_SET, 0, 0, 0 };
        need(fcntl(other, F_GETLK, &w) == 0);
        need(w.l_type == F_WRLCK && w.l_pid == me && w.l_whence == SEEK_SET);
        need(w.l_start == 10 && w.l_len == 5);
    }
    is_exit(wait_for(pid), 0,
            "another process learns the lock's type, range and owner");
    is_int(lock(fd, F_UNLCK, 0, 0), 0, "F_UNLCK of everything");
    is_text(seen(), "....................", "leaves nothing");
    l.l_type = F_UNLCK;
    is_errno(fcntl(fd, F_GETLK, &l), EINVAL, "EINVAL: F_GETLK of no lock");
    l.l_type = 3;
    is_errno(fcntl(fd, F_SETLK, &l), EINVAL, "EINVAL: an unknown type");
    l = (struct flock){ F_RDLCK, 5, 0, 0, 0 };
    is_errno(fcntl(fd, F_SETLK, &l), EINVAL, "EINVAL: an unknown whence");
    is_errno(lock(fd, F_RDLCK, -1, 1), EINVAL, "EINVAL: before the file's start");
    is_errno(lock(fd, F_RDLCK, 5, -6), EINVAL, "EINVAL: back beyond its start");
    is_errno(lock(fd, F_RDLCK, 0x7fffffffffffffffLL, 2), EOVERFLOW,
             "EOVERFLOW: behind the largest offset");
    is_int(lock(fd, F_RDLCK, 0x7fffffffffffffffLL, 1), 0, "the largest offset itself");
    is_errno(fcntl(fd, F_SETLK, (void *)16), EFAULT, "EFAULT: a bad pointer");
    close(fd);
    int reading = open("f", O_RDONLY), writing = open("f", O_WRONLY);
    is_errno(lock(reading, F_WRLCK, 0, 1), EBADF, "EBADF: a write lock, open to read");
    is_errno(lock(writing, F_RDLCK, 0, 1), EBADF, "EBADF: a read lock, open to write");
    ok(lock(reading, F_RDLCK, 0, 1) == 0 && lock(writing, F_WRLCK, 0, 1) == 0
           && lock(writing, F_UNLCK, 0, 1) == 0,
       "the other way round they are allowed, and unlocking always");
    is_errno(lock(reading + 100, F_RDLCK, 0, 1), EBADF, "EBADF: not open");
    close(reading), close(writing);
}

/* "There shall be at most one type of lock set for each byte in the file. ... the
 * previous lock type for each byte in the specified region shall be replaced by the new
 * lock type." */
static void ranges(void) {
    int fd = open_file();
    need(lock(fd, F_WRLCK, 5, 10) == 0);
    is_text(seen(), ".....WWWWWWWWWW.....", "ten bytes");
    need(lock(fd, F_RDLCK, 8, 3) == 0);
    is_text(seen(), ".....WWWRRRWWWW.....",
            "a read lock in the middle of a write lock");
    need(lock(fd, F_UNLCK, 9, 1) == 0);
    is_text(seen(), ".....WWWR.RWWWW.....", "an unlocked byte in the middle of that");
    need(lock(fd, F_WRLCK, 7, 5) == 0);
    is_text(seen(), ".....WWWWWWWWWW.....", "one lock over four pieces");
    need(lock(fd, F_UNLCK, 0, 7) == 0);
    is_text(seen(), ".......WWWWWWWW.....", "the front is unlocked");
    need(lock(fd, F_UNLCK, 13, 0) == 0);
    is_text(seen(), ".......WWWWWW.......", "everything behind is unlocked");
    need(lock(fd, F_WRLCK, 13, 2) == 0 && lock(fd, F_WRLCK, 5, 2) == 0);
    is_text(seen(), ".....WWWWWWWWWW.....", "neighbours on both sides");
    pid_t pid;
    CHILD (pid) {
        struct flock l = region(F_WRLCK, 0, 0);
        need(fcntl(open_file(), F_GETLK, &l) == 0);
        need(l.l_start == 5 && l.l_len == 10);
    }
    is_exit(wait_for(pid), 0, "have become one lock with it");
    need(lock(fd, F_UNLCK, 0, 0) == 0 && lseek(fd, 10, SEEK_SET) == 10);
    struct flock l = { F_WRLCK, SEEK_CUR, -2, 4, 0 };
    need(fcntl(fd, F_SETLK, &l) == 0);
    is_text(seen(), "........WWWW........", "SEEK_CUR counts from the offset");
    l = (struct flock){ F_WRLCK, SEEK_SET, 18, -2, 0 };
    need(fcntl(fd, F_SETLK, &l) == 0);
    is_text(seen(), "........WWWW....WW..", "a length below 0 is the bytes before");
    need(lock(fd, F_UNLCK, 0, 0) == 0 && ftruncate(fd, 4) == 0);
    l = (struct flock){ F_RDLCK, SEEK_END, -1, 0, 0 };
    need(fcntl(fd, F_SETLK, &l) == 0);
    is_text(seen(), "...RRRRRRRRRRRRRRRRR",
            "SEEK_END, and length 0: all that may come");
    close(fd);
}

static int tries(int type, off_t start, off_t length) {
    int result;
    pid_t pid;
    CHILD (pid)
        _exit(lock(open_file(), type, start, length) ? errno : 0);
    result = wait_for(pid);
    return WEXITSTATUS(result);
}

/* "A shared lock [allows] other processes [to] set shared locks ...; an exclusive lock
 * ... prevents any other process from setting a shared or exclusive lock". */
static void conflicts(void) {
    int fd = open_file();
    need(lock(fd, F_RDLCK, 0, 10) == 0 && lock(fd, F_WRLCK, 10, 10) == 0);
    is_int(tries(F_RDLCK, 0, 10), 0, "a read lock beside a read lock");
    is_int(tries(F_WRLCK, 9, 1), EAGAIN, "EAGAIN: a write lock on a read lock");
    is_int(tries(F_RDLCK, 9, 2), EAGAIN, "EAGAIN: a read lock on a write lock");
    is_int(tries(F_WRLCK, 19, 1), EAGAIN, "EAGAIN: a write lock on its last byte");
    is_int(tries(F_WRLCK, 20, 0), 0, "behind it all is free");
    is_int(tries(F_UNLCK, 0, 0), 0, "unlocking what others have locked does nothing");
    is_text(seen(), "RRRRRRRRRRWWWWWWWWWW", "to their locks");
    close(fd);
}

/* "All locks associated with a file for a given process shall be removed when a file
 * descriptor for that file is closed by that process or the process holding that file
 * descriptor terminates. Locks are not inherited by a child process." */
static void release(void) {
    int fd = open_file(), other = open("f", O_RDONLY);
    struct gate go, ready;
    pid_t pid;
    need(lock(fd, F_WRLCK, 0, 20) == 0);
    close(other);
    is_text(seen(), "....................",
            "closing any descriptor of the file unlocks");
    need(lock(fd, F_WRLCK, 0, 20) == 0);
    other = dup(fd);
    close(fd);
    is_text(seen(), "....................", "a duplicate too");
    fd = open_file();
    need(lock(fd, F_WRLCK, 0, 20) == 0);
    need(dup2(0, other) == other);
    is_text(seen(), "....................", "dup2 over one closes it");
    close(other);
    need(lock(fd, F_WRLCK, 0, 20) == 0);
    CHILD (pid) {
        struct flock l = region(F_WRLCK, 0, 1);
        need(fcntl(fd, F_GETLK, &l) == 0 && l.l_pid == getppid());
        close(fd);
    }
    is_exit(wait_for(pid), 0, "a child has the descriptor and not the lock");
    is_text(seen(), "WWWWWWWWWWWWWWWWWWWW", "and does not unlock when it closes that");
    close(fd);
    gate_init(&go), gate_init(&ready);
    CHILD (pid) {
        need(lock(open_file(), F_WRLCK, 0, 0) == 0);
        gate_open(&ready);
        gate_wait(&go);
    }
    gate_wait(&ready);
    is_text(seen(), "WWWWWWWWWWWWWWWWWWWW", "a process holds a lock");
    kill(pid, SIGKILL);
    wait_for(pid);
    is_text(seen(), "....................", "and is killed");
    CHILD (pid) {
        need(lock(open_file(), F_WRLCK, 0, 0) == 0);
        execl(self_path(), "x", "executed", (char *)NULL);
    }
    is_exit(wait_for(pid), EAGAIN, "a lock stays through exec");
    fd = open_file();
    need(lock(fd, F_WRLCK, 0, 0) == 0 && unlink("f") == 0);
    is_text(seen(), "....................", "another file by the same name has none");
    close(fd);
    gate_close(&go), gate_close(&ready);
}

/* "F_SETLKW ... if a shared or exclusive lock is blocked by other locks, the thread
 * shall wait until the request can be satisfied. ... interrupted: [EINTR]". */
static void waiting(void) {
    int fd = open_file();
    pid_t pid[4];
    need(lock(fd, F_WRLCK, 0, 10) == 0);
    for (int i = 0; i < 4; i++)
        CHILD (pid[i])
            need(wait_lock(open_file(), i < 2 ? F_RDLCK : F_WRLCK, 2 * i, 4) == 0);
    for (int i = 0; i < 4; i++)
        until_asleep(pid[i]);
    is_int(waitpid(-1, NULL, WNOHANG), 0, "F_SETLKW: four wait");
    need(lock(fd, F_UNLCK, 0, 0) == 0);
    for (int i = 0; i < 4; i++)
        is_exit(wait_for(pid[i]), 0, "waiter %d goes on when it is unlocked", i);
    need(lock(fd, F_WRLCK, 0, 10) == 0);
    CHILD (pid[0])
        need(wait_lock(open_file(), F_WRLCK, 5, 1) == 0);
    until_asleep(pid[0]);
    need(lock(fd, F_RDLCK, 5, 1) == 0);
    is_int(waitpid(pid[0], NULL, WNOHANG), 0, "a read lock in its place is in the way");
    close(fd);
    is_exit(wait_for(pid[0]), 0, "closing lets it go on");
    CHILD (pid[0])
        need(wait_lock(open_file(), F_WRLCK, 0, 0) == 0 && raise(SIGKILL) == 0);
    for (int i = 1; i < 4; i++)
        CHILD (pid[i])
            need(wait_lock(open_file(), F_WRLCK, 0, 0) == 0 && raise(SIGKILL) == 0);
    int killed = 0;
    for (int i = 0; i < 4; i++)
        killed += WTERMSIG(wait_for(pid[i])) == SIGKILL;
    is_int(killed, 4,
           "four holders are killed one after the other, none waits for ever");
}

static int take(int fd) {
    return wait_lock(fd, F_WRLCK, 0, 0);
}

/* "[EDEADLK] The cmd argument is F_SETLKW, the lock is blocked by a lock from another
 * process, and putting the calling process to sleep to wait for that lock to become
 * free would cause a deadlock." */
static void deadlock(void) {
    for (int count = 2; count <= 4; count++) {
        struct gate ready[4], go[4];
        pid_t pid[4];
        int refused = 0, passed = 0;
        for (int i = 0; i < count; i++)
            gate_init(&ready[i]), gate_init(&go[i]);
        for (int i = 0; i < count; i++)
            CHILD (pid[i]) {
                int fd = open_file(), next = (i + 1) % count;
                need(lock(fd, F_WRLCK, i, 1) == 0);
                gate_open(&ready[i]);
                gate_wait(&go[i]);
                _exit(wait_lock(fd, F_WRLCK, next, 1) ? errno : 0);
            }
        for (int i = 0; i < count; i++)
            gate_wait(&ready[i]);
        for (int i = 0; i < count; i++)
            gate_open(&go[i]);
        for (int i = 0; i < count; i++) {
            int status = wait_for(pid[i]);
            refused += WEXITSTATUS(status) == EDEADLK;
            passed += status == 0;
            gate_close(&ready[i]), gate_close(&go[i]);
        }
        ok(refused == 1 && passed == count - 1,
           "EDEADLK: a circle of %d: one is refused, the others go on", count);
    }
}

static void *take_in_thread(void *fd) {
    return lock(*(int *)fd, F_WRLCK, 0, 10) ? fd : NULL;
}

static void threads(void) {
    pthread_t thread;
    void *result;
    int fd = open_file();
    need(lock(fd, F_RDLCK, 0, 20) == 0);
    need(pthread_create(&thread, NULL, take_in_thread, &fd) == 0);
    pthread_join(thread, &result);
    ok(result == NULL, "threads of a process do not exclude each other");
    is_text(seen(), "WWWWWWWWWWRRRRRRRRRR", "they have their locks together");
    close(fd);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)                                       // executed by release()
        return tries(F_RDLCK, 0, 1);
    self_path();
    scratch();
    asking();
    ranges();
    conflicts();
    release();
    waiting();
    interrupted(take);
    deadlock();
    threads();
    return done_testing();
}
