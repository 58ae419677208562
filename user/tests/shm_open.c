/* shm_open.c - POSIX shm_open(), shm_unlink() with mmap(): memory with a name; and
 * shm_overview(7).
 */
#include "memory.h"
#include "scratch.h"

#include <pthread.h>
#include <semaphore.h>

static char name[40];

static int make(int flags, size_t pages) {
    int fd = shm_open(name, flags | O_CREAT, 0600);
    need(fd >= 0 && ftruncate(fd, (off_t)(pages * PAGE)) == 0);
    return fd;
}

static char *map(int fd, size_t pages, int protection) {
    char *p = mmap(NULL, pages * PAGE, protection, MAP_SHARED, fd, 0);
    need(p != MAP_FAILED);
    return p;
}

/* "O_CREAT If the shared memory object exists, this flag has no effect, except as noted
 * under O_EXCL ... shall be created with a size of zero"; "[ENOENT]", "[EEXIST]". */
static void names(void) {
    struct stat st;
    is_errno(shm_open(name, O_RDWR, 0), ENOENT, "ENOENT: no object of that name");
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0640);
    ok(fd >= 0, "O_CREAT makes it");
    need(fstat(fd, &st) == 0);
    ok(st.st_size == 0 && (st.st_mode & 0777) == 0640, "empty, with the mode given");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "its descriptor closes on exec");
    is_errno(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST,
             "EEXIST: with O_EXCL it must be new");
    int other = shm_open(name, O_RDONLY, 0);
    need(other >= 0 && ftruncate(fd, 10000) == 0 && fstat(other, &st) == 0);
    is_int((int)st.st_size, 10000, "all who open it have the same object");
    is_errno(ftruncate(other, 5), EINVAL, "EINVAL: ftruncate of one open to read");
    close(other);
    other = shm_open(name, O_RDWR | O_TRUNC, 0);
    need(other >= 0 && fstat(fd, &st) == 0);
    is_int((int)st.st_size, 0, "O_TRUNC empties it");
    is_int(shm_unlink(name), 0, "shm_unlink");
    is_errno(shm_unlink(name), ENOENT, "ENOENT: twice");
    is_errno(shm_open(name, O_RDWR, 0), ENOENT, "ENOENT: nobody can open it now");
    is_errno(shm_open("/a/b", O_RDWR | O_CREAT, 0600), EINVAL, "EINVAL: a slash in it");
    is_errno(shm_open("/..", O_RDWR | O_CREAT, 0600), EINVAL, "EINVAL: a directory");
    char much[300] = "/";
    memset(much + 1, 'n', 280);
    is_errno(shm_open(much, O_RDWR | O_CREAT, 0600), ENAMETOOLONG,
             "ENAMETOOLONG: 280 letters");
    close(fd), close(other);
}

/* mmap(): "MAP_SHARED ... Changes are shared", whoever maps it, wherever. */
static void sharing(void) {
    int fd = make(O_RDWR, 3);
    char *a = map(fd, 3, PROT_READ | PROT_WRITE), *b = map(fd, 3, PROT_READ);
    pid_t pid;
    is_int((int)other_bytes(a, 3 * PAGE, 0), 0, "new memory is zeros");
    a[PAGE] = 'x';
    is_int(b[PAGE], 'x', "one store shows in two mappings");
    is_int(touch_write(b), SIGSEGV, "one mapped to read is not written to");
    CHILD (pid) {
        int own = shm_open(name, O_RDWR, 0);
        need(own >= 0);
        char *shift = map_anonymous(7, PROT_READ);      // so that it maps elsewhere
        char *c = map(own, 3, PROT_READ | PROT_WRITE);
        need(shift && c[PAGE] == 'x');
        c[2 * PAGE + 5] = 'y';
    }
    is_exit(wait_for(pid), 0, "another process opens it by name and maps it");
    // FEATURE(19, 45, 75, 77): what it stores is loaded here, without a call
    is_int(a[2 * PAGE + 5], 'y', "what it stores is loaded here, without a call");
    char text[4];
    ok(pread(fd, text, 1, PAGE) == 1 && *text == 'x' && pwrite(fd, "z", 1, 9) == 1
           && a[9] == 'z',
       "read and write see the same bytes");
    need(shm_unlink(name) == 0 && close(fd) == 0);
    a[0] = 'k';
    is_int(b[0], 'k', "the memory stays when name and descriptor are gone");
    fd = make(O_RDWR, 1);
    char *c = map(fd, 1, PROT_READ);
    is_int(c[0], 0, "a new object of that name is another one");
    munmap(c, PAGE), close(fd), shm_unlink(name);
    munmap(a, 3 * PAGE), munmap(b, 3 * PAGE);
}

