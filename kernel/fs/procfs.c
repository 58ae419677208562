/* procfs.c - /proc: its directories, links and files.
 *
 * Shape: one table of names for /proc itself and every /proc/PID; numbers besides.
 *
 *      /proc        "meminfo" "self" ...    the machine's entries      1 2 3: processes
 *      /proc/PID    "stat" "fd" "exe" ...   the entries per process
 *      /proc/PID/fd                                         0 1 2: what it has open
 *
 * Invariants: an inode of /proc holds nothing but its number (struct node); what that
 *   stands for is looked up at every use. Ids are never used twice, so it cannot become
 *   somebody else.
 * Sleeps: never.
 * Linux: /proc/TID works for every thread. Links are magic: opening one leads to the
 *   very object, whatever its text says. Files of /proc and those that lost their name
 *   have no path.
 * Tests: user/tests/proc_pid.c, proc_system.c
 * See: proc(5).
 */
#include "fs/procfs.h"

#include "core/panic.h"
#include "mm/heap.h"
#include "sched/process.h"

#define PLACES    64u
#define LINK_SIZE 64u           /* st_size of a link, as on Linux */

static struct file_system procfs;
static struct proc_entry *entries[PLACES];
static unsigned nr_entries;

void proc_entry_register(struct proc_entry *entry) {
    assert(nr_entries < PLACES);
    if (!entry->mode) entry->mode = S_IFREG | 0444;
    entries[nr_entries++] = entry;
}

/* -- Nodes ------------------------------------------------------------------------- */

union number {
    struct node node;
    uint64_t number;
};

static uint64_t number_of(struct node node) {
    return (union number){ .node = node }.number;
}

static struct node node_of(const struct inode *inode) {
    return (union number){ .number = inode->number }.node;
}

static struct proc_entry *entry_of(struct node node) { return entries[node.place]; }

struct process *proc_process(struct node node) {
    struct process *process = process_find(node.id);
    const struct thread *thread = process ? NULL : thread_find(node.id);

    return thread ? thread->process : process;
}

static struct file *open_file_of(struct node node) {
    const struct process *process = proc_process(node);
    unsigned fd = node.descriptor - 1u;

    return process && process->files && fd < process->files->size
               ? process->files->places[fd].file
               : NULL;
}

/* May the current process look into that of the inode? 0, -ENOENT when it is gone,
 * -EACCES. */
static int may_inspect(const struct inode *inode) {
    const struct process *process = proc_process(node_of(inode));
    const struct credentials *me = current_credentials(), *c;

    if (!process) return -ENOENT;
    c = &process->credentials;
    if (me->euid == 0
        || (me->euid == c->uid && me->euid == c->euid && me->euid == c->suid))
        return 0;
    return -EACCES;
}

static mode_t mode_of(struct node node) {
    const struct file *file = node.descriptor ? open_file_of(node) : NULL;

    if (!file) return entry_of(node)->mode;
    return S_IFLNK | (file_is_readable(file) ? 0500 : 0)
           | (file_is_writable(file) ? 0300 : 0);
}

/* -- Directories ------------------------------------------------------------------- */

/* The name that an entry has in a directory; NULL: it belongs elsewhere. */
static const char *name_in(struct node directory, unsigned place) {
    const char *above = entry_of(directory)->name, *name = entries[place]->name;
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;

    if (entries[place]->per_process != (directory.id != 0) || length != strlen(above)
        || memcmp(name, above, length) != 0)
        return NULL;
    return slash ? slash + 1 : name;
}

struct child {
    struct node node;
    struct name name;
    char digits[12];            /* of a number, which is its name */
};

/* The child of a directory at *at or the first behind, which moves behind that: entries
 * are at their places, numbers from PLACES on. False: there is none. */
static bool next_child(struct node directory, uint64_t *at, struct child *child) {
    uint32_t number = *at > PLACES ? (uint32_t)(*at - PLACES) : 0;

    child->node = directory;
    for (; *at < nr_entries; ++*at) {
        const char *name = name_in(directory, (unsigned)*at);
        if (name) {
            child->node.place = (uint16_t)(*at)++;
            child->name = name_of(name);
            return true;
        }
    }
    if (!entry_of(directory)->next || !entry_of(directory)->next(&child->node, &number))
        return false;
    *at = PLACES + (uint64_t)number + 1;
    child->name.text = child->digits;
    child->name.length =
        (size_t)format(child->digits, sizeof(child->digits), "%u", number);
    return true;
}

static bool next_process(struct node *node, uint32_t *number) {
    const struct process *process;

    if (node->id)
        return false;           // that is /proc/PID
    list_for_each (process, &all_processes, all_node)
        if ((uint32_t)process->pid >= *number) {
            node->id = process->pid;
            *number = (uint32_t)process->pid;
            return true;
        }
    return false;
}

static const struct inode_operations directory_operations, link_operations,
    file_operations;

