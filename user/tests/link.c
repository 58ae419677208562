/* link.c - POSIX link(), unlink(): names and files are two things; a file lives as long
 * as a name or a descriptor.
 */
#include "scratch.h"

/* link(): "shall create a new link (directory entry) for the existing file ... the link
 * count of the file shall be incremented by one"; both names are equal. */
static void two_names(void) {
    make_file("a", "text");
    is_int(link("a", "b"), 0, "link makes a second name");
    ok(stat_of("a").st_ino == stat_of("b").st_ino, "both name the same inode");
    is_int(stat_of("a").st_nlink, 2, "whose link count is 2");
    make_file("b", "changed");
    ok(has_text("a", "changed"), "writing through one name is seen through the other");
    need(chmod("b", 0600) == 0);
    is_int(mode_of("a"), 0600, "so is chmod");
    is_int(unlink("a"), 0, "unlink takes one name away");
    ok(!exists("a") && has_text("b", "changed"), "the file stays under the other");
    is_int(stat_of("b").st_nlink, 1, "with link count 1");
}

/* "[EEXIST] The path2 argument resolves to an existing directory entry or refers to a
 * symbolic link"; "[EPERM] The file named by path1 is a directory" and so on. */
static void link_errors(void) {
    need(mkdir("d", 0755) == 0 && symlink("b", "s") == 0
         && symlink("none", "dangling") == 0);
    is_errno(link("none", "c"), ENOENT, "link of nothing is ENOENT");
    is_errno(link("b", "s"), EEXIST, "link to a name that exists is EEXIST");
    is_errno(link("b", "dangling"), EEXIST,
             "a dangling symbolic link is a name that exists");
    is_errno(link("b", "b"), EEXIST, "link to itself is EEXIST");
    is_errno(link("d", "d2"), EPERM, "a hard link to a directory is EPERM");
    is_errno(link("b", "none/c"), ENOENT, "link into a missing directory is ENOENT");
    is_errno(link("b", "b/c"), ENOTDIR, "link below a file is ENOTDIR");
    is_errno(link("b/", "c"), ENOTDIR, "a file with a slash at the end is ENOTDIR");
    is_errno(link("", "c"), ENOENT, "link of the empty path is ENOENT");
    is_errno(link("b", ""), ENOENT, "link to the empty path is ENOENT");
    is_errno(link("b", "/dev/link-test"), EXDEV, "link across file systems is EXDEV");
    is_int(stat_of("b").st_nlink, 1, "after all this the link count is still 1");
    is_int(link("s", "s2"), 0, "link of a symbolic link");
    ok(S_ISLNK(stat_of("s2").st_mode), "links the symbolic link itself (Linux)");
}

/* link(2) says EXDEV before it looks at who asks. */
static int links_to(const char *name) {
    return link("b", name) ? errno : 0;
}

static void link_as_user(void) {
    is_exit(as_user(links_to, "/dev/link-test"), EXDEV,
            "EXDEV comes before the right to write there");
    is_errno(link("d", "b"), EEXIST, "EEXIST before EPERM for a directory");
    is_errno(link("d", "/dev/link-test"), EXDEV, "so does EXDEV");
}

/* unlink(): "When the file's link count becomes 0 and no process has the file open, the
 * space occupied by the file shall be freed and the file shall no longer be accessible.
 * If one or more processes have the file open when the last link is removed, ... the
 * removal of the file contents shall be postponed until all references to the file are
 * closed." */
static void open_unlinked(void) {
    char got[8];
    struct stat st;
    make_file("gone", "still");
    int fd = open("gone", O_RDWR);
    need(unlink("gone") == 0);
    is_errno(open("gone", O_RDONLY), ENOENT, "the name is gone at once");
    need(fstat(fd, &st) == 0);
    is_int(st.st_nlink, 0, "fstat gives link count 0");
    ok(read(fd, got, 5) == 5 && memcmp(got, "still", 5) == 0,
       "the contents can be read");
    ok(write(fd, " here", 5) == 5 && pread(fd, got, 5, 5) == 5
           && memcmp(got, " here", 5) == 0,
       "and written");
    make_file("gone", "new");
    ok(pread(fd, got, 5, 0) == 5 && memcmp(got, "still", 5) == 0,
       "a new file of that name is another file");
    pid_t pid;
    CHILD (pid)
        need(pread(fd, got, 5, 0) == 5 && memcmp(got, "still", 5) == 0);
    close(fd);
    is_exit(wait_for(pid), 0, "a child's descriptor keeps the file too");
    ok(has_text("gone", "new"), "closing it leaves the new file alone");
}

/* "[EISDIR]" is Linux's answer to unlink of a directory; POSIX says EPERM. */
static void unlink_errors(void) {
    is_errno(unlink("none"), ENOENT, "unlink of nothing is ENOENT");
    is_errno(unlink("d"), EISDIR, "unlink of a directory is EISDIR");
    is_errno(unlink("."), EISDIR, "unlink of . is EISDIR");
    is_errno(unlink("b/x"), ENOTDIR, "unlink below a file is ENOTDIR");
    is_errno(unlink("b/"), ENOTDIR, "unlink with a slash at the end is ENOTDIR");
    is_errno(unlink(""), ENOENT, "unlink of the empty path is ENOENT");
    is_errno(unlink((char *)8), EFAULT, "unlink of a bad pointer is EFAULT");
    is_int(unlink("dangling"), 0, "unlink of a symbolic link removes the link");
    need(unlink("s") == 0);
    ok(exists("b"), "and not what it leads to");
    is_int(remove("d"), 0, "remove() of a directory works");
}

/* Many names for one file. */
static void many_names(void) {
    enum { N = 100 };
    char name[32];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "name%d", i);
        need(link("b", name) == 0);
    }
    is_int(stat_of("b").st_nlink, N + 1, "%d more names", N);
    for (int i = 0; i < N; i += 2) {
        snprintf(name, sizeof name, "name%d", i);
        need(unlink(name) == 0);
    }
    is_int(stat_of("b").st_nlink, N / 2 + 1, "half of them removed");
    ok(has_text("name51", "changed"), "the others still name the file");
}

int main(void) {
    scratch();
    two_names();
    link_errors();
    link_as_user();
    open_unlinked();
    unlink_errors();
    many_names();
    return done_testing();
}
