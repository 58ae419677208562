/* fast_path.c - call and reply between two processes that wait for each other.
 *
 *      client                               server
 *      msg_call  ------ up to a page ---->  returns from msg_reply_receive
 *      returns   <----- up to a page -----  msg_reply_receive
 *
 * One step each way: the message goes from one process's memory into the other's, the
 * CPU goes with it, and nobody passes the run queue (sched/hand_over.h). It does
 * exactly what call.c does when nothing is unusual; whatever is, every test below that
 * fails, is call.c's. The number behind a test is its price in instructions.
 *
 * A thread that calls or answers uses the same buffers again and again, so everything
 * that depends only on their addresses is kept, in its exchange: where they are in the
 * kernel's memory, and a call and a receiver that are filled in but for what changes.
 *
 * Invariants: without ATTENTION_SLOW a thread has an exchange whose addresses are
 * right, the usual priority and affinity, and nobody's priority. Whoever changes one of
 * these sets that bit; prepare() takes it away.
 * Sleeps: fast_call, fast_reply_receive.
 * Tests: user/tests/native_msg_fast.c and those of call.c; user/bench/messages.c.
 * See: IPC.md 2.15.
 */
#include "ipc/fast_path.h"

#include "base/string.h"
#include "ipc/link.h"
#include "sched/hand_over.h"

/* The compiler keeps one base register: what it knows of the value is forgotten. */
#define FORGET(pointer) __asm__("" : "+r"(pointer))

#define NOWHERE  UINT32_MAX     /* no struct msg is there */

struct exchange {
    vaddr_t sent, received;     /* the two struct msg that all this is about */
    const volatile struct user_message *sent_seen;  /* `sent` in the kernel's memory */
    vaddr_t body;               /* of what is sent */
    const char *body_seen;
    uint32_t body_max;          /* what there can be of it in its page */
    struct endpoint *endpoint;  /* the process's */
    struct call call;           /* and call.answer: what this thread receives with */
    struct space_watcher watcher;
};
static_assert(sizeof(struct exchange) <= EXCHANGE_SIZE, "see thread.h");

static inline struct exchange *exchange_of(struct thread *t) {
    return (struct exchange *)t->exchange;
}

static inline struct thread *thread_with(const struct exchange *x) {
    return container_of((const uint8_t(*)[EXCHANGE_SIZE])x, struct thread, exchange);
}

/* -- Preparing --------------------------------------------------------------------- */

static void space_changed(struct space_watcher *watcher) {
    thread_with(container_of(watcher, struct exchange, watcher))->attention |=
        ATTENTION_SLOW;
}

static bool prepare_sent(struct thread *t, struct exchange *x, vaddr_t sent) {
    x->sent_seen = (void *)window(t, WINDOW_SENT, sent, sizeof(struct user_message));
    if (!x->sent_seen) return false;
    x->sent = sent;
    x->body = x->sent_seen->body.address;
    x->body_seen = window(t, WINDOW_BODY_OUT, x->body, 1);
    x->body_max = PAGE_SIZE - (x->body & PAGE_MASK);
    return x->body_seen;
}

/* What is written to comes first: that may copy a page which what is sent lies in,
 * too. */
static bool prepare_buffers(struct thread *t, struct exchange *x, vaddr_t sent,
                            vaddr_t received) {
    struct native_receiver *r = &x->call.answer;

    if (native_receiver_init(r, uptr(received), 0, &x->endpoint->inbox.receivers)
        || !r->message_seen || !r->body_seen)
        return false;
    if (!prepare_sent(t, x, sent)) x->sent = NOWHERE;   // it can still receive
    x->received = received;
    r->late = PAGE_SIZE - (r->body.address & PAGE_MASK) + 1;
    r->version = t->space->version;
    return true;
}

/* Is there a reason not to take the short way to `next`? */
static __attribute__((noinline)) bool is_unusual(const struct thread *next) {
    return next->attention & ~(uint32_t)ATTENTION_BOUND
           || !may_run_on(next, this_cpu());
}