static void sizes(void) {
    int fd = make(O_RDWR, 1);
    char *p = map(fd, 3, PROT_READ | PROT_WRITE);
    is_int(touch_write(p), 0, "inside the object");
    is_int(touch_write(p + PAGE), SIGBUS, "SIGBUS: behind its end");
    need(ftruncate(fd, 2 * PAGE + 1) == 0);
    ok(touch_write(p + PAGE) == 0 && touch_write(p + 2 * PAGE) == 0,
       "it grows under the mapping");
    need(ftruncate(fd, 0) == 0);
    is_int(touch_read(p), SIGBUS, "SIGBUS: and shrinks");
    need(ftruncate(fd, PAGE) == 0);
    is_int(p[0], 0, "what was cut off comes back as zeros");
    munmap(p, 3 * PAGE), close(fd), shm_unlink(name);
}

static int opens_to_read(const char *path) {
    int fd = shm_open(path, O_RDONLY, 0);
    return fd < 0 ? errno : close(fd);
}

static int opens_to_write(const char *path) {
    int fd = shm_open(path, O_RDWR, 0);
    return fd < 0 ? errno : close(fd);
}

static int unlinks(const char *path) {
    return shm_unlink(path) ? errno : 0;
}

/* "[EACCES] ... the permissions specified by oflag are denied"; mmap(): "[EACCES] The
 * fildes argument is not open for write and PROT_WRITE was specified for a
 * MAP_SHARED". */
static void rights(void) {
    int fd = make(O_RDWR, 1), reads = shm_open(name, O_RDONLY, 0);
    need(reads >= 0);
    ok(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, reads, 0) == MAP_FAILED
           && errno == EACCES,
       "EACCES: to be written, opened to read");
    char *p = map(reads, 1, PROT_READ);
    is_errno(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES,
             "EACCES: mprotect does not get round it");
    need(fchmod(fd, is_root() ? 0604 : 0400) == 0);
    is_exit(as_user(opens_to_read, name), 0, "who may read reads");
    is_exit(as_user(opens_to_write, name), EACCES, "EACCES: and does not write");
    need(fchmod(fd, is_root() ? 0660 : 0200) == 0);
    is_exit(as_user(opens_to_read, name), EACCES, "EACCES: who may not read");
    if (is_root())
        is_exit(as_user(unlinks, name), EPERM, "EPERM: a stranger does not unlink it");
    munmap(p, PAGE), close(fd), close(reads), shm_unlink(name);
}

struct shared {
    pthread_mutex_t mutex;
    sem_t items, places;
    int counter, buffer[8];
};

