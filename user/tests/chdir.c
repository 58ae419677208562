/* chdir.c - POSIX chdir(), fchdir(), getcwd().
 */
#include "raw.h"
#include "scratch.h"

static char at[600], want[600];

static const char *below(const char *path) {
    snprintf(want, sizeof want, "%s%s", scratch_dir.path, path);
    return want;
}

/* getcwd(): "shall place an absolute pathname of the current working directory in the
 * array ... contain[ing] no components that are dot or dot-dot, or are symbolic
 * links." */
static void moving(void) {
    need(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && symlink("d/e", "s") == 0);
    make_file("f", "text");
    ok(getcwd(at, sizeof at) && strcmp(at, below("")) == 0,
       "getcwd gives where one is");
    is_int(chdir("d"), 0, "chdir to a directory below");
    ok(getcwd(at, sizeof at) && strcmp(at, below("/d")) == 0, "getcwd follows");
    ok(exists("e") && !exists("f"), "relative paths start there");
    is_int(chdir("./e/../e/."), 0, "chdir with dots");
    ok(getcwd(at, sizeof at) && strcmp(at, below("/d/e")) == 0, "getcwd has none");
    is_int(chdir("../.."), 0, "chdir up");
    is_int(chdir("s"), 0, "chdir through a symbolic link");
    ok(getcwd(at, sizeof at) && strcmp(at, below("/d/e")) == 0,
       "getcwd tells the real place");
    is_int(chdir("/"), 0, "chdir to the root");
    ok(getcwd(at, sizeof at) && strcmp(at, "/") == 0, "getcwd says /");
    is_int(chdir(".."), 0, "up from the root");
    ok(getcwd(at, sizeof at) && strcmp(at, "/") == 0, "is the root");
    is_int(chdir("/dev"), 0, "chdir into another file system");
    ok(getcwd(at, sizeof at) && strcmp(at, "/dev") == 0,
       "getcwd knows where it is mounted");
    is_int(chdir(scratch_dir.path), 0, "and back by an absolute path");
}

static void errors(void) {
    is_errno(chdir("f"), ENOTDIR, "chdir to a file is ENOTDIR");
    is_errno(chdir("none"), ENOENT, "to nothing ENOENT");
    is_errno(chdir(""), ENOENT, "to the empty path ENOENT");
    is_errno(chdir("f/.."), ENOTDIR, "through a file ENOTDIR");
    is_errno(chdir((char *)8), EFAULT, "a bad pointer EFAULT");
    ok(getcwd(at, sizeof at) && strcmp(at, below("")) == 0,
       "after an error one is still there");
}

/* "[ERANGE] The size argument is greater than 0, but is smaller than the length of the
 * string +1"; the system call gives the length with the zero. */
static void sizes(void) {
    size_t length = strlen(scratch_dir.path);
    memset(at, '!', sizeof at);
    ok(!getcwd(at, length) && errno == ERANGE, "no room for the zero is ERANGE");
    ok(getcwd(at, length + 1) == at && strcmp(at, scratch_dir.path) == 0,
       "just enough works");
    is_int(at[length + 1], '!', "and writes no byte more");
    is_int(raw(SYS_getcwd, (long)at, sizeof at), (long)length + 1,
           "the system call gives the length with the zero");
    is_int(raw(SYS_getcwd, (long)at, 0), -ERANGE, "no room at all is ERANGE");
    is_int(raw(SYS_getcwd, 8, 600), -EFAULT, "a bad buffer is EFAULT");
    char *got = getcwd(NULL, 0);
    ok(got && strcmp(got, scratch_dir.path) == 0, "getcwd(NULL, 0) makes the buffer");
    free(got);
}

/* fchdir(): "shall be equivalent to chdir() except that the directory ... is specified
 * by the file descriptor". */
static void by_descriptor(void) {
    int dir = open("d", O_RDONLY), file = open("f", O_RDONLY),
        here = open(".", O_RDONLY);
    is_int(fchdir(dir), 0, "fchdir");
    ok(getcwd(at, sizeof at) && strcmp(at, below("/d")) == 0, "leads there");
    need(rename("../d", "../moved") == 0);
    is_int(fchdir(here), 0, "and back");
    is_int(fchdir(dir), 0, "also when the directory has another name by now");
    ok(getcwd(at, sizeof at) && strcmp(at, below("/moved")) == 0, "which getcwd tells");
    need(fchdir(here) == 0 && rename("moved", "d") == 0);
    is_errno(fchdir(file), ENOTDIR, "fchdir to a file is ENOTDIR");
    is_errno(fchdir(-1), EBADF, "to a bad descriptor EBADF");
    close(dir), close(file), close(here);
}

/* fork(2): the child starts in the parent's directory, and has its own from then on;
 * chdir: exec keeps it. */
static void inheritance(void) {
    pid_t pid;
    CHILD (pid) {
        need(getcwd(at, sizeof at) && strcmp(at, below("")) == 0);
        need(chdir("d") == 0 && exists("e"));
    }
    is_exit(wait_for(pid), 0, "a child starts where the parent is");
    ok(exists("d"), "its chdir does not move the parent");
}

int main(void) {
    scratch();
    moving();
    errors();
    sizes();
    by_descriptor();
    inheritance();
    return done_testing();
}
