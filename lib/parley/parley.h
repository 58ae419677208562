/* parley.h - the native interface: messages over links and through mailboxes.
 *
 * A message is a header and a body. A link joins exactly two processes and exists
 * because they talk: the partner is named by its process id (direct naming). A mailbox
 * is a queue with a name, an owner and a mode, held as a descriptor (indirect naming).
 * Both are the same queue underneath.
 *
 *      process A ---- msg_send(B) ----> link A-B ----> msg_receive(A) ---- process B
 *      process A ---- mbox_send(fd) --> mailbox -----> mbox_receive(fd) -- any of many
 *
 * [N.M] names the sentence of the contract that a line implements; IPC(N.M) in a test
 * cites it.
 *
 * What holds for every call, and is not said again below:
 *
 *   result      as stated, and -1 with errno on failure. A call that fails has had no
 *               effect, unless it says otherwise.
 *   timeout_ms  the one knob for blocking, in milliseconds [1.4]. FOREVER (-1): waits
 *               as long as it takes. NOWAIT (0): never waits; what would wait fails
 *               with EAGAIN. 1 and more: waits at most that long, then ETIMEDOUT.
 *   flags       0, or MSG_SYNC, MSG_MOVE, MSG_TYPE or'ed, where the call takes them.
 *   EFAULT      a pointer, m->body or m->fds does not lead to memory of the caller, or
 *               not to writable memory where the kernel writes.
 *   EINVAL      timeout_ms below -1, priority over 31, nfds over MSG_FDS_MAX, a flag
 *               that is not known, type MSG_NOTIFICATION in what is sent [1.4].
 *   EINTR       a caught signal ended the wait; a stop (^Z) does not. After a handler
 *               with SA_RESTART a FOREVER wait goes on instead, except in msg_call once
 *               the request was received, and in msg_reply_receive once the reply was
 *               delivered [1.5].
 *   EDQUOT      the user who runs the caller has its share of queued bytes, queued
 *               messages or mailboxes, or one of the two processes its share of links;
 *               never waits for it to become less. Root's share has no limit.
 *               /proc/ipc/limits has use and limits [6.1].
 *   ENOMEM      the kernel has no memory for what it would have to keep.
 *   a kill      ends every wait.
 *   threads     every call may be made by any thread at any time. What is sent to a
 *               process is received by any of its threads [2.9].
 *
 * "Atomic" below: what nobody can see half-done, on any number of processors.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#define PARLEY_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#else
#define PARLEY_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

/* -- Messages ---------------------------------------------------------------------- */

/* A message's header. "in": the caller sets it before the call. "out": the kernel sets
 * it in what receives, whatever the sender wrote there [1.1]. Sending reads type,
 * priority, length, nfds, body and fds and writes nothing; receiving reads room, body
 * and fds (and type with MSG_TYPE). A receive that fails writes only length, with
 * EMSGSIZE. */
struct msg {
    uint32_t type;              /* in/out  the sender's choice; MSG_NOTIFICATION is the
                                           kernel's own */
    uint32_t priority;          /* in/out  0 .. 31, higher first [1.2] */
    pid_t sender;               /* out     whose bytes these are */
    pid_t caller;               /* out     who waits for msg_reply; 0: nobody, it was
                                           sent and not called */
    pid_t receiver;             /* out     the process it was delivered to */
    uint32_t mailbox;           /* out     id of the mailbox it came through; 0: a
                                           link */
    uint64_t sequence;          /* out     1, 2, 3 ... per link direction or mailbox;
                                           in, for reply and forward: which call is
                                           meant, 0: the oldest of that caller */
    uint32_t length;            /* in, sending: bytes in body, 0 .. MSG_MAX; out,
                                           receiving: bytes of the message, also when it
                                           did not fit [1.3] */
    uint32_t room;              /* in, receiving: bytes that fit in body; never
                                           written */
    uint32_t nfds;              /* in, sending: descriptors to pass, 0 .. MSG_FDS_MAX;
                                           out, receiving: descriptors received */
    uint32_t bits;              /* out     of a notification: its bits; else 0 */
    void *body;                 /* in      first byte; NULL is legal when there is none.
                                           out, with MSG_MOVE [5.3] */
    int *fds;                   /* in      NULL, or MSG_FDS_MAX places [1.10] */
};
PARLEY_SIZE(struct msg, 56);

