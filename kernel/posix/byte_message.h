/* byte_message.h - messages of bytes: what the queues of POSIX and of System V hold. */
#pragma once

#include "ipc/message.h"
#include "ipc/window.h"

struct byte_message {
    struct message base;
    pid_t sender;
    uptr_t body;                /* in the running sender's memory, until it is kept */
    struct account *payer;      /* of a kept one; NULL: it is on its sender's stack */
    char bytes[];               /* of a kept one */
};

struct byte_receiver {
    struct receiver base;
    struct process *process;
    uptr_t body;
    uint32_t room;
    bool cuts;                  /* takes the beginning of what is too long */
    int32_t selector;           /* the face's, for base.wants */
    uint32_t type, priority, length;    /* of what it got */
};

/* Too long: -EMSGSIZE, unless it cuts. Over the user's limit: -ENOMEM. */
extern const struct message_operations byte_message_operations;

/* From the memory of the current process. */
static inline void byte_message_init(struct byte_message *m, uptr_t body,
                                     uint32_t length, uint32_t type,
                                     uint32_t priority) {
    m->base.type = type;
    m->base.priority = priority;
    m->base.length = length;
    m->body = body;
}

/* Into the memory of the current process. It takes any message. */
static inline void byte_receiver_init(struct byte_receiver *r,
                                      struct message_queue *queue, uptr_t body,
                                      uint32_t room) {
    struct thread *self = current();

    waiter_init_for(&r->base.waiter, &queue->receivers, self);
    r->process = self->process;
    r->base.pid = self->process->pid;
    r->base.wants = NULL;
    r->body = body;
    r->room = room;
    r->cuts = false;
}

static inline void byte_receiver_tell(struct byte_receiver *r, const struct message *m,
                                      uint32_t size) {
    r->type = m->type;
    r->priority = m->priority;
    r->length = size;
}

/* What is usual: who has waited longest wants it and has room for it in one page, which
 * is known. 0, -EFAULT; -EINPROGRESS: something else. */
static inline int byte_message_hand_over(struct message_channel *channel,
                                         const struct byte_message *m) {
    const struct list *waiters = &channel->queue->receivers.waiters;
    struct waiter *waiter = list_entry(waiters->head.next, struct waiter, node);
    struct byte_receiver *r = container_of(waiter, struct byte_receiver, base.waiter);
    uint32_t size = m->base.length;

    if (unlikely(list_is_empty(waiters)
                 || (r->base.wants && !r->base.wants(&r->base, &m->base))
                 || size > r->room || (r->body.address & PAGE_MASK) + size > PAGE_SIZE
                 || !user_range_ok(m->body, size)))
        return -EINPROGRESS;
    char *to = window(waiter->thread, WINDOW_BODY_IN, r->body.address, 1);
    if (unlikely(!to)) return -EINPROGRESS;
    if (unlikely(user_copy(to, (const void *)m->body.address, size))) return -EFAULT;
    byte_receiver_tell(r, &m->base, size);
    channel->sequence++;
    channel->received++;
    waiter_wake(waiter, 0);
    return 0;
}

#define DEADLINE_NOW 0ull       /* do not wait at all: -EAGAIN */

/* SLEEPS. Sends in any case. 0 or -errno. */
must_check long byte_message_post(struct message_channel *channel,
                                  struct byte_message *m,
                                  nanoseconds_t deadline) SLEEPS;

/* SLEEPS. 0 or -errno. */
static inline must_check long byte_message_receive(struct message_queue *queue,
                                                   struct byte_receiver *r,
                                                   nanoseconds_t deadline) {
    long result = -EAGAIN;

    if (!list_is_empty(&queue->messages) || !list_is_empty(&queue->pending))
        result = message_take(queue, &r->base);
    if (result != -EAGAIN || deadline == DEADLINE_NOW) return result;
    return wait_sleep_waiter(&r->base.waiter, deadline);    // a capacity is never 0
}

void byte_messages_count(void);                 /* for kcheck */
