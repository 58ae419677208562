/* message_queue.h - the one queue of messages. Mailboxes, the inboxes that links lead
 * into, POSIX queues and System V queues are faces of it; they hold names, rights and
 * layouts, this holds order, capacity, blocking and priorities.
 *
 *      message_post -> channel --+
 *                      channel --+--> queue: offered and accepted messages -> receivers
 *                      channel --+           pending: senders that found no room
 *
 * A queue is where receivers look. A channel leads into it and has a capacity, counts
 * and sequence numbers of its own: a mailbox has one, an inbox one for each link.
 */
#pragma once

#include "sched/wait.h"

enum overflow { OVERFLOW_BLOCK, OVERFLOW_REJECT, OVERFLOW_DROP_OLDEST,
                OVERFLOW_DROP_NEWEST };

#define CAPACITY_UNLIMITED UINT32_MAX

enum message_place { MESSAGE_NOWHERE, MESSAGE_OFFERED, MESSAGE_ACCEPTED,
                     MESSAGE_PENDING };

/* What its sender waits for. */
enum message_until { UNTIL_ACCEPTED, UNTIL_RECEIVED, UNTIL_ANSWERED };

/* The part of a message that the queue knows; a face embeds it. */
struct message {
    struct list_node node;      /* queue->messages or queue->pending */
    struct list_node age_node;  /* channel->accepted, oldest first */
    struct message_channel *channel;
    struct sending *sending;    /* whoever waits for its fate; NULL: nobody */
    uint64_t sequence;
    uint32_t type, priority, length;
    uint8_t place;              /* enum message_place */
    uint8_t until;              /* enum message_until */
};

/* A sender that waits, on its own stack. */
struct sending {
    struct waiter waiter;
    struct message *message;    /* NULL: its fate is decided, waiter has the result */
};

/* A receiver, waiting or about to take at once; a face embeds it. */
struct receiver {
    struct waiter waiter;
    pid_t pid;                  /* its process */
    bool (*wants)(const struct receiver *receiver, const struct message *message);
    /* NULL: whatever comes */
};

struct message_queue {
    struct list messages;       /* offered and accepted: by priority, then by arrival */
    struct list pending;        /* found their channel full: by arrival */
    uint32_t nr_there;          /* on these two, and what the face has besides */
    struct wait_queue receivers;    /* struct receiver, longest wait first */
    struct wait_queue senders;      /* struct sending */
    struct wait_queue can_receive, can_send;    /* poll only */
    void *spare;                /* the face's: a message to be used again, or NULL */
};

struct message_channel {
    struct message_queue *queue;
    struct list accepted;       /* by age */
    uint32_t capacity;          /* messages; 0: rendezvous; CAPACITY_UNLIMITED */
    uint32_t bytes_max;         /* System V counts bytes; else UINT32_MAX */
    uint8_t overflow;           /* enum overflow */
    uint32_t queued, bytes;     /* accepted and not received */
    uint32_t nr_pending;
    uint64_t sequence;          /* given last */
    uint64_t received, dropped;
};

/* The names are those of its wait queues. */
struct message_queue_classes {
    struct wait_class receivers, senders, can_receive, can_send;
};

/* Of queues that are the `queue` of an object. */
#define QUEUE_CLASSES(what, describe, type) {                                          \
    { "message in " what, describe, offsetof(type, queue.receivers) },                 \
    { what " with room", describe, offsetof(type, queue.senders) },                    \
    { "message in " what, describe, offsetof(type, queue.can_receive) },               \
    { what " with room", describe, offsetof(type, queue.can_send) } }

void message_queue_init(struct message_queue *queue,
                        const struct message_queue_classes *classes);
void message_channel_init(struct message_channel *channel, struct message_queue *queue,
                          uint32_t capacity, enum overflow overflow);

/* Sends without sleeping; `message` is the running sender's, with zeros for what the
 * queue sets. 0: it is in the queue; a pid: that process has received it; -EINPROGRESS:
 * message_wait(s) has to be called; -EAGAIN where it would be, and s is NULL; -ENOBUFS;
 * what keep, accept or deliver said of the sender. s is on the caller's stack, and
 * waiter_init has made its waiter. */
must_check int message_post(struct message_channel *channel, struct message *message,
                            struct sending *s);

/* SLEEPS until the fate of s's message is decided: 0, or with UNTIL_RECEIVED the pid
 * that received it. A wait that ends otherwise takes the message back: what failed was
 * never sent. */
