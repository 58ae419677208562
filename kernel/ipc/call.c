/* call.c - call and reply: a request, and a wait for the answer to this very one.
 *
 * Shape: a call is its caller's wait, on the caller's stack. From the start it is on
 * the server's list of calls, which is what lends the server their priority; the
 * server's reply is written through the wait into the caller's memory.
 *
 *      server->calls:  queued, queued ... | received, oldest first,
 *                                           named by (caller, sequence)
 *
 * A caller that gives up while the server has its request leaves a note, so that the
 * server learns ECANCELED and not EPERM.
 *
 * Invariants: a call on e->calls has e as its server; its request, while that is kept,
 * points back at it; the thread that waits in it has it as t->call.
 * Sleeps: msg_call, msg_forward, msg_reply_receive.
 * Wakes: the caller, when it is answered or its server ends.
 * Tests: user/tests/native_msg_call.c and others.
 * See: IPC.md 2.10 - 2.16.
 */
#include "ipc/fast_path.h"

#include "base/format.h"
#include "mm/heap.h"
#include "sched/scheduler.h"
#include "syscall.h"

#define NOTES_MAX 64            /* given-up calls that a server remembers */

static struct thread *thread_of(const struct call *call) {
    return call->sending.waiter.thread;
}

static bool is_waiting(const struct call *call) {
    return waiter_is_asleep(&call->sending.waiter);
}

/* -- Circles ----------------------------------------------------------------------- */

static const struct wait_class caller_class = { "answer to a call", describe_partner };
struct wait_queue callers = WAIT_QUEUE_INIT(callers, &caller_class);

/* The one process that can end this wait, or 0. */
static pid_t partner_of(const struct waiter *waiter) {
    const struct wait_queue *queue = waiter->queue;

    if (queue == &callers)
        return container_of(waiter, struct call, sending.waiter)->server->process->pid;
    if (queue->class->describe != describe_partner) return 0;
    const struct endpoint *own = waiter->thread->process->endpoint;
    if (queue != &own->inbox.receivers) {
        const struct sending *s = container_of(waiter, struct sending, waiter);
        return container_of(s->message->channel, struct link_end, in)->pid;
    }
    const struct native_receiver *r =
        container_of(waiter, struct native_receiver, base.waiter);
    return r->channel ? container_of(r->channel, struct link_end, in)->other->pid : 0;
}

void describe_partner(const struct waiter *waiter, char *to, size_t size) {
    pid_t pid = partner_of(waiter);

    if (pid) format(to, size, "link:%d %d", pid, pid);
    else format(to, size, "- -");
}

static const struct thread *only_thread(const struct process *p) {
    return p->nr_threads == 1
               ? list_entry(p->threads.head.next, struct thread, process_node)
               : NULL;
}

bool wait_closes_circle(const struct process *self, pid_t pid) {
    const struct process *p;

    if (!only_thread(self)) return false;
    // a circle that we are not in can exist: do not go round in it for ever
    for (unsigned steps = 0; steps < 4096; steps++) {
        if (pid == self->pid) return true;
        p = process_find(pid);
        const struct thread *t = p ? only_thread(p) : NULL;
        if (!t || t->state != THREAD_BLOCKED || t->nr_waiters != 1
            || t->wait_timer.armed || !(pid = partner_of(t->waiters)))
            return false;
    }
    return false;
}

/* -- Priority inheritance ---------------------------------------------------------- */

static void set_lent(struct process *server, uint8_t lent) {
    struct thread *t;

    server->lent_priority = lent;
    list_for_each (t, &server->threads, process_node) {
        thread_set_priority(t, max(t->base_priority, lent));
        if (lent > PRIORITY_NORMAL) t->attention |= ATTENTION_SLOW;
        if (t->call)
            call_priority_changed(t);   // along the chain
    }
}

/* The most that those who wait for the server have. */
static void lend(struct endpoint *server) {
    const struct call *call;
    uint8_t lent = 0;

    if (!server || !server->process) return;
    list_for_each (call, &server->calls, node)
        lent = max(lent, thread_of(call)->priority);
    if (lent != server->process->lent_priority) set_lent(server->process, lent);
}

void call_priority_changed(struct thread *t) {
    lend(t->process->endpoint);
    if (t->call) lend(t->call->server);
}

/* -- A call's life ----------------------------------------------------------------- */

static void join(struct call *call, struct endpoint *server, bool received) {
    call->server = server;
    call->received = received;
    list_push_back(&server->calls, &call->node);
    lend(server);
}

static void leave(struct call *call) {
    struct endpoint *server = call->server;

    call->server = NULL;
    list_remove(&call->node);
    lend(server);
}