#define MSG_NOTIFICATION 0xffffffffu    /* type of what msg_notify sent */

enum {
    MSG_MAX = 65536,            /* longest body in bytes, without MSG_MOVE */
    MSG_FDS_MAX = 4,            /* most descriptors in one message */
    FOREVER = -1,               /* timeout_ms */
    NOWAIT = 0,                 /* timeout_ms */
    MSG_ANY = -1,               /* msg_receive: from whomever */
    MSG_SYNC = 1,               /* send: ends when the message has been received,
                                   whatever the capacity [1.9] */
    MSG_MOVE = 2,               /* send, receive: pages move, nothing is copied; see
                                   msg_send and msg_receive [5.1] [5.3] */
    MSG_TYPE = 4                /* receive: the first message whose type is m->type,
                                   the others stay where they are [1.9] */
};

/* Capacities: how many messages a queue holds that nobody has received. A number from
 * 1 to 65535 is itself; 0 chooses the default. */
#define CAPACITY_DEFAULT   0u   /* links: zero; mailboxes: 16 */
#define CAPACITY_ZERO      0xfffffffeu  /* rendezvous: sender meets receiver */
#define CAPACITY_UNBOUNDED 0xffffffffu  /* no send waits; the charge is the bound */

/* -- Links: send(P, message), receive(Q, message) ---------------------------------- */

/* Sends a message to a process.
 *
 *   to          a process id above 0
 *   flags       MSG_SYNC, MSG_MOVE
 * Result: 0.
 * Errors: ESRCH      nobody has that id, or died before the message was received [2.8]
 *         EPERM      no right to send to it [2.7], or it refuses this sender [2.3]
 *         EAGAIN     NOWAIT, and nobody waits to receive (capacity zero) or the queue
 *                    is full (bounded)
 *         ETIMEDOUT, EINTR
 *         EMSGSIZE   length over MSG_MAX (with MSG_MOVE over 64 MiB)
 *         EPIPE      one side closed the link while the message waited [2.5]
 *         EDEADLK    FOREVER, and the wait would close a circle of processes that all
 *                    wait for each other [2.17]
 *         EDQUOT     the message would be queued, and the user has its share already
 *         EBADF      an element of fds is not a descriptor of the caller
 *         EINVAL     MSG_MOVE: body or length is not whole pages, or the memory is not
 *                    private and anonymous [5.1] [5.2]
 * Waits: with capacity zero or MSG_SYNC until the message has been received, with a
 *   bounded capacity while that many are queued, unbounded never [2.4]. Ended by the
 *   receiver, by its death, by link_close of either side, by time-out or signal.
 * Atomic: the message is delivered whole or not at all. A send that fails is never
 *   received; the wait's end takes the message back [1.6].
 * MSG_MOVE: body and length are whole pages of private anonymous memory. They leave the
 *   caller's address space when the message is accepted; touching them then is SIGSEGV.
 * [2.2] [2.4] [2.7] [2.8] [1.6] [1.9] [1.10] [5.1] [5.2] */
int msg_send(pid_t to, const struct msg *m, int flags, int timeout_ms);

/* Receives a message over a link.
 *
 *   from        a process id: symmetric naming; MSG_ANY: from whoever sent first
 *   flags       MSG_MOVE, MSG_TYPE
 * Result: the sender's process id; m->sender says it, too.
 * Errors: ESRCH      nobody has the id `from`, or it died, and all that it had sent has
 *                    been received [2.8]
 *         EAGAIN     NOWAIT, and there is no message
 *         ETIMEDOUT, EINTR
 *         EMSGSIZE   the body is longer than room: length says by how much, and the
 *                    message stays first in line [1.3]
 *         EMFILE     no room for its descriptors; the message stays [1.7]
 *         ENOMEM     no memory for its pages (MSG_MOVE); the message stays [5.3]
 *         EDEADLK    FOREVER, and the wait would close a circle [2.17]
 * Waits: until a message or a notification is there. Ended by a sender, by the death of
 *   the one process `from`, by time-out or signal.
 * Atomic: a message goes to exactly one receive, and goes whole. Handed to a receiver
 *   that is killed before it returns, it counts as received [1.8].
 * Order: notifications first [3.2], then by priority, then by acceptance; MSG_ANY takes
 *   so over all links [1.2] [2.1].
 * MSG_MOVE: pages that were moved arrive at m->body, page-aligned, in place of what was
 *   there; with body NULL where the kernel chooses, which is written to body. Without
 *   MSG_MOVE their bytes are copied. [5.3] */
