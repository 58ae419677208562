/* read_write.c - POSIX read(), write(), pread(), pwrite() on regular files: amounts,
 * offsets, holes, and arguments that the kernel must not trust.
 */
#include "memory.h"
#include "scratch.h"

int main(void);

/* read(): "If the starting position is at or after the end-of-file, 0 shall be
 * returned"; "the number of bytes actually read ... may be less than nbyte if the file
 * is shorter." */
static void reading(void) {
    char got[32] = "";
    make_file("f", "0123456789");
    int fd = open("f", O_RDONLY);
    is_int(read(fd, got, 4), 4, "read gives the bytes asked for");
    ok(memcmp(got, "0123", 4) == 0 && lseek(fd, 0, SEEK_CUR) == 4,
       "and moves the offset behind them");
    is_int(read(fd, got, 0), 0, "read of 0 bytes gives 0");
    is_int(read(fd, got, 32), 6, "near the end it gives what is left");
    is_int(read(fd, got, 32), 0, "at the end it gives 0");
    is_int(lseek(fd, 100, SEEK_SET), 100, "the offset may be behind the end");
    is_int(read(fd, got, 32), 0, "read gives 0 there");
    is_int(lseek(fd, 0, SEEK_CUR), 100, "and does not move");
    close(fd);
}

/* write(): "before successful return, the file offset shall be incremented by the
 * number of bytes actually written. ... if this file offset is greater than the length
 * of the file, the length of the file shall be set to this file offset." */
static void writing(void) {
    int fd = open("w", O_RDWR | O_CREAT | O_TRUNC, 0644);
    is_int(write(fd, "hello", 5), 5, "write gives the number of bytes");
    is_int(stat_of("w").st_size, 5, "the file has grown");
    need(lseek(fd, 1, SEEK_SET) == 1);
    is_int(write(fd, "EL", 2), 2, "write in the middle");
    ok(has_text("w", "hELlo"), "changes these bytes and no others");
    is_int(write(fd, "", 0), 0, "write of 0 bytes gives 0");
    is_int(stat_of("w").st_size, 5, "and leaves the size alone");
    need(lseek(fd, 0, SEEK_END) == 5);
    static char big[70000];
    memset(big, 'b', sizeof big);
    is_int(write(fd, big, sizeof big), (long)sizeof big,
           "a write of 70000 bytes is whole");
    is_int(stat_of("w").st_size, 70005, "and all of it is in the file");
    memset(big, 0, sizeof big);
    is_int(pread(fd, big, sizeof big, 5), (long)sizeof big, "pread gives it back");
    is_int((long)other_bytes(big, sizeof big, 'b'), 0, "byte for byte");
    close(fd);
}

/* pread(): "shall read from a given position in the file without changing the file
 * offset"; [EINVAL] "The offset argument is a negative value". */
static void positions(void) {
    char got[8];
    int fd = open("f", O_RDWR);
    need(lseek(fd, 2, SEEK_SET) == 2);
    is_int(pread(fd, got, 3, 7), 3, "pread reads at its offset");
    ok(memcmp(got, "789", 3) == 0, "these bytes");
    is_int(pwrite(fd, "AB", 2, 0), 2, "pwrite writes at its offset");
    ok(has_text("f", "AB23456789"), "there");
    is_int(lseek(fd, 0, SEEK_CUR), 2, "the file's offset has not moved");
    is_int(pread(fd, got, 8, 100), 0, "pread behind the end gives 0");
    is_int(pwrite(fd, "z", 1, 14), 1, "pwrite behind the end makes the file longer");
    is_int(pread(fd, got, 8, 10), 5, "with a hole");
    ok(memcmp(got, "\0\0\0\0z", 5) == 0, "that reads as zeros");
    is_errno(pread(fd, got, 1, -1), EINVAL, "pread at -1 is EINVAL");
    is_errno(pwrite(fd, got, 1, -1), EINVAL, "pwrite at -1 is EINVAL");
    close(fd);
    int p[2];
    need(pipe(p) == 0);
    is_errno(pread(p[0], got, 1, 0), ESPIPE, "pread from a pipe is ESPIPE");
    is_errno(pwrite(p[1], got, 1, 0), ESPIPE, "pwrite to a pipe is ESPIPE");
    close(p[0]), close(p[1]);
}

/* "[EFAULT] buf is outside your accessible address space": read(2). A transfer that can
 * be done in part may be; nothing outside the buffer changes. */
static void bad_buffers(void) {
    char *page = map_anonymous(2, PROT_READ | PROT_WRITE);
    memset(page, 'p', PAGE);
    need(munmap(page + PAGE, PAGE) == 0);
    make_file("f", "0123456789");
    int fd = open("f", O_RDWR);
    is_errno(read(fd, (char *)16, 4), EFAULT, "read to an unmapped address is EFAULT");
    is_errno(read(fd, (char *)0xfffff000, 4), EFAULT, "read to the kernel is EFAULT");
    is_errno(write(fd, (char *)0xfffff000, 4), EFAULT,
             "write from the kernel is EFAULT");
    is_errno(read(fd, (char *)(uintptr_t)main, 4), EFAULT,
             "read into the program's text is EFAULT");
    is_int(lseek(fd, 0, SEEK_CUR), 0, "the offset has not moved");
    ok(has_text("f", "0123456789"), "the file has not changed");
    is_int(read(fd, page + PAGE - 10, 10), 10, "a buffer that just fits is filled");
    need(lseek(fd, 0, SEEK_SET) == 0);
    ssize_t n = read(fd, page + PAGE - 4, 10);
    ok((n == -1 && errno == EFAULT) || n == 4,
       "one that ends too early: EFAULT or a part");
    is_int((long)other_bytes(page, PAGE - 10, 'p'), 0,
           "bytes before the buffer are untouched");
    is_errno(read(-1, page, 1), EBADF, "read from -1 is EBADF");
    is_errno(write(12345, page, 1), EBADF, "write to a closed number is EBADF");
    close(fd);
    munmap(page, PAGE);
}

/* write(2): a process that has the file open twice, and others, see one file: "After a
 * write() to a regular file has successfully returned: any successful read() from each
 * byte position in the file that was modified by that write shall return the data". */
static void one_file(void) {
    char got[4] = "";
    int a = open("one", O_RDWR | O_CREAT, 0644), b = open("one", O_RDWR);
    need(write(a, "abc", 3) == 3);
    ok(read(b, got, 3) == 3 && memcmp(got, "abc", 3) == 0,
       "what one descriptor wrote another one reads");
    need(write(b, "def", 3) == 3 && lseek(a, 3, SEEK_SET) == 3);
    ok(read(a, got, 3) == 3 && memcmp(got, "def", 3) == 0, "and the other way round");
    pid_t pid;
    CHILD (pid) {
        int fd = open("one", O_WRONLY);
        need(pwrite(fd, "XY", 2, 2) == 2);
    }
    is_exit(wait_for(pid), 0, "another process writes to it");
    ok(has_text("one", "abXYef"), "this one reads that");
    close(a), close(b);
}

int main(void) {
    scratch();
    reading();
    writing();
    positions();
    bad_buffers();
    one_file();
    return done_testing();
}
