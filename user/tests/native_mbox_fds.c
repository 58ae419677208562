/* native_mbox_fds.c - descriptors inside messages.
 * IPC(1.10): "Descriptors travel with the message as duplicates; rights as the
 * descriptor had. Discarded messages close them. Circles of mailboxes or sockets in
 * flight inside each other are collected."
 */
/* FEATURE(117): what the receiver writes to the descriptor, we read */
#include "mailbox.h"
#include "raw.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define WITH_FDS(list, count) (&(struct msg){ .fds = (list), .nfds = (count) })

/* A pipe of which `*writer` is to be passed; gives the reading end. */
static int make_witness(int *writer) {
    int p[2];
    need(pipe(p) == 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    *writer = p[1];
    return p[0];
}

/* Nobody has the writing end any more, in a table or on its way. */
static int is_closed(int witness) {
    char c;
    ssize_t n = read(witness, &c, 1);
    need(n >= 0 || errno == EAGAIN);
    return n == 0;
}

static int fds[MSG_FDS_MAX + 1];

static struct msg *next_with_fds(void) {
    struct msg *m = NEXT;
    memset(fds, 0x5a, sizeof fds);
    m->fds = fds;
    return m;
}

static void passed(void) {
    int writer, box = named_box("pass", NULL), witness = make_witness(&writer);
    pid_t pid;
    char c;
    CHILD (pid) {
        close(writer);
        need(mbox_receive(box, next_with_fds(), 0, FOREVER) == getppid());
        need(got.nfds == 1 && fds[1] == 0x5a5a5a5a && write(fds[0], "w", 1) == 1);
    }
    need(mbox_send(box, WITH_FDS(&writer, 1), 0, FOREVER) == 0);
    is_int(write(writer, "s", 1), 1, "the sender keeps its own");
    close(writer);
    is_exit(wait_for(pid), 0, "the receiver gets a duplicate");
    is_int(read(witness, &c, 1), 1, "which is the same pipe");
    is_int(read(witness, &c, 1), 1,
           "what the receiver writes to the descriptor, we read");
    ok(is_closed(witness), "both are closed");
    close(witness);

    witness = make_witness(&writer);
    int low = dup(1);
    close(low);
    need(mbox_send(box, WITH_FDS(&writer, 1), 0, NOWAIT) == 0 && close(writer) == 0);
    ok(!is_closed(witness), "a descriptor on its way keeps the pipe open");
    is_int(mbox_receive(box, next_with_fds(), 0, NOWAIT), getpid(), "it arrives");
    is_int(fds[0], writer < low ? writer : low, "as the lowest free number");
    need(write(fds[0], "x", 1) == 1 && read(witness, &c, 1) == 1 && close(fds[0]) == 0);
    ok(is_closed(witness), "and is the last one");
    close(witness);
    need(mbox_unlink("pass") == 0 && close(box) == 0);
}

static void rights_and_offset(void) {
    char path[] = "/tmp/passed.XXXXXX", c;
    int box = make_box(4, 0), file = mkstemp(path), only;
    struct stat a, b;
    need(file >= 0 && write(file, "abcdef", 6) == 6);
    need((only = open(path, O_RDONLY | O_CLOEXEC)) >= 0
         && lseek(only, 2, SEEK_SET) == 2);
    int three[3] = { only, file, only };
    need(mbox_send(box, WITH_FDS(three, 3), 0, NOWAIT) == 0);
    need(mbox_receive(box, next_with_fds(), 0, NOWAIT) == getpid());
    is_int(got.nfds, 3, "several, one of them twice");
    ok(fds[0] != only && fds[0] != fds[2] && fds[1] != file && fds[3] == 0x5a5a5a5a,
       "each has a number of its own, in their order");
    is_errno(write(fds[0], "x", 1), EBADF, "rights as the descriptor had: EBADF");
    need(fstat(fds[1], &a) == 0 && fstat(file, &b) == 0);
    ok(a.st_ino == b.st_ino, "it is the same file");
    need(read(fds[0], &c, 1) == 1 && c == 'c' && read(only, &c, 1) == 1);
    is_int(c, 'd', "a duplicate: the offset is shared");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    close(only), close(file), close(box), unlink(path);
}

static void refused(void) {
    int writer, box = make_box(4, 0), witness = make_witness(&writer);
    int bad[2] = { writer, 1000 };
    is_errno(mbox_send(box, WITH_FDS(bad, 2), 0, NOWAIT), EBADF,
             "EBADF: one is closed");
    bad[1] = -1;
    is_errno(mbox_send(box, WITH_FDS(bad, 2), 0, NOWAIT), EBADF, "EBADF: -1");
    is_errno(mbox_send(box, WITH_FDS((int *)16, 1), 0, NOWAIT), EFAULT,
             "EFAULT: no list");
    is_errno(mbox_send(box, WITH_FDS(NULL, 1), 0, NOWAIT), EFAULT, "EFAULT: NULL");
    is_errno(mbox_send(box, WITH_FDS(fds, MSG_FDS_MAX + 1), 0, NOWAIT), EINVAL,
             "EINVAL: five");
    is_errno(mbox_send(box, WITH_FDS(fds, UINT32_MAX), 0, NOWAIT), EINVAL,
             "EINVAL: very many");
    is_int(look(box).queued, 0, "none was sent");
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_errno(mbox_send(box, WITH_FDS(&writer, 1), 0, NOWAIT), EAGAIN, "a full mailbox");
    is_errno(mbox_send(box, WITH_FDS(&writer, 1), 0, 2), ETIMEDOUT, "for too long");
    close(writer);
    ok(is_closed(witness), "a send that failed has kept no duplicate");
    close(box), close(witness);
}

/* The receiver cannot take them: the message stays, for another one. */
static void no_room(void) {
    struct rlimit old, few;
    int writer, box = make_box(4, 0), witness = make_witness(&writer), low, list[4];
    for (int i = 0; i < 4; i++)
        list[i] = writer;
    need(getrlimit(RLIMIT_NOFILE, &old) == 0);
    need(mbox_send(box, WITH_FDS(list, 4), 0, NOWAIT) == 0);
    need((low = dup(1)) >= 0 && close(low) == 0);
    for (int room = 0; room < 4; room++) {
        few = (struct rlimit){ (rlim_t)(low + room), old.rlim_max };
        need(setrlimit(RLIMIT_NOFILE, &few) == 0);
        is_errno(mbox_receive(box, next_with_fds(), 0, NOWAIT), EMFILE,
                 "EMFILE: room for %d of 4", room);
    }
    need(setrlimit(RLIMIT_NOFILE, &old) == 0);
    is_int(dup(1), low, "none was installed");
    close(low);
    struct msg *m = NEXT;
    m->fds = (int *)16;
    is_errno(mbox_receive(box, m, 0, NOWAIT), EFAULT, "EFAULT: a list nowhere");
    m = NEXT;
    m->fds = (int *)(uintptr_t) "a constant text in the program";
    is_errno(mbox_receive(box, m, 0, NOWAIT), EFAULT, "EFAULT: a list in the text");
    is_int(dup(1), low, "still none was installed");
    close(low);
    is_int(look(box).queued, 1, "the message stays");
    close(writer);
    need(mbox_receive(box, next_with_fds(), 0, NOWAIT) == getpid() && got.nfds == 4);
    ok(!is_closed(witness), "and arrives whole in the end");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    ok(is_closed(witness), "with as many as were sent");
    close(box), close(witness);
}

/* Every way in which a message is thrown away. */
static void discarded(void) {
    static const char *const way[] = { "the last close",
                                       "mbox_destroy",
                                       "DROP_OLDEST",
                                       "DROP_NEWEST",
                                       "the sender's time-out",
                                       "the sender's death",
                                       "mbox_unlink" };
    for (int k = 0; k < 7; k++) {
        int writer, witness = make_witness(&writer);
        uint32_t overflow = k == 2 ? MBOX_DROP_OLDEST : k == 3 ? MBOX_DROP_NEWEST : 0;
        int box = named_box("bin", ATTR(.capacity = 1, .overflow = overflow));
        pid_t pid;
        if (k == 3)
            need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
        if (k == 4)
            need(mbox_send(box, WITH_FDS(&writer, 1), MSG_SYNC, 2) == -1);
        else if (k == 5) {
            CHILD (pid)
                mbox_send(box, WITH_FDS(&writer, 1), MSG_SYNC, FOREVER);
            until_sending(box, 1);
            close(writer);
            need(!is_closed(witness) && kill(pid, SIGKILL) == 0);
            wait_for(pid);
        } else
            need(mbox_send(box, WITH_FDS(&writer, 1), 0, NOWAIT) == 0);
        close(writer);
        if (k == 0 || k == 6)
            need(close(box) == 0 && !is_closed(witness));
        if (k == 1)
            need(!is_closed(witness) && mbox_destroy(box) == 0);
        if (k == 2)
            need(!is_closed(witness) && mbox_send(box, EMPTY, 0, NOWAIT) == 0);
        if (k == 0)
            need((box = mbox_open("bin", O_RDWR)) >= 0 && mbox_unlink("bin") == 0
                 && close(box) == 0);
        else
            need(mbox_unlink("bin") == 0 || errno == ENOENT);
        ok(is_closed(witness), "discarded by %s, the descriptor is closed", way[k]);
        close(witness);
        if (k != 0 && k != 6)
            close(box);
    }
}

/* Mailboxes in each other: box[i] is in a message in box[i + 1], the last in the first.
 * With the last descriptor of ours they can be reached by nobody. */
static void circle(int size) {
    int box[4], writer, witness = make_witness(&writer), pass[2];
    for (int i = 0; i < size; i++)
        box[i] = make_box(4, 0);
    need(mbox_send(box[0], WITH_FDS(&writer, 1), 0, NOWAIT) == 0 && close(writer) == 0);
    for (int i = 0; i < size; i++) {
        pass[0] = pass[1] = box[i];
        need(mbox_send(box[(i + 1) % size], WITH_FDS(pass, 2), 0, NOWAIT) == 0);
    }
    for (int i = 1; i < size; i++)
        close(box[i]);
    ok(!is_closed(witness), "a circle of %d, of which we hold one", size);
    for (unsigned count = 1; count <= 2; count++) {
        need(mbox_receive(box[0], next_with_fds(), 0, NOWAIT) > 0 && got.nfds == count);
        need(mbox_send(box[0], WITH_FDS(fds, count), 0, NOWAIT) == 0);
        for (unsigned i = 0; i < count; i++)
            close(fds[i]);
    }
    ok(!is_closed(witness), "it can be taken out and put back");
    close(box[0]);
    ok(is_closed(witness), "a circle of %d mailboxes in each other is collected", size);
    close(witness);
}

/* A circle with another mailbox hanging on it, and one outside that leads in: that one
 * is held by us, so all of it stays. */
static void led_into(void) {
    int a = make_box(4, 0), b = make_box(4, 0), hanging = make_box(4, 0);
    int outside = make_box(4, 0), writer, witness = make_witness(&writer);
    need(mbox_send(hanging, WITH_FDS(&writer, 1), 0, NOWAIT) == 0);
    need(mbox_send(a, WITH_FDS(&b, 1), 0, NOWAIT) == 0);
    need(mbox_send(b, WITH_FDS(&a, 1), 0, NOWAIT) == 0);
    need(mbox_send(b, WITH_FDS(&hanging, 1), 0, NOWAIT) == 0);
    need(mbox_send(outside, WITH_FDS(&a, 1), 0, NOWAIT) == 0);
    close(a), close(b), close(hanging), close(writer);
    ok(!is_closed(witness), "a circle that can be reached from outside is kept");
    int other = make_box(1, 0);                         // one that nobody will hold
    need(mbox_send(other, WITH_FDS(&other, 1), 0, NOWAIT) == 0 && close(other) == 0);
    ok(!is_closed(witness), "while others are collected");
    need(mbox_receive(outside, next_with_fds(), 0, NOWAIT) > 0);
    a = fds[0];
    need(mbox_receive(a, next_with_fds(), 0, NOWAIT) > 0);
    b = fds[0];
    ok(look(b).queued == 2, "and is as it was");
    close(b), close(a), close(outside);
    ok(is_closed(witness), "without its last holder it goes, with what hangs on it");
    close(witness);
}

/* One in the next in the next ...: when the last is closed, all go, however many. */
static void chain(int length) {
    int writer, witness = make_witness(&writer), inner = make_box(1, 0);
    need(mbox_send(inner, WITH_FDS(&writer, 1), 0, NOWAIT) == 0 && close(writer) == 0);
    for (int i = 0; i < length; i++) {
        int outer = make_box(1, 0);
        need(mbox_send(outer, WITH_FDS(&inner, 1), 0, NOWAIT) == 0
             && close(inner) == 0);
        inner = outer;
    }
    ok(!is_closed(witness), "%d mailboxes inside each other", length);
    close(inner);
    ok(is_closed(witness), "go with the outermost one");
    close(witness);
}

/* A process dies with a circle that only it could reach. */
static void died_with_it(void) {
    int writer, witness = make_witness(&writer);
    pid_t pid;
    CHILD (pid) {
        int a = make_box(2, 0), b = make_box(2, 0);
        need(mbox_send(a, WITH_FDS(&b, 1), 0, NOWAIT) == 0);
        need(mbox_send(b, WITH_FDS(&a, 1), 0, NOWAIT) == 0);
        need(mbox_send(b, WITH_FDS(&writer, 1), 0, NOWAIT) == 0);
        kill(getpid(), SIGKILL);
    }
    close(writer);
    is_killed(wait_for(pid), SIGKILL, "a process dies with a circle of its own");
    ok(is_closed(witness), "which is collected");
    close(witness);
}

/* Who has no list for them gets the message without. */
static void not_wanted(void) {
    int writer, box = make_box(4, 0), witness = make_witness(&writer), low = dup(1);
    close(low);
    need(mbox_send(box, WITH_FDS(&writer, 1), 0, NOWAIT) == 0);
    need(mbox_send(box, WITH_FDS(&writer, 1), 0, NOWAIT) == 0 && close(writer) == 0);
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "a receiver without a list");
    is_int(got.nfds, 0, "gets none");
    ok(!is_closed(witness), "the other message has its own");
    is_int(read(box, body, 10), 0, "nor does read");
    ok(is_closed(witness), "what nobody wanted is closed");
    is_int(dup(1), writer < low ? writer : low, "and takes no number");
    close(writer < low ? writer : low);
    close(box), close(witness);
}

