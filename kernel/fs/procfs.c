/* procfs.c - /proc: its directories, links and files.
 *
 * Shape: the tables of names that all parts of the kernel have, one behind the other
 * (PROC_TABLE); numbers besides.
 *
 *      /proc        "meminfo" "self" "ipc"   the machine's entries     1 2 3: processes
 *      /proc/PID    "PID/stat" "PID/fd"      the entries per process
 *      /proc/PID/fd                                         0 1 2: what it has open
 *
 * Invariants: an inode of /proc holds nothing but its number (union node); what that
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

#include "mm/memory_object.h"

enum { ROOT = 1, PROCESS, DESCRIPTORS };        /* places of /proc, /proc/PID, its fd */
enum { FIRST_NUMBER = 64 };     /* offsets in directories: numbers from here on */

union node {                    /* what an inode of /proc stands for */
    uint64_t number;            /* the inode's */
    struct {
        pid_t id;               /* process or thread; 0: the machine's */
        uint16_t place;         /* of its entry in the tables, from 1 */
        uint16_t descriptor;    /* + 1; 0: not below fd */
    };
};

extern const struct proc_entry proc_entries_start[], proc_entries_end[];

static struct file_system procfs;
const char *proc_command_line;

/* Before all others; listings begin behind the first two. See procfs_init. */
static const struct proc_entry roots[] PROC_TABLE = {
    [ROOT - 1] = { .name = "", .mode = S_IFDIR | 0555 },
    [PROCESS - 1] = { .name = "PID", .mode = S_IFDIR | 0555 },
    [DESCRIPTORS - 1] = { .name = "PID/fd", .mode = S_IFDIR | 0500 },
};
static_assert(PROCESS == FIRST_ENTRY, "behind `.` and `..`");

/* -- Nodes ------------------------------------------------------------------------- */

static union node node_of(const struct inode *inode) {
    return (union node){ .number = inode->number };
}

static const struct proc_entry *entry_of(union node node) {
    return &proc_entries_start[node.place - 1];
}

/* The process a node is about, by its id or a thread's; NULL: gone. */
static struct process *process_of(union node node) {
    struct process *process = process_find(node.id);
    const struct thread *thread = process ? NULL : thread_find(node.id);

    return thread ? thread->process : process;
}

static struct file *open_file_of(union node node) {
    const struct process *process = process_of(node);
    unsigned fd = node.descriptor - 1u;

    return process && process->files && fd < process->files->size
               ? process->files->places[fd].file
               : NULL;
}

/* May the current process look into that of the inode? 0, -ENOENT when it is gone,
 * -EACCES. */
static int may_inspect(const struct inode *inode) {
    const struct process *process = process_of(node_of(inode));
    uid_t me = current_credentials()->euid;

    if (!process) return -ENOENT;
    const struct credentials *c = &process->credentials;
    return me == 0 || (me == c->uid && me == c->euid && me == c->suid) ? 0 : -EACCES;
}

static mode_t mode_of(union node node) {
    const struct file *file = open_file_of(node);
    mode_t mode = entry_of(node)->mode;

    if (!file) return mode ? mode : S_IFREG | 0444;
    return S_IFLNK | (file_is_readable(file) ? 0500 : 0)
           | (file_is_writable(file) ? 0300 : 0);
}

/* -- Directories ------------------------------------------------------------------- */

/* The first number from *number on that is a name in a directory, /proc or an fd, and
 * its node; that of the directory before. */
static bool next_number(union node *node, uint32_t *number) {
    const struct process *p = process_of(*node);

    if (node->place == DESCRIPTORS && p && p->files) {
        while (*number < p->files->size && !p->files->places[*number].file) ++*number;
        node->descriptor = (uint16_t)(*number + 1);
        return *number < p->files->size;
    }
    if (node->place != ROOT) return false;
    list_for_each (p, &all_processes, all_node) {
        if ((uint32_t)p->pid < *number) continue;
        *number = (uint32_t)p->pid;
        *node = (union node){ .id = p->pid, .place = PROCESS };
        return true;
    }
    return false;
}

/* The child of a directory at the cursor. False: there is none. */
static bool next_child(union node directory, struct cursor *c, union node *child) {
    uint32_t number = c->next > FIRST_NUMBER ? (uint32_t)(c->next - FIRST_NUMBER) : 0;
    const char *above = entry_of(directory)->name;

    *child = directory;
    while (c->next < (uint64_t)(proc_entries_end - proc_entries_start)) {
        const char *name = proc_entries_start[c->next++].name,
                   *slash = strchr(name, '/');
        size_t length = slash ? (size_t)(slash - name) : 0;
        if (strncmp(name, above, length) != 0 || above[length]) continue;
        child->place = (uint16_t)c->next;
        c->name = name_of(slash ? slash + 1 : name);
        return true;
    }
    if (!next_number(child, &number)) return false;
    c->next = FIRST_NUMBER + (uint64_t)number + 1;
    format(c->text, sizeof(c->text), "%u", number);
    c->name = name_of(c->text);
    return true;
}

static const struct inode_operations operations;

