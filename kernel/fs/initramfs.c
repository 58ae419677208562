/* initramfs.c - the first files: unpacks the archive that the boot loader left.
 *
 * Shape: the archive is eaten from the front. Its whole pages go back to the pool when
 * nothing in front of them is needed any more, so that a machine needs little more
 * memory than the files themselves:
 *
 *      base          freed             offset                 base + length
 *      |  given back   | done, not yet   | still to be unpacked |
 *
 * Invariants: nothing below `offset` is read again.
 * Sleeps: never; runs at boot, as root.
 * Linux: a folder's time is when it was filled, not the archive's; no hard links.
 * Tests: kernel/fs/cpio_host_test.c; every boot
 */
#include "base/format.h"
#include "fs/cpio.h"
#include "fs/inode.h"
#include "mm/memory_object.h"

#define FREE_AT_ONCE (32 * PAGE_SIZE)   /* frames go back in such portions */

struct unpacking {
    const uint8_t *archive;
    uint32_t length, offset;
    paddr_t base, freed;
    const char *why;            /* a sentence once something is wrong */
};

/* Nothing below `offset` is needed any more. */
static void give_back(struct unpacking *u, uint32_t offset, uint32_t at_least) {
    paddr_t end = round_down(u->base + offset, PAGE_SIZE);

    if (end > u->freed && end - u->freed >= at_least) {
        frames_free_range(u->freed, end);
        u->freed = end;
    }
}

static const char *load_file(struct unpacking *u, struct inode *inode,
                             const struct cpio_entry *e) {
    if (e->links > 1) return "it has several names, which is not supported";
    inode->size = e->size;
    inode->object->size_pages = (e->size + PAGE_MASK) >> PAGE_SHIFT;
    for (uint32_t done = 0, size; done < e->size; done += size) {
        size = min(e->size - done, PAGE_SIZE);
        if (object_write(inode->object, done, u->archive + e->data + done, size) < size)
            return "not enough memory for its contents";
        give_back(u, e->data + done, FREE_AT_ONCE);
    }
    return NULL;
}

/* Makes the node; a folder that is there already becomes the new one. */
static const char *make_node(struct unpacking *u, struct path *path,
                             const struct cpio_entry *e) {
    const struct new_node node = {
        .mode = e->mode, .device = e->node_major << 8 | e->node_minor,
        .target = path_buffer
    };

    if (path->inode)
        return inode_is(path->inode, S_IFDIR) && (e->mode & S_IFMT) == S_IFDIR
                   ? NULL
                   : "its name is there already";
    if ((e->mode & S_IFMT) == S_IFLNK) {
        if (e->size == 0 || e->size >= PATH_MAX)
            return "the symbolic link's target is empty or too long";
        memcpy(path_buffer, u->archive + e->data, e->size);
        path_buffer[e->size] = '\0';
    }
    return path_make(path, &node) ? "it cannot be made" : NULL;
}

static const char *unpack_entry(struct unpacking *u, const struct cpio_entry *e) {
    struct path path;

    if (path_walk(root_inode, e->name, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path))
        return "its folder is not there";
    const char *why = make_node(u, &path, e);
    if (!why && inode_is(path.inode, S_IFREG)) why = load_file(u, path.inode, e);
    if (!why) {
        struct inode *inode = path.inode;
        inode->mode = (inode->mode & S_IFMT) | (e->mode & 07777);
        inode->uid = e->uid;
        inode->gid = e->gid;
        inode->accessed = inode->modified = inode->changed = e->mtime * SECOND;
    }
    path_release(&path);
    return why;
}

/* Goes on until u->why says something, or all is done. */
static void unpack_all(struct unpacking *u) {
    bool complete = true;       // no archive has been begun and not ended
    struct cpio_entry entry;

    for (;;) {
        uint32_t next = u->offset;
        u->why = cpio_next(u->archive, u->length, &next, &entry);
        if (!u->why && !entry.name) break;
        complete = !u->why && strcmp(entry.name, CPIO_TRAILER) == 0;
        if (!u->why && !complete) u->why = unpack_entry(u, &entry);
        if (u->why) return;
        u->offset = next;
        give_back(u, next, FREE_AT_ONCE);
    }
    if (!complete) u->why = "the archive ends without its trailer";
}

bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size) {
    struct unpacking u = {
        .archive = paddr_to_kernel(base), .length = length, .base = base,
        .freed = round_up(base, PAGE_SIZE),
    };

    unpack_all(&u);
    if (u.why) format(why, size, "initramfs, byte %u: %s", u.offset, u.why);
    else give_back(&u, length, PAGE_SIZE);
    return !u.why;
}
