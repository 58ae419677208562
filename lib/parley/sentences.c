/* sentences.c - every way in which a call can fail, each as a sentence.
 *
 * Of the rows for a call and an error the first that holds is taken, so the special
 * ones come first. What was true when the call failed may have changed since; where
 * that can be seen, a row says "was".
 */
#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum {
    SENDS = CALL(MSG_SEND) | CALL(MSG_CALL) | CALL(MSG_FORWARD),
    RECEIVES = CALL(MSG_RECEIVE) | CALL(MSG_REPLY_RECEIVE) | CALL(MBOX_RECEIVE),
    REPLIES = CALL(MSG_REPLY) | CALL(MSG_FORWARD) | CALL(MSG_REPLY_RECEIVE),
    LINKS = CALL(LINK_OPEN) | CALL(LINK_CLOSE) | CALL(LINK_STAT),
    BOXES = CALL(MBOX_SEND) | CALL(MBOX_RECEIVE) | CALL(MBOX_STAT)
            | CALL(MBOX_DESTROY),
    OPENS = CALL(MBOX_OPEN) | CALL(MBOX_LOOKUP) | CALL(MBOX_CREATE),
    NAMES = CALL(MBOX_OPEN) | CALL(MBOX_LOOKUP) | CALL(MBOX_UNLINK),
    ANY = -1
};

/* -- Which row --------------------------------------------------------------------- */

static bool is_alone(const struct about *a) { return a->partner == getpid(); }

static bool partner_exists(const struct about *a) {
    return a->partner > 0 && parley_process_exists(a->partner);
}

/* There is nobody who lacks a right to send there: that is not what is refused. */
static bool may_send(const struct about *a) {
    return a->partner <= 0 || kill(a->partner, 0) == 0 || errno == ESRCH;
}

static bool caller_is_gone(const struct about *a) {
    return !parley_process_exists(a->caller);
}

static bool is_refused(const struct about *a) {
    return a->has_link && a->link.out.refuse;
}

static bool replied(const struct about *a) { return a->caller > 0; }

static bool is_rendezvous(const struct about *a) {
    return a->has_mailbox ? a->mailbox.attr.capacity == CAPACITY_ZERO
                          : !a->has_link || a->link.out.capacity == CAPACITY_ZERO
                                || a->link.out.capacity == CAPACITY_DEFAULT;
}

static bool is_full(const struct about *a) {
    if (a->has_mailbox) return a->mailbox.queued >= a->mailbox.attr.capacity;
    return a->has_link && a->link.out.queued >= a->link.out.capacity;
}

static bool is_sync(const struct about *a) { return a->flags & MSG_SYNC; }

static bool is_move(const struct about *a) { return a->flags & MSG_MOVE; }

static bool moves_too_much(const struct about *a) {
    return is_move(a) && a->sent.length > 64u << 20;
}

static bool is_too_long(const struct about *a) {
    return a->has_sent && a->sent.length > MSG_MAX; // no reply is
}

/* But nothing of that length is copied. */
static bool fits_mailbox(const struct about *a) {
    return a->has_mailbox && a->sent.length <= a->mailbox.attr.max_length;
}

static bool drops(const struct about *a) {
    return a->has_mailbox && a->mailbox.attr.overflow != MBOX_REJECT;
}

static bool is_not_linked(const struct about *a) { return !a->has_link; }

static bool is_closed(const struct about *a) { return fcntl(a->fd, F_GETFD) == -1; }

static bool is_no_mailbox(const struct about *a) { return !a->has_mailbox; }

