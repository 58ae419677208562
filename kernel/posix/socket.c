/* socket.c - sockets: their life, what they are as files, and their queues: bytes,
 * records and descriptors on the way from one to another.
 *
 *      chunk   [ used | unread..... ]
 *
 * Invariants: a connected socket has a peer, and each points at the other until its own
 * file is closed. What is queued for a closed socket is gone, and nobody finds it.
 *   queued is the sum of the chunks' sizes. The files in rights are queued
 *   (passed_files.h) while their chunk is.
 * Sleeps: send while the receiver's queue is full, receive while it is empty; condition
 *   shape, and hand-over to a receiver who can take all of it (ipc/window.h).
 * Wakes: all, when a side is shut or closed; else the next one whose condition may
 *   hold, after every step, so a waiter that leaves early never leaves others behind.
 * Linux: the queue of a datagram socket is limited by its own SO_RCVBUF, not by its
 *   senders' SO_SNDBUF. No out-of-band data, no error queue.
 * Tests: user/tests/socket_stream.c, socket_dgram.c, socket_poll.c, socket_signal.c
 * See: unix(7), send(2), recv(2)
 */
#include "posix/socket.h"

#include "core/check.h"
#include "fs/procfs.h"
#include "ipc/pipe.h"
#include "mm/heap.h"

/* A record; or what was written at once to a stream, up to a page. */
struct chunk {
    struct list_node node;
    struct passed_files *rights;        /* come with its first byte; or NULL */
    struct socket *from;        /* whose name a record has, with a reference; or NULL */
    uint32_t size, start, end;  /* what it takes; start..end is unread */
    char data[];
};

#define OVERHEAD (sizeof(struct chunk) + 8)     /* with the heap's header */

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct socket *s = waiter_object(waiter);

    format(to, size, "socket:[%u] -", s->number);
}

static const struct wait_class arrived_class = {
    "socket with something to receive", describe, offsetof(struct socket, arrived)
};
static const struct wait_class room_class = { "socket with room", describe,
                                              offsetof(struct socket, room) };

/* -- Life -------------------------------------------------------------------------- */

struct file *socket_make(int type) {
    struct socket *s = heap_new(HEAP_SOCKET, struct socket);
    struct file *file =
        s ? file_create(&socket_operations, O_RDWR | (type & O_NONBLOCK),
                        inode_nameless(S_IFSOCK | 0777), s)
          : NULL;

    if (!file) {
        heap_free(s);
        return NULL;
    }
    *s = (struct socket){ .refs = 1, .file = file,
                          .number = (uint32_t)file->inode->number,
                          .type = type & 0xf, .domain = AF_UNIX,
                          .peer_credentials = { 0, -1u, -1u },
                          .send_buffer = SOCKET_BUFFER,
                          .receive_buffer = SOCKET_BUFFER };
    list_init(&s->chunks);
    list_node_init(&s->abstract_node);
    wait_queue_init(&s->arrived, &arrived_class);
    wait_queue_init(&s->room, &room_class);
    file_holder_init(&s->holder);
    return file;
}

void socket_wake_all(struct socket *s) {
    struct socket *ends[] = { s, s->peer };

    for (unsigned i = 0; i < 2 && ends[i]; i++) {
        wait_wake_all(&ends[i]->arrived, 0);
        wait_wake_all(&ends[i]->room, 0);
    }
}

void socket_wake_next(struct socket *s) {
    if (!wait_queue_is_empty(&s->arrived) && s->queued) wait_wake(&s->arrived, 1, 0);
    if (!wait_queue_is_empty(&s->room) && s->queued < socket_capacity(s))
        wait_wake(&s->room, 1, 0);
}

void socket_put(struct socket *s) {
    if (!s || --s->refs) return;
    assert(!s->file && list_is_empty(&s->chunks));
    socket_wake_all(s);         // pollers whose own descriptor is closed
    if (s->name != s) socket_put(s->name);
    heap_free(s);
}

/* -- The queue --------------------------------------------------------------------- */

static void chunk_free(struct socket *s, struct chunk *c) {
    s->queued -= c->size;
    list_remove(&c->node);
    passed_free(c->rights);
    socket_put(c->from);
    heap_free(c);
}

void queue_clear(struct socket *s) {
    while (s->queued) chunk_free(s, list_first_entry(&s->chunks, struct chunk, node));
}

uint32_t socket_capacity(const struct socket *s) {
    if (s->listens) return (s->backlog + 1) * OVERHEAD;
    return s->type == SOCK_DGRAM || !s->peer ? s->receive_buffer : s->peer->send_buffer;
}

int queue_put(struct socket *to, struct io *io, struct socket_message *m,
              struct socket *from) {
    bool is_stream = to->type == SOCK_STREAM;
    size_t n = is_stream ? min(io->left, PAGE_SIZE - OVERHEAD) : io->left;
    struct chunk *c = heap_alloc_raw(HEAP_SOCKET_DATA, sizeof(*c) + n);

    if (!c) return -ENOBUFS;
    if (io_take(io, c->data, n)) {
        heap_free(c);
        return -EFAULT;
    }
    /* --- commit: nothing below fails or sleeps --- */
    *c = (struct chunk){ .rights = m->rights, .size = n + OVERHEAD, .end = n };
    if (!is_stream) c->from = socket_get(from);
    if (m->rights) passed_queue(m->rights, &to->holder);
    m->rights = NULL;
    list_push_back(&to->chunks, &c->node);
    to->queued += c->size;
    socket_wake_next(to);
    return 0;
}

