/* passed_files.h - open files on their way inside messages.
 *
 *      sender's table         message in a queue            receiver's table
 *      files[3] --passed_add--> files[0] --fd_install_all--> files[7]
 *                                  |
 *                             passed_free: it was received, or thrown away
 *
 * A message has a reference to each of its files, and gives the receiver another. When
 * it lies in the queue of something that is a file itself, circles are possible, and
 * counting cannot end them: a socket that waits in its own queue is held by nobody but
 * itself.
 *
 *      mailbox A: [ msg: B ]           nobody has a descriptor for A or B, and
 *      mailbox B: [ msg: A ]           both have a reference: from each other
 *
 * So such a message says whose queue it is in (passed_queue), and when a descriptor
 * goes, the files that can still be reached are found (passed_collect): those with a
 * reference that is not a queue's, what lies in their queues, and so on. What is left
 * is garbage: its messages lose their files, and the rest is counting. To forget a
 * passed_queue loses a circle, never a file.
 */
#pragma once

#include "fs/file.h"

/* Part of what queues messages with files: a mailbox, a socket. Its files' operation
 * `holder` finds it. */
struct file_holder {
    struct list_node node;      /* holders, while anything is queued */
    struct list queued;         /* struct passed_files */
    bool is_named;              /* can be opened by name: it needs no descriptor */
    bool is_reached;            /* during a collection */
};

/* The files of one message; the collector may take some away from the end. */
struct passed_files {
    struct list_node node;      /* holder->queued */
    struct file_holder *holder; /* NULL: in no queue */
    unsigned count;
    struct file *files[];       /* with references */
};

static inline void file_holder_init(struct file_holder *holder) {
    *holder = (struct file_holder){ .is_named = false };
    list_node_init(&holder->node);
    list_init(&holder->queued);
}

/* Room for files. NULL without memory. */
must_check struct passed_files *passed_create(unsigned most);

/* The file behind one more of the current process's descriptors. -EBADF. */
must_check int passed_add(struct passed_files *passed, int fd);

/* Takes it out of its queue, and drops the references. NULL: nothing. */
void passed_free(struct passed_files *passed);

/* The message enters the queue of holder; and leaves it, if it is in one. */
void passed_queue(struct passed_files *passed, struct file_holder *holder);
void passed_unqueue(struct passed_files *passed);

/* file_put by one from outside: a descriptor, say. Looks for circles if this may have
 * been the last way in. */
void passed_drop(struct file *file);

/* Ends all circles. For those who give up another way in, such as a name. */
void passed_collect(void);
