/* native_attack_init.c - process 1 cannot be killed or stopped, by root neither.
 * kill(2): "The only signals that can be sent to process ID 1, the init process, are
 * those for which init has explicitly installed signal handlers. This is done to assure
 * the system is not brought down accidentally." Not for a Linux that is in use: a
 * mistake there is final.
 */
#include "tap.h"

int main(void) {
    for (int sig = 1; sig <= 64; sig++) {
        if (sig == SIGCHLD || sig == SIGCONT)
            continue;                                   // these may stay pending
        if (sig == SIGUSR1 || sig == SIGUSR2 || sig == SIGTERM)
            continue;                                   // halt, poweroff, reboot
        if (kill(1, sig) != 0 && errno != EPERM)
            note("kill(1, %d): %s", sig, strerror(errno));
    }
    for (int i = 0; i < 100; i++)
        sched_yield();
    ok(kill(1, 0) == 0 || errno == EPERM, "process 1 is there after 59 signals");
    int state = state_of(1);
    ok(state != 'Z' && state != 'T', "neither dead nor stopped");
    pid_t pid, orphan;
    int p[2];
    char c;
    need(pipe(p) == 0);
    CHILD (pid) {
        CHILD (orphan)
            close(p[0]);
        _exit(0);
    }
    close(p[1]);
    wait_for(pid);
    is_int(read(p[0], &c, 1), 0, "orphans end as before");
    close(p[0]);
    return done_testing();
}
