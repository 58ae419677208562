/* lock.h - what the tests of flock and of fcntl's locks share: the file "f", and what a
 * signal does to somebody who waits for a lock on it.
 */
#pragma once

#include "scratch.h"

static int open_file(void) {
    int fd = open("f", O_RDWR | O_CREAT, 0666);
    need(fd >= 0);
    return fd;
}

static void on_signal(int sig) {
    (void)sig;
}

/* `take` waits for all of the file, to write; 0, or -1 and errno. */
static void interrupted(int (*take)(int fd)) {
    struct gate ready;
    pid_t pid;
    for (int restart = 0; restart < 2; restart++) {
        int fd = open_file();
        gate_init(&ready);
        need(take(fd) == 0);
        CHILD (pid) {
            struct sigaction sa = { .sa_handler = on_signal };
            sa.sa_flags = restart ? SA_RESTART : 0;
            need(sigaction(SIGUSR1, &sa, NULL) == 0);
            close(fd);
            gate_open(&ready);
            _exit(take(open_file()) ? errno : 0);
        }
        gate_wait(&ready);
        until_asleep(pid);
        for (int i = 0; restart ? i < 20 : state_of(pid) != 'Z'; i++)
            kill(pid, SIGUSR1), sched_yield();
        close(fd);
        if (restart)
            is_exit(wait_for(pid), 0, "with SA_RESTART it goes on waiting");
        else
            is_exit(wait_for(pid), EINTR, "EINTR: a handler ran");
        gate_close(&ready);
    }
}
