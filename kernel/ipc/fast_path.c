/* fast_path.c - call and reply between two processes that wait for each other.
 *
 *      client                               server
 *      msg_call  ------ up to a page ---->  returns from msg_reply_receive
 *      returns   <----- up to a page -----  msg_reply_receive
 *
 * One step each way: the message goes from one process's memory into the other's, the
 * CPU goes with it, and nobody passes the run queue. It does exactly what call.c does
 * when nothing is unusual; whatever is, every test below that fails, is call.c's.
 * The number behind a test is its price in instructions.
 *
 * A thread that calls or answers uses the same buffers again and again, so everything
 * that depends only on their addresses is kept, in its exchange: where they are in the
 * kernel's memory, and a call and a receiver that are filled in but for what changes.
 *
 * Sleeps: fast_call, fast_reply_receive.
 * Tests: those of call.c; user/bench/messages.c.
 * See: IPC.md 2.15.
 */
#include "ipc/link.h"

#include "mm/heap.h"
#include "sched/scheduler.h"

#define WIDE_MIN 512u           /* from here on fpu_copy is cheaper */

struct exchange {
    vaddr_t sent, received;     /* the two struct msg that all this is about */
    uint64_t version;           /* of the space then; 0: of no use */
    const volatile struct user_message *sent_seen;  /* `sent` in the kernel's memory */
    vaddr_t body;               /* of what is sent */
    const char *body_seen;
    uint32_t body_max;          /* what there can be of it in its page */
    struct call call;           /* and call.answer: what this thread receives with */
};

/* -- Preparing --------------------------------------------------------------------- */

static bool prepare_sent(struct thread *t, struct exchange *x, vaddr_t sent) {
    x->sent_seen = (void *)window(t, WINDOW_SENT, sent, sizeof(struct user_message));
    if (!x->sent_seen) return false;
    x->sent = sent;
    x->body = x->sent_seen->body.address;
    x->body_seen = window(t, WINDOW_BODY_OUT, x->body, 1);
    x->body_max = PAGE_SIZE - (x->body & PAGE_MASK);
    return x->body_seen;
}

/* Makes the exchange fit the buffers. False: they are unusual, or there is no
 * memory. */
static __attribute__((noinline)) bool prepare(struct thread *t, vaddr_t sent,
                                              vaddr_t received) {
    struct exchange *x = t->exchange;

    if (!x && !(x = t->exchange = heap_new(HEAP_CALL, struct exchange))) return false;
    x->version = 0;
    // what is written to first: that may copy a page which what is sent lies in, too
    struct native_receiver *r = &x->call.answer;
    if (native_receiver_init(r, uptr(received), 0, NULL) || !r->fast
        || !prepare_sent(t, x, sent))
        return false;
    x->received = received;
    x->call.pid = r->base.pid;
    waiter_init(&x->call.sending.waiter, &callers);
    x->version = r->version = t->space->version;
    return true;
}

/* The exchange for these buffers; NULL: call.c has to do it. */
static inline struct exchange *exchange_for(struct thread *t, uptr_t sent,
                                            uptr_t received) {
    struct exchange *x = t->exchange;

    if (unlikely(!x || x->sent != sent.address || x->received != received.address // 6
                 || x->version != t->space->version                               // 4
                 || x->sent_seen->body.address != x->body)) {                     // 4
        if (!prepare(t, sent.address, received.address)) return NULL;
        x = t->exchange;
    }
    struct native_receiver *r = &x->call.answer;
    const volatile struct user_message *u = r->message_seen;
    if (unlikely(u->body.address != r->body.address))                             // 3
        return NULL;
    r->room = u->room;
    r->fds = u->fds;
    return x;
}

void exchange_free(struct thread *t) {
    heap_free(t->exchange);
    t->exchange = NULL;
}

/* -- Delivery ---------------------------------------------------------------------- */

/* What a message says, read once from memory that may change under us. */
struct letter {
    uint32_t type, priority, length;
};

static inline bool read_letter(const struct exchange *x, struct letter *letter) {
    const volatile struct user_message *u = x->sent_seen;

    letter->type = u->type;
    letter->priority = u->priority;
    letter->length = u->length;
    return likely(letter->priority <= MSG_PRIORITY_MAX                            // 2
                  && letter->type != MSG_NOTIFICATION                             // 2
                  && letter->length <= x->body_max && !u->nfds);                  // 4
}

/* The receiver's memory is in one page and where it was when it went to sleep, and the
 * message fits. */
static inline bool can_take(const struct native_receiver *r, uint32_t length) {
    return likely(length < r->fast && length <= r->room                           // 4
                  && r->version == r->process->space->version);                   // 6
}

