/* byte_message.h - messages of bytes: what the queues of POSIX and of System V hold. */
#pragma once

#include "ipc/message.h"

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

/* From, and to, the current process. The receiver takes any message. */
void byte_message_init(struct byte_message *m, uptr_t body, uint32_t length);
void byte_receiver_init(struct byte_receiver *r, struct message_queue *queue,
                        uptr_t body, uint32_t room);

/* SLEEPS. 0, or -errno: with -EAGAIN it would have had to wait. */
must_check long byte_message_send(struct message_channel *channel,
                                  struct byte_message *m, bool may_wait,
                                  nanoseconds_t deadline) SLEEPS;
must_check long byte_message_receive(struct message_queue *queue,
                                     struct byte_receiver *r, bool may_wait,
                                     nanoseconds_t deadline) SLEEPS;