pid_t msg_receive(pid_t from, struct msg *m, int flags, int timeout_ms);

/* Sends a request and receives the answer to this very request.
 *
 *   to          the server's process id
 *   request     as for msg_send
 *   reply       as for msg_receive; may be the same object as request
 * Result: 0; `reply` is filled in.
 * Errors: those of msg_send, and those of msg_receive about a reply that does not fit:
 *         EMSGSIZE, EFAULT or EMFILE; the server does not notice [2.12];
 *         ESRCH      the server died, or the one it forwarded the call to
 *         ECANCELED  the server gave the call up by link_close
 * Waits: until the server has received the request, and then until msg_reply, under one
 *   time-out [2.10]; so NOWAIT is always EAGAIN. Ended by the reply, by the server's
 *   death or link_close, by time-out or signal. Given up before it was received, the
 *   request is taken back; after that, the server's msg_reply fails with ECANCELED.
 * Atomic: reply and end of the wait. A reply is never taken by another call.
 * The server runs with at least the caller's priority meanwhile [2.16], and processor
 * and time slice go straight over and back [2.15]. */
int msg_call(pid_t to, const struct msg *request, struct msg *reply, int timeout_ms);

/* Answers a call that this process has received.
 *
 *   caller      m->caller of the received message
 *   m           the answer; m->sequence is that of the received message, or 0: the
 *               oldest call of that caller that is not answered yet
 * Result: 0, also when the answer did not fit the caller, whose call then ends with
 *   that error [2.12].
 * Errors: ESRCH      the caller is dead
 *         EPERM      this process did not receive that call, or has answered it
 *         ECANCELED  the caller has given up: time-out or signal
 *         EINVAL     the message was sent, not called: nobody waits
 *         EMSGSIZE   length over MSG_MAX
 *         EBADF      an element of fds is not a descriptor
 * Waits: never. Replies need no right and no capacity [2.7].
 * Atomic: delivers the answer and ends the caller's wait. A call is answered once.
 * [2.11] [2.12] [2.15] */
int msg_reply(pid_t caller, const struct msg *m);

/* Replies, then receives from MSG_ANY, in one step: the loop of a server.
 *
 *   caller      as for msg_reply; 0: only receive
 *   reply       as for msg_reply; not looked at when caller is 0
 *   next        as for msg_receive; may be the same object as reply
 * Result: the sender of the next message. Use next->caller to reply to.
 * Errors: those of msg_reply that are the replier's own mistake (EINVAL, EMSGSIZE,
 *         EBADF, EPERM) and EFAULT for a reply or a header `next` that cannot be read,
 *         before anything happened; those of msg_receive, after the reply. A reply that
 *         can no longer be delivered (ESRCH, ECANCELED) is dropped, and the receive
 *         goes on [2.13].
 * Waits: as msg_receive(MSG_ANY). The reply goes out before the wait, whatever becomes
 *   of the wait.
 * Atomic: nobody runs between the reply and the receive: the server is ready for the
 *   next request before its client is running. [2.13] [2.15] */
pid_t msg_reply_receive(pid_t caller, const struct msg *reply, struct msg *next,
                        int timeout_ms);

/* Passes a received call on: another server will answer it.
 *
 *   caller      m->caller of the received message
 *   to          the other server's process id
 *   m           what it gets; m->sequence names the call, as for msg_reply
 * Result: 0. There is no answer to wait for, and none to give, any more.
 * Errors: those of msg_send towards `to`, with its rights, and of msg_reply: ESRCH,
 *         EPERM, ECANCELED, EINVAL. ESRCH is either of the two.
 * Waits: as msg_send.
 * Atomic: the call belongs to this process or to `to`, never to both or none; if the
 *   forward fails it is still this process's to answer.
 * The receiver sees the forwarder as sender and the first caller as caller. The
 * caller's wait now points at `to` and ends with ESRCH if `to` dies. [2.14] */
int msg_forward(pid_t caller, pid_t to, const struct msg *m, int timeout_ms);

/* Who may send to this process, besides those who may send it signals.
 *
 *   who         MSG_SAME_USER: nobody; the default. MSG_ANYONE: everybody
 * Result: 0.
 * Errors: EINVAL.
 * Waits: never. Atomic: judged anew at each send. [2.7] */
