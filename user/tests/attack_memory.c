/* attack_memory.c - a program reaches for memory that is not its own: page 0, the
 * kernel's addresses, what others left behind, buffers that another thread changes
 * while the kernel copies. mmap(2), intro(2): the answers are SIGSEGV, EFAULT, EPERM
 * and ENOMEM.
 */
#include "memory.h"
#include "raw.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* mmap(2): "EPERM ... vm.mmap_min_addr": no user maps page 0, by no road. */
static void page_zero(void *unused) {
    (void)unused;
    int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    need(geteuid() != 0 || setuid(1000) == 0);
    need(raw(SYS_mmap2, 0, PAGE, prot, flags, -1, 0) == -EPERM);
    char *p = mmap((void *)1, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(p != MAP_FAILED && p != NULL);                 // a hint is moved up
    need(touch_read(NULL) == SIGSEGV && touch_write((void *)0xfff) == SIGSEGV);
}

/* 0xc0000000 and more is the kernel's on Parley, and nothing on a 64-bit Linux. */
static const uintptr_t kernel[] = { 0xc0000000, 0xc0100000, 0xc0100007, 0xc8000000,
                                    0xd0000000, 0xe0000000, 0xfec00000, 0xfee00000,
                                    0xfffff000, 0xfffff800, 0xfffffffc, 0xffffffff };
enum { NR_KERNEL = sizeof kernel / sizeof kernel[0] };

static void kernel_addresses(void) {
    int read = 0, write = 0, execute = 0, stored = 0, loaded = 0, p[2];
    char byte;
    need(pipe(p) == 0);
    for (int i = 0; i < NR_KERNEL; i++) {
        void *at = (void *)kernel[i];
        loaded += raw(SYS_write, p[1], (long)at, 1) == -EFAULT;
        need(raw(SYS_write, p[1], (long)"x", 1) == 1);
        stored += raw(SYS_read, p[0], (long)at, 1) == -EFAULT;
        need(raw(SYS_read, p[0], (long)&byte, 1) == 1 && byte == 'x');
        read += touch_read(at) == SIGSEGV;
        write += touch_write(at) == SIGSEGV;
        execute += touch_execute(at) == SIGSEGV;
    }
    is_int(read, NR_KERNEL, "reading the kernel's addresses is SIGSEGV");
    is_int(write, NR_KERNEL, "so is writing");
    is_int(execute, NR_KERNEL, "so is jumping there");
    is_int(loaded, NR_KERNEL, "write(2) from them is EFAULT");
    is_int(stored, NR_KERNEL,
           "read(2) to them is EFAULT, and takes nothing from the pipe");
    close(p[0]), close(p[1]);
}

/* What a process leaves behind is not found by the next: new memory is zero. */
static void leftovers(void) {
    enum { PAGES = 1024 };
    pid_t pid;
    CHILD (pid) {
        char *p = map_anonymous(PAGES, PROT_READ | PROT_WRITE);
        memset(p, 'S', PAGES * PAGE);
    }
    is_exit(wait_for(pid), 0, "a process fills 4 MiB and ends");
    char *p = map_anonymous(PAGES, PROT_READ | PROT_WRITE);
    is_int((long)other_bytes(p, PAGES * PAGE, 0), 0, "new anonymous memory is zero");
    munmap(p, PAGES * PAGE);
    p = map_shared(PAGES);
    is_int((long)other_bytes(p, PAGES * PAGE, 0), 0, "new shared memory is zero");
    memset(p, 'T', PAGES * PAGE);
    munmap(p, PAGES * PAGE);
    char path[] = "/tmp/leftovers.XXXXXX";
    int fd = mkstemp(path);
    need(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 64 * PAGE) == 0);
    need(pwrite(fd, "x", 1, 30 * PAGE) == 1);
    p = mmap(NULL, 64 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    need(p != MAP_FAILED);
    is_int((long)other_bytes(p, 64 * PAGE, 0), 1,
           "a new file has only what was written");
    munmap(p, 64 * PAGE);
    close(fd);
}

/* Two threads: one makes calls with a buffer that the other unmaps and maps. */
static char *volatile shared_page;
static volatile int stop;
static volatile struct iovec *volatile vector;

static void *flip_mapping(void *unused) {
    while (!stop) {
        munmap(shared_page, PAGE);
        mmap(shared_page, PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        mprotect(shared_page, PAGE, PROT_NONE);
        mprotect(shared_page, PAGE, PROT_READ | PROT_WRITE);
    }
    return unused;
}

static void start(pthread_t *thread, void *(*run)(void *)) {
    stop = 0;
    need(pthread_create(thread, NULL, run, NULL) == 0);
}

static void finish(pthread_t thread) {
    stop = 1;
    need(pthread_join(thread, NULL) == 0);
}

static void unmapped_in_the_middle(void) {
    enum { ROUNDS = 2000 };
    char *base = map_anonymous(3, PROT_READ | PROT_WRITE);
    int wrong = 0, whole = 0, fd = open("/dev/zero", O_RDONLY), p[2];
    static char drain[3 * PAGE];
    pthread_t thread;
    shared_page = base + PAGE;
    need(pipe2(p, O_NONBLOCK) == 0);
    start(&thread, flip_mapping);
    for (int i = 0; i < ROUNDS; i++) {
        long r = raw(SYS_read, fd, (long)base, 3 * PAGE);
        wrong += r != -EFAULT && (r <= 0 || r > 3 * PAGE);
        whole += r == 3 * PAGE;
        r = raw(SYS_write, p[1], (long)base, 3 * PAGE);
        wrong += r != -EFAULT && r != -EAGAIN && (r <= 0 || r > 3 * PAGE);
        r = raw(SYS_statx, AT_FDCWD, (long)"/", 0, 0x7ff,
                (long)(base + 2 * PAGE - 100));
        wrong += r != -EFAULT && r != 0;
        r = raw(SYS_open, (long)(base + PAGE - 1), 0);
        wrong += r != -EFAULT && r != -ENOENT;
        while (read(p[0], drain, sizeof drain) > 0)
            ;
    }
    finish(thread);
    is_int(wrong, 0, "a buffer that comes and goes: EFAULT, a part, or all, %d times",
           ROUNDS);
    note("%d of %d reads were whole", whole, ROUNDS);
    munmap(base, 3 * PAGE);
    close(fd), close(p[0]), close(p[1]);
}

/* The other thread changes lengths and addresses of a vector while they are judged: the
 * kernel must judge and use one copy. A canary behind the buffer tells. */
static void *flip_vector(void *unused) {
    while (!stop) {
        vector[0].iov_len = 0x7fffffff;
        vector[0].iov_len = 16;
        vector[1].iov_base = (void *)0xc0100000;
        vector[1].iov_base = shared_page + 64;
    }
    return unused;
}

static void changing_vector(void) {
    enum { ROUNDS = 3000 };
    char *page = map_anonymous(2, PROT_READ | PROT_WRITE),
         path[] = "/tmp/vector.XXXXXX";
    struct iovec v[2] = { { page, 16 }, { page + 64, 16 } };
    int wrong = 0, fd = mkstemp(path);
    pthread_t thread;
    need(fd >= 0 && unlink(path) == 0
         && write(fd, "0123456789abcdef0123456789abcdef", 32) == 32);
    memset(page, 'c', 2 * PAGE);
    shared_page = page, vector = v;
    start(&thread, flip_vector);
    for (int i = 0; i < ROUNDS; i++) {
        lseek(fd, 0, SEEK_SET);
        long r = raw(SYS_readv, fd, (long)v, 2);
        wrong += r != -EFAULT && r != -EINVAL && r != 32 && r != 16;
        wrong += other_bytes(page + 128, 2 * PAGE - 128, 'c') != 0;
    }
    finish(thread);
    is_int(wrong, 0, "a vector that changes during the call is read once, %d times",
           ROUNDS);
    munmap(page, 2 * PAGE);
    close(fd);
}

/* A path that changes while it is walked is one of the two, or neither. */
static volatile char path_buffer[32];

static void *flip_path(void *unused) {
    while (!stop) {
        memcpy((char *)path_buffer, "/dev/null", 10);
        memcpy((char *)path_buffer, "/dev/zero", 10);
        path_buffer[4] = 'x';
    }
    return unused;
}

static void changing_path(void) {
    int wrong = 0;
    pthread_t thread;
    memcpy((char *)path_buffer, "/dev/null", 10);
    start(&thread, flip_path);
    for (int i = 0; i < 2000; i++) {
        long fd = raw(SYS_open, (long)path_buffer, O_RDONLY);
        wrong += fd < 0 && fd != -ENOENT;
        if (fd >= 0)
            close((int)fd);
    }
    finish(thread);
    is_int(wrong, 0,
           "a path that changes during the call opens something or is ENOENT");
}

int main(void) {
    is_exit(in_child(page_zero, NULL), 0, "page 0 cannot be mapped by a user");
    kernel_addresses();
    leftovers();
    unmapped_in_the_middle();
    changing_vector();
    changing_path();
    return done_testing();
}
