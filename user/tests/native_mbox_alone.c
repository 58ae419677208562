/* native_mbox_alone.c - nobody is left on the other side of a mailbox.
 * IPC(4.10): "A nameless mailbox that nobody else can receive from: send is EPIPE,
 * without a signal. One that nobody can send to any more: receive is EPIPE when it is
 * empty, read returns 0. A call in progress holds its descriptor."
 *
 * A process that has always been its only holder may talk to itself.
 */
/* FEATURE(119): EPIPE: the partner has died while one waits %s */
#include "mailbox.h"

#include <pthread.h>

static void alone_from_the_start(void) {
    int box = make_box(2, 0);
    is_int(mbox_send(box, TEXT("a"), 0, NOWAIT), 0, "a process may send to itself");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "and receive that");
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EAGAIN,
             "while it has always been alone there is nobody to miss");
    close(box);
}

/* SIGPIPE would kill. */
static void partner_has_died(void) {
    pid_t pid;
    int box = make_box(2, 0);
    CHILD (pid)
        need(mbox_send(box, TEXT("last words"), 0, NOWAIT) == 0);
    wait_for(pid);
    is_errno(mbox_send(box, TEXT("x"), 0, FOREVER), EPIPE,
             "EPIPE: a nameless mailbox that nobody else has, without a signal");
    is_errno(mbox_send(box, TEXT("x"), MSG_SYNC, NOWAIT), EPIPE, "with MSG_SYNC");
    is_errno(write(box, "x", 1), EPIPE, "EPIPE: write");
    is_int(mbox_receive(box, NEXT, 0, FOREVER), pid, "what is there is received first");
    ok(got_text("last words"), "then it is empty");
    is_errno(mbox_receive(box, NEXT, 0, FOREVER), EPIPE, "EPIPE: nobody can send");
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EPIPE, "without waiting, too");
    is_int(read(box, body, 10), 0, "read gives 0");
    CHILD (pid) {
        until_receiving(box, 1);
        need(mbox_send(box, TEXT("back"), 0, NOWAIT) == 0);
    }
    is_int(mbox_receive(box, NEXT, 0, FOREVER), pid, "with a new partner it works");
    wait_for(pid);
    close(box);
}

/* The partner dies while we wait. It is alive as long as our wait has not begun. */
static void partner_dies(void) {
    static const struct {
        uint32_t capacity;
        int fill, flags, receives;
        const char *what;
    } kinds[] = { { 1, 0, 0, 1, "to receive" },
                  { 1, 1, 0, 0, "for room" },
                  { 2, 1, MSG_SYNC, 0, "for a receipt" },
                  { CAPACITY_ZERO, 0, 0, 0, "for a rendezvous" } };
    for (int k = 0; k < 4; k++) {
        for (int killed = 0; killed < 2; killed++) {
            pid_t pid;
            int box = make_box(kinds[k].capacity, 0);
            if (kinds[k].fill)
                need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
            CHILD (pid) {
                if (kinds[k].receives)
                    until_receiving(box, 1);
                else
                    until_sending(box, 1);
                if (killed)
                    kill(getpid(), SIGKILL);
            }
            if (kinds[k].receives)
                is_errno(mbox_receive(box, NEXT, 0, FOREVER), EPIPE,
                         "EPIPE: the partner has died while one waits %s",
                         kinds[k].what);
            else
                is_errno(mbox_send(box, TEXT("x"), kinds[k].flags, FOREVER), EPIPE,
                         "EPIPE: the partner has died while one waits %s",
                         kinds[k].what);
            wait_for(pid);
            is_int(look(box).queued, (unsigned)kinds[k].fill, "nothing is left behind");
            close(box);
        }
    }
}

/* The partner closes, and lives. */
static void partner_closes(void) {
    struct gate leave;
    pid_t pid;
    int box = make_box(1, 0);
    gate_init(&leave);
    CHILD (pid) {
        until_receiving(box, 1);
        close(box);
        gate_try(&leave);
    }
    is_errno(mbox_receive(box, NEXT, 0, FOREVER), EPIPE, "EPIPE: the other one closed");
    is_errno(mbox_send(box, EMPTY, 0, NOWAIT), EPIPE, "EPIPE: to send");
    gate_close(&leave);
    wait_for(pid);
    close(box);
}

/* Two partners: one is enough. */
static void one_of_two(void) {
    struct gate leave;
    pid_t pid, stays;
    int box = make_box(1, 0);
    gate_init(&leave);
    CHILD (stays) {
        gate_try(&leave);
        need(mbox_send(box, TEXT("still here"), 0, NOWAIT) == 0);
    }
    CHILD (pid)
        need(box > 0);
    wait_for(pid);
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EAGAIN, "one partner is left");
    gate_close(&leave);
    is_int(mbox_receive(box, NEXT, 0, FOREVER), stays, "and sends");
    wait_for(stays);
    is_errno(mbox_receive(box, NEXT, 0, FOREVER), EPIPE, "then none is");
    close(box);
}

