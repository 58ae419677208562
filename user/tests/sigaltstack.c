/* sigaltstack.c - POSIX sigaltstack(): "allows a process to define and examine the
 * state of an alternate stack for signal handlers for the current thread";
 * sigaltstack(2) ERRORS.
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { SIZE = 16384 };

static char *stack;
static volatile uintptr_t where, nested_where;
static stack_t seen;
static volatile int refused;

static void handler(int sig) {
    int here;
    (void)sig;
    where = (uintptr_t)&here;
    sigaltstack(NULL, &seen);
    stack_t other = { .ss_sp = stack, .ss_size = SIZE };
    refused = sigaltstack(&other, NULL) == -1 ? errno : 0;
}

static void inner(int sig) {
    int here;
    (void)sig;
    nested_where = (uintptr_t)&here;
}

static void outer(int sig) {
    handler(sig);
    raise(SIGUSR2);
}

static int is_inside(uintptr_t address) {
    return address >= (uintptr_t)stack && address < (uintptr_t)stack + SIZE;
}

static void set(int sig, void (*function)(int), int flags) {
    struct sigaction sa = { .sa_handler = function, .sa_flags = flags };
    need(sigaction(sig, &sa, NULL) == 0);
}

static void use(void) {
    stack_t ss = { .ss_sp = stack, .ss_size = SIZE }, old;
    need(sigaltstack(NULL, &old) == 0);
    is_int(old.ss_flags, SS_DISABLE, "there is none at first: SS_DISABLE");
    is_int(sigaltstack(&ss, &old), 0, "one is set");
    need(sigaltstack(NULL, &old) == 0);
    ok(old.ss_sp == stack && old.ss_size == SIZE && old.ss_flags == 0, "and shown");
    set(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    ok(is_inside(where), "a handler with SA_ONSTACK runs there");
    is_int(seen.ss_flags, SS_ONSTACK, "where SS_ONSTACK is shown");
    is_int(refused, EPERM, "EPERM: the stack cannot be changed while it is in use");
    set(SIGUSR1, handler, 0);
    raise(SIGUSR1);
    ok(!is_inside(where), "a handler without SA_ONSTACK does not");
    set(SIGUSR1, outer, SA_ONSTACK);
    set(SIGUSR2, inner, SA_ONSTACK);
    raise(SIGUSR1);
    ok(is_inside(nested_where) && nested_where < where,
       "a second signal goes on below the first and does not overwrite it");
}

static void refuse(void) {
    stack_t ss = { .ss_sp = stack, .ss_size = 2047 };
    is_errno(sigaltstack(&ss, NULL), ENOMEM, "ENOMEM: smaller than MINSIGSTKSZ (2048)");
    ss.ss_size = SIZE;
    ss.ss_flags = 0x55;
    is_errno(sigaltstack(&ss, NULL), EINVAL, "EINVAL: unknown flags");
    is_int(raw(SYS_sigaltstack, 16, 0), -EFAULT, "EFAULT: ss");
    is_int(raw(SYS_sigaltstack, 0, 16), -EFAULT, "EFAULT: oss");
    ss.ss_flags = SS_DISABLE;
    ss.ss_size = 0;
    is_int(sigaltstack(&ss, NULL), 0, "SS_DISABLE: the rest is ignored");
    set(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    ok(!is_inside(where), "then the ordinary stack is used");
}

/* What it is for: a handler for the overflow of the ordinary stack. */
static sigjmp_buf env;

static void overflowed(int sig) {
    handler(sig);
    siglongjmp(env, 1);
}

static int recurse(volatile char *above) {
    volatile char here[4096];
    here[0] = above ? above[0] : 1;
    return here[0] == 2 ? 0 : recurse(here) + here[0];  // always 1
}

static void overflow(void) {
    stack_t ss = { .ss_sp = stack, .ss_size = SIZE };
    struct rlimit old, small = { 1 << 18, 1 << 18 };
    need(getrlimit(RLIMIT_STACK, &old) == 0);
    small.rlim_max = old.rlim_max;
    need(setrlimit(RLIMIT_STACK, &small) == 0);         // need not eat 8 MiB for that
    need(sigaltstack(&ss, NULL) == 0);
    set(SIGSEGV, overflowed, SA_ONSTACK);
    where = 0;
    if (sigsetjmp(env, 1) == 0)
        recurse(NULL);
    ok(is_inside(where), "endless recursion ends in a handler on the alternate stack");
    set(SIGSEGV, SIG_DFL, 0);
    setrlimit(RLIMIT_STACK, &old);
}

static void *look(void *unused) {
    stack_t ss;
    (void)unused;
    need(sigaltstack(NULL, &ss) == 0);
    return (void *)(intptr_t)ss.ss_flags;
}

/* fork: "inherits a copy of its parent's alternate signal stack settings"; a thread has
 * none. */
static void inheritance(void) {
    stack_t ss;
    pthread_t t;
    void *flags;
    pid_t pid;
    CHILD (pid) {
        need(sigaltstack(NULL, &ss) == 0 && ss.ss_sp == stack && ss.ss_flags == 0);
        set(SIGUSR1, handler, SA_ONSTACK);
        raise(SIGUSR1);
        need(is_inside(where));
    }
    is_exit(wait_for(pid), 0, "a child by fork has the alternate stack");
    need(pthread_create(&t, NULL, look, NULL) == 0 && pthread_join(t, &flags) == 0);
    is_int((intptr_t)flags, SS_DISABLE, "a new thread has none");
}

/* sigaltstack(2) and sigaction(2): if the frame cannot be written "the process is
 * terminated" by SIGSEGV. */
static void bad(void *where_it_is) {
    struct rlimit no_core = { 0, 0 };
    stack_t ss = { .ss_sp = where_it_is, .ss_size = SIZE };
    setrlimit(RLIMIT_CORE, &no_core);
    need(raw(SYS_sigaltstack, (long)&ss, 0) == 0);
    set(SIGUSR1, handler, SA_ONSTACK);
    set(SIGSEGV, handler, SA_ONSTACK);
    raise(SIGUSR1);
}

int main(void) {
    stack =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(stack != MAP_FAILED);
    use();
    refuse();
    overflow();
    inheritance();
    is_killed(in_child(bad, (void *)0x10000), SIGSEGV,
              "an unmapped alternate stack kills");
    is_killed(in_child(bad, (void *)(0xfffff000 - SIZE)), SIGSEGV,
              "one in the kernel kills");
    is_killed(in_child(bad, (void *)(uintptr_t)main), SIGSEGV, "one in the text kills");
    return done_testing();
}
