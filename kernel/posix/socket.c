/* socket.c - sockets: their life, and bytes and records on their way between two.
 *
 * Invariants: a connected socket has a peer, and each points at the other until its own
 * file is closed. What is queued for a closed socket is gone.
 * Sleeps: send while the receiver's queue is full, receive while it is empty; condition
 * shape.
 * Wakes: the next one whose condition may hold, after every step, so a waiter that
 * leaves early never leaves others behind; all when a side is shut.
 * Linux: the queue of a datagram socket is limited by its own SO_RCVBUF, not by its
 * senders' SO_SNDBUF.
 * Tests: user/tests/socket_stream.c, socket_dgram.c, socket_poll.c, socket_signal.c
 * See: unix(7), socket(7)
 */
#include "posix/socket.h"

#include "base/format.h"
#include "core/panic.h"
#include "ipc/pipe.h"
#include "ipc/proc_ipc.h"
#include "mm/heap.h"

static void describe(const struct waiter *waiter, char *to, size_t size);

static const struct wait_class arrived_class = { "socket with something to receive",
                                                 describe };
static const struct wait_class room_class = { "socket with room", describe };

static void describe(const struct waiter *waiter, char *to, size_t size)
{
    const struct wait_queue *q = waiter->queue;
    const struct socket *s = q->class == &arrived_class
                                 ? container_of(q, struct socket, arrived)
                                 : container_of(q, struct socket, room);

    format(to, size, "socket:[%u] -", s->number);
}

/* -- Life -------------------------------------------------------------------------- */

struct socket *socket_create(unsigned type)
{
    struct socket *s = heap_new(HEAP_SOCKET, struct socket);

    if (!s)
        return NULL;
    s->refs = 1;
    s->type = (uint8_t)type;
    list_init(&s->chunks);
    wait_queue_init(&s->arrived, &arrived_class);
    wait_queue_init(&s->room, &room_class);
    file_holder_init(&s->holder);
    list_init(&s->pending);
    list_node_init(&s->pending_node);
    s->peer_credentials.uid = s->peer_credentials.gid = (uid_t)-1;
    s->send_buffer = s->receive_buffer = SOCKET_BUFFER;
    return s;
}

void socket_wake_all(struct socket *s)
{
    wait_wake_all(&s->arrived, 0);
    wait_wake_all(&s->room, 0);
}

void socket_put(struct socket *s)
{
    if (--s->refs)
        return;
    assert(s->is_closed && list_is_empty(&s->chunks));
    socket_wake_all(s);         // pollers whose own descriptor is closed
    name_put(s->name);
    heap_free(s);
}

static void tell_peer(struct socket *peer, bool lost_something)
{
    peer->shut = SHUT_BOTH;
    if (lost_something)
        peer->error = ECONNRESET;
    heap_free(peer->spare);     // this side has paid for it
    peer->spare = NULL;
    socket_wake_all(peer);
}

void socket_close(struct socket *s)
{
    struct socket *peer = s->peer, *e;
    bool lost = s->listener || !list_is_empty(&s->chunks);

    s->listener = NULL;
    s->is_closed = true;
    s->shut = SHUT_BOTH;
    name_unbind(s);
    while ((e = list_first_entry(&s->pending, struct socket, pending_node))) {
        list_remove(&e->pending_node);
        socket_close(e);        // whose own list is empty
    }
    if (peer && s->type != SOCK_DGRAM)
        tell_peer(peer, lost);
    queue_clear(s);
    s->peer = NULL;
    if (peer)
        socket_put(peer);
    socket_wake_all(s);
    socket_put(s);
}

static void socket_release(struct file *file)
{
    socket_close(file->object);
}

struct file *socket_open(struct socket *s, uint32_t flags)
{
    struct file *file =
        file_create(&socket_operations, O_RDWR | (flags & O_NONBLOCK), NULL, s);

    if (file)
        s->number = file->number;
    return file;
}

