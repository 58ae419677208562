/* message.c - a message's way from one process's memory to another's.
 *
 *      sender's memory ----------------------------------> receiver's memory
 *             \                (one copy: it waits already)     /
 *              +--> kept: a copy in kernel memory -------------+
 *
 * Invariants: a message on its sender's stack points into the sender's memory and is
 * used only while the sender runs; a kept one owns its body, its files in flight and
 * its pages, and is charged to the sender's user. Everything that may fail comes before
 * anything that cannot be undone: a message that could not be delivered is as it was,
 * and the next receiver gets it.
 * Tests: user/tests/native_msg_*.c, native_mbox_*.c, native_move.c.
 * See: IPC.md 1, 5, 6.
 */
#include "ipc/message.h"

#include "core/check.h"
#include "ipc/fast_path.h"
#include "ipc/mailbox.h"
#include "mm/heap.h"

#define BODY_INLINE 1024u       /* a body up to here lies behind its message */

static struct native_message *native(struct message *m) {
    return container_of(m, struct native_message, base);
}

/* -- Windows -------------------------------------------------------------------- */

char *window_open(struct thread *thread, enum window_use use, vaddr_t user,
                  size_t size) {
    bool is_written = use != WINDOW_SENT && use != WINDOW_BODY_OUT;
    struct window *w = &thread->windows[use];

    if ((user & PAGE_MASK) + size > PAGE_SIZE) return NULL;
    char *kernel = space_page(thread->space, user, is_written ? PROT_WRITE : PROT_READ);
    if (!kernel) return NULL;
    // looking it up may have copied a page: the version is the one after that
    *w = (struct window){ user, thread->space->version, kernel };
    return kernel;
}

/* -- Reading what the caller said -------------------------------------------------- */

void native_message_init(struct native_message *m, vaddr_t body, uint32_t length) {
    const struct thread *t = current();

    *m = (struct native_message){ .base = { .length = length, .until = UNTIL_ACCEPTED },
                                  .sender = t->process->pid, .space = t->space,
                                  .body = body, .payer = t->cpu->account };
}

int native_message_read(struct native_message *m, uptr_t from, int flags) {
    struct user_message user;

    if (copy_from_user(&user, from, sizeof(user))) return -EFAULT;
    native_message_init(m, user.body.address, user.length);
    m->base.type = user.type;
    m->base.priority = user.priority;
    m->base.sequence = user.sequence;   // a reply says with it which call it answers
    uint32_t nr_files = user.nfds;
    if (m->base.priority > MSG_PRIORITY_MAX || m->base.type == MSG_NOTIFICATION)
        return -EINVAL;
    if (m->base.length > (flags & MSG_MOVE ? MSG_MOVE_MAX : MSG_MAX)) return -EMSGSIZE;
    if (!user_range_ok(uptr(m->body), m->base.length)) return -EFAULT;
    if (flags & MSG_SYNC) m->base.until = UNTIL_RECEIVED;
    m->moves = flags & MSG_MOVE;
    int error = m->moves ? moved_pages_check(m) : 0;
    if (error) return error;
    if (likely(!nr_files)) return 0;
    if (nr_files > MSG_FDS_MAX) return -EINVAL;
    m->nr_files = (uint8_t)nr_files;
    if (copy_from_user(m->fds, user.fds, nr_files * sizeof(int))) return -EFAULT;
    for (uint32_t i = 0; i < nr_files; i++)
        if (!fd_peek(m->fds[i])) return -EBADF;
    return 0;
}

bool native_wants(const struct receiver *receiver, const struct message *m) {
    const struct native_receiver *r =
        container_of(receiver, struct native_receiver, base);

    return (!r->channel || m->channel == r->channel)
           && (!r->by_type || m->type == r->type);
}

int native_receiver_init(struct native_receiver *r, uptr_t message, int flags,
                         struct wait_queue *queue) {
    struct user_message user;

    if (copy_from_user(&user, message, sizeof(user))) return -EFAULT;
    native_body_receiver_init(r, user.body, user.room, queue);
    r->message = message;
    r->fds = user.fds;
    r->type = user.type;
    r->by_type = flags & MSG_TYPE;
    r->moves = flags & MSG_MOVE;
    if (r->by_type) r->base.wants = native_wants;
    return 0;
}

/* -- Messages that stay ------------------------------------------------------------ */