/* In a stream a chunk with rights is the last to be given: "ancillary data forms a
 * barrier" (unix(7)). */
ssize_t queue_take(struct socket *s, struct io *io, struct socket_message *m) {
    bool is_stream = s->type == SOCK_STREAM;
    size_t done = 0, length = 0;
    struct chunk *c, *next;

    list_for_each_safe (c, next, &s->chunks, node) {
        size_t there = c->end - c->start, n = min(there, io->left);
        if (io_give(io, c->data + c->start, n)) return done ? (ssize_t)done : -EFAULT;
        done += n;
        if (is_stream) there = n;       // of a record the rest is gone
        length += there;
        m->rights = c->rights;
        m->other = socket_get(c->from);
        if (!(m->flags & MSG_PEEK)) {
            if (c->rights) passed_unqueue(c->rights);
            c->rights = NULL;
            c->start += there;
            if (c->start == c->end) chunk_free(s, c);
        }
        if (!is_stream || io->left == 0 || m->rights) break;
    }
    m->is_cut = length > done;
    return (ssize_t)(m->flags & MSG_TRUNC ? length : done);
}

ssize_t queue_wait(struct socket *s, const struct io *io,
                   const struct socket_message *m) {
    long result = 0;

    while (!result && s->queued == 0)
        result =
            s->error || s->shut & SHUT_READ ? -EPIPE : socket_wait(&s->arrived, io, m);
    return result;
}

/* -- Sending and receiving --------------------------------------------------------- */

/* Its error, told once. */
static int take_error(struct socket *s) {
    int error = s->error;

    s->error = 0;
    return -error;
}

/* Why s cannot send to `to`, or 0. */
static int judge(struct socket *s, struct socket *to, size_t size) {
    if (s->type == SOCK_SEQPACKET && s->error) return take_error(s);
    if (s->type == SOCK_DGRAM && !to->file) {
        if (to == s->peer) {
            s->peer = NULL;
            socket_put(to);
        }
        return -ECONNREFUSED;
    }
    if (to->peer && to->peer != s) return -EPERM;
    if ((s->shut & SHUT_WRITE) || (to->shut & SHUT_READ)) return -EPIPE;
    return s->type != SOCK_STREAM && size > s->send_buffer ? -EMSGSIZE : 0;
}

/* The short way of bytes that need no queue and carry nothing else: to a reader who
 * sleeps at our peer, where nothing is shut or closed then. */
static inline bool hand_over(struct socket *s, struct io *io) {
    struct socket *to = s->peer;

    return likely(to && to->queued == 0 && to->peer == s && !(s->shut & SHUT_WRITE)
                  && (s->type == SOCK_STREAM || (!s->name && io->left))
                  && reader_give(&to->arrived, io));
}

ssize_t socket_send(struct socket *s, struct io *io, struct socket_message *m) {
    struct socket *to = m->other ? m->other : s->peer;
    bool is_stream = s->type == SOCK_STREAM;
    const size_t size = io->left;

    if (!m->other && !m->rights && hand_over(s, io)) return (ssize_t)size;
    if (!to) return -ENOTCONN;
    socket_get(to);             // another thread may connect us elsewhere
    long error;
    while (!(error = judge(s, to, size)) && (io->left || !is_stream)) {
        bool waits = to->queued >= socket_capacity(to);
        error = waits ? socket_wait(&to->room, NULL, m) : queue_put(to, io, m, s->name);
        if (error || (!waits && io->left == 0)) break;
    }
    socket_wake_next(to);       // the wake-up we were given goes on to the next
    socket_put(to);
    if (!error || size != io->left) return (ssize_t)(size - io->left);
    return error == -EPIPE && is_stream && !(m->flags & MSG_NOSIGNAL) ? pipe_broken()
                                                                      : error;
}

ssize_t socket_receive(struct socket *s, struct io *io, struct socket_message *m) {
    static const struct io nowhere;     // who only looks is given nothing
    bool is_stream = s->type == SOCK_STREAM, is_datagram = s->type == SOCK_DGRAM;

    if (!s->peer && !is_datagram) return is_stream ? -EINVAL : -ENOTCONN;
    ssize_t n = unlikely(s->error) && !is_stream
                    ? -EPIPE
                    : queue_wait(s, m->flags & MSG_PEEK ? &nowhere : io, m);
    if (likely(n > 0)) io_advance(io, (size_t)n);
    if (n == -EPIPE)
        return is_datagram && m->flags & MSG_DONTWAIT ? -EAGAIN : take_error(s);
    if (n) return n;
    n = queue_take(s, io, m);
    socket_wake_next(s);        // there may be something for the next, too
    return n;
}

