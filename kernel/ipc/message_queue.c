/* message_queue.c - order, capacity, blocking: all that queues of messages share.
 *
 * Shape: hand-over. Whoever completes a wait does the sleeper's work: it copies the
 * message, takes the waiter off its queue and writes its result. Nobody looks twice.
 *
 * A message's way:
 *
 *      post --> a waiting receiver takes it                         (never queued)
 *        |----> there is room: ACCEPTED, numbered, in the queue
 *        |----> capacity 0: OFFERED, in the queue; its sender waits for a receiver
 *        +----> full: PENDING behind the queue, or the overflow policy decides
 *
 * Invariants:
 *  - No waiting receiver wants any message that is there, pending ones included.
 *  - Nothing is pending in a channel that has room.
 *  - queue->messages goes by falling priority, by arrival within one; pending goes by
 *    arrival.
 *  - A channel's `accepted` has its `queued` accepted messages, by rising sequence.
 *  - message->sending is set as long as somebody's result depends on the message. When
 *    that wait has ended from outside (time-out, signal, kill) but the sender has not
 *    run yet, the message is withdrawn already: nobody can take it.
 * Sleeps: message_wait, message_receive_wait.
 * Wakes: the one whose wait is complete; whoever polls and may find something new.
 * Tests: message_queue_host_test.c, under every schedule; tools/model/queue.pml;
 * user/tests/native_msg_*.c, native_mbox_*.c, mqueue.c, sysv_msg.c.
 */
#include "ipc/message_queue.h"

#include "core/check.h"

void message_queue_init(struct message_queue *q,
                        const struct message_queue_classes *classes) {
    list_init(&q->messages);
    list_init(&q->pending);
    wait_queue_init(&q->receivers, &classes->receivers);
    wait_queue_init(&q->senders, &classes->senders);
    wait_queue_init(&q->can_receive, &classes->can_receive);
    wait_queue_init(&q->can_send, &classes->can_send);
    q->spare = NULL;
}

void message_channel_init(struct message_channel *c, struct message_queue *queue,
                          uint32_t capacity, enum overflow overflow) {
    *c = (struct message_channel){ .queue = queue, .capacity = capacity,
                                   .bytes_max = UINT32_MAX,
                                   .overflow = (uint8_t)overflow };
    list_init(&c->accepted);
}

/* -- The fate of a message --------------------------------------------------------- */

static inline bool wants(const struct receiver *r, const struct message *m) {
    return !r || !r->wants || r->wants(r, m);
}

/* Ends the sender's wait; from here on nobody's result depends on the message. */
static inline void tell_sender(struct message *m, long result) {
    struct sending *s = m->sending;

    m->sending = NULL;
    if (!s) return;
    s->message = NULL;
    waiter_wake(&s->waiter, result);
}

static void drop(struct message *m, long error) {
    message_take_out(m);
    tell_sender(m, error);
    message_discard(m);
}

/* Into the queue with a number; some senders have waited for that. */
static void admit(struct message *m) {
    message_insert(m, MESSAGE_ACCEPTED);
    if (m->until == UNTIL_ACCEPTED) tell_sender(m, 0);
}

static struct message *first_pending(const struct message_channel *c) {
    struct message *m;

    if (likely(c->nr_pending == 0)) return NULL;
    list_for_each (m, &c->queue->pending, node)
        if (m->channel == c && !message_is_withdrawn(m)) return m;
    return NULL;
}

void message_channel_refill(struct message_channel *c) {
    struct message *m;

    while ((m = first_pending(c)) && message_fits(c, m->length)) {
        int error = message_accept(m);
        if (error) {
            drop(m, error);
            continue;
        }
        message_take_out(m);
        admit(m);   // no receiver waits for it: they look at what is pending, too
    }
    if (message_has_room(c)) wait_wake_all(&c->queue->can_send, 0);
}

