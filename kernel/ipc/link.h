/* link.h - direct naming: processes name each other. IPC.md 2 and 3.
 *
 *      process A                       link A-B                    process B
 *      endpoint                  ends[0]       ends[1]             endpoint
 *        inbox  <--- channel ---- in             in --- channel --->  inbox
 *
 * Every process that talks has an endpoint; all its links lead into its one inbox, so
 * that receiving from anyone is receiving from a queue.
 */
#pragma once

#include "ipc/message.h"

struct endpoint {
    struct process *process;
    bool open_to_all;           /* msg_accept(MSG_ANYONE) */
    struct message_queue inbox;
    struct link_end *called;    /* an open link's end that this process may send to: the
                                   last one it did; NULL when that may have changed */
    struct list links;          /* struct link_end, by node */
    uint32_t nr_links;          /* the open ones */
    struct list notified;       /* struct link_end with bits, first bit first */
    struct list calls;          /* struct call: queued for or received by this process;
                                   the received ones last, in order of receipt */
};

/* Which of the last 64 sequence numbers something holds for. */
struct marks {
    uint64_t last;              /* the highest that was marked */
    uint64_t bits;              /* bit n: last - n is marked */
};

struct link_end {               /* one side's view */
    struct link *link;          /* [const] */
    struct link_end *other;     /* [const] of a link to oneself: this one */
    struct endpoint *endpoint;  /* NULL: that process has ended */
    pid_t pid;                  /* [const] */
    struct list_node node;      /* endpoint->links */
    struct message_channel in;  /* what this side receives */
    bool refuses;
    uint32_t bits;              /* notification for this side */
    struct list_node notified_node;
    struct marks plain;         /* what was received here and is no call */
    struct marks given_up;      /* calls received here whose callers no longer wait */
};

struct link {
    bool is_open;               /* false after link_close: only sequence numbers and the
                                   other side's settings live on */
    struct link_end ends[2];    /* a link to oneself uses ends[0] only */
};

/* A thread's wait for an answer, on its stack. */
struct call {
    struct list_node node;      /* server->calls */
    struct sending sending;     /* its waiter sleeps on `callers` */
    struct native_receiver answer;  /* where the answer goes */
    pid_t pid;                  /* the caller */
    struct endpoint *server;    /* NULL: it has ended, and so has the wait */
    struct native_message *request; /* kept and not yet received, or NULL */
    struct endpoint *forwarder;     /* to whom it goes back if its kept request is lost
                                   before it is accepted; NULL */
    uint64_t sequence;          /* the server's name for it; 0: never received */
};

extern struct wait_queue callers;       /* where all sleep who wait for answers */

/* -- Links (link.c) ---------------------------------------------------------------- */

/* The endpoint of a living process, made when it has none. NULL without memory. */
must_check struct endpoint *endpoint_of(struct process *process);

/* The end of a process: partners that wait for it get ESRCH. */
void endpoint_exit(struct process *process);

/* The current process's end of its link with another; NULL: there is none. */
struct link_end *link_with(pid_t pid);

/* The same of an open link, made when there is none. -EDQUOT, -ENOMEM. */
must_check int link_get(struct process *partner, struct link_end **end);

/* Where `pid` receives, if `self` has sent to it last and nothing has changed: then
 * there is nothing to be looked up. Else NULL. */
static inline struct link_end *link_end_known(const struct process *self, pid_t pid) {
    struct link_end *end = self->endpoint ? self->endpoint->called : NULL;

    return likely(end && end->pid == pid) ? end : NULL;
}

/* Where `pid` receives what the current process may send it; opens a link where there
 * is none. -ESRCH, -EPERM, -EDQUOT, -ENOMEM. */
must_check int link_to(pid_t pid, struct link_end **end);

/* Frees a link when nothing can come through it any more. */
void link_settle(struct link *link);

/* The process's ids, or what it accepts, have changed, or a link has closed: whom it
 * sends to, and who sends to it, is looked up again. */
void links_forget_rights(struct process *process);

/* Would a wait of `self` for ever for `pid` close a circle of single-threaded
 * processes? */
bool wait_closes_circle(const struct process *self, pid_t pid);

/* -- Messages and calls (call.c) --------------------------------------------------- */

/* From message.c: a request is kept, so its call waits for whom it is for; it will
 * never be received. */
void call_message_kept(struct call *call, struct native_message *kept);
void call_message_lost(struct call *call);

/* The wait of the running thread for an answer has ended with `result`; the result of
 * msg_call. */
long call_finish(struct call *call, long result);

/* The calls of `pid`, or 0: of all, that the server has received end without an
 * answer. */
void calls_end(struct endpoint *server, pid_t pid, long result);

/* The thread runs at another priority: so may those who are to answer its call. */
void call_priority_changed(struct thread *thread);
