/* byte_message.c - a message of bytes on its way: from the sender's memory straight
 * into a waiting receiver's, or into the kernel's and later out again.
 *
 * Invariants: one that is kept owns its bytes and is charged to its sender's user.
 * Sleeps: byte_message_send, byte_message_receive.
 * Tests: user/tests/mqueue.c, mq_wait.c, sysv_msg.c, sysv_msg_wait.c.
 */
#include "posix/byte_message.h"

#include "ipc/window.h"
#include "mm/heap.h"

static struct byte_message *bytes_of(struct message *message) {
    return container_of(message, struct byte_message, base);
}

void byte_message_init(struct byte_message *m, uptr_t body, uint32_t length) {
    m->base.type = m->base.priority = 0;
    m->base.length = length;
    m->base.until = UNTIL_ACCEPTED;
    m->sender = current_process()->pid;
    m->body = body;
    m->payer = NULL;
}

static bool wants_any(const struct receiver *receiver, const struct message *message) {
    (void)receiver, (void)message;
    return true;
}

void byte_receiver_init(struct byte_receiver *r, struct message_queue *queue,
                        uptr_t body, uint32_t room) {
    waiter_init(&r->base.waiter, &queue->receivers);
    r->process = current_process();
    r->base.pid = r->process->pid;
    r->base.wants = wants_any;
    r->body = body;
    r->room = room;
    r->cuts = false;
}

static int keep(struct message *message, struct message **out) {
    const struct byte_message *m = bytes_of(message);
    uint32_t size = message->length;

    if (!message_charge(account_current(), size)) return -ENOMEM;
    struct byte_message *kept = heap_alloc(HEAP_MESSAGE, sizeof(*kept) + size);
    int error = kept ? copy_from_user(kept->bytes, m->body, size) : -ENOMEM;
    if (error) {
        heap_free(kept);
        message_release(account_current(), size);
        return error;
    }
    *kept = *m;
    kept->payer = account_current();
    *out = &kept->base;
    return 0;
}

static int accept(struct message *message) {
    (void)message;
    return 0;
}

static void discard(struct message *message) {
    struct byte_message *m = bytes_of(message);

    if (!m->payer) return;
    message_release(m->payer, message->length);
    heap_free(m);
}

/* The sender runs, the receiver sleeps. */
static int hand_over(const struct byte_message *m, struct byte_receiver *r, size_t size,
                     int *error) {
    struct thread *thread = r->base.waiter.thread;
    char *to = (r->body.address & PAGE_MASK) + size <= PAGE_SIZE
                   ? window(thread, WINDOW_BODY_IN, r->body.address, 1)
                   : NULL;

    if (!to) return copy_to_process(r->process, r->body, m->body, size, error);
    *error = copy_from_user(to, m->body, size);
    return *error ? MESSAGE_UNFIT : 0;
}

static int deliver(struct message *message, struct receiver *receiver, int *error) {
    const struct byte_message *m = bytes_of(message);
    struct byte_receiver *r = container_of(receiver, struct byte_receiver, base);
    uint32_t size = message->length;

    if (size > r->room) {
        if (!r->cuts) return -EMSGSIZE;
        size = r->room;
    }
    int result = m->payer ? write_to_process(r->process, r->body, m->bytes, size)
                          : hand_over(m, r, size, error);
    if (result) return result;
    r->type = message->type;
    r->priority = message->priority;
    r->length = size;
    return 0;
}

const struct message_operations byte_message_operations = {
    .keep = keep, .accept = accept, .deliver = deliver, .discard = discard,
};

long byte_message_send(struct message_channel *channel, struct byte_message *m,
                       bool may_wait, nanoseconds_t deadline) {
    struct sending s;
    pid_t receiver;

    waiter_init(&s.waiter, &channel->queue->senders);
    int result = message_post(channel, &m->base, &s, may_wait, &receiver);
    return result == MESSAGE_WAIT ? message_wait(&s, deadline) : result;
}

long byte_message_receive(struct message_queue *queue, struct byte_receiver *r,
                          bool may_wait, nanoseconds_t deadline) {
    int result = message_take(queue, &r->base);

    if (result != -EAGAIN || !may_wait) return result;
    return message_receive_wait(&r->base, deadline);
}