enum { MSG_SAME_USER = 0, MSG_ANYONE = 1 };
int msg_accept(int who);

/* A descriptor to poll: readable when msg_receive(MSG_ANY) would not block. It cannot
 * be read; close it when it is not needed any more.
 *
 * Result: the descriptor.
 * Errors: EMFILE ENFILE ENOMEM.
 * Waits: never; poll(2) and select(2) do. */
int msg_fd(void);

/* Sets bits in the word that this process has at the receiver; wakes it if it receives.
 *
 *   to          a process id above 0
 *   bits        any; they are or'ed to those it has not received yet [3.1]
 * Result: 0. How often a bit was set is not counted.
 * Errors: ESRCH, EPERM as for msg_send [2.7]; EDQUOT, ENOMEM only where there is no
 *         link yet, of which the word is a part.
 * Waits: never. Takes no memory and no place in a queue.
 * Atomic: or'ing here, and reading and clearing in msg_receive. Received before any
 *   message, as type MSG_NOTIFICATION with the word in m->bits. [3.1] [3.2] */
int msg_notify(pid_t to, uint32_t bits);

/* One direction of a link, as its receiving side wants it. */
struct link_attr {
    uint32_t capacity;          /* CAPACITY_DEFAULT (zero), CAPACITY_ZERO, 1 .. 65535,
                                   CAPACITY_UNBOUNDED */
    uint32_t refuse;            /* 1: the partner may not send, EPERM; 0: it may */
};

/* One direction of a link, as it is. */
struct link_side {
    uint32_t capacity, refuse;  /* as in link_attr; a default is shown as its value */
    uint32_t queued, bytes;     /* messages not yet received, and their bodies */
    uint64_t accepted, received;        /* messages, since there was a link */
    uint32_t waiting_senders, waiting_receivers;        /* threads */
};

struct link_stat {
    pid_t peer;
    uint32_t calls;             /* that wait for a reply, either way */
    struct link_side in, out;   /* what this process receives; what it sends */
};
PARLEY_SIZE(struct link_attr, 8);
PARLEY_SIZE(struct link_side, 40);
PARLEY_SIZE(struct link_stat, 88);

/* Makes the link to a process, if there is none, and sets how this side receives.
 *
 *   peer        a process id above 0
 *   attr        for the direction in which the caller receives; NULL: the defaults
 * Result: 0.
 * Errors: ESRCH      nobody has that id
 *         EPERM      there is no link yet, and no right to send to that process
 *         EDQUOT     one of the two has 1,024 links already [6.1]
 *         EINVAL     a capacity over 65535 that is no CAPACITY_..., or refuse over 1
 * Waits: never.
 * Atomic: each later send is judged by it; senders that wait are let in at once where
 *   the new capacity has room for them.
 * A link comes into being by itself with the first message, too [2.2]. Settings outlive
 * the other side's link_close. [2.3] */
int link_open(pid_t peer, const struct link_attr *attr);

/* Discards what is queued both ways and releases the link.
 *
 *   peer        a process id above 0
 * Result: 0.
 * Errors: ENOENT     there is no link
 *         ESRCH      nobody has that id
 * Waits: never.
 * Atomic: with the discarding, waiting senders end with EPIPE, and calls that this
 *   process has received and not answered with ECANCELED. The next message makes a new
 *   link, whose sequence goes on. [2.5] */
int link_close(pid_t peer);

/* How a link stands at this moment.
 *
 *   peer        a process id above 0
 * Result: 0; *out is one moment.
 * Errors: ENOENT     there is no link
 *         ESRCH      nobody has that id
 * Waits: never. */
int link_stat(pid_t peer, struct link_stat *out);

/* -- Mailboxes: send(A, message), receive(A, message) ------------------------------ */

/* overflow: what a full bounded mailbox does with one more message [4.5]. */
enum {
    MBOX_BLOCK = 0,             /* the sender waits */
    MBOX_REJECT = 1,            /* the sender gets ENOBUFS */
    MBOX_DROP_OLDEST = 2,       /* the first in line is discarded */
    MBOX_DROP_NEWEST = 3        /* the new one is discarded */
};

