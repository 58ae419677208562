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

#define FREE_AT_ONCE (32 * PAGE_SIZE)   /* frames go back in such portions */

struct unpacking {
    const uint8_t *archive;
    uint32_t length;
    paddr_t base, freed;
};

/* Nothing below `offset` is needed any more. */
static void give_back(struct unpacking *u, uint32_t offset) {
    paddr_t end = round_down(u->base + offset, PAGE_SIZE);

    if (end <= u->freed || (end - u->freed < FREE_AT_ONCE && offset < u->length))
        return;
    frames_free_range(u->freed, end);
    u->freed = end;
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
        give_back(u, e->data + done);
    }
    return NULL;
}

/* A folder that is there already becomes the new one. */
static const char *unpack_entry(struct unpacking *u, const struct cpio_entry *e) {
    const struct new_node node = { .mode = e->mode, .target = path_buffer,
                                   .device = e->node_major << 8 | e->node_minor };
    mode_t type = e->mode & S_IFMT;
    const char *why = NULL;
    struct path path;

    if (type == S_IFLNK) {
        if (e->size == 0 || e->size >= PATH_MAX)
            return "the symbolic link's target is empty or too long";
        memcpy(path_buffer, u->archive + e->data, e->size);
        path_buffer[e->size] = '\0';
    }
    if (path_walk(root_inode, e->name, WALK_PARENT | AT_SYMLINK_NOFOLLOW, &path))
        return "its folder is not there";
    if (!path.inode) why = path_make(&path, &node) ? "it cannot be made" : NULL;
    else if (type != S_IFDIR || !inode_is(path.inode, S_IFDIR))
        why = "its name is there already";
    if (!why && type == S_IFREG) why = load_file(u, path.inode, e);
    if (!why) {
        struct inode *inode = path.inode;
        inode->mode = type | (e->mode & 07777);
        inode->uid = e->uid;
        inode->gid = e->gid;
        inode->accessed = inode->modified = inode->changed = e->mtime * SECOND;
    }
    path_release(&path);
    return why;
}

bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size) {
    struct unpacking u = { paddr_to_kernel(base), length, base,
                           round_up(base, PAGE_SIZE) };
    bool complete = true;       // no archive has been begun and not ended
    const char *fault = NULL;
    uint32_t offset = 0;

    for (uint32_t next = 0; !fault; give_back(&u, offset = next)) {
        struct cpio_entry entry;
        fault = cpio_next(u.archive, length, &next, &entry);
        if (fault || !entry.name) break;
        complete = strcmp(entry.name, CPIO_TRAILER) == 0;
        if (!complete && (fault = unpack_entry(&u, &entry))) break;
    }
    if (!fault && !complete) fault = "the archive ends without its trailer";
    if (fault) format(why, size, "initramfs, byte %u: %s", offset, fault);
    else give_back(&u, length);
    return !fault;
}
