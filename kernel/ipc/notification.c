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
#include "ipc/link.h"

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

long sys_msg_notify(pid_t to, uint32_t bits) {
    struct message_channel *channel;
    int error = link_channel_to(to, &channel);

    if (!error && bits) notify(container_of(channel, struct link_end, in), bits);
    return error;
}
