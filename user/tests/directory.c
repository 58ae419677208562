/* directory.c - POSIX readdir(), rewinddir(), seekdir() and getdents64(2): every entry
 * once, also in large directories and while entries come and go.
 */
#include "raw.h"
#include "scratch.h"

enum { MANY = 500 };

/* What getdents64 stores. */
struct record {
    uint64_t ino;
    int64_t off;
    uint16_t size;
    uint8_t type;
    char name[];
};

static struct dirent *find(DIR *dir, const char *name) {
    struct dirent *e;
    rewinddir(dir);
    while ((e = readdir(dir)) && strcmp(e->d_name, name) != 0)
        ;
    return e;
}

/* "The directory entries for dot and dot-dot"; d_ino, and d_type of <dirent.h>. */
static void entries(void) {
    need(mkdir("d", 0755) == 0 && mkdir("d/sub", 0755) == 0
         && symlink("x", "d/link") == 0);
    need(mkfifo("d/fifo", 0600) == 0);
    make_file("d/file", "text");
    DIR *dir = opendir("d");
    works(dir ? 0 : -1, "opendir");
    int count = 0;
    while (readdir(dir))
        count++;
    is_int(count, 6, "readdir gives every entry, with . and ..");
    ok(find(dir, ".")->d_ino == stat_of("d").st_ino,
       ". has the directory's own number");
    ok(find(dir, "..")->d_ino == stat_of(".").st_ino, ".. has the parent's");
    ok(find(dir, "file")->d_ino == stat_of("d/file").st_ino, "a file has its own");
    is_int(find(dir, "file")->d_type, DT_REG, "d_type of a file");
    is_int(find(dir, "sub")->d_type, DT_DIR, "of a directory");
    is_int(find(dir, "link")->d_type, DT_LNK, "of a symbolic link");
    is_int(find(dir, "fifo")->d_type, DT_FIFO, "of a FIFO");
    ok(find(dir, "none") == NULL, "what is not there is not found");
    is_int(fcntl(dirfd(dir), F_GETFD), FD_CLOEXEC, "opendir sets FD_CLOEXEC");
    is_int(closedir(dir), 0, "closedir");
    ok(opendir("d/file") == NULL && errno == ENOTDIR, "opendir of a file is ENOTDIR");
    ok(opendir("none") == NULL && errno == ENOENT, "opendir of nothing is ENOENT");
}

/* getdents64(2): "EINVAL Result buffer is too small", "ENOTDIR", "On end of directory,
 * 0 is returned"; records are aligned to 8 and d_off leads to the next. */
static void records(void) {
    struct record *e;
    char buffer[64] __attribute__((aligned(8)));
    int fd = open("d", O_RDONLY), count = 0, aligned = 1;
    long n;
    is_int(raw(SYS_getdents64, fd, (long)buffer, 8), -EINVAL,
           "a buffer too small for one entry is EINVAL");
    while ((n = raw(SYS_getdents64, fd, (long)buffer, sizeof buffer)) > 0)
        for (long at = 0; at < n; at += e->size, count++) {
            e = (void *)(buffer + at);
            aligned &= e->size % 8 == 0 && e->size >= 24 && at + e->size <= n;
            aligned &= 19 + strlen(e->name) < e->size;
        }
    is_int(n, 0, "the end of the directory is 0");
    is_int(count, 6, "a small buffer gets all entries in several calls");
    ok(aligned, "every record is whole and a multiple of 8 bytes");
    is_int(raw(SYS_getdents64, fd, (long)buffer, sizeof buffer), 0,
           "the end stays the end");
    is_int(lseek(fd, 0, SEEK_SET), 0, "rewind");
    ok(raw(SYS_getdents64, fd, (long)buffer, sizeof buffer) > 0, "and read again");
    need(lseek(fd, 0, SEEK_SET) == 0);
    is_int(raw(SYS_getdents64, fd, 8, 1000), -EFAULT, "a bad buffer is EFAULT");
    close(fd);
    fd = open("d/file", O_RDONLY);
    is_int(raw(SYS_getdents64, fd, (long)buffer, sizeof buffer), -ENOTDIR,
           "getdents of a file is ENOTDIR");
    close(fd);
    is_int(raw(SYS_getdents64, fd, (long)buffer, sizeof buffer), -EBADF,
           "of a closed descriptor EBADF");
}

static char seen[MANY];

/* Marks the file of this name; 1 if it was new. */
static int mark(const char *name) {
    int i = -1;
    if (sscanf(name, "entry-%d", &i) != 1 || i < 0 || i >= MANY || seen[i])
        return 0;
    return seen[i] = 1;
}

static void large(void) {
    char name[300];
    need(mkdir("big", 0755) == 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "big/entry-%d", i);
        need(mknod(name, S_IFREG | 0644, 0) == 0);
    }
    DIR *dir = opendir("big");
    int count = 0, new = 0;
    for (struct dirent *e; (e = readdir(dir)); count++)
        new += mark(e->d_name);
    is_int(count, MANY + 2, "%d files: as many entries, and . and ..", MANY);
    is_int(new, MANY, "each once");
    rewinddir(dir);
    long position = 0;
    struct dirent *e = NULL;
    for (int i = 0; i < MANY / 2; i++) {
        e = readdir(dir);
        if (i == MANY / 4)
            position = telldir(dir);
    }
    seekdir(dir, position);
    e = readdir(dir);
    need(e);
    snprintf(name, sizeof name, "%s", e->d_name);
    seekdir(dir, position);
    e = readdir(dir);
    ok(e && strcmp(e->d_name, name) == 0, "seekdir comes back to the place of telldir");
    closedir(dir);
}

/* "If a file is removed from or added to the directory after the most recent call to
 * opendir() or rewinddir(), whether a subsequent call to readdir() returns an entry for
 * that file is unspecified": but all others must come, once each. */
static void removing(void) {
    char path[600];
    int removed = 0;
    memset(seen, 0, sizeof seen);
    DIR *dir = opendir("big");
    for (struct dirent *e; (e = readdir(dir));)
        if (mark(e->d_name)) {
            snprintf(path, sizeof path, "big/%s", e->d_name);
            removed += unlink(path) == 0;
        }
    is_int(removed, MANY, "removing each entry as it is read removes all");
    closedir(dir);
    is_int(rmdir("big"), 0, "the directory is empty then");
}

static void adding(void) {
    char path[64];
    int old = 0;
    memset(seen, 0, sizeof seen);
    need(mkdir("grow", 0755) == 0);
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "grow/entry-%d", i);
        make_file(path, "");
    }
    DIR *dir = opendir("grow");
    for (int i = 0; i < 200; i++) {
        struct dirent *e = readdir(dir);
        if (e && mark(e->d_name))
            old += atoi(e->d_name + 6) < 100;
        snprintf(path, sizeof path, "grow/later-%d", i);
        make_file(path, "");
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (mark(e->d_name))
            old += atoi(e->d_name + 6) < 100;
    is_int(old, 100, "while files are added, those that were there all come, once");
    closedir(dir);
}

int main(void) {
    scratch();
    entries();
    records();
    large();
    removing();
    adding();
    return done_testing();
}
