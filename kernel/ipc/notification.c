/* notification.c - a word of bits for each pair of sender and receiver.
 *
 * The word is part of the link, so a notification is never queued: it is or-ed in, and
 * read and cleared by the next receive.
 *
 * Invariants: an end is on its endpoint's list of the notified if its word is not zero.
 * Wakes: a receiver that waits, by writing the word as a message into its memory.
 * Tests: user/tests/native_msg_notify.c.
 * See: IPC.md 3.
 */
#include "ipc/fast_path.h"
#include "sched/scheduler.h"
#include "syscall.h"

/* Writes the word of `end` as a message; it is zero then. */
int notification_deliver(struct link_end *end, struct native_receiver *r) {
    struct native_message m;    // zeroing all of it would cost more than the rest

    m.base.type = MSG_NOTIFICATION;
    m.base.priority = m.base.length = 0;
    m.base.sequence = 0;
    m.sender = end->other->pid;
    m.caller = 0;
    m.mailbox = 0;
    m.nr_files = 0;
    m.bits = end->bits;
    int result = native_deliver_header(&m, r);

    if (result == 0) notification_clear(end);
    return result;
}

void notification_clear(struct link_end *end) {
    if (end->bits == 0) return;
    end->bits = 0;
    list_remove(&end->notified_node);
    end->endpoint->inbox.nr_there--;
}

static bool takes_notification(const struct native_receiver *r,
                               const struct link_end *end) {
    return (!r->channel || r->channel == &end->in)
           && (!r->by_type || r->type == MSG_NOTIFICATION);
}

struct link_end *first_notified(struct endpoint *e, const struct native_receiver *r) {
    struct link_end *end;

    list_for_each (end, &e->notified, notified_node)
        if (takes_notification(r, end)) return end;
    return NULL;
}

/* To the first that waits, if nothing is unusual: what notify does. */
static inline bool notify_first(struct link_end *end, uint32_t bits) {
    struct wait_queue *queue = &end->endpoint->inbox.receivers;

    if (unlikely(wait_queue_is_empty(queue))) return false;                       // 3
    struct native_receiver *r =
        list_entry(queue->waiters.head.next, struct native_receiver, base.waiter.node);
    if (unlikely(r->channel != &end->in || is_zero(&r->fast))) return false;      // 5

    /* --- commit: nothing below fails --- */
    pid_t sender = end->other->pid;
    const struct letter l = { .type = MSG_NOTIFICATION, .to = r->message_seen };
    letter_write(&l, r, &sender, false, 0);
    l.to->bits = bits;
    l.to->sequence = 0;
    list_unlink(&r->base.waiter.node);
    struct thread *next = r->base.waiter.thread;
    next->wait_result = sender;
    if (likely(queue_only(next))) next->attention |= ATTENTION_TOLD;
    else thread_ready(next);
    return true;
}

/* To a receiver that waits, or into the word. */
static void notify(struct link_end *end, uint32_t bits) {
    struct endpoint *e = end->endpoint;
    struct waiter *waiter, *next;

    if (end->bits == 0) {
        list_push_back(&e->notified, &end->notified_node);
        e->inbox.nr_there++;
    }
    end->bits |= bits;
    list_for_each_safe (waiter, next, &e->inbox.receivers.waiters, node) {
        struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        if (!takes_notification(r, end)) continue;
        int result = notification_deliver(end, r);
        waiter_wake(waiter, result);
        if (result == 0) return;
    }
    wait_wake_all(&e->inbox.can_receive, 0);
}

static __attribute__((noinline)) long notify_any(pid_t to, uint32_t bits) {
    struct message_channel *channel;
    int error = link_channel_to(to, &channel);

    if (!error && bits) notify(container_of(channel, struct link_end, in), bits);
    return error;
}

long sys_msg_notify(pid_t to, uint32_t bits) {
    struct link_end *end = link_end_known(current_process(), to);

    return likely(end && bits && notify_first(end, bits)) ? 0 : notify_any(to, bits);
}