int socket_peek(int fd, struct socket **s)
{
    const struct file *file = fd_peek(fd);

    if (!file || file->flags & O_PATH)
        return -EBADF;
    if (file->operations != &socket_operations)
        return -ENOTSOCK;
    *s = file->object;
    return 0;
}

int socket_get_file(int fd, struct file **file)
{
    struct socket *s;
    int error = socket_peek(fd, &s);

    if (!error)
        *file = fd_get(fd);
    return error;
}

/* -- Waiting ----------------------------------------------------------------------- */

nanoseconds_t socket_deadline(const struct file *file, uint32_t flags,
                              nanoseconds_t timeout)
{
    if (flags & MSG_DONTWAIT || file_is_nonblocking(file))
        return 0;
    return timeout ? time_deadline(timeout) : DEADLINE_NEVER;
}

int socket_wait(struct wait_queue *queue, nanoseconds_t deadline)
{
    if (deadline == 0)
        return -EAGAIN;
    long error = wait_sleep(queue, deadline);
    if (error == -EINTR)        // signal(7): with a time-out it is never made again
        return deadline == DEADLINE_NEVER ? -ERESTART : -EINTR;
    return error == -ETIMEDOUT ? -EAGAIN : (int)error;
}

static bool has_room(const struct socket *s)
{
    return s->queued < (s->type == SOCK_DGRAM || !s->peer ? s->receive_buffer
                                                          : s->peer->send_buffer);
}

static void wake_neighbours(struct socket *s)
{
    if (!wait_queue_is_empty(&s->arrived) && !list_is_empty(&s->chunks))
        wait_wake(&s->arrived, 1, 0);
    if (!wait_queue_is_empty(&s->room) && has_room(s))
        wait_wake(&s->room, 1, 0);
}

int socket_take_error(struct socket *s)
{
    int error = s->error;

    s->error = 0;
    return error;
}

/* -- Sending ----------------------------------------------------------------------- */

/* Why s cannot send to `to` now, or 0. */
static int judge_send(struct socket *s, struct socket *to)
{
    if (s->type != SOCK_DGRAM) {
        if (s->state != SOCKET_CONNECTED)
            return -ENOTCONN;
        if (s->type == SOCK_SEQPACKET && s->error)
            return -socket_take_error(s);
        return s->shut & SHUT_WRITE ? -EPIPE : 0;
    }
    if (!to)
        return -ENOTCONN;
    if (to->is_closed) {
        if (to == s->peer) {
            s->peer = NULL;
            socket_put(to);
        }
        return -ECONNREFUSED;
    }
    if (to->peer && to->peer != s)
        return -EPERM;
    return (s->shut & SHUT_WRITE) || (to->shut & SHUT_READ) ? -EPIPE : 0;
}

/* SLEEPS. Adds what was sent to *sent. */
static int send_all(struct socket *s, struct socket *to, struct socket_message *m,
                    nanoseconds_t deadline, size_t *sent)
{
    bool is_stream = s->type == SOCK_STREAM;
    int error = judge_send(s, to);

    if (!error && !is_stream && m->io->left > s->send_buffer)
        return -EMSGSIZE;
    while (!error && (!is_stream || m->io->left)) {
        size_t left = m->io->left;
        if (unlikely(!has_room(to))) {
            error = socket_wait(&to->room, deadline);
            if (!error)
                error = judge_send(s, to);
            continue;
        }
        error = is_stream ? queue_bytes(to, m, min(left, s->send_buffer - to->queued))
                          : queue_record(to, m, s->name);
        if (!error)
            *sent += left - m->io->left;
        wake_neighbours(to);
        if (!is_stream)
            break;
    }
    if (unlikely(error) && to)
        wake_neighbours(to);    // a wake-up we were given goes on to the next
    return error;
}