/* The call waits for another server from here on. */
static void move_to(struct call *call, struct endpoint *server, bool received) {
    leave(call);
    join(call, server, received);
    thread_of(call)->attention |= ATTENTION_SLOW;
}

/* Its forwarder has nothing to do with it any more. */
static void part(struct call *call) {
    if (call->forwarding) call->forwarding->call = NULL;
    call->forwarding = NULL;
}

/* It could not be passed on: who tried has it again. */
static void give_back(struct call *call) {
    struct forwarding *f = call->forwarding;

    part(call);
    call->sequence = f->sequence;
    move_to(call, f->endpoint, true);
}

void call_message_accepted(struct call *call) { part(call); }

void call_message_lost(struct call *call) {
    call->request = NULL;
    if (call->forwarding)
        give_back(call);
    else if (!call->received && is_waiting(call))
        waiter_wake(&call->sending.waiter, -EPIPE); // nobody but the caller waited
}

void call_received(struct native_message *m, struct endpoint *by) {
    struct call *call = m->call;

    part(call);
    call->received = true;
    call->sequence = m->base.sequence;
    list_remove(&call->node);
    list_push_back(&by->calls, &call->node);
}

static void forget(struct given_up *note) {
    list_remove(&note->node);
    heap_free(note);
}

static void remember(const struct call *call) {
    struct list *notes = &call->server->given_up;
    struct given_up *note = heap_new(HEAP_CALL, struct given_up);

    if (!note) return;          // the server will be told EPERM
    *note = (struct given_up){ .pid = call->pid, .sequence = call->sequence };
    list_push_back(notes, &note->node);
    if (list_length(notes) > NOTES_MAX)
        forget(list_first_entry(notes, struct given_up, node));
}

/* The wait has ended without an answer: whoever has the request must not find it. */
static void give_up(struct call *call) {
    struct native_message *request = call->request;

    part(call);
    if (request && request->base.sending != &call->sending) {
        request->call = NULL;   // forwarded: its forwarder hears of it
        message_cancel(&request->base, -ECANCELED);
    } else if (call->received && call->server) {
        remember(call);
    }
}

/* Ends the wait from the server's side. */
static void end_call(struct call *call, long result) {
    part(call);
    if (call->request) call->request->call = NULL;
    call->request = NULL;
    leave(call);
    waiter_wake(&call->sending.waiter, result);
}

void calls_cancel(struct endpoint *server, pid_t pid) {
    struct call *call, *next;
    struct given_up *note, *next_note;

    list_for_each_safe (call, next, &server->calls, node)
        if (call->pid == pid && call->received) end_call(call, -ECANCELED);
    list_for_each_safe (note, next_note, &server->given_up, node)
        if (note->pid == pid) forget(note);
}

void calls_end(struct endpoint *server) {
    struct call *call, *next;
    struct given_up *note, *next_note;

    list_for_each_safe (call, next, &server->calls, node)
        if (call->request && call->request->base.sending == &call->sending)
            leave(call);        // still queued: it ends with its message
        else if (!call->forwarding)     // else it goes back with its message
            end_call(call, -ESRCH);
    list_for_each_safe (note, next_note, &server->given_up, node) forget(note);
}

uint32_t calls_count(const struct endpoint *server, pid_t pid) {
    const struct call *call;
    uint32_t count = 0;

    list_for_each (call, &server->calls, node) count += call->pid == pid;
    return count;
}

/* -- Which call is answered -------------------------------------------------------- */

/* Why there is no such call to answer. The same every time: msg_reply_receive may
 * restart. */
static int why_none(const struct endpoint *e, pid_t caller, uint64_t sequence) {
    struct link *link = link_find(e->process->pid, caller);
    const struct given_up *note;

    if (!process_is_alive(caller)) return -ESRCH;
    if (!link) return -EPERM;
    const struct link_end *end = link_end_of(link, e->process->pid);
    if (!sequence) sequence = end->in.sequence - end->in.queued;
    list_for_each (note, &e->given_up, node)
        if (note->pid == caller && note->sequence == sequence) return -ECANCELED;
    uint64_t age = end->last_plain - sequence;
    return age < 64 && end->plain >> age & 1 ? -EINVAL : -EPERM;
}

/* The call that the current process is to answer; NULL and *error. */
static struct call *call_to_answer(pid_t caller, uint64_t sequence, int *error) {
    const struct endpoint *e = endpoint_of(current_process());
    struct call *call;

