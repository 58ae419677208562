/* fast_path.c - call and reply between two processes that wait for each other.
 *
 *      client                               server
 *      msg_call  ------ up to a page ---->  returns from msg_reply_receive
 *      returns   <----- up to a page -----  msg_reply_receive
 *
 * (and msg_receive of one that has notified another: at the end of this file)
 *
 * One step each way: the message goes from one process's memory into the other's, the
 * CPU goes with it, and nobody passes the run queue (sched/scheduler.h).
 *
 * Sleeps: fast_call, fast_reply_receive, fast_receive.
 * Tests: user/tests/native_msg_fast.c, native_msg_notify.c and those of call.c;
 * user/bench/messages.c.
 * See: IPC.md 2.15, 3.
 */
#include "ipc/fast_path.h"

#include "sched/scheduler.h"

/* The compiler keeps one base register: what it knows of the value is forgotten. */
#define FORGET(pointer) __asm__("" : "+r"(pointer))

/* -- Preparing --------------------------------------------------------------------- */

static void space_changed(struct space_watcher *watcher) {
    struct exchange *x = container_of(watcher, struct exchange, watcher);

    x->sent_seen = NULL;
    x->in.fast = 0;
    exchange_thread(x)->attention |= ATTENTION_SLOW;
}

/* What was looked up is right from here on, until space_changed. */
static void watch(struct thread *t) {
    struct space_watcher *watcher = &exchange_of(t)->watcher;

    if (watcher->changed) list_remove(&watcher->node);
    watcher->changed = space_changed;
    list_push_back(&t->space->watchers, &watcher->node);
}

void exchange_end(struct thread *t) {
    struct space_watcher *watcher = &exchange_of(t)->watcher;

    if (!watcher->changed) return;
    list_remove(&watcher->node);
    space_changed(watcher);
}

bool exchange_sends(struct thread *t, vaddr_t sent) {
    struct exchange *x = exchange_of(t);
    const volatile struct user_message *seen =
        (void *)window(t, WINDOW_SENT, sent, sizeof(*seen));

    x->sent = sent;
    x->body = seen ? seen->body.address : 0;
    x->body_seen = seen ? window(t, WINDOW_BODY_OUT, x->body, 1) : NULL;
    x->body_max = PAGE_SIZE - (x->body & PAGE_MASK);
    x->sent_seen = x->body_seen ? seen : NULL;
    if (!x->sent_seen) t->attention |= ATTENTION_SLOW;
    watch(t);
    return x->sent_seen;
}

/* Looks up where r receives. Anything shorter than the result fits there; 0: it lies
 * unusually. */
static uint32_t look_up(struct thread *t, struct native_receiver *r, uptr_t received) {
    r->fast = r->fast_calls = 0;
    if (native_receiver_init(r, received, 0, NULL)) return 0;
    r->message_seen =
        (void *)window(t, WINDOW_RECEIVED, received.address, sizeof(*r->message_seen));
    if (!r->message_seen) return 0;
    r->body_seen = window(t, WINDOW_BODY_IN, r->body.address, 1);
    watch(t);
    return r->body_seen ? PAGE_SIZE - (r->body.address & PAGE_MASK) + 1 : 1;
}

bool exchange_receives(struct thread *t, uptr_t received) {
    struct native_receiver *in = &exchange_of(t)->in;

    in->fast = look_up(t, in, received);
    in->base.wants = native_wants;
    return in->fast;
}

/* Is there a reason not to take the short way to `next`? */
static out_of_line bool is_unusual(const struct thread *next) {
    return next->attention != ATTENTION_BOUND || !may_run_on(next, this_cpu());
}

