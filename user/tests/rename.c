/* rename.c - POSIX rename(): moves, replaces, and refuses to make loops.
 */
#include "scratch.h"

/* "If the link named by new exists, it shall be removed and old renamed to new. In this
 * case, a link named new shall remain visible to other threads throughout." */
static void files(void) {
    make_file("a", "a");
    ino_t inode = stat_of("a").st_ino;
    is_int(rename("a", "b"), 0, "rename gives a file another name");
    ok(!exists("a") && has_text("b", "a") && stat_of("b").st_ino == inode,
       "it is the same file");
    make_file("c", "c");
    int fd = open("c", O_RDONLY);
    is_int(rename("b", "c"), 0, "rename over a file replaces it");
    ok(!exists("b") && has_text("c", "a"), "the old one is gone");
    struct stat st;
    char byte;
    need(fstat(fd, &st) == 0);
    ok(st.st_nlink == 0 && read(fd, &byte, 1) == 1 && byte == 'c',
       "but who has it open can read on");
    close(fd);
    need(mkdir("d", 0755) == 0);
    is_int(rename("c", "d/inside"), 0, "rename moves into a directory");
    ok(has_text("d/inside", "a"), "it is there");
    is_int(rename("d/inside", "d/again"), 0, "and inside one");
    is_int(rename("d/again", "e"), 0, "and out of it");
    is_int(stat_of("e").st_nlink, 1, "the link count is still 1");
}

/* "If the old argument and the new argument resolve to either the same existing
 * directory entry or different directory entries for the same existing file, rename()
 * shall return successfully and perform no other action." */
static void same_file(void) {
    is_int(rename("e", "e"), 0, "rename to itself does nothing");
    need(link("e", "e2") == 0);
    is_int(rename("e", "e2"), 0, "rename to another link of the same file");
    ok(exists("e") && exists("e2"), "leaves both names");
    need(unlink("e2") == 0);
}

/* "[EINVAL] The old pathname names an ancestor directory of the new pathname, or either
 * pathname argument contains a final component that is dot or dot-dot" (Linux: EBUSY);
 * "[EISDIR]", "[ENOTDIR]", "[ENOTEMPTY]". */
static void directories(void) {
    need(mkdir("p", 0755) == 0 && mkdir("p/q", 0755) == 0 && mkdir("p/q/r", 0755) == 0);
    is_errno(rename("p", "p/q/new"), EINVAL, "a directory into itself is EINVAL");
    is_errno(rename("p", "p/new"), EINVAL, "directly too");
    is_errno(rename("p", "p/q/r"), EINVAL, "over its own grandchild too");
    is_errno(rename("p/q", "p"), ENOTEMPTY, "over its own parent is ENOTEMPTY");
    is_errno(rename("e", "d"), EISDIR, "a file over a directory is EISDIR");
    is_errno(rename("d", "e"), ENOTDIR, "a directory over a file is ENOTDIR");
    is_errno(rename("d", "p"), ENOTEMPTY,
             "over a directory that is not empty: ENOTEMPTY");
    is_errno(rename(".", "x"), EBUSY, "renaming . is EBUSY");
    is_errno(rename("p/..", "x"), EBUSY, "renaming .. is EBUSY");
    is_errno(rename("p", "d/."), EBUSY, "to . is EBUSY");
    ok(rename("/", "x") == -1 && (errno == EBUSY || errno == EXDEV),
       "renaming the root is EBUSY, or EXDEV when this is another file system");
    need(mkdir("empty", 0700) == 0);
    ino_t inode = stat_of("p").st_ino;
    is_int(rename("p", "empty"), 0, "over an empty directory replaces it");
    ok(stat_of("empty").st_ino == inode && exists("empty/q/r") && !exists("p"),
       "with all that is below");
    is_int(rename("empty", "d/p/"), 0,
           "a directory may be named with a slash at the end");
    is_int(rename("d/p", "p"), 0, "and back");
}

/* ".." follows a directory that moved, and link counts of parents count their
 * subdirectories. */
static void dot_dot(void) {
    need(mkdir("left", 0755) == 0 && mkdir("right", 0755) == 0);
    need(mkdir("left/sub", 0755) == 0);
    nlink_t before = stat_of("left").st_nlink;
    is_int(rename("left/sub", "right/sub"), 0, "a directory moves to another parent");
    ok(stat_of("right/sub/..").st_ino == stat_of("right").st_ino,
       "its .. is the new parent");
    is_int(stat_of("left").st_nlink, before - 1, "the old parent has one link less");
    is_int(stat_of("right").st_nlink, before, "the new parent one more");
    char at[600];
    need(chdir("right/sub") == 0 && rename("../../right", "../../moved") == 0);
    need(getcwd(at, sizeof at));
    size_t n = strlen(at);
    ok(n > 10 && strcmp(at + n - 10, "/moved/sub") == 0,
       "getcwd follows when a parent of the working directory is renamed");
    need(chdir("../..") == 0);
}

static void errors(void) {
    is_errno(rename("none", "x"), ENOENT, "nothing to rename is ENOENT");
    is_errno(rename("none", "d"), ENOENT, "also when the new name exists");
    is_errno(rename("e", "none/x"), ENOENT, "a missing directory is ENOENT");
    is_errno(rename("e", ""), ENOENT, "an empty path is ENOENT");
    is_errno(rename("e", "e/x"), ENOTDIR, "below a file is ENOTDIR");
    is_errno(rename("e", "x/"), ENOTDIR, "a file to a name with a slash is ENOTDIR");
    is_errno(rename("e/", "x"), ENOTDIR, "a file with a slash is ENOTDIR");
    is_errno(rename("e", "/dev/rename-test"), EXDEV, "across file systems is EXDEV");
    is_errno(rename("e", (char *)8), EFAULT, "a bad pointer is EFAULT");
    ok(has_text("e", "a"), "after all this the file is as it was");
}

/* "If the old argument names a symbolic link, rename() shall operate on the symbolic
 * link itself"; the same for new. */
static void symbolic_links(void) {
    need(symlink("e", "s") == 0);
    is_int(rename("s", "t"), 0, "rename of a symbolic link");
    ok(S_ISLNK(stat_of("t").st_mode) && has_text("e", "a"),
       "moves the link, not the file");
    make_file("f", "f");
    is_int(rename("f", "t"), 0, "rename over a symbolic link");
    ok(S_ISREG(stat_of("t").st_mode) && has_text("t", "f") && has_text("e", "a"),
       "replaces the link, not what it leads to");
}

int main(void) {
    scratch();
    files();
    same_file();
    directories();
    dot_dot();
    errors();
    symbolic_links();
    return done_testing();
}
