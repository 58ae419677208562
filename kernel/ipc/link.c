/* link.c - links: made by talking, one for each pair, both ways; what a process may set
 * and see of them, and its inbox as a file.
 *
 * Invariants: an end is on its endpoint's list as long as its process lives, and on its
 * list of the notified if its word is not zero; a link goes when both processes have
 * ended, or one has and nothing that it sent is left.
 * Sleeps: never.
 * Wakes: whoever waits for a process that ends, or for a message of a link that closes.
 * Tests: user/tests/native_msg_link.c, native_msg_poll.c, native_msg_death.c.
 * See: IPC.md 2.1 - 2.8, 2.17.
 */
#include "ipc/link.h"

#include "core/check.h"
#include "fs/procfs.h"
#include "mm/heap.h"
#include "syscall.h"

#define LINKS_MAX 1024u         /* a process; root has no limit */

/* -- Whom a wait is for ------------------------------------------------------------ */

static void describe_partner(const struct waiter *waiter, char *to, size_t size);

static const struct wait_class caller_class = { "answer to a call", describe_partner,
                                                0 };
static const struct message_queue_classes inbox_classes = {
    .receivers = { "message over a link", describe_partner, 0 },
    .senders = { "partner to receive", describe_partner, 0 },
    .can_receive = { "message over a link", NULL, 0 },
    .can_send = { "partner to receive", NULL, 0 },
};
struct wait_queue callers = WAIT_QUEUE_INIT(callers, &caller_class);

/* What somebody at an inbox sends or receives through; NULL: receives from all. */
static const struct message_channel *channel_of(const struct waiter *waiter) {
    if (waiter->queue->class == &inbox_classes.senders)
        return container_of(waiter, struct sending, waiter)->message->channel;
    return container_of(waiter, struct native_receiver, base.waiter)->channel;
}

/* The one process that can end this wait, or 0. */
static pid_t partner_of(const struct waiter *waiter) {
    if (waiter->queue == &callers)
        return container_of(waiter, struct call, sending.waiter)->server->process->pid;
    if (waiter->queue->class->describe != describe_partner || !channel_of(waiter))
        return 0;
    const struct link_end *end = container_of(channel_of(waiter), struct link_end, in);
    return (end->pid == waiter->thread->process->pid ? end->other : end)->pid;
}

/* See struct wait_class. */
static void describe_partner(const struct waiter *waiter, char *to, size_t size) {
    pid_t pid = partner_of(waiter);

    if (pid) format(to, size, "link:%d %d", pid, pid);
    else format(to, size, "- -");
}

bool wait_closes_circle(const struct process *self, pid_t pid) {
    if (self->nr_threads != 1) return false;
    // a circle that we are not in can exist: do not go round in it for ever
    for (unsigned steps = 0; steps < 4096; steps++) {
        if (pid == self->pid) return true;
        const struct process *p = process_find(pid);
        if (!p || p->nr_threads != 1) return false;
        const struct thread *t =
            list_entry(p->threads.head.next, struct thread, process_node);
        if (t->state != THREAD_BLOCKED || t->nr_waiters != 1 || t->wait_timer.armed
            || !(pid = partner_of(t->waiters)))
            return false;
    }
    return false;
}

/* -- Endpoints --------------------------------------------------------------------- */

struct endpoint *endpoint_of(struct process *process) {
    struct endpoint *e = process->endpoint;

    if (e) return e;
    e = heap_new(HEAP_ENDPOINT, struct endpoint);
    if (!e) return NULL;
    e->process = process;
    message_queue_init(&e->inbox, &inbox_classes);
    list_init(&e->links);
    list_init(&e->notified);
    list_init(&e->calls);
    process->endpoint = e;
    return e;
}

