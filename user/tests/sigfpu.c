/* sigfpu.c - the x87 and SSE state belongs to the interrupted context: POSIX on
 * handlers, "the receiving thread's context"; C11 7.6: the environment. A handler
 * starts with the initial state and what it does there is not seen afterwards; fork and
 * new threads copy the state, exec starts afresh.
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>
#include <stddef.h>
#include <ucontext.h>

struct state {
    uint8_t xmm[8][16];
    double st[8];
    uint32_t mxcsr;
    uint16_t control;
};

/* Loads all of `in`, performs the system call, stores what is there afterwards. */
static long with_state(const struct state *in, struct state *out, long nr, long a,
                       long b) {
    __asm__ volatile(
        "fninit\n\t"
        "fldl 184(%[in]); fldl 176(%[in]); fldl 168(%[in]); fldl 160(%[in])\n\t"
        "fldl 152(%[in]); fldl 144(%[in]); fldl 136(%[in]); fldl 128(%[in])\n\t"
        "fldcw 196(%[in]); ldmxcsr 192(%[in])\n\t"
        "movups (%[in]), %%xmm0; movups 16(%[in]), %%xmm1; movups 32(%[in]), %%xmm2\n\t"
        "movups 48(%[in]), %%xmm3; movups 64(%[in]), %%xmm4\n\t"
        "movups 80(%[in]), %%xmm5\n\t"
        "movups 96(%[in]), %%xmm6; movups 112(%[in]), %%xmm7\n\t"
        "int $0x80\n\t"
        "movups %%xmm0, (%[out]); movups %%xmm1, 16(%[out])\n\t"
        "movups %%xmm2, 32(%[out]); movups %%xmm3, 48(%[out])\n\t"
        "movups %%xmm4, 64(%[out]); movups %%xmm5, 80(%[out])\n\t"
        "movups %%xmm6, 96(%[out]); movups %%xmm7, 112(%[out])\n\t"
        "stmxcsr 192(%[out]); fnstcw 196(%[out])\n\t"
        "fstpl 128(%[out]); fstpl 136(%[out]); fstpl 144(%[out]); fstpl 152(%[out])\n\t"
        "fstpl 160(%[out]); fstpl 168(%[out]); fstpl 176(%[out]); fstpl 184(%[out])\n\t"
        "fninit"
        : "+a"(nr)
        : "b"(a), "c"(b), [in] "S"(in), [out] "D"(out)
        : "memory", "cc");
    return nr;
}

static void fill(struct state *s, int seed) {
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 8; i++) {
        memset(s->xmm[i], seed + i * 3, 16);
        s->st[i] = seed * 1.5 + i / 8.0;
    }
    s->mxcsr = 0x5f80;                                  // round up
    s->control = 0xb7f;                                 // round up
}

static int same(const struct state *a, const struct state *b) {
    return memcmp(a, b, offsetof(struct state, control) + 2) == 0;
}

static struct {
    uint16_t control, status, tag;
    uint32_t mxcsr;
    uint8_t xmm0[16];
} fresh;

static volatile int edit_control;

/* Looks at the state it was given, then spoils it. */
static void handler(int sig, siginfo_t *si, void *context) {
    uint16_t environment[14];
    ucontext_t *u = context;
    (void)sig;
    (void)si;
    __asm__ volatile("fnstenv %0; stmxcsr %1; movups %%xmm0, %2"
                     : "=m"(environment), "=m"(fresh.mxcsr), "=m"(fresh.xmm0));
    fresh.control = environment[0];
    fresh.status = environment[2];
    fresh.tag = environment[4];
    uint32_t other = 0x1fa0;
    __asm__ volatile("fninit; fldpi; fldpi; ldmxcsr %0\n\t"
                     "pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm3, %%xmm3\n\t"
                     "pcmpeqd %%xmm7, %%xmm7"
                     : : "m"(other));
    if (edit_control)
        u->uc_mcontext.fpregs->cw = (unsigned)edit_control;
}

