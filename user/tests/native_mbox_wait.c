/* native_mbox_wait.c - waits at a mailbox that end otherwise than hoped.
 * IPC(1.4): "timeout_ms is the one knob for blocking".
 * IPC(1.5): "A caught signal ends a wait with EINTR. With SA_RESTART and FOREVER the
 * call restarts".
 * IPC(1.6): "A send that fails is never delivered: time-out, signal or kill take the
 * message back out of the queue, MSG_SYNC included."
 * IPC(1.7): "A message is handed to a waiting receiver directly. If it does not fit
 * there (room, descriptor table, memory, bad address), that receiver ends with
 * EMSGSIZE, EMFILE, ENOMEM or EFAULT and the same message goes to the next waiter at
 * once, or stays."
 * IPC(1.8): "A message handed to a receiver that is killed before it returns to user
 * mode counts as received."
 */
/* FEATURE(62): blocking send: waits until %s */
/* FEATURE(63): blocking receive: waits until %s */
/* FEATURE(64): a send that does not wait: EAGAIN when it would have to */
/* FEATURE(65): a receive that does not wait: EAGAIN when nothing is there */
/* FEATURE(68): blocking receive: waits until %s */
/* FEATURE(115): each wait has a time-out: %s */
#include "mailbox.h"
#include "raw.h"

#include <signal.h>
#include <sys/resource.h>

enum { RECEIVE, BY_TYPE, READ, ROOM, WRITE, RECEIPT, RENDEZVOUS, ROOM_RECEIPT, WAYS };

static const struct {
    const char *name;
    uint32_t capacity;
    int full, sends;
} ways[WAYS] = { { "a message comes", 1, 0, 0 },
                 { "its type comes", 1, 0, 0 },
                 { "there is something to read", 1, 0, 0 },
                 { "there is room", 1, 1, 1 },
                 { "there is room to write", 1, 1, 1 },
                 { "it is received", 9, 0, 1 },
                 { "somebody receives", CAPACITY_ZERO, 0, 1 },
                 { "there was room and it was received", 1, 1, 1 } };

static int prepare(int way) {
    int box = named_box("way", ATTR(.capacity = ways[way].capacity));
    if (ways[way].full)
        need(mbox_send(box, TEXT("full"), 0, NOWAIT) == 0);
    return box;
}

/* The call, in a child. */
static long enter(int box, int way, int timeout) {
    struct msg *m = NEXT;
    m->type = 7;
    switch (way) {
    case RECEIVE:
        return mbox_receive(box, m, 0, timeout);
    case BY_TYPE:
        return mbox_receive(box, m, MSG_TYPE, timeout);
    case READ:
        return read(box, body, 256);
    case WRITE:
        return write(box, "hello", 5);
    case RECEIPT:
    case ROOM_RECEIPT:
        return mbox_send(box, TYPED("hello", 7), MSG_SYNC, timeout);
    default:
        return mbox_send(box, TYPED("hello", 7), 0, timeout);
    }
}

static void until_in(int box, int way) {
    if (ways[way].sends)
        until_sending(box, 1);
    else
        until_receiving(box, 1);
}

static void end_of(int box) {
    need(mbox_unlink("way") == 0 && close(box) == 0);
}

