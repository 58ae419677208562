/* mmap_file.c - POSIX mmap() and msync() of files: "there shall be a one-to-one
 * correspondence between the bytes of the mapping and those of the file".
 */
#include "memory.h"
#include "raw.h"
#include "scratch.h"

/* A file of n pages, each filled with its letter; open for reading and writing. */
static int make_pages(const char *name, int n) {
    char page[PAGE];
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    need(fd >= 0);
    for (int i = 0; i < n; i++) {
        memset(page, 'A' + i, PAGE);
        need(write(fd, page, PAGE) == PAGE);
    }
    return fd;
}

static char *map_file(int fd, size_t pages, int prot, int flags, off_t offset) {
    char *p = mmap(NULL, pages * PAGE, prot, flags, fd, offset);
    need(p != MAP_FAILED);
    return p;
}

/* "MAP_SHARED ... write references shall change the underlying object"; read(2) and
 * write(2) on the file see the same bytes. */
static void shared(void) {
    char got[8];
    int fd = make_pages("s", 3);
    char *p = map_file(fd, 3, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    ok(p[0] == 'A' && p[PAGE] == 'B' && p[3 * PAGE - 1] == 'C',
       "the mapping shows the file");
    memcpy(p + PAGE, "mapped", 6);
    ok(pread(fd, got, 6, PAGE) == 6 && memcmp(got, "mapped", 6) == 0,
       "what is written to it is read from the file");
    need(pwrite(fd, "written", 7, 2 * PAGE) == 7);
    ok(memcmp(p + 2 * PAGE, "written", 7) == 0, "what is written to the file is in it");
    char *q = map_file(fd, 3, PROT_READ, MAP_SHARED, 0);
    ok(q != p && memcmp(q + PAGE, "mapped", 6) == 0, "a second mapping shows the same");
    p[5] = 'Z';
    is_int(q[5], 'Z', "at once");
    is_int(touch_write(q), SIGSEGV, "but may have another protection");
    is_int(msync(p, 3 * PAGE, MS_SYNC), 0, "msync");
    close(fd);
    p[6] = 'Y';
    ok(q[6] == 'Y', "mappings stay when the descriptor is closed");
    need(unlink("s") == 0);
    p[7] = 'X';
    is_int(q[7], 'X', "and when the name is gone");
    munmap(p, 3 * PAGE), munmap(q, 3 * PAGE);
}

/* "MAP_PRIVATE ... Modifications to the mapped data by the calling process shall be
 * visible only to the calling process and shall not change the underlying object." */
static void private(void) {
    int fd = make_pages("p", 2);
    char *p = map_file(fd, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    char *q = map_file(fd, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    memcpy(p, "mine", 4);
    char got[4];
    ok(pread(fd, got, 4, 0) == 4 && memcmp(got, "AAAA", 4) == 0,
       "a private write stays private");
    ok(memcmp(q, "AAAA", 4) == 0, "also from another private mapping");
    is_int(p[10], 'A', "the rest of the page came along");
    pid_t pid;
    CHILD (pid) {
        need(memcmp(p, "mine", 4) == 0);
        memcpy(p, "kids", 4);
        need(memcmp(p, "kids", 4) == 0);
    }
    is_exit(wait_for(pid), 0, "a child has the private page and writes to its own");
    ok(memcmp(p, "mine", 4) == 0, "which the parent does not see");
    close(fd);
    fd = open("p", O_RDONLY);
    munmap(p, 2 * PAGE);
    p = map_file(fd, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    is_int(touch_write(p), 0,
           "a file open for reading only can be mapped writable, privately");
    munmap(p, 2 * PAGE), munmap(q, 2 * PAGE);
    close(fd);
}

/* "off ... [EINVAL] if it is not a multiple of the page size"; the rest of the last
 * page is zero; pages behind it are SIGBUS. */
static void offsets_and_ends(void) {
    int fd = make_pages("o", 3);
    char *p = map_file(fd, 1, PROT_READ, MAP_SHARED, 2 * PAGE);
    is_int(p[0], 'C', "an offset of two pages shows the third");
    munmap(p, PAGE);
    is_errno(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100) == MAP_FAILED ? -1 : 0,
             EINVAL, "an offset off a page boundary is EINVAL");
    need(ftruncate(fd, PAGE + 10) == 0);
    p = map_file(fd, 4, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    is_int(p[PAGE + 9], 'B', "the last byte of the file");
    is_int((long)other_bytes(p + PAGE + 10, PAGE - 10, 0), 0,
           "zeros to the end of the page");
    memset(p + PAGE + 10, 'x', 20);
    is_int(stat_of("o").st_size, PAGE + 10,
           "writing there does not make the file longer");
    is_int(touch_read(p + 2 * PAGE), SIGBUS, "the next page is SIGBUS");
    need(ftruncate(fd, 4 * PAGE) == 0);
    is_int(touch_read(p + 3 * PAGE), 0, "until the file has grown");
    munmap(p, 4 * PAGE);
    p = map_file(fd, 1, PROT_READ, MAP_SHARED, (off_t)1 << 40);
    is_int(touch_read(p), SIGBUS,
           "an offset of a tebibyte can be mapped, and is SIGBUS");
    munmap(p, PAGE);
    close(fd);
}

/* A hole of a file reads as zeros, and is filled by a write through the mapping. */
static void holes(void) {
    char c;
    int fd = open("h", O_RDWR | O_CREAT, 0644);
    need(ftruncate(fd, 8 * PAGE) == 0);
    char *p = map_file(fd, 8, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *q = map_file(fd, 8, PROT_READ, MAP_PRIVATE, 0);
    is_int((long)other_bytes(p, 8 * PAGE, 0), 0, "a hole reads as zeros");
    is_int(q[3 * PAGE], 0, "privately too");
    p[3 * PAGE] = 'h';
    ok(pread(fd, &c, 1, 3 * PAGE) == 1 && c == 'h', "a write to it is in the file");
    is_int(q[3 * PAGE], 'h', "and in a private mapping that has not written there");
    munmap(p, 8 * PAGE), munmap(q, 8 * PAGE);
    close(fd);
}

/* FEATURE(76): parent and child write to the same page of a file
 *
 * fork(2): a shared mapping stays shared; two processes that map a file meet in it. */
static void between_processes(void) {
    int fd = make_pages("f", 1);
    volatile int *p = (int *)map_file(fd, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    pid_t pid;
    p[0] = 1;
    CHILD (pid) {
        int own = open("f", O_RDWR);
        int *q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
        need(q != MAP_FAILED && q != p && q[0] == 1);
        p[0] = 2;
        q[1] = 3;
    }
    is_exit(wait_for(pid), 0,
            "the child sees the parent's page, inherited and mapped anew");
    ok(p[0] == 2 && p[1] == 3, "parent and child write to the same page of a file");
    munmap((void *)p, PAGE);
    close(fd);
}

/* "[EACCES] The fildes argument is not open for read, regardless of the protection
 * specified, or fildes is not open for write and PROT_WRITE was specified for a
 * MAP_SHARED type mapping"; "[ENODEV] The fildes argument refers to a file whose type
 * is not supported by mmap()". */
static void errors(void) {
    int r = open("f", O_RDONLY), w = open("f", O_WRONLY), dir = open(".", O_RDONLY),
        p[2];
    need(pipe(p) == 0);
    is_int(raw(SYS_mmap2, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0), -EACCES,
           "a writable shared mapping of a file open for reading is EACCES");
    is_int(raw(SYS_mmap2, 0, PAGE, PROT_READ, MAP_SHARED, w, 0), -EACCES,
           "a file open for writing only is EACCES");
    is_int(raw(SYS_mmap2, 0, PAGE, PROT_WRITE, MAP_PRIVATE, w, 0), -EACCES,
           "privately too");
    is_int(raw(SYS_mmap2, 0, PAGE, PROT_READ, MAP_SHARED, p[0], 0), -ENODEV,
           "a pipe is ENODEV");
    is_int(raw(SYS_mmap2, 0, PAGE, PROT_READ, MAP_SHARED, dir, 0), -ENODEV,
           "a directory is ENODEV");
    char *q = map_file(r, 1, PROT_READ, MAP_SHARED, 0);
    is_errno(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES,
             "mprotect does not get round that: EACCES");
    munmap(q, PAGE);
    is_errno(msync(q, PAGE, MS_SYNC), ENOMEM, "msync of what is not mapped is ENOMEM");
    is_errno(msync((char *)1, PAGE, MS_SYNC), EINVAL, "off a page boundary is EINVAL");
    close(r), close(w), close(dir), close(p[0]), close(p[1]);
}

/* A system call may read from and write to mapped pages like any memory, even to the
 * file that is mapped. */
static void as_buffer(void) {
    int fd = make_pages("b", 2);
    char *p = map_file(fd, 2, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    is_int(pwrite(fd, p, PAGE, PAGE), PAGE, "write a file's page from its own mapping");
    is_int((long)other_bytes(p + PAGE, PAGE, 'A'), 0, "it is copied");
    memset(p, 'Q', PAGE);
    is_int(pread(fd, p + PAGE, PAGE, 0), PAGE,
           "read a page into the file's own mapping");
    is_int((long)other_bytes(p + PAGE, PAGE, 'Q'), 0, "it is copied as well");
    munmap(p, 2 * PAGE);
    close(fd);
}

int main(void) {
    scratch();
    shared();
    private();
    offsets_and_ends();
    holes();
    between_processes();
    errors();
    as_buffer();
    return done_testing();
}
