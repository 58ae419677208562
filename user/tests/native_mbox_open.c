/* native_mbox_open.c - names of mailboxes.
 * IPC(4.2): "Names are files in /mbox ("printer" is /mbox/printer; a further slash is
 * EINVAL) with owner, group and mode: EACCES, O_CREAT, O_EXCL, ls -l, chmod, rm as for
 * files; open(2) with O_CREAT makes one with default attributes; O_TRUNC is ignored."
 * IPC(4.4): "Every mailbox has an id that is never used again while the machine runs."
 */
/* FEATURE(46): two who open one name share one queue */
/* FEATURE(47): the id of a mailbox that is gone does not come back */
/* FEATURE(48): EACCES: mode 0600 and another user, to receive */
/* FEATURE(49): what is sent to one mailbox is not in the other */
/* FEATURE(51): one pair of processes may share several mailboxes */
/* FEATURE(53): create, use, destroy */
/* FEATURE(72): the kernel's default is a capacity of 16 */
#include "mailbox.h"
#include "scratch.h"

#include <sys/resource.h>

static void creation(void) {
    is_errno(mbox_open("nobody", O_RDWR), ENOENT, "ENOENT: no mailbox of that name");
    int a = mbox_open("first", O_RDWR | O_CREAT, 0640, NULL);
    works(a, "O_CREAT makes one");
    is_errno(mbox_open("first", O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST,
             "EEXIST: O_EXCL, and it is there");
    struct mbox_stat st = look(a);
    is_int(st.attr.capacity, 16, "the kernel's default is a capacity of 16");
    is_int(st.attr.max_length, MSG_MAX, "the longest body is MSG_MAX by default");
    is_int(st.attr.overflow, MBOX_BLOCK, "a full one makes its senders wait");
    is_int(st.attr.receivers, MBOX_SHARED, "receivers share");
    ok(st.queued == 0 && st.bytes == 0 && st.accepted == 0 && st.received == 0
           && st.dropped == 0 && st.waiting_senders == 0 && st.waiting_receivers == 0
           && st.exclusive == 0,
       "it starts with nothing");
    ok(st.owner == geteuid() && st.group == getegid(), "it belongs to its maker");
    is_int(st.mode & 0777, 0640, "with the mode that was asked for");

    int b = mbox_open("first", O_WRONLY | O_CREAT, 0666, ATTR(.capacity = 3));
    works(b, "O_CREAT opens what is there");
    st = look(b);
    ok(st.attr.capacity == 16 && (st.mode & 0777) == 0640, "and leaves it as it is");
    is_int(st.id, look(a).id, "two descriptors, one mailbox");
    need(mbox_send(b, TEXT("to the first"), 0, NOWAIT) == 0);
    is_int(mbox_receive(a, NEXT, 0, NOWAIT), getpid(),
           "two who open one name share one queue");
    ok(got_text("to the first") && got.mailbox == st.id,
       "and a message says which one it came through");
    is_int(mbox_unlink("first"), 0, "create, use, destroy");
    is_errno(mbox_unlink("first"), ENOENT, "ENOENT: it has no name any more");
    close(a);
    close(b);
}

static void attributes(void) {
    struct mbox_attr want = { 7, 100, MBOX_DROP_NEWEST, MBOX_EXCLUSIVE };
    int box = mbox_open("chosen", O_RDWR | O_CREAT, 0600, &want);
    need(box >= 0);
    struct mbox_stat st = look(box);
    ok(memcmp(&st.attr, &want, sizeof want) == 0, "the creator chooses all four");
    need(mbox_unlink("chosen") == 0 && close(box) == 0);

    static const uint32_t good[] = { 1, 65535, CAPACITY_ZERO, CAPACITY_UNBOUNDED };
    for (unsigned i = 0; i < 4; i++) {
        box = mbox_create(ATTR(.capacity = good[i]));
        works(box, "capacity 0x%x", good[i]);
        is_int(look(box).attr.capacity, good[i], "is what it says");
        close(box);
    }
    box = mbox_create(ATTR(.max_length = 64 << 20));
    is_int(look(box).attr.max_length, 64 << 20, "so is the longest max_length");
    close(box);
    static const struct {
        struct mbox_attr attr;
        const char *what;
    } bad[] = {
        { { .capacity = 65536 }, "a capacity over 65535" },
        { { .capacity = 0xfffffffd }, "a capacity just under CAPACITY_ZERO" },
        { { .overflow = 4 }, "an unknown overflow" },
        { { .receivers = 3 }, "an unknown kind of receivers" },
        { { .capacity = CAPACITY_ZERO, .overflow = MBOX_DROP_OLDEST },
          "drop the oldest of none" },
        { { .capacity = CAPACITY_ZERO, .overflow = MBOX_DROP_NEWEST },
          "drop the newest of none" },
        { { .receivers = MBOX_BROADCAST, .overflow = MBOX_REJECT },
          "broadcast that rejects" },
        { { .receivers = MBOX_BROADCAST, .overflow = MBOX_DROP_NEWEST },
          "broadcast that drops the newest" },
        { { .receivers = MBOX_BROADCAST, .capacity = CAPACITY_ZERO },
          "broadcast without a ring" },
        { { .receivers = MBOX_BROADCAST, .capacity = CAPACITY_UNBOUNDED },
          "broadcast with an endless ring" },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        is_errno(mbox_create(&bad[i].attr), EINVAL, "EINVAL: %s", bad[i].what);
        is_errno(mbox_open("bad", O_RDWR | O_CREAT, 0600, &bad[i].attr), EINVAL,
                 "by name, too");
    }
    is_errno(mbox_open("bad", O_RDWR), ENOENT, "and a refused one has left no name");
    is_errno(mbox_create((void *)16), EFAULT, "EFAULT: attributes nowhere");
    is_errno(mbox_open("bad", O_RDWR | O_CREAT, 0600, (void *)-16), EFAULT,
             "EFAULT: attributes in the kernel");
}

static void names(void) {
    static const char *const bad[] = { "", ".", "..", "a/b", "/a", "a/", "/", "../x" };
    char name[300];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        is_errno(mbox_open(bad[i], O_RDWR | O_CREAT, 0600, NULL), EINVAL,
                 "EINVAL: no name for a mailbox: \"%s\"", bad[i]);
        is_errno(mbox_unlink(bad[i]), EINVAL, "nor for mbox_unlink");
        is_errno(mbox_lookup(bad[i], O_RDWR, NOWAIT), EINVAL, "nor for mbox_lookup");
    }
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    is_errno(mbox_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG,
             "ENAMETOOLONG: 256 characters");
    is_errno(mbox_unlink(name), ENAMETOOLONG, "for mbox_unlink");
    is_errno(mbox_lookup(name, O_RDWR, NOWAIT), ENAMETOOLONG, "for mbox_lookup");
    name[255] = '\0';
    int box = mbox_open(name, O_RDWR | O_CREAT, 0600, NULL);
    works(box, "255 characters are a name");
    close(box);
    is_int(mbox_unlink(name), 0, "and can be removed");
    is_errno(mbox_open((char *)16, O_RDWR), EFAULT, "EFAULT: a name nowhere");
    is_errno(mbox_open((char *)-16, O_RDWR), EFAULT, "EFAULT: a name in the kernel");
    is_errno(mbox_unlink((char *)16), EFAULT, "EFAULT: mbox_unlink");
    is_errno(mbox_lookup((char *)16, O_RDWR, NOWAIT), EFAULT, "EFAULT: mbox_lookup");
    is_errno(mbox_open("x", O_ACCMODE | O_CREAT, 0600, NULL), EINVAL,
             "EINVAL: neither reading nor writing");
}

