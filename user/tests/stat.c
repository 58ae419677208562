/* stat.c - POSIX stat(), lstat(), fstat() and Linux statx(2): every field, for every
 * kind of file.
 */
#include "raw.h"
#include "scratch.h"

#include <sys/sysmacros.h>
#include <time.h>

/* "st_ino File serial number. st_dev Device ID of device containing file. The st_ino
 * and st_dev fields taken together uniquely identify the file within the system." */
static void identity(void) {
    make_file("a", "text");
    make_file("b", "text");
    struct stat a = stat_of("a"), b = stat_of("b"), st;
    ok(a.st_ino != 0 && a.st_ino != b.st_ino, "two files have different numbers");
    ok(a.st_dev == b.st_dev, "on one device");
    ok(stat_of("/dev").st_dev != stat_of("/proc").st_dev,
       "file systems are different devices");
    int fd = open("a", O_RDONLY);
    need(fstat(fd, &st) == 0);
    ok(st.st_ino == a.st_ino && st.st_dev == a.st_dev, "fstat and stat agree");
    need(rename("a", "c") == 0);
    ok(stat_of("c").st_ino == a.st_ino, "rename keeps the number");
    need(rename("c", "a") == 0);
    close(fd);
    is_errno(fstat(fd, &st), EBADF, "fstat of a closed descriptor is EBADF");
    is_errno(stat("none", &st), ENOENT, "stat of nothing is ENOENT");
    is_errno(stat("a/x", &st), ENOTDIR, "below a file it is ENOTDIR");
}

/* "st_mode ... st_nlink ... st_uid ... st_gid ... st_size: for regular files, the file
 * size in bytes ... st_blksize: a file system-specific preferred I/O block size ...
 * st_blocks: number of blocks allocated", which are 512 bytes on Linux. */
static void regular_file(void) {
    struct stat st = stat_of("a");
    ok(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644, "type and mode");
    is_int(st.st_nlink, 1, "one name");
    ok(st.st_uid == geteuid() && st.st_gid == getegid(),
       "owner and group are the maker's");
    is_int(st.st_size, 4, "size");
    ok(st.st_blksize >= 512 && (st.st_blksize & (st.st_blksize - 1)) == 0,
       "the preferred block size is a power of two");
    static char data[40960];
    int fd = open("b", O_WRONLY | O_TRUNC);
    need(write(fd, data, sizeof data) == sizeof data && fsync(fd) == 0);
    need(fstat(fd, &st) == 0);
    ok(st.st_blocks * 512 >= (long)sizeof data
           && st.st_blocks * 512 <= 2 * (long)sizeof data,
       "st_blocks counts units of 512 bytes");
    close(fd);
    is_int(stat_of("b").st_rdev, 0, "st_rdev is 0");
}

/* "stat() marks nothing for update. Reading updates the access time, writing and
 * changes of size the modification and status change times, creation all three" (XBD
 * 4.9). */
static void timestamps(void) {
    struct timespec past[2] = { { .tv_sec = 1000, .tv_nsec = 5 }, { .tv_sec = 2000 } };
    struct timespec now;
    need(clock_gettime(CLOCK_REALTIME, &now) == 0);
    make_file("t", "");
    struct stat st = stat_of("t");
    ok(st.st_mtim.tv_sec == st.st_atim.tv_sec
           && st.st_mtim.tv_nsec == st.st_atim.tv_nsec,
       "a new file has one time for all");
    ok(st.st_mtime >= now.tv_sec - 1, "and that is now");
    need(utimensat(AT_FDCWD, "t", past, 0) == 0);
    int fd = open("t", O_RDWR);
    struct stat opened = stat_of("t");
    ok(opened.st_mtime == 2000 && opened.st_atime == 1000, "open changes no time");
    need(write(fd, "x", 1) == 1);
    st = stat_of("t");
    ok(st.st_mtime > 2000 && st.st_ctime > 2000, "write sets mtime and ctime");
    is_int(st.st_atime, 1000, "and not atime");
    need(utimensat(AT_FDCWD, "t", past, 0) == 0 && ftruncate(fd, 100) == 0);
    ok(stat_of("t").st_mtime > 2000, "ftruncate sets mtime");
    need(utimensat(AT_FDCWD, "t", past, 0) == 0);
    close(open("t", O_WRONLY | O_TRUNC));
    ok(stat_of("t").st_mtime > 2000, "O_TRUNC sets mtime");
    need(utimensat(AT_FDCWD, "t", past, 0) == 0 && link("t", "t2") == 0);
    ok(stat_of("t").st_mtime == 2000, "link leaves mtime alone");
    close(fd);
}