/* Nothing is there but what was there before. */
static int is_as_before(int box, int way) {
    struct mbox_stat st = look(box);
    int right = st.waiting_senders == 0 && st.waiting_receivers == 0;
    right &= st.queued == (unsigned)ways[way].full;
    if (ways[way].full)
        right &= mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("full");
    return right & (mbox_receive(box, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN);
}

static void without_waiting(int way) {
    int box = prepare(way);
    int fails = enter(box, way, NOWAIT) == -1 && errno == EAGAIN;
    if (ways[way].sends)
        ok(fails, "a send that does not wait: EAGAIN when it would have to");
    else
        ok(fails, "a receive that does not wait: EAGAIN when nothing is there");
    ok(is_as_before(box, way), "which has changed nothing");
    end_of(box);
}

static void timed_out(int way) {
    int box = prepare(way);
    is_errno(enter(box, way, 3), ETIMEDOUT, "each wait has a time-out: %s",
             ways[way].name);
    ok(is_as_before(box, way), "and what timed out is not there");
    end_of(box);
}

static void ends_well(int way) {
    pid_t pid;
    int box = prepare(way);
    CHILD (pid)
        need(enter(box, way, FOREVER) >= 0);
    until_in(box, way);
    is_int(waitpid(pid, NULL, WNOHANG), 0, "it waits");
    if (!ways[way].sends) {
        need(mbox_send(box, TYPED("hello", 7), 0, NOWAIT) == 0);
        is_exit(wait_for(pid), 0, "blocking receive: waits until %s", ways[way].name);
    } else {
        if (ways[way].full)
            need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
        if (way == ROOM_RECEIPT)
            is_int(waitpid(pid, NULL, WNOHANG), 0, "first there was room");
        if (way >= RECEIPT)
            need(mbox_receive(box, NEXT, 0, NOWAIT) == pid && got_text("hello"));
        is_exit(wait_for(pid), 0, "blocking send: waits until %s", ways[way].name);
    }
    end_of(box);
}

static int ran[2];                      /* a pipe: the handler has run */

static void handler(int sig) {
    (void)sig;
    need(write(ran[1], "h", 1) == 1);
}

static void catch (int flags) {
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
}

static void interrupted(int way) {
    pid_t pid;
    int box = prepare(way);
    CHILD (pid) {
        catch (0);
        _exit(error_of(enter(box, way, FOREVER)));
    }
    until_in(box, way);
    kill(pid, SIGUSR1);
    is_exit(wait_for(pid), EINTR, "EINTR: a signal comes before %s", ways[way].name);
    ok(is_as_before(box, way), "and what was interrupted is not there");
    end_of(box);
    if (way == READ || way == WRITE)
        return;
    box = prepare(way);
    CHILD (pid) {
        catch (SA_RESTART);
        _exit(error_of(enter(box, way, 10000000)));
    }
    until_in(box, way);
    kill(pid, SIGUSR1);
    is_exit(wait_for(pid), EINTR, "EINTR: SA_RESTART, but a time-out");
    ok(is_as_before(box, way), "which leaves nothing behind");
    end_of(box);
}

static void restarted(int way) {
    pid_t pid;
    char c;
    int box = prepare(way);
    CHILD (pid) {
        catch (SA_RESTART);
        need(enter(box, way, FOREVER) >= 0);
    }
    until_in(box, way);
    kill(pid, SIGUSR1);
    need(read(ran[0], &c, 1) == 1);
    until_in(box, way);
    int right = 1;
    if (ways[way].sends) {
        if (ways[way].full)
            right &= mbox_receive(box, NEXT, 0, NOWAIT) > 0 && got_text("full");
        right &= mbox_receive(box, NEXT, 0, FOREVER) == pid && got_text("hello");
    } else {
        right &= mbox_send(box, TYPED("hello", 7), 0, NOWAIT) == 0;
    }
    is_exit(wait_for(pid), 0, "SA_RESTART and FOREVER: it waits on until %s",
            ways[way].name);
    right &= mbox_receive(box, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN;
    ok(right, "and its message comes once");
    end_of(box);
}

static void killed(int way) {
    pid_t pid;
    int box = prepare(way);
    CHILD (pid)
        enter(box, way, FOREVER);
    until_in(box, way);
    kill(pid, SIGKILL);
    is_killed(wait_for(pid), SIGKILL, "who waits until %s can be killed",
              ways[way].name);
    ok(is_as_before(box, way), "and leaves nothing behind");
    end_of(box);
}

/* The moment between the end of a wait and the next step of who waited: what it wanted
 * to send is not there any more, and takes no room. */
static void killed_and_looked_for(int way) {
    pid_t pid;
    int box = prepare(way), right = 1;
    CHILD (pid)
        enter(box, way, FOREVER);
    until_in(box, way);
    kill(pid, SIGKILL);
    if (ways[way].full)
        right &= mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("full");
    right &= mbox_receive(box, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN;
    if (ways[way].full)
        right &= mbox_send(box, TEXT("next"), 0, NOWAIT) == 0;
    ok(right, "who waited until %s is killed: at once nothing is there",
       ways[way].name);
    wait_for(pid);
    if (ways[way].full)
        need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid() && got_text("next"));
    ok(look(box).queued == 0 && look(box).waiting_senders == 0, "nor later");
    end_of(box);
}

/* Three senders wait; the one in the middle goes. */
static void out_of_the_middle(void) {
    static const uint32_t capacity[] = { CAPACITY_ZERO, 1 };
    for (int c = 0; c < 2; c++) {
        pid_t pid[3];
        int box = named_box("middle", ATTR(.capacity = capacity[c]));
        if (c)
            need(mbox_send(box, TEXT("full"), 0, NOWAIT) == 0);
        for (int i = 0; i < 3; i++) {
            CHILD (pid[i]) {
                char text[2] = { (char)('0' + i) };
                mbox_send(box, TEXT(text), 0, FOREVER);
            }
            until_sending(box, (unsigned)i + 1);
        }
        kill(pid[1], SIGKILL);
        wait_for(pid[1]);
        is_int(look(box).waiting_senders, 2, "one of three senders is killed");
        if (c)
            need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
        ok(mbox_receive(box, NEXT, 0, NOWAIT) == pid[0] && got_text("0")
               && mbox_receive(box, NEXT, 0, NOWAIT) == pid[2] && got_text("2"),
           "the others are received in order");
        wait_for(pid[0]);
        wait_for(pid[2]);
        is_int(got.sequence, (unsigned)c + 2, "without a gap");
        need(mbox_unlink("middle") == 0 && close(box) == 0);
    }
}

/* The sender is killed at the very moment of the overflow that drops its message: its
 * wait has ended, but it has not run yet. */
static void killed_and_dropped(void) {
    pid_t pid;
    int box = named_box("both", ATTR(.capacity = 1, .overflow = MBOX_DROP_OLDEST));
    CHILD (pid)
        mbox_send(box, TEXT("mine"), MSG_SYNC, FOREVER);
    until_sending(box, 1);
    kill(pid, SIGKILL);
    need(mbox_send(box, TEXT("other"), 0, NOWAIT) == 0);
    is_killed(wait_for(pid), SIGKILL,
              "a sender is killed while its message is dropped");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("other") && look(box).queued == 0, "and the other one is received");
    need(mbox_unlink("both") == 0 && close(box) == 0);
}

/* -- Receivers that cannot take it ------------------------------------------------- */

enum { TOO_SMALL, NOWHERE, HEADER_NOWHERE, NO_DESCRIPTOR, MISFITS };

static long misfit(int box, int how) {
    struct msg m = { .body = body, .room = sizeof body };
    char *page =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    switch (how) {
    case TOO_SMALL:
        m.room = 4;
        break;
    case NOWHERE:                       // its last byte only
        m.body = page + 4096 - 4;
        break;
    case HEADER_NOWHERE:                // can be read, and not written
        memcpy(page, &m, sizeof m);
        need(mprotect(page, 4096, PROT_READ) == 0);
        return mbox_receive(box, (struct msg *)page, 0, FOREVER);
    default:                            // a list, and no descriptor
        m.fds = &(int){ 0 };
        need(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 3 }) == 0);
    }
    return mbox_receive(box, &m, 0, FOREVER);
}

