/* proc_pid.c - proc(5): the files of a process in /proc that ps, top, shells and
 * programs read.
 */
#include "scratch.h"

#include <ctype.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static char text[65536];

/* Reads a whole file into `text`; gives its length, or -1. */
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

static int slurp_pid(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return slurp(path);
}

/* The number behind "Name:" in text; -1 without one. */
static long field(const char *name) {
    char *at = strstr(text, name);
    return at ? strtol(at + strlen(name), NULL, 0) : -1;
}

static struct {
    int pid, ppid, pgrp, session, tty, tpgid;
    unsigned flags;
    long minflt, cminflt, majflt, cmajflt, utime, stime, cutime, cstime, priority, nice,
        threads, itreal;
    unsigned long long start;
    unsigned long vsize;
    long rss;
    char name[64], state;
} info;

/* /proc/PID/stat: "(1) pid (2) comm ... in parentheses (3) state (4) ppid (5) pgrp (6)
 * session (7) tty_nr (8) tpgid (9) flags ... (14) utime (15) stime ... (18) priority
 * (19) nice (20) num_threads ... (22) starttime (23) vsize (24) rss ...", 52 in all. */
static int read_stat(pid_t pid) {
    if (slurp_pid(pid, "stat") <= 0)
        return 0;
    char *left = strchr(text, '('), *right = strrchr(text, ')');
    if (!left || !right)
        return 0;
    info.pid = atoi(text);
    snprintf(info.name, sizeof info.name, "%.*s", (int)(right - left - 1), left + 1);
    int n = sscanf(
        right + 1,
        " %c %d %d %d %d %d %u %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld "
        "%llu %lu %ld",
        &info.state, &info.ppid, &info.pgrp, &info.session, &info.tty, &info.tpgid,
        &info.flags, &info.minflt, &info.cminflt, &info.majflt, &info.cmajflt,
        &info.utime, &info.stime, &info.cutime, &info.cstime, &info.priority,
        &info.nice, &info.threads, &info.itreal, &info.start, &info.vsize, &info.rss);
    return n == 22;
}

static void stat_of_self(void) {
    ok(read_stat(getpid()), "/proc/PID/stat can be read, field by field");
    is_int(info.pid, getpid(), "pid");
    is_int(info.ppid, getppid(), "ppid");
    is_int(info.pgrp, getpgrp(), "pgrp");
    is_int(info.session, getsid(0), "session");
    ok(strcmp(info.name, "proc_pid") == 0, "comm is the program's name");
    is_int(info.state, 'R', "state: who reads it is running");
    is_int(info.threads, 1, "num_threads");
    is_int(info.nice, 0, "nice");
    ok(info.vsize >= 32768 && info.vsize % 4096 == 0, "vsize is in bytes");
    ok(info.rss >= 0 && info.rss <= (long)(info.vsize / 4096), "rss is in pages");
    ok(info.utime >= 0 && info.stime >= 0 && info.start > 0, "times are numbers");
    int fields = 1;
    char *right = strrchr(text, ')');
    for (char *c = right; *c; c++)
        fields += *c == ' ';
    ok(right[1] == ' ' && fields + 1 == 52, "it has 52 fields");
    ok(text[strlen(text) - 1] == '\n' && !memchr(text, '\n', strlen(text) - 1),
       "in one line");
}

