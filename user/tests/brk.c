/* brk.c - brk(2): "the program break ... is the first location after the end of the
 * uninitialized data segment"; the system call gives the new break, or the old one when
 * it cannot be moved. A C library's malloc may use it, so the tests run in children.
 */
#include "memory.h"
#include "raw.h"

#include <sys/resource.h>

static char *move_to(char *where) {
    return (char *)raw(SYS_brk, (long)where);
}

static void moving(void *unused) {
    (void)unused;
    char *old = move_to(NULL);
    char *start = (char *)(((uintptr_t)old + PAGE - 1) / PAGE * PAGE);
    need(move_to(start) == start);
    need(move_to(start + 3 * PAGE) == start + 3 * PAGE);
    need(other_bytes(start, 3 * PAGE, 0) == 0);
    memset(start, 'b', 3 * PAGE);
    need(move_to(NULL) == start + 3 * PAGE);
    need(move_to(start + PAGE + 10) == start + PAGE + 10);
    need(touch_read(start + PAGE + 11) == 0);           // the page with the break in it
    need(touch_read(start + 2 * PAGE) == SIGSEGV);
    need(move_to(start + 3 * PAGE) == start + 3 * PAGE);
    need(other_bytes(start + 2 * PAGE, PAGE, 0) == 0);
    need(start[PAGE - 1] == 'b');
}

/* "brk() sets the end of the data segment to the value specified by addr, when that
 * value is reasonable". */
static void unreasonable(void *unused) {
    (void)unused;
    char *now = move_to(NULL);
    need(move_to((char *)8) == now);
    need(move_to((char *)0x10000) == now);
    need(move_to((char *)0xfffff000) == now);
    need(move_to((char *)0xffffffff) == now);
    need(move_to((char *)(uintptr_t)&move_to) == now);  // below where the heap starts
    need(move_to(NULL) == now);
    need(move_to(now) == now);
}

/* The break does not run into a mapping. */
static void in_the_way(void *unused) {
    (void)unused;
    char *now = move_to(NULL);
    char *wall = (char *)(((uintptr_t)now + PAGE - 1) / PAGE * PAGE) + 16 * PAGE;
    char *p =
        mmap(wall, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    need(p == wall);
    need(move_to(wall + 2 * PAGE) == now);
    need(move_to(wall - 8 * PAGE) == wall - 8 * PAGE);
}

/* getrlimit(): "RLIMIT_DATA ... malloc() shall fail"; RLIMIT_AS likewise. */
static void limited(void *unused) {
    (void)unused;
    char *now = move_to(NULL);
    struct rlimit limit = { 32 << 20, 32 << 20 };
    need(setrlimit(RLIMIT_AS, &limit) == 0);
    need(move_to(now + (48 << 20)) == now);
    need(move_to(now + (1 << 20)) == now + (1 << 20));
}

/* fork(2): the child's break is its own. */
static void across_fork(void *unused) {
    (void)unused;
    char *now = move_to(NULL);
    pid_t pid;
    CHILD (pid)
        need(move_to(now + 4 * PAGE) == now + 4 * PAGE);
    need(wait_for(pid) == 0 && move_to(NULL) == now);
}

int main(void) {
    char *start = move_to(NULL);
    extern char _end[];
    ok(start >= _end, "the break starts behind the program's data");
    is_exit(in_child(moving, NULL), 0,
            "the break moves up and down; new memory is zero");
    is_exit(in_child(unreasonable, NULL), 0,
            "an unreasonable break leaves the old one");
    is_exit(in_child(in_the_way, NULL), 0, "the break does not run into a mapping");
    is_exit(in_child(limited, NULL), 0, "the break is held to RLIMIT_AS");
    is_exit(in_child(across_fork, NULL), 0, "a child's break is its own");
    ok(move_to(NULL) == start, "none of this moved the parent's");
    return done_testing();
}
