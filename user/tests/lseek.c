/* lseek.c - POSIX lseek(): the three origins, offsets behind the end, holes, and the
 * errors "[EINVAL] ... the resulting file offset would be negative", "[EOVERFLOW]",
 * "[ESPIPE]".
 */
#include "raw.h"
#include "scratch.h"

static void origins(void) {
    make_file("f", "0123456789");
    int fd = open("f", O_RDWR);
    is_int(lseek(fd, 3, SEEK_SET), 3, "SEEK_SET: the offset itself");
    is_int(lseek(fd, 4, SEEK_CUR), 7, "SEEK_CUR: from where it is");
    is_int(lseek(fd, -2, SEEK_CUR), 5, "backwards");
    is_int(lseek(fd, -1, SEEK_END), 9, "SEEK_END: from the size");
    char c = 0;
    ok(read(fd, &c, 1) == 1 && c == '9', "read goes on from there");
    is_errno(lseek(fd, -11, SEEK_END), EINVAL, "before the start is EINVAL");
    is_errno(lseek(fd, -11, SEEK_CUR), EINVAL, "from where it is too");
    is_errno(lseek(fd, -1, SEEK_SET), EINVAL, "-1 too");
    is_errno(lseek(fd, 0, 99), EINVAL, "an unknown origin is EINVAL");
    is_int(lseek(fd, 0, SEEK_CUR), 10, "none of the errors moved the offset");
    close(fd);
    is_errno(lseek(fd, 0, SEEK_CUR), EBADF, "a closed descriptor is EBADF");
}

/* "The lseek() function shall allow the file offset to be set beyond the end of the
 * existing data in the file. If data is later written at this point, subsequent reads
 * of data in the gap shall return bytes with the value 0 until data is actually written
 * into the gap. [It] shall not, by itself, extend the size of a file." */
static void holes(void) {
    enum { FAR = 10000000 };
    char got[64];
    int fd = open("hole", O_RDWR | O_CREAT, 0644), bytes = 0;
    need(write(fd, "start", 5) == 5);
    is_int(lseek(fd, FAR, SEEK_SET), FAR, "far behind the end");
    is_int(stat_of("hole").st_size, 5, "lseek alone does not change the size");
    is_int(write(fd, "end", 3), 3, "write there");
    is_int(stat_of("hole").st_size, FAR + 3, "makes the file that long");
    ok(stat_of("hole").st_blocks * 512 < FAR / 2, "but gives the hole no blocks");
    need(lseek(fd, 5, SEEK_SET) == 5 && read(fd, got, 64) == 64);
    for (int i = 0; i < 64; i++)
        bytes |= got[i];
    is_int(bytes, 0, "the hole reads as zeros at its start");
    is_int(pread(fd, got, 64, FAR - 10), 13, "near its end");
    ok(memcmp(got, "\0\0\0\0\0\0\0\0\0\0end", 13) == 0,
       "the zeros end where the data is");
    need(pwrite(fd, "mid", 3, 5000000) == 3 && pread(fd, got, 5, 4999999) == 5);
    ok(memcmp(got, "\0mid\0", 5) == 0, "data written into the hole is there");
    close(fd);
}

/* Offsets are 64 bits wide. */
static void large(void) {
    int fd = open("f", O_RDWR);
    off_t big = ((off_t)1 << 32) + 7;
    char c;
    is_int(lseek(fd, big, SEEK_SET), big, "an offset over 4 GiB");
    is_int(read(fd, &c, 1), 0, "reads as end of file");
    is_int(pread(fd, &c, 1, big + 5), 0, "pread there as well");
    is_int(lseek(fd, 1, SEEK_CUR), big + 1, "SEEK_CUR goes on in 64 bits");
    is_errno(lseek(fd, INT64_MAX, SEEK_CUR), EINVAL,
             "an offset that does not fit is EINVAL on Linux");
    long long result;
    is_int(raw(SYS__llseek, fd, -1, -5, (long)&result, SEEK_SET), -EINVAL,
           "_llseek joins the two halves: -5 is EINVAL");
    is_int(raw(SYS__llseek, fd, 0, 3, 0x10, SEEK_SET), -EFAULT,
           "_llseek with a bad result pointer is EFAULT");
    close(fd);
}

/* "[ESPIPE] The fildes argument is associated with a pipe, FIFO, or socket." A
 * directory can be rewound. */
static void other_files(void) {
    int p[2];
    need(pipe(p) == 0);
    is_errno(lseek(p[0], 0, SEEK_SET), ESPIPE, "a pipe is ESPIPE");
    is_errno(lseek(p[1], 0, SEEK_CUR), ESPIPE, "its other end too");
    is_errno(lseek(p[0], 0, 99), EINVAL, "but an unknown origin is EINVAL first");
    close(p[0]), close(p[1]);
    int fd = open(".", O_RDONLY);
    is_int(lseek(fd, 0, SEEK_SET), 0, "a directory can be rewound");
    close(fd);
    fd = open("/dev/null", O_RDONLY);
    is_int(lseek(fd, 0, SEEK_SET), 0, "/dev/null accepts lseek");
    is_int(lseek(fd, 100, SEEK_SET), 0, "and stays at 0, wherever one would go");
    is_errno(lseek(fd, 0, 99), EINVAL, "which has to be a known origin");
    close(fd);
}

int main(void) {
    scratch();
    origins();
    holes();
    large();
    other_files();
    return done_testing();
}
