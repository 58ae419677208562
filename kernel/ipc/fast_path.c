/* fast_path.c - call and reply between two processes that wait for each other.
 *
 *      client                               server
 *      msg_call  ------ 64 bytes -------->  returns from msg_reply_receive
 *      returns   <----- 64 bytes ---------  msg_reply_receive
 *
 * One step each way: the message goes from one process's memory into the other's, the
 * CPU goes with it, and nobody passes the run queue. It does exactly what call.c does
 * when nothing is unusual; whatever is, every test below that fails, is call.c's.
 * The number behind a test is its price in instructions.
 *
 * Sleeps: fast_call, fast_reply_receive.
 * Tests: those of call.c; user/bench/messages.c.
 * See: IPC.md 2.15.
 */
#include "ipc/link.h"

#include "mm/account.h"
#include "sched/scheduler.h"

#define FAST_MAX 64u            /* bytes; more are copied by page, in call.c */

/* What a message says, read once from memory that may change under us. */
struct letter {
    uint32_t type, priority, length;
    char *body;
};

/* Reads the struct msg of the running thread. */
static inline bool read_letter(struct thread *t, const volatile struct user_message *u,
                               struct letter *letter)
{
    vaddr_t body = u->body.address;

    letter->type = u->type;
    letter->priority = u->priority;
    letter->length = u->length;
    if (unlikely(letter->priority > MSG_PRIORITY_MAX            // 2
                 || letter->type == MSG_NOTIFICATION            // 2
                 || letter->length > FAST_MAX || u->nfds        // 4
                 || (body & PAGE_MASK) > PAGE_SIZE - FAST_MAX)) // 3: one page
        return false;
    letter->body = window(t, WINDOW_BODY_OUT, body, 1);
    return letter->body;
}

/* The receiver's memory is where it was when it went to sleep, and the message fits. */
static inline bool can_take(const struct native_receiver *r, uint32_t length)
{
    return r->version == r->process->space->version             // 4
           && length <= r->room;                                // 2
}

static inline void copy_exactly(char *to, const char *from, uint32_t size)
{
    uint32_t words = size >> 2, rest = size & 3;

    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    while (unlikely(rest--))
        *to++ = *from++;
}

