/* native_kcheck.c - robustness while it happens: /proc/check finds every structure of
 * the kernel sound, with others in the middle of whatever they do. The programs that
 * run meanwhile are other tests of this folder; what they print is theirs.
 */
#include "tap.h"

#include <sys/socket.h>

enum { LOOKS = 20, SPACE = 50, ENOUGH = 5 };

static const char *const programs[] = {
    "pipe_full", "scm_rights", "poll", "thread_exit", "exec", "vfork", "cow", "madvise",
    "mmap_file", "sysv_shm_life", "mq_wait", "sigqueue", "wait", "native_msg_fds",
    "native_mbox_receivers", "native_mbox_broadcast", "native_move",
};

/* Reads the verdict; false: it was a bad one, which is printed. */
static int is_sound(void) {
    char text[200] = "";
    int fd = open("/proc/check", O_RDONLY);
    need(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    if (strncmp(text, "ok\n", 3) == 0)
        return 1;
    note("%.*s", (int)strcspn(text, "\n"), text);
    return 0;
}

/* A datagram socket forgets a peer that is gone, and is as sound as before. */
static void half_a_pair(void) {
    int p[2];
    need(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
    close(p[1]);
    is_errno(send(p[0], "x", 1, 0), ECONNREFUSED, "ECONNREFUSED: its pair is gone");
    ok(is_sound(), "all is sound with half a pair of sockets");
    close(p[0]);
}

int main(void) {
    half_a_pair();
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        char path[40];
        pid_t pid;
        int bad = 0, looks = 0, status;
        snprintf(path, sizeof path, "/tests/%s", programs[i]);
        CHILD (pid) {
            need(dup2(open("/dev/null", O_RDWR), 1) == 1);
            execl(path, path, NULL);
        }
        while (looks++ < LOOKS && bad < ENOUGH) {
            bad += !is_sound();
            for (int space = 0; space < SPACE; space++)
                sched_yield();
        }
        need(waitpid(pid, &status, 0) == pid);
        ok(!bad && WIFEXITED(status) && WEXITSTATUS(status) == 0,
           "all is sound while %s runs", programs[i]);
    }
    return done_testing();
}