    *error = -ENOMEM;
    if (!e) return NULL;
    list_for_each (call, &e->calls, node) {
        if (!call->received || call->pid != caller
            || (sequence && call->sequence != sequence))
            continue;
        *error = 0;
        if (is_waiting(call)) return call;
        // it has given up, though it has not run yet
        *error = process_is_alive(caller) ? -ECANCELED : -ESRCH;
        return NULL;
    }
    *error = why_none(e, caller, sequence);
    return NULL;
}

/* -- msg_call ---------------------------------------------------------------------- */

long call_finish(struct call *call, long result) {
    current()->call = NULL;
    if (result == -ERESTART && call->sequence)
        result = -EINTR;        // a server has had it: once is enough
    if (result < 0) give_up(call);
    if (call->server) leave(call);
    return result;
}

long sys_msg_call(pid_t to, uptr_t request, uptr_t reply, int timeout_ms) {
    struct native_message m;
    struct message_channel *channel;
    struct call call;

    if (timeout_ms < FOREVER) return -EINVAL;
    call = (struct call){ .pid = current_process()->pid };
    int error = native_message_read(&m, request, 0);
    if (!error) error = link_channel_to(to, &channel);
    if (error) return error;
    struct link_end *end = container_of(channel, struct link_end, in);
    error = native_receiver_init(&call.answer, reply, 0, &callers);
    if (error) return error;
    if (timeout_ms == NOWAIT) return -EAGAIN;   // an answer takes time
    waiter_init(&call.sending.waiter, &callers);
    m.base.until = UNTIL_ANSWERED;
    m.caller = call.pid;
    m.call = &call;
    join(&call, end->endpoint, false);
    error = native_message_post(channel, &m, &call.sending, to, timeout_ms);
    if (error != -EINPROGRESS) {
        leave(&call);
        return error;
    }
    current()->call = &call;
    return call_finish(&call, native_message_wait(&call.sending, timeout_ms));
}

/* -- msg_reply --------------------------------------------------------------------- */

/* Gives m to the caller as its answer. 0 or the replier's error. */
static int answer(struct native_message *m, pid_t caller) {
    int error = 0;
    struct call *call = call_to_answer(caller, m->base.sequence, &error);

    if (!call) return error;
    m->base.sequence = call->sequence;
    int result = native_deliver(m, &call->answer, &error);
    if (result == MESSAGE_UNFIT) return error;
    end_call(call, result);
    return 0;
}

long sys_msg_reply(pid_t caller, uptr_t message) {
    struct native_message m;
    int error = native_message_read(&m, message, 0);

    return error ? error : answer(&m, caller);
}

long sys_msg_reply_receive(pid_t caller, uptr_t reply, uptr_t next, int timeout_ms) {
    struct endpoint *e = endpoint_of(current_process());
    struct native_message m;
    struct native_receiver own, *r = NULL;
    int replied = -ECANCELED, error = 0;

    if (!e) return -ENOMEM;
    if (timeout_ms < FOREVER) return -EINVAL;
    if (caller) error = native_message_read(&m, reply, 0);
    if (!error && timeout_ms == FOREVER)
        r = exchange_receiver(caller ? reply : next, next);
    if (!error && !r)
        error = native_receiver_init(r = &own, next, 0, &e->inbox.receivers);
    if (!error && caller) replied = error = answer(&m, caller);
    if (error && error != -ESRCH && error != -ECANCELED)
        return error;           // a caller that has gone is no reason not to go on
    long result = inbox_receive(e, r, 0, timeout_ms);
    return result == -ERESTART && replied == 0 ? -EINTR : result;
}

/* -- msg_forward ------------------------------------------------------------------- */

long sys_msg_forward(pid_t caller, pid_t to, uptr_t message, int timeout_ms) {
    struct endpoint *self = current_process()->endpoint;
    struct native_message m;
    struct message_channel *channel;

    if (timeout_ms < FOREVER) return -EINVAL;
    int error = native_message_read(&m, message, 0);
    struct call *call = error ? NULL : call_to_answer(caller, m.base.sequence, &error);
    if (call) error = link_channel_to(to, &channel);
    if (!error && !thread_of(call)->wait_timer.armed
        && wait_closes_circle(thread_of(call)->process, to))
        error = -EDEADLK;
    if (error) return error;
    struct forwarding forwarding = { call, self, call->sequence };
    m.caller = caller;
    m.call = call;
    call->forwarding = &forwarding;
    move_to(call, container_of(channel, struct link_end, in)->endpoint, false);
    long result = native_message_send(channel, &m, to, timeout_ms);
    if (forwarding.call)
        give_back(call);        // its message has never left us
    return min(result, 0l);
}