static inline void deliver(struct native_receiver *r, const struct letter *letter,
                           pid_t sender, pid_t caller, uint64_t sequence)
{
    struct user_message *u = r->message_seen;

    copy_exactly(r->body_seen, letter->body, letter->length);
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

/* The receiver that the running thread will be. False when its memory is not there yet,
 * or not within one page. */
static inline bool make_receiver(struct thread *t, struct native_receiver *r,
                                 uptr_t message)
{
    struct user_message *u =
        (void *)window(t, WINDOW_RECEIVED, message.address, sizeof(*u));

    if (unlikely(!u))
        return false;
    r->body = ((volatile struct user_message *)u)->body;
    r->room = ((volatile struct user_message *)u)->room;
    r->fds = ((volatile struct user_message *)u)->fds;
    if (unlikely((r->body.address & PAGE_MASK) > PAGE_SIZE - FAST_MAX))
        return false;
    r->body_seen = window(t, WINDOW_BODY_IN, r->body.address, 1);
    if (unlikely(!r->body_seen))
        return false;
    r->message = message;
    r->message_seen = u;
    r->version = t->space->version;
    r->process = t->process;
    r->buffer = NULL;
    r->channel = NULL;
    r->by_type = r->moves = r->body_was_null = false;
    r->base.pid = t->process->pid;
    r->base.wants = native_wants;
    return true;
}

static inline void make_waiter(struct waiter *waiter, struct thread *t,
                               struct wait_queue *queue)
{
    waiter->queue = queue;
    waiter->thread = t;
    waiter->shared = false;
    waiter->since = t->switched_in;
}

/* The server's thread that waits for anything from anybody; NULL: none does. */
static inline struct native_receiver *idle_server(const struct endpoint *e)
{
    struct list_node *first = list_first(&e->inbox.receivers.waiters);
    struct native_receiver *r =
        container_of(first, struct native_receiver, base.waiter.node);

    return first && !r->channel && !r->by_type ? r : NULL;      // 6
}

bool fast_call(pid_t to, uptr_t request, uptr_t reply, long *result)
{
    struct thread *t = current();
    const struct process *self = t->process;
    struct link_end *end = self->endpoint ? self->endpoint->called : NULL;
    struct letter letter;
    struct call call;

    if (unlikely(!end || end->pid != to || !end->link->is_open || end->refuses))  // 10
        return false;
    struct endpoint *server = end->endpoint;
    if (unlikely(self->credentials.euid != server->process->credentials.uid))     // 3
        return false;
    struct native_receiver *r = idle_server(server);
    if (unlikely(!r))
        return false;
    struct thread *next = r->base.waiter.thread;
    const void *message =
        window(t, WINDOW_SENT, request.address, sizeof(struct user_message));
    if (unlikely(t->attention || t->priority > next->priority || !message         // 6
                 || !read_letter(t, message, &letter)
                 || !make_receiver(t, &call.answer, reply)
                 || !can_take(r, letter.length)))
        return false;

    /* --- commit: nothing below fails --- */
    call.sequence = ++end->in.sequence;
    end->in.received++;
    deliver(r, &letter, self->pid, self->pid, call.sequence);
    list_remove(&r->base.waiter.node);
    call.pid = self->pid;
    call.server = server;
    call.request = NULL;
    call.forwarding = NULL;
    call.received = true;
    call.sending.message = NULL;
    list_push_back(&server->calls, &call.node);
    make_waiter(&call.sending.waiter, t, &server->callers);
    t->call = &call;
    t->waits_for = to;
    t->waits_for_ever = true;
    long ended = wait_hand_over(&call.sending.waiter, next);
    t->waits_for = 0;
    if (likely(ended == 0 && !call.server)) {
        t->call = NULL;
        *result = 0;
    } else {
        *result = call_finish(&call, ended);
    }
    return true;
}

bool fast_reply_receive(pid_t caller, uptr_t reply, uptr_t next, long *result)
{
    struct thread *t = current();
    struct process *self = t->process;
    struct endpoint *e = self->endpoint;
    struct native_receiver r;
    struct letter letter;

    if (unlikely(!e || list_is_empty(&e->calls)))                                 // 5
        return false;
    struct call *call = list_entry(e->calls.head.next, struct call, node);
    struct thread *to = call->sending.waiter.thread;
    if (unlikely(call->pid != caller || !call->received                           // 4
                 || to->state != THREAD_BLOCKED || t->attention                   // 4
                 || self->lent_priority || to->priority > t->priority             // 5
                 || !list_is_empty(&e->inbox.messages)                            // 3
                 || !list_is_empty(&e->inbox.pending)                             // 3
                 || !list_is_empty(&e->notified)))                                // 3
        return false;
    const volatile struct user_message *message =
        (void *)window(t, WINDOW_SENT, reply.address, sizeof(*message));
    if (unlikely(!message))
        return false;
    uint64_t sequence = message->sequence;
    if (unlikely((sequence && sequence != call->sequence)                         // 6
                 || !read_letter(t, message, &letter) || !make_receiver(t, &r, next)
                 || !can_take(&call->answer, letter.length)))
        return false;

    /* --- commit: nothing below fails --- */
    deliver(&call->answer, &letter, self->pid, 0, call->sequence);
    list_remove(&call->node);
    call->server = NULL;
    list_remove(&call->sending.waiter.node);
    make_waiter(&r.base.waiter, t, &e->inbox.receivers);
    long ended = wait_hand_over(&r.base.waiter, to);
    *result = ended ? ended : r.sender;
    return true;
}
