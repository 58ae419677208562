/* permissions.c - POSIX XBD 4.5 File Access Permissions: "If a process has appropriate
 * privileges [root] ... access shall be granted"; else owner, group or other bits
 * decide, "search permission" on directories, and the sticky bit restricts deletion.
 *
 * The checks run in children that are not root; files they meet were made by this
 * process and given away, or not, before. Without root only the owner's own bits can be
 * tried.
 */
#include "scratch.h"

/* Each of these gives 0 or the errno; they run in a child. */

static int opens(const char *path, int flags) {
    int fd = open(path, flags, 0644);
    return fd < 0 ? errno : close(fd);
}

static int reads(const char *path) {
    return opens(path, O_RDONLY);
}

static int writes(const char *path) {
    return opens(path, O_WRONLY);
}

static int updates(const char *path) {
    return opens(path, O_RDWR);
}

static int truncates(const char *path) {
    return opens(path, O_RDONLY | O_TRUNC);
}

static int creates(const char *path) {
    return opens(path, O_WRONLY | O_CREAT);
}

static int removes(const char *path) {
    return unlink(path) ? errno : 0;
}

static int makes_dir(const char *path) {
    return mkdir(path, 0755) ? errno : 0;
}

static int enters(const char *path) {
    return chdir(path) ? errno : 0;
}

static int stats(const char *path) {
    struct stat st;
    return stat(path, &st) ? errno : 0;
}

static int lists(const char *path) {
    DIR *dir = opendir(path);
    return dir ? closedir(dir) : errno;
}

/* The file class: owner first, then group, then others; the first that fits decides. */
static void classes(void) {
    is_exit(as_user(reads, "f400"), 0, "owner, mode 0400: may read");
    is_exit(as_user(writes, "f400"), EACCES, "owner, mode 0400: writing is EACCES");
    is_exit(as_user(updates, "f400"), EACCES, "owner, mode 0400: O_RDWR is EACCES");
    is_exit(as_user(writes, "f200"), 0, "owner, mode 0200: may write");
    is_exit(as_user(reads, "f200"), EACCES, "owner, mode 0200: reading is EACCES");
    is_exit(as_user(truncates, "f400"), EACCES,
            "O_TRUNC needs write permission though the access mode is O_RDONLY");
    is_exit(as_user(reads, "f044"), EACCES,
            "owner, mode 0044: EACCES, for the owner only his own bits count");
}

static void given_away(const char *path, int mode, uid_t uid, gid_t gid) {
    make_file(path, "text");
    need(chmod(path, mode) == 0 && chown(path, uid, gid) == 0);
}

/* What only root can prepare: files of somebody else, of one's group. */
static void strangers(void) {
    given_away("g040", 0040, 0, STUDENT);
    given_away("g004", 0004, 0, STUDENT);
    given_away("o004", 0004, 0, 0);
    given_away("o770", 0770, 0, 0);
    given_away("o002", 0002, GUEST, GUEST);
    is_exit(as_user(reads, "g040"), 0, "group, mode 0040: may read");
    is_exit(as_user(reads, "g004"), EACCES,
            "group, mode 0004: EACCES, not one of others");
    is_exit(as_user(reads, "o004"), 0, "others, mode 0004: may read");
    is_exit(as_user(writes, "o004"), EACCES, "others, mode 0004: writing is EACCES");
    is_exit(as_user(reads, "o770"), EACCES, "others, mode 0770: EACCES");
    is_exit(as_user(writes, "o002"), 0, "others, mode 0002: may write");
    int fd = open("f000", O_RDWR);
    works(fd, "root opens a file of mode 0000 for reading and writing");
    close(fd);
}

/* Directories: "search" to go through, "write" to make and remove entries, "read" to
 * list. */
static void directories(void) {
    is_exit(as_user(reads, "x0/f"), EACCES,
            "no search permission: EACCES on what is inside");
    is_exit(as_user(stats, "x0/f"), EACCES, "stat needs search permission too");
    is_exit(as_user(stats, "x0"), 0, "but not on the directory itself");
    is_exit(as_user(enters, "x0"), EACCES, "chdir needs search permission");
    is_exit(as_user(lists, "x0"), 0, "listing needs read permission and no more");
    is_exit(as_user(lists, "r0"), EACCES, "mode 0300: listing is EACCES");
    is_exit(as_user(reads, "r0/f"), 0, "mode 0300: a known name inside can be opened");
    is_exit(as_user(creates, "w0/new"), EACCES,
            "no write permission: creating is EACCES");
    is_exit(as_user(creates, "w0/f"), 0, "O_CREAT of what exists needs none");
    is_exit(as_user(makes_dir, "w0/new"), EACCES, "mkdir is EACCES");
    is_exit(as_user(makes_dir, "w0/f"), EEXIST, "mkdir of what exists is EEXIST");
    is_exit(as_user(removes, "w0/f"), EACCES,
            "unlink is EACCES, though the file is one's own");
    is_exit(as_user(removes, "w0/none"), ENOENT, "unlink of nothing is ENOENT even so");
    is_exit(as_user(removes, "w1/f"), 0,
            "unlink needs write permission on the directory, none on the file");
}

/* unlink(2): EPERM or EACCES "The directory containing pathname has the sticky bit
 * (S_ISVTX) set and the process's effective UID is neither the UID of the file to be
 * deleted nor that of the directory containing it". Linux gives EPERM. */
static int moves_out(const char *path) {
    return rename(path, "open/moved") ? errno : 0;
}

static int moves_over(const char *path) {
    make_file("open/mine", "mine");
    return rename("open/mine", path) ? errno : 0;
}

static void sticky(void) {
    given_away("sticky/theirs", 0666, GUEST, GUEST);
    given_away("sticky/ours", 0000, STUDENT, STUDENT);
    is_exit(as_user(removes, "sticky/theirs"), EPERM,
            "sticky: another's file is EPERM");
    is_exit(as_user(moves_out, "sticky/theirs"), EPERM, "renaming it away is EPERM");
    is_exit(as_user(moves_over, "sticky/theirs"), EPERM,
            "replacing it by rename is EPERM");
    is_exit(as_user(removes, "sticky/ours"), 0, "one's own file can be removed");
    given_away("owned/theirs", 0666, GUEST, GUEST);
    is_exit(as_user(removes, "owned/theirs"), 0,
            "the directory's owner can remove any");
}

static void make_dir(const char *path, int mode, uid_t uid) {
    char inside[64];
    need(mkdir(path, 0755) == 0);
    snprintf(inside, sizeof inside, "%s/f", path);
    make_file(inside, "text");
    if (is_root())
        need(chown(inside, uid, uid) == 0 && chown(path, uid, uid) == 0);
    need(chmod(path, mode) == 0);
}

int main(void) {
    static const int modes[] = { 0400, 0200, 0044, 0000 };
    scratch();
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%03o", modes[i]);
        make_file(name, "text");
        need(chmod(name, modes[i]) == 0);
        if (is_root())
            need(chown(name, STUDENT, STUDENT) == 0);
    }
    make_dir("x0", 0600, STUDENT);
    make_dir("r0", 0300, STUDENT);
    make_dir("w0", 0500, STUDENT);
    make_dir("w1", 0700, STUDENT);
    make_dir("open", 0777, STUDENT);
    make_dir("sticky", 01777, 0);
    make_dir("owned", 01777, STUDENT);
    classes();
    directories();
    if (is_root()) {
        need(chmod("x0", 0600) == 0);
        is_exit(reads("x0/f") << 8, 0, "root needs no search permission");
        strangers();
        sticky();
    }
    return done_testing();
}
