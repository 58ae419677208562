/* stack.c - the stack grows by itself as far as RLIMIT_STACK allows; what is below is
 * SIGSEGV. getrlimit(): "RLIMIT_STACK ... If this limit is exceeded, SIGSEGV shall be
 * generated for the thread. If the thread is ... not catching SIGSEGV and has not made
 * arrangements to use an alternate stack, the disposition shall be set to SIG_DFL".
 */
#include "memory.h"

#include <sys/resource.h>
#include <sys/stat.h>

static volatile int sink;

/* Uses about `kib` KiB of stack, a KiB at a time. */
static int __attribute__((noinline)) recurse(int kib) {
    volatile char frame[1024 - 64];
    frame[0] = frame[sizeof frame - 1] = (char)kib;
    __asm__ volatile("" : : "r"(frame) : "memory");
    if (kib > 0)
        sink += recurse(kib - 1);
    return frame[0] + frame[sizeof frame - 1];
}

static void deep(void *unused) {
    (void)unused;
    recurse(4096);
}

static void endless(void *unused) {
    (void)unused;
    recurse(1 << 30);
}

/* The kernel fills pages of the stack that the program has not touched. */
static void system_call_below(void *unused) {
    (void)unused;
    char buffer[256 * 1024];
    int p[2];
    need(pipe(p) == 0 && write(p[1], "stack", 5) == 5);
    need(read(p[0], buffer, 5) == 5 && memcmp(buffer, "stack", 5) == 0);
}

static void limited(void *limit) {
    struct rlimit r = { *(rlim_t *)limit, *(rlim_t *)limit };
    need(setrlimit(RLIMIT_STACK, &r) == 0);
    recurse(1024);
}

static sigjmp_buf back;

static void on_signal(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)context;
    char here;
    need(info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR);
    need(info->si_addr != &here);
    siglongjmp(back, 1);
}

/* sigaltstack(): "a signal handler on an alternate stack survives the overflow". */
static void alternate_stack(void *unused) {
    (void)unused;
    static char room[16384];
    stack_t stack = { .ss_sp = room, .ss_size = sizeof room };
    struct sigaction sa = { .sa_sigaction = on_signal,
                            .sa_flags = SA_SIGINFO | SA_ONSTACK };
    need(sigaltstack(&stack, NULL) == 0 && sigaction(SIGSEGV, &sa, NULL) == 0);
    if (sigsetjmp(back, 1) == 0)
        endless(NULL);
    recurse(100);
}

/* The stack ends somewhere: below it nothing is mapped, and it is not grown by a
 * pointer that is far away from it. */
static void far_below(void *unused) {
    (void)unused;
    char here;
    struct rlimit r;
    need(getrlimit(RLIMIT_STACK, &r) == 0 && r.rlim_cur != RLIM_INFINITY);
    char *p =
        (char *)(((uintptr_t)&here - (uintptr_t)r.rlim_cur - 64 * PAGE) / PAGE * PAGE);
    need(touch_read(p) == SIGSEGV);
}

/* Stack pages are zero when they are first used, and are not shared with a child. */
static void zero_and_private(void *unused) {
    (void)unused;
    char area[64 * 1024];
    char *low = (char *)(((uintptr_t)area + PAGE) / PAGE * PAGE);
    need(other_bytes(low, 4 * PAGE, 0) == 0);
    low[0] = 'p';
    pid_t pid;
    CHILD (pid) {
        need(low[0] == 'p');
        low[0] = low[PAGE] = 'c';
    }
    need(wait_for(pid) == 0 && low[0] == 'p' && low[PAGE] == 0);
}

int main(void) {
    rlim_t small = 256 * 1024, large = 4 * 1024 * 1024;
    struct rlimit r;
    need(getrlimit(RLIMIT_STACK, &r) == 0);
    ok(r.rlim_cur >= 8 << 20 && r.rlim_cur <= r.rlim_max, "the stack may have 8 MiB");
    is_exit(in_child(deep, NULL), 0, "the stack grows to 4 MiB by itself");
    is_exit(in_child(zero_and_private, NULL), 0,
            "new stack is zero, and private to a process");
    is_exit(in_child(system_call_below, NULL), 0,
            "a system call may store in untouched stack");
    is_killed(in_child(endless, NULL), SIGSEGV, "endless recursion ends in SIGSEGV");
    is_killed(in_child(limited, &small), SIGSEGV,
              "RLIMIT_STACK of 256 KiB holds it earlier");
    is_exit(in_child(limited, &large), 0, "and of 4 MiB does not");
    is_exit(in_child(alternate_stack, NULL), 0,
            "a handler on an alternate stack survives the overflow");
    is_exit(in_child(far_below, NULL), 0, "below the limit nothing is mapped");
    is_exit(in_child(deep, NULL), 0, "after all this a stack grows as before");
    return done_testing();
}
