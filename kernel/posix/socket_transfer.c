/* socket_transfer.c - bytes and records, from one socket into the queue of another.
 *
 *      stream   [ used | unread....... ][ unread | free ]      one queue of bytes
 *      records  [ a............. ][ ...a last ][ b last ]      each a chunk or more
 *
 * Invariants: queued is the sum of the chunks' sizes. The files in rights are queued
 * (passed_files.h) while their chunk is on a list.
 * Sleeps: send while the receiver's queue is full, receive while it is empty; condition
 * shape, and hand-over to a receiver who can take all of it (ipc/reader.h).
 * Wakes: the next one whose condition may hold, after every step, so a waiter that
 * leaves early never leaves others behind.
 * Linux: the queue of a datagram socket is limited by its own SO_RCVBUF, not by its
 * senders' SO_SNDBUF.
 * Tests: user/tests/socket_stream.c, socket_dgram.c, socket_signal.c
 * See: unix(7), send(2), recv(2)
 */
#include "base/string.h"
#include "ipc/pipe.h"
#include "mm/heap.h"
#include "posix/socket.h"

#define OVERHEAD    (sizeof(struct chunk) + 8)  /* with the heap's header */
#define CHUNK_SMALL (256 - OVERHEAD)
#define CHUNK_LARGE (PAGE_SIZE - OVERHEAD)

/* -- Chunks ------------------------------------------------------------------------ */

struct rights *rights_create(unsigned most) {
    struct rights *r =
        heap_alloc(HEAP_SOCKET_RIGHTS, sizeof(*r) + most * sizeof(struct file *));

    if (r) r->passed.files = r->files;
    return r;
}

void rights_discard(struct rights *rights) {
    if (!rights) return;
    passed_unqueue(&rights->passed);
    passed_discard(rights->files, rights->passed.count);
    heap_free(rights);
}

static struct chunk *first_chunk(const struct list *chunks) {
    return list_first_entry(chunks, struct chunk, node);
}

static void chunk_free(struct chunk *c) {
    list_remove(&c->node);
    rights_discard(c->rights);
    name_put(c->from);
    heap_free(c);
}

static void chunks_free(struct list *chunks) {
    while (!list_is_empty(chunks)) chunk_free(first_chunk(chunks));
}

/* Fresh chunks with the next `size` bytes of io. */
static int chunks_make(struct list *chunks, struct io *io, size_t size) {
    struct chunk *c;
    int error;

    do {
        size_t room = min(max(size, CHUNK_SMALL), CHUNK_LARGE);
        c = heap_alloc_raw(HEAP_SOCKET_DATA, sizeof(*c) + room);
        if (!c) return -ENOBUFS;
        *c = (struct chunk){ .size = room, .end = min(size, room) };
        list_push_back(chunks, &c->node);
        size -= c->end;
        error = io_take(io, c->data, c->end);
    } while (!error && size);
    c->is_last = true;
    return error;
}

void queue_clear(struct socket *s) {
    s->queued = 0;
    chunks_free(&s->chunks);
}

uint32_t socket_capacity(const struct socket *s) {
    if (s->state == SOCKET_LISTENS) return (s->backlog + 1) * CHUNK_SMALL;
    return s->type == SOCK_DGRAM || !s->peer ? s->receive_buffer : s->peer->send_buffer;
}

/* -- Sending ----------------------------------------------------------------------- */

int queue_put(struct socket *to, struct io *io, struct socket_message *m,
              struct socket_name *from) {
    bool is_stream = to->type == SOCK_STREAM;
    struct chunk *c = list_last_entry(&to->chunks, struct chunk, node);
    size_t left = io->left, n = is_stream ? min(left, CHUNK_LARGE) : left;
    struct list fresh = LIST_INIT(fresh);
    int error;

    if (is_stream && c && c->end < c->size && !c->rights && !m->rights) {
        n = min(left, c->size - c->end);
        error = io_take(io, c->data + c->end, n);
        if (!error) c->end += n;
    } else {
        error = chunks_make(&fresh, io, n);
    }
    if (error) {
        chunks_free(&fresh);
        io->left = left;
        return error;
    }
    /* --- commit: nothing below fails or sleeps --- */
    if ((c = first_chunk(&fresh))) {
        c->from = is_stream ? NULL : from;
        if (c->from) from->refs++;
        c->rights = m->rights;
        if (c->rights) passed_queue(&c->rights->passed, &to->holder);
        m->rights = NULL;
    }
    while ((c = first_chunk(&fresh))) {
        list_remove(&c->node);
        list_push_back(&to->chunks, &c->node);
        to->queued += c->size;
    }
    socket_wake_next(to);
    return 0;
}

