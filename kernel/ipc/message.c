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

static inline void init(struct native_message *m, struct thread *t, vaddr_t body,
                        uint32_t length) {
    m->base.type = m->base.priority = 0;
    m->base.length = length;
    m->base.until = UNTIL_ACCEPTED;
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
    m->is_kept = m->moves = m->has_files = false;
    m->nr_files = 0;
}

void native_message_init(struct native_message *m, vaddr_t body, uint32_t length) {
    init(m, current(), body, length);
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
    struct thread *t = current();
    const volatile struct user_message *user =
        (void *)window(t, WINDOW_SENT, from.address, sizeof(*user));
    struct user_message copy;

    if (unlikely(!user)) {
        if (copy_from_user(&copy, from, sizeof(copy))) return -EFAULT;
        user = &copy;
    }
    // the sender's memory may change under us: each field is read once
    init(m, t, user->body.address, user->length);
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
        m->moves = true;
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

static inline void receiver_init(struct native_receiver *r, struct thread *t,
                                 uptr_t body, uint32_t room, struct wait_queue *queue) {
    r->process = t->process;
    r->body = body;
    r->room = room;
    r->fast = 0;
    r->buffer = NULL;
    r->channel = NULL;
    r->body_was_null = false;
    r->base.pid = t->process->pid;
    r->base.wants = native_wants;
    waiter_init_for(&r->base.waiter, queue, t);
}

void native_body_receiver_init(struct native_receiver *r, uptr_t body, uint32_t room,
                               struct wait_queue *queue) {
    receiver_init(r, current(), body, room, queue);
    r->message = r->fds = uptr(0);
    r->message_seen = NULL;
    r->body_seen = NULL;
    r->version = 0;
    r->by_type = r->moves = false;
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
    receiver_init(r, t, user->body, user->room, queue);
    r->message = message;
    r->fds = user->fds;
    r->type = user->type;
    r->by_type = flags & MSG_TYPE;
    r->moves = flags & MSG_MOVE;
    r->message_seen = NULL;
    r->body_seen = NULL;
    if (likely(user != &copy)) {
        r->message_seen = (void *)user;
        if (r->body.address)
            r->body_seen = window(t, WINDOW_BODY_IN, r->body.address, 1);
        if (flags == 0 && r->body_seen)
            r->fast = PAGE_SIZE - (r->body.address & PAGE_MASK) + 1;
    }
    r->version = t->space->version;
    return 0;
}

/* -- Messages that stay ------------------------------------------------------------ */

/* Bytes in the kernel's memory; pages that move are charged as pages. */
static uint32_t bytes_of(const struct native_message *m) {
    return m->moves ? 0 : m->base.length;
}

static void discard(struct message *message) {
    struct native_message *m = native(message);

    if (!m->is_kept)
        return;                 // on its sender's stack
    if (m->has_files) native_drop_files(m);
    if (m->pages) moved_pages_free(m->pages);
    if (!m->space && m->body != (vaddr_t)(m + 1)) heap_free((void *)m->body);
    message_release(m->payer, bytes_of(m));
    if (m->call) call_message_lost(m->call);
    heap_free(m);
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

static int keep(struct message *message, struct message **out) {
    struct native_message *m = native(message);
    uint32_t size = bytes_of(m);

    if (!message_charge(m->payer, size)) return -EDQUOT;
    struct native_message *kept =
        heap_alloc_raw(HEAP_MESSAGE, sizeof(*kept) + (size > BODY_INLINE ? 0 : size));
    if (!kept) {
        message_release(m->payer, size);
        return -ENOMEM;
    }
    if (likely(!m->nr_files))
        __builtin_memcpy(kept, m, offsetof(struct native_message, fds));
    else
        memcpy(kept, m, sizeof(*m));
    kept->is_kept = true;
    kept->call = NULL;          // until it cannot fail any more
    int error = m->moves ? 0 : keep_body(kept, m, size);
    if (!error && m->nr_files) error = native_take_files(kept);
    if (error) {
        discard(&kept->base);
        return error;
    }
    if (kept->has_files && kept->holder) passed_queue(&kept->passed, kept->holder);
    kept->call = m->call;
    if (kept->call) call_message_kept(kept->call, kept);
    *out = &kept->base;
    return 0;
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

const struct message_operations native_message_operations = {
    .keep = keep, .accept = accept, .deliver = deliver, .discard = discard,
};

/* -- Send and receive -------------------------------------------------------------- */

/* Only what waits for ever starts again by itself after a signal. */
static long restartable(long result, const struct patience *patience) {
    return result == -EINTR && patience->timeout_ms == FOREVER ? -ERESTART : result;
}

/* Remembers for whom the running thread waits while it does, for `why` and circles. */
static void set_partner(pid_t partner, const struct patience *patience) {
    current()->waits_for = partner;
    current()->waits_for_ever = patience->timeout_ms == FOREVER;
}

long native_message_wait(struct sending *s, pid_t partner,
                         const struct patience *patience) {
    set_partner(partner, patience);
    long result = message_wait(s, patience->deadline);
    current()->waits_for = 0;
    return restartable(result, patience);
}

long native_receive_wait(struct native_receiver *r, pid_t partner,
                         const struct patience *patience) {
    set_partner(partner, patience);
    long result = message_receive_wait(&r->base, patience->deadline);
    current()->waits_for = 0;
    return restartable(result, patience);
}

int native_message_post(struct message_channel *channel, struct native_message *m,
                        struct sending *s, pid_t partner,
                        const struct patience *patience, pid_t *receiver) {
    bool for_ever = partner && patience->timeout_ms == FOREVER;
    int result = message_post(channel, &m->base, s,
                              patience->timeout_ms != NOWAIT && !for_ever, receiver);

    if (result != -EAGAIN || !for_ever) return result;
    // a partner that waited for us has been tried; now it is ours to wait
    if (wait_closes_circle(current_process(), partner)) return -EDEADLK;
    return message_post(channel, &m->base, s, true, receiver);
}

long native_message_send(struct message_channel *channel, struct native_message *m,
                         pid_t partner, const struct patience *patience) {
    struct sending s;
    pid_t receiver = 0;

    waiter_init_for(&s.waiter, &channel->queue->senders, current());
    long result =
        partner ? native_message_post(channel, m, &s, partner, patience, &receiver)
                : message_post(channel, &m->base, &s, patience->timeout_ms != NOWAIT,
                               &receiver);
    if (result == MESSAGE_WAIT) return native_message_wait(&s, partner, patience);
    return result ? result : receiver;
}