/* Making, renaming and removing an entry sets the directory's mtime and ctime. */
static void directory_times(void) {
    struct timespec past[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
    need(mkdir("d", 0755) == 0);
    need(utimensat(AT_FDCWD, "d", past, 0) == 0);
    make_file("d/f", "");
    ok(stat_of("d").st_mtime > 2000, "making a file sets the directory's mtime");
    need(utimensat(AT_FDCWD, "d", past, 0) == 0);
    make_file("d/f", "more");
    is_int(stat_of("d").st_mtime, 2000, "writing to it does not");
    need(rename("d/f", "d/g") == 0);
    ok(stat_of("d").st_mtime > 2000, "renaming it does");
    need(utimensat(AT_FDCWD, "d", past, 0) == 0 && unlink("d/g") == 0);
    ok(stat_of("d").st_mtime > 2000, "removing it does");
}

/* <sys/stat.h>: S_ISDIR, S_ISLNK, S_ISFIFO, S_ISCHR; "st_rdev Device ID (if file is
 * character or block special)". */
static void other_types(void) {
    struct stat st;
    int p[2];
    ok(S_ISDIR(stat_of("d").st_mode), "a directory");
    need(symlink("a", "s") == 0 && mkfifo("fifo", 0600) == 0 && pipe(p) == 0);
    ok(S_ISLNK(stat_of("s").st_mode), "a symbolic link");
    need(stat("s", &st) == 0);
    ok(S_ISREG(st.st_mode) && st.st_ino == stat_of("a").st_ino, "stat follows it");
    ok(S_ISFIFO(stat_of("fifo").st_mode), "a FIFO");
    need(fstat(p[0], &st) == 0);
    ok(S_ISFIFO(st.st_mode), "a pipe is a FIFO to fstat");
    close(p[0]), close(p[1]);
    st = stat_of("/dev/null");
    ok(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3),
       "/dev/null is character device 1,3");
    ok(stat_of("/dev/zero").st_rdev == makedev(1, 5), "/dev/zero is 1,5");
    ok(S_ISDIR(stat_of("/proc/self/fd").st_mode), "/proc has directories");
    ok(S_ISLNK(stat_of("/proc/self").st_mode), "and links");
}

/* What statx stores: the first 64 of its 256 bytes. */
struct statx_head {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, unused;
    uint64_t ino, size, blocks, known_attributes;
    char rest[256 - 64];
};

/* statx(2): "stx_mask Mask of bits indicating filled fields"; AT_EMPTY_PATH, bad
 * flags. */
static void statx_call(void) {
    enum { TYPE = 1, BASIC = 0x7ff };
    struct statx_head x;
    memset(&x, 0x5a, sizeof x);
    int fd = open("a", O_RDONLY), dir = open("d", O_RDONLY);
    is_int(raw(SYS_statx, AT_FDCWD, (long)"a", 0, BASIC, (long)&x), 0, "statx");
    ok((x.mask & BASIC) == BASIC, "it fills all basic fields");
    is_int(x.size, 4, "the size is there");
    ok(x.ino == stat_of("a").st_ino && x.nlink == 1, "number and links too");
    is_int(raw(SYS_statx, fd, (long)"", AT_EMPTY_PATH, BASIC, (long)&x), 0,
           "AT_EMPTY_PATH takes the descriptor itself");
    is_int(raw(SYS_statx, fd, (long)"", 0, BASIC, (long)&x), -ENOENT,
           "without it the empty path is ENOENT");
    is_int(raw(SYS_statx, dir, (long)"../s", AT_SYMLINK_NOFOLLOW, TYPE, (long)&x), 0,
           "a path below a directory descriptor");
    ok(S_ISLNK(x.mode), "AT_SYMLINK_NOFOLLOW does not follow the link");
    is_int(raw(SYS_statx, -1, (long)"a", 0, TYPE, (long)&x), -EBADF,
           "a bad descriptor is EBADF");
    is_int(raw(SYS_statx, fd, (long)"a", 0, TYPE, (long)&x), -ENOTDIR,
           "one of a file is ENOTDIR");
    is_int(raw(SYS_statx, AT_FDCWD, (long)"a", 0x40000000, TYPE, (long)&x), -EINVAL,
           "an unknown flag is EINVAL");
    close(fd), close(dir);
}

int main(void) {
    scratch();
    identity();
    regular_file();
    timestamps();
    directory_times();
    other_types();
    statx_call();
    return done_testing();
}