/* "Semaphores and locks in it work between processes". */
static void locks(void) {
    pthread_mutexattr_t attr;
    pid_t pid[4], producer;
    int fd = make(O_RDWR, 1), good = 0, sum = 0;
    struct shared *s = (struct shared *)(void *)map(fd, 1, PROT_READ | PROT_WRITE);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    need(pthread_mutex_init(&s->mutex, &attr) == 0);
    need(sem_init(&s->items, 1, 0) == 0 && sem_init(&s->places, 1, 8) == 0);
    for (int i = 0; i < 4; i++)
        CHILD (pid[i]) {
            int own = shm_open(name, O_RDWR, 0);
            struct shared *mine = (void *)map(own, 1, PROT_READ | PROT_WRITE);
            for (int n = 0; n < 50; n++) {
                need(pthread_mutex_lock(&mine->mutex) == 0);
                mine->counter++;
                need(pthread_mutex_unlock(&mine->mutex) == 0);
            }
        }
    for (int i = 0; i < 4; i++)
        good += wait_for(pid[i]) == 0;
    ok(good == 4 && s->counter == 200, "a mutex in it excludes four processes");
    CHILD (producer)
        for (int i = 1; i <= 100; i++) {
            need(sem_wait(&s->places) == 0);
            s->buffer[i % 8] = i;
            need(sem_post(&s->items) == 0);
        }
    good = 0;
    for (int i = 1; i <= 100; i++) {
        need(sem_wait(&s->items) == 0);
        good += s->buffer[i % 8] == i;
        sum += s->buffer[i % 8];
        need(sem_post(&s->places) == 0);
    }
    need(wait_for(producer) == 0);
    // FEATURE(83): a producer and a consumer share a buffer of eight places
    ok(good == 100 && sum == 5050,
       "a producer and a consumer share a buffer of eight places");
    munmap(s, PAGE), close(fd), shm_unlink(name);
}

/* x++ is a load and a store; what comes between them is lost. A message is whole. */
static void race(void) {
    struct gate loaded, go;
    int channel[2], one = 1, sum = 0;
    pid_t slow, quick;
    int fd = make(O_RDWR, 1);
    volatile int *x = (volatile int *)(void *)map(fd, 1, PROT_READ | PROT_WRITE);
    gate_init(&loaded), gate_init(&go);
    need(pipe(channel) == 0);
    CHILD (slow) {
        int mine = *x;
        gate_open(&loaded);
        gate_wait(&go);
        *x = mine + 1;
        need(write(channel[1], &one, sizeof one) == sizeof one);
    }
    gate_wait(&loaded);
    CHILD (quick) {
        *x = *x + 1;
        need(write(channel[1], &one, sizeof one) == sizeof one);
    }
    need(wait_for(quick) == 0);
    gate_open(&go);
    need(wait_for(slow) == 0);
    for (int i = 0; i < 2; i++) {
        int got;
        need(read(channel[0], &got, sizeof got) == sizeof got);
        sum += got;
    }
    // FEATURE(20): in shared memory two additions can make one, as messages they cannot
    ok(*x == 1 && sum == 2,
       "in shared memory two additions can make one, as messages they cannot");
    munmap((void *)(uintptr_t)x, PAGE), close(fd), shm_unlink(name);
    gate_close(&loaded), gate_close(&go);
    close(channel[0]), close(channel[1]);
}

/* FEATURE(78): a megabyte goes over without a copy by the kernel */
static void much(void) {
    enum { PAGES = 256 };
    int fd = make(O_RDWR, PAGES);
    char *p = map(fd, PAGES, PROT_READ | PROT_WRITE);
    pid_t pid;
    CHILD (pid)
        for (int i = 0; i < PAGES; i++)
            memset(p + i * PAGE, i, PAGE);
    need(wait_for(pid) == 0);
    size_t wrong = 0;
    for (int i = 0; i < PAGES; i++)
        wrong += other_bytes(p + i * PAGE, PAGE, i);
    is_int((int)wrong, 0, "a megabyte goes over without a copy by the kernel");
    munmap(p, PAGES * PAGE), close(fd), shm_unlink(name);
}

int main(void) {
    umask(0);
    snprintf(name, sizeof name, "/test.%d", (int)getpid());
    names();
    sharing();
    sizes();
    rights();
    locks();
    race();
    much();
    return done_testing();
}