/* receivers: who gets a message. */
enum {
    MBOX_SHARED = 0,            /* one of them, the one that waits longest [4.6] */
    MBOX_EXCLUSIVE = 1,         /* the first process to receive, until it goes [4.7] */
    MBOX_BROADCAST = 2          /* each of them; a ring, with MBOX_DROP_OLDEST [4.8] */
};

/* A field that is 0 means its default. */
struct mbox_attr {
    uint32_t capacity;          /* CAPACITY_DEFAULT (16), CAPACITY_ZERO, 1 .. 65535,
                                   CAPACITY_UNBOUNDED */
    uint32_t max_length;        /* longest body in bytes; default MSG_MAX */
    uint32_t overflow;          /* MBOX_BLOCK ...; DROP not with CAPACITY_ZERO */
    uint32_t receivers;         /* MBOX_SHARED ... */
};

struct mbox_stat {
    uint32_t id;                /* never used again while the machine runs [4.4] */
    uid_t owner;
    gid_t group;
    mode_t mode;                /* permission bits */
    struct mbox_attr attr;      /* a default is shown as its value */
    uint32_t queued, bytes;     /* messages not yet received, and their bodies */
    uint32_t senders, receivers;        /* opens for sending, for receiving */
    uint32_t waiting_senders, waiting_receivers;        /* threads */
    pid_t exclusive;            /* MBOX_EXCLUSIVE: who owns receiving; 0: nobody yet */
    uint64_t accepted, received, dropped;       /* messages, ever */
};
PARLEY_SIZE(struct mbox_attr, 16);
PARLEY_SIZE(struct mbox_stat, 84);

/* Opens a mailbox by name, or makes it.
 *
 *   name        1 to 255 bytes without a slash: "printer" is the file /mbox/printer
 *   oflag       O_RDONLY receives, O_WRONLY sends, O_RDWR does both; or'ed with O_CREAT
 *               (makes it if it is not there), O_EXCL (fails if it is), O_NONBLOCK
 *               (acts as NOWAIT in each call), O_CLOEXEC
 *   mode, attr  only with O_CREAT, and only used if the mailbox is made: permission
 *               bits, less the umask; attributes, NULL for all defaults
 * Result: a descriptor, the lowest free one. A descriptor is the only way to use a
 *   mailbox; close, dup, fork, exec, fstat, poll and fcntl mean what they mean for a
 *   pipe [4.1].
 * Errors: ENOENT     there is none, and no O_CREAT
 *         EEXIST     there is one, with O_CREAT and O_EXCL
 *         EACCES     its mode does not allow what oflag asks, or /mbox no new file
 *         EINVAL     the name is empty or has a slash; an attribute out of range;
 *                    MBOX_DROP_* with CAPACITY_ZERO, MBOX_BROADCAST with another
 *                    overflow or capacity than a ring's
 *         EMFILE ENFILE ENAMETOOLONG ENOMEM
 *         EDQUOT     the user has 256 mailboxes [6.1]
 * Waits: never.
 * Atomic: with O_CREAT and O_EXCL exactly one of several succeeds. [4.2] */
int mbox_open(const char *name, int oflag, ... /* mode_t, const struct mbox_attr * */);

/* Opens a mailbox by name, and waits for the name to appear.
 *
 *   name, oflag as for mbox_open, without O_CREAT and O_EXCL (EINVAL)
 * Result: a descriptor.
 * Errors: as mbox_open; ENOENT with NOWAIT; ETIMEDOUT, EINTR.
 * Waits: while there is no mailbox of that name. Ended by whoever makes it, by time-out
 *   or signal. A mailbox that may not be opened is EACCES at once.
 * Atomic: the name's appearance and the open; a name that vanishes again is waited for
 *   on. */
int mbox_lookup(const char *name, int oflag, int timeout_ms);

/* Makes a mailbox without a name.
 *
 *   attr        NULL: all defaults
 * Result: a descriptor, O_RDWR. It reaches others by fork, or in a message's fds.
 * Errors: EINVAL as for mbox_open; EMFILE ENFILE ENOMEM EDQUOT.
 * Waits: never. It goes with its last descriptor [4.9]. */
int mbox_create(const struct mbox_attr *attr);

