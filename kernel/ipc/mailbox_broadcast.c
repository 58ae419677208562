/* mailbox_broadcast.c - one message, many receivers: a ring that every open reads at
 * its own position.
 *
 *      accepted:        [17] [18] [19]    sequence numbers; the oldest is dropped when
 *      open->has_read:   yes  no   no     a twentieth comes, and leaves its place to it
 *
 * Invariants: the ring's messages are numbered without a gap, and at least one open has
 * not read each; what came before an open, that has read. An open that waits has
 * nothing to read that it wants.
 * Tests: user/tests/native_mbox_broadcast.c.
 * See: IPC.md 1.9, 4.8.
 */
#include "ipc/mailbox.h"

static struct native_message *oldest(const struct mailbox *mb) {
    return list_first_entry(&mb->channel.accepted, struct native_message,
                            base.age_node);
}

/* Has the open read that message? A place in the ring has a mark in each open. */
static bool *mark(struct mailbox_file *open, const struct native_message *m) {
    uint32_t place;

    divide_u64(m->base.sequence, m->base.channel->capacity, &place);
    return &open->has_read[place];
}

/* Gives r a copy of m. */
static int deliver_copy_of(struct native_message *m, struct native_receiver *r,
                           int *error) {
    int result = native_deliver(m, r, error);

    if (result == 0) {
        *mark(r->open, m) = true;
        r->open->mailbox->channel.received++;
    }
    return result;
}

static void drop(struct native_message *m) {
    message_take_out(&m->base);
    native_message_discard(m);
}

void broadcast_trim(struct mailbox *mb) {
    struct native_message *m;
    struct mailbox_file *open;

    while ((m = oldest(mb))) {
        list_for_each (open, &mb->opens, node)
            if (!*mark(open, m)) return;
        drop(m);
    }
}

int broadcast_send(struct mailbox *mb, struct native_message *m) {
    struct message_channel *c = &mb->channel;
    struct waiter *waiter, *next;
    struct mailbox_file *open;
    int error;

    if (m->moves || m->base.until != UNTIL_ACCEPTED) return -EINVAL;
    m->base.channel = c;
    m->base.sending = NULL;
    struct message *copy = message_keep(&m->base, &error);
    if (!copy) return error;
    m = container_of(copy, struct native_message, base);
    if (c->queued == c->capacity) {
        drop(oldest(mb));
        c->dropped++;
    }
    message_insert(&m->base, MESSAGE_ACCEPTED);
    list_for_each (open, &mb->opens, node)
        *mark(open, m) = !file_is_readable(open->file);
    list_for_each_safe (waiter, next, &mb->queue.receivers.waiters, node) {
        struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        if (!*mark(r->open, m)          // by another one at the same position
            && (!r->base.wants || r->base.wants(&r->base, &m->base)))
            waiter_wake(waiter, deliver_copy_of(m, r, &error));
    }
    broadcast_trim(mb);
    return 0;
}

struct native_message *broadcast_first(struct mailbox_file *open,
                                       const struct receiver *r) {
    struct native_message *m;

    list_for_each (m, &open->mailbox->channel.accepted, base.age_node)
        if (!*mark(open, m) && (!r || !r->wants || r->wants(r, &m->base))) return m;
    return NULL;
}

int broadcast_take(struct mailbox_file *open, struct native_receiver *r) {
    int error = 0;

    if (r->moves) return -EINVAL;
    struct native_message *m = broadcast_first(open, &r->base);
    int result = m ? deliver_copy_of(m, r, &error) : -EAGAIN;
    broadcast_trim(open->mailbox);
    return result;
}
