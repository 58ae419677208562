/* mailbox.c - mailboxes: their life, and their names in /mbox.
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
 * Wakes: everybody when it is destroyed (EIDRM).
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

struct mailbox_kind mailbox_kind = {
    .name = "mailbox", .size = sizeof(struct mailbox),
    .classes = MAILBOX_CLASSES("mailbox"), .operations = &mailbox_operations,
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
    *mb = (struct mailbox){
        .kind = kind, .id = (uint32_t)inode->number, .inode = inode,
        .attributes = *attributes,
        .is_plain = inode->links > 0 && attributes->receivers == MBOX_SHARED };
    message_queue_init(&mb->queue, &kind->classes);
    message_channel_init(&mb->channel, &mb->queue, attributes->capacity,
                         attributes->overflow);
    file_holder_init(&mb->holder);
    mb->holder.is_named = inode->links > 0;
    list_init(&mb->opens);
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
    struct waiter waiter;
    char name[NAME_MAX + 1];

    if (flags & ~(both | known) || timeout_ms < FOREVER) return -EINVAL;
    long result = mailbox_name_from_user(name, user_name);
    if (result) return result == -ENOENT || result == -EACCES ? -EINVAL : result;
    if (flags & O_CREAT) result = attributes_from_user(&attributes, user_attributes);
    while (!result) {
        result = mailbox_open_name(&mailbox_kind, name, flags, mode, &attributes);
        if (result != -ENOENT || timeout_ms == NOWAIT) break;
        waiter_init(&waiter, &mailbox_kind.names->new_names);
        result = restartable(wait_sleep_past_stops(&waiter, deadline), timeout_ms);
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
    struct inode *inode =
        inode_create(mailbox_kind.names, &mailbox_operations, S_IFIFO | 0600);
    if (!inode) return -ENOMEM;
    inode->links = 0;
    error = mailbox_create(inode, &mailbox_kind, &attributes);
    if (!error) error = inode_open(inode, O_RDWR, &file);
    inode_put(inode);
    return error ? error : fd_install(file, false);
}

/* -- stat and destroy -------------------------------------------------------------- */

struct mailbox_stat {           /* as in <parley.h> */
    uint32_t id;
    uid_t owner;
    gid_t group;
    mode_t mode;
    struct mailbox_attributes attributes;
    uint32_t queued, bytes, senders, receivers, waiting_senders, waiting_receivers;
    pid_t exclusive;
    uint64_t accepted, received, dropped;
};
static_assert(sizeof(struct mailbox_stat) == 84, "<parley.h>");

long sys_mbox_stat(int fd, uptr_t out) {
    const struct file *file = mailbox_get(fd);
    const struct mailbox_file *open;

    if (!file) return -EBADF;
    const struct mailbox *mb = mailbox_of(file);
    const struct message_channel *c = &mb->channel;
    if (mb->is_destroyed) return -EIDRM;
    struct mailbox_stat stat = {
        .id = mb->id, .owner = mb->inode->uid, .group = mb->inode->gid,
        .mode = mb->inode->mode & 07777, .attributes = mb->attributes,
        .queued = c->queued, .bytes = c->bytes, .exclusive = mb->exclusive,
        .waiting_senders = list_length(&mb->queue.senders.waiters),
        .waiting_receivers = list_length(&mb->queue.receivers.waiters),
        .accepted = c->sequence, .received = c->received, .dropped = c->dropped,
    };
    if (stat.attributes.capacity == 0) stat.attributes.capacity = CAPACITY_ZERO;
    if (stat.attributes.max_length == MAILBOX_LENGTH)
        stat.attributes.max_length = MSG_MAX;
    list_for_each (open, &mb->opens, node) {
        stat.senders += file_is_writable(open->file);
        stat.receivers += file_is_readable(open->file);
    }
    return copy_to_user(out, &stat, sizeof(stat));
}

long sys_mbox_destroy(int fd) {
    const struct file *file = mailbox_get(fd);

    if (!file) return -EBADF;
    struct mailbox *mb = mailbox_of(file);
    if (mb->is_destroyed) return -EIDRM;
    if (!inode_is_owned(mb->inode)) return -EPERM;
    mb->is_destroyed = true;
    mb->is_plain = false;
    message_discard_all(&mb->queue, NULL, -EIDRM);
    tmpfs_forget(mailbox_kind.names->root, mb->inode);
    return 0;
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
