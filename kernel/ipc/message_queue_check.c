/* message_queue_check.c - for kcheck: what must hold of every queue and channel. */
#include "core/check.h"
#include "ipc/message_queue.h"

/* Nobody pends before it, not even a withdrawn message: whose sender will refill. */
static bool is_next(const struct message *m) {
    const struct message *other;

    list_for_each (other, &m->channel->queue->pending, node)
        if (other->channel == m->channel) return other == m && !message_is_withdrawn(m);
    return false;
}

/* What is wrong with the messages of a list, which are pending or not; or NULL. */
static const char *fault_of(const struct message_queue *q, const struct list *list,
                            bool pending) {
    const struct message *m;
    uint32_t priority = UINT32_MAX;

    if (!list_is_consistent(list)) return "a broken list";
    list_for_each (m, list, node) {
        bool is_kept = m->place == MESSAGE_ACCEPTED;
        if (m->channel->queue != q) return "a message of another queue";
        if (pending ? m->place != MESSAGE_PENDING
                    : !is_kept && m->place != MESSAGE_OFFERED)
            return "a message in the wrong place";
        if (!is_kept && !m->sending) return "a message without a sender";
        if (!pending && m->priority > priority) return "a message out of order";
        priority = m->priority;
        if (pending && is_next(m) && message_fits(m->channel, m->length))
            return "a sender left waiting though there is room";
    }
    return NULL;
}

void message_queue_check(const struct message_queue *q, uint32_t besides) {
    const char *fault = fault_of(q, &q->messages, false);
    const struct waiter *waiter;

    if (!fault) fault = fault_of(q, &q->pending, true);
    check_that(!fault, "%s", fault);
    check_counted(q, "messages there", q->nr_there,
                  list_length(&q->messages) + list_length(&q->pending) + besides);
    list_for_each (waiter, &q->receivers.waiters, node) {
        const struct receiver *r = container_of(waiter, struct receiver, waiter);
        check_that(!message_is_there((struct message_queue *)q, r),
                   "a receiver left waiting though there is a message");
    }
}

void message_channel_check(const struct message_channel *c) {
    uint32_t queued = 0, bytes = 0, pending = 0;
    uint64_t sequence = 0;
    const struct message *m;

    list_for_each (m, &c->accepted, age_node) {
        queued++;
        bytes += m->length;
        check_that(m->channel == c && m->sequence > sequence
                       && m->sequence <= c->sequence,
                   "a message out of sequence");
        sequence = m->sequence;
    }
    list_for_each (m, &c->queue->pending, node) pending += m->channel == c;
    check_counted(c, "messages", c->queued, queued);
    check_counted(c, "bytes", c->bytes, bytes);
    check_counted(c, "messages pending", c->nr_pending, pending);
}
