/* sigaction.c - POSIX sigaction(): "allows the calling process to examine and/or
 * specify the action to be associated with a specific signal", and the flags;
 * sigaction(2).
 */
/* FEATURE(100): kill() in one process makes a function run in another */
/* FEATURE(102): a caught signal calls the user's handler */
/* FEATURE(106): write a handler, register it, a signal is sent, it runs */
#include "raw.h"
#include "tap.h"

static volatile sig_atomic_t count, last, depth, deepest;
static sigset_t seen_mask;

static void handler(int sig) {
    last = sig;
    count++;
    sigprocmask(SIG_BLOCK, NULL, &seen_mask);
}

static void nesting(int sig) {
    if (++depth > deepest)
        deepest = depth;
    if (depth < 3)
        raise(sig);
    depth--;
    count++;
}

static void set(int sig, void (*function)(int), int flags, int also_blocked) {
    struct sigaction sa = { .sa_handler = function, .sa_flags = flags };
    if (also_blocked)
        sigaddset(&sa.sa_mask, also_blocked);
    need(sigaction(sig, &sa, NULL) == 0);
    count = last = 0;
}

/* "If the argument act is not a null pointer ... specifying the action"; oact: "the
 * action previously associated with the signal is stored". */
static void examine(void) {
    struct sigaction sa, old;
    set(SIGUSR1, handler, SA_RESTART | SA_NODEFER, SIGUSR2);
    need(sigaction(SIGUSR1, NULL, &old) == 0);
    ok(old.sa_handler == handler, "the handler that was set is given back");
    is_int(old.sa_flags & (SA_RESTART | SA_NODEFER | SA_RESETHAND | SA_SIGINFO),
           SA_RESTART | SA_NODEFER, "with its flags");
    ok(sigismember(&old.sa_mask, SIGUSR2) && !sigismember(&old.sa_mask, SIGTERM),
       "and mask");
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = SIG_DFL;
    need(sigaction(SIGUSR1, &sa, &old) == 0);
    ok(old.sa_handler == handler, "setting gives the previous action");
    need(sigaction(SIGUSR1, NULL, &old) == 0);
    ok(old.sa_handler == SIG_DFL, "and the new one is in force");
}

/* "[EINVAL] The sig argument is not a valid signal number, or an attempt is made to
 * catch a signal that cannot be caught or ignore a signal that cannot be ignored." */
static void refuse(void) {
    struct sigaction sa = { .sa_handler = handler };
    unsigned char k[20] = { 0 };                        // the kernel's struct, SIG_DFL
    static const int bad[] = { 0, -1, 65, 1000, 0x7fffffff };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is_int(raw(SYS_rt_sigaction, bad[i], (long)k, 0, 8), -EINVAL,
               "EINVAL: signal %d", bad[i]);
    is_errno(sigaction(SIGKILL, &sa, NULL), EINVAL, "EINVAL: SIGKILL cannot be caught");
    is_errno(sigaction(SIGSTOP, &sa, NULL), EINVAL, "EINVAL: SIGSTOP cannot be caught");
    sa.sa_handler = SIG_IGN;
    is_errno(sigaction(SIGKILL, &sa, NULL), EINVAL,
             "EINVAL: SIGKILL cannot be ignored");
    is_errno(sigaction(SIGSTOP, &sa, NULL), EINVAL,
             "EINVAL: SIGSTOP cannot be ignored");
    works(sigaction(SIGKILL, NULL, &sa), "one may ask for the action of SIGKILL");
    ok(sa.sa_handler == SIG_DFL, "which is the default");
    is_int(raw(SYS_rt_sigaction, SIGUSR1, (long)k, 0, 4), -EINVAL,
           "EINVAL: a set of 4 bytes");
    is_int(raw(SYS_rt_sigaction, SIGUSR1, (long)k, 0, 128), -EINVAL,
           "EINVAL: a set of 128 bytes");
    is_int(raw(SYS_rt_sigaction, SIGUSR1, 16, 0, 8), -EFAULT, "EFAULT: act");
    is_int(raw(SYS_rt_sigaction, SIGUSR1, 0, 16, 8), -EFAULT, "EFAULT: oact");
}

static void catch (void) {
    int p[2], done = 0;
    pid_t pid;
    need(pipe(p) == 0);
    CHILD (pid) {
        set(SIGUSR1, handler, 0, 0);
        need(write(p[1], "r", 1) == 1);
        while (!count)
            pause();                             // SIGUSR1 may come before: see sigmask
        _exit(last);
    }
    close(p[1]);
    char c;
    need(read(p[0], &c, 1) == 1);
    while (!done) {
        need(kill(pid, SIGUSR1) == 0);
        sched_yield();
        done = state_of(pid) == 'Z' || state_of(pid) == 0;
    }
    is_exit(wait_for(pid), SIGUSR1,
            "kill() in one process makes a function run in another");
    close(p[0]);
    set(SIGUSR2, handler, 0, 0);
    raise(SIGUSR2);
    is_int(last, SIGUSR2, "a caught signal calls the user's handler");
    raise(SIGUSR2);
    is_int(count, 2, "the action stays in force");
    set(SIGALRM, handler, 0, 0);                        // step 0 and 1
    kill(getpid(), SIGALRM);                            // step 2
    is_int(last, SIGALRM, "write a handler, register it, a signal is sent, it runs");
}

