/* vectors.c - POSIX readv(), writev(), and preadv(), pwritev() of Linux: the parts in
 * order, the limits, and lengths that do not add up.
 */
#include "memory.h"
#include "scratch.h"

#include <limits.h>
#include <sys/uio.h>

static struct iovec part(const void *base, size_t length) {
    return (struct iovec){ (void *)(uintptr_t)base, length };
}

/* writev(): "shall gather output data from the iovcnt buffers"; readv(): "shall always
 * fill an area completely before proceeding to the next." */
static void in_order(void) {
    char a[3] = "", b[4] = "", c[8] = "";
    struct iovec out[] = { part("one", 3), part("", 0), part("two", 3),
                           part("three", 5) };
    struct iovec in[] = { part(a, 3), part(b, 4), part(NULL, 0), part(c, 8) };
    int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    is_int(writev(fd, out, 4), 11, "writev writes the sum of the lengths");
    ok(has_text("f", "onetwothree"), "the parts in order");
    is_int(lseek(fd, 0, SEEK_SET), 0, "back to the start");
    is_int(readv(fd, in, 4), 11, "readv reads what is there");
    ok(memcmp(a, "one", 3) == 0 && memcmp(b, "twot", 4) == 0
           && memcmp(c, "hree", 5) == 0,
       "and fills one part after the other");
    is_int(c[5], 0, "behind the last byte nothing is stored");
    is_int(readv(fd, in, 4), 0, "at the end readv gives 0");
    is_int(pwritev(fd, out, 3, 3), 6, "pwritev writes at its offset");
    ok(has_text("f", "oneonetwoee"), "there");
    is_int(preadv(fd, in, 2, 4), 7, "preadv reads at its offset");
    ok(memcmp(a, "net", 3) == 0 && memcmp(b, "woee", 4) == 0, "from there");
    is_int(lseek(fd, 0, SEEK_CUR), 11, "both leave the offset alone");
    close(fd);
}

/* "[EINVAL] The iovcnt argument was less than or equal to 0, or greater than {IOV_MAX}"
 * (Linux: 0 is no error), "The sum of the iov_len values in the iov array overflowed an
 * ssize_t." */
static void limits(void) {
    static struct iovec many[IOV_MAX + 1];
    static char bytes[IOV_MAX + 1];
    int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i <= IOV_MAX; i++) {
        bytes[i] = (char)('a' + i % 26);
        many[i] = part(&bytes[i], 1);
    }
    is_int(writev(fd, many, IOV_MAX), IOV_MAX, "IOV_MAX (1024) parts are accepted");
    char got[26];
    ok(pread(fd, got, 26, 26 * 39) == 10 && memcmp(got, "abcdefghij", 10) == 0,
       "the last ones are where they should be");
    is_errno(writev(fd, many, IOV_MAX + 1), EINVAL, "one more is EINVAL");
    is_errno(writev(fd, many, -1), EINVAL, "-1 parts are EINVAL");
    is_int(writev(fd, many, 0), 0, "no parts: 0 on Linux");
    struct iovec negative[] = { part("x", 1), part("y", (size_t)-1) };
    is_errno(writev(fd, negative, 2), EINVAL, "a length of -1 is EINVAL");
    is_errno(readv(fd, negative, 2), EINVAL, "for readv too");
    is_int(stat_of("f").st_size, IOV_MAX, "none of these changed the file");
    struct iovec wrap[] = { part(bytes, 0x7fffffff), part(bytes, 0x7fffffff),
                            part(bytes, 3) };
    ssize_t n = writev(fd, wrap, 3);
    ok((n == -1 && (errno == EINVAL || errno == EFAULT)) || n > 0,
       "lengths that overflow ssize_t: an error, or (Linux) a part of them");
    close(fd);
}

/* "[EFAULT]": a bad vector, and a bad part of one. */
static void bad_addresses(void) {
    char *page = map_anonymous(2, PROT_READ | PROT_WRITE);
    need(munmap(page + PAGE, PAGE) == 0);
    int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    is_errno(writev(fd, (struct iovec *)8, 1), EFAULT, "a bad vector is EFAULT");
    is_errno(readv(fd, (struct iovec *)0xfffffff8, 1), EFAULT, "one in the kernel too");
    struct iovec *edge = (struct iovec *)(page + PAGE) - 1;
    *edge = part("x", 1);
    is_int(writev(fd, edge, 1), 1, "a vector that ends with its page is fine");
    is_errno(writev(fd, edge, 2), EFAULT, "one that goes on behind it is EFAULT");
    struct iovec first_bad[] = { part((char *)8, 1), part("x", 1) };
    is_errno(writev(fd, first_bad, 2), EFAULT, "a bad first part is EFAULT");
    struct iovec second_bad[] = { part("ab", 2), part((char *)8, 1) };
    off_t before = lseek(fd, 0, SEEK_CUR);
    ssize_t n = writev(fd, second_bad, 2);
    ok((n == -1 && errno == EFAULT) || n == 2,
       "a bad second part: EFAULT, or the first part");
    is_int(lseek(fd, 0, SEEK_CUR), before + (n > 0 ? n : 0),
           "the offset agrees with that");
    struct iovec high[] = { part("ab", 2), part((char *)0xfffff000, 64) };
    is_errno(writev(-1, high, 2), EBADF,
             "a bad descriptor is EBADF whatever the vector");
    close(fd);
    munmap(page, PAGE);
}

/* writev(2): "The data transfers performed by readv() and writev() are atomic": two
 * processes that append do not mix their parts. */
static void not_mixed(void) {
    enum { N = 50 };
    int fd = open("log", O_RDWR | O_CREAT | O_APPEND, 0644);
    pid_t pid[2];
    for (int k = 0; k < 2; k++)
        CHILD (pid[k]) {
            char c = (char)('A' + k);
            struct iovec v[] = { part(&c, 1), part(&c, 1), part(&c, 1), part("\n", 1) };
            for (int i = 0; i < N; i++)
                need(writev(fd, v, 4) == 4);
        }
    is_exit(wait_for(pid[0]), 0, "one process appends lines");
    is_exit(wait_for(pid[1]), 0, "so does another");
    char line[4];
    int whole = 0;
    for (off_t at = 0; pread(fd, line, 4, at) == 4; at += 4)
        whole += line[0] == line[1] && line[1] == line[2] && line[3] == '\n';
    is_int(whole, 2 * N, "every line is whole");
    close(fd);
}

int main(void) {
    scratch();
    in_order();
    limits();
    bad_addresses();
    not_mixed();
    return done_testing();
}
