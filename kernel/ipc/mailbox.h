/* mailbox.h - indirect naming: a queue with an owner and a mode. IPC.md 4. */
#pragma once

#include "fs/inode.h"
#include "ipc/message.h"

enum mailbox_receivers { MBOX_SHARED, MBOX_EXCLUSIVE, MBOX_BROADCAST };

#define MAILBOX_LENGTH   UINT32_MAX     /* max_length 0: whatever can be sent */

/* As programs have it. */
struct mailbox_attributes {
    uint32_t capacity, max_length, overflow, receivers;
};

/* Mailboxes and POSIX queues are found alike: files in a directory of their own. */
struct mailbox_kind {
    const char *name;           /* "mailbox": one is mailbox:[12] */
    size_t size;                /* of one; it begins with struct mailbox */
    struct message_queue_classes classes;
    const struct inode_operations *operations;
    struct file_system *names;
    struct mailbox_attributes made;     /* what the next new file gets: the ordinary
                                           ones, or what its maker wants */
};

struct mailbox {
    struct message_queue queue;
    struct message_channel channel;
    struct file_holder holder;  /* of descriptors inside queued messages */
    const struct mailbox_kind *kind;
    struct list_node node;      /* all_mailboxes */
    uint32_t id;                /* [const] its inode's number: never used again */
    struct inode *inode;        /* owner, group and mode; it holds us */
    struct mailbox_attributes attributes;
    pid_t exclusive;            /* who owns the receiving side, or 0 */
    bool is_destroyed;
    bool is_plain;              /* it is not, has a name, and is MBOX_SHARED */
    bool was_shared;            /* another process held it, too, and went */
    bool has_company;           /* two processes can do both, as was found */
    struct list opens;          /* struct mailbox_file */
};

/* One open of a mailbox; dup and fork share it. */
struct mailbox_file {
    struct list_node node;      /* mailbox->opens */
    struct file *file;          /* whose object it is; of the mailbox's inode */
    bool unread[];              /* MBOX_BROADCAST: which places of the ring */
};

static inline struct mailbox *mailbox_of(const struct file *f) {
    return f->inode->data;
}

extern struct list all_mailboxes;
extern struct mailbox_kind mailbox_kind;
extern const struct file_operations mailbox_file_operations;
extern const struct inode_operations mailbox_operations;

/* A mailbox's file: good until something sleeps. NULL: -EBADF. */
static inline struct file *mailbox_get(int fd) {
    struct file *file = fd_place(fd);

    return likely(file && file->operations == &mailbox_file_operations) ? file : NULL;
}

/* The classes of a kind, and who describes their waiters. */
#define MAILBOX_CLASSES(what) QUEUE_CLASSES(what, mailbox_describe, struct mailbox)
void mailbox_describe(const struct waiter *waiter, char *to, size_t size);

/* Makes one of a fresh inode, which mailbox_end is the `release` of. -EDQUOT,
 * -ENOMEM. */
must_check int mailbox_create(struct inode *inode, const struct mailbox_kind *kind,
                              const struct mailbox_attributes *attributes);
void mailbox_end(struct inode *inode);

/* The name of one, without slashes: 0, -EFAULT, -ENAMETOOLONG; -ENOENT: it is empty;
 * -EACCES: it cannot be one. */
must_check int mailbox_name_from_user(char name[NAME_MAX + 1], uptr_t from);

/* A descriptor for the one of that name; O_CREAT makes it so. */
must_check long mailbox_open_name(struct mailbox_kind *kind, const char *name,
                                  uint32_t flags, mode_t mode,
                                  const struct mailbox_attributes *wanted);

void mailboxes_init(void);