/* With a name somebody may always come; without, the two directions count. */
static void directions(void) {
    pid_t pid;
    int out = mbox_open("dir", O_WRONLY | O_CREAT, 0600, ATTR(.capacity = 2));
    is_int(mbox_send(out, TEXT("a"), 0, NOWAIT), 0, "a name, and nobody receives yet");
    int in = mbox_open("dir", O_RDONLY);
    need(mbox_unlink("dir") == 0);
    is_int(mbox_send(out, TEXT("b"), 0, NOWAIT), 0, "unlinked, with one who receives");
    close(in);
    is_errno(mbox_send(out, TEXT("c"), 0, NOWAIT), EPIPE,
             "EPIPE: unlinked, and only O_WRONLY is left");
    close(out);

    in = mbox_open("dir", O_RDONLY | O_CREAT, 0600, NULL);
    is_errno(mbox_receive(in, NEXT, 0, NOWAIT), EAGAIN, "a name, and nobody sends yet");
    out = mbox_open("dir", O_WRONLY);
    need(mbox_send(out, TEXT("d"), 0, NOWAIT) == 0 && mbox_unlink("dir") == 0);
    close(out);
    is_int(mbox_receive(in, NEXT, 0, FOREVER), getpid(), "unlinked: what was sent");
    is_errno(mbox_receive(in, NEXT, 0, FOREVER), EPIPE, "EPIPE: then nothing can come");
    is_int(read(in, body, 1), 0, "read gives 0");
    close(in);

    in = mbox_open("dir", O_RDONLY | O_CREAT, 0600, NULL);
    CHILD (pid) {
        int mine = mbox_open("dir", O_RDONLY);
        close(in);
        _exit(error_of(mbox_receive(mine, NEXT, 0, FOREVER)));
    }
    until_receiving(in, 1);
    need(close(in) == 0 && mbox_unlink("dir") == 0);
    is_exit(wait_for(pid), EPIPE, "EPIPE: its name goes while one waits to receive");

    out = mbox_open("dir", O_WRONLY | O_CREAT, 0600, ATTR(.capacity = CAPACITY_ZERO));
    CHILD (pid) {
        int mine = mbox_open("dir", O_WRONLY);
        close(out);
        _exit(error_of(mbox_send(mine, EMPTY, 0, FOREVER)));
    }
    until_sending(out, 1);
    need(close(out) == 0 && mbox_unlink("dir") == 0);
    is_exit(wait_for(pid), EPIPE, "EPIPE: while one waits to send");
}

/* What counts is what the others have. */
static void mixed_directions(void) {
    struct gate go;
    pid_t pid;
    int box = named_box("mixed", ATTR(.capacity = 4));
    gate_init(&go);
    CHILD (pid) {
        int out = mbox_open("mixed", O_WRONLY);
        need(out >= 0 && close(box) == 0);
        need(mbox_send(out, TEXT("1"), 0, NOWAIT) == 0);
        gate_wait(&go);
        need(mbox_send(out, TEXT("2"), 0, NOWAIT) == 0);
        gate_try(&go);
    }
    need(mbox_receive(box, NEXT, 0, FOREVER) == pid && mbox_unlink("mixed") == 0);
    gate_open(&go);
    is_int(mbox_receive(box, NEXT, 0, FOREVER), pid, "the other one sends");
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EAGAIN, "and could do so again");
    is_errno(mbox_send(box, EMPTY, 0, NOWAIT), EPIPE, "EPIPE: but cannot receive");
    gate_close(&go);
    wait_for(pid);
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EPIPE, "EPIPE: it has ended");
    close(box);
}

/* One on its way in a message may come out with somebody. */
static void under_way(void) {
    pid_t pid;
    int box = make_box(4, 0), way, fd;
    CHILD (pid)
        need(box >= 0);
    wait_for(pid);
    way = make_box(1, 0);
    is_errno(mbox_send(box, EMPTY, 0, NOWAIT), EPIPE, "EPIPE: nobody else has it");
    need(mbox_send(way, &(struct msg){ .nfds = 1, .fds = &box }, 0, NOWAIT) == 0);
    is_int(mbox_send(box, EMPTY, 0, NOWAIT), 0, "it is in a message: somebody may");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    is_errno(mbox_receive(box, NEXT, 0, NOWAIT), EAGAIN, "and may send");
    need(mbox_receive(way, &(struct msg){ .fds = &fd }, 0, NOWAIT) == getpid());
    is_errno(mbox_send(box, EMPTY, 0, NOWAIT), EPIPE, "EPIPE: it came out with us");
    close(fd), close(box), close(way);
}

/* A client has sent the mailbox for the answer along, and its request is thrown away: 0
 * mbox_destroy, 1 the last close, 2 the server takes it and dies, 3 a receiver without
 * a list for descriptors. */
