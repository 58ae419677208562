/* open.c - POSIX open() and open(2): what the flags do, which descriptor comes back,
 * and every error that can be had without a second user (those are in permissions.c).
 */
#include "scratch.h"

#include <sys/ioctl.h>

/* "shall return a file descriptor ... that is the lowest numbered file descriptor not
 * currently open in that process"; "the file offset ... shall be set to the
 * beginning". */
static void descriptor(void) {
    make_file("f", "text");
    int a = open("f", O_RDONLY), b = open("f", O_RDONLY), c = open("f", O_RDONLY);
    ok(a > 2 && b == a + 1 && c == b + 1, "open gives the lowest free descriptors");
    close(b);
    is_int(open("f", O_RDONLY), b, "a closed descriptor is the next one given");
    is_int(lseek(a, 0, SEEK_CUR), 0, "the offset starts at 0");
    char got[4];
    need(read(a, got, 2) == 2);
    is_int(lseek(b, 0, SEEK_CUR), 0, "each open has an offset of its own");
    is_int(fcntl(a, F_GETFD), 0, "FD_CLOEXEC is off");
    int d = open("f", O_RDONLY | O_CLOEXEC);
    is_int(fcntl(d, F_GETFD), FD_CLOEXEC, "with O_CLOEXEC it is on");
    close(a), close(b), close(c), close(d);
}

/* "Open for reading only", "Open for writing only", "Open for reading and writing". */
static void access_modes(void) {
    char c;
    int r = open("f", O_RDONLY), w = open("f", O_WRONLY), rw = open("f", O_RDWR);
    is_errno(write(r, "x", 1), EBADF, "O_RDONLY: write is EBADF");
    is_errno(read(w, &c, 1), EBADF, "O_WRONLY: read is EBADF");
    ok(read(rw, &c, 1) == 1 && write(rw, "y", 1) == 1, "O_RDWR reads and writes");
    is_int(fcntl(r, F_GETFL) & O_ACCMODE, O_RDONLY, "F_GETFL gives O_RDONLY");
    is_int(fcntl(w, F_GETFL) & O_ACCMODE, O_WRONLY, "F_GETFL gives O_WRONLY");
    is_int(fcntl(rw, F_GETFL) & O_ACCMODE, O_RDWR, "F_GETFL gives O_RDWR");
    close(r), close(w), close(rw);
}

/* O_CREAT: "If the file exists, this flag has no effect except as noted under O_EXCL.
 * Otherwise ... the file shall be created"; umask(2): mode & ~umask. */
static void creating(void) {
    struct stat before;
    is_errno(open("new", O_RDONLY), ENOENT, "without O_CREAT a missing file is ENOENT");
    int fd = open("new", O_RDWR | O_CREAT, 0666);
    works(fd, "O_CREAT makes it");
    is_int(mode_of("new"), 0644, "its mode is the third argument less the umask");
    need(fstat(fd, &before) == 0);
    ok(S_ISREG(before.st_mode) && before.st_size == 0,
       "it is a regular file, and empty");
    is_int(before.st_uid, geteuid(), "it belongs to the effective user");
    close(fd);
    mode_t old = umask(0);
    close(open("new0", O_RDWR | O_CREAT, 0777));
    is_int(mode_of("new0"), 0777, "with umask 0 all permission bits are taken");
    umask(0777);
    fd = open("none", O_RDWR | O_CREAT, 0666);
    umask(old);
    is_int(mode_of("none"), 0, "with umask 0777 none is");
    is_int(write(fd, "x", 1), 1,
           "the descriptor of the creator can write all the same");
    close(fd);
    make_file("f", "text");
    need(chmod("f", 0600) == 0);
    close(open("f", O_RDWR | O_CREAT, 0777));
    ok(has_text("f", "text") && mode_of("f") == 0600,
       "O_CREAT leaves a file that exists alone");
}

/* O_EXCL: "open() shall fail if the file exists"; "If O_EXCL and O_CREAT are set, and
 * path names a symbolic link, open() shall fail and set errno to [EEXIST], regardless
 * of the contents of the symbolic link." */
