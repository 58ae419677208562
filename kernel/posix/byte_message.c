/* byte_message.c - a message of bytes on its way: from the sender's memory straight
 * into a waiting receiver's, or into the kernel's and later out again.
 *
 * Invariants: one that is kept owns its bytes and is charged to its sender's user.
 * Sleeps: byte_message_send, byte_message_receive.
 * Tests: user/tests/mqueue.c, mq_wait.c, sysv_msg.c, sysv_msg_wait.c.
 */
#include "posix/byte_message.h"

#include "mm/heap.h"

static struct byte_message *bytes_of(struct message *message) {
    return container_of(message, struct byte_message, base);
}

static struct message *keep(struct message *message, int *error) {
    const struct byte_message *m = bytes_of(message);
    uint32_t size = message->length;

    *error = -ENOMEM;
    if (!message_charge(account_current(), size)) return NULL;
    struct byte_message *kept = heap_alloc_raw(HEAP_BYTE_MESSAGE, sizeof(*kept) + size);
    if (kept) *error = copy_from_user(kept->bytes, m->body, size);
    if (*error) {
        heap_free(kept);
        message_release(account_current(), size);
        return NULL;
    }
    *kept = *m;
    kept->payer = account_current();
    return &kept->base;
}

static void discard(struct message *message) {
    struct byte_message *m = bytes_of(message);

    if (!m->payer) return;
    message_release(m->payer, message->length);
    heap_free(m);
}

static int deliver(struct message *message, struct receiver *receiver, int *error) {
    const struct byte_message *m = bytes_of(message);
    struct byte_receiver *r = container_of(receiver, struct byte_receiver, base);
    uint32_t size = message->length;

    if (size > r->room) {
        if (!r->cuts) return -EMSGSIZE;
        size = r->room;
    }
    int result = m->payer ? space_write(r->process->space, r->body, m->bytes, size)
                          : copy_to_process(r->process, r->body, m->body, size, error);
    if (result == 0) byte_receiver_tell(r, message, size);
    return result;
}

const struct message_operations byte_message_operations = {
    .keep = keep, .deliver = deliver, .discard = discard,
};

long byte_message_post(struct message_channel *channel, struct byte_message *m,
                       nanoseconds_t deadline) {
    struct sending s;

    m->base.until = UNTIL_ACCEPTED;
    m->base.tells_accept = false;
    m->sender = current_process()->pid;
    m->payer = NULL;
    waiter_init(&s.waiter, &channel->queue->senders);
    int result = message_post(channel, &m->base, deadline == DEADLINE_NOW ? NULL : &s);
    return result == -EINPROGRESS ? message_wait(&s, deadline) : min(result, 0);
}

void byte_messages_count(void) {
    const struct byte_message *m;

    heap_for_each(m, HEAP_BYTE_MESSAGE) message_found(m->payer, m->base.length);
}