static void in_handlers(void) {
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    struct state in, out;
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    fill(&in, 1);
    is_int(with_state(&in, &out, SYS_kill, getpid(), SIGUSR1), 0,
           "a handler spoils all state");
    ok(memcmp(in.xmm, out.xmm, sizeof in.xmm) == 0, "the XMM registers come back");
    ok(memcmp(in.st, out.st, sizeof in.st) == 0, "the x87 stack comes back");
    is_int(out.mxcsr, in.mxcsr, "MXCSR comes back");
    is_int(out.control, in.control, "the x87 control word comes back");
    is_int(fresh.control, 0x37f, "the handler started with control word 0x37f");
    is_int(fresh.tag, 0xffff, "an empty x87 stack");
    is_int(fresh.mxcsr, 0x1f80, "and MXCSR 0x1f80");
    edit_control = 0x27f;
    with_state(&in, &out, SYS_kill, getpid(), SIGUSR1);
    is_int(out.control, 0x27f,
           "a control word edited in the frame is loaded on return");
    edit_control = 0;
}

/* Calls that switch to other users of the same registers. */
static void over_calls(void) {
    struct state in, out;
    int right = 0;
    pid_t pid;
    CHILD (pid)
        for (;;) {
            fill(&in, 77);
            need(with_state(&in, &out, SYS_sched_yield, 0, 0) == 0 && same(&in, &out));
        }
    for (int i = 0; i < 100; i++) {
        fill(&in, i);
        with_state(&in, &out, SYS_sched_yield, 0, 0);
        right += same(&in, &out);
    }
    is_int(right, 100,
           "the state is the same after a call that switches to another process");
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "for the other one, too");
}

static void *thread(void *control) {
    __asm__ volatile("fnstcw %0; stmxcsr %1"
                     : "=m"(*(uint16_t *)control), "=m"(((uint32_t *)control)[1]));
    struct state in, out;
    for (int i = 0; i < 100; i++) {
        fill(&in, i + 100);
        with_state(&in, &out, SYS_sched_yield, 0, 0);
        if (!same(&in, &out))
            return NULL;
    }
    return control;
}

static void inherited(void) {
    struct state in, out;
    uint16_t control = 0xf7f, normal = 0x37f;
    uint32_t mxcsr = 0x7f80, usual = 0x1f80, got[2];
    void *result;
    pthread_t t;
    fill(&in, 9);
    long pid = with_state(&in, &out, SYS_fork, 0, 0);
    if (pid == 0)
        _exit(same(&in, &out) ? 17 : 18);
    is_exit(wait_for((pid_t)pid), 17, "fork: the child has the parent's state");
    ok(same(&in, &out), "and the parent keeps it");
    __asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(control), "m"(mxcsr));
    int made = pthread_create(&t, NULL, thread, got);
    __asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(normal), "m"(usual));
    need(made == 0 && pthread_join(t, &result) == 0);
    is_int(got[0] & 0xffff, control, "a new thread has its creator's x87 control word");
    is_int(got[1], mxcsr, "and MXCSR");
    ok(result == got, "and threads keep their states apart");
}

/* exec: the initial state, and nothing of the old registers. */
static int see_initial(void) {
    uint16_t environment[14];
    uint32_t mxcsr;
    uint8_t xmm[16], zero[16] = { 0 };
    __asm__ volatile("fnstenv %0; stmxcsr %1; movups %%xmm5, %2"
                     : "=m"(environment), "=m"(mxcsr), "=m"(xmm));
    if (environment[0] != 0x37f || environment[4] != 0xffff)
        return 1;
    if (mxcsr != 0x1f80)
        return 2;
    return memcmp(xmm, zero, 16) ? 3 : 4;
}

static void executed(void) {
    char *self = self_path(), *argv[] = { self, "initial", NULL }, *envp[] = { NULL };
    struct state in;
    pid_t pid;
    fill(&in, 5);
    CHILD (pid) {
        long r = SYS_execve;
        __asm__ volatile("fninit; fldpi; fldcw %1; ldmxcsr %2\n\t"
                         "movups %3, %%xmm5; int $0x80"
                         : "+a"(r)
                         : "m"(in.control), "m"(in.mxcsr), "m"(in.xmm[5]), "b"(self),
                           "c"(argv), "d"(envp)
                         : "memory");
        _exit(97);
    }
    is_exit(wait_for(pid), 4, "exec: the new program starts with the initial state");
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return see_initial();
    in_handlers();
    over_calls();
    inherited();
    executed();
    return done_testing();
}
