/* native_msg_rights.c - IPC(2.7): "Who may send to whom: as for kill(2), else EPERM; a
 * process opens itself to everybody with msg_accept(MSG_ANYONE). Replies need no right.
 * Rights are checked at every send."
 * kill(2): "the real or effective user ID of the sending process must equal the real or
 * saved set-user-ID of the target process". Tests of root; a user finds only EPERM.
 */
#include "scratch.h"

#include "native.h"

static char text[64];

/* A process of some user that receives from anybody until it is killed; `accept` is for
 * msg_accept. */
static pid_t receiver(uid_t real, uid_t effective, uid_t saved, int accept) {
    struct gate ready;
    pid_t pid;
    gate_init(&ready);
    CHILD (pid) {
        setgroups(0, NULL);
        need(setresgid(real, effective, saved) == 0);
        need(setresuid(real, effective, saved) == 0);
        need(msg_accept(accept) == 0);
        gate_open(&ready);
        for (;;) {
            struct msg m = room_msg(text, sizeof text);
            need(msg_receive(MSG_ANY, &m, 0, FOREVER) > 0);
            if (m.caller)
                msg_reply(m.caller, &m);
        }
    }
    gate_wait(&ready);
    gate_close(&ready);
    return pid;
}

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    wait_for(pid);
}