/* State letters: R running, S sleeping, T stopped, Z zombie. */
static void states(void) {
    struct gate gate;
    pid_t pid;
    int status;
    gate_init(&gate);
    CHILD (pid) {
        prctl(PR_SET_NAME, "odd) name (x");
        gate_wait(&gate);
    }
    until_asleep(pid);
    ok(read_stat(pid) && info.state == 'S', "a sleeping child is S");
    ok(strcmp(info.name, "odd) name (x") == 0, "prctl(PR_SET_NAME) changes comm");
    is_int(info.ppid, getpid(), "its ppid is this process");
    need(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
    ok(read_stat(pid) && info.state == 'T', "a stopped one is T");
    need(kill(pid, SIGCONT) == 0);
    gate_open(&gate);
    siginfo_t si;
    need(waitid(P_PID, pid, &si, WEXITED | WNOWAIT) == 0);
    ok(read_stat(pid) && info.state == 'Z',
       "one that ended and is not waited for is Z");
    is_int(slurp_pid(pid, "cmdline"), 0, "its cmdline is empty");
    is_exit(wait_for(pid), 0, "it is waited for");
    is_int(slurp_pid(pid, "stat"), -1, "then its directory is gone");
    gate_close(&gate);
}

/* /proc/PID/cmdline: "The command-line arguments appear ... as a set of strings
 * separated by null bytes"; comm, status, statm. */
static void words(char **argv) {
    int n = slurp("/proc/self/cmdline");
    ok(n == (int)strlen(argv[0]) + 1 && strcmp(text, argv[0]) == 0, "cmdline is argv");
    slurp("/proc/self/comm");
    ok(strcmp(text, "proc_pid\n") == 0, "comm is the name and a newline");
    int fd = open("/proc/self/status", O_RDONLY);
    need(read(fd, text, 1) == 1);
    is_errno(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0,
             ENODEV, "no text can be mapped, not even one that was read");
    close(fd);
    ok(slurp("/proc/self/status") > 0, "status");
    char *name = strstr(text, "Name:\t");
    ok(name == text && strncmp(name + 6, "proc_pid\n", 9) == 0, "begins with the name");
    is_int(field("\nPid:"), getpid(), "Pid");
    is_int(field("\nTgid:"), getpid(), "Tgid");
    is_int(field("\nPPid:"), getppid(), "PPid");
    is_int(field("\nUid:"), getuid(), "Uid");
    is_int(field("\nGid:"), getgid(), "Gid");
    is_int(field("\nThreads:"), 1, "Threads");
    char *state = strstr(text, "\nState:\t");
    ok(state && state[8] == 'R', "State");
    ok(field("\nVmSize:") > 0 && field("\nVmRSS:") >= 0, "VmSize and VmRSS");
    char *unit = strstr(text, "\nVmSize:");
    ok(unit && strstr(unit, " kB\n"), "in kB");
    unsigned long size, resident;
    slurp("/proc/self/statm");
    ok(sscanf(text, "%lu %lu", &size, &resident) == 2 && size >= resident, "statm");
}

/* The line of /proc/self/maps that holds the address, or NULL:
 * "address perms offset dev inode pathname". */
static char *map_line(const void *address, char perms[8]) {
    static char line[400];
    unsigned long from, to;
    slurp("/proc/self/maps");
    for (char *at = text; *at;) {
        char *end = strchr(at, '\n');
        need(end);
        if (sscanf(at, "%lx-%lx %5s", &from, &to, perms) == 3
            && from <= (uintptr_t)address && (uintptr_t)address < to) {
            snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
            return line;
        }
        at = end + 1;
    }
    return NULL;
}

static int constant_data = 5;

static void maps(void) {
    char perms[8];
    char *line = map_line((void *)(uintptr_t)map_line, perms);
    ok(line && strcmp(perms, "r-xp") == 0, "maps: the text is r-xp");
    ok(line && strstr(line, "/proc_pid"), "with the program's path");
    ok(map_line(&constant_data, perms) && strcmp(perms, "rw-p") == 0,
       "the data is rw-p");
    ok(map_line(perms, perms) && strcmp(perms, "rw-p") == 0, "the stack is rw-p");
    line = map_line(perms, perms);
    ok(line && strstr(line, "[stack]"), "and called [stack]");
    char *p = mmap(NULL, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(p != MAP_FAILED);
    ok(map_line(p, perms) && strcmp(perms, "r--s") == 0, "a shared mapping ends in s");
    unsigned long from, to, last = 0;
    int sorted = 1;
    slurp("/proc/self/maps");
    for (char *at = text; *at; at = strchr(at, '\n') + 1) {
        sorted &= sscanf(at, "%lx-%lx", &from, &to) == 2 && from >= last && to > from;
        last = to;
    }
    ok(sorted, "ranges are in order and do not overlap");
    munmap(p, 8192);
    ok(map_line(p, perms) == NULL, "what is unmapped is not there");
}

/* /proc/PID/fd: "one entry for each file which the process has open, named by its file
 * descriptor, and which is a symbolic link to the actual file"; cwd, exe. */
static void links(void) {
    char got[400], want[400];
    make_file("open-file", "via the link");
    int fd = open("open-file", O_RDONLY), p[2];
    snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
    snprintf(want, sizeof want, "%s/open-file", scratch_dir.path);
    ssize_t n = readlink(text, got, sizeof got - 1);
    got[n > 0 ? n : 0] = 0;
    ok(strcmp(got, want) == 0, "fd/N leads to the file that is open");
    int again = open(text, O_RDONLY);
    ok(again != fd && read(again, got, 3) == 3 && memcmp(got, "via", 3) == 0
           && lseek(fd, 0, SEEK_CUR) == 0,
       "opening it opens the file anew");
    close(again);
    need(pipe(p) == 0);
    snprintf(text, sizeof text, "/proc/self/fd/%d", p[0]);
    n = readlink(text, got, sizeof got - 1);
    got[n > 0 ? n : 0] = 0;
    ok(strncmp(got, "pipe:[", 6) == 0, "a pipe is pipe:[number]");
    need(write(p[1], "left", 4) == 4 && close(p[1]) == 0);
    alarm(10);          // it is no FIFO: opening it must not wait for a writer
    again = open(text, O_RDONLY);
    ok(again >= 0 && read(again, got, 9) == 4 && memcmp(got, "left", 4) == 0,
       "opens without its writer, and has what was left (as cat /dev/stdin does)");
    is_int(read(again, got, 9), 0, "and then ends");
    alarm(0);
    close(again), close(p[0]);
    is_errno(readlink(text, got, sizeof got), ENOENT,
             "a closed descriptor has no entry");
    DIR *dir = opendir("/proc/self/fd");
    int seen = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        seen += atoi(e->d_name) == fd;
    closedir(dir);
    is_int(seen, 1, "the directory lists the descriptors");
    close(fd);
    n = readlink("/proc/self/cwd", got, sizeof got - 1);
    got[n > 0 ? n : 0] = 0;
    ok(strcmp(got, scratch_dir.path) == 0, "cwd leads to the working directory");
    n = readlink("/proc/self/exe", got, sizeof got - 1);
    got[n > 0 ? n : 0] = 0;
    ok(strlen(got) > 9 && strcmp(got + strlen(got) - 9, "/proc_pid") == 0,
       "exe leads to the program");
}

/* /proc/self "refers to the process accessing the /proc filesystem"; /proc lists the
 * processes as numbers. */
static void self(void) {
    char got[32] = "";
    readlink("/proc/self", got, sizeof got - 1);
    is_int(atoi(got), getpid(), "/proc/self is this process");
    pid_t pid;
    CHILD (pid) {
        readlink("/proc/self", got, sizeof got - 1);
        need(atoi(got) == getpid());
    }
    is_exit(wait_for(pid), 0, "and for a child the child");
    DIR *dir = opendir("/proc");
    int me = 0, init = 0, odd = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        me += atoi(e->d_name) == getpid();
        init += strcmp(e->d_name, "1") == 0;
        odd += isdigit(e->d_name[0]) && atoi(e->d_name) <= 0;
    }
    closedir(dir);
    ok(me == 1 && init == 1 && odd == 0,
       "/proc lists this process and number 1, once each");
    struct stat st;
    is_errno(stat("/proc/999999999", &st), ENOENT, "a number nobody has is ENOENT");
    snprintf(text, sizeof text, "/proc/%lld", (1ll << 32) + getpid());
    is_errno(stat(text, &st), ENOENT, "so is one of more than 32 bits");
    snprintf(text, sizeof text, "/proc/0%d", getpid());
    is_errno(stat(text, &st), ENOENT, "and one with a 0 in front");
    is_errno(open("/proc/self/none", O_RDONLY), ENOENT,
             "so is a name that is not there");
    need(stat("/proc/self/stat", &st) == 0);
    ok(S_ISREG(st.st_mode) && st.st_size == 0, "files of /proc have size 0");
    ok(open("/proc/self/new", O_WRONLY | O_CREAT, 0644) == -1,
       "nothing can be made in /proc");
}

/* /proc/PID/maps: "Permission to access this file is governed by a ptrace access mode
 * check", which wants all three user ids, and which chmod does not change. */
static void secrets(void) {
    if (geteuid() != 0)
        return;
    struct gate ready, done;
    gate_init(&ready);
    gate_init(&done);
    pid_t other, me;
    CHILD (other) {
        need(setresuid(1001, 1002, 1002) == 0);
        gate_open(&ready);
        gate_wait(&done);
    }
    gate_wait(&ready);
    CHILD (me) {
        char path[64], link[64];
        need(setresuid(1002, 1002, 1002) == 0);
        snprintf(path, sizeof path, "/proc/%d/maps", other);
        need(open(path, O_RDONLY) == -1 && errno == EACCES);
        int fd = open(path, O_PATH);
        need(fd >= 0);
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        chmod(link, 0444);
        need(open(link, O_RDONLY) == -1 && errno == EACCES);
    }
    is_exit(wait_for(me), 0, "maps of one with another real id cannot be opened");
    gate_open(&done);
    wait_for(other);
}

int main(int argc, char **argv) {
    (void)argc;
    scratch();
    stat_of_self();
    states();
    words(argv);
    maps();
    links();
    self();
    secrets();
    return done_testing();
}
