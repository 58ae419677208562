/* working_directory.c - chdir, and the way back up: getcwd.
 *
 * Shape: a directory does not know its own name. getcwd writes the path from its end:
 * it looks for each directory in its parent's list, up to the process's root.
 *
 *      to [ ............ | /home | /student | NUL ]
 *                          ^ found second  ^ found first
 *
 * Sleeps: never.
 * Tests: user/tests/chdir.c
 */
#include "base/string.h"
#include "fs/component.h"
#include "fs/inode.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "syscall.h"

/* What is looked for, and the free left part of the result. */
struct name_search {
    const struct inode *child;
    char *to;
    size_t room;                /* the name goes to the end of these bytes */
    bool found;
    bool too_long;
};

static int match_entry(void *context, const char *name, size_t length, uint64_t number,
                       unsigned type, uint64_t next)
{
    struct name_search *search = context;

    (void)type, (void)next;
    if (number != search->child->number || name_is_dot(name, length)
        || name_is_dot_dot(name, length))
        return 0;
    search->found = true;
    search->too_long = length + 1 > search->room;
    if (!search->too_long) {
        search->room -= length + 1;
        search->to[search->room] = '/';
        memcpy(search->to + search->room + 1, name, length);
    }
    return 1;
}

/* Puts "/NAME" of directory, which its parent has it as, in front of what is there. */
static int prepend_name(struct inode *directory, struct inode *parent,
                        struct name_search *search)
{
    struct file file = { .operations = parent->operations->files, .inode = parent };

    while (directory->covers)
        directory = directory->covers;
    search->child = directory;
    search->found = false;
    if (file.operations && file.operations->list)
        (void)file.operations->list(&file, match_entry, search);
    if (!search->found)
        return -ENOENT;
    return search->too_long ? -ERANGE : 0;
}

ssize_t path_of_directory(struct inode *directory, char *to, size_t size)
{
    struct name_search search = { .to = to, .room = size };

    if (size < 2)
        return -ERANGE;
    to[--search.room] = '\0';
    for (struct inode *parent;; directory = parent) {
        parent = inode_parent(directory);
        if (parent == directory)
            break;
        if (directory->links == 0)
            return -ENOENT;
        int error = prepend_name(directory, parent, &search);
        if (error)
            return error;
    }
    if (search.room == size - 1)
        to[--search.room] = '/';
    memmove(to, to + search.room, size - search.room);
    return (ssize_t)(size - search.room);
}

static long get_directory(uptr_t to, size_t size, char *text)
{
    ssize_t length = path_of_directory(current_process()->directory, text, PATH_MAX);

    if (length < 0)
        return length == -ERANGE ? -ENAMETOOLONG : length;
    if ((size_t)length > size)
        return -ERANGE;
    return copy_to_user(to, text, (size_t)length) ? -EFAULT : length;
}

long sys_getcwd(uptr_t to, size_t size)
{
    char *text = heap_alloc(HEAP_PATH, PATH_MAX);
    long result;

    if (!text)
        return -ENOMEM;
    result = get_directory(to, size, text);
    heap_free(text);
    return result;
}

/* Makes inode the working directory if that is allowed. */
static long enter(struct inode *inode)
{
    struct process *process = current_process();
    struct inode *old = process->directory;
    int error;

    if (!inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    error = inode_permission(inode, MAY_SEARCH, false);
    if (error)
        return error;
    process->directory = inode_get(inode);
    inode_put(old);
    return 0;
}

long sys_chdir(uptr_t name)
{
    struct path path;
    long result = path_walk_user(AT_FDCWD, name, 0, &path);

    if (result)
        return result;
    result = enter(path.inode);
    path_release(&path);
    return result;
}

long sys_fchdir(int fd)
{
    struct inode *directory = NULL;
    int error = fd == AT_FDCWD ? -EBADF : path_start(fd, &directory);

    return error ? error : enter(directory);
}

long sys_umask(mode_t mask)
{
    struct process *process = current_process();
    mode_t old = process->umask;

    process->umask = mask & 0777;
    return (long)old;
}