static int directory_lookup(struct inode *directory, struct name name,
                            struct inode **out) {
    struct cursor c = { .next = FIRST_ENTRY };
    uint32_t number = 0;

    for (size_t i = 0; i < name.length; i++)
        number = number * 10 + (uint8_t)(name.text[i] - '0');
    format(c.text, sizeof(c.text), "%u", number);
    bool is_number = name_is(name_of(c.text), name);
    if (is_number) c.next = FIRST_NUMBER + (uint64_t)number;
    union node child = { .id = (pid_t)number, .place = PROCESS };
    // /proc/TID is there, too, though a list has processes only
    bool found = is_number && node_of(directory).place == ROOT && process_of(child);
    while (!found) {
        if (!next_child(node_of(directory), &c, &child)) return -ENOENT;
        found = name_is(c.name, name);
    }
    struct inode *inode = inode_create(&procfs, &operations, mode_of(child));
    if (!inode) return -ENOMEM;
    const struct process *process = process_of(child);
    inode->number = child.number;
    inode->uid = process ? process->credentials.euid : 0;
    inode->gid = process ? process->credentials.egid : 0;
    if (inode_is(inode, S_IFDIR)) inode->parent = inode_get(directory);
    if (inode_is(inode, S_IFLNK)) inode->size = 64;    // as on Linux
    *out = inode;
    return 0;
}

static int directory_next(struct inode *directory, struct cursor *c) {
    union node node = node_of(directory), child;

    if (node.id && !process_of(node)) return -ENOENT;
    if (!next_child(node, c, &child)) return 0;
    c->number = child.number;
    c->mode = mode_of(child);
    return 1;
}

static const struct file_operations directory_files = {
    .name = "directory of /proc", .has_places = true,
};

/* -- Links ------------------------------------------------------------------------- */

static struct inode *link_follow(struct inode *link) {
    union node node = node_of(link);
    const struct file *file = open_file_of(node);
    struct inode *inode = NULL;

    if (may_inspect(link)) return NULL;
    if (file) inode = file->inode;
    else if (entry_of(node)->follow) inode = entry_of(node)->follow(process_of(node));
    return inode ? inode_get(inode) : NULL;
}

static ssize_t link_read(struct inode *link, char to[PATH_MAX]) {
    const struct file *file = open_file_of(node_of(link));

    if (!node_of(link).id)      // /proc/self
        return format(to, PATH_MAX, "%d", current_process()->pid);
    ssize_t length = may_inspect(link);
    struct inode *inode = link_follow(link);
    if (!inode) return length ? length : -ENOENT;
    length = path_of_inode(inode);
    if (length > 0) {
        memcpy(to, path_buffer + PATH_MAX - length, (size_t)length);
        length--;               // without its NUL
    } else if (file) {
        length =
            format(to, PATH_MAX, "%s:[%llu]", file->operations->name, inode->number);
    }
    inode_put(inode);
    return length;
}

/* -- Files ------------------------------------------------------------------------- */

static ssize_t text_read(struct file *file, struct io *io) {
    static const struct thread nobody;
    struct inode *inode = file->inode;
    union node node = node_of(inode);

    if (*io->offset == 0 || !inode->object) {
        struct process *process = process_of(node);
        const struct thread *thread = thread_find(node.id);
        if (node.id && !process) return -ESRCH;
        if (process && !thread)
            thread = list_first_entry(&process->threads, struct thread, process_node);
        if (!inode->object && !(inode->object = object_create(0))) return -ENOMEM;
        object_truncate(inode->object, inode->size = 0);
        struct text text = { inode, process, thread ? thread : &nobody, node.id,
                             false };
        entry_of(node)->show(&text);
        if (text.is_cut) return -ENOMEM;
    }
    return regular_read(file, io);
}

static int node_open(struct inode *inode, uint32_t flags, struct file **out) {
    static const struct file_operations text_files = {
        .name = "file of /proc", .read = text_read, .has_places = true,
    };
    union node node = node_of(inode);

    // whatever chmod has made of it
    if (node.id && entry_of(node)->mode == (S_IFREG | 0400) && may_inspect(inode))
        return -EACCES;
    *out = file_create(inode_is(inode, S_IFREG) ? &text_files : &directory_files, flags,
                       inode_get(inode), NULL);
    return *out ? 0 : -ENFILE;
}

static const struct inode_operations operations = {
    .lookup = directory_lookup, .next = directory_next, .readlink = link_read,
    .follow = link_follow, .open = node_open, .files = &directory_files,
};

void procfs_init(const char *command_line) {
    assert(!*entry_of((union node){ .place = ROOT })->name
           && proc_entries_end - proc_entries_start < FIRST_NUMBER);
    proc_command_line = command_line;
    file_system_mount(&procfs, "proc",
                      inode_create(&procfs, &operations, S_IFDIR | 0555), "/proc");
    procfs.root->number = (union node){ .place = ROOT }.number;
}

/* -- Writing a text ---------------------------------------------------------------- */

void text_add(struct text *text, const char *bytes, size_t size) {
    struct inode *inode = text->inode;

    if (object_write(inode->object, inode->size, bytes, size) < size)
        text->is_cut = true;
    else inode->size += size;
}

static void put(void *text, char c) { text_add(text, &c, 1); }

void text_printf(struct text *text, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    format_to(put, text, format, arguments);
    va_end(arguments);
}

void text_word(struct text *text, const char *name) {
    text_printf(text, *name ? " " : " -");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        text_printf(text, c <= ' ' || c == '\\' || c == 127 ? "\\%03o" : "%c", c);
    }
}

void text_waiters(struct text *text, const char *label, const struct wait_queue *queue,
                  bool (*is)(const struct waiter *waiter, const void *context),
                  const void *context) {
    const struct waiter *waiter;
    const char *before = "=";

    text_printf(text, " %s", label);
    list_for_each (waiter, &queue->waiters, node) {
        if (waiter->shared || (is && !is(waiter, context))) continue;
        text_printf(text, "%s%d", before, waiter->thread->process->pid);
        before = ",";
    }
    text_printf(text, *before == '=' ? "=-" : "");
}
