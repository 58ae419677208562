/* access.c - POSIX access(): "using the real user ID in place of the effective user
 * ID".
 */
#include "scratch.h"

static void existence(void) {
    make_file("f", "text");
    need(mkdir("d", 0755) == 0 && symlink("none", "dangling") == 0);
    is_int(access("f", F_OK), 0, "F_OK: the file exists");
    is_int(access("d", F_OK | R_OK | W_OK | X_OK), 0,
           "a directory, all permissions at once");
    is_errno(access("none", F_OK), ENOENT, "nothing is ENOENT");
    is_errno(access("dangling", F_OK), ENOENT,
             "a dangling link is ENOENT, it is followed");
    is_errno(access("f/x", F_OK), ENOTDIR, "below a file: ENOTDIR");
    is_errno(access("f/", F_OK), ENOTDIR, "a file with a slash: ENOTDIR");
    is_errno(access("f", 8), EINVAL, "an unknown mode is EINVAL");
    is_errno(access("f", -1), EINVAL, "-1 is EINVAL");
    is_errno(access("", F_OK), ENOENT, "the empty path is ENOENT");
    is_errno(access((char *)8, F_OK), EFAULT, "a bad pointer is EFAULT");
}

static int can_read(const char *path) {
    return access(path, R_OK) ? errno : 0;
}

static int can_write(const char *path) {
    return access(path, W_OK) ? errno : 0;
}

static int can_run(const char *path) {
    return access(path, X_OK) ? errno : 0;
}

static int can_all(const char *path) {
    return access(path, R_OK | W_OK | X_OK) ? errno : 0;
}

static void modes(void) {
    static const char *const name[] = { "m400", "m200", "m100", "m500" };
    for (int i = 0; i < 4; i++) {
        make_file(name[i], "text");
        if (is_root())
            need(chown(name[i], STUDENT, STUDENT) == 0);
        need(chmod(name[i], (mode_t)strtol(name[i] + 1, NULL, 8)) == 0);
    }
    is_exit(as_user(can_read, "m400"), 0, "0400 can be read");
    is_exit(as_user(can_write, "m400"), EACCES, "not written");
    is_exit(as_user(can_run, "m400"), EACCES, "not executed");
    is_exit(as_user(can_write, "m200"), 0, "0200 can be written");
    is_exit(as_user(can_read, "m200"), EACCES, "not read");
    is_exit(as_user(can_run, "m100"), 0, "0100 can be executed");
    is_exit(as_user(can_all, "m500"), EACCES, "all asked for must be granted");
}

/* "If the process has appropriate privileges, an implementation may indicate success
 * for X_OK even if none of the execute file permission bits are set" - Linux does
 * not. */
static void root(void) {
    make_file("m000", "text");
    need(chmod("m000", 0) == 0);
    is_int(access("m000", R_OK | W_OK), 0, "root can read and write anything");
    is_errno(access("m000", X_OK), EACCES, "but not execute what nobody may");
    need(chmod("m000", 001) == 0);
    is_int(access("m000", X_OK), 0, "one execute bit is enough for root");
    pid_t pid;
    CHILD (pid) {
        need(setresuid(STUDENT, 0, 0) == 0);
        need(access("m000", R_OK) == -1 && errno == EACCES);
        int fd = open("m000", O_RDONLY);
        need(fd >= 0);
    }
    is_exit(wait_for(pid), 0,
            "access asks for the real user, open for the effective one");
}

int main(void) {
    scratch();
    existence();
    modes();
    if (is_root())
        root();
    return done_testing();
}
