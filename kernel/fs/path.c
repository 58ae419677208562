/* path.c - from a path to what it leads to.
 *
 * Shape: the text still to be walked lies at the right end of its buffer, so that a
 * symbolic link's text can be put in front of it:
 *
 *      path->small, or path->buffer          walk.rest
 *      [ ........................ | text of the link | / | rest of the path | NUL ]
 *
 * A short path needs no memory from the heap. There is no recursion: a link only
 * changes where the walk is and what is left of it.
 *
 * Invariants: walk.at is held. Each directory gone through is searched only with
 * permission. ".." stops at the process's root and leaves a mounted file system.
 * Sleeps: never.
 * Linux: a link's text and the path behind it together must fit PATH_MAX.
 * Tests: user/tests/path.c, symlink.c, kernel/fs/component_host_test.c
 */
#include "base/string.h"
#include "fs/component.h"
#include "fs/inode.h"
#include "mm/heap.h"
#include "sched/process.h"

struct walk {
    struct path *path;          /* where the result goes */
    struct inode *at;           /* with a reference */
    const char *rest;           /* what is still to be walked */
    unsigned flags;             /* enum walk_flags */
    unsigned links;             /* followed so far */
};

static struct inode *process_root(void)
{
    const struct process *process = current_process();

    return process && process->root ? process->root : root_inode;
}

struct inode *inode_parent(struct inode *directory)
{
    if (directory == process_root())
        return directory;
    while (directory->covers)
        directory = directory->covers;
    return directory->parent;
}

bool path_ends_in_dots(const struct path *path)
{
    return path->last_length == 0 || name_is_dot(path->last, path->last_length)
           || name_is_dot_dot(path->last, path->last_length);
}

/* What is mounted on inode, or itself; the reference moves along. */
static struct inode *cross_mounts(struct inode *inode)
{
    while (inode->mounted) {
        struct inode *root = inode_get(inode->mounted);
        inode_put(inode);
        inode = root;
    }
    return inode;
}

/* What the name c leads to from w->at, with a reference. */
static int walk_lookup(struct walk *w, const struct component *c, struct inode **next)
{
    struct inode *at = w->at;
    int error;

    if (!inode_is(at, S_IFDIR) || !at->operations->lookup)
        return -ENOTDIR;
    error = inode_permission(at, MAY_SEARCH, w->flags & WALK_REAL_IDS);
    if (error)
        return error;
    if (c->length > NAME_MAX)
        return -ENAMETOOLONG;
    if (name_is_dot(c->name, c->length)) {
        *next = inode_get(at);
        return 0;
    }
    if (name_is_dot_dot(c->name, c->length))
        *next = inode_get(inode_parent(at));
    else if ((error = at->operations->lookup(at, c->name, c->length, next)))
        return error;
    *next = cross_mounts(*next);
    return 0;
}

/* Puts a link's text in front of the rest of the path, within area[size]. -ENAMETOOLONG
 * when it does not fit; w->rest is good in any case. */
static ssize_t prepend_link(struct walk *w, struct inode *link, bool slash, char *area,
                            size_t size)
{
    size_t left = strlen(w->rest) + 1;
    char *start;
    ssize_t length;

    if (left + slash >= size)
        return -ENAMETOOLONG;
    start = area + size - left;
    memmove(start, w->rest, left);
    w->rest = start;
    if (slash)
        start--;
    length = link->operations->readlink(link, area, (size_t)(start - area));
    if (length <= 0)
        return length ? length : -ENOENT;
    if (length == start - area)
        return -ENAMETOOLONG;   // it may be longer
    if (slash)
        *start = '/';
    start -= length;
    memmove(start, area, (size_t)length);
    w->rest = start;
    return length;
}

/* Follows a link: changes w->rest and perhaps w->at. */
static int walk_link(struct walk *w, struct inode *link, bool slash)
{
    struct path *path = w->path;
    struct inode *target = NULL;
    ssize_t length = -ENAMETOOLONG;

    if (++w->links > SYMLINKS_MAX)
        return -ELOOP;
    if (link->operations->follow)
        target = link->operations->follow(link);
    if (!target) {
        if (!path->buffer)
            length = prepend_link(w, link, slash, path->small, sizeof(path->small));
        if (length == -ENAMETOOLONG && !path->buffer) {
            path->buffer = heap_alloc(HEAP_PATH, PATH_MAX);
            if (!path->buffer)
                return -ENOMEM;
        }
        if (length == -ENAMETOOLONG)
            length = prepend_link(w, link, slash, path->buffer, PATH_MAX);
        if (length < 0)
            return (int)length;
        if (w->rest[0] == '/')
            target = inode_get(process_root());
    }
    if (target) {
        inode_put(w->at);
        w->at = target;
    }
    return 0;
}