static void files(void) {
    struct stat st, by_fd;
    umask(027);
    int box = mbox_open("paper", O_RDWR | O_CREAT, 0666, NULL);
    need(box >= 0 && stat("/mbox/paper", &st) == 0 && fstat(box, &by_fd) == 0);
    is_int(st.st_mode & 0777, 0640, "the umask counts");
    umask(022);
    ok(st.st_ino == by_fd.st_ino && st.st_dev == by_fd.st_dev
           && st.st_mode == by_fd.st_mode,
       "\"paper\" is the file /mbox/paper");
    ok(st.st_uid == geteuid() && st.st_gid == getegid(), "with owner and group");
    is_int(chmod("/mbox/paper", 0604), 0, "chmod");
    is_int(look(box).mode & 0777, 0604, "is seen by mbox_stat");
    is_int(fchmod(box, 0600), 0, "fchmod");
    is_int(look(box).mode & 0777, 0600, "too");
    if (is_root()) {
        need(chown("/mbox/paper", STUDENT, GUEST) == 0);
        struct mbox_stat now = look(box);
        ok(now.owner == STUDENT && now.group == GUEST, "chown is seen by mbox_stat");
    }
    need(mbox_send(box, TEXT("page 1"), 0, NOWAIT) == 0);
    int plain = open("/mbox/paper", O_RDWR | O_TRUNC);
    works(plain, "open(2) opens it");
    is_int(look(plain).queued, 1, "and O_TRUNC is ignored");
    is_int(look(plain).id, look(box).id, "it is the same mailbox");
    close(plain);

    DIR *dir = opendir("/mbox");
    int seen = 0;
    need(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        seen += strcmp(e->d_name, "paper") == 0;
    closedir(dir);
    is_int(seen, 1, "ls shows it once");
    need(unlink("/mbox/paper") == 0);
    is_errno(mbox_open("paper", O_RDWR), ENOENT, "rm removes the name");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "and not the queue");
    ok(got_text("page 1"), "while somebody has it open");
    close(box);

    plain = open("/mbox/made", O_RDWR | O_CREAT | O_EXCL, 0600);
    works(plain, "open(2) with O_CREAT makes one");
    is_int(look(plain).attr.capacity, 16, "with default attributes");
    box = mbox_open("made", O_RDONLY);
    works(box, "which mbox_open finds");
    is_int(look(box).id, look(plain).id, "by its name");
    need(mbox_unlink("made") == 0);
    is_errno(stat("/mbox/made", &st), ENOENT, "mbox_unlink removes the file");
    close(box);
    close(plain);
    is_errno(open("/mbox/none", O_RDWR), ENOENT, "ENOENT from open(2)");
    is_errno(stat("/mbox/a/b", &st), ENOENT, "there is nothing further down");
}

