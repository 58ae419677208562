/* tmpfs_dir.c - directories in memory.
 *
 * Shape: an entry gives an inode a name. It hangs in two places: in its directory's
 * list, in order of cookie, for reading the directory; and in one hash table for all
 * directories, for finding a name.
 *
 *      directory->entries: [etc 2] <-> [bin 3] <-> [tmp 7]        cookies grow
 *                             ^
 *      buckets[hash of directory and name] -> entry -> entry -> NULL
 *
 * Invariants: a cookie is where reading goes on; it stays the entry's own, so that
 * removing other entries while a program reads the directory skips or repeats nothing.
 * An entry holds a reference to its inode. A removed directory (links 0) stays empty.
 * Sleeps: never.
 * Tests: user/tests/directory.c, rename.c
 */
#include "fs/tmpfs.h"

#include "base/string.h"
#include "core/panic.h"
#include "mm/heap.h"

#define BUCKETS       1024u     /* a power of two */
#define COOKIE_DOT    0u
#define COOKIE_DOTDOT 1u
#define COOKIE_FIRST  2u
#define COOKIE_MAX    0x7ffffffeu   /* telldir has 31 bits */
#define ENTRY_SIZE    20u       /* what one adds to a directory's st_size on Linux */
#define DT_DIR        4u

struct entry {
    struct list_node node;      /* directory->entries */
    struct entry *next;         /* same bucket */
    struct inode *directory;    /* no reference: the entry goes before it does */
    struct inode *inode;        /* with a reference */
    uint32_t hash;
    uint32_t cookie;
    uint8_t length;
    char name[];                /* not terminated */
};

static struct entry *buckets[BUCKETS];

/* -- Entries ----------------------------------------------------------------------- */

static uint32_t hash_name(const struct inode *directory, const char *name,
                          size_t length)
{
    uint32_t hash = (uint32_t)(uintptr_t)directory >> 4;

    for (size_t i = 0; i < length; i++)
        hash = (hash + (uint8_t)name[i]) * 2654435761u;
    return hash ^ hash >> 16;
}

static struct entry **bucket_of(uint32_t hash)
{
    return &buckets[hash & (BUCKETS - 1)];
}

static struct entry *entry_find(const struct inode *directory, const char *name,
                                size_t length)
{
    uint32_t hash = hash_name(directory, name, length);
    struct entry *entry = *bucket_of(hash);

    while (entry
           && (entry->hash != hash || entry->directory != directory
               || entry->length != length || memcmp(entry->name, name, length) != 0))
        entry = entry->next;
    return entry;
}

static uint32_t next_cookie(const struct inode *directory)
{
    const struct entry *last = list_last_entry(&directory->entries, struct entry, node);

    return last ? last->cookie + 1 : COOKIE_FIRST;
}

/* Gives inode a name, and that name a reference. -ENOENT in a removed directory,
 * -ENOSPC. Link counts are the caller's. */
static int entry_create(struct inode *directory, const char *name, size_t length,
                        struct inode *inode)
{
    uint32_t cookie = next_cookie(directory);
    struct entry *entry, **bucket;

    assert(length > 0 && length <= NAME_MAX && !entry_find(directory, name, length));
    if (directory->links == 0)
        return -ENOENT;
    if (cookie > COOKIE_MAX)
        return -ENOSPC;
    entry = heap_alloc(HEAP_ENTRY, sizeof(*entry) + length);
    if (!entry)
        return -ENOSPC;
    entry->directory = directory;
    entry->inode = inode_get(inode);
    entry->cookie = cookie;
    entry->length = (uint8_t)length;
    memcpy(entry->name, name, length);
    entry->hash = hash_name(directory, name, length);
    bucket = bucket_of(entry->hash);
    entry->next = *bucket;
    *bucket = entry;
    list_push_back(&directory->entries, &entry->node);
    directory->size += ENTRY_SIZE;
    inode_touch_modified(directory);
    wait_wake_all(tmpfs_new_names(directory->fs), 0);
    return 0;
}

static void entry_remove(struct entry *entry)
{
    struct entry **link = bucket_of(entry->hash);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    list_remove(&entry->node);
    entry->directory->size -= ENTRY_SIZE;
    inode_touch_modified(entry->directory);
    inode_put(entry->inode);
    heap_free(entry);
}

/* The inode has one name less; `directory` is where that was. */
static void count_unlinked(struct inode *inode, struct inode *directory)
{
    if (inode_is(inode, S_IFDIR)) {
        inode->links = 0;
        directory->links--;
    } else {
        inode->links--;
    }
    inode_touch_changed(inode);
    if (inode->operations->unlinked)
        inode->operations->unlinked(inode);
}