/* Makes the exchange fit the buffers. False: they are unusual, or the thread is. */
static __attribute__((noinline)) bool prepare(struct thread *t, vaddr_t sent,
                                              vaddr_t received) {
    struct exchange *x = exchange_of(t);
    uint32_t others = ATTENTION_SLOW | ATTENTION_BOUND | ATTENTION_FPU;

    if (t->attention & ~others || t->priority != PRIORITY_NORMAL
        || t->process->lent_priority > PRIORITY_NORMAL)
        return false;
    x->endpoint = endpoint_of(t->process);
    exchange_end(t);
    if (!x->endpoint || !prepare_buffers(t, x, sent, received)) return false;
    waiter_init(&x->call.sending.waiter, &callers);
    x->call.pid = t->process->pid;
    x->call.received = true;
    x->watcher.changed = space_changed;
    list_push_back(&t->space->watchers, &x->watcher.node);
    t->attention &= ~(uint32_t)ATTENTION_SLOW;
    return true;
}

void exchange_end(struct thread *t) {
    struct exchange *x = exchange_of(t);

    t->attention |= ATTENTION_SLOW;
    t->call = NULL;
    if (x->watcher.changed) list_remove(&x->watcher.node);
}

struct native_receiver *exchange_receiver(uptr_t sent, uptr_t received) {
    struct thread *t = current();
    struct exchange *x = exchange_of(t);

    // it has to be possible to leave by sysexit
    if (thread_frame(t)->eflags & (EFLAGS_IF | EFLAGS_TF)) return NULL;
    if ((t->attention & ~(uint32_t)(ATTENTION_BOUND | ATTENTION_FPU)
         || x->received != received.address)
        && !prepare(t, sent.address, received.address))
        return NULL;
    return &x->call.answer;
}

static __attribute__((noinline)) bool fits_now(struct thread *t) {
    struct exchange *x = exchange_of(t);
    const struct trap_frame *frame = thread_frame(t);

    if (fpu_is_used(t)) fpu_switch_out(t);
    if (!(t->attention & ~(uint32_t)ATTENTION_BOUND) && x->sent == frame->ecx
        && x->received == frame->edx && x->sent_seen->body.address == x->body)
        return true;
    return prepare(t, frame->ecx, frame->edx) && x->sent != NOWHERE;
}

/* The thread's exchange has the buffers that its frame names. */
static inline bool fits(struct thread *t) {
    const struct trap_frame *frame = thread_frame(t);
    struct exchange *x = exchange_of(t);

    if (unlikely(frame->esi != (uint32_t)FOREVER)) return false;                  // 2
    if (likely(is_zero(&t->attention) && x->sent == frame->ecx                    // 5
               && x->received == frame->edx                                       // 3
               && x->sent_seen->body.address == x->body))                         // 4
        return true;
    return fits_now(t);
}

/* -- Delivery ---------------------------------------------------------------------- */

static inline void copy_body(char *to, const char *from, uint32_t length) {
    if (unlikely(length >= FPU_COPY)) {
        uint32_t wide = length & ~(FPU_COPY - 1);
        fpu_copy(to, from, wide);
        to += wide;
        from += wide;
        length -= wide;
    }
    uint32_t words = length >> 2;
    if (likely((length & 3) == 0)) {
        __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    } else {
        memcpy(to, from, length);
    }
}

/* A message on its way from `x` to `next`, whose receiver waits. What it says is read
 * once: it may change under us. */
struct letter {
    struct exchange *x;
    struct thread *next;
    struct user_message *to;    /* the receiver's, in the kernel's memory */
    uint32_t length, type, priority;
};

/* The message is plain, its receiver an exchange that has room for it where it had when
 * it went to sleep. */
static inline bool letter_read(struct letter *l, struct exchange *x,
                               const struct native_receiver *r) {
    const volatile struct user_message *from = x->sent_seen;

    l->x = x;
    l->to = r->message_seen;
    l->length = from->length;
    if (unlikely(l->length >= r->late)) return false;                             // 2
    if (unlikely(l->length > l->to->room)) return false;                          // 2
    if (unlikely(l->to->body.address != r->body.address)) return false;           // 3
    if (unlikely(l->length > x->body_max)) return false;                          // 2
    if (unlikely(!is_zero((const uint32_t *)&from->nfds))) return false;          // 2
    l->next = thread_with(container_of(r, struct exchange, call.answer));
    FORGET(l->next);
    if (unlikely(!is_zero(&l->next->attention)) && is_unusual(l->next))           // 2
        return false;
    l->type = from->type;
    if (unlikely(l->type == MSG_NOTIFICATION)) return false;                      // 2
    l->priority = from->priority;
    return likely(l->priority <= MSG_PRIORITY_MAX);                               // 2
}

