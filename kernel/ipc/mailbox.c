/* mailbox.c - mailboxes: their life, their names in /mbox, and being left alone with
 * one.
 *
 *      descriptor -> struct file -> mailbox_file -> mailbox -> channel -> queue
 *                                                      ^
 *      /mbox/printer -> inode -------------------------+
 *
 * A mailbox belongs to its inode and goes with it: when it has no name and nobody has
 * it open. /mbox is a tmpfs whose new files are made into mailboxes, so names, owners,
 * modes, ls, chmod and rm are the file system's. What one may do is decided when it is
 * opened; the queue does the rest.
 *
 * Sleeps: mbox_lookup, until something appears in /mbox; condition shape.
 * Wakes: whoever is the only one left of a nameless mailbox (EPIPE).
 * Tests: user/tests/native_mbox_*.c.
 * See: IPC.md 4.
 */
#include "ipc/mailbox.h"

#include "core/check.h"
#include "fs/procfs.h"
#include "mm/heap.h"
#include "syscall.h"

#define MAILBOX_CAPACITY 16u            /* CAPACITY_DEFAULT */

struct list all_mailboxes = LIST_INIT(all_mailboxes);

static const struct inode_operations operations;
struct mailbox_kind mailbox_kind = {
    .name = "mailbox", .size = sizeof(struct mailbox),
    .classes = MAILBOX_CLASSES("mailbox"), .operations = &operations,
    .made = { .capacity = MAILBOX_CAPACITY, .max_length = MAILBOX_LENGTH },
};

/* -- Life -------------------------------------------------------------------------- */

void mailbox_describe(const struct waiter *waiter, char *to, size_t size) {
    const struct mailbox *mb = waiter_object(waiter);

    format(to, size, "%s:[%u] -", mb->kind->name, mb->id);
}

int mailbox_create(struct inode *inode, const struct mailbox_kind *kind,
                   const struct mailbox_attributes *attributes) {
    struct account *account = this_cpu()->account;

    if (!account_charge(account, ACCOUNT_MAILBOXES, 1)) return -EDQUOT;
    struct mailbox *mb = heap_alloc(HEAP_MAILBOX, kind->size);
    if (!mb) {
        account_release(account, ACCOUNT_MAILBOXES, 1);
        return -ENOMEM;
    }
    message_queue_init(&mb->queue, &kind->classes);
    message_channel_init(&mb->channel, &mb->queue, attributes->capacity,
                         attributes->overflow);
    file_holder_init(&mb->holder);
    mb->holder.is_named = inode->links > 0;
    list_init(&mb->opens);
    mb->kind = kind;
    mb->id = (uint32_t)inode->number;
    mb->inode = inode;
    mb->attributes = *attributes;
    mb->is_plain = inode->links > 0 && attributes->receivers == MBOX_SHARED;
    list_push_back(&all_mailboxes, &mb->node);
    inode->data = mb;
    inode->operations = kind->operations;
    return 0;
}

void mailbox_end(struct inode *inode) {
    struct mailbox *mb = inode->data;

    if (!mb) return;            // it could not be made
    message_discard_all(&mb->queue, NULL, -EIDRM);
    heap_free(mb->queue.spare);
    list_remove(&mb->node);
    account_release(heap_account(mb), ACCOUNT_MAILBOXES, 1);
    heap_free(mb);
}

/* -- Being the only one left ------------------------------------------------------- */

/* What can be done with it: sides. */
static unsigned access_of(const struct file *file) {
    return (file_is_readable(file) ? RECEIVE : 0) | (file_is_writable(file) ? SEND : 0);
}

/* By some descriptor of the process. */
static unsigned process_access(const struct process *p, const struct mailbox *mb) {
    const struct file_table *table = p->files;
    unsigned access = 0;

    for (unsigned fd = 0; table && fd < table->size; fd++) {
        const struct file *file = table->places[fd].file;
        if (file && file->operations == &mailbox_file_operations
            && file->inode == mb->inode)
            access |= access_of(file);
    }
    return access;
}

/* Who else is there? One under way in a message can come out with anybody; who is in a
 * call may have closed the descriptor since. Who was found to do both is remembered
 * until somebody closes it: with two of them, whoever asks has another one. */
