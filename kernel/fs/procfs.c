/* procfs.c - /proc: directories, found and listed.
 *
 * Shape: a table of entries; directories are where their names have slashes.
 *
 *      /proc        "meminfo" "sys/kernel/hostname" ...  entries of the machine
 *      /proc/PID    "stat" "status" ...                  entries of each process
 *                   fd task exe cwd root                 proc_links.c
 *      files        text                                 proc_text.c
 *
 * Invariants: an inode of /proc holds nothing but its number (struct node); what that
 *   stands for is looked up at every use. Ids are never used twice, so it cannot become
 *   somebody else.
 * Sleeps: never.
 * Linux: /proc/TID works for every thread, and shows what /proc/PID/task/TID does.
 * Tests: user/tests/proc_pid.c, proc_system.c
 * See: proc(5).
 */
#include "fs/procfs.h"

#include "base/string.h"
#include "core/panic.h"
#include "fs/component.h"
#include "sched/process.h"

enum { DT_DIR = 4, DT_REG = 8, DT_LNK = 10 };

/* Where an open directory is (file->offset). */
enum { AT_DOTS = 0, AT_SPECIALS = 2, AT_ENTRIES = 16, AT_PROCESSES = 1 << 16 };

static struct file_system procfs;
static struct list entries = LIST_INIT(entries);
static unsigned nr_entries;

/* Names that are no entries; the first is in /proc itself, the others below a
 * process. */
static const struct special {
    const char *name;
    enum node_kind kind;
    mode_t mode;
} specials[] = {
    { "self", NODE_SELF, S_IFLNK | 0777 },
    { "fd", NODE_DESCRIPTORS, S_IFDIR | 0500 },
    { "task", NODE_TASKS, S_IFDIR | 0555 },
    { "exe", NODE_EXE, S_IFLNK | 0777 },
    { "cwd", NODE_CWD, S_IFLNK | 0777 },
    { "root", NODE_ROOT, S_IFLNK | 0777 },
};

void proc_entry_register(struct proc_entry *entry)
{
    if (entry->mode == 0)
        entry->mode = 0444;
    entry->place = nr_entries++;
    list_push_back(&entries, &entry->node);
}

struct proc_entry *proc_entry_at(unsigned place)
{
    struct proc_entry *entry;

    list_for_each (entry, &entries, node)
        if (entry->place == place)
            return entry;
    panic("/proc has no entry %u", place);
}

/* -- Nodes ------------------------------------------------------------------------- */

uint64_t node_number(struct node node)
{
    uint32_t high = (uint32_t)node.kind << 24 | node.index << 8 | node.prefix;

    return (uint64_t)high << 32 | (uint32_t)node.id;
}

struct node node_of(const struct inode *inode)
{
    uint32_t high = (uint32_t)(inode->number >> 32);

    return (struct node){ .kind = high >> 24,
                          .index = high >> 8 & 0xffff,
                          .prefix = high & 0xff,
                          .id = (pid_t)inode->number };
}

struct process *proc_process(pid_t id)
{
    struct process *process = process_find(id);
    struct thread *thread = process ? NULL : thread_find(id);

    return thread ? thread->process : process;
}

static const struct inode_operations *operations_of(enum node_kind kind)
{
    switch (kind) {
    case NODE_ENTRY: return &proc_entry_operations;
    case NODE_DIRECTORY: return &proc_directory_operations;
    case NODE_DESCRIPTORS: return &proc_descriptors_operations;
    case NODE_TASKS: return &proc_tasks_operations;
    default: return &proc_link_operations;
    }
}

int node_create(struct inode *directory, struct node node, mode_t mode,
                struct inode **out)
{
    const struct process *process = node.id ? proc_process(node.id) : NULL;
    struct inode *inode;

    if (node.id && !process)
        return -ENOENT;
    inode = inode_create(&procfs, operations_of(node.kind), mode);
    if (!inode)
        return -ENOMEM;
    inode->number = node_number(node);
    inode->uid = process ? process->credentials.euid : 0;
    inode->gid = process ? process->credentials.egid : 0;
    if (inode_is(inode, S_IFDIR)) {
        inode->parent = inode_get(directory);
        inode->links = 2;
    }
    *out = inode;
    return 0;
}

/* -- Directories ------------------------------------------------------------------- */

bool name_to_number(const char *name, size_t length, uint32_t *number)
{
    char text[11];

    if (length == 0 || length >= sizeof(text) || (name[0] == '0' && length > 1))
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    return text[0] >= '0' && text[0] <= '9' && string_to_u32(text, number);
}

int emit_dots(struct file *file, directory_emit emit, void *context)
{
    const struct inode *inode = file->inode;
    int done = 0;

    if (file->offset == 0)
        done = emit(context, ".", 1, inode->number, DT_DIR, 1);
    if (!done && file->offset <= 1)
        done = emit(context, "..", 2, inode->parent->number, DT_DIR, 2);
    return done;
}

static bool is_special_of(const struct special *s, struct node directory)
{
    bool in_task = directory.index == 1;

    return directory.prefix == 0 && (s->kind == NODE_SELF) == (directory.id == 0)
           && !(s->kind == NODE_TASKS && in_task);
}