static void exclusive(void) {
    is_errno(open("f", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST,
             "O_CREAT|O_EXCL: a file that exists is EEXIST");
    need(mkdir("d", 0755) == 0 && symlink("nowhere", "dangling") == 0);
    is_errno(open("d", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST, "a directory too");
    is_errno(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST,
             "a symbolic link too, though it leads nowhere");
    ok(!exists("nowhere"), "and nothing was made through it");
    int fd = open("x", O_WRONLY | O_CREAT | O_EXCL, 0600);
    works(fd, "a new name is made");
    close(fd);
    fd = open("dangling", O_WRONLY | O_CREAT, 0600);
    ok(fd >= 0 && exists("nowhere"),
       "O_CREAT alone follows a dangling link and makes it");
    close(fd);
}

/* O_TRUNC: "its length shall be truncated to 0, and the mode and owner shall be
 * unchanged." O_APPEND: "the file offset shall be set to the end of the file prior to
 * each write." */
static void truncating_and_appending(void) {
    make_file("t", "old text");
    need(chmod("t", 0640) == 0);
    struct stat before = stat_of("t");
    int fd = open("t", O_WRONLY | O_TRUNC);
    struct stat after = stat_of("t");
    is_int(after.st_size, 0, "O_TRUNC empties the file");
    ok(after.st_ino == before.st_ino && (after.st_mode & 07777) == 0640,
       "it is the same file with the same mode");
    close(fd);
    make_file("a", "one");
    fd = open("a", O_RDWR | O_APPEND);
    int other = open("a", O_WRONLY | O_APPEND);
    is_int(lseek(fd, 0, SEEK_CUR), 0, "O_APPEND: the offset starts at 0");
    need(write(fd, "two", 3) == 3 && write(other, "three", 5) == 5);
    need(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "four", 4) == 4);
    ok(has_text("a", "onetwothreefour"), "every write goes to the end of that moment");
    is_int(lseek(fd, 0, SEEK_CUR), 15, "and leaves the offset behind what it wrote");
    close(fd), close(other);
}

/* O_DIRECTORY: "If path resolves to a non-directory file, fail and set errno to
 * [ENOTDIR]." O_NOFOLLOW: "If path names a symbolic link, fail and set errno to
 * [ELOOP]." EISDIR: "pathname refers to a directory and the access requested involved
 * writing". */
static void directories_and_links(void) {
    need(symlink("f", "to-f") == 0 && symlink("d", "to-d") == 0);
    is_errno(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR,
             "O_DIRECTORY on a file: ENOTDIR");
    int fd = open("d", O_RDONLY | O_DIRECTORY);
    works(fd, "O_DIRECTORY opens a directory");
    char c;
    is_errno(read(fd, &c, 1), EISDIR, "read from a directory is EISDIR");
    is_errno(write(fd, "x", 1), EBADF, "write to it is EBADF, it is open for reading");
    close(fd);
    is_errno(open("d", O_WRONLY), EISDIR, "O_WRONLY on a directory is EISDIR");
    is_errno(open("d", O_RDWR), EISDIR, "O_RDWR on a directory is EISDIR");
    is_errno(open("d", O_RDONLY | O_CREAT, 0600), EISDIR, "O_CREAT on one is EISDIR");
    is_errno(open("d", O_RDONLY | O_TRUNC), EISDIR, "O_TRUNC on one is EISDIR");
    is_errno(open("to-f", O_RDONLY | O_NOFOLLOW), ELOOP, "O_NOFOLLOW on a link: ELOOP");
    fd = open("f", O_RDONLY | O_NOFOLLOW);
    works(fd, "O_NOFOLLOW on a file opens it");
    close(fd);
    fd = open("to-d/../f", O_RDONLY | O_NOFOLLOW);
    works(fd, "O_NOFOLLOW follows links before the last component");
    close(fd);
    is_errno(open("to-d", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR,
             "O_NOFOLLOW|O_DIRECTORY on a link to a directory: ENOTDIR");
}

/* "[EMFILE] All file descriptors available to the process are currently open"; bad
 * pointers are EFAULT and never a crash. */
static void errors(void) {
    is_errno(open("", O_RDONLY), ENOENT, "an empty path is ENOENT");
    is_errno(open("f/g", O_RDONLY), ENOTDIR, "a file used as a directory is ENOTDIR");
    is_errno(open("missing/f", O_RDONLY | O_CREAT, 0600), ENOENT,
             "O_CREAT in a missing directory is ENOENT");
    is_errno(open("missing/", O_RDONLY | O_CREAT, 0600), EISDIR,
             "O_CREAT with a slash at the end is EISDIR");
    ok(!exists("missing"), "and makes nothing");
    is_errno(open("f/", O_RDONLY), ENOTDIR,
             "a file with a slash at the end is ENOTDIR");
    is_errno(open((char *)8, O_RDONLY), EFAULT, "a bad pointer is EFAULT");
    is_errno(open((char *)0xfffff000, O_RDONLY), EFAULT,
             "an address of the kernel too");
    is_errno(close(-1), EBADF, "close(-1) is EBADF");
    int fd = open("f", O_RDONLY);
    is_int(close(fd), 0, "close gives 0");
    is_errno(close(fd), EBADF, "and EBADF the second time");
}

/* openat(): "the file to be opened is determined relative to the directory associated
 * with the file descriptor fd instead of the current working directory." */
static void relative(void) {
    make_file("d/inner", "inner");
    int dir = open("d", O_RDONLY | O_DIRECTORY), file = open("f", O_RDONLY);
    int fd = openat(dir, "inner", O_RDONLY);
    works(fd, "openat takes a path below a directory descriptor");
    close(fd);
    fd = openat(dir, "../f", O_RDONLY);
    works(fd, ".. works in it");
    close(fd);
    fd = openat(AT_FDCWD, "f", O_RDONLY);
    works(fd, "AT_FDCWD is the working directory");
    close(fd);
    fd = openat(-1, scratch_dir.path, O_RDONLY);
    works(fd, "with an absolute path the descriptor does not matter");
    close(fd);
    is_errno(openat(-1, "f", O_RDONLY), EBADF, "else a bad descriptor is EBADF");
    is_errno(openat(file, "f", O_RDONLY), ENOTDIR, "and one of a file is ENOTDIR");
    close(dir), close(file);
}

/* open(2): O_PATH "can be used for two purposes: to indicate a location in the
 * filesystem tree and to perform operations that act purely at the file descriptor
 * level"; "other file operations ... fail with the error EBADF". */
static void only_a_place(void) {
    char c;
    struct stat st;
    need(mkdir("place", 0700) == 0 && chmod("f", 0) == 0);
    int fd = open("f", O_PATH | O_RDWR), dir = open("place", O_PATH | O_DIRECTORY);
    ok(fd >= 0 && dir >= 0, "O_PATH needs no permission");
    is_errno(read(fd, &c, 1), EBADF, "read is EBADF");
    is_errno(write(fd, "x", 1), EBADF, "write is EBADF");
    is_errno(pread(fd, &c, 1, 0), EBADF, "pread is EBADF");
    is_errno(lseek(fd, 0, SEEK_SET), EBADF, "lseek is EBADF");
    is_errno(ftruncate(fd, 0), EBADF, "ftruncate is EBADF");
    is_errno(fsync(fd), EBADF, "fsync is EBADF");
    is_errno(ioctl(fd, TIOCGWINSZ, &st), EBADF, "ioctl is EBADF");
    is_errno(fcntl(fd, F_SETFL, O_APPEND), EBADF, "F_SETFL is EBADF");
    is_int(fcntl(fd, F_GETFL) & ~O_LARGEFILE, O_PATH, "F_GETFL gives O_PATH alone");
    ok(fstat(fd, &st) == 0 && st.st_ino == stat_of("f").st_ino, "fstat works");
    int copy = dup(fd);
    ok(copy >= 0 && close(copy) == 0, "so do dup and close");
    copy = openat(dir, "new", O_WRONLY | O_CREAT, 0600);
    ok(copy >= 0 && exists("place/new"), "openat goes on from it");
    int back = open(".", O_RDONLY);
    ok(fchdir(dir) == 0 && exists("new"), "and fchdir goes there");
    need(fchdir(back) == 0);
    need(symlink("nowhere", "lost") == 0);
    int link = open("lost", O_PATH | O_NOFOLLOW);
    ok(fstat(link, &st) == 0 && S_ISLNK(st.st_mode), "with O_NOFOLLOW a link itself");
    close(fd), close(dir), close(copy), close(back), close(link);
}

int main(void) {
    scratch();
    descriptor();
    access_modes();
    creating();
    exclusive();
    truncating_and_appending();
    directories_and_links();
    errors();
    relative();
    only_a_place();
    return done_testing();
}
