/* symlink.c - POSIX symlink(), readlink() and XBD 4.13 Pathname Resolution: a link is a
 * name for a path, followed when it is met; loops end in ELOOP.
 */
#include "scratch.h"

/* readlink(): "shall place the contents of the symbolic link referred to by path in the
 * buffer buf ... not required to be null-terminated"; a small buffer cuts the
 * contents. */
static void contents(void) {
    char got[16];
    memset(got, '!', sizeof got);
    is_int(symlink("any/where", "s"), 0, "symlink does not look at what it leads to");
    is_int(readlink("s", got, sizeof got), 9, "readlink gives the length");
    ok(memcmp(got, "any/where!!", 11) == 0, "and the contents, without a zero");
    memset(got, '!', sizeof got);
    is_int(readlink("s", got, 3), 3, "a small buffer gets as much as fits");
    ok(memcmp(got, "any!", 4) == 0, "and not more");
    struct stat st = stat_of("s");
    ok(S_ISLNK(st.st_mode), "lstat says it is a link");
    is_int(st.st_size, 9, "its size is the length of its contents");
    is_int(st.st_mode & 07777, 0777, "its mode is 0777");
    is_errno(stat("s", &st), ENOENT, "stat follows it, and finds nothing");
}

static void errors(void) {
    char got[16];
    make_file("f", "text");
    is_errno(readlink("f", got, sizeof got), EINVAL, "readlink of a file is EINVAL");
    is_errno(readlink("none", got, sizeof got), ENOENT, "of nothing is ENOENT");
    is_errno(readlink("f/x", got, sizeof got), ENOTDIR, "below a file is ENOTDIR");
    is_errno(readlink("s", (char *)8, 16), EFAULT, "into a bad buffer is EFAULT");
    is_errno(symlink("x", "f"), EEXIST, "symlink to a name that exists is EEXIST");
    is_errno(symlink("x", "s"), EEXIST, "a symbolic link is one");
    is_errno(symlink("", "empty"), ENOENT, "empty contents are ENOENT");
    is_errno(symlink("x", "none/x"), ENOENT, "in a missing directory is ENOENT");
    is_errno(symlink("x", "new/"), ENOENT, "a name with a slash at the end is ENOENT");
    is_errno(symlink((char *)8, "new"), EFAULT, "a bad pointer is EFAULT");
    is_errno(rmdir("s"), ENOTDIR, "rmdir of a symbolic link is ENOTDIR");
}

/* "If a symbolic link is encountered during pathname resolution ... the contents of the
 * symbolic link [are prefixed to the rest]": relative contents count from the directory
 * of the link. */
static void following(void) {
    char got[16], long_way[300];
    need(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
    make_file("d/file", "in d");
    need(symlink("file", "d/near") == 0 && symlink("../d/file", "d/e/up") == 0);
    need(symlink("d", "dir") == 0 && symlink("near", "d/twice") == 0);
    ok(has_text("d/near", "in d"), "relative contents count from the link's directory");
    ok(has_text("dir/near", "in d"), "through a link to a directory as well");
    ok(has_text("d/twice", "in d"), "a link to a link is followed twice");
    snprintf(long_way, sizeof long_way, "%s/d/file", scratch_dir.path);
    need(symlink(long_way, "absolute") == 0);
    ok(has_text("absolute", "in d"), "absolute contents count from the root");
    need(mkdir("d/sub", 0755) == 0 && symlink("d/sub", "sub") == 0);
    ok(has_text("sub/../file", "in d"), ".. behind a link is the parent of the target");
    ok(S_ISLNK(stat_of("dir").st_mode) && S_ISDIR(stat_of("dir/").st_mode),
       "lstat follows the link when a slash is behind it");
    is_int(readlink("dir/near", got, sizeof got), 4,
           "readlink follows all but the last");
    is_errno(readlink("dir/", got, sizeof got), EINVAL,
             "with a slash it follows the last");
    need(symlink("made", "maker") == 0);
    make_file("maker", "through a link");
    ok(has_text("made", "through a link"),
       "O_CREAT through a dangling link makes the file");
    is_errno(mkdir("s", 0755), EEXIST, "mkdir does not follow one");
}

/* "[ELOOP] A loop exists in symbolic links encountered during resolution", or more than
 * {SYMLOOP_MAX} of them (Linux: 40 in all, path_resolution(7)). */
static void loops(void) {
    char from[16], to[16];
    struct stat st;
    need(symlink("self", "self") == 0 && symlink("pong", "ping") == 0);
    need(symlink("ping", "pong") == 0);
    is_errno(open("self", O_RDONLY), ELOOP, "a link to itself is ELOOP");
    is_errno(stat("ping", &st), ELOOP, "two links to each other are ELOOP");
    is_errno(open("ping/x", O_RDONLY | O_CREAT, 0600), ELOOP,
             "also before a last component");
    is_int(lstat("self", &st), 0, "lstat does not follow");
    need(symlink("f", "hop0") == 0);
    for (int i = 1; i <= 45; i++) {
        snprintf(to, sizeof to, "hop%d", i - 1);
        snprintf(from, sizeof from, "hop%d", i);
        need(symlink(to, from) == 0);
    }
    ok(has_text("hop39", "text"), "40 links in a row are followed");
    is_errno(open("hop40", O_RDONLY), ELOOP, "41 are ELOOP");
    is_int(unlink("ping"), 0, "a loop can be removed");
}

/* Contents up to PATH_MAX - 1 bytes are kept. */
static void lengths(void) {
    static char contents[5000], got[5000];
    memset(contents, 'x', sizeof contents);
    contents[4095] = 0;
    is_int(symlink(contents, "long"), 0, "contents of 4095 bytes are accepted");
    is_int(readlink("long", got, sizeof got), 4095, "and given back");
    is_errno(open("long", O_RDONLY), ENAMETOOLONG,
             "the name in it is too long to be found");
    contents[4095] = 'x', contents[4999] = 0;
    is_errno(symlink(contents, "longer"), ENAMETOOLONG, "more is ENAMETOOLONG");
}

int main(void) {
    scratch();
    contents();
    errors();
    following();
    loops();
    lengths();
    return done_testing();
}