static void misfits(void) {
    static const int error[] = { EMSGSIZE, EFAULT, EFAULT, EMFILE };
    static const uint32_t capacity[] = { CAPACITY_ZERO, 2 };
    for (int c = 0; c < 2; c++) {
        pid_t pid[MISFITS], good;
        int box = named_box("fit", ATTR(.capacity = capacity[c])), fd = 1;
        struct msg m = { .body = "hello", .length = 5, .nfds = 1, .fds = &fd };
        for (int how = 0; how < MISFITS; how++) {
            CHILD (pid[how])
                _exit(error_of(misfit(box, how)));
            until_receiving(box, (unsigned)how + 1);
        }
        CHILD (good) {
            struct msg *mine = NEXT;
            mine->fds = &fd;
            need(mbox_receive(box, mine, 0, FOREVER) == getppid());
            need(got_text("hello") && got.nfds == 1 && got.sequence == 1);
        }
        until_receiving(box, MISFITS + 1);
        is_int(mbox_send(box, &m, MSG_SYNC, NOWAIT), good,
               "a message goes to the first waiter that can take it");
        is_exit(wait_for(pid[TOO_SMALL]), EMSGSIZE, "EMSGSIZE: too little room");
        is_exit(wait_for(pid[NOWHERE]), EFAULT, "EFAULT: a body that ends too early");
        is_exit(wait_for(pid[HEADER_NOWHERE]), EFAULT, "EFAULT: a header to read only");
        is_exit(wait_for(pid[NO_DESCRIPTOR]), EMFILE, "EMFILE: no descriptor is free");
        is_exit(wait_for(good), 0, "and that one has it whole");
        ok(look(box).received == 1 && look(box).queued == 0, "it was received once");
        for (int how = 0; how < MISFITS; how++) {       // now nobody else is there
            CHILD (pid[how])
                _exit(error_of(misfit(box, how)));
            until_receiving(box, 1);
            if (c == 0) {
                is_errno(mbox_send(box, &m, 0, NOWAIT), EAGAIN,
                         "EAGAIN: the only one at the rendezvous cannot take it");
            } else {
                is_int(mbox_send(box, &m, 0, NOWAIT), 0, "nobody can: it stays");
                is_int(look(box).queued, 1, "in the queue");
            }
            is_exit(wait_for(pid[how]), error[how], "and that one is told");
            if (c) {
                struct msg *mine = NEXT;
                mine->fds = &fd;
                need(mbox_receive(box, mine, 0, NOWAIT) == getpid());
                ok(got_text("hello"), "the next one to ask gets it");
                close(fd);
                fd = 1;
            }
        }
        need(mbox_unlink("fit") == 0 && close(box) == 0);
    }
}

