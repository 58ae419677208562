/* tmpfs.c - the file system in memory: directories, contents, nodes of every kind.
 *
 * Shape: an entry gives an inode a name. It hangs in two places: in its directory's
 * list, in order of cookie, for reading the directory; and in one hash table for all
 * directories, for finding a name.
 *
 *      directory->entries: [etc 2] <-> [bin 3] <-> [tmp 7]        cookies grow
 *                             ^
 *      buckets[hash of directory and name] -> entry -> entry -> NULL
 *
 * A regular file's bytes lie in the pages of a memory object, which is also what mmap
 * maps: a read, a write and a mapping see the same bytes. FIFOs, sockets and devices
 * only have their nodes here, inode_open knows more.
 *
 * Invariants: a cookie is where reading goes on; it stays the entry's own, so that
 * removing other entries while a program reads the directory skips or repeats nothing.
 * An entry holds a reference to its inode. links counts the names; a directory has two
 * and one for each directory in it, or 0 once removed, and then stays empty. What a
 * mapping left behind a file's end never becomes part of the file: it is cut off before
 * the file grows over it.
 * Sleeps: never: all is in memory, and user copies do not sleep.
 * Tests: user/tests/directory.c, rename.c, link.c, mkdir.c, mknod.c, symlink.c,
 *   read_write.c, truncate.c, mmap_file.c
 */
#include "fs/inode.h"
#include "mm/heap.h"

#define BUCKETS       1024u     /* a power of two */
#define COOKIE_MAX    0x7ffffffeu   /* telldir has 31 bits */
#define ENTRY_SIZE    20u       /* what one adds to a directory's st_size on Linux */
#define FILE_MAX      ((uint64_t)(OBJECT_PAGES_MAX - 1) * PAGE_SIZE)

struct entry {
    struct list_node node;      /* directory->entries */
    struct entry *next;         /* same bucket */
    struct inode *directory;    /* no reference: the entry goes before it does */
    struct inode *inode;        /* with a reference */
    uint32_t hash, cookie;
    uint8_t length;
    char text[];                /* not terminated */
};

static struct entry *buckets[BUCKETS];

/* -- Entries ----------------------------------------------------------------------- */

static uint32_t hash_name(const struct inode *directory, struct name name) {
    uint32_t hash = (uint32_t)(uintptr_t)directory >> 4;

    for (size_t i = 0; i < name.length; i++)
        hash = (hash + (uint8_t)name.text[i]) * 2654435761u;
    return hash ^ hash >> 16;
}

static struct entry **bucket_of(uint32_t hash) { return &buckets[hash % BUCKETS]; }

static struct name entry_name(const struct entry *entry) {
    return (struct name){ entry->text, entry->length };
}

static struct entry *entry_find(const struct inode *directory, struct name name) {
    uint32_t hash = hash_name(directory, name);
    struct entry *entry = *bucket_of(hash);

    while (entry
           && (entry->hash != hash || entry->directory != directory
               || !name_is(entry_name(entry), name)))
        entry = entry->next;
    return entry;
}

/* Gives inode a name, and that name a reference. -ENOSPC. Link counts are the
 * caller's. */
static int entry_create(struct inode *directory, struct name name,
                        struct inode *inode) {
    const struct entry *last = list_last_entry(&directory->entries, struct entry, node);
    uint32_t cookie = last ? last->cookie + 1 : FIRST_ENTRY;
    uint32_t hash = hash_name(directory, name);
    struct entry *entry = NULL, **bucket = bucket_of(hash);

    assert(name.length > 0 && name.length <= NAME_MAX && directory->links > 0);
    if (cookie <= COOKIE_MAX)
        entry = heap_alloc(HEAP_ENTRY, sizeof(*entry) + name.length);
    if (!entry) return -ENOSPC;
    *entry = (struct entry){ .next = *bucket, .directory = directory,
                             .inode = inode_get(inode), .hash = hash,
                             .cookie = cookie, .length = (uint8_t)name.length };
    memcpy(entry->text, name.text, name.length);
    *bucket = entry;
    list_push_back(&directory->entries, &entry->node);
    directory->size += ENTRY_SIZE;
    inode_touch_modified(directory);
    if (!inode_is(inode, S_IFDIR)) inode->parent = directory;
    wait_wake_all(&directory->fs->new_names, 0);
    return 0;
}

/* Drops the entry's inode, which has lost this name. A directory is removed by that. */
static void drop_inode(struct inode *directory, struct inode *inode) {
    if (inode_is(inode, S_IFDIR)) {
        inode->links = 0;
        directory->links--;
    } else {
        inode->links--;
        inode->parent = NULL;   // perhaps it has other names; which is not known
    }
    inode->changed = time_realtime();
    if (inode->operations->unlinked) inode->operations->unlinked(inode);
    inode_put(inode);
}