bool mailbox_is_abandoned(struct mailbox *mb, enum mailbox_side other_side,
                          const struct process *self) {
    const struct mailbox_file *open;
    const struct waiter *waiter;
    const struct process *p;
    unsigned others = 0;

    if (likely(mb->holder.is_named)) return false;
    for (int i = 0; i < 2; i++)
        if (mb->company[i] && mb->company[i] != self->pid) return false;
    list_for_each (p, &all_processes, all_node) {
        unsigned its = p == self ? 0 : process_access(p, mb);
        others |= its;
        if (its != BOTH) continue;
        mb->company[1] = mb->company[0];
        mb->company[0] = p->pid;
        return false;
    }
    list_for_each (open, &mb->opens, node)
        if (open->file->inflight > 0) others |= access_of(open->file);
    list_for_each (waiter, &mb->queue.receivers.waiters, node)
        if (waiter->thread->process != self) others |= RECEIVE;
    list_for_each (waiter, &mb->queue.senders.waiters, node)
        if (waiter->thread->process != self) others |= SEND;
    return !(others & other_side)
           && (others || mb->was_shared || !(process_access(self, mb) & other_side));
}

/* A descriptor or a name has gone: who waits for the other side may wait no longer. */
static void review(struct mailbox *mb) {
    struct waiter *w, *next;

    memset(mb->company, 0, sizeof(mb->company));
    if (mb->holder.is_named) return;
    list_for_each_safe (w, next, &mb->queue.senders.waiters, node)
        if (mailbox_is_abandoned(mb, RECEIVE, w->thread->process))
            waiter_wake(w, -EPIPE);
    list_for_each_safe (w, next, &mb->queue.receivers.waiters, node)
        if (mailbox_is_abandoned(mb, SEND, w->thread->process)) waiter_wake(w, -EPIPE);
    wait_wake_all(&mb->queue.can_receive, 0);
    wait_wake_all(&mb->queue.can_send, 0);
}

void mailbox_closed(struct file *file) {
    struct mailbox *mb = mailbox_of(file);
    const struct process *self = current_process();
    unsigned left = process_access(self, mb);

    if (!(left & RECEIVE) && mb->exclusive == self->pid) mb->exclusive = 0;
    if (!left) mb->was_shared = true;   // for whoever still has it
    review(mb);
}

void mailbox_call_ended(struct file *file) {
    if (access_of(file) & ~process_access(current_process(), mailbox_of(file)))
        mailbox_closed(file);
}

static void unlinked(struct inode *inode) {
    struct mailbox *mb = inode->data;

    mb->holder.is_named = inode->links > 0;
    mb->is_plain &= mb->holder.is_named;
    review(mb);
    passed_collect();
}

static const struct inode_operations operations = {
    .open = mailbox_open, .unlinked = unlinked, .release = mailbox_end,
};

/* -- Names ------------------------------------------------------------------------- */

int mailbox_name_from_user(char name[NAME_MAX + 1], uptr_t from) {
    ssize_t length = string_from_user(name, from, NAME_MAX + 1);

    if (length <= 0) return length ? (int)length : -ENOENT;
    return memchr(name, '/', (size_t)length) || !strcmp(name, ".")
                   || !strcmp(name, "..")
               ? -EACCES
               : 0;
}

long mailbox_open_name(struct mailbox_kind *kind, const char *name, uint32_t flags,
                       mode_t mode, const struct mailbox_attributes *wanted) {
    struct file *file;
    int error = fd_room();

    if (error) return error;
    const struct mailbox_attributes ordinary = kind->made;
    if (flags & O_CREAT) kind->made = *wanted;      // nothing sleeps until it is made
    error = path_open(kind->names->root, name, flags & ~(uint32_t)(O_TRUNC | O_CLOEXEC),
                      mode, &file);
    kind->made = ordinary;
    return error ? error : fd_install(file, flags & O_CLOEXEC);
}

/* A new file in /mbox. */
static int make_mailbox(struct inode *inode) {
    inode->mode = S_IFIFO | (inode->mode & 07777);
    return mailbox_create(inode, &mailbox_kind, &mailbox_kind.made);
}

/* -- System calls ------------------------------------------------------------------ */

/* Reads them, and puts in what is meant by defaults. */
static int attributes_from_user(struct mailbox_attributes *a, uptr_t from) {
    *a = (struct mailbox_attributes){ .capacity = CAPACITY_DEFAULT };
    if (!uptr_is_null(from) && copy_from_user(a, from, sizeof(*a))) return -EFAULT;
    if (!capacity_read(&a->capacity, MAILBOX_CAPACITY)
        || a->overflow > OVERFLOW_DROP_NEWEST || a->receivers > MBOX_BROADCAST
        || a->max_length > MSG_MOVE_MAX)
        return -EINVAL;
    if (a->receivers == MBOX_BROADCAST) {
        if (a->overflow == OVERFLOW_BLOCK) a->overflow = OVERFLOW_DROP_OLDEST;
        if (a->overflow != OVERFLOW_DROP_OLDEST || a->capacity == CAPACITY_UNLIMITED)
            return -EINVAL;
    }
    if (a->overflow >= OVERFLOW_DROP_OLDEST && a->capacity == 0) return -EINVAL;
    if (!a->max_length) a->max_length = MAILBOX_LENGTH;
    return 0;
}

