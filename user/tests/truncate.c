/* truncate.c - POSIX ftruncate(), truncate(): shrinking, growing, and what mappings of
 * the file see of it.
 */
#include "memory.h"
#include "scratch.h"

/* "If the size of the file previously exceeded length, the extra data shall no longer
 * be available to reads on the file. If the file previously was smaller than this size,
 * ftruncate() shall increase the size of the file ... bytes between the old end-of-file
 * and the new end-of-file shall be read as zeros." "shall not modify the file
 * offset". */
static void sizes(void) {
    char got[16];
    make_file("f", "0123456789");
    int fd = open("f", O_RDWR);
    need(lseek(fd, 7, SEEK_SET) == 7);
    is_int(ftruncate(fd, 4), 0, "ftruncate to a smaller size");
    ok(has_text("f", "0123"), "cuts the file");
    is_int(lseek(fd, 0, SEEK_CUR), 7, "and leaves the offset, now behind the end");
    is_int(read(fd, got, 4), 0, "where nothing is to be read");
    is_int(ftruncate(fd, 8), 0, "ftruncate to a larger size");
    ok(pread(fd, got, 16, 0) == 8 && memcmp(got, "0123\0\0\0\0", 8) == 0,
       "adds zeros, not what was there before");
    is_int(ftruncate(fd, 0), 0, "to nothing");
    is_int(stat_of("f").st_size, 0, "the file is empty");
    is_int(write(fd, "x", 1), 1, "write at the old offset");
    is_int(stat_of("f").st_size, 8, "leaves a hole before it");
    is_int(truncate("f", 3), 0, "truncate works by name");
    is_int(stat_of("f").st_size, 3, "as well");
    is_int(ftruncate(fd, 1 << 30), 0, "a gibibyte of nothing");
    ok(stat_of("f").st_size == 1 << 30 && stat_of("f").st_blocks < 1000,
       "takes no blocks");
    need(ftruncate(fd, 0) == 0);
    close(fd);
}

/* "[EINVAL] The length argument was less than 0"; "[EBADF] or [EINVAL] The fildes
 * argument is not a file descriptor open for writing"; "[EISDIR]". */
static void errors(void) {
    int fd = open("f", O_RDONLY), p[2];
    is_errno(ftruncate(fd, 0), EINVAL, "a descriptor open for reading only is EINVAL");
    close(fd);
    is_errno(ftruncate(fd, 0), EBADF, "a closed one is EBADF");
    is_errno(truncate("f", -1), EINVAL, "a negative size is EINVAL");
    is_errno(truncate("none", 0), ENOENT, "nothing there is ENOENT");
    is_errno(truncate(".", 0), EISDIR, "a directory is EISDIR");
    is_errno(truncate("f/x", 0), ENOTDIR, "below a file is ENOTDIR");
    need(pipe(p) == 0);
    is_errno(ftruncate(p[1], 0), EINVAL, "a pipe is EINVAL");
    close(p[0]), close(p[1]);
    fd = open("f", O_RDWR);
    is_errno(ftruncate(fd, -5), EINVAL, "ftruncate to a negative size too");
    close(fd);
}

/* mmap(): "References within the address range starting at pa and continuing for len
 * bytes to whole pages following the end of an object shall result in delivery of a
 * SIGBUS signal"; "The system shall always zero-fill any partial page at the end of an
 * object." */
static void mapped(void) {
    int fd = open("m", O_RDWR | O_CREAT, 0644);
    need(ftruncate(fd, 3 * PAGE) == 0);
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    need(p != MAP_FAILED);
    memset(p, 'm', 3 * PAGE);
    is_int(ftruncate(fd, PAGE + 100), 0, "shrink a file that is mapped");
    is_int(touch_read(p + 2 * PAGE), SIGBUS, "a page behind the end is SIGBUS");
    ok(touched.address == p + 2 * PAGE && touched.code == BUS_ADRERR,
       "with its address");
    is_int(touch_write(p + 2 * PAGE), SIGBUS, "for writing as well");
    is_int(touch_read(p + 2 * PAGE - 1), 0, "the page with the end in it is there");
    is_int((long)other_bytes(p + PAGE, 100, 'm'), 0, "its bytes before the end too");
    is_int((long)other_bytes(p + PAGE + 100, PAGE - 100, 0), 0,
           "those behind it are zeros");
    is_int(ftruncate(fd, 3 * PAGE), 0, "grow the file again");
    is_int(touch_read(p + 2 * PAGE), 0, "the page can be read again");
    is_int((long)other_bytes(p + 2 * PAGE, PAGE, 0), 0, "and is zero");
    p[3 * PAGE - 1] = 'z';
    char c;
    ok(pread(fd, &c, 1, 3 * PAGE - 1) == 1 && c == 'z',
       "what is written there is in the file");
    need(ftruncate(fd, 0) == 0);
    is_int(touch_read(p), SIGBUS, "with the file empty every page is SIGBUS");
    is_errno(write(1, p, 1), EFAULT, "and EFAULT for a system call");
    munmap(p, 3 * PAGE);
    close(fd);
}

/* A private mapping keeps its own copies only where it has written. */
static void private_mapping(void) {
    int fd = open("p", O_RDWR | O_CREAT, 0644);
    need(ftruncate(fd, 2 * PAGE) == 0);
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    need(p != MAP_FAILED);
    p[0] = 'p';
    need(ftruncate(fd, PAGE) == 0);
    is_int(p[0], 'p', "a private page before the end stays");
    is_int(touch_read(p + PAGE), SIGBUS, "behind the end is SIGBUS here too");
    munmap(p, 2 * PAGE);
    close(fd);
}

int main(void) {
    scratch();
    sizes();
    errors();
    mapped();
    private_mapping();
    return done_testing();
}