static ssize_t socket_read(struct file *file, struct io *io) {
    struct socket *s = file->object;
    struct socket_message m = socket_message(s, 0, false);

    if (io->left == 0) return 0;
    ssize_t n = socket_receive(s, io, &m);
    socket_message_end(&m);
    return n;
}

static ssize_t socket_write(struct file *file, struct io *io) {
    struct socket *s = file->object;
    ssize_t size = (ssize_t)io->left;

    if (hand_over(s, io)) return size;
    struct socket_message m = socket_message(s, 0, true);
    return socket_send(s, io, &m);
}

/* -- As a file --------------------------------------------------------------------- */

static unsigned socket_poll(struct file *file, struct poll_table *table) {
    struct socket *s = file->object, *to = s->peer;
    bool is_alone = s->type != SOCK_DGRAM && !s->peer && !s->listens;
    unsigned events = s->error ? POLLERR : 0;

    poll_wait(table, &s->arrived);
    if (to) poll_wait(table, &to->room);
    if (s->shut & SHUT_READ) events |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (s->shut == SHUT_BOTH || is_alone) events |= POLLHUP;
    if (s->queued) events |= POLLIN | POLLRDNORM;
    if (!s->listens && (!to || to->queued < socket_capacity(to)))
        events |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return events;
}

/* FIONREAD: bytes in the queue; of datagrams, in the first. */
static long socket_ioctl(struct file *file, uint32_t request, uptr_t argument) {
    enum { FIONREAD = 0x541b };
    const struct socket *s = file->object;
    const struct chunk *c;
    uint32_t bytes = 0;

    if (request != FIONREAD) return -ENOTTY;
    list_for_each (c, &s->chunks, node) {
        bytes += c->end - c->start;
        if (s->type == SOCK_DGRAM) break;
    }
    return u32_to_user(argument, bytes);
}

/* Tells the peer, gives the queue and the name back, wakes everybody. */
static void socket_release(struct file *file) {
    struct socket *s = file->object, *peer = s->peer;

    s->file = NULL;
    s->shut = SHUT_BOTH;
    list_remove(&s->abstract_node);
    if (s->inode) s->inode->data = NULL;
    inode_put(s->inode);
    if (peer && s->type != SOCK_DGRAM) {
        peer->shut = SHUT_BOTH;
        if (s->is_pending || s->queued) peer->error = ECONNRESET;
    }
    queue_clear(s);
    socket_wake_all(s);
    s->peer = NULL;
    socket_put(peer);
    socket_put(s);
}

static struct file_holder *socket_holder(struct file *file) {
    return &((struct socket *)file->object)->holder;
}

const struct file_operations socket_operations = {
    .name = "socket", .read = socket_read,
    .write = socket_write, .poll = socket_poll, .ioctl = socket_ioctl,
    .holder = socket_holder, .release = socket_release,
};

/* -- /proc/ipc/sockets ------------------------------------------------------------- */

/* socket:[number] type name uid - mode capacity queued state peer, and who waits. */
static void show_sockets(struct text *text) {
    static const char *const types[] = { "", "stream", "dgram", "", "", "seqpacket" };
    const struct file *file;

    list_for_each (file, &all_files, all_node) {
        const struct socket *s = file->object;
        if (file->operations != &socket_operations) continue;
        const char *state = s->listens ? "listens" : s->peer ? "connected" : "alone";
        const char *name = s->name ? s->name->address.path : "";
        text_printf(text, "socket:[%u] %s", s->number, types[s->type]);
        text_word(text, s->name && !*name ? "@" : name);    // "@": an abstract one
        text_printf(text, " %u - %04o %u %u %s", heap_account(s)->uid,
                    s->inode ? s->inode->mode & 07777 : 0777, socket_capacity(s),
                    s->queued, state);
        text_printf(text, s->peer ? " socket:[%u]" : " -",
                    s->peer ? s->peer->number : 0);
        text_waiters(text, "senders", &s->room, NULL, NULL);
        text_waiters(text, "receivers", &s->arrived, NULL, NULL);
        text_add(text, "\n", 1);
    }
}

static const struct proc_entry entry PROC_TABLE = { .name = "ipc/sockets",
                                                     .show = show_sockets };

/* -- Checking ---------------------------------------------------------------------- */

static void sockets_check(void) {
    const struct file *file;
    const struct chunk *c;

    list_for_each (file, &all_files, all_node) {
        const struct socket *s = file->object, *peer;
        uint32_t queued = 0;
        if (file->operations != &socket_operations) continue;
        list_for_each (c, &s->chunks, node) {
            queued += c->size;
            check_that(c->start <= c->end && c->end <= c->size,
                       "a chunk of %u bytes holds %u to %u", c->size, c->start, c->end);
        }
        check_counted(s, "bytes", s->queued, queued);
        peer = s->peer;
        check_that(s->type == SOCK_DGRAM || !peer
                       || (!s->listens && (peer->peer == s || !peer->file)),
                   "socket:[%u] is not its peer's", s->number);
    }
}

static const struct checker checker CHECKER = { "sockets", NULL, sockets_check };
