/* link_calls.c - what a process may set and see of its links, and its inbox as a file.
 *
 * Tests: user/tests/native_msg_link.c, native_msg_poll.c.
 * See: IPC.md 2.3, 2.5, 2.7.
 */
#include "ipc/link.h"

#include "fs/inode.h"
#include "syscall.h"

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

/* The current process's end of its open link with `peer`; NULL and *error. */
static struct link_end *end_with(pid_t peer, int *error) {
    pid_t self = current_process()->pid;
    struct link *link = link_find(self, peer);

    *error = process_is_alive(peer) || link ? -ENOENT : -ESRCH;
    return link && link->is_open ? link_end_of(link, self) : NULL;
}

long sys_link_open(pid_t peer, uptr_t attr) {
    struct link_attr wanted = { 0, 0 };
    struct process *partner;
    struct link *link = link_find(current_process()->pid, peer);

    if (attr.address && copy_from_user(&wanted, attr, sizeof(wanted))) return -EFAULT;
    if (!capacity_is_valid(wanted.capacity) || wanted.refuse > 1) return -EINVAL;
    // who has been written to may set what it receives, whoever wrote
    int error = partner_find(peer, &partner);
    if (error && !(error == -EPERM && link)) return error;
    error = link_get(partner, &link);
    if (error) return error;
    struct link_end *end = link_end_of(link, current_process()->pid);
    end->refuses = wanted.refuse;
    links_forget_rights(current_process());
    message_channel_set_capacity(&end->in, capacity_of(wanted.capacity, 0));
    return 0;
}

long sys_link_close(pid_t peer) {
    int error;
    struct link_end *end = end_with(peer, &error);

    if (!end) return error;
    struct link_end *other = end->other;
    calls_cancel(end->endpoint, peer);
    message_discard_all(end->in.queue, &end->in, -EPIPE);
    if (other->endpoint) message_discard_all(other->in.queue, &other->in, -EPIPE);
    end->in.capacity = 0;
    end->refuses = false;
    link_shut(end->link);
    return 0;
}

bool link_sends_to(const struct waiter *waiter, const struct link_end *end) {
    const struct sending *s = container_of(waiter, const struct sending, waiter);

    return s->message && s->message->channel == &end->in;
}

bool link_receives_at(const struct waiter *waiter, const struct link_end *end) {
    const struct native_receiver *r =
        container_of(waiter, const struct native_receiver, base.waiter);

    return !r->channel || r->channel == &end->in;
}

static uint32_t count(const struct wait_queue *queue, link_waiter *is,
                      const struct link_end *end) {
    const struct waiter *waiter;
    uint32_t found = 0;

    list_for_each (waiter, &queue->waiters, node) found += is(waiter, end);
    return found;
}

static void describe_side(const struct link_end *end, struct link_side *side) {
    const struct message_channel *c = &end->in;

    *side = (struct link_side){ .capacity = c->capacity ? c->capacity : CAPACITY_ZERO,
                                .refuse = end->refuses, .queued = c->queued,
                                .bytes = c->bytes, .accepted = c->sequence,
                                .received = c->received };
    if (!end->endpoint) return;
    side->waiting_senders = count(&c->queue->senders, link_sends_to, end);
    side->waiting_receivers = count(&c->queue->receivers, link_receives_at, end);
}

long sys_link_stat(pid_t peer, uptr_t out) {
    int error;
    const struct link_end *end = end_with(peer, &error);
    struct link_stat stat = { .peer = peer };

    if (!end) return error;
    stat.calls = calls_count(end->endpoint, peer);
    if (end->other != end && end->other->endpoint)
        stat.calls += calls_count(end->other->endpoint, end->pid);
    describe_side(end, &stat.in);
    describe_side(end->other, &stat.out);
    return copy_to_user(out, &stat, sizeof(stat));
}

/* -- msg_fd ------------------------------------------------------------------------ */

static unsigned inbox_poll(struct file *file, struct poll_table *table) {
    struct endpoint *e = file->object;

    poll_wait(table, &e->inbox.can_receive);
    if (!e->process) return POLLHUP;
    return list_is_empty(&e->notified) && !message_find(&e->inbox, NULL)
               ? 0
               : POLLIN | POLLRDNORM;
}

static void inbox_release(struct file *file) { endpoint_put(file->object); }

static const struct file_operations inbox_operations = {
    .name = "inbox", .poll = inbox_poll, .release = inbox_release,
};

long sys_msg_fd(void) {
    struct endpoint *e = endpoint_of(current_process());

    if (!e) return -ENOMEM;
    struct file *file =
        file_create(&inbox_operations, O_RDONLY, inode_nameless(0600), e);
    if (!file) return -ENFILE;
    e->refs++;
    return fd_install(file, true);
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
