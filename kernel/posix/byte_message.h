/* byte_message.h - what the queues of POSIX and of System V hold: native messages of
 * which a receiver gets type, priority and body, but no struct msg. The usual case is
 * one step: the longest waiter wants it, and its memory is one known page.
 */
#pragma once

#include "ipc/message.h"

#define DEADLINE_NOW 0ull       /* do not wait at all: -EAGAIN */

/* SLEEPS. What is not usual: it is kept, or has to wait. */
static __attribute__((noinline)) long byte_message_post(struct message_channel *channel,
                                                        const struct message *what,
                                                        uptr_t body,
                                                        nanoseconds_t deadline) {
    struct native_message m;
    struct sending s;

    native_message_init(&m, body.address, what->length);
    m.base.type = what->type;
    m.base.priority = what->priority;
    m.mailbox = UINT32_MAX;     // it does not come over a link
    waiter_init(&s.waiter, &channel->queue->senders);
    long result = message_post(channel, &m.base, deadline == DEADLINE_NOW ? NULL : &s);
    if (result == -EINPROGRESS) result = message_wait(&s, deadline);
    return result == -EDQUOT ? -ENOMEM : min(result, 0l);
}

/* SLEEPS. Sends from the memory of the current process. 0; -ENOMEM: over the user's
 * limit; -EAGAIN, -ETIMEDOUT, -EINTR, -EFAULT. */
static inline must_check long byte_message_send(struct message_channel *channel,
                                                uptr_t body, uint32_t length,
                                                uint32_t type, uint32_t priority,
                                                nanoseconds_t deadline) {
    const struct list *waiters = &channel->queue->receivers.waiters;
    struct waiter *waiter = list_entry(waiters->head.next, struct waiter, node);
    struct native_receiver *r =
        container_of(waiter, struct native_receiver, base.waiter);
    struct message m;
    char *to = NULL;

    m.type = type;
    m.priority = priority;
    m.length = length;
    if (likely(!list_is_empty(waiters)
               && (!r->base.wants || r->base.wants(&r->base, &m)) && length <= r->room
               && (r->body.address & PAGE_MASK) + length <= PAGE_SIZE
               && user_range_ok(body, length)))
        to = window(waiter->thread, WINDOW_BODY_IN, r->body.address, 1);
    if (unlikely(!to)) return byte_message_post(channel, &m, body, deadline);
    if (unlikely(user_copy(to, (const void *)body.address, length))) return -EFAULT;
    r->type = type;
    r->priority = priority;
    r->length = length;
    channel->sequence++;
    channel->received++;
    waiter_wake(waiter, 0);
    return 0;
}
