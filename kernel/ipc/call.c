/* call.c - messages over links: send and receive, notifications, call and reply.
 *
 * A notification is a word of bits of the link's end: it is or-ed in, and read and
 * cleared by the next receive, or written straight into the memory of one that waits.
 *
 * A call is its caller's wait, on the caller's stack. From the start it is on the
 * server's list of calls, which is what lends the server their priority; the server's
 * reply is written through the wait into the caller's memory.
 *
 *      server->calls:  queued, queued ... | received, oldest first,
 *                                           named by (caller, sequence)
 *
 * A caller that gives up while the server has its request leaves a mark, so that the
 * server learns ECANCELED and not EPERM.
 *
 * Shape: hand-over.
 * Invariants: a call on e->calls has e as its server; its request, while that is kept,
 * points back at it; the thread that waits in it has it as t->call.
 * Sleeps: msg_send, msg_receive, msg_call, msg_forward, msg_reply_receive.
 * Wakes: a receiver that is notified; the caller, when it is answered or its server
 * ends.
 * Tests: user/tests/native_msg_*.c.
 * See: IPC.md 2, 3.
 */
#include "ipc/fast_path.h"

#include "sched/scheduler.h"
#include "syscall.h"

static struct thread *thread_of(const struct call *call) {
    return call->sending.waiter.thread;
}

static void mark(struct marks *marks, uint64_t sequence) {
    if (sequence > marks->last) {
        uint64_t steps = sequence - marks->last;
        marks->bits = steps < 64 ? marks->bits << steps : 0;
        marks->last = sequence;
    }
    uint64_t age = marks->last - sequence;
    if (age < 64) marks->bits |= 1ull << age;
}

static bool is_marked(const struct marks *marks, uint64_t sequence) {
    uint64_t age = marks->last - sequence;

    return age < 64 && marks->bits >> age & 1;
}

/* -- Priority inheritance ---------------------------------------------------------- */

/* The most that those who wait for the server have. Each of their answers may take some
 * of it back: the short way knows of no such thing. */
static void lend(struct endpoint *server) {
    const struct call *call;
    struct thread *t;
    uint8_t lent = 0;

    if (!server) return;
    list_for_each (call, &server->calls, node) {
        lent = max(lent, thread_of(call)->priority);
        thread_of(call)->attention |= ATTENTION_SLOW;
    }
    if (lent == server->process->lent_priority) return;
    server->process->lent_priority = lent;
    list_for_each (t, &server->process->threads, process_node) {
        thread_place(t, max(t->base_priority, lent), t->affinity);
        if (lent > PRIORITY_NORMAL) t->attention |= ATTENTION_SLOW;
        if (t->call) call_priority_changed(t);  // along the chain
    }
}

void call_priority_changed(struct thread *t) {
    lend(t->process->endpoint);
    if (t->call) lend(t->call->server);
}

/* -- A call's life ----------------------------------------------------------------- */

/* It waits for this server from here on, as the last on its list; NULL: for none. */
static void move_to(struct call *call, struct endpoint *server) {
    struct endpoint *before = call->server;

    if (before) list_remove(&call->node);
    if (server) list_push_back(&server->calls, &call->node);
    call->server = server;
    if (before == server) return;
    lend(before);
    lend(server);
}

/* Ends the wait from the server's side. */
static void end_call(struct call *call, long result) {
    move_to(call, NULL);
    waiter_wake(&call->sending.waiter, result);
}

void call_message_kept(struct call *call, struct native_message *kept) {
    call->request = kept;
    call->forwarder = call->server;
    move_to(call, container_of(kept->base.channel, struct link_end, in)->endpoint);
}

void call_message_lost(struct call *call) {
    call->request = NULL;
    if (call->forwarder) {      // it could not be passed on: who tried has it again
        move_to(call, call->forwarder);
        call->forwarder = NULL;
    } else {                    // the link closes or the server ends, or nobody waits
        end_call(call, call->server->process->endpoint ? -EPIPE : -ESRCH);
    }
}

int message_deliver(struct message *message, struct receiver *receiver, int *error) {
    struct native_message *m = container_of(message, struct native_message, base);
    struct native_receiver *r = container_of(receiver, struct native_receiver, base);
    struct link_end *end = container_of(message->channel, struct link_end, in);
    struct call *call = m->call;
    int result = native_deliver(m, r, error);

    if (result || m->mailbox) return result;
    r->from = end;
    if (call) {
        m->call = NULL;
        call->request = NULL;
        call->forwarder = NULL;
        call->sequence = message->sequence;
        move_to(call, end->endpoint);
    } else {
        mark(&end->plain, message->sequence);
    }
    return 0;
}

void calls_end(struct endpoint *server, pid_t pid, long result) {
    struct call *call, *next;

    list_for_each_safe (call, next, &server->calls, node)
        if (!call->request && (!pid || call->pid == pid)) end_call(call, result);
}

