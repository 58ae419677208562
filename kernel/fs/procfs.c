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

#include "mm/address_space.h"

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

/* What a node stands for at this moment. */
struct subject {
    const struct proc_entry *entry;
    struct process *process;    /* its id's or a thread's; NULL: the machine, or gone */
    const struct file *file;    /* the descriptor's; NULL: none, or closed */
    struct inode *inode;        /* where a link leads, or NULL */
};

static union node node_of(const struct inode *inode) {
    return (union node){ .number = inode->number };
}

static struct subject subject_of(union node node) {
    struct process *p = process_find(node.id);
    const struct thread *thread = p ? NULL : thread_find(node.id);
    unsigned fd = node.descriptor - 1u;

    if (thread) p = thread->process;
    struct subject s = { &proc_entries_start[node.place - 1], p, NULL, NULL };
    if (p && p->files && fd < p->files->size) s.file = p->files->places[fd].file;
    if (s.file) s.inode = s.file->inode;
    else if (p && s.entry->link)
        s.inode = *(struct inode **)((char *)p + s.entry->link);
    return s;
}

/* May the current process look into that one? 0, -ENOENT when it is gone, -EACCES. */
static int may_inspect(const struct process *process) {
    uid_t me = current_credentials()->euid;

    if (!process) return -ENOENT;
    const struct credentials *c = &process->credentials;
    return me == 0 || (me == c->uid && me == c->euid && me == c->suid) ? 0 : -EACCES;
}

static mode_t mode_of(struct subject s) {
    if (!s.file) return s.entry->mode ? s.entry->mode : S_IFREG | 0444;
    return S_IFLNK | (file_is_readable(s.file) ? 0500 : 0)
           | (file_is_writable(s.file) ? 0300 : 0);
}

/* -- Directories ------------------------------------------------------------------- */

/* The child of a directory at the cursor, or the first behind it: names of the tables,
 * then numbers, /proc's of processes and those of an fd. False: there is none. */
static bool next_child(union node directory, struct cursor *c, union node *child) {
    struct subject s = subject_of(directory);
    const struct process *p = s.process;

    *child = directory;
    while (c->next < (uint64_t)(proc_entries_end - proc_entries_start)) {
        const char *name = proc_entries_start[c->next++].name,
                   *slash = strchr(name, '/');
        size_t length = slash ? (size_t)(slash - name) : 0;
        if (strncmp(name, s.entry->name, length) != 0 || s.entry->name[length])
            continue;
        child->place = (uint16_t)c->next;
        c->name = name_of(slash ? slash + 1 : name);
        return true;
    }
    uint32_t number = (uint32_t)(max(c->next, (uint64_t)FIRST_NUMBER) - FIRST_NUMBER);
    bool found = false;
    if (directory.place == ROOT) {
        list_for_each (p, &all_processes, all_node)
            if ((found = (uint32_t)p->pid >= number)) break;
        if (found) number = (uint32_t)p->pid;
        *child = (union node){ .id = (pid_t)number, .place = PROCESS };
    } else if (directory.place == DESCRIPTORS && p && p->files) {
        while (number < p->files->size && !p->files->places[number].file) number++;
        found = number < p->files->size;
        child->descriptor = (uint16_t)(number + 1);
    }
    c->next = FIRST_NUMBER + (uint64_t)number + 1;
    format(c->text, sizeof(c->text), "%u", number);
    c->name = name_of(c->text);
    return found;
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
    bool found =
        is_number && node_of(directory).place == ROOT && subject_of(child).process;
    while (!found) {
        if (!next_child(node_of(directory), &c, &child)) return -ENOENT;
        found = name_is(c.name, name);
    }
    struct subject s = subject_of(child);
    struct inode *inode = inode_create(&procfs, &operations, mode_of(s));
    if (!inode) return -ENOMEM;
    inode->number = child.number;
    inode->uid = s.process ? s.process->credentials.euid : 0;
    inode->gid = s.process ? s.process->credentials.egid : 0;
    if (inode_is(inode, S_IFDIR)) inode->parent = inode_get(directory);
    if (inode_is(inode, S_IFLNK)) inode->size = 64;    // as on Linux
    *out = inode;
    return 0;
}