void links_forget_rights(struct process *process) {
    struct endpoint *e = process->endpoint;
    const struct link_end *end;

    if (!e) return;
    e->called = NULL;
    list_for_each (end, &e->links, node) {
        struct endpoint *sender = end->other->endpoint;
        if (sender && sender->called == end) sender->called = NULL;
    }
}

/* It takes no place among the links of the two any more. */
static void shut(struct link *link) {
    struct link_end *end;

    for (end = link->ends; link->is_open && end < link->ends + 2; end++)
        if (end->endpoint) end->endpoint->nr_links--;
    link->is_open = false;
}

void link_settle(struct link *link) {
    struct link_end *ends = link->ends, *end;

    // who lives keeps it for a living partner, or for what a dead one has left
    for (end = ends; end < ends + 2; end++)
        if (end->endpoint && (end->other->endpoint || end->in.queued || end->bits))
            return;
    shut(link);
    for (end = ends; end < ends + 2; end++)
        if (end->endpoint) list_remove(&end->node);
    heap_free(link);
}

void endpoint_exit(struct process *process) {
    struct endpoint *e = process->endpoint;
    struct waiter *waiter, *next_waiter;
    struct link_end *end, *next;

    if (!e) return;
    links_forget_rights(process);
    process->endpoint = NULL;
    message_discard_all(&e->inbox, NULL, -ESRCH);
    calls_end(e, 0, -ESRCH);
    list_for_each_safe (end, next, &e->links, node) {
        struct link_end *other = end->other;
        list_remove(&end->node);
        list_remove(&end->notified_node);
        end->endpoint = NULL;
        if (other->endpoint)    // who receives from this process only has nobody now
            list_for_each_safe (waiter, next_waiter,
                                &other->in.queue->receivers.waiters, node)
                if (container_of(waiter, struct native_receiver, base.waiter)->channel
                    == &other->in)
                    waiter_wake(waiter, -ESRCH);
        link_settle(end->link);
    }
    heap_free(e);
}

/* -- Links ------------------------------------------------------------------------- */

/* Looks for it where there are fewer. */
struct link_end *link_with(pid_t pid) {
    const struct process *self = current_process(), *partner = process_find(pid);
    const struct endpoint *mine = self->endpoint;
    const struct endpoint *other = partner ? partner->endpoint : NULL;
    struct link_end *end;

    if (!mine) return NULL;
    bool is_mine = !other || mine->nr_links <= other->nr_links;
    list_for_each (end, is_mine ? &mine->links : &other->links, node)
        if (end->other->pid == (is_mine ? pid : self->pid))
            return is_mine ? end : end->other;
    return NULL;
}

static void end_init(struct link_end *end, struct link_end *other, struct link *link,
                     struct endpoint *endpoint) {
    *end = (struct link_end){ .link = link, .other = other, .endpoint = endpoint,
                              .pid = endpoint->process->pid };
    list_node_init(&end->notified_node);
    message_channel_init(&end->in, &endpoint->inbox, 0, OVERFLOW_BLOCK);
    list_push_back(&endpoint->links, &end->node);
}

static bool is_full(const struct endpoint *e) {
    return e->nr_links >= LINKS_MAX && e->process->credentials.euid != 0;
}

int link_get(struct process *partner, struct link_end **out) {
    struct link_end *end = *out = link_with(partner->pid);

    if (end && end->link->is_open) return 0;
    struct endpoint *mine = endpoint_of(current_process());
    struct endpoint *other = endpoint_of(partner);
    if (!mine || !other) return -ENOMEM;
    if (is_full(mine) || is_full(other)) return -EDQUOT;
    if (!end) {
        struct link *link = heap_new(HEAP_LINK, struct link);
        if (!link) return -ENOMEM;
        end = *out = &link->ends[0];
        end_init(end, &link->ends[mine != other], link, mine);
        if (mine != other) end_init(end->other, end, link, other);
    }
    end->link->is_open = true;
    mine->nr_links++;
    if (mine != other) other->nr_links++;
    return 0;
}