/* Takes the entry away; the reference to its inode is the caller's now. */
static struct inode *entry_remove(struct entry *entry) {
    struct entry **link = bucket_of(entry->hash);
    struct inode *inode = entry->inode;

    while (*link != entry) link = &(*link)->next;
    *link = entry->next;
    list_remove(&entry->node);
    entry->directory->size -= ENTRY_SIZE;
    inode_touch_modified(entry->directory);
    heap_free(entry);
    return inode;
}

void tmpfs_forget(struct inode *directory, struct inode *inode) {
    struct entry *entry, *next;

    list_for_each_safe (entry, next, &directory->entries, node)
        if (entry->inode == inode) drop_inode(directory, entry_remove(entry));
}

/* -- What regular files hold ------------------------------------------------------- */

/* How far a file may grow: the least of what RLIMIT_FSIZE and we ourselves allow. */
static uint64_t size_limit(void) {
    return min(current_process()->limits[LIMIT_FSIZE].soft, FILE_MAX);
}

/* Says no to growing; the user's own limit is told by a signal too. */
static int refuse_growth(void) {
    if (size_limit() < FILE_MAX) signal_kernel(current_process(), SIGXFSZ);
    return -EFBIG;
}

static void set_size(struct inode *inode, uint64_t size) {
    inode->size = size;
    inode->object->size_pages = (uint32_t)((size + PAGE_MASK) >> PAGE_SHIFT);
    if (unlikely(inode->mode & (S_ISUID | S_ISGID)) && current_credentials()->euid != 0)
        inode->mode = inode_plain_mode(inode);
    inode_touch_modified(inode);
}

/* Between the contents from `at` on, up to `end`, and the user, who goes on behind what
 * was moved. Bytes moved, -errno. */
static ssize_t move(struct inode *inode, struct io *io, uint64_t at, uint64_t end,
                    bool write) {
    uint64_t start = at;
    int error = 0;

    end = at + min((uint64_t)io->left, end - at);
    for (size_t size; at < end; at += size) {
        size = (size_t)(end - at);
        char *bytes = object_bytes(inode->object, at, &size, write);
        if (!write) error = io_give(io, bytes, size);
        else error = bytes ? io_take(io, bytes, size) : -ENOSPC;
        if (error) break;
    }
    if (at == start) return error;
    *io->offset = at;
    return (ssize_t)(at - start);
}

ssize_t regular_read(struct file *file, struct io *io) {
    struct inode *inode = file->inode;

    if (*io->offset >= inode->size || io->left == 0) return 0;
    inode_touch_accessed(inode);
    return move(inode, io, *io->offset, inode->size, false);
}

static ssize_t regular_write(struct file *file, struct io *io) {
    struct inode *inode = file->inode;
    uint64_t start = file->flags & O_APPEND ? inode->size : *io->offset;

    if (io->left == 0) return 0;
    if (start >= size_limit()) return refuse_growth();
    if (start > inode->size) object_truncate(inode->object, inode->size);
    ssize_t n = move(inode, io, start, size_limit(), true);
    if (n > 0) set_size(inode, max(inode->size, *io->offset));
    return n;
}

static const struct file_operations regular_files = {
    .name = "regular file", .read = regular_read, .write = regular_write,
    .has_places = true,
};

static const struct inode_operations regular = { .files = &regular_files };

int inode_truncate(struct inode *inode, uint64_t size) {
    if (inode_is(inode, S_IFDIR)) return -EISDIR;
    if (inode->operations != &regular) return -EINVAL;
    if (size > inode->size && size > size_limit()) return refuse_growth();
    object_truncate(inode->object, min(size, inode->size));
    set_size(inode, size);
    return 0;
}

/* -- Nodes ------------------------------------------------------------------------- */

static ssize_t link_read(struct inode *inode, char to[PATH_MAX]) {
    memcpy(to, inode->data, (size_t)inode->size);
    return (ssize_t)inode->size;
}

static void link_release(struct inode *inode) { heap_free(inode->data); }

static const struct inode_operations names, special;

