/* credentials.c - POSIX setuid, seteuid, setreuid and their group twins;
 * credentials(7), setresuid(2). Every case runs as root and as a user: what needs
 * privilege is tried in either case and must be refused to the one and granted to the
 * other.
 */
#include "raw.h"
#include "tap.h"

#include <grp.h>
#include <pthread.h>
#include <sys/stat.h>

enum { OTHER = 1000, THIRD = 1001 };

static int root;                                        // does this test run as root?

/* Real, effective and saved user ID are these; -1 in the last place is not looked
 * at. */
static int uids(uid_t r, uid_t e, uid_t s) {
    uid_t got[3];
    need(getresuid(&got[0], &got[1], &got[2]) == 0);
    need(got[0] == getuid() && got[1] == geteuid());
    return got[0] == r && got[1] == e && got[2] == s;
}

static int gids(gid_t r, gid_t e, gid_t s) {
    gid_t got[3];
    need(getresgid(&got[0], &got[1], &got[2]) == 0);
    need(got[0] == getgid() && got[1] == getegid());
    return got[0] == r && got[1] == e && got[2] == s;
}

static int refused(int result) {
    return result == -1 && errno == EPERM;
}

/* In a child: be an ordinary user, whoever runs the test. */
static uid_t be_user(void) {
    if (root) {
        need(setgid(OTHER) == 0 && setuid(OTHER) == 0);
        need(uids(OTHER, OTHER, OTHER));
    }
    return getuid();
}

/* "If the process has appropriate privileges, setuid() shall set the real user ID,
 * effective user ID, and the saved set-user-ID of the calling process to uid";
 * otherwise only the effective one, to the real or the saved one. */
static void test_setuid(void *unused) {
    (void)unused;
    uid_t me = getuid();
    need(setuid(me) == 0 && uids(me, me, me));
    if (!root)
        need(refused(setuid(me + 1)) && refused(setuid(0)) && uids(me, me, me));
    me = be_user();
    need(refused(setuid(0)) && refused(seteuid(0)) && refused(setreuid(0, 0)));
    need(refused(setresuid(0, 0, 0)) && refused(setuid(THIRD)) && uids(me, me, me));
    need(setuid(me) == 0 && seteuid(me) == 0 && setreuid(me, me) == 0);
}

static void test_setgid(void *unused) {
    (void)unused;
    gid_t me = getgid();
    need(setgid(me) == 0 && gids(me, me, me));
    be_user();
    me = getgid();
    need(refused(setgid(0)) || me == 0);
    need(refused(setgid(THIRD)) && refused(setegid(THIRD)));
    need(refused(setregid(THIRD, THIRD)) && refused(setresgid(THIRD, THIRD, THIRD)));
    need(gids(me, me, me));
}

/* setresuid(2): "An unprivileged process may change its real UID, effective UID, and
 * saved set-user-ID, each to one of: the current real UID, the current effective UID,
 * or the current saved set-user-ID." */
static void test_setresuid(void *unused) {
    (void)unused;
    uid_t me = getuid(), third = root ? THIRD : me, other = root ? OTHER : me;
    need(setresuid(me, me, me) == 0 && setresuid(-1, -1, -1) == 0 && uids(me, me, me));
    need(setresuid(other, me, third) == 0 && uids(other, me, third));
    need(setresuid(-1, other, -1) == 0 && uids(other, other, third));
    need(setresuid(-1, third, -1) == 0 && uids(other, third, third));
    need(setresuid(third, other, -1) == 0 && uids(third, other, third));
    need(refused(setresuid(-1, OTHER + 7, -1))
         && refused(setresuid(OTHER + 7, -1, -1)));
    need(refused(setresuid(-1, -1, OTHER + 7)) && uids(third, other, third));
}

/* setreuid(2): "If the real user ID is set (ruid is not -1) or the effective user ID is
 * set to a value not equal to the previous real user ID, the saved set-user-ID will be
 * set to the new effective user ID." */
static void test_setreuid(void *unused) {
    (void)unused;
    uid_t me = getuid(), other = root ? OTHER : me;
    need(setreuid(-1, other) == 0 && uids(me, other, other));
    need(setreuid(other, me) == 0 && uids(other, me, me));
    need(setreuid(me, other) == 0 && uids(me, other, other));
    need(setreuid(-1, me) == 0 && uids(me, me, other));
}

/* seteuid: drop and regain, as a set-user-ID program does. */
static void test_seteuid(void *unused) {
    (void)unused;
    uid_t me = getuid(), other = root ? OTHER : me;
    need(seteuid(other) == 0 && uids(me, other, me));
    if (root)
        need(refused(setresuid(THIRD, -1, -1)));        // privilege goes with the euid
    need(seteuid(me) == 0 && uids(me, me, me));
}

/* "The child process shall have ... the same real, effective, saved IDs": fork and exec
 * inherit. exec copies the effective into the saved ID. */
static void test_fork(void *unused) {
    (void)unused;
    uid_t other = root ? OTHER : getuid(), me = getuid();
    pid_t pid;
    need(seteuid(other) == 0);
    CHILD (pid)
        need(uids(me, other, me));
    need(wait_for(pid) == 0);
    char *self = self_path(), want[64];
    snprintf(want, sizeof want, "%u %u %u", me, other, other);
    execl(self, self, want, NULL);
    _exit(97);
}