/* -ESRCH, -EPERM, or 0 and the process. */
static int partner_find(pid_t pid, struct process **partner) {
    struct process *p = *partner = process_find(pid);

    if (!p || !p->space) return -ESRCH;
    return process_may_signal(p, 0) || (p->endpoint && p->endpoint->open_to_all)
               ? 0
               : -EPERM;
}

int link_to(pid_t pid, struct link_end **to) {
    const struct process *self = current_process();
    struct process *partner;
    struct link_end *end;

    if ((*to = link_end_known(self, pid))) return 0;
    int error = partner_find(pid, &partner);
    if (!error) error = link_get(partner, &end);
    if (error) return error;
    if (end->other->refuses) return -EPERM;
    *to = self->endpoint->called = end->other;
    return 0;
}

/* -- System calls ------------------------------------------------------------------ */

struct link_attr {              /* as in <parley.h> */
    uint32_t capacity, refuse;
};

struct link_side {
    uint32_t capacity, refuse, queued, bytes;
    uint64_t accepted, received;
    uint32_t waiting_senders, waiting_receivers;
};

struct link_stat {
    pid_t peer;
    uint32_t calls;
    struct link_side in, out;
};
static_assert(sizeof(struct link_stat) == 88, "<parley.h>");

long sys_link_open(pid_t peer, uptr_t attr) {
    struct link_attr wanted = { 0, 0 };
    struct process *partner;
    struct link_end *end = link_with(peer);

    if (attr.address && copy_from_user(&wanted, attr, sizeof(wanted))) return -EFAULT;
    if (!capacity_read(&wanted.capacity, 0) || wanted.refuse > 1) return -EINVAL;
    // who has been written to may set what it receives, whoever wrote
    int error = partner_find(peer, &partner);
    if (!error || (error == -EPERM && end)) error = link_get(partner, &end);
    if (error) return error;
    end->refuses = wanted.refuse;
    links_forget_rights(current_process());
    message_channel_set_capacity(&end->in, wanted.capacity);
    return 0;
}

/* The current process's end of its open link with `peer`; NULL and *error. */
static struct link_end *open_link_with(pid_t peer, int *error) {
    struct link_end *end = link_with(peer);

    *error = process_is_alive(peer) || end ? -ENOENT : -ESRCH;
    return end && end->link->is_open ? end : NULL;
}

long sys_link_close(pid_t peer) {
    int error;
    struct link_end *end = open_link_with(peer, &error);

    if (!end) return error;
    calls_end(end->endpoint, peer, -ECANCELED);
    end->given_up.bits = 0;
    message_discard_all(end->in.queue, &end->in, -EPIPE);
    if (end->other->endpoint)
        message_discard_all(end->other->in.queue, &end->other->in, -EPIPE);
    end->in.capacity = 0;
    end->refuses = false;
    shut(end->link);
    links_forget_rights(current_process());
    link_settle(end->link);
    return 0;
}

/* Of those who wait at an inbox: does this one send to, or receive at, the end? */
static bool is_at(const struct waiter *waiter, const void *link_end) {
    const struct message_channel *channel = channel_of(waiter);

    return !channel || channel == &((const struct link_end *)link_end)->in;
}

/* What comes in at one end. Result: how many calls of those. */
static uint32_t describe_side(const struct link_end *end, struct link_side *side) {
    const struct message_channel *c = &end->in;
    const struct waiter *waiter;
    const struct call *call;
    uint32_t calls = 0;

    *side = (struct link_side){ .capacity = c->capacity ? c->capacity : CAPACITY_ZERO,
                                .refuse = end->refuses, .queued = c->queued,
                                .bytes = c->bytes, .accepted = c->sequence,
                                .received = c->received };
    if (!end->endpoint) return 0;
    list_for_each (waiter, &c->queue->senders.waiters, node)
        side->waiting_senders += is_at(waiter, end);
    list_for_each (waiter, &c->queue->receivers.waiters, node)
        side->waiting_receivers += is_at(waiter, end);
    list_for_each (call, &end->endpoint->calls, node)
        calls += call->pid == end->other->pid;
    return calls;
}

