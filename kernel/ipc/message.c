/* message.c - a message's way from one process's memory to another's.
 *
 *      sender's memory ----------------------------------> receiver's memory
 *             \                (one copy: it waits already)     /
 *              +--> kept: a copy in kernel memory -------------+
 *
 * Invariants: a message on its sender's stack points into the sender's memory and is
 * used only while the sender runs; a kept one owns its body, its files in flight and
 * its pages, and is charged to the sender's user.
 * Tests: user/tests/native_msg_*.c, native_mbox_*.c.
 * See: IPC.md 1, 5, 6.
 */
#include "ipc/message.h"

#include "base/string.h"
#include "core/check.h"
#include "core/panic.h"
#include "ipc/link.h"
#include "ipc/move_pages.h"
#include "mm/account.h"
#include "mm/heap.h"
#include "sched/scheduler.h"

#define BODY_INLINE 1024u       /* a body up to here lies behind its message */

static struct native_message *native(struct message *m) {
    return container_of(m, struct native_message, base);
}

/* -- Reading what the caller said -------------------------------------------------- */

void native_message_init(struct native_message *m, vaddr_t body, uint32_t length) {
    const struct thread *t = current();

    m->base.type = m->base.priority = 0;
    m->base.length = length;
    m->base.until = UNTIL_ACCEPTED;
    m->base.tells_accept = false;
    m->sender = t->process->pid;
    m->caller = 0;
    m->call = NULL;
    m->mailbox = 0;
    m->bits = 0;
    m->space = t->space;
    m->body = body;
    m->payer = t->cpu->account;
    m->pages = NULL;
    m->holder = NULL;
    m->is_kept = m->is_short = m->moves = m->has_files = false;
    m->nr_files = 0;
}

static int read_files(struct native_message *m, uptr_t fds, uint32_t count) {
    if (count > MSG_FDS_MAX) return -EINVAL;
    m->nr_files = (uint8_t)count;
    if (copy_from_user(m->fds, fds, count * sizeof(int))) return -EFAULT;
    for (uint32_t i = 0; i < count; i++)
        if (!fd_peek(m->fds[i])) return -EBADF;
    return 0;
}

int native_message_read(struct native_message *m, uptr_t from, int flags) {
    const volatile struct user_message *user =
        (void *)window(current(), WINDOW_SENT, from.address, sizeof(*user));
    struct user_message copy;

    if (unlikely(!user)) {
        if (copy_from_user(&copy, from, sizeof(copy))) return -EFAULT;
        user = &copy;
    }
    // the sender's memory may change under us: each field is read once
    native_message_init(m, user->body.address, user->length);
    m->base.type = user->type;
    m->base.priority = user->priority;
    m->base.sequence = user->sequence;  // a reply says with it which call it answers
    uint32_t nr_files = user->nfds;
    if (m->base.priority > MSG_PRIORITY_MAX || m->base.type == MSG_NOTIFICATION)
        return -EINVAL;
    if (m->base.length > (flags & MSG_MOVE ? MSG_MOVE_MAX : MSG_MAX)) return -EMSGSIZE;
    if (!user_range_ok(uptr(m->body), m->base.length)) return -EFAULT;
    if (flags & MSG_SYNC) m->base.until = UNTIL_RECEIVED;
    if (flags & MSG_MOVE) {
        m->moves = m->base.tells_accept = true;
        int error = moved_pages_check(m->space, m->body, m->base.length);
        if (error) return error;
    }
    return unlikely(nr_files) ? read_files(m, user->fds, nr_files) : 0;
}

bool native_wants(const struct receiver *receiver, const struct message *m) {
    const struct native_receiver *r =
        container_of(receiver, struct native_receiver, base);

    return (!r->channel || m->channel == r->channel)
           && (!r->by_type || m->type == r->type);
}

int native_receiver_init(struct native_receiver *r, uptr_t message, int flags,
                         struct wait_queue *queue) {
    struct thread *t = current();
    volatile struct user_message *user =
        (void *)window(t, WINDOW_RECEIVED, message.address, sizeof(*user));
    struct user_message copy;

    if (unlikely(!user)) {
        if (copy_from_user(&copy, message, sizeof(copy))) return -EFAULT;
        user = &copy;
    }
    native_body_receiver_init(r, user->body, user->room, queue);
    r->message = message;
    r->fds = user->fds;
    r->type = user->type;
    r->by_type = flags & MSG_TYPE;
    r->moves = flags & MSG_MOVE;
    if (r->by_type) r->base.wants = native_wants;
    if (likely(user != &copy)) {
        r->message_seen = (void *)user;
        if (r->body.address)
            r->body_seen = window(t, WINDOW_BODY_IN, r->body.address, 1);
    }
    r->version = t->space->version;
    return 0;
}