/* "A process is a member of a group if ... one of its supplementary group IDs": only
 * root sets them; anyone may ask. */
static void test_groups(void *unused) {
    (void)unused;
    gid_t list[64], set[3] = { 7, 8, 9 };
    int n = getgroups(0, NULL);
    need(n >= 0 && n <= 64 && getgroups(64, list) == n);
    if (root) {
        need(setgroups(3, set) == 0 && getgroups(0, NULL) == 3);
        need(getgroups(2, list) == -1 && errno == EINVAL);
        need(getgroups(3, list) == 3 && memcmp(list, set, sizeof set) == 0);
        need(setgroups(0, NULL) == 0 && getgroups(64, list) == 0);
    }
    be_user();
    need(refused(setgroups(1, set)));
}

/* Files: the effective user and groups decide; access(2) asks for the real ones. */
static void test_files(void *unused) {
    (void)unused;
    char path[] = "/tmp/cred.XXXXXX";
    int fd = mkstemp(path);
    uid_t me = getuid();
    struct stat st;
    need(fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == me && st.st_gid == getgid());
    need(fchmod(fd, root ? 0600 : 0200) == 0);
    pid_t pid;
    CHILD (pid) {
        need(!root || seteuid(OTHER) == 0);
        need(open(path, O_RDONLY) == -1 && errno == EACCES);
        need(access(path, W_OK) == 0);                  // by the real ID
        need(!root || seteuid(0) == 0);
        be_user();
        need(open(path, O_RDONLY) == -1 && errno == EACCES);
    }
    int status = wait_for(pid);
    unlink(path);
    need(status == 0);
}

/* execve(2): "If the set-user-ID bit is set on the program file referred to by
 * pathname, then the effective user ID of the calling process is changed to that of the
 * owner of the program file"; and AT_SECURE tells the program. */
static void test_setuid_bit(void *unused) {
    (void)unused;
    char path[] = "/tmp/cred.XXXXXX", buffer[65536], want[64];
    int in = open(self_path(), O_RDONLY), out = mkstemp(path), status;
    uid_t owner = getuid();
    ssize_t n;
    pid_t pid;
    need(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        need(write(out, buffer, (size_t)n) == n);
    need(fchmod(out, 04755) == 0 && close(out) == 0);
    CHILD (pid) {
        uid_t me = be_user();
        snprintf(want, sizeof want, "%u %u %u", me, owner, owner);
        execl(path, path, want, NULL);
        _exit(97);
    }
    status = wait_for(pid);
    unlink(path);
    need(status == 0);
}

static int see(const char *want) {
    uid_t r, e, s;
    char got[64];
    getresuid(&r, &e, &s);
    snprintf(got, sizeof got, "%u %u %u", r, e, s);
    if (getauxval(AT_SECURE) != (r != e) || getauxval(AT_EUID) != e)
        return 2;
    return strcmp(got, want) != 0;
}

/* What a thread does while another one changes the user is charged to the new one, even
 * if it stays on its CPU meanwhile: nobody has the old user's account any more. */
static volatile int turn, seen;

static void *open_and_close(void *rounds) {
    for (int fds[2]; seen < *(int *)rounds; seen++) {
        while (seen == turn)
            ;
        if (seen & 1)
            need(pipe(fds) == 0 && close(fds[0]) == 0 && close(fds[1]) == 0);
        else
            usleep(1);          // and back on a CPU, as another user
    }
    return NULL;
}

static void test_threads(void *unused) {
    (void)unused;
    int rounds = 20;
    uid_t me = getuid();
    pthread_t thread;
    need(pthread_create(&thread, NULL, open_and_close, &rounds) == 0);
    while (turn < rounds) {     // the first two: no page is new to them any more
        uid_t real = turn & 1 || turn < 2 || !root ? me : OTHER;
        need(raw(SYS_setresuid32, real, -1, -1) == 0);
        turn++;
        while (seen < turn)
            sched_yield();
    }
    need(pthread_join(thread, NULL) == 0);
}

/* Each user is the last one's successor for what is charged. */
static void test_many(void *unused) {
    (void)unused;
    for (uid_t i = 0; root && i < 200; i++)
        need(setresuid(2000 + i, -1, -1) == 0);
    need(!root || setresuid(0, -1, -1) == 0);
}

static void run(void (*function)(void *), const char *name) {
    is_exit(in_child(function, NULL), 0, "%s", name);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return see(argv[1]);
    root = geteuid() == 0;
    run(test_setuid, "setuid sets all three as root, and is refused to a user");
    run(test_setgid, "setgid likewise");
    run(test_setresuid, "setresuid permutes real, effective and saved user ID");
    run(test_setreuid, "setreuid sets the saved ID too");
    run(test_seteuid, "seteuid drops privilege and gets it back");
    run(test_fork, "fork inherits the IDs, exec saves the effective one");
    run(test_groups, "supplementary groups: set by root only");
    run(test_files, "file access by the effective ID, access(2) by the real one");
    run(test_threads, "another thread goes on as the new user");
    run(test_many, "two hundred users, one after the other");
    run(test_setuid_bit, "a set-user-ID program runs as its owner");
    return done_testing();
}
