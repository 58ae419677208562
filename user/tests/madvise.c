/* madvise.c - madvise(2), mlock(2): the calls that careful programs make. */
#include "memory.h"
#include "scratch.h"

/* madvise(2): MADV_DONTNEED "subsequent accesses of pages in the range will succeed,
 * but will result in ... zero-fill-on-demand pages for anonymous private mappings";
 * MADV_FREE and the others may be ignored; "[EINVAL] addr is not page-aligned". */
static void advice(void) {
    char *p = map_anonymous(4, PROT_READ | PROT_WRITE);
    memset(p, 'a', 4 * PAGE);
    is_int(madvise(p, 4 * PAGE, MADV_WILLNEED), 0, "MADV_WILLNEED is accepted");
    is_int(madvise(p, 4 * PAGE, MADV_SEQUENTIAL), 0, "MADV_SEQUENTIAL too");
    is_int((long)other_bytes(p, 4 * PAGE, 'a'), 0, "both change nothing");
    is_int(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED), 0, "MADV_DONTNEED");
    is_int((long)other_bytes(p + PAGE, 2 * PAGE, 0), 0, "gives zeros");
    ok(p[0] == 'a' && p[3 * PAGE] == 'a', "and leaves the neighbours alone");
    is_int(madvise(p, PAGE, MADV_FREE), 0, "MADV_FREE is accepted");
    p[0] = 'b';
    is_int(p[0], 'b', "the page is usable");
    is_int(mlock(p, PAGE), 0, "mlock is accepted");
    is_int(munlock(p, PAGE), 0, "munlock too");
    is_errno(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL, "an odd address is EINVAL");
    is_errno(madvise(p, PAGE, 12345), EINVAL, "an unknown advice is EINVAL");
    munmap(p, 4 * PAGE);
    is_errno(madvise(p, PAGE, MADV_DONTNEED), ENOMEM, "what is not mapped is ENOMEM");
}

/* MADV_DONTNEED on a file's private page brings the file's contents back. */
static void advice_on_files(void) {
    make_file("f", "from the file");
    int fd = open("f", O_RDWR);
    char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    need(p != MAP_FAILED);
    p[0] = 'F';
    is_int(madvise(p, PAGE, MADV_DONTNEED), 0,
           "MADV_DONTNEED on a private page of a file");
    is_int(p[0], 'f', "brings back what is in the file");
    char *q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    q[0] = 'S';
    need(madvise(q, PAGE, MADV_DONTNEED) == 0);
    is_int(q[0], 'S', "on a shared page it loses nothing");
    munmap(p, PAGE), munmap(q, PAGE);
    close(fd);
}

int main(void) {
    scratch();
    advice();
    advice_on_files();
    return done_testing();
}