/* Why s cannot send to `to`, or 0. */
static int judge(struct socket *s, struct socket *to, size_t size) {
    if (s->type == SOCK_SEQPACKET && s->error) return -socket_take_error(s);
    if (s->type == SOCK_DGRAM && to->is_closed) {
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
    struct socket *to = m->to ? m->to : s->peer;
    bool is_stream = s->type == SOCK_STREAM;
    const size_t size = io->left;

    if (!m->to && !m->rights && hand_over(s, io)) return (ssize_t)size;
    if (!to) return -ENOTCONN;
    to->refs++;                 // another thread may connect us elsewhere
    long error;
    while (!(error = judge(s, to, size))) {
        if (is_stream && io->left == 0) break;
        if (to->queued >= socket_capacity(to)) error = socket_wait(&to->room, NULL, m);
        else error = queue_put(to, io, m, s->name);
        if (error || io->left == 0) break;
    }
    socket_wake_next(to);       // the wake-up we were given goes on to the next
    socket_put(to);
    if (!error || size != io->left) return (ssize_t)(size - io->left);
    return error == -EPIPE && is_stream && !(m->flags & MSG_NOSIGNAL) ? pipe_broken()
                                                                      : error;
}

/* -- Receiving --------------------------------------------------------------------- */

/* All of it is copied out first, then used up. In a stream a chunk with rights is the
 * last to be given: "ancillary data forms a barrier" (unix(7)). */
ssize_t queue_take(struct socket *s, struct io *io, struct socket_message *m) {
    struct chunk *c, *first = first_chunk(&s->chunks), *carrier = NULL;
    bool is_stream = s->type == SOCK_STREAM;
    size_t done = 0, length = 0;

    list_for_each (c, &s->chunks, node) {
        size_t there = c->end - c->start, n = min(there, io->left);
        if (io_give(io, c->data + c->start, n)) return -EFAULT;
        done += n;
        length += is_stream ? n : there;
        if (c->rights) carrier = c;
        if (is_stream ? io->left == 0 || carrier : c->is_last) break;
    }
    /* --- commit: nothing below fails or sleeps --- */
    if (length > done) m->flags |= MSG_CUT;
    m->from = first->from;
    if (m->from) m->from->refs++;
    if (carrier) m->rights = carrier->rights;
    size_t result = m->flags & MSG_TRUNC ? length : done;
    if (m->flags & MSG_PEEK) return (ssize_t)result;
    if (carrier) {
        passed_unqueue(&m->rights->passed);
        carrier->rights = NULL;
    }
    do {
        c = first_chunk(&s->chunks);
        size_t n = min(c->end - c->start, length);
        c->start += n;
        length -= n;
        if (c->start < c->end) break;
        s->queued -= c->size;
        chunk_free(c);
    } while (length);
    return (ssize_t)result;
}

ssize_t queue_wait(struct socket *s, const struct io *io,
                   const struct socket_message *m) {
    long result = 0;

    while (!result && s->queued == 0)
        result =
            s->error || s->shut & SHUT_READ ? -EPIPE : socket_wait(&s->arrived, io, m);
    return result;
}

ssize_t socket_receive(struct socket *s, struct io *io, struct socket_message *m) {
    static const struct io nowhere;     // who only looks is given nothing
    bool is_stream = s->type == SOCK_STREAM, is_datagram = s->type == SOCK_DGRAM;

    if (s->state != SOCKET_CONNECTED && !is_datagram)
        return is_stream ? -EINVAL : -ENOTCONN;
    if (s->error && !is_stream) return -socket_take_error(s);
    ssize_t n = queue_wait(s, m->flags & MSG_PEEK ? &nowhere : io, m);
    if (n > 0) io_advance(io, (size_t)n);
    if (n == -EPIPE)
        return is_datagram && m->flags & MSG_DONTWAIT ? -EAGAIN : -socket_take_error(s);
    if (n) return n;
    n = queue_take(s, io, m);
    socket_wake_next(s);        // there may be something for the next, too
    return n;
}

/* -- As a file --------------------------------------------------------------------- */

ssize_t socket_read(struct file *file, struct io *io, uint64_t *offset) {
    struct socket *s = file->object;
    struct socket_message m = socket_message(file, 0, s->receive_timeout);

    (void)offset;
    if (io->left == 0) return 0;
    ssize_t n = socket_receive(s, io, &m);
    socket_message_end(&m);
    return n;
}

ssize_t socket_write(struct file *file, struct io *io, uint64_t *offset) {
    struct socket *s = file->object;
    ssize_t size = (ssize_t)io->left;

    (void)offset;
    if (hand_over(s, io)) return size;
    struct socket_message m = socket_message(file, 0, s->send_timeout);
    return socket_send(s, io, &m);
}