must_check long message_wait(struct sending *s, nanoseconds_t deadline) SLEEPS;

/* Takes back a message whose sender no longer waits; s has none: nothing. */
void message_withdraw(struct sending *s);

/* Takes a kept message out of its queue; its sender gets `error`. */
void message_cancel(struct message *message, long error);

/* Takes the first message the receiver wants. 0, -EAGAIN: there is none; what deliver
 * said: the message stays first in line. */
must_check int message_take(struct message_queue *queue, struct receiver *receiver);

/* SLEEPS until a sender has handed something over: 0; or -EINTR, -ETIMEDOUT, or the
 * error of whoever ended the wait. Only after message_take found nothing. */
static inline must_check long message_receive_wait(struct receiver *receiver,
                                                   nanoseconds_t deadline) {
    // a rendezvous would not wait now
    wait_wake_all(&container_of(receiver->waiter.queue, struct message_queue, receivers)
                       ->can_send,
                  0);
    return wait_sleep_past_stops(&receiver->waiter, deadline);
}

/* What the receiver (anybody: NULL) would take, or NULL. */
struct message *message_find(struct message_queue *queue,
                             const struct receiver *receiver);

/* Would a send go through at once? */
bool message_has_room(const struct message_channel *channel);

/* Discards all that came through the channel (all channels: NULL); senders that wait
 * get `error`, so do receivers of the whole queue. */
void message_discard_all(struct message_queue *queue, struct message_channel *channel,
                         long error);

/* There is more room in the channel: senders that wait may go on. The same by a larger
 * capacity; with a smaller one what is queued stays. */
void message_channel_refill(struct message_channel *channel);
void message_channel_set_capacity(struct message_channel *channel, uint32_t capacity);

/* -- What is done with messages (message.c, call.c; none sleeps) ------------------- */

/* Makes a message that can stay of one that is its running sender's. NULL and
 * *error. */
must_check struct message *message_keep(struct message *message, int *error);

/* The message leaves its sender for good (pages move now). 0, -errno. */
must_check int message_accept(struct message *message);

/* Writes it into the receiver's memory. 0; -errno: this receiver cannot take it;
 * MESSAGE_UNFIT: nobody can, and *error is its sender's. */
#define MESSAGE_UNFIT 1
must_check int message_deliver(struct message *message, struct receiver *receiver,
                               int *error);

void message_discard(struct message *message);  /* frees a kept one */

/* -- Steps that message_queue.c is made of ----------------------------------------- */

/* Its sender has stopped waiting and will take it back when it runs. */
static inline bool message_is_withdrawn(const struct message *m) {
    return m->sending && !waiter_is_asleep(&m->sending->waiter);
}

static inline bool message_fits(const struct message_channel *c, uint32_t length) {
    return c->queued < c->capacity && length <= c->bytes_max
           && c->bytes <= c->bytes_max - length;
}

/* Out of its list and out of its channel's counts. */
static inline void message_take_out(struct message *m) {
    struct message_channel *c = m->channel;

    if (likely(m->place == MESSAGE_ACCEPTED)) {
        list_remove(&m->age_node);
        c->queued--;
        c->bytes -= m->length;
    } else if (m->place == MESSAGE_PENDING) {
        c->nr_pending--;
    }
    list_remove(&m->node);
    m->channel->queue->nr_there--;
    m->place = MESSAGE_NOWHERE;
}

/* Behind all of its priority and above; one that is accepted has a number, and
 * counts. */
static inline void message_insert(struct message *m, enum message_place place) {
    struct message_channel *c = m->channel;
    struct message_queue *q = c->queue;
    struct list_node *after = q->messages.head.prev;

    while (after != &q->messages.head
           && list_entry(after, struct message, node)->priority < m->priority)
        after = after->prev;
    list_insert_before(after->next, &m->node);
    q->nr_there++;
    m->place = (uint8_t)place;
    wait_wake_all(&q->can_receive, 0);
    if (place != MESSAGE_ACCEPTED) return;
    m->sequence = ++c->sequence;
    c->queued++;
    c->bytes += m->length;
    list_push_back(&c->accepted, &m->age_node);
}

/* For kcheck. besides: what the face has there besides messages. */
void message_queue_check(const struct message_queue *queue, uint32_t besides);
void message_channel_check(const struct message_channel *channel);
