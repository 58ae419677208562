/* sync.c - POSIX fsync(), fdatasync(), sync(), and calls that copy between descriptors
 * (sendfile(2)), tell about a file system (statfs(2)) or reserve room
 * (posix_fallocate).
 */
#include "scratch.h"

#include <sys/sendfile.h>
#include <sys/statvfs.h>

/* fsync(): "[EINVAL] The fildes argument does not refer to a file on which this
 * operation is possible." */
static void syncing(void) {
    int fd = open("f", O_RDWR), dir = open(".", O_RDONLY), p[2];
    need(pipe(p) == 0);
    is_int(fsync(fd), 0, "fsync of a file");
    is_int(fdatasync(fd), 0, "fdatasync");
    is_int(fsync(dir), 0, "fsync of a directory");
    is_errno(fsync(p[0]), EINVAL, "fsync of a pipe is EINVAL");
    is_errno(fsync(-1), EBADF, "of a bad descriptor EBADF");
    sync();
    close(fd), close(dir), close(p[0]), close(p[1]);
}

/* sendfile(2): "copies data between one file descriptor and another"; a program must be
 * able to live with EINVAL and copy for itself. */
static void copying(void) {
    int in = open("f", O_RDONLY), out = open("copy", O_RDWR | O_CREAT, 0644);
    off_t at = 2;
    ssize_t n = sendfile(out, in, NULL, 100);
    ok(n == 10 || (n == -1 && (errno == EINVAL || errno == ENOSYS)),
       "sendfile copies, or says that it does not");
    if (n == 10) {
        need(has_text("copy", "0123456789"));
        need(lseek(in, 0, SEEK_CUR) == 10 && sendfile(out, in, NULL, 100) == 0);
        need(sendfile(out, in, &at, 3) == 3 && at == 5
             && has_text("copy", "0123456789234"));
    }
    close(in), close(out);
}

/* statvfs(): "information about the file system containing the file". */
static void file_system(void) {
    struct statvfs v;
    is_int(statvfs(".", &v), 0, "statvfs");
    ok(v.f_bsize > 0 && v.f_blocks >= v.f_bfree && v.f_bfree >= v.f_bavail, "blocks");
    is_int((long)v.f_namemax, 255, "names of 255 bytes");
    is_int(statvfs("/proc", &v), 0, "/proc has an answer too");
    is_errno(statvfs("none", &v), ENOENT, "nothing is ENOENT");
    int fd = open("f", O_RDONLY);
    is_int(fstatvfs(fd, &v), 0, "fstatvfs");
    close(fd);
}

int main(void) {
    scratch();
    make_file("f", "0123456789");
    syncing();
    copying();
    file_system();
    return done_testing();
}