static bool cannot_send(const struct about *a) {
    return (fcntl(a->fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static bool cannot_receive(const struct about *a) {
    return (fcntl(a->fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
}

static bool is_there(const struct about *a) {
    char path[320] = "/mbox/";

    for (size_t i = 0; a->name[i] && i < 300; i++)
        path[6 + i] = a->name[i];
    return access(path, F_OK) == 0;
}

static bool argument_is_wrong(const struct about *a) {
    struct line line = { .length = 0 };

    parley_judge(&line, a);
    return line.length;
}

/* -- What is said ------------------------------------------------------------------ */

#define TOO_LONG \
    "the body has {length} bytes, and a message holds at most 65536; msg_send and " \
    "mbox_send move more with MSG_MOVE"

const struct sentence parley_sentences[] = {
    { ANY, ENOSYS, NULL, "this kernel does not have that call; is it Parley?" },
    { ANY, EFAULT, NULL, "{bad address}" },
    { ANY, EINVAL, argument_is_wrong, "{bad argument}" },
    { REPLIES, EINVAL, NULL,
      "that message of {caller} was sent and not called: nobody waits for a reply" },
    { ANY, EINVAL, NULL, "an argument is out of range" },

    /* a wait that ended */
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), EINTR, NULL,
      "a signal was handled while you waited for {process} to receive; nothing was "
      "sent" },
    { CALL(MSG_CALL), EINTR, NULL,
      "a signal was handled while you waited for {process} to answer; the call is "
      "given up" },
    { CALL(MSG_REPLY_RECEIVE), EINTR, replied,
      "a signal was handled while you waited for the next {kind}; the reply was "
      "delivered" },
    { CALL(MSG_RECEIVE) | CALL(MSG_REPLY_RECEIVE), EINTR, NULL,
      "a signal was handled while you waited for a {kind} from {from}" },
    { CALL(MBOX_SEND), EINTR, NULL,
      "a signal was handled while you waited at {mailbox}; nothing was sent" },
    { CALL(MBOX_RECEIVE), EINTR, NULL,
      "a signal was handled while you waited for a {kind} in {mailbox}" },
    { CALL(MBOX_LOOKUP), EINTR, NULL,
      "a signal was handled while you waited for mailbox {name} to appear" },
    { SENDS | CALL(MSG_RECEIVE), EDEADLK, is_alone,
      "you would wait for yourself, for ever" },
    { SENDS | CALL(MSG_RECEIVE), EDEADLK, NULL,
      "{process} waits for you, itself or through others, so none of you would ever go "
      "on; `why {pid}` shows the circle, and a time-out would break it" },

    /* would wait, or has waited long enough */
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), EAGAIN, is_rendezvous,
      "{process} does not wait to receive from you, the link holds no message "
      "(capacity zero), and you asked not to wait" },
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), EAGAIN, is_full,
      "the link to {process} is full ({fill}) and you asked not to wait" },
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), EAGAIN, is_sync,
      "{process} did not receive the message at once and you asked not to wait" },
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), EAGAIN, NULL,
      "the link to {process} was full (now {fill}) and you asked not to wait" },
    { CALL(MSG_CALL), EAGAIN, NULL,
      "{process} did not receive the request and answer at once, and you asked not to "
      "wait" },
    { CALL(MSG_REPLY_RECEIVE), EAGAIN, replied,
      "the reply was delivered, no {kind} is there, and you asked not to wait" },
    { CALL(MSG_RECEIVE) | CALL(MSG_REPLY_RECEIVE), EAGAIN, NULL,
      "there is no {kind} from {from} and you asked not to wait" },
    { CALL(MBOX_SEND), EAGAIN, is_rendezvous,
      "nobody waits to receive from {mailbox}, which holds no message (capacity zero), "
      "and {not to wait}" },
    { CALL(MBOX_SEND), EAGAIN, is_full,
      "{mailbox} is full ({fill}) and {not to wait}" },
    { CALL(MBOX_SEND), EAGAIN, is_sync,
      "nobody received the message from {mailbox} at once and {not to wait}" },
    { CALL(MBOX_SEND), EAGAIN, NULL,
      "{mailbox} was full (now {fill}) and {not to wait}" },
    { CALL(MBOX_RECEIVE), EAGAIN, NULL,
      "there is no {kind} in {mailbox} and {not to wait}" },
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), ETIMEDOUT, is_full,
      "the link to {process} is full ({fill}), and {time-out} went by" },
    { CALL(MSG_SEND) | CALL(MSG_FORWARD), ETIMEDOUT, NULL,
      "{process} did not receive the message within {time-out}; it was taken back" },
    { CALL(MSG_CALL), ETIMEDOUT, NULL,
      "{process} did not answer within {time-out}; the call is given up" },
    { CALL(MSG_REPLY_RECEIVE), ETIMEDOUT, replied,
      "the reply was delivered, and then no {kind} came within {time-out}" },
    { CALL(MSG_RECEIVE) | CALL(MSG_REPLY_RECEIVE), ETIMEDOUT, NULL,
      "no {kind} came from {from} within {time-out}" },
    { CALL(MBOX_SEND), ETIMEDOUT, is_rendezvous,
      "nobody received the message from {mailbox} within {time-out}; it was taken "
      "back" },
    { CALL(MBOX_SEND), ETIMEDOUT, is_full,
      "{mailbox} is full ({fill}), and {time-out} went by" },
    { CALL(MBOX_SEND), ETIMEDOUT, NULL,
      "nobody made room in {mailbox}, or took the message, within {time-out}; it was "
      "taken back" },
    { CALL(MBOX_RECEIVE), ETIMEDOUT, NULL,
      "no {kind} came to {mailbox} within {time-out}" },
    { CALL(MBOX_LOOKUP), ETIMEDOUT, NULL,
      "nobody made a mailbox {name} within {time-out}" },

    /* the partner */
    { REPLIES & ~CALL(MSG_REPLY_RECEIVE), ESRCH, caller_is_gone,
      "{caller} has ended: nobody waits for this reply" },
    { CALL(MSG_CALL), ESRCH, partner_exists,
      "{process} passed your call on to a process that has ended" },
    { CALL(MSG_RECEIVE), ESRCH, NULL,
      "there is no {process}: it has ended, and all that it had sent has been "
      "received, or it never was; ids are never used twice" },
    { ANY, ESRCH, NULL,
      "there is no {process}: it has ended, or never was; ids are never used twice, so "
      "find out its successor's" },
    { SENDS | CALL(MSG_NOTIFY), EPERM, is_refused,
      "{process} refuses what you send: its link_open said so" },
    { CALL(MSG_FORWARD), EPERM, may_send,
      "you hold no unanswered call of {caller}{sequence}: it was answered before, or "
      "another process received it" },
    { CALL(MSG_FORWARD), EPERM, partner_exists,
      "either {process} is of {process user} and you are {user}, and it has not called "
      "msg_accept(MSG_ANYONE), or you hold no unanswered call of {caller}{sequence}" },
    { SENDS | CALL(MSG_NOTIFY) | LINKS, EPERM, NULL,
      "{process} is of {process user} and you are {user}: it has to call "
      "msg_accept(MSG_ANYONE) first" },
    { REPLIES, EPERM, NULL,
      "you hold no unanswered call of {caller}{sequence}: it was answered before, or "
      "another process received it" },
    { REPLIES, ECANCELED, NULL,
      "{caller} has given up waiting: its time was over, or a signal came" },
    { CALL(MSG_CALL), ECANCELED, NULL,
      "{process} closed the link (link_close) and so gave your call up" },
    { SENDS, EPIPE, NULL,
      "the link with {process} was closed (link_close) while your message waited in "
      "it" },
    { LINKS, ENOENT, NULL,
      "there is no link with {process}: you have not talked, or it was closed" },

    /* what does not fit */
    { SENDS | CALL(MBOX_SEND), EMSGSIZE, moves_too_much,
      "the body has {length} bytes, and MSG_MOVE moves at most 64 MiB" },
    { CALL(MBOX_SEND), EMSGSIZE, fits_mailbox, TOO_LONG },
    { CALL(MBOX_SEND), EMSGSIZE, NULL,
      "the body has {length} bytes, and {mailbox} takes at most {max}" },
    { CALL(MSG_CALL) | CALL(MSG_REPLY_RECEIVE), EMSGSIZE, is_too_long, TOO_LONG },
    { CALL(MSG_SEND) | CALL(MSG_REPLY) | CALL(MSG_FORWARD), EMSGSIZE, NULL, TOO_LONG },
    { CALL(MSG_CALL), EMSGSIZE, NULL,
      "the reply has {needed} bytes and you have room for {room}; it is lost" },
    { RECEIVES, EMSGSIZE, NULL,
      "the {kind} has {needed} bytes and you have room for {room}; it stays first in "
      "line" },
    { RECEIVES, EMFILE, NULL,
      "the {kind} brings descriptors and you have no room for them (at most {files}); "
      "it stays first in line" },
    { CALL(MSG_CALL), EMFILE, NULL,
      "the reply brings descriptors and you have no room for them (at most {files}); "
      "it is lost" },
    { ANY, EMFILE, NULL, "you have as many descriptors as you may ({files})" },
    { ANY, ENFILE, NULL, "{user} has as many open files as a user may" },
    { RECEIVES, ENOMEM, NULL,
      "there is no memory, or you may not have more, for the pages of the {kind}; it "
      "stays first in line" },
    { ANY, ENOMEM, NULL, "the kernel has no memory left for it" },
    { OPENS, EDQUOT, NULL, "{user} has as many mailboxes as a user may{limits}" },
    { SENDS | CALL(MSG_RECEIVE) | CALL(MSG_NOTIFY) | CALL(LINK_OPEN), EDQUOT,
      is_not_linked,
      "you or {process} have as many links as a process may (1024); link_close ends "
      "one" },
    { ANY, EDQUOT, NULL,
      "{user} has as much queued as a user may{limits}; it has to be received first" },

    /* mailboxes */
    { BOXES, EBADF, is_closed, "{fd} is no open descriptor" },
    { BOXES, EBADF, is_no_mailbox, "{fd} is {file} and no mailbox" },
    { CALL(MBOX_SEND), EBADF, cannot_send,
      "{fd}, {mailbox}, is open for receiving only (O_RDONLY)" },
    { CALL(MBOX_RECEIVE), EBADF, cannot_receive,
      "{fd}, {mailbox}, is open for sending only (O_WRONLY)" },
    { ANY, EBADF, NULL, "{bad descriptor}" },
    { CALL(MBOX_SEND), ENOBUFS, drops,
      "{mailbox} was full and your message was dropped; with MSG_SYNC you are told" },
    { CALL(MBOX_SEND), ENOBUFS, is_rendezvous,
      "nobody waited to receive from {mailbox}, which holds no message (capacity zero) "
      "and rejects what nobody takes (MBOX_REJECT)" },
    { CALL(MBOX_SEND), ENOBUFS, is_full,
      "{mailbox} is full ({fill}) and rejects what does not fit (MBOX_REJECT)" },
    { CALL(MBOX_SEND), ENOBUFS, NULL,
      "{mailbox} was full (now {fill}) and rejects what does not fit (MBOX_REJECT)" },
    { CALL(MBOX_SEND), EPIPE, NULL,
      "{mailbox} has no name, and nobody but you could receive from it" },
    { CALL(MBOX_RECEIVE), EPIPE, NULL,
      "{mailbox} is empty, has no name, and nobody can send to it any more" },
    { CALL(MBOX_RECEIVE), EBUSY, NULL,
      "{mailbox} has one receiver only (MBOX_EXCLUSIVE), and that is {owner}" },
    { BOXES, EIDRM, NULL, "{mailbox} has been destroyed (mbox_destroy)" },
    { CALL(MBOX_DESTROY), EPERM, NULL,
      "{mailbox} is of {mailbox user} and you are {user}: only its owner and root may "
      "destroy it" },
    { CALL(MBOX_OPEN), ENOENT, NULL,
      "there is no mailbox {name}: O_CREAT would make it, mbox_lookup would wait for "
      "it" },
    { CALL(MBOX_LOOKUP), ENOENT, NULL,
      "there is no mailbox {name} and you asked not to wait for it" },
    { CALL(MBOX_LOOKUP), EAGAIN, NULL,
      "there is no mailbox {name} and you asked not to wait for it" },
    { CALL(MBOX_UNLINK), ENOENT, NULL, "there is no mailbox {name}" },
    { CALL(MBOX_OPEN), EEXIST, NULL,
      "there is a mailbox {name} already, and O_EXCL wants to be the first" },
    { CALL(MBOX_OPEN) | CALL(MBOX_LOOKUP), EACCES, is_there,
      "mailbox {name} is {mode}, and you are {user}: you may not {use}" },
    { CALL(MBOX_LOOKUP), EACCES, NULL, "you are {user} and may not open it" },
    { CALL(MBOX_OPEN), EACCES, NULL, "you are {user} and may not make names in /mbox" },
    { CALL(MBOX_UNLINK), EACCES, NULL,
      "you are {user} and may not remove names from /mbox" },
    { CALL(MBOX_UNLINK), EPERM, NULL,
      "mailbox {name} is {mode}, and you are {user}: only its owner and root may "
      "remove its name" },
    { NAMES, ENAMETOOLONG, NULL,
      "the name has {name length} bytes, and a name has at most 255" },
    { 0, 0, NULL, NULL }
};