long sys_link_stat(pid_t peer, uptr_t out) {
    int error;
    const struct link_end *end = open_link_with(peer, &error);
    struct link_stat stat = { .peer = peer };

    if (!end) return error;
    stat.calls = describe_side(end, &stat.in);
    uint32_t others = describe_side(end->other, &stat.out);
    if (end->other != end) stat.calls += others;
    return copy_to_user(out, &stat, sizeof(stat));
}

/* One line a direction: from to capacity refuse queued bytes accepted received calls
 * senders=pid receivers=pid. */
static void show_links(struct text *text) {
    const struct process *p;
    const struct link_end *end;

    list_for_each (p, &all_processes, all_node) {
        if (!p->endpoint) continue;
        list_for_each (end, &p->endpoint->links, node) {
            const struct message_channel *c = &end->in;
            struct link_side side;
            uint32_t calls = describe_side(end, &side);
            if (!end->link->is_open) continue;
            text_printf(text, "%d %d", end->other->pid, end->pid);
            text_capacity(text, c->capacity);
            text_printf(text, " %u %u %u %llu %llu %u", side.refuse, side.queued,
                        side.bytes, side.accepted, side.received, calls);
            text_waiters(text, "senders", &c->queue->senders, is_at, end);
            text_waiters(text, "receivers", &c->queue->receivers, is_at, end);
            text_add(text, "\n", 1);
        }
    }
}

static const struct proc_entry entry PROC_TABLE = { .name = "ipc/links",
                                                     .show = show_links };

/* Of whose inbox it is there is the pid: nobody else ever gets that. */
static unsigned inbox_poll(struct file *file, struct poll_table *table) {
    const struct process *p = process_find((pid_t)file->object);
    struct endpoint *e = p ? p->endpoint : NULL;

    if (!e) return POLLHUP;
    poll_wait(table, &e->inbox.can_receive);
    return list_is_empty(&e->notified) && !message_find(&e->inbox, NULL)
               ? 0
               : POLLIN | POLLRDNORM;
}

static const struct file_operations inbox_operations = {
    .name = "inbox", .poll = inbox_poll
};

long sys_msg_fd(void) {
    struct process *self = current_process();

    if (!endpoint_of(self)) return -ENOMEM;
    struct file *file = file_create(&inbox_operations, O_RDONLY, inode_nameless(0600),
                                    (void *)self->pid);
    return file ? fd_install(file, true) : -ENFILE;
}

long sys_msg_accept(int who) {
    enum { MSG_SAME_USER = 0, MSG_ANYONE = 1 };
    struct endpoint *e = endpoint_of(current_process());

    if (who != MSG_SAME_USER && who != MSG_ANYONE) return -EINVAL;
    if (!e) return -ENOMEM;
    e->open_to_all = who == MSG_ANYONE;
    links_forget_rights(current_process());
    return 0;
}

/* -- Checking ---------------------------------------------------------------------- */

static void links_check(void) {
    const struct process *p;
    const struct link_end *end;

    list_for_each (p, &all_processes, all_node) {
        const struct endpoint *e = p->endpoint;
        if (!e) continue;
        message_queue_check(&e->inbox, list_length(&e->notified));
        uint32_t open = 0;
        list_for_each (end, &e->links, node) {
            open += end->link->is_open;
            check_that(end->endpoint == e && end->pid == p->pid
                           && !end->bits == !list_node_is_linked(&end->notified_node),
                       "process %d has a broken link", p->pid);
            message_channel_check(&end->in);
        }
        check_counted(e, "links", e->nr_links, open);
    }
}

static const struct checker checker CHECKER = { "links", NULL, links_check };
