/* kill.c - POSIX kill(): to whom a signal goes and who may send it; "For a process to
 * have permission to send a signal to a process designated by pid, unless the sending
 * process has appropriate privileges, the real or effective user ID of the sending
 * process shall match the real or saved set-user-ID of the receiving process";
 * tkill(2), tgkill(2).
 */
#include "raw.h"
#include "tap.h"

#include <pthread.h>

static volatile sig_atomic_t count;

static void handler(int sig) {
    (void)sig;
    count++;
}

static void numbers(void) {
    pid_t pid;
    is_errno(kill(getpid(), -1), EINVAL, "EINVAL: signal -1");
    is_errno(kill(getpid(), 65), EINVAL, "EINVAL: signal 65");
    is_errno(kill(getpid(), 0x7fffffff), EINVAL, "EINVAL: signal 2^31-1");
    is_int(kill(getpid(), 0), 0, "signal 0 only asks whether it could");
    is_errno(kill(0x3ffffff, 0), ESRCH, "ESRCH: no such process");
    is_errno(kill(0x3ffffff, SIGTERM), ESRCH, "ESRCH: with a signal");
    is_errno(kill(-0x3ffffff, SIGTERM), ESRCH, "ESRCH: no such group");
    is_int(raw(SYS_kill, 0x80000000, SIGTERM), -ESRCH, "ESRCH: INT_MIN");
    CHILD (pid)
        _exit(0);
    wait_for(pid);
    is_errno(kill(pid, 0), ESRCH, "ESRCH: a process that was waited for");
}

/* "If the value of pid causes sig to be generated for the sending process, and if sig
 * is not blocked ... either sig or at least one pending unblocked signal shall be
 * delivered to the sending thread before kill() returns." */
static void oneself(void) {
    signal(SIGUSR1, handler);
    count = 0;
    int before_return = kill(getpid(), SIGUSR1) == 0 ? count : -1;
    is_int(before_return, 1, "a signal to oneself is delivered before kill returns");
}

static void member(struct gate *ready) {
    signal(SIGUSR1, SIG_DFL);
    gate_open(ready);
    for (;;)
        pause();
}

/* The leader of a group of four: a signal from outside, then one from itself. */
static void lead(struct gate *ready, struct gate *mine) {
    pid_t pid[3];
    need(setpgid(0, 0) == 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            CHILD (pid[i])
                member(round ? mine : ready);
        if (round) {
            for (int i = 0; i < 3; i++)
                gate_wait(mine);
            need(kill(0, SIGUSR1) == 0 && count == 2);
        } else {
            gate_open(ready);
        }
        for (int i = 0; i < 3; i++)
            need(wait_for(pid[i]) == SIGUSR1);
        while (count == 0)
            sched_yield();
    }
}

/* pid 0: "all processes whose process group ID is equal to the process group ID of the
 * sender"; negative: the group -pid; each gets one. */
static void groups(void) {
    struct gate ready, mine, sent;
    pid_t leader, stranger;
    gate_init(&ready);
    gate_init(&mine);
    gate_init(&sent);
    signal(SIGUSR1, handler);
    count = 0;
    CHILD (stranger) {
        need(setpgid(0, 0) == 0);
        gate_open(&ready);
        gate_wait(&sent);
        _exit(count);
    }
    CHILD (leader)
        lead(&ready, &mine);
    for (int i = 0; i < 5; i++)
        gate_wait(&ready);
    is_int(kill(-leader, SIGUSR1), 0, "a negative pid signals a group");
    is_exit(wait_for(leader), 0, "every member gets it, and one signal for pid 0");
    gate_open(&sent);
    is_exit(wait_for(stranger), 0, "a process in another group gets none");
    is_int(count, 0, "nor does one outside");
    gate_close(&ready);
    gate_close(&mine);
    gate_close(&sent);
}

/* In a child that is no root, with a user ID that the target does not have. */
static void as_another(void *target) {
    pid_t pid = *(pid_t *)target;
    need(geteuid() != 0 || (setgid(1001) == 0 && setuid(1001) == 0));
    need(kill(pid, 0) == -1 && errno == EPERM);
    need(kill(pid, SIGUSR1) == -1 && errno == EPERM);
    need(kill(pid, SIGKILL) == -1 && errno == EPERM);
    need(kill(pid, 65) == -1 && errno == EINVAL);
    need(raw(SYS_tkill, pid, SIGKILL) == -EPERM);
    need(raw(SYS_rt_sigqueueinfo, pid, SIGKILL, 0) == -EFAULT);
    need(sigqueue(pid, SIGKILL, (union sigval){ .sival_int = 1 }) == -1
         && errno == EPERM);
    need(kill(getpid(), 0) == 0);
}

