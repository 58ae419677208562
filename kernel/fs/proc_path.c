/* proc_path.c - what the name of an open file is.
 *
 * Files do not know their names, so the directories are searched from the top for the
 * inode's number. That takes a while, and only people and tests ask.
 * Sleeps: never.
 * Linux: of several names the first found is given; a file that has none any more shows
 *   as "/ (deleted)"; the path is that from the root of all.
 */
#include "base/string.h"
#include "fs/component.h"
#include "fs/procfs.h"

enum { DT_DIR = 4, DEPTH_MAX = 16 };

struct search {
    const struct inode *target;
    const struct inode *directory;  /* in which we look now */
    char *to;                   /* the path so far */
    size_t length, size;
    uint64_t next;              /* where to go on in the directory */
    bool found;
    bool enter;                 /* the path ends in a directory to be searched first */
};

/* Stops at the target, and at every directory below. */
static int look_at_entry(void *context, const char *name, size_t length,
                         uint64_t number, unsigned type, uint64_t next)
{
    struct search *s = context;

    if (name_is_dot(name, length) || name_is_dot_dot(name, length)
        || s->length + 1 + length >= s->size)
        return 0;
    s->found = number == s->target->number && s->directory->fs == s->target->fs
               && type != DT_DIR;
    s->enter = type == DT_DIR;
    if (!s->found && !s->enter)
        return 0;
    s->to[s->length] = '/';
    memcpy(s->to + s->length + 1, name, length);
    s->length += 1 + length;
    s->next = next;
    return 1;
}

/* The directory that the path now ends in, what is mounted there included; NULL:
 * none. */
static struct inode *child_of(struct inode *directory, const char *name, size_t length)
{
    struct inode *child;

    if (directory->operations->lookup(directory, name, length, &child))
        return NULL;
    while (child->mounted) {
        struct inode *root = inode_get(child->mounted);
        inode_put(child);
        child = root;
    }
    return child;
}

static void search_below(struct search *s, struct inode *directory, unsigned depth)
{
    size_t length = s->length;
    struct file *file;

    if (depth == DEPTH_MAX || strcmp(directory->fs->type, "proc") == 0
        || inode_open(directory, O_RDONLY | O_DIRECTORY, &file))
        return;
    for (;;) {
        s->directory = directory;
        s->enter = false;
        if (file->operations->list)
            file->operations->list(file, look_at_entry, s);
        if (s->found || !s->enter)
            break;
        file->offset = s->next;
        struct inode *child =
            child_of(directory, s->to + length + 1, s->length - length - 1);
        if (child) {
            search_below(s, child, depth + 1);
            inode_put(child);
        }
        if (s->found)
            break;
        s->length = length;
    }
    file_put(file);
}

ssize_t proc_path_of(struct inode *inode, char *to, size_t size)
{
    struct search search = { .target = inode, .to = to, .size = size };
    ssize_t result;

    if (inode_is(inode, S_IFDIR)) {
        result = path_of_directory(inode, to, size);
        return result > 0 ? result - 1 : result;
    }
    search_below(&search, root_inode, 0);
    if (!search.found)
        return format(to, size, "/ (deleted)");
    to[search.length] = '\0';
    return (ssize_t)search.length;
}