static void request_is_lost(void) {
    static const char *const what[] = { "its mailbox was destroyed",
                                        "nobody has its mailbox any more",
                                        "the server took it and died",
                                        "the server took it and not the descriptor" };
    for (int how = 0; how < 4; how++) {
        pid_t client, server;
        int requests = named_box("requests", NULL);
        CHILD (client) {
            int reply = mbox_create(NULL);
            struct msg request = { .nfds = 1, .fds = &reply };
            need(mbox_send(requests, &request, 0, NOWAIT) == 0);
            close(requests);
            _exit(error_of(mbox_receive(reply, NEXT, 0, FOREVER)));
        }
        while (look(requests).accepted == 0)
            sched_yield();
        until_asleep(client);
        if (how == 0)
            need(mbox_destroy(requests) == 0);
        else if (how == 1)
            need(mbox_unlink("requests") == 0);
        if (how >= 2) {
            CHILD (server) {
                int fds[MSG_FDS_MAX];
                struct msg m = { .fds = how == 2 ? fds : NULL };
                need(mbox_receive(requests, &m, 0, FOREVER) == client);
            }
            need(wait_for(server) == 0 && mbox_unlink("requests") == 0);
        }
        close(requests);
        is_exit(wait_for(client), EPIPE, "EPIPE: a request was lost: %s", what[how]);
    }
}

static int used;

static void *receive_one(void *unused) {
    (void)unused;
    return (void *)(long)mbox_receive(used, NEXT, 0, FOREVER);
}

/* For a type that nobody sends, and not for ever. */
static void *receive_seven(void *unused) {
    struct msg *m = NEXT;
    (void)unused;
    m->type = 7;
    return (void *)(long)(mbox_receive(used, m, MSG_TYPE, 20) == -1 ? -errno : 0);
}

/* Has no room for what is sent. */
static void *read_nothing(void *unused) {
    (void)unused;
    return (void *)(long)(read(used, NULL, 0) == -1 ? -errno : 0);
}

/* The result of a call that a thread is in while its process closes the mailbox: go
 * opens then. */
static long ends_after_close(void *(*call)(void *), struct gate *go) {
    pthread_t thread;
    void *result;
    need(!pthread_create(&thread, NULL, call, NULL));
    until_receiving(used, 1);
    close(used);
    gate_open(go);
    need(!pthread_join(thread, &result));
    return (long)result;
}

/* IPC(4.10): "A call in progress holds its descriptor": a thread receives, while its
 * process has closed the mailbox. */
static void still_in_a_call(void) {
    pid_t pid;
    struct gate go;
    used = make_box(4, 0);
    gate_init(&go);
    CHILD (pid) {
        need(ends_after_close(receive_one, &go) == getppid());
        need(got_text("there?"));
    }
    gate_wait(&go);
    is_int(mbox_send(used, TEXT("there?"), MSG_SYNC, NOWAIT), pid,
           "who is in a call still has the mailbox");
    is_exit(wait_for(pid), 0, "and receives");
    is_errno(mbox_send(used, TEXT("there?"), 0, NOWAIT), EPIPE, "EPIPE: after that");
    close(used);
    gate_close(&go);

    /* The same, and we wait when that call ends. */
    used = make_box(1, 0);
    gate_init(&go);
    need(mbox_send(used, EMPTY, 0, NOWAIT) == 0);
    CHILD (pid) {
        pthread_t thread;
        void *result;
        need(!pthread_create(&thread, NULL, receive_seven, NULL));
        until_receiving(used, 1);
        int other = dup(used);                          // to see us waiting
        close(used);
        gate_open(&go);
        until_sending(other, 1);
        close(other);
        need(!pthread_join(thread, &result) && (long)result == -ETIMEDOUT);
    }
    gate_wait(&go);
    is_errno(mbox_send(used, TEXT("x"), 0, FOREVER), EPIPE,
             "EPIPE: the last call of another has ended while we wait");
    is_exit(wait_for(pid), 0, "without what it waited for");
    close(used);
    gate_close(&go);
}

/* The same by read(2), and its message stays. */
static void still_in_a_read(void) {
    pid_t pid;
    struct gate go;
    used = make_box(4, 0);
    gate_init(&go);
    CHILD (pid) {
        need(ends_after_close(read_nothing, &go) == -EMSGSIZE);
    }
    gate_wait(&go);
    is_errno(mbox_send(used, TEXT("there?"), MSG_SYNC, FOREVER), EPIPE,
             "EPIPE: the last read of another has ended while we wait");
    is_exit(wait_for(pid), 0, "without room for the message");
    close(used);
    gate_close(&go);
}

int main(void) {
    alone_from_the_start();
    partner_has_died();
    partner_dies();
    partner_closes();
    one_of_two();
    directions();
    mixed_directions();
    under_way();
    request_is_lost();
    still_in_a_call();
    still_in_a_read();
    return done_testing();
}
