/* at.c - POSIX openat(), mkdirat(), renameat() and their family: "equivalent to [the
 * call without at] except in the case where path specifies a relative path", which
 * starts at the directory descriptor.
 */
#include "scratch.h"

static int dir, file;

static void making(void) {
    int fd = openat(dir, "f", O_WRONLY | O_CREAT, 0644);
    works(fd, "openat makes a file");
    need(write(fd, "text", 4) == 4 && close(fd) == 0);
    ok(has_text("d/f", "text"), "below the directory");
    is_int(mkdirat(dir, "sub", 0755), 0, "mkdirat");
    ok(exists("d/sub"), "makes it there");
    is_int(symlinkat("f", dir, "link"), 0, "symlinkat");
    ok(has_text("d/link", "text"), "there too");
    is_int(mkfifoat(dir, "fifo", 0600), 0, "mkfifoat");
    ok(S_ISFIFO(stat_of("d/fifo").st_mode), "as well");
    char got[10] = "";
    is_int(readlinkat(dir, "link", got, sizeof got), 1, "readlinkat");
    is_int(got[0], 'f', "gives the contents");
}

static void moving(void) {
    is_int(linkat(dir, "f", AT_FDCWD, "outside", 0), 0, "linkat from one to the other");
    is_int(stat_of("outside").st_nlink, 2, "links the file");
    is_int(linkat(dir, "link", dir, "followed", AT_SYMLINK_FOLLOW), 0,
           "AT_SYMLINK_FOLLOW");
    ok(S_ISREG(stat_of("d/followed").st_mode), "links what a symbolic link leads to");
    is_int(renameat(AT_FDCWD, "outside", dir, "inside"), 0,
           "renameat between two directories");
    ok(!exists("outside") && exists("d/inside"), "moves it");
    is_int(unlinkat(dir, "inside", 0), 0, "unlinkat");
    is_errno(unlinkat(dir, "sub", 0), EISDIR, "of a directory is EISDIR");
    is_int(unlinkat(dir, "sub", AT_REMOVEDIR), 0, "AT_REMOVEDIR is rmdir");
    is_errno(unlinkat(dir, "f", AT_REMOVEDIR), ENOTDIR, "of a file is ENOTDIR");
    is_errno(unlinkat(dir, "f", 0x4000), EINVAL, "an unknown flag is EINVAL");
}

static void status(void) {
    struct stat st;
    is_int(fstatat(dir, "f", &st, 0), 0, "fstatat");
    is_int(st.st_size, 4, "tells the size");
    need(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW) == 0);
    ok(S_ISLNK(st.st_mode), "AT_SYMLINK_NOFOLLOW does not follow");
    is_int(fchmodat(dir, "f", 0600, 0), 0, "fchmodat");
    is_int(mode_of("d/f"), 0600, "changes the mode");
    is_int(fchmodat(dir, "f", 0640, AT_SYMLINK_NOFOLLOW), 0,
           "fchmodat with AT_SYMLINK_NOFOLLOW (musl: O_PATH and /proc/self/fd)");
    is_int(mode_of("d/f"), 0640, "changes the mode of a file");
    is_errno(fchmodat(dir, "link", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP,
             "and not of a link");
    is_int(fchownat(dir, "f", -1, -1, 0), 0, "fchownat of nothing");
    is_int(faccessat(dir, "f", R_OK, 0), 0, "faccessat");
    is_errno(faccessat(dir, "none", F_OK, 0), ENOENT, "or ENOENT");
}

/* "[EBADF] The path argument does not specify an absolute path and the fd argument is
 * neither AT_FDCWD nor a valid file descriptor"; "[ENOTDIR]". */
static void errors(void) {
    char path[300];
    snprintf(path, sizeof path, "%s/d/absolute", scratch_dir.path);
    is_errno(mkdirat(-1, "x", 0755), EBADF, "a bad descriptor is EBADF");
    is_errno(mkdirat(file, "x", 0755), ENOTDIR, "one of a file is ENOTDIR");
    is_int(mkdirat(-1, path, 0755), 0, "for an absolute path it does not matter");
    is_errno(renameat(dir, "f", -1, "x"), EBADF, "renameat looks at both");
    is_errno(symlinkat("x", file, "y"), ENOTDIR, "symlinkat to a file is ENOTDIR");
    need(rename("d", "moved") == 0);
    is_int(faccessat(dir, "f", F_OK, 0), 0,
           "the directory may have another name by now");
}

int main(void) {
    scratch();
    need(mkdir("d", 0755) == 0);
    make_file("file", "");
    dir = open("d", O_RDONLY | O_DIRECTORY);
    file = open("file", O_RDONLY);
    making();
    moving();
    status();
    errors();
    return done_testing();
}
