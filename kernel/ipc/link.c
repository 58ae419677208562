/* link.c - links: made by talking, one for each pair, both ways.
 *
 * A notification is a word of bits of the link's end: it is or-ed in, and read and
 * cleared by the next receive, or written straight into the memory of one that waits.
 *
 * Invariants: an end is on its endpoint's list of the notified if its word is not zero;
 * link_find's table holds every link once; an end is on its endpoint's list
 * as long as its process lives; a link goes when both processes have ended, or one has
 * and nothing that it sent is left.
 * Sleeps: msg_send, msg_receive.
 * Wakes: a receiver that is notified; whoever waits for a process that ends.
 * Tests: user/tests/native_msg_*.c.
 * See: IPC.md 2, 3.
 */
#include "ipc/fast_path.h"

#include "core/check.h"
#include "mm/heap.h"
#include "sched/scheduler.h"
#include "syscall.h"

#define LINKS_MAX 1024u         /* open links a process; root has no limit */
#define BUCKETS   128u

static struct list links_by_pids[BUCKETS];

static const struct message_queue_classes inbox_classes = {
    .receivers = { "message over a link", describe_partner },
    .senders = { "partner to receive", describe_partner },
    .poll = { "message over a link", NULL },
};

/* -- Endpoints --------------------------------------------------------------------- */

struct endpoint *endpoint_of(struct process *process) {
    struct endpoint *e = process->endpoint;

    if (e) return e;
    e = heap_new(HEAP_ENDPOINT, struct endpoint);
    if (!e) return NULL;
    e->process = process;
    e->refs = 1;
    message_queue_init(&e->inbox, &inbox_classes);
    list_init(&e->links);
    list_init(&e->notified);
    list_init(&e->given_up);
    list_init(&e->calls);
    process->endpoint = e;
    return e;
}

void endpoint_put(struct endpoint *e) {
    if (--e->refs == 0) heap_free(e);
}

int partner_find(pid_t pid, struct process **partner) {
    struct process *p = process_find(pid);

    if (!p || !p->space) return -ESRCH;
    *partner = p;
    if (process_may_signal(p, 0) || (p->endpoint && p->endpoint->open_to_all))
        return 0;
    return -EPERM;
}

/* -- Links ------------------------------------------------------------------------- */

static struct list *bucket(pid_t a, pid_t b) {
    return &links_by_pids[((uint32_t)a + (uint32_t)b) % BUCKETS];
}

struct link *link_find(pid_t a, pid_t b) {
    struct link *link;

    list_for_each (link, bucket(a, b), node)
        if ((link->ends[0].pid == a && link->ends[1].pid == b)
            || (link->ends[0].pid == b && link->ends[1].pid == a))
            return link;
    return NULL;
}

static void end_init(struct link *link, unsigned which, struct endpoint *endpoint,
                     bool alone) {
    struct link_end *end = &link->ends[which];

    end->link = link;
    end->other = alone ? end : &link->ends[!which];
    end->endpoint = endpoint;
    end->pid = endpoint->process->pid;
    list_node_init(&end->notified_node);
    message_channel_init(&end->in, &endpoint->inbox, 0, OVERFLOW_BLOCK);
    list_push_back(&endpoint->links, &end->node);
}

static struct link *link_create(struct endpoint *a, struct endpoint *b) {
    struct link *link = heap_new(HEAP_LINK, struct link);

    if (!link) return NULL;
    end_init(link, 0, a, a == b);
    if (a != b) end_init(link, 1, b, false);
    link->ends[1].pid = b->process->pid;    // of a process with itself, too
    list_push_back(bucket(a->process->pid, b->process->pid), &link->node);
    return link;
}

/* Who has sent to this end last looks it up again. */
static void forget_called(struct link_end *end) {
    struct endpoint *sender = end->other->endpoint;

    if (sender && sender->called == end) sender->called = NULL;
}

void links_forget_rights(struct process *process) {
    struct link_end *end;

    if (!process->endpoint) return;
    list_for_each (end, &process->endpoint->links, node) {
        forget_called(end);
        forget_called(end->other);
    }
}

/* Both sides count open links. */
static void set_open(struct link *link, bool open) {
    struct link_end *end = &link->ends[0];
    uint32_t change = open ? 1 : (uint32_t)-1;

    if (link->is_open == open) return;
    link->is_open = open;
    forget_called(end);
    forget_called(end->other);
    if (end->endpoint) end->endpoint->nr_links += change;
    if (end->other != end && end->other->endpoint)
        end->other->endpoint->nr_links += change;
}

