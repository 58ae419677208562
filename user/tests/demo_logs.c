/* demo_logs.c - every demonstration tells with --log exactly what its golden file says.
 *
 * The demonstrations tell what POSIX and the manual promise, with what really happened
 * put in. So this holds the kernel to all of that at once, and the demonstrations to
 * being the same on every run.
 *
 * It looks in the folder $DEMOS, by default /demos, and on a machine without that in
 * the tree that was just built: `build/user/tests/demo_logs` from the top of the tree.
 */
#include "tap.h"
#include <dirent.h>

#define LOGS_MAX 64
#define TEXT_MAX 16384

static char demos[128], golden[128];    /* the folders */

static void find_folders(void)
{
    const char *named = getenv("DEMOS");
    if (!named)
        named = access("/demos/golden", X_OK) == 0 ? "/demos" : "build/user/demos";
    snprintf(demos, sizeof demos, "%.100s", named);
    snprintf(golden, sizeof golden, "%.100s/golden", named);
    if (access(golden, X_OK) != 0)
        strcpy(golden, "user/demos/golden");
}

/* Reads to the end of the file. Result: the length, at most `size` - 1. */
static size_t read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t n;
    while ((n = read(fd, text + length, size - 1 - length)) > 0
           || (n < 0 && errno == EINTR))
        length += n < 0 ? 0 : (size_t)n;
    text[length] = '\0';
    return length;
}

/* Runs a demonstration; fills in what it printed. Result: its wait status. */
static int run_demo(const char *name, char *text)
{
    int end[2];
    pid_t child;
    need(pipe(end) == 0);
    CHILD (child) {
        char path[256];
        snprintf(path, sizeof path, "%s/%.60s", demos, name);
        need(dup2(end[1], 1) == 1);
        for (int fd = 3; fd < 64; fd++)                 // it starts with 0, 1, 2
            close(fd);
        execl(path, name, "--log", (char *)NULL);
        note("%s: %s", path, strerror(errno));
        _exit(127);
    }
    close(end[1]);
    read_all(end[0], text, TEXT_MAX);
    close(end[0]);
    return wait_for(child);
}

/* The first line where two texts differ, as diagnostics. */
static void show_difference(const char *got, const char *want)
{
    int line = 1;
    while (*got && *want) {
        size_t g = strcspn(got, "\n"), w = strcspn(want, "\n");
        if (g != w || memcmp(got, want, g) != 0)
            break;
        got += g + (got[g] == '\n');
        want += w + (want[w] == '\n');
        line++;
    }
    note("line %d", line);
    note("got:  %.*s", (int)strcspn(got, "\n"), got);
    note("want: %.*s", (int)strcspn(want, "\n"), want);
}

static void check_log(const char *name)
{
    static char got[TEXT_MAX], want[TEXT_MAX];
    char path[256];
    snprintf(path, sizeof path, "%s/%.60s.log", golden, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0);
    read_all(fd, want, sizeof want);
    close(fd);
    is_exit(run_demo(name, got), 0, "%s found what it tells", name);
    if (!ok(strcmp(got, want) == 0, "%s --log is as in its golden file", name))
        show_difference(got, want);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

int main(void)
{
    static char names[LOGS_MAX][64];
    int count = 0;
    struct dirent *entry;
    find_folders();
    DIR *logs = opendir(golden);
    need(logs != NULL);
    while (count < LOGS_MAX && (entry = readdir(logs))) {
        char *dot = strstr(entry->d_name, ".log");
        if (dot && dot[4] == '\0')
            snprintf(names[count++], sizeof names[0], "%.*s",
                     (int)(dot - entry->d_name), entry->d_name);
    }
    closedir(logs);
    ok(count > 0, "there are golden files in %s", golden);
    qsort(names, (size_t)count, sizeof names[0], compare);
    for (int i = 0; i < count; i++)
        check_log(names[i]);
    return done_testing();
}
