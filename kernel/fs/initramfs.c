/* initramfs.c - the first files: unpacks the archive that the boot loader left.
 *
 * Shape: the archive is eaten from the front. Its whole pages go back to the pool when
 * nothing in front of them is needed any more, so that a machine needs little more
 * memory than the files themselves:
 *
 *      base          freed             offset                 base + length
 *      |  given back   | done, not yet   | still to be unpacked |
 *
 * Files with one inode number are hard links; their data comes with any of them.
 *
 * Invariants: nothing below `offset` is read again.
 * Sleeps: never; runs at boot, as root.
 * Linux: a folder's time is when it was filled, not the archive's.
 * Tests: kernel/fs/cpio_host_test.c; every boot
 */
#include "fs/tmpfs.h"

#include "base/format.h"
#include "base/string.h"
#include "fs/cpio.h"
#include "mm/heap.h"
#include "mm/memory_object.h"

#define FREE_AT_ONCE (32 * PAGE_SIZE)   /* frames go back in such portions */

/* A file with several names, of which one has been seen. */
struct seen {
    struct list_node node;
    uint32_t inode, major, minor;
    struct inode *file;         /* with a reference */
};

struct unpacking {
    const uint8_t *archive;
    uint32_t length, offset;
    paddr_t base, freed;
    struct list seen;
    const char *why;            /* a sentence once something is wrong */
};

/* -- Memory ------------------------------------------------------------------------ */

/* Nothing below `offset` is needed any more. */
static void give_back(struct unpacking *u, uint32_t offset, uint32_t at_least)
{
    paddr_t end = round_down(u->base + offset, PAGE_SIZE);

    if (end > u->freed && end - u->freed >= at_least) {
        frames_free_range(u->freed, end);
        u->freed = end;
    }
}

static const char *load_page(struct memory_object *object, uint32_t index,
                             const uint8_t *from, uint32_t size)
{
    struct frame *frame = frame_alloc(FRAME_OBJECT, 0);

    if (!frame)
        return "not enough memory for its contents";
    memcpy(frame_address(frame), from, size);
    memset((char *)frame_address(frame) + size, 0, PAGE_SIZE - size);
    if (!object_insert(object, index, frame)) {
        frame_put(frame);
        return "not enough memory for its contents";
    }
    return NULL;
}

/* -- Entries ----------------------------------------------------------------------- */

static const char *load_file(struct unpacking *u, struct inode *inode,
                             const struct cpio_entry *e)
{
    const char *why = NULL;

    if (e->size == 0)
        return NULL;
    if (inode->object)
        object_truncate(inode->object, 0);
    else
        inode->object = object_create(0);
    if (!inode->object)
        return "not enough memory for its contents";
    for (uint32_t done = 0; done < e->size && !why; done += PAGE_SIZE) {
        why = load_page(inode->object, done >> PAGE_SHIFT, u->archive + e->data + done,
                        min(e->size - done, PAGE_SIZE));
        give_back(u, e->data + done, FREE_AT_ONCE);
    }
    inode->size = e->size;
    inode->object->size_pages = (e->size + PAGE_MASK) >> PAGE_SHIFT;
    return why;
}

static struct seen *find_seen(struct unpacking *u, const struct cpio_entry *e)
{
    struct seen *seen;

    list_for_each (seen, &u->seen, node)
        if (seen->inode == e->inode && seen->major == e->major
            && seen->minor == e->minor)
            return seen;
    return NULL;
}

static bool remember(struct unpacking *u, const struct cpio_entry *e,
                     struct inode *file)
{
    struct seen *seen = heap_new(HEAP_ENTRY, struct seen);

    if (!seen)
        return false;
    seen->inode = e->inode;
    seen->major = e->major;
    seen->minor = e->minor;
    seen->file = inode_get(file);
    list_push_back(&u->seen, &seen->node);
    return true;
}

static void forget_seen(struct unpacking *u)
{
    struct seen *seen;

    while ((seen = list_first_entry(&u->seen, struct seen, node))) {
        list_remove(&seen->node);
        inode_put(seen->file);
        heap_free(seen);
    }
}

/* Makes a node that is not there yet; path->inode is it afterwards. */
static const char *make_node(struct path *path, const struct cpio_entry *e)
{
    uint32_t device = e->node_major << 8 | e->node_minor;
    int error = path->parent->operations->create(
        path->parent, path->last, path->last_length, e->mode, device, &path->inode);

    return error ? "it cannot be made" : NULL;
}