/* Tries every way to send as that user: they must all agree. 0 or the errno. */
static int sends_as(uid_t real, uid_t effective, uid_t saved, pid_t to) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
        setgroups(0, NULL);
        need(setresuid(real, effective, saved) == 0);
        int may = error_of(kill(to, 0));
        int error = error_of(msg_send(to, &m, 0, FOREVER));
        need(error_of(msg_send(to, &m, MSG_SYNC, 1000000)) == error);
        need(error_of(msg_call(to, &m, &r, FOREVER)) == error);
        need(error_of(msg_notify(to, 1)) == error);
        need(error_of(link_open(to, NULL)) == error);
        need(may == error || (may == EPERM && error == 0)); // that one: MSG_ANYONE
        _exit(error);
    }
    int status = wait_for(pid);
    need(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int sends(uid_t who, pid_t to) {
    return sends_as(who, who, who, to);
}

static void by_user(void) {
    pid_t roots = receiver(0, 0, 0, MSG_SAME_USER);
    pid_t students = receiver(STUDENT, STUDENT, STUDENT, MSG_SAME_USER);
    is_int(sends(0, roots), 0, "root to root");
    is_int(sends(0, students), 0, "root to a user");
    is_int(sends(STUDENT, students), 0, "a user to her own");
    is_int(sends(STUDENT, roots), EPERM, "EPERM: a user to root");
    is_int(sends(GUEST, students), EPERM, "EPERM: a user to another");
    end(roots);
    end(students);

    pid_t open = receiver(0, 0, 0, MSG_ANYONE);
    is_int(sends(STUDENT, open), 0, "MSG_ANYONE: a user to root");
    is_int(sends(GUEST, open), 0, "and another one");
    end(open);
}

/* Real, effective and saved, as kill(2) has it. */
static void by_identity(void) {
    pid_t mixed = receiver(GUEST, STUDENT, GUEST, MSG_SAME_USER);
    is_int(sends(STUDENT, mixed), EPERM,
           "EPERM: the target's effective id is no reason");
    is_int(sends(GUEST, mixed), 0, "its real one is");
    end(mixed);
    mixed = receiver(STUDENT, STUDENT, GUEST, MSG_SAME_USER);
    is_int(sends(GUEST, mixed), 0, "and its saved one");
    is_int(sends_as(GUEST, 65534, 65534, mixed), 0, "the sender's real id counts");
    is_int(sends_as(65534, GUEST, 65534, mixed), 0, "and its effective one");
    is_int(sends_as(65534, 65534, GUEST, mixed), EPERM, "but not its saved one");
    end(mixed);
}

/* "Rights are checked at every send." */
static void every_time(void) {
    struct gate go, done;
    pid_t pid;
    gate_init(&go);
    gate_init(&done);
    CHILD (pid) {
        struct msg m = text_msg("x");
        become(STUDENT);
        for (int i = 0; i < 3; i++) {
            gate_wait(&go);
            need(error_of(msg_send(getppid(), &m, 0, NOWAIT)) == (i == 1 ? 0 : EPERM));
            gate_open(&done);
        }
    }
    set_capacity(pid, 10);
    for (int i = 0; i < 3; i++) {
        need(msg_accept(i == 1 ? MSG_ANYONE : MSG_SAME_USER) == 0);
        gate_open(&go);
        if (gate_try(&done) == 0)
            break;
    }
    is_exit(wait_for(pid), 0, "msg_accept counts at every send, both ways");
    struct msg r = room_msg(text, sizeof text);
    is_int(msg_receive(pid, &r, 0, NOWAIT), pid, "what was sent then is received");
    is_errno(msg_receive(pid, &r, 0, NOWAIT), ESRCH, "and nothing else");
    gate_close(&go);
    gate_close(&done);
}

/* Who has sent may not send on when one of the two has become another user. */
static void after_a_change(void) {
    pid_t roots = receiver(0, 0, 0, MSG_SAME_USER), pid;
    CHILD (pid) {
        struct msg m = text_msg("x"), r = room_msg(text, sizeof text);
        need(msg_call(roots, &m, &r, FOREVER) == 0);
        need(msg_call(roots, &m, &r, FOREVER) == 0);
        become(STUDENT);
        need(error_of(msg_call(roots, &m, &r, FOREVER)) == EPERM);
    }
    is_exit(wait_for(pid), 0, "EPERM: a sender who has become another");
    end(roots);

    struct gate go, done;
    gate_init(&go);
    gate_init(&done);
    CHILD (pid) {
        struct msg m = text_msg("x");
        become(STUDENT);
        for (int i = 0; i < 2; i++) {
            gate_wait(&go);
            need(error_of(msg_send(getppid(), &m, 0, NOWAIT)) == (i == 0 ? 0 : EPERM));
            gate_open(&done);
        }
    }
    set_capacity(pid, 10);
    for (int i = 0; i < 2; i++) {
        need(setresuid(i == 0 ? STUDENT : 0, 0, 0) == 0);
        gate_open(&go);
        if (gate_try(&done) == 0)
            break;
    }
    is_exit(wait_for(pid), 0, "EPERM: a receiver who has become another");
    struct msg r = room_msg(text, sizeof text);
    need(msg_receive(pid, &r, 0, NOWAIT) == pid);
    gate_close(&go);
    gate_close(&done);
}

/* "Replies need no right": a user answers root's call. Receiving needs none either. */
static void replies(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        become(STUDENT);
        need(msg_send(getppid(), &m, 0, NOWAIT) == -1 && errno == EPERM);
        pid_t who = msg_receive(getppid(), &m, 0, FOREVER);
        need(who == getppid() && msg_reply(who, &m) == 0);
        who = msg_receive(MSG_ANY, &m, 0, FOREVER);
        need(who == getppid() && m.caller == who);
        m.length = 3;
        need(msg_reply_receive(who, &m, &m, FOREVER) == getppid());
        need(m.caller == 0);
    }
    struct msg q = text_msg("question"), a = room_msg(text, sizeof text);
    is_int(msg_call(pid, &q, &a, FOREVER), 0, "replies need no right");
    is_int(msg_call(pid, &q, &a, FOREVER), 0, "nor does msg_reply_receive");
    need(msg_send(pid, &q, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "nor does receiving");
}

/* Who forwards sends: the forwarder's rights count. */
static void forwarding(void) {
    pid_t roots = receiver(0, 0, 0, MSG_SAME_USER), pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        become(STUDENT);
        pid_t who = msg_receive(MSG_ANY, &m, 0, FOREVER);
        need(who == getppid());
        need(msg_forward(who, roots, &m, FOREVER) == -1 && errno == EPERM);
        need(msg_reply(who, &m) == 0);                  // it is still ours
    }
    struct msg q = text_msg("q"), a = room_msg(text, sizeof text);
    is_int(msg_call(pid, &q, &a, FOREVER), 0, "EPERM: forwarded by one who may not");
    is_int(a.sender, pid, "who then answers himself");
    is_exit(wait_for(pid), 0, "since the call stays with him");
    end(roots);
}

/* A link that another user made may be closed and closed to him by its other end. */
static void other_ends(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = room_msg(text, sizeof text);
        struct link_stat stat;
        become(STUDENT);
        need(msg_receive(getppid(), &m, 0, FOREVER) == getppid());
        need(link_stat(getppid(), &stat) == 0);
        struct link_attr attr = { .capacity = 5, .refuse = 1 };
        need(link_open(getppid(), &attr) == 0);         // what it receives is its own
        need(link_close(getppid()) == 0);
        need(link_stat(1, &stat) == -1 && errno == ENOENT);
        need(link_open(1, NULL) == -1 && errno == EPERM);
        need(link_close(1) == -1 && errno == ENOENT);
    }
    struct msg m = text_msg("x");
    need(msg_send(pid, &m, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0,
            "EPERM: link_open to a stranger; but not at one's own end");
}

int main(void) {
    if (!is_root()) {
        is_errno(msg_notify(1, 1), EPERM, "EPERM: a user to root");
        return done_testing();
    }
    by_user();
    by_identity();
    every_time();
    after_a_change();
    replies();
    forwarding();
    other_ends();
    return done_testing();
}