static int directory_lookup(struct inode *directory, struct name name,
                            struct inode **out) {
    uint64_t at = FIRST_ENTRY, number = 0;
    const struct process *process;
    struct inode *inode;
    struct child child;

    if (name.text[0] >= '0' && name.text[0] <= '9') {
        for (size_t i = 0; i < min(name.length, 10u); i++)
            number = number * 10 + (uint8_t)(name.text[i] - '0');
        at = number + PLACES;
    }
    do {
        if (next_child(node_of(directory), &at, &child)) continue;
        // /proc/TID is there, too, though a list has processes only
        if (entry_of(child.node)->next != next_process || child.node.id
            || !thread_find((pid_t)number))
            return -ENOENT;
        child.node.id = (pid_t)number;
        break;
    } while (!name_is(child.name, name));
    inode = inode_create(&procfs, &file_operations, mode_of(child.node));
    if (!inode) return -ENOMEM;
    process = proc_process(child.node);
    inode->number = number_of(child.node);
    inode->uid = process ? process->credentials.euid : 0;
    inode->gid = process ? process->credentials.egid : 0;
    if (inode_is(inode, S_IFDIR)) {
        inode->operations = &directory_operations;
        inode->parent = inode_get(directory);
    } else if (inode_is(inode, S_IFLNK)) {
        inode->operations = &link_operations;
        inode->size = LINK_SIZE;
    }
    *out = inode;
    return 0;
}

static int directory_list(struct file *file, directory_emit emit, void *context) {
    struct node node = node_of(file->inode);
    uint64_t at = file->offset;
    struct child child;

    if (node.id && !proc_process(node)) return -ENOENT;
    while (next_child(node, &at, &child))
        if (emit(context, child.name, number_of(child.node), mode_of(child.node), at))
            break;
    return 0;
}

static const struct file_operations directory_files = {
    .name = "directory of /proc",
    .read = directory_read,
    .seek = file_seek,
    .list = directory_list,
};

static const struct inode_operations directory_operations = {
    .lookup = directory_lookup,
    .files = &directory_files,
};

/* -- Links ------------------------------------------------------------------------- */

/* What a link stands for, without a new reference; NULL: something without an inode. */
static struct inode *target_of(const struct inode *link) {
    struct node node = node_of(link);
    const struct process *process = proc_process(node);
    const struct file *file = node.descriptor ? open_file_of(node) : NULL;

    if (file) return file->inode;
    return process && entry_of(node)->follow ? entry_of(node)->follow(process) : NULL;
}

static struct inode *link_follow(struct inode *link) {
    struct inode *inode = may_inspect(link) ? NULL : target_of(link);

    return inode ? inode_get(inode) : NULL;
}

static ssize_t link_read(struct inode *link, char to[PATH_MAX]) {
    const struct file *file = open_file_of(node_of(link));
    struct inode *inode = target_of(link);
    ssize_t length;

    if (!node_of(link).id)      // /proc/self
        return format(to, PATH_MAX, "%d", current_process()->pid);
    length = may_inspect(link);
    if (length) return length;
    length = inode ? path_of_inode(inode) : -ENOENT;
    if (length > 0) {
        memmove(to, path_buffer + PATH_MAX - length, (size_t)length);
        return length - 1;      // without its NUL
    }
    return file ? format(to, PATH_MAX, "%s:[%llu]", file->operations->name,
                         inode->number)
                : length;
}

static const struct inode_operations link_operations = {
    .readlink = link_read,
    .follow = link_follow,
};

/* -- Files ------------------------------------------------------------------------- */

/* 0, -ESRCH, -ENOMEM. */
static int make_text(struct node node, struct text *text) {
    heap_free(text->bytes);
    *text = (struct text){ .id = node.id, .process = proc_process(node) };
    if (node.id && !text->process) return -ESRCH;
    entry_of(node)->show(text);
    return text->is_cut ? -ENOMEM : 0;
}

static ssize_t file_read_text(struct file *file, struct io *io, uint64_t *offset) {
    struct text *text = file->object;
    size_t n;

    if (*offset == 0 || !text->bytes) {
        int error = make_text(node_of(file->inode), text);
        if (error) return error;
    }
    if (*offset >= text->length) return 0;
    n = min(io->left, text->length - (size_t)*offset);
    if (io_give(io, text->bytes + *offset, n)) return -EFAULT;
    *offset += n;
    return (ssize_t)n;
}

static void file_close(struct file *file) {
    struct text *text = file->object;

    heap_free(text->bytes);
    heap_free(text);
}

static int file_open(struct inode *inode, uint32_t flags, struct file **out) {
    static const struct file_operations operations = {
        .name = "file of /proc", .read = file_read_text, .seek = file_seek,
        .release = file_close,
    };
    struct text *text;

    if (entry_of(node_of(inode))->owner_only && may_inspect(inode)) return -EACCES;
    text = heap_new(HEAP_TEXT, struct text);
    if (!text) return -ENOMEM;
    *out = file_create(&operations, flags, inode_get(inode), text);
    if (*out) return 0;
    heap_free(text);
    return -ENFILE;
}

static const struct inode_operations file_operations = { .open = file_open };

void procfs_init(const char *command_line) {
    static struct proc_entry root = { .name = "", .mode = S_IFDIR | 0555,
                                      .next = next_process };

    nr_entries = 1;             // so that no number is 0
    proc_entry_register(&root);
    file_system_init(&procfs, "proc");
    procfs.root = inode_create(&procfs, &directory_operations, S_IFDIR | 0555);
    if (!procfs.root) panic("no memory for /proc");
    procfs.root->number = number_of((struct node){ .place = 1 });
    procfs.root->parent = procfs.root;
    file_system_mount(&procfs, "/proc");
    proc_process_init();
    proc_system_init(command_line);
    proc_check_init();
}