/* Behind the queue: there is no room. */
static void make_pending(struct message *m) {
    list_push_back(&m->channel->queue->pending, &m->node);
    m->place = MESSAGE_PENDING;
    m->channel->nr_pending++;
    m->channel->queue->nr_there++;
    wait_wake_all(&m->channel->queue->can_receive, 0);
}

void message_channel_set_capacity(struct message_channel *c, uint32_t capacity) {
    struct message *m, *next;

    c->capacity = capacity;
    // what was offered without one is asked for now, like what is pending
    list_for_each_safe (m, next, &c->queue->messages, node)
        if (capacity > 0 && m->channel == c && m->place == MESSAGE_OFFERED) {
            message_take_out(m);
            make_pending(m);
        }
    message_channel_refill(c);
}

/* -- Delivery ---------------------------------------------------------------------- */

/* Gives m to r. 0: done; -errno: r cannot take it; MESSAGE_UNFIT and *error. */
static inline int hand_to(struct message *m, struct receiver *r, int *error) {
    struct message_channel *c = m->channel;
    bool is_new = m->place != MESSAGE_ACCEPTED;

    if (is_new) m->sequence = c->sequence + 1;
    int result = message_deliver(m, r, error);
    if (result == 0) {
        c->sequence += is_new;
        c->received++;
    }
    return result;
}

/* Offers m to those who wait: the pid of who has it; -EAGAIN: nobody; else its sender's
 * error. */
static inline int hand_over(struct message *m) {
    struct message_queue *q = m->channel->queue;
    struct waiter *waiter, *next;

    list_for_each_safe (waiter, next, &q->receivers.waiters, node) {
        struct receiver *r = container_of(waiter, struct receiver, waiter);
        int error = 0;
        if (!wants(r, m)) continue;
        int result = hand_to(m, r, &error);
        if (result == MESSAGE_UNFIT) return error;
        waiter_wake(waiter, result);
        if (result == 0) return r->pid;
    }
    return -EAGAIN;
}

static inline struct message *first_in(struct list *list, const struct receiver *r) {
    struct message *m;

    list_for_each (m, list, node)
        if (!message_is_withdrawn(m) && wants(r, m)) return m;
    return NULL;
}

/* A sender in a full channel is asked last. */
struct message *message_find(struct message_queue *q, const struct receiver *r) {
    struct message *m = first_in(&q->messages, r);

    return m ? m : first_in(&q->pending, r);
}

int message_take(struct message_queue *q, struct receiver *r) {
    struct message *m;

    while ((m = message_find(q, r))) {
        struct message_channel *c = m->channel;
        int error = 0, result = hand_to(m, r, &error);
        if (result < 0) return result;
        if (result == MESSAGE_UNFIT) {
            drop(m, error);
        } else {
            message_take_out(m);
            if (m->until != UNTIL_ANSWERED)
                tell_sender(m, m->until == UNTIL_RECEIVED ? r->pid : 0);
            else if (m->sending)
                m->sending->message = NULL; // it goes on waiting for the answer
            message_discard(m);
        }
        if (unlikely(c->nr_pending || !wait_queue_is_empty(&q->can_send)))
            message_channel_refill(c);
        if (result == 0) return 0;
    }
    return -EAGAIN;
}

/* -- Sending ----------------------------------------------------------------------- */

bool message_has_room(const struct message_channel *c) {
    if (c->overflow != OVERFLOW_BLOCK) return true;
    return c->capacity > 0 ? message_fits(c, 0) && !first_pending(c)
                           : !wait_queue_is_empty(&c->queue->receivers);
}