long call_finish(struct call *call, long result) {
    current()->call = NULL;
    if (result == -ERESTART && call->sequence)
        result = -EINTR;        // a server has had it: once is enough
    // it has been passed on, and is not received: whoever did that hears of it
    if (call->request) message_cancel(&call->request->base, -ECANCELED);
    if (!call->server) return result;
    // without an answer: whoever has the request must not find the call
    const struct link_end *end = link_with(call->server->process->pid);
    if (end) mark(&end->other->given_up, call->sequence);
    move_to(call, NULL);
    return result;
}

/* -- Sending ----------------------------------------------------------------------- */

long sys_msg_send(pid_t to, uptr_t message, int flags, int timeout_ms) {
    struct native_message m;
    struct link_end *end;

    if (flags & ~(MSG_SYNC | MSG_MOVE) || timeout_ms < FOREVER) return -EINVAL;
    int error = native_message_read(&m, message, flags);
    if (!error) error = link_to(to, &end);
    return error ? error : min(native_message_send(&end->in, &m, timeout_ms), 0l);
}

long sys_msg_call(pid_t to, uptr_t request, uptr_t reply, int timeout_ms) {
    struct native_message m;
    struct link_end *end;
    struct call call = { .pid = current_process()->pid };

    if (timeout_ms < FOREVER) return -EINVAL;
    int error = native_message_read(&m, request, 0);
    if (!error) error = link_to(to, &end);
    if (!error) error = native_receiver_init(&call.answer, reply, 0, &callers);
    if (error) return error;
    if (timeout_ms == NOWAIT) return -EAGAIN;   // an answer takes time
    m.base.until = UNTIL_ANSWERED;
    m.caller = call.pid;
    m.call = current()->call = &call;
    waiter_init(&call.sending.waiter, &callers);
    return call_finish(&call, native_message_send(&end->in, &m, timeout_ms));
}

/* -- Notifications ----------------------------------------------------------------- */

static bool takes_notification(const struct native_receiver *r,
                               const struct link_end *end) {
    return (!r->channel || r->channel == &end->in)
           && (!r->by_type || r->type == MSG_NOTIFICATION);
}

/* The word as a message; it is zero then. 0 or -errno of r. */
static int notification_deliver(struct link_end *end, struct native_receiver *r) {
    struct native_message m;
    int error;

    native_message_init(&m, 0, 0);
    m.base.type = MSG_NOTIFICATION;
    m.base.sequence = 0;
    m.sender = end->other->pid;
    m.bits = end->bits;
    r->from = end;
    int result = native_deliver(&m, r, &error);
    if (result) return result;
    end->bits = 0;
    list_remove(&end->notified_node);
    end->endpoint->inbox.nr_there--;
    return 0;
}

/* To a receiver that waits, or into the word. */
static out_of_line long notify(pid_t to, uint32_t bits) {
    struct waiter *waiter, *next;
    struct link_end *end;
    int error = link_to(to, &end);

    if (error || !bits) return error;
    struct endpoint *e = end->endpoint;
    if (end->bits == 0) {
        list_push_back(&e->notified, &end->notified_node);
        e->inbox.nr_there++;
    }
    end->bits |= bits;
    list_for_each_safe (waiter, next, &e->inbox.receivers.waiters, node) {
        struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        if (!takes_notification(r, end)) continue;
        int result = notification_deliver(end, r);
        waiter_wake(waiter, result);
        if (result == 0) return 0;
    }
    wait_wake_all(&e->inbox.can_receive, 0);
    return 0;
}

long sys_msg_notify(pid_t to, uint32_t bits) {
    struct link_end *end = link_end_known(current_process(), to);

    if (unlikely(!end || !bits)) return notify(to, bits);
    const struct list *waiters = &end->endpoint->inbox.receivers.waiters;
    if (unlikely(list_is_empty(waiters))) return notify(to, bits);                // 3
    struct native_receiver *r =
        list_entry(waiters->head.next, struct native_receiver, base.waiter.node);
    if (unlikely(r->channel != &end->in || is_zero(&r->fast)))                    // 5
        return notify(to, bits);

    /* --- commit: to the first that waits, and nothing is unusual --- */
    pid_t sender = end->other->pid;
    const struct letter l = { .type = MSG_NOTIFICATION, .to = r->message_seen };
    letter_write(&l, r, &sender, false, 0);
    l.to->bits = bits;
    l.to->sequence = 0;
    list_unlink(&r->base.waiter.node);
    struct thread *next = r->base.waiter.thread;
    next->wait_result = sender;
    if (likely(queue_only(next))) next->attention |= ATTENTION_TOLD;
    else thread_ready(next);
    return 0;
}