/* "SA_SIGINFO: ... sa_sigaction ... a pointer to a siginfo_t": SI_USER for kill,
 * SI_TKILL for a signal to a thread; si_pid and si_uid of the sender. */
static siginfo_t info;

static void with_info(int sig, siginfo_t *si, void *context) {
    (void)context;
    info = *si;
    last = sig;
}

static void siginfo(void) {
    struct sigaction sa = { .sa_sigaction = with_info, .sa_flags = SA_SIGINFO };
    pid_t pid;
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    memset(&info, 0xff, sizeof info);
    kill(getpid(), SIGUSR1);
    ok(info.si_signo == SIGUSR1 && info.si_code == SI_USER, "kill: si_code is SI_USER");
    ok(info.si_pid == getpid() && info.si_uid == getuid(), "with the sender's IDs");
    raise(SIGUSR1);
    is_int(info.si_code, SI_TKILL, "raise: si_code is SI_TKILL");
    last = 0;
    CHILD (pid)
        kill(getppid(), SIGUSR1);
    wait_for(pid);
    while (!last)
        sched_yield();
    is_int(info.si_pid, pid, "a child's signal names the child");
}

/* "the signal being delivered is added to the mask, unless SA_NODEFER or SA_RESETHAND
 * is set, along with sa_mask"; the mask is restored on return. */
static void masks(void) {
    sigset_t after;
    set(SIGUSR1, handler, 0, SIGUSR2);
    raise(SIGUSR1);
    ok(sigismember(&seen_mask, SIGUSR1), "the signal itself is blocked in its handler");
    ok(sigismember(&seen_mask, SIGUSR2), "and sa_mask");
    ok(!sigismember(&seen_mask, SIGTERM), "and nothing else");
    need(sigprocmask(SIG_BLOCK, NULL, &after) == 0);
    ok(!sigismember(&after, SIGUSR1) && !sigismember(&after, SIGUSR2),
       "the mask is as before afterwards");
    set(SIGUSR1, handler, SA_NODEFER, 0);
    raise(SIGUSR1);
    ok(!sigismember(&seen_mask, SIGUSR1), "SA_NODEFER: not blocked in its handler");
    set(SIGUSR1, nesting, SA_NODEFER, 0);
    deepest = 0;
    raise(SIGUSR1);
    is_int(deepest, 3, "SA_NODEFER: the handler nests");
    set(SIGUSR1, nesting, 0, 0);
    deepest = depth = 0;
    pid_t pid;
    CHILD (pid) {
        raise(SIGUSR1);                            // raises again: for ever, one by one
        _exit(deepest);
    }
    kill(pid, SIGKILL);
    wait_for(pid);
}

static void once(int sig) {
    count++;
    if (count == 1)
        raise(sig);                                 // pending until the handler is done
}

static void deferred(void) {
    set(SIGUSR1, once, 0, 0);
    raise(SIGUSR1);
    is_int(count, 2, "a signal raised in its own handler comes right after it");
}

/* "SA_RESETHAND: if set, the disposition of the signal shall be reset to SIG_DFL ... on
 * entry to the signal handler." */
static void reset(void) {
    struct sigaction old;
    pid_t pid;
    set(SIGUSR1, handler, SA_RESETHAND, 0);
    raise(SIGUSR1);
    is_int(count, 1, "SA_RESETHAND: the handler runs");
    need(sigaction(SIGUSR1, NULL, &old) == 0);
    ok(old.sa_handler == SIG_DFL, "then the action is the default");
    CHILD (pid) {
        set(SIGUSR1, handler, SA_RESETHAND, 0);
        raise(SIGUSR1);
        raise(SIGUSR1);
    }
    is_killed(wait_for(pid), SIGUSR1, "and a second signal kills");
}

/* "Setting a signal action to SIG_IGN for a signal that is pending shall cause the
 * pending signal to be discarded, whether or not it is blocked"; likewise SIG_DFL where
 * the default is to ignore. */
static void discard(void) {
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    sigaddset(&s, SIGURG);
    set(SIGUSR1, handler, 0, 0);
    set(SIGURG, handler, 0, 0);
    need(sigprocmask(SIG_BLOCK, &s, NULL) == 0 && raise(SIGUSR1) == 0
         && !raise(SIGURG));
    signal(SIGUSR1, SIG_IGN);
    signal(SIGURG, SIG_DFL);
    need(sigpending(&s) == 0);
    ok(!sigismember(&s, SIGUSR1), "SIG_IGN discards a pending signal");
    ok(!sigismember(&s, SIGURG), "SIG_DFL discards a pending SIGURG");
    set(SIGUSR1, handler, 0, 0);
    set(SIGURG, handler, 0, 0);
    sigaddset(&s, SIGUSR1);
    sigaddset(&s, SIGURG);
    need(sigprocmask(SIG_UNBLOCK, &s, NULL) == 0);
    is_int(count, 0, "neither comes later");
}

int main(void) {
    examine();
    refuse();
    catch ();
    siginfo();
    masks();
    deferred();
    reset();
    discard();
    return done_testing();
}