/* The message is handed over, and the receiver killed before it can look. */
static void killed_with_it(void) {
    int counted = 0;
    for (int i = 0; i < 10; i++) {
        pid_t pid;
        int box = named_box("late", ATTR(.capacity = 2));
        CHILD (pid)
            mbox_receive(box, NEXT, 0, FOREVER);
        until_receiving(box, 1);
        int result = mbox_send(box, TEXT("for you"), MSG_SYNC, NOWAIT);
        kill(pid, SIGKILL);
        need(result == pid);
        wait_for(pid);
        struct mbox_stat st = look(box);
        counted += st.received == 1 && st.queued == 0 && st.waiting_receivers == 0
                   && mbox_receive(box, NEXT, 0, NOWAIT) == -1 && errno == EAGAIN;
        need(mbox_unlink("late") == 0 && close(box) == 0);
    }
    is_int(counted, 10,
           "a message handed to a receiver that is killed counts as received");
    pid_t pid[2];
    int box = named_box("late", ATTR(.capacity = 2));
    for (int i = 0; i < 2; i++) {
        CHILD (pid[i])
            need(mbox_receive(box, NEXT, 0, FOREVER) == getppid());
        until_receiving(box, (unsigned)i + 1);
    }
    kill(pid[0], SIGKILL);
    is_int(mbox_send(box, TEXT("x"), MSG_SYNC, NOWAIT), pid[1],
           "one killed before gets nothing: the next one does");
    is_killed(wait_for(pid[0]), SIGKILL, "for it has gone");
    is_exit(wait_for(pid[1]), 0, "and the other has it");
    need(mbox_unlink("late") == 0 && close(box) == 0);
}

int main(void) {
    need(pipe(ran) == 0);
    for (int way = 0; way < WAYS; way++) {
        if (way != READ && way != WRITE) {              // they have no time-out
            without_waiting(way);
            timed_out(way);
        }
        ends_well(way);
        interrupted(way);
        restarted(way);
        killed(way);
        if (ways[way].sends)
            killed_and_looked_for(way);
    }
    out_of_the_middle();
    killed_and_dropped();
    misfits();
    killed_with_it();
    return done_testing();
}