/* -- Answering --------------------------------------------------------------------- */

/* The call that the current process is to answer; NULL and *error: the same every time,
 * since msg_reply_receive may restart. */
static struct call *call_to_answer(pid_t caller, uint64_t sequence, int *error) {
    const struct endpoint *e = endpoint_of(current_process());
    const struct link_end *end = link_with(caller);
    struct call *call;

    *error = -ENOMEM;
    if (!e) return NULL;
    *error = -ECANCELED;
    list_for_each (call, &e->calls, node)
        if (!call->request && call->pid == caller
            && (!sequence || call->sequence == sequence))
            // or it gave up, though it has not run yet
            return waiter_is_asleep(&call->sending.waiter) ? call : NULL;
    if (end && !sequence) sequence = end->in.sequence - end->in.queued;
    if (!process_is_alive(caller)) *error = -ESRCH;
    else if (!end || !is_marked(&end->given_up, sequence))
        *error = end && is_marked(&end->plain, sequence) ? -EINVAL : -EPERM;
    return NULL;
}

/* Gives m to the caller as its answer. 0 or the replier's error. */
static int answer(struct native_message *m, pid_t caller) {
    int error;
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

long sys_msg_forward(pid_t caller, pid_t to, uptr_t message, int timeout_ms) {
    struct native_message m;
    struct link_end *end;

    if (timeout_ms < FOREVER) return -EINVAL;
    int error = native_message_read(&m, message, 0);
    struct call *call = error ? NULL : call_to_answer(caller, m.base.sequence, &error);
    if (call) error = link_to(to, &end);
    if (!error && !thread_of(call)->wait_timer.armed
        && wait_closes_circle(thread_of(call)->process, to))
        error = -EDEADLK;
    if (error) return error;
    m.caller = caller;
    m.call = call;              // ours until the message is kept or received
    return min(native_message_send(&end->in, &m, timeout_ms), 0l);
}

/* -- Receiving --------------------------------------------------------------------- */

/* SLEEPS. Notifications first, then messages. */
static long receive(struct endpoint *e, struct native_receiver *r, pid_t from,
                    int timeout_ms) {
    struct link_end *end;
    long result = -EAGAIN;

    list_for_each (end, &e->notified, notified_node)
        if (takes_notification(r, end)) {
            result = notification_deliver(end, r);
            break;
        }
    if (result == -EAGAIN) result = message_take(&e->inbox, &r->base);
    if (result == 0 && !r->from->other->endpoint)
        link_settle(r->from->link);     // the last words of one who has ended
    if (result != -EAGAIN) return result ? result : r->sender;
    if (from != MSG_ANY && !process_is_alive(from)) return -ESRCH;
    if (timeout_ms == NOWAIT) return -EAGAIN;
    if (from != MSG_ANY && timeout_ms == FOREVER
        && wait_closes_circle(current_process(), from))
        return -EDEADLK;
    return native_receive_wait(r, timeout_ms);
}

/* SLEEPS. Answers the caller, if that is not 0, and receives. */
static long reply_receive(pid_t caller, uptr_t reply, pid_t from, uptr_t message,
                          int flags, int timeout_ms) {
    struct endpoint *e = endpoint_of(current_process());
    struct native_receiver own, *r = NULL;
    struct native_message m;
    int replied = -ECANCELED, error = 0;

    if (flags & ~(MSG_TYPE | MSG_MOVE) || timeout_ms < FOREVER) return -EINVAL;
    if (!e) return -ENOMEM;
    if (caller) error = native_message_read(&m, reply, 0);
    if (!error && !flags && timeout_ms == FOREVER) r = exchange_receiver();
    if (!error && !r)
        error = native_receiver_init(r = &own, message, flags, &e->inbox.receivers);
    if (!error && from != MSG_ANY) {
        struct link_end *end = link_with(from);
        if (process_is_alive(from)) error = link_get(process_find(from), &end);
        else if (!end) error = -ESRCH;
        if (!error) r->channel = &end->in;
        r->base.wants = native_wants;
    }
    if (error) return error;
    if (caller) replied = answer(&m, caller);
    if (replied && replied != -ESRCH && replied != -ECANCELED)
        return replied;         // a caller that has gone is no reason not to go on
    long result = receive(e, r, from, timeout_ms);
    current()->attention &= ~(uint32_t)ATTENTION_TOLD;
    return result == -ERESTART && replied == 0 ? -EINTR : result;
}

long sys_msg_receive(pid_t from, uptr_t message, int flags, int timeout_ms) {
    return reply_receive(0, uptr(0), from, message, flags, timeout_ms);
}

long sys_msg_reply_receive(pid_t caller, uptr_t reply, uptr_t next, int timeout_ms) {
    return reply_receive(caller, reply, MSG_ANY, next, 0, timeout_ms);
}
