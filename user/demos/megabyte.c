/* megabyte.c - moving a megabyte: page tables instead of bytes.
 * Order: 74
 *
 * The same megabyte twice: copied through the kernel in messages of 64 KiB, and moved
 * by MSG_MOVE in one. Afterwards the sender has it still, or not any more.
 *
 * FEATURE(14, 21, 118)
 */
#include "demo.h"
#include <fcntl.h>
#include <parley.h>
#include <sys/mman.h>
#include <time.h>

enum { MIB = 1 << 20, PAGE = 4096 };

static int box;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Pages of memory that this process has: the second number of /proc/self/statm. */
static long pages(void) {
    char text[128] = "";
    long size = 0, resident = 0;
    int fd = (int)must(open("/proc/self/statm", O_RDONLY), "/proc/self/statm");
    must(read(fd, text, sizeof text - 1), "read");
    must(sscanf(text, "%ld %ld", &size, &resident) == 2 ? 0 : -1, "statm");
    close(fd);
    return resident;
}

static unsigned char *make_megabyte(void) {
    unsigned char *from =
        mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(from == MAP_FAILED ? -1 : 0, "mmap");
    for (int i = 0; i < MIB; i++)
        from[i] = (unsigned char)(i * 31 + i / 4099);
    return from;
}

static int is_megabyte(const unsigned char *p) {
    for (int i = 0; i < MIB; i++)
        if (p[i] != (unsigned char)(i * 31 + i / 4099))
            return 0;
    return 1;
}

/* What happens to a process that reads there. */
static const char *read_it(const volatile unsigned char *p) {
    int status;
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(p[0] != 0);
    must(waitpid(child, &status, 0), "waitpid");
    return fate(status);
}

static long long copy_it(unsigned char *from, unsigned char *to) {
    long long start = now();
    for (int at = 0; at < MIB; at += MSG_MAX) {
        struct msg m = { .body = from + at, .length = MSG_MAX };
        must(mbox_send(box, &m, 0, FOREVER), "mbox_send");
        m = (struct msg){ .body = to + at, .room = MSG_MAX };
        must(mbox_receive(box, &m, 0, FOREVER), "mbox_receive");
    }
    return now() - start;
}

static void copied(void) {
    unsigned char *from = make_megabyte(), *to = make_megabyte();
    memset(to, 0, MIB);
    long long time = copy_it(from, to);
    say("Copied, in %d messages of %d KiB:", MIB / MSG_MAX, MSG_MAX / 1024);
    say("  every byte moves twice: into the kernel's queue and out of it");
    say("  the receiver has it       %s",
        mark(is_megabyte(to), "byte for byte", "DAMAGED"));
    say("  the sender has it still   %s",
        mark(is_megabyte(from), "two copies", "LOST"));
    say("  time                      %s microseconds", some((long)(time / 1000)));
    munmap(from, MIB);
    munmap(to, MIB);
}

static void moved(void) {
    unsigned char *from = make_megabyte();
    struct msg m = { .body = from, .length = MIB };
    long before = pages();
    long long start = now();
    must(mbox_send(box, &m, MSG_MOVE, FOREVER), "mbox_send");
    long long time = now() - start;
    long gone = before - pages();
    say("Moved, in 1 message of 1 MiB:");
    say("  after the send I have     %ld pages less", gone);
    expect(gone >= MIB / PAGE - 2 && gone <= MIB / PAGE);
    const char *end = read_it(from);
    say("  a process that reads it   is %s", mark(strstr(end, "11") != NULL, end, end));
    m = (struct msg){ .body = NULL };
    start = now();
    must(mbox_receive(box, &m, MSG_MOVE, FOREVER), "mbox_receive");
    time += now() - start;
    say("  the receiver has it       %s, at %s, which the kernel chose",
        mark(is_megabyte(m.body), "byte for byte", "DAMAGED"), addr(m.body));
    say("  time                      %s microseconds", some((long)(time / 1000)));
    munmap(m.body, MIB);
}

static void too_small(void) {
    char *page = (char *)make_megabyte();
    struct msg m = { .body = page + 1, .length = PAGE };
    expect(mbox_send(box, &m, MSG_MOVE, NOWAIT) == -1);
    say("Only whole pages move. At an odd address: %s.",
        mark(errno == EINVAL, strerror(errno), strerror(errno)));
    munmap(page, MIB);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "megabyte: move the page tables, not the bytes");
    box = (int)must(mbox_create(NULL), "mbox_create");
    copied();
    gap();
    moved();
    gap();
    too_small();
    say("What moves is an entry of 8 bytes for each page of 4096. For a page that was\n"
        "never touched there is not even that.");
    close(box);
    return demo_end("the size. From which one on is moving faster? (or: costs)",
                    "kernel/ipc/move_pages.c");
}