/* A regular file: new, or one more name of one that was seen. */
static const char *make_file(struct unpacking *u, struct path *path,
                             const struct cpio_entry *e)
{
    struct seen *seen = e->links > 1 ? find_seen(u, e) : NULL;
    const char *why;

    if (seen) {
        path->inode = inode_get(seen->file);
        if (path->parent->operations->link(path->parent, path->last, path->last_length,
                                           seen->file))
            return "the hard link cannot be made";
    } else {
        why = make_node(path, e);
        if (why)
            return why;
        if (e->links > 1 && !remember(u, e, path->inode))
            return "not enough memory";
    }
    return load_file(u, path->inode, e);
}

static const char *make_symlink(struct unpacking *u, struct path *path,
                                const struct cpio_entry *e)
{
    const struct inode_operations *operations = path->parent->operations;
    char *target;
    int error;

    if (e->size == 0 || e->size >= PATH_MAX)
        return "the symbolic link's target is empty or too long";
    target = heap_alloc(HEAP_PATH, e->size + 1);
    if (!target)
        return "not enough memory";
    memcpy(target, u->archive + e->data, e->size);
    error = operations->symlink(path->parent, path->last, path->last_length, target);
    heap_free(target);
    if (!error)
        error = operations->lookup(path->parent, path->last, path->last_length,
                                   &path->inode);
    return error ? "the symbolic link cannot be made" : NULL;
}

/* Removes what has the name already. A folder stays, and becomes the new one. */
static const char *make_room(struct path *path, const struct cpio_entry *e)
{
    if (!path->inode
        || (inode_is(path->inode, S_IFDIR) && (e->mode & S_IFMT) == S_IFDIR))
        return NULL;
    if (inode_is(path->inode, S_IFDIR) || path_ends_in_dots(path))
        return "a folder has this name already";
    path->parent->operations->unlink(path->parent, path->last, path->last_length,
                                     false);
    inode_put(path->inode);
    path->inode = NULL;
    return NULL;
}

static const char *make_entry(struct unpacking *u, struct path *path,
                              const struct cpio_entry *e)
{
    const char *why = make_room(path, e);

    if (why || path->inode)
        return why;
    switch (e->mode & S_IFMT) {
    case S_IFREG: return make_file(u, path, e);
    case S_IFLNK: return make_symlink(u, path, e);
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK: return make_node(path, e);
    default: return "it is of no known type";
    }
}

static const char *unpack_entry(struct unpacking *u, const struct cpio_entry *e)
{
    struct path path;
    struct inode *inode;
    const char *why;

    if (path_walk(root_inode, e->name, WALK_PARENT | WALK_NO_FOLLOW, &path))
        return "its folder is not there";
    why = make_entry(u, &path, e);
    inode = path.inode;
    if (!why) {
        inode->mode = (inode->mode & S_IFMT) | (e->mode & 07777);
        inode->uid = e->uid;
        inode->gid = e->gid;
        inode->accessed = inode->modified = inode->changed = e->mtime * SECOND;
    }
    path_release(&path);
    return why;
}

static bool unpack_all(struct unpacking *u)
{
    struct cpio_entry entry;
    bool complete = true;       // no archive has been begun and not ended

    for (;;) {
        uint32_t next = u->offset;
        switch (cpio_next(u->archive, u->length, &next, &entry, &u->why)) {
        case CPIO_DAMAGED: return false;
        case CPIO_END:
            if (!complete)
                u->why = "the archive ends without its trailer";
            return complete;
        case CPIO_TRAILER:
            complete = true;
            forget_seen(u);
            break;
        case CPIO_ENTRY:
            complete = false;
            u->why = unpack_entry(u, &entry);
            if (u->why)
                return false;
        }
        u->offset = next;
        give_back(u, next, FREE_AT_ONCE);
    }
}

bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size)
{
    struct unpacking u = {
        .archive = paddr_to_kernel(base), .length = length, .base = base,
        .freed = round_up(base, PAGE_SIZE), .seen = LIST_INIT(u.seen),
    };
    bool good = unpack_all(&u);

    forget_seen(&u);
    if (good)
        give_back(&u, length, PAGE_SIZE);
    else
        format(why, size, "initramfs, byte %u: %s", u.offset, u.why);
    return good;
}
