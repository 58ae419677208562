/* inode.c - the life of inodes, who may use them, and where file systems are mounted.
 *
 * Invariants: a name holds a reference to its inode and a directory one to its parent,
 * so what can be reached is there. A mounted root and the directory beneath it point at
 * each other for ever; nothing is unmounted.
 * Sleeps: never.
 * Linux: access times follow relatime, but without its once a day.
 * Tests: user/tests/permissions.c
 */
#include "fs/inode.h"

#include "core/panic.h"
#include "mm/heap.h"
#include "mm/memory_object.h"
#include "sched/process.h"

struct list all_file_systems = LIST_INIT(all_file_systems);
struct inode *root_inode;

static special_open special_opens[16];      // by type: (mode & S_IFMT) >> 12
static uint32_t last_device;

/* -- Life -------------------------------------------------------------------------- */

struct inode *inode_create(struct file_system *fs,
                           const struct inode_operations *operations, mode_t mode)
{
    const struct credentials *credentials = current_credentials();
    struct inode *inode = heap_new(HEAP_INODE, struct inode);

    if (!inode)
        return NULL;
    inode->refs = 1;
    inode->links = 1;
    inode->number = ++fs->next_inode;
    inode->fs = fs;
    inode->operations = operations;
    inode->mode = mode;
    inode->uid = credentials->euid;
    inode->gid = credentials->egid;
    inode->accessed = time_realtime();
    inode->modified = inode->changed = inode->born = inode->accessed;
    list_init(&inode->entries);
    return inode;
}

/* A directory's end may be the end of its parent too, if that has been removed as well:
 * a loop, because a chain of them can be as long as memory allows. */
void inode_free(struct inode *inode)
{
    struct inode *parent;

    do {
        assert(inode->refs == 0 && !inode->mounted && !inode->covers && !inode->locks);
        parent = inode->parent != inode ? inode->parent : NULL;
        if (inode->operations->release)
            inode->operations->release(inode);
        if (inode->object)
            object_put(inode->object);
        heap_free(inode);
        inode = parent;
    } while (inode && --inode->refs == 0);
}

void inode_touch_accessed(struct inode *inode)
{
    if (inode->accessed <= inode->modified || inode->accessed <= inode->changed)
        inode->accessed = time_realtime();
}

void inode_touch_modified(struct inode *inode)
{
    inode->modified = inode->changed = time_realtime();
}

void inode_touch_changed(struct inode *inode)
{
    inode->changed = time_realtime();
}

mode_t inode_plain_mode(const struct inode *inode)
{
    const struct credentials *who = current_credentials();
    bool belongs = who->euid == 0 || credentials_in_group(who, inode->gid);
    mode_t mode = inode->mode & ~S_ISUID;

    return (mode & 010) || !belongs ? mode & ~S_ISGID : mode;
}

/* -- Who may ----------------------------------------------------------------------- */

const struct credentials *current_credentials(void)
{
    static const struct credentials root;   // all zero
    const struct process *process = current_process();

    return likely(process) ? &process->credentials : &root;
}

bool inode_is_owned(const struct inode *inode)
{
    uid_t euid = current_credentials()->euid;

    return euid == 0 || euid == inode->uid;
}

/* By the effective ids of `who`. */
static int permission_of(const struct credentials *who, const struct inode *inode,
                         unsigned wanted)
{
    mode_t granted = inode->mode;

    if (who->euid == 0) {
        bool runs = inode_is(inode, S_IFDIR) || (inode->mode & 0111);
        return (wanted & MAY_EXECUTE) && !runs ? -EACCES : 0;
    }
    if (who->euid == inode->uid)
        granted >>= 6;
    else if (credentials_in_group(who, inode->gid))
        granted >>= 3;
    return wanted & ~granted & 7 ? -EACCES : 0;
}

/* access(2) asks what the real user could do. */
static int real_permission(const struct inode *inode, unsigned wanted)
{
    struct credentials real = *current_credentials();

    real.euid = real.uid;
    real.egid = real.gid;
    return permission_of(&real, inode, wanted);
}

int inode_permission(const struct inode *inode, unsigned wanted, bool real_ids)
{
    if (unlikely(real_ids))
        return real_permission(inode, wanted);
    return permission_of(current_credentials(), inode, wanted);
}

int inode_may_make(const struct inode *directory)
{
    if (directory->links == 0)
        return -ENOENT;
    return inode_permission(directory, MAY_WRITE | MAY_SEARCH, false);
}

/* -- Special nodes and file systems ------------------------------------------------ */

void special_open_register(mode_t type, special_open open)
{
    special_opens[(type & S_IFMT) >> 12] = open;
}

/* O_PATH: a descriptor that only says where. */
static const struct file_operations place_operations = { .name = "place" };

int inode_open(struct inode *inode, uint32_t flags, struct file **out)
{
    const struct file_operations *operations = inode->operations->files;
    special_open open = inode->operations->open;

    if (flags & O_PATH) {
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
        operations = &place_operations;
    } else {
        if (!open)
            open = special_opens[(inode->mode & S_IFMT) >> 12];
        if (open)
            return open(inode, flags, out);
    }
    if (!operations)
        return -ENXIO;
    *out = file_create(operations, flags, inode_get(inode), NULL);
    return *out ? 0 : -ENFILE;
}

void file_system_init(struct file_system *fs, const char *type)
{
    fs->type = type;
    fs->device = ++last_device;
    list_node_init(&fs->node);
}

/* The directory to mount on, with a reference; made if it is missing. */
static struct inode *mount_point(const char *where)
{
    struct path path;
    struct inode *directory;
    int error = path_walk(root_inode, where, WALK_PARENT, &path);

    if (!error && !path.inode)
        error = path.parent->operations->create(
            path.parent, path.last, path.last_length, S_IFDIR | 0755, 0, &path.inode);
    if (error || !inode_is(path.inode, S_IFDIR))
        panic("cannot mount on %s: error %d", where, error);
    directory = inode_get(path.inode);
    path_release(&path);
    return directory;
}

void file_system_mount(struct file_system *fs, const char *where)
{
    fs->where = where;
    list_push_back(&all_file_systems, &fs->node);
    if (!root_inode) {
        root_inode = inode_get(fs->root);
        return;
    }
    fs->root->covers = mount_point(where);
    fs->root->covers->mounted = inode_get(fs->root);
}
