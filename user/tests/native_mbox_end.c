/* native_mbox_end.c - how mailboxes end, and what those learn who still use them.
 * IPC(4.9): "mbox_destroy (owner or root, else EPERM) discards the queue; waiters and
 * later users get EIDRM. An unlinked or nameless mailbox goes with its last
 * descriptor."
 */
/* FEATURE(53): EIDRM: who uses it after its end */
#include "mailbox.h"
#include "scratch.h"

/* A message that carries the writing end of a new pipe; gives the reading end. When the
 * message is discarded, that is at its end of file. */
static int send_witness(int box) {
    int p[2];
    need(pipe(p) == 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    struct msg m = { .nfds = 1, .fds = &p[1] };
    need(mbox_send(box, &m, 0, NOWAIT) == 0 && close(p[1]) == 0);
    return p[0];
}

/* Whether the message with the other end is gone. */
static int is_gone(int witness) {
    char c;
    ssize_t n = read(witness, &c, 1);
    need(n == 0 || errno == EAGAIN);
    return n == 0;
}

static void destroyed(void) {
    struct mbox_stat st;
    int box = named_box("end", NULL), other = mbox_open("end", O_RDWR);
    int witness = send_witness(box);
    is_int(is_gone(witness), 0, "a message in the queue");
    is_int(mbox_destroy(box), 0, "mbox_destroy");
    is_int(is_gone(witness), 1, "discards the queue");
    is_errno(mbox_send(other, TEXT("x"), 0, FOREVER), EIDRM,
             "EIDRM: who uses it after its end");
    is_errno(mbox_send(box, TEXT("x"), MSG_SYNC, NOWAIT), EIDRM, "with MSG_SYNC");
    is_errno(mbox_receive(box, NEXT, 0, FOREVER), EIDRM, "EIDRM: mbox_receive");
    is_errno(mbox_receive(other, NEXT, MSG_TYPE, NOWAIT), EIDRM, "by type");
    is_errno(mbox_stat(box, &st), EIDRM, "EIDRM: mbox_stat");
    is_errno(mbox_destroy(other), EIDRM, "EIDRM: mbox_destroy");
    is_errno(read(box, body, 1), EIDRM, "EIDRM: read");
    is_errno(write(box, "x", 1), EIDRM, "EIDRM: write");
    is_errno(mbox_open("end", O_RDWR), ENOENT, "its name is gone as well");
    is_errno(mbox_unlink("end"), ENOENT, "ENOENT: mbox_unlink");
    int again = named_box("end", NULL);
    is_int(mbox_send(again, TEXT("x"), 0, NOWAIT), 0, "and can be used again");
    is_errno(mbox_send(box, TEXT("x"), 0, NOWAIT), EIDRM, "for another mailbox");
    need(mbox_unlink("end") == 0);
    close(again), close(box), close(other), close(witness);
}

/* Everyone who waits: to receive, for room, for a receipt, at a rendezvous. */
static void waiters(void) {
    static const struct {
        uint32_t capacity, overflow;
        int fill, flags, receives;
        const char *what;
    } kinds[] = { { 1, MBOX_BLOCK, 0, 0, 1, "to receive" },
                  { CAPACITY_ZERO, MBOX_BLOCK, 0, 0, 1, "to receive from nobody yet" },
                  { 1, MBOX_BLOCK, 1, 0, 0, "for room" },
                  { 2, MBOX_BLOCK, 1, MSG_SYNC, 0, "for a receipt" },
                  { 1, MBOX_BLOCK, 1, MSG_SYNC, 0, "for room and a receipt" },
                  { CAPACITY_ZERO, MBOX_BLOCK, 0, 0, 0, "for a rendezvous" } };
    for (unsigned k = 0; k < 6; k++) {
        pid_t pid[3];
        int box =
            named_box("wait", ATTR(kinds[k].capacity, .overflow = kinds[k].overflow));
        if (kinds[k].fill)
            need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
        for (int i = 0; i < 3; i++) {
            CHILD (pid[i])
                _exit(error_of(kinds[k].receives ? mbox_receive(box, NEXT, 0, FOREVER)
                                                 : mbox_send(box, TEXT("never"),
                                                             kinds[k].flags, FOREVER)));
            if (kinds[k].receives)
                until_receiving(box, (unsigned)i + 1);
            else
                until_sending(box, (unsigned)i + 1);
        }
        need(mbox_destroy(box) == 0);
        for (int i = 0; i < 3; i++)
            is_exit(wait_for(pid[i]), EIDRM, "EIDRM: who waits %s", kinds[k].what);
        need(mbox_unlink("wait") == -1 && close(box) == 0);
    }
}

static int destroys(const char *name) {
    int fd = mbox_open(name, O_WRONLY);
    return mbox_destroy(fd) ? errno : 0;
}

static void rights(void) {
    pid_t pid;
    int box = named_box("mine", NULL), nameless = make_box(1, 0);
    need(fchmod(box, 0666) == 0);
    is_exit(as_user(destroys, "mine"), EPERM, "EPERM: mbox_destroy by another user");
    CHILD (pid) {
        become(STUDENT);
        _exit(error_of(mbox_destroy(nameless)));
    }
    is_exit(wait_for(pid), EPERM, "EPERM: a nameless one, by fork");
    need(mbox_send(box, TEXT("x"), 0, NOWAIT) == 0);
    is_int(look(box).queued, 1, "and it is as it was");
    need(chown("/mbox/mine", STUDENT, STUDENT) == 0);
    is_exit(as_user(destroys, "mine"), 0, "its new owner may");
    is_errno(mbox_send(box, TEXT("x"), 0, NOWAIT), EIDRM, "so it has ended");
    close(box), close(nameless);
    box = named_box("hers", NULL);
    need(chown("/mbox/hers", STUDENT, STUDENT) == 0);
    is_int(mbox_destroy(box), 0, "root may destroy another user's");
    close(box);
}

/* "An unlinked or nameless mailbox goes with its last descriptor"; one with a name
 * stays. */
static void last_descriptor(void) {
    int box = make_box(4, 0), copy = dup(box), witness = send_witness(box);
    close(box);
    is_int(is_gone(witness), 0, "a nameless mailbox stays while a duplicate is open");
    close(copy);
    is_int(is_gone(witness), 1, "and goes with the last");
    close(witness);
    box = named_box("stays", NULL);
    witness = send_witness(box);
    close(box);
    is_int(is_gone(witness), 0, "one with a name stays without descriptors");
    box = mbox_open("stays", O_WRONLY);
    need(box >= 0 && mbox_unlink("stays") == 0);
    is_int(is_gone(witness), 0, "unlinked, it stays for who has it open");
    close(box);
    is_int(is_gone(witness), 1, "and goes with the last descriptor");
    close(witness);
    box = named_box("stays", NULL);
    witness = send_witness(box);
    close(box);
    need(mbox_unlink("stays") == 0);
    is_int(is_gone(witness), 1, "unlinked and open nowhere: gone at once");
    close(witness);
}

/* The name goes; those who have it open go on, and a new one is another mailbox. */
static void unlinked_with_waiters(void) {
    pid_t pid;
    int box = named_box("name", ATTR(.capacity = CAPACITY_ZERO));
    CHILD (pid) {
        need(mbox_receive(box, NEXT, 0, FOREVER) == getppid() && got_text("go on"));
        need(mbox_send(box, TEXT("done"), 0, FOREVER) == 0);
    }
    until_receiving(box, 1);
    need(mbox_unlink("name") == 0);
    is_int(look(box).waiting_receivers, 1, "mbox_unlink ends nobody's wait");
    int other = named_box("name", NULL);
    ok(look(other).id != look(box).id, "the name is free for another one");
    is_int(mbox_send(box, TEXT("go on"), MSG_SYNC, NOWAIT), pid, "the old one works");
    is_int(mbox_receive(box, NEXT, 0, FOREVER), pid, "in both directions");
    is_exit(wait_for(pid), 0, "for both");
    need(mbox_unlink("name") == 0);
    close(box), close(other);
}

int main(void) {
    destroyed();
    waiters();
    rights();
    last_descriptor();
    unlinked_with_waiters();
    return done_testing();
}