/* Makes the exchange fit the buffers. False: they are unusual, or the thread is. */
static out_of_line bool prepare(struct thread *t) {
    const struct trap_frame *frame = thread_frame(t);
    vaddr_t received = frame->edx, sent = frame->ebx ? frame->ecx : received;
    struct exchange *x = exchange_of(t);
    struct native_receiver *r = &x->call.answer;
    uint32_t others = ATTENTION_SLOW | ATTENTION_BOUND | ATTENTION_FPU;
    bool was_slow = t->attention & ATTENTION_SLOW;

    if (t->attention & ~others || t->base_priority != PRIORITY_NORMAL
        || t->process->lent_priority > PRIORITY_NORMAL)
        return false;
    x->endpoint = endpoint_of(t->process);
    if (!x->endpoint) return false;
    if (fpu_is_used(t)) fpu_switch_out(t);
    t->attention |= ATTENTION_SLOW;
    // what is written to comes first: that may copy a page which what is sent lies in
    if (was_slow || r->message.address != received)
        r->fast_calls = look_up(t, r, uptr(received));
    r->base.waiter.queue = &x->endpoint->inbox.receivers;
    r->is_read_late = true;
    if (!r->fast_calls || !exchange_sends(t, sent)) return false;
    waiter_init(&x->call.sending.waiter, &callers);
    x->call.pid = t->process->pid;
    t->attention &= ~(uint32_t)ATTENTION_SLOW;
    return true;
}

struct native_receiver *exchange_receiver(void) {
    struct thread *t = current();
    const struct trap_frame *frame = thread_frame(t);
    struct exchange *x = exchange_of(t);
    struct native_receiver *r = &x->call.answer, *in = &x->in;

    // it has to be possible to leave by sysexit
    if (frame->eflags & (EFLAGS_IF | EFLAGS_TF)) return NULL;
    if (frame->eax == MSG_REPLY_RECEIVE) {
        bool is_ready = !(t->attention & ~(uint32_t)(ATTENTION_BOUND | ATTENTION_FPU))
                        && r->message.address == frame->edx;
        return is_ready || prepare(t) ? r : NULL;
    }
    if ((!in->fast || in->message.address != frame->ecx)
        && !exchange_receives(t, uptr(frame->ecx)))
        return NULL;
    in->base.waiter.queue = &t->process->endpoint->inbox.receivers;
    in->channel = NULL;
    in->is_read_late = true;
    return in;
}

/* The thread's exchange has the buffers that its frame names. */
static inline bool fits(struct thread *t) {
    const struct trap_frame *frame = thread_frame(t);
    struct exchange *x = exchange_of(t);

    if (unlikely(frame->esi != (uint32_t)FOREVER)) return false;                  // 2
    if (likely(is_zero(&t->attention) && x->sent == frame->ecx                    // 5
               && x->call.answer.message.address == frame->edx                    // 3
               && x->sent_seen->body.address == x->body))                         // 4
        return true;
    return prepare(t);
}

/* The message is plain and fits r, an answer, whose thread waits with nothing unusual:
 * that is *next. */
static inline bool reaches(struct letter *l, struct exchange *x,
                           const struct native_receiver *r, struct thread **next) {
    l->length = x->sent_seen->length;
    if (!letter_fits(l, r, r->fast_calls, &r->message_seen->room)) return false;
    if (unlikely(l->to->body.address != r->body.address)) return false;           // 3
    *next = exchange_thread(container_of(r, struct exchange, call.answer));
    FORGET(*next);
    if (unlikely(!is_zero(&(*next)->attention)) && is_unusual(*next))             // 2
        return false;
    return letter_read(l, x);
}

/* -- Call and reply ---------------------------------------------------------------- */

/* The running thread's wait has ended, and not by a hand-over. */
static out_of_line bool end_wait(void) {
    struct thread *t = current();
    struct exchange *x = exchange_of(t);
    uint32_t *eax = &thread_frame(t)->eax;      // the call's number as yet
    long result = t->wait_result;

    if (*eax == MSG_CALL) {
        if (result || x->call.server) result = call_finish(&x->call, result);
    } else if (*eax == MSG_REPLY_RECEIVE) {
        if (!result) result = x->call.answer.sender;
    } else {
        t->attention &= ~(uint32_t)ATTENTION_TOLD;
        result = result ? restartable(result, FOREVER) : x->in.sender;
    }
    *eax = (uint32_t)result;
    return true;
}

