/* fast_path.h - the short way of messages, when nothing is unusual.
 *
 * Programs use the same struct msg again and again, so a thread keeps in its exchange
 * what depends only on their addresses: where they are in the kernel's memory, and
 * receivers that are filled in but for what changes. A short plain message goes from
 * there to a receiver that is one of those. The short ways (here: of calls and turns;
 * mailbox_calls.c; link.c) do exactly what the general ones do; whatever is
 * unusual fails a test and is left to those. The number behind a test is its price in
 * instructions.
 *
 * Invariants: sent_seen and what follows from it are right as long as it is not NULL,
 * a receiver's as long as its `fast` is not 0; without ATTENTION_SLOW all are, for the
 * two addresses, and the thread has the usual priority, nobody's. Whoever changes one
 * of these says so there.
 */
#pragma once

#include "ipc/link.h"

enum { FAST_CALLS = 1025, MSG_RECEIVE = 1025, MSG_CALL = 1026,
       MSG_REPLY_RECEIVE = 1028 };              /* as in syscall.def */

struct exchange {
    vaddr_t sent;               /* the struct msg that was sent last */
    const volatile struct user_message *sent_seen;  /* where the kernel sees it; NULL */
    vaddr_t body;               /* of what is sent */
    const char *body_seen;
    uint32_t body_max;          /* what there can be of it in its page */
    struct endpoint *endpoint;  /* the process's */
    struct call call;           /* and call.answer: that takes calls, too */
    struct native_receiver in;  /* waits at one channel, of a link or mailbox */
    struct space_watcher watcher;
};
static_assert(sizeof(struct exchange) <= EXCHANGE_SIZE, "see thread.h");

static inline struct exchange *exchange_of(struct thread *t) {
    return (struct exchange *)t->exchange;
}

static inline struct thread *exchange_thread(const struct exchange *x) {
    return container_of((const uint8_t(*)[EXCHANGE_SIZE])x, struct thread, exchange);
}

void exchange_end(struct thread *thread);   /* it ends, or leaves its address space */

/* Looks up what is sent, or where `in` receives. False: it lies unusually. */
must_check bool exchange_sends(struct thread *t, vaddr_t sent);
must_check bool exchange_receives(struct thread *t, uptr_t received);

/* A receiver for the running thread's wait for ever in msg_reply_receive, or in
 * msg_receive without flags, with the buffers that this has: one that the short ways
 * find. NULL: they are unusual. */
struct native_receiver *exchange_receiver(void);

/* -- A message on its way ---------------------------------------------------------- */

/* What it says, read once: the sender's memory may change under us. */
struct letter {
    uint32_t type, priority, length;
    struct user_message *to;    /* the receiver's, in the kernel's memory */
};

/* All but the length, which has been read. False: it is not plain, or not in one
 * page. */
static inline bool letter_read(struct letter *l, const struct exchange *x) {
    const volatile struct user_message *from = x->sent_seen;

    if (unlikely(l->length > x->body_max)) return false;                          // 2
    if (unlikely(!is_zero((const uint32_t *)&from->nfds))) return false;          // 2
    l->type = from->type;
    if (unlikely(l->type == MSG_NOTIFICATION)) return false;                      // 2
    l->priority = from->priority;
    return likely(l->priority <= MSG_PRIORITY_MAX);                               // 2
}

/* It is shorter than the limit of r, an exchange's (`fast`, `fast_calls`), and fits the
 * room. */
static inline bool letter_fits(struct letter *l, const struct native_receiver *r,
                               uint32_t limit, const uint32_t *room) {
    if (unlikely(l->length >= limit)) return false;                               // 2
    l->to = r->message_seen;
    return likely(l->length <= *room);                                            // 2
}

/* Its header, but for the sequence. A pointer: a register is needed later only. */
static inline void letter_write(const struct letter *l, const struct native_receiver *r,
                                const pid_t *sender, bool is_call, uint32_t mailbox) {
    struct user_message *to = l->to;

    to->type = l->type;
    to->priority = l->priority;
    to->length = l->length;
    to->nfds = to->bits = 0;
    to->mailbox = mailbox;
    to->receiver = r->base.pid;
    to->sender = *sender;
    to->caller = is_call ? *sender : 0;
}

/* -- Where calls come in ----------------------------------------------------------- */

bool fast_call(struct thread *t) SLEEPS;
bool fast_reply_receive(struct thread *t) SLEEPS;
bool fast_receive(struct thread *t) SLEEPS;

/* SLEEPS. The running thread's system call, which came by sysenter: true when it is
 * done, with its result in the frame; false: nothing was done, it is not as usual, and
 * *cpu is the CPU it runs on. */
static inline bool fast_path(struct thread *t, struct cpu **cpu) {
    uint32_t number = thread_frame(t)->eax;
    bool is_done;

    if (number == MSG_CALL) is_done = fast_call(t);
    else if (number == MSG_REPLY_RECEIVE) is_done = fast_reply_receive(t);
    else if (number == MSG_RECEIVE) is_done = fast_receive(t);
    else return false;          // another call: *cpu needs no second look
    *cpu = t->cpu;
    return is_done;
}