static bool is_full(const struct endpoint *e) {
    return e->nr_links >= LINKS_MAX && e->process->credentials.euid != 0;
}

/* The open link of the current process with another one. */
int link_get(struct process *partner, struct link **out) {
    struct process *self = current_process();
    struct link *link = *out = link_find(self->pid, partner->pid);

    if (link && link->is_open) return 0;
    struct endpoint *mine = endpoint_of(self), *other = endpoint_of(partner);
    if (!mine || !other) return -ENOMEM;
    if (is_full(mine) || is_full(other)) return -EDQUOT;
    if (!link && !(*out = link_create(mine, other))) return -ENOMEM;
    set_open(*out, true);
    return 0;
}

static void link_free(struct link *link) {
    set_open(link, false);
    list_remove(&link->node);
    heap_free(link);
}

/* Frees a link when nothing can come through it any more. */
static void link_settle(struct link *link) {
    bool used = false;

    for (unsigned i = 0; i < 2; i++) {
        const struct link_end *end = &link->ends[i];
        if (!end->endpoint) continue;
        // who lives keeps it for a living partner, or for what a dead one has left
        used |= end->other->endpoint || end->in.queued || end->bits;
    }
    if (used) return;
    for (unsigned i = 0; i < 2; i++)
        if (link->ends[i].endpoint) list_remove(&link->ends[i].node);
    link_free(link);
}

int link_channel_to(pid_t pid, struct message_channel **channel) {
    const struct process *self = current_process();
    struct link_end *end = link_end_known(self, pid);
    struct process *partner;
    struct link *link;

    if (!end) {
        int error = partner_find(pid, &partner);
        if (!error) error = link_get(partner, &link);
        if (error) return error;
        end = link_end_of(link, pid);
        if (end->refuses) return -EPERM;
        self->endpoint->called = end;
    }
    *channel = &end->in;
    return 0;
}

static void notification_clear(struct link_end *end) {
    if (end->bits == 0) return;
    end->bits = 0;
    list_remove(&end->notified_node);
    end->endpoint->inbox.nr_there--;
}

void link_shut(struct link *link) {
    set_open(link, false);
    link_settle(link);
}

/* Ends the waits of those who receive from this end's partner only. */
static void end_receivers(struct link_end *end, long result) {
    struct waiter *waiter, *next;

    list_for_each_safe (waiter, next, &end->in.queue->receivers.waiters, node) {
        const struct native_receiver *r =
            container_of(waiter, struct native_receiver, base.waiter);
        if (r->channel == &end->in) waiter_wake(waiter, result);
    }
}

static void end_leave(struct link_end *end) {
    struct link_end *other = end->other;

    list_remove(&end->node);
    notification_clear(end);
    if (end->link->is_open) end->endpoint->nr_links--;
    forget_called(end);
    end->endpoint = NULL;
    if (other->endpoint) end_receivers(other, -ESRCH);
    link_settle(end->link);
}

void endpoint_exit(struct process *process) {
    struct endpoint *e = process->endpoint;
    struct link_end *end, *next;

    if (!e) return;
    process->endpoint = NULL;
    calls_end(e);
    message_discard_all(&e->inbox, NULL, -ESRCH);
    list_for_each_safe (end, next, &e->links, node) end_leave(end);
    e->process = NULL;
    endpoint_put(e);
}

/* -- Notifications: a word of bits for each end, never queued ---------------------- */

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
    int result = native_deliver(&m, r, &error);
    if (result == 0) notification_clear(end);
    return result;
}

/* To the first that waits, if nothing is unusual: what notify does. */
static inline bool notify_first(struct link_end *end, uint32_t bits) {
    struct wait_queue *queue = &end->endpoint->inbox.receivers;

    if (unlikely(wait_queue_is_empty(queue))) return false;                       // 3
    struct native_receiver *r =
        list_entry(queue->waiters.head.next, struct native_receiver, base.waiter.node);
    if (unlikely(r->channel != &end->in || is_zero(&r->fast))) return false;      // 5

    /* --- commit: nothing below fails --- */
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
    return true;
}

/* To a receiver that waits, or into the word. */
static void notify(struct link_end *end, uint32_t bits) {
    struct endpoint *e = end->endpoint;
    struct waiter *waiter, *next;

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
        if (result == 0) return;
    }
    wait_wake_all(&e->inbox.can_receive, 0);
}

/* -- Receiving --------------------------------------------------------------------- */

void link_message_received(struct native_message *m, struct native_receiver *r) {
    struct link_end *end = container_of(m->base.channel, struct link_end, in);

    r->from = end;
    if (m->call) {
        call_received(m, end->endpoint);
        return;
    }
    uint64_t passed = m->base.sequence - end->last_plain;
    end->plain = (passed < 64 ? end->plain << passed : 0) | 1;
    end->last_plain = m->base.sequence;
}