/* Only mailboxes live in /mbox: whoever opens a name there gets one, or an error. */
static void nothing_else(void) {
    is_errno(mkdir("/mbox/d", 0755), EPERM, "EPERM: a directory");
    is_errno(symlink("/tmp/victim", "/mbox/s"), EPERM, "EPERM: a symbolic link");
    is_errno(mkfifo("/mbox/f", 0600), EPERM, "EPERM: a FIFO");
    is_errno(mknod("/mbox/s", S_IFSOCK | 0600, 0), EPERM, "EPERM: a socket");
    make_file("/tmp/elsewhere", "");
    is_errno(rename("/tmp/elsewhere", "/mbox/e"), EXDEV, "EXDEV: from elsewhere");
    is_errno(link("/tmp/elsewhere", "/mbox/e"), EXDEV, "by a link, too");
    unlink("/tmp/elsewhere");
    int box = named_box("here", NULL), other = named_box("there", NULL);
    uint32_t id = look(box).id;
    is_errno(rename("/mbox/here", "/tmp/here"), EXDEV, "EXDEV: and out");
    is_int(link("/mbox/here", "/mbox/again"), 0, "a mailbox may have two names");
    is_int(rename("/mbox/again", "/mbox/there"), 0, "and another one's, by rename");
    int fd = mbox_open("there", O_RDWR);
    is_int(look(fd).id, id, "which is then its own");
    is_errno(mbox_open("again", O_RDWR), ENOENT, "the old one is gone");
    need(mbox_unlink("there") == 0);
    works(mbox_send(fd, EMPTY, 0, NOWAIT), "one name less, and there is another");
    need(mbox_unlink("here") == 0);
    close(fd), close(box), close(other);
}

/* Opens as the student: 0 or the errno. */
static int opens(const char *name, int oflag) {
    int fd = mbox_open(name, oflag, 0600, NULL);
    int error = fd < 0 ? errno : 0;
    close(fd);
    return error;
}

static int receives_from(const char *name) {
    return opens(name, O_RDONLY);
}

static int sends_to(const char *name) {
    return opens(name, O_WRONLY);
}

static int both(const char *name) {
    return opens(name, O_RDWR);
}

static int creates(const char *name) {
    return opens(name, O_RDWR | O_CREAT);
}

static int looks_up(const char *name) {
    int fd = mbox_lookup(name, O_RDONLY, FOREVER);
    return fd < 0 ? errno : 0;
}

