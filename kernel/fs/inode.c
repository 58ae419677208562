/* inode.c - the life of inodes, who may use them, and where file systems are mounted.
 *
 * Invariants: a name holds a reference to its inode and a directory one to its parent,
 * so what can be reached is there. A mounted root and the directory beneath it point at
 * each other for ever; nothing is unmounted.
 * Sleeps: inode_open, when it is a FIFO.
 * Linux: access times follow relatime, but without its once a day.
 * Tests: user/tests/permissions.c
 */
#include "fs/devfs.h"
#include "mm/heap.h"

struct list all_file_systems = LIST_INIT(all_file_systems);
struct inode *root_inode;

int (*fifo_open_hook)(struct file *file);
static uint32_t last_device;

/* -- Life -------------------------------------------------------------------------- */

struct inode *inode_create(struct file_system *fs,
                           const struct inode_operations *operations, mode_t mode) {
    const struct credentials *who = current_credentials();
    struct inode *inode = heap_new(HEAP_INODE, struct inode);
    const nanoseconds_t now = time_realtime();

    if (!inode) return NULL;
    *inode = (struct inode){
        .refs = 1, .links = (mode & S_IFMT) == S_IFDIR ? 2 : 1, .fs = fs,
        .number = ++fs->next_inode, .operations = operations, .mode = mode,
        .uid = who->euid, .gid = who->egid, .accessed = now, .modified = now,
        .changed = now, .born = now,
    };
    list_init(&inode->entries);
    return inode;
}

struct inode *inode_nameless(mode_t mode) {
    static struct file_system nowhere = { .type = "nameless" };
    static const struct inode_operations operations;

    return inode_create(&nowhere, &operations, mode);
}

/* A directory's end may be the end of its parent too, if that has been removed as well:
 * a loop, because a chain of them can be as long as memory allows. */
void inode_put(struct inode *inode) {
    while (inode && --inode->refs == 0) {
        struct inode *parent = inode_is(inode, S_IFDIR) ? inode->parent : NULL;
        assert(parent != inode && !inode->mounted && !inode->covers && !inode->locks);
        if (inode->operations->release) inode->operations->release(inode);
        if (inode->object) object_put(inode->object);
        heap_free(inode);
        inode = parent;
    }
}

void inode_touch_accessed(struct inode *inode) {
    if (inode->accessed <= inode->modified || inode->accessed <= inode->changed)
        inode->accessed = time_realtime();
}

void inode_touch_modified(struct inode *inode) {
    inode->modified = inode->changed = time_realtime();
}

mode_t inode_plain_mode(const struct inode *inode) {
    // without x for the group the bit means something else
    return inode->mode & ~(inode->mode & 010 ? S_ISUID | S_ISGID : S_ISUID);
}

/* -- Who may ----------------------------------------------------------------------- */

const struct credentials *current_credentials(void) {
    static const struct credentials root;   // all zero
    const struct process *process = current_process();

    return likely(process) ? &process->credentials : &root;
}

bool inode_is_owned(const struct inode *inode) {
    uid_t euid = current_credentials()->euid;

    return euid == 0 || euid == inode->uid;
}

int inode_permission(const struct inode *inode, unsigned wanted) {
    const struct credentials *who = current_credentials();
    mode_t granted = inode->mode;

    if (who->euid == 0) {
        bool runs = inode_is(inode, S_IFDIR) || (inode->mode & 0111);
        return (wanted & MAY_EXECUTE) && !runs ? -EACCES : 0;
    }
    if (who->euid == inode->uid) granted >>= 6;
    else if (credentials_in_group(who, inode->gid)) granted >>= 3;
    return wanted & ~granted & 7 ? -EACCES : 0;
}

/* -- Opening, mounting ------------------------------------------------------------- */

int inode_open(struct inode *inode, uint32_t flags, struct file **out) {
    static const struct file_operations place = { .name = "place" };
    const struct inode_operations *node = inode->operations;
    struct file *file = file_create(&place, flags, inode_get(inode), NULL);
    int error = file ? 0 : -ENFILE;

    if (file && !(flags & O_PATH)) {
        if (node->open) error = node->open(file);
        else if (inode_is(inode, S_IFIFO)) error = fifo_open_hook(file);
        else if (inode_is(inode, S_IFCHR)) error = device_open(file);
        else if (node->files) file->operations = node->files;
        else error = -ENXIO;
        if (error) file_put(file);
    }
    *out = error ? NULL : file;
    return error;
}

static const struct wait_class name_class = { "name to appear", NULL, 0 };

void file_system_mount(struct file_system *fs, const char *type, struct inode *root,
                       const char *where) {
    const struct new_node directory = { .mode = S_IFDIR | 0755 };
    struct path path;

    if (!root) panic("no memory for %s", where);
    fs->type = type;
    fs->device = ++last_device;
    fs->root = root->parent = root;
    fs->where = where;
    wait_queue_init(&fs->new_names, &name_class);
    list_push_back(&all_file_systems, &fs->node);
    if (!root_inode) {
        root_inode = inode_get(root);
        return;
    }
    int error = path_walk(root_inode, where, WALK_PARENT, &path);
    if (!error && !path.inode) error = path_make(&path, &directory);
    if (error || !inode_is(path.inode, S_IFDIR))
        panic("cannot mount on %s: error %d", where, error);
    root->covers = inode_get(path.inode);
    path.inode->mounted = inode_get(root);
    path_release(&path);
}
