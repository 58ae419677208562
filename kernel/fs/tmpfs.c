/* tmpfs.c - the file system in memory: nodes of every kind, and symbolic links.
 *
 * Shape:
 *      tmpfs.c        makes nodes                                  inode->operations
 *      tmpfs_dir.c    directories: entries with names      <-- S_IFDIR
 *      tmpfs_file.c   contents of regular files            <-- S_IFREG
 *      elsewhere      FIFOs, sockets, devices: special_open
 *
 * Invariants: an inode lives while it has a name or somebody holds it. links counts the
 * names; a directory has two and one for each directory in it, or 0 once removed.
 * Sleeps: never.
 * Tests: user/tests/link.c, mkdir.c, mknod.c, symlink.c
 */
#include "fs/tmpfs.h"

#include "base/string.h"
#include "mm/heap.h"
#include "sched/process.h"

struct tmpfs {
    struct file_system fs;
    int (*make_special)(struct inode *inode);
    struct wait_queue new_names;
};

static const struct wait_class name_class = { "name to appear", NULL };

int tmpfs_make_special(struct inode *inode)
{
    struct tmpfs *tmpfs = container_of(inode->fs, struct tmpfs, fs);

    if (!tmpfs->make_special)
        return 0;
    return inode_is(inode, S_IFREG) ? tmpfs->make_special(inode) : -EPERM;
}

struct wait_queue *tmpfs_new_names(struct file_system *fs)
{
    return &container_of(fs, struct tmpfs, fs)->new_names;
}

/* -- Symbolic links ---------------------------------------------------------------- */

static ssize_t link_read(struct inode *inode, char *to, size_t size)
{
    size = min(size, (size_t)inode->size);
    memcpy(to, inode->data, size);
    return (ssize_t)size;
}

static void link_release(struct inode *inode)
{
    heap_free(inode->data);
}

static const struct inode_operations link_operations = {
    .readlink = link_read,
    .release = link_release,
};

static const struct inode_operations special_operations;

/* -- Nodes ------------------------------------------------------------------------- */

static const struct inode_operations *operations_for(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR: return &tmpfs_directory_operations;
    case S_IFREG: return &tmpfs_regular_operations;
    case S_IFLNK: return &link_operations;
    default: return &special_operations;
    }
}

/* In a set-group-id directory everything belongs to the directory's group. */
static void inherit_group(struct inode *inode, const struct inode *directory)
{
    const struct credentials *who = current_credentials();

    if (!(directory->mode & S_ISGID))
        return;
    inode->gid = directory->gid;
    if (inode_is(inode, S_IFDIR))
        inode->mode |= S_ISGID;
    else if ((inode->mode & 010) && who->euid != 0
             && !credentials_in_group(who, inode->gid))
        inode->mode &= ~S_ISGID;
}

struct inode *tmpfs_node_create(struct inode *directory, mode_t mode, uint32_t device)
{
    struct inode *inode = inode_create(directory->fs, operations_for(mode), mode);

    if (!inode)
        return NULL;
    inode->device = device;
    inherit_group(inode, directory);
    if (inode_is(inode, S_IFDIR)) {
        inode->parent = inode_get(directory);
        inode->links = 2;
    }
    return inode;
}

struct inode *tmpfs_link_create(struct inode *directory, const char *target)
{
    size_t length = strlen(target);
    char *text = heap_alloc(HEAP_PATH, length + 1);
    struct inode *inode;

    if (!text)
        return NULL;
    inode = tmpfs_node_create(directory, S_IFLNK | 0777, 0);
    if (!inode) {
        heap_free(text);
        return NULL;
    }
    memcpy(text, target, length);
    inode->data = text;
    inode->size = length;
    return inode;
}

struct file_system *tmpfs_create(const char *type, mode_t mode,
                                 int (*make_special)(struct inode *inode))
{
    struct tmpfs *tmpfs = heap_new(HEAP_INODE, struct tmpfs);

    if (!tmpfs)
        return NULL;
    file_system_init(&tmpfs->fs, type);
    tmpfs->make_special = make_special;
    wait_queue_init(&tmpfs->new_names, &name_class);
    tmpfs->fs.root =
        inode_create(&tmpfs->fs, &tmpfs_directory_operations, S_IFDIR | (mode & 07777));
    if (!tmpfs->fs.root) {
        heap_free(tmpfs);
        return NULL;
    }
    tmpfs->fs.root->parent = tmpfs->fs.root;
    tmpfs->fs.root->links = 2;
    return &tmpfs->fs;
}