static int directory_next(struct inode *directory, struct cursor *c) {
    union node node = node_of(directory), child;

    if (node.id && !subject_of(node).process) return -ENOENT;
    if (!next_child(node, c, &child)) return 0;
    c->number = child.number;
    c->mode = mode_of(subject_of(child));
    return 1;
}

/* -- Links ------------------------------------------------------------------------- */

static struct inode *link_follow(struct inode *link) {
    struct subject s = subject_of(node_of(link));

    return s.inode && !may_inspect(s.process) ? inode_get(s.inode) : NULL;
}

static ssize_t link_read(struct inode *link, char to[PATH_MAX]) {
    struct subject s = subject_of(node_of(link));

    if (!node_of(link).id)      // /proc/self
        return format(to, PATH_MAX, "%d", current_process()->pid);
    ssize_t length = may_inspect(s.process);
    if (length || !s.inode) return length ? length : -ENOENT;
    length = path_of_inode(s.inode);
    if (length <= 0)
        return s.file ? format(to, PATH_MAX, "%s:[%llu]", s.file->operations->name,
                               s.inode->number)
                      : length;
    memcpy(to, path_buffer + PATH_MAX - length, (size_t)length);
    return length - 1;          // without its NUL
}

/* -- Files ------------------------------------------------------------------------- */

static ssize_t text_read(struct file *file, struct io *io) {
    static struct address_space no_space = { .regions = LIST_INIT(no_space.regions) };
    static const struct thread nobody;
    struct inode *inode = file->inode;
    pid_t id = node_of(inode).id;

    if (*io->offset == 0 || !inode->object) {
        struct subject s = subject_of(node_of(inode));
        const struct thread *thread = thread_find(id);
        if (id && !s.process) return -ESRCH;
        if (s.process && !thread)
            thread = list_first_entry(&s.process->threads, struct thread, process_node);
        if (!inode->object && !(inode->object = object_create(0))) return -ENOMEM;
        object_truncate(inode->object, inode->size = 0);
        bool has_space = s.process && s.process->space;
        struct text text = { inode, s.process, has_space ? s.process->space : &no_space,
                             thread ? thread : &nobody, id, false };
        s.entry->show(&text);
        if (text.is_cut) return -ENOMEM;
    }
    return regular_read(file, io);
}

static int node_open(struct file *file) {
    static const struct file_operations directories = {
        .name = "directory of /proc", .has_places = true,
    }, texts = { .name = "file of /proc", .read = text_read, .has_places = true };
    const struct inode *inode = file->inode;
    struct subject s = subject_of(node_of(inode));

    // whatever chmod has made of it
    if (node_of(inode).id && s.entry->mode == (S_IFREG | 0400)
        && may_inspect(s.process))
        return -EACCES;
    file->operations = inode_is(inode, S_IFREG) ? &texts : &directories;
    return 0;
}

static const struct inode_operations operations = {
    .lookup = directory_lookup, .next = directory_next, .readlink = link_read,
    .follow = link_follow, .open = node_open,
};

void procfs_init(const char *command_line) {
    assert(!*proc_entries_start[ROOT - 1].name
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

void text_printf(struct text *text, const char *format, ...) {
    va_list arguments;
    char bytes[768];

    va_start(arguments, format);
    size_t size = (size_t)format_v(bytes, sizeof(bytes), format, arguments);
    va_end(arguments);
    assert(size < sizeof(bytes));
    text_add(text, bytes, size);
}

void text_word(struct text *text, const char *name) {
    text_printf(text, *name ? " " : " -");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        text_printf(text, c <= ' ' || c == '\\' || c == 127 ? "\\%03o" : "%c", c);
    }
}

void text_capacity(struct text *text, uint32_t capacity) {
    text_printf(text, capacity == UINT32_MAX ? " unbounded" : " %u", capacity);
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