int message_post(struct message_channel *c, struct message *m, struct sending *s) {
    m->channel = c;
    if (s) s->message = NULL;
    int error = hand_over(m);
    if (error != -EAGAIN)
        return error > 0 && m->until == UNTIL_ANSWERED ? -EINPROGRESS : error;
    bool fits = message_fits(c, m->length) && !first_pending(c);
    if (!fits && c->overflow == OVERFLOW_REJECT) return -ENOBUFS;
    if (!fits && c->overflow == OVERFLOW_DROP_NEWEST) {
        c->sequence++;
        c->dropped++;
        return m->until == UNTIL_ACCEPTED ? 0 : -ENOBUFS;
    }
    bool is_accepted = fits || c->overflow == OVERFLOW_DROP_OLDEST;
    bool waits = !is_accepted || m->until != UNTIL_ACCEPTED;
    if (waits && !s) return -EAGAIN;
    struct message *kept = message_keep(m, &error);
    if (!kept) return error;
    if (is_accepted && (error = message_accept(kept))) {
        message_discard(kept);
        return error;
    }
    if (is_accepted && !fits) {
        drop(list_entry(c->accepted.head.next, struct message, age_node), -ENOBUFS);
        c->dropped++;
    }
    if (waits) {
        kept->sending = s;
        s->message = kept;
    }
    if (is_accepted) admit(kept);
    else if (c->capacity == 0 && !first_pending(c))
        message_insert(kept, MESSAGE_OFFERED);
    else make_pending(kept);
    return waits ? -EINPROGRESS : 0;
}

void message_cancel(struct message *m, long error) {
    struct message_channel *c = m->channel;

    drop(m, error);
    message_channel_refill(c);
}

void message_withdraw(struct sending *s) {
    struct message *m = s->message;

    if (!m) return;
    s->message = NULL;
    m->sending = NULL;
    message_cancel(m, 0);
}

long message_wait(struct sending *s, nanoseconds_t deadline) {
    long result = wait_sleep_past_stops(&s->waiter, deadline);

    message_withdraw(s);
    return result;
}

/* -- The end ----------------------------------------------------------------------- */

void message_discard_all(struct message_queue *q, struct message_channel *only,
                         long error) {
    struct message *m, *next;

    list_for_each_safe (m, next, &q->messages, node)
        if (!only || m->channel == only) drop(m, error);
    list_for_each_safe (m, next, &q->pending, node)
        if (!only || m->channel == only) drop(m, error);
    wait_wake_all(&q->can_send, 0);
    if (only) return;
    wait_wake_all(&q->receivers, error);
    wait_wake_all(&q->can_receive, 0);
}

/* -- Checking ---------------------------------------------------------------------- */

/* A message of the queue is where it may be: its sender waits if it has to. */
static void message_check(const struct message *m, const struct message_queue *q,
                          bool pending) {
    bool is_accepted = m->place == MESSAGE_ACCEPTED;

    check_that(m->channel->queue == q, "a message of another queue");
    check_that(pending ? m->place == MESSAGE_PENDING
                       : is_accepted || m->place == MESSAGE_OFFERED,
               "a message in the wrong place");
    check_that(is_accepted || m->sending, "a message without a sender");
}

void message_queue_check(const struct message_queue *q, uint32_t besides) {
    const struct waiter *waiter;
    const struct message *m;
    uint32_t priority = UINT32_MAX;

    if (!check_list(&q->messages) || !check_list(&q->pending)) return;
    list_for_each (m, &q->messages, node) {
        message_check(m, q, false);
        check_that(m->priority <= priority, "a message out of order");
        priority = m->priority;
    }
    list_for_each (m, &q->pending, node) message_check(m, q, true);
    check_counted(q, "messages there", q->nr_there,
                  list_length(&q->messages) + list_length(&q->pending) + besides);
    list_for_each (waiter, &q->receivers.waiters, node)
        check_that(!message_find((struct message_queue *)q,
                                 container_of(waiter, struct receiver, waiter)),
                   "a receiver left waiting though there is a message");
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
    list_for_each (m, &c->queue->pending, node) {
        if (m->channel != c) continue;
        // the sender of one that is withdrawn will refill
        check_that(pending++ || message_is_withdrawn(m) || !message_fits(c, m->length),
                   "a sender left waiting though there is room");
    }
    check_counted(c, "messages", c->queued, queued);
    check_counted(c, "bytes", c->bytes, bytes);
    check_counted(c, "messages pending", c->nr_pending, pending);
}
