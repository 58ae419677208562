/* mremap.c - mremap(2), madvise(2), mlock(2): the calls that allocators and careful
 * programs make.
 */
#include "memory.h"
#include "scratch.h"

/* "mremap() expands (or shrinks) an existing memory mapping, potentially moving it at
 * the same time (controlled by the flags argument and the available virtual address
 * space)." */
static void sizes(void) {
    char *p = map_anonymous(4, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 4; i++)
        memset(p + i * PAGE, 'A' + i, PAGE);
    char *q = mremap(p, 4 * PAGE, 2 * PAGE, 0);
    ok(q == p, "shrinking stays in place");
    is_int(touch_read(p + 2 * PAGE), SIGSEGV, "the rest is unmapped");
    q = mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    works(q == MAP_FAILED ? -1 : 0, "growing with MREMAP_MAYMOVE");
    ok(other_bytes(q, PAGE, 'A') == 0 && other_bytes(q + PAGE, PAGE, 'B') == 0,
       "keeps the contents");
    is_int((long)other_bytes(q + 2 * PAGE, 62 * PAGE, 0), 0, "and adds zeros");
    is_int(touch_read(p), q == p ? 0 : SIGSEGV,
           "it grew where it was, or the old place is unmapped");
    is_int(touch_write(q + 64 * PAGE - 1), 0, "the last byte can be written");
    munmap(q, 64 * PAGE);
}

/* "If [MREMAP_MAYMOVE] is not specified ... and the mapping cannot be expanded at its
 * current location ... ENOMEM". MREMAP_FIXED: "moves to new_address; any previous
 * mapping at the address range specified is unmapped". */
static void places(void) {
    char *p = map_anonymous(8, PROT_READ | PROT_WRITE);
    p[0] = 'p', p[4 * PAGE] = 'q';
    is_errno(mremap(p, PAGE, 2 * PAGE, 0) == MAP_FAILED ? -1 : 0, ENOMEM,
             "growing over what is there, without MAYMOVE, is ENOMEM");
    ok(p[0] == 'p' && p[4 * PAGE] == 'q', "and changes nothing");
    char *q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4 * PAGE);
    ok(q == p + 4 * PAGE, "MREMAP_FIXED moves to where it is told");
    is_int(q[0], 'p', "replacing what was there");
    is_int(touch_read(p), SIGSEGV, "the old place is free");
    is_errno(mremap(p + PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                    p + 2 * PAGE)
                     == MAP_FAILED
                 ? -1
                 : 0,
             EINVAL, "onto itself is EINVAL");
    is_errno(mremap(p + PAGE, PAGE, PAGE, MREMAP_FIXED, p) == MAP_FAILED ? -1 : 0,
             EINVAL, "MREMAP_FIXED without MAYMOVE is EINVAL");
    is_errno(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0, EFAULT,
             "what is not mapped is EFAULT");
    is_errno(mremap(p + PAGE + 1, PAGE, PAGE, 0) == MAP_FAILED ? -1 : 0, EINVAL,
             "an odd address is EINVAL");
    is_errno(mremap(p + PAGE, PAGE, 0, 0) == MAP_FAILED ? -1 : 0, EINVAL,
             "size 0 is EINVAL");
    is_errno(mremap(p + PAGE, PAGE, 0x7ffff000, MREMAP_MAYMOVE | 64) == MAP_FAILED ? -1
                                                                                   : 0,
             EINVAL, "an unknown flag is EINVAL");
    munmap(p, 8 * PAGE);
}

/* A shared mapping that moves stays shared. */
static void shared(void) {
    int *p = map_shared(1);
    pid_t pid;
    p[0] = 1;
    struct gate moved;
    gate_init(&moved);
    CHILD (pid) {
        gate_wait(&moved);
        need(p[0] == 2);
        p[1] = 3;
    }
    char *place = map_anonymous(1, PROT_NONE);
    int *q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    ok((char *)q == place, "a shared mapping moves");
    q[0] = 2;
    gate_open(&moved);
    is_exit(wait_for(pid), 0, "the child sees writes at the new place");
    is_int(q[1], 3, "and this process the child's");
    munmap(q, PAGE);
    gate_close(&moved);
}

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
    sizes();
    places();
    shared();
    advice();
    advice_on_files();
    return done_testing();
}