/* Is a link of this name followed? In the last place a slash behind it asks for what it
 * leads to; but who makes or removes names means the link itself. */
static bool follows(const struct walk *w, const struct component *c)
{
    if (!c->last)
        return true;
    return !(w->flags & (c->slash ? WALK_PARENT : WALK_NO_FOLLOW));
}

/* Walks to the end. On success w->path is filled in and w->at handed over to it. */
static int walk(struct walk *w)
{
    struct path *path = w->path;
    struct component c;
    struct inode *next;
    int error;

    while (component_next(&w->rest, &c)) {
        bool ends = c.last && (w->flags & WALK_PARENT);
        path->trailing_slash = c.slash;
        error = walk_lookup(w, &c, &next);
        if (error == -ENOENT && ends)
            next = NULL;
        else if (error)
            return error;
        if (next && inode_is(next, S_IFLNK) && follows(w, &c)) {
            error = walk_link(w, next, c.slash);
            inode_put(next);
            if (error)
                return error;
            continue;
        }
        if (ends) {
            path->parent = w->at;
            path->inode = next;
            path->last = c.name;
            path->last_length = c.length;
            return 0;
        }
        inode_put(w->at);
        w->at = next;
    }
    if (path->trailing_slash && !inode_is(w->at, S_IFDIR))
        return -ENOTDIR;
    path->inode = w->at;
    if (w->flags & WALK_PARENT)
        path->parent = inode_get(w->at);
    return 0;
}

/* Walks from `start`, or from the root for an absolute path; path's buffers are set. */
static int walk_from(struct inode *start, const char *text, unsigned flags,
                     struct path *path)
{
    struct walk w = { .path = path, .rest = text, .flags = flags };
    int error;

    w.at = inode_get(text[0] == '/' ? process_root() : start);
    error = walk(&w);
    if (error) {
        inode_put(w.at);
        heap_free(path->buffer);
    }
    return error;
}

static void path_init(struct path *path)
{
    path->inode = path->parent = NULL;
    path->last = NULL;
    path->last_length = 0;
    path->trailing_slash = false;
    path->buffer = NULL;
}

void path_release(struct path *path)
{
    if (path->inode)
        inode_put(path->inode);
    if (path->parent)
        inode_put(path->parent);
    heap_free(path->buffer);
}

int path_walk(struct inode *start, const char *name, unsigned flags, struct path *path)
{
    const struct process *process = current_process();

    path_init(path);
    if (!name[0])
        return -ENOENT;
    if (!start)
        start = process && process->directory ? process->directory : root_inode;
    return walk_from(start, name, flags, path);
}

int path_start(int dirfd, struct inode **start)
{
    const struct file *file;

    if (dirfd == AT_FDCWD) {
        *start = current_process()->directory;
        return 0;
    }
    file = fd_peek(dirfd);
    if (!file)
        return -EBADF;
    if (!file->inode || !inode_is(file->inode, S_IFDIR))
        return -ENOTDIR;
    *start = file->inode;
    return 0;
}

int path_copy(struct path *path, uptr_t name)
{
    ssize_t length;

    path_init(path);
    length = string_from_user(path->small, name, sizeof(path->small));
    if (length == -ENAMETOOLONG) {
        path->buffer = heap_alloc(HEAP_PATH, PATH_MAX);
        if (!path->buffer)
            return -ENOMEM;
        length = string_from_user(path->buffer, name, PATH_MAX);
    }
    if (length > 0)
        return 0;
    heap_free(path->buffer);
    return length ? (int)length : -ENOENT;
}

bool path_is_empty(uptr_t name)
{
    char first;

    return copy_from_user(&first, name, 1) == 0 && first == '\0';
}

int path_walk_user(int dirfd, uptr_t name, unsigned flags, struct path *path)
{
    struct inode *start = NULL;
    int error = path_copy(path, name);

    if (error)
        return error;
    if (path_text(path)[0] != '/') {
        error = path_start(dirfd, &start);
        if (error) {
            heap_free(path->buffer);
            return error;
        }
    }
    return walk_from(start, path_text(path), flags, path);
}