void tmpfs_forget(struct inode *directory, struct inode *inode)
{
    struct entry *entry, *next;

    list_for_each_safe (entry, next, &directory->entries, node) {
        if (entry->inode != inode)
            continue;
        count_unlinked(inode, directory);
        entry_remove(entry);
    }
}

/* -- Operations -------------------------------------------------------------------- */

static int directory_lookup(struct inode *directory, const char *name, size_t length,
                            struct inode **out)
{
    struct entry *entry = entry_find(directory, name, length);

    if (!entry)
        return -ENOENT;
    *out = inode_get(entry->inode);
    return 0;
}

static int directory_create(struct inode *directory, const char *name, size_t length,
                            mode_t mode, uint32_t device, struct inode **out)
{
    struct inode *inode = tmpfs_node_create(directory, mode, device);
    int error;

    if (!inode)
        return -ENOSPC;
    error = tmpfs_make_special(inode);
    if (!error)
        error = entry_create(directory, name, length, inode);
    if (error) {
        inode_put(inode);
        return error;
    }
    if (inode_is(inode, S_IFDIR))
        directory->links++;
    *out = inode;
    return 0;
}

static int directory_link(struct inode *directory, const char *name, size_t length,
                          struct inode *target)
{
    int error = entry_create(directory, name, length, target);

    if (error)
        return error;
    target->links++;
    inode_touch_changed(target);
    return 0;
}

static int directory_symlink(struct inode *directory, const char *name, size_t length,
                             const char *target)
{
    struct inode *inode = tmpfs_link_create(directory, target);
    int error;

    if (!inode)
        return -ENOSPC;
    error = tmpfs_make_special(inode);
    if (!error)
        error = entry_create(directory, name, length, inode);
    inode_put(inode);
    return error;
}

static int directory_unlink(struct inode *directory, const char *name, size_t length,
                            bool is_directory)
{
    struct entry *entry = entry_find(directory, name, length);

    if (!entry)
        return -ENOENT;
    if (is_directory && !list_is_empty(&entry->inode->entries))
        return -ENOTEMPTY;
    count_unlinked(entry->inode, directory);
    entry_remove(entry);
    return 0;
}

/* A directory has moved: ".." leads elsewhere. */
static void change_parent(struct inode *inode, struct inode *from, struct inode *to)
{
    inode->parent = inode_get(to);
    to->links++;
    from->links--;
    inode_put(from);
}

/* The name that is replaced is reused for the moved inode, so there is nothing left
 * that could fail half-way. */
static int directory_rename(struct inode *from_dir, const char *from,
                            size_t from_length, struct inode *to_dir, const char *to,
                            size_t to_length)
{
    struct entry *old = entry_find(from_dir, from, from_length);
    struct entry *victim = entry_find(to_dir, to, to_length);
    struct inode *inode, *replaced;
    int error;

    if (!old)
        return -ENOENT;
    inode = old->inode;
    if (!victim) {
        error = entry_create(to_dir, to, to_length, inode);
        if (error)
            return error;
    } else {
        replaced = victim->inode;
        if (inode_is(replaced, S_IFDIR) && !list_is_empty(&replaced->entries))
            return -ENOTEMPTY;
        victim->inode = inode_get(inode);
        count_unlinked(replaced, to_dir);
        inode_touch_modified(to_dir);
        inode_put(replaced);
    }
    entry_remove(old);
    if (inode_is(inode, S_IFDIR) && from_dir != to_dir)
        change_parent(inode, from_dir, to_dir);
    inode_touch_changed(inode);
    return 0;
}

/* -- Reading ----------------------------------------------------------------------- */

static int directory_list(struct file *file, directory_emit emit, void *context)
{
    struct inode *directory = file->inode;
    uint64_t from = file->offset;
    const struct entry *entry;

    if (from <= COOKIE_DOT
        && emit(context, ".", 1, directory->number, DT_DIR, COOKIE_DOTDOT))
        return 0;
    if (from <= COOKIE_DOTDOT
        && emit(context, "..", 2, inode_parent(directory)->number, DT_DIR,
                COOKIE_FIRST))
        return 0;
    list_for_each (entry, &directory->entries, node)
        if (entry->cookie >= from
            && emit(context, entry->name, entry->length, entry->inode->number,
                    (entry->inode->mode & S_IFMT) >> 12, entry->cookie + 1))
            break;
    return 0;
}

static const struct file_operations directory_files = {
    .name = "directory",
    .list = directory_list,
    .seek = file_seek,
};

const struct inode_operations tmpfs_directory_operations = {
    .lookup = directory_lookup,
    .create = directory_create,
    .link = directory_link,
    .unlink = directory_unlink,
    .rename = directory_rename,
    .symlink = directory_symlink,
    .files = &directory_files,
};