/* Takes a notification or message that is there; -EAGAIN. */
static int take(struct endpoint *e, struct native_receiver *r) {
    struct link_end *end;
    int result = -EAGAIN;

    list_for_each (end, &e->notified, notified_node)
        if (takes_notification(r, end)) {
            r->from = end;
            result = notification_deliver(end, r);
            break;
        }
    if (result == -EAGAIN) result = message_take(&e->inbox, &r->base);
    if (result == 0 && !r->from->other->endpoint)
        link_settle(r->from->link);     // the last words of one who has ended
    return result;
}

long inbox_receive(struct endpoint *e, struct native_receiver *r, pid_t partner,
                   int timeout_ms) {
    long result = take(e, r);

    if (result != -EAGAIN) return result ? result : r->sender;
    if (partner && !process_is_alive(partner)) return -ESRCH;
    if (timeout_ms == NOWAIT) return -EAGAIN;
    if (partner && timeout_ms == FOREVER
        && wait_closes_circle(current_process(), partner))
        return -EDEADLK;
    result = message_receive_wait(&r->base, deadline_of(timeout_ms));
    return result ? restartable(result, timeout_ms) : r->sender;
}

/* -- System calls ------------------------------------------------------------------ */

long sys_msg_send(pid_t to, uptr_t message, int flags, int timeout_ms) {
    struct native_message m;
    struct message_channel *channel;

    if (flags & ~(MSG_SYNC | MSG_MOVE) || timeout_ms < FOREVER) return -EINVAL;
    int error = native_message_read(&m, message, flags);
    if (!error) error = link_channel_to(to, &channel);
    if (error) return error;
    long result = native_message_send(channel, &m, to, timeout_ms);
    return min(result, 0l);
}

/* What msg_receive(from) listens to: the end of a link that may have to be made. */
static int listen_to(pid_t from, struct native_receiver *r) {
    pid_t self = current_process()->pid;
    struct link *link = link_find(self, from);
    int error = link ? 0 : -ESRCH;

    if (process_is_alive(from)) error = link_get(process_find(from), &link);
    if (error) return error;
    r->base.wants = native_wants;
    r->channel = &link_end_of(link, self)->in;
    return 0;
}

long sys_msg_receive(pid_t from, uptr_t message, int flags, int timeout_ms) {
    struct endpoint *e = endpoint_of(current_process());
    struct native_receiver own, *r = NULL;
    int error = 0;

    if (flags & ~(MSG_TYPE | MSG_MOVE) || timeout_ms < FOREVER) return -EINVAL;
    if (!e) return -ENOMEM;
    if (!flags && timeout_ms == FOREVER) r = listener_begin(message);
    if (!r)
        error = native_receiver_init(r = &own, message, flags, &e->inbox.receivers);
    if (!error && from != MSG_ANY) error = listen_to(from, r);
    if (error) return error;
    long result = inbox_receive(e, r, from == MSG_ANY ? 0 : from, timeout_ms);
    listener_end();
    return result;
}

static __attribute__((noinline)) long notify_any(pid_t to, uint32_t bits) {
    struct message_channel *channel;
    int error = link_channel_to(to, &channel);

    if (!error && bits) notify(container_of(channel, struct link_end, in), bits);
    return error;
}

long sys_msg_notify(pid_t to, uint32_t bits) {
    struct link_end *end = link_end_known(current_process(), to);

    return likely(end && bits && notify_first(end, bits)) ? 0 : notify_any(to, bits);
}

/* -- Checking ---------------------------------------------------------------------- */

static void endpoint_check(const struct endpoint *e, pid_t pid) {
    const struct link_end *end;
    uint32_t open = 0;

    message_queue_check(&e->inbox, list_length(&e->notified));
    list_for_each (end, &e->links, node) {
        open += end->link->is_open;
        check_that(end->endpoint == e && end->pid == pid
                       && !end->bits == !list_node_is_linked(&end->notified_node),
                   "process %d has a broken link", pid);
        message_channel_check(&end->in);
    }
    check_counted(e, "links", e->nr_links, open);
}

static void links_check(void) {
    const struct process *p;

    list_for_each (p, &all_processes, all_node)
        if (p->endpoint) endpoint_check(p->endpoint, p->pid);
}

static const struct checker checker CHECKER = { "links", NULL, links_check };

void links_init(void) {
    for (unsigned i = 0; i < BUCKETS; i++) list_init(&links_by_pids[i]);
}
