/* mknod.c - POSIX mkfifo() and mknod(): names for pipes, devices and plain files.
 */
#include "scratch.h"

#include <poll.h>
#include <sys/sysmacros.h>

/* mkfifo(): "shall create a new FIFO special file named by the pathname ... The file
 * permission bits of the new FIFO shall be initialized from mode", less the umask. */
static void names(void) {
    is_int(mkfifo("fifo", 0666), 0, "mkfifo");
    struct stat st = stat_of("fifo");
    ok(S_ISFIFO(st.st_mode) && (st.st_mode & 07777) == 0644,
       "a FIFO, mode less the umask");
    is_int(st.st_size, 0, "of size 0");
    is_errno(mkfifo("fifo", 0666), EEXIST, "mkfifo of what exists is EEXIST");
    is_errno(mkfifo("none/fifo", 0666), ENOENT, "in a missing directory ENOENT");
    is_errno(mkfifo("", 0666), ENOENT, "of the empty path ENOENT");
    is_int(mknod("plain", S_IFREG | 0640, 0), 0, "mknod makes a plain file");
    ok(S_ISREG(stat_of("plain").st_mode) && mode_of("plain") == 0640, "of that mode");
    is_int(mknod("zero", 0600, 0), 0, "type 0 is a plain file");
    ok(S_ISREG(stat_of("zero").st_mode), "too");
    is_errno(mknod("dir", S_IFDIR | 0755, 0), EPERM, "a directory is EPERM");
    is_errno(mknod("odd", 0030000 | 0644, 0), EINVAL, "an unknown type is EINVAL");
    is_int(rename("fifo", "fifo2"), 0, "a FIFO can be renamed");
    is_int(unlink("fifo2"), 0, "and removed");
}

static int ask(int fd) {
    struct pollfd p = { fd, POLLIN, 0 };
    need(poll(&p, 1, 0) >= 0);
    return p.revents;
}

/* FEATURE(88): both ends of a FIFO are one pipe
 *
 * open(): "When opening a FIFO with O_RDONLY or O_WRONLY set: If O_NONBLOCK is set, an
 * open() for reading-only shall return without delay. An open() for writing-only shall
 * return an error [ENXIO] if no process currently has the file open for reading." */
static void ends(void) {
    char got[8];
    need(mkfifo("p", 0600) == 0);
    is_errno(open("p", O_WRONLY | O_NONBLOCK), ENXIO,
             "no reader: O_WRONLY|O_NONBLOCK is ENXIO");
    int r = open("p", O_RDONLY | O_NONBLOCK);
    works(r, "O_RDONLY|O_NONBLOCK opens at once");
    is_int(read(r, got, 8), 0, "with no writer read gives 0");
    is_int(ask(r), 0, "and poll waits for the first one (Linux)");
    int w = open("p", O_WRONLY | O_NONBLOCK);
    works(w, "then a writer can open it");
    is_errno(read(r, got, 8), EAGAIN, "with a writer an empty FIFO is EAGAIN");
    ok(write(w, "hello", 5) == 5 && read(r, got, 8) == 5
           && memcmp(got, "hello", 5) == 0,
       "both ends of a FIFO are one pipe");
    is_int(stat_of("p").st_size, 0, "the name has no size");
    need(write(w, "rest", 4) == 4);
    close(w);
    is_int(read(r, got, 8), 4, "what was written is read after the writer is gone");
    is_int(read(r, got, 8), 0, "then the end of file");
    is_int(ask(r), POLLHUP, "which poll tells");
    int next = open("p", O_RDONLY | O_NONBLOCK);
    is_int(ask(next), 0, "not one who opens only now");
    close(next);
    is_int(ask(r), POLLHUP, "and goes on telling");
    close(r);
    int both = open("p", O_RDWR);
    works(both, "O_RDWR opens at once (Linux)");
    is_errno(lseek(both, 0, SEEK_SET), ESPIPE, "lseek is ESPIPE");
    close(both);
}

/* Without O_NONBLOCK each end waits for the other; the name connects strangers. */
static void meeting(void) {
    char got[16];
    pid_t pid;
    CHILD (pid) {
        int w = open("p", O_WRONLY);
        need(w >= 0 && write(w, "from child", 10) == 10);
    }
    int r = open("p", O_RDONLY);
    is_int(read(r, got, 16), 10, "a blocking open waits for the other end");
    is_exit(wait_for(pid), 0, "the writer is done");
    is_int(read(r, got, 16), 0, "and the reader at the end");
    close(r);
    CHILD (pid) {
        int fd = open("p", O_RDONLY);
        need(fd >= 0 && read(fd, got, 16) == 2);
    }
    int w = open("p", O_WRONLY);
    is_int(write(w, "ok", 2), 2, "the other way round");
    is_exit(wait_for(pid), 0, "the reader got it");
    signal(SIGPIPE, SIG_IGN);
    is_errno(write(w, "x", 1), EPIPE, "a write without a reader is EPIPE");
    signal(SIGPIPE, SIG_DFL);
    need(unlink("p") == 0);
    close(w);
}

static int makes_device(const char *name) {
    return mknod(name, S_IFCHR | 0600, makedev(1, 3)) ? errno : 0;
}

/* "[EPERM] The invoking process does not have appropriate privileges and the file type
 * is not FIFO-special." */
static void devices(void) {
    is_exit(as_user(makes_device, "device"), EPERM, "a device made by a user is EPERM");
    ok(!exists("device"), "and is not there");
}

int main(void) {
    scratch();
    names();
    ends();
    meeting();
    devices();
    return done_testing();
}
