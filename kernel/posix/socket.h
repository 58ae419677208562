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
 * name: `is_closed` then says that only the object is left. Two connected sockets point
 * at each other; each lets go when its own file goes.
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
    uint32_t number;            /* of its file: socket:[number] */
    uint8_t shut;               /* SHUT_READ: no more comes; SHUT_WRITE: none may go */
    bool is_closed;
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
void socket_wake_all(struct socket *socket);
void socket_wake_next(struct socket *socket);   /* who waits for what is true now */

static inline struct socket *socket_get(struct socket *socket) {
    if (socket) socket->refs++;
    return socket;
}

/* The socket behind a descriptor, valid until something sleeps. -EBADF, -ENOTSOCK. */
static inline must_check int socket_peek(int fd, struct socket **s) {
    const struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    if (file->operations != &socket_operations) return -ENOTSOCK;
    *s = file->object;
    return 0;
}

static inline struct credentials_of_peer own_credentials(void) {
    const struct process *p = current_process();

    return (struct credentials_of_peer){ p->pid, p->credentials.euid,
                                         p->credentials.egid };
}

/* Each becomes the peer of the other. */
static inline void socket_join(struct socket *a, struct socket *b) {
    a->peer = socket_get(b);
    b->peer = socket_get(a);
    a->peer_credentials = b->peer_credentials = own_credentials();
}

/* For a call on an open file: O_NONBLOCK is MSG_DONTWAIT for all calls. */
static inline struct socket_message socket_message(const struct file *file,
                                                   uint32_t flags,
                                                   struct time32 timeout) {
    if (file_is_nonblocking(file)) flags |= MSG_DONTWAIT;
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
