/* native_trace.c - /proc/trace: "the rings of core/trace.h, one event a line, oldest
 * first", for root only: system calls by their names, switches, faults, births, ends.
 */
#include "scratch.h"

#include <sys/mman.h>

static char text[400000];

/* The trace; its length. */
static size_t slurp(void) {
    FILE *file = fopen("/proc/trace", "r");
    need(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    return length;
}

/* How many events of that thread have this name, not older than `from`. */
static int count(unsigned long long from, pid_t tid, const char *name) {
    unsigned long long at;
    char word[32];
    int found = 0, id;
    for (char *line = text; *line; line += strcspn(line, "\n") + 1)
        found += sscanf(line, "%llu cpu %*u tid %d %31s", &at, &id, word) == 3
                 && id == tid && at >= from && strcmp(word, name) == 0;
    return found;
}

static void test_order(void) {
    unsigned long long last = 0, at;
    int lines = 0, wrong = 0;
    need(slurp() > 0);
    for (char *line = text; *line; line += strcspn(line, "\n") + 1, lines++) {
        wrong += sscanf(line, "%llu cpu ", &at) != 1 || at < last;
        last = at;
    }
    is_int(wrong, 0, "every line begins with a time, and they go up");
    ok(lines > 10 && lines <= 256 * sysconf(_SC_NPROCESSORS_CONF),
       "at most 256 events of each CPU");
}

static void test_events(void) {
    unsigned long long from = __builtin_ia32_rdtsc();
    pid_t me = getpid(), pid;
    for (int i = 0; i < 3; i++)
        getppid();
    volatile char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED);
    *page = 1;
    CHILD (pid)
        _exit(7);
    wait_for(pid);
    slurp();
    is_int(count(from, me, "getppid"), 3, "three calls, by their name");
    ok(count(from, me, "FAULT") >= 1, "the first touch of a page");
    is_int(count(from, me, "FORK"), 1, "a birth");
    is_int(count(from, pid, "EXIT"), 1, "an end");
    ok(count(from, pid, "SWITCH") >= 1, "and a switch away from it");
    need(munmap((void *)(uintptr_t)page, 4096) == 0);
}

static int reads(const char *path) {
    int fd = open(path, O_RDONLY);
    return fd < 0 ? errno : close(fd);
}

int main(void) {
    test_order();
    test_events();
    is_exit(as_user(reads, "/proc/trace"), EACCES, "EACCES: it is root's");
    return done_testing();
}
