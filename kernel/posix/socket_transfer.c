/* socket_transfer.c - bytes and records, from one socket into the queue of another.
 *
 *      stream   [ used | unread....... ][ unread | free ]      one queue of bytes
 *      records  [ a............. ][ ...a last ][ b last ]      each a chunk or more
 *
 * Invariants: queued is the sum of the chunks' sizes. When nothing is queued, one empty
 * chunk may be left on the list for the next: what two sockets say to each other, turn
 * by turn, needs no heap.
 * The files in rights are queued (passed_files.h) while their chunk is on a list.
 * Sleeps: send while the receiver's queue is full, receive while it is empty; condition
 * shape.
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

/* What a short message on a stream needs, and what it does without. */
#define fast_path static inline __attribute__((always_inline))
#define slow_path __attribute__((noinline))

/* -- Chunks ------------------------------------------------------------------------ */

void rights_discard(struct rights *rights) {
    if (!rights) return;
    passed_unqueue(&rights->passed);
    passed_discard(rights->files, rights->passed.count);
    heap_free(rights);
}

static inline struct chunk *first_chunk(const struct socket *s) {
    return list_first_entry(&s->chunks, struct chunk, node);
}

/* An empty chunk at the end of the list, not yet counted, for `size` bytes if it can
 * be. NULL: no memory. */
static slow_path struct chunk *chunk_add(struct socket *s, size_t size) {
    size_t room = min(max(size, CHUNK_SMALL), CHUNK_LARGE);
    struct chunk *c = s->queued ? NULL : first_chunk(s);

    if (c) return c;
    c = heap_alloc(HEAP_SOCKET_DATA, sizeof(*c) + room);
    if (!c) return NULL;
    c->size = room;
    list_push_back(&s->chunks, &c->node);
    return c;
}

static slow_path void chunk_free(struct chunk *c) {
    list_remove(&c->node);
    rights_discard(c->rights);
    name_put(c->from);
    heap_free(c);
}

/* Its contents are used up. */
static inline void chunk_done(struct socket *s, struct chunk *c) {
    s->queued -= c->size;
    if (unlikely(s->queued))
        chunk_free(c);
    else
        c->start = c->end = 0;
}

/* A connection that nobody has accepted is reached through its listener. */
static slow_path void rights_queue(struct socket *to, struct chunk *c,
                                   struct socket_message *m) {
    c->rights = m->rights;
    m->rights = NULL;
    if (c->rights)
        passed_queue(&c->rights->passed,
                     to->listener ? &to->listener->holder : &to->holder);
}

void queue_clear(struct socket *s) {
    struct chunk *c;

    s->queued = 0;
    while ((c = first_chunk(s)))
        chunk_free(c);
}

uint32_t queue_bytes_ready(const struct socket *s) {
    const struct chunk *c;
    uint32_t bytes = 0;

    list_for_each (c, &s->chunks, node) {
        bytes += c->end - c->start;
        if (c->is_last && s->type == SOCK_DGRAM) break;
    }
    return bytes;
}

void queue_rehome(struct socket *s) {
    struct chunk *c;

    list_for_each (c, &s->chunks, node) {
        if (!c->rights) continue;
        passed_unqueue(&c->rights->passed);
        passed_queue(&c->rights->passed, &s->holder);
    }
}

bool queue_is_sound(const struct socket *s) {
    const struct chunk *c;
    uint32_t queued = 0;

    list_for_each (c, &s->chunks, node) {
        queued += c->size;
        if (c->start > c->end || c->end > c->size) return false;
    }
    return s->queued ? s->queued == queued : list_length(&s->chunks) <= 1;
}

/* -- Waiting ----------------------------------------------------------------------- */

uint32_t socket_capacity(const struct socket *s) {
    return s->type == SOCK_DGRAM || !s->peer ? s->receive_buffer : s->peer->send_buffer;
}

static inline void wake_receiver(struct socket *s) {
    if (!wait_queue_is_empty(&s->arrived) && s->queued) wait_wake(&s->arrived, 1, 0);
}

static inline void wake_sender(struct socket *s) {
    if (unlikely(!wait_queue_is_empty(&s->room)) && s->queued < socket_capacity(s))
        wait_wake(&s->room, 1, 0);
}

/* -- Sending ----------------------------------------------------------------------- */

