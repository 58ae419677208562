/* mailbox_broadcast.c - one message, many receivers: a ring that every open reads at
 * its own position.
 *
 *      accepted:   [7] [8] [9]                sequence numbers; the oldest is dropped
 *                       ^       ^             when a tenth comes and three are kept
 *                 open.next=8  open.next=10: has read all
 *
 * Who takes messages by type reads ahead of its position, and leaves the others where
 * they are: open.ahead has a bit for each place of the ring.
 *
 * Invariants: the ring's messages are numbered without a gap, and at least one open has
 * not read each; open.next is what is in the ring at the earliest, and not read; a set
 * bit of open.ahead is of a message behind it. An open that waits has nothing to read
 * that it wants.
 * Tests: user/tests/native_mbox_broadcast.c.
 * See: IPC.md 1.9, 4.8.
 */
#include "ipc/mailbox.h"

#include "mm/heap.h"

static struct native_message *native(struct message *m) {
    return container_of(m, struct native_message, base);
}

static struct message *oldest(const struct mailbox *mb) {
    return list_first_entry(&mb->channel.accepted, struct message, age_node);
}

/* Places in open->ahead: the least power of two that all of the ring fits. */
static uint32_t places(const struct mailbox *mb) {
    uint32_t capacity = mb->channel.capacity;

    return capacity < 9 ? 8 : 1u << (32 - __builtin_clz(capacity - 1));
}

static uint8_t *byte_ahead(const struct mailbox_file *open, uint64_t sequence) {
    return &open->ahead[((uint32_t)sequence & (places(open->mailbox) - 1)) / 8];
}

static bool has_read(const struct mailbox_file *open, uint64_t sequence) {
    if (sequence < open->next || !open->ahead) return sequence < open->next;
    return *byte_ahead(open, sequence) >> (sequence & 7) & 1;
}

/* One has been read, or is lost: so, perhaps, are those behind it. */
static void mark_read(struct mailbox_file *open, uint64_t sequence) {
    if (sequence > open->next) *byte_ahead(open, sequence) |= 1u << (sequence & 7);
    if (sequence != open->next) return;
    open->next++;
    while (open->ahead && has_read(open, open->next)) {
        *byte_ahead(open, open->next) &= ~(1u << (open->next & 7));
        open->next++;
    }
}

/* Gives r a copy of m. */
static int deliver_copy_of(struct native_message *m, struct native_receiver *r,
                           int *error) {
    int result = native_deliver(m, r, error);

    if (result == 0) {
        mark_read(r->open, m->base.sequence);
        r->open->mailbox->channel.received++;
    }
    return result;
}

static void drop(struct message *m) {
    message_take_out(m);
    native_message_discard(native(m));
}

void broadcast_trim(struct mailbox *mb) {
    const struct mailbox_file *open;
    uint64_t next = UINT64_MAX;
    struct message *m;

    if (mb->attributes.receivers != MBOX_BROADCAST) return;
    list_for_each (open, &mb->opens, node)
        if (file_is_readable(open->file)) next = min(next, open->next);
    while ((m = oldest(mb)) && m->sequence < next) drop(m);
}

static void drop_oldest(struct mailbox *mb) {
    struct message *m = oldest(mb);
    struct mailbox_file *open;

    list_for_each (open, &mb->opens, node) mark_read(open, m->sequence);
    drop(m);
    mb->channel.dropped++;
}

int broadcast_send(struct mailbox *mb, struct native_message *m) {
    struct message_channel *c = &mb->channel;
    struct waiter *waiter, *next;
    int error;

    if (m->moves || m->base.until != UNTIL_ACCEPTED) return -EINVAL;
    m->base.channel = c;
    m->base.sending = NULL;
    struct message *kept = native_message_operations.keep(&m->base, &error);
    if (!kept) return error;
    if (c->queued == c->capacity) drop_oldest(mb);
    message_insert(kept, MESSAGE_ACCEPTED);
    message_number(kept);
    list_for_each_safe (waiter, next, &mb->queue.receivers.waiters, node) {
        struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        if (!has_read(r->open, kept->sequence)  // by another one at the same position
            && (!r->base.wants || r->base.wants(&r->base, kept)))
            waiter_wake(waiter, deliver_copy_of(native(kept), r, &error));
    }
    broadcast_trim(mb);
    return 0;
}

static struct message *first_unread(const struct mailbox_file *open,
                                    const struct receiver *r) {
    struct message *m;

    list_for_each (m, &open->mailbox->channel.accepted, age_node)
        if (!has_read(open, m->sequence) && (!r || !r->wants || r->wants(r, m)))
            return m;
    return NULL;
}

bool broadcast_is_there(const struct mailbox_file *open) {
    return first_unread(open, NULL) != NULL;
}

int broadcast_take(struct mailbox_file *open, struct native_receiver *r) {
    int error = 0;

    if (r->moves) return -EINVAL;
    if (r->by_type && !open->ahead) {
        open->ahead = heap_alloc(HEAP_MAILBOX, places(open->mailbox) / 8);
        if (!open->ahead) return -ENOMEM;
    }
    struct message *m = first_unread(open, &r->base);
    int result = m ? deliver_copy_of(native(m), r, &error) : -EAGAIN;
    broadcast_trim(open->mailbox);
    return result;
}