ssize_t socket_send(struct socket *s, struct socket_message *m, nanoseconds_t deadline)
{
    struct socket *to = m->to ? m->to : s->peer;
    size_t sent = 0;

    if (to)
        to->refs++;             // another thread may connect us elsewhere
    int error = send_all(s, to, m, deadline, &sent);
    if (to)
        socket_put(to);
    if (likely(!error) || sent)
        return (ssize_t)sent;
    if (error == -EPIPE && s->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
        return pipe_broken();
    return error;
}

/* -- Receiving --------------------------------------------------------------------- */

/* SLEEPS. 1: there is something, 0: the end, -errno. */
static int wait_for_data(struct socket *s, nanoseconds_t deadline)
{
    int error;

    if (s->type == SOCK_SEQPACKET && s->error)
        return -socket_take_error(s);
    while (list_is_empty(&s->chunks)) {
        if (s->error)
            return -socket_take_error(s);
        if (s->shut & SHUT_READ)
            return s->type == SOCK_DGRAM && deadline == 0 ? -EAGAIN : 0;
        if ((error = socket_wait(&s->arrived, deadline)))
            return error;
    }
    return 1;
}

ssize_t socket_receive(struct socket *s, struct socket_message *m,
                       nanoseconds_t deadline)
{
    bool again =
        s->type == SOCK_STREAM && (m->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
    size_t got = 0;
    ssize_t n;

    if (s->type != SOCK_DGRAM && s->state != SOCKET_CONNECTED)
        return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
    do {
        if (got && s->error)
            break;              // the next call's to tell
        n = wait_for_data(s, deadline);
        if (n > 0)
            n = queue_take(s, m);
        wake_neighbours(s);
        if (n <= 0)
            break;
        got += (size_t)n;
    } while (again && m->io->left && !m->rights);
    return got ? (ssize_t)got : n;
}

/* -- As a file --------------------------------------------------------------------- */

void socket_message_end(struct socket_message *m)
{
    if (!(m->flags & MSG_PEEK))
        rights_discard(m->rights);
    name_put(m->from);
}

static ssize_t socket_read(struct file *file, struct io *io, uint64_t *offset)
{
    struct socket *s = file->object;
    struct socket_message m = { .io = io };

    (void)offset;
    if (io->left == 0)
        return 0;
    ssize_t n = socket_receive(s, &m, socket_deadline(file, 0, s->receive_timeout));
    socket_message_end(&m);
    return n;
}

static ssize_t socket_write(struct file *file, struct io *io, uint64_t *offset)
{
    struct socket *s = file->object;
    struct socket_message m = { .io = io };

    (void)offset;
    return socket_send(s, &m, socket_deadline(file, 0, s->send_timeout));
}

static unsigned socket_poll(struct file *file, struct poll_table *table)
{
    struct socket *s = file->object, *to = s->peer;
    bool is_alone = s->type != SOCK_DGRAM && s->state == SOCKET_ALONE;
    unsigned events = s->error ? POLLERR : 0;

    poll_wait(table, &s->arrived);
    if (to)
        poll_wait(table, &to->room);
    if (s->shut & SHUT_READ)
        events |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (s->shut == SHUT_BOTH || is_alone)
        events |= POLLHUP;
    if (!list_is_empty(&s->chunks) || !list_is_empty(&s->pending))
        events |= POLLIN | POLLRDNORM;
    if (s->state != SOCKET_LISTENS && (!to || has_room(to)))
        events |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return events;
}

static long socket_ioctl(struct file *file, uint32_t request, uptr_t argument)
{
    enum { FIONREAD = 0x541b };

    if (request != FIONREAD)
        return -ENOTTY;
    return u32_to_user(argument, queue_bytes_ready(file->object));
}

static struct file_holder *socket_holder(struct file *file)
{
    return &((struct socket *)file->object)->holder;
}

const struct file_operations socket_operations = {
    .name = "socket", .mode = S_IFSOCK | 0777, .read = socket_read,
    .write = socket_write, .poll = socket_poll, .ioctl = socket_ioctl,
    .holder = socket_holder, .release = socket_release,
};