/* What fits into one chunk. An error leaves io->left as it was. */
fast_path int queue_bytes(struct socket *to, struct io *io, struct socket_message *m) {
    struct chunk *c = list_last_entry(&to->chunks, struct chunk, node);
    size_t left = io->left, n = left;

    if (unlikely(!c || c->end == c->size || c->rights || (m->rights && c->end)))
        c = chunk_add(to, n);
    if (unlikely(!c)) return -ENOBUFS;
    if (unlikely(n > c->size - c->end)) n = c->size - c->end;
    if (c->end == 0)            // it is not counted yet
        to->queued += c->size;
    if (unlikely(io_take(io, c->data + c->end, n))) {
        io->left = left;
        if (c->end == 0) chunk_done(to, c);
        return -EFAULT;
    }
    c->end += n;
    if (unlikely(m->rights != NULL)) rights_queue(to, c, m);
    wake_receiver(to);
    return 0;
}

/* SLEEPS. 0: look again. */
static slow_path int wait_to_send(struct socket *s, const struct io *io,
                                  struct socket_message *m) {
    if (!s->peer || s->shut & SHUT_WRITE) return s->peer ? -EPIPE : -ENOTCONN;
    return io->left ? socket_wait(&s->peer->room, m, s->send_timeout) : 0;
}

/* SLEEPS. */
fast_path ssize_t send_bytes(struct socket *s, struct io *io,
                             struct socket_message *m) {
    const size_t size = io->left;
    int error = 0;

    do {
        if (unlikely(!s->peer || s->shut & SHUT_WRITE
                     || s->peer->queued >= s->send_buffer))
            error = wait_to_send(s, io, m);
        else if (likely(size))
            error = queue_bytes(s->peer, io, m);
    } while (!error && io->left);
    if (likely(s->peer != NULL))
        wake_sender(s->peer);   // the wake-up we were given goes on to the next
    if (unlikely(error) && size == io->left)
        return error == -EPIPE && !(m->flags & MSG_NOSIGNAL) ? pipe_broken() : error;
    return (ssize_t)(size - io->left);
}

static int queue_record(struct socket *to, struct io *io, struct socket_message *m,
                        struct socket_name *from) {
    struct list_node *before = to->queued ? to->chunks.head.prev : &to->chunks.head;
    uint32_t queued = to->queued;
    struct chunk *c;
    int error;

    do {
        error = -ENOBUFS;
        c = chunk_add(to, io->left);
        if (!c) break;
        to->queued += c->size;
        c->is_last = false;
        c->end = min(io->left, c->size);
        error = io_take(io, c->data, c->end);
    } while (!error && io->left);
    if (error) {
        to->queued = queued;
        while (to->chunks.head.prev != before)
            chunk_free(list_last_entry(&to->chunks, struct chunk, node));
        return error;
    }
    c->is_last = true;
    c = list_entry(before->next, struct chunk, node);
    if (from) from->refs++;
    c->from = from;
    rights_queue(to, c, m);
    return 0;
}

/* Why s cannot send a record to `to` now, or 0. */
static int judge_record(struct socket *s, struct socket *to) {
    if (s->type == SOCK_SEQPACKET) {
        if (s->state != SOCKET_CONNECTED) return -ENOTCONN;
        return s->error ? -socket_take_error(s) : s->shut & SHUT_WRITE ? -EPIPE : 0;
    }
    if (!to) return -ENOTCONN;
    if (to->is_closed) {
        if (to == s->peer) {
            s->peer = NULL;
            socket_put(to);
        }
        return -ECONNREFUSED;
    }
    if (to->peer && to->peer != s) return -EPERM;
    return (s->shut & SHUT_WRITE) || (to->shut & SHUT_READ) ? -EPIPE : 0;
}

/* SLEEPS. */
static int send_record(struct socket *s, struct socket *to, struct io *io,
                       struct socket_message *m) {
    int error = judge_record(s, to);

    if (!error && io->left > s->send_buffer) return -EMSGSIZE;
    while (!error && to->queued >= socket_capacity(to)) {
        error = socket_wait(&to->room, m, s->send_timeout);
        if (!error) error = judge_record(s, to);
    }
    if (!error) error = queue_record(to, io, m, s->name);
    if (to) {
        wake_receiver(to);
        wake_sender(to);
    }
    return error;
}

ssize_t socket_send(struct socket *s, struct io *io, struct socket_message *m) {
    if (s->type == SOCK_STREAM) return send_bytes(s, io, m);
    struct socket *to = m->to ? m->to : s->peer;
    ssize_t size = (ssize_t)io->left;
    if (to)
        to->refs++;             // another thread may connect us elsewhere
    int error = send_record(s, to, io, m);
    if (to) socket_put(to);
    return error ? error : size;
}

/* -- Receiving --------------------------------------------------------------------- */

/* The rights of a chunk come along, once. */
static slow_path void take_rights(struct socket_message *m, struct chunk *c) {
    m->rights = c->rights;
    if (m->flags & MSG_PEEK) return;
    passed_unqueue(&c->rights->passed);
    c->rights = NULL;
}