static inline void letter_write_header(const struct letter *l, bool is_call) {
    struct user_message *to = l->to;

    to->type = l->type;
    to->priority = l->priority;
    to->length = l->length;
    to->mailbox = to->nfds = to->bits = 0;
    to->receiver = exchange_of(l->next)->call.pid;
    to->sender = l->x->call.pid;
    to->caller = is_call ? to->sender : 0;
}

static inline void letter_copy_body(const struct letter *l) {
    copy_body(exchange_of(l->next)->call.answer.body_seen, l->x->body_seen, l->length);
}

/* -- Call and reply ---------------------------------------------------------------- */

static bool set_result(long result) {
    thread_frame(current())->eax = (uint32_t)result;
    return true;
}

/* The call's wait has ended, and not by fast_reply_receive. */
static __attribute__((noinline)) bool end_call(void) {
    struct call *call = &exchange_of(current())->call;
    long ended = current()->wait_result;

    return set_result(ended || call->server ? call_finish(call, ended) : 0);
}

bool fast_call(struct thread *t) {
    struct exchange *x = exchange_of(t);
    struct letter l;

    if (!fits(t)) return false;
    struct link_end *end = x->endpoint->called;
    if (unlikely(!end || end->pid != (pid_t)thread_frame(t)->ebx)) return false;  // 5
    struct endpoint *server = end->endpoint;
    if (unlikely(wait_queue_is_empty(&server->inbox.receivers))) return false;    // 3
    struct native_receiver *r = list_entry(server->inbox.receivers.waiters.head.next,
                                           struct native_receiver, base.waiter.node);
    if (!letter_read(&l, x, r)) return false;

    /* --- commit: nothing below fails --- */
    letter_write_header(&l, true);
    count_up(&end->in.received);
    l.to->sequence = x->call.sequence = count_up(&end->in.sequence);
    server = end->endpoint;     // it has had no register
    x->call.server = server;
    list_push_back(&server->calls, &x->call.node);
    t->call = &x->call;
    list_unlink(&exchange_of(l.next)->call.answer.base.waiter.node);
    letter_copy_body(&l);
    struct cpu *cpu = t->cpu;
    hand_over_note(cpu, t, l.next, MSG_CALL);
    hand_over(cpu, t, &x->call.sending.waiter, l.next, x->call.pid);
    return end_call();
}

static __attribute__((noinline)) bool end_receive(void) {
    long ended = current()->wait_result;

    return set_result(ended ? ended : exchange_of(current())->call.answer.sender);
}

/* The answer's sequence is the call's, or 0. */
static inline bool names_call(const struct exchange *x, const struct call *call) {
    uint64_t sequence = x->sent_seen->sequence;

    return likely((uint32_t)sequence == (uint32_t)call->sequence
                  && sequence >> 32 == call->sequence >> 32)
           || sequence == 0;
}

bool fast_reply_receive(struct thread *t) {
    struct exchange *x = exchange_of(t);
    struct letter l;

    if (!fits(t)) return false;
    struct endpoint *e = x->endpoint;
    if (unlikely(!is_zero(&e->inbox.nr_there) || list_is_empty(&e->calls)))       // 5
        return false;
    struct call *call = list_entry(e->calls.head.next, struct call, node);
    if (unlikely(call->pid != (pid_t)thread_frame(t)->ebx)) return false;         // 3
    if (!names_call(x, call)) return false;                                       // 6
    if (!letter_read(&l, x, &call->answer)) return false;

    /* --- commit: nothing below fails --- */
    call = &exchange_of(l.next)->call;
    letter_write_header(&l, false);
    l.to->sequence = call->sequence;
    list_unlink(&call->node);
    call->server = NULL;
    list_push_back(&x->endpoint->inbox.receivers.waiters,
                   &x->call.answer.base.waiter.node);
    letter_copy_body(&l);
    struct cpu *cpu = t->cpu;
    hand_over_note(cpu, t, l.next, MSG_REPLY_RECEIVE);
    hand_over(cpu, t, &x->call.answer.base.waiter, l.next, 0);
    return end_receive();
}
