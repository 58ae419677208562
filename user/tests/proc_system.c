/* proc_system.c - proc(5): the files of /proc that tell about the machine, as free,
 * top, df and programs read them.
 */
#include "tap.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static char text[65536];

static int slurp(const char *path) {
    int fd = open(path, O_RDONLY), used = 0;
    if (fd < 0)
        return -1;
    for (ssize_t n; (n = read(fd, text + used, sizeof text - 1 - used)) > 0;)
        used += (int)n;
    text[used] = 0;
    close(fd);
    return used;
}

/* The line that starts with the word; NULL without one. */
static char *line(const char *word) {
    size_t n = strlen(word);
    for (char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, word, n) == 0)
            return at + n;
    return NULL;
}

static long number(const char *word) {
    char *at = line(word);
    return at ? strtol(at, NULL, 10) : -1;
}

/* /proc/meminfo: "MemTotal, MemFree, MemAvailable, Buffers, Cached, SwapTotal,
 * SwapFree, Shmem" are what free and top read; in kB. sysinfo(2) tells the same. */
static void meminfo(void) {
    struct sysinfo si;
    ok(slurp("/proc/meminfo") > 0, "/proc/meminfo");
    long total = number("MemTotal:"), available = number("MemAvailable:");
    ok(total > 1000, "MemTotal");
    ok(number("MemFree:") > 0 && number("MemFree:") <= total, "MemFree is less");
    ok(available > 0 && available <= total, "MemAvailable");
    ok(number("Buffers:") >= 0 && number("Cached:") >= 0, "Buffers and Cached");
    ok(number("SwapTotal:") >= 0 && number("SwapFree:") >= 0, "SwapTotal and SwapFree");
    ok(number("Shmem:") >= 0, "Shmem");
    char *at = line("MemTotal:");
    ok(at && strstr(at, " kB\n"), "numbers are in kB");
    need(sysinfo(&si) == 0);
    is_int((long)(si.totalram * (uint64_t)si.mem_unit / 1024), total,
           "sysinfo has the same");
}

/* A CPU that works is not idle: what was idle and what we used is no more than there
 * was. */
static void busy_is_not_idle(void) {
    long idle, used, cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct tms before, after;
    clock_t start = times(&before), end;
    need(slurp("/proc/stat") > 0 && sscanf(text, "cpu %*u %*u %*u %ld", &idle) == 1);
    idle = -idle;
    while (times(&after) < start + 60)
        continue;
    long more;
    need(slurp("/proc/stat") > 0 && sscanf(text, "cpu %*u %*u %*u %ld", &more) == 1);
    idle += more;
    end = times(&after); // all that was idle was so between start and end
    used = after.tms_utime + after.tms_stime - before.tms_utime - before.tms_stime;
    ok(idle >= 0 && idle + used <= (end - start) * cpus + 20,
       "idle %ld, used %ld, of %ld", idle, used, (long)(end - start) * cpus);
}

/* /proc/stat: "cpu user nice system idle iowait irq softirq ..." in ticks of 1/100 s,
 * cpuN for each, btime, processes. */
static void stat_file(void) {
    unsigned long long user, nice, sys, idle;
    ok(slurp("/proc/stat") > 0, "/proc/stat");
    ok(strncmp(text, "cpu ", 4) == 0
           && sscanf(text + 4, "%llu %llu %llu %llu", &user, &nice, &sys, &idle) == 4,
       "begins with the sum over all CPUs");
    ok(line("cpu0 ") != NULL, "has a line for CPU 0");
    int cpus = 0;
    for (char *at = text; (at = strstr(at, "\ncpu")); at++)
        cpus++;
    is_int(cpus, sysconf(_SC_NPROCESSORS_ONLN), "one for each CPU");
    ok(number("btime ") > 0 && number("btime ") <= time(NULL),
       "btime is when it started");
    ok(number("processes ") > 0, "processes counts forks");
    long forks = number("processes ");
    pid_t pid;
    CHILD (pid)
        _exit(0);
    wait_for(pid);
    need(slurp("/proc/stat") > 0);
    ok(number("processes ") > forks, "one more after a fork");
}

/* /proc/loadavg: "three load averages, runnable/total, last pid". */
static void loadavg(void) {
    double a = -1, b, c;
    int running = 0, total = 0, last;
    ok(slurp("/proc/loadavg") > 0
           && sscanf(text, "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &total, &last)
                  == 6,
       "/proc/loadavg has its six numbers");
    ok(running >= 1 && total >= running && a >= 0, "which make sense");
}

/* /proc/mounts: "device mountpoint type options 0 0", a line for each mounted file
 * system. */
static void mounts(void) {
    char device[100], place[200], type[100], options[300];
    int root = 0, proc = 0, dev = 0, good = 1;
    ok(slurp("/proc/mounts") > 0, "/proc/mounts");
    for (char *at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        good &= sscanf(at, "%99s %199s %99s %299s", device, place, type, options) == 4;
        root += strcmp(place, "/") == 0;
        proc += strcmp(place, "/proc") == 0 && strcmp(type, "proc") == 0;
        dev += strcmp(place, "/dev") == 0;
    }
    ok(good, "every line has four words at least");
    ok(root && proc && dev, "/, /proc and /dev are mounted");
    struct stat st;
    ok(stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode)
           && (st.st_mode & 01777) == 01777,
       "/dev/shm is a directory for everybody");
    ok(stat("/tmp", &st) == 0 && (st.st_mode & 01777) == 01777, "so is /tmp");
}

/* Files of /proc can be read in small pieces, and from the middle. */
static void pieces(void) {
    static char whole[65536];
    int fd = open("/proc/mounts", O_RDONLY), n = slurp("/proc/mounts"), used = 0;
    memcpy(whole, text, sizeof whole);
    need(fd >= 0);
    while (used < 100 && read(fd, text + used, 1) == 1)
        used++;
    ok(used == 100 && memcmp(text, whole, 20) == 0, "byte by byte gives the same");
    ok(pread(fd, text, 10, 5) == 10 && memcmp(text, whole + 5, 10) == 0, "pread too");
    ok(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 9) == 9
           && memcmp(text, whole, 9) == 0,
       "lseek to the start begins anew");
    ok(pread(fd, text, 10, n + 100000) == 0, "behind the end there is nothing");
    close(fd);
    ok(open("/proc/meminfo", O_WRONLY) == -1 || geteuid() == 0,
       "it is not to be written");
}

int main(void) {
    meminfo();
    stat_file();
    busy_is_not_idle();
    loadavg();
    mounts();
    pieces();
    return done_testing();
}