static int by_path(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/mbox/%s", name);
    return open(path, O_RDONLY) < 0 ? errno : 0;
}

static int unlinks(const char *name) {
    return mbox_unlink(name) ? errno : 0;
}

/* Each class of users by its three bits, each way to open. The student is "others",
 * then the group, then the owner. */
static void rights(void) {
    static const char *const who[] = { "other", "group", "owner" };
    int box = named_box("guarded", NULL);
    need(fchmod(box, 0600) == 0);
    is_exit(as_user(receives_from, "guarded"), EACCES,
            "EACCES: mode 0600 and another user, to receive");
    is_exit(as_user(sends_to, "guarded"), EACCES, "to send");
    is_exit(as_user(both, "guarded"), EACCES, "for both");
    is_exit(as_user(creates, "guarded"), EACCES, "with O_CREAT");
    is_exit(as_user(looks_up, "guarded"), EACCES, "EACCES: mbox_lookup, at once");
    is_exit(as_user(by_path, "guarded"), EACCES, "EACCES: open(2)");
    for (unsigned class = 0; class < 3; class ++) {
        need(chown("/mbox/guarded", class == 2 ? STUDENT : 0, class == 1 ? STUDENT : 0)
             == 0);
        for (unsigned bits = 0; bits < 8; bits += 2) {
            int reads = bits & 4 ? 0 : EACCES, writes = bits & 2 ? 0 : EACCES;
            need(chmod("/mbox/guarded", bits << 3 * class) == 0);
            is_exit(as_user(receives_from, "guarded"), reads, "%s, bits %u: O_RDONLY",
                    who[class], bits);
            is_exit(as_user(sends_to, "guarded"), writes, "%s, bits %u: O_WRONLY",
                    who[class], bits);
            is_exit(as_user(both, "guarded"), reads | writes, "%s, bits %u: O_RDWR",
                    who[class], bits);
        }
    }
    need(chown("/mbox/guarded", 0, 0) == 0 && chmod("/mbox/guarded", 0) == 0);
    is_int(both("guarded"), 0, "root needs no right");
    is_exit(as_user(unlinks, "guarded"), EPERM,
            "EPERM: mbox_unlink of another user's name");
    ok(exists("/mbox/guarded"), "which is still there");
    need(mbox_unlink("guarded") == 0);
    close(box);
}

/* /mbox itself has a mode, too. */
static void closed_folder(void) {
    struct stat st = stat_of("/mbox");
    int box = named_box("inside", NULL);
    is_int(st.st_mode & 07777, 01777, "everybody may make names in /mbox");
    need(chown("/mbox/inside", STUDENT, STUDENT) == 0 && chmod("/mbox", 0755) == 0);
    is_exit(as_user(creates, "outside"), EACCES, "EACCES: /mbox may not be written");
    is_exit(as_user(unlinks, "inside"), EACCES,
            "EACCES: mbox_unlink, though its owner");
    is_exit(as_user(both, "inside"), 0, "what is there can be opened");
    need(chmod("/mbox", 0700) == 0);
    is_exit(as_user(both, "inside"), EACCES, "EACCES: /mbox may not be searched");
    is_exit(as_user(looks_up, "inside"), EACCES, "nor by mbox_lookup");
    need(chmod("/mbox", 01777) == 0);
    is_exit(as_user(unlinks, "inside"), 0, "and then mbox_unlink by the owner works");
    close(box);
}

/* The right is checked when it is opened; what is open stays open. */
static void once_open(void) {
    int box = named_box("closing", NULL);
    pid_t pid;
    need(fchmod(box, 0666) == 0);
    CHILD (pid) {
        become(STUDENT);
        int mine = mbox_open("closing", O_WRONLY);
        need(mine >= 0 && mbox_send(box, TEXT("open"), 0, FOREVER) == 0);
        while (look(mine).mode & 0777)
            sched_yield();
        need(mbox_send(mine, TEXT("still"), 0, NOWAIT) == 0);
        need(mbox_open("closing", O_WRONLY) == -1 && errno == EACCES);
    }
    need(mbox_receive(box, NEXT, 0, FOREVER) == pid && fchmod(box, 0) == 0);
    is_exit(wait_for(pid), 0, "a descriptor is good even when the mode changes");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), pid, "its message came");
    need(mbox_unlink("closing") == 0);
    close(box);
}

