/* proc_links.c - what /proc shows of a process besides text: its open files, its
 * threads, its program and directories.
 *
 * Links are magic: opening one leads to the very object, whatever its text says.
 * Sleeps: never.
 * Linux: the link of a file of /proc itself shows no path.
 */
#include "base/string.h"
#include "fs/procfs.h"
#include "mm/heap.h"
#include "sched/process.h"

enum { DT_DIR = 4, DT_LNK = 10 };

bool proc_may_inspect(const struct process *process)
{
    const struct credentials *me = &current_process()->credentials;
    const struct credentials *c = &process->credentials;

    return me->euid == 0
           || (me->euid == c->uid && me->euid == c->euid && me->euid == c->suid);
}

/* -- Open files -------------------------------------------------------------------- */

static struct file *descriptor_at(const struct process *process, unsigned fd)
{
    const struct file_table *table = process->files;

    if (!table || fd >= table->size)
        return NULL;
    return (struct file *)((uintptr_t)table->files[fd] & ~(uintptr_t)1);
}

static int descriptor_create(struct inode *dir, struct node node,
                             const struct file *file, struct inode **out)
{
    mode_t mode = S_IFLNK;

    if (file_is_readable(file))
        mode |= 0500;
    if (file_is_writable(file))
        mode |= 0300;
    node.kind = NODE_DESCRIPTOR;
    return node_create(dir, node, mode, out);
}

static int descriptors_lookup(struct inode *dir, const char *name, size_t length,
                              struct inode **out)
{
    struct node node = node_of(dir);
    const struct process *process = proc_process(node.id);
    const struct file *file;

    if (!process || !name_to_number(name, length, &node.index))
        return -ENOENT;
    file = descriptor_at(process, node.index);
    return file ? descriptor_create(dir, node, file, out) : -ENOENT;
}

static int descriptors_list(struct file *dir, directory_emit emit, void *context)
{
    struct node node = node_of(dir->inode);
    const struct process *process = proc_process(node.id);
    int done = emit_dots(dir, emit, context);

    if (!process)
        return -ENOENT;
    node.kind = NODE_DESCRIPTOR;
    node.index = dir->offset > 2 ? (unsigned)dir->offset - 2 : 0;
    for (; !done && process->files && node.index < process->files->size; node.index++) {
        char name[12];
        size_t length = (size_t)format(name, sizeof(name), "%u", node.index);
        if (descriptor_at(process, node.index))
            done =
                emit(context, name, length, node_number(node), DT_LNK, node.index + 3);
    }
    return done;
}

static const struct file_operations descriptors_files = {
    .name = "directory of /proc",
    .seek = file_seek,
    .list = descriptors_list,
};

const struct inode_operations proc_descriptors_operations = {
    .lookup = descriptors_lookup,
    .files = &descriptors_files,
};

/* -- Threads ----------------------------------------------------------------------- */

static int tasks_lookup(struct inode *dir, const char *name, size_t length,
                        struct inode **out)
{
    struct node node = { .kind = NODE_DIRECTORY, .index = 1 };
    const struct thread *thread;
    uint32_t id;

    if (!name_to_number(name, length, &id))
        return -ENOENT;
    thread = thread_find((pid_t)id);
    if (!thread || thread->process != proc_process(node_of(dir).id))
        return -ENOENT;
    node.id = (pid_t)id;
    return node_create(dir, node, S_IFDIR | 0555, out);
}

static int tasks_list(struct file *dir, directory_emit emit, void *context)
{
    const struct process *process = proc_process(node_of(dir->inode).id);
    const struct thread *thread;
    int done = emit_dots(dir, emit, context);

    if (!process)
        return -ENOENT;
    list_for_each (thread, &process->threads, process_node) {
        struct node node = { .kind = NODE_DIRECTORY, .index = 1, .id = thread->tid };
        uint64_t at = 2 + (uint64_t)thread->tid;
        char name[12];
        if (done)
            break;
        size_t length = (size_t)format(name, sizeof(name), "%d", thread->tid);
        if (at >= dir->offset)
            done = emit(context, name, length, node_number(node), DT_DIR, at + 1);
    }
    return done;
}

static const struct file_operations tasks_files = {
    .name = "directory of /proc",
    .seek = file_seek,
    .list = tasks_list,
};

const struct inode_operations proc_tasks_operations = {
    .lookup = tasks_lookup,
    .files = &tasks_files,
};

/* -- Links ------------------------------------------------------------------------- */

/* What a link stands for, without a new reference; *file too when it is a descriptor.
 * 0,
 * -ENOENT, -EACCES. */
static int link_target(const struct inode *link, struct inode **inode,
                       struct file **file)
{
    struct node node = node_of(link);
    const struct process *process = proc_process(node.id);

    *inode = NULL;
    *file = NULL;
    if (!process)
        return -ENOENT;
    if (!proc_may_inspect(process))
        return -EACCES;
    if (node.kind == NODE_DESCRIPTOR) {
        *file = descriptor_at(process, node.index);
        *inode = *file ? (*file)->inode : NULL;
        return *file ? 0 : -ENOENT;
    }
    *inode = node.kind == NODE_CWD   ? process->directory
             : node.kind == NODE_EXE ? process->executable
                                     : process->root;
    return *inode ? 0 : -ENOENT;
}

static struct inode *link_follow(struct inode *link)
{
    struct inode *inode;
    struct file *file;

    if (node_of(link).kind == NODE_SELF || link_target(link, &inode, &file) || !inode)
        return NULL;
    return inode_get(inode);
}

/* As much of text as fits: what readlink(2) gives. */
static ssize_t give(const char *text, char *to, size_t size)
{
    size = min(size, strlen(text));
    memcpy(to, text, size);
    return (ssize_t)size;
}

static ssize_t give_path(struct inode *inode, char *to, size_t size)
{
    char *text = heap_alloc(HEAP_PATH, PATH_MAX);
    ssize_t result = text ? proc_path_of(inode, text, PATH_MAX) : -ENOMEM;

    if (result > 0)
        result = give(text, to, size);
    heap_free(text);
    return result;
}

static ssize_t link_read(struct inode *link, char *to, size_t size)
{
    struct inode *inode;
    struct file *file;
    char text[64];
    int error;

    if (node_of(link).kind == NODE_SELF) {
        format(text, sizeof(text), "%d", current_process()->pid);
        return give(text, to, size);
    }
    error = link_target(link, &inode, &file);
    if (error)
        return error;
    if (inode && inode->fs->root && inode->fs != link->fs)
        return give_path(inode, to, size);
    format(text, sizeof(text), "%s:[%u]", file ? file->operations->name : "file",
           inode ? (unsigned)inode->number : file->number);
    return give(text, to, size);
}

const struct inode_operations proc_link_operations = {
    .readlink = link_read,
    .follow = link_follow,
};
