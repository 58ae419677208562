/* utimensat.c - POSIX futimens(), utimensat(), utimes(): setting the times of a file.
 */
#include "scratch.h"

#include <sys/time.h>

static int is_time(struct timespec got, time_t sec, long nsec) {
    return got.tv_sec == sec && got.tv_nsec == nsec;
}

/* "times[0] ... the last data access timestamp ... times[1] ... the last data
 * modification timestamp"; "Upon completion, utimensat() shall mark the last file
 * status change timestamp for update." */
static void explicit_times(void) {
    struct timespec t[2] = { { 1000, 1000 }, { 2000, 999999000 } };
    make_file("f", "text");
    is_int(utimensat(AT_FDCWD, "f", t, 0), 0, "utimensat sets two times");
    struct stat st = stat_of("f");
    ok(is_time(st.st_atim, 1000, 1000), "the access time, to the microsecond at least");
    ok(is_time(st.st_mtim, 2000, 999999000), "the modification time");
    ok(st.st_ctime > 2000, "the status change time is now");
    t[1].tv_sec = 2147483647;
    need(utimensat(AT_FDCWD, "f", t, 0) == 0);
    is_int(stat_of("f").st_mtime, 2147483647, "a time far in the future");
    t[1].tv_sec = 0, t[1].tv_nsec = 0;
    need(utimensat(AT_FDCWD, "f", t, 0) == 0);
    is_int(stat_of("f").st_mtime, 0, "the epoch");
    t[0].tv_sec = t[1].tv_sec = 3000;
    int fd = open("f", O_RDONLY);
    is_int(futimens(fd, t), 0, "futimens works on a descriptor open for reading");
    is_int(stat_of("f").st_mtime, 3000, "and sets the time");
    close(fd);
    struct timeval tv[2] = { { 4000, 5 }, { 5000, 999999 } };
    is_int(utimes("f", tv), 0, "utimes");
    ok(is_time(stat_of("f").st_mtim, 5000, 999999000), "counts microseconds");
}

/* "If the tv_nsec field of a timespec structure has the special value UTIME_NOW, the
 * file's relevant timestamp shall be set to the greatest value ... not greater than the
 * current time. UTIME_OMIT ... shall not be changed." "If times is a null pointer" both
 * are now. */
static void special_values(void) {
    struct timespec t[2] = { { 1000, 0 }, { 2000, 0 } };
    need(utimensat(AT_FDCWD, "f", t, 0) == 0);
    t[0].tv_nsec = UTIME_OMIT, t[1].tv_sec = 3000;
    need(utimensat(AT_FDCWD, "f", t, 0) == 0);
    struct stat st = stat_of("f");
    ok(st.st_atime == 1000 && st.st_mtime == 3000, "UTIME_OMIT leaves the access time");
    t[0] = (struct timespec){ 1, UTIME_NOW }, t[1].tv_nsec = UTIME_OMIT;
    need(utimensat(AT_FDCWD, "f", t, 0) == 0);
    st = stat_of("f");
    ok(st.st_atime > 3000 && st.st_mtime == 3000, "UTIME_NOW is the current time");
    t[0].tv_nsec = t[1].tv_nsec = UTIME_OMIT;
    is_int(utimensat(AT_FDCWD, "f", t, 0), 0, "two times UTIME_OMIT does nothing");
    need(utimensat(AT_FDCWD, "f", NULL, 0) == 0);
    st = stat_of("f");
    ok(st.st_mtime > 3000 && is_time(st.st_mtim, st.st_atim.tv_sec, st.st_atim.tv_nsec),
       "NULL sets both to now");
}

/* "[EINVAL] Either of the times argument structures specified a tv_nsec value that was
 * neither UTIME_NOW nor UTIME_OMIT, and was a value less than zero or greater than or
 * equal to 1000 million". */
static void errors(void) {
    struct timespec t[2] = { { 1000, 1000000000 }, { 2000, 0 } };
    is_errno(utimensat(AT_FDCWD, "f", t, 0), EINVAL, "10^9 nanoseconds are EINVAL");
    t[0].tv_nsec = -1;
    is_errno(utimensat(AT_FDCWD, "f", t, 0), EINVAL, "-1 nanosecond is EINVAL");
    t[0].tv_nsec = 0;
    is_errno(utimensat(AT_FDCWD, "none", t, 0), ENOENT, "nothing there is ENOENT");
    is_errno(utimensat(AT_FDCWD, "f", t, 0x40000000), EINVAL,
             "an unknown flag is EINVAL");
    is_errno(futimens(-1, t), EBADF, "a bad descriptor is EBADF");
    need(symlink("f", "s") == 0);
    is_int(utimensat(AT_FDCWD, "s", t, AT_SYMLINK_NOFOLLOW), 0, "AT_SYMLINK_NOFOLLOW");
    is_int(stat_of("s").st_mtime, 2000, "sets the times of the link itself");
    ok(stat_of("f").st_mtime > 2000, "and not of what it leads to");
    int dir = open(".", O_RDONLY);
    is_int(utimensat(dir, "f", t, 0), 0, "a path below a directory descriptor");
    is_int(stat_of("f").st_mtime, 2000, "is found there");
    close(dir);
}

static int touches(const char *path) {
    return utimensat(AT_FDCWD, path, NULL, 0) ? errno : 0;
}

static int sets(const char *path) {
    struct timespec t[2] = { { 1000, 0 }, { 2000, 0 } };
    return utimensat(AT_FDCWD, path, t, 0) ? errno : 0;
}

/* "[EACCES] The times argument is a null pointer ... and write access is denied";
 * "[EPERM] The times argument is not a null pointer ... the calling process' effective
 * user ID does not match the owner of the file". */
static void permissions(void) {
    make_file("other", "text");
    make_file("owned", "text");
    if (is_root()) {
        need(chown("other", GUEST, GUEST) == 0
             && chown("owned", STUDENT, STUDENT) == 0);
        is_exit(as_user(touches, "other"), EACCES,
                "touch of a file one may not write: EACCES");
        is_exit(as_user(sets, "other"), EPERM, "setting another's times is EPERM");
        need(chmod("other", 0666) == 0);
        is_exit(as_user(touches, "other"), 0, "touch needs write permission only");
        is_exit(as_user(sets, "other"), EPERM, "setting needs to be the owner");
    }
    need(chmod("owned", 0) == 0);
    is_exit(as_user(sets, "owned"), 0, "the owner may set the times whatever the mode");
    is_exit(as_user(touches, "owned"), 0, "and touch");
}

int main(void) {
    scratch();
    explicit_times();
    special_values();
    errors();
    permissions();
    return done_testing();
}
