/* sigjmp.c - POSIX siglongjmp(): "shall restore the environment saved by the most
 * recent invocation of sigsetjmp() ... shall restore the signal mask if and only if the
 * env argument was initialized by a call to sigsetjmp() with a non-zero savemask
 * argument". Leaving a handler so must leave nothing behind in the kernel.
 */
#include "tap.h"

#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf env;
static volatile sig_atomic_t count;

static void leave(int sig) {
    (void)sig;
    count++;
    siglongjmp(env, count);
}

static int is_blocked(int sig) {
    sigset_t set;
    need(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
    return sigismember(&set, sig);
}

static void masks(void) {
    signal(SIGUSR1, leave);
    int value = sigsetjmp(env, 1);
    if (value == 0)
        raise(SIGUSR1);
    is_int(value, 1, "siglongjmp out of a handler comes back to sigsetjmp");
    ok(!is_blocked(SIGUSR1), "with the mask of that time");
    if (sigsetjmp(env, 0) == 0)
        raise(SIGUSR1);
    ok(is_blocked(SIGUSR1), "or with the handler's mask if it was not saved");
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void often(void) {
    count = 0;
    while (count < 300)
        if (sigsetjmp(env, 1) == 0)
            raise(SIGUSR1);
    is_int(count, 300, "300 times");
}

static volatile char *volatile nowhere = (char *)16;

static void out_of_faults(void) {
    signal(SIGSEGV, leave);
    count = 0;
    while (count < 100)
        if (sigsetjmp(env, 1) == 0)
            *nowhere = 1;
    is_int(count, 100, "a fault can be survived 100 times");
    signal(SIGSEGV, SIG_DFL);
}

static void outer(int sig) {
    (void)sig;
    raise(SIGUSR1);                                   // its handler jumps past this one
    _exit(1);
}

static void nested(void) {
    signal(SIGUSR2, outer);
    count = 0;
    if (sigsetjmp(env, 1) == 0)
        raise(SIGUSR2);
    ok(count == 1 && !is_blocked(SIGUSR1) && !is_blocked(SIGUSR2),
       "a jump across two handlers restores both masks");
}

/* From an alternate stack: the next signal starts at its top again, however often. */
static void from_alternate_stack(void) {
    struct sigaction sa = { .sa_handler = leave, .sa_flags = SA_ONSTACK };
    char *stack =
        mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t ss = { .ss_sp = stack, .ss_size = 16384 }, now;
    need(stack != MAP_FAILED && sigaltstack(&ss, NULL) == 0);
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    count = 0;
    while (count < 200)
        if (sigsetjmp(env, 1) == 0)
            raise(SIGUSR1);
    is_int(count, 200, "200 jumps from a handler on the alternate stack");
    need(sigaltstack(NULL, &now) == 0);
    is_int(now.ss_flags, 0, "which is not in use then");
    ss.ss_flags = SS_DISABLE;
    need(sigaltstack(&ss, NULL) == 0);
}

/* Interrupting a sleep: the read is gone, the pipe is as it was. */
static void out_of_a_call(void) {
    int p[2];
    pid_t pid, parent = getpid();
    char c;
    signal(SIGUSR1, leave);
    count = 0;
    need(pipe(p) == 0);
    if (sigsetjmp(env, 1) == 0) {
        CHILD (pid) {
            until_asleep(parent);
            kill(parent, SIGUSR1);
        }
        read(p[0], &c, 1);
    }
    is_int(count, 1, "a jump out of a sleeping read");
    need(write(p[1], "x", 1) == 1);
    ok(read(p[0], &c, 1) == 1 && c == 'x', "after which the pipe works");
    while (wait(NULL) > 0)
        ;
    close(p[0]);
    close(p[1]);
}

int main(void) {
    masks();
    often();
    out_of_faults();
    nested();
    from_alternate_stack();
    out_of_a_call();
    return done_testing();
}