/* A chunk with rights is the last to be given: "ancillary data forms a barrier"
 * (unix(7)). An error leaves io->left at what was given before. */
fast_path int take_bytes(struct socket *s, struct io *io, struct socket_message *m) {
    struct chunk *c, *next = list_entry(s->chunks.head.next, struct chunk, node);

    do {
        c = next;
        next = list_entry(c->node.next, struct chunk, node);
        size_t left = io->left, n = min(c->end - c->start, left);
        if (unlikely(io_give(io, c->data + c->start, n))) {
            io->left = left;
            return -EFAULT;
        }
        if (unlikely(c->rights != NULL)) take_rights(m, c);
        if (unlikely(m->flags & MSG_PEEK)) continue;
        c->start += n;
        if (c->start == c->end) chunk_done(s, c);
    } while (io->left && !m->rights && &next->node != &s->chunks.head);
    return 0;
}

/* All of it is copied out first, then used up. */
static ssize_t take_record(struct socket *s, struct io *io, struct socket_message *m) {
    struct chunk *c, *first = first_chunk(s);
    size_t done = 0, length = 0;
    bool is_last = false;

    list_for_each (c, &s->chunks, node) {
        size_t n = min(c->end, io->left);
        if (io_give(io, c->data, n)) return -EFAULT;
        done += n;
        length += c->end;
        if (c->is_last) break;
    }
    m->flags |= length > done ? MSG_CUT : 0;
    m->from = first->from;
    if (first->rights) take_rights(m, first);
    if (m->flags & MSG_PEEK && m->from)
        m->from->refs++;
    else if (!(m->flags & MSG_PEEK))
        first->from = NULL;
    while (!is_last && !(m->flags & MSG_PEEK)) {
        c = first_chunk(s);
        is_last = c->is_last;
        chunk_done(s, c);
    }
    return (ssize_t)(m->flags & MSG_TRUNC ? length : done);
}

/* SLEEPS. 0: there is something, 1: the end, or an error to tell. */
fast_path int wait_for_data(struct socket *s, struct socket_message *m) {
    int error = 0;

    while (!error && s->queued == 0) {
        if (s->error || s->shut & SHUT_READ) return 1;
        error = socket_wait(&s->arrived, m, s->receive_timeout);
    }
    return error;
}

/* SLEEPS. */
fast_path ssize_t receive_bytes(struct socket *s, struct io *io,
                                struct socket_message *m) {
    const size_t size = io->left;
    int error = likely(s->state == SOCKET_CONNECTED) ? 0 : -EINVAL;

    if (likely(!error) && s->queued == 0) error = wait_for_data(s, m);
    if (unlikely(error)) return error > 0 ? -socket_take_error(s) : error;
    error = take_bytes(s, io, m);
    wake_sender(s);
    if (s->queued)
        wake_receiver(s);       // there is something for the next, too
    return unlikely(error) && size == io->left ? error : (ssize_t)(size - io->left);
}

/* SLEEPS. */
static ssize_t receive_record(struct socket *s, struct io *io,
                              struct socket_message *m) {
    ssize_t n = 0;

    if (s->type == SOCK_SEQPACKET)
        n = s->state == SOCKET_CONNECTED ? -socket_take_error(s) : -ENOTCONN;
    if (!n) n = wait_for_data(s, m);
    if (n > 0)
        n = s->type == SOCK_DGRAM && m->flags & MSG_DONTWAIT ? -EAGAIN
                                                             : -socket_take_error(s);
    else if (!n)
        n = take_record(s, io, m);
    wake_sender(s);
    wake_receiver(s);
    return n;
}

ssize_t socket_receive(struct socket *s, struct io *io, struct socket_message *m) {
    return likely(s->type == SOCK_STREAM) ? receive_bytes(s, io, m)
                                          : receive_record(s, io, m);
}

/* -- As a file --------------------------------------------------------------------- */

ssize_t socket_read(struct file *file, struct io *io, uint64_t *offset) {
    struct socket *s = file->object;
    struct socket_message m = socket_message(file, 0);
    ssize_t n;

    (void)offset;
    if (io->left == 0) return 0;
    n = likely(s->type == SOCK_STREAM) ? receive_bytes(s, io, &m)
                                       : receive_record(s, io, &m);
    socket_message_end(&m);
    return n;
}

ssize_t socket_write(struct file *file, struct io *io, uint64_t *offset) {
    struct socket *s = file->object;
    struct socket_message m = socket_message(file, 0);

    (void)offset;
    return likely(s->type == SOCK_STREAM) ? send_bytes(s, io, &m)
                                          : socket_send(s, io, &m);
}
