/* socket_queue.c - what is queued at a socket: bytes or records, in chunks.
 *
 *      stream   [ used | unread....... ][ unread | free ]      one queue of bytes
 *      records  [ a............. ][ ...a last ][ b last ]      each a chunk or more
 *
 * Invariants: queued is what the chunks on the list take in memory. A chunk of a stream
 * on the list has something unread; a record ends in its own last chunk. The files in
 * rights are queued (passed_files.h) while their chunk is on a list.
 * Sleeps: never.
 */
#include "base/string.h"
#include "mm/heap.h"
#include "posix/socket.h"

#define OVERHEAD    (sizeof(struct chunk) + 8)  /* with the heap's header */
#define CHUNK_SMALL (256 - OVERHEAD)
#define CHUNK_LARGE (PAGE_SIZE - OVERHEAD)

void rights_discard(struct rights *rights)
{
    if (!rights)
        return;
    passed_unqueue(&rights->passed);
    passed_discard(rights->files, rights->passed.count);
    heap_free(rights);
}

/* An empty chunk; with a rest of `size` bytes to come a large one. NULL: no memory. */
static struct chunk *chunk_new(struct socket *s, size_t size)
{
    struct chunk *c = s->spare;
    size_t room = min(max(size, CHUNK_SMALL), CHUNK_LARGE);

    s->spare = NULL;
    if (c)
        return c;
    c = heap_alloc(HEAP_SOCKET_DATA, sizeof(*c) + room);
    if (c)
        c->size = (uint16_t)room;
    return c;
}

/* One empty chunk is kept while the one sender is there who paid for it: what two
 * sockets say to each other, turn by turn, needs no heap. */
static void chunk_free(struct socket *s, struct chunk *c)
{
    rights_discard(c->rights);
    name_put(c->from);
    if (s->spare || s->shut & SHUT_READ || s->type == SOCK_DGRAM) {
        heap_free(c);
        return;
    }
    c->rights = NULL;
    c->from = NULL;
    c->start = c->end = 0;
    c->is_last = false;
    s->spare = c;
}

static void push(struct socket *s, struct chunk *c)
{
    list_push_back(&s->chunks, &c->node);
    s->queued += sizeof(*c) + c->size;
}

static void drop(struct socket *s, struct chunk *c)
{
    list_remove(&c->node);
    s->queued -= sizeof(*c) + c->size;
    chunk_free(s, c);
}

/* A connection that nobody has accepted is reached through its listener. */
static void take_rights(struct socket *to, struct chunk *c, struct rights **rights)
{
    c->rights = *rights;
    *rights = NULL;
    if (c->rights)
        passed_queue(&c->rights->passed,
                     to->listener ? &to->listener->holder : &to->holder);
}

/* -- In ---------------------------------------------------------------------------- */

int queue_bytes(struct socket *to, struct socket_message *m, size_t size)
{
    struct chunk *c = list_last_entry(&to->chunks, struct chunk, node);
    bool is_new = !c || c->end == c->size || c->rights || m->rights;

    if (is_new)
        c = chunk_new(to, size);
    if (!c)
        return -ENOBUFS;
    size = min(size, (size_t)(c->size - c->end));
    int error = io_take(m->io, c->data + c->end, size);
    if (!is_new) {
        c->end += error ? 0 : size;
        return error;
    }
    if (error) {
        chunk_free(to, c);
        return error;
    }
    c->end = (uint16_t)size;
    take_rights(to, c, &m->rights);
    push(to, c);
    return 0;
}

int queue_record(struct socket *to, struct socket_message *m, struct socket_name *from)
{
    struct list_node *before = to->chunks.head.prev;
    struct chunk *c;
    int error = 0;

    do {
        c = chunk_new(to, m->io->left);
        if (!c) {
            error = -ENOBUFS;
            break;
        }
        c->end = (uint16_t)min(m->io->left, (size_t)c->size);
        push(to, c);
        error = io_take(m->io, c->data, c->end);
    } while (!error && m->io->left);
    if (error) {
        while (to->chunks.head.prev != before)
            drop(to, list_last_entry(&to->chunks, struct chunk, node));
        return error;
    }
    c->is_last = true;
    c = list_entry(before->next, struct chunk, node);
    if (from)
        from->refs++;
    c->from = from;
    take_rights(to, c, &m->rights);
    return 0;
}

/* -- Out --------------------------------------------------------------------------- */

/* Takes n bytes of a stream, or the first record, off the list. */
static void consume(struct socket *s, size_t n)
{
    bool is_stream = s->type == SOCK_STREAM, more = !is_stream || n > 0;

    while (more) {
        struct chunk *c = list_first_entry(&s->chunks, struct chunk, node);
        size_t part = min(n, (size_t)(c->end - c->start));
        n -= part;
        c->start += part;
        more = is_stream ? n > 0 : !c->is_last;
        if (!is_stream || c->start == c->end)
            drop(s, c);
    }
}

/* Of a stream a chunk with rights is the last to be given: "ancillary data forms a
 * barrier" (unix(7)). First all is copied out, then used up. */
ssize_t queue_take(struct socket *s, struct socket_message *m)
{
    bool is_stream = s->type == SOCK_STREAM;
    struct chunk *c, *bearer = NULL;
    size_t done = 0, length = 0;

    list_for_each (c, &s->chunks, node) {
        size_t ready = c->end - c->start, n = min(ready, m->io->left);
        if (io_give(m->io, c->data + c->start, n)) {
            if (!is_stream || done == 0)
                return -EFAULT;
            break;
        }
        done += n;
        length += ready;
        if (c->rights)
            bearer = c;
        if (is_stream ? bearer || m->io->left == 0 : c->is_last)
            break;
    }
    c = list_first_entry(&s->chunks, struct chunk, node);
    m->from = c->from;
    if (m->from)
        m->from->refs++;
    m->is_cut = !is_stream && length > done;
    m->rights = bearer ? bearer->rights : NULL;
    if (!(m->flags & MSG_PEEK)) {
        if (bearer) {
            passed_unqueue(&bearer->rights->passed);
            bearer->rights = NULL;
        }
        consume(s, done);
    }
    return (ssize_t)(!is_stream && (m->flags & MSG_TRUNC) ? length : done);
}

void queue_clear(struct socket *s)
{
    struct chunk *c;

    while ((c = list_first_entry(&s->chunks, struct chunk, node)))
        drop(s, c);
    heap_free(s->spare);
    s->spare = NULL;
}

uint32_t queue_bytes_ready(const struct socket *s)
{
    const struct chunk *c;
    uint32_t bytes = 0;

    list_for_each (c, &s->chunks, node) {
        bytes += c->end - c->start;
        if (c->is_last && s->type == SOCK_DGRAM)
            break;
    }
    return bytes;
}

void queue_rehome(struct socket *s)
{
    struct chunk *c;

    list_for_each (c, &s->chunks, node) {
        if (!c->rights)
            continue;
        passed_unqueue(&c->rights->passed);
        passed_queue(&c->rights->passed, &s->holder);
    }
}