/* -- Messages that stay ------------------------------------------------------------ */

/* Bytes in the kernel's memory; pages that move are charged as pages. */
static uint32_t bytes_of(const struct native_message *m) {
    return m->moves ? 0 : m->base.length;
}

void native_message_free(struct native_message *m) {
    if (m->has_files) native_drop_files(m);
    if (m->pages) moved_pages_free(m->pages);
    if (!m->space && m->body != (vaddr_t)(m + 1)) heap_free((void *)m->body);
    message_release(m->payer, bytes_of(m));
    if (m->call) call_message_lost(m->call);
    heap_free(m);
}

static void discard(struct message *message) {
    if (native(message)->is_kept) native_message_discard(native(message));
}

/* The body, copied from the current process, or from a buffer of the kernel. */
static int keep_body(struct native_message *kept, const struct native_message *m,
                     size_t size) {
    struct address_space *space = m->space;

    if (size > BODY_INLINE) {
        kept->body = (vaddr_t)heap_alloc_raw(HEAP_MESSAGE_BODY, size);
        if (!kept->body) return -ENOMEM;
    } else {
        kept->body = (vaddr_t)(kept + 1);
    }
    kept->space = NULL;
    if (space) return copy_from_user((void *)kept->body, uptr(m->body), size);
    memcpy((void *)kept->body, (const void *)m->body, size);
    return 0;
}

static struct message *keep(struct message *message, int *error) {
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
    kept->is_kept = true;
    kept->call = NULL;          // until it cannot fail any more
    *error = m->moves ? 0 : keep_body(kept, m, size);
    if (!*error && m->nr_files) *error = native_take_files(kept);
    if (*error) {
        discard(&kept->base);
        return NULL;
    }
    kept->is_short = m->mailbox && size <= NATIVE_SHORT && !m->moves && !m->nr_files
                     && m->base.until == UNTIL_ACCEPTED;
    if (kept->has_files && kept->holder) passed_queue(&kept->passed, kept->holder);
    kept->call = m->call;
    if (kept->call) call_message_kept(kept->call, kept);
    return &kept->base;
}

static int accept(struct message *message) {
    struct native_message *m = native(message);

    if (m->call) call_message_accepted(m->call);
    if (!m->moves || m->pages) return 0;
    int error = moved_pages_reserve(m);
    if (!error) moved_pages_take(m);
    return error;
}

static int deliver(struct message *message, struct receiver *receiver, int *error) {
    struct native_message *m = native(message);
    struct native_receiver *r = container_of(receiver, struct native_receiver, base);
    int result = native_deliver(m, r, error);

    if (result == 0 && !m->mailbox) link_message_received(m, r);
    return result;
}

static void messages_count(void) {
    const struct native_message *m;

    heap_for_each(m, HEAP_MESSAGE) {
        if (m->base.place == MESSAGE_NOWHERE) continue;         // a spare
        message_found(m->payer, bytes_of(m));
        if (m->has_files) passed_found(m->files, m->passed.count);
        if (m->pages) moved_pages_count(m->pages);
    }
}

static const struct checker checker CHECKER = { "messages", messages_count, NULL };

const struct message_operations native_message_operations = {
    .keep = keep, .accept = accept, .deliver = deliver, .discard = discard,
};

/* -- Send and receive -------------------------------------------------------------- */

long native_message_wait(struct sending *s, int timeout_ms) {
    return restartable(message_wait(s, deadline_of(timeout_ms)), timeout_ms);
}

long native_receive_wait(struct native_receiver *r, int timeout_ms) {
    return restartable(message_receive_wait(&r->base, deadline_of(timeout_ms)),
                       timeout_ms);
}

int native_message_post(struct message_channel *channel, struct native_message *m,
                        struct sending *s, pid_t partner, int timeout_ms) {
    int result = message_post(channel, &m->base, NULL);

    if (result != -EAGAIN || timeout_ms == NOWAIT) return result;
    // a partner that waited for us has been tried; now it is ours to wait
    if (partner && timeout_ms == FOREVER
        && wait_closes_circle(current_process(), partner))
        return -EDEADLK;
    return message_post(channel, &m->base, s);
}

long native_message_send(struct message_channel *channel, struct native_message *m,
                         pid_t partner, int timeout_ms) {
    struct sending s;

    waiter_init(&s.waiter, &channel->queue->senders);
    int result = native_message_post(channel, m, &s, partner, timeout_ms);
    if (likely(result != -EINPROGRESS)) return result;
    return native_message_wait(&s, timeout_ms);
}
