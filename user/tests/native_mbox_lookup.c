/* native_mbox_lookup.c - waiting for a name.
 * <parley.h>: mbox_lookup is "as mbox_open, but waits for the name to appear".
 * IPC(4.2): "EACCES, O_CREAT, O_EXCL, ls -l, chmod, rm as for files".
 * IPC(1.4): "FOREVER blocks, NOWAIT never does, a positive number waits at most that
 * long (ETIMEDOUT)."
 * IPC(1.5): "A caught signal ends a wait with EINTR. With SA_RESTART and FOREVER the
 * call restarts".
 */
/* FEATURE(123): who waits for a name opens it as soon as it is there */
#include "mailbox.h"
#include "scratch.h"

#include <time.h>

static volatile sig_atomic_t caught;

static void handler(int sig) {
    caught = sig;
}

static void at_once(void) {
    int box = named_box("there", NULL);
    static const int timeout[] = { NOWAIT, 1000, FOREVER };
    for (int i = 0; i < 3; i++) {
        int fd = mbox_lookup("there", O_RDWR, timeout[i]);
        works(fd, "a name that is there is opened at once, time-out %d", timeout[i]);
        is_int(look(fd).id, look(box).id, "it is that mailbox");
        close(fd);
    }
    int in = mbox_lookup("there", O_RDONLY, FOREVER);
    is_errno(mbox_send(in, EMPTY, 0, NOWAIT), EBADF, "with the direction asked for");
    is_errno(mbox_lookup("there", O_RDWR | O_CREAT, NOWAIT), EINVAL, "EINVAL: O_CREAT");
    is_errno(mbox_lookup("there", O_RDWR | O_EXCL | O_CREAT, NOWAIT), EINVAL,
             "EINVAL: O_EXCL");
    is_errno(mbox_lookup("there", O_ACCMODE, NOWAIT), EINVAL, "EINVAL: no direction");
    need(mbox_unlink("there") == 0);
    close(in), close(box);
}

static void not_there(void) {
    struct timespec a, b;
    is_errno(mbox_lookup("nobody", O_RDONLY, NOWAIT), ENOENT,
             "ENOENT: without waiting");
    clock_gettime(CLOCK_MONOTONIC, &a);
    is_errno(mbox_lookup("nobody", O_RDONLY, 5), ETIMEDOUT, "ETIMEDOUT: it never came");
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 5000000,
       "not before its time");
    is_errno(mbox_open("nobody", O_RDONLY), ENOENT, "and nothing was made");
}

static int look_up(const char *name, int oflag) {
    int fd = mbox_lookup(name, oflag, FOREVER);
    if (fd < 0)
        return errno;
    return mbox_send(fd, TEXT("found"), 0, FOREVER) ? errno : 0;
}

/* Three wait for the name, one for another name. */
static void waits(void) {
    pid_t pid[3], other;
    for (int way = 0; way < 2; way++) {
        for (int i = 0; i < 3; i++) {
            CHILD (pid[i])
                _exit(look_up("server", O_WRONLY));
            until_asleep(pid[i]);
        }
        CHILD (other)
            _exit(look_up("another", O_WRONLY));
        until_asleep(other);
        int box = way == 0 ? mbox_open("server", O_RDWR | O_CREAT, 0600, NULL)
                           : open("/mbox/server", O_RDWR | O_CREAT, 0600);
        need(box >= 0);
        for (int i = 0; i < 3; i++)
            need(mbox_receive(box, NEXT, 0, FOREVER) > 0 && got_text("found"));
        for (int i = 0; i < 3; i++)
            is_exit(wait_for(pid[i]), 0,
                    "who waits for a name opens it as soon as it is there");
        is_int(waitpid(other, NULL, WNOHANG), 0, "who waits for another one does not");
        need(mbox_unlink("server") == 0 && close(box) == 0);
        box = named_box("another", NULL);
        need(mbox_receive(box, NEXT, 0, FOREVER) == other);
        is_exit(wait_for(other), 0, "until that comes");
        need(mbox_unlink("another") == 0 && close(box) == 0);
    }
}

/* The name comes and goes before the one who waits can look. */
static void comes_and_goes(void) {
    pid_t pid;
    CHILD (pid)
        _exit(look_up("brief", O_WRONLY));
    until_asleep(pid);
    int status = -1;
    for (int i = 0; i < 5 && status == -1; i++) {
        int box = named_box("brief", NULL);
        need(mbox_unlink("brief") == 0 && close(box) == 0);
        sched_yield();
        if (waitpid(pid, &status, WNOHANG) == 0)
            status = -1;
    }
    if (status == -1) {                                 // it has missed it each time
        int box = named_box("brief", NULL);
        need(mbox_receive(box, NEXT, 0, FOREVER) == pid);
        status = wait_for(pid);
        need(mbox_unlink("brief") == 0 && close(box) == 0);
    }
    ok(status == 0 || status == EPIPE << 8,
       "a name that comes and goes is met or missed");
}

static int student_looks_up(const char *name) {
    return look_up(name, O_RDWR);
}

static void rights(void) {
    pid_t pid;
    CHILD (pid) {
        become(STUDENT);
        _exit(student_looks_up("guarded"));
    }
    until_asleep(pid);
    int box = mbox_open("guarded", O_RDWR | O_CREAT, 0600, NULL);
    is_exit(wait_for(pid), EACCES, "EACCES: it comes, and is not for you");
    need(mbox_unlink("guarded") == 0 && close(box) == 0);
}

static void signals(void) {
    pid_t pid;
    struct sigaction sa = { .sa_handler = handler };
    CHILD (pid) {
        need(sigaction(SIGUSR1, &sa, NULL) == 0);
        need(mbox_lookup("never", O_RDWR, FOREVER) == -1 && errno == EINTR);
        need(caught == SIGUSR1);
    }
    until_asleep(pid);
    is_exit(signal_to_the_end(pid, SIGUSR1), 0, "EINTR: a signal was caught");
    sa.sa_flags = SA_RESTART;
    CHILD (pid) {
        need(sigaction(SIGUSR1, &sa, NULL) == 0);
        need(mbox_lookup("never", O_RDWR, 1000000) == -1 && errno == EINTR);
    }
    until_asleep(pid);
    is_exit(signal_to_the_end(pid, SIGUSR1), 0, "EINTR: SA_RESTART and a time-out");
    struct gate ready;
    gate_init(&ready);
    CHILD (pid) {
        need(sigaction(SIGUSR1, &sa, NULL) == 0);
        gate_open(&ready);
        int fd = mbox_lookup("later", O_WRONLY, FOREVER);
        while (!caught)
            sched_yield();
        need(fd >= 0 && mbox_send(fd, TEXT("found"), 0, FOREVER) == 0);
    }
    gate_wait(&ready);
    until_asleep(pid);
    kill(pid, SIGUSR1);
    int box = named_box("later", NULL);
    need(mbox_receive(box, NEXT, 0, FOREVER) == pid);
    is_exit(wait_for(pid), 0, "SA_RESTART and FOREVER: it goes on waiting");
    gate_close(&ready);
    need(mbox_unlink("later") == 0 && close(box) == 0);
    CHILD (pid)
        mbox_lookup("never", O_RDWR, FOREVER);
    until_asleep(pid);
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "and who waits can be killed");
}

int main(void) {
    umask(022);
    at_once();
    not_there();
    waits();
    comes_and_goes();
    rights();
    signals();
    return done_testing();
}
