/* scratch.h - for tests of files: an empty directory, and a user who is not root.
 *
 *     scratch();                             the working directory is new and empty
 *     make_file("f", "text");                and goes away when main returns
 *     ok(has_text("f", "text"), "...");
 *     is_exit(as_user(tries_to_read, "f"), EACCES, "...");
 *
 * The directory is made in $TMPDIR or /tmp. The umask is 022 from here on. A test runs
 * as root or as an ordinary user; is_root() tells.
 */
#pragma once

#include "tap.h"

#include <dirent.h>
#include <grp.h>
#include <sys/stat.h>

enum { STUDENT = 1000, GUEST = 1001 };

static struct {
    char path[200];
    pid_t owner;
} scratch_dir;

static int TAP_UNUSED is_root(void) {
    return geteuid() == 0;
}

/* Removes a directory with everything in it, without leaving its file system. */
static void TAP_UNUSED remove_tree(const char *path) {
    char name[600];
    struct stat st;
    chmod(path, 0700);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (lstat(name, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(name);
        else
            unlink(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void TAP_UNUSED scratch_leave(void) {
    if (getpid() == scratch_dir.owner && chdir("/") == 0)
        remove_tree(scratch_dir.path);
}

static void TAP_UNUSED scratch(void) {
    const char *base = getenv("TMPDIR");
    snprintf(scratch_dir.path, sizeof scratch_dir.path, "%s/test.XXXXXX",
             base ? base : "/tmp");
    need(mkdtemp(scratch_dir.path) && chmod(scratch_dir.path, 0777) == 0);
    need(chdir(scratch_dir.path) == 0);
    scratch_dir.owner = getpid();
    atexit(scratch_leave);
    umask(022);
}

/* Makes the file, or empties it, and writes the text; mode 0644. */
static void TAP_UNUSED make_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    need(close(fd) == 0);
}

/* The file exists and holds exactly this text (up to 1 KB). */
static int TAP_UNUSED has_text(const char *path, const char *text) {
    char got[1024];
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, got, sizeof got);
    close(fd);
    return n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0;
}

static int TAP_UNUSED exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

/* lstat() that cannot fail. */
static struct stat TAP_UNUSED stat_of(const char *path) {
    struct stat st;
    need(lstat(path, &st) == 0);
    return st;
}

static int TAP_UNUSED mode_of(const char *path) {
    return (int)(stat_of(path).st_mode & 07777);
}

/* The calling process becomes the ordinary user `uid`, group of the same number, for
 * good. Without root it stays who it is. */
static void TAP_UNUSED become(uid_t uid) {
    if (is_root()) {
        setgroups(0, NULL);                             // where the kernel has them
        need(setgid(uid) == 0 && setuid(uid) == 0);
    }
}

/* Runs function(argument) in a child that is not root; gives its wait status. What the
 * function returns is the exit status: 0 or an errno, for instance. */
static int TAP_UNUSED as_user(int (*function)(const char *), const char *argument) {
    pid_t pid;
    CHILD (pid) {
        become(STUDENT);
        _exit(function(argument));
    }
    return wait_for(pid);
}
