/* socket.h - sockets of one machine (AF_UNIX): what the files of this part share.
 *
 *      socket A  <------- peer ------->  socket B
 *        chunks: what A can receive        chunks: what B can receive
 *        arrived: who waits for that       arrived
 *        room: who waits to send to A      room
 *
 * A connection that nobody has accepted is a message to the listener, with the other
 * end's file in it; to accept is to receive.
 *
 * A socket lives while its file is open, or somebody has it as its peer or goes by its
 * name; without its file only the object is left. Two connected sockets point at each
 * other; each lets go when its own file goes.
 */
#pragma once

#include "fs/passed_files.h"
#include "ipc/window.h"

enum socket_type { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_SEQPACKET = 5 };
enum { SHUT_READ = 1, SHUT_WRITE = 2, SHUT_BOTH = 3 };  /* shutdown(2)'s less one */

enum socket_message_flags {
    MSG_OOB = 1, MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40,
    MSG_WAITALL = 0x100, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000,
};

#define AF_UNIX       1
#define SOCKET_PATH   108       /* characters in an address */
#define SOCKET_BUFFER 212992u   /* SO_SNDBUF and SO_RCVBUF at first, as on Linux */

struct socket_address {
    uint32_t size;              /* without these four bytes, as getsockname tells it */
    uint16_t family;            /* from here on: sockaddr_un, and one NUL more */
    char path[SOCKET_PATH + 1];
};

struct credentials_of_peer {    /* SO_PEERCRED */
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

struct socket {
    uint32_t refs;              /* the file, peers, calls, who goes by its name */
    struct file *file;          /* NULL: closed */
    uint32_t number;            /* of its file: socket:[number] */
    uint8_t shut;               /* SHUT_READ: no more comes; SHUT_WRITE: none may go */
    bool is_pending;            /* in a listener's queue: not accepted */
    struct socket *peer;        /* with a reference, or NULL */
    struct list chunks;         /* what can be received */
    uint32_t queued;            /* their sizes; 0: nothing to receive */
    struct wait_queue arrived, room;
    struct file_holder holder;

    struct socket *name;        /* whose address it goes by: its own; or, with a
                                   reference, that of its listener; NULL: none */
    struct socket_address address;      /* what it was bound to: */
    struct inode *inode;                /* whose data it is while it is open, */
    struct list_node abstract_node;     /* or it is on abstract_names */

    uint32_t backlog;           /* a listener's: connections that may wait, less one */

