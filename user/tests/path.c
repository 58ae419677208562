/* path.c - POSIX XBD 4.13 Pathname Resolution: components, slashes, dots, lengths.
 */
#include "raw.h"
#include "scratch.h"

#include <limits.h>

static int finds(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* "Multiple successive <slash> characters are considered to be the same as one
 * <slash>"; "dot shall refer to the directory specified by its predecessor. ... dot-dot
 * shall refer to the parent directory"; "the parent of the root is the root". */
static void slashes_and_dots(void) {
    char path[600];
    need(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
    make_file("d/f", "text");
    ok(has_text("d//f", "text"), "two slashes are one");
    ok(has_text("./d/./f", "text"), ". stays");
    ok(has_text("d/e/../f", "text"), ".. goes up");
    ok(has_text("d/e/.././../d/f", "text"), "and again");
    snprintf(path, sizeof path, "//%s///d/f", scratch_dir.path);
    ok(has_text(path, "text"), "slashes at the start are the root");
    snprintf(path, sizeof path, "/../../..%s/d/f", scratch_dir.path);
    ok(has_text(path, "text"), "the root is its own parent");
    struct stat root = stat_of("/"), up = stat_of("/..");
    ok(root.st_ino == up.st_ino && root.st_dev == up.st_dev, "stat says so too");
    struct stat st;
    is_errno(stat("d/none/../f", &st), ENOENT, ".. behind something missing is ENOENT");
    is_errno(stat("d/f/../f", &st), ENOTDIR, ".. behind a file is ENOTDIR");
    is_errno(stat("d/f/.", &st), ENOTDIR, ". behind a file is ENOTDIR");
    ok(finds("d/") && finds("d//"), "slashes behind a directory are allowed");
    is_errno(stat("d/f/", &st), ENOTDIR, "one behind a file is ENOTDIR");
    is_errno(stat("", &st), ENOENT, "the empty path is ENOENT");
    ok(!finds("d/.../f") && !finds("d/ f"), "... and blanks are names like others");
}

/* Every byte but slash and zero may be in a name. */
static void odd_names(void) {
    static const char *const names[] = { "...", " ", "-n",  "a b",     "\n", "\x01\xff",
                                         "~",   "*", "\xc3\xa4" };
    int made = 0, found = 0;
    for (int i = 0; i < 9; i++) {
        make_file(names[i], names[i]);
        made += has_text(names[i], names[i]);
    }
    is_int(made, 9, "names of dots, blanks, control characters, high bytes");
    DIR *dir = opendir(".");
    need(dir);
    for (struct dirent *e; (e = readdir(dir));)
        for (int i = 0; i < 9; i++)
            found += strcmp(e->d_name, names[i]) == 0;
    closedir(dir);
    is_int(found, 9, "readdir gives them back unchanged");
    make_file("Case", "upper");
    ok(!finds("case"), "upper and lower case differ");
}

/* "[ENAMETOOLONG] The length of a component of a pathname is longer than {NAME_MAX}";
 * "The length of a pathname exceeds {PATH_MAX}" (4096, with the zero). */
static void lengths(void) {
    char name[300], path[PATH_MAX + 10];
    struct stat st;
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = 0;
    make_file(name, "255");
    ok(has_text(name, "255"), "a name of 255 bytes");
    name[NAME_MAX] = 'n', name[NAME_MAX + 1] = 0;
    is_errno(open(name, O_RDWR | O_CREAT, 0644), ENAMETOOLONG, "256 are ENAMETOOLONG");
    is_errno(stat(name, &st), ENAMETOOLONG, "for stat");
    is_errno(mkdir(name, 0755), ENAMETOOLONG, "for mkdir");
    is_errno(rename("d", name), ENAMETOOLONG, "for rename");
    is_errno(unlink(name), ENAMETOOLONG, "for unlink");
    for (int i = 0; i < PATH_MAX + 8; i++)
        path[i] = i % 2 ? '/' : '.';
    memcpy(path + PATH_MAX - 4, "d/f", 4);
    ok(has_text(path, "text"), "a path of 4095 bytes is followed");
    memcpy(path + PATH_MAX - 4, "/d/f", 5);
    is_errno(stat(path, &st), ENAMETOOLONG, "one of 4096 is ENAMETOOLONG");
    memset(path, '/', sizeof path);
    path[PATH_MAX + 9] = 0;
    is_errno(stat(path, &st), ENAMETOOLONG, "even if it is all slashes");
}

/* A path that is not in the process's memory, or not all of it. */
static void addresses(void) {
    struct stat st;
    is_errno(stat(NULL, &st), EFAULT, "NULL is EFAULT");
    is_errno(stat((char *)0xffffffff, &st), EFAULT,
             "the last byte of memory is EFAULT");
    is_int(raw(SYS_statx, AT_FDCWD, (long)"d", 0, 0x7ff, 8), -EFAULT,
           "statx with a bad result pointer is EFAULT");
}

int main(void) {
    scratch();
    slashes_and_dots();
    odd_names();
    lengths();
    addresses();
    return done_testing();
}