/* Bytes in the kernel's memory; pages that move are charged as pages. */
static uint32_t bytes_of(const struct native_message *m) {
    return m->moves ? 0 : m->base.length;
}

void message_discard(struct message *message) {
    struct native_message *m = native(message);
    void **spare = &message->channel->queue->spare;

    message_release(m->payer, bytes_of(m));
    if (likely(m->is_short && !*spare)) {
        *spare = m;
        return;
    }
    passed_free(m->files);
    if (m->pages) moved_pages_free(m->pages);
    if (!m->space && m->body != (vaddr_t)(m + 1)) heap_free((void *)m->body);
    if (m->call) call_message_lost(m->call);
    heap_free(m);
}

/* The files behind the sender's descriptors. */
static int take_files(const struct native_message *m, struct passed_files **out) {
    struct passed_files *files = passed_create(m->nr_files);
    int error = files ? 0 : -ENOMEM;

    for (unsigned i = 0; !error && i < m->nr_files; i++)
        error = passed_add(files, m->fds[i]);
    if (error) passed_free(files);
    else *out = files;
    return error;
}

/* The body, copied from the current process, or from a buffer of the kernel. */
static int keep_body(struct native_message *kept, size_t size) {
    const void *from = (const void *)kept->body;
    struct address_space *space = kept->space;
    void *body = kept + 1;

    if (size > BODY_INLINE) body = heap_alloc_raw(HEAP_MESSAGE_BODY, size);
    kept->body = (vaddr_t)body;         // NULL is freed like others
    kept->space = NULL;
    if (!body) return -ENOMEM;
    if (space) return copy_from_user(body, uptr((vaddr_t)from), size);
    memcpy(body, from, size);
    return 0;
}

struct message *message_keep(struct message *message, int *error) {
    struct native_message *m = native(message);
    uint32_t size = bytes_of(m);
    size_t behind = size > BODY_INLINE ? 0 : max((size_t)size, NATIVE_SHORT);

    *error = -EDQUOT;
    if (!message_charge(m->payer, size)) return NULL;
    void **spare = &message->channel->queue->spare;
    struct native_message *kept = *spare;
    if (kept && behind == NATIVE_SHORT && kept->payer == m->payer) *spare = NULL;
    else kept = heap_alloc_raw(HEAP_MESSAGE, sizeof(*kept) + behind);
    if (!kept) {
        *error = -ENOMEM;
        message_release(m->payer, size);
        return NULL;
    }
    memcpy(kept, m, sizeof(*m));
    kept->call = NULL;          // until it cannot fail any more
    *error = m->moves ? 0 : keep_body(kept, size);
    if (!*error && m->nr_files) *error = take_files(kept, &kept->files);
    if (*error) {
        message_discard(&kept->base);
        return NULL;
    }
    kept->is_short = m->mailbox && size <= NATIVE_SHORT && !m->moves && !m->nr_files
                     && m->base.until == UNTIL_ACCEPTED;
    if (kept->files && kept->mailbox)
        passed_queue(kept->files,
                     &container_of(m->base.channel, struct mailbox, channel)->holder);
    kept->call = m->call;
    if (kept->call) call_message_kept(kept->call, kept);
    return &kept->base;
}

int message_accept(struct message *message) {
    struct native_message *m = native(message);

    if (m->call) m->call->forwarder = NULL;     // it has been passed on
    return m->moves && !m->pages ? moved_pages_leave(m) : 0;
}

/* -- Delivery ---------------------------------------------------------------------- */

int write_body(struct native_receiver *r, size_t offset, const void *from,
               size_t size) {
    if (!r->buffer)
        return space_write(r->process->space, uptr_add(r->body, offset), from, size);
    memcpy((char *)r->buffer + offset, from, size);
    return 0;
}

static int deliver_body(struct native_message *m, struct native_receiver *r,
                        int *error) {
    size_t size = min(m->base.length, r->room);
    uptr_t from = uptr(m->body), to = r->body;

    if (!m->space) return size ? write_body(r, 0, (const void *)m->body, size) : 0;
    if (r->buffer)
        return (*error = copy_from_user(r->buffer, from, size)) ? MESSAGE_UNFIT : 0;
    while (size > 0) {          // from the memory of the current process
        size_t piece = min(size, (size_t)(PAGE_SIZE - (to.address & PAGE_MASK)));
        void *page = space_page(r->process->space, to.address, PROT_WRITE);
        if (!page) return -EFAULT;
        if ((*error = copy_from_user(page, from, piece))) return MESSAGE_UNFIT;
        to = uptr_add(to, piece);
        from = uptr_add(from, piece);
        size -= piece;
    }
    return 0;
}