    /* Options, as getsockopt gives them. */
    uint32_t type, domain, protocol;    /* [const] enum socket_type, AF_UNIX, 0 */
    uint32_t listens;           /* 0, 1 */
    int error;                  /* an errno, told once */
    uint32_t send_buffer, receive_buffer;
    uint32_t kept[3];           /* SO_REUSEADDR, BROADCAST, KEEPALIVE: mean nothing */
    struct time32 timeout[2];   /* to receive, to send; 0: none */
    struct credentials_of_peer peer_credentials;    /* a listener's: its own */
};

/* What goes along with bytes on their way out of or into a user's buffers. */
struct socket_message {
    uint32_t flags;             /* enum socket_message_flags */
    bool is_cut;                /* what was received was longer */
    struct socket *other;       /* sending a datagram: to whom; NULL: the peer.
                                   Received: whose name it has. With a reference */
    struct passed_files *rights;    /* sending: NULL once they are queued. Received:
                                   what came; with MSG_PEEK it is still the queue's */
    nanoseconds_t deadline;     /* of its waits */
};

extern const struct file_operations socket_operations;

/* The file of a new socket; type as socket(2) has it. NULL without memory. */
must_check struct file *socket_make(int type);
void socket_put(struct socket *socket);         /* drops a reference; takes NULL too */
void socket_wake_all(struct socket *socket);    /* and at its peer */
void socket_wake_next(struct socket *socket);   /* who waits for what is true now */

static inline struct socket *socket_get(struct socket *socket) {
    if (socket) socket->refs++;
    return socket;
}

/* For a call: O_NONBLOCK is MSG_DONTWAIT for all of them. */
static inline struct socket_message socket_message(const struct socket *s,
                                                   uint32_t flags, bool sends) {
    struct time32 timeout = s->timeout[sends];

    if (s->file->flags & O_NONBLOCK) flags |= MSG_DONTWAIT;
    return (struct socket_message){
        .flags = flags,
        .deadline = unlikely(timeout.seconds || timeout.parts)
                        ? time_deadline(time32_to_nanoseconds(timeout, MICROSECOND))
                        : DEADLINE_NEVER,
    };
}

/* Gives back what was not taken over. */
static inline void socket_message_end(struct socket_message *m) {
    if (m->rights && !(m->flags & MSG_PEEK)) passed_free(m->rights);
    if (m->other) socket_put(m->other);
}

/* SLEEPS, until woken or the message's deadline. 0: look again. -EAGAIN, -EINTR,
 * -ERESTART. Who receives says where to; what he is given right there is the result. */
must_check static inline long socket_wait(struct wait_queue *queue, const struct io *io,
                                          const struct socket_message *m) {
    if (m->flags & MSG_DONTWAIT) return -EAGAIN;
    long result =
        io ? reader_sleep(queue, io, m->deadline) : wait_sleep(queue, m->deadline);
    if (unlikely(result == -EINTR))     // signal(7): with a time-out it stays that
        return m->deadline == DEADLINE_NEVER ? -ERESTART : -EINTR;
    return unlikely(result == -ETIMEDOUT) ? -EAGAIN : result;
}

uint32_t socket_capacity(const struct socket *socket);  /* what `queued` may reach */
void queue_clear(struct socket *socket);

/* A record, or the next piece of a stream, at the end of the queue; `from` has its
 * name. 0, and m->rights are the queue's; -ENOBUFS, -EFAULT: nothing has changed. */
must_check int queue_put(struct socket *to, struct io *io, struct socket_message *m,
                         struct socket *from);
/* SLEEPS, until something is queued. 0; what was handed over to io; -EPIPE: nothing
 * will come, or there is an error to tell; -EAGAIN, -EINTR, -ERESTART. */
ssize_t queue_wait(struct socket *socket, const struct io *io,
                   const struct socket_message *m) SLEEPS;
/* What is there of a stream, or a record; not when nothing is queued. Bytes, or
 * -EFAULT: nothing has changed. */
must_check ssize_t queue_take(struct socket *socket, struct io *io,
                              struct socket_message *m);

/* SLEEP. Bytes, or an error. */
ssize_t socket_send(struct socket *socket, struct io *io, struct socket_message *m);
ssize_t socket_receive(struct socket *socket, struct io *io, struct socket_message *m);

/* -- socket_calls.c ---------------------------------------------------------------- */

/* For the table of calls: what is done with s, the socket behind fd, held meanwhile; or
 * -EBADF, -ENOTSOCK. */
#define ON_SOCKET(fd, call)                                             \
    ({                                                                  \
        struct file *file_ = fd_peek(fd);                               \
        long result_ = file_ ? -ENOTSOCK : -EBADF;                      \
        if (file_ && file_->operations == &socket_operations) {         \
            struct socket *s = file_->object;                           \
            file_get(file_);                                            \
            result_ = (call);                                           \
            passed_drop(file_);                                         \
        }                                                               \
        result_;                                                        \
    })

/* Writes a socket's name (NULL: only the family) where there is room for *size_at
 * bytes, and its size. -EFAULT, -EINVAL. */
int address_to_user(const struct socket *name, uptr_t to, uptr_t size_at);
long socket_bind(struct socket *socket, uptr_t address, int size);
long socket_listen(struct socket *socket, int backlog);
long socket_connect(struct socket *socket, uptr_t address, int size) SLEEPS;
long socket_accept(struct socket *socket, uptr_t address, uptr_t size,
                   int flags) SLEEPS;
long socket_shutdown(struct socket *socket, int how);
long socket_get_option(struct socket *socket, int level, int name, uptr_t value,
                       uptr_t size_at);
long socket_set_option(struct socket *socket, int level, int name, uptr_t value,
                       int size);

/* SLEEPS. Sends or receives `size` bytes; or, with VECTOR, all that the msghdr in
 * `memory` says. name_size is that of the name; receiving, where it is. */
long socket_transfer(struct socket *socket, unsigned how, uptr_t memory, size_t size,
                     uint32_t flags, uptr_t name, uptr_t name_size) SLEEPS;