bool fast_call(struct thread *t) {
    struct exchange *x = exchange_of(t);
    struct thread *next;
    struct letter l;

    if (!fits(t)) return false;
    struct link_end *end = x->endpoint->called;
    if (unlikely(!end || end->pid != (pid_t)thread_frame(t)->ebx)) return false;  // 5
    struct endpoint *server = end->endpoint;
    if (unlikely(wait_queue_is_empty(&server->inbox.receivers))) return false;    // 3
    struct native_receiver *r = list_entry(server->inbox.receivers.waiters.head.next,
                                           struct native_receiver, base.waiter.node);
    if (!reaches(&l, x, r, &next)) return false;

    /* --- commit: nothing below fails --- */
    r = &exchange_of(next)->call.answer;
    letter_write(&l, r, &x->call.pid, true, 0);
    count_up(&end->in.received);
    l.to->sequence = x->call.sequence = count_up(&end->in.sequence);
    server = end->endpoint;     // it has had no register
    x->call.server = server;
    list_push_back(&server->calls, &x->call.node);
    t->call = &x->call;
    list_unlink(&r->base.waiter.node);
    body_copy(r->body_seen, x->body_seen, l.length);
    struct cpu *cpu = t->cpu;
    hand_over_note(cpu, t, next, MSG_CALL);
    hand_over(cpu, t, &x->call.sending.waiter, next, x->call.pid);
    return end_wait();
}

bool fast_reply_receive(struct thread *t) {
    struct exchange *x = exchange_of(t);
    struct thread *next;
    struct letter l;

    if (!fits(t)) return false;
    struct endpoint *e = x->endpoint;
    if (unlikely(!is_zero(&e->inbox.nr_there) || list_is_empty(&e->calls)))       // 5
        return false;
    struct call *call = list_entry(e->calls.head.next, struct call, node);
    if (unlikely(call->pid != (pid_t)thread_frame(t)->ebx)) return false;         // 3
    uint64_t sequence = x->sent_seen->sequence;
    if (unlikely(sequence != call->sequence) && sequence != 0) return false;      // 8
    if (!reaches(&l, x, &call->answer, &next)) return false;

    /* --- commit: nothing below fails --- */
    call = &exchange_of(next)->call;
    letter_write(&l, &call->answer, &x->call.pid, false, 0);
    l.to->sequence = call->sequence;
    list_unlink(&call->node);
    call->server = NULL;
    list_push_back(&x->endpoint->inbox.receivers.waiters,
                   &x->call.answer.base.waiter.node);
    body_copy(call->answer.body_seen, x->body_seen, l.length);
    struct cpu *cpu = t->cpu;
    FORGET(t);
    hand_over_note(cpu, t, next, MSG_REPLY_RECEIVE);
    hand_over(cpu, t, &exchange_of(t)->call.answer.base.waiter, next, 0);
    return end_wait();
}

/* -- A turn for a notification ------------------------------------------------------
 *
 * Who has notified a sleeper goes on, and mostly waits itself next. With ATTENTION_TOLD
 * the sleeper is ready, and still in msg_receive: nothing on its stack is needed,
 * either. */

bool fast_receive(struct thread *t) {
    const struct trap_frame *frame = thread_frame(t);
    struct native_receiver *in = &exchange_of(t)->in;

    if (unlikely(frame->esi != (uint32_t)FOREVER)) return false;                  // 2
    if (unlikely(!is_zero(&frame->edx))) return false;                            // 2
    struct thread *next = ready.only;
    if (unlikely(!next)) return false;                                            // 3
    if (unlikely((next->attention & ~(uint32_t)ATTENTION_SLOW) != ATTENTION_TOLD)) // 4
        return false;
    if (unlikely(t->attention & ~(uint32_t)ATTENTION_SLOW)) return false;         // 2
    if (unlikely(in->message.address != frame->ecx || is_zero(&in->fast)))        // 5
        return false;
    const struct endpoint *e = t->process->endpoint;
    if (unlikely(!e || !is_zero(&e->inbox.nr_there))) return false;               // 4
    const struct link_end *end = e->called;
    if (unlikely(!end || end->pid != (pid_t)frame->ebx)) return false;            // 4
    // the partner lives, and is about to run: no circle of those who wait
    if (unlikely(next->process->endpoint != end->endpoint)) return false;         // 3

    /* --- commit: nothing below fails --- */
    in->is_read_late = true;
    in->channel = &end->other->in;
    in->base.waiter.queue = &in->channel->queue->receivers;
    list_push_back(&in->base.waiter.queue->waiters, &in->base.waiter.node);
    ready.only = NULL;
    next->state = THREAD_BLOCKED;
    next->attention &= ~(uint32_t)ATTENTION_TOLD;
    struct cpu *cpu = t->cpu;
    hand_over_note(cpu, t, next, MSG_RECEIVE);
    hand_over(cpu, t, &in->base.waiter, next, next->wait_result);
    return end_wait();
}