/* A node without a name yet. 0, -ENOSPC, or what make_special says. */
static int node_create(struct inode *directory, const struct new_node *new,
                       struct inode **out) {
    const struct credentials *who = current_credentials();
    const struct process *process = current_process();
    struct file_system *fs = directory->fs;
    struct inode *inode = inode_create(fs, &special, new->mode);
    mode_t type = S_IFMT & new->mode;
    int error = 0;

    if (!inode) return -ENOSPC;
    inode->device = new->device;
    if (process && type != S_IFLNK) inode->mode &= ~process->umask;
    if (directory->mode & S_ISGID) {    // everything in it belongs to its group
        inode->gid = directory->gid;
        if (type == S_IFDIR) inode->mode |= S_ISGID;
        else if ((inode->mode & 010) && who->euid != 0
                 && !credentials_in_group(who, inode->gid))
            inode->mode &= ~S_ISGID;
    }
    if (type == S_IFDIR || type == S_IFLNK) inode->operations = &names;
    if (fs->make_special) {
        error = type == S_IFREG ? fs->make_special(inode) : -EPERM;
    } else if (type == S_IFDIR) {
        inode->parent = inode_get(directory);
    } else if (type == S_IFREG) {
        inode->operations = &regular;
        if (!(inode->object = object_create(0))) error = -ENOSPC;
    } else if (type == S_IFLNK) {
        inode->size = strlen(new->target);
        inode->data = heap_alloc(HEAP_BUFFER, (size_t)inode->size);
        if (inode->data) memcpy(inode->data, new->target, (size_t)inode->size);
        else error = -ENOSPC;
    }
    if (error) inode_put(inode);
    else *out = inode;
    return error;
}

/* -- What a directory can do ------------------------------------------------------- */

static int directory_lookup(struct inode *directory, struct name name,
                            struct inode **out) {
    struct entry *entry = entry_find(directory, name);

    if (entry) *out = inode_get(entry->inode);
    return entry ? 0 : -ENOENT;
}

static int directory_make(struct inode *directory, struct name name,
                          const struct new_node *new, struct inode **out) {
    struct inode *inode = new->inode ? inode_get(new->inode) : NULL;
    int error = inode ? 0 : node_create(directory, new, &inode);

    if (!error && (error = entry_create(directory, name, inode))) inode_put(inode);
    if (error) return error;
    if (inode_is(inode, S_IFDIR)) directory->links++;
    if (new->inode) {
        inode->links++;
        inode->changed = time_realtime();
    }
    *out = inode;
    return 0;
}

static int directory_unlink(struct inode *directory, struct name name) {
    struct entry *entry = entry_find(directory, name);

    if (!list_is_empty(&entry->inode->entries)) return -ENOTEMPTY;
    drop_inode(directory, entry_remove(entry));
    return 0;
}

/* For a moment both have the name, so what can fail comes first. */
static int directory_rename(struct inode *from_dir, struct name from,
                            struct inode *to_dir, struct name to) {
    struct entry *old = entry_find(from_dir, from), *victim = entry_find(to_dir, to);
    struct inode *inode = old->inode;

    if (victim && !list_is_empty(&victim->inode->entries)) return -ENOTEMPTY;
    int error = entry_create(to_dir, to, inode);
    if (error) return error;
    /* --- commit: nothing below fails or sleeps --- */
    if (victim) drop_inode(to_dir, entry_remove(victim));
    inode_put(entry_remove(old));
    if (inode_is(inode, S_IFDIR) && from_dir != to_dir) {
        inode->parent = inode_get(to_dir);
        to_dir->links++;
        from_dir->links--;
        inode_put(from_dir);
    }
    inode->changed = time_realtime();
    return 0;
}

static int directory_next(struct inode *directory, struct cursor *c) {
    const struct list_node *head = &directory->entries.head, *node = head->next;

    if (c->entry) node = ((const struct entry *)c->entry)->node.next;
    for (; node != head; node = node->next) {
        const struct entry *e = list_entry(node, struct entry, node);
        if (e->cookie < c->next) continue;
        *c = (struct cursor){ e->cookie + 1, entry_name(e), e->inode->number,
                              e->inode->mode, .entry = e };
        return 1;
    }
    return 0;
}

static const struct file_operations directory_files = {
    .name = "directory", .has_places = true,
};

/* Of directories and symbolic links. */
static const struct inode_operations names = {
    .lookup = directory_lookup, .next = directory_next, .make = directory_make,
    .unlink = directory_unlink, .rename = directory_rename, .readlink = link_read,
    .release = link_release, .files = &directory_files,
};

struct file_system *tmpfs_mount(const char *where, const char *type, mode_t mode,
                                int (*make_special)(struct inode *inode)) {
    struct file_system *fs = heap_new(HEAP_FILE_SYSTEM, struct file_system);

    if (!fs) panic("no memory for %s", where);
    fs->make_special = make_special;
    file_system_mount(fs, type, inode_create(fs, &names, S_IFDIR | mode), where);
    return fs;
}
