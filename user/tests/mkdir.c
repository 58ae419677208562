/* mkdir.c - POSIX mkdir(), rmdir(): modes, link counts, what may be removed, and life
 * in a directory that is gone.
 */
#include "scratch.h"

/* "The file permission bits of the new directory shall be initialized from mode ...
 * modified by the process' file creation mask"; "The newly created directory shall be
 * an empty directory." */
static void making(void) {
    is_int(mkdir("d", 0777), 0, "mkdir");
    struct stat st = stat_of("d");
    ok(S_ISDIR(st.st_mode), "it is a directory");
    is_int(st.st_mode & 07777, 0755, "its mode is the argument less the umask");
    is_int(st.st_uid, geteuid(), "it belongs to the effective user");
    ok(stat_of("d/.").st_ino == st.st_ino, ". in it is itself");
    ok(stat_of("d/..").st_ino == stat_of(".").st_ino, ".. is its parent");
    is_int(mkdir("sticky", 01777), 0, "mkdir with the sticky bit");
    is_int(mode_of("sticky"), 01755, "keeps it");
    is_int(mkdir("slash/", 0700), 0, "a slash at the end is allowed");
    ok(exists("slash"), "and means the same");
}

/* stat(2): a directory's link count is 2 and one for each subdirectory. */
static void link_counts(void) {
    is_int(stat_of("d").st_nlink, 2, "an empty directory has 2 links");
    need(mkdir("d/a", 0755) == 0 && mkdir("d/b", 0755) == 0);
    make_file("d/file", "x");
    is_int(stat_of("d").st_nlink, 4, "each subdirectory adds one, a file none");
    need(rmdir("d/a") == 0);
    is_int(stat_of("d").st_nlink, 3, "rmdir takes it back");
    need(rmdir("d/b") == 0 && unlink("d/file") == 0);
    is_int(stat_of("d").st_nlink, 2, "empty again: 2");
}

static void mkdir_errors(void) {
    make_file("f", "text");
    need(symlink("nowhere", "dangling") == 0);
    is_errno(mkdir("d", 0755), EEXIST, "mkdir of what exists is EEXIST");
    is_errno(mkdir("f", 0755), EEXIST, "a file exists too");
    is_errno(mkdir("dangling", 0755), EEXIST, "a dangling link too");
    is_errno(mkdir(".", 0755), EEXIST, ". exists");
    is_errno(mkdir("/", 0755), EEXIST, "the root exists");
    is_errno(mkdir("d/..", 0755), EEXIST, ".. exists");
    is_errno(mkdir("none/d", 0755), ENOENT, "in a missing directory: ENOENT");
    is_errno(mkdir("f/d", 0755), ENOTDIR, "below a file: ENOTDIR");
    is_errno(mkdir("", 0755), ENOENT, "an empty path is ENOENT");
    is_errno(mkdir((char *)8, 0755), EFAULT, "a bad pointer is EFAULT");
}

/* rmdir(): "[ENOTEMPTY]", "[EINVAL] The path argument contains a last component that is
 * dot", "[ENOTDIR]". Linux: .. is ENOTEMPTY, the root EBUSY. */
static void rmdir_errors(void) {
    need(mkdir("full", 0755) == 0 && mkdir("full/inner", 0755) == 0);
    is_errno(rmdir("full"), ENOTEMPTY, "a directory with an entry is ENOTEMPTY");
    is_errno(rmdir("full/."), EINVAL, ". is EINVAL");
    is_errno(rmdir("full/inner/.."), ENOTEMPTY, ".. is ENOTEMPTY");
    is_errno(rmdir("/"), EBUSY, "the root is EBUSY");
    is_errno(rmdir("f"), ENOTDIR, "a file is ENOTDIR");
    is_errno(rmdir("none"), ENOENT, "nothing is ENOENT");
    is_errno(rmdir("dangling"), ENOTDIR, "a symbolic link is ENOTDIR");
    is_errno(rmdir(""), ENOENT, "an empty path is ENOENT");
    is_int(rmdir("full/inner/"), 0, "a slash at the end is allowed");
    is_int(rmdir("full"), 0, "then the outer one is empty");
    ok(!exists("full"), "and gone");
    is_errno(rmdir("full"), ENOENT, "the second time it is ENOENT");
}

/* "If the directory is the current working directory of any process ... it is
 * unspecified whether the function succeeds": on Linux it does, and the directory
 * stays, nameless and empty, for who is in it. */
static void removed_directory(void) {
    char at[600];
    struct stat st;
    need(mkdir("here", 0755) == 0);
    int fd = open("here", O_RDONLY | O_DIRECTORY);
    need(chdir("here") == 0);
    is_int(rmdir("../here"), 0, "the working directory can be removed");
    is_errno(getcwd(at, sizeof at) ? 0 : -1, ENOENT, "getcwd is ENOENT then");
    is_errno(open("f", O_WRONLY | O_CREAT, 0644), ENOENT, "nothing can be made in it");
    is_errno(mkdir("sub", 0755), ENOENT, "no directory either");
    is_errno(stat("f", &st), ENOENT, "nothing is found in it");
    ok(stat(".", &st) == 0 && st.st_nlink == 0, "it still is, with link count 0");
    is_int(chdir(".."), 0, ".. leads out of it");
    ok(exists("d"), "to where it was");
    is_int(fchdir(fd), 0, "fchdir leads back in");
    need(fchdir(fd) == 0 && chdir(scratch_dir.path) == 0);
    DIR *dir = fdopendir(fd);
    need(dir);
    int entries = 0;
    for (struct dirent *e; (e = readdir(dir));)
        entries += e->d_name[0] != '.';
    is_int(entries, 0, "it lists nothing");
    closedir(dir);
}

/* Directories inside directories, to a depth that no recursion of the kernel survives
 * by accident. */
static void deep(void) {
    enum { DEPTH = 200 };
    int made = 0, removed = 0;
    for (; made < DEPTH; made++)
        if (mkdir("deep", 0755) || chdir("deep"))
            break;
    is_int(made, DEPTH, "%d directories inside each other", DEPTH);
    for (; removed < DEPTH; removed++)
        if (chdir("..") || rmdir("deep"))
            break;
    is_int(removed, DEPTH, "and removed from the inside");
}

int main(void) {
    scratch();
    making();
    link_counts();
    mkdir_errors();
    rmdir_errors();
    removed_directory();
    deep();
    return done_testing();
}
