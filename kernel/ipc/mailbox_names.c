/* mailbox_names.c - /mbox, where mailboxes have names, and mailboxes without one.
 *
 * /mbox is a tmpfs whose new files are made into mailboxes, so names, owners, modes,
 * ls, chmod and rm are the file system's.
 *
 * Sleeps: mbox_lookup, until something appears in /mbox; condition shape.
 * Tests: user/tests/native_mbox_open.c, native_mbox_lookup.c.
 * See: IPC.md 4.2.
 */
#include "ipc/mailbox.h"

#include "base/string.h"
#include "core/check.h"
#include "fs/inode.h"
#include "syscall.h"

static struct file_system *names;
static struct file_system nameless;
static const struct mailbox_attributes *wanted; /* of the mailbox being made */

/* A new file in /mbox. */
static int make_mailbox(struct inode *inode) {
    static const struct mailbox_attributes ordinary = {
        .capacity = MAILBOX_CAPACITY, .max_length = MSG_MOVE_MAX,
    };

    inode->mode = S_IFIFO | (inode->mode & 07777);
    return mailbox_create(inode, wanted ? wanted : &ordinary);
}

void mailbox_forget_names(struct mailbox *mailbox) {
    tmpfs_forget(names->root, mailbox->inode);
}

/* A name without slashes. */
static int name_from_user(char name[NAME_MAX + 1], uptr_t from) {
    ssize_t length = string_from_user(name, from, NAME_MAX + 1);

    if (length < 0) return (int)length;
    if (length == 0 || memchr(name, '/', (size_t)length) || !strcmp(name, ".")
        || !strcmp(name, ".."))
        return -EINVAL;
    return 0;
}

static int attributes_from_user(struct mailbox_attributes *attributes, uptr_t from) {
    struct mailbox_attributes given = { .capacity = CAPACITY_DEFAULT };

    if (!uptr_is_null(from) && copy_from_user(&given, from, sizeof(given)))
        return -EFAULT;
    return attributes_check(&given, attributes);
}

static int open_name(const char *name, uint32_t flags, mode_t mode,
                     struct file **file) {
    int error = path_open(names->root, name, flags & ~(uint32_t)(O_TRUNC | O_CLOEXEC),
                          mode, file);

    if (error || (*file)->operations == &mailbox_file_operations)
        return error == -ENOSPC ? -ENOMEM : error;
    file_put(*file);
    return -EINVAL;             // somebody made something else in /mbox
}

#define OPEN_FLAGS \
    (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE)

long sys_mbox_open(uptr_t user_name, int oflag, mode_t mode, uptr_t user_attributes) {
    uint32_t flags = (uint32_t)oflag;
    struct mailbox_attributes attributes;
    char name[NAME_MAX + 1];
    struct file *file;

    if (flags & ~(uint32_t)OPEN_FLAGS) return -EINVAL;
    int error = name_from_user(name, user_name);
    if (!error && flags & O_CREAT)
        error = attributes_from_user(&attributes, user_attributes);
    if (!error) error = fd_room();
    if (error) return error;
    // nothing sleeps until it is made: mailboxes open at once
    wanted = &attributes;
    error = open_name(name, flags, mode, &file);
    wanted = NULL;
    return error ? error : fd_install_new(file, flags & O_CLOEXEC);
}

long sys_mbox_lookup(uptr_t user_name, int oflag, int timeout_ms) {
    uint32_t flags = (uint32_t)oflag;
    nanoseconds_t deadline = deadline_of(timeout_ms);
    char name[NAME_MAX + 1];
    struct file *file;

    if (flags & ~(uint32_t)OPEN_FLAGS || flags & (O_CREAT | O_EXCL)
        || timeout_ms < FOREVER)
        return -EINVAL;
    int error = name_from_user(name, user_name);
    if (error) return error;
    while ((error = open_name(name, flags, 0, &file)) == -ENOENT) {
        if (timeout_ms == NOWAIT) return -ENOENT;
        long result = wait_sleep(&names->new_names, deadline);
        if (result)
            return result == -EINTR && timeout_ms == FOREVER ? -ERESTART : result;
    }
    return error ? error : fd_install_new(file, flags & O_CLOEXEC);
}

long sys_mbox_create(uptr_t user_attributes) {
    struct mailbox_attributes attributes;
    struct file *file;
    int error = attributes_from_user(&attributes, user_attributes);

    if (error) return error;
    struct inode *inode =
        inode_create(&nameless, &mailbox_inode_operations, S_IFIFO | 0600);
    if (!inode) return -ENOMEM;
    inode->links = 0;
    error = mailbox_create(inode, &attributes);
    if (!error) error = mailbox_open(inode, O_RDWR, &file);
    inode_put(inode);
    return error ? error : fd_install_new(file, false);
}

void mailboxes_init(void) {
    static struct checker checker = { .name = "mailboxes", .count = mailboxes_count,
                                      .check = mailboxes_check };

    file_system_init(&nameless, "mailboxfs");
    names = tmpfs_mount("/mbox", "mboxfs", 01777, make_mailbox);
    checker_register(&checker);
}