/* A receiver that waits gets them as well. */
static void to_a_waiting_one(void) {
    int writer, box = named_box("hand", NULL), witness = make_witness(&writer);
    pid_t pid, full;
    CHILD (full) {
        struct rlimit none = { 3, 3 };
        need(setrlimit(RLIMIT_NOFILE, &none) == 0);
        _exit(error_of(mbox_receive(box, next_with_fds(), 0, FOREVER)));
    }
    until_receiving(box, 1);
    CHILD (pid) {
        close(writer);
        need(mbox_receive(box, next_with_fds(), 0, FOREVER) == getppid());
        need(got.nfds == 2 && write(fds[1], "x", 1) == 1);
    }
    until_receiving(box, 2);
    need(mbox_send(box, WITH_FDS(((int[]){ writer, writer }), 2), MSG_SYNC, NOWAIT)
         == pid);
    is_exit(wait_for(full), EMFILE, "EMFILE: who waited longer, and has no room");
    is_exit(wait_for(pid), 0, "the next one gets them");
    close(writer);
    char c;
    ok(read(witness, &c, 1) == 1 && is_closed(witness), "and nobody else has any");
    need(mbox_unlink("hand") == 0);
    close(box), close(witness);
}

int main(void) {
    passed();
    rights_and_offset();
    refused();
    no_room();
    discarded();
    circle(1);
    circle(2);
    circle(4);
    led_into();
    chain(10);
    chain(3000);
    died_with_it();
    not_wanted();
    to_a_waiting_one();
    return done_testing();
}
