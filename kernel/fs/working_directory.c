/* working_directory.c - chdir, and the way back up: getcwd.
 *
 * Shape: an inode does not know its own name. Its path is written from the end: each
 * name is looked for in its directory's list, up to the process's root.
 *
 *      path_buffer [ ............ | /home | /student | NUL ]
 *                                   ^ found second  ^ found first
 *
 * Sleeps: never.
 * Tests: user/tests/chdir.c, proc_pid.c
 */
#include "fs/inode.h"
#include "sched/process.h"
#include "syscall.h"

struct name_search {
    const struct inode *inode;  /* whose name is looked for */
    size_t length;              /* how much of the path is there */
    int error;                  /* -ENOENT until it is found */
};

/* Puts "/NAME" in front of the path when the entry is what is looked for. */
static int match_entry(void *context, struct name name, uint64_t number, mode_t type,
                       uint64_t next) {
    struct name_search *search = context;
    char *to = path_buffer + PATH_MAX - search->length - name.length - 1;

    (void)type, (void)next;
    if (number != search->inode->number) return 0;
    search->error = -ENAMETOOLONG;
    if (to < path_buffer) return 1;
    search->error = 0;
    search->length += name.length + 1;
    to[0] = '/';
    memcpy(to + 1, name.text, name.length);
    return 1;
}

ssize_t path_of_inode(struct inode *inode) {
    struct name_search search = { .length = 1 };

    path_buffer[PATH_MAX - 1] = '\0';
    for (struct inode *parent; (parent = inode_parent(inode)) != inode;
         inode = parent) {
        struct file directory = { .inode = parent, .offset = FIRST_ENTRY };
        search.error = -ENOENT;
        search.inode = inode;
        while (search.inode->covers)
            search.inode = search.inode->covers;
        if (parent && inode->links > 0 && parent->operations->files->list)
            (void)parent->operations->files->list(&directory, match_entry, &search);
        if (search.error) return search.error;
    }
    if (search.length == 1) path_buffer[PATH_MAX - ++search.length] = '/';
    return (ssize_t)search.length;
}

long sys_getcwd(uptr_t to, size_t size) {
    ssize_t length = path_of_inode(current_process()->directory);

    if (length < 0) return length;
    if ((size_t)length > size) return -ERANGE;
    return copy_to_user(to, path_buffer + PATH_MAX - length, (size_t)length) ? -EFAULT
                                                                             : length;
}

/* Makes inode the working directory if that is allowed. */
static long enter(struct inode *inode, const void *unused) {
    struct process *process = current_process();
    struct inode *old = process->directory;
    int error;

    (void)unused;
    if (!inode_is(inode, S_IFDIR)) return -ENOTDIR;
    error = inode_permission(inode, MAY_SEARCH);
    if (error) return error;
    process->directory = inode_get(inode);
    inode_put(old);
    return 0;
}

long sys_chdir(uptr_t name) { return path_apply(AT_FDCWD, name, 0, enter, NULL); }

long sys_fchdir(int fd) { return place_apply(fd, enter, NULL); }

long sys_umask(mode_t mask) {
    struct process *process = current_process();
    mode_t old = process->umask;

    process->umask = mask & 0777;
    return (long)old;
}