/* SLEEPS. Opens one by name; while there is none it waits. known: flags of this call
 * besides those of both. */
static long open_named(uptr_t user_name, uint32_t flags, uint32_t known, mode_t mode,
                       uptr_t user_attributes, int timeout_ms) {
    const uint32_t both = O_ACCMODE | O_TRUNC | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE;
    nanoseconds_t deadline = deadline_of(timeout_ms);
    struct mailbox_attributes attributes;
    char name[NAME_MAX + 1];

    if (flags & ~(both | known) || timeout_ms < FOREVER) return -EINVAL;
    long result = mailbox_name_from_user(name, user_name);
    if (result) return result == -ENOENT || result == -EACCES ? -EINVAL : result;
    if (flags & O_CREAT) result = attributes_from_user(&attributes, user_attributes);
    while (!result) {
        result = mailbox_open_name(&mailbox_kind, name, flags, mode, &attributes);
        if (result != -ENOENT || timeout_ms == NOWAIT) break;
        result = restartable(wait_sleep(&mailbox_kind.names->new_names, deadline),
                             timeout_ms);
    }
    return result == -ENOSPC ? -ENOMEM : result;
}

long sys_mbox_open(uptr_t name, int oflag, mode_t mode, uptr_t attributes) {
    return open_named(name, (uint32_t)oflag, O_CREAT | O_EXCL, mode, attributes,
                      NOWAIT);
}

long sys_mbox_lookup(uptr_t name, int oflag, int timeout_ms) {
    return open_named(name, (uint32_t)oflag, 0, 0, uptr(0), timeout_ms);
}

long sys_mbox_create(uptr_t user_attributes) {
    struct mailbox_attributes attributes;
    struct file *file;
    int error = attributes_from_user(&attributes, user_attributes);

    if (error) return error;
    struct inode *inode = inode_create(mailbox_kind.names, &operations, S_IFIFO | 0600);
    if (!inode) return -ENOMEM;
    inode->links = 0;
    error = mailbox_create(inode, &mailbox_kind, &attributes);
    if (!error) error = inode_open(inode, O_RDWR, &file);
    inode_put(inode);
    return error ? error : fd_install(file, false);
}

/* -- /proc/ipc, checking ----------------------------------------------------------- */

static void show_mailboxes(struct text *text) {
    static const char *const overflows[] = { "block", "reject", "drop-oldest",
                                             "drop-newest" };
    static const char *const takers[] = { "shared", "exclusive", "broadcast" };
    const struct mailbox *mb;

    list_for_each (mb, &all_mailboxes, node) {
        const struct message_channel *c = &mb->channel;
        const struct inode *inode = mb->inode;
        ssize_t length = inode->links ? path_of_inode(mb->inode) : 0;
        const char *name = path_buffer + PATH_MAX - 1;
        while (length > 0 && name[-1] != '/') name--;
        text_printf(text, "%s:[%u]", mb->kind->name, mb->id);
        text_word(text, length > 0 ? name : "");
        text_printf(text, " %u %u %04o", inode->uid, inode->gid, inode->mode & 07777);
        text_capacity(text, c->capacity);
        text_printf(text, " %s %s %u %u %llu %llu %llu", overflows[c->overflow],
                    takers[mb->attributes.receivers], c->queued, c->bytes, c->sequence,
                    c->received, c->dropped);
        text_waiters(text, "senders", &mb->queue.senders, NULL, NULL);
        text_waiters(text, "receivers", &mb->queue.receivers, NULL, NULL);
        text_add(text, "\n", 1);
    }
}

static const struct proc_entry entry PROC_TABLE = { .name = "ipc/mailboxes",
                                                     .show = show_mailboxes };

static void mailboxes_count(void) {
    const struct mailbox *mb;

    list_for_each (mb, &all_mailboxes, node)
        heap_account(mb)->counted[ACCOUNT_MAILBOXES]++;
}

static void mailboxes_check(void) {
    const struct mailbox *mb;

    list_for_each (mb, &all_mailboxes, node) {
        message_channel_check(&mb->channel);
        // a receiver of a broadcast has read what is left for others
        if (mb->attributes.receivers != MBOX_BROADCAST)
            message_queue_check(&mb->queue, 0);
    }
}

static const struct checker checker CHECKER = { "mailboxes", mailboxes_count,
                                                mailboxes_check };

void mailboxes_init(void) {
    mailbox_kind.names = tmpfs_mount("/mbox", "mboxfs", 01777, make_mailbox);
}