/* `room` is never written, so not even with what was read. */
static int write_header(const struct native_message *m, struct native_receiver *r) {
    enum { ROOM = offsetof(struct user_message, room), REST = ROOM + 4,
           END = offsetof(struct user_message, fds) };
    struct thread *t = r->base.waiter.thread;
    struct user_message own,
        *seen = (void *)window(t, WINDOW_RECEIVED, r->message.address, sizeof(own));
    const struct letter l = { m->base.type, m->base.priority, m->base.length,
                              seen ? seen : &own };

    letter_write(&l, r, &m->sender, false, m->mailbox);
    l.to->caller = m->caller;
    l.to->sequence = m->base.sequence;
    l.to->nfds = uptr_is_null(r->fds) ? 0 : m->nr_files;
    l.to->bits = m->bits;
    l.to->body = r->body;
    if (likely(seen)) return 0;
    if (space_write(t->space, r->message, &own, ROOM)) return -EFAULT;
    return space_write(t->space, uptr_add(r->message, REST), (char *)&own + REST,
                       END - REST);
}

/* A receiver without a place for files gets none. */
int deliver_rest(struct native_message *m, struct native_receiver *r, int *error) {
    struct passed_files *files = m->files;

    if (!uptr_is_null(r->message) && write_header(m, r)) return -EFAULT;
    if (likely(!m->nr_files) || uptr_is_null(r->fds)) return 0;
    if (!files && (*error = take_files(m, &files))) return MESSAGE_UNFIT;
    int result = fd_install_all(r->process, files->files, files->count, false, r->fds);
    if (!m->files) passed_free(files);
    return result;
}

int native_deliver(struct native_message *m, struct native_receiver *r, int *error) {
    struct user_message u;

    if (r->is_read_late) {
        if (space_read(r->process->space, &u, r->message, sizeof(u))) return -EFAULT;
        r->room = u.room;
        r->fds = u.fds;
        if (r->body.address != u.body.address) {
            r->body = u.body;
            r->fast = r->fast_calls = 0;        // they were for another
            r->base.waiter.thread->attention |= ATTENTION_SLOW;
        }
    }
    if (m->base.length > r->room && !r->cuts && !moved_pages_fit(m, r)) {
        // it learns how long
        uptr_t length = uptr_add(r->message, offsetof(struct user_message, length));
        bool is_told = uptr_is_null(r->message)
                       || !space_write(r->process->space, length, &m->base.length, 4);
        return is_told ? -EMSGSIZE : -EFAULT;
    }
    int result =
        m->moves ? moved_pages_deliver(m, r, error) : deliver_body(m, r, error);
    if (result == 0 && !m->moves) result = deliver_rest(m, r, error);
    if (result) return result;
    r->sender = m->sender;
    r->type = m->base.type;
    r->priority = m->base.priority;
    r->length = m->base.length;
    return 0;
}

static void messages_count(void) {
    const struct native_message *m;

    heap_for_each(m, HEAP_MESSAGE) {
        if (m->base.place == MESSAGE_NOWHERE) continue;         // a spare
        m->payer->counted[ACCOUNT_MESSAGES]++;
        m->payer->counted[ACCOUNT_MESSAGE_BYTES] += bytes_of(m);
        if (m->pages) moved_pages_count(m->pages);
    }
}

static const struct checker checker CHECKER = { "messages", messages_count, NULL };

/* -- Sending ----------------------------------------------------------------------- */

long native_message_send(struct message_channel *channel, struct native_message *m,
                         int timeout_ms) {
    struct sending own, *s = &own;

    if (m->base.until == UNTIL_ANSWERED) s = &m->call->sending;
    else waiter_init(&own.waiter, &channel->queue->senders);
    long result = message_post(channel, &m->base, timeout_ms == NOWAIT ? NULL : s);
    if (likely(result != -EINPROGRESS)) return result;
    if (m->mailbox || timeout_ms != FOREVER
        || !wait_closes_circle(current_process(),
                               container_of(channel, struct link_end, in)->pid))
        return restartable(message_wait(s, deadline_of(timeout_ms)), timeout_ms);
    message_withdraw(s);
    return -EDEADLK;
}
