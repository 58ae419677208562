/* demo_logs.h - for the tests that compare what demonstrations tell with --log.
 *
 * The golden file x.log is what `x --log` has to print, and `x,3,reject.log` what
 * `x 3 reject --log` has to.
 *
 * Demonstrations and golden files are looked for in the folder $DEMOS, by default
 * /demos, and on a machine without that in the tree that was just built:
 * `build/user/tests/demo_logs` from the top of the tree.
 */
/* FEATURE(5, 137, 138): %s --log is as in its golden file */
#pragma once

#include "tap.h"

#include <dirent.h>

#define LOGS_MAX 64
#define TEXT_MAX 16384

static char demos[128], golden[128];    /* the folders */

/* `kind` is the folder below golden/, "" for golden/ itself. */
static void find_folders(const char *kind) {
    const char *named = getenv("DEMOS");
    if (!named)
        named = access("/demos/golden", X_OK) == 0 ? "/demos" : "build/user/demos";
    snprintf(demos, sizeof demos, "%.100s", named);
    snprintf(golden, sizeof golden, "%.90s/golden/%.20s", named, kind);
    if (access(golden, X_OK) != 0)
        snprintf(golden, sizeof golden, "user/demos/golden/%.20s", kind);
}

/* Reads to the end of the file. Result: the length, at most `size` - 1. */
static size_t read_all(int fd, char *text, size_t size) {
    size_t length = 0;
    ssize_t n;
    while ((n = read(fd, text + length, size - 1 - length)) > 0
           || (n < 0 && errno == EINTR))
        length += n < 0 ? 0 : (size_t)n;
    text[length] = '\0';
    return length;
}

/* Runs a demonstration; fills in what it printed. Result: its wait status. */
static int run_demo(const char *log, char *text) {
    int end[2];
    pid_t child;
    need(pipe(end) == 0);
    CHILD (child) {
        char path[256], words[64], *argv[34];
        int count = 0;
        snprintf(words, sizeof words, "%.63s", log);
        for (char *word = strtok(words, ","); word; word = strtok(NULL, ","))
            argv[count++] = word;
        argv[count] = "--log";
        argv[count + 1] = NULL;
        snprintf(path, sizeof path, "%s/%.60s", demos, argv[0]);
        need(dup2(end[1], 1) == 1);
        for (int fd = 3; fd < 64; fd++)                 // it starts with 0, 1, 2
            close(fd);
        execv(path, argv);
        note("%s: %s", path, strerror(errno));
        _exit(127);
    }
    close(end[1]);
    read_all(end[0], text, TEXT_MAX);
    close(end[0]);
    return wait_for(child);
}

/* The first line where two texts differ, as diagnostics. */
static void show_difference(const char *got, const char *want) {
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

static void check_log(const char *name) {
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

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Compares all logs of that kind. */
static void check_logs(const char *kind) {
    static char names[LOGS_MAX][64];
    int count = 0;
    struct dirent *entry;
    find_folders(kind);
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
}