static int makes_and_removes(const char *name) {
    struct stat st;
    int box = mbox_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    if (box < 0 || look(box).owner != STUDENT || fstat(box, &st)
        || st.st_uid != STUDENT)
        return 1;
    need(chmod("/mbox/mine", 0644) == 0 && (look(box).mode & 0777) == 0644);
    return mbox_unlink(name) != 0;
}

static void ids(void) {
    enum { MANY = 40 };
    uint32_t id[MANY];
    int clashes = 0;
    for (int i = 0; i < MANY; i++) {
        int box = i % 2 ? make_box(1, 0) : named_box("again", NULL);
        id[i] = look(box).id;
        need(i % 3 || mbox_destroy(box) == 0);
        need(i % 2 || mbox_unlink("again") == 0 || errno == ENOENT);
        close(box);
        for (int j = 0; j < i; j++)
            clashes += id[j] == id[i];
        clashes += id[i] == 0;
    }
    is_int(clashes, 0, "the id of a mailbox that is gone does not come back");
    int a = named_box("one", NULL), b = named_box("two", NULL);
    pid_t pid;
    CHILD (pid) {
        need(mbox_send(a, TEXT("by one"), 0, NOWAIT) == 0);
        need(mbox_send(b, TEXT("by two"), 0, NOWAIT) == 0);
    }
    wait_for(pid);
    need(mbox_receive(b, NEXT, 0, NOWAIT) == pid);
    ok(got_text("by two") && got.mailbox == look(b).id && got.sequence == 1,
       "one pair of processes may share several mailboxes");
    need(mbox_receive(a, NEXT, 0, NOWAIT) == pid);
    ok(got_text("by one") && got.mailbox == look(a).id,
       "what is sent to one mailbox is not in the other");
    need(mbox_unlink("one") == 0 && mbox_unlink("two") == 0);
    close(a);
    close(b);
}

static void no_descriptor(void) {
    struct rlimit old, few;
    need(getrlimit(RLIMIT_NOFILE, &old) == 0);
    int box = named_box("here", NULL), low = dup(1);
    close(low);
    few = (struct rlimit){ (rlim_t)low, old.rlim_max };
    need(setrlimit(RLIMIT_NOFILE, &few) == 0);
    is_errno(mbox_open("here", O_RDWR), EMFILE, "EMFILE: mbox_open");
    is_errno(mbox_lookup("here", O_RDWR, NOWAIT), EMFILE, "EMFILE: mbox_lookup");
    is_errno(mbox_create(NULL), EMFILE, "EMFILE: mbox_create");
    is_errno(mbox_open("there", O_RDWR | O_CREAT, 0600, NULL), EMFILE,
             "EMFILE: mbox_open that would make it");
    need(setrlimit(RLIMIT_NOFILE, &old) == 0);
    is_errno(mbox_open("there", O_RDWR), ENOENT, "and so has made nothing");
    need(mbox_unlink("here") == 0);
    close(box);
}

/* ENFILE: the user's 4,096 open files. Five processes hold them. */
static int no_file(const char *unused) {
    struct gate full, leave;
    pid_t pid[5];
    int error = 0, box;
    (void)unused;
    gate_init(&full);
    gate_init(&leave);
    for (int i = 0; i < 5; i++) {
        CHILD (pid[i]) {
            while (pipe((int[2]){ 0, 0 }) == 0)
                ;
            gate_open(&full);
            need(gate_try(&leave) == 0);
        }
    }
    for (int i = 0; i < 5; i++)
        gate_wait(&full);
    while ((box = mbox_create(NULL)) >= 0)              // one may be left
        ;
    error = errno;
    if (mbox_open("unmade", O_RDWR | O_CREAT, 0600, NULL) >= 0 || errno != error)
        error = 1;
    gate_close(&leave);
    for (int i = 0; i < 5; i++)
        wait_for(pid[i]);
    need(mbox_open("unmade", O_RDWR) == -1 && errno == ENOENT);
    return error;
}

int main(void) {
    umask(022);
    creation();
    attributes();
    names();
    files();
    nothing_else();
    rights();
    closed_folder();
    once_open();
    is_exit(as_user(makes_and_removes, "mine"), 0, "a student makes and removes names");
    ids();
    no_descriptor();
    is_exit(as_user(no_file, ""), ENFILE, "ENFILE: the user has too many open files");
    return done_testing();
}
