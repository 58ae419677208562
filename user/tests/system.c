/* system.c - POSIX uname(), sysconf(), gethostname(), and sysinfo(2): what a program
 * learns about the system it runs on.
 */
#include "raw.h"
#include "tap.h"

#include <limits.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* uname(): "information identifying the current system ... null-terminated". */
static void names(void) {
    struct utsname u;
    char host[256];
    memset(&u, 'x', sizeof u);
    is_int(uname(&u), 0, "uname");
    ok(memchr(u.sysname, 0, sizeof u.sysname) && u.sysname[0], "sysname: %s",
       u.sysname);
    ok(memchr(u.nodename, 0, sizeof u.nodename) && u.nodename[0], "nodename");
    ok(memchr(u.release, 0, sizeof u.release) && u.release[0] >= '0'
           && u.release[0] <= '9',
       "release starts with a number, as C libraries expect");
    ok(memchr(u.version, 0, sizeof u.version) && u.version[0], "version");
    ok(memchr(u.machine, 0, sizeof u.machine) && u.machine[0], "machine");
    ok(gethostname(host, sizeof host) == 0 && strcmp(host, u.nodename) == 0,
       "gethostname is the nodename");
    is_int(raw(SYS_uname, 8), -EFAULT, "a bad pointer is EFAULT");
}

/* sysinfo(2): uptime, memory in units of mem_unit, number of processes. */
static void information(void) {
    struct sysinfo si;
    memset(&si, 0x5a, sizeof si);
    is_int(sysinfo(&si), 0, "sysinfo");
    ok(si.mem_unit > 0 && si.totalram > 0 && si.freeram <= si.totalram, "memory");
    ok(si.procs > 0, "processes");
    ok(si.freeswap <= si.totalswap, "swap");
    struct timespec boot;
    need(clock_gettime(CLOCK_BOOTTIME, &boot) == 0);
    ok((long)si.uptime <= boot.tv_sec + 1, "uptime agrees with CLOCK_BOOTTIME");
    is_int(raw(SYS_sysinfo, 8), -EFAULT, "a bad pointer is EFAULT");
}

/* sysconf(): "the current value of a configurable system limit". */
static void limits(void) {
    is_int(sysconf(_SC_PAGESIZE), 4096, "pages have 4096 bytes");
    is_int(sysconf(_SC_CLK_TCK), 100, "100 ticks a second");
    ok(sysconf(_SC_OPEN_MAX) >= 64, "_SC_OPEN_MAX is the limit of descriptors");
    ok(sysconf(_SC_ARG_MAX) >= _POSIX_ARG_MAX, "_SC_ARG_MAX");
    ok(sysconf(_SC_NPROCESSORS_ONLN) >= 1, "_SC_NPROCESSORS_ONLN");
    ok(sysconf(_SC_NPROCESSORS_CONF) >= sysconf(_SC_NPROCESSORS_ONLN),
       "_SC_NPROCESSORS_CONF");
    ok(sysconf(_SC_PHYS_PAGES) > sysconf(_SC_AVPHYS_PAGES),
       "there are more pages than free");
    ok(pathconf("/", _PC_NAME_MAX) == 255, "names have 255 bytes");
    ok(pathconf("/", _PC_PIPE_BUF) == 4096, "PIPE_BUF is 4096");
}

/* System calls that are none. */
static void others(void) {
    is_int(raw(1000), -ENOSYS, "a number that no call has is ENOSYS");
    is_int(raw(-1), -ENOSYS, "-1 too");
    is_int(raw(0x7fffffff), -ENOSYS, "and the largest");
}

int main(void) {
    names();
    information();
    limits();
    others();
    return done_testing();
}