/* The target: process 1, which is root's, and for root a child of another user. */
static void permissions(void) {
    struct gate ready, gate;
    pid_t pid, init = 1;
    int root = geteuid() == 0;
    is_exit(in_child(as_another, &init), 0, "EPERM: a user may not signal process 1");
    gate_init(&ready);
    gate_init(&gate);
    CHILD (pid) {
        need(!root || setuid(1000) == 0);
        gate_open(&ready);
        gate_wait(&gate);
    }
    gate_wait(&ready);
    is_int(kill(pid, 0), 0, "root may signal any process, a user his own");
    if (root)
        is_exit(in_child(as_another, &pid), 0, "EPERM: nor a process of another user");
    else
        is_int(kill(pid, SIGCONT), 0, "a user may continue his own process");
    gate_open(&gate);
    wait_for(pid);
    gate_close(&ready);
    gate_close(&gate);
}

/* "SIGCONT ... if the sender is a member of the same session": whatever the user ID. */
static void same_session(void *unused) {
    pid_t pid, target = getpid();
    (void)unused;
    CHILD (pid) {
        need(geteuid() != 0 || setuid(1001) == 0);
        need(kill(target, SIGCONT) == 0);
        need(getuid() != 1001 || (kill(target, SIGTERM) == -1 && errno == EPERM));
        need(setsid() > 0);
        need(getuid() != 1001 || (kill(target, SIGCONT) == -1 && errno == EPERM));
    }
    need(wait_for(pid) == 0);
}

/* kill(-group): "success if at least one signal was sent", EPERM if none could be. */
static void part_of_a_group(void *unused) {
    (void)unused;
    struct gate ready, gate;
    pid_t pid, mixed;
    gate_init(&ready);
    gate_init(&gate);
    need(setpgid(0, 0) == 0);
    CHILD (pid) {
        need(geteuid() != 0 || setuid(1001) == 0);
        gate_open(&ready);
        gate_wait(&gate);
    }
    gate_wait(&ready);
    CHILD (mixed) {
        need(geteuid() != 0 || setuid(1001) == 0);
        need(kill(0, 0) == 0);                          // itself and its like
        need(kill(-1, 0) == 0);
    }
    int status = wait_for(mixed);
    gate_open(&gate);
    need(wait_for(pid) == 0 && status == 0);
}

static void *thread(void *tid) {
    *(pid_t *)tid = gettid();
    pause();
    return NULL;
}

/* tkill(2): "EINVAL: An invalid thread ID, thread group ID, or signal was specified";
 * ESRCH.
 */
static void tkill_errors(void) {
    is_int(raw(SYS_tkill, 0, SIGTERM), -EINVAL, "tkill, EINVAL: thread 0");
    is_int(raw(SYS_tkill, -1, SIGTERM), -EINVAL, "tkill, EINVAL: thread -1");
    is_int(raw(SYS_tkill, gettid(), 65), -EINVAL, "tkill, EINVAL: signal 65");
    is_int(raw(SYS_tkill, 0x3ffffff, SIGTERM), -ESRCH, "tkill, ESRCH: no such thread");
    is_int(raw(SYS_tkill, gettid(), 0), 0, "tkill: signal 0 only asks");
    pid_t pid, tid = 0;
    pthread_t t;
    CHILD (pid) {
        need(pthread_create(&t, NULL, thread, &tid) == 0);
        while (*(volatile pid_t *)&tid == 0)
            sched_yield();
        need(raw(SYS_tkill, tid, SIGTERM) == 0);
        for (;;)
            pause();
    }
    is_killed(wait_for(pid), SIGTERM, "a fatal tkill to one thread ends the process");
}

int main(void) {
    numbers();
    oneself();
    groups();
    permissions();
    is_exit(in_child(same_session, NULL), 0, "SIGCONT is allowed within the session");
    is_exit(in_child(part_of_a_group, NULL), 0,
            "0 and -1 succeed if one can be signalled");
    tkill_errors();
    return done_testing();
}
