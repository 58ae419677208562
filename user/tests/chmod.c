/* chmod.c - POSIX chmod(), fchmod(), chown(): who may change what, and which bits go
 * away when the owner changes.
 */
#include "scratch.h"

/* "shall change S_ISUID, S_ISGID, S_ISVTX, and the file permission bits of the
 * file". */
static void modes(void) {
    int bad = 0;
    make_file("f", "text");
    for (int mode = 0; mode < 01000; mode += 0111)
        bad += chmod("f", mode) != 0 || mode_of("f") != mode;
    bad += chmod("f", 0777) != 0 || mode_of("f") != 0777;
    is_int(bad, 0, "chmod sets any permission bits, whatever the umask");
    is_int(chmod("f", 06711), 0, "set-user-ID and set-group-ID");
    is_int(mode_of("f"), 06711, "are kept");
    is_int(chmod("f", 0644 | S_IFDIR), 0, "bits of the file type");
    ok(S_ISREG(stat_of("f").st_mode) && mode_of("f") == 0644, "are ignored");
    int fd = open("f", O_RDONLY);
    is_int(fchmod(fd, 0604), 0, "fchmod works on a descriptor open for reading");
    is_int(mode_of("f"), 0604, "it is the same mode");
    close(fd);
    is_errno(fchmod(fd, 0600), EBADF, "fchmod of a closed descriptor is EBADF");
    is_errno(chmod("none", 0600), ENOENT, "chmod of nothing is ENOENT");
    is_errno(chmod("f/x", 0600), ENOTDIR, "below a file is ENOTDIR");
    is_errno(chmod((char *)8, 0600), EFAULT, "a bad pointer is EFAULT");
    need(symlink("f", "s") == 0);
    is_int(chmod("s", 0640), 0, "chmod of a symbolic link");
    ok(mode_of("f") == 0640 && mode_of("s") == 0777, "changes what it leads to");
    need(mkdir("d", 0755) == 0 && chmod("d", 01700) == 0);
    is_int(mode_of("d"), 01700, "a directory has modes too");
}

/* "Marks for update the last file status change timestamp"; not the modification
 * time. */
static void times_of_it(void) {
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
    need(utimensat(AT_FDCWD, "f", old, 0) == 0 && chmod("f", 0644) == 0);
    struct stat st = stat_of("f");
    ok(st.st_mtime == 2000 && st.st_atime == 1000,
       "chmod leaves atime and mtime alone");
    ok(st.st_ctime > 2000, "and sets ctime");
}

static int others_chmod(const char *path) {
    return chmod(path, 0777) ? errno : 0;
}

static int gives_away(const char *path) {
    return chown(path, GUEST, (gid_t)-1) ? errno : 0;
}

static int changes_group(const char *path) {
    return chown(path, (uid_t)-1, 2222) ? errno : 0;
}

static int keeps_owner(const char *path) {
    return chown(path, geteuid(), getegid()) ? errno : 0;
}

/* chmod: "[EPERM] The effective user ID does not match the owner of the file and the
 * process does not have appropriate privileges"; chown likewise, and giving a file away
 * is for root (_POSIX_CHOWN_RESTRICTED). */
static void strangers(void) {
    make_file("theirs", "text");
    is_exit(as_user(others_chmod, "/dev/null"), EPERM,
            "chmod of another's file is EPERM");
    is_exit(as_user(gives_away, "/dev/null"), EPERM,
            "chown of another's file is EPERM");
    if (is_root())
        need(chown("theirs", STUDENT, STUDENT) == 0);
    is_exit(as_user(others_chmod, "theirs"), 0, "the owner may chmod");
    is_exit(as_user(gives_away, "theirs"), EPERM, "but not give the file away");
    is_exit(as_user(changes_group, "theirs"), EPERM, "nor to a group that is not his");
    is_exit(as_user(keeps_owner, "theirs"), 0, "chown to what it is anyway is allowed");
}

/* chown(2): "If the owner or group is specified as -1, then that ID is not changed."
 * "When the owner or group of an executable file is changed ... the S_ISUID and S_ISGID
 * mode bits are cleared." */
static void root_chown(void) {
    is_int(chown("f", 2001, 2002), 0, "root: chown sets both");
    struct stat st = stat_of("f");
    ok(st.st_uid == 2001 && st.st_gid == 2002, "owner and group");
    need(chown("f", (uid_t)-1, 2003) == 0);
    ok(stat_of("f").st_uid == 2001 && stat_of("f").st_gid == 2003,
       "-1 leaves the owner");
    need(chown("f", 2004, (gid_t)-1) == 0);
    ok(stat_of("f").st_uid == 2004 && stat_of("f").st_gid == 2003,
       "-1 leaves the group");
    need(chmod("f", 06755) == 0 && chown("f", 2005, 2005) == 0);
    is_int(mode_of("f"), 0755, "chown clears set-user-ID and set-group-ID");
    int fd = open("f", O_RDONLY);
    is_int(fchown(fd, 2006, 2006), 0, "fchown");
    is_int(stat_of("f").st_uid, 2006, "does the same");
    close(fd);
    is_int(chown("s", 2007, 2007), 0, "chown of a symbolic link");
    ok(stat_of("f").st_uid == 2007 && stat_of("s").st_uid == 0,
       "changes what it leads to");
    need(chown("f", 70000, 70000) == 0);
    is_int(stat_of("f").st_uid, 70000, "user numbers have 32 bits");
}

/* write(2), chown(2): who writes to a set-user-ID file and is not root takes the bit
 * away. It returns what is left of the mode's first digit. */
static int writes_setuid(const char *path) {
    int fd = open(path, O_WRONLY);
    return fd < 0 || write(fd, "x", 1) != 1 ? 99 : mode_of(path) >> 9;
}

static void set_user_id_and_writing(void) {
    make_file("suid", "program");
    if (is_root())
        need(chown("suid", STUDENT, STUDENT) == 0);
    need(chmod("suid", 04777) == 0);
    is_exit(as_user(writes_setuid, "suid"), 0, "writing by a user clears set-user-ID");
}

int main(void) {
    scratch();
    modes();
    times_of_it();
    strangers();
    set_user_id_and_writing();
    if (is_root())
        root_chown();
    return done_testing();
}