/* The node that an entry is, or leads to, in a directory; *name is its name there.
 * False when it does not belong there, or when it leads where an earlier one led
 * already. */
static bool node_in(struct node directory, const struct proc_entry *entry,
                    struct node *node, struct component *name)
{
    const char *first = directory.prefix ? proc_entry_at(directory.index)->name : "",
               *rest;
    const struct proc_entry *other;

    if (entry->per_process != (directory.id != 0)
        || strncmp(entry->name, first, directory.prefix) != 0)
        return false;
    rest = entry->name + directory.prefix;
    component_next(&rest, name);
    *node =
        (struct node){ .kind = NODE_ENTRY, .id = directory.id, .index = entry->place };
    if (!name->slash)
        return true;
    node->kind = NODE_DIRECTORY;
    node->prefix = (unsigned)(rest - entry->name);
    list_for_each (other, &entries, node)
        if (other->per_process == entry->per_process
            && strncmp(other->name, entry->name, node->prefix) == 0)
            break;
    return other == entry;
}

static int directory_lookup(struct inode *dir, const char *name, size_t length,
                            struct inode **out)
{
    struct node directory = node_of(dir), node;
    const struct proc_entry *entry;
    struct component c;
    uint32_t id;

    for (const struct special *s = specials; s < specials + ARRAY_SIZE(specials); s++) {
        node = (struct node){ .kind = s->kind, .id = directory.id };
        if (is_special_of(s, directory) && strlen(s->name) == length
            && memcmp(s->name, name, length) == 0)
            return node_create(dir, node, s->mode, out);
    }
    list_for_each (entry, &entries, node) {
        mode_t mode;
        if (!node_in(directory, entry, &node, &c) || c.length != length
            || memcmp(c.name, name, length) != 0)
            continue;
        mode = node.kind == NODE_ENTRY ? S_IFREG | entry->mode : S_IFDIR | 0555;
        return node_create(dir, node, mode, out);
    }
    if (directory.id || directory.prefix || !name_to_number(name, length, &id) || !id)
        return -ENOENT;
    node = (struct node){ .kind = NODE_DIRECTORY, .id = (pid_t)id };
    return node_create(dir, node, S_IFDIR | 0555, out);
}

static int list_processes(struct file *file, directory_emit emit, void *context)
{
    const struct process *process;
    int done = 0;

    list_for_each (process, &all_processes, all_node) {
        struct node node = { .kind = NODE_DIRECTORY, .id = process->pid };
        uint64_t at = AT_PROCESSES + (uint64_t)process->pid;
        char name[12];
        if (at < file->offset)
            continue;
        size_t length = (size_t)format(name, sizeof(name), "%d", process->pid);
        done = emit(context, name, length, node_number(node), DT_DIR, at + 1);
        if (done)
            break;
    }
    return done;
}

static int list_entries(struct file *file, struct node directory, directory_emit emit,
                        void *context)
{
    const struct proc_entry *entry;
    struct node node;
    struct component c;
    int done;

    list_for_each (entry, &entries, node) {
        uint64_t at = AT_ENTRIES + entry->place;
        if (at < file->offset || !node_in(directory, entry, &node, &c))
            continue;
        done = emit(context, c.name, c.length, node_number(node),
                    node.kind == NODE_ENTRY ? DT_REG : DT_DIR, at + 1);
        if (done)
            return done;
    }
    return 0;
}

static int directory_list(struct file *file, directory_emit emit, void *context)
{
    struct node directory = node_of(file->inode);
    int done = emit_dots(file, emit, context);

    if (directory.id && !proc_process(directory.id))
        return -ENOENT;
    for (unsigned i = 0; i < ARRAY_SIZE(specials) && !done; i++) {
        const struct special *s = &specials[i];
        struct node node = { .kind = s->kind, .id = directory.id };
        if (AT_SPECIALS + i >= file->offset && is_special_of(s, directory))
            done = emit(context, s->name, strlen(s->name), node_number(node),
                        s->mode >> 12, AT_SPECIALS + i + 1);
    }
    if (!done)
        done = list_entries(file, directory, emit, context);
    if (!done && !directory.id && !directory.prefix)
        done = list_processes(file, emit, context);
    return done;
}

static const struct file_operations directory_files = {
    .name = "directory of /proc",
    .seek = file_seek,
    .list = directory_list,
};

const struct inode_operations proc_directory_operations = {
    .lookup = directory_lookup,
    .files = &directory_files,
};

void procfs_init(const char *command_line)
{
    file_system_init(&procfs, "proc");
    procfs.root = inode_create(&procfs, &proc_directory_operations, S_IFDIR | 0555);
    if (!procfs.root)
        panic("no memory for /proc");
    procfs.root->number = node_number((struct node){ .kind = NODE_DIRECTORY });
    procfs.root->parent = procfs.root;
    procfs.root->links = 2;
    file_system_mount(&procfs, "/proc");
    proc_process_init();
    proc_system_init(command_line);
    proc_check_init();
}
