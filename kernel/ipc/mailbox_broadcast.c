/* mailbox_broadcast.c - one message, many receivers: a ring that every open reads at
 * its own position.
 *
 *      accepted:   [7] [8] [9]                sequence numbers; the oldest is dropped
 *                       ^       ^             when a tenth comes and three are kept
 *                 open.next=8  open.next=10: has read all
 *
 * Invariants: queue and channel hold messages that at least one open has not read; an
 * open that waits has read all of them.
 * Tests: user/tests/native_mbox_broadcast.c.
 * See: IPC.md 4.8.
 */
#include "ipc/mailbox.h"

static struct native_message *native(struct message *m) {
    return container_of(m, struct native_message, base);
}

/* Gives r a copy of m, with references of its own to the files. */
static int deliver_copy_of(struct native_message *m, struct native_receiver *r,
                           int *error) {
    struct native_message copy = *m;

    copy.holder = NULL;
    copy.passed = (struct passed_files){ .count = m->has_files ? m->passed.count : 0,
                                         .files = copy.files };
    copy.nr_files = copy.passed.count;
    for (unsigned i = 0; i < copy.passed.count; i++)
        file_get(copy.files[i]);
    int result = native_deliver(&copy, r, error);
    if (copy.has_files) passed_discard(copy.files, copy.passed.count);
    if (result == 0) r->open->next = m->base.sequence + 1;
    return result;
}

static void drop(struct message *m) {
    message_take_out(m);
    native_message_operations.discard(m);
}

static struct message *oldest(const struct mailbox *mb) {
    return list_first_entry(&mb->channel.accepted, struct message, age_node);
}

void broadcast_trim(struct mailbox *mb) {
    const struct mailbox_file *open;
    uint64_t next = UINT64_MAX;
    struct message *m;

    if (mb->attributes.receivers != MBOX_BROADCAST) return;
    list_for_each (open, &mb->opens, node)
        if (file_is_readable(open->file)) next = min(next, open->next);
    while ((m = oldest(mb)) && m->sequence < next)
        drop(m);
}

static void append(struct mailbox *mb, struct message *m) {
    struct message_channel *c = &mb->channel;

    if (c->queued == c->capacity) {
        drop(oldest(mb));
        c->dropped++;
    }
    m->channel = c;
    m->place = MESSAGE_ACCEPTED;
    m->sending = NULL;
    m->sequence = ++c->sequence;
    list_push_back(&mb->queue.messages, &m->node);
    list_push_back(&c->accepted, &m->age_node);
    c->queued++;
    c->bytes += m->length;
}

int broadcast_send(struct mailbox *mb, struct native_message *m) {
    struct waiter *waiter, *next;
    int error;

    if (m->moves || m->base.until != UNTIL_ACCEPTED) return -EINVAL;
    m->base.channel = &mb->channel;
    struct message *kept = native_message_operations.keep(&m->base, &error);
    if (!kept) return error;
    append(mb, kept);
    list_for_each_safe (waiter, next, &mb->queue.receivers.waiters, node) {
        struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        if (r->open->next > kept->sequence
            || (r->base.wants && !r->base.wants(&r->base, kept)))
            continue;           // it shares its position with one who just had it
        int result = deliver_copy_of(native(kept), r, &error);
        mb->channel.received += result == 0;
        waiter_wake(waiter, result);
    }
    wait_wake_all(&mb->queue.can_receive, 0);
    broadcast_trim(mb);
    return 0;
}

static struct message *first_unread(const struct mailbox_file *open,
                                    const struct native_receiver *r) {
    struct message *m;

    list_for_each (m, &open->mailbox->channel.accepted, age_node)
        if (m->sequence >= open->next
            && (!r || !r->base.wants || r->base.wants(&r->base, m)))
            return m;
    return NULL;
}

bool broadcast_is_there(const struct mailbox_file *open) {
    return first_unread(open, NULL) != NULL;
}

int broadcast_take(struct mailbox_file *open, struct native_receiver *r) {
    struct message *m = first_unread(open, r);
    int error = 0;

    if (!m) return -EAGAIN;
    int result = deliver_copy_of(native(m), r, &error);
    if (result == 0) {
        open->mailbox->channel.received++;
        broadcast_trim(open->mailbox);
    }
    return result;
}