static inline void deliver(struct native_receiver *r, const struct exchange *x,
                           const struct letter *letter, pid_t sender, pid_t caller,
                           uint64_t sequence) {
    struct user_message *u = r->message_seen;
    const char *from = x->body_seen;
    char *to = r->body_seen;
    uint32_t rest = letter->length;

    if (unlikely(rest >= WIDE_MIN)) {
        uint32_t wide = rest & ~(FPU_COPY - 1);
        fpu_copy(to, from, wide);
        to += wide;
        from += wide;
        rest -= wide;
    }
    uint32_t words = rest >> 2;
    rest &= 3;
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    while (unlikely(rest--))
        *to++ = *from++;
    u->type = letter->type;
    u->priority = letter->priority;
    u->sender = r->sender = sender;
    u->caller = caller;
    u->receiver = r->base.pid;
    u->mailbox = 0;
    u->sequence = sequence;
    u->length = letter->length;
    u->nfds = 0;
    u->bits = 0;
}

/* -- Call and reply ---------------------------------------------------------------- */

/* The server's thread that has waited longest; NULL: none waits. */
static inline struct native_receiver *idle_server(const struct endpoint *e) {
    struct list_node *first = e->inbox.receivers.waiters.head.next;

    return first == &e->inbox.receivers.waiters.head                              // 3
               ? NULL
               : container_of(first, struct native_receiver, base.waiter.node);
}

bool fast_call(pid_t to, uptr_t request, uptr_t reply, long *result) {
    struct thread *t = current();
    const struct process *self = t->process;
    struct link_end *end = self->endpoint ? self->endpoint->called : NULL;
    struct letter letter;

    if (unlikely(!end || end->pid != to || !end->link->is_open || end->refuses))  // 10
        return false;
    struct endpoint *server = end->endpoint;
    if (unlikely(self->credentials.euid != server->process->credentials.uid))     // 3
        return false;
    struct native_receiver *r = idle_server(server);
    if (unlikely(!r)) return false;
    struct thread *next = r->base.waiter.thread;
    struct exchange *x = exchange_for(t, request, reply);
    // who is lent no more than the ordinary changes nothing
    if (unlikely(!x || t->attention || t->priority > PRIORITY_NORMAL              // 6
                 || t->priority > next->priority                                  // 3
                 || !read_letter(x, &letter) || !can_take(r, letter.length)))
        return false;

    /* --- commit: nothing below fails --- */
    struct call *call = &x->call;
    call->sequence = ++end->in.sequence;
    end->in.received++;
    deliver(r, x, &letter, call->pid, call->pid, call->sequence);
    list_remove(&r->base.waiter.node);
    call->server = server;
    call->received = true;
    list_push_back(&server->calls, &call->node);
    t->call = call;
    long ended = wait_hand_over(&call->sending.waiter, next);
    t->call = NULL;
    if (unlikely(ended || call->server)) ended = call_finish(call, ended);
    *result = ended;
    return true;
}

bool fast_reply_receive(pid_t caller, uptr_t reply, uptr_t next, long *result) {
    struct thread *t = current();
    struct endpoint *e = t->process->endpoint;
    struct letter letter;

    if (unlikely(!e || list_is_empty(&e->calls)))                                 // 5
        return false;
    struct call *call = list_entry(e->calls.head.next, struct call, node);
    struct thread *to = call->sending.waiter.thread;
    if (unlikely(call->pid != caller || !call->received                           // 4
                 || to->state != THREAD_BLOCKED || t->attention                   // 4
                 || t->process->lent_priority || to->priority > t->priority       // 5
                 || !list_is_empty(&e->inbox.messages)                            // 3
                 || !list_is_empty(&e->inbox.pending)                             // 3
                 || !list_is_empty(&e->notified)))                                // 3
        return false;
    struct exchange *x = exchange_for(t, reply, next);
    if (unlikely(!x)) return false;
    uint64_t sequence = x->sent_seen->sequence;
    if (unlikely((sequence && sequence != call->sequence)                         // 6
                 || !read_letter(x, &letter)
                 || !can_take(&call->answer, letter.length)))
        return false;

    /* --- commit: nothing below fails --- */
    struct native_receiver *r = &x->call.answer;
    deliver(&call->answer, x, &letter, r->base.pid, 0, call->sequence);
    list_remove(&call->node);
    call->server = NULL;
    list_remove(&call->sending.waiter.node);
    r->base.waiter.queue = &e->inbox.receivers;
    long ended = wait_hand_over(&r->base.waiter, to);
    *result = ended ? ended : r->sender;
    return true;
}