/* Sends a message to a mailbox.
 *
 *   mbox        a descriptor open for sending
 *   flags       MSG_SYNC, MSG_MOVE
 * Result: 0; with MSG_SYNC the id of the process that received it [4.6].
 * Errors: EBADF      not a mailbox, or not open for sending; or an element of fds is no
 *                    descriptor
 *         EAGAIN     NOWAIT or O_NONBLOCK, and it is full, or (capacity zero) nobody
 *                    waits to receive
 *         ETIMEDOUT, EINTR
 *         EMSGSIZE   length over its max_length (with MSG_MOVE over 64 MiB)
 *         ENOBUFS    full, with MBOX_REJECT; or MSG_SYNC and the message was dropped
 *         EDQUOT     the user has its share of queued messages already
 *         EPIPE      without a name, and nobody else can receive from it; no signal
 *                    [4.10]
 *         EIDRM      destroyed, now or while this waited
 *         EINVAL     MBOX_BROADCAST with MSG_SYNC or MSG_MOVE [4.8]
 * Waits: with MBOX_BLOCK while it is full; with capacity zero or MSG_SYNC until the
 *   message has been received. Ended by a receiver, mbox_destroy, the last receiver's
 *   close, time-out or signal. A call in progress holds its descriptor: close in
 *   another thread does not end it.
 * Atomic: as msg_send. Messages of several senders never mix.
 * [4.5] [4.6] [4.10] [1.2] [1.6] [1.9] [5.1] */
int mbox_send(int mbox, const struct msg *m, int flags, int timeout_ms);

/* Receives a message from a mailbox.
 *
 *   mbox        a descriptor open for receiving
 *   flags       MSG_MOVE, MSG_TYPE
 * Result: the sender's process id. m->mailbox is the mailbox's id.
 * Errors: EBADF      not a mailbox, or not open for receiving
 *         EAGAIN     NOWAIT or O_NONBLOCK, and it is empty
 *         ETIMEDOUT, EINTR
 *         EMSGSIZE, EMFILE, ENOMEM as for msg_receive; the message stays
 *         EBUSY      MBOX_EXCLUSIVE, and another process owns receiving [4.7]
 *         EPIPE      empty, without a name, and nobody can send to it any more [4.10]
 *         EIDRM      destroyed, now or while this waited
 * Waits: while it is empty (MBOX_BROADCAST: while there is nothing newer than this
 *   open's position). Ended by a sender, mbox_destroy, the last sender's close,
 *   time-out or signal.
 * Atomic: as msg_receive; of several receivers that wait, the one that waits longest
 *   gets it. [4.6] [4.7] [4.8] [4.10] [5.3] */
pid_t mbox_receive(int mbox, struct msg *m, int flags, int timeout_ms);

/* How a mailbox stands at this moment.
 *
 *   mbox        a descriptor, open for whatever
 * Result: 0; *out is one moment.
 * Errors: EBADF      not a mailbox
 *         EIDRM      destroyed
 * Waits: never. */
int mbox_stat(int mbox, struct mbox_stat *out);

/* Ends a mailbox for everybody: discards its queue and removes its name.
 *
 *   mbox        a descriptor, open for whatever
 * Result: 0.
 * Errors: EBADF      not a mailbox
 *         EPERM      the caller is neither its owner nor root
 *         EIDRM      it was destroyed before
 * Waits: never.
 * Atomic: whoever waits at it ends with EIDRM, and so does every later use. [4.9] */
int mbox_destroy(int mbox);

/* Removes a mailbox's name, as rm does. Those who have it open go on using it.
 *
 *   name        as for mbox_open
 * Result: 0.
 * Errors: ENOENT     there is no such name
 *         EACCES     /mbox may not be written
 *         EPERM      neither the owner nor root
 *         EINVAL ENAMETOOLONG
 * Waits: never. Without a name it goes with its last descriptor. [4.2] [4.9] */
int mbox_unlink(const char *name);

/* -- When something fails ---------------------------------------------------------- */

/* Says on standard error, like perror, what failed in the last of these calls that this
 * thread made and that failed, as one sentence about this very object:
 *
 *      printing: EAGAIN, mailbox printer is full (8 of 8) and you asked not to wait
 *
 *   what        goes in front; NULL or "": nothing
 * Keeps errno. The figures are those of now, a moment after the failure. Waits for
 * nothing but standard error. [7.3] */
void msg_explain(const char *what);

#ifdef __OPTIMIZE__
#include "parley_in_place.h"            /* the calls that are made most, inline */
#endif
#undef PARLEY_SIZE
#ifdef __cplusplus
}
#endif
